//! Events as they are committed, as rows. A condition is answered by the planner over a snapshot that holds the new events alone, so that
//! it means what it means in SELECT.

use super::endless::{Follow, shaped};
use super::followers::Place;
use crate::json::json;
use crate::live::Live;
use crate::reevaluate::log_error;
use crate::rows::{internal, latest};
use crate::{Engine, EngineError};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Int64Type, SchemaRef, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use eql_catalog::{Catalog, DataType, Value};
use eql_compiler::bound::{FollowedEvents, Statement};
use eql_live::Start;
use eql_store::{Committed, Feed, FeedEvents, Snapshot, What, array_of, arrow_type, value_at};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Events that are looked at together.
const ROWS: usize = 8192;

/// What every event has before its keys and properties: `event`, `time`, `event_id`.
const SYSTEM: usize = 3;

/// Events of some types, as far as one subscriber has read them.
pub(super) struct Following {
    engine: Arc<Engine>,
    live: Arc<Live>,
    followed: Vec<FollowedEvents>,
    schema: SchemaRef,
    feed: Option<Feed>,
    /// Events of this record were handed on before, so many of those that fit.
    begun: Option<(u64, usize)>,
    pending: VecDeque<RecordBatch>,
    done: watch::Receiver<(u64, i64)>,
    /// Where the subscriber is, and where to go on.
    handed: (u64, String),
}

/// The key columns: of all participants of all event types.
pub(super) fn keys(catalog: &Catalog, followed: &[FollowedEvents]) -> Vec<(String, DataType)> {
    let types = followed.iter().flat_map(|f| &f.types).filter_map(|id| catalog.event_by_id(*id));
    let names = types.flat_map(|e| e.participants.iter().flat_map(|p| p.key_names.clone()));
    let mut keys: Vec<(String, DataType)> = Vec::new();
    for name in names {
        let of_name = followed.iter().flat_map(|f| &f.output).find(|o| o.name == name);
        if let Some(found) = of_name.filter(|_| keys.iter().all(|(known, _)| *known != name)) {
            keys.push((name, found.data_type.clone()));
        }
    }
    keys
}

/// Begins to follow.
pub(super) async fn begin(
    engine: Arc<Engine>,
    live: Arc<Live>,
    followed: Vec<FollowedEvents>,
    schema: SchemaRef,
    start: Start,
) -> Result<Following, EngineError> {
    let (from, begun) = match &start {
        Start::Cursor(text) => match live.log.event_place(text).map_err(log_error)? {
            (position, None) => (position, None),
            (position, Some(events)) => (position.saturating_sub(1), Some((position, events as usize))),
        },
        Start::Now => (engine.store.position(), None),
        _ => return Err(EngineError::Invalid("events have no snapshot: follow them from now, or from a cursor".into())),
    };
    let store = engine.store.clone();
    let feed = tokio::task::spawn_blocking(move || store.feed(from)).await.map_err(|e| internal(e.to_string()))?;
    let feed = Some(feed.map_err(|e| match e {
        eql_store::StoreError::Trimmed { .. } => EngineError::Gone(format!("SNAPSHOT_REQUIRED: {e}")),
        e => e.into(),
    })?);
    let handed = (from, live.log.event_cursor(from, None));
    let (pending, done) = (VecDeque::new(), live.done.subscribe());
    Ok(Following { followed, schema, feed, begun, pending, done, handed, engine, live })
}

impl Follow for Following {
    async fn ready(&mut self) -> Result<Option<RecordBatch>, EngineError> {
        loop {
            if let Some(batch) = self.pending.pop_front() {
                self.handed = last(&batch).unwrap_or_else(|| self.handed.clone());
                return Ok(Some(batch));
            }
            let committed = self.committed().await?;
            if committed.is_empty() {
                return Ok(None);
            }
            self.rows(&committed).await?;
        }
    }

    async fn promise(&mut self) -> Result<Option<RecordBatch>, EngineError> {
        let position = self.feed.as_ref().map_or(0, Feed::position);
        self.handed = (position, self.live.log.event_cursor(position, None));
        let mut columns: Vec<ArrayRef> = self.schema.fields().iter().map(|f| arrow::array::new_null_array(f.data_type(), 1)).collect();
        columns[0] = Arc::new(Int64Array::from(vec![i64::try_from(position).unwrap_or(i64::MAX)]));
        let last = columns.len() - 1;
        columns[last] = Arc::new(StringArray::from(vec![self.handed.1.clone()]));
        shaped(&self.schema, columns).map(Some)
    }

    async fn changed(&mut self) {
        _ = self.done.changed().await;
    }

    fn place(&self) -> Place {
        Place { position: self.handed.0, cursor: Some(self.handed.1.clone()), at: None }
    }
}

/// Position and cursor of the last row.
fn last(batch: &RecordBatch) -> Option<(u64, String)> {
    let row = batch.num_rows().checked_sub(1)?;
    let position = batch.column(0).as_primitive_opt::<Int64Type>()?.value(row);
    let cursor = batch.columns().last()?.as_string_opt::<i32>()?.value(row).to_string();
    Some((u64::try_from(position).unwrap_or(0), cursor))
}

impl Following {
    /// What was committed since: up to a number of rows, and never more than one record where events were corrected, so that an id is
    /// there once.
    async fn committed(&mut self) -> Result<Vec<Committed>, EngineError> {
        let Some(mut feed) = self.feed.take() else { return Err(internal("no feed".into())) };
        let read = move || {
            let (mut all, mut rows) = (Vec::new(), 0);
            while rows < ROWS
                && let Some(committed) = feed.next(Duration::ZERO)?
            {
                let is_correction = matches!(&*committed.what, What::Corrections { .. });
                rows += events(&committed).iter().map(FeedEvents::rows).sum::<usize>() + 1;
                all.push(committed);
                if is_correction {
                    break;
                }
            }
            Ok::<_, eql_store::StoreError>((feed, all))
        };
        let (feed, all) = tokio::task::spawn_blocking(read).await.map_err(|e| internal(e.to_string()))??;
        self.feed = Some(feed);
        Ok(all)
    }

    async fn rows(&mut self, committed: &[Committed]) -> Result<(), EngineError> {
        let wanted = |e: &&FeedEvents| self.followed.iter().any(|f| f.types.contains(&e.event));
        let new: Vec<&FeedEvents> = committed.iter().flat_map(events).filter(wanted).collect();
        if new.is_empty() {
            return Ok(());
        }
        let snapshot = Arc::new(self.engine.snapshot().await?.with_only(&new)?);
        let mut found = Vec::new();
        for followed in &self.followed {
            found.extend(self.fitting(&snapshot, followed).await?);
        }
        let places = places(committed, &snapshot);
        let placed = |e: Event| {
            let place = *places.get(&(e.event.clone(), e.id.clone()))?;
            Some(Event { place, ..e })
        };
        let mut rows: Vec<Event> = found.into_iter().filter_map(placed).collect();
        rows.sort_by_key(|e| e.place);
        rows.dedup_by(|a, b| a.place == b.place);
        let batch = self.batches(rows)?;
        self.pending.extend(batch);
        Ok(())
    }

    /// The new events that fit, as SELECT has them.
    async fn fitting(&self, snapshot: &Arc<Snapshot>, followed: &FollowedEvents) -> Result<Vec<Event>, EngineError> {
        let (_, clock) = *self.done.borrow();
        let setup = self.engine.setup_now(clock.max(self.engine.clock()));
        let (bound, _) = self.engine.bind_under(snapshot.catalog().clone(), "", &followed.statement, &setup)?;
        let Some(Statement::Query(query)) = &bound.statement else { return Err(internal("events that are none".into())) };
        // An event dated ahead of the clock is followed when it comes, not when its time has come.
        let now = setup.now.max(latest(snapshot).saturating_add(1));
        let batch = self.engine.evaluate(snapshot.clone(), query, now).await?;
        let names: Vec<&str> = query.output.iter().map(|o| o.name.as_str()).collect();
        let keys = keys(snapshot.catalog(), &self.followed);
        let is_key = |name: &str| keys.iter().any(|(k, _)| k == name);
        let column = |i: usize| batch.column(i);
        let text = |i: usize, row: usize| column(i).as_string_opt::<i32>().map_or_else(String::new, |c| c.value(row).to_string());
        let event = |row: usize| {
            let properties = (SYSTEM..names.len()).filter(|i| !is_key(names[*i]) && column(*i).is_valid(row));
            let properties = properties.map(|i| (names[i].to_string(), json(&value_at(column(i), row))));
            let key =
                |(name, _): &(String, DataType)| names.iter().position(|n| n == name).map_or(Value::Null, |i| value_at(column(i), row));
            Event {
                event: text(0, row),
                id: text(2, row),
                time: column(1).as_primitive_opt::<TimestampMicrosecondType>().map_or(0, |c| c.value(row)),
                keys: keys.iter().map(key).collect(),
                properties: serde_json::Value::Object(properties.collect()).to_string(),
                place: (0, 0),
            }
        };
        Ok((0..batch.num_rows()).map(event).collect())
    }

    /// What was handed on before is left out; each event has a cursor behind it.
    fn batches(&mut self, rows: Vec<Event>) -> Result<Option<RecordBatch>, EngineError> {
        let (mut kept, mut cursors) = (Vec::new(), Vec::new());
        for group in rows.chunk_by(|a, b| a.place.0 == b.place.0) {
            let position = group[0].place.0;
            let skip = self.begun.filter(|(begun, _)| *begun == position).map_or(0, |(_, events)| events);
            for (i, event) in group.iter().enumerate().skip(skip) {
                let events = (i + 1 < group.len()).then(|| u32::try_from(i + 1).unwrap_or(u32::MAX - 1));
                cursors.push(self.live.log.event_cursor(position, events));
                kept.push(event);
            }
        }
        self.begun = None;
        if kept.is_empty() { Ok(None) } else { self.batch(&kept, cursors).map(Some) }
    }

    fn batch(&self, rows: &[&Event], cursors: Vec<String>) -> Result<RecordBatch, EngineError> {
        let texts = |pick: fn(&Event) -> &str| Arc::new(StringArray::from_iter_values(rows.iter().map(|e| pick(e)))) as ArrayRef;
        let number = |p: u64| i64::try_from(p).unwrap_or(i64::MAX);
        let time = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|e| e.time)).with_timezone("UTC");
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|e| number(e.place.0)))),
            texts(|e| &e.event),
            texts(|e| &e.id),
            Arc::new(time),
        ];
        for (i, (_, data_type)) in keys(&self.engine.catalog(), &self.followed).iter().enumerate() {
            let values: Vec<Value> = rows.iter().map(|e| e.keys.get(i).cloned().unwrap_or(Value::Null)).collect();
            columns.push(array_of(&values, &arrow_type(data_type))?);
        }
        columns.push(texts(|e| &e.properties));
        columns.push(Arc::new(StringArray::from_iter_values(cursors)));
        shaped(&self.schema, columns)
    }
}

struct Event {
    event: String,
    id: String,
    time: i64,
    keys: Vec<Value>,
    properties: String,
    /// Position of its record, and its ingest sequence.
    place: (u64, u64),
}

fn events(committed: &Committed) -> &[FeedEvents] {
    match &*committed.what {
        What::Events(events) | What::Corrections { events, .. } => events,
        _ => &[],
    }
}

/// Position and sequence by event and id.
fn places(committed: &[Committed], snapshot: &Snapshot) -> HashMap<(String, String), (u64, u64)> {
    let mut places = HashMap::new();
    for one in committed {
        for events in events(one) {
            let Some(event) = snapshot.catalog().event_by_id(events.event) else { continue };
            for (id, sequence) in events.id.iter().zip(events.sequence.values()) {
                places.insert((event.name.clone(), id.unwrap_or_default().to_string()), (one.position, *sequence));
            }
        }
    }
    places
}
