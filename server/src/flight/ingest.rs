//! Rows that clients put: parameters, and bulk ingest.

use super::service::Flight;
use super::status;
use crate::import::{Flags, UploadError};
use crate::render::ndjson;
use arrow::array::RecordBatch;
use arrow::datatypes::FieldRef;
use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::CommandStatementIngest;
use eql_engine::ResultColumn;
use eql_engine::stream::{Format, Target};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use tonic::{Status, Streaming};

/// `if_exists` of the protocol, whose enum arrow-flight does not export: fail.
const EXISTS_FAIL: i32 = 1;
/// Replace.
const EXISTS_REPLACE: i32 = 3;
/// `if_not_exist` of the protocol: create.
const MISSING_CREATE: i32 = 1;

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
    /// Bulk ingest of ADBC: the rows go through a file of NDJSON, and so through the very same import as files do. Options of the command are those of
    /// an import (`map` takes one pair, `id`, `time_zone`, `define`, …).
    pub(super) async fn ingest(
        &self,
        command: CommandStatementIngest,
        first: FlightData,
        messages: Streaming<FlightData>,
    ) -> Result<i64, Status> {
        let exists = Target::parse(&self.engine.catalog(), &command.table).is_ok();
        let mut flags = Flags::read(command.options.iter().map(|(k, v)| (k.as_str(), v.as_str()))).map_err(Status::invalid_argument)?;
        flags.define |= creates(&command, exists)?;
        flags.format = Some(Format::Ndjson);
        flags.name = "ingest.ndjson".to_string();
        let mut upload = self.importer.upload(&flags.name).await.map_err(|e| refused(&e))?;
        let mut batches = decoded(first, messages);
        while let Some(batch) = batches.try_next().await? {
            upload.write(&lines(&batch)).await.map_err(|e| refused(&e))?;
        }
        let report = self.importer.import(upload, command.table, flags).await.map_err(|e| status::of(&e))?;
        match report.rejects.first() {
            Some(reject) => {
                let (bad, all) = (report.rejected, report.rows);
                Err(Status::invalid_argument(format!(
                    "{bad} of {all} rows were rejected, the others are stored; row {}: {}",
                    reject.row, reject.message
                )))
            }
            None => Ok(i64::try_from(report.rows).unwrap_or(-1)),
        }
    }
}

/// Whether the target may be defined, or why the mode cannot be.
fn creates(command: &CommandStatementIngest, exists: bool) -> Result<bool, Status> {
    let options = command.table_definition_options.unwrap_or_default();
    match (exists, options.if_not_exist, options.if_exists) {
        (true, _, EXISTS_FAIL) => Err(Status::already_exists(format!("`{}` is defined already", command.table))),
        (true, _, EXISTS_REPLACE) => Err(Status::unimplemented("rows are only ever added: use mode `append`")),
        (false, MISSING_CREATE, _) => Ok(true),
        _ => Ok(false),
    }
}

fn lines(batch: &RecordBatch) -> Vec<u8> {
    let name = |f: &FieldRef| ResultColumn { name: f.name().clone(), type_name: String::new() };
    let keys = ndjson::keys(&batch.schema().fields().iter().map(name).collect::<Vec<_>>());
    let mut out = Vec::new();
    ndjson::rows(&keys, batch, &mut out);
    out
}

fn refused(error: &UploadError) -> Status {
    match error {
        UploadError::Disk(_) => Status::internal(error.to_string()),
        UploadError::Busy | UploadError::TooLong(_) => Status::resource_exhausted(error.to_string()),
    }
}
