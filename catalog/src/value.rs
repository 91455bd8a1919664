//! Single values, for keys, parameters and literals.

use crate::DataType;
use serde::{Deserialize, Serialize};

/// A value of one of the language's types.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// Missing.
    Null,
    /// BOOLEAN.
    Bool(bool),
    /// BIGINT.
    Int(i64),
    /// DOUBLE.
    Double(f64),
    /// DECIMAL: unscaled value and scale.
    Decimal(i128, i8),
    /// STRING, and JSON as text.
    String(String),
    /// DATE: days since 1970-01-01.
    Date(i32),
    /// TIMESTAMP: microseconds since 1970-01-01T00:00Z.
    Timestamp(i64),
    /// LIST.
    List(Vec<Value>),
}

impl Value {
    /// The type, None for NULL and for an empty list.
    pub fn data_type(&self) -> Option<DataType> {
        Some(match self {
            Value::Null => return None,
            Value::Bool(_) => DataType::Bool,
            Value::Int(_) => DataType::Int,
            Value::Double(_) => DataType::Double,
            Value::Decimal(v, s) => {
                DataType::Decimal(v.unsigned_abs().to_string().len().clamp(1, 38).max(usize::from(s.unsigned_abs())) as u8, *s)
            }
            Value::String(_) => DataType::String,
            Value::Date(_) => DataType::Date,
            Value::Timestamp(_) => DataType::Timestamp,
            Value::List(v) => DataType::List(Box::new(v.iter().find_map(Value::data_type)?)),
        })
    }
}

/// Days since 1970-01-01 of a civil date (proleptic Gregorian; H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil).
fn days_from_civil(y: i64, m: i64, d: i64) -> i64 {
    let y = if m <= 2 { y - 1 } else { y };
    let era = y.div_euclid(400);
    let yoe = y - era * 400;
    let doy = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + d - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

fn digits(s: &str, n: usize) -> Option<i64> {
    (s.len() == n && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse().ok()).flatten()
}

/// Reads `YYYY-MM-DD`; the result is days since 1970-01-01. None when the text is no date.
pub fn parse_date(text: &str) -> Option<i32> {
    let mut it = text.trim().splitn(3, '-');
    let (y, m, d) = (digits(it.next()?, 4)?, digits(it.next()?, 2)?, digits(it.next()?, 2)?);
    let leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let longest = *days.get(usize::try_from(m).ok()?.checked_sub(1)?)?;
    (1..=longest).contains(&d).then(|| i32::try_from(days_from_civil(y, m, d)).ok()).flatten()
}

/// Reads RFC 3339 or `YYYY-MM-DD[ hh:mm[:ss[.f]]]`. The result is (microseconds, true) for an instant with a zone and (microseconds as if in UTC, false) for a
/// local time, which the caller shifts by its zone. None when the text is no time.
pub fn parse_timestamp(text: &str) -> Option<(i64, bool)> {
    let t = text.trim();
    let date = i64::from(parse_date(t.get(..10)?)?) * 86_400_000_000;
    let rest = &t[10..];
    if rest.is_empty() {
        return Some((date, false));
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let zone_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone_at);
    let clock = parse_clock(clock.trim_end())?;
    match zone {
        "" => Some((date + clock, false)),
        "Z" | "z" => Some((date + clock, true)),
        z => Some((date + clock - parse_offset(z)?, true)),
    }
}

fn parse_clock(text: &str) -> Option<i64> {
    let mut it = text.splitn(3, ':');
    let (h, m) = (digits(it.next()?, 2)?, digits(it.next()?, 2)?);
    let (s, micros) = match it.next() {
        None => (0, 0),
        Some(sec) => match sec.split_once(['.', ',']) {
            None => (digits(sec, 2)?, 0),
            Some((s, f)) => {
                let kept: String = f.chars().chain("000000".chars()).take(6).collect();
                (!f.is_empty() && f.bytes().all(|b| b.is_ascii_digit())).then_some(())?;
                (digits(s, 2)?, kept.parse::<i64>().ok()?)
            }
        },
    };
    (h < 24 && m < 60 && s < 61).then_some(((h * 60 + m) * 60 + s) * 1_000_000 + micros)
}

fn parse_offset(text: &str) -> Option<i64> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let body: String = text[1..].chars().filter(|c| *c != ':').collect();
    let (h, m) = match body.len() {
        2 => (digits(&body, 2)?, 0),
        4 => (digits(&body[..2], 2)?, digits(&body[2..], 2)?),
        _ => return None,
    };
    Some(sign * (h * 60 + m) * 60_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_and_without_zone() {
        assert_eq!(parse_date("1970-01-02"), Some(1));
        assert_eq!(parse_date("2017-02-29"), None);
        assert_eq!(parse_timestamp("1970-01-01T00:00:01.5Z"), Some((1_500_000, true)));
        assert_eq!(parse_timestamp("1970-01-01 01:00+01:00"), Some((0, true)));
        assert_eq!(parse_timestamp("1970-01-01 00:00:02"), Some((2_000_000, false)));
        assert_eq!(parse_timestamp("1969-12-31"), Some((-86_400_000_000, false)));
        assert_eq!(parse_timestamp("soon"), None);
        assert_eq!(parse_timestamp("日本日本日本日本"), None);
    }
}
