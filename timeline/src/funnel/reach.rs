//! Funnels with step windows, or exclusions between neighbouring steps, in passes from the end.
//!
//! With `WITHIN` in a step the earliest next row may be a dead end: of A B B C the second B may be the one that C follows soon enough.
//! Seen from the end there is no choice: for a target level, the nearest later row from which the target can be reached gives the
//! earliest completion of all. (Were a later row better, its chain would cross the chain of the nearer one; at the crossing the nearer
//! chain can change over, as step windows and exclusions only get easier when two neighbours move together.) So one backward pass for each
//! level tells for every row whether, when, and by which next row the level is reached.

use super::attempt::{Found, Judge};
use super::furthest::furthest;
use super::optional::fill_optional;
use super::part::{Part, Plan, void_end};
use crate::calendar::end_of;
use crate::run::UNMATCHED;

/// What a pass for one target level found; places are `rank × rows + row`.
#[derive(Default)]
struct Pass {
    /// Earliest completion of the target, `i64::MAX` if it cannot be reached.
    completion: Vec<i64>,
    /// The next row on the way.
    next: Vec<u32>,
}

pub(super) struct Reach<'a> {
    plan: &'a Plan,
    part: &'a Part<'a>,
    strictly: bool,
    voids: Vec<i64>,
    /// For each rank above 0 the times of rows excluded between it and the one before.
    excluded: Vec<Vec<i64>>,
    /// By target rank; made when first asked for.
    passes: Vec<Option<Pass>>,
    /// No start row reaches more steps.
    most: usize,
}

impl<'a> Reach<'a> {
    pub(super) fn new(plan: &'a Plan, part: &'a Part<'a>, strictly: bool) -> Self {
        let excluded = plan.required.iter().map(|&step| {
            let bits = plan.between.iter().filter(|b| b.high == step).fold(0, |all, b| all | b.bits);
            part.times_of(bits)
        });
        let passes = plan.required.iter().map(|_| None).collect();
        Reach {
            plan,
            part,
            strictly,
            voids: part.times_of(plan.void_bits),
            excluded: excluded.collect(),
            passes,
            most: plan.required.len(),
        }
    }

    fn end(&self, t: i64) -> i64 {
        end_of(self.plan.spec.window.as_ref(), t).min(void_end(&self.voids, t))
    }

    fn pass(&mut self, target: usize) -> &Pass {
        if self.passes[target].is_none() {
            let pass = self.sweep(target);
            self.passes[target] = Some(pass);
        }
        self.passes[target].get_or_insert_default()
    }

    /// The backward pass for one target, a group of equal times at a time.
    fn sweep(&self, target: usize) -> Pass {
        let n = self.part.len();
        let mut pass = Pass { completion: vec![i64::MAX; (target + 1) * n], next: vec![UNMATCHED; (target + 1) * n] };
        let mut near = vec![UNMATCHED; target + 1];
        let mut high = n;
        while high > 0 {
            let t = self.part.time[high - 1];
            let low = (0..high).rev().take_while(|&row| self.part.time[row] == t).last().unwrap_or(high - 1);
            // From the last rank down when a group may chain within itself, from the first up when it may not.
            for turn in 0..=target {
                let rank = if self.strictly { turn } else { target - turn };
                self.visit(&mut pass, &mut near, target, rank, low..high);
            }
            high = low;
        }
        pass
    }

    fn visit(&self, pass: &mut Pass, near: &mut [u32], target: usize, rank: usize, group: std::ops::Range<usize>) {
        let n = self.part.len();
        let bits = self.plan.bits[self.plan.required[rank]];
        let t = self.part.time[group.start];
        let next = near.get(rank + 1).copied().unwrap_or(UNMATCHED);
        let completion = if rank == target { t } else { self.follow(pass, rank, t, next) };
        if completion == i64::MAX {
            return;
        }
        let mut first = UNMATCHED;
        for row in group.rev().filter(|&row| self.part.mask[row] & bits != 0) {
            pass.completion[rank * n + row] = completion;
            pass.next[rank * n + row] = next;
            first = row as u32;
        }
        if first != UNMATCHED {
            near[rank] = first;
        }
    }

    /// Completion by way of `next`, if its step window and exclusions allow.
    fn follow(&self, pass: &Pass, rank: usize, t: i64, next: u32) -> i64 {
        let Some(&next_time) = self.part.time.get(next as usize) else { return i64::MAX };
        let limit = end_of(self.plan.within(self.plan.required[rank + 1]), t).min(void_end(&self.excluded[rank + 1], t));
        if next_time > limit { i64::MAX } else { pass.completion[(rank + 1) * self.part.len() + next as usize] }
    }
}

impl Judge for Reach<'_> {
    fn next_start(&self, from: usize) -> usize {
        self.part.next_start(self.plan, from)
    }

    fn most(&mut self) -> Option<usize> {
        let plain = self.voids.is_empty() && self.excluded.iter().all(Vec::is_empty);
        let most = plain.then(|| furthest(self.plan, self.part, self.strictly));
        self.most = most.unwrap_or(self.most);
        most
    }

    fn judge(&mut self, start: usize, found: &mut Found) {
        let t = self.part.time[start];
        let end = self.end(t);
        found.begin(start, t, self.plan.spec.steps.len());
        let n = self.part.len();
        let targets = self.most;
        let reached = |completion: i64| completion != i64::MAX && completion <= end;
        let target = (1..targets).rev().find(|&target| reached(self.pass(target).completion[start])).unwrap_or(0);
        let mut row = start;
        for rank in 0..=target {
            found.fill(self.plan.required[rank], row, self.part.time[row]);
            if rank < target {
                row = self.pass(target).next[rank * n + row] as usize;
            }
        }
    }

    fn finish(&mut self, found: &mut Found) {
        let end = self.end(self.part.time[found.start as usize]);
        fill_optional(self.plan, self.part, found, end, self.strictly);
    }
}
