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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::array::cast::AsArray;
    use arrow::array::*;
    use arrow::datatypes::{Int32Type, i256};

    fn one(array: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter([("c", array)]).unwrap()
    }

    fn through(array: ArrayRef) -> RecordBatch {
        let batch = one(array);
        let schema = wire_schema(&[], &batch.schema());
        to_schema(&batch, &schema).unwrap()
    }

    #[test]
    fn every_type_that_some_reader_lacks_becomes_a_plain_one() {
        let dictionary: DictionaryArray<Int32Type> = vec![Some("a"), None, Some("a")].into_iter().collect();
        let runs = RunArray::try_new(&Int32Array::from(vec![2, 3]), &StringArray::from(vec!["a", "b"])).unwrap();
        let cases: Vec<(ArrayRef, DataType)> = vec![
            (Arc::new(StringViewArray::from(vec!["a"])), DataType::Utf8),
            (Arc::new(BinaryViewArray::from(vec![&b"a"[..]])), DataType::Binary),
            (Arc::new(dictionary), DataType::Utf8),
            (Arc::new(runs), DataType::Utf8),
            (Arc::new(UInt8Array::from(vec![200])), DataType::Int16),
            (Arc::new(UInt32Array::from(vec![u32::MAX])), DataType::Int64),
            (Arc::new(UInt64Array::from(vec![u64::MAX])), DataType::Decimal128(20, 0)),
            (Arc::new(Decimal256Array::from(vec![i256::from(123)]).with_precision_and_scale(50, 2).unwrap()), DataType::Decimal128(38, 2)),
            (Arc::new(Decimal64Array::from(vec![123]).with_precision_and_scale(10, 2).unwrap()), DataType::Decimal128(10, 2)),
            (Arc::new(Int64Array::from(vec![1])), DataType::Int64),
        ];
        for (array, wanted) in cases {
            let (from, nulls) = (array.data_type().clone(), array.logical_null_count());
            let batch = through(array);
            assert_eq!(batch.column(0).data_type(), &wanted, "{from}");
            assert_eq!(batch.column(0).null_count(), nulls, "{from}");
            assert_eq!(plain_type(&wanted), wanted, "a plain type stays what it is");
        }
        let max = through(Arc::new(UInt64Array::from(vec![u64::MAX])));
        assert_eq!(max.column(0).as_primitive::<arrow::datatypes::Decimal128Type>().value_as_string(0), u64::MAX.to_string());
    }

    #[test]
    fn nested_types_are_plain_all_the_way_down() {
        let mut lists = ListBuilder::new(StringViewBuilder::new());
        lists.append_value([Some("a"), None]);
        let batch = through(Arc::new(lists.finish()));
        assert_eq!(batch.column(0).data_type(), &DataType::new_list(DataType::Utf8, true));
    }

    #[test]
    fn a_value_that_does_not_fit_is_an_error() {
        let batch = one(Arc::new(Decimal256Array::from(vec![i256::MAX]).with_precision_and_scale(76, 0).unwrap()));
        let schema = wire_schema(&[], &batch.schema());
        assert!(to_schema(&batch, &schema).is_err());
    }

    #[test]
    fn types_are_named_in_the_metadata() {
        let columns = [ResultColumn { name: "c".to_string(), type_name: "DECIMAL(12,2)".to_string() }];
        let schema = wire_schema(&columns, &Schema::new(vec![Field::new("c", DataType::Decimal128(12, 2), true)]));
        assert_eq!(schema.field(0).metadata()["ARROW:FLIGHT:SQL:TYPE_NAME"], "DECIMAL(12,2)");
        assert_eq!(schema.field(0).metadata()["ARROW:FLIGHT:SQL:SCALE"], "2");
    }

    #[test]
    fn rows_without_columns_are_still_counted() {
        let options = RecordBatchOptions::new().with_row_count(Some(3));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options).unwrap();
        assert_eq!(to_schema(&batch, &batch.schema()).unwrap().num_rows(), 3);
    }
}
