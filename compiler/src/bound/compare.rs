//! COMPARE TO, bound.

use super::{ColumnId, Every, Expr, Rel, TimeRange};

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
    /// Columns of the other range.
    pub added: Vec<ComparedColumn>,
}

/// A column of the other range beside those of the main one.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedColumn {
    /// In the result.
    pub id: ColumnId,
    /// Among the other rows.
    pub other: ColumnId,
    /// Its value where the other range has the period but nothing happened in the group: a constant. None is NULL.
    pub nothing: Option<Expr>,
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
