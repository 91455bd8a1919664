//! LIFECYCLE: how many entities are new, returning, resurrecting and dormant, partial by partition.

use super::active::{Active, bounded};
use super::chunk::{Chunk, Coder};
use super::exec::{Fold, Prepared, State};
use super::funnel::{among, period_array, period_type};
use crate::clock;
use crate::world::World;
use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::Result;
use eql_catalog::EntityTypeId;
use eql_compiler::bound::{Clock, Every, Lifecycle};
use eql_store::{Timeline, arrow_type};
use eql_timeline::{Bucketer, Phase};
use hashbrown::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// The fold of LIFECYCLE. Columns: `period`, `b0`…, `new`, `returning`, `resurrecting`, `dormant`.
#[derive(Debug)]
pub(crate) struct LifecycleFold {
    pub lifecycle: Lifecycle,
}

impl Fold for LifecycleFold {
    fn name(&self) -> String {
        "lifecycle".into()
    }

    fn schema(&self) -> SchemaRef {
        let l = &self.lifecycle;
        let mut fields = vec![Field::new("period", period_type(&l.every.1), true)];
        for (i, b) in l.breakdown.iter().enumerate() {
            fields.push(Field::new(format!("b{i}"), arrow_type(&b.value.expr.data_type), true));
        }
        fields.extend(["new", "returning", "resurrecting", "dormant"].map(|n| Field::new(n, ArrowType::Int64, true)));
        Arc::new(Schema::new(fields))
    }

    fn clock(&self) -> &Clock {
        &self.lifecycle.clock
    }

    fn subject(&self) -> (EntityTypeId, Option<String>) {
        (self.lifecycle.subject, self.lifecycle.role.clone())
    }

    fn among(&self, world: &World) -> Result<Option<Vec<bool>>> {
        among(world, self.lifecycle.among.as_ref())
    }

    fn prepare(&self, world: &Arc<World>, timeline: &Arc<Timeline>, columns: &[usize]) -> Result<Arc<dyn Prepared>> {
        let l = &self.lifecycle;
        let (start, end) = clock::resolve(&l.during, world.now)?;
        let end = end.min(clock::now_of(&l.clock, world.now)?);
        let every = l.every.1.clone();
        let mut bucketer = Bucketer::new(clock::calendar(&every.clock)?, clock::unit(every.unit), every.count);
        let first = if start == i64::MIN { i64::MIN } else { bucketer.index(start) };
        let periods = if start < end { first..bucketer.index(end - 1) + 1 } else { 0..0 };
        Ok(Arc::new(Ready {
            active: Active::new(world, timeline, &l.events, (&l.breakdown, l.top.as_ref()), &l.clock)?,
            end,
            periods,
            every,
            bucketer,
            schema: Arc::new(self.schema().project(columns)?),
            columns: columns.to_vec(),
        }))
    }
}

struct Ready {
    active: Active,
    /// Rows from here on are not seen; all before are history.
    end: i64,
    /// The periods shown.
    periods: Range<i64>,
    every: Every,
    bucketer: Bucketer,
    schema: SchemaRef,
    columns: Vec<usize>,
}

impl Prepared for Ready {
    fn want(&self, wanted: &mut [bool]) {
        self.active.want(wanted);
    }

    fn start(&self) -> Result<Box<dyn State + '_>> {
        Ok(Box::new(Walk { ready: self, groups: self.active.groups()?, bucketer: self.bucketer.clone(), counts: HashMap::new() }))
    }
}

struct Walk<'r> {
    ready: &'r Ready,
    groups: Option<Coder>,
    bucketer: Bucketer,
    /// By group and period.
    counts: HashMap<(u32, i64), [i64; 4]>,
}

impl State for Walk<'_> {
    fn take(&mut self, chunk: &Chunk<'_>, among: Option<&[bool]>) -> Result<Option<RecordBatch>> {
        let (mut periods, mut phases) = (Vec::new(), Vec::new());
        let Walk { ready, groups, bucketer, counts } = self;
        let mut each = |group: u32, times: &[i64]| {
            periods.clear();
            periods.extend(times.iter().map(|t| bucketer.index(*t)));
            phases.clear();
            eql_timeline::lifecycle(&periods, ready.periods.clone(), &mut phases);
            for (period, phase) in &phases {
                counts.entry((group, *period)).or_default()[place(*phase)] += 1;
            }
        };
        ready.active.walk(chunk, among, (i64::MIN, ready.end), groups.as_mut(), &mut each)?;
        bounded(self.counts.len(), "LIFECYCLE")?;
        Ok(None)
    }

    fn finish(&mut self, _: bool) -> Result<Option<RecordBatch>> {
        if self.counts.is_empty() {
            return Ok(None);
        }
        let rows: Vec<(&(u32, i64), &[i64; 4])> = self.counts.iter().collect();
        let index: Vec<i64> = rows.iter().map(|((_, period), _)| *period).collect();
        let mut columns: Vec<ArrayRef> = vec![period_array(&self.ready.every, &self.bucketer, &index)?];
        if let Some(coder) = &self.groups {
            columns.extend(coder.columns(&rows.iter().map(|((group, _), _)| *group).collect::<Vec<_>>())?);
        }
        for i in 0..4 {
            columns.push(Arc::new(Int64Array::from_iter_values(rows.iter().map(|(_, counts)| counts[i]))));
        }
        let kept = self.ready.columns.iter().map(|i| columns[*i].clone()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Ok(Some(RecordBatch::try_new_with_options(self.ready.schema.clone(), kept, &options)?))
    }
}

/// The column of a phase.
fn place(phase: Phase) -> usize {
    match phase {
        Phase::New => 0,
        Phase::Returning => 1,
        Phase::Resurrecting => 2,
        Phase::Dormant => 3,
    }
}
