//! What is asked of the engine now, and what was asked last: the rows of `system.queries`.

use crate::answer::Rows;
use crate::peak::Peak;
use crate::{Answer, EngineError};
use arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

/// Ended statements that are remembered; with their texts at most 4 MB.
const ENDED_MAX: usize = 1000;
/// Bytes of a statement's text that are kept; texts that programs write can be long.
const TEXT_BYTES_MAX: usize = 4096;

/// The statements of one engine.
#[derive(Default)]
pub(crate) struct Statements {
    next: AtomicU64,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    running: BTreeMap<u64, Arc<Told>>,
    ended: VecDeque<Arc<Told>>,
}

/// One statement.
pub(crate) struct Told {
    pub id: u64,
    pub text: String,
    pub started_at: SystemTime,
    pub peak: Arc<Peak>,
    started: Instant,
    rows: AtomicU64,
    end: OnceLock<End>,
}

/// How a statement ended.
struct End {
    state: &'static str,
    after: Duration,
    error: Option<String>,
}

impl Statements {
    /// Takes note of a statement. Dropping the guard ends it.
    pub(crate) fn start(self: &Arc<Self>, text: &str, peak: Arc<Peak>) -> Running {
        let told = Arc::new(Told {
            id: self.next.fetch_add(1, Ordering::Relaxed) + 1,
            text: text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or_default().to_string(),
            started_at: SystemTime::now(),
            peak,
            started: Instant::now(),
            rows: AtomicU64::new(0),
            end: OnceLock::new(),
        });
        self.known.lock().running.insert(told.id, told.clone());
        Running { told, statements: self.clone() }
    }

    /// All that are known, in the order in which they came.
    pub(crate) fn all(&self) -> Vec<Arc<Told>> {
        let known = self.known.lock();
        let mut all: Vec<Arc<Told>> = known.ended.iter().chain(known.running.values()).cloned().collect();
        drop(known);
        all.sort_unstable_by_key(|t| t.id);
        all
    }

    fn end(&self, told: &Arc<Told>) {
        let mut known = self.known.lock();
        known.running.remove(&told.id);
        if known.ended.len() >= ENDED_MAX {
            known.ended.pop_front();
        }
        known.ended.push_back(told.clone());
    }
}

impl Told {
    pub(crate) fn state(&self) -> &'static str {
        self.end.get().map_or("running", |e| e.state)
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.end.get().map_or_else(|| self.started.elapsed(), |e| e.after).as_secs_f64()
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    pub(crate) fn error(&self) -> Option<&str> {
        self.end.get()?.error.as_deref()
    }
}

/// A statement that runs. Nobody waits for it any more when this is dropped without an end.
pub(crate) struct Running {
    told: Arc<Told>,
    statements: Arc<Statements>,
}

impl Running {
    fn end(&self, state: &'static str, error: Option<String>) {
        let _ = self.told.end.set(End { state, after: self.told.started.elapsed(), error });
    }

    /// Ends with the answer, which has an end of its own when it has rows.
    pub(crate) fn answer(self, answer: Result<Answer, EngineError>) -> Result<Answer, EngineError> {
        match answer {
            Ok(Answer::Rows(rows)) => {
                let batches = Watched { inner: rows.batches, running: self }.boxed();
                return Ok(Answer::Rows(Rows { batches, ..rows }));
            }
            Ok(Answer::Done(_)) => self.end("finished", None),
            Err(ref e) => self.end("failed", Some(e.to_string())),
        }
        answer
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end("cancelled", None);
        self.statements.end(&self.told);
    }
}

/// Rows on their way to the client.
struct Watched {
    inner: BoxStream<'static, Result<RecordBatch, EngineError>>,
    running: Running,
}

impl Stream for Watched {
    type Item = Result<RecordBatch, EngineError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.inner.poll_next_unpin(cx);
        match &next {
            Poll::Ready(Some(Ok(batch))) => _ = self.running.told.rows.fetch_add(batch.num_rows() as u64, Ordering::Relaxed),
            Poll::Ready(Some(Err(e))) => self.running.end("failed", Some(e.to_string())),
            Poll::Ready(None) => self.running.end("finished", None),
            Poll::Pending => {}
        }
        next
    }
}
