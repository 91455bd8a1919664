//! Rows that clients put: parameters, and bulk ingest.

use super::service::Flight;
use super::status;
use arrow::array::RecordBatch;
use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::CommandStatementIngest;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use tonic::{Status, Streaming};

/// Bytes of parameters bound at once.
const BOUND_BYTES: usize = 64 << 20;

fn decoded(first: FlightData, messages: Streaming<FlightData>) -> BoxStream<'static, Result<RecordBatch, Status>> {
    if first.data_header.is_empty() {
        // A command alone, without a schema: JDBC does this for statements without parameters.
        return futures::stream::empty().boxed();
    }
    let messages = futures::stream::iter([Ok(first)]).chain(messages).map_err(|status| FlightError::Tonic(Box::new(status)));
    FlightRecordBatchStream::new_from_flight_data(messages).map_err(status::unreadable).boxed()
}

/// All rows of a put, for parameters.
pub(super) async fn batches(first: FlightData, messages: Streaming<FlightData>) -> Result<Vec<RecordBatch>, Status> {
    let mut batches = Vec::new();
    let mut bytes = 0;
    let mut stream = decoded(first, messages);
    while let Some(batch) = stream.try_next().await? {
        bytes += batch.get_array_memory_size();
        if bytes > BOUND_BYTES {
            return Err(Status::resource_exhausted(format!("at most {} MiB of parameters can be bound at once", BOUND_BYTES >> 20)));
        }
        batches.push(batch);
    }
    Ok(batches)
}

impl Flight {
    /// Bulk ingest of ADBC.
    pub(super) async fn ingest(&self, command: CommandStatementIngest, first: FlightData, messages: Streaming<FlightData>) -> Result<i64, Status> {
        let _ = (decoded(first, messages), &self.engine);
        Err(Status::unimplemented(format!("bulk ingest into `{}` is not there yet: use `eql import`", command.table)))
    }
}
