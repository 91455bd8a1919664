//! Lengths of time that bound an attempt (rule 3).

use super::{Calendar, Unit};

/// How long after a row another row still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// An exact length in µs; `1 day` is 24 h.
    Micros(i64),
    /// Months, quarters, years, or `calendar days`: moved on the calendar of a zone.
    Calendar {
        /// How many units.
        count: i64,
        /// The unit.
        unit: Unit,
        /// The zone.
        calendar: Calendar,
    },
}

impl Window {
    /// The last instant (µs) still inside a window that opens at `t` (µs). Inclusive.
    pub fn end(&self, t: i64) -> i64 {
        match self {
            Window::Micros(length) => t.saturating_add(*length),
            Window::Calendar { count, unit, calendar } => calendar.add(t, *count, *unit),
        }
    }

    /// The first instant (µs) inside a window that reaches back from `t` (µs). Inclusive.
    pub fn start(&self, t: i64) -> i64 {
        match self {
            Window::Micros(length) => t.saturating_sub(*length),
            Window::Calendar { count, unit, calendar } => calendar.add(t, count.saturating_neg(), *unit),
        }
    }
}

/// [`Window::end`], or the end of time without a window.
pub(crate) fn end_of(window: Option<&Window>, t: i64) -> i64 {
    window.map_or(i64::MAX, |window| window.end(t))
}
