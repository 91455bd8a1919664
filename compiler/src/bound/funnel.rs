//! FUNNEL, bound.

use super::{
    Aggregate, Breakdown, Clock, ColumnId, Cut, EntityValue, EventSelect, Every, Excluded, Expr, RowExpr, ScanColumn, SessionCut, Step,
    TimeRange, Top, Window,
};
use eql_catalog::{DataType, EntityTypeId};
use eql_grammar::ast;

/// From which of an attempt's rows a breakdown is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowAt {
    /// The row that fills a step, from 0; in any order step 0 stands for the earliest row.
    Step(usize),
    /// The last one matched.
    Last,
    /// Every one: an attempt counts in each of their groups.
    All,
}

/// What a funnel counts.
#[derive(Clone, Debug, PartialEq)]
pub enum FunnelCount {
    /// Entities, once a group.
    Entities,
    /// Attempts.
    Attempts,
    /// Sessions: attempts inside one, at most one each.
    Sessions(Box<SessionCut>),
}

impl FunnelCount {
    /// The name of the counted column.
    pub fn word(&self) -> &'static str {
        match self {
            FunnelCount::Entities => "entities",
            FunnelCount::Attempts => "attempts",
            FunnelCount::Sessions(_) => "sessions",
        }
    }
}

/// FUNNEL, bound. Result columns in the contract's order stand in `output`.
#[derive(Clone, Debug, PartialEq)]
pub struct Funnel {
    /// Whose timeline.
    pub subject: EntityTypeId,
    /// By which role.
    pub role: Option<String>,
    /// Which subjects: a predicate over the entity.
    pub among: Option<EntityValue>,
    /// The steps.
    pub steps: Vec<Step>,
    /// From the first step; None only when counting sessions.
    pub window: Option<Window>,
    /// Bounds the first step.
    pub during: TimeRange,
    /// Steps must be strictly later.
    pub ties_forbidden: bool,
    /// How they follow each other.
    pub mode: ast::OrderMode,
    /// STRICT: every event that breaks it.
    pub visible: Option<EventSelect>,
    /// STRICT: events that do not break it.
    pub ignoring: Vec<EventSelect>,
    /// Events that void an attempt.
    pub excluding: Option<Excluded>,
    /// The event that ends an attempt.
    pub until: Option<Excluded>,
    /// Which attempt.
    pub reentry: ast::Reentry,
    /// What is counted.
    pub counting: FunnelCount,
    /// All steps share these values.
    pub holding: Vec<RowExpr>,
    /// Periods of the first step.
    pub every: Option<(ColumnId, Every)>,
    /// Values on a row of the attempt.
    pub breakdown: Vec<Breakdown>,
    /// Which row gives each breakdown.
    pub attributed: Vec<RowAt>,
    /// Cut to the greatest groups.
    pub top: Option<Top>,
    /// MEASURE.
    pub measures: LineMeasures,
    /// What is shown.
    pub show: FunnelShow,
    /// Zone and AS OF.
    pub clock: Clock,
}

/// Aggregates over the rows that attempts matched, line by line of the result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LineMeasures {
    /// Columns of the row that fills the line's step.
    pub line_columns: Vec<ScanColumn>,
    /// Columns of rows that are named by a step: the step from 0.
    pub step_columns: Vec<(usize, ScanColumn)>,
    /// Values of an attempt that aggregates range over.
    pub values: Vec<MatchedValue>,
    /// The aggregates of each line, over `values`.
    pub lines: Vec<Vec<(ColumnId, Aggregate)>>,
    /// The results with their type, and for each line the expression over its aggregates.
    pub output: Vec<(ColumnId, DataType, Vec<Expr>)>,
}

/// A value of one attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchedValue {
    /// Its column.
    pub id: ColumnId,
    /// The line's step, from 0.
    pub step: usize,
    /// Over line and step columns.
    pub expr: Expr,
}

/// What a funnel answers with.
#[derive(Clone, Debug, PartialEq)]
pub enum FunnelShow {
    /// One row a step: step, name, entities, open, rate, step_rate, rate_closed, median_seconds, avg_seconds.
    Steps([ColumnId; 9]),
    /// One row a bucket of the seconds from the first to the last step: seconds_from, seconds_to, the count.
    TimeToConvert(Cut, [ColumnId; 3]),
    /// One row an entity: key columns, reached, t1…tn; only these that converted (true) or dropped (false) at or after a step.
    Entities {
        /// Key columns.
        keys: Vec<ColumnId>,
        /// Highest step.
        reached: ColumnId,
        /// Times of the steps.
        times: Vec<ColumnId>,
        /// CONVERTED or DROPPED.
        converted: Option<bool>,
        /// (AFTER, step).
        step: Option<(bool, u64)>,
    },
}
