//! Reading a part: columns one by one, each file checked when it is first read.

use super::column::EventFile;
use super::deleted::Deleted;
use super::ids::IdIndex;
use super::place::{PartFile, PartPlace};
use super::spine::Spine;
use super::{directory, ids, properties, sequence, spine};
use crate::StoreError;
use crate::arrow_type::timestamp_type;
use crate::cache::{Key, ReadCache};
use crate::grown;
use crate::limit::NO_SUBJECT;
use crate::manifest::{PartEvent, PartMeta};
use crate::rows::{EventColumn, column_type};
use arrow::array::{ArrayRef, AsArray, TimestampMicrosecondArray, UInt32Array, UInt64Array, new_null_array};
use arrow::compute::filter;
use arrow::datatypes::UInt64Type;
use eql_catalog::{EventType, EventTypeId};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// A part in its place, and which of its rows are gone.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) meta: Arc<PartMeta>,
    pub(super) files: Arc<PartFiles>,
    deleted: BTreeMap<EventTypeId, Arc<Deleted>>,
}

/// What all states of a part share.
#[derive(Debug)]
pub(super) struct PartFiles {
    pub(super) spine: PartFile,
    pub(super) ids: PartFile,
    pub(super) events: Vec<EventFile>,
    /// Read when an id is looked up for the first time.
    indexes: OnceLock<Vec<IdIndex>>,
}

/// Above this share of all ids of a part they are read together and kept a while: a repeated import asks for all of them.
const IDS_TOGETHER: usize = 64;

impl Part {
    pub(crate) fn new(place: &Arc<dyn PartPlace>, meta: PartMeta) -> Part {
        let directory = directory(meta.subject, meta.id);
        let file = |meta| PartFile::new(place.clone(), &directory, meta);
        let (spine, ids) = (file(&meta.spine), file(&meta.ids));
        let events = meta.events.iter().map(|e| EventFile::new(file(&e.file), e.event, e.rows)).collect();
        let files = Arc::new(PartFiles { spine, ids, events, indexes: OnceLock::new() });
        Part { meta: Arc::new(meta), files, deleted: BTreeMap::new() }
    }

    /// A part that was written a moment ago.
    pub(super) fn written(place: &Arc<dyn PartPlace>, meta: PartMeta, indexes: Vec<IdIndex>) -> Part {
        let part = Part::new(place, meta);
        part.files.indexes.get_or_init(|| indexes);
        part
    }

    /// The same part without some more rows of an event type; None when nothing changes.
    pub(crate) fn without(&self, event: EventTypeId, gone: impl IntoIterator<Item = u32>) -> Option<Part> {
        let rows = self.event(event)?.rows;
        let before = self.deleted.get(&event);
        let deleted = Deleted::new(rows, before.map(|d| &**d), gone)?;
        if before.is_some_and(|b| b.count() == deleted.count()) {
            return None;
        }
        let mut part = self.clone();
        part.deleted.insert(event, Arc::new(deleted));
        Some(part)
    }

    pub(crate) fn deleted(&self, event: EventTypeId) -> Option<&Arc<Deleted>> {
        self.deleted.get(&event)
    }

    /// Event types that lost rows, and which.
    pub(crate) fn all_deleted(&self) -> impl Iterator<Item = (EventTypeId, &Deleted)> {
        self.deleted.iter().map(|(event, deleted)| (*event, &**deleted))
    }

    /// Rows of an event type that are there.
    pub(crate) fn rows(&self, event: EventTypeId) -> u32 {
        let gone = self.deleted.get(&event).map_or(0, |d| d.count());
        self.event(event).map_or(0, |e| e.rows - gone)
    }

    /// Rows that are gone but still in the files.
    pub(crate) fn deleted_rows(&self) -> u64 {
        self.deleted.values().map(|d| u64::from(d.count())).sum()
    }

    /// True when nobody but the caller can read the files any more: neither this state of the part, nor another one of the same files.
    pub(crate) fn is_last(part: &Arc<Part>) -> bool {
        Arc::strong_count(part) == 1 && Arc::strong_count(&part.files) == 1
    }

    /// The files below the place, as the manifest names them.
    pub(crate) fn names(&self) -> Vec<String> {
        let directory = directory(self.meta.subject, self.meta.id);
        let events = self.meta.events.iter().map(|e| &e.file.name);
        events.chain([&self.meta.spine.name, &self.meta.ids.name]).map(|name| format!("{directory}/{name}")).collect()
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
            let decoded = spine::decode(&self.files.spine.path(), self.files.spine.read()?)?;
            let rows = self.meta.rows as usize;
            if decoded.len() == rows { Ok(decoded) } else { Err(self.files.spine.damaged("it has another number of rows")) }
        })
    }

    /// For each id the row that has it, if that row is there.
    pub(crate) fn find_ids(&self, cache: &ReadCache, event: EventTypeId, ids: &[u128]) -> Result<Vec<Option<u32>>, StoreError> {
        let mut rows = vec![None; ids.len()];
        let Some(index) = self.indexes()?.iter().find(|i| i.event() == event) else { return Ok(rows) };
        let candidates: Vec<usize> = (0..ids.len()).filter(|i| index.may_have(ids[*i])).collect();
        if candidates.is_empty() {
            return Ok(rows);
        }
        let is_alive = |row: &u32| self.deleted.get(&event).is_none_or(|d| d.is_alive(*row));
        let all = index.entries();
        if candidates.len() * IDS_TOGETHER * 16 > (all.end - all.start) as usize {
            let entries = cache.ids(Key::Ids(self.meta.id, event), || Ok(self.files.ids.read_ranges(&[all])?.swap_remove(0)))?;
            candidates.into_iter().for_each(|i| rows[i] = index.find(ids[i], &entries).filter(is_alive));
            return Ok(rows);
        }
        let ranges: Vec<_> = candidates.iter().map(|i| index.candidates(ids[*i])).collect();
        for (i, entries) in candidates.into_iter().zip(self.files.ids.read_ranges(&ranges)?) {
            rows[i] = ids::find(ids[i], &entries).filter(is_alive);
        }
        Ok(rows)
    }

    fn indexes(&self) -> Result<&[IdIndex], StoreError> {
        if let Some(indexes) = self.files.indexes.get() {
            return Ok(indexes);
        }
        let read = ids::decode(&self.files.ids.path(), &self.files.ids.read()?)?;
        Ok(self.files.indexes.get_or_init(|| read))
    }

    /// Bytes of memory that recognising duplicates takes.
    pub(crate) fn index_bytes(&self) -> usize {
        self.files.indexes.get().map_or(0, |all| all.iter().map(IdIndex::bytes).sum())
    }

    /// A column of the rows of one event type that are there; the caller has seen that it is declared and that the part has such rows.
    pub(crate) fn column(&self, cache: &ReadCache, event: &EventType, column: &EventColumn) -> Result<ArrayRef, StoreError> {
        let Some(deleted) = self.deleted.get(&event.id) else { return self.whole_column(cache, event, column) };
        cache.column(Key::Column(self.meta.id, event.id, column.clone(), deleted.count(), column_type(event, column)), || {
            Ok(filter(&self.whole_column(cache, event, column)?, deleted.alive())?)
        })
    }

    /// The column with the rows that are gone.
    pub(crate) fn whole_column(&self, cache: &ReadCache, event: &EventType, column: &EventColumn) -> Result<ArrayRef, StoreError> {
        let stored_time = *column == EventColumn::Received && self.event(event.id).is_some_and(|e| !e.received);
        let column = if stored_time { &EventColumn::Time } else { column };
        cache.column(Key::Column(self.meta.id, event.id, column.clone(), 0, column_type(event, column)), || match column {
            EventColumn::Time => {
                Ok(Arc::new(TimestampMicrosecondArray::from(self.spine(cache)?.times_of(event.id)).with_data_type(timestamp_type())))
            }
            EventColumn::Participant(0) => self.spine(cache).map(|spine| Arc::new(subjects(&spine, event.id)) as ArrayRef),
            EventColumn::EventId => self.file(event.id)?.ids().map(|ids| Arc::new(ids) as ArrayRef),
            EventColumn::Sequence => self.sequences(cache, event.id),
            stored => self.stored_column(event, stored),
        })
    }

    fn stored_column(&self, event: &EventType, column: &EventColumn) -> Result<ArrayRef, StoreError> {
        let name = properties::column_name(column).ok_or(StoreError::UnknownEvent(event.id.0))?;
        let (file, wanted) = (self.file(event.id)?, column_type(event, column));
        let property = match column {
            EventColumn::Property(id) => event.properties.iter().find(|p| p.id == *id),
            _ => None,
        };
        let Some(property) = property else { return file.column(&name, &wanted) };
        match file.stored(&name)? {
            Some(values) => grown::converted(&values, property),
            None => match file.stored("extra")? {
                Some(extra) => grown::promoted(extra.as_string_opt::<i32>().ok_or_else(|| file.damaged("extra is no text"))?, property),
                None => Ok(new_null_array(&wanted, self.event(event.id).map_or(0, |e| e.rows as usize))),
            },
        }
    }

    fn sequences(&self, cache: &ReadCache, event: EventTypeId) -> Result<ArrayRef, StoreError> {
        let spine = self.spine(cache)?;
        let guess = || Ok(Arc::new(UInt64Array::from(sequence::guess(&spine.times(), spine.sequences))) as ArrayRef);
        let guessed = cache.column(Key::Guess(self.meta.id), guess)?;
        let guessed = guessed.as_primitive::<UInt64Type>().values();
        let guessed = spine.rows_of(event).map(|row| guessed[row]).collect();
        self.file(event)?.sequences(guessed).map(|numbers| Arc::new(numbers) as ArrayRef)
    }

    fn file(&self, event: EventTypeId) -> Result<&EventFile, StoreError> {
        self.files.events.iter().find(|f| f.event == event).ok_or(StoreError::UnknownEvent(event.0))
    }
}

fn subjects(spine: &Spine, event: EventTypeId) -> UInt32Array {
    let ordinals = spine.ordinals_of(event);
    if spine.run_ordinals.last() == Some(&NO_SUBJECT) {
        return ordinals.into_iter().map(|o| (o != NO_SUBJECT).then_some(o)).collect();
    }
    ordinals.into()
}
