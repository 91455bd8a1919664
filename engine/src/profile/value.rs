//! One value of a column.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType};
use eql_catalog::Value;

/// The value of a row; the column is of one of the types that the store hands out.
pub(super) fn value_at(values: &ArrayRef, row: usize) -> Value {
    if values.is_null(row) {
        return Value::Null;
    }
    match values.data_type() {
        DataType::Boolean => Value::Bool(values.as_boolean().value(row)),
        DataType::Int64 => Value::Int(values.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Value::Double(values.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, scale) => Value::Decimal(values.as_primitive::<Decimal128Type>().value(row), *scale),
        DataType::Utf8 => Value::String(values.as_string::<i32>().value(row).to_string()),
        DataType::Date32 => Value::Date(values.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(_, _) => Value::Timestamp(values.as_primitive::<TimestampMicrosecondType>().value(row)),
        DataType::List(_) => {
            let items = values.as_list::<i32>().value(row);
            Value::List((0..items.len()).map(|i| value_at(&items, i)).collect())
        }
        _ => Value::Null,
    }
}
