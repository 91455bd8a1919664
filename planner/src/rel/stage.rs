//! Stages that need all rows of their input at once, and small ones: missing periods, buckets.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, Partitioning, PlanProperties};
use futures::TryStreamExt;
use std::fmt::Formatter;
use std::pin::Pin;
use std::sync::Arc;

/// What is done with all rows.
pub(crate) trait Stage: Send + Sync + std::fmt::Debug {
    /// For plans.
    fn name(&self) -> &'static str;
    /// The rows, reworked.
    fn apply(&self, input: RecordBatch) -> Result<RecordBatch>;
    /// True when rows may come in batches, one after the other.
    fn by_batch(&self) -> bool {
        false
    }
}

/// Rows a stage takes at most: groups by periods, or one value an entity.
const ROWS_MAX: usize = 50_000_000;

/// A stage over a plan, as a table.
pub(crate) struct StageTable {
    pub input: LogicalPlan,
    pub stage: Arc<dyn Stage>,
    pub schema: SchemaRef,
}

impl std::fmt::Debug for StageTable {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.stage)
    }
}

impl TableProvider for StageTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn scan<'a, 'b, 'c, 'd, 'f>(
        &'a self,
        state: &'b dyn Session,
        projection: Option<&'c Vec<usize>>,
        _: &'d [Expr],
        _: Option<usize>,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<dyn ExecutionPlan>>> + Send + 'f>>
    where
        'a: 'f,
        'b: 'f,
        'c: 'f,
        'd: 'f,
        Self: 'f,
    {
        Box::pin(self.make(state, projection.cloned()))
    }
}

impl StageTable {
    async fn make(&self, state: &dyn Session, projection: Option<Vec<usize>>) -> Result<Arc<dyn ExecutionPlan>> {
        let input = state.create_physical_plan(&self.input).await?;
        let columns = projection.unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        Ok(Arc::new(StageExec::new(input, self.stage.clone(), self.schema.clone(), columns)?))
    }
}

/// Runs a stage.
#[derive(Debug)]
struct StageExec {
    input: Arc<dyn ExecutionPlan>,
    stage: Arc<dyn Stage>,
    whole: SchemaRef,
    columns: Vec<usize>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl StageExec {
    fn new(input: Arc<dyn ExecutionPlan>, stage: Arc<dyn Stage>, whole: SchemaRef, columns: Vec<usize>) -> Result<Self> {
        let schema: SchemaRef = Arc::new(whole.project(&columns)?);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema.clone()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Ok(Self { input, stage, whole, columns, schema, properties: Arc::new(properties) })
    }
}

impl DisplayAs for StageExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "StageExec: {}", self.stage.name())
    }
}

impl ExecutionPlan for StageExec {
    fn name(&self) -> &str {
        "StageExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(&self, _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop().ok_or_else(|| DataFusionError::Internal("a stage without input".into()))?;
        Ok(Arc::new(Self::new(input, self.stage.clone(), self.whole.clone(), self.columns.clone())?))
    }

    fn execute(&self, _: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = datafusion::physical_plan::execute_stream(self.input.clone(), context)?;
        let (stage, columns, schema) = (self.stage.clone(), self.columns.clone(), self.input.schema());
        if stage.by_batch() {
            let each = input.and_then(move |b| std::future::ready(stage.apply(b).and_then(|b| Ok(b.project(&columns)?))));
            return Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), each)));
        }
        let work = async move {
            let mut rows = 0;
            let mut batches = Vec::new();
            let mut input = input;
            while let Some(b) = input.try_next().await? {
                rows += b.num_rows();
                if rows > ROWS_MAX {
                    return Err(DataFusionError::ResourcesExhausted(format!("{} takes at most {ROWS_MAX} rows", stage.name())));
                }
                batches.push(b);
            }
            let all = arrow::compute::concat_batches(&schema, &batches)?;
            Ok(stage.apply(all)?.project(&columns)?)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), futures::stream::once(work))))
    }
}
