//! BREAKDOWN BY and TOP, bound.

use super::{ColumnId, Expr, Query, Rel, RowExpr};

/// A breakdown of an analysis.
#[derive(Clone, Debug, PartialEq)]
pub struct Breakdown {
    /// The result's column.
    pub id: ColumnId,
    /// The value on the row it is taken from.
    pub value: RowExpr,
}

/// How a result is cut to its greatest groups, where the rows get their group inside a fold.
#[derive(Clone, Debug, PartialEq)]
pub struct Top {
    /// Answers with the groups that keep their names; what is in none of them is `(other)`. Run when the statement runs.
    pub ranking: Box<Query>,
}

/// The same over the rows of a relation: its columns, and the group columns beside them.
#[derive(Clone, Debug, PartialEq)]
pub struct TopRows {
    /// The rows.
    pub input: Rel,
    /// Group columns of the result, and their values over the rows: STRING.
    pub keys: Vec<(ColumnId, Expr)>,
    /// Answers with the groups that keep their names.
    pub ranking: Query,
}
