//! Outer joins as they are: what held below one does not hold above it.
//!
//! DataFusion goes on to hold a column that was constant below an outer join for constant, although the join adds NULLs to it, and drops a sort by
//! it. So each outer join gets a node above it that promises nothing, before the rules that drop sorts run.

use arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, JoinType, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use std::fmt::Formatter;
use std::sync::Arc;

/// Puts the node above each outer join.
#[derive(Debug)]
pub(crate) struct OuterJoins;

impl PhysicalOptimizerRule for OuterJoins {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let wrap = |node: Arc<dyn ExecutionPlan>| {
            Ok(if is_outer(&node) {
                Transformed::yes(Arc::new(Unpromised::new(node)) as Arc<dyn ExecutionPlan>)
            } else {
                Transformed::no(node)
            })
        };
        Ok(plan.transform_up(wrap)?.data)
    }

    fn name(&self) -> &str {
        "outer_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn is_outer(node: &Arc<dyn ExecutionPlan>) -> bool {
    let node: &dyn ExecutionPlan = node.as_ref();
    let kind = node
        .downcast_ref::<HashJoinExec>()
        .map(|j| *j.join_type())
        .or_else(|| node.downcast_ref::<NestedLoopJoinExec>().map(|j| *j.join_type()))
        .or_else(|| node.downcast_ref::<SortMergeJoinExec>().map(|j| j.join_type()));
    matches!(kind, Some(JoinType::Left | JoinType::Right | JoinType::Full))
}

/// The rows of a join, with nothing known of their values and their order.
#[derive(Debug)]
struct Unpromised {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl Unpromised {
    fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let below = input.properties();
        let schema: SchemaRef = input.schema();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            below.output_partitioning().clone(),
            below.emission_type,
            below.boundedness,
        );
        Self { input, properties: Arc::new(properties) }
    }
}

impl DisplayAs for Unpromised {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "OuterRowsExec")
    }
}

impl ExecutionPlan for Unpromised {
    fn name(&self) -> &str {
        "OuterRowsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(&self, _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop().ok_or_else(|| DataFusionError::Internal("outer rows without a join".into()))?;
        Ok(Arc::new(Self::new(input)))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }
}
