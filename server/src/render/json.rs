//! `{"columns":[{"name","type"}],"rows":[[…]],"stats":{…}}`.

use super::cell::{Cell, displayed, put, scalar};
use arrow::array::cast::AsArray;
use arrow::array::types::{Float32Type, Float64Type};
use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::DataType;
use eql_engine::ResultColumn;
use eql_engine::grammar::Diagnostic;
use serde::Serialize;
use std::io::{self, Write};

/// What is said about a result beside its rows.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Stats {
    /// Rows in the result.
    pub rows: u64,
    /// Milliseconds from the request to the last row.
    pub elapsed_ms: f64,
    /// SAMPLE or an `approx_` function was used.
    pub approximate: bool,
    /// Things worth saying that are no errors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Diagnostic>,
}

/// A whole result as one document on one line.
///
/// # Errors
/// The writer's.
pub fn write_json(columns: &[ResultColumn], batches: &[RecordBatch], stats: &Stats, writer: &mut impl Write) -> io::Result<()> {
    let mut out = Vec::new();
    begin(columns, &mut out)?;
    let mut first = true;
    for batch in batches {
        rows(batch, &mut first, &mut out);
        writer.write_all(&out)?;
        out.clear();
    }
    end(stats, &mut out)?;
    writer.write_all(&out)
}

/// The document of a statement without rows: `{"done":"…"}`.
///
/// # Errors
/// The writer's.
pub fn write_done(words: &str, writer: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *writer, &serde_json::json!({ "done": words }))?;
    writer.write_all(b"\n")
}

/// `{"columns":…,"rows":[`.
///
/// # Errors
/// The writer's.
pub fn begin(columns: &[ResultColumn], out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"{\"columns\":")?;
    serde_json::to_writer(&mut *out, columns)?;
    out.write_all(b",\"rows\":[")
}

/// The rows of one batch, with the comma before all but the very first.
pub fn rows(batch: &RecordBatch, first: &mut bool, out: &mut Vec<u8>) {
    let cells: Vec<Cell> = batch.columns().iter().map(cell).collect();
    for row in 0..batch.num_rows() {
        if !std::mem::take(first) {
            out.push(b',');
        }
        out.push(b'[');
        for (at, write) in cells.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            write(row, out);
        }
        out.push(b']');
    }
}

/// `],"stats":{…}}` and the end of the line.
///
/// # Errors
/// The writer's.
pub fn end(stats: &Stats, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"],\"stats\":")?;
    serde_json::to_writer(&mut *out, stats)?;
    out.write_all(b"}\n")
}

/// One value, for parameters and small answers.
pub fn value(array: &ArrayRef, row: usize) -> serde_json::Value {
    let mut out = Vec::new();
    cell(array)(row, &mut out);
    serde_json::from_slice(&out).unwrap_or(serde_json::Value::Null)
}

/// Writes a column's values as JSON, NULL included.
pub(super) fn cell(array: &ArrayRef) -> Cell {
    let array = crate::plain::plain_array(array);
    let write = not_null(&array);
    if array.data_type().is_null() {
        return Box::new(|_, out| out.extend_from_slice(b"null"));
    }
    let Some(nulls) = array.nulls().cloned() else { return write };
    Box::new(move |row, out| if nulls.is_null(row) { out.extend_from_slice(b"null") } else { write(row, out) })
}

fn not_null(array: &ArrayRef) -> Cell {
    if let Some(scalar) = scalar(array) {
        return if scalar.quoted { between(b'"', scalar.write, b'"') } else { scalar.write };
    }
    match array.data_type() {
        DataType::Utf8 => {
            let a = array.as_string::<i32>().clone();
            Box::new(move |row, out| escaped(a.value(row), out))
        }
        DataType::LargeUtf8 => {
            let a = array.as_string::<i64>().clone();
            Box::new(move |row, out| escaped(a.value(row), out))
        }
        DataType::Float32 => {
            let a = array.as_primitive::<Float32Type>().clone();
            Box::new(move |row, out| number(a.value(row), out))
        }
        DataType::Float64 => {
            let a = array.as_primitive::<Float64Type>().clone();
            Box::new(move |row, out| number(a.value(row), out))
        }
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => list(array),
        DataType::Struct(_) => object(array),
        DataType::Map(..) => map(array),
        _ => unknown(array),
    }
}

fn between(open: u8, write: Cell, close: u8) -> Cell {
    Box::new(move |row, out| {
        out.push(open);
        write(row, out);
        out.push(close);
    })
}

fn escaped(text: &str, out: &mut Vec<u8>) {
    // Writing text into a Vec cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// JSON has no NaN and no infinity: serde_json writes `null` for them.
fn number(value: impl Serialize, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, &value);
}

fn unknown(array: &ArrayRef) -> Cell {
    let write = displayed(array);
    Box::new(move |row, out| {
        let mut text = Vec::new();
        write(row, &mut text);
        escaped(&String::from_utf8_lossy(&text), out);
    })
}

/// Where a row's items are.
type Items = Box<dyn Fn(usize) -> std::ops::Range<usize> + Send>;

fn list(array: &ArrayRef) -> Cell {
    let (values, range): (ArrayRef, Items) = match array.data_type() {
        DataType::List(_) => {
            let a = array.as_list::<i32>().clone();
            let offsets = a.offsets().clone();
            (a.values().clone(), Box::new(move |row| offsets[row] as usize..offsets[row + 1] as usize))
        }
        DataType::LargeList(_) => {
            let a = array.as_list::<i64>().clone();
            let offsets = a.offsets().clone();
            (a.values().clone(), Box::new(move |row| offsets[row] as usize..offsets[row + 1] as usize))
        }
        _ => {
            let a = array.as_fixed_size_list().clone();
            let width = a.value_length() as usize;
            (a.values().clone(), Box::new(move |row| row * width..(row + 1) * width))
        }
    };
    let write = cell(&values);
    Box::new(move |row, out| {
        out.push(b'[');
        for (at, item) in range(row).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            write(item, out);
        }
        out.push(b']');
    })
}

fn object(array: &ArrayRef) -> Cell {
    let a = array.as_struct();
    let fields: Vec<(String, Cell)> = a.fields().iter().zip(a.columns()).map(|(f, c)| (f.name().clone(), cell(c))).collect();
    Box::new(move |row, out| {
        out.push(b'{');
        for (at, (name, write)) in fields.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            escaped(name, out);
            out.push(b':');
            write(row, out);
        }
        out.push(b'}');
    })
}

fn map(array: &ArrayRef) -> Cell {
    let a = array.as_map().clone();
    let (key, value) = (super::cell::plain_text(&crate::plain::plain_array(a.keys())), cell(a.values()));
    let offsets = a.offsets().clone();
    Box::new(move |row, out| {
        out.push(b'{');
        for (at, item) in (offsets[row] as usize..offsets[row + 1] as usize).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            let mut name = Vec::new();
            key(item, &mut name);
            escaped(&String::from_utf8_lossy(&name), out);
            put(out, format_args!(":"));
            value(item, out);
        }
        out.push(b'}');
    })
}
