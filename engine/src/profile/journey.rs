//! What happened to one entity, the newest first.

use super::Found;
use super::value::value_at;
use crate::rows::internal;
use crate::{Engine, EngineError};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{TimestampMicrosecondType, UInt32Type, UInt64Type};
use eql_catalog::{EventType, EventTypeId, Property, Value};
use eql_store::{EventColumn, EventRows, Snapshot, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One event of a journey.
#[derive(Clone, Debug)]
pub struct JourneyEvent {
    /// Its type.
    pub event: Arc<EventType>,
    /// When, in microseconds.
    pub time: i64,
    /// Its id.
    pub id: String,
    /// Keys of the participants, by the name of the event's key column; only of those that took part.
    pub keys: Vec<(String, Value)>,
    /// Declared properties that have a value.
    pub properties: Vec<(String, Value)>,
    /// JSON text of what is not declared.
    pub extra: Option<String>,
    sequence: u64,
}

/// Some events of a journey.
#[derive(Clone, Debug, Default)]
pub struct JourneyPage {
    /// The newest first.
    pub events: Vec<JourneyEvent>,
    /// What the next page is asked with; None at the beginning of the journey.
    pub next: Option<String>,
}

impl JourneyEvent {
    /// The place before which the next page begins: time and ingest sequence.
    fn place(&self) -> String {
        format!("{}:{}", self.time, self.sequence)
    }
}

impl Engine {
    /// The latest events of an entity before a place: a time, or what a page said is next.
    ///
    /// # Errors
    /// An unknown entity type, a key of another type, no such entity, or a place that is none.
    pub async fn journey(
        &self,
        entity: &str,
        key: &[impl AsRef<str>],
        before: Option<&str>,
        limit: usize,
    ) -> Result<JourneyPage, EngineError> {
        let before = before.map(place).transpose()?;
        let found = self.find(entity, key)?;
        // The first reader after a write may have to put the events in order again.
        let work = tokio::task::spawn_blocking(move || recent(&found, before, limit));
        Ok(work.await.map_err(|e| internal(e.to_string()))??)
    }
}

/// `time:sequence`, or a time alone.
fn place(text: &str) -> Result<(i64, u64), EngineError> {
    let cursor = text.split_once(':').and_then(|(time, sequence)| Some((time.parse().ok()?, sequence.parse().ok()?)));
    let millis = || text.parse::<i64>().ok().and_then(|ms| ms.checked_mul(1000));
    let time = || eql_catalog::parse_timestamp(text).map(|(at, _)| at).or_else(millis).map(|at| (at, 0));
    cursor.or_else(time).ok_or_else(|| EngineError::Invalid(format!("`before` is a time, or `next` of another page, not `{text}`")))
}

fn recent(found: &Found, before: Option<(i64, u64)>, limit: usize) -> Result<JourneyPage, StoreError> {
    let (events, more) = latest_rows(found, before, limit)?;
    let mut by_type: BTreeMap<EventTypeId, Vec<usize>> = BTreeMap::new();
    events.iter().enumerate().for_each(|(i, (event, _))| by_type.entry(*event).or_default().push(i));
    let mut page: Vec<Option<JourneyEvent>> = events.iter().map(|_| None).collect();
    for (event, places) in by_type {
        let rows: Vec<u32> = places.iter().map(|i| events[*i].1).collect();
        for (place, event) in places.into_iter().zip(described(&found.snapshot, event, &rows)?) {
            page[place] = Some(event);
        }
    }
    let events: Vec<JourneyEvent> = page.into_iter().flatten().collect();
    let next = events.last().filter(|_| more).map(JourneyEvent::place);
    Ok(JourneyPage { events, next })
}

/// Event types and rows, the newest first, and whether there are more. A store that finds the latest events of one entity by itself goes here.
fn latest_rows(found: &Found, before: Option<(i64, u64)>, limit: usize) -> Result<(Vec<(EventTypeId, u32)>, bool), StoreError> {
    let timeline = found.snapshot.timeline(found.entity.id)?;
    let ordinal = found.ordinal as usize;
    let (Some(first), Some(end)) = (timeline.offsets.get(ordinal), timeline.offsets.get(ordinal + 1)) else {
        return Ok((Vec::new(), false));
    };
    let (first, mut end) = (*first as usize, *end as usize);
    let row = |i: usize| (timeline.events[usize::from(timeline.code[i])], timeline.row[i]);
    if let Some((time, sequence)) = before {
        end = first + timeline.time[first..end].partition_point(|t| *t <= time);
        while end > first && timeline.time[end - 1] == time {
            let (event, row) = row(end - 1);
            let found = found.snapshot.events(event)?.gather(&EventColumn::Sequence, &[row])?;
            if found.as_primitive::<UInt64Type>().value(0) < sequence {
                break;
            }
            end -= 1;
        }
    }
    let start = end.saturating_sub(limit).max(first);
    Ok(((start..end).rev().map(row).collect(), start > first))
}

fn described(snapshot: &Snapshot, event: EventTypeId, rows: &[u32]) -> Result<Vec<JourneyEvent>, StoreError> {
    let event = snapshot.catalog().event_by_id(event).cloned().ok_or(StoreError::UnknownEvent(event.0))?;
    let all = snapshot.events(event.id)?;
    let columns = Columns {
        time: all.gather(&EventColumn::Time, rows)?,
        id: all.gather(&EventColumn::EventId, rows)?,
        sequence: all.gather(&EventColumn::Sequence, rows)?,
        extra: all.gather(&EventColumn::Extra, rows)?,
        participants: participants(&event, &all, rows)?,
        properties: properties(&event, &all, rows)?,
    };
    (0..rows.len()).map(|row| columns.event(snapshot, &event, row)).collect()
}

fn participants(event: &EventType, all: &EventRows, rows: &[u32]) -> Result<Vec<ArrayRef>, StoreError> {
    (0..event.participants.len()).map(|i| all.gather(&EventColumn::Participant(i), rows)).collect()
}

fn properties(event: &EventType, all: &EventRows, rows: &[u32]) -> Result<Vec<ArrayRef>, StoreError> {
    event.properties.iter().map(|p: &Property| all.gather(&EventColumn::Property(p.id), rows)).collect()
}

/// Columns of some rows of one event type.
struct Columns {
    time: ArrayRef,
    id: ArrayRef,
    sequence: ArrayRef,
    extra: ArrayRef,
    participants: Vec<ArrayRef>,
    properties: Vec<ArrayRef>,
}

impl Columns {
    fn event(&self, snapshot: &Snapshot, event: &Arc<EventType>, row: usize) -> Result<JourneyEvent, StoreError> {
        let mut keys = Vec::new();
        for (participant, ordinals) in event.participants.iter().zip(&self.participants).filter(|(_, o)| o.is_valid(row)) {
            let ordinal = ordinals.as_primitive::<UInt32Type>().value(row);
            let entities = snapshot.entities(participant.entity)?;
            let key = |(i, name): (usize, &String)| (name.clone(), value_at(entities.key(i), ordinal as usize));
            keys.extend(participant.key_names.iter().enumerate().map(key));
        }
        let extra = self.extra.as_string::<i32>();
        let values = event.properties.iter().zip(&self.properties).map(|(p, values)| (p.name.clone(), value_at(values, row)));
        Ok(JourneyEvent {
            event: event.clone(),
            time: self.time.as_primitive::<TimestampMicrosecondType>().value(row),
            id: self.id.as_string::<i32>().value(row).to_string(),
            sequence: self.sequence.as_primitive::<UInt64Type>().value(row),
            keys,
            properties: values.filter(|(_, v)| *v != Value::Null).collect(),
            extra: extra.is_valid(row).then(|| extra.value(row).to_string()),
        })
    }
}
