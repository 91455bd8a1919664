//! A sequence as a funnel of its positive steps and the absences between them.

use super::{Mode, SequenceSpec};
use crate::calendar::Window;
use crate::funnel::{Absence, Counting, Exclusion, FunnelSpec, FunnelStep, Plan, Reentry, bit};
use crate::run::{Pairs, Run};

/// An event that must stay away after a positive step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Away {
    number: u8,
    pub(super) within: Option<Window>,
}

/// What does not depend on the run.
pub(super) struct Prepared {
    pub(super) plan: Plan,
    /// The positive steps, by their place in the specification; empty if nothing can match.
    pub(super) steps: Vec<usize>,
    /// For each positive step what must stay away after it.
    pub(super) absent: Vec<Vec<Away>>,
    /// The absences that count from the last matched row, whichever that is: all, in any order.
    pub(super) last: Vec<Absence>,
    /// For each new mask bit the old bits it stands for. Every step has a bit of its own, so that an absence can rule a row out for one
    /// step and leave it to another.
    sources: Vec<u64>,
}

impl Prepared {
    pub(super) fn new(spec: &SequenceSpec) -> Self {
        let mut sources = Vec::new();
        let mut number = |bits: u64| {
            sources.push(bits);
            (sources.len() - 1).min(64) as u8
        };
        let (mut steps, mut positive, mut absent) = (Vec::new(), Vec::new(), Vec::<Vec<Away>>::new());
        let mut exclusions = Vec::new();
        let any_order = spec.mode == Mode::AnyOrder;
        // A sequence that begins with an absence has nothing to begin with.
        let begins = spec.steps.first().is_some_and(|step| !step.negated);
        for (place, step) in spec.steps.iter().enumerate().filter(|_| begins) {
            let number = number(bit(step.bit));
            let last = spec.steps[place..].iter().all(|step| step.negated);
            match absent.last_mut() {
                Some(absent) if step.negated && (last || step.within.is_some()) => absent.push(Away { number, within: step.within }),
                Some(_) if step.negated => {
                    let before = positive.len() - 1;
                    exclusions.push(Exclusion { bit: number, between: (!any_order).then_some((before, before + 1)) });
                }
                _ => {
                    steps.push(place);
                    positive.push(FunnelStep { bit: number, optional: false, within: step.within });
                    absent.push(Vec::new());
                }
            }
        }
        for exclusion in &spec.exclusions {
            let place = |step: usize| steps.iter().rposition(|&positive| positive <= step).unwrap_or(0);
            let between = exclusion.between.map(|(a, b)| (place(a), place(b)));
            exclusions.push(Exclusion { bit: number(bit(exclusion.bit)), between });
        }
        let funnel = FunnelSpec {
            steps: positive,
            window: spec.window,
            ties_forbidden: spec.ties_forbidden,
            mode: spec.mode,
            reentry: Reentry::Best,
            counting: Counting::Attempts,
            start: spec.start.clone(),
            now: spec.now,
            exclusions,
            until: spec.until.map(|until| number(bit(until))),
            ignoring: bit(number(spec.ignoring)),
        };
        let mut plan = Plan::new(funnel);
        let none = absent.iter().all(Vec::is_empty);
        if !any_order && !none {
            plan.absent = absent.iter().map(|absent| absent.iter().map(absence).collect()).collect();
        }
        let last = absent.iter().flatten().filter(|_| any_order).map(absence).collect();
        Prepared { plan, steps, absent, last, sources }
    }

    /// The run's masks in the new bits; `None` if some step has no row.
    pub(super) fn renumber(&self, run: Run<'_>) -> Option<Vec<u64>> {
        let sources = self.sources.get(..64).unwrap_or(&self.sources);
        let mut masks = vec![0; run.len()];
        for (place, bits) in sources.iter().enumerate() {
            for (new, mask) in masks.iter_mut().zip(run.mask) {
                *new |= u64::from(mask & bits != 0) << place;
            }
        }
        let all = masks.iter().fold(0, |all, mask| all | mask);
        (all & self.plan.union == self.plan.union).then_some(masks)
    }
}

fn absence(away: &Away) -> Absence {
    Absence { bits: bit(away.number), within: away.within }
}

/// Conditions between steps, asked in the numbers of the positive steps.
pub(super) struct Renumbered<'a> {
    pub(super) pairs: &'a dyn Pairs,
    pub(super) steps: &'a [usize],
}

impl Renumbered<'_> {
    fn place(&self, step: usize) -> usize {
        self.steps.get(step).copied().unwrap_or(step)
    }
}

impl Pairs for Renumbered<'_> {
    fn allowed(&self, earlier_step: usize, earlier_row: u32, later_step: usize, later_row: u32) -> bool {
        self.pairs.allowed(self.place(earlier_step), earlier_row, self.place(later_step), later_row)
    }

    fn relates(&self, earlier_step: usize, later_step: usize) -> bool {
        self.pairs.relates(self.place(earlier_step), self.place(later_step))
    }
}
