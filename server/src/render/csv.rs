//! RFC 4180 with `\n`: a header line, NULL is an empty field, empty text is `""`.

use super::cell::{Cell, plain_text};
use arrow::array::{Array, ArrayRef, RecordBatch};
use eql_engine::ResultColumn;
use std::io::{self, Write};

/// The header and all rows.
///
/// # Errors
/// The writer's.
pub fn write_csv(columns: &[ResultColumn], batches: &[RecordBatch], writer: &mut impl Write) -> io::Result<()> {
    let mut out = Vec::new();
    header(columns, &mut out);
    for batch in batches {
        rows(batch, &mut out);
        writer.write_all(&out)?;
        out.clear();
    }
    writer.write_all(&out)
}

/// The line of names.
pub fn header(columns: &[ResultColumn], out: &mut Vec<u8>) {
    for (at, column) in columns.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        field(column.name.as_bytes(), out);
    }
    out.push(b'\n');
}

/// The rows of one batch.
pub fn rows(batch: &RecordBatch, out: &mut Vec<u8>) {
    let arrays: Vec<ArrayRef> = batch.columns().iter().map(crate::plain::plain_array).collect();
    let cells: Vec<Cell> = arrays.iter().map(plain_text).collect();
    let mut text = Vec::new();
    for row in 0..batch.num_rows() {
        for (at, (array, write)) in arrays.iter().zip(&cells).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            if !array.data_type().is_null() && array.is_valid(row) {
                text.clear();
                write(row, &mut text);
                field(&text, out);
            }
        }
        out.push(b'\n');
    }
}

fn field(text: &[u8], out: &mut Vec<u8>) {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
    let special = text.iter().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r'));
    if !text.is_empty() && !special && !edge(text.first()) && !edge(text.last()) {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for byte in text {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}
