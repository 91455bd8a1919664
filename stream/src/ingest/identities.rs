//! `identities`: other keys by which an entity is known. An undeclared one refuses its record: it could only have been meant for something.

use super::answer::Refusal;
use super::record::{shortened, shown};
use crate::error::nearest;
use crate::source::{Json, elements, members};
use arrow::array::{ListBuilder, StringBuilder};
use eql_catalog::{Catalog, DataType, EntityType, EventType, Identity};
use eql_store::EventIdentity;
use std::collections::BTreeMap;

/// Bytes of one value at most.
const VALUE_BYTES_MAX: usize = 1024;

/// Values of one identity by which a record names somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// Which participant of the event.
    pub(crate) participant: usize,
    /// Index into the identities of its entity type.
    pub(crate) identity: usize,
    pub(crate) values: Vec<String>,
}

/// What an event says of identities: its text, and what of it names participants; all of it is declared.
#[derive(Debug, Default)]
pub(crate) struct Identified<'a> {
    pub(crate) text: Option<&'a str>,
    pub(crate) said: Vec<Said>,
}

/// Reads the identities of an event. They stand by entity, or by the role of a participant.
pub(crate) fn of_event<'a>(catalog: &Catalog, event: &EventType, value: &Json<'a>) -> Result<Identified<'a>, Refusal> {
    let text = match value {
        Json::Null => return Ok(Identified::default()),
        Json::Raw(text) if text.starts_with('{') => text,
        other => return Err(Refusal::wrong_type("`identities`", &shown(other), "an object by entity")),
    };
    let entities = members(text).map_err(Refusal::malformed)?;
    let mut said = Vec::new();
    for (name, keys) in &entities {
        let role = event.participants.iter().position(|p| p.name == *name);
        let entity = match role {
            Some(place) => catalog.entity_by_id(event.participants[place].entity),
            None => catalog.entity(name),
        };
        let Some(entity) = entity else {
            let hint = nearest(name, catalog.entities().map(|e| e.name.as_str()));
            let hint = hint.map(|n| format!("; the nearest is `{n}`")).unwrap_or_default();
            return Err(Refusal::new("unknown_entity", format!("`identities`: no entity `{name}` is defined{hint}")));
        };
        let values = of_entity(entity, &format!("`identities.{}`", entity.name), keys)?;
        // Somebody who takes no part in the event is kept with the row, and that is all.
        if let Some(participant) = role.or_else(|| event.participant_of(entity.id)) {
            said.extend(values.into_iter().map(|(identity, values)| Said { participant, identity, values }));
        }
    }
    Ok(Identified { text: (!entities.is_empty()).then_some(*text), said })
}

/// Values by identity, in the order of the record: one value each, or a list. NULL says nothing.
pub(crate) fn of_entity(entity: &EntityType, what: &str, keys: &Json<'_>) -> Result<Vec<(usize, Vec<String>)>, Refusal> {
    let keys = match keys {
        Json::Null => return Ok(Vec::new()),
        Json::Raw(text) if text.starts_with('{') => members(text).map_err(Refusal::malformed)?,
        other => return Err(Refusal::wrong_type(what, &shown(other), "an object of keys")),
    };
    let mut found: Vec<(usize, Vec<String>)> = Vec::new();
    for (name, value) in &keys {
        let Some(identity) = entity.identities.iter().position(|i| i.name == *name) else {
            let message = format!(
                "entity `{}` declares no identity `{}`; name it in IDENTITIES of its DEFINE ENTITY first",
                entity.name,
                shortened(name)
            );
            return Err(Refusal::new("unknown_identity", message));
        };
        let declared = &entity.identities[identity];
        let values = match value {
            Json::Raw(text) if text.starts_with('[') => {
                let items = elements(text).map_err(Refusal::malformed)?;
                items.iter().filter_map(|item| text_of(what, declared, item).transpose()).collect::<Result<Vec<_>, _>>()?
            }
            one => text_of(what, declared, one)?.into_iter().collect(),
        };
        match found.iter_mut().find(|(i, _)| *i == identity) {
            Some((_, all)) => all.extend(values),
            None => found.push((identity, values)),
        }
    }
    Ok(found)
}

/// A value as its type writes it, so that `7` and `"7"` are one where the identity is a number; None for NULL.
fn text_of(what: &str, identity: &Identity, value: &Json<'_>) -> Result<Option<String>, Refusal> {
    let text = match value {
        Json::Null => return Ok(None),
        Json::Text(text) => text.trim().to_string(),
        Json::Int(number) => number.to_string(),
        Json::Bool(_) | Json::Double(_) | Json::Raw(_) => shown(value),
    };
    let misfit = || Refusal::wrong_type(&format!("{what}: `{}`", identity.name), &shortened(&text), &identity.data_type.to_string());
    let text = match (&identity.data_type, value) {
        (DataType::Int, _) if !text.is_empty() => text.parse::<i64>().map_err(|_| misfit())?.to_string(),
        (DataType::String, Json::Raw(raw)) if raw.starts_with(['{', '[']) => return Err(misfit()),
        _ => text,
    };
    if text.len() > VALUE_BYTES_MAX {
        let message = format!("{what}: `{}` has a value of more than {VALUE_BYTES_MAX} bytes", identity.name);
        return Err(Refusal::new("invalid", message));
    }
    Ok(Some(text))
}

/// Columns of what some rows said. `rows`: those that are kept, in order, by the number that `said` knows them by.
pub(crate) fn columns(catalog: &Catalog, event: &EventType, said: &[(usize, Vec<Said>)], rows: &[u32]) -> Vec<EventIdentity> {
    let mut columns: BTreeMap<(usize, usize), ListBuilder<StringBuilder>> = BTreeMap::new();
    for one in said.iter().flat_map(|(_, all)| all) {
        columns.entry((one.participant, one.identity)).or_insert_with(|| ListBuilder::new(StringBuilder::new()));
    }
    if columns.is_empty() {
        return Vec::new();
    }
    let mut said = said.iter().peekable();
    for row in rows {
        while said.next_if(|(r, _)| *r < *row as usize).is_some() {}
        let of_row = said.next_if(|(r, _)| *r == *row as usize).map(|(_, all)| all.as_slice()).unwrap_or_default();
        for ((participant, identity), column) in &mut columns {
            let mut there = false;
            for one in of_row.iter().filter(|s| (s.participant, s.identity) == (*participant, *identity)) {
                there = true;
                one.values.iter().for_each(|v| column.values().append_value(v));
            }
            column.append(there);
        }
    }
    let named = |((participant, identity), mut values): ((usize, usize), ListBuilder<StringBuilder>)| {
        let entity = catalog.entity_by_id(event.participants.get(participant)?.entity)?;
        Some(EventIdentity { participant, identity: entity.identities.get(identity)?.name.clone(), values: values.finish() })
    };
    columns.into_iter().filter_map(named).collect()
}
