//! Writing one part.

use super::cut::{HotEvent, Plan, PlannedRow};
use super::{ids, part_dir, properties, spine};
use crate::StoreError;
use crate::dedupe::id_hash;
use crate::disk::{create_dir, sync_dir, write_file};
use crate::manifest::{PartEvent, PartMeta};
use crate::rows::EventColumn;
use arrow::array::AsArray;
use eql_catalog::{EventType, EventTypeId};
use std::path::Path;
use std::sync::Arc;

/// Writes and syncs the files of a part; its parent directory is the caller's to sync. `types`: definitions of the hot events.
pub(crate) fn write(
    parts: &Path,
    id: u64,
    mut plan: Plan,
    hot: &[HotEvent],
    types: &[Arc<EventType>],
    positions: (u64, u64),
) -> Result<PartMeta, StoreError> {
    let dir = part_dir(parts, plan.subject, id);
    create_dir(&dir)?;
    plan.rows.sort_unstable();
    let rows_of = rows_by_event(&plan.rows, hot.len());
    let present: Vec<usize> = (0..hot.len()).filter(|i| !rows_of[*i].is_empty()).collect();
    let event_types: Vec<EventTypeId> = present.iter().map(|i| hot[*i].event).collect();
    let mut codes = vec![0; hot.len()];
    for (code, i) in present.iter().enumerate() {
        codes[*i] = code as u16;
    }
    let spine = write_file(&dir, "spine.arrow", &spine::encode(&plan.rows, &codes, &event_types)?)?;
    let mut events = Vec::new();
    let mut hashes = Vec::new();
    for i in present {
        events.push(write_event(&dir, &types[i], &hot[i], &rows_of[i])?);
        hashes.push((hot[i].event, id_hashes(&types[i], &hot[i], &rows_of[i])?));
    }
    let ids = write_file(&dir, "ids.bin", &ids::encode(&hashes))?;
    sync_dir(&dir)?;
    let time_min = events.iter().map(|e| e.time_min).min().unwrap_or(0);
    let time_max = events.iter().map(|e| e.time_max).max().unwrap_or(0);
    Ok(PartMeta {
        id,
        subject: plan.subject,
        month: plan.month,
        rows: plan.rows.len() as u64,
        time_min,
        time_max,
        positions,
        events,
        spine,
        ids,
    })
}

fn rows_by_event(rows: &[PlannedRow], events: usize) -> Vec<Vec<&PlannedRow>> {
    let mut by_event = vec![Vec::new(); events];
    for row in rows {
        by_event[row.event as usize].push(row);
    }
    by_event
}

fn write_event(dir: &Path, event: &EventType, hot: &HotEvent, rows: &[&PlannedRow]) -> Result<PartEvent, StoreError> {
    let received = rows.iter().any(|r| {
        let chunk = &hot.chunks[r.chunk as usize];
        chunk.received.as_ref().is_some_and(|received| received.value(r.row as usize) != r.time)
    });
    let name = format!("e{}.parquet", hot.event.0);
    let bytes = properties::encode(&dir.join(&name), event, &hot.chunks, rows, received)?;
    let file = write_file(dir, &name, &bytes)?;
    let times = || rows.iter().map(|r| r.time);
    let (time_min, time_max) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    Ok(PartEvent { event: hot.event, rows: rows.len() as u32, time_min, time_max, received, file })
}

fn id_hashes(event: &EventType, hot: &HotEvent, rows: &[&PlannedRow]) -> Result<Vec<u128>, StoreError> {
    let ids = properties::gather(event, &hot.chunks, rows, &EventColumn::EventId)?;
    Ok(ids.as_string::<i32>().iter().map(|id| id_hash(id.unwrap_or_default())).collect())
}
