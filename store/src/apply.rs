//! The applier: the only one who changes the state, record by record in the order of the log. Same log, same state.

use crate::arrow_type::arrow_type;
use crate::cache::ReadCache;
use crate::documents::Documents;
use crate::entity::{EntityFiles, EntityState};
use crate::feed::{FeedEvents, What};
use crate::hot::{self, HotChunk, time_range};
use crate::identity::{AllIdentities, NamedBy};
use crate::log::{AdmittedEvents, AdmittedMembers, Place, Record};
use crate::manifest::SegmentMeta;
use crate::part::Part;
use crate::refreshes::Refreshes;
use crate::rejected::Rejected;
use crate::removal::Erased;
use crate::{EventRows, Snapshot, StoreError};
use arrow::array::{Array, ArrayRef, UInt32Array, UInt64Array};
use eql_catalog::{Catalog, Change, EntityTypeId, EventType, EventTypeId};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Everything the log says, up to a position.
pub(crate) struct State {
    pub(crate) position: u64,
    /// Of the record at that position.
    pub(crate) clock: i64,
    pub(crate) next_sequence: u64,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) entities: BTreeMap<EntityTypeId, EntityState>,
    pub(crate) events: BTreeMap<EventTypeId, EventState>,
    pub(crate) members: BTreeMap<String, Members>,
    /// In the order written.
    pub(crate) parts: Arc<Vec<Arc<Part>>>,
    /// Grows when rows move from memory to parts.
    pub(crate) layout: u64,
    /// Event and entity rows since the last checkpoint.
    pub(crate) unsaved_rows: usize,
    /// Entities that rows of parts may still name, and must not.
    pub(crate) erased: Arc<Erased>,
    pub(crate) rejected: Rejected,
    pub(crate) refreshes: Refreshes,
    pub(crate) documents: Documents,
    pub(crate) identities: AllIdentities,
    /// Why nothing more can be applied.
    pub(crate) broken: Option<String>,
    pub(crate) cache: Arc<ReadCache>,
    pub(crate) entity_files: Arc<EntityFiles>,
    pub(crate) snapshot: Option<Arc<Snapshot>>,
}

/// The events of one type.
pub(crate) struct EventState {
    pub(crate) definition: Arc<EventType>,
    pub(crate) hot: Vec<Arc<HotChunk>>,
    /// Chunks that a checkpoint is writing.
    pub(crate) frozen: usize,
    pub(crate) position: u64,
    pub(crate) rows: Option<Arc<EventRows>>,
}

/// The members of a stored segment, by ordinal.
#[derive(Clone, Default)]
pub(crate) struct Members {
    pub(crate) entity: Option<EntityTypeId>,
    pub(crate) set: Arc<Vec<bool>>,
    pub(crate) position: u64,
    pub(crate) saved: Option<SegmentMeta>,
}

impl State {
    /// What is said of it to those who follow: [`What::Other`] when nobody does. Records of before there was a clock have none.
    pub(crate) fn apply(&mut self, position: u64, clock: Option<i64>, record: Record, followed: bool) -> Result<What, StoreError> {
        self.identities.joined.clear();
        let what = match record {
            Record::Definition(change) => {
                self.define(position, &change)?;
                What::Definition(change)
            }
            Record::Events(batches) => What::Events(self.append(position, batches, followed)?),
            Record::Entities(batch) => {
                self.unsaved_rows += batch.keys.first().map_or(0, |k| k.len());
                let gone = self.entity(batch.entity)?.upsert(&batch, position)?.into_iter().collect();
                self.leave_segments(batch.entity, &gone, position);
                let ordinals = self.followed(followed, batch.entity, &batch.keys)?;
                self.forget_identities(batch.entity, &gone, position);
                What::Entities { entity: batch.entity, ordinals, deleted: gone.into_iter().collect() }
            }
            Record::Members(change) => self.change_members(position, change)?,
            Record::Corrections(batches) => {
                let mut before = Vec::new();
                for batch in &batches {
                    if followed {
                        before.push(self.touched(batch.event, &batch.id)?);
                    }
                    self.remove_events(position, batch.event, &batch.id)?;
                }
                What::Corrections { events: self.append(position, batches, followed)?, before: Some(before) }
            }
            Record::Removal(removal) => What::Removed(self.remove(position, removal, followed)?),
            Record::Rejections(rows) => {
                self.rejected.push(rows, position);
                What::Other
            }
            Record::TagValues(values) => {
                self.unsaved_rows += values.values.len();
                self.entity(values.entity)?.set_tag(&values, position)?;
                let ordinals = self.followed(followed, values.entity, &values.keys)?;
                What::TagValues { entity: values.entity, tag: values.tag, ordinals, values: values.values }
            }
            Record::Version(version) => self.keep_version(position, version, followed)?,
            Record::Refreshed(row) => {
                self.refreshes.push(row, position);
                What::Other
            }
            Record::Identities(change) => self.change_identities(position, change)?,
            Record::Document(change) => {
                self.documents.change(change, position);
                What::Other
            }
        };
        self.settle_merges(position);
        self.position = position;
        self.clock = clock.unwrap_or(self.clock);
        self.snapshot = None;
        Ok(if followed { what } else { What::Other })
    }

    /// The ordinals of keys that were just written, for those who follow; none when nobody does.
    pub(crate) fn followed(&mut self, followed: bool, entity: EntityTypeId, keys: &[ArrayRef]) -> Result<UInt32Array, StoreError> {
        if followed { self.entity(entity)?.source().parts.lookup(keys) } else { Ok(UInt32Array::new_null(0)) }
    }

    /// Entities that were deleted are members of nothing.
    fn leave_segments(&mut self, entity: EntityTypeId, gone: &HashSet<u32>, position: u64) {
        for members in self.members.values_mut().filter(|m| m.entity == Some(entity) && !gone.is_empty()) {
            members.remove(gone, position);
        }
    }

    pub(crate) fn entity(&mut self, id: EntityTypeId) -> Result<&mut EntityState, StoreError> {
        self.entities.get_mut(&id).ok_or(StoreError::UnknownEntity(id.0))
    }

    pub(crate) fn define(&mut self, position: u64, change: &Change) -> Result<(), StoreError> {
        let catalog = Arc::new(self.catalog.apply(change)?);
        for entity in catalog.entities() {
            match self.entities.get_mut(&entity.id) {
                Some(state) if **state.definition() == **entity => {}
                Some(state) => state.redefine(entity.clone(), position)?,
                None => drop(self.entities.insert(entity.id, EntityState::new(entity.clone(), position, self.entity_files.clone())?)),
            }
        }
        for event in catalog.events() {
            let state = self.events.entry(event.id).or_insert_with(|| EventState::new(event.clone(), position));
            if *state.definition != **event {
                (state.definition, state.position, state.rows) = (event.clone(), position, None);
            }
        }
        self.entities.retain(|id, _| catalog.entity_by_id(*id).is_some());
        self.identities.keep_defined(|id| catalog.entity_by_id(id).is_some(), position);
        self.events.retain(|id, _| catalog.event_by_id(*id).is_some());
        for state in self.entities.values_mut() {
            let name = state.definition().name.clone();
            let tag = |tag: &str, values: &_| catalog.tag(&name, tag).is_some_and(|t| arrow_type(&t.data_type) == *values);
            state.keep_defined(tag, |segment| catalog.segment(segment).is_some_and(|s| s.entity == name), position);
        }
        self.members.retain(|name, members| {
            let entity = catalog.segment(name).and_then(|s| catalog.entity(&s.entity)).map(|e| e.id);
            entity.is_some() && entity == members.entity
        });
        self.catalog = catalog;
        Ok(())
    }

    fn append(&mut self, position: u64, batches: Vec<AdmittedEvents>, followed: bool) -> Result<Vec<FeedEvents>, StoreError> {
        let first = self.next_sequence;
        let mut participants = batches.iter().map(|batch| self.participants(position, batch)).collect::<Result<Vec<_>, _>>()?;
        let named_by = self.identify(position, &batches, &mut participants)?;
        let mut events = Vec::new();
        for ((batch, participants), named_by) in batches.into_iter().zip(participants).zip(named_by) {
            let rows = batch.time.len();
            events.extend(self.append_batch(position, first, (batch, participants, named_by), followed)?);
            self.next_sequence += rows as u64;
            self.unsaved_rows += rows;
        }
        Ok(events)
    }

    /// Whose the rows of a batch are, as their keys say.
    fn participants(&mut self, position: u64, batch: &AdmittedEvents) -> Result<Vec<UInt32Array>, StoreError> {
        let unknown = StoreError::UnknownEvent(batch.event.0);
        let Some(definition) = self.events.get(&batch.event).map(|e| e.definition.clone()) else { return Err(unknown) };
        let mut participants = Vec::with_capacity(batch.keys.len());
        for (participant, keys) in definition.participants.iter().zip(&batch.keys) {
            participants.push(self.entity(participant.entity)?.resolve(keys, position)?);
        }
        Ok(participants)
    }

    fn append_batch(
        &mut self,
        position: u64,
        first_sequence: u64,
        (batch, participants, named_by): (AdmittedEvents, Vec<UInt32Array>, NamedBy),
        followed: bool,
    ) -> Result<Option<FeedEvents>, StoreError> {
        let unknown = StoreError::UnknownEvent(batch.event.0);
        let Some(time_range) = time_range(batch.time.values()) else { return Ok(None) };
        let sequence = sequences(first_sequence, &batch.place, batch.time.len());
        let told = followed.then(|| FeedEvents::of(&batch, participants.clone(), sequence.clone()));
        let chunk = HotChunk {
            participants,
            sequence,
            time: batch.time,
            id: batch.id,
            received: batch.received,
            properties: [batch.properties, named_by].concat(),
            extra: batch.extra,
            time_range,
            order: hot::Order::default(),
        };
        let Some(state) = self.events.get_mut(&batch.event) else { return Err(unknown) };
        hot::push(&mut state.hot, state.frozen, chunk)?;
        (state.position, state.rows) = (position, None);
        Ok(told)
    }

    pub(crate) fn change_members(&mut self, position: u64, change: AdmittedMembers) -> Result<What, StoreError> {
        let add = self.entity(change.entity)?.resolve(&change.add, position)?;
        let entity = self.entity(change.entity)?;
        let remove = entity.source().parts.lookup(&change.remove)?;
        self.unsaved_rows += add.len() + remove.len();
        // Who was merged with somebody leaves under every ordinal.
        let remove = self.whole(change.entity, remove.iter().flatten());
        let members = self.members.entry(change.segment.clone()).or_default();
        (members.entity, members.position) = (Some(change.entity), position);
        if change.replace {
            members.set = Arc::default();
        }
        let set = Arc::make_mut(&mut members.set);
        for ordinal in &remove {
            if let Some(member) = set.get_mut(*ordinal as usize) {
                *member = false;
            }
        }
        for ordinal in add.iter().flatten() {
            set.resize(set.len().max(ordinal as usize + 1), false);
            set[ordinal as usize] = true;
        }
        let remove = UInt32Array::from_iter_values(remove);
        Ok(What::Members { segment: change.segment, entity: change.entity, add, remove, replace: change.replace })
    }

    /// The same one while nothing changes.
    pub(crate) fn snapshot(&mut self) -> Arc<Snapshot> {
        if let Some(snapshot) = &self.snapshot {
            return snapshot.clone();
        }
        let (parts, cache) = (&self.parts, &self.cache);
        let snapshot = Arc::new(Snapshot {
            position: self.position,
            catalog: self.catalog.clone(),
            entities: self.entities.iter_mut().map(|(id, e)| (*id, e.source())).collect(),
            events: self.events.iter_mut().map(|(id, e)| (*id, e.rows(parts, &self.erased, cache, &self.entities))).collect(),
            parts: parts.clone(),
            members: self.members.iter().map(|(name, m)| (name.clone(), m.set.clone())).collect(),
            member_positions: self.members.iter().map(|(name, m)| (name.clone(), m.position)).collect(),
            layout: self.layout,
            rejected: self.rejected.clone(),
            refreshes: self.refreshes.clone(),
            merges: self.identities.merges(),
            cache: cache.clone(),
        });
        self.snapshot = Some(snapshot.clone());
        snapshot
    }

    pub(crate) fn hot_rows(&self) -> usize {
        self.events.values().flat_map(|e| &e.hot).map(|c| c.rows()).sum()
    }
}

impl EventState {
    pub(crate) fn new(definition: Arc<EventType>, position: u64) -> EventState {
        EventState { definition, hot: Vec::new(), frozen: 0, position, rows: None }
    }

    fn rows(
        &mut self,
        parts: &[Arc<Part>],
        erased: &Erased,
        cache: &Arc<ReadCache>,
        entities: &BTreeMap<EntityTypeId, EntityState>,
    ) -> Arc<EventRows> {
        let EventState { definition, hot, position, rows, .. } = self;
        rows.get_or_insert_with(|| {
            let rows = EventRows::new(definition.clone(), parts, hot, *position, erased, cache.clone());
            Arc::new(rows.with_roots(|entity| entities.get(&entity).map(|e| e.roots().clone())))
        })
        .clone()
    }
}

impl Members {
    pub(crate) fn remove(&mut self, ordinals: &HashSet<u32>, position: u64) {
        let set = Arc::make_mut(&mut self.set);
        for ordinal in ordinals {
            if let Some(member) = set.get_mut(*ordinal as usize) {
                *member = false;
            }
        }
        self.position = position;
    }
}

pub(crate) fn sequences(first: u64, place: &Place, rows: usize) -> UInt64Array {
    match place {
        Place::From(place) => UInt64Array::from_iter_values((first + u64::from(*place)..).take(rows)),
        Place::Each(places) => UInt64Array::from_iter_values(places.values().iter().map(|p| first + u64::from(*p))),
    }
}
