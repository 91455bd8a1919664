//! What a statement answers.

use crate::EngineError;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ResultColumn {
    /// The name the contract gives it; names may repeat (`SELECT a.x, b.x`).
    pub name: String,
    /// EQL's name of the type, such as `DECIMAL(38,2)`.
    #[serde(rename = "type")]
    pub type_name: String,
}

/// A result with rows. Dropping it cancels the work.
pub struct Rows {
    /// The columns, in order.
    pub columns: Vec<ResultColumn>,
    /// The Arrow schema of every batch: plain types that all clients can read.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: BoxStream<'static, Result<RecordBatch, EngineError>>,
    /// Things worth saying that are no errors.
    pub warnings: Vec<eql_grammar::Diagnostic>,
    /// True when SAMPLE or an `approx_` function was used.
    pub approximate: bool,
}

/// The answer of one statement.
pub enum Answer {
    /// A table.
    Rows(Rows),
    /// Done, in words: `entity \`user\` defined`.
    Done(String),
}

impl Rows {
    /// All batches at once; for results that are known to be small.
    ///
    /// # Errors
    /// Whatever the stream meets.
    pub async fn collect(self) -> Result<Vec<RecordBatch>, EngineError> {
        use futures::TryStreamExt;
        self.batches.try_collect().await
    }
}
