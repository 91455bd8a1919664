//! The attempts of one entity after another.

use super::super::chunk::Chunk;
use super::super::entities::Marked;
use super::super::sitting::Sittings;
use super::Ready;
use datafusion::common::Result;
use eql_timeline::{Attempt, Funnel, Pairs, Run};
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
    pub(super) fn sessions(&self, ready: &Ready, fold: &Funnel, entity: usize, sittings: &Sittings, found: &mut Attempts) -> Result<()> {
        for sitting in sittings.of(entity) {
            let (rows, mask) = sitting.rows(self.marked, ready.marking.step_bits());
            self.judge(ready, fold, entity, rows, &mask, sitting.open, found)?;
        }
        Ok(())
    }
}

impl Attempts {
    /// Of the attempts of one entity the one that reaches furthest, then starts first.
    pub(super) fn keep_furthest(&mut self, first: usize, time: &[i64]) {
        let start = |i: &usize| time.get((self.owners[*i].1 + self.list[*i].start) as usize).copied();
        let best = (first..self.list.len()).min_by_key(|i| (std::cmp::Reverse(self.list[*i].level), start(i), *i));
        if let Some(best) = best {
            self.list.swap(first, best);
            self.owners.swap(first, best);
            self.list.truncate(first + 1);
            self.owners.truncate(first + 1);
        }
    }
}
