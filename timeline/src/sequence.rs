//! Sequences and absence: did this happen in this order, or stay away (rules 14, 40).

mod absence;
mod plan;

use crate::calendar::{Window, end_of};
use crate::funnel::{Exclusion, Found, Mode, Part, Plan, partitions, with_judge};
use crate::run::{Pairs, Run, UNMATCHED, first_at, relate_any};
use plan::{Prepared, Renumbered};
use std::ops::Range;

/// A step of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceStep {
    /// The mask bit of rows that can fill it, below 64.
    pub bit: u8,
    /// The step must stay away.
    pub negated: bool,
    /// How long after the previous positive step it may come, or must stay away. A negated step without one must stay away until the
    /// next positive step; the last, until the window ends.
    pub within: Option<Window>,
}

/// A sequence, ready to judge runs.
#[derive(Clone, Debug)]
pub struct SequenceSpec {
    /// The steps; the first is positive.
    pub steps: Vec<SequenceStep>,
    /// Bounds the time from the first to the last matched row; `None` is unbounded.
    pub window: Option<Window>,
    /// Whether the next step must be strictly later.
    pub ties_forbidden: bool,
    /// How the steps follow one another.
    pub mode: Mode,
    /// Bounds the time (µs) of the first row, end excluded.
    pub start: Range<i64>,
    /// The statement's instant (µs).
    pub now: i64,
    /// Mask bit of the event that ends an attempt (rule 52).
    pub until: Option<u8>,
    /// How long (µs) after its window an absence is still unknown (rule 14).
    pub grace: i64,
    /// Events that void a match; steps are counted with the negated ones.
    pub exclusions: Vec<Exclusion>,
    /// Mask bits of rows that do not break STRICT.
    pub ignoring: u64,
}

/// One match of a sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// For every step its row, relative to the run; [`crate::UNMATCHED`] for negated steps.
    pub rows: Vec<u32>,
    /// The instant (µs) at which it became true.
    pub at: i64,
}

/// Whether a sequence happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It did.
    Yes,
    /// It did not.
    No,
    /// It will have, if an absence whose window has not ended holds.
    Unknown,
}

/// Appends the matches of one entity, ordered by their first row: at most one for each row of the first step, the one with the earliest
/// completion. `pairs` speaks of the steps of the specification; it is never asked about negated ones.
///
/// `a -> NOT WITHIN d b -> c`: no `b` at the time of `a` or within `d` after it, and `c` comes once that is settled, later than `d` after
/// `a`. `a -> NOT b -> c`: no `b` strictly between. `a -> NOT b` at the end: no `b` until the window ends. A matched row is in the way of
/// no absence; with ties allowed any other row of the same time is. In any order, absences count from the last matched row.
///
/// For many runs, [`Sequence`] prepares once.
pub fn sequence(spec: &SequenceSpec, run: Run<'_>, holding: Option<&[u32]>, pairs: Option<&dyn Pairs>, out: &mut Vec<Match>) {
    Sequence::new(spec).matches(run, holding, pairs, out);
}

/// Whether the sequence has a match, or would have one if the open absences hold.
pub fn did(spec: &SequenceSpec, run: Run<'_>, holding: Option<&[u32]>, pairs: Option<&dyn Pairs>) -> Truth {
    Sequence::new(spec).did(run, holding, pairs)
}

/// The fold, prepared for many runs.
pub struct Sequence<'a> {
    spec: &'a SequenceSpec,
    prepared: Prepared,
}

impl<'a> Sequence<'a> {
    /// Prepares for runs. All steps and other events together need a bit each, 64 at most; what goes beyond never matches.
    pub fn new(spec: &'a SequenceSpec) -> Self {
        Sequence { spec, prepared: Prepared::new(spec) }
    }

    /// As [`sequence()`].
    pub fn matches(&self, run: Run<'_>, holding: Option<&[u32]>, pairs: Option<&dyn Pairs>, out: &mut Vec<Match>) {
        let first = out.len();
        self.search(run, holding, pairs, self.settled(), &mut |found| {
            out.push(found);
            true
        });
        if let Some(new) = out.get_mut(first..) {
            new.sort_by_key(|found| found.rows.iter().copied().min());
        }
    }

    /// As [`did()`].
    pub fn did(&self, run: Run<'_>, holding: Option<&[u32]>, pairs: Option<&dyn Pairs>) -> Truth {
        let happens = |settled: i64| {
            let mut happened = false;
            self.search(run, holding, pairs, settled, &mut |_| {
                happened = true;
                false
            });
            happened
        };
        if happens(self.settled()) {
            Truth::Yes
        } else if self.spec.steps.iter().any(|step| step.negated) && happens(i64::MAX) {
            Truth::Unknown
        } else {
            Truth::No
        }
    }

    /// Absences that end before this instant hold, if nothing came.
    fn settled(&self) -> i64 {
        self.spec.now.saturating_sub(self.spec.grace)
    }

    /// Calls `each` with the match of every first row until it says stop.
    fn search(&self, run: Run<'_>, holding: Option<&[u32]>, pairs: Option<&dyn Pairs>, settled: i64, each: &mut dyn FnMut(Match) -> bool) {
        if self.prepared.steps.is_empty() {
            return;
        }
        let mask = self.prepared.renumber(run);
        let run = Run { time: &run.time[..run.len()], mask: &mask };
        let renumbered = pairs.map(|pairs| Renumbered { pairs, steps: &self.prepared.steps });
        let pairs = renumbered.as_ref().map(|pairs| pairs as &dyn Pairs).filter(|pairs| relate_any(Some(*pairs), self.prepared.steps.len()));
        let Some(codes) = holding else {
            self.part(run.time, mask.clone(), None, run, pairs, settled, each);
            return;
        };
        for rows in partitions(codes, run.len()) {
            if !self.part(&rows.take(run.time), rows.take(run.mask), Some(&rows.rows), run, pairs, settled, each) {
                return;
            }
        }
    }

    /// One partition; false to stop.
    #[allow(clippy::too_many_arguments, reason = "the columns of a partition, which are borrowed from three places")]
    fn part(
        &self,
        time: &[i64],
        mut mask: Vec<u64>,
        rows: Option<&[u32]>,
        run: Run<'_>,
        pairs: Option<&dyn Pairs>,
        settled: i64,
        each: &mut dyn FnMut(Match) -> bool,
    ) -> bool {
        let mut plan = Plan::new(&self.prepared.funnel);
        plan.settled = settled;
        plan.absent = self.prepared.absences();
        plan.entangled = absence::clear(&plan, time, &mut mask);
        let part = Part { time, mask: &mask, rows, run };
        let last = self.prepared.last_absences();
        let range = first_at(time, 0, self.spec.start.start)..first_at(time, 0, self.spec.start.end);
        let mut more = true;
        with_judge(&plan, &part, pairs, &mut |judge| {
            let mut found = Found::default();
            for start in range.clone().filter(|&row| mask[row] & plan.start_bits != 0) {
                judge.judge(start, &mut found);
                let complete = found.level as usize == plan.required.len();
                if more && complete && absence::hold_after(&plan, &part, &last, &found) {
                    judge.finish(&mut found);
                    found.place(&part);
                    more = each(self.matched(run, &found));
                }
            }
        });
        more
    }

    /// What leaves the fold for rows of the run.
    fn matched(&self, run: Run<'_>, found: &Found) -> Match {
        let time = |row: u32| run.time.get(row as usize).copied().unwrap_or(0);
        let mut rows = vec![UNMATCHED; self.spec.steps.len()];
        let mut at = found.completion;
        for ((&step, absent), &row) in self.prepared.steps.iter().zip(&self.prepared.absent).zip(&found.rows) {
            rows[step] = row;
            let base = if self.spec.mode == Mode::AnyOrder { found.completion } else { time(row) };
            for absence in absent {
                let whole = || end_of(self.spec.window.as_ref(), time(found.start));
                let end = absence.within.as_ref().map_or_else(whole, |within| within.end(base));
                at = at.max(end.saturating_add(self.spec.grace));
            }
        }
        Match { rows, at }
    }
}
