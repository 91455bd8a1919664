//! What all doors of a store share: the order of the log, the state it makes, and the way from one to the other.
//!
//! ```text
//! admission (locked) → position, log queue → group commit → applied, in order → visible
//! ```

use crate::admit::Submitted;
use crate::apply::State;
use crate::dedupe::{IdSet, id_hash};
use crate::kv::Kv;
use crate::lock::DirectoryLock;
use crate::log::{Log, Payload, Record, Ticket};
use crate::manifest::Manifest;
use crate::part::PartPlace;
use crate::{StoreError, StoreOptions, checkpoint};
use eql_catalog::{Catalog, EventTypeId};
use parking_lot::{Mutex, MutexGuard};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) struct Core {
    pub(crate) dir: PathBuf,
    pub(crate) options: StoreOptions,
    /// The order of the log: held while a record gets its position.
    pub(crate) admission: Mutex<Admission>,
    pub(crate) log: Log,
    pub(crate) state: Mutex<State>,
    pub(crate) checkpointing: Mutex<Checkpointing>,
    pub(crate) lock: Mutex<Option<DirectoryLock>>,
    /// The manifest's position, for figures.
    pub(crate) checkpointed: AtomicU64,
}

/// What admission must know before the log is durable.
pub(crate) struct Admission {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) position: u64,
    pub(crate) ids: BTreeMap<EventTypeId, IdSet>,
}

pub(crate) struct Checkpointing {
    pub(crate) manifest: Manifest,
    pub(crate) kv: Option<Box<dyn Kv>>,
    pub(crate) place: Arc<dyn PartPlace>,
    /// There may be files of parts that the manifest does not name.
    pub(crate) leftovers: bool,
}

impl Checkpointing {
    /// Removes what failed attempts left behind. What cannot be removed now waits for the next checkpoint: nothing refers to it.
    pub(crate) fn tidy(&mut self) {
        if !self.leftovers {
            return;
        }
        match checkpoint::remove_unnamed_parts(&*self.place, &self.manifest) {
            Ok(()) => self.leftovers = false,
            Err(e) => tracing::warn!(error = %e, "files of parts that are not needed cannot be removed; this is tried again later"),
        }
    }
}

impl Core {
    /// Gives a record its position. Records are handed to the log in that order because the admission is locked.
    pub(crate) fn enqueue(&self, admission: &mut Admission, payload: Payload, record: Record) -> Result<Ticket, StoreError> {
        let ticket = self.log.enqueue(admission.position + 1, payload, record)?;
        admission.position = ticket.position;
        Ok(ticket)
    }

    /// Takes the order of the log. When records were lost since (a full disk), what admission knew of them is forgotten first.
    pub(crate) fn admit(&self) -> Result<MutexGuard<'_, Admission>, StoreError> {
        let mut admission = self.admission.lock();
        if let Some(durable) = self.log.lost_after() {
            self.settle(self.log.ticket(durable))?;
            let state = self.state.lock();
            *admission = Admission { catalog: state.catalog.clone(), position: state.position, ids: BTreeMap::new() };
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
            && let Some((position, record)) = self.log.next_ready()
        {
            if let Err(e) = state.apply(position, record) {
                let reason = format!("record {position} cannot be applied: {e}");
                tracing::error!(reason, "no more writes are accepted");
                self.log.refuse(reason.clone());
                state.broken = Some(reason);
            }
        }
        match &state.broken {
            Some(reason) if state.position < position => Err(StoreError::WritesRefused { reason: reason.clone() }),
            _ => Ok(()),
        }
    }

    /// Fills the sets of ids of event types that are ingested for the first time since the start.
    pub(crate) fn load_ids(&self, admission: &mut Admission, submitted: &Submitted) -> Result<(), StoreError> {
        for (event, rows) in submitted.events() {
            if let Some(ids) = admission.ids.get(&event) {
                check_room(ids.len() + rows)?;
                continue;
            }
            let state = self.state.lock();
            let (parts, hot) = (state.parts.clone(), state.events.get(&event).map(|e| e.hot.clone()).unwrap_or_default());
            drop(state);
            let mut ids = IdSet::default();
            for part in parts.iter().filter(|p| p.event(event).is_some()) {
                let hashes = part.id_hashes(event)?;
                ids.reserve(hashes.len());
                hashes.into_iter().for_each(|id| _ = ids.insert(id));
            }
            for id in hot.iter().flat_map(|chunk| chunk.id.iter()) {
                ids.insert(id_hash(id.unwrap_or_default()));
            }
            check_room(ids.len() + rows)?;
            admission.ids.insert(event, ids);
        }
        Ok(())
    }

    pub(crate) fn checkpoint(&self) -> Result<(), StoreError> {
        let mut checkpointing = self.checkpointing.lock();
        if self.state.lock().position == checkpointing.manifest.position {
            return Ok(());
        }
        let Checkpointing { manifest, kv, place, leftovers } = &mut *checkpointing;
        let written = checkpoint::run(&self.dir, place, &self.state, kv, manifest);
        *leftovers |= written.is_err();
        written?;
        self.checkpointed.store(manifest.position, Ordering::Relaxed);
        let trimmed = self.log.trim(manifest.position);
        checkpointing.tidy();
        trimmed
    }
}

impl Admission {
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
