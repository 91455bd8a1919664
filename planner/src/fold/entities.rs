//! Entities with what they are and what they did: FIND, segments, tags, DISTRIBUTION, PROFILE.

use super::aggregate::aggregate;
use super::chunk::{Chunk, Select, Values, types};
use super::coder::{Coder, holding_codes};
use super::did::Steps;
use super::exec::{Fold, Prepared, State};
use super::favourite::top;
use super::pair::PairConditions;
use crate::clock;
use crate::row::{schema_of, store_error};
use crate::world::World;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::{concat, filter_record_batch, take};
use arrow::datatypes::{DataType as ArrowType, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::{DataFusionError, Result};
use eql_catalog::EntityTypeId;
use eql_compiler::bound::{Aggregation, Behaviour, BehaviourKind, Clock, Leaf, ScanColumn};
use eql_store::{Timeline, Timelines, arrow_type};
use eql_timeline::Bucketer;
use std::sync::Arc;

/// Rows of an entity type.
#[derive(Debug)]
pub(crate) struct Entities {
    pub entity: EntityTypeId,
    pub columns: Vec<ScanColumn>,
    /// AS OF: entities that became known later are left out.
    pub clock: Clock,
}

impl Fold for Entities {
    fn name(&self) -> String {
        let did = self.columns.iter().filter(|c| matches!(c.leaf, Leaf::Behaviour(_))).count();
        format!("entities, behaviours={did}")
    }

    fn schema(&self) -> SchemaRef {
        schema_of(&self.columns)
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn subject(&self) -> (EntityTypeId, Option<String>) {
        let mut roles = self.columns.iter().filter_map(|c| if let Leaf::Behaviour(b) = &c.leaf { Some(&b.role) } else { None });
        let first = roles.next().cloned().flatten();
        // The one role of all that is asked; of several roles the timeline without one.
        (self.entity, first.filter(|r| roles.all(|other| other.as_ref() == Some(r))))
    }

    fn among(&self, _: &World) -> Result<Option<Vec<bool>>> {
        Ok(None)
    }

    fn prepare(&self, world: &Arc<World>, timeline: &Arc<Timeline>, projection: &[usize]) -> Result<Arc<dyn Prepared>> {
        let wanted: Vec<&ScanColumn> = projection.iter().map(|i| &self.columns[*i]).collect();
        // What was done in another role lies on another timeline: it is found in a pass of its own.
        let (_, role) = self.subject();
        let mut columns = Vec::new();
        let mut asked = Vec::new();
        for c in &wanted {
            columns.push(match &c.leaf {
                Leaf::Behaviour(b) if b.role != role => world.entity_columns(self.entity, std::slice::from_ref(c))?.pop(),
                Leaf::Behaviour(b) => {
                    asked.push(Ask::new(world, timeline, b, arrow_type(&c.data_type))?);
                    None
                }
                _ => Some(world.entity_column(self.entity, c)?),
            });
        }
        let schema = schema_of(&wanted.into_iter().cloned().collect::<Vec<_>>());
        let entities = world.snapshot.entities(self.entity).map_err(store_error)?;
        let since = entities.known_since().map_err(store_error)?.filter(|_| self.clock.as_of.is_some());
        let since = since.map(|s| Ok::<_, DataFusionError>((s.as_primitive().clone(), clock::now_of(&self.clock, world.now)?)));
        Ok(Arc::new(Ready { columns, asked, schema, deleted: entities.deleted().cloned(), since: since.transpose()? }))
    }
}

struct Ready {
    /// By column; None is the next behaviour.
    columns: Vec<Option<ArrayRef>>,
    asked: Vec<Ask>,
    schema: SchemaRef,
    deleted: Option<BooleanArray>,
    /// AS OF this instant: when each entity became known.
    since: Option<(TimestampMicrosecondArray, i64)>,
}

impl Ready {
    /// Entities of a chunk that the statement sees; None for all.
    fn seen(&self, chunk: &Chunk<'_>) -> Option<BooleanArray> {
        if self.deleted.is_none() && self.since.is_none() {
            return None;
        }
        let start = chunk.ordinals.start as usize;
        let deleted = |i: usize| self.deleted.as_ref().is_some_and(|d| d.value(start + i));
        // Who did something before is known, whenever its properties came.
        let acted = |i: usize, at: i64| chunk.time[chunk.rows_of(i)].first().is_some_and(|t| *t < at);
        let unknown = |i: usize| {
            self.since.as_ref().is_some_and(|(since, at)| since.is_valid(start + i) && since.value(start + i) > *at && !acted(i, *at))
        };
        let seen: BooleanArray = (0..chunk.entities()).map(|i| Some(!deleted(i) && !unknown(i))).collect();
        (seen.true_count() < seen.len()).then_some(seen)
    }
}

impl Prepared for Ready {
    fn want(&self, wanted: &mut [bool]) {
        self.asked.iter().for_each(|a| a.want(wanted));
    }

    fn start(&self) -> Result<Box<dyn State + '_>> {
        let coders = self.asked.iter().map(Ask::coder).collect::<Result<_>>()?;
        Ok(Box::new(Walk { ready: self, coders }))
    }
}

struct Walk<'r> {
    ready: &'r Ready,
    coders: Vec<Option<Coder>>,
}

impl State for Walk<'_> {
    fn take(&mut self, chunk: &Chunk<'_>, _: Option<&[bool]>) -> Result<Option<RecordBatch>> {
        let (start, n) = (chunk.ordinals.start as usize, chunk.entities());
        let mut did = Vec::new();
        for (ask, coder) in self.ready.asked.iter().zip(&mut self.coders) {
            did.push(ask.answer(chunk, coder.as_mut())?);
        }
        let mut did = did.into_iter();
        let mut columns = Vec::with_capacity(self.ready.columns.len());
        for c in &self.ready.columns {
            columns.push(match c {
                Some(all) => all.slice(start, n),
                None => did.next().ok_or_else(|| DataFusionError::Internal("a behaviour was not computed".into()))?,
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(n));
        let batch = RecordBatch::try_new_with_options(self.ready.schema.clone(), columns, &options)?;
        Ok(Some(match self.ready.seen(chunk) {
            Some(seen) => filter_record_batch(&batch, &seen)?,
            None => batch,
        }))
    }

    fn finish(&mut self, _: bool) -> Result<Option<RecordBatch>> {
        Ok(None)
    }
}

/// One behaviour, ready to be asked of batches.
struct Ask {
    kind: AskKind,
    out: ArrowType,
}

#[allow(clippy::large_enum_variant)]
enum AskKind {
    Aggregate {
        function: Aggregation,
        select: Select,
        during: Option<(i64, i64)>,
        value: Option<Values>,
        order: Option<(Values, bool)>,
        periods: Option<Bucketer>,
    },
    Sequence(Box<Steps>),
}

impl Ask {
    fn new(world: &World, timeline: &Timeline, b: &Behaviour, out: ArrowType) -> Result<Self> {
        let kind = match &b.kind {
            BehaviourKind::Aggregate { function, events, value, order, during } => {
                let types = types(events);
                let unit = if let Aggregation::Periods(u) | Aggregation::Streak(u) = function { Some(*u) } else { None };
                AskKind::Aggregate {
                    function: function.clone(),
                    select: Select::new(world, timeline, events, &b.clock)?,
                    during: during.as_ref().map(|r| clock::resolve(r, world.now)).transpose()?,
                    value: value.as_ref().map(|v| Values::new(world, timeline, &types, v)).transpose()?,
                    order: order
                        .as_ref()
                        .map(|(o, d)| Ok::<_, datafusion::common::DataFusionError>((Values::new(world, timeline, &types, o)?, *d)))
                        .transpose()?,
                    periods: unit
                        .map(|u| Ok::<_, datafusion::common::DataFusionError>(Bucketer::new(clock::calendar(&b.clock)?, clock::unit(u), 1)))
                        .transpose()?,
                }
            }
            BehaviourKind::Sequence(s) => AskKind::Sequence(Box::new(Steps::new(world, timeline, s, b)?)),
        };
        Ok(Self { kind, out })
    }

    fn want(&self, wanted: &mut [bool]) {
        match &self.kind {
            AskKind::Aggregate { select, .. } => select.want(wanted),
            AskKind::Sequence(s) => s.want(wanted),
        }
    }

    fn coder(&self) -> Result<Option<Coder>> {
        match &self.kind {
            AskKind::Sequence(s) => s.coder(),
            AskKind::Aggregate { .. } => Ok(None),
        }
    }

    fn answer(&self, chunk: &Chunk<'_>, coder: Option<&mut Coder>) -> Result<ArrayRef> {
        match &self.kind {
            AskKind::Sequence(s) => s.answer(chunk, coder),
            AskKind::Aggregate { function, select, during, value, order, periods } => {
                let rows = select.rows(chunk, *during)?;
                let offsets = offsets(chunk, &rows);
                if let Some(b) = periods {
                    let mut b = b.clone();
                    let index: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| b.index(chunk.time[*r as usize]))));
                    return aggregate(function, Some(&index), &offsets, &self.out);
                }
                let values = value.as_ref().map(|v| v.read(chunk, &rows)).transpose()?;
                if let (Aggregation::Top(n), Some(v)) = (function, &values) {
                    let weights = order.as_ref().map(|(by, _)| by.read(chunk, &rows)).transpose()?;
                    return top(v, weights.as_ref(), &offsets, *n, &self.out);
                }
                let values = match (values, order) {
                    (Some(v), Some((by, descending))) => Some(reordered(&v, &by.read(chunk, &rows)?, *descending, &offsets)?),
                    (v, _) => v,
                };
                aggregate(function, values.as_ref(), &offsets, &self.out)
            }
        }
    }
}

/// Where each entity's rows begin among the selected ones.
fn offsets(chunk: &Chunk<'_>, rows: &[u32]) -> Vec<usize> {
    let mut out = Vec::with_capacity(chunk.entities() + 1);
    let mut at = 0;
    out.push(0);
    for i in 0..chunk.entities() {
        let end = chunk.rows_of(i).end as u32;
        while at < rows.len() && rows[at] < end {
            at += 1;
        }
        out.push(at);
    }
    out
}

/// Values of each run in the order of another value; ties keep the timeline's order.
fn reordered(values: &ArrayRef, by: &ArrayRef, descending: bool, offsets: &[usize]) -> Result<ArrayRef> {
    let options = arrow::compute::SortOptions { descending, nulls_first: false };
    let compare = arrow::array::make_comparator(by, by, options)?;
    let mut index: Vec<u32> = (0..values.len() as u32).collect();
    for w in offsets.windows(2) {
        index[w[0]..w[1]].sort_by(|a, b| compare(*a as usize, *b as usize));
    }
    Ok(take(values, &UInt32Array::from(index), None)?)
}

/// A batch's rows with a bit for each step they may fill, and their HOLDING codes.
pub(super) struct Marked {
    pub mask: Vec<u64>,
    pub holding: Option<Vec<u32>>,
    /// Rows of each step, rising.
    pub steps: Vec<Vec<u32>>,
}

impl Marked {
    pub(super) fn new(chunk: &Chunk<'_>, selects: &[Select], holding: &[Vec<Values>], coder: Option<&mut Coder>) -> Result<Self> {
        let mut mask = vec![0u64; chunk.len()];
        let mut steps = Vec::with_capacity(selects.len());
        for (k, s) in selects.iter().enumerate() {
            let rows = s.rows(chunk, None)?;
            for r in &rows {
                mask[*r as usize] |= 1 << k;
            }
            steps.push(rows);
        }
        let holding = match coder {
            Some(coder) => {
                let mut codes = vec![eql_timeline::NULL; chunk.len()];
                for (rows, values) in steps.iter().zip(holding) {
                    let columns: Vec<ArrayRef> = values.iter().map(|v| v.read(chunk, rows)).collect::<Result<_>>()?;
                    for (row, code) in rows.iter().zip(holding_codes(coder, &columns)?) {
                        codes[*row as usize] = code;
                    }
                }
                Some(codes)
            }
            None => None,
        };
        Ok(Self { mask, holding, steps })
    }

    /// The pair conditions of the entity with these rows.
    pub(super) fn pairs(
        &self,
        chunk: &Chunk<'_>,
        conditions: &PairConditions,
        rows: std::ops::Range<usize>,
    ) -> Result<Option<super::pair::EntityPairs>> {
        if conditions.is_empty() {
            return Ok(None);
        }
        let within = |s: &Vec<u32>| {
            let (a, b) = (s.partition_point(|r| (*r as usize) < rows.start), s.partition_point(|r| (*r as usize) < rows.end));
            s[a..b].to_vec()
        };
        let steps: Vec<Vec<u32>> = self.steps.iter().map(within).collect();
        conditions.entity(chunk, &steps, rows.start as u32).map(Some)
    }
}

/// What every entity of a type did, by ordinal: one pass for all that is asked, split over threads.
pub(crate) fn behaviours(world: &World, entity: EntityTypeId, asked: &[&Behaviour]) -> Result<Vec<ArrayRef>> {
    let mut out: Vec<Option<ArrayRef>> = vec![None; asked.len()];
    let mut roles: Vec<Option<String>> = asked.iter().map(|b| b.role.clone()).collect();
    roles.sort();
    roles.dedup();
    for role in roles {
        let timelines = world.timelines(entity, role.as_deref())?;
        let which: Vec<usize> = (0..asked.len()).filter(|i| asked[*i].role == role).collect();
        let arrays = pass(world, &timelines, &which.iter().map(|i| asked[*i]).collect::<Vec<_>>())?;
        for (i, a) in which.into_iter().zip(arrays) {
            out[i] = Some(a);
        }
    }
    out.into_iter().map(|o| o.ok_or_else(|| DataFusionError::Internal("a behaviour was not computed".into()))).collect()
}

fn pass(world: &World, timelines: &Timelines, asked: &[&Behaviour]) -> Result<Vec<ArrayRef>> {
    let timeline = &timelines.settled;
    let asks = asked.iter().map(|b| Ask::new(world, timeline, b, arrow_type(&result_type(b)))).collect::<Result<Vec<_>>>()?;
    let mut wanted = vec![false; timeline.events.len()];
    asks.iter().for_each(|a| a.want(&mut wanted));
    let ranges = timelines.partitions(world.threads);
    let walk = |range: &std::ops::Range<u32>| -> Result<Vec<Vec<ArrayRef>>> {
        let mut coders = asks.iter().map(Ask::coder).collect::<Result<Vec<_>>>()?;
        let mut parts = vec![Vec::new(); asks.len()];
        Chunk::each(timelines, range.clone(), &wanted, |chunk| {
            world.check()?;
            for ((ask, coder), part) in asks.iter().zip(&mut coders).zip(&mut parts) {
                part.push(ask.answer(chunk, coder.as_mut())?);
            }
            Ok::<_, DataFusionError>(true)
        })?;
        Ok(parts)
    };
    let done: Vec<Result<Vec<Vec<ArrayRef>>>> = std::thread::scope(|scope| {
        let handles: Vec<_> = ranges.iter().map(|r| scope.spawn(|| walk(r))).collect();
        handles.into_iter().map(|h| h.join().unwrap_or_else(|_| Err(DataFusionError::Internal("a fold failed".into())))).collect()
    });
    let mut parts: Vec<Vec<ArrayRef>> = vec![Vec::new(); asks.len()];
    for d in done {
        for (all, part) in parts.iter_mut().zip(d?) {
            all.extend(part);
        }
    }
    parts.iter().zip(&asks).map(|(p, ask)| joined(p, &ask.out)).collect()
}

fn joined(parts: &[ArrayRef], out: &ArrowType) -> Result<ArrayRef> {
    match parts {
        [] => Ok(arrow::array::new_empty_array(out)),
        [one] => Ok(one.clone()),
        many => Ok(concat(&many.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>())?),
    }
}

/// The type of a behaviour's value.
fn result_type(b: &Behaviour) -> eql_catalog::DataType {
    use eql_catalog::DataType;
    match &b.kind {
        BehaviourKind::Sequence(s) => s.asked.data_type(),
        BehaviourKind::Aggregate { function, value, .. } => {
            aggregate_type(function, value.as_ref().map_or(DataType::Int, |v| v.expr.data_type.clone()))
        }
    }
}

fn aggregate_type(function: &Aggregation, t: eql_catalog::DataType) -> eql_catalog::DataType {
    use eql_catalog::DataType;
    match function {
        Aggregation::Count | Aggregation::CountDistinct | Aggregation::Periods(_) | Aggregation::Streak(_) => DataType::Int,
        Aggregation::Average
        | Aggregation::Percentile(_)
        | Aggregation::StdDev
        | Aggregation::StdDevPopulation
        | Aggregation::Variance
        | Aggregation::VariancePopulation => DataType::Double,
        Aggregation::Sum => match t {
            DataType::Decimal(_, s) => DataType::Decimal(38, s),
            other => other,
        },
        Aggregation::Top(n) if *n > 1 => DataType::List(Box::new(t)),
        Aggregation::List => DataType::List(Box::new(t)),
        Aggregation::Distinct(inner) => aggregate_type(inner, t),
        _ => t,
    }
}
