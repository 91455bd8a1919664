//! A snapshot of which only some events are seen: those that were just committed.

use crate::cache::ReadCache;
use crate::hot::{self, HotChunk, time_range};
use crate::removal::Erased;
use crate::{EventRows, FeedEvents, Snapshot, StoreError};
use eql_catalog::EventTypeId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Nothing of it is read twice.
const CACHE_BYTES: u64 = 1 << 20;

impl Snapshot {
    /// The same entities, tags and segments, and of events only these: a question about it is answered as if nothing else had happened.
    /// Events are of whom their entities are part of here.
    ///
    /// # Errors
    /// Columns that do not go together.
    pub fn with_only(&self, events: &[&FeedEvents]) -> Result<Snapshot, StoreError> {
        let mut chunks: BTreeMap<EventTypeId, Vec<Arc<HotChunk>>> = BTreeMap::new();
        for some in events {
            let Some(time_range) = time_range(some.time.values()) else { continue };
            let chunk = HotChunk {
                participants: some.participants.clone(),
                time: some.time.clone(),
                id: some.id.clone(),
                received: some.received.clone(),
                sequence: some.sequence.clone(),
                properties: some.properties.clone(),
                extra: some.extra.clone(),
                time_range,
                order: hot::Order::default(),
            };
            hot::push(chunks.entry(some.event).or_default(), 0, chunk)?;
        }
        let cache = Arc::new(ReadCache::new(CACHE_BYTES));
        let rows = |id: &EventTypeId, all: &Arc<EventRows>| {
            let hot = chunks.get(id).map(Vec::as_slice).unwrap_or_default();
            let rows = EventRows::new(all.definition().clone(), &[], hot, self.position, &Erased::default(), cache.clone());
            // Of merged entities the one that stands for them, as in any other answer.
            Arc::new(rows.with_roots(|entity| self.entities.get(&entity).map(|e| e.parts.roots.clone())))
        };
        Ok(Snapshot {
            position: self.position,
            catalog: self.catalog.clone(),
            entities: self.entities.clone(),
            events: self.events.iter().map(|(id, all)| (*id, rows(id, all))).collect(),
            parts: Arc::default(),
            members: self.members.clone(),
            member_positions: self.member_positions.clone(),
            layout: self.layout,
            rejected: self.rejected.clone(),
            refreshes: self.refreshes.clone(),
            merges: self.merges.clone(),
            cache: cache.clone(),
        })
    }
}
