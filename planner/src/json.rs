//! Rows as JSON objects: the properties of an event in one cell.

use arrow::array::{Array, ArrayRef, StringArray, StringBuilder};
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, Decimal128Type, DecimalType};
use chrono::{DateTime, SecondsFormat};
use eql_catalog::Value;
use eql_store::value_at;
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// One object a row, of the columns that have a value there, in their order. What is not declared stands in `extra`, if there is any.
pub(crate) fn objects(columns: &[(&str, ArrayRef)], extra: &StringArray, rows: usize) -> ArrayRef {
    let mut out = StringBuilder::new();
    for row in 0..rows {
        let mut object = Map::new();
        for (name, column) in columns.iter().filter(|(_, c)| c.is_valid(row)) {
            object.insert((*name).to_string(), json(value_at(column, row)));
        }
        let undeclared = extra.is_valid(row).then(|| serde_json::from_str::<Json>(extra.value(row)).ok()).flatten();
        if let Some(members) = undeclared.filter(|e| e.as_object().is_none_or(|o| !o.is_empty())) {
            object.insert("extra".into(), members);
        }
        out.append_value(Json::Object(object).to_string());
    }
    Arc::new(out.finish())
}

/// A value as results show it: numbers that JSON readers would round are texts.
fn json(value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(v) => v.into(),
        Value::Int(v) => v.into(),
        Value::Double(v) => v.into(),
        Value::Decimal(v, scale) => Decimal128Type::format_decimal(v, DECIMAL128_MAX_PRECISION, scale).into(),
        Value::String(v) => v.into(),
        Value::Date(days) => {
            let day = DateTime::from_timestamp(i64::from(days) * 86_400, 0);
            day.map_or_else(|| days.to_string(), |d| d.date_naive().to_string()).into()
        }
        Value::Timestamp(micros) => {
            let at = DateTime::from_timestamp_micros(micros);
            at.map_or_else(|| micros.to_string(), |t| t.to_rfc3339_opts(SecondsFormat::AutoSi, true)).into()
        }
        Value::List(items) => items.into_iter().map(json).collect(),
    }
}
