//! Buckets of a value.

use super::{ColumnId, Rel};
use eql_catalog::Value;

/// Counts rows by buckets of a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets {
    /// Rows: groups and the value.
    pub input: Rel,
    /// Group columns, kept.
    pub groups: Vec<ColumnId>,
    /// The value.
    pub value: ColumnId,
    /// How to cut.
    pub cut: Cut,
    /// Result columns: from, to, count.
    pub output: [ColumnId; 3],
    /// Different values of this column of the input, counted into that column of the result.
    pub distinct: Option<(ColumnId, ColumnId)>,
}

/// How a value is cut into buckets.
#[derive(Clone, Debug, PartialEq)]
pub enum Cut {
    /// `[a, b)` …, the last one open.
    Bounds(Vec<Value>),
    /// So many bins of one width from least to greatest.
    Bins(u64),
    /// One bucket a value while there are at most 50 values, else 20 bins.
    Automatic,
}
