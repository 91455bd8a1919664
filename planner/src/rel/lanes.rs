//! TREND with ranges of single measures: `users(ANY EVENT DURING last 30 days) EVERY day`. A row of events is repeated for every period whose
//! range holds it, batch by batch; which periods these are is found by bisection, as both ends of the ranges rise with the periods.

use super::scan_table;
use crate::clock;
use crate::fold::period_column;
use crate::lower::{column_name, plan_column};
use crate::planner::Planner;
use crate::row::store_error;
use arrow::array::{ArrayRef, AsArray, Int64Array, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr as DfExpr, LogicalPlan, LogicalPlanBuilder, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use eql_compiler::bound::{Lanes, Rel, Scan, Source, TimeRange};
use futures::{StreamExt, TryStreamExt};
use std::fmt::Formatter;
use std::pin::Pin;
use std::sync::Arc;

/// Periods more than this are an error of the range, not a result.
const PERIODS_MAX: i64 = 100_000;
/// Rows of a batch that is made.
const ROWS: usize = 1 << 15;

/// For every lane and period the stretch of time `[start, end)` whose rows count.
#[derive(Debug)]
struct Table {
    lanes: Vec<Vec<(i64, i64)>>,
    /// The periods as the result shows them.
    labels: Option<ArrayRef>,
}

impl Planner {
    pub(super) fn lanes(&self, l: &Lanes) -> Result<LogicalPlan> {
        let periods = self.periods(l)?;
        let mut lanes = vec![periods.iter().map(|p| (p.1, p.2)).collect::<Vec<_>>()];
        for r in &l.ranges {
            lanes.push(periods.iter().map(|p| clock::relative(r, p.2)).collect::<Result<_>>()?);
        }
        let all = || lanes.iter().flatten().filter(|s| s.0 < s.1);
        let (start, end) = (all().map(|s| s.0).min().unwrap_or(0), all().map(|s| s.1).max().unwrap_or(0));
        let input = self.rel(&bounded(&l.input, &clock::range(start, end, &l.during)))?;
        let at = |t: i64| DfExpr::Literal(ScalarValue::TimestampMicrosecond(Some(t), Some("UTC".into())), None);
        let time = plan_column(l.time);
        let input = LogicalPlanBuilder::from(input).filter(time.clone().gt_eq(at(start)).and(time.lt(at(end))))?.build()?;
        let labels = match &l.period {
            Some((_, every)) => {
                let bucketer = clock::bucketer(every)?;
                Some(period_column(every, &bucketer, &periods.iter().map(|p| p.0).collect::<Vec<_>>())?)
            }
            None => None,
        };
        let mut fields: Vec<Field> = input.schema().as_arrow().fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
        let time = fields.iter().position(|f| *f.name() == column_name(l.time));
        let time = time.ok_or_else(|| DataFusionError::Internal("event rows without their time".into()))?;
        fields.push(Field::new(column_name(l.lane), ArrowType::Int64, true));
        if let (Some((id, _)), Some(labels)) = (&l.period, &labels) {
            fields.push(Field::new(column_name(*id), labels.data_type().clone(), true));
        }
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        scan_table("lanes", Arc::new(LanesTable { input, time, table: Arc::new(Table { lanes, labels }), schema }))?.build()
    }

    /// Number, start and end of every period of the head's range. A period ends with the range, and never after now.
    fn periods(&self, l: &Lanes) -> Result<Vec<(i64, i64, i64)>> {
        let (mut start, end) = clock::resolve(&l.during, self.world.now)?;
        let end = end.min(clock::now_of(&l.during.clock, self.world.now)?).min(self.world.now);
        let Some((_, every)) = &l.period else { return Ok(vec![(0, start, end)]) };
        if start == i64::MIN {
            // Without a beginning the first event is one.
            match self.earliest(&l.input)? {
                Some(first) => start = first,
                None => return Ok(vec![]),
            }
        }
        if end <= start {
            return Ok(vec![]);
        }
        let mut bucketer = clock::bucketer(every)?;
        let (from, to) = (bucketer.index(start), bucketer.index(end - 1));
        if to - from > PERIODS_MAX {
            let what = format!("the range has {} periods, more than {PERIODS_MAX}: narrow it, or take longer periods", to - from);
            return Err(DataFusionError::ResourcesExhausted(what));
        }
        Ok((from..=to).map(|i| (i, bucketer.start_of(i).max(start), bucketer.start_of(i + 1).min(end))).collect())
    }

    /// The time of the first event that a scan can give.
    fn earliest(&self, rel: &Rel) -> Result<Option<i64>> {
        let events = match rel {
            Rel::Filter(input, _) => return self.earliest(input),
            Rel::Scan(s) => match &s.source {
                Source::Events(events) => events,
                Source::Entities(_) => return Ok(None),
            },
            _ => return Ok(None),
        };
        let mut first: Option<i64> = None;
        for e in events {
            let rows = self.world.snapshot.events(*e).map_err(store_error)?;
            for (least, _) in (0..rows.chunk_count()).filter_map(|c| rows.time_range(c)) {
                first = Some(first.map_or(least, |f| f.min(least)));
            }
        }
        Ok(first)
    }
}

/// The same rows, with chunks outside the range left closed.
fn bounded(rel: &Rel, range: &Option<TimeRange>) -> Rel {
    match rel {
        Rel::Scan(s) => Rel::Scan(Box::new(Scan { during: range.clone(), ..s.as_ref().clone() })),
        Rel::Filter(input, p) => Rel::Filter(Box::new(bounded(input, range)), p.clone()),
        other => other.clone(),
    }
}

struct LanesTable {
    input: LogicalPlan,
    time: usize,
    table: Arc<Table>,
    schema: SchemaRef,
}

impl std::fmt::Debug for LanesTable {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lanes({})", self.table.lanes.len())
    }
}

impl TableProvider for LanesTable {
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
        _: &'d [DfExpr],
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

impl LanesTable {
    async fn make(&self, state: &dyn Session, projection: Option<Vec<usize>>) -> Result<Arc<dyn ExecutionPlan>> {
        let input = state.create_physical_plan(&self.input).await?;
        let columns = projection.unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let schema: SchemaRef = Arc::new(self.schema.project(&columns)?);
        Ok(Arc::new(LanesExec::new(input, Repeat { time: self.time, table: self.table.clone(), columns, schema })))
    }
}

/// How a batch is repeated.
#[derive(Clone, Debug)]
struct Repeat {
    time: usize,
    table: Arc<Table>,
    columns: Vec<usize>,
    schema: SchemaRef,
}

#[derive(Debug)]
struct LanesExec {
    input: Arc<dyn ExecutionPlan>,
    repeat: Repeat,
    properties: Arc<PlanProperties>,
}

impl LanesExec {
    fn new(input: Arc<dyn ExecutionPlan>, repeat: Repeat) -> Self {
        let partitions = Partitioning::UnknownPartitioning(input.properties().output_partitioning().partition_count());
        let equivalence = EquivalenceProperties::new(repeat.schema.clone());
        let properties = PlanProperties::new(equivalence, partitions, EmissionType::Incremental, Boundedness::Bounded);
        Self { input, repeat, properties: Arc::new(properties) }
    }
}

impl DisplayAs for LanesExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        let periods = self.repeat.table.lanes.first().map_or(0, Vec::len);
        write!(f, "LanesExec: ranges={}, periods={periods}", self.repeat.table.lanes.len())
    }
}

impl ExecutionPlan for LanesExec {
    fn name(&self) -> &str {
        "LanesExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(&self, _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop().ok_or_else(|| DataFusionError::Internal("lanes without input".into()))?;
        Ok(Arc::new(Self::new(input, self.repeat.clone())))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let repeat = self.repeat.clone();
        let repeated = input.map_ok(move |batch| futures::stream::iter(Pieces { batch, repeat: repeat.clone(), row: 0 })).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.repeat.schema.clone(), repeated.boxed())))
    }
}

/// The repeated rows of a batch, a piece at a time.
struct Pieces {
    batch: RecordBatch,
    repeat: Repeat,
    row: usize,
}

impl Iterator for Pieces {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let times = self.batch.column(self.repeat.time).as_primitive::<TimestampMicrosecondType>();
        let (mut rows, mut lanes, mut periods) = (Vec::new(), Vec::new(), Vec::new());
        while self.row < times.len() && rows.len() < ROWS {
            let t = times.value(self.row);
            for (lane, stretches) in self.repeat.table.lanes.iter().enumerate() {
                let from = stretches.partition_point(|s| s.1 <= t);
                for (period, _) in stretches.iter().enumerate().skip(from).take_while(|(_, s)| s.0 <= t).filter(|(_, s)| t < s.1) {
                    rows.push(self.row as u32);
                    lanes.push(lane as i64);
                    periods.push(period as u32);
                }
            }
            self.row += 1;
        }
        (!rows.is_empty()).then(|| self.piece(rows, lanes, periods))
    }
}

impl Pieces {
    fn piece(&self, rows: Vec<u32>, lanes: Vec<i64>, periods: Vec<u32>) -> Result<RecordBatch> {
        let (rows, periods) = (UInt32Array::from(rows), UInt32Array::from(periods));
        let lane = self.batch.num_columns();
        let mut columns: Vec<ArrayRef> = Vec::new();
        for c in &self.repeat.columns {
            columns.push(match (&self.repeat.table.labels, *c) {
                (_, c) if c < lane => take(self.batch.column(c), &rows, None)?,
                (Some(labels), c) if c > lane => take(labels, &periods, None)?,
                _ => Arc::new(Int64Array::from(lanes.clone())),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Ok(RecordBatch::try_new_with_options(self.repeat.schema.clone(), columns, &options)?)
    }
}
