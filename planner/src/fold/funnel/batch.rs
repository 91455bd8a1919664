//! Attempts as columns.

use super::super::chunk::Chunk;
use super::super::coder::Coder;
use super::super::values::Values;
use super::judge::Attempts;
use super::{Column, Ready, Walk, period_array};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use arrow::compute::take;
use arrow::datatypes::Int64Type;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::{DataFusionError, Result};
use eql_compiler::bound::RowAt;
use eql_timeline::Bucketer;
use std::sync::Arc;

/// A row of the result: an attempt, and the matched row of which its group is where every row gives one.
#[derive(Clone, Copy)]
pub(super) struct Pick {
    pub attempt: usize,
    row: Option<u32>,
}

/// What the columns are made from.
pub(super) struct Found<'a> {
    ready: &'a Ready,
    chunk: &'a Chunk<'a>,
    attempts: &'a Attempts,
}

impl Walk<'_> {
    pub(super) fn batch(&mut self, chunk: &Chunk<'_>, attempts: &Attempts) -> Result<RecordBatch> {
        let ready = self.ready;
        let found = Found::new(ready, chunk, attempts);
        let picks = found.picks()?;
        let asked = |c: &Column| matches!(c, Column::Group(_));
        let groups = if ready.columns.iter().any(asked) { found.groups(&picks)? } else { vec![] };
        let picked: Vec<usize> = picks.iter().map(|p| p.attempt).collect();
        let mut measured = ready.measured.on(&found, &picked);
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(ready.columns.len());
        for c in &ready.columns {
            columns.push(match c {
                Column::Period => match (&ready.every, &mut self.bucketer) {
                    (Some(e), Some(b)) => {
                        let index = found.periods(b, &picks);
                        period_array(e, b, index.as_primitive::<Int64Type>().values())?
                    }
                    _ => return Err(DataFusionError::Internal("a period without EVERY".into())),
                },
                Column::Group(i) => groups[*i].clone(),
                Column::Value(i) => measured.value(*i)?,
                other => found.column(*other, &picks)?,
            });
        }
        Ok(RecordBatch::try_new_with_options(ready.schema.clone(), columns, &RecordBatchOptions::new().with_row_count(Some(picks.len())))?)
    }
}

impl<'a> Found<'a> {
    pub(super) fn new(ready: &'a Ready, chunk: &'a Chunk<'a>, attempts: &'a Attempts) -> Found<'a> {
        Found { ready, chunk, attempts }
    }

    /// Numbers of the periods in which attempts begin.
    pub(super) fn periods(&self, bucketer: &mut Bucketer, picks: &[Pick]) -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(picks.iter().map(|p| bucketer.index(self.start(p.attempt)))))
    }

    /// The row of the batch that fills a step.
    pub(super) fn row(&self, attempt: usize, step: usize) -> Option<u32> {
        self.attempts.row(attempt, step)
    }

    fn time(&self, attempt: usize, step: usize) -> Option<i64> {
        self.row(attempt, step).map(|r| self.chunk.time[r as usize])
    }

    fn start_row(&self, attempt: usize) -> u32 {
        self.attempts.list[attempt].start
    }

    fn start(&self, attempt: usize) -> i64 {
        self.chunk.time[self.start_row(attempt) as usize]
    }

    /// Times of the required steps that were done, rising.
    fn done(&self, attempt: usize) -> Vec<i64> {
        let mut times: Vec<i64> = self.ready.required.iter().filter_map(|k| self.time(attempt, *k)).collect();
        times.sort_unstable();
        times
    }

    fn complete(&self, attempt: usize) -> bool {
        self.attempts.list[attempt].level as usize == self.ready.required.len()
    }

    /// Each attempt once; with ATTRIBUTED ALL once for each different group of its rows.
    pub(super) fn picks(&self) -> Result<Vec<Pick>> {
        let all = 0..self.attempts.list.len();
        if self.ready.lists || !self.ready.attributed.contains(&RowAt::All) {
            return Ok(all.map(|attempt| Pick { attempt, row: None }).collect());
        }
        let steps = 0..self.ready.spec.steps.len();
        let rows = all.flat_map(|attempt| steps.clone().filter_map(move |s| Some(Pick { attempt, row: Some(self.row(attempt, s)?) })));
        let picks: Vec<Pick> = rows.collect();
        let codes = Coder::new(&self.ready.breakdown_types)?.codes(&self.groups(&picks)?)?;
        let mut seen = hashbrown::HashSet::new();
        Ok(picks.into_iter().zip(codes).filter(|(p, code)| seen.insert((p.attempt, *code))).map(|(p, _)| p).collect())
    }

    /// The breakdowns of each pick.
    pub(super) fn groups(&self, picks: &[Pick]) -> Result<Vec<ArrayRef>> {
        let mut columns = Vec::new();
        for (values, at) in self.ready.grouping.values.iter().zip(&self.ready.attributed) {
            let row = |p: &Pick| match at {
                RowAt::Step(0) if self.ready.any_order => Some(self.start_row(p.attempt)),
                RowAt::Step(k) => self.row(p.attempt, *k),
                RowAt::Last => self.last(p.attempt),
                RowAt::All => p.row,
            };
            columns.push(match values.by_subject() {
                Some(values) => take(values, &self.ordinals(picks), None)?,
                None => self.read(values, picks.iter().map(row))?,
            });
        }
        self.ready.grouping.cut(columns)
    }

    /// Whose each pick is.
    fn ordinals(&self, picks: &[Pick]) -> UInt32Array {
        UInt32Array::from_iter_values(picks.iter().map(|p| self.chunk.ordinals.start + self.attempts.list[p.attempt].entity))
    }

    /// The last row matched, in time; of equal ones that of the later step.
    fn last(&self, attempt: usize) -> Option<u32> {
        let rows = (0..self.ready.spec.steps.len()).filter_map(|s| self.row(attempt, s));
        rows.max_by_key(|r| self.chunk.time[*r as usize])
    }

    /// A value on rows of the batch, missing where there is no row.
    pub(super) fn read(&self, values: &Values, rows: impl Iterator<Item = Option<u32>>) -> Result<ArrayRef> {
        let rows: Vec<Option<u32>> = rows.collect();
        let mut present: Vec<u32> = rows.iter().flatten().copied().collect();
        present.sort_unstable();
        present.dedup();
        let read = values.read(self.chunk, &present)?;
        if present.is_empty() {
            return Ok(new_null_array(read.data_type(), rows.len()));
        }
        let index: UInt32Array = rows.iter().map(|r| r.and_then(|r| present.binary_search(&r).ok()).map(|i| i as u32)).collect();
        Ok(take(&read, &index, None)?)
    }

    fn column(&self, column: Column, picks: &[Pick]) -> Result<ArrayRef> {
        let all = || picks.iter().map(|p| p.attempt);
        let seconds = |micros: i64| micros as f64 / 1e6;
        Ok(match column {
            Column::Level => Arc::new(Int64Array::from_iter_values(all().map(|a| i64::from(self.attempts.list[a].level)))),
            Column::Reached => Arc::new(Int64Array::from_iter_values(all().map(|a| self.reached(a)))),
            Column::Open => Arc::new(BooleanArray::from_iter(all().map(|a| Some(self.attempts.list[a].open)))),
            Column::Seconds(k) => Arc::new(Float64Array::from_iter(all().map(|a| self.between(a, k).map(seconds)))),
            Column::Total => {
                let total = |a: usize| self.complete(a).then(|| self.done(a).last().map(|t| seconds(t - self.start(a)))).flatten();
                Arc::new(Float64Array::from_iter(all().map(total)))
            }
            Column::Time(s) => Arc::new(TimestampMicrosecondArray::from_iter(all().map(|a| self.time(a, s))).with_timezone("UTC")),
            Column::Key(k) => take(&self.ready.keys[k], &self.ordinals(picks), None)?,
            other => return Err(DataFusionError::Internal(format!("{other:?} is no plain column"))),
        })
    }

    fn reached(&self, attempt: usize) -> i64 {
        if self.ready.any_order {
            return i64::from(self.attempts.list[attempt].level);
        }
        let last = (0..self.ready.spec.steps.len()).rev().find(|s| self.row(attempt, *s).is_some());
        last.map_or(0, |s| s as i64 + 1)
    }

    /// Microseconds from the previous required step to step `k`. In any order the steps are those done first, second, …
    pub(super) fn between(&self, attempt: usize, k: usize) -> Option<i64> {
        let rank = self.ready.required.iter().position(|r| *r == k);
        match (self.ready.any_order, rank) {
            (true, Some(rank)) => {
                let done = self.done(attempt);
                Some(done.get(rank)? - done.get(rank.checked_sub(1)?)?)
            }
            (true, None) => {
                let t = self.time(attempt, k)?;
                self.done(attempt).into_iter().rev().find(|d| *d <= t).map(|d| t - d)
            }
            (false, _) => {
                let before = self.ready.required.iter().rev().find(|r| **r < k)?;
                Some(self.time(attempt, k)? - self.time(attempt, *before)?)
            }
        }
    }
}
