//! Events that go: single ones by id, those of an erased entity, and those that are kept no longer.
//!
//! Rows in memory are taken out at once. Rows in parts are marked, which hides them from every reader; the files lose them when the
//! part is rewritten (`compaction/`). No checkpoint runs while a removal is applied (`Store` sees to it), so no rows are on their way.

use crate::StoreError;
use crate::apply::State;
use crate::dedupe::id_hash;
use crate::feed::Removed;
use crate::hot::{HotChunk, Order};
use crate::limit::NO_SUBJECT;
use crate::log::Removal;
use crate::part::Part;
use arrow::array::{ArrayRef, BooleanArray, StringArray, UInt32Array};
use eql_catalog::{EntityTypeId, EventTypeId};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// Entities that were erased: nothing that was written before may name them any more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Erased {
    /// (entity type, ordinal, position of the erasure).
    pub(crate) all: BTreeSet<(EntityTypeId, u32, u64)>,
}

impl Erased {
    /// Ordinals of a type that rows written at a position may still name.
    pub(crate) fn since(&self, entity: EntityTypeId, position: u64) -> HashSet<u32> {
        let of_type = self.all.range((entity, 0, 0)..=(entity, u32::MAX, u64::MAX));
        of_type.filter(|(_, _, erased)| *erased > position).map(|(_, ordinal, _)| *ordinal).collect()
    }
}

impl State {
    pub(crate) fn remove(&mut self, position: u64, removal: Removal, followed: bool) -> Result<Removed, StoreError> {
        Ok(match removal {
            Removal::Events { event, ids } => {
                let touched = if followed { Some(self.touched(event, &ids)?) } else { None };
                self.remove_events(position, event, &ids)?;
                Removed::Events { event, ids, touched }
            }
            Removal::Erasure { entity, keys } => {
                let mut ordinals: Vec<u32> = self.erase(position, entity, &keys)?.into_iter().collect();
                ordinals.sort_unstable();
                Removed::Erased { entity, ordinals }
            }
            Removal::Expiry { event, before } => {
                self.expire(position, event, before)?;
                Removed::Expired { event, before }
            }
        })
    }

    /// How many there were.
    pub(crate) fn remove_events(&mut self, position: u64, event: EventTypeId, ids: &StringArray) -> Result<u64, StoreError> {
        let ids: Vec<u128> = ids.iter().map(|id| id_hash(id.unwrap_or_default())).collect();
        let gone: HashSet<u128> = ids.iter().copied().collect();
        let cache = self.cache.clone();
        let in_parts =
            self.without_rows(position, event, |part| Ok(part.find_ids(&cache, event, &ids)?.into_iter().flatten().collect()))?;
        let in_memory = self.keep_hot(position, event, |chunk| {
            chunk.id.iter().map(|id| Some(!gone.contains(&id_hash(id.unwrap_or_default())))).collect()
        })?;
        Ok(in_parts + in_memory)
    }

    fn expire(&mut self, position: u64, event: EventTypeId, before: i64) -> Result<(), StoreError> {
        let cache = self.cache.clone();
        self.without_rows(position, event, |part| {
            if part.event(event).is_some_and(|e| e.time_min >= before) {
                return Ok(Vec::new());
            }
            let times = part.spine(&cache)?.times_of(event);
            Ok(times.iter().enumerate().filter(|(_, time)| **time < before).map(|(row, _)| row as u32).collect())
        })?;
        self.keep_hot(position, event, |chunk| chunk.time.values().iter().map(|time| Some(*time >= before)).collect())?;
        Ok(())
    }

    fn erase(&mut self, position: u64, entity: EntityTypeId, keys: &[ArrayRef]) -> Result<HashSet<u32>, StoreError> {
        let named = self.entity(entity)?.source().parts.lookup(keys)?;
        // A person is all that was merged.
        let ordinals = self.whole(entity, named.iter().flatten());
        let places: Vec<(EventTypeId, Vec<usize>)> =
            self.events.values().map(|e| (e.definition.id, e.definition.places_of(entity))).collect();
        let cache = self.cache.clone();
        for (event, places) in places.iter().filter(|(_, places)| !places.is_empty()) {
            if places[0] == 0 {
                self.without_rows(position, *event, |part| {
                    let subjects = part.spine(&cache)?.ordinals_of(*event);
                    Ok(subjects.iter().enumerate().filter(|(_, o)| ordinals.contains(o)).map(|(row, _)| row as u32).collect())
                })?;
                let is_other = |o: Option<u32>| Some(!o.is_some_and(|o| ordinals.contains(&o)));
                self.keep_hot(position, *event, |chunk| chunk.participants[0].iter().map(is_other).collect())?;
            }
            self.forget_participants(position, *event, places, &ordinals);
        }
        let erased = Arc::make_mut(&mut self.erased);
        erased.all.extend(ordinals.iter().filter(|o| **o != NO_SUBJECT).map(|o| (entity, *o, position)));
        for members in self.members.values_mut().filter(|m| m.entity == Some(entity)) {
            members.remove(&ordinals, position);
        }
        self.rejected.clear(position);
        self.forget_identities(entity, &ordinals, position);
        self.entity(entity)?.erase(&ordinals, position)?;
        Ok(ordinals)
    }

    /// Marks rows of parts. `rows`: which rows of a part go, by their number in its files.
    fn without_rows(
        &mut self,
        position: u64,
        event: EventTypeId,
        rows: impl Fn(&Part) -> Result<Vec<u32>, StoreError>,
    ) -> Result<u64, StoreError> {
        let mut parts = (*self.parts).clone();
        let mut gone = 0;
        for part in parts.iter_mut().filter(|p| p.event(event).is_some()) {
            if let Some(without) = part.without(event, rows(part)?) {
                gone += u64::from(part.rows(event) - without.rows(event));
                *part = Arc::new(without);
            }
        }
        if gone > 0 {
            self.parts = Arc::new(parts);
            self.layout += 1;
            self.touch_event(position, event);
        }
        Ok(gone)
    }

    /// Takes rows out of memory; how many.
    fn keep_hot(&mut self, position: u64, event: EventTypeId, keep: impl Fn(&HotChunk) -> BooleanArray) -> Result<u64, StoreError> {
        let Some(state) = self.events.get_mut(&event) else { return Ok(0) };
        let mut gone = 0;
        let mut chunks = Vec::with_capacity(state.hot.len());
        for chunk in &state.hot {
            let keep = keep(chunk);
            if keep.true_count() == keep.len() {
                chunks.push(chunk.clone());
                continue;
            }
            gone += (keep.len() - keep.true_count()) as u64;
            chunks.extend(chunk.filter(&keep)?.map(Arc::new));
        }
        if gone > 0 {
            state.hot = chunks;
            self.layout += 1;
            self.touch_event(position, event);
        }
        Ok(gone)
    }

    /// Rows of others no longer name the entities.
    fn forget_participants(&mut self, position: u64, event: EventTypeId, places: &[usize], ordinals: &HashSet<u32>) {
        let Some(state) = self.events.get_mut(&event) else { return };
        for chunk in &mut state.hot {
            for place in places {
                if chunk.participants.get(*place).is_some_and(|p| p.iter().flatten().any(|o| ordinals.contains(&o))) {
                    let chunk = Arc::make_mut(chunk);
                    chunk.order = Order::default();
                    chunk.participants[*place] = without(&chunk.participants[*place], ordinals);
                }
            }
        }
        self.layout += 1;
        self.touch_event(position, event);
    }

    fn touch_event(&mut self, position: u64, event: EventTypeId) {
        if let Some(state) = self.events.get_mut(&event) {
            (state.position, state.rows) = (position, None);
        }
    }
}

/// Ordinals with NULL in place of some.
pub(crate) fn without(ordinals: &UInt32Array, gone: &HashSet<u32>) -> UInt32Array {
    ordinals.iter().map(|o| o.filter(|o| !gone.contains(o))).collect()
}
