//! What a statement answers, whether it ran here or on a server.

use crate::failure::Failure;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use eql_engine::{ResultColumn, Warnings};
use std::time::Instant;

/// The answer of one statement.
pub(crate) enum Answer {
    /// A table.
    Rows(Table),
    /// Done, in words.
    Done(String),
}

impl Answer {
    /// What there will be to say when the rows were read.
    pub(crate) fn warnings(&self) -> Warnings {
        match self {
            Answer::Rows(table) => table.warnings.clone(),
            Answer::Done(_) => Warnings::default(),
        }
    }
}

/// A result whose rows arrive while it is read. Dropping it stops the work.
pub(crate) struct Table {
    /// The columns, in order.
    pub(crate) columns: Vec<ResultColumn>,
    /// The Arrow schema of every batch.
    pub(crate) schema: SchemaRef,
    /// The rows.
    pub(crate) batches: Box<dyn Iterator<Item = Result<RecordBatch, Failure>>>,
    /// Things worth saying that are no errors.
    pub(crate) warnings: Warnings,
    /// True when the numbers are estimates.
    pub(crate) approximate: bool,
    /// When the statement was sent.
    pub(crate) started: Instant,
}
