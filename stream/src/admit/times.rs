//! How times are written in what is imported.

use super::instant::LocalClock;
use super::number::{double_of_text, int_of_text};
use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{Datelike, NaiveTime, Timelike};
use chrono_tz::Tz;
use eql_catalog::{parse_date, parse_timestamp};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

const DAY: i64 = 86_400_000_000;

/// A way to write times and dates besides those that are always read: a pattern of strftime (`%d/%m/%Y %H:%M`, `%b %d %Y`), or the unit of
/// numbers that count from 1970: `seconds`, `milliseconds`, `microseconds`, `nanoseconds`.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeFormat {
    text: String,
    way: Way,
}

#[derive(Clone, Debug, PartialEq)]
enum Way {
    /// So many units are a second.
    Count(i64),
    Pattern(Vec<Item<'static>>),
}

/// Why a text is no [`TimeFormat`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no format of times; a pattern such as `%d/%m/%Y %H:%M:%S`, or seconds, milliseconds, microseconds or nanoseconds is needed"
)]
pub struct TimeFormatError(String);

impl FromStr for TimeFormat {
    type Err = TimeFormatError;

    fn from_str(text: &str) -> Result<TimeFormat, TimeFormatError> {
        let way = match text {
            "seconds" => Some(Way::Count(1)),
            "milliseconds" => Some(Way::Count(1_000)),
            "microseconds" => Some(Way::Count(1_000_000)),
            "nanoseconds" => Some(Way::Count(1_000_000_000)),
            // Without a field, a pattern would match nothing but itself.
            pattern if pattern.contains('%') => StrftimeItems::new(pattern).parse_to_owned().ok().map(Way::Pattern),
            _ => None,
        };
        way.map(|way| TimeFormat { text: text.to_string(), way }).ok_or_else(|| TimeFormatError(text.to_string()))
    }
}

impl fmt::Display for TimeFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TimeFormat {
    /// Microseconds since 1970, and whether they are an instant or the clock of a zone.
    fn read(&self, text: &str) -> Option<(i64, bool)> {
        match &self.way {
            Way::Count(a_second) => Some((counted(text, *a_second)?, true)),
            Way::Pattern(items) => {
                let mut parsed = Parsed::new();
                parse(&mut parsed, text, items.iter()).ok()?;
                civil(parsed)
            }
        }
    }
}

fn counted(text: &str, a_second: i64) -> Option<i64> {
    match int_of_text(text) {
        Some(n) if a_second > 1_000_000 => Some(n.div_euclid(a_second / 1_000_000)),
        Some(n) => n.checked_mul(1_000_000 / a_second),
        None => {
            let micros = (double_of_text(text)? * 1e6 / a_second as f64).round();
            (micros.abs() < 9.2e18).then_some(micros as i64)
        }
    }
}

/// What a pattern found. Without a clock it is midnight, without minutes the full hour.
fn civil(mut parsed: Parsed) -> Option<(i64, bool)> {
    if let Some(seconds) = parsed.timestamp() {
        return Some((seconds.checked_mul(1_000_000)? + i64::from(parsed.nanosecond().unwrap_or(0) / 1000), true));
    }
    let days = i64::from(parsed.to_naive_date().ok()?.num_days_from_ce()) - 719_163;
    let clock = if parsed.hour_mod_12().is_none() {
        NaiveTime::MIN
    } else {
        if parsed.minute().is_none() {
            parsed.set_minute(0).ok()?;
        }
        parsed.to_naive_time().ok()?
    };
    let micros = days * DAY + i64::from(clock.num_seconds_from_midnight()) * 1_000_000 + i64::from(clock.nanosecond() / 1000);
    match parsed.offset() {
        Some(ahead) => Some((micros - i64::from(ahead) * 1_000_000, true)),
        None => Some((micros, false)),
    }
}

/// The zone of times without one, and the formats that are tried first.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    pub(crate) zone: Tz,
    formats: Arc<[TimeFormat]>,
}

impl Times {
    pub(crate) fn new(zone: Tz, formats: &[TimeFormat]) -> Times {
        Times { zone, formats: formats.into() }
    }

    /// Nothing but what is always read.
    pub(crate) fn utc() -> Times {
        Times::new(Tz::UTC, &[])
    }

    /// Numbers are to be read as text, which a format understands.
    pub(crate) fn formatted(&self) -> bool {
        !self.formats.is_empty()
    }

    /// Microseconds, and whether they are an instant; else they are the clock of the zone.
    pub(crate) fn timestamp(&self, text: &str) -> Option<(i64, bool)> {
        self.formats.iter().find_map(|f| f.read(text)).or_else(|| parse_timestamp(text))
    }

    /// Days since 1970. A time is a day only at midnight.
    pub(crate) fn date(&self, text: &str) -> Option<i32> {
        self.formatted_day(text).unwrap_or_else(|| parse_date(text).or_else(|| parse_timestamp(text).and_then(|at| self.whole_day(at))))
    }

    /// Whether a text is written as a day is: a time at midnight is not.
    pub(crate) fn is_day(&self, text: &str) -> bool {
        self.formatted_day(text).unwrap_or_else(|| parse_date(text)).is_some()
    }

    /// What the first format that reads the text makes of it.
    fn formatted_day(&self, text: &str) -> Option<Option<i32>> {
        self.formats.iter().find_map(|f| f.read(text)).map(|at| self.whole_day(at))
    }

    fn whole_day(&self, (micros, instant): (i64, bool)) -> Option<i32> {
        let local = if instant { LocalClock::new(self.zone).local(micros)? } else { micros };
        (local.rem_euclid(DAY) == 0).then(|| i32::try_from(local.div_euclid(DAY)).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(format: &str, text: &str) -> Option<(i64, bool)> {
        format.parse::<TimeFormat>().unwrap().read(text)
    }

    #[test]
    fn a_pattern_reads_what_it_says() {
        let day = i64::from(parse_date("1998-06-12").unwrap()) * DAY;
        assert_eq!(read("%b %d %Y", "Jun 12 1998"), Some((day, false)));
        assert_eq!(read("%d/%m/%Y %H:%M", "12/06/1998 01:30"), Some((day + 90 * 60_000_000, false)));
        assert_eq!(read("%m/%d/%y %I:%M %p", "06/12/98 12:30 AM"), Some((day + 30 * 60_000_000, false)));
        assert_eq!(read("%Y%m%d%H", "1998061202"), Some((day + 120 * 60_000_000, false)));
        assert_eq!(read("%d %b %Y %H:%M:%S%.f %z", "12 Jun 1998 02:00:00.25 +0200"), Some((day + 250_000, true)));
        assert_eq!(read("%b %d %Y", "12 Jun 1998"), None);
    }

    #[test]
    fn numbers_count_in_a_unit() {
        assert_eq!(read("seconds", "881250949"), Some((881_250_949_000_000, true)));
        assert_eq!(read("seconds", "1.5"), Some((1_500_000, true)));
        assert_eq!(read("%s", "2"), Some((2_000_000, true)));
        assert_eq!([read("milliseconds", "2"), read("microseconds", "2")], [Some((2_000, true)), Some((2, true))]);
        assert_eq!([read("nanoseconds", "-1"), read("seconds", "9223372036854775807")], [Some((-1, true)), None]);
    }

    #[test]
    fn what_is_no_format_is_told() {
        for wrong in ["", "second", "%Q", "yyyy-mm-dd"] {
            assert!(wrong.parse::<TimeFormat>().is_err(), "{wrong}");
        }
    }
}
