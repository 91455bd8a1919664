//! FUNNEL: one row a counted attempt.

mod batch;
mod judge;
mod lines;
mod measure;

use super::chunk::Chunk;
use super::coder::Coder;
use super::cut::Cutter;
use super::did::mode;
use super::entities::Marked;
use super::exec::{Fold, Prepared, State};
use super::marking::{Marking, Place};
use super::pair::PairConditions;
use super::select::types;
use super::top::Grouping;
use super::values::Values;
use crate::clock;
use crate::lower::column_name;
use crate::row::store_error;
use crate::world::World;
use arrow::array::{ArrayRef, AsArray, Date32Array, Int64Array, TimestampMicrosecondArray};
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use eql_catalog::{EntityTypeId, EventTypeId};
use eql_compiler::bound::{Clock, Every, Excluded, Funnel, FunnelCount, FunnelShow, RowAt};
use eql_grammar::ast::{OrderMode, Reentry};
use eql_store::{Timeline, arrow_type};
use eql_timeline::{Bucketer, Counting, Exclusion, FunnelSpec, FunnelStep};
use judge::{Attempts, Before};
pub(crate) use lines::{FunnelLines, LineColumn};
use measure::MatchedValues;
use std::sync::Arc;

/// The fold of a funnel.
#[derive(Debug)]
pub(crate) struct FunnelFold {
    pub funnel: Funnel,
    pub key: Vec<eql_catalog::DataType>,
}

/// A column of an attempt.
#[derive(Clone, Copy, Debug)]
enum Column {
    /// `period`: start of the period of the first step.
    Period,
    /// `b0`…: breakdowns.
    Group(usize),
    /// `level`: required steps done.
    Level,
    /// `reached`: number of the highest step done, from 1; in any order the level.
    Reached,
    /// `open`: not complete, and its window is not over.
    Open,
    /// `s1`…: seconds from the previous required step.
    Seconds(usize),
    /// `total`: seconds from the first to the last required step; NULL unless complete.
    Total,
    /// `t0`…: times of the steps.
    Time(usize),
    /// `k0`…: the key.
    Key(usize),
    /// A value of MEASURE.
    Value(usize),
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

impl FunnelFold {
    fn columns(&self) -> Vec<Column> {
        let f = &self.funnel;
        let mut out: Vec<Column> = f.every.iter().map(|_| Column::Period).collect();
        out.extend((0..f.breakdown.len()).map(Column::Group));
        out.extend([Column::Level, Column::Reached, Column::Open, Column::Total]);
        out.extend((1..f.steps.len()).map(Column::Seconds));
        out.extend((0..f.steps.len()).map(Column::Time));
        out.extend((0..self.key.len()).map(Column::Key));
        out.extend((0..f.measures.values.len()).map(Column::Value));
        out
    }

    fn field(&self, column: Column) -> Field {
        let f = &self.funnel;
        let (name, data_type) = match column {
            Column::Period => ("period".into(), f.every.as_ref().map_or(ArrowType::Date32, |(_, e)| period_type(e))),
            Column::Group(i) => (format!("b{i}"), arrow_type(&f.breakdown[i].value.expr.data_type)),
            Column::Level => ("level".into(), ArrowType::Int64),
            Column::Reached => ("reached".into(), ArrowType::Int64),
            Column::Open => ("open".into(), ArrowType::Boolean),
            Column::Seconds(i) => (format!("s{i}"), ArrowType::Float64),
            Column::Total => ("total".into(), ArrowType::Float64),
            Column::Time(i) => (format!("t{i}"), timestamp()),
            Column::Key(i) => (format!("k{i}"), arrow_type(&self.key[i])),
            Column::Value(i) => {
                let v = &f.measures.values[i];
                (column_name(v.id), arrow_type(&v.expr.data_type))
            }
        };
        Field::new(name, data_type, true)
    }

    /// A list of entities is of all groups: each entity once.
    fn lists(&self) -> bool {
        matches!(self.funnel.show, FunnelShow::Entities { .. })
    }

    /// The rules as the timeline's fold knows them, and the marks of rows.
    fn rules(&self, place: Place<'_>, now: i64) -> Result<(FunnelSpec, Marking)> {
        let f = &self.funnel;
        let window = |w: &Option<eql_compiler::bound::Window>| w.as_ref().map(clock::window).transpose();
        let mut marking = Marking::new(place, &f.steps, &f.holding)?;
        let mut steps = Vec::new();
        for (i, s) in f.steps.iter().enumerate() {
            steps.push(FunnelStep { bit: marking.bit(i), optional: s.optional, within: window(&s.within)? });
        }
        let mut other = |e: &Excluded| marking.other(place, &e.events, e.holding.as_deref());
        let excluded =
            f.excluding.as_ref().map(|e| Ok::<_, datafusion::common::DataFusionError>(Exclusion { bit: other(e)?, between: e.between }));
        let exclusions = excluded.transpose()?.into_iter().collect();
        let until = f.until.as_ref().map(other).transpose()?;
        let ignoring = match &f.visible {
            Some(visible) => 1 << marking.quiet(place, visible, &f.ignoring)?,
            None => 0,
        };
        let (start, end) = clock::resolve(&f.during, place.world.now)?;
        let spec = FunnelSpec {
            steps,
            window: window(&f.window)?,
            ties_forbidden: f.ties_forbidden,
            mode: mode(f.mode),
            reentry: match f.reentry {
                Reentry::Best => eql_timeline::Reentry::Best,
                Reentry::First => eql_timeline::Reentry::First,
                Reentry::Latest => eql_timeline::Reentry::Latest,
            },
            counting: if f.counting == FunnelCount::Attempts { Counting::Attempts } else { Counting::Entities },
            start: start..end,
            now,
            exclusions,
            until,
            ignoring,
        };
        Ok((spec, marking))
    }

    /// Where each breakdown is read, and the events of all steps.
    fn grouping(&self, world: &World, timeline: &Timeline) -> Result<(Grouping, Vec<EventTypeId>)> {
        let f = &self.funnel;
        let all: Vec<EventTypeId> = f.steps.iter().flat_map(|s| types(&s.events)).collect();
        let mut values = Vec::new();
        for (b, at) in f.breakdown.iter().zip(&f.attributed) {
            let events = match at {
                RowAt::Step(0) if f.mode == OrderMode::AnyOrder => all.clone(),
                RowAt::Step(k) => f.steps.get(*k).map(|s| types(&s.events)).unwrap_or_default(),
                RowAt::Last | RowAt::All => all.clone(),
            };
            values.push(Values::new(world, timeline, &events, &b.value)?);
        }
        let top = f.top.as_ref().filter(|_| !self.lists());
        Ok((Grouping::new(world, values, top)?, all))
    }
}

impl Fold for FunnelFold {
    fn name(&self) -> String {
        let names: Vec<&str> = self.funnel.steps.iter().map(|s| s.name.as_str()).collect();
        format!("funnel, steps=[{}]", names.join(" -> "))
    }

    fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns().into_iter().map(|c| self.field(c)).collect::<Vec<_>>()))
    }

    fn clock(&self) -> &Clock {
        &self.funnel.clock
    }

    fn subject(&self) -> (EntityTypeId, Option<String>) {
        (self.funnel.subject, self.funnel.role.clone())
    }

    fn among(&self, world: &World) -> Result<Option<Vec<bool>>> {
        among(world, self.funnel.among.as_ref())
    }

    fn prepare(&self, world: &Arc<World>, timeline: &Arc<Timeline>, columns: &[usize]) -> Result<Arc<dyn Prepared>> {
        Ok(Arc::new(self.ready(world, timeline, columns)?))
    }
}

impl FunnelFold {
    fn ready(&self, world: &Arc<World>, timeline: &Arc<Timeline>, columns: &[usize]) -> Result<Ready> {
        let f = &self.funnel;
        let place = Place { world, timeline, clock: &f.clock };
        let now = clock::now_of(&f.clock, world.now)?;
        let (spec, marking) = self.rules(place, now)?;
        let (grouping, events) = self.grouping(world, timeline)?;
        let entities = world.snapshot.entities(f.subject).map_err(store_error)?;
        let all = self.columns();
        let any_order = f.mode == OrderMode::AnyOrder;
        let pairs = PairConditions::new(world, timeline, &f.steps)?;
        let one_group = grouping.values.iter().all(|v| v.by_subject().is_some());
        let required = (0..f.steps.len()).filter(|k| *k == 0 || !f.steps[*k].optional).collect::<Vec<_>>();
        let begins = required.iter().filter(|k| any_order || **k == 0).fold(0, |bits, k| bits | 1 << marking.bit(*k));
        Ok(Ready {
            schema: Arc::new(self.schema().project(columns)?),
            columns: columns.iter().filter_map(|i| all.get(*i).copied()).collect(),
            bucketer: f.every.as_ref().map(|(_, e)| clock::bucketer(e)).transpose()?,
            breakdown_types: f.breakdown.iter().map(|b| arrow_type(&b.value.expr.data_type)).collect(),
            every: f.every.as_ref().map(|(_, e)| e.clone()),
            attributed: f.attributed.clone(),
            sessions: match &f.counting {
                FunnelCount::Sessions(cut) => Some(Cutter::new(world, timeline, cut, &f.clock)?),
                _ => None,
            },
            measured: MatchedValues::new(world, timeline, &f.measures, &events)?,
            keys: (0..self.key.len()).map(|i| entities.key(i).clone()).collect(),
            sweeps: (one_group || self.lists())
                && (self.lists() || f.every.is_none())
                && f.holding.is_empty()
                && pairs.is_empty()
                && !matches!(f.counting, FunnelCount::Sessions(_)),
            one_group,
            pairs,
            lists: self.lists(),
            any_order,
            required,
            begins,
            spec,
            marking,
            grouping,
        })
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
    marking: Marking,
    /// Bits of rows that may begin an attempt.
    begins: u64,
    required: Vec<usize>,
    any_order: bool,
    /// Each entity once, whatever its group.
    lists: bool,
    /// Breakdowns are of the subject: all its attempts have one group.
    one_group: bool,
    /// Nothing asks for more than the rules that are swept.
    sweeps: bool,
    sessions: Option<Cutter>,
    grouping: Grouping,
    breakdown_types: Vec<ArrowType>,
    attributed: Vec<RowAt>,
    every: Option<Every>,
    bucketer: Option<Bucketer>,
    pairs: PairConditions,
    measured: MatchedValues,
    keys: Vec<ArrayRef>,
    schema: SchemaRef,
    columns: Vec<Column>,
}

impl Prepared for Ready {
    fn want(&self, wanted: &mut [bool]) {
        self.marking.want(wanted);
        if let Some(c) = &self.sessions {
            c.want(wanted);
        }
    }

    fn start(&self) -> Result<Box<dyn State + '_>> {
        Ok(Box::new(Walk::new(self)?))
    }
}

struct Walk<'r> {
    ready: &'r Ready,
    holding: Option<Coder>,
    bucketer: Option<Bucketer>,
}

impl State for Walk<'_> {
    fn take(&mut self, chunk: &Chunk<'_>, among: Option<&[bool]>) -> Result<Option<RecordBatch>> {
        let found = self.attempts(chunk, among)?;
        if found.list.is_empty() { Ok(None) } else { self.batch(chunk, &found).map(Some) }
    }

    fn finish(&mut self, _: bool) -> Result<Option<RecordBatch>> {
        Ok(None)
    }
}

impl<'r> Walk<'r> {
    fn new(ready: &'r Ready) -> Result<Self> {
        Ok(Walk { ready, holding: ready.marking.coder()?, bucketer: ready.bucketer.clone() })
    }

    /// The attempts that count, of a batch.
    fn attempts(&mut self, chunk: &Chunk<'_>, among: Option<&[bool]>) -> Result<Attempts> {
        let ready = self.ready;
        let fold = eql_timeline::funnel::Funnel::new(&ready.spec);
        if let Some(found) = judge::sweep(ready, chunk, among, &fold)? {
            return Ok(found);
        }
        let marked = ready.marking.mark(chunk, self.holding.as_mut())?;
        let visits = ready.sessions.as_ref().map(|c| c.visits(chunk, among, (i64::MIN, i64::MAX))).transpose()?;
        let groups = self.groups(chunk, &marked)?;
        let before = Before { chunk, marked: &marked, groups: groups.as_deref() };
        let mut found = Attempts::new(ready.spec.steps.len());
        for i in 0..chunk.entities() {
            let rows = chunk.rows_of(i);
            if among.is_some_and(|a| !a[i]) || !marked.mask[rows.clone()].iter().any(|m| m & ready.begins != 0) {
                continue;
            }
            let first = found.list.len();
            match &visits {
                None => before.judge(ready, &fold, i, rows.clone(), &marked.mask[rows], true, &mut found)?,
                Some(v) => before.sessions(ready, &fold, i, v, &mut found)?,
            }
            if ready.lists {
                found.keep_furthest(first, chunk.time, &ready.required);
            }
        }
        Ok(found)
    }

    /// Codes of (period, breakdown) on start rows; None when there is one group only. A breakdown of another row than the first is found when the
    /// attempt is known.
    fn groups(&mut self, chunk: &Chunk<'_>, marked: &Marked) -> Result<Option<Vec<u32>>> {
        let ready = self.ready;
        let by_start = !ready.attributed.is_empty() && ready.attributed.iter().all(|a| *a == RowAt::Step(0)) && !ready.one_group;
        if ready.lists || (self.bucketer.is_none() && !by_start) {
            return Ok(None);
        }
        let rows = ready.start_rows(marked);
        let mut columns: Vec<ArrayRef> = Vec::new();
        let mut kinds = Vec::new();
        if let Some(b) = &mut self.bucketer {
            columns.push(Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| b.index(chunk.time[*r as usize])))));
            kinds.push(ArrowType::Int64);
        }
        if by_start {
            columns.extend(ready.grouping.read(chunk, &rows)?);
            kinds.extend(ready.breakdown_types.iter().cloned());
        }
        let mut out = vec![0; chunk.len()];
        for (row, code) in rows.iter().zip(Coder::new(&kinds)?.codes(&columns)?) {
            out[*row as usize] = code;
        }
        Ok(Some(out))
    }
}

impl Ready {
    /// Rows that may begin an attempt, rising.
    fn start_rows(&self, marked: &Marked) -> Vec<u32> {
        if !self.any_order {
            return marked.steps.first().cloned().unwrap_or_default();
        }
        let mut rows: Vec<u32> = self.required.iter().filter_map(|k| marked.steps.get(*k)).flatten().copied().collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }
}
