//! A part, read in full: each file for itself, and each against the others.

use super::column::EventFile;
use super::read::Part;
use super::spine::Spine;
use super::{ids, spine};
use crate::StoreError;
use crate::dedupe::id_hash;
use crate::limit::NO_SUBJECT;
use crate::manifest::{PartEvent, PartMeta};
use arrow::array::{AsArray, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

impl Part {
    /// Everything wrong with it. `subjects`: how many entities of its subject type there are.
    pub(crate) fn check(&self, subjects: u32) -> Vec<StoreError> {
        let mut problems = Vec::new();
        match self.spine.read().and_then(|bytes| spine::decode(&self.spine.path(), bytes)) {
            Ok(spine) => problems.extend(spine_problem(&self.meta, &spine, subjects).map(|what| self.spine.damaged(what))),
            Err(e) => problems.push(e),
        }
        let hashes = self.ids.read();
        for (event, file) in self.meta.events.iter().zip(&self.files) {
            let listed = hashes.as_ref().ok().map(|bytes| ids::decode(&self.ids.path(), bytes, event.event));
            let listed = listed.transpose().map_err(|e| problems.push(e)).unwrap_or_default();
            problems.extend(check_event(event, file, listed.as_deref()).err());
        }
        problems.extend(hashes.err());
        problems
    }
}

/// What is wrong with an order whose bytes are right.
fn spine_problem(meta: &PartMeta, spine: &Spine, subjects: u32) -> Option<String> {
    if spine.len() as u64 != meta.rows {
        return Some(format!("it has {} rows, {} were written", spine.len(), meta.rows));
    }
    let mut rows_of = vec![0_u32; spine.events.len()];
    let mut before = None;
    for (ordinal, start, end) in spine.runs() {
        if before >= Some(ordinal) || start >= end || end > spine.len() {
            return Some(format!("its runs are not in order at row {start}"));
        }
        if ordinal >= subjects && ordinal != NO_SUBJECT {
            return Some(format!("row {start} is of entity {ordinal}, there are {subjects}"));
        }
        let sorted = (start + 1..end).all(|row| spine.time(row - 1) <= spine.time(row));
        if !sorted || spine.time(start) < meta.time_min || spine.time(end - 1) > meta.time_max {
            return Some(format!("the times of the rows {start} to {end} are not in order"));
        }
        for row in start..end {
            match rows_of.get_mut(usize::from(spine.code(row))) {
                Some(rows) => *rows += 1,
                None => return Some(format!("row {row} is of no event type")),
            }
        }
        before = Some(ordinal);
    }
    let differs = |e: &&PartEvent| spine.events.iter().position(|event| *event == e.event).map_or(0, |code| rows_of[code]) != e.rows;
    meta.events.iter().find(differs).map(|e| format!("it has another number of rows of event type {} than were written", e.event.0))
}

/// Decodes every column of an event file, and compares its ids with the list of their hashes.
fn check_event(event: &PartEvent, file: &EventFile, listed: Option<&[u128]>) -> Result<(), StoreError> {
    let file = &file.file;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.read()?).and_then(|builder| builder.build());
    let mut rows = 0;
    for batch in reader.map_err(|e| file.damaged(e.to_string()))? {
        let batch = batch.map_err(|e| file.damaged(e.to_string()))?;
        let hashes = listed.map(|l| l.get(rows..rows + batch.num_rows()).unwrap_or_default());
        if hashes.is_some_and(|hashes| !same_ids(&batch, hashes)) {
            return Err(file.damaged(format!("the ids of the rows from {rows} on are not those that were listed")));
        }
        rows += batch.num_rows();
    }
    if rows == event.rows as usize { Ok(()) } else { Err(file.damaged(format!("it has {rows} rows, {} were written", event.rows))) }
}

fn same_ids(batch: &RecordBatch, hashes: &[u128]) -> bool {
    let ids = batch.column_by_name("id").and_then(|c| c.as_string_opt::<i32>());
    ids.is_some_and(|ids| ids.iter().map(|id| id_hash(id.unwrap_or_default())).eq(hashes.iter().copied()))
}
