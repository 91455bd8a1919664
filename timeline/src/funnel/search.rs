//! The exact search for what the passes cannot judge: rows that compete for steps inside a group of equal times, STRICT, exclusions
//! between distant steps, conditions between steps.
//!
//! Step by step it keeps the distinct *states* a partial match can be in, each with the best partial match that leads there. A state
//! is what later steps can see, so two partial matches in one state have the same future and the worse one may go.

use super::Mode;
use super::attempt::{Found, Judge, compare_rows};
use super::part::{Part, Plan, void_end};
use crate::calendar::end_of;
use crate::run::{Pairs, UNMATCHED, first_after, first_at};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

pub(super) struct Search<'a> {
    plan: &'a Plan,
    part: &'a Part<'a>,
    pairs: Option<&'a dyn Pairs>,
    voids: Vec<i64>,
    /// For each exclusion between two steps the times of its rows.
    excluded: Vec<Vec<i64>>,
    /// Number of visible rows of the run before each row (STRICT).
    visible: Vec<u32>,
    /// Steps for which the earliest possible time is as good as any.
    earliest: Vec<bool>,
}

/// A match of the steps so far.
#[derive(Clone)]
struct Partial {
    rows: Vec<u32>,
    /// Time of the last matched row.
    last: i64,
    /// Time of the last matched required row.
    base: i64,
}

/// What the steps to come can see of a partial match.
#[derive(PartialEq, Eq, Hash)]
struct State {
    last: i64,
    base: i64,
    seen: Vec<u32>,
}

impl<'a> Search<'a> {
    pub(super) fn new(plan: &'a Plan, part: &'a Part<'a>, pairs: Option<&'a dyn Pairs>) -> Self {
        let strict = plan.spec.mode == Mode::Strict;
        let mut visible = Vec::new();
        if strict {
            visible.push(0);
            let counts = part.run.mask.iter().take(part.run.len()).scan(0, |count, mask| {
                *count += u32::from(mask & plan.spec.ignoring == 0);
                Some(*count)
            });
            visible.extend(counts);
        }
        let free = |step: usize| {
            let next = plan.required.iter().copied().find(|&k| k > step).unwrap_or(plan.spec.steps.len());
            let windows = (step + 1..=next).any(|k| k < plan.spec.steps.len() && plan.within(k).is_some());
            // A row of equal time is no longer in the way of an absence once it is matched itself, so a later row may be better.
            let hidden = part.entangled && !plan.absent.is_empty();
            pairs.is_none() && !strict && !windows && !hidden && plan.between.iter().all(|b| b.low != step)
        };
        Search {
            plan,
            part,
            pairs,
            voids: part.times_of(plan.void_bits),
            excluded: plan.between.iter().map(|b| part.times_of(b.bits)).collect(),
            visible,
            earliest: (0..plan.spec.steps.len()).map(free).collect(),
        }
    }

    /// All partial matches with one more step, one for each state. A required step that nothing fills gives none.
    fn advance(&self, partials: &[Partial], step: usize, end: i64) -> Vec<Partial> {
        let mut places: HashMap<State, usize> = HashMap::new();
        let mut out: Vec<Partial> = Vec::new();
        let mut keep = |mut partial: Partial| {
            self.settle(&mut partial, step);
            match places.entry(self.state(&partial)) {
                Entry::Vacant(entry) => {
                    entry.insert(out.len());
                    out.push(partial);
                }
                Entry::Occupied(entry) => {
                    let old = &mut out[*entry.get()];
                    if compare_rows(self.plan, self.part.time, &partial.rows, &old.rows).is_lt() {
                        *old = partial;
                    }
                }
            }
        };
        for partial in partials {
            if self.plan.rank(step).is_none() {
                let mut skipped = partial.clone();
                skipped.rows.push(UNMATCHED);
                keep(skipped);
            }
            self.candidates(partial, step, end, |row| {
                let t = self.part.time[row];
                let mut next = partial.clone();
                next.rows.push(row as u32);
                next.last = t;
                if self.plan.rank(step).is_some() {
                    next.base = t;
                }
                keep(next);
            });
        }
        out
    }

    /// Rows of one time that fill the same steps are given to required steps first: the newest row changes places with that of an
    /// optional step before it.
    fn settle(&self, partial: &mut Partial, step: usize) {
        let exchangeable = self.pairs.is_none() && self.visible.is_empty() && self.plan.rank(step).is_some();
        let kind = |row: u32| self.part.mask.get(row as usize).map(|mask| (self.part.time[row as usize], mask & self.plan.union));
        for earlier in (1..step).rev().filter(|&k| exchangeable && self.plan.rank(k).is_none()) {
            let (a, b) = (partial.rows[earlier], partial.rows[step]);
            if a < b && kind(a) == kind(b) {
                partial.rows.swap(earlier, step);
            }
        }
    }

    /// Calls `each` for every row that may fill `step`, in order.
    fn candidates(&self, partial: &Partial, step: usize, end: i64, mut each: impl FnMut(usize)) {
        let (time, mask) = (self.part.time, self.part.mask);
        let end = end.min(end_of(self.plan.within(step), partial.base));
        let from = match self.plan.spec.ties_forbidden {
            true => first_after(time, 0, partial.last),
            false => first_at(time, 0, partial.last),
        };
        let from = first_at(time, from, self.plan.not_before(step, partial.base));
        let mut only = None;
        let mut kinds: Vec<u64> = Vec::new();
        for row in from..time.len() {
            let t = time[row];
            if t > end || only.is_some_and(|only| t > only) || !self.unbroken(partial, t) {
                return;
            }
            if mask[row] & self.plan.bits[step] == 0 || !self.fits(partial, step, row) {
                continue;
            }
            if self.earliest[step] {
                only = Some(t);
                // Inside the group rows that fill the same steps are as good as one another.
                let kind = mask[row] & self.plan.union;
                if kinds.contains(&kind) {
                    continue;
                }
                kinds.push(kind);
            }
            each(row);
        }
    }

    fn fits(&self, partial: &Partial, step: usize, row: usize) -> bool {
        let t = self.part.time[row];
        let voided = |(between, times): (&super::part::Between, &Vec<i64>)| {
            between.high == step && self.time_of(partial, between.low).is_some_and(|low| void_end(times, low) < t)
        };
        !partial.rows.contains(&(row as u32))
            && !self.plan.between.iter().zip(&self.excluded).any(voided)
            && self.stays_away(partial, step, row)
            && self.pairs.is_none_or(|pairs| {
                (0..step).filter(|&k| partial.rows[k] != UNMATCHED && pairs.relates(k, step)).all(|k| {
                    let earlier = self.part.row(partial.rows[k] as usize);
                    pairs.allowed(k, earlier, step, self.part.row(row))
                })
            })
    }

    /// Whether the absences after `step` hold when `row` fills it.
    fn stays_away(&self, partial: &Partial, step: usize, row: usize) -> bool {
        let time = self.part.time;
        let (t0, t) = (partial.rows.first().map_or(time[row], |&first| time[first as usize]), time[row]);
        let from = if self.plan.spec.ties_forbidden { first_after(time, 0, t) } else { first_at(time, 0, t) };
        self.plan.absent.get(step).into_iter().flatten().all(|absence| {
            let end = absence.end(self.plan.spec.window.as_ref(), t0, t);
            let comes = |x: usize| self.part.mask[x] & absence.bits != 0 && x != row && !partial.rows.contains(&(x as u32));
            self.part.holds(end) && !(from..time.len()).take_while(|&x| time[x] <= end).any(comes)
        })
    }

    fn time_of(&self, partial: &Partial, step: usize) -> Option<i64> {
        partial.rows.get(step).and_then(|&row| self.part.time.get(row as usize)).copied()
    }

    /// Whether every visible row strictly between the first matched row and `t` is matched (STRICT).
    fn unbroken(&self, partial: &Partial, t: i64) -> bool {
        let Some(first) = self.time_of(partial, 0).filter(|_| !self.visible.is_empty()) else { return true };
        let run = self.part.run.time;
        let (low, high) = (first_after(run, 0, first), first_at(run, 0, t));
        let between = if low < high { self.visible[high] - self.visible[low] } else { 0 };
        let matched = partial.rows.iter().filter(|&&row| {
            let inside = self.part.time.get(row as usize).is_some_and(|&x| first < x && x < t);
            inside && self.part.mask[row as usize] & self.plan.spec.ignoring == 0
        });
        between as usize == matched.count()
    }

    fn state(&self, partial: &Partial) -> State {
        let done = partial.rows.len();
        let mut group: Vec<u32> =
            partial.rows.iter().copied().filter(|&row| self.part.time.get(row as usize) == Some(&partial.last)).collect();
        group.sort_unstable();
        group.push(UNMATCHED);
        for (k, &row) in partial.rows.iter().enumerate() {
            let bounds = self.plan.between.iter().any(|b| b.low == k && b.high >= done);
            let related = self.pairs.is_some_and(|pairs| (done..self.plan.spec.steps.len()).any(|later| pairs.relates(k, later)));
            if bounds || related {
                group.push(row);
            }
        }
        State { last: partial.last, base: partial.base, seen: group }
    }
}

impl Judge for Search<'_> {
    fn judge(&mut self, start: usize, found: &mut Found) {
        let t = self.part.time[start];
        let end = end_of(self.plan.spec.window.as_ref(), t).min(void_end(&self.voids, t));
        found.begin(start, t, self.plan.spec.steps.len());
        if !self.stays_away(&Partial { rows: Vec::new(), last: t, base: t }, 0, start) {
            return;
        }
        let mut partials = vec![Partial { rows: vec![start as u32], last: t, base: t }];
        for step in 1..self.plan.spec.steps.len() {
            let next = self.advance(&partials, step, end);
            if next.is_empty() {
                break;
            }
            partials = next;
        }
        let order =
            |a: &&Partial, b: &&Partial| a.base.cmp(&b.base).then_with(|| compare_rows(self.plan, self.part.time, &a.rows, &b.rows));
        let Some(best) = partials.iter().min_by(order) else { return };
        for (step, &row) in best.rows.iter().enumerate() {
            match self.plan.rank(step) {
                Some(_) => found.fill(step, row as usize, self.part.time[row as usize]),
                None => found.rows[step] = row,
            }
        }
    }

    fn next_start(&self, from: usize) -> usize {
        self.part.next_start(self.plan, from)
    }

    fn most(&mut self) -> Option<usize> {
        None
    }

    fn finish(&mut self, _found: &mut Found) {}
}
