//! What arrives over a wire, row by row: the store's group commit for callers that do not block.

use crate::rows::internal;
use crate::{Engine, EngineError};
use eql_store::RejectedRow;
use eql_stream::{IngestAnswer, IngestError, IngestStats, Submission};
use std::sync::Arc;
use tokio::sync::oneshot;

impl Engine {
    /// Takes in a body of events or of operations on entities; the answer comes when everything accepted is durable.
    ///
    /// # Errors
    /// The queue is full, the body is no list of records, or the store does not write. Nothing of the body was stored then.
    pub async fn ingest(&self, submission: Submission) -> Result<IngestAnswer, EngineError> {
        let place = self.ingest.reserve(&submission.body)?;
        let (sender, answer) = oneshot::channel();
        let done = move |answer| drop(sender.send(answer));
        if self.ingest.is_long(&submission.body) {
            let ingest = Arc::clone(&self.ingest);
            tokio::task::spawn_blocking(move || ingest.submit(place, submission, done));
        } else {
            self.ingest.submit(place, submission, done);
        }
        match answer.await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(internal("the rows could not be committed".into())),
        }
    }

    /// The latest rows that were not taken, the newest last.
    ///
    /// # Errors
    /// What the store meets.
    pub fn rejected(&self) -> Result<Vec<RejectedRow>, EngineError> {
        Ok(self.store.snapshot()?.rejected().cloned().collect())
    }

    /// Figures of the queue.
    pub fn ingest_stats(&self) -> IngestStats {
        self.ingest.stats()
    }
}

impl From<IngestError> for EngineError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Full(_) => EngineError::QueueFull(error.to_string()),
            IngestError::Closed => EngineError::Closed(error.to_string()),
            IngestError::UnknownEntity { .. } => EngineError::NotFound(error.to_string()),
            IngestError::Store(error) => EngineError::Store(eql_store::StoreError::Shared(error)),
            IngestError::Defect(message) => internal(message),
            other => EngineError::Invalid(other.to_string()),
        }
    }
}
