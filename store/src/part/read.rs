//! Reading a part: columns one by one, each file checked when it is first read.

use super::spine::Spine;
use super::{ids, part_dir, properties, spine};
use crate::StoreError;
use crate::arrow_type::timestamp_type;
use crate::cache::{Key, ReadCache};
use crate::disk::read_checked;
use crate::limit::NO_SUBJECT;
use crate::manifest::{PartEvent, PartMeta};
use crate::rows::{EventColumn, column_type};
use arrow::array::{ArrayRef, TimestampMicrosecondArray, UInt32Array};
use eql_catalog::{EventType, EventTypeId};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// A part on disk.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) meta: PartMeta,
    dir: PathBuf,
    files: Vec<EventFile>,
}

/// The properties of one event type in a part.
#[derive(Debug)]
pub(super) struct EventFile {
    pub(super) path: PathBuf,
    meta: PartEvent,
    /// Set once the whole file was checked.
    metadata: OnceLock<ArrowReaderMetadata>,
}

impl Part {
    pub(crate) fn new(parts: &Path, meta: PartMeta) -> Part {
        let dir = part_dir(parts, meta.subject, meta.id);
        let file = |e: &PartEvent| EventFile { path: dir.join(&e.file.name), meta: e.clone(), metadata: OnceLock::new() };
        let files = meta.events.iter().map(file).collect();
        Part { meta, dir, files }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// In the order of the events of the manifest.
    pub(super) fn files(&self) -> &[EventFile] {
        &self.files
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.meta.spine.bytes + self.meta.ids.bytes + self.meta.events.iter().map(|e| e.file.bytes).sum::<u64>()
    }

    /// What the manifest says of an event type here.
    pub(crate) fn event(&self, event: EventTypeId) -> Option<&PartEvent> {
        self.meta.events.iter().find(|e| e.event == event)
    }

    pub(crate) fn spine(&self, cache: &ReadCache) -> Result<Arc<Spine>, StoreError> {
        cache.spine(self.meta.id, || {
            let decoded = spine::decode(&self.dir.join(&self.meta.spine.name), read_checked(&self.dir, &self.meta.spine)?)?;
            let rows = self.meta.rows as usize;
            if decoded.len() == rows {
                Ok(decoded)
            } else {
                Err(StoreError::damaged(&self.dir.join(&self.meta.spine.name), 0, "it has another number of rows"))
            }
        })
    }

    pub(crate) fn id_hashes(&self, event: EventTypeId) -> Result<Vec<u128>, StoreError> {
        ids::decode(&self.dir.join(&self.meta.ids.name), &read_checked(&self.dir, &self.meta.ids)?, event)
    }

    /// A column of the rows of one event type; the caller has seen that it is declared and that the part has such rows.
    pub(crate) fn column(&self, cache: &ReadCache, event: &EventType, column: &EventColumn) -> Result<ArrayRef, StoreError> {
        let stored_time = *column == EventColumn::Received && self.event(event.id).is_some_and(|e| !e.received);
        let column = if stored_time { &EventColumn::Time } else { column };
        cache.column(Key::Column(self.meta.id, event.id, column.clone()), || match column {
            EventColumn::Time => {
                Ok(Arc::new(TimestampMicrosecondArray::from(self.spine(cache)?.times_of(event.id)).with_data_type(timestamp_type())))
            }
            EventColumn::Participant(0) => self.spine(cache).map(|spine| Arc::new(subjects(&spine, event.id)) as ArrayRef),
            stored => self.stored_column(event, stored),
        })
    }

    fn stored_column(&self, event: &EventType, column: &EventColumn) -> Result<ArrayRef, StoreError> {
        let unknown = || StoreError::UnknownEvent(event.id.0);
        let file = self.files.iter().find(|f| f.meta.event == event.id).ok_or_else(unknown)?;
        let name = properties::column_name(column).ok_or_else(unknown)?;
        properties::read(file, &name, &column_type(event, column), file.meta.rows as usize)
    }
}

fn subjects(spine: &Spine, event: EventTypeId) -> UInt32Array {
    let ordinals = spine.ordinals_of(event);
    if spine.run_ordinals.last() == Some(&NO_SUBJECT) {
        return ordinals.into_iter().map(|o| (o != NO_SUBJECT).then_some(o)).collect();
    }
    ordinals.into()
}

impl EventFile {
    /// The file and what its footer says. The first time the whole file is read and checked; later only what is asked for is read.
    pub(super) fn open(&self) -> Result<(File, ArrowReaderMetadata), StoreError> {
        if self.metadata.get().is_none() {
            let dir = self.path.parent().unwrap_or(&self.path);
            let _whole = read_checked(dir, &self.meta.file)?;
        }
        let file = File::open(&self.path).map_err(StoreError::io(&self.path, "open"))?;
        let metadata = match self.metadata.get() {
            Some(metadata) => metadata.clone(),
            None => ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|e| self.damaged(e.to_string()))?,
        };
        Ok((file, self.metadata.get_or_init(|| metadata).clone()))
    }

    pub(super) fn damaged(&self, what: String) -> StoreError {
        StoreError::damaged(&self.path, 0, what)
    }
}
