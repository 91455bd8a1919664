//! Sequences and absence: did this happen in this order, or stay away (rules 14, 40).

mod absence;
mod plan;
mod sweep;

pub use sweep::DidSweep;

use crate::calendar::{Window, end_of};
use crate::funnel::{Exclusion, Found, Mode, Part, partitions, with_judge};
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

/// What is looked for.
#[derive(Clone, Copy)]
struct Seek {
    /// Absences that end before this instant hold, if nothing came.
    settled: i64,
    /// The matched rows are wanted, not only whether there are any.
    rows: bool,
}

impl<'a> Sequence<'a> {
    /// Prepares for runs. All steps and other events together need a bit each, 64 at most; what goes beyond never matches.
    pub fn new(spec: &'a SequenceSpec) -> Self {
        Sequence { spec, prepared: Prepared::new(spec) }
    }

    /// As [`sequence()`].
    pub fn matches(&self, run: Run<'_>, holding: Option<&[u32]>, pairs: Option<&dyn Pairs>, out: &mut Vec<Match>) {
        let first = out.len();
        self.search(run, holding, pairs, Seek { settled: self.settled(), rows: true }, &mut |found| {
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
            self.search(run, holding, pairs, Seek { settled, rows: false }, &mut |_| {
                happened = true;
                false
            });
            happened
        };
        if happens(self.settled()) {
            Truth::Yes
        } else if self.unsettled(run) && happens(i64::MAX) {
            Truth::Unknown
        } else {
            Truth::No
        }
    }

    /// Absences that end before this instant hold, if nothing came.
    fn settled(&self) -> i64 {
        self.spec.now.saturating_sub(self.spec.grace)
    }

    /// Whether the window of some absence may still be open after the last row.
    fn unsettled(&self, run: Run<'_>) -> bool {
        let Some(&last) = run.time.last() else { return false };
        let windows = self.prepared.absent.iter().flatten().map(|away| away.within.as_ref().or(self.spec.window.as_ref()));
        windows.map(|window| end_of(window, last)).any(|end| end >= self.settled())
    }

    /// Calls `each` with the match of every first row until it says stop.
    fn search(&self, run: Run<'_>, holding: Option<&[u32]>, pairs: Option<&dyn Pairs>, seek: Seek, each: &mut dyn FnMut(Match) -> bool) {
        if self.prepared.steps.is_empty() {
            return;
        }
        let Some(mask) = self.prepared.renumber(run) else { return };
        let run = Run { time: &run.time[..run.len()], mask: &mask };
        let renumbered = pairs.map(|pairs| Renumbered { pairs, steps: &self.prepared.steps });
        let pairs =
            renumbered.as_ref().map(|pairs| pairs as &dyn Pairs).filter(|pairs| relate_any(Some(*pairs), self.prepared.steps.len()));
        let Some(codes) = holding else {
            self.part(run.time, &mask, None, run, pairs, seek, each);
            return;
        };
        for rows in partitions(codes, run.len()) {
            if !self.part(&rows.take(run.time), &rows.take(run.mask), Some(&rows.rows), run, pairs, seek, each) {
                return;
            }
        }
    }

    /// One partition; false to stop.
    #[allow(clippy::too_many_arguments, reason = "the columns of a partition, which are borrowed from three places")]
    fn part(
        &self,
        time: &[i64],
        mask: &[u64],
        rows: Option<&[u32]>,
        run: Run<'_>,
        pairs: Option<&dyn Pairs>,
        seek: Seek,
        each: &mut dyn FnMut(Match) -> bool,
    ) -> bool {
        let plan = &self.prepared.plan;
        let mut part = Part { time, mask, rows, settled: seek.settled, ..Part::whole(run) };
        let mut cleared = Vec::new();
        if !plan.absent.is_empty() {
            cleared.extend_from_slice(mask);
            part.entangled = absence::clear(plan, time, &mut cleared, |end| part.holds(end));
            part.mask = &cleared;
        }
        let range = first_at(time, 0, self.spec.start.start)..first_at(time, 0, self.spec.start.end);
        let mut more = true;
        with_judge(plan, &part, pairs, &mut |judge| {
            match judge.most() {
                Some(most) if most < plan.required.len() => return,
                // Whether there is a match is known without looking for it.
                Some(_) if !seek.rows && self.prepared.last.is_empty() => {
                    more = each(Match { rows: Vec::new(), at: 0 });
                    return;
                }
                _ => {}
            }
            let mut found = Found::default();
            let mut next = judge.next_start(range.start);
            while more && next < range.end {
                judge.judge(next, &mut found);
                next = judge.next_start(next + 1);
                let complete = found.level as usize == plan.required.len();
                if complete && absence::hold_after(plan, &part, &self.prepared.last, &found) {
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
