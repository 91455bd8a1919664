//! Some calls that were read together.

use super::answer::{IngestAnswer, IngestError, Refusal, RowRejection};
use super::corrections::Delete;
use bytes::Bytes;
use eql_store::EventBatch;
use std::ops::Range;

use super::Lines;

/// A body and when it came.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// None: events.
    pub(crate) entity: Option<String>,
    pub(crate) body: Bytes,
    pub(crate) lines: Lines,
    /// Microseconds; no two calls have the same.
    pub(crate) stamp: i64,
}

/// Events of one type, and their rows of the group.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) batch: EventBatch,
    /// Ascending.
    pub(crate) rows: Vec<u32>,
    /// When it is its turn.
    pub(crate) phase: u32,
}

/// The rows of one call: consecutive rows of the group.
#[derive(Debug)]
pub(crate) struct CallRows {
    pub(crate) first: u32,
    /// Where the records stand in the body.
    pub(crate) records: Vec<Range<usize>>,
    /// Nothing of the body was read.
    pub(crate) error: Option<IngestError>,
}

/// Events of some calls.
#[derive(Debug, Default)]
pub(crate) struct EventGroup {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) deletes: Vec<Delete>,
    pub(crate) clamped: Vec<u32>,
    pub(crate) tallies: Tallies,
}

/// The calls of a group, and what is known about their rows.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    pub(crate) calls: Vec<CallRows>,
    /// (row, why); a row may stand here twice.
    pub(crate) refused: Vec<(u32, Refusal)>,
    rows: u32,
}

impl Tallies {
    /// Adds a call; the number of its first row.
    pub(crate) fn add(&mut self, records: Result<Vec<Range<usize>>, IngestError>) -> u32 {
        let first = self.rows;
        let (records, error) = records.map_or_else(|e| (Vec::new(), Some(e)), |r| (r, None));
        self.rows += records.len() as u32;
        self.calls.push(CallRows { first, records, error });
        first
    }

    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    /// The number of the call that a row belongs to.
    pub(crate) fn call_of(&self, row: u32) -> usize {
        self.calls.partition_point(|c| c.first + (c.records.len() as u32) <= row)
    }

    /// One answer a call, without what the store says: rows that were refused, in order and once each.
    pub(crate) fn answers(&mut self, position: u64) -> Vec<IngestAnswer> {
        self.refused.sort_by_key(|(row, _)| *row);
        self.refused.dedup_by_key(|(row, _)| *row);
        let mut answers = vec![IngestAnswer { position, ..IngestAnswer::default() }; self.calls.len()];
        for (row, refusal) in &self.refused {
            let call = self.call_of(*row);
            let index = u64::from(row - self.calls[call].first);
            answers[call].rejected.push(RowRejection { index, code: refusal.code, message: refusal.message.clone() });
        }
        answers
    }
}
