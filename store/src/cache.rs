//! What was decoded once: spines, columns and timelines, bounded by bytes. A key says which content it is of, so nothing is ever
//! invalidated.

use crate::coded::CodedColumn;
use crate::part::Spine;
use crate::rows::EventColumn;
use crate::timeline::Layer;
use crate::{History, StoreError, StoreStats, Timeline};
use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use bytes::Bytes;
use eql_catalog::{EntityTypeId, EventTypeId};
use moka::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Spine(u64),
    /// Part, event type, column, how many rows are gone, read as which type.
    Column(u64, EventTypeId, EventColumn, u32, DataType),
    Ids(u64, EventTypeId),
    /// What the times of a part tell of its sequence numbers.
    Guess(u64),
    Timeline(TimelineKey),
    /// A column of texts as numbers: part, event type, column, how many rows are gone.
    Coded(u64, EventTypeId, EventColumn, u32),
    /// A column or a history of an entity type: its number, of so many rows.
    Entity(u64, u32),
}

/// Which timeline, of which content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TimelineKey {
    pub(crate) layer: Layer,
    pub(crate) subject: EntityTypeId,
    pub(crate) role: Option<String>,
    pub(crate) entities: u32,
    /// Involved event types, place of the participant, position of the last change; of settled rows what the parts hold.
    pub(crate) events: Vec<(EventTypeId, usize, u64)>,
    /// Grows when rows move from memory to parts: their numbers change.
    pub(crate) layout: u64,
    /// Who is merged: the position that last changed that, and as of when.
    pub(crate) roots: (u64, i64),
}

#[derive(Clone)]
enum Value {
    Spine(Arc<Spine>),
    Column(ArrayRef),
    Ids(Bytes),
    Timeline(Arc<Timeline>),
    History(Arc<History>),
    Coded(Option<Arc<CodedColumn>>),
}

/// Shared by all snapshots of a store.
pub(crate) struct ReadCache {
    cache: Cache<Key, Value>,
    reads: AtomicU64,
    misses: AtomicU64,
}

impl ReadCache {
    pub(crate) fn new(bytes: u64) -> ReadCache {
        let cache = Cache::builder().max_capacity(bytes).weigher(|_, value: &Value| weight(value)).build();
        ReadCache { cache, reads: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// Writes its own figures into those of the store.
    pub(crate) fn tell(&self, stats: &mut StoreStats) {
        self.cache.run_pending_tasks();
        stats.cache_bytes = self.cache.weighted_size();
        stats.cache_bytes_max = self.cache.policy().max_capacity().unwrap_or(0);
        stats.cache_entries = self.cache.entry_count();
        stats.cache_misses = self.misses.load(Ordering::Relaxed);
        stats.cache_hits = self.reads.load(Ordering::Relaxed).saturating_sub(stats.cache_misses);
    }

    pub(crate) fn spine(&self, part: u64, decode: impl FnOnce() -> Result<Spine, StoreError>) -> Result<Arc<Spine>, StoreError> {
        match self.get(Key::Spine(part), || Ok(Value::Spine(Arc::new(decode()?))))? {
            Value::Spine(spine) => Ok(spine),
            _ => Err(wrong_kind()),
        }
    }

    pub(crate) fn column(&self, key: Key, decode: impl FnOnce() -> Result<ArrayRef, StoreError>) -> Result<ArrayRef, StoreError> {
        match self.get(key, || Ok(Value::Column(decode()?)))? {
            Value::Column(column) => Ok(column),
            _ => Err(wrong_kind()),
        }
    }

    /// Entries of the ids of a part.
    pub(crate) fn ids(&self, key: Key, read: impl FnOnce() -> Result<Bytes, StoreError>) -> Result<Bytes, StoreError> {
        match self.get(key, || Ok(Value::Ids(read()?)))? {
            Value::Ids(entries) => Ok(entries),
            _ => Err(wrong_kind()),
        }
    }

    pub(crate) fn timeline(
        &self,
        key: TimelineKey,
        build: impl FnOnce() -> Result<Timeline, StoreError>,
    ) -> Result<Arc<Timeline>, StoreError> {
        match self.get(Key::Timeline(key), || Ok(Value::Timeline(Arc::new(build()?))))? {
            Value::Timeline(timeline) => Ok(timeline),
            _ => Err(wrong_kind()),
        }
    }

    /// None is kept too: a column that has too many values stays one.
    pub(crate) fn coded(
        &self,
        key: Key,
        make: impl FnOnce() -> Result<Option<CodedColumn>, StoreError>,
    ) -> Result<Option<Arc<CodedColumn>>, StoreError> {
        match self.get(key, || Ok(Value::Coded(make()?.map(Arc::new))))? {
            Value::Coded(coded) => Ok(coded),
            _ => Err(wrong_kind()),
        }
    }

    pub(crate) fn history(&self, key: Key, make: impl FnOnce() -> Result<History, StoreError>) -> Result<Arc<History>, StoreError> {
        match self.get(key, || Ok(Value::History(Arc::new(make()?))))? {
            Value::History(history) => Ok(history),
            _ => Err(wrong_kind()),
        }
    }

    /// Concurrent readers of one key wait for the one who makes it.
    fn get(&self, key: Key, make: impl FnOnce() -> Result<Value, StoreError>) -> Result<Value, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let counted = || {
            self.misses.fetch_add(1, Ordering::Relaxed);
            make()
        };
        self.cache.try_get_with(key, counted).map_err(StoreError::Shared)
    }
}

fn wrong_kind() -> StoreError {
    StoreError::mismatch("the read cache", "a key has a value of another kind")
}

fn weight(value: &Value) -> u32 {
    let bytes = match value {
        Value::Spine(spine) => spine.bytes(),
        Value::Column(column) => column.get_array_memory_size(),
        Value::History(h) => h.offsets.len() * 4 + h.time.len() * 8 + h.values.get_array_memory_size(),
        Value::Coded(coded) => coded.as_ref().map_or(0, |c| c.codes.len() * 2 + c.values.get_array_memory_size()),
        Value::Ids(entries) => entries.len(),
        Value::Timeline(t) => t.bytes(),
    };
    u32::try_from(bytes + 256).unwrap_or(u32::MAX)
}
