//! What a caller is told.

use eql_store::StoreError;
use std::sync::Arc;

/// What became of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IngestAnswer {
    /// Rows that were new; for entities, all rows that were taken.
    pub accepted: u64,
    /// Rows whose id was known already.
    pub duplicates: u64,
    /// Accepted rows whose time lay ahead of the server's clock, so that it was set back.
    pub clamped: u64,
    /// Rows that were not taken, in the order of the body.
    pub rejected: Vec<RowRejection>,
    /// Log position that holds everything accepted.
    pub position: u64,
}

/// Why one row was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowRejection {
    /// Its place in the body; the first is 0.
    pub index: u64,
    /// What kind of mistake.
    pub code: &'static str,
    /// What is wrong, where, and what to do.
    pub message: String,
}

/// Why a whole call was not taken. Nothing of it was stored.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// There is no room in the queue.
    #[error("the server takes in all it can: {0}; send the same body again in a moment")]
    Full(String),
    /// No records can be told apart in the body.
    #[error("the body is no list of records: {0}")]
    Malformed(String),
    /// The body has more rows than a call may have.
    #[error("the body has more than {0} rows; send it in several calls")]
    TooManyRows(usize),
    /// No such entity type.
    #[error("no entity `{word}` is defined{}", nearest.as_ref().map(|n| format!("; the nearest is `{n}`")).unwrap_or_default())]
    UnknownEntity {
        /// As given.
        word: String,
        /// A defined name that looks like it.
        nearest: Option<String>,
    },
    /// The server stops.
    #[error("the server stops; send the same body again when it is back")]
    Closed,
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] Arc<StoreError>),
    /// A defect of ours.
    #[error("columns cannot be processed: {0}")]
    Defect(String),
}

/// Why a row is not taken, before anybody knows its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into() }
    }

    pub(crate) fn malformed(message: &str) -> Refusal {
        Refusal::new("malformed", message)
    }

    pub(crate) fn wrong_type(what: &str, value: &str, wanted: &str) -> Refusal {
        Refusal::new("wrong_type", format!("{what}: `{value}` does not fit {wanted}"))
    }
}
