//! A raw column in one of few forms, so that whoever reads it needs few cases.

use crate::ImportError;
use arrow::array::*;
use arrow::buffer::BooleanBuffer;
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType as ArrowType, Field, FieldRef, Fields, TimeUnit};
use arrow::error::ArrowError;
use std::sync::Arc;

/// What the values of a column were in their file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of the array's type.
    Typed,
    /// Text of CSV, which may stand for any type.
    Text,
    /// JSON text of values of several types.
    Json,
}

/// A column as it was read. The array is Boolean, Int64, Float64, Decimal128, Utf8, Date32, Timestamp, List, Struct or Map, and what
/// is inside the last three is so, too.
#[derive(Clone, Debug)]
pub(crate) struct RawColumn {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) values: ArrayRef,
    /// Rows that say something of this column, where it is not all of them: a JSON object may lack a key.
    pub(crate) present: Option<BooleanBuffer>,
}

impl RawColumn {
    /// A typed column, brought to its form.
    pub(crate) fn typed(name: &str, values: &ArrayRef) -> Result<RawColumn, ImportError> {
        Ok(RawColumn { name: name.to_string(), kind: Kind::Typed, values: plain_form(values)?, present: None })
    }

    /// The column with other rows.
    pub(crate) fn with(&self, values: ArrayRef) -> RawColumn {
        RawColumn { name: self.name.clone(), kind: self.kind, values, present: None }
    }
}

/// The array in one of the forms of [`RawColumn`].
pub(crate) fn plain_form(values: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    use ArrowType as A;
    match values.data_type() {
        A::Null => Ok(new_null_array(&A::Utf8, values.len())),
        A::Dictionary(_, inner) => plain_form(&cast(values, inner)?),
        A::RunEndEncoded(_, inner) => plain_form(&cast(values, inner.data_type())?),
        A::Int8 | A::Int16 | A::Int32 | A::UInt8 | A::UInt16 | A::UInt32 => cast(values, &A::Int64),
        A::UInt64 => unsigned(values),
        A::Float16 | A::Float32 => plain_form(&cast(values, &A::Float64)?),
        A::Float64 => Ok(without_nan(values)),
        A::Decimal32(p, s) | A::Decimal64(p, s) => cast(values, &A::Decimal128(*p, *s)),
        // More digits than any declared type holds: as text, which is exact.
        A::Decimal256(_, _) | A::LargeUtf8 | A::Utf8View | A::Time32(_) | A::Time64(_) => cast(values, &A::Utf8),
        A::Date64 => cast(values, &A::Timestamp(TimeUnit::Millisecond, None)),
        A::Binary | A::LargeBinary | A::BinaryView | A::FixedSizeBinary(_) => binary(values),
        A::LargeList(f) | A::FixedSizeList(f, _) | A::ListView(f) | A::LargeListView(f) => plain_form(&cast(values, &A::List(f.clone()))?),
        A::List(_) => list(values.as_list()),
        A::Struct(_) => Ok(Arc::new(structure(values.as_struct())?)),
        A::Map(_, _) => map(values.as_map()),
        _ => Ok(values.clone()),
    }
}

fn list(list: &ListArray) -> Result<ArrayRef, ArrowError> {
    let elements = plain_form(list.values())?;
    let field = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, list.offsets().clone(), elements, list.nulls().cloned())?))
}

fn structure(values: &StructArray) -> Result<StructArray, ArrowError> {
    let columns = values.columns().iter().map(plain_form).collect::<Result<Vec<_>, _>>()?;
    let field = |(f, c): (&FieldRef, &ArrayRef)| Field::new(f.name(), c.data_type().clone(), true);
    let fields: Fields = values.fields().iter().zip(&columns).map(field).collect();
    StructArray::try_new_with_length(fields, columns, values.nulls().cloned(), values.len())
}

/// As a list of pairs: JSON writes it as an object.
fn map(map: &MapArray) -> Result<ArrayRef, ArrowError> {
    let entries = structure(map.entries())?;
    let keys = cast(entries.column(0), &ArrowType::Utf8)?;
    let pair = vec![
        Arc::new(Field::new("key", ArrowType::Utf8, false)),
        Arc::new(Field::new("value", entries.column(1).data_type().clone(), true)),
    ];
    let entries = StructArray::try_new(pair.into(), vec![keys, entries.column(1).clone()], None)?;
    let field = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    Ok(Arc::new(MapArray::try_new(field, map.offsets().clone(), entries, map.nulls().cloned(), false)?))
}

/// NaN is how programs write a missing number.
fn without_nan(values: &ArrayRef) -> ArrayRef {
    let doubles: &Float64Array = values.as_primitive();
    match doubles.iter().flatten().any(f64::is_nan) {
        true => Arc::new(doubles.iter().map(|v| v.filter(|v| !v.is_nan())).collect::<Float64Array>()),
        false => values.clone(),
    }
}

fn unsigned(values: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(values, &ArrowType::Int64, &strict).or_else(|_| cast(values, &ArrowType::Decimal128(20, 0)))
}

/// Text where it is text, else hexadecimal digits.
fn binary(values: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let bytes = cast(values, &ArrowType::Binary)?;
    let bytes: &BinaryArray = bytes.as_binary();
    let hex = |b: &[u8]| b.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let text = |b: &[u8]| std::str::from_utf8(b).map(str::to_string).unwrap_or_else(|_| hex(b));
    match StringArray::try_from_binary(bytes.clone()) {
        Ok(all) => Ok(Arc::new(all)),
        Err(_) => Ok(Arc::new(bytes.iter().map(|b| b.map(text)).collect::<StringArray>())),
    }
}
