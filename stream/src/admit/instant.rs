//! DATE and TIMESTAMP, and the clock of a zone.

use super::coerce::{Coerced, done, mapped, parsed};
use super::number::{double_of_text, int_of_text};
use super::times::Times;
use crate::source::RawColumn;
use arrow::array::*;
use arrow::datatypes::*;
use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

const DAY: i64 = 86_400_000_000;

pub(crate) fn to_timestamp(values: &ArrayRef, times: &Times) -> Option<Coerced> {
    let mut clock = LocalClock::new(times.zone);
    let (micros, failed) = match values.data_type() {
        DataType::Timestamp(_, Some(_)) => micros(values)?,
        DataType::Timestamp(_, None) => {
            let (local, failed) = micros(values)?;
            let (utc, more) = mapped::<TimestampMicrosecondType, TimestampMicrosecondType>(&local, |v| clock.utc(v));
            (utc, failed.into_iter().chain(more).collect())
        }
        DataType::Date32 => mapped::<Date32Type, TimestampMicrosecondType>(values.as_primitive(), |d| clock.utc(i64::from(d) * DAY)),
        DataType::Int64 | DataType::Float64 if times.formatted() => return to_timestamp(&as_text(values)?, times),
        DataType::Int64 => mapped::<Int64Type, TimestampMicrosecondType>(values.as_primitive(), |v| v.checked_mul(1000)),
        DataType::Float64 => mapped::<Float64Type, TimestampMicrosecondType>(values.as_primitive(), of_millis),
        DataType::Utf8 => parsed::<TimestampMicrosecondType>(values.as_string(), |t| of_text(t, times, &mut clock)),
        _ => return None,
    };
    done(micros.with_timezone("UTC"), failed)
}

/// Numbers that as milliseconds all lie in the first weeks of 1970 (they are seconds, then), or beyond the year 5000 (they are smaller parts of one).
pub(crate) fn counts_something_else(column: &RawColumn, times: &TimestampMicrosecondArray) -> bool {
    let numbers = match column.values.data_type() {
        DataType::Int64 | DataType::Float64 => true,
        DataType::Utf8 => column.values.as_string::<i32>().iter().flatten().take(1).all(|t| double_of_text(t.trim()).is_some()),
        _ => false,
    };
    let (weeks, far) = (60 * DAY, 3030 * 365 * DAY);
    numbers && !times.is_empty() && times.iter().flatten().all(|t| (1..weeks).contains(&t) || t > far)
}

/// An instant in UTC, in microseconds.
pub(crate) fn instant_of_text(text: &str) -> Option<i64> {
    of_text(text.trim(), &Times::utc(), &mut LocalClock::new(Tz::UTC))
}

/// Of milliseconds since 1970.
pub(crate) fn instant_of_millis(millis: f64) -> Option<i64> {
    of_millis(millis)
}

fn of_millis(millis: f64) -> Option<i64> {
    let micros = (millis * 1000.0).round();
    (micros.abs() < 9.2e18).then_some(micros as i64)
}

fn of_text(text: &str, times: &Times, clock: &mut LocalClock) -> Option<i64> {
    match times.timestamp(text) {
        Some((instant, true)) => Some(instant),
        Some((local, false)) => clock.utc(local),
        None => int_of_text(text).and_then(|v| v.checked_mul(1000)).or_else(|| double_of_text(text).and_then(of_millis)),
    }
}

/// Numbers as they would stand in a text file.
fn as_text(values: &ArrayRef) -> Option<ArrayRef> {
    arrow::compute::cast(values, &DataType::Utf8).ok()
}

/// In microseconds, of any unit; later digits are cut towards the past.
fn micros(values: &ArrayRef) -> Option<(TimestampMicrosecondArray, Vec<u32>)> {
    Some(match values.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => mapped::<TimestampSecondType, _>(values.as_primitive(), |v| v.checked_mul(1_000_000)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            mapped::<TimestampMillisecondType, _>(values.as_primitive(), |v| v.checked_mul(1000))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => (values.as_primitive::<TimestampMicrosecondType>().clone(), Vec::new()),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            mapped::<TimestampNanosecondType, _>(values.as_primitive(), |v| Some(v.div_euclid(1000)))
        }
        _ => return None,
    })
}

/// A time is a day only at midnight.
pub(crate) fn to_date(values: &ArrayRef, times: &Times) -> Option<Coerced> {
    let clock = LocalClock::new(times.zone);
    let (days, failed) = match values.data_type() {
        DataType::Timestamp(_, of_zone) => {
            let (micros, cut) = micros(values)?;
            let zoned = of_zone.is_some();
            let day = |v: i64| day_at_midnight(if zoned { clock.local(v)? } else { v });
            let (days, failed) = mapped::<TimestampMicrosecondType, Date32Type>(&micros, day);
            (days, cut.into_iter().chain(failed).collect())
        }
        DataType::Int64 | DataType::Float64 if times.formatted() => return to_date(&as_text(values)?, times),
        DataType::Utf8 => parsed::<Date32Type>(values.as_string(), |t| times.date(t)),
        _ => return None,
    };
    done(days, failed)
}

/// The local day of every instant.
pub(crate) fn days_of(times: &TimestampMicrosecondArray, zone: Tz) -> Date32Array {
    let clock = LocalClock::new(zone);
    times.iter().map(|t| t.and_then(|t| i32::try_from(clock.local(t)?.div_euclid(DAY)).ok())).collect()
}

fn day_at_midnight(local: i64) -> Option<i32> {
    (local.rem_euclid(DAY) == 0).then(|| i32::try_from(local.div_euclid(DAY)).ok()).flatten()
}

/// The wall clock of a zone. It remembers the last day, as neighbours mostly share it.
pub(crate) struct LocalClock {
    zone: Tz,
    day: i64,
    /// Microseconds ahead of UTC, when that is the same all day and the days around it.
    steady: Option<i64>,
}

impl LocalClock {
    pub(crate) fn new(zone: Tz) -> LocalClock {
        LocalClock { zone, day: i64::MIN, steady: None }
    }

    /// The instant of a local time: the first of two when clocks went back, as far after the jump as the clock shows when they went forward.
    pub(crate) fn utc(&mut self, local: i64) -> Option<i64> {
        if self.zone == Tz::UTC {
            return Some(local);
        }
        let day = local.div_euclid(DAY);
        if day != self.day {
            let (before, after) = (self.ahead(day.checked_sub(1)?.checked_mul(DAY)?)?, self.ahead(day.checked_add(2)?.checked_mul(DAY)?)?);
            self.steady = (before == after).then_some(before);
            self.day = day;
        }
        let ahead = match self.steady {
            Some(ahead) => ahead,
            None => match self.zone.offset_from_local_datetime(&civil(local)?) {
                LocalResult::Single(offset) | LocalResult::Ambiguous(offset, _) => i64::from(offset.fix().local_minus_utc()) * 1_000_000,
                LocalResult::None => self.ahead(local.checked_sub(DAY)?)?,
            },
        };
        local.checked_sub(ahead)
    }

    /// What the clock shows at an instant.
    pub(crate) fn local(&self, utc: i64) -> Option<i64> {
        utc.checked_add(self.ahead(utc)?)
    }

    fn ahead(&self, utc: i64) -> Option<i64> {
        let offset = self.zone.offset_from_utc_datetime(&civil(utc)?);
        Some(i64::from(offset.fix().local_minus_utc()) * 1_000_000)
    }
}

fn civil(micros: i64) -> Option<NaiveDateTime> {
    Some(DateTime::from_timestamp_micros(micros)?.naive_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(zone: Tz, local: &str) -> String {
        let micros = of_text(local, &Times::new(zone, &[]), &mut LocalClock::new(zone)).expect("a time");
        DateTime::from_timestamp_micros(micros).expect("in range").format("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    #[test]
    fn local_times_follow_the_zone_through_its_changes() {
        let berlin = chrono_tz::Europe::Berlin;
        assert_eq!(utc(berlin, "2021-01-15"), "2021-01-14T23:00:00Z");
        assert_eq!(utc(berlin, "2021-07-15"), "2021-07-14T22:00:00Z");
        assert_eq!(utc(berlin, "2021-03-28"), "2021-03-27T23:00:00Z");
        assert_eq!(utc(berlin, "2021-03-28 02:30:00"), "2021-03-28T01:30:00Z");
        assert_eq!(utc(berlin, "2021-03-28 03:30:00"), "2021-03-28T01:30:00Z");
        assert_eq!(utc(berlin, "2021-10-31 02:30:00"), "2021-10-31T00:30:00Z");
        assert_eq!(utc(berlin, "2021-10-31 04:30:00"), "2021-10-31T03:30:00Z");
        assert_eq!(utc(berlin, "2021-07-15T00:00:00Z"), "2021-07-15T00:00:00Z");
        assert_eq!(utc(berlin, "1000"), "1970-01-01T00:00:01Z");
    }

    #[test]
    fn the_day_of_a_time_is_that_of_the_zone() {
        let times = TimestampMicrosecondArray::from(vec![Some(1_519_961_400_000_000), None, Some(0)]);
        let days = |zone| days_of(&times, zone).iter().collect::<Vec<_>>();
        // 2018-03-02 03:30 in UTC is the evening before in New York; 1970 began there five hours later.
        assert_eq!(days(Tz::UTC), [Some(17_592), None, Some(0)]);
        assert_eq!(days(chrono_tz::America::New_York), [Some(17_591), None, Some(-1)]);
    }

    #[test]
    fn a_day_that_begins_with_a_jump_begins_after_it() {
        assert_eq!(utc(chrono_tz::America::Sao_Paulo, "2018-11-04"), "2018-11-04T03:00:00Z");
        assert_eq!(utc(chrono_tz::America::Havana, "2021-11-07"), "2021-11-07T04:00:00Z");
    }
}
