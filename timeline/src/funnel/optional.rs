//! Rows of optional steps, once the required ones stand (rule 9).

use super::attempt::Found;
use super::part::{Part, Plan};
use crate::calendar::end_of;
use crate::run::{UNMATCHED, first_after, first_at};

/// Fills each optional step with the earliest row between its matched neighbours; after the last matched required step, up to `end`.
pub(super) fn fill_optional(plan: &Plan, part: &Part<'_>, found: &mut Found, end: i64, strictly: bool) {
    if plan.required.len() == plan.spec.steps.len() {
        return;
    }
    let (mut last, mut base) = (0, 0);
    for step in 0..plan.spec.steps.len() {
        if plan.rank(step).is_some() {
            let Some(&t) = part.time.get(found.rows[step] as usize) else { return };
            (last, base) = (t, t);
            continue;
        }
        let from = if strictly { first_after(part.time, 0, last) } else { first_at(part.time, 0, last) };
        let limit = next_required(plan, part, found, step, strictly).min(end).min(end_of(plan.within(step), base));
        let row = (from..part.len()).take_while(|&row| part.time[row] <= limit).find(|&row| part.mask[row] & plan.bits[step] != 0);
        if let Some(row) = row {
            found.rows[step] = row as u32;
            last = part.time[row];
        }
    }
}

/// The last instant at which an optional row may lie before the next matched required row.
fn next_required(plan: &Plan, part: &Part<'_>, found: &Found, step: usize, strictly: bool) -> i64 {
    let next = plan.required.iter().find(|&&k| k > step).map_or(UNMATCHED, |&k| found.rows[k]);
    match part.time.get(next as usize) {
        Some(&t) if strictly => t.saturating_sub(1),
        Some(&t) => t,
        None => i64::MAX,
    }
}
