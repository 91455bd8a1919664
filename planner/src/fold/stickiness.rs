//! STICKINESS: how many entities were active in how many sub-periods, partial by partition.

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
use eql_compiler::bound::{Clock, Every, Stickiness};
use eql_store::{Timeline, arrow_type};
use eql_timeline::Bucketer;
use hashbrown::HashMap;
use std::sync::Arc;

/// The fold of STICKINESS. Columns: `period` (when OVER is asked), `b0`…, `active_periods`, `entities`.
#[derive(Debug)]
pub(crate) struct StickinessFold {
    pub stickiness: Stickiness,
}

impl Fold for StickinessFold {
    fn name(&self) -> String {
        "stickiness".into()
    }

    fn schema(&self) -> SchemaRef {
        let s = &self.stickiness;
        let mut fields: Vec<Field> = s.over.iter().map(|(_, e)| Field::new("period", period_type(e), true)).collect();
        for (i, b) in s.breakdown.iter().enumerate() {
            fields.push(Field::new(format!("b{i}"), arrow_type(&b.value.expr.data_type), true));
        }
        fields.extend(["active_periods", "entities"].map(|n| Field::new(n, ArrowType::Int64, true)));
        Arc::new(Schema::new(fields))
    }

    fn clock(&self) -> &Clock {
        &self.stickiness.clock
    }

    fn subject(&self) -> (EntityTypeId, Option<String>) {
        (self.stickiness.subject, self.stickiness.role.clone())
    }

    fn among(&self, world: &World) -> Result<Option<Vec<bool>>> {
        among(world, self.stickiness.among.as_ref())
    }

    fn prepare(&self, world: &Arc<World>, timeline: &Arc<Timeline>, columns: &[usize]) -> Result<Arc<dyn Prepared>> {
        let s = &self.stickiness;
        let bucketer = |e: &Every| {
            Ok::<_, datafusion::common::DataFusionError>(Bucketer::new(clock::calendar(&e.clock)?, clock::unit(e.unit), e.count))
        };
        Ok(Arc::new(Ready {
            active: Active::new(world, timeline, &s.events, (&s.breakdown, s.top.as_ref()), &s.clock)?,
            during: clock::resolve(&s.during, world.now)?,
            every: bucketer(&s.every)?,
            over: s.over.as_ref().map(|(_, e)| Ok::<_, datafusion::common::DataFusionError>((e.clone(), bucketer(e)?))).transpose()?,
            schema: Arc::new(self.schema().project(columns)?),
            columns: columns.to_vec(),
        }))
    }
}

struct Ready {
    active: Active,
    during: (i64, i64),
    every: Bucketer,
    over: Option<(Every, Bucketer)>,
    schema: SchemaRef,
    columns: Vec<usize>,
}

impl Prepared for Ready {
    fn want(&self, wanted: &mut [bool]) {
        self.active.want(wanted);
    }

    fn start(&self) -> Result<Box<dyn State + '_>> {
        Ok(Box::new(Walk {
            ready: self,
            groups: self.active.groups()?,
            every: self.every.clone(),
            over: self.over.as_ref().map(|(_, b)| b.clone()),
            counts: HashMap::new(),
        }))
    }
}

struct Walk<'r> {
    ready: &'r Ready,
    groups: Option<Coder>,
    every: Bucketer,
    over: Option<Bucketer>,
    /// Entities by group, period and number of sub-periods.
    counts: HashMap<(u32, i64, u32), i64>,
}

impl State for Walk<'_> {
    fn take(&mut self, chunk: &Chunk<'_>, among: Option<&[bool]>) -> Result<Option<RecordBatch>> {
        let (mut periods, mut parts, mut found) = (Vec::new(), Vec::new(), Vec::new());
        let Walk { ready, groups, every, over, counts } = self;
        let mut each = |group: u32, times: &[i64]| {
            parts.clear();
            parts.extend(times.iter().map(|t| every.index(*t)));
            periods.clear();
            // Without OVER the range is one period.
            periods.extend(times.iter().map(|t| over.as_mut().map_or(0, |b| b.index(*t))));
            found.clear();
            eql_timeline::stickiness(&periods, &parts, &mut found);
            for (period, active) in &found {
                *counts.entry((group, *period, *active)).or_default() += 1;
            }
        };
        ready.active.walk(chunk, among, ready.during, groups.as_mut(), &mut each)?;
        bounded(self.counts.len(), "STICKINESS")?;
        Ok(None)
    }

    fn finish(&mut self, _: bool) -> Result<Option<RecordBatch>> {
        if self.counts.is_empty() {
            return Ok(None);
        }
        let rows: Vec<(&(u32, i64, u32), &i64)> = self.counts.iter().collect();
        let mut columns: Vec<ArrayRef> = Vec::new();
        if let Some((every, bucketer)) = &self.ready.over {
            let index: Vec<i64> = rows.iter().map(|((_, period, _), _)| *period).collect();
            columns.push(period_array(every, bucketer, &index)?);
        }
        if let Some(coder) = &self.groups {
            columns.extend(coder.columns(&rows.iter().map(|((group, ..), _)| *group).collect::<Vec<_>>())?);
        }
        columns.push(Arc::new(Int64Array::from_iter_values(rows.iter().map(|((_, _, active), _)| i64::from(*active)))));
        columns.push(Arc::new(Int64Array::from_iter_values(rows.iter().map(|(_, entities)| **entities))));
        let kept = self.ready.columns.iter().map(|i| columns[*i].clone()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Ok(Some(RecordBatch::try_new_with_options(self.ready.schema.clone(), kept, &options)?))
    }
}
