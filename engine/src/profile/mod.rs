//! One entity: what is known about it, what happened to it, where it belongs. Looked up by key, not asked by a statement: the way of many small readers.

mod journey;
mod membership;

pub use journey::{JourneyEvent, JourneyPage};

use crate::{Engine, EngineError};
use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::Decimal128Type;
use eql_catalog::{DataType, EntityType, Property, Value, parse_date, parse_timestamp};
use eql_store::{Snapshot, StoreError, arrow_type, value_at};
use std::sync::Arc;

/// An entity that was found.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its type.
    pub entity: Arc<EntityType>,
    /// Its place among the entities of the type, for as long as the data directory lives.
    pub ordinal: u32,
    /// The key columns, in order.
    pub key: Vec<Value>,
    /// Every declared property, in the order declared.
    pub properties: Vec<Value>,
    /// JSON text of what is not declared.
    pub extra: Option<String>,
    /// Imported and refreshed tags that have a value.
    pub tags: Vec<(String, Value)>,
    /// Identifiers, by identity and value.
    pub identities: Vec<(String, String)>,
}

/// By what an entity is looked for.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// The values of its key, as text.
    Key(&'a [String]),
    /// An identity and its value.
    Identity(&'a str, &'a str),
}

/// Where an entity is.
pub(crate) struct Found {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) entity: Arc<EntityType>,
    pub(crate) ordinal: u32,
    pub(crate) key: Vec<Value>,
}

impl Engine {
    /// What is known about an entity. It reads memory only.
    ///
    /// # Errors
    /// An unknown entity type or identity, a key of another type, or no such entity.
    pub fn profile(&self, entity: &str, by: By<'_>) -> Result<Profile, EngineError> {
        let found = self.find(entity, by)?;
        let identities = match found.entity.identities.is_empty() {
            true => Vec::new(),
            false => self.store.identifiers_of(found.entity.id, found.ordinal),
        };
        Ok(Profile { identities, ..read(found)? })
    }

    pub(crate) fn find(&self, entity: &str, by: By<'_>) -> Result<Found, EngineError> {
        match by {
            By::Key(key) => self.find_by_key(entity, key),
            By::Identity(identity, value) => self.find_by_identity(entity, identity, value),
        }
    }

    fn find_by_key(&self, entity: &str, key: &[String]) -> Result<Found, EngineError> {
        let snapshot = self.store.snapshot()?;
        let entity = defined(&snapshot, entity)?;
        let values = values(&entity, key)?;
        let ordinal = snapshot.profile(entity.id, &values)?.ok_or_else(|| nobody(&entity, key))?;
        // The key of one that was merged into another leads to the one that stands for both.
        let key = if !snapshot.has_merges() { values } else { key_of(&snapshot, &entity, ordinal)? };
        Ok(Found { snapshot, entity, ordinal, key })
    }

    fn find_by_identity(&self, entity: &str, identity: &str, value: &str) -> Result<Found, EngineError> {
        let entity = defined(&*self.store.snapshot()?, entity)?;
        if !entity.identities.iter().any(|i| i.name == identity) {
            let message = format!("entity `{}` declares no identity `{identity}`", entity.name);
            return Err(EngineError::Invalid(message));
        }
        let nobody = || EngineError::NotFound(format!("no {} has the {identity} `{value}`", entity.name));
        let ordinal = self.store.identifier(entity.id, identity, value.trim()).ok_or_else(nobody)?;
        // Taken afterwards, so that it knows whom the identifier belongs to.
        let snapshot = self.store.snapshot()?;
        let ordinal = snapshot.standing(entity.id, ordinal)?.ok_or_else(nobody)?;
        let key = key_of(&snapshot, &entity, ordinal)?;
        Ok(Found { snapshot, entity, ordinal, key })
    }
}

fn defined(snapshot: &Snapshot, entity: &str) -> Result<Arc<EntityType>, EngineError> {
    snapshot.catalog().entity(entity).cloned().ok_or_else(|| EngineError::NotFound(format!("no entity `{entity}` is defined")))
}

/// NULLs for somebody without a key.
fn key_of(snapshot: &Snapshot, entity: &EntityType, ordinal: u32) -> Result<Vec<Value>, StoreError> {
    Ok(snapshot.keys_of(entity.id, &[ordinal])?.iter().map(|column| value_at(column, 0)).collect())
}

fn read(found: Found) -> Result<Profile, StoreError> {
    let Found { snapshot, entity, ordinal, key } = found;
    let mut tags = Vec::new();
    // What is computed at each statement is not known here.
    let stored = |t: &eql_catalog::Tag| t.imported || t.definition.contains("REFRESH EVERY");
    for tag in snapshot.catalog().tags().filter(|t| t.entity == entity.name && stored(t)) {
        let value = snapshot.tag_value(entity.id, &tag.name, ordinal)?;
        if value != Value::Null {
            tags.push((tag.name.clone(), value));
        }
    }
    let row = snapshot.entity_row(entity.id, ordinal)?;
    let (properties, extra) = row.map_or_else(Default::default, |r| (r.properties.into_iter().map(|(_, v)| v).collect(), r.extra));
    Ok(Profile { entity, ordinal, key, properties, extra, tags, identities: Vec::new() })
}

fn nobody(entity: &EntityType, key: &[impl AsRef<str>]) -> EngineError {
    let key: Vec<&str> = key.iter().map(AsRef::as_ref).collect();
    EngineError::NotFound(format!("no {} has the key `{}`", entity.name, key.join(",")))
}

/// A key as values of its declared types.
pub(crate) fn values(entity: &EntityType, key: &[impl AsRef<str>]) -> Result<Vec<Value>, EngineError> {
    if key.len() != entity.key.len() {
        let columns: Vec<String> = entity.key.iter().map(|k| format!("`{}`", k.name)).collect();
        let message =
            format!("the key of entity `{}` is {}, joined by commas; {} values were given", entity.name, columns.join(", "), key.len());
        return Err(EngineError::Invalid(message));
    }
    let one = |(declared, text): (&Property, &str)| {
        let wrong =
            || EngineError::Invalid(format!("key `{}` of entity `{}` is {}, not `{text}`", declared.name, entity.name, declared.data_type));
        value(text, &declared.data_type).ok_or_else(wrong)
    };
    entity.key.iter().zip(key.iter().map(AsRef::as_ref)).map(one).collect()
}

fn value(text: &str, data_type: &DataType) -> Option<Value> {
    Some(match data_type {
        DataType::String | DataType::Json => Value::String(text.to_string()),
        DataType::Int => Value::Int(text.parse().ok()?),
        DataType::Bool => Value::Bool(text.parse().ok()?),
        DataType::Double => Value::Double(text.parse().ok()?),
        DataType::Date => Value::Date(parse_date(text)?),
        DataType::Timestamp => Value::Timestamp(parse_timestamp(text)?.0),
        DataType::Decimal(_, scale) => {
            let digits: ArrayRef = Arc::new(StringArray::from(vec![text]));
            let decimal = arrow::compute::cast(&digits, &arrow_type(data_type)).ok()?;
            decimal.is_valid(0).then(|| Value::Decimal(decimal.as_primitive::<Decimal128Type>().value(0), *scale))?
        }
        DataType::List(_) => return None,
    })
}
