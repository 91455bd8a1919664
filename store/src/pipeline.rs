//! What all doors of a store share: the order of the log, the state it makes, and the way from one to the other.
//!
//! ```text
//! admission (locked) → position, log queue → group commit → applied, in order → visible
//! ```

use crate::admit::Submitted;
use crate::apply::State;
use crate::dedupe::{IdSet, id_hash};
use crate::entity::EntityFiles;
use crate::lock::DirectoryLock;
use crate::log::{Log, Payload, Record};
use crate::manifest::Manifest;
use crate::{StoreError, StoreOptions, checkpoint};
use eql_catalog::{Catalog, EventTypeId};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) struct Core {
    pub(crate) dir: PathBuf,
    pub(crate) options: StoreOptions,
    /// The order of the log: held while a record gets its position.
    pub(crate) admission: Mutex<Admission>,
    pub(crate) log: Log,
    pub(crate) state: Mutex<State>,
    pub(crate) checkpointing: Mutex<Checkpointing>,
    pub(crate) lock: Mutex<Option<DirectoryLock>>,
}

/// What admission must know before the log is durable.
pub(crate) struct Admission {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) position: u64,
    pub(crate) ids: BTreeMap<EventTypeId, IdSet>,
}

pub(crate) struct Checkpointing {
    pub(crate) manifest: Manifest,
    pub(crate) entities: Arc<EntityFiles>,
}

impl Core {
    /// Gives a record its position. Records are handed to the log in that order because the admission is locked.
    pub(crate) fn enqueue(&self, admission: &mut Admission, payload: Payload, record: Record) -> Result<u64, StoreError> {
        self.log.check_open()?;
        admission.position += 1;
        self.log.enqueue(admission.position, payload, record);
        Ok(admission.position)
    }

    /// Returns when everything up to a position is durable and applied.
    pub(crate) fn settle(&self, position: u64) -> Result<(), StoreError> {
        if self.state.lock().position >= position {
            return Ok(());
        }
        self.log.wait(position)?;
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
        let Checkpointing { manifest, entities } = &mut *checkpointing;
        if self.state.lock().position == manifest.position && !entities.rows.lags(manifest.position) {
            return Ok(());
        }
        checkpoint::run(&self.dir, &self.state, entities, manifest)?;
        self.log.trim(manifest.position)
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
