//! Which column feeds what.

use super::identifiers::{self, IdentityColumn, IdentityObjects};
use crate::source::RawBatch;
use crate::{ImportError, ImportRequest, Received, Target};
use eql_catalog::{Catalog, EntityType, EventType, Property};
use std::sync::Arc;

/// A column under the name that the target knows it by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) column: usize,
}

/// The columns under their names after `--map`. A mapped column comes before one that has the name by itself, and is then known by that name only.
pub(crate) fn named(columns: &[String], map: &[(String, String)]) -> Vec<Named> {
    let place = |name: &String| columns.iter().position(|c| c == name);
    let mapped = map.iter().filter_map(|(from, to)| Some(Named { name: to.clone(), column: place(from)? }));
    let own = columns.iter().enumerate().filter(|(_, c)| !map.iter().any(|(from, _)| from == *c));
    mapped.chain(own.map(|(column, name)| Named { name: name.clone(), column })).collect()
}

/// What every event has besides its properties.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SystemColumns {
    pub(crate) time: Option<usize>,
    pub(crate) event: Option<usize>,
    pub(crate) received: Option<usize>,
    /// Columns that make the id, None where JSON objects lack one; empty when the id is a hash.
    pub(crate) id: Vec<Option<usize>>,
    /// The id is asked for by `--id`, so that every event needs one.
    pub(crate) id_required: bool,
    /// `--define` declares the columns of `--id`, too: they stay properties.
    declares_id: bool,
}

pub(crate) fn find(named: &[Named], name: &str) -> Option<usize> {
    named.iter().find(|n| n.name == name).map(|n| n.column)
}

/// The column that an option names: by its own name, else by what it is mapped to.
fn column(columns: &[String], named: &[Named], name: &str) -> Option<usize> {
    columns.iter().position(|c| c == name).or_else(|| find(named, name))
}

impl SystemColumns {
    /// Columns that are known by their place.
    pub(crate) fn placed(time: usize, received: usize, id: usize) -> SystemColumns {
        SystemColumns { time: Some(time), received: Some(received), id: vec![Some(id)], ..SystemColumns::default() }
    }

    pub(crate) fn new(columns: &[String], named: &[Named], request: &ImportRequest) -> SystemColumns {
        let own_id = || find(named, "event_id").into_iter().map(Some).collect();
        SystemColumns {
            time: find(named, "time"),
            event: find(named, "event"),
            received: match &request.received {
                Received::EventTime => find(named, "received_at"),
                Received::Now => None,
                Received::Column(name) => column(columns, named, name),
            },
            id: if request.id.is_empty() { own_id() } else { request.id.iter().map(|c| column(columns, named, c)).collect() },
            id_required: !request.id.is_empty(),
            declares_id: request.define,
        }
    }

    /// The column is spoken for, so that it need not be declared.
    fn uses(&self, named: &Named) -> bool {
        let system = ["time", "event", "event_id", "received_at"].contains(&named.name.as_str());
        let first = |c: Option<usize>| c == Some(named.column);
        let is_id = self.id.contains(&Some(named.column)) && !self.declares_id;
        let used = first(self.time) || first(self.event) || first(self.received) || is_id;
        used || system && named.name != "time" && named.name != "event"
    }
}

/// The columns of one event type.
#[derive(Clone, Debug)]
pub(crate) struct EventColumns {
    pub(crate) event: Arc<EventType>,
    /// `[participant][key column]`: its declaration and its column.
    pub(crate) keys: Vec<Vec<(Property, Option<usize>)>>,
    pub(crate) properties: Vec<(Property, Option<usize>)>,
    pub(crate) undeclared: Vec<Named>,
    pub(crate) identities: Vec<IdentityColumn>,
    /// The column of objects that say identities by entity, as they come over HTTP.
    pub(crate) objects: Option<IdentityObjects>,
}

impl EventColumns {
    pub(crate) fn new(catalog: &Arc<Catalog>, event: &Arc<EventType>, named: &[Named], system: &SystemColumns) -> EventColumns {
        let keys = event.participants.iter().map(|p| {
            let declared = catalog.entity_by_id(p.entity).map(|e| e.key.clone()).unwrap_or_default();
            declared.into_iter().zip(&p.key_names).map(|(k, name)| (k, find(named, name))).collect::<Vec<_>>()
        });
        let keys: Vec<_> = keys.collect();
        let properties: Vec<_> = event.properties.iter().map(|p| (p.clone(), find(named, &p.name))).collect();
        let is_key = |n: &Named| event.participants.iter().any(|p| p.key_names.contains(&n.name));
        let known = |n: &Named| (is_key(n) || event.property(&n.name).is_some()) && find(named, &n.name) == Some(n.column);
        let identities = identifiers::of_event(catalog, event, named);
        let identifies = |n: &Named| identities.iter().any(|i| i.column == n.column);
        let objects = IdentityObjects::of_event(catalog, event, named);
        let says = |n: &Named| objects.as_ref().is_some_and(|o| o.column == n.column);
        let undeclared = named.iter().filter(|n| !known(n) && !system.uses(n) && !identifies(n) && !says(n)).cloned().collect();
        EventColumns { event: event.clone(), keys, properties, undeclared, identities, objects }
    }
}

/// The columns of one entity type.
#[derive(Clone, Debug)]
pub(crate) struct EntityColumns {
    pub(crate) entity: Arc<EntityType>,
    pub(crate) keys: Vec<(Property, usize)>,
    /// Only those that have a column: the others keep their values.
    pub(crate) properties: Vec<(Property, usize)>,
    pub(crate) time: Option<usize>,
    pub(crate) undeclared: Vec<Named>,
    pub(crate) identities: Vec<IdentityColumn>,
    /// The column of objects that say identifiers by identity.
    pub(crate) objects: Option<usize>,
}

impl EntityColumns {
    pub(crate) fn new(entity: &Arc<EntityType>, named: &[Named], raw: &RawBatch) -> Result<EntityColumns, ImportError> {
        let no_key = |key: &Property| ImportError::NoKeyColumn {
            file: raw.file.clone(),
            entity: entity.name.clone(),
            key: key.name.clone(),
            columns: raw.column_names(),
        };
        let key = |p: &Property| find(named, &p.name).map(|c| (p.clone(), c)).ok_or_else(|| no_key(p));
        let keys = entity.key.iter().map(key).collect::<Result<_, _>>()?;
        let properties = entity.properties.iter().filter_map(|p| Some((p.clone(), find(named, &p.name)?))).collect();
        let time = if entity.property("time").is_some() { None } else { find(named, "time") };
        let known = |n: &Named| entity.property(&n.name).is_some() && find(named, &n.name) == Some(n.column) || time == Some(n.column);
        let identities = identifiers::of_entity(entity, named);
        let identifies = |n: &Named| identities.iter().any(|i| i.column == n.column);
        let objects = identifiers::objects_of(entity, named);
        let says = |n: &Named| objects == Some(n.column);
        let undeclared = named.iter().filter(|n| !known(n) && !identifies(n) && !says(n)).cloned().collect();
        Ok(EntityColumns { entity: entity.clone(), keys, properties, time, undeclared, identities, objects })
    }
}

/// Names that the target could take from `--map`.
pub(crate) fn known_names(catalog: &Catalog, target: &Target) -> Vec<String> {
    let system = ["time", "event", "event_id", "received_at"].map(String::from);
    let of_event = |e: &EventType| {
        let keys = e.participants.iter().flat_map(|p| p.key_names.clone());
        keys.chain(e.properties.iter().map(|p| p.name.clone())).collect::<Vec<_>>()
    };
    match target {
        Target::Entity(name) => {
            let declared = catalog.entity(name).map(|e| e.key.iter().chain(&e.properties).map(|p| p.name.clone()).collect::<Vec<_>>());
            declared.unwrap_or_default().into_iter().chain(["time".to_string()]).collect()
        }
        Target::Event(name) => catalog.event(name).map(|e| of_event(e)).unwrap_or_default().into_iter().chain(system).collect(),
        Target::Events => catalog.events().flat_map(|e| of_event(e)).chain(system).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_column_feeds_all_its_names_and_only_those() {
        let columns = ["ts", "time", "x"].map(String::from);
        let map = [("ts", "time"), ("ts", "at")].map(|(a, b)| (a.to_string(), b.to_string()));
        let named = named(&columns, &map);
        let pairs: Vec<_> = named.iter().map(|n| (n.name.as_str(), n.column)).collect();
        assert_eq!(pairs, [("time", 0), ("at", 0), ("time", 1), ("x", 2)]);
        assert_eq!(find(&named, "time"), Some(0));
    }
}
