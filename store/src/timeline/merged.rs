//! Rows of merged entities in order. They come from several places of a part, each in its own order: where two of one time meet, their
//! sequences decide, which are read for these rows alone.

use super::{Involved, Timeline};
use crate::StoreError;
use crate::identity::Roots;
use crate::rows::EventColumn;
use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use std::ops::Range;

/// Puts rows of equal times of merged entities in the order of their sequences.
pub(super) fn settle_ties(timeline: &mut Timeline, involved: &[Involved], roots: &Roots) -> Result<(), StoreError> {
    if roots.is_empty() {
        return Ok(());
    }
    let ties: Vec<Range<usize>> = roots.standing().flat_map(|root| ties_of(timeline, root)).collect();
    let mut sequence = sequences(timeline, involved, ties.iter().cloned().flatten())?.into_iter();
    for tie in ties {
        let mut rows: Vec<(u64, u16, u32)> =
            tie.clone().zip(&mut sequence).map(|(i, sequence)| (sequence, timeline.code[i], timeline.row[i])).collect();
        rows.sort_unstable();
        for (i, (_, code, row)) in tie.zip(rows) {
            (timeline.code[i], timeline.row[i]) = (code, row);
        }
    }
    Ok(())
}

/// Runs of equal times.
fn ties_of(timeline: &Timeline, root: u32) -> Vec<Range<usize>> {
    let bounds = timeline.offsets.get(root as usize..root as usize + 2).map_or(0..0, |w| w[0] as usize..w[1] as usize);
    let (mut ties, mut start) = (Vec::new(), bounds.start);
    for i in bounds.clone() {
        if i + 1 == bounds.end || timeline.time[i + 1] != timeline.time[i] {
            ties.extend((i > start).then_some(start..i + 1));
            start = i + 1;
        }
    }
    ties
}

/// The sequences of some rows, in their order.
fn sequences(timeline: &Timeline, involved: &[Involved], rows: impl Iterator<Item = usize>) -> Result<Vec<u64>, StoreError> {
    let rows: Vec<usize> = rows.collect();
    let mut sequences = vec![0; rows.len()];
    for (code, event) in involved.iter().enumerate() {
        let of_event: Vec<usize> = (0..rows.len()).filter(|i| usize::from(timeline.code[rows[*i]]) == code).collect();
        let numbers: Vec<u32> = of_event.iter().map(|i| timeline.row[rows[*i]]).collect();
        let found = event.rows.gather(&EventColumn::Sequence, &numbers)?;
        for (i, sequence) in of_event.into_iter().zip(found.as_primitive::<UInt64Type>().values()) {
            sequences[i] = *sequence;
        }
    }
    Ok(sequences)
}
