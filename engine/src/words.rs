//! What the layers below say, in the words of the language.

use arrow::error::ArrowError;

/// Types as Arrow writes them, and as they are written here; longer names first.
const TYPES: &[(&str, &str)] = &[
    ("Timestamp(µs, \"UTC\")", "TIMESTAMP"),
    ("Timestamp(Microsecond, Some(\"UTC\"))", "TIMESTAMP"),
    ("LargeUtf8", "STRING"),
    ("Utf8View", "STRING"),
    ("Utf8", "STRING"),
    ("Float64", "DOUBLE"),
    ("Float32", "DOUBLE"),
    ("Int64", "BIGINT"),
    ("Int32", "BIGINT"),
    ("Date32", "DATE"),
    ("Decimal128", "DECIMAL"),
];

/// An error of a computation: what is wrong, and what to do.
pub(crate) fn computation(e: &ArrowError) -> (String, Option<&'static str>) {
    match e {
        ArrowError::ArithmeticOverflow(_) => ("a number became too large for its type".into(), Some("CAST it to DOUBLE first")),
        ArrowError::DivideByZero => ("a division by zero".into(), None),
        ArrowError::CastError(what) | ArrowError::ParseError(what) => (types(what), Some("try_cast gives NULL instead")),
        ArrowError::ComputeError(what) | ArrowError::InvalidArgumentError(what) => (types(what), None),
        other => (types(&other.to_string()), None),
    }
}

/// The same text with the types of the language.
fn types(text: &str) -> String {
    TYPES.iter().fold(text.to_string(), |text, (theirs, ours)| text.replace(theirs, ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_of_the_language() {
        let said = computation(&ArrowError::CastError("Cannot cast string 'x' to value of Int64 type".into()));
        assert_eq!(said, ("Cannot cast string 'x' to value of BIGINT type".into(), Some("try_cast gives NULL instead")));
    }
}
