//! Values of one type as values of another, column by column.

use super::times::Times;
use super::{instant, list, number, text};
use crate::source::{Kind, RawColumn};
use arrow::array::*;
use arrow::error::ArrowError;
use eql_catalog::DataType;
use eql_store::arrow_type;
use std::sync::Arc;

/// A column of the wanted type. Values that do not fit are NULL in it, and their rows are listed.
#[derive(Debug)]
pub(crate) struct Coerced {
    pub(crate) values: ArrayRef,
    pub(crate) failed: Vec<u32>,
}

/// The column as `to`; `times` says how dates and times are written.
pub(crate) fn coerce(column: &RawColumn, to: &DataType, times: &Times) -> Result<Coerced, ArrowError> {
    let wanted = arrow_type(to);
    let values = &column.values;
    if values.null_count() == values.len() {
        return Ok(Coerced { values: new_null_array(&wanted, values.len()), failed: Vec::new() });
    }
    if column.kind == Kind::Json && !matches!(to, DataType::Json | DataType::List(_)) {
        return coerce(&RawColumn { kind: Kind::Text, values: Arc::new(text::unwrapped(values.as_string())), ..column.clone() }, to, times);
    }
    if *values.data_type() == wanted && *to != DataType::Json {
        return Ok(Coerced { values: values.clone(), failed: Vec::new() });
    }
    let coerced = match to {
        DataType::String => text::to_string(values)?,
        DataType::Json => text::to_json(column),
        DataType::Bool => number::to_bool(values),
        DataType::Int => number::to_int(values),
        DataType::Double => number::to_double(values),
        DataType::Decimal(precision, scale) => number::to_decimal(values, *precision, *scale),
        DataType::Date => instant::to_date(values, times),
        DataType::Timestamp => instant::to_timestamp(values, times),
        DataType::List(element) => list::to_list(column, element, times)?,
    };
    Ok(coerced.unwrap_or_else(|| nothing_fits(values, to)))
}

/// The days of times, in their zone.
pub(crate) fn days(column: &RawColumn, times: &Times) -> Result<Coerced, ArrowError> {
    let found = coerce(column, &DataType::Timestamp, times)?;
    Ok(Coerced { values: Arc::new(instant::days_of(found.values.as_primitive(), times.zone)), failed: found.failed })
}

fn nothing_fits(values: &ArrayRef, to: &DataType) -> Coerced {
    Coerced { values: new_null_array(&arrow_type(to), values.len()), failed: valid_rows(values) }
}

/// Rows with a value.
pub(crate) fn valid_rows(values: &dyn Array) -> Vec<u32> {
    (0..values.len()).filter(|i| values.is_valid(*i)).map(|i| i as u32).collect()
}

/// Each value by itself; None does not fit.
pub(crate) fn mapped<S: ArrowPrimitiveType, T: ArrowPrimitiveType>(
    values: &PrimitiveArray<S>,
    mut convert: impl FnMut(S::Native) -> Option<T::Native>,
) -> (PrimitiveArray<T>, Vec<u32>) {
    let converted: PrimitiveArray<T> = values.iter().map(|v| v.and_then(&mut convert)).collect();
    let failed = match converted.null_count() == values.null_count() {
        true => Vec::new(),
        false => (0..values.len()).filter(|i| values.is_valid(*i) && converted.is_null(*i)).map(|i| i as u32).collect(),
    };
    (converted, failed)
}

/// Each text by itself. Blank text is no value.
pub(crate) fn parsed<T: ArrowPrimitiveType>(
    texts: &StringArray,
    mut parse: impl FnMut(&str) -> Option<T::Native>,
) -> (PrimitiveArray<T>, Vec<u32>) {
    let mut failed = Vec::new();
    let mut builder = PrimitiveBuilder::<T>::with_capacity(texts.len());
    for (row, value) in texts.iter().enumerate() {
        match value.map(str::trim) {
            None | Some("") => builder.append_null(),
            Some(value) => {
                let value = parse(value);
                if value.is_none() {
                    failed.push(row as u32);
                }
                builder.append_option(value);
            }
        }
    }
    (builder.finish(), failed)
}

/// A finished conversion.
pub(crate) fn done(values: impl Array + 'static, failed: Vec<u32>) -> Option<Coerced> {
    Some(Coerced { values: Arc::new(values), failed })
}
