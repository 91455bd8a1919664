//! The attempts of one entity after another.

use super::super::chunk::Chunk;
use super::super::cut::Visits;
use super::super::entities::Marked;
use super::Ready;
use datafusion::common::Result;
use eql_timeline::{Attempt, Funnel, Pairs, Run, UNMATCHED};
use std::cmp::Reverse;
use std::ops::Range;

/// Attempts of a batch, each with its entity and the row of the batch from which its rows count.
#[derive(Default)]
pub(super) struct Attempts {
    pub list: Vec<Attempt>,
    pub owners: Vec<(u32, u32)>,
}

/// What is known of a batch before attempts are judged.
pub(super) struct Before<'a> {
    pub chunk: &'a Chunk<'a>,
    pub marked: &'a Marked,
    pub groups: Option<&'a [u32]>,
}

impl Before<'_> {
    /// The attempts in a range of one entity's rows; `open` is false where no row can follow any more.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn judge(
        &self,
        ready: &Ready,
        fold: &Funnel,
        entity: usize,
        rows: Range<usize>,
        mask: &[u64],
        open: bool,
        found: &mut Attempts,
    ) -> Result<()> {
        let pairs = self.marked.pairs(self.chunk, &ready.pairs, rows.clone())?;
        let run = Run { time: &self.chunk.time[rows.clone()], mask };
        let group = self.groups.map(|g| &g[rows.clone()]);
        let holding = self.marked.holding.as_ref().map(|h| &h[rows.clone()]);
        let first = found.list.len();
        fold.attempts(run, group, holding, pairs.as_ref().map(|p| p as &dyn Pairs), &mut found.list);
        found.list[first..].iter_mut().for_each(|a| a.open &= open);
        found.owners.resize(found.list.len(), (entity as u32, rows.start as u32));
        Ok(())
    }

    /// The attempts inside each session.
    pub(super) fn sessions(&self, ready: &Ready, fold: &Funnel, entity: usize, visits: &Visits, found: &mut Attempts) -> Result<()> {
        for visit in visits.of(self.chunk.ordinals.start + entity as u32) {
            let (rows, mask) = visits.marks(visit, self.marked, ready.marking.step_bits());
            self.judge(ready, fold, entity, rows, &mask, visit.open, found)?;
        }
        Ok(())
    }
}

impl Attempts {
    /// Of the attempts of one entity, one a session, the one that counts: it reaches furthest, starts first, ends first, has more optional rows.
    pub(super) fn keep_furthest(&mut self, first: usize, time: &[i64], required: &[usize]) {
        let at = |i: usize, row: u32| if row == UNMATCHED { None } else { time.get((self.owners[i].1 + row) as usize).copied() };
        let rank = |i: &usize| {
            let attempt = &self.list[*i];
            let end = required.iter().filter_map(|step| at(*i, attempt.rows[*step])).max();
            let matched = attempt.rows.iter().filter(|row| **row != UNMATCHED).count();
            (Reverse(attempt.level), at(*i, attempt.start), end, Reverse(matched), *i)
        };
        let best = (first..self.list.len()).min_by_key(rank);
        if let Some(best) = best {
            self.list.swap(first, best);
            self.owners.swap(first, best);
            self.list.truncate(first + 1);
            self.owners.truncate(first + 1);
        }
    }
}
