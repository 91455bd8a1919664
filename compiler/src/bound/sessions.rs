//! SESSIONS, bound.

use super::{Aggregate, Clock, ColumnId, EntityValue, EventSelect, RowExpr, ScanColumn, TimeRange};
use eql_catalog::EntityTypeId;

/// SESSIONS, bound: one row a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Sessions {
    /// Whose timeline.
    pub subject: EntityTypeId,
    /// Which subjects.
    pub among: Option<EntityValue>,
    /// How they are cut.
    pub cut: SessionCut,
    /// Bounds `started_at`.
    pub during: TimeRange,
    /// Columns of a session row.
    pub columns: Vec<(ColumnId, SessionColumn)>,
    /// Columns of event rows that aggregates read.
    pub event_columns: Vec<ScanColumn>,
    /// Zone and AS OF.
    pub clock: Clock,
}

/// How a timeline is cut into sessions.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionCut {
    /// Which events belong to sessions.
    pub over: EventSelect,
    /// Idle microseconds that end a session.
    pub timeout: i64,
    /// Longest session in microseconds.
    pub max: Option<i64>,
    /// Cut before.
    pub starting: Option<EventSelect>,
    /// Cut after.
    pub ending: Option<EventSelect>,
    /// Cut where the values change.
    pub split: Vec<RowExpr>,
}

/// A column of a session.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionColumn {
    /// A key column of the subject.
    Key(usize),
    /// Hash of subject and first event id, STRING.
    SessionId,
    /// Time of the first event.
    StartedAt,
    /// Time of the last event.
    EndedAt,
    /// Seconds between them.
    Duration,
    /// Event rows.
    Depth,
    /// A value on the first row.
    Entry(RowExpr),
    /// A value on the last row.
    Exit(RowExpr),
    /// A value of the subject.
    Subject(EntityValue),
    /// An aggregate over the session's event rows.
    Aggregate(Aggregate),
}
