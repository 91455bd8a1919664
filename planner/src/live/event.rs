//! Conditions and values on event rows, compiled once and read from whatever rows are at hand: those of one commit, or all of history.

use super::{EntityExpr, LiveError, is_steady};
use crate::planner::Planner;
use crate::row::{Compiled, extra};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray, UInt32Array, new_null_array};
use arrow::datatypes::{DataType as ArrowType, UInt32Type};
use eql_catalog::{EntityTypeId, EventTypeId};
use eql_compiler::bound::{EntityValue, Expr, Leaf, Link, RowExpr, ScanColumn};
use eql_store::{EventColumn, EventRows, Snapshot, arrow_type};
use std::sync::Arc;

/// An expression over the rows of one event type.
pub struct EventExpr {
    readers: Vec<Reader>,
    compiled: Compiled,
    reads: Vec<EntityTypeId>,
    keyed: Vec<EntityTypeId>,
    segments: Vec<String>,
}

impl std::fmt::Debug for EventExpr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventExpr").field("columns", &self.readers.len()).finish_non_exhaustive()
    }
}

/// How one column is read.
enum Reader {
    Stored(EventColumn),
    Name(String),
    Null(ArrowType),
    Extra(String),
    Ordinal(usize),
    /// A value of a participant; None is no participant.
    Participant(Option<usize>, EntityExpr),
    /// A value of the entity whose key these columns are.
    Keyed(Vec<Reader>, EntityTypeId, EntityExpr),
}

impl EventExpr {
    /// None when it asks for more than the row and the entities that it leads to.
    ///
    /// # Errors
    /// What the lowering refuses.
    pub fn new(planner: &Planner, event: EventTypeId, row: &RowExpr) -> Result<Option<Self>, LiveError> {
        if !is_steady(&row.expr) {
            return Ok(None);
        }
        let mut made = Self {
            readers: vec![],
            compiled: Compiled::new(&planner.world, &row.columns, &row.expr)?,
            reads: vec![],
            keyed: vec![],
            segments: vec![],
        };
        for c in &row.columns {
            match made.reader(planner, event, c)? {
                Some(reader) => made.readers.push(reader),
                None => return Ok(None),
            }
        }
        Ok(Some(made))
    }

    /// Entity types whose rows it reads.
    pub fn reads(&self) -> &[EntityTypeId] {
        &self.reads
    }

    /// Those of them that are found by their keys: an entity that becomes known may be the one that earlier rows speak of.
    pub fn keyed(&self) -> &[EntityTypeId] {
        &self.keyed
    }

    /// Stored segments whose members it reads.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// One value for each of the rows.
    ///
    /// # Errors
    /// A damaged file, or what the expression meets.
    pub fn read(&self, snapshot: &Snapshot, events: &EventRows, rows: &[u32]) -> Result<ArrayRef, LiveError> {
        let columns = self.readers.iter().map(|r| r.read(snapshot, events, rows)).collect::<Result<_, _>>()?;
        Ok(self.compiled.evaluate(columns, rows.len())?)
    }

    /// Which of the rows pass; NULL counts as not.
    ///
    /// # Errors
    /// As [`EventExpr::read`].
    pub fn passes(&self, snapshot: &Snapshot, events: &EventRows, rows: &[u32]) -> Result<Vec<bool>, LiveError> {
        let values = self.read(snapshot, events, rows)?;
        let values = values.as_boolean();
        Ok((0..values.len()).map(|i| values.is_valid(i) && values.value(i)).collect())
    }

    fn reader(&mut self, planner: &Planner, event: EventTypeId, column: &ScanColumn) -> Result<Option<Reader>, LiveError> {
        let of = |by: &[(EventTypeId, usize)]| by.iter().find(|(e, _)| *e == event).map(|(_, i)| *i);
        let null = || Reader::Null(arrow_type(&column.data_type));
        Ok(Some(match &column.leaf {
            Leaf::EventName => {
                Reader::Name(planner.world.snapshot.catalog().event_by_id(event).map_or_else(String::new, |e| e.name.clone()))
            }
            Leaf::Time => Reader::Stored(EventColumn::Time),
            Leaf::EventId => Reader::Stored(EventColumn::EventId),
            Leaf::ReceivedAt => Reader::Stored(EventColumn::Received),
            Leaf::EventProperty(by) => match by.iter().find(|(e, _)| *e == event) {
                Some((_, p)) => Reader::Stored(EventColumn::Property(*p)),
                None => null(),
            },
            Leaf::ParticipantKey(by, entity, key) => match of(by) {
                Some(i) => {
                    let column = ScanColumn { leaf: Leaf::Key(*key), ..column.clone() };
                    let expr = Expr::column(column.id, column.data_type.clone());
                    let value = EntityValue { entity: *entity, value: RowExpr { columns: vec![column], expr } };
                    // A key does not change: nothing has to be read again when the row of its entity does.
                    let Some(value) = EntityExpr::new(planner, &value)? else { return Ok(None) };
                    Reader::Participant(Some(i), value)
                }
                None => null(),
            },
            Leaf::ParticipantOrdinal(by, _) => of(by).map_or_else(|| Reader::Null(ArrowType::Int64), Reader::Ordinal),
            Leaf::Extra(name) => Reader::Extra(name.clone()),
            leaf @ Leaf::Through(Link::Participant(by), value) if !leaf.at_event() => {
                let Some(value) = self.entity(planner, value)? else { return Ok(None) };
                Reader::Participant(of(by), value)
            }
            leaf @ Leaf::Through(Link::Key(source), value) if !leaf.at_event() => {
                let mut readers = Vec::with_capacity(source.len());
                for c in source {
                    match self.reader(planner, event, c)? {
                        Some(reader) => readers.push(reader),
                        None => return Ok(None),
                    }
                }
                let entity = value.entity;
                let Some(value) = self.entity(planner, value)? else { return Ok(None) };
                self.keyed.extend(value.reads());
                Reader::Keyed(readers, entity, value)
            }
            _ => return Ok(None),
        }))
    }

    fn entity(&mut self, planner: &Planner, value: &EntityValue) -> Result<Option<EntityExpr>, LiveError> {
        let made = EntityExpr::new(planner, value)?;
        if let Some(made) = &made {
            self.reads.extend(made.reads());
            self.segments.extend(made.segments().iter().cloned());
        }
        Ok(made)
    }
}

impl Reader {
    fn read(&self, snapshot: &Snapshot, events: &EventRows, rows: &[u32]) -> Result<ArrayRef, LiveError> {
        Ok(match self {
            Reader::Stored(column) => events.gather(column, rows)?,
            Reader::Name(name) => Arc::new(StringArray::from_iter_values(std::iter::repeat_n(name, rows.len()))),
            Reader::Null(t) => new_null_array(t, rows.len()),
            Reader::Extra(name) => extra(events.gather(&EventColumn::Extra, rows)?.as_string::<i32>(), name),
            Reader::Ordinal(i) => {
                let ordinals = events.gather(&EventColumn::Participant(*i), rows)?;
                Arc::new(ordinals.as_primitive::<UInt32Type>().iter().map(|o| o.map(i64::from)).collect::<Int64Array>())
            }
            Reader::Participant(Some(i), value) => {
                let ordinals = events.gather(&EventColumn::Participant(*i), rows)?;
                value.read(snapshot, ordinals.as_primitive::<UInt32Type>())?
            }
            Reader::Participant(None, value) => value.read(snapshot, &UInt32Array::new_null(rows.len()))?,
            Reader::Keyed(source, entity, value) => {
                let keys = source.iter().map(|r| r.read(snapshot, events, rows)).collect::<Result<Vec<_>, _>>()?;
                value.read(snapshot, &snapshot.entities(*entity)?.lookup(&keys)?)?
            }
        })
    }
}
