//! A subscription never ends: what it begins with can be looked at.

use arrow::record_batch::RecordBatch;
use eql_engine::{EngineError, Rows};
use futures::StreamExt;

/// Columns that differ from run to run.
const UNSTABLE: [&str; 3] = ["position", "at", "cursor"];

/// The rows up to the first promise, without it and without what differs from run to run; and the cursor of the promise.
///
/// # Errors
/// What the subscription met.
pub(crate) async fn beginning(mut rows: Rows) -> Result<(Vec<String>, Vec<RecordBatch>, String), EngineError> {
    let names: Vec<String> = rows.columns.iter().map(|c| c.name.clone()).collect();
    let stable: Vec<usize> = (0..names.len()).filter(|i| !UNSTABLE.contains(&names[*i].as_str())).collect();
    let who = names.iter().position(|n| n == "entity" || n == "event_id").unwrap_or(0);
    let (mut batches, mut cursor) = (Vec::new(), String::new());
    while let Some(batch) = rows.batches.next().await {
        let batch = batch?;
        if batch.num_rows() == 1 && batch.column(who).is_null(0) {
            let last = batch.column(batch.num_columns() - 1);
            cursor = arrow::util::display::array_value_to_string(last, 0).map_err(|e| EngineError::Invalid(e.to_string()))?;
            break;
        }
        batches.push(batch.project(&stable).map_err(|e| EngineError::Invalid(e.to_string()))?);
    }
    Ok((stable.iter().map(|i| names[*i].clone()).collect(), batches, cursor))
}
