//! Which kind of failure an engine error is: one judgement, from which Flight takes a status and HTTP a number.

use eql_engine::EngineError;

/// The kinds of failure that a client can act on differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The request is wrong: change it.
    Invalid,
    /// It ran too long.
    Timeout,
    /// It needs more than it may have.
    TooLarge,
    /// Too much at once: try again in a moment.
    Busy,
    /// No room for more rows: send them again in a moment.
    Full,
    /// There is no such thing.
    NotFound,
    /// It is kept no longer: begin again.
    Gone,
    /// Writes are refused for now.
    Refused,
    /// Our fault.
    Internal,
}

impl Class {
    pub(crate) fn of(error: &EngineError) -> Class {
        match error {
            EngineError::Diagnostics(_) | EngineError::Import(_) | EngineError::Invalid(_) => Class::Invalid,
            EngineError::Timeout(_) => Class::Timeout,
            EngineError::Memory(_) => Class::TooLarge,
            EngineError::Overloaded(_) => Class::Busy,
            EngineError::QueueFull(_) => Class::Full,
            EngineError::NotFound(_) => Class::NotFound,
            EngineError::Gone(_) => Class::Gone,
            EngineError::Closed(_) => Class::Refused,
            EngineError::Store(error) => Class::of_store(error),
            EngineError::Internal { .. } => Class::Internal,
        }
    }

    fn of_store(error: &eql_store::StoreError) -> Class {
        use eql_store::StoreError as E;
        match error {
            E::WritesRefused { .. } | E::NotWritten { .. } => Class::Refused,
            E::Full { .. } => Class::TooLarge,
            E::Trimmed { .. } => Class::Gone,
            E::Unsuitable { .. } | E::NoPosition { .. } => Class::Invalid,
            E::Shared(error) => Class::of_store(error),
            E::UnknownSegment(_) | E::UnknownTag(..) | E::UnknownRole(..) | E::Mismatch { .. } | E::Catalog(_) => Class::Invalid,
            _ => Class::Internal,
        }
    }

    /// For metrics and as the code of errors that are no diagnostics.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Class::Invalid => "invalid",
            Class::Timeout => "timeout",
            Class::TooLarge => "too_large",
            Class::Busy | Class::Full => "overloaded",
            Class::NotFound => "not_found",
            Class::Gone => "snapshot_required",
            Class::Refused => "writes_refused",
            Class::Internal => "internal",
        }
    }
}

/// An error of ours with an id that stands in the log beside the cause.
pub(crate) fn internal(message: impl std::fmt::Display) -> EngineError {
    let id = crate::auth::random::<6>().map_or_else(|_| "unknown".to_string(), |b| b.iter().map(|b| format!("{b:02x}")).collect());
    tracing::error!(id, %message, "internal error");
    EngineError::Internal { id, message: message.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eql_store::StoreError;

    #[test]
    fn a_full_disk_is_no_fault_of_the_request_and_may_be_tried_again() {
        let full = StoreError::NotWritten { reason: "No space left on device".to_string() };
        assert_eq!(Class::of(&EngineError::Store(StoreError::Shared(std::sync::Arc::new(full)))), Class::Refused);
    }
}
