//! LIST.

use super::coerce::{Coerced, coerce};
use super::times::Times;
use crate::source::{JsonColumn, RawColumn, elements};
use arrow::array::*;
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType as ArrowType, Field};
use arrow::error::ArrowError;
use eql_catalog::DataType;
use eql_store::arrow_type;
use std::sync::Arc;

/// From lists, and from text that is a JSON array. A list with an element that does not fit does not fit.
pub(crate) fn to_list(column: &RawColumn, element: &DataType, times: &Times) -> Result<Option<Coerced>, ArrowError> {
    let (list, mut failed) = match column.values.data_type() {
        ArrowType::List(_) => {
            let list = column.values.as_list::<i32>();
            (
                Raw { offsets: list.offsets().clone(), elements: column.with(list.values().clone()), nulls: list.nulls().cloned() },
                Vec::new(),
            )
        }
        ArrowType::Utf8 => of_text(column.values.as_string()),
        _ => return Ok(None),
    };
    let coerced = coerce(&list.elements, element, times)?;
    failed.extend(coerced.failed.iter().filter_map(|i| list.row_of(*i)));
    failed.sort_unstable();
    failed.dedup();
    let nulls = without(list.nulls, &failed, column.values.len());
    let field = Arc::new(Field::new_list_field(arrow_type(element), true));
    let values = Arc::new(ListArray::try_new(field, list.offsets, coerced.values, nulls)?);
    Ok(Some(Coerced { values, failed }))
}

struct Raw {
    offsets: OffsetBuffer<i32>,
    elements: RawColumn,
    nulls: Option<NullBuffer>,
}

impl Raw {
    /// The row that holds an element; None for elements that no row shows.
    fn row_of(&self, element: u32) -> Option<u32> {
        let row = self.offsets.partition_point(|o| *o <= element as i32).checked_sub(1)?;
        let shown = row + 1 < self.offsets.len() && self.nulls.as_ref().is_none_or(|n| n.is_valid(row));
        shown.then_some(row as u32)
    }
}

fn of_text(texts: &StringArray) -> (Raw, Vec<u32>) {
    let (mut column, mut lengths, mut valid, mut failed) = (JsonColumn::default(), Vec::new(), Vec::new(), Vec::new());
    for (row, text) in texts.iter().enumerate() {
        let before = column.len();
        match text.map(str::trim) {
            None | Some("") => valid.push(false),
            Some(text) => {
                let found = elements(text);
                valid.push(found.is_ok());
                match found {
                    Ok(values) => values.iter().for_each(|v| column.push(v)),
                    Err(_) => failed.push(row as u32),
                }
            }
        }
        lengths.push(column.len() - before);
    }
    let rows = column.len();
    (Raw { offsets: OffsetBuffer::from_lengths(lengths), elements: column.finish("element", rows), nulls: Some(valid.into()) }, failed)
}

fn without(nulls: Option<NullBuffer>, failed: &[u32], rows: usize) -> Option<NullBuffer> {
    if failed.is_empty() {
        return nulls;
    }
    let mut valid: Vec<bool> = (0..rows).map(|i| nulls.as_ref().is_none_or(|n| n.is_valid(i))).collect();
    failed.iter().for_each(|i| valid[*i as usize] = false);
    Some(valid.into())
}
