//! What a query reads, from start to end.

use crate::arrow_type::{arrow_type, timestamp_type};
use crate::cache::{ReadCache, TimelineKey};
use crate::entity::EntitySource;
use crate::identity::{Edges, Roots};
use crate::part::Part;
use crate::refreshes::Refreshes;
use crate::rejected::Rejected;
use crate::timeline::{Involved, Layer, Timeline, Timelines, build};
use crate::{EntityColumns, EntityRow, EventRows, RejectedRow, StoreError};
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use eql_catalog::{Catalog, DataType, EntityTypeId, EventType, EventTypeId, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything at one position. It never changes.
pub struct Snapshot {
    pub(crate) position: u64,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) entities: BTreeMap<EntityTypeId, Arc<EntitySource>>,
    pub(crate) events: BTreeMap<EventTypeId, Arc<EventRows>>,
    pub(crate) parts: Arc<Vec<Arc<Part>>>,
    pub(crate) members: BTreeMap<String, Arc<Vec<bool>>>,
    pub(crate) member_positions: BTreeMap<String, u64>,
    /// Grows when rows move from memory to parts.
    pub(crate) layout: u64,
    pub(crate) rejected: Rejected,
    pub(crate) refreshes: Refreshes,
    /// Merges with their times, of the entity types that have any.
    pub(crate) merges: Vec<(EntityTypeId, Edges)>,
    pub(crate) cache: Arc<ReadCache>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("position", &self.position).field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}

impl Snapshot {
    /// The last log position it includes.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The definitions at that position.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The entities of a type; an entity type without rows gives an empty one.
    ///
    /// # Errors
    /// An unknown entity type.
    pub fn entities(&self, id: EntityTypeId) -> Result<Arc<EntityColumns>, StoreError> {
        self.source(id)?.columns()
    }

    /// The events of a type.
    ///
    /// # Errors
    /// An unknown event type.
    pub fn events(&self, id: EventTypeId) -> Result<Arc<EventRows>, StoreError> {
        self.events.get(&id).cloned().ok_or(StoreError::UnknownEvent(id.0))
    }

    /// The events of each entity of a type in order; an event is on the timeline of its first participant of that type.
    ///
    /// # Errors
    /// An unknown entity type, or a damaged file.
    pub fn timeline(&self, subject: EntityTypeId) -> Result<Arc<Timeline>, StoreError> {
        self.layer_of(subject, None, Layer::All, &self.involved(subject, None)?)
    }

    /// The same by the participant of a role.
    ///
    /// # Errors
    /// An unknown entity type or role, or a damaged file.
    pub fn timeline_by_role(&self, subject: EntityTypeId, role: &str) -> Result<Arc<Timeline>, StoreError> {
        self.layer_of(subject, Some(role), Layer::All, &self.involved(subject, Some(role))?)
    }

    /// The same in layers, by the first participant or a role: what is in parts is not sorted again for what arrives.
    ///
    /// # Errors
    /// As [`timeline`](Self::timeline) and [`timeline_by_role`](Self::timeline_by_role).
    pub fn timelines(&self, subject: EntityTypeId, role: Option<&str>) -> Result<Timelines, StoreError> {
        let involved = self.involved(subject, role)?;
        let layers = involved.iter().map(|i| i.rows.layers());
        let (settled, recent) = layers.fold((0, 0), |(settled, recent), (s, r)| (settled + s, recent + r));
        let entities = self.source(subject)?.parts.len;
        let layer = |layer| self.layer_of(subject, role, layer, &involved);
        Ok(match (settled, recent) {
            (_, 0) => Timelines::new(layer(Layer::Settled)?, None, entities),
            _ if recent > settled / 4 => Timelines::new(layer(Layer::All)?, None, entities),
            _ => Timelines::new(layer(Layer::Settled)?, Some(layer(Layer::Recent)?), entities),
        })
    }

    fn involved(&self, subject: EntityTypeId, role: Option<&str>) -> Result<Vec<Involved>, StoreError> {
        let place = |event: &EventType| match role {
            None => event.participant_of(subject),
            Some(role) => event.participants.iter().position(|p| p.entity == subject && p.name == role),
        };
        let involved = |rows: &Arc<EventRows>| Some(Involved { participant: place(rows.definition())?, rows: rows.clone() });
        let involved: Vec<Involved> = self.events.values().filter_map(involved).collect();
        if let (Some(role), true) = (role, involved.is_empty()) {
            let name = self.source(subject)?.parts.definition.name.clone();
            return Err(StoreError::UnknownRole(name, role.to_string()));
        }
        Ok(involved)
    }

    fn layer_of(
        &self,
        subject: EntityTypeId,
        role: Option<&str>,
        layer: Layer,
        involved: &[Involved],
    ) -> Result<Arc<Timeline>, StoreError> {
        let (entities, roots) = (self.source(subject)?.parts.len, &*self.source(subject)?.parts.roots);
        let settled = layer == Layer::Settled;
        let stamp = |rows: &EventRows| if settled { rows.settled_stamp() } else { rows.position() };
        let key = TimelineKey {
            layer,
            subject,
            role: role.map(str::to_string),
            // Entities that came since the parts were written have no rows in them.
            entities: if settled { 0 } else { entities },
            events: involved.iter().map(|i| (i.rows.definition().id, i.participant, stamp(&i.rows))).collect(),
            layout: self.layout,
            roots: roots.stamp,
        };
        self.cache.timeline(key, || build(layer, (subject, entities, roots), involved, &self.parts, &self.cache))
    }

    /// The latest rows that were not taken, oldest first.
    pub fn rejected(&self) -> impl Iterator<Item = &RejectedRow> {
        self.rejected.rows().map(|row| &**row)
    }

    /// Members of a stored segment, by ordinal; past the end means false. None when nothing was stored for it.
    pub fn members(&self, segment: &str) -> Option<Arc<Vec<bool>>> {
        let members = self.members.get(segment)?;
        let entity = self.catalog.segment(segment).and_then(|s| self.catalog.entity(&s.entity)).and_then(|e| self.entities.get(&e.id));
        match entity.map(|e| &e.parts.roots).filter(|roots| !roots.is_empty()) {
            Some(roots) => Some(Arc::new(roots.any(members))),
            None => Some(members.clone()),
        }
    }

    /// Whether one entity is a member of a stored segment, without looking at the others.
    pub fn is_member(&self, segment: &str, entity: EntityTypeId, ordinal: u32) -> bool {
        let Some(members) = self.members.get(segment) else { return false };
        let is = |o: u32| members.get(o as usize) == Some(&true);
        match self.entities.get(&entity).map(|e| &e.parts.roots).filter(|roots| !roots.is_empty()) {
            Some(roots) => roots.members(ordinal).into_iter().any(is),
            None => is(ordinal),
        }
    }

    /// The imported value of a tag for one entity, without looking at the others.
    ///
    /// # Errors
    /// An unknown entity type, or a damaged file.
    pub fn tag_value(&self, entity: EntityTypeId, tag: &str, ordinal: u32) -> Result<Value, StoreError> {
        self.source(entity)?.parts.tag_at(tag, ordinal)
    }

    /// Imported values of a tag, by ordinal; None when none were imported.
    ///
    /// # Errors
    /// An unknown entity type or tag.
    pub fn tag_values(&self, entity: EntityTypeId, tag: &str) -> Result<Option<ArrayRef>, StoreError> {
        let source = self.source(entity)?;
        let name = &source.parts.definition.name;
        match self.catalog.tag(name, tag) {
            Some(_) => source.tag(tag)?.map(|values| source.parts.first_of(&values)).transpose(),
            None => Err(StoreError::UnknownTag(name.clone(), tag.to_string())),
        }
    }

    /// The last position that changed entities of a type; 0 for an unknown one.
    pub fn entity_position(&self, id: EntityTypeId) -> u64 {
        self.entities.get(&id).map_or(0, |e| e.parts.position)
    }

    /// The last position that changed events of a type; 0 for an unknown one.
    pub fn event_position(&self, id: EventTypeId) -> u64 {
        self.events.get(&id).map_or(0, |e| e.position())
    }

    /// The ordinal of the entity with a key; None when there is none, or it was deleted.
    ///
    /// # Errors
    /// An unknown entity type, or a key of another shape.
    pub fn profile(&self, entity: EntityTypeId, keys: &[Value]) -> Result<Option<u32>, StoreError> {
        let parts = &self.source(entity)?.parts;
        let owner = || format!("entity `{}`", parts.definition.name);
        if keys.len() != parts.definition.key.len() {
            return Err(StoreError::mismatch(
                owner(),
                format!("its key has {} columns, {} were given", parts.definition.key.len(), keys.len()),
            ));
        }
        if keys.contains(&Value::Null) {
            return Ok(None);
        }
        let array = |(value, p): (&Value, &eql_catalog::Property)| {
            key_array(value, &p.data_type)
                .ok_or_else(|| StoreError::mismatch(owner(), format!("key `{}` is {}, not {value:?}", p.name, p.data_type)))
        };
        let arrays = keys.iter().zip(&parts.definition.key).map(array).collect::<Result<Vec<_>, _>>()?;
        match parts.lookup(&arrays)?.iter().next().flatten().map(|o| parts.roots.of(o)) {
            Some(ordinal) if parts.is_gone(ordinal)? => Ok(None),
            found => Ok(found),
        }
    }

    /// For each key whether somebody has it: whoever was deleted keeps the key, whoever was erased does not. A key that does not fit the
    /// definition is nobody's.
    ///
    /// # Errors
    /// An unknown entity type, or a damaged file.
    pub fn knows(&self, entity: EntityTypeId, keys: &[&[Value]]) -> Result<Vec<bool>, StoreError> {
        let parts = &self.source(entity)?.parts;
        let known = |key: &&[Value]| {
            let columns = key.iter().zip(&parts.definition.key).map(|(value, p)| key_array(value, &p.data_type));
            match columns.collect::<Option<Vec<ArrayRef>>>().filter(|c| c.len() == parts.definition.key.len()) {
                Some(columns) => Ok(parts.lookup(&columns)?.iter().flatten().next().is_some()),
                None => Ok(false),
            }
        };
        keys.iter().map(known).collect()
    }

    /// The ordinal of the entity that an ordinal belongs to; None when it was deleted, or is not of this snapshot.
    ///
    /// # Errors
    /// An unknown entity type, or a damaged file.
    pub fn standing(&self, entity: EntityTypeId, ordinal: u32) -> Result<Option<u32>, StoreError> {
        let parts = &self.source(entity)?.parts;
        let root = parts.roots.of(ordinal);
        Ok(if root >= parts.len || parts.is_gone(root)? { None } else { Some(root) })
    }

    /// Whom others stand for, and who it is: (ordinal, the one that stands for it), rising.
    ///
    /// # Errors
    /// An unknown entity type.
    pub fn stands_for(&self, entity: EntityTypeId) -> Result<Vec<(u32, u32)>, StoreError> {
        let roots = &self.source(entity)?.parts.roots;
        Ok(roots.hidden().map(|ordinal| (ordinal, roots.of(ordinal))).collect())
    }

    /// The same with others merged: where a type is not named, as they are.
    pub(crate) fn with_roots(&self, roots: &BTreeMap<EntityTypeId, Arc<Roots>>) -> Snapshot {
        let entities = self.entities.iter().map(|(id, source)| {
            let merged = |r: &Arc<Roots>| Arc::new(EntitySource::new(source.parts.clone().with_roots(r.clone())));
            (*id, roots.get(id).map_or_else(|| source.clone(), merged))
        });
        Snapshot {
            position: self.position,
            catalog: self.catalog.clone(),
            entities: entities.collect(),
            events: self.events.iter().map(|(id, rows)| (*id, Arc::new(rows.as_of(|e| roots.get(&e).cloned())))).collect(),
            parts: self.parts.clone(),
            members: self.members.clone(),
            member_positions: self.member_positions.clone(),
            layout: self.layout,
            rejected: self.rejected.clone(),
            refreshes: self.refreshes.clone(),
            merges: self.merges.clone(),
            cache: self.cache.clone(),
        }
    }

    /// All that is known about one entity, without making any column; None when there is none of that ordinal.
    ///
    /// # Errors
    /// An unknown entity type, or a damaged file.
    pub fn entity_row(&self, entity: EntityTypeId, ordinal: u32) -> Result<Option<EntityRow>, StoreError> {
        self.source(entity)?.parts.row(ordinal)
    }

    pub(crate) fn source(&self, id: EntityTypeId) -> Result<&Arc<EntitySource>, StoreError> {
        self.entities.get(&id).ok_or(StoreError::UnknownEntity(id.0))
    }
}

/// One key value as an array of its declared type.
fn key_array(value: &Value, data_type: &DataType) -> Option<ArrayRef> {
    Some(match (value, data_type) {
        (Value::Bool(v), DataType::Bool) => Arc::new(BooleanArray::from(vec![*v])),
        (Value::Int(v), DataType::Int) => Arc::new(Int64Array::from(vec![*v])),
        (Value::Double(v), DataType::Double) => Arc::new(Float64Array::from(vec![*v])),
        (Value::Decimal(v, scale), DataType::Decimal(_, s)) if scale == s => {
            Arc::new(Decimal128Array::from(vec![*v]).with_data_type(arrow_type(data_type)))
        }
        (Value::String(v), DataType::String | DataType::Json) => Arc::new(StringArray::from(vec![v.as_str()])),
        (Value::Date(v), DataType::Date) => Arc::new(Date32Array::from(vec![*v])),
        (Value::Timestamp(v), DataType::Timestamp) => Arc::new(TimestampMicrosecondArray::from(vec![*v]).with_data_type(timestamp_type())),
        _ => return None,
    })
}
