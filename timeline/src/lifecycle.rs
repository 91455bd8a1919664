//! Lifecycle and stickiness: an entity's active periods (rules 23, 45).

use std::ops::Range;

/// What an entity is in one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Active for the first time ever.
    New,
    /// Active, and in the period before.
    Returning,
    /// Active, not in the period before, but ever before.
    Resurrecting,
    /// Not active, but in the period before.
    Dormant,
}

/// Appends (period, phase) for the periods of `range` in which the entity has one, in order. `active` holds the periods of its rows in all
/// history, in time order; repeats do no harm.
pub fn lifecycle(active: &[i64], range: Range<i64>, out: &mut Vec<(i64, Phase)>) {
    let mut before: Option<i64> = None;
    for (place, &period) in active.iter().enumerate() {
        if before == Some(period) {
            continue;
        }
        let phase = match before {
            None => Phase::New,
            Some(last) if last.checked_add(1) == Some(period) => Phase::Returning,
            Some(_) => Phase::Resurrecting,
        };
        if range.contains(&period) {
            out.push((period, phase));
        }
        let next = active[place..].iter().find(|&&later| later != period);
        let silent = period.saturating_add(1);
        if range.contains(&silent) && next != Some(&silent) {
            out.push((silent, Phase::Dormant));
        }
        before = Some(period);
    }
}

/// Appends (period, number of different sub-periods active in it), in order: STICKINESS … EVERY sub-period OVER period. Both columns give
/// the periods of the rows in range, in time order; without OVER all rows share one period.
pub fn stickiness(periods: &[i64], sub_periods: &[i64], out: &mut Vec<(i64, u32)>) {
    let mut last = None;
    for (&period, &sub_period) in periods.iter().zip(sub_periods) {
        if last == Some((period, sub_period)) {
            continue;
        }
        match out.last_mut().filter(|_| last.is_some_and(|(before, _)| before == period)) {
            Some((_, count)) => *count += 1,
            None => out.push((period, 1)),
        }
        last = Some((period, sub_period));
    }
}
