//! What is going on: caches, statements, rejected records.

use super::{figures, times};
use crate::statements::Told;
use crate::{CacheStats, Limits};
use arrow::array::{ArrayRef, Float64Array, StringArray};
use datafusion::common::Result;
use eql_compiler::system::SystemTable;
use eql_store::StoreStats;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

pub(super) fn caches(results: &CacheStats, plans: &CacheStats, store: &StoreStats, limits: &Limits) -> Vec<ArrayRef> {
    vec![
        Arc::new(StringArray::from(vec!["results", "plans", "columns"])),
        figures([results.entries, plans.entries, store.cache_entries]),
        figures([results.bytes, plans.bytes, store.cache_bytes]),
        figures([limits.result_cache_bytes, limits.plan_cache_bytes, store.cache_bytes_max]),
        figures([results.hits, plans.hits, store.cache_hits]),
        figures([results.misses, plans.misses, store.cache_misses]),
    ]
}

pub(super) fn queries(all: &[Arc<Told>]) -> Result<Vec<ArrayRef>> {
    let micros = |t: &Arc<Told>| t.started_at.duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX));
    Ok(vec![
        figures(all.iter().map(|t| t.id)),
        Arc::new(StringArray::from_iter_values(all.iter().map(|t| t.text.as_str()))),
        Arc::new(StringArray::from_iter_values(all.iter().map(|t| t.state()))),
        times(all.iter().map(micros)),
        Arc::new(Float64Array::from_iter_values(all.iter().map(|t| t.seconds()))),
        figures(all.iter().map(|t| t.rows())),
        figures(all.iter().map(|t| t.peak.bytes() as u64)),
        Arc::new(all.iter().map(|t| t.error()).collect::<StringArray>()),
    ])
}

/// Imports answer with what they rejected; nothing is kept of it beyond the answer.
pub(super) fn rejected() -> Result<Vec<ArrayRef>> {
    let schema = eql_planner::system_schema(SystemTable::Rejected);
    Ok(schema.fields().iter().map(|f| arrow::array::new_empty_array(f.data_type())).collect())
}
