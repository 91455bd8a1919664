//! Rows as they are, without what DataFusion believes of them.

use super::scan_table;
use super::stage::{Stage, StageTable};
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use std::sync::Arc;

#[derive(Debug)]
struct Same;

impl Stage for Same {
    fn name(&self) -> &'static str {
        "rows as they are"
    }

    fn by_batch(&self) -> bool {
        true
    }

    fn apply(&self, input: RecordBatch) -> Result<RecordBatch> {
        Ok(input)
    }
}

/// A plan after UNNEST. DataFusion goes on to hold the group keys below for unique, and drops a sort by anything behind them.
pub(super) fn unnested(builder: LogicalPlanBuilder) -> Result<LogicalPlan> {
    opaque("steps", builder.build()?)
}

/// A query inside an expression. DataFusion looks at such a query once for the query around it and once for itself, and so on inside: twice as
/// long with each level. One that holds others is planned by itself, so that nobody sees more than one level.
pub(super) fn alone(input: LogicalPlan) -> Result<LogicalPlan> {
    if holds_queries(&input)? { opaque("inner", input) } else { Ok(input) }
}

/// Whether an expression of the plan holds a query.
fn holds_queries(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply(|node| {
        node.apply_subqueries(|_| {
            found = true;
            Ok(TreeNodeRecursion::Stop)
        })
    })?;
    Ok(found)
}

fn opaque(name: &str, input: LogicalPlan) -> Result<LogicalPlan> {
    let schema = Arc::new(super::nullable(input.schema().as_arrow()));
    scan_table(name, Arc::new(StageTable { input, stage: Arc::new(Same), schema }))?.build()
}
