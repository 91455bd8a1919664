//! Values as JSON, as the language writes them: decimals and times as text.

use arrow::array::{Array, Decimal128Array, TimestampMicrosecondArray};
use arrow::util::display::array_value_to_string;
use eql_catalog::Value;
use serde_json::Value as Json;

/// One value.
pub(crate) fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(v) => (*v).into(),
        Value::Int(v) => (*v).into(),
        Value::Double(v) => (*v).into(),
        Value::String(v) => v.as_str().into(),
        Value::Date(v) => day(i64::from(*v)).into(),
        Value::Timestamp(v) => instant(*v).into(),
        Value::Decimal(v, scale) => decimal(*v, *scale).into(),
        Value::List(items) => items.iter().map(json).collect(),
    }
}

/// RFC 3339 in UTC.
pub(crate) fn instant(micros: i64) -> String {
    let array = TimestampMicrosecondArray::from(vec![micros]).with_timezone("UTC");
    array_value_to_string(&array, 0).unwrap_or_default()
}

fn day(days: i64) -> String {
    let mut text = instant(days.saturating_mul(86_400_000_000));
    text.truncate(10);
    text
}

fn decimal(value: i128, scale: i8) -> String {
    let array = Decimal128Array::from(vec![value]).with_precision_and_scale(38, scale);
    array.map(|a| if a.is_valid(0) { a.value_as_string(0) } else { String::new() }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_the_language_writes_them() {
        let all = [
            (Value::Null, "null"),
            (Value::Int(i64::MAX), "9223372036854775807"),
            (Value::Decimal(-1250, 2), "\"-12.50\""),
            (Value::Date(1), "\"1970-01-02\""),
            (Value::Timestamp(1_500_000), "\"1970-01-01T00:00:01.500Z\""),
            (Value::List(vec![Value::Bool(true), Value::String("a\"b".into())]), "[true,\"a\\\"b\"]"),
        ];
        for (value, expected) in all {
            assert_eq!(json(&value).to_string(), expected);
        }
    }
}
