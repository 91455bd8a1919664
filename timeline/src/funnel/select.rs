//! Which start rows are judged, and which of the results count (rules 4, 5, 39).

use super::attempt::{Found, Judge, Slots, attempt};
use super::part::{Part, Plan, void_end};
use super::{Attempt, Counting, Mode, Reentry};
use crate::calendar::end_of;
use crate::run::{first_after, first_at};
use hashbrown::HashMap;
use std::ops::Range;

/// Judges the start rows of a part. Entities go to `slots`, attempts straight to `out`.
pub(super) fn select(
    plan: &Plan,
    part: &Part<'_>,
    group: Option<&[u32]>,
    judge: &mut dyn Judge,
    slots: &mut Slots,
    out: &mut Vec<Attempt>,
) {
    let range = first_at(part.time, 0, plan.spec.start.start)..first_at(part.time, 0, plan.spec.start.end);
    let code = |row: usize| group.and_then(|codes| codes.get(part.row(row) as usize).copied()).unwrap_or(0);
    if (plan.spec.counting, plan.spec.reentry) == (Counting::Entities, Reentry::Best) {
        return if group.is_none() { best(plan, part, range, judge, slots) } else { best_of_groups(plan, part, range, code, judge, slots) };
    }
    let starts = range.filter(|&row| part.mask[row] & plan.start_bits != 0);
    match (plan.spec.counting, plan.spec.reentry) {
        (Counting::Entities, Reentry::Latest) => chosen(plan, part, starts.map(|row| (code(row), row)).collect(), judge, slots),
        (Counting::Entities, _) => {
            let mut seen = HashMap::new();
            starts.for_each(|row| {
                seen.entry(code(row)).or_insert(row);
            });
            chosen(plan, part, seen, judge, slots);
        }
        (Counting::Attempts, Reentry::First) => successive(plan, part, starts, code, judge, out),
        (Counting::Attempts, _) => {
            for row in starts {
                let found = judged(plan, part, row, judge);
                out.push(attempt(plan, part.run, code(row), found));
            }
        }
    }
}

/// The best attempt of all.
fn best(plan: &Plan, part: &Part<'_>, range: Range<usize>, judge: &mut dyn Judge, slots: &mut Slots) {
    // Nothing better comes once the furthest level is reached, but another start of the same time.
    let most = judge.most().unwrap_or(plan.required.len()) as u32;
    let (mut best, mut found) = (Found::default(), Found::default());
    let mut row = judge.next_start(range.start);
    while row < range.end {
        let tie = best.level > 0 && part.time[best.start as usize] == part.time[row];
        if best.level >= most && !tie {
            break;
        }
        judge.judge(row, &mut found);
        if found.level == best.level && tie {
            judge.finish(&mut found);
            judge.finish(&mut best);
            // Rows come in the sort order: of equal ones the first stays.
            let more = || best.optional(plan).cmp(&found.optional(plan));
            if found.completion.cmp(&best.completion).then_with(more).is_lt() {
                std::mem::swap(&mut best, &mut found);
            }
        } else if found.level > best.level {
            std::mem::swap(&mut best, &mut found);
        }
        row = judge.next_start(row + 1);
    }
    if best.level > 0 {
        judge.finish(&mut best);
        best.place(part);
        slots.offer(plan, part.run, 0, best);
    }
}

/// The best attempt of each group.
fn best_of_groups(
    plan: &Plan,
    part: &Part<'_>,
    range: Range<usize>,
    code: impl Fn(usize) -> u32,
    judge: &mut dyn Judge,
    slots: &mut Slots,
) {
    let mut found = Found::default();
    let mut row = judge.next_start(range.start);
    while row < range.end {
        let group = code(row);
        let old = slots.get(group).map(|old| (old.level, part.run.time.get(old.start as usize).copied().unwrap_or(i64::MIN)));
        // A complete one can only give way to one that starts no later.
        if old.is_none_or(|(level, start)| (level as usize) < plan.required.len() || part.time[row] <= start) {
            judge.judge(row, &mut found);
            if old.is_none_or(|(level, start)| found.level > level || (found.level == level && part.time[row] <= start)) {
                judge.finish(&mut found);
                found.place(part);
                slots.offer(plan, part.run, group, found.clone());
            }
        }
        row = judge.next_start(row + 1);
    }
}

/// The attempts of given start rows, one for each group.
fn chosen(plan: &Plan, part: &Part<'_>, rows: HashMap<u32, usize>, judge: &mut dyn Judge, slots: &mut Slots) {
    let mut rows: Vec<(usize, u32)> = rows.into_iter().map(|(group, row)| (row, group)).collect();
    rows.sort_unstable();
    for (row, group) in rows {
        let found = judged(plan, part, row, judge);
        slots.offer(plan, part.run, group, found);
    }
}

fn judged(plan: &Plan, part: &Part<'_>, row: usize, judge: &mut dyn Judge) -> Found {
    let mut found = Found { rows: Vec::with_capacity(plan.spec.steps.len()), ..Found::default() };
    judge.judge(row, &mut found);
    judge.finish(&mut found);
    found.place(part);
    found
}

/// Attempts that do not overlap: each begins after the one before converted, was voided or timed out (rule 39).
fn successive(
    plan: &Plan,
    part: &Part<'_>,
    starts: impl Iterator<Item = usize>,
    code: impl Fn(usize) -> u32,
    judge: &mut dyn Judge,
    out: &mut Vec<Attempt>,
) {
    let voids = part.times_of(plan.void_bits);
    let (mut free, mut used) = (i64::MIN, Vec::new());
    for row in starts {
        if part.time[row] < free || used.contains(&part.row(row)) {
            continue;
        }
        let found = judged(plan, part, row, judge);
        free = over(plan, part, &voids, row, &found);
        used.clone_from(&found.rows);
        out.push(attempt(plan, part.run, code(row), found));
    }
}

/// The first instant at which the next attempt may begin.
fn over(plan: &Plan, part: &Part<'_>, voids: &[i64], start: usize, found: &Found) -> i64 {
    let later = |t: i64| if plan.spec.ties_forbidden { t.saturating_add(1) } else { t };
    if found.level as usize == plan.required.len() {
        return later(found.completion);
    }
    let t = part.time[start];
    let mut void = void_end(voids, t);
    for between in &plan.between {
        // An excluded row after the first step dooms every continuation that has not reached the second bound.
        let doomed = between.low == 0 && plan.rank(between.high).is_some_and(|rank| found.level as usize <= rank);
        if doomed {
            void = void.min(void_end(&part.times_of(between.bits), t));
        }
    }
    if plan.spec.mode == Mode::Strict {
        void = void.min(broken(plan, part, t, found));
    }
    let end = end_of(plan.spec.window.as_ref(), t).saturating_add(1);
    if void == i64::MAX { end } else { end.min(later(void)) }
}

/// Time of the first visible row after `t` that the attempt does not match (STRICT).
fn broken(plan: &Plan, part: &Part<'_>, t: i64, found: &Found) -> i64 {
    (first_after(part.run.time, 0, t)..part.run.len())
        .find(|&row| part.run.mask[row] & plan.spec.ignoring == 0 && !found.rows.contains(&(row as u32)))
        .map_or(i64::MAX, |row| part.run.time[row])
}
