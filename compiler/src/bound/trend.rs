//! What TREND adds to a relation: periods without rows, ranges of single measures.

use super::{ColumnId, Every, Rel, TimeRange};

/// Adds a row for each period of the range and each group seen that lacks one.
#[derive(Clone, Debug, PartialEq)]
pub struct Fill {
    /// Rows to fill.
    pub input: Rel,
    /// The period column.
    pub period: ColumnId,
    /// Length of a period.
    pub every: Every,
    /// The range.
    pub during: TimeRange,
    /// Group columns.
    pub groups: Vec<ColumnId>,
    /// Counts and sums: 0 instead of NULL.
    pub zero: Vec<ColumnId>,
}

/// TREND with ranges of single measures: a row comes once for its own period, lane 0, and once for every period whose range holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Lanes {
    /// Event rows.
    pub input: Rel,
    /// Their time.
    pub time: ColumnId,
    /// Result column: 0 for the head's range, then the number of the range from 1.
    pub lane: ColumnId,
    /// Result column of the period; None is one period, the whole range.
    pub period: Option<(ColumnId, Every)>,
    /// The head's range.
    pub during: TimeRange,
    /// The others, each relative to the end of a period.
    pub ranges: Vec<TimeRange>,
}
