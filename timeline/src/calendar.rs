//! The calendar: the one bucket function of all analyses (rules 12, 21, 33, 46).
//!
//! Instants are microseconds since 1970-01-01 UTC. A period of a day or longer is a range of local dates; its first instant is
//! local midnight, or, where the clocks jump over midnight, the first instant after the jump. Units below a day are cut on the
//! local clock face but counted in elapsed time, so the two hours "01:00" of an autumn night stay two hours. Several hours together are cut
//! by the clock of each day.

mod bucketer;
mod civil;
mod window;

pub use bucketer::Bucketer;
pub use window::Window;
pub(crate) use window::end_of;

use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeZone};
use civil::{add_months, date_from_days, days_from_date};

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Instants beyond this are treated as this (about 253,000 years from 1970): what the time zone tables can be asked.
const LIMIT: i64 = 8_000_000_000_000_000_000;

/// A unit of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// 1,000 µs.
    Millisecond,
    /// 1,000 ms.
    Second,
    /// 60 s.
    Minute,
    /// 60 min.
    Hour,
    /// A local date: 23, 24 or 25 hours.
    Day,
    /// Seven local dates from the week's start.
    Week,
    /// A calendar month.
    Month,
    /// Three calendar months from January, April, July or October.
    Quarter,
    /// A calendar year.
    Year,
}

impl Unit {
    /// Length in µs of a unit below a day; `None` from the day up, where it depends on the date.
    pub fn exact(self) -> Option<i64> {
        match self {
            Unit::Millisecond => Some(1_000),
            Unit::Second => Some(SECOND),
            Unit::Minute => Some(MINUTE),
            Unit::Hour => Some(HOUR),
            Unit::Day | Unit::Week | Unit::Month | Unit::Quarter | Unit::Year => None,
        }
    }

    /// Length in µs, that of a typical period for units of a month or longer; exact in elapsed time up to the week (a day is 24 h).
    pub fn nominal(self) -> i64 {
        match self {
            Unit::Day => DAY,
            Unit::Week => 7 * DAY,
            Unit::Month => 30 * DAY,
            Unit::Quarter => 91 * DAY,
            Unit::Year => 365 * DAY,
            below => below.exact().unwrap_or(DAY),
        }
    }
}

/// The first day of a week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum WeekStart {
    /// ISO weeks; the default.
    #[default]
    Monday,
    /// As in North America.
    Sunday,
    /// As in much of the Middle East.
    Saturday,
}

/// A time zone and the first day of the week: all that turns instants into periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// The zone whose local dates and clock are meant.
    pub zone: chrono_tz::Tz,
    /// The first day of a week.
    pub week_start: WeekStart,
}

impl Calendar {
    /// The zone UTC with weeks from Monday.
    pub fn utc() -> Self {
        Calendar { zone: chrono_tz::UTC, week_start: WeekStart::Monday }
    }

    /// First instant (µs) of the period that holds `t` (µs).
    pub fn floor(&self, t: i64, unit: Unit) -> i64 {
        self.period_start(self.period_index(t, unit), unit)
    }

    /// `t` moved by `n` units (µs to µs). From the day up the local clock time is kept: a time that does not exist becomes the first
    /// instant after the gap, one that exists twice the earlier, and the day of a shorter month its last. Below a day the length is exact.
    pub fn add(&self, t: i64, n: i64, unit: Unit) -> i64 {
        if n == 0 {
            return t;
        }
        if let Some(length) = unit.exact() {
            return t.saturating_add(n.saturating_mul(length));
        }
        let local = self.to_local(t);
        let (date, clock) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        let date = match unit {
            Unit::Week => date.saturating_add(n.saturating_mul(7)),
            Unit::Month => add_months(date, n),
            Unit::Quarter => add_months(date, n.saturating_mul(3)),
            Unit::Year => add_months(date, n.saturating_mul(12)),
            _ => date.saturating_add(n),
        };
        self.from_local(date.saturating_mul(DAY).saturating_add(clock))
    }

    /// Number of the period that holds `t` (µs): consecutive periods have consecutive numbers. Days count from the local date
    /// 1970-01-01; weeks, months, quarters and years from the one that holds it; units below a day from its local midnight, in
    /// elapsed time.
    pub fn period_index(&self, t: i64, unit: Unit) -> i64 {
        if let Some(length) = unit.exact() {
            return t.saturating_add(self.shift(t, length)).div_euclid(length);
        }
        let index = self.index_of_date(self.to_local(t).div_euclid(DAY), unit);
        // Where clocks fall back across midnight a date occurs in two pieces; a period is one piece, so its bounds decide.
        if t < self.period_start(index, unit) {
            index - 1
        } else if t >= self.period_start(index + 1, unit) {
            index + 1
        } else {
            index
        }
    }

    /// First instant (µs) of the period with this number: the inverse of [`Calendar::period_index`].
    pub fn period_start(&self, index: i64, unit: Unit) -> i64 {
        match unit.exact() {
            Some(length) => self.exact_start(index, length),
            None => self.from_local(self.date_of_index(index, unit).saturating_mul(DAY)),
        }
    }

    /// Number of the period of `count` units that holds `t` (µs). Periods longer than an hour of which whole ones make a day begin anew at each
    /// local midnight and are cut where the local clock says so, so that `6 hours` are cut at 0, 6, 12 and 18 o'clock all year, and the one in
    /// which the clocks change is shorter or longer. All others are so many consecutive periods of one unit.
    pub fn cut_index(&self, t: i64, unit: Unit, count: i64) -> i64 {
        let Some(length) = part_of_day(unit, count) else { return self.period_index(t, unit).div_euclid(count.max(1)) };
        let index = self.to_local(t).div_euclid(length);
        // The clock may fall back over a cut: a period is one piece, so its bounds decide.
        if t < self.from_local(index.saturating_mul(length)) {
            index - 1
        } else if t >= self.from_local((index + 1).saturating_mul(length)) {
            index + 1
        } else {
            index
        }
    }

    /// First instant (µs) of the period of `count` units with this number: the inverse of [`Calendar::cut_index`].
    pub fn cut_start(&self, index: i64, unit: Unit, count: i64) -> i64 {
        match part_of_day(unit, count) {
            Some(length) => self.from_local(index.saturating_mul(length)),
            None => self.period_start(index.saturating_mul(count.max(1)), unit),
        }
    }

    /// The local date at `t` (µs), in days since 1970-01-01.
    pub fn local_date(&self, t: i64) -> i32 {
        let days = self.to_local(t).div_euclid(DAY);
        // ±8e18 µs are ±93 million days: well inside an i32.
        i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX })
    }

    /// The instant (µs) at which the local clock shows `local_micros` (µs as if the clock were UTC): the earlier one if it shows it
    /// twice, the first instant after the gap if never.
    pub fn from_local(&self, local_micros: i64) -> i64 {
        let local = local_micros.clamp(-LIMIT, LIMIT);
        match self.zone.offset_from_local_datetime(&naive(local)) {
            LocalResult::Single(offset) => local - micros(&offset),
            LocalResult::Ambiguous(a, b) => (local - micros(&a)).min(local - micros(&b)),
            LocalResult::None => self.after_gap(local),
        }
    }

    /// What the local clock shows at `t`, in µs as if the clock were UTC.
    pub fn to_local(&self, t: i64) -> i64 {
        let t = t.clamp(-LIMIT, LIMIT);
        t + self.offset(t)
    }

    /// Local clock minus UTC at `t`, in µs.
    fn offset(&self, t: i64) -> i64 {
        micros(&self.zone.offset_from_utc_datetime(&naive(t.clamp(-LIMIT, LIMIT))))
    }

    /// First instant at which the clock shows `local` or later, for a `local` that the clock jumps over.
    fn after_gap(&self, local: i64) -> i64 {
        // No zone is more than a day from UTC, and no gap longer than a day (Apia 2011-12-30), so two days either side hold the jump.
        let (mut before, mut after) = (local - 2 * DAY, local + 2 * DAY);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.to_local(middle) < local { before = middle } else { after = middle }
        }
        after
    }

    /// What is added to an instant before dividing by a length below a day, so that cuts fall on the local clock face: the whole
    /// hours of the zone's offset in 1970 (constant, so that time does not jump) and the present offset's fraction of the unit.
    fn shift(&self, t: i64, length: i64) -> i64 {
        self.base(length) + self.offset(t).rem_euclid(length)
    }

    fn base(&self, length: i64) -> i64 {
        let offset = self.offset(0);
        offset - offset.rem_euclid(length)
    }

    fn exact_start(&self, index: i64, length: i64) -> i64 {
        let near = index.saturating_mul(length).saturating_sub(self.base(length)).clamp(-LIMIT, LIMIT);
        let start = near - self.offset(near).rem_euclid(length);
        if self.shift(start, length).saturating_add(start) == index.saturating_mul(length) {
            return start;
        }
        // The offset's fraction changes nearby (Lord Howe moves by half an hour): the first instant with this number, by bisection.
        let (mut before, mut after) = (near.saturating_sub(2 * length), near.saturating_add(length));
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if middle.saturating_add(self.shift(middle, length)).div_euclid(length) < index { before = middle } else { after = middle }
        }
        after
    }

    fn index_of_date(&self, date: i64, unit: Unit) -> i64 {
        match unit {
            Unit::Week => (date + self.week_shift()).div_euclid(7),
            Unit::Month | Unit::Quarter | Unit::Year => {
                let (year, month, _) = date_from_days(date);
                let months = (year - 1970) * 12 + month - 1;
                months.div_euclid(months_of(unit))
            }
            _ => date,
        }
    }

    fn date_of_index(&self, index: i64, unit: Unit) -> i64 {
        match unit {
            Unit::Week => index.saturating_mul(7).saturating_sub(self.week_shift()),
            Unit::Month | Unit::Quarter | Unit::Year => {
                let months = index.clamp(-4_000_000, 4_000_000) * months_of(unit);
                days_from_date(1970 + months.div_euclid(12), months.rem_euclid(12) + 1, 1)
            }
            _ => index,
        }
    }

    /// Days from the week's start to Thursday 1970-01-01.
    fn week_shift(&self) -> i64 {
        match self.week_start {
            WeekStart::Monday => 3,
            WeekStart::Sunday => 4,
            WeekStart::Saturday => 5,
        }
    }
}

/// Length of periods that the clock of a day cuts: longer than an hour, and a whole number of them makes a day.
fn part_of_day(unit: Unit, count: i64) -> Option<i64> {
    let length = unit.exact()?.checked_mul(count)?;
    (length > HOUR && length <= DAY && DAY % length == 0).then_some(length)
}

fn months_of(unit: Unit) -> i64 {
    match unit {
        Unit::Quarter => 3,
        Unit::Year => 12,
        _ => 1,
    }
}

fn naive(micros: i64) -> NaiveDateTime {
    // Callers clamp to LIMIT, which chrono can represent; the default (1970) is never taken.
    DateTime::from_timestamp_micros(micros).unwrap_or_default().naive_utc()
}

fn micros(offset: &impl Offset) -> i64 {
    i64::from(offset.fix().local_minus_utc()) * SECOND
}
