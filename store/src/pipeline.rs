//! What all doors of a store share: the order of the log, the state it makes, and the way from one to the other.
//!
//! ```text
//! admission (locked) → position, log queue → group commit → applied, in order → visible
//! ```

use crate::admit::Submitted;
use crate::apply::State;
use crate::checkpoint::{self, Captured};
use crate::dedupe::{IdSet, id_hash};
use crate::entity::{EntityFiles, EntityState};
use crate::feed::{Committed, Feeds, Merged};
use crate::lock::DirectoryLock;
use crate::log::{Keep, Log, Payload, Record, Stamp, Ticket};
use crate::manifest::Manifest;
use crate::part::{OwnPlace, Part};
use crate::rows::EventColumn;
use crate::{StoreError, StoreOptions};
use arrow::array::{AsArray, StringArray};
use arrow::datatypes::TimestampMicrosecondType;
use eql_catalog::{Catalog, EventTypeId};
use parking_lot::{Mutex, MutexGuard};
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

pub(crate) struct Core {
    pub(crate) dir: PathBuf,
    pub(crate) options: StoreOptions,
    /// The order of the log: held while a record gets its position.
    pub(crate) admission: Mutex<Admission>,
    pub(crate) log: Log,
    pub(crate) state: Mutex<State>,
    /// Who follows.
    pub(crate) feeds: Feeds,
    pub(crate) checkpointing: Mutex<Checkpointing>,
    /// Of the last checkpoint, for those who must not wait for the next one.
    pub(crate) checkpoint_position: AtomicU64,
    /// Why the last checkpoint could not be written.
    pub(crate) checkpoint_failure: Mutex<Option<String>>,
    /// When upkeep last thought of a checkpoint; 0 before it ran.
    pub(crate) checked_at: AtomicI64,
    /// Held by the one compaction that runs.
    pub(crate) compacting: Mutex<()>,
    /// Parts that were replaced and that snapshots may still read.
    pub(crate) retired: Mutex<Vec<Arc<Part>>>,
    /// Long work in the background should come to an end.
    pub(crate) closing: AtomicBool,
    pub(crate) lock: Mutex<Option<DirectoryLock>>,
}

/// What admission must know before the log is durable.
pub(crate) struct Admission {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) position: u64,
    /// Of the last record, or of a later tick.
    pub(crate) clock: i64,
    /// Of the next event.
    pub(crate) next_sequence: u64,
    pub(crate) ids: BTreeMap<EventTypeId, IdSet>,
}

pub(crate) struct Checkpointing {
    pub(crate) manifest: Manifest,
    pub(crate) entities: Arc<EntityFiles>,
    pub(crate) parts: OwnPlace,
    /// There may be files of parts that the manifest does not name.
    pub(crate) leftovers: bool,
}

impl Checkpointing {
    /// Removes what failed attempts left behind. What cannot be removed now waits for the next checkpoint: nothing refers to it.
    pub(crate) fn tidy(&mut self, still_read: &[Arc<Part>]) {
        if !self.leftovers || !self.parts.claimed() {
            return;
        }
        match checkpoint::remove_unnamed_parts(&*self.parts.place, &self.manifest, still_read) {
            Ok(()) => self.leftovers = false,
            Err(e) => tracing::warn!(error = %e, "files of parts that are not needed cannot be removed; this is tried again later"),
        }
    }
}

impl Core {
    /// Gives a record its position. Records are handed to the log in that order because the admission is locked.
    pub(crate) fn enqueue(&self, admission: &mut Admission, payload: Payload, record: Record) -> Result<Ticket, StoreError> {
        let stamp = Stamp { clock: admission.clock_at(self.options.clock.now()), sequence: admission.next_sequence };
        let rows = record.event_rows();
        let ticket = self.log.enqueue(admission.position + 1, stamp, payload, record)?;
        admission.position = ticket.position;
        admission.clock = stamp.clock;
        admission.next_sequence += rows;
        Ok(ticket)
    }

    /// Takes the order of the log. When records were lost since (a full disk), what admission knew of them is forgotten first.
    pub(crate) fn admit(&self) -> Result<MutexGuard<'_, Admission>, StoreError> {
        let mut admission = self.admission.lock();
        if let Some(durable) = self.log.lost_after() {
            self.settle(self.log.ticket(durable))?;
            let state = self.state.lock();
            *admission = Admission { clock: admission.clock, ..Admission::of(&state) };
            self.log.forget_lost();
        }
        self.log.check_open()?;
        Ok(admission)
    }

    /// Returns when a record and everything before it is durable and applied.
    pub(crate) fn settle(&self, ticket: Ticket) -> Result<(), StoreError> {
        self.log.wait(ticket)?;
        let position = ticket.position;
        let mut state = self.state.lock();
        while state.broken.is_none()
            && let Some((position, stamp, record)) = self.log.next_ready()
        {
            let followed = self.feeds.anybody();
            match state.apply(position, Some(stamp.clock), record, followed) {
                Ok(what) => {
                    let merged = Merged::Known(state.identities.joined.as_slice().into());
                    self.feeds.publish(Committed { position, clock: stamp.clock, what: Arc::new(what), merged }, followed);
                }
                Err(e) => {
                    let reason = format!("record {position} cannot be applied: {e}");
                    tracing::error!(reason, "no more writes are accepted");
                    self.log.refuse(reason.clone());
                    state.broken = Some(reason);
                }
            }
        }
        match &state.broken {
            Some(reason) if state.position < position => Err(StoreError::WritesRefused { reason: reason.clone() }),
            _ => Ok(()),
        }
    }

    /// Fills the sets of ids of event types that are ingested for the first time since the start, from the rows that are in no part.
    pub(crate) fn load_ids(&self, admission: &mut Admission, events: impl Iterator<Item = EventTypeId>) {
        for event in events {
            if admission.ids.contains_key(&event) {
                continue;
            }
            let hot = self.state.lock().events.get(&event).map(|e| e.hot.clone()).unwrap_or_default();
            let mut ids = IdSet::default();
            for id in hot.iter().flat_map(|chunk| chunk.id.iter()) {
                ids.insert(id_hash(id.unwrap_or_default()));
            }
            admission.ids.insert(event, ids);
        }
    }

    /// Which submitted ids are in parts. Asked before admission is taken, so that others need not wait for it.
    pub(crate) fn stored(&self, submitted: &Submitted) -> Result<Stored, StoreError> {
        let state = self.state.lock();
        let (parts, cache) = (state.parts.clone(), state.cache.clone());
        drop(state);
        for (event, rows) in submitted.events() {
            check_room(parts.iter().map(|p| p.rows(event) as usize).sum::<usize>() + rows + self.options.hot_rows_max * 4)?;
        }
        let rows = submitted.ids().map(|(event, ids)| {
            let mut stored = vec![false; ids.len()];
            for part in parts.iter().filter(|p| p.event(event).is_some()) {
                let found = part.find_ids(&cache, event, ids)?;
                stored.iter_mut().zip(found).for_each(|(stored, row)| *stored |= row.is_some());
            }
            Ok(stored)
        });
        Ok(Stored { rows: rows.collect::<Result<_, StoreError>>()?, parts })
    }

    /// The same when admission is held: parts may have changed since.
    pub(crate) fn still_stored(&self, stored: Stored, submitted: &Submitted) -> Result<Vec<Vec<bool>>, StoreError> {
        let unchanged = Arc::ptr_eq(&stored.parts, &self.state.lock().parts);
        if unchanged { Ok(stored.rows) } else { Ok(self.stored(submitted)?.rows) }
    }

    /// How many of some ids there are.
    pub(crate) fn count_ids(&self, event: EventTypeId, ids: &StringArray) -> Result<u64, StoreError> {
        let state = self.state.lock();
        let (parts, cache) = (state.parts.clone(), state.cache.clone());
        let hot = state.events.get(&event).map(|e| e.hot.clone()).unwrap_or_default();
        drop(state);
        let wanted: HashSet<u128> = ids.iter().flatten().map(id_hash).collect();
        let hashes: Vec<u128> = wanted.iter().copied().collect();
        let mut found = hot.iter().flat_map(|c| c.id.iter().flatten()).filter(|id| wanted.contains(&id_hash(id))).count();
        for part in parts.iter().filter(|p| p.event(event).is_some()) {
            found += part.find_ids(&cache, event, &hashes)?.iter().flatten().count();
        }
        Ok(found as u64)
    }

    /// Whether an event type has rows before a time.
    pub(crate) fn has_rows_before(&self, event: EventTypeId, before: i64) -> Result<bool, StoreError> {
        let rows = self.state.lock().snapshot().events(event)?;
        for chunk in 0..rows.chunk_count() {
            let may = rows.time_range(chunk).is_some_and(|(first, _)| first < before);
            if may
                && rows
                    .chunk_column(chunk, &EventColumn::Time)?
                    .as_primitive::<TimestampMicrosecondType>()
                    .values()
                    .iter()
                    .any(|t| *t < before)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What a compaction does not rewrite: the packed rows, whose files never forget, and what was moved aside.
    pub(crate) fn purge_rest(&self) -> Result<(), StoreError> {
        let checkpointing = self.checkpointing.lock();
        crate::open::renew_rows(&self.dir, &self.options, &checkpointing.entities.rows)?;
        self.state.lock().entities.values_mut().for_each(EntityState::repack);
        drop(checkpointing);
        self.checkpoint()?;
        // Who follows the log loses what it has not read: it must not keep what was erased.
        let checkpointing = self.checkpointing.lock();
        self.log.trim(checkpointing.manifest.position, Keep::default())
    }

    pub(crate) fn checkpoint(&self) -> Result<(), StoreError> {
        let mut checkpointing = self.checkpointing.lock();
        let position = checkpointing.manifest.position;
        if self.state.lock().position == position && !checkpointing.entities.rows.lags(position) {
            return Ok(());
        }
        let claimed = checkpointing.parts.claim();
        if let Err(e) = &claimed {
            *self.checkpoint_failure.lock() = Some(e.to_string());
        }
        claimed?;
        let captured = self.capture(checkpointing.manifest.identities.as_ref().map_or(0, |i| i.position));
        let Checkpointing { manifest, entities, parts, leftovers } = &mut *checkpointing;
        let written = checkpoint::run(&self.dir, &parts.place, &self.state, entities, manifest, &captured);
        *leftovers |= written.is_err();
        *self.checkpoint_failure.lock() = written.as_ref().err().map(ToString::to_string);
        let mut admission = self.admission.lock();
        admission.ids.values_mut().for_each(|ids| if written.is_ok() { ids.forget_frozen() } else { ids.thaw() });
        drop(admission);
        written?;
        self.checkpoint_position.store(manifest.position, Ordering::Relaxed);
        let keep = Keep { bytes: self.options.log_keep_bytes, after: self.feeds.held(), after_bytes_max: self.options.log_held_bytes_max };
        let trimmed = self.log.trim(manifest.position, keep);
        // Files of a merge that is being written are not named yet either.
        if let Some(_no_merge) = self.compacting.try_lock() {
            checkpointing.tidy(&self.retired.lock());
        }
        trimmed
    }

    /// Everything that was admitted so far is applied and captured: the ids known now are those of the rows captured.
    fn capture(&self, identities: u64) -> Captured {
        let mut admission = self.admission.lock();
        // A log that failed has nothing more to settle.
        _ = self.settle(self.log.ticket(admission.position));
        let captured = self.state.lock().capture(identities);
        admission.ids.values_mut().for_each(IdSet::freeze);
        captured
    }
}

/// Which submitted rows have ids that are in parts, and in which parts it was looked.
pub(crate) struct Stored {
    parts: Arc<Vec<Arc<Part>>>,
    rows: Vec<Vec<bool>>,
}

impl Admission {
    /// What admission knows when nothing is on its way.
    pub(crate) fn of(state: &State) -> Admission {
        Admission {
            catalog: state.catalog.clone(),
            position: state.position,
            clock: state.clock,
            next_sequence: state.next_sequence,
            ids: BTreeMap::new(),
        }
    }

    /// The clock of a record that is admitted now. One that stands still by definition is obeyed even if it lies in the past.
    fn clock_at(&self, now: i64) -> i64 {
        self.catalog.clock.unwrap_or(self.clock.max(now))
    }

    /// The definitions may have changed while the rows were encoded.
    pub(crate) fn check_definitions(&self, then: &Arc<Catalog>, submitted: &Submitted) -> Result<(), StoreError> {
        if Arc::ptr_eq(then, &self.catalog) {
            return Ok(());
        }
        for (event, _) in submitted.events() {
            let now = self.catalog.event_by_id(event).ok_or(StoreError::UnknownEvent(event.0))?;
            if then.event_by_id(event) != Some(now) {
                return Err(StoreError::mismatch(
                    format!("event `{}`", now.name),
                    "its definition changed during the call, send the events again",
                ));
            }
        }
        Ok(())
    }
}

fn check_room(rows: usize) -> Result<(), StoreError> {
    let limit = u64::from(u32::MAX);
    if rows as u64 <= limit { Ok(()) } else { Err(StoreError::Full { what: "an event type has too many rows".to_string(), limit }) }
}
