//! The common funnel in one pass: in order, every row fills at most one step.
//!
//! The earliest row of step k+1 after the earliest row of step k never moves back when the start moves on. So each step keeps one
//! pointer that only advances, from one of its rows to the next: all start rows together cost one pass over the rows of each step.

use super::attempt::{Found, Judge};
use super::bitmap::Bitmaps;
use super::furthest::{furthest, furthest_untied};
use super::optional::fill_optional;
use super::part::{Part, Plan, void_end};
use crate::calendar::end_of;

pub(super) struct Linear<'a> {
    plan: &'a Plan,
    part: &'a Part<'a>,
    strictly: bool,
    voids: Vec<i64>,
    bitmaps: Bitmaps,
    /// For each required step the first row that may still fill it.
    pointers: Vec<usize>,
}

impl<'a> Linear<'a> {
    pub(super) fn new(plan: &'a Plan, part: &'a Part<'a>, strictly: bool) -> Self {
        let bitmaps = Bitmaps::new(plan, part.mask);
        Linear { plan, part, strictly, voids: part.times_of(plan.void_bits), bitmaps, pointers: vec![0; plan.required.len()] }
    }

    fn end(&self, t: i64) -> i64 {
        end_of(self.plan.spec.window.as_ref(), t).min(void_end(&self.voids, t))
    }
}

impl Judge for Linear<'_> {
    fn next_start(&self, from: usize) -> usize {
        self.bitmaps.next(0, from)
    }

    fn most(&mut self) -> Option<usize> {
        let plain = self.voids.is_empty() && !self.plan.waits();
        plain.then(|| match self.part.tied() {
            true => furthest(self.plan, self.part, self.strictly),
            false => furthest_untied(self.plan, self.part, &self.bitmaps),
        })
    }

    fn judge(&mut self, start: usize, found: &mut Found) {
        let time = self.part.time;
        let (mut t, mut last) = (time[start], start);
        found.begin(start, t, self.plan.spec.steps.len());
        found.fill(0, start, t);
        let end = self.end(t);
        for (rank, &step) in self.plan.required.iter().enumerate().skip(1) {
            let least = if self.strictly { t.saturating_add(1) } else { t }.max(self.plan.not_before(step, t));
            // Without ties a later row is meant; with them any row of the same time, before or after.
            let from = if self.strictly { last + 1 } else { group_start(time, last) };
            let mut row = self.bitmaps.next(rank, from.max(self.pointers[rank]));
            while row < time.len() && time[row] < least {
                row = self.bitmaps.next(rank, row + 1);
            }
            self.pointers[rank] = row;
            if row == time.len() || time[row] > end {
                return;
            }
            (t, last) = (time[row], row);
            found.fill(step, row, t);
        }
    }

    fn finish(&mut self, found: &mut Found) {
        let end = self.end(self.part.time[found.start as usize]);
        fill_optional(self.plan, self.part, found, end, self.strictly);
    }
}

/// First row of the time of `row`.
fn group_start(time: &[i64], row: usize) -> usize {
    (1..=row).rev().find(|&place| time[place - 1] != time[row]).unwrap_or(0)
}
