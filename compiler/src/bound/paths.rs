//! PATHS, bound.

use super::{Aggregate, Clock, ColumnId, EntityValue, EventSelect, Expr, RowExpr, ScanColumn, SessionCut, TimeRange, Window};
use eql_catalog::EntityTypeId;

/// PATHS, bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Paths {
    /// Whose timeline.
    pub subject: EntityTypeId,
    /// By which role.
    pub role: Option<String>,
    /// Which subjects.
    pub among: Option<EntityValue>,
    /// Which rows are nodes, and of what name; the first that takes a row names it.
    pub nodes: Vec<PathNode>,
    /// Paths begin at the first of these.
    pub starting: Option<EventSelect>,
    /// Paths end at the last of these.
    pub ending: Option<EventSelect>,
    /// Where one path ends and another begins.
    pub cut: PathCut,
    /// Most nodes of a path.
    pub depth: usize,
    /// Equal neighbours stay two nodes.
    pub keep_repeats: bool,
    /// Bounds the start of a session, or the first event of a window.
    pub during: TimeRange,
    /// MEASURE.
    pub measures: Option<PathMeasures>,
    /// What is shown.
    pub show: PathShow,
    /// Zone and AS OF.
    pub clock: Clock,
}

/// Aggregates over the event rows of paths.
#[derive(Clone, Debug, PartialEq)]
pub struct PathMeasures {
    /// Columns of event rows that aggregates read.
    pub columns: Vec<ScanColumn>,
    /// The aggregates.
    pub aggregates: Vec<(ColumnId, Aggregate)>,
    /// The results, over the aggregates.
    pub output: Vec<(ColumnId, Expr)>,
}

/// Rows that are nodes of paths.
#[derive(Clone, Debug, PartialEq)]
pub struct PathNode {
    /// Which rows.
    pub events: EventSelect,
    /// Their name.
    pub name: NodeName,
}

/// What a node is called.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeName {
    /// The concrete event's name.
    Event,
    /// An alias.
    Text(String),
    /// A text of the row.
    Value(RowExpr),
}

/// What holds a path together.
#[derive(Clone, Debug, PartialEq)]
pub enum PathCut {
    /// A session.
    Session(SessionCut),
    /// A length of time from its first event.
    Within(Window),
}

/// What PATHS answers with.
#[derive(Clone, Debug, PartialEq)]
pub enum PathShow {
    /// One row a path: path, sessions, entities, share.
    Paths([ColumnId; 4]),
    /// One row a step and transition: step, source, target, sessions, entities, events.
    Edges([ColumnId; 6]),
    /// One row an entity and path.
    Entities {
        /// Key columns of the subject.
        keys: Vec<ColumnId>,
        /// Names of the nodes.
        path: ColumnId,
        /// How many of its paths are this one.
        sessions: ColumnId,
    },
}
