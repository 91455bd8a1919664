//! Statements, bound.

use super::{Query, Refresh, Subscribe};
use eql_catalog::{Change, EntityTypeId, EventTypeId, PropertyId, Value, WeekStart};
use eql_grammar::ast;

/// A setting of SET.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Setting {
    Now(Option<ast::Instant>),
    TimeZone(String),
    WeekStart(WeekStart),
    Dialect(String),
    ResultCache(bool),
    Threads(usize),
    MemoryLimit(u64),
    TimeoutMs(u64),
}

/// A statement, bound.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// Rows are asked for.
    Query(Query),
    /// The catalog changes; with the words for the user.
    Change(Change, String),
    /// An identical definition again: nothing to do.
    Nothing(String),
    /// A version of a segment or a tag is made.
    Refresh(Box<Refresh>),
    /// Members of a stored segment are added: their keys; with KEEP in microseconds.
    AddMembers(String, EntityTypeId, Inserted, Option<u64>),
    /// Values of an imported tag are set: keys, then the value; with KEEP in microseconds.
    AddTagValues(String, EntityTypeId, Inserted, Option<u64>),
    /// Entities are upserted: columns of the entity type by property number.
    PutEntities(EntityTypeId, Vec<PropertyId>, Inserted),
    /// Events are added.
    AddEvents(EventTypeId, Vec<EventTarget>, Inserted),
    /// A setting of the session.
    Set(Setting),
    /// Changes are followed.
    Subscribe(Box<Subscribe>),
    /// EXPLAIN of a rung.
    Explain(ast::ExplainRung, Box<Statement>),
    /// Understood, checked, but carried out only by a later version.
    Later(&'static str),
}

/// What INSERT inserts.
#[derive(Clone, Debug, PartialEq)]
pub enum Inserted {
    /// Constants, row by row, of the types of the columns.
    Values(Vec<Vec<Value>>),
    /// The rows of a query, cast to these types.
    Query(Box<Query>),
}

/// Where a column of INSERT INTO EVENT goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventTarget {
    /// `time`.
    Time,
    /// `event_id`.
    EventId,
    /// `received_at`.
    ReceivedAt,
    /// A key column of a participant: its place, and which column.
    Key(usize, usize),
    /// A declared property.
    Property(PropertyId),
}
