//! CSV, JSON and NDJSON while the rows arrive. The server's renderer writes the values, so that they look the same everywhere.

use crate::answer::Table;
use crate::failure::Failure;
use eql_server::render::{Stats, csv, json, ndjson};
use std::io::Write;

/// CSV with a line of names; a blank line stands between the results of two statements.
pub(crate) fn write_csv(writer: &mut dyn Write, table: &mut Table, first: bool) -> Result<usize, Failure> {
    let mut out = Vec::new();
    if !first {
        out.push(b'\n');
    }
    csv::header(&table.columns, &mut out);
    each_batch(writer, table, out, csv::rows)
}

/// One object a line.
pub(crate) fn write_ndjson(writer: &mut dyn Write, table: &mut Table) -> Result<usize, Failure> {
    let keys = ndjson::keys(&table.columns);
    each_batch(writer, table, Vec::new(), |batch, out| ndjson::rows(&keys, batch, out))
}

/// `{"columns":[…],"rows":[[…]],"stats":{…}}` on one line.
pub(crate) fn write_json(writer: &mut dyn Write, table: &mut Table) -> Result<usize, Failure> {
    let mut out = Vec::new();
    json::begin(&table.columns, &mut out)?;
    let mut first = true;
    let rows = each_batch(writer, table, out, |batch, out| json::rows(batch, &mut first, out))?;
    let elapsed_ms = table.started.elapsed().as_secs_f64() * 1000.0;
    let warnings = table.warnings.told();
    let mut end = Vec::new();
    json::end(&Stats { rows: rows as u64, elapsed_ms, approximate: table.approximate, warnings }, &mut end)?;
    writer.write_all(&end)?;
    Ok(rows)
}

fn each_batch(
    writer: &mut dyn Write,
    table: &mut Table,
    mut out: Vec<u8>,
    mut render: impl FnMut(&arrow::array::RecordBatch, &mut Vec<u8>),
) -> Result<usize, Failure> {
    let mut rows = 0;
    for batch in &mut table.batches {
        let batch = batch?;
        rows += batch.num_rows();
        render(&batch, &mut out);
        writer.write_all(&out)?;
        out.clear();
    }
    writer.write_all(&out)?;
    Ok(rows)
}
