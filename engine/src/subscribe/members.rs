//! Who enters and leaves a segment, and whose tag changes, as rows.

use super::endless::{Follow, shaped};
use super::followers::Place;
use super::{payload, source};
use crate::json::json;
use crate::live::Live;
use crate::reevaluate::log_error;
use crate::rows::internal;
use crate::{Engine, EngineError};
use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType as ArrowType, SchemaRef};
use arrow::record_batch::RecordBatch;
use eql_catalog::Value;
use eql_compiler::bound::{Follows, Subscribe};
use eql_live::{Cause, Changed, Direction, Entry, Next, Reader, Start};
use eql_store::array_of;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::watch;

/// Rows of one batch, about: what is sent at once.
const ROWS: usize = 1024;

/// A row before it is a row.
#[derive(Default)]
struct Row {
    position: u64,
    /// None: a promise.
    entity: Option<Vec<Value>>,
    change: &'static str,
    old: Shown,
    new: Shown,
    at: i64,
    cause: Option<&'static str>,
    cursor: Option<String>,
}

/// A tag's value; NULL unless said otherwise.
struct Shown(Value);

impl Default for Shown {
    fn default() -> Shown {
        Shown(Value::Null)
    }
}

/// A segment or a tag, as far as one subscriber has read it.
pub(super) struct Following {
    engine: Arc<Engine>,
    live: Arc<Live>,
    /// It sees what most subscribers see: everybody, without a payload, in UTC.
    plain: bool,
    subscribe: Subscribe,
    schema: SchemaRef,
    reader: Arc<Mutex<Reader>>,
    /// There is something new to read.
    changed: watch::Receiver<u64>,
    /// Members that are not yet sent; None when there is no snapshot, or it has ended.
    snapshot: Option<VecDeque<(Vec<Value>, Value)>>,
}

/// Begins to follow.
pub(super) async fn begin(
    engine: Arc<Engine>,
    live: Arc<Live>,
    subscribe: Subscribe,
    schema: SchemaRef,
    start: Start,
) -> Result<Following, EngineError> {
    let source = source(&engine.catalog(), &subscribe);
    let (members, reader) = live.reader(&engine, &source, start).await?;
    let changed = reader.watch().ok_or_else(|| EngineError::NotFound(format!("{source} was dropped")))?;
    let in_utc =
        schema.field_with_name("at").is_ok_and(|f| matches!(f.data_type(), ArrowType::Timestamp(_, Some(zone)) if &**zone == "UTC"));
    let everybody = !matches!(&subscribe.follows, Follows::Segment { enter, exit, .. } if !(*enter && *exit));
    Ok(Following {
        plain: in_utc && everybody && subscribe.payload.is_none(),
        live: live.clone(),
        subscribe,
        schema,
        reader: Arc::new(Mutex::new(reader)),
        changed,
        snapshot: members.map(|m| m.rows.into()),
        engine,
    })
}

impl Follow for Following {
    async fn ready(&mut self) -> Result<Option<RecordBatch>, EngineError> {
        if self.snapshot.is_some() {
            return self.snapshot().await.map(Some);
        }
        let mut rows = Vec::new();
        while rows.len() < ROWS {
            let next = self.reader.lock().try_next();
            match next.map_err(log_error)? {
                Next::Entry(entry, 0) if self.plain && rows.is_empty() && is_whole(&entry) => return self.shown(&entry).await.map(Some),
                Next::Entry(entry, skip) => self.take(&entry, skip, &mut rows),
                Next::InFiles if rows.is_empty() => self.read_files(&mut rows).await?,
                Next::InFiles | Next::Nothing => break,
            }
        }
        if rows.is_empty() { Ok(None) } else { self.batch(rows).await.map(Some) }
    }

    async fn promise(&mut self) -> Result<Option<RecordBatch>, EngineError> {
        let made = self.reader.lock().progress();
        match made {
            Some((position, at, cursor)) => self.batch(vec![promise(position, at, cursor)]).await.map(Some),
            None => Ok(None),
        }
    }

    async fn changed(&mut self) {
        _ = self.changed.changed().await;
    }

    fn place(&self) -> Place {
        let reader = self.reader.lock();
        Place { position: reader.at().0, cursor: None, at: Some(reader.cursor_now()) }
    }
}

/// Nobody in it was erased since.
fn is_whole(entry: &Entry) -> bool {
    match &entry.changed {
        Changed::Members(commit) => commit.changes.iter().all(|c| !c.entity.is_empty()),
        Changed::Values(commit) => commit.changes.iter().all(|c| !c.entity.is_empty()),
    }
}

/// Who was erased has no key any more.
fn known(key: &[Value]) -> Option<Vec<Value>> {
    (!key.is_empty()).then(|| key.to_vec())
}

impl Following {
    /// The rows of a record, made once for all who see the same.
    async fn shown(&self, entry: &Entry) -> Result<RecordBatch, EngineError> {
        let known = self.live.shown.lock().get(entry.source, entry.number);
        if let Some(known) = known {
            self.reader.lock().delivered(entry);
            return Ok(known);
        }
        let mut rows = Vec::new();
        self.take(entry, 0, &mut rows);
        let batch = self.batch(rows).await?;
        self.live.shown.lock().put(entry.source, entry.number, &batch);
        Ok(batch)
    }

    /// Blocking reads go to a thread that may wait.
    async fn read_files(&mut self, rows: &mut Vec<Row>) -> Result<(), EngineError> {
        let reader = self.reader.clone();
        let read = move || {
            let (mut found, mut changes, mut reader) = (Vec::new(), 0, reader.lock());
            while changes < ROWS {
                let Next::Entry(entry, skip) = reader.read()? else { break };
                changes += entry.changed.len();
                found.push((entry, skip));
            }
            Ok(found)
        };
        let found = tokio::task::spawn_blocking(read).await.map_err(|e| internal(e.to_string()))?;
        for (entry, skip) in found.map_err(log_error)? {
            self.take(&entry, skip, rows);
        }
        Ok(())
    }

    fn take(&self, entry: &Entry, skip: usize, rows: &mut Vec<Row>) {
        let mut reader = self.reader.lock();
        let (enter, exit) = match &self.subscribe.follows {
            Follows::Segment { enter, exit, .. } => (*enter, *exit),
            _ => (true, true),
        };
        match &entry.changed {
            Changed::Members(commit) => {
                for (place, change) in commit.changes.iter().enumerate().skip(skip) {
                    let word = match change.direction {
                        // That somebody had come who was erased since is of no use; that somebody left is told without a key.
                        Direction::Enter if change.entity.is_empty() => continue,
                        Direction::Enter if enter => "enter",
                        Direction::Exit if exit => "exit",
                        _ => continue,
                    };
                    rows.push(Row {
                        position: commit.position,
                        entity: known(&change.entity),
                        change: word,
                        at: change.at,
                        cause: Some(word_of(change.cause)),
                        cursor: Some(reader.cursor(entry, place)),
                        ..Row::default()
                    });
                }
            }
            Changed::Values(commit) => {
                for (place, change) in commit.changes.iter().enumerate().skip(skip) {
                    if change.entity.is_empty() && change.cause != Cause::Erase {
                        continue;
                    }
                    rows.push(Row {
                        position: commit.position,
                        entity: known(&change.entity),
                        old: Shown(change.old.clone()),
                        new: Shown(change.new.clone()),
                        at: change.at,
                        cause: Some(word_of(change.cause)),
                        cursor: Some(reader.cursor(entry, place)),
                        ..Row::default()
                    });
                }
            }
        }
        reader.delivered(entry);
    }

    /// Members as of the beginning; behind the last one, where changes go on.
    async fn snapshot(&mut self) -> Result<RecordBatch, EngineError> {
        let (position, at) = self.reader.lock().at();
        let Some(left) = &mut self.snapshot else { return Err(internal("no snapshot".into())) };
        let some: Vec<(Vec<Value>, Value)> = left.drain(..left.len().min(ROWS)).collect();
        let is_end = some.is_empty();
        let mut rows: Vec<Row> = some
            .into_iter()
            .map(|(entity, value)| Row {
                position,
                entity: Some(entity),
                change: "snapshot",
                new: Shown(value),
                at,
                cause: matches!(self.subscribe.follows, Follows::Tag { .. }).then_some("snapshot"),
                ..Row::default()
            })
            .collect();
        if is_end {
            self.snapshot = None;
            rows.push(promise(position, at, self.reader.lock().place()));
        }
        self.batch(rows).await
    }

    async fn batch(&self, rows: Vec<Row>) -> Result<RecordBatch, EngineError> {
        let catalog = self.engine.catalog();
        let schema = &self.schema;
        let keys: Vec<Option<Vec<Value>>> = rows.iter().map(|r| r.entity.clone()).collect();
        let payload = payload::of(&self.engine, &catalog, &self.subscribe, &keys).await?;
        let values = |name: &str, pick: &dyn Fn(&Row) -> Value| column(schema, name, rows.iter().map(pick).collect());
        let texts = |pick: &dyn Fn(&Row) -> Option<&str>| Arc::new(rows.iter().map(pick).collect::<StringArray>()) as ArrayRef;
        let all = |name: &str| Arc::new(StringArray::from_iter_values(std::iter::repeat_n(name, rows.len()))) as ArrayRef;
        let number = |p: u64| i64::try_from(p).unwrap_or(i64::MAX);
        let position: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| number(r.position))));
        let entity = values("entity", &|r| match r.entity.as_deref() {
            None => Value::Null,
            Some([one]) => one.clone(),
            Some(several) => Value::String(several.iter().map(json).collect::<serde_json::Value>().to_string()),
        })?;
        let at = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|r| r.at));
        let zone = |t: &ArrowType| if let ArrowType::Timestamp(_, Some(zone)) = t { zone.to_string() } else { "UTC".to_string() };
        let at_type = schema.field_with_name("at").map_or("UTC".to_string(), |f| zone(f.data_type()));
        let at: ArrayRef = Arc::new(at.with_timezone(at_type));
        let (cause, cursor) = (texts(&|r| r.cause), texts(&|r| r.cursor.as_deref()));
        let columns = match &self.subscribe.follows {
            Follows::Tag { name, .. } => {
                let (old, new) = (values("old", &|r| r.old.0.clone())?, values("new", &|r| r.new.0.clone())?);
                vec![position, all(name), entity, old, new, at, cause, cursor]
            }
            Follows::Segment { name, .. } => {
                let mut columns = vec![position, all(name), entity, texts(&|r| Some(r.change)), at, cause];
                columns.extend(payload);
                columns.push(cursor);
                columns
            }
            Follows::Events(_) => return Err(internal("events are no members".into())),
        };
        // What WITH shows has times in UTC until here.
        shaped(schema, columns)
    }
}

fn promise(position: u64, at: i64, cursor: String) -> Row {
    Row { position, change: "progress", at, cause: None, cursor: Some(cursor), ..Row::default() }
}

fn column(schema: &SchemaRef, name: &str, values: Vec<Value>) -> Result<ArrayRef, EngineError> {
    let field = schema.field_with_name(name).map_err(|e| internal(e.to_string()))?;
    Ok(array_of(&values, field.data_type())?)
}

fn word_of(cause: Cause) -> &'static str {
    match cause {
        Cause::Event => "event",
        Cause::Time => "time",
        Cause::Late => "late",
        Cause::Property => "property",
        Cause::Merge => "merge",
        Cause::Definition => "definition",
        Cause::Erase => "erase",
    }
}
