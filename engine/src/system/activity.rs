//! What is going on: caches, statements, rejected records.

use super::{figures, times};
use crate::statements::Told;
use crate::{CacheStats, Limits};
use arrow::array::{ArrayRef, Float64Array, StringArray};
use datafusion::common::Result;
use eql_store::RejectedRow;
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

pub(super) fn rejected(rows: &[&RejectedRow]) -> Vec<ArrayRef> {
    let texts =
        |pick: for<'r> fn(&'r RejectedRow) -> &'r str| Arc::new(StringArray::from_iter_values(rows.iter().map(|r| pick(r)))) as ArrayRef;
    vec![
        times(rows.iter().map(|r| r.received)),
        texts(|r| &r.target),
        figures(rows.iter().map(|r| r.index)),
        Arc::new(rows.iter().map(|r| r.id.as_deref()).collect::<StringArray>()),
        texts(|r| &r.code),
        texts(|r| &r.message),
        texts(|r| &r.record),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::record_batch::RecordBatch;
    use arrow::util::pretty::pretty_format_batches;
    use eql_compiler::system::SystemTable;

    #[test]
    fn rejected_rows_have_the_columns_of_their_table() {
        let row = RejectedRow {
            received: 1_767_225_600_000_000,
            target: "purchase".into(),
            index: 3,
            id: None,
            code: "type".into(),
            message: "`amount` is no number".into(),
            record: "{\"amount\":\"x\"}".into(),
        };
        let batch = RecordBatch::try_new(eql_planner::system_schema(SystemTable::Rejected), rejected(&[&row, &row])).expect("they fit");
        assert_eq!(batch.num_rows(), 2);
        let shown = pretty_format_batches(&[batch]).expect("they are shown").to_string();
        let line = "| 2026-01-01T00:00:00Z | purchase | 3     |    | type | `amount` is no number | {\"amount\":\"x\"} |";
        assert_eq!(shown.lines().filter(|l| *l == line).count(), 2, "{shown}");
    }
}
