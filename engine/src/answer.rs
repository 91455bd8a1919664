//! What a statement answers.

use crate::EngineError;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use eql_compiler::code;
use eql_grammar::ast::Span;
use eql_grammar::{Diagnostic, Place};
use eql_planner::Noted;
use futures::stream::BoxStream;
use std::sync::Arc;

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
    pub warnings: Warnings,
    /// True when SAMPLE or an `approx_` function was used.
    pub approximate: bool,
}

/// Things worth saying of an answer that are no errors. Some are found while its rows are computed: they are told once all were read.
#[derive(Clone, Debug, Default)]
pub struct Warnings {
    of_the_text: Vec<Diagnostic>,
    at: Option<Place>,
    noted: Arc<Noted>,
}

impl Warnings {
    /// Those of the text, and what will be noted of a statement that stands at a place.
    pub(crate) fn new(of_the_text: Vec<Diagnostic>, at: Place, noted: Arc<Noted>) -> Self {
        Self { of_the_text, at: Some(at), noted }
    }

    /// Those that are known by now.
    pub fn told(&self) -> Vec<Diagnostic> {
        let mut told = self.of_the_text.clone();
        if self.noted.division_by_zero() && told.iter().all(|d| d.code != code::DIVISION) {
            let message = "a number was divided by zero: the value is NULL there";
            let mut found = Diagnostic::warning(code::DIVISION, "", Span::default(), message).with_hint(code::advice(code::DIVISION));
            found.span = self.at.unwrap_or(found.span);
            told.push(found);
        }
        told
    }
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
