//! The common funnel in one pass: in order, every row fills at most one step.
//!
//! The earliest row of step k+1 after the earliest row of step k never moves back when the start moves on. So each step keeps one
//! pointer that only advances, and all start rows together cost one pass over the run for each step, with no allocation.

use super::attempt::{Found, Judge};
use super::optional::fill_optional;
use super::part::{Part, Plan, void_end};
use crate::calendar::end_of;

pub(super) struct Linear<'a> {
    plan: &'a Plan<'a>,
    part: &'a Part<'a>,
    strictly: bool,
    voids: Vec<i64>,
    /// For each required step the first row that may still fill it.
    pointers: Vec<usize>,
}

impl<'a> Linear<'a> {
    pub(super) fn new(plan: &'a Plan<'a>, part: &'a Part<'a>, strictly: bool) -> Self {
        Linear { plan, part, strictly, voids: part.times_of(plan.void_bits), pointers: vec![0; plan.required.len()] }
    }

    fn end(&self, t: i64) -> i64 {
        end_of(self.plan.spec.window.as_ref(), t).min(void_end(&self.voids, t))
    }
}

impl Judge for Linear<'_> {
    fn judge(&mut self, start: usize, found: &mut Found) {
        let (time, mask) = (self.part.time, self.part.mask);
        let mut t = time[start];
        found.begin(start, t, self.plan.steps.len());
        found.fill(0, start, t);
        let end = self.end(t);
        for (pointer, &step) in self.pointers.iter_mut().zip(&self.plan.required).skip(1) {
            let bits = self.plan.bits[step];
            let least = if self.strictly { t.saturating_add(1) } else { t }.max(self.plan.not_before(step, t));
            while *pointer < time.len() && (time[*pointer] < least || mask[*pointer] & bits == 0) {
                *pointer += 1;
            }
            if *pointer == time.len() || time[*pointer] > end {
                return;
            }
            t = time[*pointer];
            found.fill(step, *pointer, t);
        }
    }

    fn finish(&mut self, found: &mut Found) {
        let end = self.end(self.part.time[found.start as usize]);
        fill_optional(self.plan, self.part, found, end, self.strictly);
    }
}
