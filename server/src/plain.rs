//! The types that every reader of Arrow understands. The mapping is applied to schemas first and to batches after them, so that an announced schema and the
//! batches that follow can never differ.

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use eql_engine::ResultColumn;
use std::collections::HashMap;
use std::sync::Arc;

/// The type a client gets for a column of type `from`.
pub(crate) fn plain_type(from: &DataType) -> DataType {
    match from {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, value) => plain_type(value),
        DataType::RunEndEncoded(_, values) => plain_type(values.data_type()),
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 => DataType::Float32,
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) => DataType::Decimal128(*p, *s),
        DataType::Decimal256(p, s) => DataType::Decimal128((*p).min(38), *s),
        DataType::List(f) | DataType::ListView(f) => DataType::List(plain_field(f)),
        DataType::LargeList(f) | DataType::LargeListView(f) => DataType::LargeList(plain_field(f)),
        DataType::FixedSizeList(f, n) => DataType::FixedSizeList(plain_field(f), *n),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain_field).collect::<Fields>()),
        DataType::Map(f, sorted) => DataType::Map(plain_field(f), *sorted),
        other => other.clone(),
    }
}

fn plain_field(field: &FieldRef) -> FieldRef {
    Arc::new(Field::new(field.name(), plain_type(field.data_type()), field.is_nullable()))
}

/// The schema that goes over the wire: plain types, and the SQL type names that Power BI and JDBC read from the fields.
pub(crate) fn wire_schema(columns: &[ResultColumn], schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().enumerate().map(|(at, field)| {
        let plain = plain_type(field.data_type());
        let name = columns.get(at).map_or_else(|| plain.to_string(), |c| c.type_name.clone());
        let metadata = sql_metadata(&name, &plain);
        Arc::new(Field::new(field.name(), plain, field.is_nullable()).with_metadata(metadata))
    });
    Arc::new(Schema::new(fields.collect::<Fields>()))
}

fn sql_metadata(name: &str, data_type: &DataType) -> HashMap<String, String> {
    let mut metadata = HashMap::from([("ARROW:FLIGHT:SQL:TYPE_NAME".to_string(), name.to_string())]);
    let size = match data_type {
        DataType::Decimal128(precision, scale) => Some((i32::from(*precision), i32::from(*scale))),
        DataType::Int64 => Some((19, 0)),
        DataType::Float64 => Some((15, 0)),
        DataType::Timestamp(..) => Some((26, 6)),
        _ => None,
    };
    if let Some((precision, scale)) = size {
        metadata.insert("ARROW:FLIGHT:SQL:PRECISION".to_string(), precision.to_string());
        metadata.insert("ARROW:FLIGHT:SQL:SCALE".to_string(), scale.to_string());
    }
    metadata
}

/// A batch in the types of `schema`. A value that does not fit is an error, never a NULL.
pub(crate) fn to_schema(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    if batch.num_columns() != schema.fields().len() {
        return Err(ArrowError::SchemaError(format!("{} columns came, {} were announced", batch.num_columns(), schema.fields().len())));
    }
    let columns = batch.columns().iter().zip(schema.fields()).map(|(array, field)| cast(array, field.data_type()));
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect::<Result<_, _>>()?, &options)
}

fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    cast_with_options(array, to, &CastOptions { safe: false, ..CastOptions::default() })
}

/// An array in its plain type, or as it is when it has none.
pub(crate) fn plain_array(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        // Decimals and wide integers print as they are; a cast could only lose.
        DataType::UInt64 | DataType::Decimal256(..) => Arc::clone(array),
        from => cast(array, &plain_type(from)).unwrap_or_else(|_| Arc::clone(array)),
    }
}
