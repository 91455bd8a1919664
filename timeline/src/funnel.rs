//! Funnels: how far along a list of steps an entity got (rules 1–11, 39, 50, 52).

mod any_order;
mod attempt;
mod bitmap;
mod furthest;
mod linear;
mod lines;
mod optional;
mod part;
mod reach;
mod search;
mod select;
mod sweep;
mod transversal;
mod walk;

pub(crate) use attempt::{Found, Judge};
pub use lines::{Done, LineCount, Lines};
pub(crate) use part::{Absence, Part, Plan, bit, partitions};
pub use sweep::{Sweep, Swept};

use crate::calendar::Window;
use crate::run::{Pairs, Run, relate_any};
use attempt::Slots;
use part::Shape;
use std::ops::Range;

/// How the steps must follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// In order, other events may come between.
    #[default]
    InOrder,
    /// In any order; the earliest starts the window (rule 8).
    AnyOrder,
    /// In order, with no other visible event strictly between the first and the last matched row (rule 6).
    Strict,
}

/// Which of an entity's attempts counts (rules 5, 39).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Reentry {
    /// The one that reaches furthest; then the earliest start; then the earliest completion.
    #[default]
    Best,
    /// The one from the earliest start row. Counting attempts: the next begins only when the one before is over.
    First,
    /// The one from the latest start row.
    Latest,
}

/// What is counted (rules 5, 39).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Counting {
    /// At most one attempt for each group.
    #[default]
    Entities,
    /// Every start row is an attempt, judged alone.
    Attempts,
}

/// A step of a funnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunnelStep {
    /// The mask bit of rows that can fill it, below 64.
    pub bit: u8,
    /// Never blocks and never counts towards the level (rule 9). The first step is always required.
    pub optional: bool,
    /// How long after the previous matched required step it may come; in any order: after the start.
    pub within: Option<Window>,
}

/// An event that voids an attempt when it comes strictly between two matched steps (rule 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// The mask bit of excluded rows, below 64.
    pub bit: u8,
    /// The two bounding steps, from 0. `None`: anywhere between the first and the last matched row.
    pub between: Option<(usize, usize)>,
}

/// A funnel, ready to judge runs.
#[derive(Clone, Debug)]
pub struct FunnelSpec {
    /// The steps, first to last; more than 64 are ignored.
    pub steps: Vec<FunnelStep>,
    /// Bounds the time from the first to the last matched row; `None` is unbounded.
    pub window: Option<Window>,
    /// Whether the next step must be strictly later.
    pub ties_forbidden: bool,
    /// How the steps follow one another.
    pub mode: Mode,
    /// Which attempt counts.
    pub reentry: Reentry,
    /// Whether entities or attempts are counted.
    pub counting: Counting,
    /// Bounds the time (µs) of the start row, end excluded (rule 4).
    pub start: Range<i64>,
    /// The statement's instant (µs).
    pub now: i64,
    /// Events that void an attempt.
    pub exclusions: Vec<Exclusion>,
    /// Mask bit of the event that ends an attempt (rule 52).
    pub until: Option<u8>,
    /// Mask bits of rows that do not break STRICT.
    pub ignoring: u64,
}

/// One counted attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The group of its start row.
    pub group: u32,
    /// Number of required steps reached, at least 1.
    pub level: u32,
    /// The row that starts the window: that of step 1, or in any order the earliest.
    pub start: u32,
    /// For every step the row that fills it, relative to the run; [`crate::UNMATCHED`] if none does.
    pub rows: Vec<u32>,
    /// Not complete, and its window has not ended at `now` (rule 50).
    pub open: bool,
}

/// Judges one entity's rows and appends what counts to `out`, ordered by start row.
///
/// `group` gives each row the code of its (period, breakdown), read for start rows alone; without it all are 0. `holding` gives each
/// row the code of the HOLDING value ([`crate::NULL`] matches nothing, [`crate::EVERYWHERE`] lies in every partition). `pairs` relates rows of different steps.
///
/// For many runs, [`Funnel`] prepares once.
pub fn funnel(
    spec: &FunnelSpec,
    run: Run<'_>,
    group: Option<&[u32]>,
    holding: Option<&[u32]>,
    pairs: Option<&dyn Pairs>,
    out: &mut Vec<Attempt>,
) {
    Funnel::new(spec).attempts(run, group, holding, pairs, out);
}

/// The fold, prepared for many runs.
pub struct Funnel {
    plan: Plan,
}

impl Funnel {
    /// Prepares for runs.
    pub fn new(spec: &FunnelSpec) -> Self {
        Funnel { plan: Plan::new(spec.clone()) }
    }

    /// As [`funnel()`].
    pub fn attempts(
        &self,
        run: Run<'_>,
        group: Option<&[u32]>,
        holding: Option<&[u32]>,
        pairs: Option<&dyn Pairs>,
        out: &mut Vec<Attempt>,
    ) {
        let plan = &self.plan;
        if plan.spec.steps.is_empty() {
            return;
        }
        // Conditions between steps that are never related cost nothing.
        let pairs = pairs.filter(|_| relate_any(pairs, plan.spec.steps.len()));
        let first = out.len();
        let mut slots = Slots::default();
        match holding {
            None => judge(plan, &Part::whole(run), group, pairs, &mut slots, out),
            Some(codes) => {
                for rows in partitions(codes, run.len()) {
                    let (time, mask) = (rows.take(run.time), rows.take(run.mask));
                    let part = Part { time: &time, mask: &mask, rows: Some(&rows.rows), ..Part::whole(run) };
                    judge(plan, &part, group, pairs, &mut slots, out);
                }
            }
        }
        slots.finish(plan, run, out);
        if let Some(new) = out.get_mut(first..) {
            new.sort_by_key(|attempt| attempt.start);
        }
    }
}

/// Judges one partition with the cheapest method that is exact for it.
fn judge(plan: &Plan, part: &Part<'_>, group: Option<&[u32]>, pairs: Option<&dyn Pairs>, slots: &mut Slots, out: &mut Vec<Attempt>) {
    with_judge(plan, part, pairs, &mut |judge| select::select(plan, part, group, judge, slots, out));
}

/// Hands the method to `go`.
pub(crate) fn with_judge(plan: &Plan, part: &Part<'_>, pairs: Option<&dyn Pairs>, go: &mut dyn FnMut(&mut dyn Judge)) {
    match part.shape(plan, pairs.is_some()) {
        Shape::Nothing => {}
        Shape::Linear { strictly } => go(&mut linear::Linear::new(plan, part, strictly)),
        Shape::Reach { strictly } => go(&mut reach::Reach::new(plan, part, strictly)),
        Shape::Walk => go(&mut walk::Walk::new(plan, part)),
        Shape::Search => go(&mut search::Search::new(plan, part, pairs)),
        Shape::AnyOrder { single: true } => go(&mut any_order::Earliest::new(plan, part)),
        Shape::AnyOrder { single: false } => go(&mut any_order::Matching::new(plan, part, pairs)),
    }
}
