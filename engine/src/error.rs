//! What can go wrong, in the user's words.

use eql_grammar::Diagnostic;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The text is wrong: everything that is wrong with it.
    #[error("{}", summary(.0))]
    Diagnostics(Vec<Diagnostic>),
    /// The store said no.
    #[error(transparent)]
    Store(#[from] eql_store::StoreError),
    /// A file to import is wrong.
    #[error("{0}")]
    Import(String),
    /// The statement ran longer than it may.
    #[error("the statement was stopped after {0} ms: raise `timeout` or narrow the question")]
    Timeout(u64),
    /// The statement needed more memory than it may have.
    #[error("the statement needs more memory than its limit: {0}")]
    Memory(String),
    /// Too much at once.
    #[error("the server is busy: {0} statements run and as many wait; try again in a moment")]
    Overloaded(usize),
    /// There is no room for more rows that wait for their answer.
    #[error("{0}")]
    QueueFull(String),
    /// The engine closes.
    #[error("{0}")]
    Closed(String),
    /// What a subscriber wants is kept no longer: he begins again with a snapshot.
    #[error("{0}")]
    Gone(String),
    /// No such entity.
    #[error("{0}")]
    NotFound(String),
    /// The request cannot be carried out.
    #[error("{0}")]
    Invalid(String),
    /// Our fault; the id stands in the server's log beside the cause.
    #[error("internal error {id}: {message}")]
    Internal {
        /// For the log.
        id: String,
        /// What failed.
        message: String,
    },
}

fn summary(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
