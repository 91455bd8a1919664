//! Steps that must lie inside one session: its rows, and their marks.

use super::chunk::Chunk;
use super::cut::{Cutter, Visit, Visits};
use super::entities::Marked;
use datafusion::common::Result;
use std::ops::Range;

/// The sessions of a batch by entity.
pub(super) struct Sittings<'c> {
    visits: Visits<'c>,
    open: Vec<bool>,
    /// Where the visits of each entity begin.
    of: Vec<usize>,
}

/// One of them.
pub(super) struct Sitting<'a> {
    /// Rows of the batch that belong to it, rising.
    members: &'a [u32],
    /// A row after now may still belong to it.
    pub open: bool,
}

impl<'c> Sittings<'c> {
    pub(super) fn new(cutter: &Cutter, chunk: &Chunk<'c>, now: i64) -> Result<Self> {
        let visits = cutter.visits(chunk, None, (i64::MIN, i64::MAX))?;
        let open = cutter.open(chunk, &visits, now)?;
        let before = |i: usize| visits.visits.partition_point(|v: &Visit| ((v.ordinal - chunk.ordinals.start) as usize) < i);
        let of = (0..=chunk.entities()).map(before).collect();
        Ok(Self { visits, open, of })
    }

    /// The sessions of the i-th entity.
    pub(super) fn of(&self, i: usize) -> impl Iterator<Item = Sitting<'_>> {
        (self.of[i]..self.of[i + 1]).map(|v| {
            let visit = &self.visits.visits[v];
            Sitting { members: &self.visits.rows[visit.first..visit.end], open: self.open[v] }
        })
    }
}

impl Sitting<'_> {
    /// The rows of the batch from the first to the last, and their masks: a row between them that belongs to no session fills no step.
    pub(super) fn rows(&self, marked: &Marked, steps: u64) -> (Range<usize>, Vec<u64>) {
        let (Some(first), Some(last)) = (self.members.first(), self.members.last()) else { return (0..0, vec![]) };
        let range = *first as usize..*last as usize + 1;
        let mut mask = marked.mask[range.clone()].to_vec();
        let mut next = self.members.iter().peekable();
        for (row, mask) in range.clone().zip(&mut mask) {
            if next.next_if(|m| **m as usize == row).is_none() {
                *mask &= !steps;
            }
        }
        (range, mask)
    }
}
