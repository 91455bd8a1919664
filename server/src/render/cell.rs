//! One value as text. A cell writer is made once a column and batch, so that zones and types are looked up once.

use arrow::array::cast::AsArray;
use arrow::array::timezone::Tz;
use arrow::array::types::*;
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, SecondsFormat, Utc};
use std::io::Write;
use std::sync::Arc;

/// Appends the value of a row; the caller has seen to NULL.
pub(super) type Cell = Box<dyn Fn(usize, &mut Vec<u8>) + Send>;

/// The text of a row, None for NULL.
pub type TextCell = Box<dyn Fn(usize) -> Option<String> + Send>;

/// A scalar's writer, and whether JSON puts it between quotes.
pub(super) struct Scalar {
    pub(super) write: Cell,
    pub(super) quoted: bool,
}

fn bare(write: Cell) -> Option<Scalar> {
    Some(Scalar { write, quoted: false })
}

fn quoted(write: Cell) -> Option<Scalar> {
    Some(Scalar { write, quoted: true })
}

/// Numbers, truth values, times and decimals; None for text and nested types.
pub(super) fn scalar(array: &ArrayRef) -> Option<Scalar> {
    match array.data_type() {
        DataType::Boolean => {
            let a = array.as_boolean().clone();
            bare(Box::new(move |row, out| out.extend_from_slice(if a.value(row) { b"true" } else { b"false" })))
        }
        DataType::Int8 => bare(shown::<Int8Type>(array)),
        DataType::Int16 => bare(shown::<Int16Type>(array)),
        DataType::Int32 => bare(shown::<Int32Type>(array)),
        DataType::Int64 => bare(shown::<Int64Type>(array)),
        DataType::UInt8 => bare(shown::<UInt8Type>(array)),
        DataType::UInt16 => bare(shown::<UInt16Type>(array)),
        DataType::UInt32 => bare(shown::<UInt32Type>(array)),
        DataType::UInt64 => bare(shown::<UInt64Type>(array)),
        DataType::Date32 => quoted(date(array)),
        DataType::Timestamp(unit, zone) => quoted(timestamp(array, *unit, zone.as_deref())),
        DataType::Decimal128(..) => {
            let a = array.as_primitive::<Decimal128Type>().clone();
            quoted(Box::new(move |row, out| out.extend_from_slice(a.value_as_string(row).as_bytes())))
        }
        _ => None,
    }
}

fn shown<T: ArrowPrimitiveType>(array: &ArrayRef) -> Cell
where
    T::Native: std::fmt::Display,
{
    let a = array.as_primitive::<T>().clone();
    Box::new(move |row, out| put(out, format_args!("{}", a.value(row))))
}

pub(super) fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing into a Vec cannot fail.
    let _ = out.write_fmt(text);
}

fn date(array: &ArrayRef) -> Cell {
    let a = array.as_primitive::<Date32Type>().clone();
    Box::new(move |row, out| match DateTime::from_timestamp(i64::from(a.value(row)) * 86_400, 0) {
        Some(day) => put(out, format_args!("{}", day.date_naive())),
        None => put(out, format_args!("{}", a.value(row))),
    })
}

fn timestamp(array: &ArrayRef, unit: TimeUnit, zone: Option<&str>) -> Cell {
    // A column without a zone, or with one that we do not know, is UTC.
    let zone: Option<Tz> = zone.filter(|z| *z != "UTC").and_then(|z| z.parse().ok());
    let read = raw(array, unit);
    Box::new(move |row, out| match read(row) {
        (_, Some(at)) => match zone {
            Some(zone) => put(out, format_args!("{}", at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::AutoSi, true))),
            None => put(out, format_args!("{}", at.to_rfc3339_opts(SecondsFormat::AutoSi, true))),
        },
        (number, None) => put(out, format_args!("{number}")),
    })
}

/// The number of a row and the instant it means, None when no calendar reaches that far.
type Moments = Box<dyn Fn(usize) -> (i64, Option<DateTime<Utc>>) + Send>;

fn raw(array: &ArrayRef, unit: TimeUnit) -> Moments {
    match unit {
        TimeUnit::Second => {
            let a = array.as_primitive::<TimestampSecondType>().clone();
            Box::new(move |row| (a.value(row), DateTime::from_timestamp(a.value(row), 0)))
        }
        TimeUnit::Millisecond => {
            let a = array.as_primitive::<TimestampMillisecondType>().clone();
            Box::new(move |row| (a.value(row), DateTime::from_timestamp_millis(a.value(row))))
        }
        TimeUnit::Microsecond => {
            let a = array.as_primitive::<TimestampMicrosecondType>().clone();
            Box::new(move |row| (a.value(row), DateTime::from_timestamp_micros(a.value(row))))
        }
        TimeUnit::Nanosecond => {
            let a = array.as_primitive::<TimestampNanosecondType>().clone();
            Box::new(move |row| (a.value(row), Some(DateTime::from_timestamp_nanos(a.value(row)))))
        }
    }
}

/// Whatever Arrow itself would print, for types that have no place in EQL.
pub(super) fn displayed(array: &ArrayRef) -> Cell {
    let array = Arc::clone(array);
    Box::new(move |row, out| match ArrayFormatter::try_new(&array, &FormatOptions::new()) {
        Ok(formatter) => put(out, format_args!("{}", formatter.value(row))),
        Err(error) => put(out, format_args!("{error}")),
    })
}

/// The text of every row as CSV and tables show it; lists are JSON.
pub(super) fn plain_text(array: &ArrayRef) -> Cell {
    if let Some(scalar) = scalar(array) {
        return scalar.write;
    }
    match array.data_type() {
        DataType::Utf8 => {
            let a = array.as_string::<i32>().clone();
            Box::new(move |row, out| out.extend_from_slice(a.value(row).as_bytes()))
        }
        DataType::LargeUtf8 => {
            let a = array.as_string::<i64>().clone();
            Box::new(move |row, out| out.extend_from_slice(a.value(row).as_bytes()))
        }
        DataType::Float32 => float(array.as_primitive::<Float32Type>().clone(), |v| f64::from(v).is_finite()),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().clone(), |v: f64| v.is_finite()),
        nested if nested.is_nested() => super::json::cell(array),
        _ => displayed(array),
    }
}

/// The shortest digits that read back as the same number, the same as JSON's.
fn float<T: ArrowPrimitiveType>(a: arrow::array::PrimitiveArray<T>, finite: fn(T::Native) -> bool) -> Cell
where
    T::Native: std::fmt::Display + serde::Serialize,
{
    Box::new(move |row, out| {
        let value = a.value(row);
        if !finite(value) || serde_json::to_writer(&mut *out, &value).is_err() {
            put(out, format_args!("{value}"));
        }
    })
}

/// A function from row to text for tables on a terminal.
pub fn text_cell(array: &ArrayRef) -> TextCell {
    let array = crate::plain::plain_array(array);
    let write = plain_text(&array);
    Box::new(move |row| {
        if array.data_type().is_null() || array.is_null(row) {
            return None;
        }
        let mut out = Vec::new();
        write(row, &mut out);
        Some(String::from_utf8_lossy(&out).into_owned())
    })
}
