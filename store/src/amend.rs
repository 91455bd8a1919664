//! The writing side for what goes: events by id, corrections, expiry, erasure; and rows that were not taken.

use crate::admit;
use crate::dedupe::id_hash;
use crate::log::{Record, Removal};
use crate::store::Store;
use crate::{Appended, Compacted, EventBatch, RejectedRow, StoreError};
use arrow::array::{ArrayRef, StringArray};
use eql_catalog::{EntityTypeId, EventTypeId};
use std::collections::BTreeMap;

const DAY_US: i64 = 86_400_000_000;
const HOUR_US: i64 = 3_600_000_000;
const MINUTE_US: i64 = 60_000_000;

/// Events go in steps: every one is a record in the log and a mark in parts. What is kept long need not go to the minute.
fn expiry_step(keep: i64) -> i64 {
    [DAY_US, HOUR_US].into_iter().find(|step| keep >= 2 * step).unwrap_or(MINUTE_US)
}

impl Store {
    /// Deletes events by id. They are gone from every later snapshot; the files lose them at the next compaction of their parts.
    /// An id that was deleted can be used again.
    ///
    /// `accepted` counts ids that were found.
    ///
    /// # Errors
    /// An unknown event type, a damaged file, or the log cannot be written.
    pub fn delete_events(&self, event: EventTypeId, ids: &StringArray) -> Result<Appended, StoreError> {
        let no_checkpoint = self.core.checkpointing.lock();
        let mut admission = self.core.admit()?;
        admission.catalog.event_by_id(event).ok_or(StoreError::UnknownEvent(event.0))?;
        self.core.settle(self.core.log.ticket(admission.position))?;
        let found = self.core.count_ids(event, ids)?;
        if found == 0 {
            return Ok(Appended { position: admission.position, ..Appended::default() });
        }
        let record = Record::Removal(Removal::Events { event, ids: ids.clone() });
        let payload = record.encode()?;
        let ticket = self.core.enqueue(&mut admission, payload, record)?;
        if let Some(known) = admission.ids.get_mut(&event) {
            ids.iter().flatten().for_each(|id| known.remove(id_hash(id)));
        }
        drop(admission);
        self.core.settle(ticket)?;
        drop(no_checkpoint);
        Ok(Appended { accepted: found, position: ticket.position, ..Appended::default() })
    }

    /// Puts events in place of those that have their ids; an id that is not known yet is simply appended. Of two rows with one id in a
    /// call the first wins.
    ///
    /// # Errors
    /// As [`append_events`](Store::append_events).
    pub fn correct_events(&self, batches: Vec<EventBatch>) -> Result<Appended, StoreError> {
        let no_checkpoint = self.core.checkpointing.lock();
        let mut admission = self.core.admit()?;
        let submitted = admit::events(&admission.catalog, batches)?;
        // A damaged file must be met before the record is in the log, not when it is applied.
        self.core.stored(&submitted)?;
        self.core.load_ids(&mut admission, submitted.events().map(|(event, _)| event));
        let corrected: Vec<(EventTypeId, Vec<u128>)> = submitted.ids().map(|(event, ids)| (event, ids.to_vec())).collect();
        let nothing_stored: Vec<Vec<bool>> = corrected.iter().map(|(_, ids)| vec![false; ids.len()]).collect();
        let (fresh, mut answer) = admit::dedupe(&submitted, &nothing_stored, &mut BTreeMap::new());
        let record = Record::Corrections(admit::keep_fresh(submitted, fresh)?);
        let payload = record.encode()?;
        let ticket = self.core.enqueue(&mut admission, payload, record)?;
        // Only now: what was not taken must not be known.
        for (event, ids) in corrected {
            let known = admission.ids.entry(event).or_default();
            ids.into_iter().for_each(|id| _ = known.insert(id));
        }
        drop(admission);
        self.core.settle(ticket)?;
        drop(no_checkpoint);
        answer.position = ticket.position;
        Ok(answer)
    }

    /// Erases entities: their properties, tags and memberships, the events they are the subject of, and their part in the events of
    /// others are gone from every later snapshot, and so are all rejected rows. [`purge`](Store::purge) takes them out of the files.
    ///
    /// `accepted` counts keys that were known.
    ///
    /// # Errors
    /// An unknown entity type, keys that do not fit, a damaged file, or the log cannot be written.
    pub fn erase(&self, entity: EntityTypeId, keys: Vec<ArrayRef>) -> Result<Appended, StoreError> {
        let no_checkpoint = self.core.checkpointing.lock();
        let mut admission = self.core.admit()?;
        let (keys, _) = admit::keys(&admission.catalog, entity, keys)?;
        self.core.settle(self.core.log.ticket(admission.position))?;
        let known = {
            let mut state = self.core.state.lock();
            let source = state.entity(entity)?.source();
            let parts = state.parts.clone();
            let cache = state.cache.clone();
            drop(state);
            parts.iter().try_for_each(|p| p.spine(&cache).map(drop))?;
            source.parts.lookup(&keys)?.iter().flatten().count() as u64
        };
        if known == 0 {
            return Ok(Appended { position: admission.position, ..Appended::default() });
        }
        let record = Record::Removal(Removal::Erasure { entity, keys });
        let payload = record.encode()?;
        let ticket = self.core.enqueue(&mut admission, payload, record)?;
        self.core.settle(ticket)?;
        // The ids of the erased events can be used again: what is remembered is made anew from what is left.
        admission.ids.clear();
        drop(admission);
        drop(no_checkpoint);
        Ok(Appended { accepted: known, position: ticket.position, ..Appended::default() })
    }

    /// Lets events go that are kept no longer (`KEEP`), by whole days in UTC, or by whole hours
    /// or minutes where that is too coarse for the length; how many types lost some. `now`: microseconds.
    ///
    /// # Errors
    /// A damaged file, or the log cannot be written.
    pub fn expire(&self, now: i64) -> Result<u64, StoreError> {
        let catalog = self.catalog();
        let mut types = 0;
        for event in catalog.events() {
            let Some(keep) = event.keep.and_then(|k| i64::try_from(k).ok()) else { continue };
            let step = expiry_step(keep);
            let before = now.saturating_sub(keep).div_euclid(step).saturating_mul(step);
            let snapshot = self.snapshot()?;
            let rows = snapshot.events(event.id)?;
            let due = (0..rows.chunk_count())
                .any(|c| !rows.chunk_range(c).is_empty() && rows.time_range(c).is_some_and(|(first, _)| first < before));
            drop((rows, snapshot));
            // Looked at once without holding anybody up: a part keeps its first time until it is rewritten.
            if due && self.core.has_rows_before(event.id, before)? && self.expire_before(event.id, before)? {
                types += 1;
            }
        }
        Ok(types)
    }

    fn expire_before(&self, event: EventTypeId, before: i64) -> Result<bool, StoreError> {
        let no_checkpoint = self.core.checkpointing.lock();
        let mut admission = self.core.admit()?;
        self.core.settle(self.core.log.ticket(admission.position))?;
        if !self.core.has_rows_before(event, before)? {
            return Ok(false);
        }
        let record = Record::Removal(Removal::Expiry { event, before });
        let payload = record.encode()?;
        let ticket = self.core.enqueue(&mut admission, payload, record)?;
        self.core.settle(ticket)?;
        admission.ids.remove(&event);
        drop(no_checkpoint);
        Ok(true)
    }

    /// Keeps rows that were sent and not taken, so that somebody can look at them: the latest ten thousand.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn reject(&self, rows: Vec<RejectedRow>) -> Result<u64, StoreError> {
        let mut admission = self.core.admit()?;
        let record = Record::Rejections(rows.into_iter().map(RejectedRow::shortened).collect());
        let payload = record.encode()?;
        let ticket = self.core.enqueue(&mut admission, payload, record)?;
        drop(admission);
        self.core.settle(ticket)?;
        Ok(ticket.position)
    }

    /// Merges parts: those that are due, or all that can be merged and all that hold rows that are gone.
    ///
    /// # Errors
    /// Files cannot be read or written.
    pub fn compact(&self, everything: bool) -> Result<Compacted, StoreError> {
        self.core.checkpoint()?;
        self.core.compact(everything, false)
    }

    /// Takes everything that was deleted, erased or dropped out of all files: parts, entity files, packed rows, log.
    ///
    /// # Errors
    /// Files cannot be read or written.
    pub fn purge(&self) -> Result<Compacted, StoreError> {
        self.core.log.end_segment();
        self.core.checkpoint()?;
        let done = self.core.compact(true, false)?;
        self.core.purge_rest()?;
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_lengths_are_kept_to_the_hour_or_minute() {
        let steps = [3 * DAY_US, 2 * DAY_US, 2 * DAY_US - 1, 2 * HOUR_US, 2 * HOUR_US - 1, MINUTE_US].map(expiry_step);
        assert_eq!(steps, [DAY_US, DAY_US, HOUR_US, HOUR_US, MINUTE_US, MINUTE_US]);
    }
}
