//! Plans and results of statements that come again. A result's key carries the position it was computed at, so nothing is ever taken back by hand.

use arrow::record_batch::RecordBatch;
use eql_compiler::bound::Bound;
use moka::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a bound statement depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PlanKey {
    pub statement: String,
    pub params: String,
    pub zone: String,
    pub week_start: eql_catalog::WeekStart,
    pub catalog: u64,
}

/// What a result depends on beside its plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ResultKey {
    pub plan: PlanKey,
    pub position: u64,
    /// The instant, where the answer depends on it.
    pub now: Option<i64>,
}

/// Figures of a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct CacheStats {
    /// Times it had what was wanted, since the start.
    pub hits: u64,
    /// Times it had not.
    pub misses: u64,
    /// Bytes in it now.
    pub bytes: u64,
    /// What is in it.
    pub entries: u64,
}

/// A byte-bounded cache that counts.
pub(crate) struct Counted<K, V> {
    cache: Cache<K, V>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl<K: std::hash::Hash + Eq + Send + Sync + 'static, V: Clone + Send + Sync + 'static> Counted<K, V> {
    fn new(bytes: u64, weigh: fn(&K, &V) -> u32) -> Self {
        Self { cache: Cache::builder().max_capacity(bytes).weigher(weigh).build(), hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let found = self.cache.get(key);
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    pub(crate) fn put(&self, key: K, value: V) {
        self.cache.insert(key, value);
    }

    pub(crate) fn figures(&self) -> CacheStats {
        self.cache.run_pending_tasks();
        CacheStats {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            bytes: self.cache.weighted_size(),
            entries: self.cache.entry_count(),
        }
    }
}

/// Bound statements.
pub(crate) type Plans = Counted<PlanKey, Arc<Bound>>;
/// Whole results.
pub(crate) type Results = Counted<ResultKey, Arc<Vec<RecordBatch>>>;

/// A bound statement weighs about so many times its text.
const PLAN_FACTOR: usize = 40;

pub(crate) fn plans(bytes: u64) -> Plans {
    Counted::new(bytes, |k, _| u32::try_from((k.statement.len() + k.params.len()) * PLAN_FACTOR + 1024).unwrap_or(u32::MAX))
}

pub(crate) fn results(bytes: u64) -> Results {
    Counted::new(bytes, |k, v| u32::try_from(k.plan.statement.len() + 256 + size(v)).unwrap_or(u32::MAX))
}

/// Bytes of batches in memory.
pub(crate) fn size(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::get_array_memory_size).sum()
}
