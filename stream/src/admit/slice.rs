//! The rows of a raw batch that become one type.

use super::coerce::{coerce, days};
use super::fault::{Fault, Why};
use super::times::Times;
use crate::source::{RawBatch, RawColumn};
use arrow::array::*;
use arrow::buffer::BooleanBuffer;
use arrow::compute::{filter, take};
use arrow::error::ArrowError;
use eql_catalog::DataType;

/// Some or all rows of a raw batch, and what is wrong with them.
pub(crate) struct Slice<'a> {
    pub(crate) raw: &'a RawBatch,
    /// None: all of them.
    rows: Option<UInt32Array>,
    times: Times,
    /// The column that is the events' time: where it feeds a DATE as well, that is its day.
    pub(crate) time: Option<usize>,
    pub(crate) faults: Vec<Fault>,
}

impl<'a> Slice<'a> {
    pub(crate) fn new(raw: &'a RawBatch, rows: Option<UInt32Array>, times: Times) -> Slice<'a> {
        Slice { raw, rows, times, time: None, faults: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.as_ref().map_or(self.raw.rows, |r| r.len())
    }

    /// A raw column, of these rows.
    pub(crate) fn column(&self, column: usize) -> Result<RawColumn, ArrowError> {
        let raw = &self.raw.columns[column];
        match &self.rows {
            None => Ok(raw.clone()),
            Some(rows) => Ok(raw.with(take(&raw.values, rows, None)?)),
        }
    }

    /// The rows that say something of a column; None: all.
    pub(crate) fn present(&self, column: usize) -> Option<BooleanBuffer> {
        let present = self.raw.columns[column].present.as_ref()?;
        Some(match &self.rows {
            None => present.clone(),
            Some(rows) => rows.values().iter().map(|row| present.value(*row as usize)).collect(),
        })
    }

    /// A raw column as a type; rows where it does not fit are at fault.
    pub(crate) fn coerced(&mut self, column: usize, to: &DataType) -> Result<ArrayRef, ArrowError> {
        let raw = self.column(column)?;
        let coerced =
            if *to == DataType::Date && self.time == Some(column) { days(&raw, &self.times)? } else { coerce(&raw, to, &self.times)? };
        coerced.failed.iter().for_each(|row| self.fault(*row as usize, Some(column), Why::Unfit(to.to_string())));
        Ok(coerced.values)
    }

    pub(crate) fn fault(&mut self, row: usize, column: Option<usize>, why: Why) {
        self.faults.push(Fault { row: self.raw_row(row), column, why });
    }

    /// Rows where `values` is NULL are at fault.
    pub(crate) fn require(&mut self, values: &dyn Array, column: Option<usize>, what: impl Fn() -> String) {
        if values.null_count() > 0 {
            (0..values.len()).filter(|row| values.is_null(*row)).for_each(|row| self.fault(row, column, Why::Missing(what())));
        }
    }

    fn raw_row(&self, row: usize) -> u32 {
        self.rows.as_ref().map_or(row as u32, |r| r.value(row))
    }

    /// The rows without a fault; None when all are.
    pub(crate) fn keep(&self) -> Option<BooleanArray> {
        if self.faults.is_empty() {
            return None;
        }
        let mut bad = vec![false; self.raw.rows];
        self.faults.iter().for_each(|f| bad[f.row as usize] = true);
        Some((0..self.len()).map(|row| Some(!bad[self.raw_row(row) as usize])).collect())
    }

    /// Places in the raw batch of the rows that `keep` keeps.
    pub(crate) fn kept_rows(&self, keep: Option<&BooleanArray>) -> Result<UInt32Array, ArrowError> {
        let all = self.rows.clone().unwrap_or_else(|| (0..self.raw.rows as u32).collect());
        Ok(kept(&(std::sync::Arc::new(all) as ArrayRef), keep)?.as_primitive().clone())
    }
}

/// The values that `keep` keeps.
pub(crate) fn kept(values: &ArrayRef, keep: Option<&BooleanArray>) -> Result<ArrayRef, ArrowError> {
    match keep {
        None => Ok(values.clone()),
        Some(keep) => filter(values, keep),
    }
}
