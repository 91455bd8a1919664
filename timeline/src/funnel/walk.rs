//! STRICT without ties, a row at a time: the next visible row fills the next step or ends the attempt.

use super::attempt::{Found, Judge};
use super::part::{Part, Plan, void_end};
use crate::calendar::end_of;

pub(super) struct Walk<'a> {
    plan: &'a Plan,
    part: &'a Part<'a>,
    voids: Vec<i64>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(plan: &'a Plan, part: &'a Part<'a>) -> Self {
        Walk { plan, part, voids: part.times_of(plan.void_bits) }
    }

    /// The step after `last` that a row with `bits` fills, required ones not skipped.
    fn step_of(&self, bits: u64, last: usize) -> Option<usize> {
        for step in last + 1..self.plan.spec.steps.len() {
            if bits & self.plan.bits[step] != 0 {
                return Some(step);
            }
            if self.plan.rank(step).is_some() {
                return None;
            }
        }
        None
    }
}

impl Judge for Walk<'_> {
    fn next_start(&self, from: usize) -> usize {
        self.part.next_start(self.plan, from)
    }

    fn most(&mut self) -> Option<usize> {
        None
    }

    fn judge(&mut self, start: usize, found: &mut Found) {
        let (time, mask) = (self.part.time, self.part.mask);
        let mut base = time[start];
        found.begin(start, base, self.plan.spec.steps.len());
        found.fill(0, start, base);
        let end = end_of(self.plan.spec.window.as_ref(), base).min(void_end(&self.voids, base));
        let mut last = 0;
        for row in start + 1..time.len() {
            if mask[row] & self.plan.spec.ignoring != 0 {
                continue;
            }
            let fits = |&step: &usize| time[row] <= end.min(end_of(self.plan.within(step), base));
            let Some(step) = self.step_of(mask[row], last).filter(fits) else { return };
            last = step;
            if self.plan.rank(step).is_some() {
                base = time[row];
                found.fill(step, row, base);
            } else {
                found.rows[step] = row as u32;
            }
        }
    }

    fn finish(&mut self, _found: &mut Found) {}
}
