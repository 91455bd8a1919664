//! Steps in any order: the earliest starts the window, the level is the number of different steps done by different rows (rule 8).
//!
//! A start row fills one of its required steps; the others follow at its time or later. A step's own window counts from the start.

use super::attempt::{Found, Judge, compare_rows};
use super::part::{Part, Plan, void_end};
use super::transversal::{Choice, Lists};
use crate::calendar::end_of;
use crate::run::{Pairs, UNMATCHED, first_at};
use hashbrown::HashSet;

/// The last instant at which `step` may be done in an attempt that starts at `t`.
fn ends(plan: &Plan, voids: &[i64], t: i64) -> Vec<i64> {
    let end = end_of(plan.spec.window.as_ref(), t).min(void_end(voids, t));
    (0..plan.spec.steps.len()).map(|step| end.min(end_of(plan.within(step), t))).collect()
}

/// No row competes for two steps: the earliest row of each step will do, and a pointer a step finds it.
pub(super) struct Earliest<'a> {
    plan: &'a Plan,
    part: &'a Part<'a>,
    voids: Vec<i64>,
    pointers: Vec<usize>,
}

impl<'a> Earliest<'a> {
    pub(super) fn new(plan: &'a Plan, part: &'a Part<'a>) -> Self {
        Earliest { plan, part, voids: part.times_of(plan.void_bits), pointers: vec![0; plan.spec.steps.len()] }
    }
}

impl Judge for Earliest<'_> {
    fn judge(&mut self, start: usize, found: &mut Found) {
        let (time, mask) = (self.part.time, self.part.mask);
        let t = time[start];
        let ends = ends(self.plan, &self.voids, t);
        found.begin(start, t, self.plan.spec.steps.len());
        for (step, pointer) in self.pointers.iter_mut().enumerate() {
            let bits = self.plan.bits[step];
            while *pointer < time.len() && (time[*pointer] < t || mask[*pointer] & bits == 0) {
                *pointer += 1;
            }
            let row = if mask[start] & bits != 0 { start } else { *pointer };
            if row == time.len() || (time[row] > ends[step] && row != start) {
                continue;
            }
            match self.plan.rank(step) {
                Some(_) => found.fill(step, row, time[row]),
                None => found.rows[step] = row as u32,
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

/// Rows compete for steps, or steps are related: a matching.
pub(super) struct Matching<'a> {
    plan: &'a Plan,
    part: &'a Part<'a>,
    pairs: Option<&'a dyn Pairs>,
    voids: Vec<i64>,
}

impl<'a> Matching<'a> {
    pub(super) fn new(plan: &'a Plan, part: &'a Part<'a>, pairs: Option<&'a dyn Pairs>) -> Self {
        Matching { plan, part, pairs, voids: part.times_of(plan.void_bits) }
    }

    /// For each step the rows that may fill it, the start included. Only the first rows of a step matter, as the other steps can
    /// take no more than one each; not so when steps are related.
    fn lists(&self, start: usize) -> Lists {
        let (plan, part) = (self.plan, self.part);
        let forbidden = plan.spec.ties_forbidden;
        let t = part.time[start];
        let ends = ends(plan, &self.voids, t);
        let limit = if self.pairs.is_some() { usize::MAX } else { plan.spec.steps.len() + 1 };
        let mut lists: Vec<Vec<Choice>> = vec![Vec::new(); plan.spec.steps.len()];
        for (list, &bits) in lists.iter_mut().zip(&plan.bits) {
            if part.mask[start] & bits != 0 {
                list.push(Choice { row: start as u32, time: t, unit: if forbidden { t } else { start as i64 } });
            }
        }
        let last = ends.iter().copied().max().unwrap_or(t);
        for row in first_at(part.time, 0, t)..part.len() {
            let x = part.time[row];
            if x > last || lists.iter().all(|list| list.len() > limit) {
                break;
            }
            // Without ties all other rows of the start's time are its rivals.
            if row == start || (forbidden && x == t) || part.mask[row] & plan.union == 0 {
                continue;
            }
            let unit = if forbidden { x } else { row as i64 };
            for (step, list) in lists.iter_mut().enumerate() {
                let another = self.pairs.is_some() || list.last().is_none_or(|choice| choice.unit != unit);
                if part.mask[row] & plan.bits[step] != 0 && x <= ends[step] && list.len() <= limit && another {
                    list.push(Choice { row: row as u32, time: x, unit });
                }
            }
        }
        for list in &mut lists {
            list.sort_unstable_by_key(|choice| choice.row);
        }
        Lists { start: start as u32, lists }
    }

    /// The best assignment when steps are related, by trying all: steps in order, each unmatched or one of its rows.
    fn search(&self, lists: &Lists, found: &mut Found) {
        let order: Vec<usize> = {
            let optional = (0..self.plan.spec.steps.len()).filter(|&k| self.plan.rank(k).is_none());
            self.plan.required.iter().copied().chain(optional).collect()
        };
        let mut best = None;
        let mut rows = vec![UNMATCHED; self.plan.spec.steps.len()];
        self.extend(lists, &order, 0, &mut rows, &mut HashSet::new(), &mut best);
        if let Some((level, completion, rows)) = best {
            (found.level, found.completion, found.rows) = (level, completion, rows);
        }
    }

    fn extend(
        &self,
        lists: &Lists,
        order: &[usize],
        place: usize,
        rows: &mut Vec<u32>,
        units: &mut HashSet<i64>,
        best: &mut Option<(u32, i64, Vec<u32>)>,
    ) {
        let (level, completion) = self.measure(rows);
        let remaining = self.plan.required.len().saturating_sub(place);
        if best.as_ref().is_some_and(|(least, ..)| (level as usize + remaining) < *least as usize) {
            return;
        }
        let Some(&step) = order.get(place) else {
            let started = self.plan.required.iter().any(|&k| rows[k] == lists.start);
            let better = |(l, c, old): &(u32, i64, Vec<u32>)| {
                let same = || compare_rows(self.plan, self.part.time, rows, old);
                l.cmp(&level).then(completion.cmp(c)).then_with(same).is_lt()
            };
            if started && best.as_ref().is_none_or(better) {
                *best = Some((level, completion, rows.clone()));
            }
            return;
        };
        for choice in &lists.lists[step] {
            if units.contains(&choice.unit) || !self.related(rows, step, choice.row) {
                continue;
            }
            units.insert(choice.unit);
            rows[step] = choice.row;
            self.extend(lists, order, place + 1, rows, units, best);
            rows[step] = UNMATCHED;
            units.remove(&choice.unit);
        }
        self.extend(lists, order, place + 1, rows, units, best);
    }

    fn measure(&self, rows: &[u32]) -> (u32, i64) {
        let times = self.plan.required.iter().filter_map(|&k| self.part.time.get(rows[k] as usize));
        times.fold((0, i64::MIN), |(level, last), &t| (level + 1, last.max(t)))
    }

    fn related(&self, rows: &[u32], step: usize, row: u32) -> bool {
        let Some(pairs) = self.pairs else { return true };
        let place = |row: u32| self.part.row(row as usize);
        (0..rows.len()).filter(|&k| k != step && rows[k] != UNMATCHED).all(|k| {
            let (low, low_row, high, high_row) = if k < step { (k, rows[k], step, row) } else { (step, row, k, rows[k]) };
            !pairs.relates(low, high) || pairs.allowed(low, place(low_row), high, place(high_row))
        })
    }
}

impl Judge for Matching<'_> {
    fn judge(&mut self, start: usize, found: &mut Found) {
        found.begin(start, self.part.time[start], self.plan.spec.steps.len());
        let lists = self.lists(start);
        if self.pairs.is_some() {
            return self.search(&lists, found);
        }
        let rows = lists.best(self.plan);
        for (step, row) in rows.into_iter().enumerate().filter(|(_, row)| *row != UNMATCHED) {
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
