//! The catalog itself.

use crate::change::{CatalogError, Change, NounKind, Object};
use crate::noun::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that has a name, at one version. Cloning is cheap enough for definitions, which are rare.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// Grows by one with every change.
    pub version: u64,
    /// Microseconds: the clock of statements that set none, for demos and replays; None is the server's clock.
    pub clock: Option<i64>,
    entities: BTreeMap<String, Arc<EntityType>>,
    events: BTreeMap<String, Arc<EventType>>,
    virtual_events: BTreeMap<String, Arc<VirtualEvent>>,
    properties: BTreeMap<String, Arc<VirtualProperty>>,
    relations: BTreeMap<String, Arc<Relation>>,
    metrics: BTreeMap<String, Arc<Metric>>,
    sessions: BTreeMap<String, Arc<SessionRule>>,
    tags: BTreeMap<String, Arc<Tag>>,
    segments: BTreeMap<String, Arc<Segment>>,
    next_entity: u16,
    next_event: u16,
}

/// What a one-word name may stand for.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Resolved {
    Entity(Arc<EntityType>),
    Event(Arc<EventType>),
    VirtualEvent(Arc<VirtualEvent>),
    Metric(Arc<Metric>),
    Session(Arc<SessionRule>),
    Tag(Arc<Tag>),
    Segment(Arc<Segment>),
}

macro_rules! getters {
    ($($(#[$doc:meta])* $one:ident $all:ident $field:ident $type:ty;)*) => {$(
        $(#[$doc])*
        pub fn $one(&self, name: &str) -> Option<&Arc<$type>> {
            self.$field.get(name)
        }
        /// All of them, by name.
        pub fn $all(&self) -> impl Iterator<Item = &Arc<$type>> {
            self.$field.values()
        }
    )*};
}

impl Catalog {
    getters! {
        /// An entity type by name.
        entity entities entities EntityType;
        /// A concrete event type by name.
        event events events EventType;
        /// A virtual event by name.
        virtual_event virtual_events virtual_events VirtualEvent;
        /// A virtual property by `owner.name`.
        property virtual_properties properties VirtualProperty;
        /// A relation by `owner.name`.
        relation relations relations Relation;
        /// A metric by name.
        metric metrics metrics Metric;
        /// A session rule by name.
        session sessions sessions SessionRule;
        /// A segment by name.
        segment segments segments Segment;
    }

    /// A tag of an entity type: tags are properties, so two entity types may have tags of one name.
    pub fn tag(&self, entity: &str, name: &str) -> Option<&Arc<Tag>> {
        self.tags.get(&format!("{entity}.{name}"))
    }
    /// All tags, by entity and name.
    pub fn tags(&self) -> impl Iterator<Item = &Arc<Tag>> {
        self.tags.values()
    }
    /// An entity type by number.
    pub fn entity_by_id(&self, id: EntityTypeId) -> Option<&Arc<EntityType>> {
        self.entities.values().find(|e| e.id == id)
    }
    /// An event type by number.
    pub fn event_by_id(&self, id: EventTypeId) -> Option<&Arc<EventType>> {
        self.events.values().find(|e| e.id == id)
    }
    /// The number the next new entity type gets.
    pub fn next_entity_id(&self) -> EntityTypeId {
        EntityTypeId(self.next_entity)
    }
    /// The number the next new event type gets.
    pub fn next_event_id(&self) -> EventTypeId {
        EventTypeId(self.next_event)
    }

    /// The catalog after `change`, one version later.
    ///
    /// # Errors
    /// A drop of what is unknown or still in use.
    pub fn apply(&self, change: &Change) -> Result<Catalog, CatalogError> {
        let mut next = self.clone();
        match change {
            Change::Put(object) => next.put(object),
            Change::Drop(kind, name) => next.forget(*kind, name)?,
            Change::SetClock(at) => next.clock = *at,
        }
        next.version += 1;
        Ok(next)
    }

    fn put(&mut self, object: &Object) {
        match object.clone() {
            Object::Entity(o) => {
                self.next_entity = self.next_entity.max(o.id.0.saturating_add(1));
                self.entities.insert(o.name.clone(), Arc::new(o));
            }
            Object::Event(o) => {
                self.next_event = self.next_event.max(o.id.0.saturating_add(1));
                self.events.insert(o.name.clone(), Arc::new(o));
            }
            Object::VirtualEvent(o) => drop(self.virtual_events.insert(o.name.clone(), Arc::new(o))),
            Object::Property(o) => drop(self.properties.insert(format!("{}.{}", o.owner.name(), o.name), Arc::new(o))),
            Object::Relation(o) => drop(self.relations.insert(format!("{}.{}", o.owner.name(), o.name), Arc::new(o))),
            Object::Metric(o) => drop(self.metrics.insert(o.name.clone(), Arc::new(o))),
            Object::Session(o) => drop(self.sessions.insert(o.name.clone(), Arc::new(o))),
            Object::Tag(o) => drop(self.tags.insert(format!("{}.{}", o.entity, o.name), Arc::new(o))),
            Object::Segment(o) => drop(self.segments.insert(o.name.clone(), Arc::new(o))),
        }
    }

    fn forget(&mut self, kind: NounKind, name: &str) -> Result<(), CatalogError> {
        if let Some(user) = self.user_of(kind, name) {
            return Err(CatalogError::InUse(kind.word(), name.to_string(), user));
        }
        let gone = match kind {
            NounKind::Entity => self.entities.remove(name).is_some(),
            NounKind::Event => self.events.remove(name).is_some() || self.virtual_events.remove(name).is_some(),
            NounKind::Property => self.properties.remove(name).is_some(),
            NounKind::Relation => self.relations.remove(name).is_some(),
            NounKind::Metric => self.metrics.remove(name).is_some(),
            NounKind::Session => self.sessions.remove(name).is_some(),
            NounKind::Tag => self.forget_tag(name),
            NounKind::Segment => self.segments.remove(name).is_some(),
        };
        if gone { Ok(()) } else { Err(CatalogError::Unknown(kind.word(), name.to_string())) }
    }

    /// A tag may be named alone when only one entity type has it.
    fn forget_tag(&mut self, name: &str) -> bool {
        let full = if self.tags.contains_key(name) {
            Some(name.to_string())
        } else {
            let mut with_name = self.tags.values().filter(|t| t.name == name);
            match (with_name.next(), with_name.next()) {
                (Some(t), None) => Some(format!("{}.{}", t.entity, t.name)),
                _ => None,
            }
        };
        full.is_some_and(|f| self.tags.remove(&f).is_some())
    }

    /// Something structural that still needs the noun. Uses inside definition texts are the compiler's to find.
    fn user_of(&self, kind: NounKind, name: &str) -> Option<String> {
        match kind {
            NounKind::Entity => self.user_of_entity(name),
            NounKind::Event => self.relations.values().find(|r| touches(r, &Owner::Event(name.to_string()))).map(|r| relation_name(r)),
            _ => None,
        }
    }

    fn user_of_entity(&self, name: &str) -> Option<String> {
        let id = self.entities.get(name)?.id;
        let event = self.events.values().find(|e| e.participants.iter().any(|p| p.entity == id)).map(|e| format!("event `{}`", e.name));
        let relation = || self.relations.values().find(|r| touches(r, &Owner::Entity(name.to_string()))).map(|r| relation_name(r));
        let segment = || self.segments.values().find(|s| s.entity == name).map(|s| format!("segment `{}`", s.name));
        let tag = || self.tags.values().find(|t| t.entity == name).map(|t| format!("tag `{}`", t.name));
        let session = || self.sessions.values().find(|s| s.entity == name).map(|s| format!("session `{}`", s.name));
        event.or_else(relation).or_else(segment).or_else(tag).or_else(session)
    }

    /// Event types that name the entity type as a participant.
    pub fn events_of(&self, entity: EntityTypeId) -> impl Iterator<Item = &Arc<EventType>> {
        self.events.values().filter(move |e| e.participants.iter().any(|p| p.entity == entity))
    }

    /// What a one-word name stands for; entities come first, then events, metrics, sessions, segments, tags.
    pub fn resolve(&self, name: &str) -> Option<Resolved> {
        let n = name;
        None.or_else(|| self.entities.get(n).cloned().map(Resolved::Entity))
            .or_else(|| self.events.get(n).cloned().map(Resolved::Event))
            .or_else(|| self.virtual_events.get(n).cloned().map(Resolved::VirtualEvent))
            .or_else(|| self.metrics.get(n).cloned().map(Resolved::Metric))
            .or_else(|| self.sessions.get(n).cloned().map(Resolved::Session))
            .or_else(|| self.segments.get(n).cloned().map(Resolved::Segment))
            .or_else(|| self.tags.values().find(|t| t.name == n).cloned().map(Resolved::Tag))
    }
}

fn touches(relation: &Relation, owner: &Owner) -> bool {
    relation.owner == *owner || relation.target == *owner
}

fn relation_name(relation: &Relation) -> String {
    format!("relation `{}.{}`", relation.owner.name(), relation.name)
}

impl EntityType {
    /// A key column or property by name.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.key.iter().chain(&self.properties).find(|p| p.name == name)
    }
}

impl EventType {
    /// A declared property by name.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|p| p.name == name)
    }
    /// The first participant of an entity type.
    pub fn participant_of(&self, entity: EntityTypeId) -> Option<usize> {
        self.participants.iter().position(|p| p.entity == entity)
    }
    /// The places of all participants of an entity type.
    pub fn places_of(&self, entity: EntityTypeId) -> Vec<usize> {
        (0..self.participants.len()).filter(|i| self.participants[*i].entity == entity).collect()
    }
}
