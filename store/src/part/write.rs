//! Writing one part.

use super::cut::{HotEvent, Plan, PlannedRow};
use super::place::{PartPlace, put};
use super::{directory, ids, properties, spine};
use crate::StoreError;
use crate::dedupe::id_hash;
use crate::manifest::{PartEvent, PartMeta};
use crate::rows::EventColumn;
use arrow::array::AsArray;
use eql_catalog::{EventType, EventTypeId};
use std::sync::Arc;

/// Writes the files of a part; the caller finishes its directory. `types`: definitions of the hot events.
pub(crate) fn write(
    place: &dyn PartPlace,
    id: u64,
    mut plan: Plan,
    hot: &[HotEvent],
    types: &[Arc<EventType>],
    positions: (u64, u64),
    erased_to: u64,
) -> Result<PartMeta, StoreError> {
    let directory = directory(plan.subject, id);
    plan.rows.sort_unstable();
    let rows_of = rows_by_event(&plan.rows, hot.len());
    let present: Vec<usize> = (0..hot.len()).filter(|i| !rows_of[*i].is_empty()).collect();
    let event_types: Vec<EventTypeId> = present.iter().map(|i| hot[*i].event).collect();
    let mut codes = vec![0; hot.len()];
    for (code, i) in present.iter().enumerate() {
        codes[*i] = code as u16;
    }
    let spine = put(place, &directory, "spine.arrow", spine::encode(&plan.rows, &codes, &event_types)?)?;
    let mut events = Vec::new();
    let mut hashes = Vec::new();
    for i in present {
        events.push(write_event(place, &directory, &types[i], &hot[i], &rows_of[i])?);
        hashes.push((hot[i].event, id_hashes(&types[i], &hot[i], &rows_of[i])?));
    }
    let ids = put(place, &directory, "ids.bin", ids::encode(&hashes))?;
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
        erased_to,
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

fn write_event(
    place: &dyn PartPlace,
    directory: &str,
    event: &EventType,
    hot: &HotEvent,
    rows: &[&PlannedRow],
) -> Result<PartEvent, StoreError> {
    let received = rows.iter().any(|r| {
        let chunk = &hot.chunks[r.chunk as usize];
        chunk.received.as_ref().is_some_and(|received| received.value(r.row as usize) != r.time)
    });
    let name = format!("e{}.parquet", hot.event.0);
    let bytes = properties::encode(&place.path(&format!("{directory}/{name}")), event, &hot.chunks, rows, received)?;
    let file = put(place, directory, &name, bytes)?;
    let times = || rows.iter().map(|r| r.time);
    let (time_min, time_max) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    Ok(PartEvent { event: hot.event, rows: rows.len() as u32, time_min, time_max, received, file })
}

fn id_hashes(event: &EventType, hot: &HotEvent, rows: &[&PlannedRow]) -> Result<Vec<u128>, StoreError> {
    let ids = properties::gather(event, &hot.chunks, rows, &EventColumn::EventId)?;
    Ok(ids.as_string::<i32>().iter().map(|id| id_hash(id.unwrap_or_default())).collect())
}
