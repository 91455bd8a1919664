//! STRING and JSON.

use super::coerce::{Coerced, done};
use crate::source::{Kind, RawColumn};
use arrow::array::*;
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::*;
use arrow::error::ArrowError;
use arrow::util::display::array_value_to_string;
use std::fmt::Write;

pub(crate) fn to_string(values: &ArrayRef) -> Result<Option<Coerced>, ArrowError> {
    let texts = match values.data_type() {
        DataType::Int64 => ints(values.as_primitive())?,
        DataType::Float64 => values.as_primitive::<Float64Type>().iter().map(|v| v.map(|v| v.to_string())).collect(),
        DataType::Timestamp(unit, Some(_)) => {
            cast(&cast(values, &DataType::Timestamp(*unit, Some("UTC".into())))?, &DataType::Utf8)?.as_string().clone()
        }
        DataType::List(_) | DataType::Struct(_) | DataType::Map(_, _) => json_texts(values, Kind::Typed),
        _ => cast(values, &DataType::Utf8)?.as_string().clone(),
    };
    Ok(done(texts, Vec::new()))
}

/// Digits written by hand: ids are mostly integers, and a formatter would take longer than reading the file.
fn ints(values: &Int64Array) -> Result<StringArray, ArrowError> {
    let mut text = Vec::with_capacity(values.len() * 8);
    let mut offsets = Vec::with_capacity(values.len() + 1);
    offsets.push(0i32);
    for row in 0..values.len() {
        if values.is_valid(row) {
            push_int(&mut text, values.value(row));
        }
        offsets.push(text.len() as i32);
    }
    StringArray::try_new(OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(text), values.nulls().cloned())
}

fn push_int(text: &mut Vec<u8>, value: i64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        text.push(b'-');
    }
    text.extend_from_slice(&digits[at..]);
}

/// JSON text of everything but text; text that is JSON is taken as such, other text is a JSON string unless it tries to be an object or array.
pub(crate) fn to_json(column: &RawColumn) -> Option<Coerced> {
    let values = &column.values;
    if column.kind == Kind::Json || *values.data_type() != DataType::Utf8 {
        return done(json_texts(values, column.kind), Vec::new());
    }
    let mut failed = Vec::new();
    let mut builder = StringBuilder::new();
    for (row, value) in values.as_string::<i32>().iter().enumerate() {
        match value {
            None => builder.append_null(),
            Some(text) if text.trim().is_empty() && column.kind == Kind::Text => builder.append_null(),
            Some(text) if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => builder.append_value(text.trim()),
            Some(text) if text.trim_start().starts_with(['{', '[']) => {
                failed.push(row as u32);
                builder.append_null();
            }
            Some(text) => builder.append_value(serde_json::Value::from(text).to_string()),
        }
    }
    done(builder.finish(), failed)
}

fn json_texts(values: &ArrayRef, kind: Kind) -> StringArray {
    let mut text = String::new();
    let mut one = |row: usize| {
        text.clear();
        write_json(values, kind, row, &mut text);
        text.clone()
    };
    (0..values.len()).map(|row| values.is_valid(row).then(|| one(row))).collect()
}

/// JSON strings without their quotes; other JSON as it is.
pub(crate) fn unwrapped(texts: &StringArray) -> StringArray {
    let plain = |text: &str| match text.starts_with('"') {
        true => serde_json::from_str::<String>(text).unwrap_or_else(|_| text.to_string()),
        false => text.to_string(),
    };
    texts.iter().map(|t| t.map(plain)).collect()
}

/// One value as JSON.
pub(crate) fn write_json(values: &dyn Array, kind: Kind, row: usize, out: &mut String) {
    if values.is_null(row) {
        out.push_str("null");
        return;
    }
    let done = match values.data_type() {
        DataType::Utf8 if kind == Kind::Json => out.write_str(values.as_string::<i32>().value(row)),
        DataType::Utf8 => quoted(values.as_string::<i32>().value(row), out),
        DataType::Boolean => write!(out, "{}", values.as_boolean().value(row)),
        DataType::Int64 => write!(out, "{}", values.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => double(values.as_primitive::<Float64Type>().value(row), out),
        DataType::Decimal128(_, _) => write!(out, "{}", values.as_primitive::<Decimal128Type>().value_as_string(row)),
        DataType::List(_) => elements(values.as_list(), row, out),
        DataType::Struct(_) => members(values.as_struct(), row, out),
        DataType::Map(_, _) => entries(values.as_map(), row, out),
        _ => quoted(&array_value_to_string(values, row).unwrap_or_default(), out),
    };
    debug_assert!(done.is_ok(), "a String takes any text");
}

pub(crate) fn quoted(text: &str, out: &mut String) -> std::fmt::Result {
    if text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\') {
        write!(out, "\"{text}\"")
    } else {
        write!(out, "{}", serde_json::Value::from(text))
    }
}

/// Whole numbers without a fraction: a column of 12 and 12.5 writes 12 as a column of 12 does. JSON has no NaN.
fn double(value: f64, out: &mut String) -> std::fmt::Result {
    match value {
        v if !v.is_finite() => write!(out, "\"{v}\""),
        v if v.abs() < 1e15 => write!(out, "{v}"),
        v => write!(out, "{v:?}"),
    }
}

fn elements(list: &ListArray, row: usize, out: &mut String) -> std::fmt::Result {
    let values = list.value(row);
    out.push('[');
    for i in 0..values.len() {
        out.push_str(if i == 0 { "" } else { "," });
        write_json(&values, Kind::Typed, i, out);
    }
    out.write_char(']')
}

fn members(values: &StructArray, row: usize, out: &mut String) -> std::fmt::Result {
    out.push('{');
    for (i, (name, column)) in values.column_names().into_iter().zip(values.columns()).enumerate() {
        out.push_str(if i == 0 { "" } else { "," });
        quoted(name, out)?;
        out.push(':');
        write_json(column, Kind::Typed, row, out);
    }
    out.write_char('}')
}

fn entries(map: &MapArray, row: usize, out: &mut String) -> std::fmt::Result {
    let pairs = map.value(row);
    out.push('{');
    for i in 0..pairs.len() {
        out.push_str(if i == 0 { "" } else { "," });
        quoted(pairs.column(0).as_string::<i32>().value(i), out)?;
        out.push(':');
        write_json(pairs.column(1), Kind::Typed, i, out);
    }
    out.write_char('}')
}
