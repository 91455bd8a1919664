//! The spine: ordinal, time and event type of every row of a part, in order. Plain Arrow IPC: read whole, nothing is unpacked.
//!
//! Columns: `ordinal` (run-end encoded), `time` (u32 units since the part's start, or i64 µs), `code` (index into the list of event
//! types in the schema's metadata: `events`; with `unit` in µs, 0 for absolute, and `start`; and `sequences`, first and last).

use super::cut::PlannedRow;
use crate::StoreError;
use crate::ipc;
use arrow::array::{Array, ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, RunArray, UInt8Array, UInt16Array, UInt32Array};
use arrow::buffer::{Buffer, ScalarBuffer};
use arrow::datatypes::{Field, Int32Type, Int64Type, Schema, UInt8Type, UInt16Type, UInt32Type};
use eql_catalog::EventTypeId;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Units of time, coarsest first.
const UNITS: [i64; 3] = [1_000_000, 1_000, 1];

/// The order of a part.
#[derive(Debug)]
pub(crate) struct Spine {
    /// One for each run of rows; rows without a subject are the last run.
    pub(crate) run_ordinals: ScalarBuffer<u32>,
    pub(crate) run_ends: ScalarBuffer<i32>,
    /// Code → event type.
    pub(crate) events: Vec<EventTypeId>,
    /// The first and the last sequence number; of a part that stores all of them, nothing.
    pub(super) sequences: (u64, u64),
    times: Times,
    codes: Codes,
    ranks: OnceLock<Vec<u32>>,
}

/// Rows between two places where rows of each event type were counted.
const RANK_ROWS: usize = 1024;

#[derive(Debug)]
enum Times {
    Units { start: i64, unit: i64, values: ScalarBuffer<u32> },
    Absolute(ScalarBuffer<i64>),
}

#[derive(Debug)]
enum Codes {
    Narrow(ScalarBuffer<u8>),
    Wide(ScalarBuffer<u16>),
}

impl Spine {
    pub(crate) fn len(&self) -> usize {
        match &self.times {
            Times::Units { values, .. } => values.len(),
            Times::Absolute(values) => values.len(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.run_ends.len() * 8 + self.len() * 6
    }

    /// Microseconds in UTC.
    pub(crate) fn time(&self, row: usize) -> i64 {
        match &self.times {
            Times::Units { start, unit, values } => start + unit * i64::from(values[row]),
            Times::Absolute(values) => values[row],
        }
    }

    pub(crate) fn code(&self, row: usize) -> u16 {
        match &self.codes {
            Codes::Narrow(values) => u16::from(values[row]),
            Codes::Wide(values) => values[row],
        }
    }

    /// First row and end of the rows of a subject.
    pub(crate) fn run_of(&self, ordinal: u32) -> Option<(usize, usize)> {
        let run = self.run_ordinals.binary_search(&ordinal).ok()?;
        let start = if run == 0 { 0 } else { self.run_ends[run - 1] };
        Some((start as usize, self.run_ends[run] as usize))
    }

    /// How many rows of the same event type come before a row: its number among them.
    pub(crate) fn rank(&self, row: usize) -> u32 {
        let (block, code) = (row / RANK_ROWS, self.code(row));
        let within = (block * RANK_ROWS..row).filter(|r| self.code(*r) == code).count() as u32;
        self.ranks()[block * self.events.len() + usize::from(code)] + within
    }

    /// For each block of rows and each code: rows of that code before the block.
    fn ranks(&self) -> &[u32] {
        self.ranks.get_or_init(|| {
            let mut counts = vec![0; self.events.len()];
            let mut ranks = Vec::with_capacity((self.len() / RANK_ROWS + 1) * counts.len());
            for row in 0..self.len() {
                if row % RANK_ROWS == 0 {
                    ranks.extend_from_slice(&counts);
                }
                if let Some(count) = counts.get_mut(usize::from(self.code(row))) {
                    *count += 1;
                }
            }
            ranks
        })
    }

    /// (ordinal, first row, end) of each run.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (u32, usize, usize)> + '_ {
        let starts = std::iter::once(0).chain(self.run_ends.iter().copied());
        self.run_ordinals.iter().zip(starts).zip(&*self.run_ends).map(|((o, start), end)| (*o, start as usize, *end as usize))
    }

    /// Times of all rows.
    pub(super) fn times(&self) -> Vec<i64> {
        (0..self.len()).map(|row| self.time(row)).collect()
    }

    /// The rows of one event type.
    pub(super) fn rows_of(&self, event: EventTypeId) -> impl Iterator<Item = usize> + '_ {
        let code = self.code_of(event);
        (0..self.len()).filter(move |row| Some(self.code(*row)) == code)
    }

    /// Times of the rows of one event type.
    pub(crate) fn times_of(&self, event: EventTypeId) -> Vec<i64> {
        let Some(code) = self.code_of(event) else { return Vec::new() };
        (0..self.len()).filter(|row| self.code(*row) == code).map(|row| self.time(row)).collect()
    }

    /// Ordinals of the rows of one event type.
    pub(crate) fn ordinals_of(&self, event: EventTypeId) -> Vec<u32> {
        let Some(code) = self.code_of(event) else { return Vec::new() };
        self.runs().flat_map(|(ordinal, start, end)| (start..end).filter(|row| self.code(*row) == code).map(move |_| ordinal)).collect()
    }

    fn code_of(&self, event: EventTypeId) -> Option<u16> {
        self.events.iter().position(|e| *e == event).map(|c| c as u16)
    }
}

/// The file of sorted rows. `codes`: hot event → code; `events`: code → event type.
pub(super) fn encode(rows: &[PlannedRow], codes: &[u16], events: &[EventTypeId]) -> Result<Vec<u8>, StoreError> {
    let (run_ordinals, run_ends) = runs(rows);
    let ordinal = RunArray::<Int32Type>::try_new(&Int32Array::from(run_ends), &UInt32Array::from(run_ordinals))?;
    let (unit, start, time) = times(rows);
    let code: ArrayRef = if events.len() <= 256 {
        Arc::new(UInt8Array::from_iter_values(rows.iter().map(|r| codes[r.event as usize] as u8)))
    } else {
        Arc::new(UInt16Array::from_iter_values(rows.iter().map(|r| codes[r.event as usize])))
    };
    let columns: Vec<(&str, ArrayRef)> = vec![("ordinal", Arc::new(ordinal)), ("time", time), ("code", code)];
    let fields: Vec<Field> = columns.iter().map(|(name, c)| Field::new(*name, c.data_type().clone(), false)).collect();
    let names: Vec<String> = events.iter().map(|e| e.0.to_string()).collect();
    let (first, last) = sequences(rows);
    let metadata =
        [("unit", unit.to_string()), ("start", start.to_string()), ("events", names.join(",")), ("sequences", format!("{first},{last}"))];
    let schema = Schema::new(fields).with_metadata(metadata.into_iter().map(|(k, v)| (k.to_string(), v)).collect());
    ipc::encode_file(&RecordBatch::try_new(Arc::new(schema), columns.into_iter().map(|(_, c)| c).collect())?, false)
}

/// The first and the last number of some rows.
pub(super) fn sequences(rows: &[PlannedRow]) -> (u64, u64) {
    let numbers = || rows.iter().map(|r| r.sequence);
    (numbers().min().unwrap_or(0), numbers().max().unwrap_or(0))
}

fn runs(rows: &[PlannedRow]) -> (Vec<u32>, Vec<i32>) {
    let mut ordinals = Vec::new();
    let mut ends = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        if ordinals.last() == Some(&row.ordinal) {
            ends.pop();
        } else {
            ordinals.push(row.ordinal);
        }
        ends.push(i as i32 + 1);
    }
    (ordinals, ends)
}

/// The coarsest unit in which all times are exact and fit 32 bits; 0 when there is none.
fn times(rows: &[PlannedRow]) -> (i64, i64, ArrayRef) {
    let start = rows.iter().map(|r| r.time).min().unwrap_or(0);
    let last = rows.iter().map(|r| r.time).max().unwrap_or(0);
    let fits = |unit: i64| {
        last.checked_sub(start).is_some_and(|span| span / unit <= i64::from(u32::MAX)) && rows.iter().all(|r| (r.time - start) % unit == 0)
    };
    match UNITS.into_iter().find(|unit| fits(*unit)) {
        Some(unit) => (unit, start, Arc::new(UInt32Array::from_iter_values(rows.iter().map(|r| ((r.time - start) / unit) as u32)))),
        None => (0, 0, Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.time)))),
    }
}

pub(super) fn decode(path: &Path, bytes: impl Into<Buffer>) -> Result<Spine, StoreError> {
    let table = ipc::decode_file(path, bytes)?;
    spine_of(&table.batch, &table.metadata).ok_or_else(|| StoreError::damaged(path, 0, "its columns are not those of a spine"))
}

fn spine_of(table: &RecordBatch, metadata: &HashMap<String, String>) -> Option<Spine> {
    let ordinal = table.column_by_name("ordinal")?.as_any().downcast_ref::<RunArray<Int32Type>>()?;
    let time = table.column_by_name("time")?;
    let code = table.column_by_name("code")?;
    let times = match metadata.get("unit")?.parse().ok()? {
        0 => Times::Absolute(time.as_primitive_opt::<Int64Type>()?.values().clone()),
        unit => Times::Units {
            start: metadata.get("start")?.parse().ok()?,
            unit,
            values: time.as_primitive_opt::<UInt32Type>()?.values().clone(),
        },
    };
    let codes = match code.as_primitive_opt::<UInt8Type>() {
        Some(narrow) => Codes::Narrow(narrow.values().clone()),
        None => Codes::Wide(code.as_primitive_opt::<UInt16Type>()?.values().clone()),
    };
    let events: Option<Vec<EventTypeId>> = metadata.get("events")?.split(',').map(|e| e.parse().ok().map(EventTypeId)).collect();
    let sequences = match metadata.get("sequences") {
        Some(text) => text.split_once(',').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)))?,
        None => (0, 0),
    };
    Some(Spine {
        sequences,
        run_ordinals: ordinal.values().as_primitive_opt::<UInt32Type>()?.values().clone(),
        run_ends: ordinal.run_ends().inner().clone(),
        events: events?,
        times,
        codes,
        ranks: OnceLock::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(times: &[i64]) -> Spine {
        let row = |(i, t): (usize, &i64)| PlannedRow {
            ordinal: i as u32 / 2,
            time: *t,
            sequence: i as u64,
            event: i as u16 % 2,
            chunk: 0,
            row: i as u32,
        };
        let rows: Vec<PlannedRow> = times.iter().enumerate().map(row).collect();
        let bytes = encode(&rows, &[1, 0], &[EventTypeId(9), EventTypeId(4)]).unwrap();
        let spine = decode(Path::new("spine.arrow"), bytes).unwrap();
        assert_eq!((0..rows.len()).map(|i| spine.time(i)).collect::<Vec<_>>(), times);
        assert_eq!(
            (0..rows.len()).map(|i| spine.code(i)).collect::<Vec<_>>(),
            (0..rows.len()).map(|i| 1 - i as u16 % 2).collect::<Vec<_>>()
        );
        spine
    }

    #[test]
    fn times_come_back_exactly_in_the_coarsest_unit() {
        let unit = |spine: Spine| match spine.times {
            Times::Units { unit, .. } => unit,
            Times::Absolute(_) => 0,
        };
        assert_eq!(unit(round_trip(&[7_000_001, 9_000_001, 8_000_001])), 1_000_000);
        assert_eq!(unit(round_trip(&[7_000_000, 7_005_000])), 1_000);
        assert_eq!(unit(round_trip(&[-3, 1])), 1);
        assert_eq!(unit(round_trip(&[0, 1 << 40])), 0);
        assert_eq!(unit(round_trip(&[i64::MIN, i64::MAX])), 0);
    }

    #[test]
    fn runs_cover_all_rows() {
        let spine = round_trip(&[1, 2, 3, 4, 5]);
        assert_eq!(spine.runs().collect::<Vec<_>>(), [(0, 0, 2), (1, 2, 4), (2, 4, 5)]);
        assert_eq!(spine.ordinals_of(EventTypeId(4)), [0, 1, 2]);
        assert_eq!([0, 1, 2, 3, 9].map(|o| spine.run_of(o)), [Some((0, 2)), Some((2, 4)), Some((4, 5)), None, None]);
        let long = round_trip(&(0..5000).collect::<Vec<_>>());
        for row in [0, 1, 1023, 1024, 1025, 3071, 4999] {
            assert_eq!(long.rank(row), row as u32 / 2, "every second row is of the same type");
        }
        assert_eq!(spine.times_of(EventTypeId(9)), [2, 4]);
    }
}
