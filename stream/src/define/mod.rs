//! `--define`: what the columns show becomes a definition.

mod infer;
mod text;

use crate::admit::{Admission, EventColumns, Named, Slice, SystemColumns, find};
use crate::source::{RawBatch, RawColumn};
use crate::{ImportError, Target};
use eql_catalog::{Catalog, Change, DataType, EntityType, EventType, Object, Participant, Property, PropertyId};
use infer::infer;
use std::sync::Arc;

/// Names that are spoken for on every row.
const RESERVED: [&str; 5] = ["event", "time", "event_id", "received_at", "extra"];

impl Admission<'_> {
    /// Defines the target of the import when nothing of its name exists.
    pub(crate) fn settle_target(&mut self, raw: &RawBatch, named: &[Named]) -> Result<(), ImportError> {
        let (name, event) = match &self.request.target {
            Target::Events => return Ok(()),
            Target::Event(name) if self.catalog.event(name).is_some() => return Ok(()),
            Target::Entity(name) if self.catalog.entity(name).is_some() => return Ok(()),
            Target::Event(name) => (name.clone(), find(named, "time").is_some()),
            Target::Entity(name) => (name.clone(), false),
        };
        if event {
            return self.define_event(&name, None, raw, named).map(drop);
        }
        self.request.target = Target::Entity(name.clone());
        if self.catalog.entity(&name).is_none() {
            self.define_entity(&name, raw, named)?;
        }
        Ok(())
    }

    /// An event whose participants are the entities whose keys the columns hold.
    pub(crate) fn define_event(
        &mut self,
        name: &str,
        rows: Option<&[u32]>,
        raw: &RawBatch,
        named: &[Named],
    ) -> Result<Arc<EventType>, ImportError> {
        let slice = Slice::new(raw, rows.map(|r| r.to_vec().into()), self.times.clone());
        let mut filled = Vec::new();
        for one in named {
            if !RESERVED.contains(&one.name.as_str()) && has_values(&slice.column(one.column)?) {
                filled.push(one.name.clone());
            }
        }
        let participants = participants(&self.catalog, &filled);
        if participants.is_empty() {
            return Err(ImportError::NoParticipants { event: name.to_string(), columns: filled });
        }
        let bare = EventType {
            id: self.catalog.next_event_id(),
            name: name.to_string(),
            participants,
            properties: Vec::new(),
            hidden: false,
            cluster_by: Vec::new(),
            keep: None,
            comment: None,
            definition: String::new(),
        };
        let system = SystemColumns::new(&raw.column_names(), named, &self.request);
        let columns = EventColumns::new(&self.catalog, &Arc::new(bare.clone()), named, &system);
        let properties = self.new_properties(&[], &columns.undeclared, &slice)?;
        self.put_event(EventType { properties, ..bare })?;
        self.catalog.event(name).cloned().ok_or_else(|| not_definable(&format!("event `{name}`"), "the store did not keep it"))
    }

    fn define_entity(&mut self, name: &str, raw: &RawBatch, named: &[Named]) -> Result<(), ImportError> {
        let wanted = [format!("{name}_id"), "id".to_string()];
        let key = wanted.iter().find_map(|w| named.iter().find(|n| n.name == *w)).or(named.first());
        let key = key.ok_or_else(|| not_definable(&format!("entity `{name}`"), "the file has no columns"))?;
        let key = property(0, &key.name, infer(&raw.columns[key.column], &self.times));
        let entity = EntityType {
            id: self.catalog.next_entity_id(),
            name: name.to_string(),
            key: vec![key.clone()],
            properties: Vec::new(),
            identities: Vec::new(),
            comment: None,
            definition: String::new(),
        };
        let others: Vec<Named> = named.iter().filter(|n| n.name != key.name).cloned().collect();
        let properties = self.new_properties(&[key], &others, &Slice::new(raw, None, self.times.clone()))?;
        self.put_entity(EntityType { properties, ..entity })
    }

    /// True when undeclared columns with values became properties.
    pub(crate) fn define_entity_columns(&mut self, entity: &EntityType, undeclared: &[Named], raw: &RawBatch) -> Result<bool, ImportError> {
        let declared: Vec<Property> = entity.key.iter().chain(&entity.properties).cloned().collect();
        let new = self.new_properties(&declared, undeclared, &Slice::new(raw, None, self.times.clone()))?;
        if new.is_empty() {
            return Ok(false);
        }
        let mut entity = entity.clone();
        entity.properties.extend(new);
        self.put_entity(entity).map(|()| true)
    }

    /// True when undeclared columns with values became properties.
    pub(crate) fn define_event_columns(&mut self, event: &EventType, undeclared: &[Named], slice: &Slice<'_>) -> Result<bool, ImportError> {
        let new = self.new_properties(&event.properties, undeclared, slice)?;
        if new.is_empty() {
            return Ok(false);
        }
        let mut event = event.clone();
        event.properties.extend(new);
        self.put_event(event).map(|()| true)
    }

    fn new_properties(&self, declared: &[Property], undeclared: &[Named], slice: &Slice<'_>) -> Result<Vec<Property>, ImportError> {
        let mut id = declared.iter().map(|p| p.id.0 + 1).max().unwrap_or(0);
        let mut new: Vec<Property> = Vec::new();
        for named in undeclared {
            let column = slice.column(named.column)?;
            let taken = declared.iter().chain(&new).any(|p| p.name == named.name);
            if taken || !has_values(&column) || RESERVED.contains(&named.name.as_str()) || text::quoted(&named.name).is_none() {
                continue;
            }
            new.push(property(id, &named.name, infer(&column, &self.times)));
            id = id.checked_add(1).ok_or_else(|| not_definable(&format!("property `{}`", named.name), "all numbers are used up"))?;
        }
        Ok(new)
    }

    fn put_event(&mut self, mut event: EventType) -> Result<(), ImportError> {
        event.definition = text::event(&event, &self.catalog);
        let text = event.definition.clone();
        self.put(Object::Event(event), text)
    }

    fn put_entity(&mut self, mut entity: EntityType) -> Result<(), ImportError> {
        entity.definition = text::entity(&entity);
        let text = entity.definition.clone();
        self.put(Object::Entity(entity), text)
    }

    fn put(&mut self, object: Object, text: String) -> Result<(), ImportError> {
        self.store.define(Change::Put(Box::new(object)))?;
        self.catalog = self.store.catalog();
        self.tally.defined.push(text);
        Ok(())
    }
}

fn property(id: u16, name: &str, data_type: DataType) -> Property {
    Property {
        id: PropertyId(id),
        name: name.to_string(),
        data_type,
        history: false,
        sensitive: false,
        required: false,
        default: None,
        comment: None,
    }
}

fn not_definable(what: &str, reason: &str) -> ImportError {
    ImportError::NotDefinable { what: what.to_string(), reason: reason.to_string() }
}

fn has_values(column: &RawColumn) -> bool {
    use arrow::array::Array;
    column.values.null_count() < column.values.len()
}

/// Entities whose keys are among the columns, in the order of the columns. A composite key counts only when a part of it is no other's key,
/// and of two entities with a key of one name the one that the name begins with.
fn participants(catalog: &Catalog, columns: &[String]) -> Vec<Participant> {
    let has = |e: &&Arc<EntityType>| e.key.iter().all(|k| columns.contains(&k.name));
    let mut found: Vec<&Arc<EntityType>> = Vec::new();
    for column in columns {
        let single = |e: &&Arc<EntityType>| e.key.len() == 1 && e.key[0].name == *column;
        let best = catalog.entities().filter(single).min_by_key(|e| (!column.starts_with(&e.name), e.id));
        found.extend(best);
    }
    let covered = |e: &Arc<EntityType>, found: &[&Arc<EntityType>]| e.key.iter().all(|k| found.iter().any(|f| f.key[0].name == k.name));
    for composite in catalog.entities().filter(|e| e.key.len() > 1).filter(has) {
        if !covered(composite, &found) {
            found.push(composite);
        }
    }
    let participant =
        |e: &Arc<EntityType>| Participant { entity: e.id, name: e.name.clone(), key_names: e.key.iter().map(|k| k.name.clone()).collect() };
    found.into_iter().map(participant).collect()
}
