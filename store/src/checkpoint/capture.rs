//! What a checkpoint takes from the state, and gives back.

use super::Written;
use crate::apply::State;
use crate::documents::Documents;
use crate::entity::CapturedEntities;
use crate::identity::to_bytes;
use crate::manifest::SegmentMeta;
use crate::part::{HotEvent, Part};
use crate::refreshes::Refreshes;
use crate::rejected::Rejected;
use crate::removal::Erased;
use eql_catalog::{Catalog, EventType};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a checkpoint writes: shared with readers, changed by nobody.
pub(crate) struct Captured {
    pub(crate) position: u64,
    pub(super) clock: i64,
    pub(super) next_sequence: u64,
    pub(super) catalog: Arc<Catalog>,
    pub(super) hot: Vec<HotEvent>,
    pub(super) types: Vec<Arc<EventType>>,
    pub(super) entities: Vec<CapturedEntities>,
    pub(super) members: Vec<CapturedMembers>,
    pub(super) event_positions: BTreeMap<u16, u64>,
    pub(super) parts: Arc<Vec<Arc<Part>>>,
    pub(super) erased: Arc<Erased>,
    pub(super) rejected: Rejected,
    pub(super) refreshes: Refreshes,
    pub(super) documents: Documents,
    /// Their last change, and what they are in bytes.
    pub(super) identities: (u64, Vec<u8>),
    unsaved_rows: usize,
}

pub(super) struct CapturedMembers {
    pub(super) segment: String,
    pub(super) position: u64,
    pub(super) set: Arc<Vec<bool>>,
    pub(super) saved: Option<SegmentMeta>,
}

impl State {
    /// `identities`: the last change of identities that is in a file already.
    pub(crate) fn capture(&mut self, identities: u64) -> Captured {
        // Made into bytes here, as they go on changing: about 0.1 s for a million identifiers.
        let identities = if self.identities.position == identities { Vec::new() } else { to_bytes(&self.identities) };
        let mut captured = Captured {
            position: self.position,
            clock: self.clock,
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
            refreshes: self.refreshes.clone(),
            documents: self.documents.clone(),
            identities: (self.identities.position, identities),
            unsaved_rows: self.unsaved_rows,
        };
        for (id, event) in self.events.iter_mut().filter(|(_, e)| !e.hot.is_empty()) {
            event.frozen = event.hot.len();
            let Some(subject) = event.definition.participants.first().map(|p| p.entity) else { continue };
            captured.hot.push(HotEvent { event: *id, subject, chunks: event.hot.clone() });
            captured.types.push(event.definition.clone());
        }
        captured.entities = self.entities.values_mut().map(|e| e.capture(captured.position)).collect();
        let members = self.members.iter().map(|(name, m)| (name.clone(), m.clone()));
        captured.members =
            members.map(|(segment, m)| CapturedMembers { segment, position: m.position, set: m.set, saved: m.saved }).collect();
        captured
    }

    /// The captured rows are in parts now.
    pub(super) fn install(&mut self, captured: &Captured, written: &Written) {
        for hot in &captured.hot {
            if let Some(event) = self.events.get_mut(&hot.event) {
                event.hot.drain(..hot.chunks.len());
                event.frozen = 0;
            }
        }
        self.events.values_mut().for_each(|e| e.rows = None);
        let new = written.parts.iter().map(|part| Arc::new(part.clone()));
        self.parts = Arc::new(self.parts.iter().cloned().chain(new).collect());
        for entities in &written.entities {
            if let Some(entity) = self.entities.get_mut(&entities.meta.entity) {
                entity.settle(entities, captured.position);
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
        for entities in &captured.entities {
            if let Some(entity) = self.entities.get_mut(&entities.source.parts.definition.id) {
                entity.give_back(&entities.changed);
            }
        }
    }
}
