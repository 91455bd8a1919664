//! Steps of funnels and sequences.

use super::{EventSelect, Expr, RowExpr, ScanColumn, Window};

/// A step of a funnel or sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What the result calls it.
    pub name: String,
    /// Which rows.
    pub events: EventSelect,
    /// `OPTIONAL`.
    pub optional: bool,
    /// `NOT`.
    pub negated: bool,
    /// The step's own window.
    pub within: Option<Window>,
    /// Conditions that look at rows of earlier steps.
    pub pairs: Vec<PairCondition>,
}

/// A condition between the row of an earlier step and the row of this one.
#[derive(Clone, Debug, PartialEq)]
pub struct PairCondition {
    /// Number of the earlier step, from 0.
    pub earlier: usize,
    /// Columns of the earlier row.
    pub earlier_columns: Vec<ScanColumn>,
    /// Columns of this step's row.
    pub later_columns: Vec<ScanColumn>,
    /// Over both.
    pub expr: Expr,
}

/// An event that must stay away: EXCLUDING, UNTIL.
#[derive(Clone, Debug, PartialEq)]
pub struct Excluded {
    /// Which events.
    pub events: EventSelect,
    /// Between which steps, from 0; None is from the first matched row to the last.
    pub between: Option<(usize, usize)>,
    /// The values of HOLDING on its rows; None where it has none: it then counts whatever the value.
    pub holding: Option<Vec<RowExpr>>,
}
