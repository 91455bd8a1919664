//! FUNNEL: one row a counted attempt.

use super::chunk::{Chunk, Coder, Select, Values, types};
use super::entities::Marked;
use super::exec::{Fold, Prepared, State};
use super::pair::PairConditions;
use crate::clock;
use crate::row::store_error;
use crate::world::World;
use arrow::array::{ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int64Array, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::Result;
use eql_catalog::EntityTypeId;
use eql_compiler::bound::{Every, Funnel};
use eql_store::{Timeline, arrow_type};
use eql_timeline::{Attempt, Bucketer, Counting, FunnelSpec, FunnelStep, Run, UNMATCHED};
use std::sync::Arc;

/// The fold of a funnel. Columns: `period` (when EVERY is asked), `b0`…, `reached`, `open`, `s1`… (seconds from the previous step), `t0`… (times), `k0`… (the key).
#[derive(Debug)]
pub(crate) struct FunnelFold {
    pub funnel: Funnel,
    pub key: Vec<eql_catalog::DataType>,
}

/// The type of a period column.
pub(crate) fn period_type(e: &Every) -> ArrowType {
    if e.unit >= eql_grammar::ast::Unit::Day { ArrowType::Date32 } else { timestamp() }
}

pub(crate) fn timestamp() -> ArrowType {
    ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The starts of periods as a column.
pub(crate) fn period_array(e: &Every, bucketer: &Bucketer, index: &[i64]) -> Result<ArrayRef> {
    let starts = index.iter().map(|i| bucketer.start_of(*i));
    Ok(if period_type(e) == ArrowType::Date32 {
        let calendar = clock::calendar(&e.clock)?;
        Arc::new(Date32Array::from_iter_values(starts.map(|t| calendar.local_date(t))))
    } else {
        Arc::new(TimestampMicrosecondArray::from_iter_values(starts).with_timezone("UTC"))
    })
}

impl Fold for FunnelFold {
    fn name(&self) -> String {
        let names: Vec<&str> = self.funnel.steps.iter().map(|s| s.name.as_str()).collect();
        format!("funnel, steps=[{}]", names.join(" -> "))
    }

    fn schema(&self) -> SchemaRef {
        let f = &self.funnel;
        let mut fields = Vec::new();
        let mut add = |n: String, t: ArrowType| fields.push(Field::new(n, t, true));
        if let Some((_, e)) = &f.every {
            add("period".into(), period_type(e));
        }
        for (i, b) in f.breakdown.iter().enumerate() {
            add(format!("b{i}"), arrow_type(&b.value.expr.data_type));
        }
        add("reached".into(), ArrowType::Int64);
        add("open".into(), ArrowType::Boolean);
        (1..f.steps.len()).for_each(|i| add(format!("s{i}"), ArrowType::Float64));
        (0..f.steps.len()).for_each(|i| add(format!("t{i}"), timestamp()));
        self.key.iter().enumerate().for_each(|(i, k)| add(format!("k{i}"), arrow_type(k)));
        Arc::new(Schema::new(fields))
    }

    fn subject(&self) -> (EntityTypeId, Option<String>) {
        (self.funnel.subject, self.funnel.role.clone())
    }

    fn among(&self, world: &World) -> Result<Option<Vec<bool>>> {
        among(world, self.funnel.among.as_ref())
    }

    fn prepare(&self, world: &Arc<World>, timeline: &Arc<Timeline>, columns: &[usize]) -> Result<Arc<dyn Prepared>> {
        let f = &self.funnel;
        let window = |w: &Option<eql_compiler::bound::Window>| w.as_ref().map(clock::window).transpose();
        let mut steps = Vec::new();
        for (i, s) in f.steps.iter().enumerate() {
            steps.push(FunnelStep { bit: u8::try_from(i).unwrap_or(63), optional: s.optional, within: window(&s.within)? });
        }
        let (start, end) = clock::resolve(&f.during, world.now)?;
        let spec = FunnelSpec {
            steps,
            window: window(&f.window)?,
            ties_forbidden: f.ties_forbidden,
            mode: eql_timeline::Mode::InOrder,
            reentry: match f.reentry {
                eql_grammar::ast::Reentry::Best => eql_timeline::Reentry::Best,
                eql_grammar::ast::Reentry::First => eql_timeline::Reentry::First,
                eql_grammar::ast::Reentry::Latest => eql_timeline::Reentry::Latest,
            },
            counting: if f.attempts { Counting::Attempts } else { Counting::Entities },
            start: start..end,
            now: clock::now_of(&f.clock, world.now)?,
            exclusions: vec![],
            until: None,
            ignoring: 0,
        };
        let selects = f.steps.iter().map(|s| Select::new(world, timeline, &s.events, &f.clock)).collect::<Result<_>>()?;
        let per_step = f.holding.len() / f.steps.len().max(1);
        let mut holding = Vec::new();
        for (i, s) in f.steps.iter().enumerate() {
            let of = &f.holding[i * per_step..(i + 1) * per_step];
            holding.push(of.iter().map(|h| Values::new(world, timeline, &types(&s.events), h)).collect::<Result<_>>()?);
        }
        let broken = f.attributed.unwrap_or(0);
        let all: Vec<_> = f.steps.iter().flat_map(|s| types(&s.events)).collect();
        let at = if f.attributed.is_some() { types(&f.steps[broken].events) } else { all };
        let breakdown = f.breakdown.iter().map(|b| Values::new(world, timeline, &at, &b.value)).collect::<Result<_>>()?;
        let entities = world.snapshot.entities(f.subject).map_err(store_error)?;
        let keys = (0..self.key.len()).map(|i| entities.key(i).clone()).collect();
        Ok(Arc::new(Ready {
            schema: Arc::new(self.schema().project(columns)?),
            columns: columns.to_vec(),
            bucketer: f
                .every
                .as_ref()
                .map(|(_, e)| {
                    Ok::<_, datafusion::common::DataFusionError>(Bucketer::new(clock::calendar(&e.clock)?, clock::unit(e.unit), e.count))
                })
                .transpose()?,
            holding_types: f.holding.iter().take(per_step).map(|h| arrow_type(&h.expr.data_type)).collect(),
            breakdown_types: f.breakdown.iter().map(|b| arrow_type(&b.value.expr.data_type)).collect(),
            pairs: PairConditions::new(world, timeline, &f.steps)?,
            every: f.every.as_ref().map(|(_, e)| e.clone()),
            attributed: f.attributed,
            spec,
            selects,
            holding,
            breakdown,
            keys,
        }))
    }
}

/// AMONG as a flag a subject.
pub(crate) fn among(world: &World, value: Option<&eql_compiler::bound::EntityValue>) -> Result<Option<Vec<bool>>> {
    let Some(v) = value else { return Ok(None) };
    let array = world.entity_value(v)?;
    Ok(Some(array.as_boolean().iter().map(|b| b.unwrap_or(false)).collect()))
}

struct Ready {
    spec: FunnelSpec,
    selects: Vec<Select>,
    holding: Vec<Vec<Values>>,
    holding_types: Vec<ArrowType>,
    breakdown: Vec<Values>,
    breakdown_types: Vec<ArrowType>,
    attributed: Option<usize>,
    every: Option<Every>,
    bucketer: Option<Bucketer>,
    pairs: PairConditions,
    keys: Vec<ArrayRef>,
    schema: SchemaRef,
    columns: Vec<usize>,
}

impl Prepared for Ready {
    fn want(&self, wanted: &mut [bool]) {
        self.selects.iter().for_each(|s| s.want(wanted));
    }

    fn start(&self) -> Result<Box<dyn State + '_>> {
        let coder = if self.holding_types.is_empty() { None } else { Some(Coder::new(&self.holding_types)?) };
        Ok(Box::new(Walk { ready: self, holding: coder, bucketer: self.bucketer.clone() }))
    }
}

struct Walk<'r> {
    ready: &'r Ready,
    holding: Option<Coder>,
    bucketer: Option<Bucketer>,
}

impl State for Walk<'_> {
    fn take(&mut self, chunk: &Chunk<'_>, among: Option<&[bool]>) -> Result<Option<RecordBatch>> {
        let marked = Marked::new(chunk, &self.ready.selects, &self.ready.holding, self.holding.as_mut())?;
        let groups = self.groups(chunk, &marked)?;
        let (mut attempts, mut owners) = (Vec::new(), Vec::new());
        let fold = eql_timeline::funnel::Funnel::new(&self.ready.spec);
        for i in 0..chunk.entities() {
            let rows = chunk.rows_of(i);
            if among.is_some_and(|a| !a[i]) || !marked.mask[rows.clone()].iter().any(|m| m & 1 != 0) {
                continue;
            }
            let pairs = marked.pairs(chunk, &self.ready.pairs, rows.clone())?;
            let run = Run { time: &chunk.time[rows.clone()], mask: &marked.mask[rows.clone()] };
            let group = groups.as_ref().map(|g| &g[rows.clone()]);
            let holding = marked.holding.as_ref().map(|h| &h[rows.clone()]);
            fold.attempts(run, group, holding, pairs.as_ref().map(|p| p as &dyn eql_timeline::Pairs), &mut attempts);
            owners.resize(attempts.len(), (i as u32, rows.start as u32));
        }
        if attempts.is_empty() { Ok(None) } else { self.batch(chunk, &attempts, &owners).map(Some) }
    }

    fn finish(&mut self, _: bool) -> Result<Option<RecordBatch>> {
        Ok(None)
    }
}

impl Walk<'_> {
    /// Codes of (period, breakdown) on start rows; None when there is one group only.
    fn groups(&mut self, chunk: &Chunk<'_>, marked: &Marked) -> Result<Option<Vec<u32>>> {
        let by_start = self.ready.attributed == Some(0) && !self.ready.breakdown.is_empty();
        if self.bucketer.is_none() && !by_start {
            return Ok(None);
        }
        let rows = &marked.steps[0];
        let mut columns: Vec<ArrayRef> = Vec::new();
        let mut kinds = Vec::new();
        if let Some(b) = &mut self.bucketer {
            columns.push(Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| b.index(chunk.time[*r as usize])))));
            kinds.push(ArrowType::Int64);
        }
        if by_start {
            for v in &self.ready.breakdown {
                columns.push(v.read(chunk, rows)?);
            }
            kinds.extend(self.ready.breakdown_types.iter().cloned());
        }
        let mut out = vec![0; chunk.len()];
        for (row, code) in rows.iter().zip(Coder::new(&kinds)?.codes(&columns)?) {
            out[*row as usize] = code;
        }
        Ok(Some(out))
    }

    fn batch(&mut self, chunk: &Chunk<'_>, attempts: &[Attempt], owners: &[(u32, u32)]) -> Result<RecordBatch> {
        let ready = self.ready;
        let steps = ready.spec.steps.len();
        let row = |a: usize, step: usize| {
            let r = attempts[a].rows[step];
            (r != UNMATCHED).then(|| owners[a].1 + r)
        };
        let time = |a: usize, step: usize| row(a, step).map(|r| chunk.time[r as usize]);
        let all = 0..attempts.len();
        let mut columns: Vec<ArrayRef> = Vec::new();
        if let (Some(e), Some(b)) = (&ready.every, &mut self.bucketer) {
            let index: Vec<i64> = all.clone().map(|a| b.index(time(a, 0).unwrap_or_default())).collect();
            columns.push(period_array(e, b, &index)?);
        }
        if !ready.breakdown.is_empty() {
            let at = |a: usize| match ready.attributed {
                Some(step) => row(a, step),
                None => (0..steps).rev().find_map(|s| row(a, s)),
            };
            let rows: Vec<Option<u32>> = all.clone().map(at).collect();
            let mut present: Vec<u32> = rows.iter().flatten().copied().collect();
            present.sort_unstable();
            present.dedup();
            let index: UInt32Array = rows.iter().map(|r| r.and_then(|r| present.binary_search(&r).ok()).map(|i| i as u32)).collect();
            for v in &ready.breakdown {
                columns.push(take(&v.read(chunk, &present)?, &index, None)?);
            }
        }
        columns.push(Arc::new(Int64Array::from_iter_values(attempts.iter().map(|a| i64::from(a.level)))));
        columns.push(Arc::new(BooleanArray::from_iter(attempts.iter().map(|a| Some(a.open)))));
        for s in 1..steps {
            let seconds = |a: usize| Some((time(a, s)? - time(a, s - 1)?) as f64 / 1e6);
            columns.push(Arc::new(Float64Array::from_iter(all.clone().map(seconds))));
        }
        for s in 0..steps {
            columns.push(Arc::new(TimestampMicrosecondArray::from_iter(all.clone().map(|a| time(a, s))).with_timezone("UTC")));
        }
        let ordinals = UInt32Array::from_iter_values(owners.iter().map(|(i, _)| chunk.ordinals.start + i));
        for k in &ready.keys {
            columns.push(take(k, &ordinals, None)?);
        }
        let kept = ready.columns.iter().map(|i| columns[*i].clone()).collect();
        Ok(RecordBatch::try_new_with_options(ready.schema.clone(), kept, &RecordBatchOptions::new().with_row_count(Some(attempts.len())))?)
    }
}
