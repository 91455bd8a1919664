//! What was decoded once: spines, columns and timelines, bounded by bytes. A key says which content it is of, so nothing is ever
//! invalidated.

use crate::part::Spine;
use crate::rows::EventColumn;
use crate::{StoreError, Timeline};
use arrow::array::{Array, ArrayRef};
use bytes::Bytes;
use eql_catalog::{EntityTypeId, EventTypeId};
use moka::sync::Cache;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Spine(u64),
    /// Part, event type, column, how many rows are gone.
    Column(u64, EventTypeId, EventColumn, u32),
    Ids(u64, EventTypeId),
    /// What the times of a part tell of its sequence numbers.
    Guess(u64),
    Timeline(TimelineKey),
}

/// Which timeline, of which content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TimelineKey {
    pub(crate) subject: EntityTypeId,
    pub(crate) role: Option<String>,
    pub(crate) entities: u32,
    /// Involved event types, place of the participant, position of the last change.
    pub(crate) events: Vec<(EventTypeId, usize, u64)>,
    /// Grows when rows move from memory to parts: their numbers change.
    pub(crate) layout: u64,
}

#[derive(Clone)]
enum Value {
    Spine(Arc<Spine>),
    Column(ArrayRef),
    Ids(Bytes),
    Timeline(Arc<Timeline>),
}

/// Shared by all snapshots of a store.
pub(crate) struct ReadCache {
    cache: Cache<Key, Value>,
}

impl ReadCache {
    pub(crate) fn new(bytes: u64) -> ReadCache {
        ReadCache { cache: Cache::builder().max_capacity(bytes).weigher(|_, value: &Value| weight(value)).build() }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.cache.run_pending_tasks();
        self.cache.weighted_size()
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

    /// Concurrent readers of one key wait for the one who makes it.
    fn get(&self, key: Key, make: impl FnOnce() -> Result<Value, StoreError>) -> Result<Value, StoreError> {
        self.cache.try_get_with(key, make).map_err(StoreError::Shared)
    }
}

fn wrong_kind() -> StoreError {
    StoreError::mismatch("the read cache", "a key has a value of another kind")
}

fn weight(value: &Value) -> u32 {
    let bytes = match value {
        Value::Spine(spine) => spine.bytes(),
        Value::Column(column) => column.get_array_memory_size(),
        Value::Ids(entries) => entries.len(),
        Value::Timeline(t) => t.offsets.len() * 4 + t.row.len() * 14,
    };
    u32::try_from(bytes + 256).unwrap_or(u32::MAX)
}
