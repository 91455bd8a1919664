//! The cells of the return axis: which one a return falls in, and when it is over (rule 20).

use super::{Cells, RetentionSpec};
use crate::calendar::{Calendar, Unit};
use std::ops::Range;

/// Number of cells: `n + 1` periods, or `k − 1` brackets and an open one with UNBOUNDED.
pub fn cell_count(cells: &Cells, unbounded: bool) -> usize {
    match cells {
        Cells::Periods { count, .. } => *count as usize + 1,
        Cells::Brackets { bounds, .. } => (bounds.len() + usize::from(unbounded)).saturating_sub(1),
    }
}

/// The cells that a return at `t` fills for a start at `t0` (µs): one, none, or with UNBOUNDED periods all up to its own.
pub fn cell_of(spec: &RetentionSpec, t0: i64, t: i64) -> Range<usize> {
    let unit = unit_of(&spec.cells);
    let passed = match spec.rolling {
        true => elapsed(&spec.calendar, unit, t0, t),
        false => spec.calendar.period_index(t, unit) - spec.calendar.period_index(t0, unit),
    };
    cells_of(&spec.cells, spec.unbounded, passed)
}

/// Whole units from `t0` to `t` (µs, `t0 ≤ t`) in elapsed time, no rounding: a day is 24 h, a week 168 h; months and longer are moved on
/// the calendar.
pub fn elapsed(calendar: &Calendar, unit: Unit, t0: i64, t: i64) -> i64 {
    if unit <= Unit::Week {
        return t.saturating_sub(t0).div_euclid(unit.nominal());
    }
    let mut passed = calendar.period_index(t, unit) - calendar.period_index(t0, unit);
    while passed > 0 && calendar.add(t0, passed, unit) > t {
        passed -= 1;
    }
    passed
}

/// Whether a cell's period is over at `now` for a start at the end of its cohort (`cohort_end` µs, excluded); if not, the cell is NULL.
/// An open cell ("n or later") is taken to be over when its first period is.
pub fn mature(spec: &RetentionSpec, cohort_end: i64, cell: usize) -> bool {
    let after = match &spec.cells {
        Cells::Periods { .. } => cell as i64 + 1,
        Cells::Brackets { bounds, .. } => match (bounds.get(cell + 1), bounds.last()) {
            (Some(&bound), _) => bound,
            (None, Some(&last)) => last.saturating_add(1),
            (None, None) => return true,
        },
    };
    let last_start = cohort_end.saturating_sub(1);
    let unit = unit_of(&spec.cells);
    let over = match (spec.rolling, unit <= Unit::Week) {
        (true, true) => last_start.saturating_add(after.saturating_mul(unit.nominal())),
        (true, false) => spec.calendar.add(last_start, after, unit),
        (false, _) => spec.calendar.period_start(spec.calendar.period_index(last_start, unit).saturating_add(after), unit),
    };
    over <= spec.now
}

pub(super) fn unit_of(cells: &Cells) -> Unit {
    match cells {
        Cells::Periods { unit, .. } | Cells::Brackets { unit, .. } => *unit,
    }
}

/// The cells for a number of periods passed.
pub(super) fn cells_of(cells: &Cells, unbounded: bool, passed: i64) -> Range<usize> {
    match cells {
        _ if passed < 0 => 0..0,
        Cells::Periods { count, .. } if unbounded => 0..passed.min(i64::from(*count)) as usize + 1,
        Cells::Periods { count, .. } if passed > i64::from(*count) => 0..0,
        Cells::Periods { .. } => passed as usize..passed as usize + 1,
        Cells::Brackets { bounds, .. } => {
            let above = bounds.partition_point(|&bound| bound <= passed);
            let inside = above > 0 && above <= cell_count(cells, unbounded);
            if inside { above - 1..above } else { 0..0 }
        }
    }
}

/// The most periods that a bounded cell reaches.
pub(super) fn last_of(cells: &Cells) -> i64 {
    match cells {
        Cells::Periods { count, .. } => i64::from(*count),
        Cells::Brackets { bounds, .. } => bounds.last().map_or(-1, |&last| last.saturating_sub(1)),
    }
}
