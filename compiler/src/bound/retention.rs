//! RETENTION and LTV, bound.

use super::{Aggregate, Breakdown, Clock, ColumnId, EntityValue, EventSelect, Every, Expr, RowExpr, ScanColumn, TimeRange, Top};
use eql_catalog::EntityTypeId;
use eql_grammar::ast::Unit;

/// The cells of a retention table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// 0…n of this unit.
    Periods(u64, Unit),
    /// Brackets `[a, b)` of this unit.
    Brackets(Vec<i64>, Unit),
}

/// RETENTION, bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Retention {
    /// Whose timeline.
    pub subject: EntityTypeId,
    /// By which role.
    pub role: Option<String>,
    /// Which subjects.
    pub among: Option<EntityValue>,
    /// The start.
    pub starting: EventSelect,
    /// The return.
    pub returning: EventSelect,
    /// Start and return are the same event with the same condition.
    pub same: bool,
    /// Bounds the start.
    pub during: TimeRange,
    /// Cohorts; None is one cohort.
    pub every: Option<(ColumnId, Every)>,
    /// The cells.
    pub cells: Cells,
    /// 24-hour windows instead of calendar periods.
    pub rolling: bool,
    /// Only a subject's first start ever.
    pub first_time: bool,
    /// n or later.
    pub unbounded: bool,
    /// Returns must be strictly later.
    pub ties_forbidden: bool,
    /// Start and return share these values.
    pub holding: Vec<RowExpr>,
    /// Values on the start row.
    pub breakdown: Vec<Breakdown>,
    /// Cut to the greatest groups.
    pub top: Option<Top>,
    /// Result columns: size, n, returned, rate.
    pub output: [ColumnId; 4],
    /// What is measured on the rows of a cell.
    pub measures: Option<Measures>,
    /// `SHOW ENTITIES`: a row for every entity, group and cell in which it came back.
    pub listed: Option<Listed>,
    /// Zone and AS OF.
    pub clock: Clock,
}

/// Measures over the return rows of a cell: MEASURE of RETENTION, and all of LTV.
#[derive(Clone, Debug, PartialEq)]
pub struct Measures {
    /// Columns of the start row.
    pub start_columns: Vec<ScanColumn>,
    /// Columns of the return row.
    pub columns: Vec<ScanColumn>,
    /// True where the return row is the start row itself, NULL where there is no return row.
    pub is_start: ColumnId,
    /// Over the rows of a cell.
    pub aggregates: Vec<(ColumnId, Aggregate)>,
    /// Result columns over the aggregates and `size`.
    pub output: Vec<(ColumnId, Expr)>,
    /// A cell has the rows of all cells before it, too.
    pub cumulative: bool,
}

/// Entities of a retention: key columns, `started_at`, and n.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Key columns.
    pub keys: Vec<ColumnId>,
    /// Time of the start row.
    pub started_at: ColumnId,
    /// CONVERTED or DROPPED: only those that came back, or only those that did not.
    pub converted: Option<bool>,
}
