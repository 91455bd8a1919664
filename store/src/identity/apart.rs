//! Events that turn out to be of somebody else: an unbind whose time lies before events that are stored already takes those along that
//! nothing but the identifier had named.
//!
//! So that they can be found, each row keeps what named its participants where their keys said nothing: a hash of identity and value, in a
//! column of its own for each participant.

use super::apply::act;
use super::identities::{Joined, Said};
use crate::StoreError;
use crate::apply::State;
use crate::compaction::in_memory;
use crate::hot::{self, HotChunk};
use crate::rows::EventColumn;
use arrow::array::{Array, ArrayRef, AsArray, StringArray, UInt32Array};
use arrow::datatypes::Int64Type;
use eql_catalog::{EntityTypeId, EventType, EventTypeId, PropertyId};
use std::collections::HashSet;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// Columns of a batch: what its rows were named by.
pub(crate) type NamedBy = Vec<(PropertyId, ArrayRef)>;

/// Numbers of properties that nobody can declare, one for each participant.
const RESERVED: u16 = 256;

/// The column of what a participant was named by. Its number is a promise.
pub(crate) fn named_by(participant: usize) -> PropertyId {
    PropertyId(u16::MAX - (participant as u16).min(RESERVED - 1))
}

pub(crate) fn is_named_by(id: PropertyId) -> bool {
    id.0 > u16::MAX - RESERVED
}

impl Said<'_> {
    /// What stands for it in rows: no key can be read out of it.
    pub(super) fn hash(&self) -> i64 {
        xxh3_64([self.identity.as_bytes(), b"\0", self.value.as_bytes()].concat().as_slice()).cast_signed()
    }
}

impl State {
    /// From a time on an identifier is not the entity's any more: what it alone named is of somebody new.
    pub(super) fn move_named(
        &mut self,
        position: u64,
        (entity, ordinal): (EntityTypeId, u32),
        said: Said<'_>,
        from: i64,
    ) -> Result<(), StoreError> {
        let (whose, hash) = (self.whole(entity, [ordinal]), said.hash());
        let types: Vec<Arc<EventType>> = self.events.values().map(|e| e.definition.clone()).collect();
        let mut new = None;
        for event in &types {
            for place in event.places_of(entity) {
                let all = self.rows_from(event, place, from)?;
                let theirs = all.iter().map(|rows| theirs(place, rows, hash, from, &whose)).collect::<Result<Vec<_>, _>>()?;
                for mut rows in theirs.into_iter().flatten() {
                    let new = match new {
                        Some(known) => known,
                        None => *new.insert(act(&mut self.identities, &mut self.entities, entity, position)?.anonymous(said, from)?),
                    };
                    rows.participants[place] = UInt32Array::from(vec![new; rows.rows()]);
                    self.replace_rows(position, event.id, rows)?;
                }
            }
        }
        if let Some(new) = new {
            let survivor = self.identities.of.get(&entity).map_or(ordinal, |i| i.merges.roots.of(ordinal));
            self.identities.joined.push(Joined { entity, survivor, others: vec![new], apart: true });
        }
        Ok(())
    }

    /// Rows that may be concerned: of parts that have the column, and of memory.
    fn rows_from(&self, event: &Arc<EventType>, place: usize, from: i64) -> Result<Vec<HotChunk>, StoreError> {
        let mut all = Vec::new();
        let (cache, column) = (&self.cache, EventColumn::Property(named_by(place)));
        for part in self.parts.iter().filter(|p| p.event(event.id).is_some_and(|e| e.time_max >= from) && p.rows(event.id) > 0) {
            let names = part.column(cache, event, &column)?;
            if names.null_count() < names.len() {
                all.extend(in_memory(part, event, &self.erased, cache)?);
            }
        }
        let hot = self.events.get(&event.id).map(|e| e.hot.as_slice()).unwrap_or_default();
        all.extend(hot.iter().filter(|c| c.time_range.1 >= from).map(|c| (**c).clone()));
        Ok(all)
    }

    /// Rows take the place of those that have their ids. They keep their sequence, so that their order among others stays.
    fn replace_rows(&mut self, position: u64, event: EventTypeId, rows: HotChunk) -> Result<(), StoreError> {
        let ids: StringArray = rows.id.clone();
        self.remove_events(position, event, &ids)?;
        let count = rows.rows();
        let Some(state) = self.events.get_mut(&event) else { return Err(StoreError::UnknownEvent(event.0)) };
        hot::push(&mut state.hot, state.frozen, rows)?;
        (state.position, state.rows) = (position, None);
        self.unsaved_rows += count;
        self.layout += 1;
        Ok(())
    }
}

/// The rows that an identifier alone named; None when there are none.
fn theirs(place: usize, rows: &HotChunk, hash: i64, from: i64, whose: &HashSet<u32>) -> Result<Option<HotChunk>, StoreError> {
    let Some((_, names)) = rows.properties.iter().find(|(id, _)| *id == named_by(place)) else { return Ok(None) };
    let (names, ordinals, times) = (names.as_primitive::<Int64Type>(), &rows.participants[place], rows.time.values());
    let is_theirs = |row: usize| {
        let named = names.is_valid(row) && names.value(row) == hash;
        named && times[row] >= from && ordinals.is_valid(row) && whose.contains(&ordinals.value(row))
    };
    rows.filter(&(0..rows.rows()).map(|row| Some(is_theirs(row))).collect())
}
