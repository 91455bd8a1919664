//! Results as clients see them: named columns of plain types, bounded in time, cancelled when nobody reads on.

use crate::admission::Turn;
use crate::cache::{ResultKey, Results, size};
use crate::{EngineError, ResultColumn, Rows, Warnings};
use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use eql_catalog::DataType;
use eql_compiler::bound::Output;
use eql_compiler::code;
use eql_grammar::{Diagnostic, Place};
use eql_planner::{NotKept, Noted, Refusal};
use eql_store::{Snapshot, StoreError, arrow_type};
use futures::StreamExt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// Names and types of a result.
pub(crate) struct Head {
    pub columns: Vec<ResultColumn>,
    pub schema: SchemaRef,
    /// SAMPLE or an `approx_` function was used.
    pub approximate: bool,
}

impl Head {
    /// Times are shown in the statement's zone.
    pub(crate) fn new(output: &[Output], zone: &str) -> Self {
        Self::named(output.iter().map(|o| (o.name.clone(), o.data_type.clone())).collect(), zone)
    }

    /// The same by name and type.
    pub(crate) fn named(output: Vec<(String, DataType)>, zone: &str) -> Self {
        let columns = output.iter().map(|(name, t)| ResultColumn { name: name.clone(), type_name: t.to_string() }).collect();
        let fields: Vec<Field> = output.into_iter().map(|(name, t)| Field::new(name, shown(&t, zone), true)).collect();
        Self { columns, schema: Arc::new(Schema::new(fields)), approximate: false }
    }

    pub(crate) fn rows(self, stream: Stream, warnings: Warnings) -> Rows {
        let schema = self.schema.clone();
        let batches = Shaped { inner: stream, schema: schema.clone() }.boxed();
        Rows { columns: self.columns, schema, batches, warnings, approximate: self.approximate }
    }

    pub(crate) fn cached(self, batches: Arc<Vec<RecordBatch>>, warnings: Warnings) -> Rows {
        let schema = self.schema.clone();
        let shaped: Vec<_> = batches.iter().map(|b| shape(b, &schema)).collect();
        Rows { columns: self.columns, schema, batches: futures::stream::iter(shaped).boxed(), warnings, approximate: self.approximate }
    }
}

fn shown(t: &DataType, zone: &str) -> ArrowType {
    match t {
        DataType::Timestamp => ArrowType::Timestamp(TimeUnit::Microsecond, Some(zone.into())),
        DataType::List(e) => ArrowType::List(Arc::new(Field::new("item", shown(e, zone), true))),
        other => arrow_type(other),
    }
}

/// A batch of the plan in the result's names and types.
fn shape(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, EngineError> {
    let columns: Vec<ArrayRef> = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(c, f)| if c.data_type() == f.data_type() { Ok(c.clone()) } else { cast(c, f.data_type()) })
        .collect::<arrow::error::Result<_>>()
        .map_err(|e| internal(e.to_string()))?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(|e| internal(e.to_string()))
}

/// What bounds a running statement.
pub(crate) struct Limitation {
    /// Given back when the statement ends.
    pub turn: Turn,
    /// Seen by all operators.
    pub cancelled: Arc<AtomicBool>,
    pub timeout: Duration,
}

/// Where a whole result is kept once it has been read to its end.
type Keep = (ResultKey, Arc<dyn Fn(ResultKey, Vec<RecordBatch>) + Send + Sync>, u64);

/// A running statement. Dropping it cancels the work and gives the turn to the next.
pub(crate) struct Stream {
    inner: SendableRecordBatchStream,
    limits: Limitation,
    deadline: Pin<Box<tokio::time::Sleep>>,
    keep: Option<Keep>,
    kept: Vec<RecordBatch>,
    at: Place,
    noted: Arc<Noted>,
    done: bool,
}

impl Stream {
    /// `at` is where the statement stands, `noted` what its operators have to say.
    pub(crate) fn new(inner: SendableRecordBatchStream, limits: Limitation, keep: Option<Keep>, (at, noted): (Place, Arc<Noted>)) -> Self {
        let deadline = Box::pin(tokio::time::sleep(limits.timeout));
        Self { inner, limits, deadline, keep, kept: Vec::new(), at, noted, done: false }
    }

    fn remember(&mut self, batch: &RecordBatch) {
        if let Some((_, _, max)) = &self.keep {
            self.kept.push(batch.clone());
            if size(&self.kept) as u64 > *max {
                self.keep = None;
                self.kept.clear();
            }
        }
    }

    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<RecordBatch, EngineError>>> {
        if self.done {
            return Poll::Ready(None);
        }
        if self.deadline.as_mut().poll(cx).is_ready() {
            self.done = true;
            self.limits.cancelled.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(EngineError::Timeout(self.limits.timeout.as_millis().try_into().unwrap_or(u64::MAX)))));
        }
        match self.inner.poll_next_unpin(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(batch))) => {
                self.remember(&batch);
                Poll::Ready(Some(Ok(batch)))
            }
            Poll::Ready(Some(Err(e))) => {
                self.done = true;
                Poll::Ready(Some(Err(placed(plan_error(e), self.at))))
            }
            Poll::Ready(None) => {
                self.done = true;
                // What is noted is told by whoever computes.
                if let Some((key, put, _)) = self.keep.take().filter(|_| !self.noted.division_by_zero()) {
                    put(key, std::mem::take(&mut self.kept));
                }
                Poll::Ready(None)
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.limits.cancelled.store(true, Ordering::Relaxed);
        let _ = &self.limits.turn;
    }
}

struct Shaped {
    inner: Stream,
    schema: SchemaRef,
}

impl futures::Stream for Shaped {
    type Item = Result<RecordBatch, EngineError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let schema = self.schema.clone();
        self.inner.next(cx).map(|next| next.map(|batch| batch.and_then(|b| shape(&b, &schema))))
    }
}

impl crate::Engine {
    /// Puts results into the cache from wherever the stream ends.
    pub(crate) fn results_handle(&self) -> Arc<dyn Fn(ResultKey, Vec<RecordBatch>) + Send + Sync> {
        let results: Arc<Results> = self.results.clone();
        Arc::new(move |key, batches| results.put(key, Arc::new(batches)))
    }
}

/// The latest time of any event; i64::MIN without events.
pub(crate) fn latest(snapshot: &Snapshot) -> i64 {
    let mut out = i64::MIN;
    for e in snapshot.catalog().events() {
        if let Ok(rows) = snapshot.events(e.id) {
            out = (0..rows.chunk_count()).filter_map(|c| rows.time_range(c)).map(|(_, max)| max).fold(out, i64::max);
        }
    }
    out
}

/// Our fault: the words go to the log, an id to the user.
pub(crate) fn internal(message: String) -> EngineError {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
    let id = format!("{:012x}", nanos & 0xffff_ffff_ffff);
    tracing::error!(id, message, "internal error");
    EngineError::Internal { id, message }
}

/// DataFusion's error in our words.
pub(crate) fn plan_error(e: DataFusionError) -> EngineError {
    match e.find_root() {
        DataFusionError::ResourcesExhausted(what) => EngineError::Memory(what.clone()),
        DataFusionError::External(inner) if inner.downcast_ref::<StoreError>().is_some() => EngineError::Invalid(inner.to_string()),
        DataFusionError::External(inner) if let Some(NotKept { message, hint }) = inner.downcast_ref() => {
            told(code::HISTORY, message, hint)
        }
        DataFusionError::External(inner) if let Some(Refusal { message, hint }) = inner.downcast_ref() => {
            told(code::COMPUTED, message, hint)
        }
        DataFusionError::NotImplemented(what) => EngineError::Invalid(format!("not supported yet: {what}")),
        DataFusionError::Execution(what) => told(code::COMPUTED, what, code::advice(code::COMPUTED)),
        DataFusionError::ArrowError(inner, _) => {
            let (message, hint) = crate::words::computation(inner);
            told(code::COMPUTED, &message, hint.unwrap_or(code::advice(code::COMPUTED)))
        }
        other => internal(other.to_string()),
    }
}

/// An answer without a place of its own.
fn told(code: &'static str, message: &str, hint: &str) -> EngineError {
    let at = eql_grammar::ast::Span::default();
    EngineError::Diagnostics(vec![Diagnostic::error(code, "", at, message).with_hint(hint)])
}

/// What has no place of its own is the whole statement's.
pub(crate) fn placed(e: EngineError, at: Place) -> EngineError {
    match e {
        EngineError::Diagnostics(mut all) => {
            all.iter_mut().filter(|d| d.span.end == 0).for_each(|d| d.span = at);
            EngineError::Diagnostics(all)
        }
        other => other,
    }
}
