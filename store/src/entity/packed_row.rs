//! One entity as a row of bytes, for point reads. Its bytes are a promise (postcard of [`PackedRow`]).

use super::columns::EntityColumns;
use crate::StoreError;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType};
use eql_catalog::{PropertyId, Value};
use serde::{Deserialize, Serialize};

/// The key, and the properties that are not NULL.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PackedRow {
    pub(crate) keys: Vec<Value>,
    pub(crate) properties: Vec<(u16, Value)>,
    pub(crate) extra: Option<String>,
}

/// Packs rows of one entity type.
pub(crate) struct RowPacker {
    keys: Vec<ArrayRef>,
    properties: Vec<(PropertyId, ArrayRef)>,
    extra: ArrayRef,
}

impl RowPacker {
    pub(crate) fn new(columns: &EntityColumns, keys: usize, properties: &[PropertyId]) -> Result<RowPacker, StoreError> {
        let keys = (0..keys).map(|i| columns.key(i).clone()).collect();
        let properties = properties.iter().map(|id| Ok((*id, columns.property(*id)?))).collect::<Result<Vec<_>, StoreError>>()?;
        Ok(RowPacker { keys, properties, extra: columns.extra() })
    }

    pub(crate) fn row(&self, ordinal: u32) -> PackedRow {
        let i = ordinal as usize;
        let present = self.properties.iter().filter(|(_, column)| column.is_valid(i));
        PackedRow {
            keys: self.keys.iter().map(|k| value_at(k, i)).collect(),
            properties: present.map(|(id, column)| (id.0, value_at(column, i))).collect(),
            extra: self.extra.is_valid(i).then(|| self.extra.as_string::<i32>().value(i).to_string()),
        }
    }

    /// False when nothing but the key is known.
    pub(crate) fn says_something(&self, ordinal: u32) -> bool {
        let i = ordinal as usize;
        self.extra.is_valid(i) || self.properties.iter().any(|(_, column)| column.is_valid(i))
    }

    pub(crate) fn pack(&self, ordinal: u32) -> Vec<u8> {
        // Writing to a vector cannot fail.
        postcard::to_stdvec(&self.row(ordinal)).unwrap_or_default()
    }
}

/// One value of a column.
fn value_at(column: &ArrayRef, i: usize) -> Value {
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
