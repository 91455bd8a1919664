//! Errors as gRPC statuses. The words travel in a header, so they are cut below the 8 KB that clients accept.

use crate::auth::NoRandomness;
use crate::failure::Class;
use arrow::error::ArrowError;
use eql_engine::EngineError;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

/// Bytes of a message on the wire, where each byte that is not plain ASCII takes three.
const WIRE_BYTES: usize = 6 << 10;
/// Seconds until a refused request may come again.
const RETRY_SECONDS: &str = "1";

/// The status of an engine's error.
pub(crate) fn of(error: &EngineError) -> Status {
    let class = Class::of(error);
    let code = match class {
        Class::Invalid => Code::InvalidArgument,
        Class::Timeout => Code::DeadlineExceeded,
        Class::TooLarge | Class::Busy | Class::Full | Class::Refused => Code::ResourceExhausted,
        Class::NotFound => Code::NotFound,
        Class::Gone => Code::OutOfRange,
        Class::Internal => Code::Internal,
    };
    let mut status = Status::new(code, cut(&error.to_string()));
    if matches!(class, Class::Busy | Class::Full | Class::Refused) {
        status.metadata_mut().insert("retry-after", MetadataValue::from_static(RETRY_SECONDS));
    }
    status
}

/// Ours to mend.
pub(crate) fn internal(error: &ArrowError) -> Status {
    of(&crate::failure::internal(error))
}

pub(crate) fn no_randomness(error: NoRandomness) -> Status {
    Status::internal(error.to_string())
}

/// A request that cannot be read.
pub(crate) fn unreadable(error: impl std::fmt::Display) -> Status {
    Status::invalid_argument(cut(&format!("the request cannot be read: {error}")))
}

fn cut(message: &str) -> String {
    let cost = |c: char| if c.is_ascii() && !c.is_ascii_control() && c != '%' { 1 } else { 3 * c.len_utf8() };
    let mut left = WIRE_BYTES;
    let kept: String = message
        .chars()
        .take_while(|c| {
            let fits = left >= cost(*c);
            left = left.saturating_sub(cost(*c));
            fits
        })
        .collect();
    if kept.len() == message.len() { kept } else { format!("{kept} … (shortened)") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_fits_into_a_header() {
        assert_eq!(cut("short"), "short");
        assert!(cut(&"x".repeat(100_000)).len() < 8 << 10);
        let chinese = cut(&"错".repeat(100_000));
        assert!(chinese.chars().filter(|c| !c.is_ascii()).count() * 9 < 8 << 10);
        assert_eq!(of(&EngineError::Overloaded(3)).metadata().get("retry-after").and_then(|v| v.to_str().ok()), Some("1"));
        assert_eq!(of(&EngineError::Timeout(3)).code(), Code::DeadlineExceeded);
    }
}
