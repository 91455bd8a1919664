//! Rows as events of one type.

use super::columns::{EventColumns, SystemColumns};
use super::extra::extra;
use super::fault::Why;
use super::identifiers;
use super::identity::{Ordinals, content, ids, joined};
use super::slice::{Slice, kept};
use super::value::default_of;
use crate::ImportError;
use crate::source::RawColumn;
use arrow::array::*;
use arrow::compute::{filter, kernels::zip::zip, nullif};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::error::ArrowError;
use eql_catalog::{DataType, Property};
use eql_store::{EventBatch, arrow_type};
use std::sync::Arc;

/// When rows count as received: a column, or one instant for all.
pub(crate) enum Arrival {
    Column(usize),
    At(i64),
    EventTime,
}

/// Rows of one event type that were admitted, and where they stood in the raw batch.
pub(crate) struct AdmittedEvents {
    pub(crate) batch: EventBatch,
    pub(crate) rows: UInt32Array,
    /// Columns that nobody declares: how many values went to `extra`.
    pub(crate) undeclared: Vec<(String, u64)>,
}

/// Admits the rows of a slice as events; rows at fault are left out and stand in `slice.faults`.
pub(crate) fn admit(
    slice: &mut Slice<'_>,
    columns: &EventColumns,
    system: &SystemColumns,
    arrival: &Arrival,
    strict: bool,
    ordinals: &mut Ordinals,
) -> Result<AdmittedEvents, ImportError> {
    slice.time = system.time;
    let mut keys = keys(slice, columns)?;
    let time = time(slice, system)?;
    let mut properties = properties(slice, columns)?;
    let given = given_ids(slice, system)?;
    let received = received(slice, arrival)?;
    let mut undeclared = undeclared(slice, columns, strict)?;
    let identifiers = identifiers::read(slice, &columns.identities)?;
    let objects = columns.objects.as_ref().map(|o| o.read(slice, &columns.event)).transpose()?.unwrap_or_default();
    let (of_objects, in_objects): (Vec<_>, Vec<_>) = objects.into_iter().unzip();
    // As over HTTP the object stays with the row: it may name others who take no part.
    if let Some(objects) = &columns.objects {
        undeclared.push((identifiers::OBJECTS.to_string(), slice.column(objects.column)?));
    }

    let keep = slice.keep();
    let keep = keep.as_ref();
    keys.iter_mut().flatten().try_for_each(|k| replace(k, keep))?;
    properties.iter_mut().try_for_each(|(_, p)| replace(p, keep))?;
    undeclared.iter_mut().try_for_each(|(_, c)| replace(&mut c.values, keep))?;
    let time = kept(&time, keep)?;
    let given = given.map(|g| kept(&(Arc::new(g) as ArrayRef), keep)).transpose()?;
    let rows = slice.kept_rows(keep)?;
    let extra = extra(&undeclared, rows.len());

    let id = match &given {
        Some(given) if given.null_count() == 0 => given.as_string().clone(),
        given => {
            let extra = extra.clone().map(|e| Arc::new(e) as ArrayRef);
            let hashes = hashes(columns, &keys, &time, &properties, extra.as_ref(), rows.len());
            ids(given.as_ref().map(|g| g.as_string()), &hashes, &rows, ordinals)?
        }
    };
    let time: &TimestampMicrosecondArray = time.as_primitive();
    let batch = EventBatch {
        event: columns.event.id,
        keys,
        time: time.clone(),
        id,
        received: received.map(|r| arrived(&r, keep, time)).transpose()?,
        properties: columns.properties.iter().zip(properties).filter(|(_, (there, _))| *there).map(|((p, _), (_, v))| (p.id, v)).collect(),
        extra,
        order: None,
        identities: [identifiers::said(&columns.identities, &identifiers, keep)?, identifiers::said(&of_objects, &in_objects, keep)?]
            .concat(),
    };
    if columns.objects.is_some() {
        undeclared.pop();
    }
    let count = |(name, c): &(String, RawColumn)| (name.clone(), (rows.len() - c.values.null_count()) as u64);
    Ok(AdmittedEvents { batch, undeclared: undeclared.iter().map(count).filter(|(_, n)| *n > 0).collect(), rows })
}

fn replace(values: &mut ArrayRef, keep: Option<&BooleanArray>) -> Result<(), ArrowError> {
    if let Some(keep) = keep {
        *values = filter(values, keep)?;
    }
    Ok(())
}

/// `[participant][key column]`. A participant whose key is not complete does not take part.
fn keys(slice: &mut Slice<'_>, columns: &EventColumns) -> Result<Vec<Vec<ArrayRef>>, ArrowError> {
    let rows = slice.len();
    let mut all = Vec::with_capacity(columns.keys.len());
    for participant in &columns.keys {
        let mut key = Vec::with_capacity(participant.len());
        for (declared, column) in participant {
            key.push(match column {
                Some(column) => slice.coerced(*column, &declared.data_type)?,
                None => new_null_array(&arrow_type(&declared.data_type), rows),
            });
        }
        all.push(complete(key, rows)?);
    }
    Ok(all)
}

fn complete(key: Vec<ArrayRef>, rows: usize) -> Result<Vec<ArrayRef>, ArrowError> {
    let nulls = key.first().map_or(0, |k| k.null_count());
    if key.len() < 2 || key.iter().all(|k| k.null_count() == nulls && (nulls == 0 || nulls == rows)) {
        return Ok(key);
    }
    let absent: BooleanArray = (0..rows).map(|row| Some(key.iter().any(|k| k.is_null(row)))).collect();
    key.iter().map(|k| nullif(k, &absent)).collect()
}

fn time(slice: &mut Slice<'_>, system: &SystemColumns) -> Result<ArrayRef, ArrowError> {
    let time = match system.time {
        Some(column) => slice.coerced(column, &DataType::Timestamp)?,
        None => new_null_array(&arrow_type(&DataType::Timestamp), slice.len()),
    };
    slice.require(&time, system.time, || "the time".to_string());
    Ok(time)
}

/// Each declared property, and whether there is anything to store.
fn properties(slice: &mut Slice<'_>, columns: &EventColumns) -> Result<Vec<(bool, ArrayRef)>, ArrowError> {
    columns.properties.iter().map(|(property, column)| property_values(slice, property, *column)).collect()
}

fn property_values(slice: &mut Slice<'_>, property: &Property, column: Option<usize>) -> Result<(bool, ArrayRef), ArrowError> {
    let rows = slice.len();
    let mut values = match column {
        Some(column) => slice.coerced(column, &property.data_type)?,
        None => new_null_array(&arrow_type(&property.data_type), rows),
    };
    let present = column.map(|c| slice.present(c));
    // NULL that was said is NULL; a name that a row lacks takes the default, whatever its neighbours say.
    let said = |row: usize| present.as_ref().is_some_and(|p| p.as_ref().is_none_or(|p| p.value(row)));
    if let Some(default) = default_of(property)? {
        let missing: BooleanArray = (0..rows).map(|row| Some(values.is_null(row) && (property.required || !said(row)))).collect();
        values = zip(&missing, &Scalar::new(default), &values)?;
    }
    if property.required {
        slice.require(&values, column, || format!("property `{}`, which is NOT NULL,", property.name));
    }
    Ok((values.null_count() < rows, values))
}

/// Text ids; NULL where there is none.
fn given_ids(slice: &mut Slice<'_>, system: &SystemColumns) -> Result<Option<StringArray>, ArrowError> {
    let mut parts = Vec::with_capacity(system.id.len());
    for column in &system.id {
        parts.push(match column {
            Some(column) => without_blanks(slice.coerced(*column, &DataType::String)?.as_string()),
            None => StringArray::new_null(slice.len()),
        });
    }
    let given = joined(&parts);
    if let (Some(given), true) = (&given, system.id_required) {
        slice.require(given, system.id.first().copied().flatten(), || "the event id".to_string());
    }
    Ok(given)
}

/// Blank text names nothing: as an id it would make one event of many.
fn without_blanks(texts: &StringArray) -> StringArray {
    match texts.iter().flatten().any(str::is_empty) {
        true => texts.iter().map(|t| t.filter(|t| !t.is_empty())).collect(),
        false => texts.clone(),
    }
}

fn received(slice: &mut Slice<'_>, arrival: &Arrival) -> Result<Option<ArrayRef>, ArrowError> {
    match arrival {
        Arrival::EventTime => Ok(None),
        Arrival::At(now) => Ok(Some(Arc::new(TimestampMicrosecondArray::from_value(*now, slice.len()).with_timezone("UTC")))),
        Arrival::Column(column) => slice.coerced(*column, &DataType::Timestamp).map(Some),
    }
}

/// Where no arrival is known, it is the event's own time.
fn arrived(
    received: &ArrayRef,
    keep: Option<&BooleanArray>,
    time: &TimestampMicrosecondArray,
) -> Result<TimestampMicrosecondArray, ArrowError> {
    let received = kept(received, keep)?;
    let received = received.as_primitive::<TimestampMicrosecondType>();
    if received.null_count() == 0 {
        return Ok(received.clone());
    }
    let known: BooleanArray = (0..received.len()).map(|row| Some(received.is_valid(row))).collect();
    let time: &dyn Array = &time.clone().with_timezone("UTC");
    Ok(zip(&known, received, &make_array(time.to_data()))?.as_primitive().clone())
}

/// Columns for `extra`; when strict, their values are faults.
fn undeclared(slice: &mut Slice<'_>, columns: &EventColumns, strict: bool) -> Result<Vec<(String, RawColumn)>, ArrowError> {
    let mut found = Vec::new();
    for named in &columns.undeclared {
        let column = slice.column(named.column)?;
        if strict {
            let owner = format!("event `{}`", columns.event.name);
            super::coerce::valid_rows(&column.values).into_iter().for_each(|row| {
                slice.fault(row as usize, Some(named.column), Why::Undeclared(owner.clone()));
            });
        }
        found.push((named.name.clone(), column));
    }
    Ok(found)
}

fn hashes(
    columns: &EventColumns,
    keys: &[Vec<ArrayRef>],
    time: &ArrayRef,
    properties: &[(bool, ArrayRef)],
    extra: Option<&ArrayRef>,
    rows: usize,
) -> Vec<u128> {
    let participants = columns.event.participants.iter().zip(keys);
    let mut all: Vec<(&str, &ArrayRef)> = participants.flat_map(|(p, k)| p.key_names.iter().map(String::as_str).zip(k)).collect();
    all.extend(columns.properties.iter().zip(properties).map(|((p, _), (_, v))| (p.name.as_str(), v)));
    all.push(("time", time));
    all.extend(extra.map(|e| ("extra", e)));
    content(&columns.event.name, &mut all, rows)
}
