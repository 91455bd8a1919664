//! How many statements run at once, and how many may wait for a turn.

use crate::EngineError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Turns for statements.
pub(crate) struct Admission {
    turns: Arc<Semaphore>,
    running_max: usize,
    waiting_max: usize,
    waiting: AtomicUsize,
}

/// A turn; dropping it gives it to the next.
pub(crate) type Turn = OwnedSemaphorePermit;

impl Admission {
    pub(crate) fn new(running_max: usize, waiting_max: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(running_max.max(1))),
            running_max: running_max.max(1),
            waiting_max,
            waiting: AtomicUsize::new(0),
        }
    }

    /// Waits for a turn; refused when too many wait already.
    pub(crate) async fn turn(&self) -> Result<Turn, EngineError> {
        if let Ok(turn) = self.turns.clone().try_acquire_owned() {
            return Ok(turn);
        }
        let place = Waiting::new(&self.waiting);
        if place.before >= self.waiting_max {
            return Err(EngineError::Overloaded(self.running_max));
        }
        self.turns.clone().acquire_owned().await.map_err(|_| EngineError::Invalid("the engine is closed".into()))
    }

    pub(crate) fn running(&self) -> usize {
        self.running_max - self.turns.available_permits().min(self.running_max)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// A place in the queue; leaving it counts even when the request is dropped.
struct Waiting<'a> {
    count: &'a AtomicUsize,
    before: usize,
}

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        Self { count, before: count.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}
