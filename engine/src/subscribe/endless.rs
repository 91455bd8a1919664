//! Rows that never end: what every subscription does, whatever it follows.

use super::PROGRESS;
use super::followers::{Place, Seat};
use crate::EngineError;
use crate::live::Live;
use crate::rows::internal;
use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::watch;
use tokio::time::Instant;

/// What is followed, as far as one subscriber has read it.
pub(super) trait Follow: Send + 'static {
    /// The next rows; None when nothing is there yet.
    fn ready(&mut self) -> impl Future<Output = Result<Option<RecordBatch>, EngineError>> + Send;

    /// One row that promises that nothing at or below its position will follow; None while something waits.
    fn promise(&mut self) -> impl Future<Output = Result<Option<RecordBatch>, EngineError>> + Send;

    /// Returns when there may be something new.
    fn changed(&mut self) -> impl Future<Output = ()> + Send;

    /// Where the subscriber is.
    fn place(&self) -> Place;
}

struct Endless<F> {
    follow: F,
    seat: Seat,
    progress_at: Instant,
    stopping: watch::Receiver<bool>,
    done: watch::Receiver<(u64, i64)>,
}

/// Rows as they come, and a promise about each second. The stream ends when the engine closes, and holds its seat until it is dropped.
pub(super) fn stream<F: Follow>(follow: F, seat: Seat, live: &Live) -> BoxStream<'static, Result<RecordBatch, EngineError>> {
    let (stopping, done) = (live.stopping.subscribe(), live.done.subscribe());
    let begun = Endless { follow, seat, progress_at: Instant::now(), stopping, done };
    let next = |state: Option<Endless<F>>| async {
        let mut endless = state?;
        match endless.next().await {
            Ok(Some(batch)) => Some((Ok(batch), Some(endless))),
            Ok(None) => None,
            Err(e) => Some((Err(e), None)),
        }
    };
    futures::stream::unfold(Some(begun), next).boxed()
}

impl<F: Follow> Endless<F> {
    /// The next rows; None when the engine closes.
    async fn next(&mut self) -> Result<Option<RecordBatch>, EngineError> {
        loop {
            if *self.stopping.borrow() {
                return Ok(None);
            }
            let mut next = self.follow.ready().await?;
            if next.is_none() && self.progress_at <= Instant::now() {
                next = self.follow.promise().await?;
                if next.is_some() {
                    self.progress_at = Instant::now() + PROGRESS;
                }
            }
            if let Some(batch) = next {
                self.seat.handed(self.follow.place(), batch.num_rows());
                return Ok(Some(batch));
            }
            self.wait().await;
        }
    }

    async fn wait(&mut self) {
        // A promise that could not be made when it was due can be made when the live thread has done something.
        let due = self.progress_at <= Instant::now();
        tokio::select! {
            () = self.follow.changed() => {}
            () = tokio::time::sleep_until(self.progress_at), if !due => {}
            _ = self.done.changed(), if due => {}
            _ = self.stopping.changed() => {}
        }
    }
}

/// Columns in the types that were announced.
pub(super) fn shaped(schema: &SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch, EngineError> {
    let shaped = columns.into_iter().zip(schema.fields()).map(|(c, f)| cast(&c, f.data_type()));
    let columns = shaped.collect::<Result<Vec<_>, _>>().map_err(|e| internal(e.to_string()))?;
    RecordBatch::try_new(schema.clone(), columns).map_err(|e| internal(e.to_string()))
}
