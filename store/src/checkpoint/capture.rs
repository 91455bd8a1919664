//! What a checkpoint takes from the state, and gives back.

use super::Written;
use crate::apply::State;
use crate::entity::EntitySource;
use crate::manifest::{EntityMeta, SegmentMeta};
use crate::part::{HotEvent, Part, PartPlace};
use crate::rejected::Rejected;
use crate::removal::Erased;
use eql_catalog::{Catalog, EntityTypeId, EventType};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a checkpoint writes: shared with readers, changed by nobody.
pub(crate) struct Captured {
    pub(crate) position: u64,
    pub(super) next_sequence: u64,
    pub(super) catalog: Arc<Catalog>,
    pub(super) hot: Vec<HotEvent>,
    pub(super) types: Vec<Arc<EventType>>,
    pub(super) entities: Vec<CapturedEntity>,
    pub(super) members: Vec<CapturedMembers>,
    pub(super) event_positions: BTreeMap<u16, u64>,
    pub(super) parts: Arc<Vec<Arc<Part>>>,
    pub(super) erased: Arc<Erased>,
    pub(super) rejected: Rejected,
    unsaved_rows: usize,
}

pub(super) struct CapturedEntity {
    pub(super) id: EntityTypeId,
    pub(super) source: Arc<EntitySource>,
    pub(super) known: Vec<i64>,
    pub(super) changed: Vec<u32>,
    pub(super) saved: Option<EntityMeta>,
}

pub(super) struct CapturedMembers {
    pub(super) segment: String,
    pub(super) position: u64,
    pub(super) set: Arc<Vec<bool>>,
    pub(super) saved: Option<SegmentMeta>,
}

impl State {
    pub(crate) fn capture(&mut self) -> Captured {
        let mut captured = Captured {
            position: self.position,
            next_sequence: self.next_sequence,
            catalog: self.catalog.clone(),
            hot: Vec::new(),
            types: Vec::new(),
            entities: Vec::new(),
            members: Vec::new(),
            event_positions: self.events.iter().map(|(id, e)| (id.0, e.position)).collect(),
            parts: self.parts.clone(),
            erased: self.erased.clone(),
            rejected: self.rejected.clone(),
            unsaved_rows: self.unsaved_rows,
        };
        for (id, event) in self.events.iter_mut().filter(|(_, e)| !e.hot.is_empty()) {
            event.frozen = event.hot.len();
            let Some(subject) = event.definition.participants.first().map(|p| p.entity) else { continue };
            captured.hot.push(HotEvent { event: *id, subject, chunks: event.hot.clone() });
            captured.types.push(event.definition.clone());
        }
        for (id, entity) in &mut self.entities {
            let unchanged = entity.saved.as_ref().is_some_and(|s| s.position == entity.position());
            let known = if unchanged { Vec::new() } else { entity.known() };
            let (source, changed) = (entity.source(), entity.take_changed());
            captured.entities.push(CapturedEntity { id: *id, source, known, changed, saved: entity.saved.clone() });
        }
        let members = self.members.iter().map(|(name, m)| (name.clone(), m.clone()));
        captured.members =
            members.map(|(segment, m)| CapturedMembers { segment, position: m.position, set: m.set, saved: m.saved }).collect();
        captured
    }

    /// The captured rows are in parts now.
    pub(super) fn install(&mut self, captured: &Captured, written: &Written, place: &Arc<dyn PartPlace>) {
        for hot in &captured.hot {
            if let Some(event) = self.events.get_mut(&hot.event) {
                event.hot.drain(..hot.chunks.len());
                event.frozen = 0;
            }
        }
        self.events.values_mut().for_each(|e| e.rows = None);
        let new = written.parts.iter().map(|meta| Arc::new(Part::new(place, meta.clone())));
        self.parts = Arc::new(self.parts.iter().cloned().chain(new).collect());
        for meta in &written.entities {
            if let Some(entity) = self.entities.get_mut(&meta.entity) {
                entity.saved = Some(meta.clone());
            }
        }
        for meta in &written.segments {
            if let Some(members) = self.members.get_mut(&meta.segment) {
                members.saved = Some(meta.clone());
            }
        }
        self.unsaved_rows = self.unsaved_rows.saturating_sub(captured.unsaved_rows);
        self.layout += 1;
        self.snapshot = None;
    }

    /// Nothing was written: what was captured waits for the next checkpoint.
    pub(super) fn give_back(&mut self, captured: &Captured) {
        for hot in &captured.hot {
            if let Some(event) = self.events.get_mut(&hot.event) {
                event.frozen = 0;
            }
        }
        for entity in &captured.entities {
            if let Some(state) = self.entities.get_mut(&entity.id) {
                state.give_back(&entity.changed);
            }
        }
    }
}
