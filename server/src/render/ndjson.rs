//! One object a row, one row a line.

use super::json::cell;
use arrow::array::RecordBatch;
use eql_engine::ResultColumn;
use std::collections::HashSet;
use std::io::{self, Write};

/// All rows.
///
/// # Errors
/// The writer's.
pub fn write_ndjson(columns: &[ResultColumn], batches: &[RecordBatch], writer: &mut impl Write) -> io::Result<()> {
    let names = keys(columns);
    let mut out = Vec::new();
    for batch in batches {
        rows(&names, batch, &mut out);
        writer.write_all(&out)?;
        out.clear();
    }
    Ok(())
}

/// The keys of the objects, as JSON texts. An object cannot say a name twice, so a repeated column `x` becomes `x_2`.
pub fn keys(columns: &[ResultColumn]) -> Vec<String> {
    let mut seen = HashSet::new();
    columns.iter().map(|column| serde_json::Value::from(unseen(&column.name, &mut seen)).to_string()).collect()
}

fn unseen(name: &str, seen: &mut HashSet<String>) -> String {
    let numbered = (2..).map(|n| format!("{name}_{n}"));
    let free = std::iter::once(name.to_string()).chain(numbered).find(|candidate| !seen.contains(candidate));
    let free = free.unwrap_or_default();
    seen.insert(free.clone());
    free
}

/// The rows of one batch; `keys` come from [`keys`].
pub fn rows(keys: &[String], batch: &RecordBatch, out: &mut Vec<u8>) {
    let cells: Vec<_> = batch.columns().iter().map(cell).collect();
    for row in 0..batch.num_rows() {
        out.push(b'{');
        for (at, (key, write)) in keys.iter().zip(&cells).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(key.as_bytes());
            out.push(b':');
            write(row, out);
        }
        out.extend_from_slice(b"}\n");
    }
}
