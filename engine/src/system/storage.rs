//! What is stored: the log, parts, entities.

use super::{external, figures, times};
use arrow::array::{ArrayRef, Date32Array, ListBuilder, StringArray, StringBuilder};
use arrow::compute::kernels::cast_utils::Parser;
use arrow::datatypes::Date32Type;
use datafusion::common::Result;
use eql_catalog::{Catalog, EntityTypeId};
use eql_store::{PartStats, Store, StoreStats};
use std::sync::Arc;

pub(super) fn log(s: &StoreStats) -> Vec<ArrayRef> {
    vec![figures([s.position]), figures([s.checkpoint_position]), figures([s.log_bytes]), figures([s.log_segments as u64])]
}

pub(super) fn parts(store: &Store) -> Result<Vec<ArrayRef>> {
    let (catalog, parts) = (store.catalog(), store.part_stats());
    let of = |pick: fn(&PartStats) -> u64| figures(parts.iter().map(pick));
    Ok(vec![
        Arc::new(StringArray::from_iter_values(parts.iter().map(|p| entity_name(&catalog, p.subject)))),
        of(|p| p.id),
        Arc::new(parts.iter().map(|p| first_day(p.month)).collect::<Date32Array>()),
        of(|p| p.rows),
        of(|p| p.bytes),
        times(parts.iter().map(|p| p.time_min)),
        times(parts.iter().map(|p| p.time_max)),
        events(&catalog, &parts),
        of(|p| u64::from(p.level)),
    ])
}

pub(super) fn entities(store: &Store) -> Result<Vec<ArrayRef>> {
    let (catalog, stats) = (store.catalog(), store.entity_stats().map_err(external)?);
    Ok(vec![
        Arc::new(StringArray::from_iter_values(stats.iter().map(|e| entity_name(&catalog, e.entity)))),
        figures(stats.iter().map(|e| e.rows)),
        figures(stats.iter().map(|e| e.deleted)),
        figures(stats.iter().map(|e| e.columns as u64)),
        figures(stats.iter().map(|e| e.bytes)),
    ])
}

/// What was dropped since may still have rows: its number stands for it then.
fn entity_name(catalog: &Catalog, id: EntityTypeId) -> String {
    catalog.entity_by_id(id).map_or_else(|| format!("#{}", id.0), |e| e.name.clone())
}

fn events(catalog: &Catalog, parts: &[PartStats]) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for part in parts {
        for id in &part.events {
            lists.values().append_value(catalog.event_by_id(*id).map_or_else(|| format!("#{}", id.0), |e| e.name.clone()));
        }
        lists.append(true);
    }
    Arc::new(lists.finish())
}

/// The first day of a month counted from January 1970.
fn first_day(month: i64) -> Option<i32> {
    Date32Type::parse(&format!("{:04}-{:02}-01", 1970 + month.div_euclid(12), month.rem_euclid(12) + 1))
}
