//! The type that all values of a column have.

use crate::admit::{Times, double_of_text, int_of_text};
use crate::source::{JsonColumn, Kind, RawColumn, elements};
use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::DataType as ArrowType;
use eql_catalog::DataType;

/// The narrowest type that fits every value; STRING when in doubt. `times` says how dates and times are written.
pub(super) fn infer(column: &RawColumn, times: &Times) -> DataType {
    match (column.values.data_type(), column.kind) {
        (ArrowType::Utf8, Kind::Json) => of_json(column.values.as_string(), times),
        (ArrowType::Utf8, kind) => of_text(column.values.as_string(), kind == Kind::Text, times),
        (ArrowType::List(_), _) => {
            let list = column.values.as_list::<i32>();
            match infer(&column.with(list.values().clone()), times) {
                DataType::Json => DataType::Json,
                element => DataType::List(Box::new(element)),
            }
        }
        (other, _) => of_arrow(other),
    }
}

fn of_arrow(arrow: &ArrowType) -> DataType {
    match arrow {
        ArrowType::Boolean => DataType::Bool,
        ArrowType::Int64 => DataType::Int,
        ArrowType::Float64 => DataType::Double,
        ArrowType::Decimal128(p, s) if *s >= 0 => DataType::Decimal(*p, *s),
        ArrowType::Decimal128(_, _) => DataType::Decimal(38, 0),
        ArrowType::Date32 => DataType::Date,
        ArrowType::Timestamp(_, _) => DataType::Timestamp,
        ArrowType::Struct(_) | ArrowType::Map(_, _) => DataType::Json,
        _ => DataType::String,
    }
}

/// `untyped`: text may stand for numbers, as in CSV. Digits after a leading zero are an identifier, not a number.
fn of_text(texts: &StringArray, untyped: bool, times: &Times) -> DataType {
    let all = |test: &dyn Fn(&str) -> bool| texts.iter().flatten().map(str::trim).filter(|t| !t.is_empty()).all(test);
    let number = |t: &str| {
        let digits = t.trim_start_matches('-');
        let padded = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
        !padded && !t.starts_with('+')
    };
    if texts.iter().flatten().all(|t| t.trim().is_empty()) {
        DataType::String
    } else if untyped && all(&|t| t.eq_ignore_ascii_case("true") || t.eq_ignore_ascii_case("false")) {
        DataType::Bool
    } else if untyped && all(&|t| number(t) && t.parse::<i64>().is_ok()) {
        DataType::Int
    } else if untyped && all(&|t| number(t) && double_of_text(t).is_some() && (t.contains(['.', 'e', 'E']) || int_of_text(t).is_some())) {
        DataType::Double
    } else if all(&|t| times.is_day(t)) {
        DataType::Date
    } else if all(&|t| times.timestamp(t).is_some()) {
        DataType::Timestamp
    } else {
        DataType::String
    }
}

fn of_json(texts: &StringArray, times: &Times) -> DataType {
    let all = |start: &[char]| texts.iter().flatten().all(|t| t.starts_with(start));
    let any = |start: &[char]| texts.iter().flatten().any(|t| t.starts_with(start));
    if all(&['[']) {
        return of_arrays(texts, times);
    }
    let digits: Vec<char> = "-0123456789".chars().collect();
    match () {
        () if any(&['{', '[']) => DataType::Json,
        () if all(&digits) => DataType::Double,
        () => DataType::String,
    }
}

fn of_arrays(texts: &StringArray, times: &Times) -> DataType {
    let mut column = JsonColumn::default();
    let values = texts.iter().flatten().filter_map(|t| elements(t).ok());
    values.for_each(|v| v.iter().for_each(|e| column.push(e)));
    let rows = column.len();
    let column = column.finish("element", rows);
    match column.kind {
        Kind::Json => DataType::Json,
        _ => DataType::List(Box::new(infer(&column, times))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn of(kind: Kind, values: &[&str]) -> String {
        infer(&RawColumn { name: String::new(), kind, values: Arc::new(StringArray::from(values.to_vec())), present: None }, &Times::utc())
            .to_string()
    }

    #[test]
    fn text_shows_its_type() {
        let text = |values: &[&str]| of(Kind::Text, values);
        assert_eq!(text(&["1", "-20", ""]), "BIGINT");
        assert_eq!([text(&["1", "2.5"]), text(&["007"]), text(&["99999999999999999999"])], ["DOUBLE", "STRING", "STRING"]);
        assert_eq!(
            [text(&["true", "FALSE"]), text(&["2021-01-01"]), text(&["2021-01-01", "2021-01-01 10:00:00"])],
            ["BOOLEAN", "DATE", "TIMESTAMP"]
        );
        assert_eq!([text(&["", ""]), text(&["1", "x"])], ["STRING", "STRING"]);
        assert_eq!([of(Kind::Typed, &["1"]), of(Kind::Typed, &["2021-01-01T00:00:00Z"])], ["STRING", "TIMESTAMP"]);
        assert_eq!(
            [of(Kind::Json, &["[1]", "[2,3]"]), of(Kind::Json, &["[1]", "{}"]), of(Kind::Json, &["1", "\"a\""])],
            ["LIST<BIGINT>", "JSON", "STRING"]
        );
    }
}
