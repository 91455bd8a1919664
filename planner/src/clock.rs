//! Symbolic times become instants: ranges, lengths and zones against the statement's clock (rules 12, 21, 33).

use datafusion::common::{DataFusionError, Result};
use eql_compiler::bound::{Clock, TimeRange, Window as BoundWindow};
use eql_grammar::ast::{Bound, Instant, LastKind, RangeKind, Unit};
use eql_timeline::{Calendar, Unit as TimeUnit, WeekStart, Window};

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
        Instant::Yesterday(_) => Ok(calendar.add(calendar.floor(now, TimeUnit::Day), -1, TimeUnit::Day)),
        Instant::Ago(Bound::Int(n, _), u, _) => Ok(calendar.add(now, -i64::try_from(*n).unwrap_or(i64::MAX), unit(*u))),
        Instant::Text(_, text, _) => text_instant(text, &calendar).ok_or_else(|| DataFusionError::Plan(format!("'{text}' is no time"))),
        Instant::Ago(Bound::Param(_), ..) | Instant::Param(_) => Err(DataFusionError::Plan("a parameter was not bound".into())),
    }
}

fn text_instant(text: &str, calendar: &Calendar) -> Option<i64> {
    let (at, zoned) = eql_catalog::parse_timestamp(text)?;
    Some(if zoned { at } else { calendar.from_local(at) })
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
    let clock = &range.clock;
    let calendar = calendar(clock)?;
    let now = now_of(clock, now)?;
    let floor = |u: Unit| calendar.floor(now, unit(u));
    let add = |t: i64, n: i64, u: Unit| calendar.add(t, n, unit(u));
    Ok(match &range.range.kind {
        RangeKind::AllTime => (i64::MIN, now),
        RangeKind::Today => (floor(Unit::Day), now),
        RangeKind::Yesterday => (add(floor(Unit::Day), -1, Unit::Day), floor(Unit::Day)),
        RangeKind::This(u) => (floor(*u), now),
        RangeKind::Previous(u) => (add(floor(*u), -1, *u), floor(*u)),
        RangeKind::Since(a) => (instant(a, clock, now)?, now),
        RangeKind::Before(a) => (i64::MIN, instant(a, clock, now)?),
        RangeKind::Last(n, kind, u) => {
            let n = match n {
                None => 1,
                Some(Bound::Int(n, _)) => i64::try_from(*n).unwrap_or(i64::MAX),
                Some(Bound::Param(_)) => return Err(DataFusionError::Plan("a parameter was not bound".into())),
            };
            match kind {
                LastKind::Calendar => (add(floor(*u), 1 - n, *u), now),
                LastKind::Complete => (add(floor(*u), -n, *u), floor(*u)),
                LastKind::Rolling => match fixed(*u) {
                    Some(micros) => (now.saturating_sub(micros.saturating_mul(n)), now),
                    None => (add(now, -n, *u), now),
                },
            }
        }
        RangeKind::FromTo(a, b) => from_to(a, b, clock, &calendar, now)?,
        RangeKind::Param(_) => return Err(DataFusionError::Plan("a parameter was not bound".into())),
    })
}

/// `a TO b`: dates and `n days ago` include the end's period, timestamps exclude the end.
fn from_to(a: &Instant, b: &Instant, clock: &Clock, calendar: &Calendar, now: i64) -> Result<(i64, i64)> {
    let period = |at: &Instant| if let Instant::Ago(_, u, _) = at { (*u >= Unit::Day).then_some(*u) } else { None };
    let start = instant(a, clock, now)?;
    let start = period(a).map_or(start, |_| calendar.floor(start, TimeUnit::Day));
    let end = instant(b, clock, now)?;
    let day_after = |t: i64| calendar.add(calendar.floor(t, TimeUnit::Day), 1, TimeUnit::Day);
    let whole_day = is_date(b) || period(b).is_some() || matches!(b, Instant::Today(_) | Instant::Yesterday(_));
    Ok((start, if whole_day { day_after(end) } else { end }))
}
