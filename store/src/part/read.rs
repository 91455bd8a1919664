//! Reading a part: columns one by one, each file checked when it is first read.

use super::column::EventFile;
use super::place::{PartFile, PartPlace};
use super::spine::Spine;
use super::{directory, ids, properties, spine};
use crate::StoreError;
use crate::arrow_type::timestamp_type;
use crate::cache::{Key, ReadCache};
use crate::limit::NO_SUBJECT;
use crate::manifest::{PartEvent, PartMeta};
use crate::rows::{EventColumn, column_type};
use arrow::array::{ArrayRef, TimestampMicrosecondArray, UInt32Array};
use eql_catalog::{EventType, EventTypeId};
use std::sync::Arc;

/// A part in its place.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) meta: PartMeta,
    spine: PartFile,
    ids: PartFile,
    files: Vec<EventFile>,
}

impl Part {
    pub(crate) fn new(place: &Arc<dyn PartPlace>, meta: PartMeta) -> Part {
        let directory = directory(meta.subject, meta.id);
        let file = |meta| PartFile::new(place.clone(), &directory, meta);
        let (spine, ids) = (file(&meta.spine), file(&meta.ids));
        let files = meta.events.iter().map(|e| EventFile::new(file(&e.file), e.event, e.rows)).collect();
        Part { meta, spine, ids, files }
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
            let decoded = spine::decode(&self.spine.path(), self.spine.read()?)?;
            let rows = self.meta.rows as usize;
            if decoded.len() == rows { Ok(decoded) } else { Err(self.spine.damaged("it has another number of rows")) }
        })
    }

    pub(crate) fn id_hashes(&self, event: EventTypeId) -> Result<Vec<u128>, StoreError> {
        ids::decode(&self.ids.path(), &self.ids.read()?, event)
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
        let file = self.files.iter().find(|f| f.event == event.id).ok_or_else(unknown)?;
        let name = properties::column_name(column).ok_or_else(unknown)?;
        file.column(&name, &column_type(event, column))
    }
}

fn subjects(spine: &Spine, event: EventTypeId) -> UInt32Array {
    let ordinals = spine.ordinals_of(event);
    if spine.run_ordinals.last() == Some(&NO_SUBJECT) {
        return ordinals.into_iter().map(|o| (o != NO_SUBJECT).then_some(o)).collect();
    }
    ordinals.into()
}
