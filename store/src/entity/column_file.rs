//! A column on disk, read when first needed. Decoded ones live in the read cache, which is bounded; the file is the truth.

use super::history::History;
use crate::cache::{Key, ReadCache};
use crate::disk::{FileMeta, create_dir, names, read_checked, write_file};
use crate::kv::RowStore;
use crate::manifest::{EntityMeta, Manifest};
use crate::{StoreError, ipc};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, UInt32Type};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A number that nothing else in the read cache has.
pub(super) fn fresh_number() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What entities have on disk: the files of their columns, which of them are still being read, and their packed rows.
pub(crate) struct EntityFiles {
    dir: PathBuf,
    pub(super) cache: Arc<ReadCache>,
    pub(crate) rows: RowStore,
    /// By name. A file that the manifest no longer names stays while a snapshot may read it.
    live: Mutex<BTreeMap<String, Weak<ColumnFile>>>,
}

impl std::fmt::Debug for EntityFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EntityFiles").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// One file of the manifest.
#[derive(Debug)]
pub(crate) struct ColumnFile {
    files: Arc<EntityFiles>,
    number: u64,
    /// Of the type, below that of all.
    folder: String,
    pub(crate) meta: FileMeta,
    /// Values of a column, so as to know what is past its end without reading it.
    pub(crate) rows: u32,
    /// What every write asks for stays in memory.
    pinned: OnceLock<ArrayRef>,
    /// The manifest does not name it any more: it goes with its last reader.
    unnamed: AtomicBool,
}

impl Drop for ColumnFile {
    fn drop(&mut self) {
        if self.unnamed.load(Ordering::Acquire)
            && let Err(e) = crate::disk::remove_file(&self.path())
        {
            tracing::warn!(file = %self.path().display(), error = %e, "a file that nobody needs cannot be removed; the next start tries again");
        }
    }
}

impl EntityFiles {
    pub(crate) fn new(dir: PathBuf, cache: Arc<ReadCache>) -> Arc<EntityFiles> {
        Arc::new(EntityFiles { dir, cache, rows: RowStore::default(), live: Mutex::default() })
    }

    pub(crate) fn file(self: &Arc<Self>, folder: &str, meta: FileMeta, rows: u32) -> Arc<ColumnFile> {
        let name = format!("{folder}/{}", meta.name);
        let (pinned, unnamed) = (OnceLock::new(), AtomicBool::new(false));
        let folder = folder.to_string();
        let file = Arc::new(ColumnFile { files: self.clone(), number: fresh_number(), folder, meta, rows, pinned, unnamed });
        self.live.lock().insert(name, Arc::downgrade(&file));
        file
    }

    /// Writes the values of a column: one row each.
    pub(super) fn write_column(self: &Arc<Self>, folder: &str, name: &str, values: &ArrayRef) -> Result<Arc<ColumnFile>, StoreError> {
        let table = RecordBatch::try_from_iter_with_nullable([("value", values.clone(), true)])?;
        self.write(folder, name, &table, values.len() as u32)
    }

    pub(super) fn write(self: &Arc<Self>, folder: &str, name: &str, table: &RecordBatch, rows: u32) -> Result<Arc<ColumnFile>, StoreError> {
        let dir = self.dir.join(folder);
        create_dir(&dir)?;
        let meta = write_file(&dir, name, &ipc::encode_file(table, true)?)?;
        Ok(self.file(folder, meta, rows))
    }

    /// Makes the names of new files durable.
    pub(super) fn sync(&self, folder: &str) -> Result<(), StoreError> {
        create_dir(&self.dir.join(folder))?;
        crate::disk::sync_dir(&self.dir.join(folder))?;
        crate::disk::sync_dir(&self.dir)
    }

    /// Removes files that neither the manifest names nor a snapshot may still read.
    pub(crate) fn remove_unnamed(&self, manifest: &Manifest) -> Result<(), StoreError> {
        let mut live = self.live.lock();
        live.retain(|_, file| file.strong_count() > 0);
        let files = |e: &EntityMeta| e.columns.iter().map(|c| format!("{}/{}", e.folder(), c.file.name)).collect::<Vec<_>>();
        let named: BTreeSet<String> = manifest.entities.iter().flat_map(files).collect();
        for folder in names(&self.dir)? {
            let path = self.dir.join(&folder);
            if !path.is_dir() {
                crate::disk::remove_file(&path).map_err(StoreError::io(&path, "remove"))?;
                continue;
            }
            for file in names(&path)? {
                let name = format!("{folder}/{file}");
                if named.contains(&name) {
                    continue;
                }
                match live.get(&name).and_then(Weak::upgrade) {
                    Some(read) => read.unnamed.store(true, Ordering::Release),
                    None => {
                        let path = self.dir.join(name);
                        match crate::disk::remove_file(&path) {
                            // Its last reader was quicker.
                            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                            result => result.map_err(StoreError::io(&path, "remove"))?,
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

impl ColumnFile {
    fn dir(&self) -> PathBuf {
        self.files.dir.join(&self.folder)
    }

    /// What is kept in memory.
    pub(super) fn bytes(&self) -> usize {
        self.pinned.get().map_or(0, |values| values.get_array_memory_size())
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir().join(&self.meta.name)
    }

    /// The values of a column.
    pub(super) fn load(&self) -> Result<ArrayRef, StoreError> {
        match self.pinned.get() {
            Some(values) => Ok(values.clone()),
            None => self.files.cache.column(Key::Entity(self.number, self.rows), || self.decode()),
        }
    }

    /// Keeps the values in memory for as long as somebody has the file.
    pub(super) fn pin(&self) -> Result<(), StoreError> {
        if self.pinned.get().is_none() {
            self.pin_as(self.decode()?);
        }
        Ok(())
    }

    /// The same, when they are at hand.
    pub(super) fn pin_as(&self, values: ArrayRef) {
        self.pinned.get_or_init(|| values);
    }

    fn decode(&self) -> Result<ArrayRef, StoreError> {
        let values = self.table()?.column_by_name("value").cloned().ok_or_else(|| self.damaged("it has no values"))?;
        if values.len() == self.rows as usize { Ok(values) } else { Err(self.damaged("it has another number of values")) }
    }

    /// The history of a property.
    pub(super) fn load_history(&self) -> Result<Arc<History>, StoreError> {
        self.files.cache.history(Key::Entity(self.number, self.rows), || {
            let table = self.table()?;
            let rows = || {
                let ordinals = table.column_by_name("ordinal")?.as_primitive_opt::<UInt32Type>()?.values();
                let time = table.column_by_name("time")?.as_primitive_opt::<Int64Type>()?.values().to_vec();
                let values = table.column_by_name("value")?.clone();
                ordinals.is_sorted().then(|| History { offsets: offsets(ordinals), time, values })
            };
            rows().ok_or_else(|| self.damaged("it is no history"))
        })
    }

    fn table(&self) -> Result<RecordBatch, StoreError> {
        Ok(ipc::decode_file(&self.path(), read_checked(&self.dir(), &self.meta)?)?.batch)
    }

    fn damaged(&self, what: &str) -> StoreError {
        StoreError::damaged(&self.path(), 0, what)
    }
}

/// Where the rows of each ordinal begin, and where the last ones end.
fn offsets(ordinals: &[u32]) -> Vec<u32> {
    let mut offsets = Vec::new();
    for (row, ordinal) in ordinals.iter().enumerate() {
        if offsets.len() <= *ordinal as usize {
            offsets.resize(*ordinal as usize + 1, row as u32);
        }
    }
    offsets.push(ordinals.len() as u32);
    offsets
}
