//! Symbolic times become instants: ranges, lengths and zones against the statement's clock (rules 12, 21, 33).

use datafusion::common::{DataFusionError, Result};
use eql_compiler::Schedule;
use eql_compiler::bound::{Before, Clock, Every, TimeRange, Window as BoundWindow};
use eql_grammar::ast::{Bound, Instant, LastKind, RangeKind, Unit};
use eql_timeline::{Bucketer, Calendar, Unit as TimeUnit, WeekStart, Window};

/// The calendar of a clock.
pub(crate) fn calendar(clock: &Clock) -> Result<Calendar> {
    let zone = clock.zone.parse().map_err(|_| DataFusionError::Plan(format!("`{}` is no time zone", clock.zone)))?;
    let week_start = match clock.week_start {
        eql_catalog::WeekStart::Monday => WeekStart::Monday,
        eql_catalog::WeekStart::Sunday => WeekStart::Sunday,
        eql_catalog::WeekStart::Saturday => WeekStart::Saturday,
    };
    Ok(Calendar { zone, week_start })
}

pub(crate) fn unit(u: Unit) -> TimeUnit {
    match u {
        Unit::Millisecond => TimeUnit::Millisecond,
        Unit::Second => TimeUnit::Second,
        Unit::Minute => TimeUnit::Minute,
        Unit::Hour => TimeUnit::Hour,
        Unit::Day => TimeUnit::Day,
        Unit::Week => TimeUnit::Week,
        Unit::Month => TimeUnit::Month,
        Unit::Quarter => TimeUnit::Quarter,
        Unit::Year => TimeUnit::Year,
    }
}

/// Cuts time into the periods of a grain.
pub(crate) fn bucketer(every: &Every) -> Result<Bucketer> {
    Ok(Bucketer::new(calendar(&every.clock)?, unit(every.unit), every.count))
}

/// Microseconds of a fixed unit; None for those of the calendar.
pub(crate) fn fixed(u: Unit) -> Option<i64> {
    Some(match u {
        Unit::Millisecond => 1000,
        Unit::Second => 1_000_000,
        Unit::Minute => 60_000_000,
        Unit::Hour => 3_600_000_000,
        Unit::Day => 86_400_000_000,
        Unit::Week => 604_800_000_000,
        _ => return None,
    })
}

pub(crate) fn window(w: &BoundWindow) -> Result<Window> {
    match fixed(w.unit) {
        Some(micros) if !w.calendar => Ok(Window::Micros(micros.saturating_mul(w.count))),
        _ => Ok(Window::Calendar { count: w.count, unit: unit(w.unit), calendar: calendar(&w.clock)? }),
    }
}

/// The instant a clock is read at: AS OF, or the statement's now. Microseconds since 1970-01-01T00:00Z.
///
/// # Errors
/// An unknown zone or an unreadable time; binding has checked both.
pub(crate) fn now_of(clock: &Clock, now: i64) -> Result<i64> {
    match &clock.as_of {
        Some(at) => instant(at, clock, now),
        None => Ok(now),
    }
}

/// An instant in microseconds; a date is its first moment in the clock's zone.
///
/// # Errors
/// An unknown zone or an unreadable time; binding has checked both.
pub fn instant(at: &Instant, clock: &Clock, now: i64) -> Result<i64> {
    let calendar = calendar(clock)?;
    match at {
        Instant::Now(_) => Ok(now),
        Instant::Today(_) => Ok(calendar.floor(now, TimeUnit::Day)),
        Instant::Yesterday(_) => Ok(beginning(&calendar, now, -1, TimeUnit::Day)),
        Instant::Ago(Bound::Int(n, _), u, _) => Ok(calendar.add(now, -i64::try_from(*n).unwrap_or(i64::MAX), unit(*u))),
        Instant::Text(_, text, _) => text_instant(text, &calendar).ok_or_else(|| DataFusionError::Plan(format!("'{text}' is no time"))),
        Instant::Ago(Bound::Param(_), ..) | Instant::Param(_) => Err(DataFusionError::Plan("a parameter was not bound".into())),
    }
}

fn text_instant(text: &str, calendar: &Calendar) -> Option<i64> {
    let (at, zoned) = eql_catalog::parse_timestamp(text)?;
    Some(if zoned { at } else { calendar.from_local(at) })
}

/// The first instant of the period so many further on. A day that begins at one o'clock, because the clocks jump at midnight, has neighbours that do not.
fn beginning(calendar: &Calendar, t: i64, periods: i64, unit: TimeUnit) -> i64 {
    calendar.period_start(calendar.period_index(t, unit).saturating_add(periods), unit)
}

/// True for a bare date: such an end is included.
fn is_date(at: &Instant) -> bool {
    matches!(at, Instant::Text(_, t, _) if t.trim().len() == 10)
}

/// `[start, end)` of a range in microseconds.
///
/// # Errors
/// As [`instant`].
pub fn resolve(range: &TimeRange, now: i64) -> Result<(i64, i64)> {
    let (start, end) = as_written(range, now)?;
    match &range.before {
        Some(before) => just_before(range, before, start, end),
        None => Ok((start, end)),
    }
}

fn as_written(range: &TimeRange, now: i64) -> Result<(i64, i64)> {
    let clock = &range.clock;
    let calendar = calendar(clock)?;
    let now = now_of(clock, now)?;
    let floor = |u: Unit| calendar.floor(now, unit(u));
    let begin = |n: i64, u: Unit| beginning(&calendar, now, n, unit(u));
    Ok(match &range.range.kind {
        RangeKind::AllTime => (i64::MIN, now),
        RangeKind::Today => (floor(Unit::Day), now),
        RangeKind::Yesterday => (begin(-1, Unit::Day), floor(Unit::Day)),
        RangeKind::This(u) => (floor(*u), now),
        RangeKind::Previous(u) => (begin(-1, *u), floor(*u)),
        RangeKind::Since(a) => (instant(a, clock, now)?, now),
        RangeKind::Before(a) => (i64::MIN, instant(a, clock, now)?),
        RangeKind::Last(n, kind, u) => {
            let n = match n {
                None => 1,
                Some(Bound::Int(n, _)) => i64::try_from(*n).unwrap_or(i64::MAX),
                Some(Bound::Param(_)) => return Err(DataFusionError::Plan("a parameter was not bound".into())),
            };
            match kind {
                LastKind::Calendar => (begin(1 - n, *u), now),
                LastKind::Complete => (begin(-n, *u), floor(*u)),
                LastKind::Rolling => match fixed(*u) {
                    Some(micros) => (now.saturating_sub(micros.saturating_mul(n)), now),
                    None => (calendar.add(now, -n, unit(*u)), now),
                },
            }
        }
        RangeKind::FromTo(a, b) => from_to(a, b, clock, &calendar, now)?,
        RangeKind::Param(_) => return Err(DataFusionError::Plan("a parameter was not bound".into())),
    })
}

/// The range just before one: as many units before as it says, or else as many of the periods that are compared, days, or microseconds as it
/// has. A range that ends now, in the middle of a period, moves as it is: the same part of the earlier period is compared.
fn just_before(range: &TimeRange, before: &Before, start: i64, end: i64) -> Result<(i64, i64)> {
    let calendar = calendar(&range.clock)?;
    let moved = |n: i64, u: TimeUnit| (calendar.add(start, n.saturating_neg(), u), calendar.add(end, n.saturating_neg(), u));
    let counted = |n: &Option<Bound>| if let Some(Bound::Int(n, _)) = n { i64::try_from(*n).unwrap_or(i64::MAX) } else { 1 };
    match &range.range.kind {
        RangeKind::Last(n, LastKind::Rolling, u) => {
            if let Some(micros) = fixed(*u) {
                let length = micros.saturating_mul(counted(n));
                return Ok((start.saturating_sub(length), end.saturating_sub(length)));
            }
            return Ok(moved(counted(n), unit(*u)));
        }
        RangeKind::Last(n, _, u) => return Ok(moved(counted(n), unit(*u))),
        RangeKind::This(u) | RangeKind::Previous(u) => return Ok(moved(1, unit(*u))),
        RangeKind::Today | RangeKind::Yesterday => return Ok(moved(1, TimeUnit::Day)),
        _ => {}
    }
    let grains = before.every.iter().map(|e| (unit(e.unit), e.count)).chain([(TimeUnit::Day, 1)]);
    for (u, count) in grains {
        let mut bucketer = Bucketer::new(calendar, u, count);
        if end > start && bucketer.floor(start) == start {
            let periods = bucketer.index(end - 1) - bucketer.index(start) + 1;
            return Ok(moved(periods.saturating_mul(count), u));
        }
    }
    let length = end.saturating_sub(start);
    Ok((start.saturating_sub(length), start))
}

/// A range as it is meant at the end of a period (rule 45): the last day is the one that ends there. `end` is excluded.
///
/// # Errors
/// As [`instant`].
pub(crate) fn relative(range: &TimeRange, end: i64) -> Result<(i64, i64)> {
    let clock = Clock { as_of: None, ..range.clock.clone() };
    let range = TimeRange { clock, ..range.clone() };
    if matches!(range.range.kind, RangeKind::Last(_, LastKind::Rolling, _)) {
        return resolve(&range, end);
    }
    let last = end.saturating_sub(1);
    let (start, until) = resolve(&range, last)?;
    Ok((start, if until == last { end } else { until }))
}

/// A stretch of time as a range; None when it has no beginning that a text could say.
pub(crate) fn range(start: i64, end: i64, like: &TimeRange) -> Option<TimeRange> {
    let span = like.range.span;
    let text = |t: i64| Some(chrono::DateTime::from_timestamp_micros(t)?.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string());
    let at = |t: i64| text(t).filter(|t| t.len() == 27).map(|t| Instant::Text(None, t, span));
    let kind = RangeKind::FromTo(at(start)?, at(end)?);
    Some(TimeRange { range: eql_grammar::ast::Range { kind, span }, clock: like.clock.clone(), before: None })
}

/// `a TO b`: dates and `n days ago` include the end's period, timestamps exclude the end.
fn from_to(a: &Instant, b: &Instant, clock: &Clock, calendar: &Calendar, now: i64) -> Result<(i64, i64)> {
    let period = |at: &Instant| if let Instant::Ago(_, u, _) = at { (*u >= Unit::Day).then_some(*u) } else { None };
    let start = instant(a, clock, now)?;
    let start = period(a).map_or(start, |_| calendar.floor(start, TimeUnit::Day));
    let end = instant(b, clock, now)?;
    let day_after = |t: i64| beginning(calendar, t, 1, TimeUnit::Day);
    let whole_day = is_date(b) || period(b).is_some() || matches!(b, Instant::Today(_) | Instant::Yesterday(_));
    Ok((start, if whole_day { day_after(end) } else { end }))
}

/// When something that was last done at an instant is due again: every so many units of the calendar, so many minutes into the unit.
///
/// # Errors
/// An unknown zone; binding has checked it.
pub fn next_due(schedule: &Schedule, clock: &Clock, last: i64) -> Result<i64> {
    let calendar = calendar(clock)?;
    let (unit, into) = (unit(schedule.unit), schedule.at.saturating_mul(60_000_000));
    let begin = calendar.floor(last.saturating_sub(into), unit);
    Ok(calendar.add(begin, schedule.count, unit).saturating_add(into))
}

#[cfg(test)]
mod tests {
    use super::*;
    use eql_catalog::WeekStart;

    fn due(every: &str, zone: &str, last: &str) -> String {
        let text = format!("DEFINE TAG t OF u AS a REFRESH EVERY {every}");
        let schedule = eql_compiler::schedule(&text).expect("a schedule");
        let clock = Clock { zone: zone.into(), week_start: WeekStart::Monday, as_of: None };
        let last = eql_catalog::parse_timestamp(last).expect("a time").0;
        let at = next_due(&schedule, &clock, last).expect("an instant");
        chrono::DateTime::from_timestamp_micros(at).expect("in range").format("%Y-%m-%dT%H:%M").to_string()
    }

    #[test]
    fn it_is_due_at_the_next_beginning_of_its_unit() {
        assert_eq!(due("day", "UTC", "2026-03-01T14:00:00Z"), "2026-03-02T00:00");
        assert_eq!(due("day AT '02:00'", "UTC", "2026-03-01T14:00:00Z"), "2026-03-02T02:00");
        assert_eq!(due("day AT '02:00'", "UTC", "2026-03-01T01:59:00Z"), "2026-03-01T02:00");
        assert_eq!(due("day AT '02:00'", "UTC", "2026-03-01T02:00:00Z"), "2026-03-02T02:00");
        assert_eq!(due("day AT '02:00'", "Asia/Shanghai", "2026-03-01T14:00:00Z"), "2026-03-01T18:00");
        assert_eq!(due("2 days", "UTC", "2026-03-01T14:00:00Z"), "2026-03-03T00:00");
        assert_eq!(due("week", "UTC", "2026-03-05T14:00:00Z"), "2026-03-09T00:00");
        assert_eq!(due("15 minutes", "UTC", "2026-03-05T14:07:30Z"), "2026-03-05T14:22");
        assert_eq!(due("hour", "Asia/Kathmandu", "2026-03-05T14:07:30Z"), "2026-03-05T14:15");
    }
}
