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
        "rows of lists"
    }

    fn apply(&self, input: RecordBatch) -> Result<RecordBatch> {
        Ok(input)
    }
}

/// A plan after UNNEST. DataFusion goes on to hold the group keys below for unique, and drops a sort by anything behind them.
pub(super) fn unnested(builder: LogicalPlanBuilder) -> Result<LogicalPlan> {
    let input = builder.build()?;
    let schema = Arc::new(super::nullable(input.schema().as_arrow()));
    scan_table("steps", Arc::new(StageTable { input, stage: Arc::new(Same), schema }))?.build()
}
