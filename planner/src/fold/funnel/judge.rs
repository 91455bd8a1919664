//! The attempts of one entity after another.

use super::super::chunk::Chunk;
use super::super::cut::Visits;
use super::super::entities::Marked;
use super::Ready;
use datafusion::common::Result;
use eql_timeline::{Attempt, Funnel, Pairs, Run, UNMATCHED};
use std::cmp::Reverse;
use std::ops::Range;

/// One attempt of a batch.
#[derive(Clone, Copy)]
pub(super) struct Judged {
    /// Place of its entity in the batch.
    pub entity: u32,
    /// The row of the batch that starts it.
    pub start: u32,
    /// Required steps done.
    pub level: u32,
    /// Not complete, and its window is not over.
    pub open: bool,
}

/// Attempts of a batch.
pub(super) struct Attempts {
    pub list: Vec<Judged>,
    /// For each attempt the row of the batch that fills each step, or UNMATCHED.
    rows: Vec<u32>,
    steps: usize,
    /// What the fold found last.
    scratch: Vec<Attempt>,
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
        found.scratch.clear();
        fold.attempts(run, group, holding, pairs.as_ref().map(|p| p as &dyn Pairs), &mut found.scratch);
        found.add(entity as u32, rows.start as u32, open);
        Ok(())
    }

    /// The attempts inside each session.
    pub(super) fn sessions(&self, ready: &Ready, fold: &Funnel, entity: usize, visits: &Visits<'_>, found: &mut Attempts) -> Result<()> {
        for visit in visits.of(self.chunk.ordinals.start + entity as u32) {
            let (rows, mask) = visits.marks(visit, self.marked, ready.marking.step_bits());
            self.judge(ready, fold, entity, rows, &mask, visit.open, found)?;
        }
        Ok(())
    }
}

/// The attempts of a batch in which the fold's common rules hold, found for all entities together.
pub(super) fn sweep(ready: &Ready, chunk: &Chunk<'_>, among: Option<&[bool]>, fold: &Funnel) -> Result<Option<Attempts>> {
    let Some(sweep) = fold.sweep().filter(|_| ready.sweeps) else { return Ok(None) };
    let steps = ready.marking.step_bits_of(chunk)?;
    if !steps.apart() {
        return Ok(None);
    }
    let aligned = chunk.aligned();
    let mut found = Attempts::new(ready.spec.steps.len());
    let mut matched = vec![UNMATCHED; ready.spec.steps.len()];
    // Entities with equal times are judged by the fold, which needs the rows' marks.
    let mut marked = None;
    for i in (0..chunk.entities()).filter(|i| among.is_none_or(|a| a[*i])) {
        let rows = aligned.rows(chunk.rows_of(i));
        if !steps.has(0, rows.clone()) {
            continue;
        }
        if chunk.tied(i) {
            let marked = match &marked {
                Some(marked) => marked,
                None => marked.insert(ready.marking.mark(chunk, None)?),
            };
            let rows = chunk.rows_of(i);
            Before { chunk, marked, groups: None }.judge(ready, fold, i, rows.clone(), &marked.mask[rows], true, &mut found)?;
            continue;
        }
        if let Some(swept) = sweep.attempt(aligned.time, rows, &steps, &mut matched) {
            let shift = aligned.shift as u32;
            found.list.push(Judged { entity: i as u32, start: matched[0] - shift, level: swept.level as u32, open: swept.open });
            found.rows.extend(matched[..swept.level].iter().map(|row| row - shift));
            found.rows.resize(found.list.len() * matched.len(), UNMATCHED);
        }
    }
    Ok(Some(found))
}

impl Attempts {
    pub(super) fn new(steps: usize) -> Self {
        Self { list: vec![], rows: vec![], steps, scratch: vec![] }
    }

    /// The row of the batch that fills a step.
    pub(super) fn row(&self, attempt: usize, step: usize) -> Option<u32> {
        self.rows.get(attempt * self.steps + step).copied().filter(|r| *r != UNMATCHED)
    }

    /// A bit for each step that has a row.
    pub(super) fn matched(&self, attempt: usize) -> u64 {
        let rows = &self.rows[attempt * self.steps..(attempt + 1) * self.steps];
        rows.iter().enumerate().fold(0, |bits, (step, row)| bits | u64::from(*row != UNMATCHED) << step)
    }

    /// Adds what the fold found in rows that begin at one of the batch.
    fn add(&mut self, entity: u32, base: u32, open: bool) {
        for a in &self.scratch {
            self.list.push(Judged { entity, start: base + a.start, level: a.level, open: a.open && open });
            self.rows.extend(a.rows.iter().map(|r| if *r == UNMATCHED { UNMATCHED } else { base + r }));
        }
    }

    /// Of the attempts of one entity, one a session, the one that counts: it reaches furthest, starts first, ends first, has more optional rows.
    pub(super) fn keep_furthest(&mut self, first: usize, time: &[i64], required: &[usize]) {
        let at = |row: Option<u32>| row.and_then(|row| time.get(row as usize).copied());
        let rank = |i: &usize| {
            let attempt = &self.list[*i];
            let end = required.iter().filter_map(|step| at(self.row(*i, *step))).max();
            let matched = (0..self.steps).filter(|step| self.row(*i, *step).is_some()).count();
            (Reverse(attempt.level), at(Some(attempt.start)), end, Reverse(matched), *i)
        };
        let best = (first..self.list.len()).min_by_key(rank);
        if let Some(best) = best {
            self.list.swap(first, best);
            let rows = best * self.steps..(best + 1) * self.steps;
            self.rows.copy_within(rows, first * self.steps);
            self.list.truncate(first + 1);
            self.rows.truncate((first + 1) * self.steps);
        }
    }
}
