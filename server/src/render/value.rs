//! Single values as JSON, in the same forms as columns of them.

use chrono::{DateTime, SecondsFormat};
use eql_engine::catalog::Value;
use std::io::Write;

/// Appends a value.
pub(crate) fn write_value(value: &Value, out: &mut Vec<u8>) {
    // Writing into a Vec cannot fail.
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(v) => put(v, out),
        Value::Int(v) => put(v, out),
        Value::Double(v) => put(v, out),
        Value::String(v) => put(v, out),
        Value::Decimal(v, scale) => {
            let _ = write!(out, "\"{}\"", decimal(*v, *scale));
        }
        Value::Date(days) => {
            let day = DateTime::from_timestamp(i64::from(*days) * 86_400, 0);
            put(&day.map_or_else(|| days.to_string(), |d| d.date_naive().to_string()), out);
        }
        Value::Timestamp(micros) => {
            let at = DateTime::from_timestamp_micros(*micros);
            put(&at.map_or_else(|| micros.to_string(), |t| t.to_rfc3339_opts(SecondsFormat::AutoSi, true)), out);
        }
        Value::List(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_value(item, out);
            }
            out.push(b']');
        }
    }
}

fn put(value: &(impl serde::Serialize + ?Sized), out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, value);
}

/// The digits with their point.
fn decimal(value: i128, scale: i8) -> String {
    let Ok(places) = usize::try_from(scale) else {
        let zeros = if value == 0 { 0 } else { usize::from(scale.unsigned_abs()) };
        return format!("{value}{}", "0".repeat(zeros));
    };
    let digits = format!("{:0>1$}", value.unsigned_abs(), places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let sign = if value < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text(value: Value) -> String {
        let mut out = Vec::new();
        write_value(&value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_look_as_in_results() {
        assert_eq!(
            [text(Value::Decimal(1250, 2)), text(Value::Decimal(-5, 2)), text(Value::Decimal(7, 0))],
            ["\"12.50\"", "\"-0.05\"", "\"7\""]
        );
        assert_eq!([text(Value::Decimal(12, -2)), text(Value::Double(f64::NAN)), text(Value::Double(1.5))], ["\"1200\"", "null", "1.5"]);
        assert_eq!([text(Value::Date(0)), text(Value::Timestamp(1_500_000))], ["\"1970-01-01\"", "\"1970-01-01T00:00:01.500Z\""]);
        assert_eq!(text(Value::List(vec![Value::String("a\"".into()), Value::Null])), r#"["a\"",null]"#);
    }
}
