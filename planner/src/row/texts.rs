//! What is said of texts: once for each different one, as most columns have few.

use super::{Compiled, store_error};
use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::{concat, take};
use datafusion::common::Result;
use eql_store::{CodedColumn, EventColumn, EventRows};
use std::sync::Arc;

/// An expression over one column of texts, evaluated once for each different one.
pub(super) struct ByText {
    /// By chunk its numbers, and where its values begin among those of all; None: it has none.
    pub(super) chunks: Vec<Option<(Arc<CodedColumn>, u32)>>,
    /// What the expression says, by chunk and value.
    said: ArrayRef,
    /// The same of a condition, NULL counting as not.
    pub(super) true_of: Vec<bool>,
}

impl ByText {
    pub(super) fn new(rows: &EventRows, column: &EventColumn, compiled: &Compiled) -> Result<Option<Self>> {
        let (mut chunks, mut said, mut at) = (Vec::with_capacity(rows.chunk_count()), Vec::new(), 0);
        for chunk in 0..rows.chunk_count() {
            chunks.push(match rows.coded_column(chunk, column).map_err(store_error)? {
                Some(coded) => {
                    let values = coded.values.len();
                    // A text that no asked row has may not be what the expression can read: then rows are asked one by one.
                    let Ok(answers) = compiled.evaluate(vec![coded.values.clone()], values) else { return Ok(None) };
                    said.push(answers);
                    at += values as u32;
                    Some((coded, at - values as u32))
                }
                None => None,
            });
        }
        let said: Vec<&dyn Array> = said.iter().map(AsRef::as_ref).collect();
        if said.is_empty() {
            return Ok(None);
        }
        let said = concat(&said)?;
        let true_of = said.as_boolean_opt().map_or(vec![], |said| said.iter().map(|s| s == Some(true)).collect());
        Ok(Some(Self { chunks, said, true_of }))
    }

    /// What is said of rows; None when one of them lies in a chunk without numbers.
    pub(super) fn read(&self, events: &EventRows, rows: &[u32]) -> Result<Option<ArrayRef>> {
        let Some(places) = self.places(events, rows) else { return Ok(None) };
        Ok(Some(take(&self.said, &UInt32Array::from(places), None)?))
    }

    /// Where what is said of rows stands.
    pub(super) fn places(&self, events: &EventRows, rows: &[u32]) -> Option<Vec<u32>> {
        let mut places = Vec::with_capacity(rows.len());
        let (mut range, mut coded) = (0..0, None);
        for row in rows {
            if !range.contains(row) {
                let chunk = events.chunk_of(*row);
                (range, coded) = (events.chunk_range(chunk), self.chunks.get(chunk)?.as_ref());
            }
            let (column, first) = coded?;
            places.push(first + u32::from(column.codes[(row - range.start) as usize]));
        }
        Some(places)
    }
}

/// Texts that an expression says, by number.
pub(crate) enum Coded {
    /// The same of all rows.
    Always(Option<String>),
    /// One for each different text of a column.
    Text(TextNumbers),
}

/// What is said of each different text of a column.
pub(crate) struct TextNumbers {
    pub(super) rows: Arc<EventRows>,
    pub(super) texts: Arc<ByText>,
}

impl TextNumbers {
    /// What is said, in places that [`Places::of`] gives.
    pub(crate) fn said(&self) -> &ArrayRef {
        &self.texts.said
    }

    pub(crate) fn places(&self) -> Places<'_> {
        Places { of: self, range: 0..0, codes: &[], first: 0 }
    }
}

/// Finds the places of rows; quickest where they are near each other.
pub(crate) struct Places<'t> {
    of: &'t TextNumbers,
    range: std::ops::Range<u32>,
    codes: &'t [u16],
    first: u32,
}

impl Places<'_> {
    /// Where what is said of a row of the event stands.
    pub(crate) fn of(&mut self, row: u32) -> u32 {
        if !self.range.contains(&row) {
            let chunk = self.of.rows.chunk_of(row);
            self.range = self.of.rows.chunk_range(chunk);
            if let Some(Some((column, first))) = self.of.texts.chunks.get(chunk) {
                (self.codes, self.first) = (&column.codes, *first);
            }
        }
        self.first + u32::from(self.codes[(row - self.range.start) as usize])
    }
}
