//! JOURNEY: where only its first or its last rows are asked for, the others are not read.

use crate::fold::{Edge, JourneyFold};
use crate::planner::Planner;
use datafusion::common::Result;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use eql_compiler::bound::{ColumnId, ExprKind, Journey, Leaf, Rel, SortKey};
use std::sync::Arc;

/// The journey below an order, and which end of it so many rows of that order are.
pub(super) fn edge(input: &Rel, rows: Option<usize>) -> Option<(&Journey, Edge)> {
    let (Rel::Sort(journey, keys), Some(rows)) = (input, rows) else { return None };
    let Rel::Journey(journey) = journey.as_ref() else { return None };
    let is_time = |id: ColumnId| id == journey.place || journey.columns.iter().any(|c| c.id == id && c.leaf == Leaf::Time);
    let last = keys.first()?.descending;
    // The rows lie in the order of time, and of their places.
    let along = |k: &SortKey| k.descending == last && matches!(k.expr.kind, ExprKind::Column(id) if is_time(id));
    keys.iter().all(along).then_some((journey.as_ref(), Edge { rows, last }))
}

impl Planner {
    pub(super) fn journey(&self, journey: &Journey, edge: Option<Edge>) -> Result<LogicalPlan> {
        self.fold("journey", Arc::new(JourneyFold { journey: journey.clone(), edge }))?.build()
    }

    /// Rows in the order that `like` asks for.
    pub(super) fn sorted(&self, rows: LogicalPlan, like: &Rel) -> Result<LogicalPlan> {
        match like {
            Rel::Sort(_, keys) => LogicalPlanBuilder::from(rows).sort(self.sort_keys(keys)?)?.build(),
            _ => Ok(rows),
        }
    }
}
