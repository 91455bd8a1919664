//! STICKINESS: how many entities were active in how many sub-periods, partial by partition; or which.

use super::active::{Active, Own, bounded, key_arrays};
use super::chunk::Chunk;
use super::coder::Coder;
use super::exec::{Fold, Prepared, State};
use super::funnel::{among, period_array, period_type};
use crate::clock;
use crate::world::World;
use arrow::array::{ArrayRef, Int64Array, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::Result;
use eql_catalog::EntityTypeId;
use eql_compiler::bound::{Clock, Every, Stickiness};
use eql_store::{Timeline, arrow_type};
use eql_timeline::Bucketer;
use hashbrown::HashMap;
use std::sync::Arc;

/// The fold of STICKINESS. Columns: `period` (when OVER is asked), `b0`…, `active_periods`, `entities`; of a list `k0`… in place of `entities`.
#[derive(Debug)]
pub(crate) struct StickinessFold {
    pub stickiness: Stickiness,
    pub key: Vec<eql_catalog::DataType>,
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
        fields.push(Field::new("active_periods", ArrowType::Int64, true));
        if s.listed.is_some() {
            fields.extend(self.key.iter().enumerate().map(|(i, k)| Field::new(format!("k{i}"), arrow_type(k), true)));
        } else {
            fields.push(Field::new("entities", ArrowType::Int64, true));
        }
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
        Ok(Arc::new(Ready {
            active: Active::new(world, timeline, &s.events, (&s.breakdown, s.top.as_ref()), &s.clock)?,
            during: clock::resolve(&s.during, world.now)?,
            every: clock::bucketer(&s.every)?,
            over: s
                .over
                .as_ref()
                .map(|(_, e)| Ok::<_, datafusion::common::DataFusionError>((e.clone(), clock::bucketer(e)?)))
                .transpose()?,
            keys: s.listed.as_ref().map(|_| key_arrays(world, s.subject, self.key.len())).transpose()?,
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
    /// Of a list.
    keys: Option<Vec<ArrayRef>>,
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
        let mut list: Vec<(Own, i64, u32)> = Vec::new();
        let mut each = |own: Own, times: &[i64]| {
            parts.clear();
            parts.extend(times.iter().map(|t| every.index(*t)));
            periods.clear();
            // Without OVER the range is one period.
            periods.extend(times.iter().map(|t| over.as_mut().map_or(0, |b| b.index(*t))));
            found.clear();
            eql_timeline::stickiness(&periods, &parts, &mut found);
            if ready.keys.is_some() {
                list.extend(found.iter().map(|(period, active)| (own, *period, *active)));
                return;
            }
            for (period, active) in &found {
                *counts.entry((own.group, *period, *active)).or_default() += 1;
            }
        };
        ready.active.walk(chunk, among, ready.during, groups.as_mut(), &mut each)?;
        bounded(self.counts.len(), "STICKINESS")?;
        match &ready.keys {
            Some(keys) if !list.is_empty() => {
                let ordinals = UInt32Array::from_iter_values(list.iter().map(|(own, ..)| own.entity));
                let keys = keys.iter().map(|key| take(key, &ordinals, None)).collect::<Result<Vec<_>, _>>()?;
                let rows: Vec<(u32, i64, u32)> = list.iter().map(|(own, period, active)| (own.group, *period, *active)).collect();
                self.rows(&rows, keys).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn finish(&mut self, _: bool) -> Result<Option<RecordBatch>> {
        if self.counts.is_empty() {
            return Ok(None);
        }
        let (rows, entities): (Vec<(u32, i64, u32)>, Vec<i64>) = self.counts.iter().map(|(row, entities)| (*row, *entities)).unzip();
        self.rows(&rows, vec![Arc::new(Int64Array::from(entities))]).map(Some)
    }
}

impl Walk<'_> {
    /// Rows of group, period and number of sub-periods, with what stands behind them.
    fn rows(&self, rows: &[(u32, i64, u32)], more: Vec<ArrayRef>) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = Vec::new();
        if let Some((every, bucketer)) = &self.ready.over {
            let index: Vec<i64> = rows.iter().map(|(_, period, _)| *period).collect();
            columns.push(period_array(every, bucketer, &index)?);
        }
        if let Some(coder) = &self.groups {
            columns.extend(coder.columns(&rows.iter().map(|(group, ..)| *group).collect::<Vec<_>>())?);
        }
        columns.push(Arc::new(Int64Array::from_iter_values(rows.iter().map(|(_, _, active)| i64::from(*active)))));
        columns.extend(more);
        let kept = self.ready.columns.iter().map(|i| columns[*i].clone()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Ok(RecordBatch::try_new_with_options(self.ready.schema.clone(), kept, &options)?)
    }
}
