//! A value as another type, exactly or not at all.

use super::value::{array_of, value_at};
use crate::arrow_type::arrow_type;
use arrow::array::Array;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use eql_catalog::{DataType, Value, parse_date, parse_timestamp};

const DAY_US: i64 = 86_400_000_000;
/// Decimal digits that a DOUBLE keeps.
const DOUBLE_DIGITS: u128 = 1_000_000_000_000_000;

/// None when something would be lost.
pub(crate) fn convert(value: &Value, to: &DataType) -> Option<Value> {
    Some(match (value, to) {
        (Value::Null, _) => Value::Null,
        (Value::String(text), _) => from_text(text, to)?,
        (Value::List(items), DataType::List(item)) => Value::List(items.iter().map(|i| convert(i, item)).collect::<Option<_>>()?),
        (Value::List(_), _) | (_, DataType::List(_)) => return None,
        (_, DataType::String) => Value::String(text_of(value)?),
        (Value::Bool(_), DataType::Bool) | (Value::Int(_), DataType::Int) | (Value::Double(_), DataType::Double) => value.clone(),
        (Value::Date(_), DataType::Date) | (Value::Timestamp(_), DataType::Timestamp) => value.clone(),
        (Value::Int(n), DataType::Double) => exact_double(*n)?,
        (Value::Int(n), DataType::Decimal(p, s)) => decimal(i128::from(*n), 0, *p, *s)?,
        (Value::Double(n), DataType::Int) => whole(*n)?,
        (Value::Double(n), DataType::Decimal(p, s)) => decimal_text(&format!("{n}"), *p, *s)?,
        (Value::Decimal(n, scale), DataType::Int) => {
            let Value::Decimal(n, _) = decimal(*n, *scale, 38, 0)? else { return None };
            Value::Int(i64::try_from(n).ok()?)
        }
        (Value::Decimal(n, _), DataType::Double) if n.unsigned_abs() < DOUBLE_DIGITS => Value::Double(text_of(value)?.parse().ok()?),
        (Value::Decimal(n, scale), DataType::Decimal(p, s)) => decimal(*n, *scale, *p, *s)?,
        (Value::Date(d), DataType::Timestamp) => Value::Timestamp(i64::from(*d) * DAY_US),
        (Value::Timestamp(t), DataType::Date) if t % DAY_US == 0 => Value::Date(i32::try_from(t / DAY_US).ok()?),
        _ => return None,
    })
}

/// Every value of a column; or how many do not convert, and the row of the first.
pub(crate) fn convert_all(values: &dyn Array, to: &DataType) -> Result<Vec<Value>, (usize, usize)> {
    let (mut converted, mut failed) = (Vec::with_capacity(values.len()), (0, 0));
    for i in 0..values.len() {
        match convert(&value_at(values, i), to) {
            Some(value) => converted.push(value),
            None if failed.0 == 0 => failed = (1, i),
            None => failed.0 += 1,
        }
    }
    if failed.0 == 0 { Ok(converted) } else { Err(failed) }
}

/// An undeclared value that becomes a declared one. Its texts are read as the import reads them.
pub(crate) fn from_json(json: &serde_json::Value, to: &DataType) -> Option<Value> {
    use serde_json::Value as Json;
    Some(match (json, to) {
        (Json::Null, _) => Value::Null,
        (json, DataType::Json) => Value::String(json.to_string()),
        (Json::Bool(b), DataType::Bool) => Value::Bool(*b),
        (Json::String(text), _) => from_text(text, to)?,
        (Json::Number(number), DataType::Int | DataType::Double | DataType::Decimal(..) | DataType::String) => {
            match (number.as_f64(), to) {
                // 3.0 is a whole number too.
                (Some(n), DataType::Int) if number.as_i64().is_none() => whole(n)?,
                _ => from_text(&number.to_string(), to)?,
            }
        }
        (Json::Array(items), DataType::List(item)) => Value::List(items.iter().map(|i| from_json(i, item)).collect::<Option<_>>()?),
        (Json::Array(_) | Json::Object(_) | Json::Bool(_), DataType::String) => Value::String(json.to_string()),
        _ => return None,
    })
}

/// As a person reads it.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    if let Value::Double(n) = value {
        return Some(format!("{n:?}"));
    }
    let data_type = match value {
        Value::Decimal(_, scale) => DataType::Decimal(38, *scale),
        other => other.data_type()?,
    };
    let array = array_of(std::slice::from_ref(value), &arrow_type(&data_type)).ok()?;
    let options = FormatOptions::default().with_null("NULL");
    Some(ArrayFormatter::try_new(&array, &options).ok()?.value(0).to_string())
}

fn from_text(text: &str, to: &DataType) -> Option<Value> {
    Some(match to {
        DataType::String => Value::String(text.to_string()),
        DataType::Json => {
            serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
            Value::String(text.to_string())
        }
        DataType::Bool if text.eq_ignore_ascii_case("true") => Value::Bool(true),
        DataType::Bool if text.eq_ignore_ascii_case("false") => Value::Bool(false),
        DataType::Int => Value::Int(text.parse().ok()?),
        DataType::Double => Value::Double(text.parse().ok().filter(|n: &f64| n.is_finite())?),
        DataType::Decimal(p, s) => decimal_text(text, *p, *s)?,
        DataType::Date => Value::Date(parse_date(text)?),
        DataType::Timestamp => Value::Timestamp(parse_timestamp(text)?.0),
        _ => return None,
    })
}

fn exact_double(n: i64) -> Option<Value> {
    let double = n as f64;
    (n.unsigned_abs() <= 1 << 53).then_some(Value::Double(double))
}

fn whole(n: f64) -> Option<Value> {
    // 2^63 itself does not fit.
    let fits = n.fract() == 0.0 && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&n);
    fits.then_some(Value::Int(n as i64))
}

/// Digits with a point and perhaps an exponent.
fn decimal_text(text: &str, precision: u8, scale: i8) -> Option<Value> {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i8>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let unsigned = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    if !digits(unsigned) || !digits(fraction) || (unsigned.is_empty() && fraction.is_empty()) {
        return None;
    }
    let unscaled: i128 = format!("{whole}{fraction}").parse().ok()?;
    let own = i8::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    decimal(unscaled, own, precision, scale)
}

fn decimal(n: i128, from: i8, precision: u8, to: i8) -> Option<Value> {
    let steps = i16::from(to) - i16::from(from);
    let power = 10i128.checked_pow(u32::from(steps.unsigned_abs()));
    let scaled = match (n, steps >= 0) {
        (0, _) => 0,
        (n, true) => n.checked_mul(power?)?,
        (n, false) => power.filter(|p| n % p == 0).map(|p| n / p)?,
    };
    let fits = scaled.unsigned_abs() < 10u128.pow(u32::from(precision.min(38)));
    fits.then_some(Value::Decimal(scaled, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_convert_exactly_or_not_at_all() {
        let text = |s: &str| Value::String(s.into());
        let money = DataType::Decimal(5, 2);
        let cases = [
            (text("12"), DataType::Int, Some(Value::Int(12))),
            (text("12x"), DataType::Int, None),
            (text("1.50"), money.clone(), Some(Value::Decimal(150, 2))),
            (text("1.505"), money.clone(), None),
            (text("-1.5e1"), money.clone(), Some(Value::Decimal(-1500, 2))),
            (text("1000"), money.clone(), None),
            (text("2024-02-30"), DataType::Date, None),
            (text("TRUE"), DataType::Bool, Some(Value::Bool(true))),
            (text("{\"a\":1}"), DataType::Json, Some(text("{\"a\":1}"))),
            (text("{"), DataType::Json, None),
            (Value::Int(3), DataType::Double, Some(Value::Double(3.0))),
            (Value::Int((1 << 53) + 1), DataType::Double, None),
            (Value::Int(3), money.clone(), Some(Value::Decimal(300, 2))),
            (Value::Int(-7), DataType::String, Some(text("-7"))),
            (Value::Double(2.0), DataType::Int, Some(Value::Int(2))),
            (Value::Double(2.5), DataType::Int, None),
            (Value::Double(0.1), money.clone(), Some(Value::Decimal(10, 2))),
            (Value::Double(0.125), money, None),
            (Value::Decimal(250, 2), DataType::Int, None),
            (Value::Decimal(200, 2), DataType::Int, Some(Value::Int(2))),
            (Value::Decimal(250, 2), DataType::Double, Some(Value::Double(2.5))),
            (Value::Decimal(250, 2), DataType::String, Some(text("2.50"))),
            (Value::Date(1), DataType::Timestamp, Some(Value::Timestamp(DAY_US))),
            (Value::Timestamp(DAY_US + 1), DataType::Date, None),
            (Value::Date(0), DataType::String, Some(text("1970-01-01"))),
            (Value::Bool(true), DataType::Int, None),
            (Value::Null, DataType::Int, Some(Value::Null)),
        ];
        for (value, to, expected) in cases {
            assert_eq!(convert(&value, &to), expected, "{value:?} as {to}");
        }
    }

    #[test]
    fn json_becomes_values() {
        let read = |json: &str, to: DataType| from_json(&serde_json::from_str(json).unwrap(), &to);
        assert_eq!(read("3", DataType::Int), Some(Value::Int(3)));
        assert_eq!(read("3.0", DataType::Int), Some(Value::Int(3)));
        assert_eq!(read("\"3\"", DataType::Int), Some(Value::Int(3)));
        assert_eq!(read("3.5", DataType::Int), None);
        assert_eq!(read("[1,2]", DataType::List(Box::new(DataType::Int))), Some(Value::List(vec![Value::Int(1), Value::Int(2)])));
        assert_eq!(read("{\"a\":[1]}", DataType::Json), Some(Value::String("{\"a\":[1]}".into())));
        assert_eq!(read("{}", DataType::Int), None);
    }
}
