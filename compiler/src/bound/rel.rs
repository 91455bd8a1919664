//! Relations: rows with columns.

use super::{
    Aggregate, Buckets, ColumnId, Compare, Every, Expr, Fill, Funnel, Journey, Lanes, Lifecycle, Matches, Paths, Retention, Scan, Sessions,
    SortKey, Stickiness, TimeRange, TopRows, WindowCall,
};
use crate::system::SystemTable;
use eql_catalog::{DataType, EntityTypeId, Value};
use eql_grammar::ast;

/// A relation: rows with columns.
#[derive(Clone, Debug, PartialEq)]
pub enum Rel {
    /// One row without columns.
    OneRow,
    /// Rows that are known already.
    Values(Vec<(ColumnId, DataType)>, Vec<Vec<Value>>),
    /// Stored rows.
    Scan(Box<Scan>),
    /// All columns of a system table, in its order.
    System(SystemTable, Vec<ColumnId>),
    /// Rows that pass.
    Filter(Box<Rel>, Expr),
    /// Other columns.
    Project(Box<Rel>, Vec<(ColumnId, Expr)>),
    /// Groups.
    Aggregate(Box<Rel>, Vec<(ColumnId, Expr)>, Vec<(ColumnId, Aggregate)>),
    /// Window functions added to the rows.
    Window(Box<Rel>, Vec<(ColumnId, WindowCall)>),
    /// Order.
    Sort(Box<Rel>, Vec<SortKey>),
    /// Rows from an offset, at most so many.
    Limit(Box<Rel>, Option<u64>, u64),
    /// Different rows.
    Distinct(Box<Rel>),
    /// Pairs of rows.
    Join(Box<Rel>, Box<Rel>, ast::JoinKind, Option<Expr>),
    /// Set operation; columns as (result, left, right).
    Set(ast::SetOp, Box<Rel>, Box<Rel>, Vec<(ColumnId, ColumnId, ColumnId)>),
    /// Missing periods added.
    Fill(Box<Fill>),
    /// Rows once for every period and range in which they count.
    Lanes(Box<Lanes>),
    /// A question about a range, asked of each of its periods.
    Periods(Box<Periods>),
    /// The same question about two ranges, side by side.
    Compare(Box<Compare>),
    /// Equal bins or one bucket a value, counted.
    Buckets(Box<Buckets>),
    /// The greatest groups keep their names.
    Top(Box<TopRows>),
    /// FUNNEL.
    Funnel(Box<Funnel>),
    /// RETENTION.
    Retention(Box<Retention>),
    /// SESSIONS: one row a session.
    Sessions(Box<Sessions>),
    /// SEQUENCE, INTERVALS, ATTRIBUTION: one row a match.
    Matches(Box<Matches>),
    /// PATHS.
    Paths(Box<Paths>),
    /// LIFECYCLE, without the periods in which nothing happened.
    Lifecycle(Box<Lifecycle>),
    /// STICKINESS.
    Stickiness(Box<Stickiness>),
    /// JOURNEY: the events of one entity, in their order.
    Journey(Box<Journey>),
}

/// The rows of a question about entities for every period of a range: what they did in that period.
#[derive(Clone, Debug, PartialEq)]
pub struct Periods {
    /// The rows of the whole range.
    pub input: Rel,
    /// Whose behaviour is asked.
    pub subject: EntityTypeId,
    /// The range: behaviours that have it get each period in its place.
    pub during: TimeRange,
    /// Length of a period.
    pub every: Every,
    /// Result column of the period, the first one.
    pub period: ColumnId,
    /// A period without rows has one of NULLs.
    pub all: bool,
}
