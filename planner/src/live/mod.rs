//! What a stream asks of the planner: the same lowering of conditions, the same reading of ranges and the same folds as for queries, applied to
//! rows as they arrive and to single entities instead of a whole scan. A stream and a query cannot disagree about what a condition means.
//!
//! Whatever depends on more than its own row and the rows that it leads to says `None` here: its segment is evaluated as a query.

mod aggregate;
mod codes;
mod entity;
mod event;
mod marks;
mod members;
mod range;
mod rows;
mod steady;
mod value;

pub use aggregate::aggregate_run;
pub use codes::Codes;
pub use entity::EntityExpr;
pub use event::EventExpr;
pub use marks::{Carried, Kind, Mark, MarkSpec, Marks};
pub use members::members;
pub use range::{LiveRange, RangeMemo};
pub use rows::{History, LiveRows};
pub use steady::{is_fixed, is_steady};
pub use value::ColumnsExpr;

use datafusion::common::DataFusionError;
use eql_compiler::bound::{Clock, Window};
use eql_grammar::ast::Unit;
use std::fmt;

/// What went wrong while a stream was followed: the words are those of the planner.
#[derive(Debug)]
pub struct LiveError(String);

impl LiveError {
    /// With these words.
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

impl fmt::Display for LiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LiveError {}

impl From<DataFusionError> for LiveError {
    fn from(e: DataFusionError) -> Self {
        Self(e.to_string())
    }
}

impl From<arrow::error::ArrowError> for LiveError {
    fn from(e: arrow::error::ArrowError) -> Self {
        Self(e.to_string())
    }
}

impl From<eql_store::StoreError> for LiveError {
    fn from(e: eql_store::StoreError) -> Self {
        Self(e.to_string())
    }
}

/// A length of time, resolved.
///
/// # Errors
/// An unknown zone; binding has checked it.
pub fn window(w: &Window) -> Result<eql_timeline::Window, LiveError> {
    Ok(crate::clock::window(w)?)
}

/// What numbers the periods of a unit in a clock's zone.
///
/// # Errors
/// An unknown zone; binding has checked it.
pub fn bucketer(clock: &Clock, unit: Unit) -> Result<eql_timeline::Bucketer, LiveError> {
    Ok(eql_timeline::Bucketer::new(crate::clock::calendar(clock)?, crate::clock::unit(unit), 1))
}
