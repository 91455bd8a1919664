//! What happened to one entity, the newest first.

use super::{By, Found};
use crate::rows::internal;
use crate::{Engine, EngineError};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{TimestampMicrosecondType, UInt32Type};
use eql_catalog::{EventType, EventTypeId, Participant, Property, Value};
use eql_store::{Before, EventColumn, EventRows, Snapshot, StoreError, value_at};
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
    pub keys: Vec<(Arc<str>, Value)>,
    /// Declared properties that have a value.
    pub properties: Vec<(Arc<str>, Value)>,
    /// JSON text of what is not declared.
    pub extra: Option<String>,
}

/// Some events of a journey.
#[derive(Clone, Debug, Default)]
pub struct JourneyPage {
    /// The newest first.
    pub events: Vec<JourneyEvent>,
    /// What the next page is asked with; None at the beginning of the journey.
    pub next: Option<String>,
}

impl Engine {
    /// The latest events of an entity before a place: a time, or what a page said is next.
    ///
    /// # Errors
    /// An unknown entity type, a key of another type, no such entity, or a place that is none.
    pub async fn journey(&self, entity: &str, by: By<'_>, before: Option<&str>, limit: usize) -> Result<JourneyPage, EngineError> {
        let before = before.map(place).transpose()?;
        let found = self.find(entity, by)?;
        // The first reader after a write may have to put the events in order again.
        let work = tokio::task::spawn_blocking(move || recent(&found, before, limit));
        Ok(work.await.map_err(|e| internal(e.to_string()))??)
    }
}

/// `time:count`, as a page says, or a time alone, whose own events do not belong to what is before it.
fn place(text: &str) -> Result<Before, EngineError> {
    let cursor = text.split_once(':').and_then(|(time, count)| Some((time.parse().ok()?, count.parse().ok()?)));
    let millis = || text.parse::<i64>().ok().and_then(|ms| ms.checked_mul(1000));
    let time = || eql_catalog::parse_timestamp(text).map(|(at, _)| at).or_else(millis).map(|at| (at.saturating_sub(1), 0));
    cursor.or_else(time).ok_or_else(|| EngineError::Invalid(format!("`before` is a time, or `next` of another page, not `{text}`")))
}

/// After a page: its last time, and how many events of exactly that time were shown.
fn next(events: &[JourneyEvent], last: i64, before: Option<Before>) -> String {
    let shown = events.iter().rev().take_while(|e| e.time == last).count();
    let earlier = before.filter(|(time, _)| *time == last).map_or(0, |(_, count)| count);
    format!("{last}:{}", shown + earlier)
}

fn recent(found: &Found, before: Option<Before>, limit: usize) -> Result<JourneyPage, StoreError> {
    let (events, more) = found.snapshot.recent_events(found.entity.id, found.ordinal, before, limit)?;
    let mut by_type: BTreeMap<EventTypeId, Vec<usize>> = BTreeMap::new();
    events.iter().enumerate().for_each(|(i, e)| by_type.entry(e.event).or_default().push(i));
    let mut page: Vec<Option<JourneyEvent>> = events.iter().map(|_| None).collect();
    for (event, places) in by_type {
        let rows: Vec<u32> = places.iter().map(|i| events[*i].row).collect();
        for (place, event) in places.into_iter().zip(described(&found.snapshot, event, &rows)?) {
            page[place] = Some(event);
        }
    }
    let events: Vec<JourneyEvent> = page.into_iter().flatten().collect();
    let next = events.last().filter(|_| more).map(|last| next(&events, last.time, before));
    Ok(JourneyPage { events, next })
}

fn described(snapshot: &Snapshot, event: EventTypeId, rows: &[u32]) -> Result<Vec<JourneyEvent>, StoreError> {
    let event = snapshot.catalog().event_by_id(event).cloned().ok_or(StoreError::UnknownEvent(event.0))?;
    let all = snapshot.events(event.id)?;
    let columns = Columns {
        time: all.gather(&EventColumn::Time, rows)?,
        id: all.gather(&EventColumn::EventId, rows)?,
        extra: all.gather(&EventColumn::Extra, rows)?,
        participants: participants(snapshot, &event, &all, rows)?,
        properties: properties(&event, &all, rows)?,
    };
    Ok((0..rows.len()).map(|row| columns.event(&event, row)).collect())
}

fn participants(snapshot: &Snapshot, event: &EventType, all: &EventRows, rows: &[u32]) -> Result<Vec<Took>, StoreError> {
    let took = |(i, participant): (usize, &Participant)| {
        let ordinals = all.gather(&EventColumn::Participant(i), rows)?;
        // Where nobody took part any entity will do: it is not looked at.
        let present: Vec<u32> = ordinals.as_primitive::<UInt32Type>().iter().map(Option::unwrap_or_default).collect();
        let names = participant.key_names.iter().map(|n| Arc::from(n.as_str())).collect();
        Ok(Took { names, keys: snapshot.keys_of(participant.entity, &present)?, ordinals })
    };
    event.participants.iter().enumerate().map(took).collect()
}

/// Who took a part in some rows, and their keys.
struct Took {
    names: Vec<Arc<str>>,
    ordinals: ArrayRef,
    keys: Vec<ArrayRef>,
}

fn properties(event: &EventType, all: &EventRows, rows: &[u32]) -> Result<Vec<(Arc<str>, ArrayRef)>, StoreError> {
    let values = |p: &Property| Ok((Arc::from(p.name.as_str()), all.gather(&EventColumn::Property(p.id), rows)?));
    event.properties.iter().map(values).collect()
}

/// Columns of some rows of one event type.
struct Columns {
    time: ArrayRef,
    id: ArrayRef,
    extra: ArrayRef,
    participants: Vec<Took>,
    properties: Vec<(Arc<str>, ArrayRef)>,
}

impl Columns {
    fn event(&self, event: &Arc<EventType>, row: usize) -> JourneyEvent {
        let mut keys = Vec::new();
        for took in self.participants.iter().filter(|t| t.ordinals.is_valid(row)) {
            keys.extend(took.names.iter().zip(&took.keys).map(|(name, column)| (name.clone(), value_at(column, row))));
        }
        let extra = self.extra.as_string::<i32>();
        let values = self.properties.iter().map(|(name, values)| (name.clone(), value_at(values, row)));
        JourneyEvent {
            event: event.clone(),
            time: self.time.as_primitive::<TimestampMicrosecondType>().value(row),
            id: self.id.as_string::<i32>().value(row).to_string(),
            keys,
            properties: values.filter(|(_, v)| *v != Value::Null).collect(),
            extra: extra.is_valid(row).then(|| extra.value(row).to_string()),
        }
    }
}
