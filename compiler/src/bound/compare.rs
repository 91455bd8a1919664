//! COMPARE TO, bound.

use super::{ColumnId, Every, Rel, TimeRange};

/// `COMPARE TO`: rows of the main range, with values of the row in the same place of the other range.
#[derive(Clone, Debug, PartialEq)]
pub struct Compare {
    /// About the main range.
    pub main: Rel,
    /// About the other.
    pub other: Rel,
    /// Columns of periods: they agree when they have the same place in their range.
    pub period: Option<ComparedPeriod>,
    /// Columns that agree, missing values too: (main, other).
    pub keys: Vec<(ColumnId, ColumnId)>,
    /// Columns of the other range: (result, other).
    pub added: Vec<(ColumnId, ColumnId)>,
}

/// The periods of two ranges.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedPeriod {
    /// Column of the main rows.
    pub main: ColumnId,
    /// Column of the others.
    pub other: ColumnId,
    /// The grain of both.
    pub every: Every,
    /// The main range.
    pub during: TimeRange,
    /// The other range.
    pub compared: TimeRange,
}
