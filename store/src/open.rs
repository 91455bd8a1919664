//! Opening a directory: lock, manifest, entities, packed rows, then the log from the checkpoint on.

use crate::apply::{EventState, Members, State};
use crate::cache::ReadCache;
use crate::checkpoint::{self, ENTITIES, SEGMENTS};
use crate::disk::{create_dir, names, read_checked, replace_file, sync_dir};
use crate::entity::{self, EntityFiles, EntityState};
use crate::files;
use crate::kv::{self, Commit, RowStore};
use crate::limit::FORMAT;
use crate::lock::DirectoryLock;
use crate::log::{Log, Record, replay};
use crate::manifest::{self, Manifest, SegmentMeta};
use crate::part::{OwnPlace, Part, PartPlace};
use crate::pipeline::Checkpointing;
use crate::removal::Erased;
use crate::{StoreError, StoreOptions, backup, hold};
use arrow::array::AsArray;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub(crate) const LOG: &str = "log";
pub(crate) const KV: &str = "kv";
pub(crate) const FORMAT_FILE: &str = "format";

/// What a store is made of.
pub(crate) struct Opened {
    pub(crate) lock: DirectoryLock,
    pub(crate) checkpointing: Checkpointing,
    pub(crate) state: State,
    pub(crate) log: Log,
}

pub(crate) fn open(dir: &Path, options: &StoreOptions) -> Result<Opened, StoreError> {
    create_dir(dir)?;
    let lock = DirectoryLock::take(dir)?;
    backup::refuse_copies(dir)?;
    check_format(dir)?;
    hold::remove_left(dir)?;
    let manifest = Manifest::read(dir)?.unwrap_or_default();
    let cache = Arc::new(ReadCache::new(options.read_cache_bytes));
    let entities = EntityFiles::new(dir.join(ENTITIES), cache.clone());
    entities.remove_unnamed(&manifest)?;
    checkpoint::remove_unnamed(dir, &manifest)?;
    let parts = OwnPlace::open(dir, &options.parts, !manifest.parts.is_empty())?;
    let mut state = state_of(dir, &manifest, &parts.place, cache, &entities)?;
    let commit = open_rows(dir, options, &manifest, &entities.rows)?;
    let log = open_log(dir, options, &manifest, &mut state)?;
    if commit.position > state.position {
        // The log lost its end: those rows may be of something that will never have been.
        tracing::warn!("the packed rows of entities are newer than the log; they are rebuilt");
        entities.rows.set_complete(0);
    }
    if entities.rows.lags(manifest.position) {
        state.entities.values_mut().for_each(EntityState::repack);
    }
    let mut checkpointing = Checkpointing { manifest, entities, parts, leftovers: true };
    checkpointing.tidy(&[]);
    Ok(Opened { lock, checkpointing, state, log })
}

/// The version of the directory; a new one gets ours.
pub(crate) fn check_format(dir: &Path) -> Result<u32, StoreError> {
    let path = dir.join(FORMAT_FILE);
    match read_format(&path)? {
        Some(found) => Ok(found),
        None => replace_file(dir, FORMAT_FILE, format!("{FORMAT}\n").as_bytes()).map(|()| FORMAT),
    }
}

/// None when there is no such file; a newer version is an error.
pub(crate) fn read_format(path: &Path) -> Result<Option<u32>, StoreError> {
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(StoreError::io(path, "read")(e)),
    };
    // Exactly what is written: a flipped bit must not pass for white space.
    match text.strip_suffix('\n').unwrap_or_default().parse() {
        Ok(0) | Err(_) => Err(StoreError::damaged(path, 0, "it holds no version")),
        Ok(found) if found > FORMAT => Err(StoreError::NewerFormat { path: path.to_path_buf(), found, known: FORMAT }),
        Ok(found) => Ok(Some(found)),
    }
}

/// Whoever looks at a directory, and does not want to make one, asks first whether it is one.
pub(crate) fn refuse_strangers(dir: &Path) -> Result<(), StoreError> {
    if [FORMAT_FILE, manifest::NAME, LOG].iter().any(|name| dir.join(name).exists()) {
        return Ok(());
    }
    let why = if dir.exists() { "is no data directory" } else { "does not exist" };
    Err(StoreError::unsuitable(dir, format!("{why}: name the directory that `eql serve --data` uses")))
}

/// The state as of the checkpoint.
fn state_of(
    dir: &Path,
    manifest: &Manifest,
    place: &Arc<dyn PartPlace>,
    cache: Arc<ReadCache>,
    files: &Arc<EntityFiles>,
) -> Result<State, StoreError> {
    let catalog = Arc::new(manifest.catalog.clone());
    let mut entities = BTreeMap::new();
    for definition in catalog.entities() {
        let state = match manifest.entities.iter().find(|e| e.entity == definition.id) {
            Some(meta) => {
                let tag = |tag: &str| catalog.tag(&definition.name, tag).map(|t| t.data_type.clone());
                entity::read(files, meta, definition.clone(), manifest.position, tag)?
            }
            None => EntityState::new(definition.clone(), 0, files.clone())?,
        };
        entities.insert(definition.id, state);
    }
    let events = catalog.events().map(|e| (e.id, EventState::new(e.clone(), manifest.event_position(e.id)))).collect();
    let mut members = BTreeMap::new();
    for meta in &manifest.segments {
        let entity = catalog.segment(&meta.segment).and_then(|s| catalog.entity(&s.entity)).map(|e| e.id);
        let set = Arc::new(read_members(&dir.join(SEGMENTS), meta)?);
        members.insert(meta.segment.clone(), Members { entity, set, position: meta.position, saved: Some(meta.clone()) });
    }
    let identities = checkpoint::read_all_identities(dir, manifest.identities.as_ref())?;
    identities.restore(&mut entities);
    let mut parts: Vec<Arc<Part>> = manifest.parts.iter().map(|meta| Arc::new(Part::new(place, meta.clone()))).collect();
    checkpoint::read_removed(dir, manifest.removed.as_ref(), &mut parts)?;
    Ok(State {
        position: manifest.position,
        clock: manifest.clock,
        next_sequence: manifest.next_sequence,
        catalog,
        entities,
        events,
        members,
        parts: Arc::new(parts),
        layout: 0,
        erased: Arc::new(Erased { all: manifest.erased.iter().copied().collect() }),
        rejected: checkpoint::read_rejected(dir, manifest.rejected.as_ref())?,
        refreshes: checkpoint::read_refreshes(dir, manifest.refreshes.as_ref())?,
        documents: checkpoint::read_documents(dir, manifest.documents.as_ref())?,
        identities,
        unsaved_rows: 0,
        broken: None,
        cache,
        entity_files: files.clone(),
        snapshot: None,
    })
}

pub(crate) fn read_members(dir: &Path, meta: &SegmentMeta) -> Result<Vec<bool>, StoreError> {
    let path = dir.join(&meta.file.name);
    let table = crate::ipc::decode_file(&path, read_checked(dir, &meta.file)?)?.batch;
    let column = table.column_by_name("member").and_then(|c| c.as_boolean_opt());
    Ok(column.ok_or_else(|| StoreError::damaged(&path, 0, "it has no members"))?.values().iter().collect())
}

/// Opens the packed rows; when they are damaged or not those of this checkpoint they are moved aside, and the next checkpoint makes them
/// anew: it is in the background, and until then the columns answer.
fn open_rows(dir: &Path, options: &StoreOptions, manifest: &Manifest, rows: &RowStore) -> Result<Commit, StoreError> {
    let path = dir.join(KV);
    let fresh = !path.exists();
    match kv::open(&path, options.kv_cache_bytes) {
        Ok(kv) => match kv::last_commit(&*kv) {
            Some(commit) if commit.serves(manifest.position) && !kv::wasteful(kv.bytes(), commit.live) => {
                rows.begin(kv, manifest.position);
                return Ok(commit);
            }
            Some(commit) if commit.serves(manifest.position) => {
                drop(kv);
                tracing::info!(bytes = commit.live, "the packed rows of entities take far more space than they need; they are rebuilt");
                crate::disk::remove_dir(&path).map_err(StoreError::io(&path, "remove"))?;
            }
            None if fresh => {
                sync_dir(dir)?;
                rows.begin(kv, 0);
                return Ok(Commit::default());
            }
            commit => {
                let found = commit.map_or("no commit record".to_string(), |c| format!("rows of position {}", c.position));
                drop(kv);
                move_aside(dir, &format!("they have {found}, the checkpoint is of {}", manifest.position))?;
            }
        },
        Err(e) => move_aside(dir, &e.to_string())?,
    }
    let kv = kv::open(&path, options.kv_cache_bytes)?;
    sync_dir(dir)?;
    rows.begin(kv, 0);
    Ok(Commit::default())
}

fn move_aside(dir: &Path, problem: &str) -> Result<(), StoreError> {
    let (path, aside) = (dir.join(KV), free_name(dir)?);
    tracing::warn!(problem, aside, "the packed rows of entities cannot be used; they are moved aside and rebuilt");
    files::of(dir).rename(&path, &dir.join(aside)).map_err(StoreError::io(&path, "move aside"))
}

/// Packed rows in new files: those of before hold what was overwritten, and never shrink.
pub(crate) fn renew_rows(dir: &Path, options: &StoreOptions, rows: &RowStore) -> Result<(), StoreError> {
    rows.end();
    for name in names(dir)?.into_iter().filter(|n| n == KV || n.starts_with(&format!("{KV}.damaged-"))) {
        let path = dir.join(name);
        crate::disk::remove_dir(&path).map_err(StoreError::io(&path, "remove"))?;
    }
    let kv = kv::open(&dir.join(KV), options.kv_cache_bytes)?;
    sync_dir(dir)?;
    rows.begin(kv, 0);
    Ok(())
}

fn free_name(dir: &Path) -> Result<String, StoreError> {
    let taken = names(dir)?;
    let free = (1..).map(|n| format!("{KV}.damaged-{n}")).find(|name| !taken.contains(name));
    Ok(free.unwrap_or_default())
}

fn open_log(dir: &Path, options: &StoreOptions, manifest: &Manifest, state: &mut State) -> Result<Log, StoreError> {
    let path = dir.join(LOG);
    create_dir(&path)?;
    sync_dir(dir)?;
    let replayed = replay(&path, manifest.position, |found, file, offset| {
        let record = Record::decode(found.kind, found.payload).map_err(|what| StoreError::damaged(file, offset, what))?;
        state.apply(found.position, found.stamp.map(|s| s.clock), record, false).map(drop)
    })?;
    Ok(Log::new(files::of(&path), path, options.log_segment_bytes, replayed.segments, replayed.position))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::PackedRow;
    use crate::kv::Read;
    use crate::{EntityBatch, Store};
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use eql_catalog::{Change, DataType, EntityType, EntityTypeId, Object, Property, PropertyId, Value};

    fn property(id: u16, data_type: DataType) -> Property {
        let name = format!("p{id}");
        Property { id: PropertyId(id), name, data_type, history: false, sensitive: false, required: false, default: None, comment: None }
    }

    fn user() -> Change {
        Change::Put(Box::new(Object::Entity(EntityType {
            id: EntityTypeId(0),
            name: "user".into(),
            key: vec![property(0, DataType::Int)],
            properties: vec![property(1, DataType::String)],
            identities: vec![],
            comment: None,
            definition: String::new(),
        })))
    }

    fn upsert(store: &Store, keys: &[i64], name: &str) {
        let names: ArrayRef = Arc::new(StringArray::from(vec![name; keys.len()]));
        let keys: ArrayRef = Arc::new(Int64Array::from(keys.to_vec()));
        let batch = EntityBatch { properties: vec![(PropertyId(1), names)], ..EntityBatch::new(EntityTypeId(0), vec![keys]) };
        store.append_entities(batch).unwrap();
    }

    fn rows(dir: &Path) -> Vec<PackedRow> {
        let rows = RowStore::default();
        rows.begin(kv::open(&dir.join(KV), 1 << 20).unwrap(), 1);
        let read = |i| match rows.read(EntityTypeId(0), i, 1) {
            Read::Row(bytes) => Some(postcard::from_bytes(&bytes).unwrap()),
            _ => None,
        };
        (0..).map_while(read).collect()
    }

    #[test]
    fn packed_rows_follow_the_entities_and_are_rebuilt() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
        store.define(user()).unwrap();
        upsert(&store, &[5, 6], "old");
        store.checkpoint().unwrap();
        upsert(&store, &[6, 7], &"long ".repeat(5000));
        store.close().unwrap();
        drop(store);
        let row = |key, name: &str| PackedRow {
            stamp: 3,
            keys: vec![Value::Int(key)],
            properties: vec![(1, Value::String(name.into()))],
            extra: None,
        };
        let expected = [PackedRow { stamp: 2, ..row(5, "old") }, row(6, &"long ".repeat(5000)), row(7, &"long ".repeat(5000))];
        assert_eq!(rows(dir.path()), expected);
        std::fs::remove_dir_all(dir.path().join(KV)).unwrap();
        // In the background, which is waited for at the end.
        drop(Store::open(dir.path(), StoreOptions::default()).unwrap());
        assert_eq!(rows(dir.path()), expected.map(|row| PackedRow { stamp: 3, ..row }));
    }
}
