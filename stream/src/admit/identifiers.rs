//! Columns of files that are called like an identity: what is in them are identifiers, of a participant or of the entity itself.

use super::columns::{Named, find};
use super::slice::{Slice, kept};
use crate::source::{Kind, RawColumn};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, ListArray, ListBuilder, StringArray, StringBuilder, TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType as ArrowType, Field};
use arrow::error::ArrowError;
use eql_catalog::{Catalog, DataType, EntityType, EventType, Identity};
use eql_store::{EventIdentity, IdentityBatch, IdentityDeed};
use std::sync::Arc;

/// A column with identifiers.
#[derive(Clone, Debug)]
pub(crate) struct IdentityColumn {
    /// Which participant of an event; 0 for entities.
    participant: usize,
    identity: Identity,
    pub(crate) column: usize,
}

/// Those of an event: the first participant whose type has the identity. A property or a key of that name comes first.
pub(crate) fn of_event(catalog: &Catalog, event: &EventType, named: &[Named]) -> Vec<IdentityColumn> {
    let mut found: Vec<IdentityColumn> = Vec::new();
    for (participant, p) in event.participants.iter().enumerate() {
        let identities = catalog.entity_by_id(p.entity).map(|e| e.identities.clone()).unwrap_or_default();
        for identity in identities {
            let taken = event.property(&identity.name).is_some() || event.participants.iter().any(|p| p.key_names.contains(&identity.name));
            if let Some(column) = find(named, &identity.name).filter(|c| !taken && found.iter().all(|f| f.column != *c)) {
                found.push(IdentityColumn { participant, identity, column });
            }
        }
    }
    found
}

/// Those of an entity type.
pub(crate) fn of_entity(entity: &EntityType, named: &[Named]) -> Vec<IdentityColumn> {
    let free = entity.identities.iter().filter(|i| entity.property(&i.name).is_none() && entity.key.iter().all(|k| k.name != i.name));
    let column = |i: &Identity| Some(IdentityColumn { participant: 0, identity: i.clone(), column: find(named, &i.name)? });
    free.filter_map(column).collect()
}

/// The identifiers of each row as texts; rows whose values do not fit are at fault.
pub(crate) fn read(slice: &mut Slice<'_>, columns: &[IdentityColumn]) -> Result<Vec<ArrayRef>, ArrowError> {
    columns.iter().map(|c| texts(slice, c)).collect()
}

fn texts(slice: &mut Slice<'_>, column: &IdentityColumn) -> Result<ArrayRef, ArrowError> {
    if is_list(&slice.raw.columns[column.column]) {
        let lists = slice.coerced(column.column, &DataType::List(Box::new(column.identity.data_type.clone())))?;
        return cast(&lists, &ArrowType::List(Arc::new(Field::new_list_field(ArrowType::Utf8, true))));
    }
    let texts = cast(&slice.coerced(column.column, &column.identity.data_type)?, &ArrowType::Utf8)?;
    let mut lists = ListBuilder::new(StringBuilder::new());
    for text in texts.as_string::<i32>() {
        lists.values().append_option(text.map(str::trim));
        lists.append(text.is_some());
    }
    Ok(Arc::new(lists.finish()))
}

/// A column of lists, or of JSON texts of which some are lists.
fn is_list(column: &RawColumn) -> bool {
    let text = |t: &str| t.trim_start().starts_with('[');
    match column.values.data_type() {
        ArrowType::List(_) => true,
        ArrowType::Utf8 => column.kind == Kind::Json && column.values.as_string::<i32>().iter().flatten().any(text),
        _ => false,
    }
}

/// What events say, of the rows that are kept.
pub(crate) fn said(columns: &[IdentityColumn], texts: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<Vec<EventIdentity>, ArrowError> {
    let one = |(c, values): (&IdentityColumn, &ArrayRef)| {
        let values: ListArray = kept(values, keep)?.as_list().clone();
        Ok(EventIdentity { participant: c.participant, identity: c.identity.name.clone(), values })
    };
    columns.iter().zip(texts).map(one).collect()
}

/// Binds of the rows that are kept: their keys are those of the kept rows, and so are the times.
pub(crate) fn binds(
    entity: &EntityType,
    (columns, texts): (&[IdentityColumn], &[ArrayRef]),
    keys: &[ArrayRef],
    times: &TimestampMicrosecondArray,
) -> Result<Option<IdentityBatch>, ArrowError> {
    let (mut rows, mut identity, mut value) = (Vec::new(), Vec::new(), Vec::new());
    let lists: Vec<&ListArray> = texts.iter().map(|t| t.as_list()).collect();
    for row in 0..times.len() {
        for (column, lists) in columns.iter().zip(&lists).filter(|(_, l)| l.is_valid(row)) {
            for text in lists.value(row).as_string::<i32>().iter().flatten() {
                rows.push(row as u32);
                identity.push(column.identity.name.as_str());
                value.push(text.to_string());
            }
        }
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let rows = UInt32Array::from(rows);
    Ok(Some(IdentityBatch {
        entity: entity.id,
        keys: keys.iter().map(|k| take(k, &rows, None)).collect::<Result<_, _>>()?,
        deeds: vec![IdentityDeed::Bind; rows.len()],
        identity: StringArray::from(identity),
        value: StringArray::from(value),
        others: Vec::new(),
        time: take(times, &rows, None)?.as_primitive().clone(),
    }))
}
