//! Writing one part.

use super::cut::{HotEvent, Plan, PlannedRow};
use super::place::{PartPlace, put};
use super::read::Part;
use super::{directory, event_id, ids, properties, sequence, spine};
use crate::StoreError;
use crate::dedupe::id_hash;
use crate::manifest::{PartEvent, PartMeta};
use crate::rows::EventColumn;
use arrow::array::{ArrayRef, AsArray};
use eql_catalog::{EventType, EventTypeId};
use std::sync::Arc;

/// Writes the files of a part; the caller finishes its directory. `types`: definitions of the hot events.
pub(crate) fn write(
    place: &Arc<dyn PartPlace>,
    id: u64,
    mut plan: Plan,
    hot: &[HotEvent],
    types: &[Arc<EventType>],
    positions: (u64, u64),
    erased_to: u64,
) -> Result<Part, StoreError> {
    let directory = directory(plan.subject, id);
    plan.rows.sort_unstable();
    let rows_of = rows_by_event(&plan.rows, hot.len());
    let present: Vec<usize> = (0..hot.len()).filter(|i| !rows_of[*i].is_empty()).collect();
    let event_types: Vec<EventTypeId> = present.iter().map(|i| hot[*i].event).collect();
    let mut codes = vec![0; hot.len()];
    for (code, i) in present.iter().enumerate() {
        codes[*i] = code as u16;
    }
    let spine = put(&**place, &directory, "spine.arrow", spine::encode(&plan.rows, &codes, &event_types)?)?;
    let guessed = guesses_by_event(&plan.rows, hot.len());
    let mut events = Vec::new();
    let mut hashes = Vec::new();
    for i in present {
        let ids = properties::gather(&types[i], &hot[i].chunks, &rows_of[i], &EventColumn::EventId)?;
        let packed = event_id::pack(ids.as_string::<i32>());
        hashes.push((hot[i].event, ids.as_string::<i32>().iter().map(|id| id_hash(id.unwrap_or_default())).collect()));
        events.push(write_event(&**place, &directory, &types[i], &hot[i], &rows_of[i], packed, &guessed[i])?);
    }
    let ids = ids::encode(&hashes);
    // Whoever appends next asks for them: they need not be read back.
    let indexes = ids::decode(&place.path(&format!("{directory}/ids.bin")), &ids)?;
    let ids = put(&**place, &directory, "ids.bin", ids)?;
    let time_min = events.iter().map(|e| e.time_min).min().unwrap_or(0);
    let time_max = events.iter().map(|e| e.time_max).max().unwrap_or(0);
    let meta = PartMeta {
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
    };
    Ok(Part::written(place, meta, indexes))
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
    ids: (&'static str, ArrayRef),
    guessed: &[u64],
) -> Result<PartEvent, StoreError> {
    let received = rows.iter().any(|r| {
        let chunk = &hot.chunks[r.chunk as usize];
        chunk.received.as_ref().is_some_and(|received| received.value(r.row as usize) != r.time)
    });
    let name = format!("e{}.parquet", hot.event.0);
    let numbers: Vec<u64> = rows.iter().map(|r| r.sequence).collect();
    let known = sequence::pack(&numbers, guessed).into_iter().chain([ids]).collect();
    let bytes = properties::encode(&place.path(&format!("{directory}/{name}")), event, &hot.chunks, rows, known, received)?;
    let file = put(place, directory, &name, bytes)?;
    let times = || rows.iter().map(|r| r.time);
    let (time_min, time_max) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    Ok(PartEvent { event: hot.event, rows: rows.len() as u32, time_min, time_max, received, file })
}

/// What the times tell of the sequence numbers of each hot event's rows.
fn guesses_by_event(rows: &[PlannedRow], events: usize) -> Vec<Vec<u64>> {
    let times: Vec<i64> = rows.iter().map(|r| r.time).collect();
    let mut by_event = vec![Vec::new(); events];
    for (row, guess) in rows.iter().zip(sequence::guess(&times, spine::sequences(rows))) {
        by_event[row.event as usize].push(guess);
    }
    by_event
}
