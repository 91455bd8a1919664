//! Rows as they are, without what DataFusion believes of them.

use super::scan_table;
use super::stage::{Stage, StageTable};
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
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

/// A plan after an outer join. DataFusion goes on to hold a column that was constant below for constant, although the join adds NULLs to it,
/// and drops a sort by it.
pub(super) fn outer_joined(input: LogicalPlan) -> Result<LogicalPlan> {
    opaque("joined", input)
}

fn opaque(name: &str, input: LogicalPlan) -> Result<LogicalPlan> {
    let schema = Arc::new(super::nullable(input.schema().as_arrow()));
    scan_table(name, Arc::new(StageTable { input, stage: Arc::new(Same), schema }))?.build()
}
