//! Whether a sequence of the common kind happened, over the rows of many entities, where no two rows of one have one time.

use super::{Mode, Sequence};
use crate::calendar::Window;
use crate::rows::{RowBits, below, from};
use std::ops::Range;

/// A sequence that can be swept: steps in order, each within some length of the one before or not, and behind the last one perhaps an
/// event that must stay away.
#[derive(Clone, Debug)]
pub struct DidSweep<'s> {
    steps: usize,
    withins: Vec<Option<&'s Window>>,
    /// How long the event of the kind behind the steps must stay away after the last of them.
    away: Option<&'s Window>,
    start: &'s Range<i64>,
    /// Absences that end before this instant are known to hold.
    settled: i64,
}

impl Sequence<'_> {
    /// The sequence for [`DidSweep::did`], when its rules are the common ones. The kinds of rows are those of its steps.
    pub fn sweep(&self) -> Option<DidSweep<'_>> {
        let spec = self.spec;
        let negated = spec.steps.iter().filter(|s| s.negated).count();
        let (last, before) = spec.steps.split_last()?;
        let away = last.negated.then_some(last.within.as_ref());
        let positive = if last.negated { before } else { &spec.steps };
        let plain = spec.mode == Mode::InOrder && spec.window.is_none() && spec.until.is_none() && spec.exclusions.is_empty();
        let behind = negated == usize::from(last.negated) && away != Some(None) && !positive.is_empty() && spec.steps.len() <= 64;
        (plain && behind).then(|| DidSweep {
            steps: positive.len(),
            withins: positive.iter().map(|s| s.within.as_ref()).collect(),
            away: away.flatten(),
            start: &spec.start,
            settled: self.settled(),
        })
    }
}

impl DidSweep<'_> {
    /// Whether the entity that has these rows has a match that is known to hold.
    pub fn did(&self, time: &[i64], rows: Range<usize>, kinds: &RowBits<'_>) -> bool {
        let Some(first) = kinds.next(0, rows.start, rows.end) else { return false };
        let (first, before) = if time[first] >= self.start.start && time[rows.end - 1] < self.start.end {
            (first, rows.end)
        } else {
            let own = &time[rows.clone()];
            let before = rows.start + own.partition_point(|&t| t < self.start.end);
            match kinds.next(0, rows.start + own.partition_point(|&t| t < self.start.start), before) {
                Some(first) => (first, before),
                None => return false,
            }
        };
        if self.steps == 1 {
            let mut start = Some(first);
            while let Some(row) = start {
                if self.holds(time, row, rows.end, kinds) {
                    return true;
                }
                start = kinds.next(0, row + 1, before);
            }
            return false;
        }
        // Of all rows that a chain leads to the latest one leads furthest.
        let mut latest: [Option<i64>; 64] = [None; 64];
        let mut last_start = None;
        for place in first / 64..rows.end.div_ceil(64) {
            let base = place * 64;
            let starts = kinds.of(0)[place] & from(first.saturating_sub(base)) & below(before.saturating_sub(base));
            let inside = from((first + 1).saturating_sub(base)) & below(rows.end - base);
            let mut later = (1..self.steps).fold(0, |later, step| later | kinds.of(step)[place]) & inside;
            while later != 0 {
                let bit = later.trailing_zeros() as usize;
                let one = later & later.wrapping_neg();
                later ^= one;
                let Some(step) = (1..self.steps).find(|step| kinds.of(*step)[place] & one != 0) else { continue };
                let t = time[base + bit];
                let before = if step == 1 {
                    let earlier = starts & (one - 1);
                    let start = if earlier == 0 { last_start } else { Some(base + 63 - earlier.leading_zeros() as usize) };
                    start.map(|start| time[start])
                } else {
                    latest[step - 1]
                };
                if before.is_some_and(|before| self.withins[step].is_none_or(|within| t <= within.end(before))) {
                    if step + 1 == self.steps && self.holds(time, base + bit, rows.end, kinds) {
                        return true;
                    }
                    latest[step] = Some(t);
                }
            }
            if starts != 0 {
                last_start = Some(base + 63 - starts.leading_zeros() as usize);
            }
        }
        false
    }

    /// Whether what must stay away after a row does, and that is known.
    fn holds(&self, time: &[i64], row: usize, until: usize, kinds: &RowBits<'_>) -> bool {
        let Some(away) = self.away else { return true };
        let end = away.end(time[row]);
        end < self.settled && kinds.next(self.steps, row + 1, until).is_none_or(|comes| time[comes] > end)
    }
}
