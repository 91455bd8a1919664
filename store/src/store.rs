//! The writing side: one door for everything that changes.

use crate::admit::{self, Submitted};
use crate::apply::State;
use crate::dedupe::{IdSet, id_hash};
use crate::kv::Kv;
use crate::lock::DirectoryLock;
use crate::log::{AdmittedMembers, AdmittedTagValues, Log, Record};
use crate::manifest::Manifest;
use crate::{Appended, EntityBatch, EventBatch, Snapshot, StoreError, checkpoint, open};
use arrow::array::ArrayRef;
use eql_catalog::{Catalog, Change, EntityTypeId, EventTypeId, Object};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

/// How much memory and disk the store may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// Decoded columns and timelines.
    pub read_cache_bytes: u64,
    /// The key-value store's own cache.
    pub kv_cache_bytes: u64,
    /// Above this many rows in memory a checkpoint starts by itself; at twice as many, writers wait for it.
    pub hot_rows_max: usize,
    /// A log file is closed above this size.
    pub log_segment_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions { read_cache_bytes: 256 << 20, kv_cache_bytes: 64 << 20, hot_rows_max: 2_000_000, log_segment_bytes: 64 << 20 }
    }
}

/// Figures for operators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Last applied log position.
    pub position: u64,
    /// Position of the last checkpoint.
    pub checkpoint_position: u64,
    /// Bytes of the log on disk.
    pub log_bytes: u64,
    /// Files of the log.
    pub log_segments: usize,
    /// Parts on disk.
    pub parts: usize,
    /// Bytes of the parts on disk.
    pub part_bytes: u64,
    /// Event rows in parts.
    pub part_rows: u64,
    /// Event rows in memory, not yet in a part.
    pub hot_rows: u64,
    /// Entities of all types.
    pub entities: u64,
    /// Bytes of decoded columns and timelines in the cache.
    pub cache_bytes: u64,
}

/// The store of one data directory.
///
/// Memory: entity columns and the key index of all entities; event rows since the last checkpoint (at most about twice
/// [`StoreOptions::hot_rows_max`]); 20 to 36 bytes an event of each type that is ingested, for its id; and the caches.
pub struct Store {
    core: Arc<Core>,
    background: Mutex<Option<JoinHandle<()>>>,
}

struct Core {
    dir: PathBuf,
    options: StoreOptions,
    /// The order of the log: held while a record gets its position.
    admission: Mutex<Admission>,
    log: Log,
    state: Mutex<State>,
    checkpointing: Mutex<Checkpointing>,
    lock: Mutex<Option<DirectoryLock>>,
}

/// What admission must know before the log is durable.
struct Admission {
    catalog: Arc<Catalog>,
    position: u64,
    ids: BTreeMap<EventTypeId, IdSet>,
}

struct Checkpointing {
    manifest: Manifest,
    kv: Option<Box<dyn Kv>>,
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
        let admission = Admission { catalog: opened.state.catalog.clone(), position: opened.state.position, ids: BTreeMap::new() };
        let core = Core {
            dir: dir.to_path_buf(),
            options,
            admission: Mutex::new(admission),
            log: opened.log,
            state: Mutex::new(opened.state),
            checkpointing: Mutex::new(Checkpointing { manifest: opened.manifest, kv: Some(opened.kv) }),
            lock: Mutex::new(Some(opened.lock)),
        };
        let store = Store { core: Arc::new(core), background: Mutex::new(None) };
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
        let mut admission = self.core.admission.lock();
        let next = admission.catalog.apply(&change)?;
        self.core.settle(admission.position)?;
        check_keeps_rows(&mut self.core.state.lock(), &admission.catalog, &change)?;
        let record = Record::Definition(change);
        let payload = record.encode()?;
        let position = self.core.enqueue(&mut admission, payload, record)?;
        admission.catalog = Arc::new(next);
        drop(admission);
        self.core.settle(position)?;
        Ok(position)
    }

    /// Appends events as one atomic log record.
    ///
    /// # Errors
    /// Columns that do not fit, or the log cannot be written.
    pub fn append_events(&self, batches: Vec<EventBatch>) -> Result<Appended, StoreError> {
        let catalog = self.core.admission.lock().catalog.clone();
        let submitted = admit::events(&catalog, batches)?;
        // Encoded before anybody looked for duplicates: there mostly are none, and others need not wait for it.
        let mut record = Record::Events(submitted.batches.iter().filter(|b| !b.time.is_empty()).cloned().collect());
        let mut payload = record.encode()?;
        let mut admission = self.core.admission.lock();
        admission.check_definitions(&catalog, &submitted)?;
        self.core.log.check_open()?;
        self.core.load_ids(&mut admission, &submitted)?;
        let (fresh, mut answer) = admit::dedupe(&submitted, &mut admission.ids);
        if answer.duplicates > 0 {
            record = Record::Events(admit::keep_fresh(submitted, fresh)?);
            payload = record.encode()?;
        }
        answer.position = if answer.accepted == 0 { admission.position } else { self.core.enqueue(&mut admission, payload, record)? };
        drop(admission);
        self.core.settle(answer.position)?;
        self.limit_hot_rows();
        Ok(answer)
    }

    /// Adds or updates entities.
    ///
    /// # Errors
    /// Columns that do not fit, or the log cannot be written.
    pub fn append_entities(&self, batch: EntityBatch) -> Result<Appended, StoreError> {
        let rows = batch.keys.first().map_or(0, |k| k.len());
        self.write(rows, |catalog| Ok(Record::Entities(admit::entities(catalog, batch)?)))
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

    fn write(&self, rows: usize, admit: impl FnOnce(&Catalog) -> Result<Record, StoreError>) -> Result<Appended, StoreError> {
        let mut admission = self.core.admission.lock();
        let record = admit(&admission.catalog)?;
        let payload = record.encode()?;
        let position = self.core.enqueue(&mut admission, payload, record)?;
        drop(admission);
        self.core.settle(position)?;
        self.limit_hot_rows();
        Ok(Appended { accepted: rows as u64, position, ..Appended::default() })
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
        let stats = StoreStats {
            position: state.position,
            parts: parts.len(),
            part_rows: parts.iter().map(|p| p.meta.rows).sum(),
            part_bytes: parts.iter().map(|p| p.bytes()).sum(),
            hot_rows: state.hot_rows() as u64,
            entities: state.entities.values().map(|e| u64::from(e.len())).sum(),
            ..StoreStats::default()
        };
        drop(state);
        let log = self.core.log.figures();
        let checkpoint_position = self.core.checkpointing.lock().manifest.position;
        StoreStats { checkpoint_position, log_bytes: log.bytes, log_segments: log.segments, cache_bytes: cache.bytes(), ..stats }
    }

    /// Checkpoint, then release the directory; snapshots can still be read. Dropping releases it without a checkpoint.
    ///
    /// # Errors
    /// Files cannot be written.
    pub fn close(&self) -> Result<(), StoreError> {
        self.join_background();
        let mut lock = self.core.lock.lock();
        if lock.is_none() {
            return Ok(());
        }
        self.core.log.refuse("the store is closed".to_string());
        let result = self.core.checkpoint();
        self.core.checkpointing.lock().kv = None;
        *lock = None;
        result
    }

    /// Starts a checkpoint when there are many rows in memory, and waits for it when there are far too many.
    fn limit_hot_rows(&self) {
        let (rows, max) = (self.core.state.lock().unsaved_rows, self.core.options.hot_rows_max);
        if rows > max.saturating_mul(2) {
            self.join_background();
        }
        if rows > max {
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
            }
        }));
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
        self.join_background();
    }
}

impl Core {
    /// Gives a record its position. Records are handed to the log in that order because the admission is locked.
    fn enqueue(&self, admission: &mut Admission, payload: crate::log::Payload, record: Record) -> Result<u64, StoreError> {
        self.log.check_open()?;
        admission.position += 1;
        self.log.enqueue(admission.position, payload, record);
        Ok(admission.position)
    }

    /// Returns when everything up to a position is durable and applied.
    fn settle(&self, position: u64) -> Result<(), StoreError> {
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
    fn load_ids(&self, admission: &mut Admission, submitted: &Submitted) -> Result<(), StoreError> {
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

    fn checkpoint(&self) -> Result<(), StoreError> {
        let mut checkpointing = self.checkpointing.lock();
        let Checkpointing { manifest, kv } = &mut *checkpointing;
        if self.state.lock().position == manifest.position {
            return Ok(());
        }
        checkpoint::run(&self.dir, &self.state, kv, manifest)?;
        self.log.trim(manifest.position)
    }
}

impl Admission {
    /// The definitions may have changed while the rows were encoded.
    fn check_definitions(&self, then: &Arc<Catalog>, submitted: &Submitted) -> Result<(), StoreError> {
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

/// A changed definition must not change what stored rows mean: keys, participants and types of numbers that are in use stay.
fn check_keeps_rows(state: &mut State, catalog: &Catalog, change: &Change) -> Result<(), StoreError> {
    let Change::Put(object) = change else { return Ok(()) };
    match &**object {
        Object::Entity(new) => {
            let rows = state.entities.get(&new.id).map_or(0, |e| e.len());
            let Some(old) = catalog.entity_by_id(new.id).filter(|_| rows > 0) else { return Ok(()) };
            let types = |e: &eql_catalog::EntityType| e.key.iter().map(|p| (p.id, p.data_type.clone())).collect::<Vec<_>>();
            let owner = format!("entity `{}`", new.name);
            if types(old) != types(new) {
                return Err(StoreError::mismatch(owner, format!("its key cannot change, it has {rows} rows")));
            }
            same_types(owner, &old.properties, &new.properties)
        }
        Object::Event(new) => {
            let rows = state.snapshot().events.get(&new.id).map_or(0, |e| e.len());
            let Some(old) = catalog.event_by_id(new.id).filter(|_| rows > 0) else { return Ok(()) };
            let owner = format!("event `{}`", new.name);
            let kept = old.participants.iter().zip(&new.participants).all(|(a, b)| a.entity == b.entity);
            if !kept || new.participants.len() < old.participants.len() {
                return Err(StoreError::mismatch(owner, format!("participants can only be added after those it has, it has {rows} rows")));
            }
            same_types(owner, &old.properties, &new.properties)
        }
        _ => Ok(()),
    }
}

fn same_types(owner: String, old: &[eql_catalog::Property], new: &[eql_catalog::Property]) -> Result<(), StoreError> {
    let changed = new.iter().find(|n| old.iter().any(|o| o.id == n.id && o.data_type != n.data_type));
    match changed {
        Some(p) => Err(StoreError::mismatch(
            owner,
            format!("property `{}` cannot become {} while there are rows; give it a new number", p.name, p.data_type),
        )),
        None => Ok(()),
    }
}
