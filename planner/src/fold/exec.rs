//! The operator that drives folds over timelines.

use super::chunk::Chunk;
use crate::world::World;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use eql_catalog::EntityTypeId;
use eql_compiler::bound::Clock;
use eql_store::{Timeline, Timelines};
use parking_lot::Mutex;
use std::any::Any;
use std::fmt::Formatter;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

/// A fold over timelines: what to read, and what it answers with.
pub(crate) trait Fold: Send + Sync + std::fmt::Debug {
    /// For plans.
    fn name(&self) -> String;
    /// Of its batches.
    fn schema(&self) -> SchemaRef;
    /// As of when it looks: entities are merged as they were then.
    fn clock(&self) -> &Clock;
    /// Whose timeline, by which role.
    fn subject(&self) -> (EntityTypeId, Option<String>);
    /// Which subjects take part, by ordinal; None is all.
    fn among(&self, world: &World) -> Result<Option<Vec<bool>>>;
    /// Only these entities are walked; None is all.
    fn only(&self, _: &World) -> Result<Option<Range<u32>>> {
        Ok(None)
    }
    /// What its partitions count becomes one batch in [`Prepared::total`]: nothing above it has to add up. Then there is one partition of
    /// rows, however many threads walk the entities.
    fn adds_up(&self) -> bool {
        false
    }
    /// Makes ready: compiles conditions, looks up values of entities. Done once, shared by all partitions.
    fn prepare(&self, world: &Arc<World>, timeline: &Arc<Timeline>, columns: &[usize]) -> Result<Arc<dyn Prepared>>;
    /// The same for a fold above it; texts in the columns `coded` may come as dictionaries, the same in all batches.
    fn prepare_coded(
        &self,
        world: &Arc<World>,
        timeline: &Arc<Timeline>,
        columns: &[usize],
        _coded: &[usize],
    ) -> Result<Arc<dyn Prepared>> {
        self.prepare(world, timeline, columns)
    }
}

/// A fold that is ready to run.
pub(crate) trait Prepared: Send + Sync {
    /// The event codes it looks at.
    fn want(&self, wanted: &mut [bool]);
    /// A partition's own state.
    fn start(&self) -> Result<Box<dyn State + '_>>;
    /// The rows of a fold that adds up, from what all partitions counted.
    fn total(&self, _: Vec<Part>) -> Result<RecordBatch> {
        Err(DataFusionError::Internal("a fold that does not add up was asked for its total".into()))
    }
}

/// What a partition of a fold that adds up has counted.
pub(crate) type Part = Box<dyn Any + Send>;

/// The state of one partition.
pub(crate) trait State {
    /// Takes a batch of whole entities; may answer with rows. `among` says which of its entities take part.
    fn take(&mut self, chunk: &Chunk<'_>, among: Option<&[bool]>) -> Result<Option<RecordBatch>>;
    /// What remains; `first` for the first partition.
    fn finish(&mut self, first: bool) -> Result<Option<RecordBatch>>;
    /// What was counted, of a fold that adds up.
    fn part(&mut self) -> Result<Part> {
        Ok(Box::new(()))
    }
}

/// A fold as a table of a plan.
#[derive(Debug)]
pub(crate) struct FoldTable {
    pub world: Arc<World>,
    pub fold: Arc<dyn Fold>,
}

impl TableProvider for FoldTable {
    fn schema(&self) -> SchemaRef {
        self.fold.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    // A boxed future written out: with async_trait the compiler proves Send over the whole plan tree for every such method.
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
        let plan = FoldExec::new(self.world.clone(), self.fold.clone(), projection.cloned());
        Box::pin(std::future::ready(plan.map(|p| Arc::new(p) as Arc<dyn ExecutionPlan>)))
    }
}

type Shared = std::result::Result<Run, Arc<DataFusionError>>;

/// What partitions share.
struct Run {
    timelines: Timelines,
    prepared: Arc<dyn Prepared>,
    wanted: Vec<bool>,
    among: Option<Vec<bool>>,
    only: Option<Range<u32>>,
}

/// One pass over a timeline; its partitions are ranges of entities.
pub(crate) struct FoldExec {
    world: Arc<World>,
    fold: Arc<dyn Fold>,
    columns: Vec<usize>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    run: Arc<OnceLock<Shared>>,
}

impl std::fmt::Debug for FoldExec {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "FoldExec({:?})", self.fold)
    }
}

impl FoldExec {
    pub(crate) fn new(world: Arc<World>, fold: Arc<dyn Fold>, projection: Option<Vec<usize>>) -> Result<Self> {
        let whole = fold.schema();
        let columns = projection.unwrap_or_else(|| (0..whole.fields().len()).collect());
        let schema: SchemaRef = Arc::new(whole.project(&columns)?);
        let (partitions, emission) = if fold.adds_up() { (1, EmissionType::Final) } else { (world.threads, EmissionType::Incremental) };
        let partitioning = Partitioning::UnknownPartitioning(partitions);
        let properties = PlanProperties::new(EquivalenceProperties::new(schema.clone()), partitioning, emission, Boundedness::Bounded);
        Ok(Self { world, fold, columns, schema, properties: Arc::new(properties), run: Arc::new(OnceLock::new()) })
    }

    fn run(&self) -> &Shared {
        self.run.get_or_init(|| self.make().map_err(Arc::new))
    }

    fn make(&self) -> Result<Run> {
        let (subject, role) = self.fold.subject();
        let timelines = self.world.timelines(subject, role.as_deref())?;
        let prepared = self.fold.prepare(&self.world, &timelines.settled, &self.columns)?;
        let mut wanted = vec![false; timelines.settled.events.len()];
        prepared.want(&mut wanted);
        Ok(Run { among: self.fold.among(&self.world)?, only: self.fold.only(&self.world)?, timelines, prepared, wanted })
    }

    fn ready(&self) -> Result<&Run> {
        self.run().as_ref().map_err(|e| DataFusionError::Shared(e.clone()))
    }

    /// Walks the entities of one partition; `send` is false when nobody listens any more. What was counted, when it all was walked.
    fn walk(&self, partition: usize, send: &mut dyn FnMut(RecordBatch) -> bool) -> Result<Option<Part>> {
        let run = self.ready()?;
        let ranges = match &run.only {
            Some(only) => vec![only.clone()],
            None => run.timelines.partitions(self.world.threads),
        };
        let mut state = run.prepared.start()?;
        if let Some(range) = ranges.get(partition) {
            let mut heard = true;
            Chunk::each(&run.timelines, range.clone(), &run.wanted, |chunk| {
                self.world.check()?;
                let among = run.among.as_ref().map(|a| &a[chunk.ordinals.start as usize..chunk.ordinals.end as usize]);
                if let Some(batch) = state.take(chunk, among)? {
                    heard = send(batch);
                }
                Ok::<_, DataFusionError>(heard)
            })?;
            if !heard {
                return Ok(None);
            }
        }
        if let Some(batch) = state.finish(partition == 0)? {
            send(batch);
        }
        state.part().map(Some)
    }
}

/// What partitions of a fold that adds up have counted so far.
struct Gathered {
    parts: Mutex<Vec<Part>>,
    all: usize,
}

impl Gathered {
    /// The parts of all, for the partition that comes last.
    fn add(&self, part: Part) -> Option<Vec<Part>> {
        let mut parts = self.parts.lock();
        parts.push(part);
        (parts.len() == self.all).then(|| std::mem::take(&mut *parts))
    }
}

impl DisplayAs for FoldExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.schema.fields().iter().map(|f| f.name().as_str()).collect();
        write!(f, "FoldExec: {}, columns=[{}]", self.fold.name(), names.join(", "))
    }
}

impl ExecutionPlan for FoldExec {
    fn name(&self) -> &str {
        "FoldExec"
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
        if !self.fold.adds_up() {
            let (tx, this) = (stream.tx(), self.clone_for_task());
            stream.spawn_blocking(move || this.walk(partition, &mut |batch| tx.blocking_send(Ok(batch)).is_ok()).map(|_| ()));
            return Ok(stream.build());
        }
        let gathered = Arc::new(Gathered { parts: Mutex::new(vec![]), all: self.world.threads });
        for partition in 0..self.world.threads {
            let (tx, this, gathered) = (stream.tx(), self.clone_for_task(), gathered.clone());
            stream.spawn_blocking(move || {
                if let Some(parts) = this.walk(partition, &mut |_| true)?.and_then(|part| gathered.add(part)) {
                    // Whoever does not listen any more does not want the total either.
                    let _ = tx.blocking_send(this.ready()?.prepared.total(parts));
                }
                Ok(())
            });
        }
        Ok(stream.build())
    }
}

impl FoldExec {
    fn clone_for_task(&self) -> Self {
        Self {
            world: self.world.clone(),
            fold: self.fold.clone(),
            columns: self.columns.clone(),
            schema: self.schema.clone(),
            properties: self.properties.clone(),
            run: self.run.clone(),
        }
    }
}
