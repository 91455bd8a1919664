//! An expression over columns that are at hand.

use super::{LiveError, is_steady};
use crate::planner::Planner;
use crate::row::Compiled;
use arrow::array::ArrayRef;
use eql_compiler::bound::{Expr, ScanColumn};

/// An expression over given columns, compiled once.
pub struct ColumnsExpr(pub(super) Compiled);

impl std::fmt::Debug for ColumnsExpr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ColumnsExpr")
    }
}

impl ColumnsExpr {
    /// None when its value depends on the clock or on other queries.
    ///
    /// # Errors
    /// What the lowering refuses.
    pub fn new(planner: &Planner, columns: &[ScanColumn], expr: &Expr) -> Result<Option<Self>, LiveError> {
        if !is_steady(expr) {
            return Ok(None);
        }
        Ok(Some(Self(Compiled::new(&planner.world, columns, expr)?)))
    }

    /// One value a row.
    ///
    /// # Errors
    /// What the expression meets, such as a cast that fails.
    pub fn evaluate(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<ArrayRef, LiveError> {
        Ok(self.0.evaluate(columns, rows)?)
    }
}
