//! The door: bodies in, answers out, from any thread.

use super::commit::{Read, Waiting, commit, read_alone};
use super::group::Call;
use super::queue::{Place, Queue, Room};
use super::{IngestAnswer, IngestError, Lines};
use crate::IngestLimits;
use crate::limit::{COMMITTERS, GROUP_BYTES, GROUP_ROWS, SHORT_BODY_BYTES};
use bytes::Bytes;
use eql_store::Store;
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

/// A body that somebody sent.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The entity type of its rows; None: they are events.
    pub entity: Option<String>,
    /// As sent, unpacked.
    pub body: Bytes,
    /// How its records are told apart.
    pub lines: Lines,
}

/// Figures of the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct IngestStats {
    /// Rows that wait for their answer, as far as they are counted.
    pub rows: usize,
    /// Bytes of their bodies.
    pub bytes: usize,
}

/// Takes in what arrives. Dropping it finishes what waits.
pub struct Ingest {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What the committers see.
pub(crate) struct Shared {
    pub(crate) store: Arc<Store>,
    pub(crate) limits: IngestLimits,
    queue: Queue<Waiting>,
    room: Arc<Room>,
    last_stamp: AtomicI64,
}

impl std::fmt::Debug for Ingest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ingest").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl Ingest {
    /// Starts the committers.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn start(store: Arc<Store>, limits: IngestLimits) -> std::io::Result<Ingest> {
        let shared = Arc::new(Shared {
            store,
            queue: Queue::new(),
            room: Room::new(limits.queue_rows, limits.queue_bytes),
            last_stamp: AtomicI64::new(0),
            limits,
        });
        let ingest = Ingest { shared: shared.clone(), threads: Mutex::new(Vec::new()) };
        for n in 0..COMMITTERS {
            let shared = shared.clone();
            let thread = std::thread::Builder::new().name(format!("eql-commit-{n}")).spawn(move || shared.work())?;
            ingest.threads.lock().push(thread);
        }
        Ok(ingest)
    }

    /// Room for a body, from before it is read until it is answered.
    ///
    /// # Errors
    /// The queue is full.
    pub fn reserve(&self, body: &[u8]) -> Result<Place, IngestError> {
        // One row a line: more than there are when objects span lines, fewer in an array on one line, whose bytes still count.
        let rows = 1 + body.iter().filter(|b| **b == b'\n').count();
        self.shared.room.take(rows, body.len())
    }

    /// True when [`submit`](Self::submit) reads the body before it returns, which takes a while.
    pub fn is_long(&self, body: &[u8]) -> bool {
        body.len() > SHORT_BODY_BYTES
    }

    /// Hands in a body. `done` is called once, when everything accepted is durable, from a thread that must not wait.
    pub fn submit(&self, place: Place, submission: Submission, done: impl FnOnce(Result<IngestAnswer, IngestError>) + Send + 'static) {
        let long = self.is_long(&submission.body);
        let Submission { entity, body, lines } = submission;
        let call = Call { entity, body, lines, stamp: self.shared.stamp() };
        let read = if long { read_alone(&self.shared, &call) } else { Read::Later };
        let waiting = Waiting { call, read, place, done: Box::new(done) };
        if let Err(waiting) = self.shared.queue.push(waiting) {
            (waiting.done)(Err(IngestError::Closed));
        }
    }

    /// Figures.
    pub fn stats(&self) -> IngestStats {
        let (rows, bytes) = self.shared.room.taken();
        IngestStats { rows, bytes }
    }

    /// Finishes what waits and takes no more.
    pub fn close(&self) {
        self.shared.queue.close();
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a committer panicked");
            }
        }
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// The clock, one microsecond later at least than at the call before: rows without time and id are told apart by it.
    fn stamp(&self) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX));
        let next = |last: i64| Some(now.max(last + 1));
        self.last_stamp.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).map_or(now, |last| now.max(last + 1))
    }

    /// A committer's life.
    fn work(&self) {
        loop {
            let (mut rows, mut bytes) = (0, 0);
            let fits = |w: &Waiting| {
                rows += w.place.rows;
                bytes += w.place.bytes;
                rows <= GROUP_ROWS && bytes <= GROUP_BYTES
            };
            let Some(group) = self.queue.take(fits) else { return };
            // A defect must not end the thread: those who wait are told by their callbacks being dropped.
            if catch_unwind(AssertUnwindSafe(|| commit(self, group))).is_err() {
                tracing::error!("a group of rows could not be committed because of a defect; its callers were told");
            }
        }
    }
}
