//! The writing side: one door for everything that changes.

use crate::admit;
use crate::feed::Feeds;
use crate::log::{AdmittedMembers, AdmittedTagValues, Record};
use crate::pipeline::{Admission, Core};
use crate::{Appended, EntityBatch, EventBatch, Snapshot, StoreError, StoreOptions, StoreStats, open, redefine};
use arrow::array::ArrayRef;
use eql_catalog::{Catalog, Change, EntityTypeId};
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// The store of one data directory.
///
/// Memory: keys and key index of all entities, and what was written to them since the last checkpoint; event rows since the last checkpoint (at most about twice
/// [`StoreOptions::hot_rows_max`]), with 20 to 36 bytes for the id of each; about 1.6 bytes an event in parts, of each type that is
/// ingested, for recognising its id; and the caches.
pub struct Store {
    pub(crate) core: Arc<Core>,
    background: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("dir", &self.core.dir).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a data directory, and creates it when it is absent.
    ///
    /// # Errors
    /// In use, damaged, of a newer format, or not readable.
    pub fn open(dir: &Path, options: StoreOptions) -> Result<Store, StoreError> {
        let opened = open::open(dir, &options)?;
        let admission = Admission::of(&opened.state);
        let core = Core {
            dir: dir.to_path_buf(),
            options,
            admission: Mutex::new(admission),
            log: opened.log,
            feeds: Feeds::new(opened.state.position),
            state: Mutex::new(opened.state),
            checkpoint_position: AtomicU64::new(opened.checkpointing.manifest.position),
            checkpointing: Mutex::new(opened.checkpointing),
            checkpoint_failure: Mutex::new(None),
            checked_at: AtomicI64::new(0),
            compacting: Mutex::new(()),
            retired: Mutex::new(Vec::new()),
            closing: AtomicBool::new(false),
            lock: Mutex::new(Some(opened.lock)),
        };
        let lags = {
            let c = core.checkpointing.lock();
            c.entities.rows.lags(c.manifest.position)
        };
        let store = Store { core: Arc::new(core), background: Mutex::new(None) };
        if lags {
            store.start_background();
        }
        store.limit_hot_rows();
        Ok(store)
    }

    /// The definitions.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.core.state.lock().catalog.clone()
    }

    /// The last applied log position.
    pub fn position(&self) -> u64 {
        self.core.state.lock().position
    }

    /// Changes the catalog; the new position.
    ///
    /// # Errors
    /// The catalog refuses it, it would change the meaning of stored rows, or the log cannot be written.
    pub fn define(&self, change: Change) -> Result<u64, StoreError> {
        let mut admission = self.core.admit()?;
        let next = admission.catalog.apply(&change)?;
        self.core.settle(self.core.log.ticket(admission.position))?;
        redefine::check(&self.core.state, &admission.catalog, &change)?;
        let record = Record::Definition(change);
        let payload = record.encode()?;
        let ticket = self.core.enqueue(&mut admission, payload, record)?;
        admission.catalog = Arc::new(next);
        drop(admission);
        self.core.settle(ticket)?;
        Ok(ticket.position)
    }

    /// Appends events as one atomic log record.
    ///
    /// # Errors
    /// Columns that do not fit, or the log cannot be written.
    pub fn append_events(&self, batches: Vec<EventBatch>) -> Result<Appended, StoreError> {
        self.check_room()?;
        let catalog = self.core.admission.lock().catalog.clone();
        let submitted = admit::events(&catalog, batches)?;
        // Encoded before anybody looked for duplicates: there mostly are none, and others need not wait for it.
        let mut record = Record::Events(submitted.batches.iter().filter(|b| !b.time.is_empty()).cloned().collect());
        let mut payload = record.encode()?;
        let stored = self.core.stored(&submitted)?;
        let mut admission = self.core.admit()?;
        admission.check_definitions(&catalog, &submitted)?;
        let stored = self.core.still_stored(stored, &submitted)?;
        self.core.load_ids(&mut admission, submitted.events().map(|(event, _)| event));
        let (fresh, mut answer) = admit::dedupe(&submitted, &stored, &mut admission.ids);
        if answer.duplicates > 0 {
            record = Record::Events(admit::keep_fresh(submitted, fresh)?);
            payload = record.encode()?;
        }
        let ticket = match answer.accepted {
            0 => self.core.log.ticket(admission.position),
            _ => self.core.enqueue(&mut admission, payload, record)?,
        };
        drop(admission);
        self.core.settle(ticket)?;
        answer.position = ticket.position;
        self.limit_hot_rows();
        Ok(answer)
    }

    /// Adds or updates entities.
    ///
    /// # Errors
    /// Columns that do not fit, or the log cannot be written.
    pub fn append_entities(&self, batch: EntityBatch) -> Result<Appended, StoreError> {
        self.append_entities_in_order(vec![batch])
    }

    /// The same with several batches, one after the other: where one does not fit, none is taken.
    ///
    /// # Errors
    /// Columns that do not fit, or the log cannot be written.
    pub fn append_entities_in_order(&self, batches: Vec<EntityBatch>) -> Result<Appended, StoreError> {
        let rows: usize = batches.iter().filter_map(|b| b.keys.first()).map(|k| k.len()).sum();
        let mut admission = self.core.admit()?;
        let records = batches.into_iter().map(|b| Ok(Record::Entities(admit::entities(&admission.catalog, b)?)));
        let records = records.collect::<Result<Vec<_>, StoreError>>()?;
        let payloads = records.iter().map(Record::encode).collect::<Result<Vec<_>, _>>()?;
        let mut ticket = self.core.log.ticket(admission.position);
        for (record, payload) in records.into_iter().zip(payloads) {
            ticket = self.core.enqueue(&mut admission, payload, record)?;
        }
        drop(admission);
        self.core.settle(ticket)?;
        self.limit_hot_rows();
        Ok(Appended { accepted: rows as u64, position: ticket.position, ..Appended::default() })
    }

    /// Adds and removes members of a stored segment, by key. Keys that are added become known entities.
    ///
    /// # Errors
    /// An unknown segment, keys that do not fit, or the log cannot be written.
    pub fn change_members(&self, segment: &str, add: Vec<ArrayRef>, remove: Vec<ArrayRef>) -> Result<Appended, StoreError> {
        let rows = [&add, &remove].iter().map(|k| k.first().map_or(0, |k| k.len())).sum();
        self.write(rows, |catalog| members(catalog, segment, add, remove, false))
    }

    /// Replaces all members of a stored segment. Keys become known entities.
    ///
    /// # Errors
    /// An unknown segment, keys that do not fit, or the log cannot be written.
    pub fn set_members(&self, segment: &str, keys: Vec<ArrayRef>) -> Result<Appended, StoreError> {
        let rows = keys.first().map_or(0, |k| k.len());
        self.write(rows, |catalog| members(catalog, segment, keys, Vec::new(), true))
    }

    /// Sets values of an imported tag; NULL clears. Keys become known entities.
    ///
    /// # Errors
    /// An unknown tag, columns that do not fit, or the log cannot be written.
    pub fn set_tag_values(&self, entity: EntityTypeId, tag: &str, keys: Vec<ArrayRef>, values: ArrayRef) -> Result<Appended, StoreError> {
        self.write(values.len(), |catalog| tag_values(catalog, entity, tag, keys, values))
    }

    pub(crate) fn write(&self, rows: usize, admit: impl FnOnce(&Catalog) -> Result<Record, StoreError>) -> Result<Appended, StoreError> {
        self.check_room()?;
        let mut admission = self.core.admit()?;
        let record = admit(&admission.catalog)?;
        let payload = record.encode()?;
        let ticket = self.core.enqueue(&mut admission, payload, record)?;
        drop(admission);
        self.core.settle(ticket)?;
        self.limit_hot_rows();
        Ok(Appended { accepted: rows as u64, position: ticket.position, ..Appended::default() })
    }

    /// Everything as it is now; it never changes afterwards.
    ///
    /// # Errors
    /// None today.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, StoreError> {
        Ok(self.core.state.lock().snapshot())
    }

    /// Writes parts, entity snapshots and the manifest, then trims the log.
    ///
    /// # Errors
    /// Files cannot be written.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        self.core.checkpoint()
    }

    /// Figures for operators.
    pub fn stats(&self) -> StoreStats {
        let state = self.core.state.lock();
        let (parts, cache) = (state.parts.clone(), state.cache.clone());
        let mut stats = StoreStats {
            position: state.position,
            parts: parts.len(),
            part_rows: parts.iter().map(|p| p.meta.rows).sum(),
            part_bytes: parts.iter().map(|p| p.bytes()).sum(),
            hot_rows: state.hot_rows() as u64,
            index_bytes: parts.iter().map(|p| p.index_bytes() as u64).sum(),
            deleted_rows: parts.iter().map(|p| p.deleted_rows()).sum(),
            entities: state.entities.values().map(|e| u64::from(e.len())).sum(),
            identities: state.identities.stats(),
            operations_refused: state.entities.values().map(|e| e.refused).sum(),
            ..StoreStats::default()
        };
        drop(state);
        let log = self.core.log.figures();
        cache.tell(&mut stats);
        let checkpoint_position = self.core.checkpoint_position.load(Ordering::Relaxed);
        StoreStats {
            checkpoint_position,
            log_bytes: log.bytes,
            log_segments: log.segments,
            log_groups: log.groups,
            log_records: log.records,
            ..stats
        }
    }

    /// Checkpoint, then release the directory; snapshots can still be read. Dropping releases it without a checkpoint.
    ///
    /// # Errors
    /// Files cannot be written.
    pub fn close(&self) -> Result<(), StoreError> {
        self.core.closing.store(true, Ordering::Relaxed);
        self.join_background();
        let _no_merge = self.core.compacting.lock();
        let mut lock = self.core.lock.lock();
        if lock.is_none() {
            return Ok(());
        }
        self.core.log.refuse("the store is closed".to_string());
        self.core.feeds.wake();
        let result = self.core.checkpoint();
        self.core.checkpointing.lock().entities.rows.end();
        *lock = None;
        result
    }

    /// Rows wait in memory for a checkpoint. When none can be written, they must not become more and more.
    pub(crate) fn check_room(&self) -> Result<(), StoreError> {
        let waiting = self.core.state.lock().unsaved_rows;
        if waiting <= self.core.options.hot_rows_max.saturating_mul(4) {
            return Ok(());
        }
        let failure = self.core.checkpoint_failure.lock().clone();
        match failure {
            Some(reason) => {
                self.start_background();
                Err(StoreError::NotWritten { reason: format!("{waiting} rows wait in memory, and no checkpoint can be written: {reason}") })
            }
            None => Ok(()),
        }
    }

    /// Starts a checkpoint when there are many rows in memory, and waits for it when there are far too many.
    pub(crate) fn limit_hot_rows(&self) {
        let max = self.core.options.hot_rows_max;
        let rows = || self.core.state.lock().unsaved_rows;
        if rows() > max.saturating_mul(2) {
            self.join_background();
        }
        if rows() > max {
            self.start_background();
        }
    }

    fn start_background(&self) {
        let mut background = self.background.lock();
        if background.as_ref().is_some_and(|t| !t.is_finished()) {
            return;
        }
        let core = self.core.clone();
        *background = Some(std::thread::spawn(move || {
            if let Err(e) = core.checkpoint() {
                tracing::error!(error = %e, "a checkpoint failed; it is tried again as more rows arrive");
                return;
            }
            Store::merge_in_background(core);
        }));
    }

    /// A thread of its own: the next checkpoint need not wait for it.
    fn merge_in_background(core: Arc<Core>) {
        std::thread::spawn(move || {
            if core.compacting.try_lock().is_some()
                && let Err(e) = core.compact(false, true)
            {
                tracing::warn!(error = %e, "parts were not merged; this is tried again after the next checkpoint");
            }
        });
    }

    fn join_background(&self) {
        let thread = self.background.lock().take();
        if thread.is_some_and(|t| t.join().is_err()) {
            tracing::error!("the thread of a checkpoint panicked");
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.core.closing.store(true, Ordering::Relaxed);
        self.join_background();
        let _no_merge = self.core.compacting.lock();
        // A thread that is about to end may keep the rest a moment longer; the next owner need not wait for it.
        *self.core.lock.lock() = None;
    }
}

fn members(catalog: &Catalog, segment: &str, add: Vec<ArrayRef>, remove: Vec<ArrayRef>, replace: bool) -> Result<Record, StoreError> {
    let unknown = || StoreError::UnknownSegment(segment.to_string());
    let entity = catalog.segment(segment).and_then(|s| catalog.entity(&s.entity)).ok_or_else(unknown)?.id;
    let (add, _) = admit::keys(catalog, entity, add)?;
    let (remove, _) = admit::keys(catalog, entity, remove)?;
    Ok(Record::Members(AdmittedMembers { segment: segment.to_string(), entity, add, remove, replace }))
}

fn tag_values(catalog: &Catalog, entity: EntityTypeId, tag: &str, keys: Vec<ArrayRef>, values: ArrayRef) -> Result<Record, StoreError> {
    let name = &catalog.entity_by_id(entity).ok_or(StoreError::UnknownEntity(entity.0))?.name;
    let definition = catalog.tag(name, tag).ok_or_else(|| StoreError::UnknownTag(name.clone(), tag.to_string()))?;
    let (keys, rows) = admit::keys(catalog, entity, keys)?;
    admit::values(format!("tag `{name}.{tag}`"), rows, "its column", &definition.data_type, &values)?;
    Ok(Record::TagValues(AdmittedTagValues { entity, tag: tag.to_string(), keys, values }))
}
