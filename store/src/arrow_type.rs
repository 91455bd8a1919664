//! The types of the language as Arrow types.

use arrow::datatypes::{DataType as ArrowType, Field, TimeUnit};
use eql_catalog::DataType;
use std::sync::Arc;

/// The Arrow type in which values of a declared type are stored and handed out.
pub fn arrow_type(t: &DataType) -> ArrowType {
    match t {
        DataType::String | DataType::Json => ArrowType::Utf8,
        DataType::Bool => ArrowType::Boolean,
        DataType::Int => ArrowType::Int64,
        DataType::Double => ArrowType::Float64,
        DataType::Decimal(precision, scale) => ArrowType::Decimal128(*precision, *scale),
        DataType::Date => ArrowType::Date32,
        DataType::Timestamp => timestamp_type(),
        DataType::List(element) => ArrowType::List(Arc::new(Field::new_list_field(arrow_type(element), true))),
    }
}

/// Microseconds in UTC: the type of every time the store hands out.
pub(crate) fn timestamp_type() -> ArrowType {
    ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}
