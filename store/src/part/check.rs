//! A part, read in full: each file for itself, and each against the others.

use super::column::EventFile;
use super::ids::IdIndex;
use super::read::{Part, PartFiles};
use super::spine::Spine;
use super::{ids, spine};
use crate::StoreError;
use crate::dedupe::id_hash;
use crate::limit::NO_SUBJECT;
use crate::manifest::{PartEvent, PartMeta};
use arrow::array::StringArray;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

impl Part {
    /// Everything wrong with its files. `subjects`: how many entities of its subject type there are.
    pub(crate) fn check(&self, subjects: u32) -> Vec<StoreError> {
        let mut problems = Vec::new();
        let PartFiles { spine, ids, events, .. } = &*self.files;
        match spine.read().and_then(|bytes| spine::decode(&spine.path(), bytes)) {
            Ok(decoded) => problems.extend(spine_problem(&self.meta, &decoded, subjects).map(|what| spine.damaged(what))),
            Err(e) => problems.push(e),
        }
        let listed = ids.read().and_then(|bytes| Ok((ids::decode(&ids.path(), &bytes)?, bytes)));
        let listed = listed.map_err(|e| problems.push(e)).ok();
        for (event, file) in self.meta.events.iter().zip(events) {
            let index = listed.as_ref().map(|(all, bytes)| (all.iter().find(|i| i.event() == event.event), bytes));
            problems.extend(check_event(event, file, index).err());
        }
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

/// Decodes every column of an event file, and looks each of its ids up in the list of their hashes.
fn check_event(event: &PartEvent, file: &EventFile, listed: Option<(Option<&IdIndex>, &Bytes)>) -> Result<(), StoreError> {
    let ids = file.ids()?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.file.read()?).and_then(|builder| builder.build());
    let mut rows = 0;
    for batch in reader.map_err(|e| file.damaged(e.to_string()))? {
        rows += batch.map_err(|e| file.damaged(e.to_string()))?.num_rows();
    }
    if rows != event.rows as usize {
        return Err(file.damaged(format!("it has {rows} rows, {} were written", event.rows)));
    }
    let Some((index, bytes)) = listed else { return Ok(()) };
    match index.map_or(Some(0), |index| first_unlisted(&ids, index, bytes)) {
        Some(row) => Err(file.damaged(format!("the id of row {row} is not the one that was listed"))),
        None => Ok(()),
    }
}

fn first_unlisted(ids: &StringArray, index: &IdIndex, bytes: &Bytes) -> Option<usize> {
    let place = index.entries();
    let entries = bytes.get(place.start as usize..place.end as usize).unwrap_or_default();
    let listed = |row: usize, id: &str| {
        let hash = id_hash(id);
        index.may_have(hash) && index.find(hash, entries) == Some(row as u32)
    };
    ids.iter().enumerate().position(|(row, id)| !listed(row, id.unwrap_or_default()))
}
