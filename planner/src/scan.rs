//! Event rows as a table: chunk by chunk, with paths already looked up.

use crate::clock;
use crate::row::{EventColumns, Rows, schema_of, store_error};
use crate::world::World;
use arrow::array::{AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use eql_catalog::EventTypeId;
use eql_compiler::bound::{Clock, ScanColumn, TimeRange};
use eql_store::EventColumn;
use std::fmt::Formatter;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

/// Rows of a batch.
const ROWS: usize = 1 << 15;

/// What is read.
#[derive(Debug)]
pub(crate) struct EventScan {
    pub events: Vec<EventTypeId>,
    pub columns: Vec<ScanColumn>,
    pub during: Option<TimeRange>,
    pub clock: Clock,
}

/// Event rows as a table of a plan.
#[derive(Debug)]
pub(crate) struct EventTable {
    pub world: Arc<World>,
    pub scan: Arc<EventScan>,
}

impl TableProvider for EventTable {
    fn schema(&self) -> SchemaRef {
        schema_of(&self.scan.columns)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn scan<'a, 'b, 'c, 'd, 'f>(
        &'a self,
        _: &'b dyn Session,
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
        let all: Vec<usize> = (0..self.scan.columns.len()).collect();
        let columns: Vec<ScanColumn> = projection.unwrap_or(&all).iter().map(|i| self.scan.columns[*i].clone()).collect();
        let plan = EventScanExec::new(self.world.clone(), self.scan.clone(), columns);
        Box::pin(std::future::ready(Ok(Arc::new(plan) as Arc<dyn ExecutionPlan>)))
    }
}

/// A piece of work: rows of one chunk of one event type.
struct Piece {
    event: usize,
    chunk: usize,
    start: usize,
    rows: usize,
}

type Shared = std::result::Result<Run, Arc<DataFusionError>>;

struct Run {
    sources: Vec<EventColumns>,
    pieces: Vec<Piece>,
    /// Rows are seen before this instant.
    horizon: i64,
    /// AS OF: received before this instant.
    received: Option<i64>,
}

/// Reads event rows.
pub(crate) struct EventScanExec {
    world: Arc<World>,
    scan: Arc<EventScan>,
    columns: Vec<ScanColumn>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    run: Arc<OnceLock<Shared>>,
}

impl std::fmt::Debug for EventScanExec {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "EventScanExec({:?})", self.scan.events)
    }
}

impl EventScanExec {
    fn new(world: Arc<World>, scan: Arc<EventScan>, columns: Vec<ScanColumn>) -> Self {
        let schema = schema_of(&columns);
        let partitioning = Partitioning::UnknownPartitioning(world.threads);
        let properties =
            PlanProperties::new(EquivalenceProperties::new(schema.clone()), partitioning, EmissionType::Incremental, Boundedness::Bounded);
        Self { world, scan, columns, schema, properties: Arc::new(properties), run: Arc::new(OnceLock::new()) }
    }

    fn make(&self) -> Result<Run> {
        let (horizon, received) = self.world.horizon(&self.scan.clock)?;
        let during = self.scan.during.as_ref().map(|r| clock::resolve(r, self.world.now)).transpose()?;
        let (start, end) = during.map_or((i64::MIN, horizon), |(s, e)| (s, e.min(horizon)));
        let (mut sources, mut pieces) = (Vec::new(), Vec::new());
        for (i, event) in self.scan.events.iter().enumerate() {
            sources.push(EventColumns::new(&self.world, *event, &self.columns)?);
            let rows = self.world.snapshot.events(*event).map_err(store_error)?;
            for chunk in 0..rows.chunk_count() {
                // Chunks that lie outside the range are not opened.
                if rows.time_range(chunk).is_some_and(|(min, max)| max < start || min >= end) {
                    continue;
                }
                let n = rows.chunk_range(chunk).len();
                pieces.extend((0..n).step_by(ROWS).map(|at| Piece { event: i, chunk, start: at, rows: ROWS.min(n - at) }));
            }
        }
        Ok(Run { sources, pieces, horizon, received })
    }

    fn walk(&self, partition: usize, send: &mut dyn FnMut(RecordBatch) -> bool) -> Result<()> {
        let run = self.run.get_or_init(|| self.make().map_err(Arc::new)).as_ref().map_err(|e| DataFusionError::Shared(e.clone()))?;
        for piece in run.pieces.iter().skip(partition).step_by(self.world.threads) {
            self.world.check()?;
            let rows = Rows::Slice(piece.chunk, piece.start, piece.rows);
            let source = &run.sources[piece.event];
            let columns = source.read(rows)?;
            let options = RecordBatchOptions::new().with_row_count(Some(piece.rows));
            let mut batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?;
            if let Some(seen) = self.seen(run, source, rows)? {
                batch = filter_record_batch(&batch, &seen)?;
            }
            if batch.num_rows() > 0 && !send(batch) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Rows that the statement may see; None when it sees all.
    fn seen(&self, run: &Run, source: &EventColumns, rows: Rows<'_>) -> Result<Option<BooleanArray>> {
        let times = source.stored(&EventColumn::Time, rows)?;
        let times = times.as_primitive::<TimestampMicrosecondType>();
        let late = times.values().iter().any(|t| *t >= run.horizon);
        let received = match run.received {
            Some(_) => Some(source.stored(&EventColumn::Received, rows)?),
            None => None,
        };
        if !late && received.is_none() {
            return Ok(None);
        }
        let limit = run.received.unwrap_or(i64::MAX);
        let known = received.as_ref().map(|r| r.as_primitive::<TimestampMicrosecondType>());
        let one = |i: usize| Some(times.value(i) < run.horizon && known.is_none_or(|k| k.value(i) <= limit));
        Ok(Some((0..times.len()).map(one).collect()))
    }
}

impl DisplayAs for EventScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        let catalog = self.world.snapshot.catalog();
        let names: Vec<String> = self.scan.events.iter().filter_map(|e| catalog.event_by_id(*e)).map(|e| e.name.clone()).collect();
        write!(f, "EventScanExec: events=[{}], columns={}", names.join(", "), self.columns.len())
    }
}

impl ExecutionPlan for EventScanExec {
    fn name(&self) -> &str {
        "EventScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(&self, _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let mut stream = RecordBatchReceiverStreamBuilder::new(self.schema.clone(), 2);
        let tx = stream.tx();
        let this = Self {
            world: self.world.clone(),
            scan: self.scan.clone(),
            columns: self.columns.clone(),
            schema: self.schema.clone(),
            properties: self.properties.clone(),
            run: self.run.clone(),
        };
        stream.spawn_blocking(move || this.walk(partition, &mut |batch| tx.blocking_send(Ok(batch)).is_ok()));
        Ok(stream.build())
    }
}
