//! Single values in and out of columns.

use crate::StoreError;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, ListArray, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::prep_null_mask_filter;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType};
use eql_catalog::Value;
use std::sync::Arc;

/// One value of a column.
pub fn value_at(column: &dyn Array, i: usize) -> Value {
    if column.is_null(i) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Boolean => Value::Bool(column.as_boolean().value(i)),
        DataType::Int64 => Value::Int(column.as_primitive::<Int64Type>().value(i)),
        DataType::Float64 => Value::Double(column.as_primitive::<Float64Type>().value(i)),
        DataType::Decimal128(_, scale) => Value::Decimal(column.as_primitive::<Decimal128Type>().value(i), *scale),
        DataType::Utf8 => Value::String(column.as_string::<i32>().value(i).to_string()),
        DataType::Date32 => Value::Date(column.as_primitive::<Date32Type>().value(i)),
        DataType::Timestamp(..) => Value::Timestamp(column.as_primitive::<TimestampMicrosecondType>().value(i)),
        DataType::List(_) => {
            let list = column.as_list::<i32>().value(i);
            Value::List((0..list.len()).map(|j| value_at(&list, j)).collect())
        }
        // `arrow_type` makes no other.
        _ => Value::Null,
    }
}

/// A column of values; a value of another type is NULL.
///
/// # Errors
/// Lists whose items do not go together.
pub fn array_of(values: &[Value], data_type: &DataType) -> Result<ArrayRef, StoreError> {
    fn each<'v, T>(values: &'v [Value], get: impl Fn(&'v Value) -> Option<T>) -> impl Iterator<Item = Option<T>> {
        values.iter().map(get)
    }
    Ok(match data_type {
        DataType::Boolean => Arc::new(each(values, |v| if let Value::Bool(b) = v { Some(*b) } else { None }).collect::<BooleanArray>()),
        DataType::Int64 => Arc::new(each(values, |v| if let Value::Int(n) = v { Some(*n) } else { None }).collect::<Int64Array>()),
        DataType::Float64 => Arc::new(each(values, |v| if let Value::Double(n) = v { Some(*n) } else { None }).collect::<Float64Array>()),
        DataType::Decimal128(_, scale) => {
            let numbers = each(values, |v| if let Value::Decimal(n, s) = v { (s == scale).then_some(*n) } else { None });
            Arc::new(numbers.collect::<Decimal128Array>().with_data_type(data_type.clone()))
        }
        DataType::Utf8 => {
            Arc::new(each(values, |v| if let Value::String(s) = v { Some(s.as_str()) } else { None }).collect::<StringArray>())
        }
        DataType::Date32 => Arc::new(each(values, |v| if let Value::Date(d) = v { Some(*d) } else { None }).collect::<Date32Array>()),
        DataType::Timestamp(..) => {
            let times = each(values, |v| if let Value::Timestamp(t) = v { Some(*t) } else { None });
            Arc::new(times.collect::<TimestampMicrosecondArray>().with_data_type(data_type.clone()))
        }
        DataType::List(field) => {
            let lists: Vec<&[Value]> = values.iter().map(|v| if let Value::List(items) = v { items.as_slice() } else { &[] }).collect();
            let items = array_of(&lists.concat(), field.data_type())?;
            let offsets = OffsetBuffer::from_lengths(lists.iter().map(|l| l.len()));
            let nulls = NullBuffer::from_iter(values.iter().map(|v| matches!(v, Value::List(_))));
            Arc::new(ListArray::try_new(field.clone(), offsets, items, Some(nulls))?)
        }
        other => new_null_array(other, values.len()),
    })
}

/// NULL is false.
pub(crate) fn without_nulls(flags: &BooleanArray) -> BooleanArray {
    if flags.null_count() > 0 { prep_null_mask_filter(flags) } else { flags.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrow_type;
    use eql_catalog::DataType as T;

    #[test]
    fn values_go_in_and_out() {
        let list = T::List(Box::new(T::String));
        let cases = [
            (T::Bool, Value::Bool(true)),
            (T::Int, Value::Int(-3)),
            (T::Double, Value::Double(0.5)),
            (T::Decimal(10, 2), Value::Decimal(123, 2)),
            (T::String, Value::String("é".into())),
            (T::Date, Value::Date(9)),
            (T::Timestamp, Value::Timestamp(-1)),
            (list.clone(), Value::List(vec![Value::String("a".into()), Value::Null])),
            (list, Value::List(vec![])),
        ];
        for (data_type, value) in cases {
            let values = [Value::Null, value];
            let array = array_of(&values, &arrow_type(&data_type)).unwrap();
            assert_eq!(*array.data_type(), arrow_type(&data_type));
            assert_eq!([value_at(&array, 0), value_at(&array, 1)], values);
        }
    }
}
