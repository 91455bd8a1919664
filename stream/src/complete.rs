//! Events that a statement brings: what they lack is filled in as an import would.

use crate::admit::{Ordinals, content, default_of, event_ids};
use arrow::array::{Array, ArrayRef, Scalar, StringArray, UInt32Array};
use arrow::compute::is_null;
use arrow::compute::kernels::zip::zip;
use arrow::error::ArrowError;
use eql_catalog::EventType;
use eql_store::EventBatch;
use std::sync::Arc;

/// Gives properties that are not named their defaults, and rows without an id the hash of what they say: inserting the same rows again
/// changes nothing.
///
/// # Errors
/// Columns of other types than the definition's.
pub fn complete(event: &EventType, batch: &mut EventBatch) -> Result<(), ArrowError> {
    let rows = batch.time.len();
    for p in &event.properties {
        let Some(default) = default_of(p)? else { continue };
        match batch.properties.iter_mut().find(|(id, _)| *id == p.id) {
            // NULL that was said is NULL, where it may be.
            Some((_, values)) if p.required && values.null_count() > 0 => *values = zip(&is_null(values)?, &Scalar::new(default), values)?,
            Some(_) => {}
            None => batch.properties.push((p.id, arrow::compute::take(&default, &UInt32Array::from(vec![0; rows]), None)?)),
        }
    }
    if batch.id.null_count() == 0 {
        return Ok(());
    }
    let time: ArrayRef = Arc::new(batch.time.clone());
    let participants = event.participants.iter().zip(&batch.keys);
    let mut columns: Vec<(&str, &ArrayRef)> = participants.flat_map(|(p, k)| p.key_names.iter().map(String::as_str).zip(k)).collect();
    let name = |id| event.properties.iter().find(|p| p.id == id).map(|p| p.name.as_str());
    columns.extend(batch.properties.iter().filter_map(|(id, v)| Some((name(*id)?, v))));
    columns.push(("time", &time));
    let hashes = content(&event.name, &mut columns, rows);
    let all: UInt32Array = (0..u32::try_from(rows).unwrap_or(u32::MAX)).collect::<Vec<_>>().into();
    let given: StringArray = batch.id.iter().map(|id| id.filter(|id| !id.is_empty())).collect();
    batch.id = event_ids(Some(&given), &hashes, &all, &mut Ordinals::default())?;
    Ok(())
}
