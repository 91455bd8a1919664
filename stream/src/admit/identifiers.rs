//! Columns of files that are called like an identity: what is in them are identifiers, of a participant or of the entity itself.

use super::columns::{Named, find};
use super::fault::Why;
use super::slice::{Slice, kept};
use super::text::write_json;
use crate::ingest::{Refusal, identities};
use crate::source::{Json, Kind, RawColumn, members};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, ListArray, ListBuilder, StringArray, StringBuilder, TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType as ArrowType, Field};
use arrow::error::ArrowError;
use eql_catalog::{Catalog, DataType, EntityType, EventType, Identity};
use eql_store::{EventIdentity, IdentityBatch, IdentityDeed};
use std::collections::BTreeSet;
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

/// The column of a file whose objects say identities by entity: `{"user": {"$phone": "1"}}`.
#[derive(Clone, Debug)]
pub(crate) struct IdentityObjects {
    pub(crate) column: usize,
    catalog: Arc<Catalog>,
}

/// Its name.
pub(crate) const OBJECTS: &str = "identities";

impl IdentityObjects {
    /// Where no participant has identities it is a column like any other.
    pub(crate) fn of_event(catalog: &Arc<Catalog>, event: &EventType, named: &[Named]) -> Option<IdentityObjects> {
        let has = |p: &eql_catalog::Participant| catalog.entity_by_id(p.entity).is_some_and(|e| !e.identities.is_empty());
        let taken = event.property(OBJECTS).is_some() || event.participants.iter().any(|p| p.key_names.iter().any(|k| k == OBJECTS));
        let column = find(named, OBJECTS).filter(|_| !taken && event.participants.iter().any(has))?;
        Some(IdentityObjects { column, catalog: catalog.clone() })
    }

    /// What the rows say of each participant; rows that say what nobody declared are at fault.
    pub(crate) fn read(&self, slice: &mut Slice<'_>, event: &EventType) -> Result<Vec<(IdentityColumn, ArrayRef)>, ArrowError> {
        let said = |object: &Json<'_>| -> Result<SaidOfRow, Refusal> {
            let said = identities::of_event(&self.catalog, event, object)?.said;
            Ok(said.into_iter().map(|s| (s.participant, s.identity, s.values)).collect())
        };
        let identity = |participant: usize, identity: usize| {
            let entity = self.catalog.entity_by_id(event.participants.get(participant)?.entity)?;
            entity.identities.get(identity).cloned()
        };
        read_objects(slice, self.column, said, identity)
    }
}

/// The same for an entity: its objects say identifiers by identity, `{"$phone": ["1", "2"]}`, or by its own name and identity.
pub(crate) fn objects_of(entity: &EntityType, named: &[Named]) -> Option<usize> {
    let taken = entity.property(OBJECTS).is_some() || entity.key.iter().any(|k| k.name == OBJECTS);
    find(named, OBJECTS).filter(|_| !taken && !entity.identities.is_empty())
}

/// What the rows say of their entity.
pub(crate) fn read_of_entity(
    slice: &mut Slice<'_>,
    entity: &EntityType,
    column: Option<usize>,
) -> Result<Vec<(IdentityColumn, ArrayRef)>, ArrowError> {
    let Some(column) = column else { return Ok(Vec::new()) };
    let said = |object: &Json<'_>| -> Result<SaidOfRow, Refusal> {
        let own = match object {
            Json::Raw(text) if text.starts_with('{') => members(text).map_err(Refusal::malformed)?,
            _ => Vec::new(),
        };
        let object = match own.as_slice() {
            [(name, own)] if *name == entity.name => own,
            _ => object,
        };
        let said = identities::of_entity(entity, "`identities`", object)?;
        Ok(said.into_iter().map(|(identity, values)| (0, identity, values)).collect())
    };
    read_objects(slice, column, said, |_, identity| entity.identities.get(identity).cloned())
}

/// Participant, identity and values of one row, each.
type SaidOfRow = Vec<(usize, usize, Vec<String>)>;

fn read_objects(
    slice: &mut Slice<'_>,
    column: usize,
    said: impl Fn(&Json<'_>) -> Result<SaidOfRow, Refusal>,
    identity: impl Fn(usize, usize) -> Option<Identity>,
) -> Result<Vec<(IdentityColumn, ArrayRef)>, ArrowError> {
    let raw = slice.column(column)?;
    let mut rows: Vec<SaidOfRow> = Vec::with_capacity(slice.len());
    for row in 0..slice.len() {
        let mut text = String::new();
        match raw.values.data_type() {
            _ if raw.values.is_null(row) => {}
            ArrowType::Utf8 => text.push_str(raw.values.as_string::<i32>().value(row).trim()),
            _ => write_json(&raw.values, raw.kind, row, &mut text),
        }
        let found = if text.is_empty() { Ok(Vec::new()) } else { said(&Json::Raw(&text)) };
        rows.push(found.unwrap_or_else(|refusal| {
            slice.fault(row, Some(column), Why::Identities(refusal.message));
            Vec::new()
        }));
    }
    let all: BTreeSet<(usize, usize)> = rows.iter().flatten().map(|(participant, identity, _)| (*participant, *identity)).collect();
    let mut found = Vec::new();
    for (participant, number) in all {
        let Some(identity) = identity(participant, number) else { continue };
        let mut lists = ListBuilder::new(StringBuilder::new());
        for row in &rows {
            let of_row = row.iter().filter(|(p, i, _)| (*p, *i) == (participant, number));
            let values: Vec<&String> = of_row.flat_map(|(.., values)| values).collect();
            let says = !values.is_empty();
            values.into_iter().for_each(|value| lists.values().append_value(value));
            lists.append(says);
        }
        found.push((IdentityColumn { participant, identity, column }, Arc::new(lists.finish()) as ArrayRef));
    }
    Ok(found)
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
