//! What entities did: counts, sums and other values over their rows, and whether steps happened.

use super::aggregate::aggregate;
use super::chunk::Chunk;
use super::coder::Coder;
use super::did::Steps;
use super::favourite::top;
use super::select::{Select, types};
use super::values::Values;
use crate::clock;
use crate::world::World;
use arrow::array::{Array, ArrayRef, Int64Array, UInt32Array};
use arrow::compute::{concat, take};
use arrow::datatypes::DataType as ArrowType;
use datafusion::common::{DataFusionError, Result};
use eql_catalog::EntityTypeId;
use eql_compiler::bound::{Aggregation, Behaviour, BehaviourKind, Clock, EventSelect, TimeRange};
use eql_store::{Timeline, Timelines, arrow_type};
use eql_timeline::Bucketer;
use std::sync::Arc;

/// Behaviours, ready to be asked of batches.
#[derive(Default)]
pub(super) struct Asks {
    /// Rows that behaviours range over, each selection once.
    selections: Vec<Selection>,
    asks: Vec<Ask>,
}

struct Selection {
    /// What it was made from.
    of: (EventSelect, Option<TimeRange>, Clock),
    select: Select,
    during: Option<(i64, i64)>,
}

/// Rows of a batch, and where each entity's begin among them.
struct Selected {
    rows: Vec<u32>,
    offsets: Vec<usize>,
}

impl Selection {
    fn of(&self, chunk: &Chunk<'_>, among: Option<&[bool]>) -> Result<Selected> {
        let mut rows = self.select.rows(chunk, self.during)?;
        if let Some(among) = among {
            let asked: Vec<bool> = chunk.entities_of(&rows).map(|entity| among[entity]).collect();
            let mut asked = asked.into_iter();
            rows.retain(|_| asked.next().unwrap_or(false));
        }
        let offsets = offsets(chunk, &rows);
        Ok(Selected { rows, offsets })
    }
}

/// One behaviour.
struct Ask {
    kind: AskKind,
    out: ArrowType,
}

#[allow(clippy::large_enum_variant)]
enum AskKind {
    Aggregate {
        function: Aggregation,
        /// Which of the selections.
        selection: usize,
        value: Option<Values>,
        order: Option<(Values, bool)>,
        periods: Option<Bucketer>,
    },
    Sequence(Box<Steps>),
}

impl Asks {
    /// Asks one more; its value is of the type `out`.
    pub(super) fn add(&mut self, world: &World, timeline: &Timeline, b: &Behaviour, out: ArrowType) -> Result<()> {
        let kind = match &b.kind {
            BehaviourKind::Aggregate { function, events, value, order, during } => {
                let types = types(events);
                let values = |v| Values::new(world, timeline, &types, v);
                let unit = if let Aggregation::Periods(u) | Aggregation::Streak(u) = function { Some(*u) } else { None };
                let periods = unit.map(|u| Ok::<_, DataFusionError>(Bucketer::new(clock::calendar(&b.clock)?, clock::unit(u), 1)));
                AskKind::Aggregate {
                    function: function.clone(),
                    selection: self.selection(world, timeline, (events, during, &b.clock))?,
                    value: value.as_ref().map(values).transpose()?,
                    order: order.as_ref().map(|(o, d)| Ok::<_, DataFusionError>((values(o)?, *d))).transpose()?,
                    periods: periods.transpose()?,
                }
            }
            BehaviourKind::Sequence(s) => AskKind::Sequence(Box::new(Steps::new(world, timeline, s, b)?)),
        };
        self.asks.push(Ask { kind, out });
        Ok(())
    }

    fn selection(&mut self, world: &World, timeline: &Timeline, of: (&EventSelect, &Option<TimeRange>, &Clock)) -> Result<usize> {
        let known = self.selections.iter().position(|s| (&s.of.0, &s.of.1, &s.of.2) == of);
        if let Some(known) = known {
            return Ok(known);
        }
        let (events, during, clock) = of;
        self.selections.push(Selection {
            of: (events.clone(), during.clone(), clock.clone()),
            select: Select::new(world, timeline, events, clock)?,
            during: during.as_ref().map(|r| clock::resolve(r, world.now)).transpose()?,
        });
        Ok(self.selections.len() - 1)
    }

    pub(super) fn want(&self, wanted: &mut [bool]) {
        self.selections.iter().for_each(|s| s.select.want(wanted));
        for ask in &self.asks {
            if let AskKind::Sequence(s) = &ask.kind {
                s.want(wanted);
            }
        }
    }

    /// What numbers the values that steps hold, a partition's own.
    pub(super) fn coders(&self) -> Result<Vec<Option<Coder>>> {
        let coder = |ask: &Ask| if let AskKind::Sequence(s) = &ask.kind { s.coder() } else { Ok(None) };
        self.asks.iter().map(coder).collect()
    }

    /// A column for each behaviour, a row for each entity of the batch. What entities did that are not asked about is not looked at; their
    /// values say nothing.
    pub(super) fn answers(&self, chunk: &Chunk<'_>, among: Option<&[bool]>, coders: &mut [Option<Coder>]) -> Result<Vec<ArrayRef>> {
        let mut selected: Vec<Option<Selected>> = self.selections.iter().map(|_| None).collect();
        let mut out = Vec::with_capacity(self.asks.len());
        for (ask, coder) in self.asks.iter().zip(coders) {
            out.push(match &ask.kind {
                AskKind::Sequence(s) => s.answer(chunk, among, coder.as_mut())?,
                AskKind::Aggregate { selection, .. } => {
                    let rows = match &selected[*selection] {
                        Some(known) => known,
                        None => selected[*selection].insert(self.selections[*selection].of(chunk, among)?),
                    };
                    ask.over(chunk, rows)?
                }
            });
        }
        Ok(out)
    }
}

impl Ask {
    fn over(&self, chunk: &Chunk<'_>, Selected { rows, offsets }: &Selected) -> Result<ArrayRef> {
        let AskKind::Aggregate { function, value, order, periods, .. } = &self.kind else {
            return Err(DataFusionError::Internal("steps do not range over rows".into()));
        };
        if let Some(b) = periods {
            let mut b = b.clone();
            let index: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| b.index(chunk.time[*r as usize]))));
            return aggregate(function, Some(&index), offsets, &self.out);
        }
        let values = value.as_ref().map(|v| v.read(chunk, rows)).transpose()?;
        if let (Aggregation::Top(n), Some(v)) = (function, &values) {
            let weights = order.as_ref().map(|(by, _)| by.read(chunk, rows)).transpose()?;
            return top(v, weights.as_ref(), offsets, *n, &self.out);
        }
        let values = match (values, order) {
            (Some(v), Some((by, descending))) => Some(reordered(&v, &by.read(chunk, rows)?, *descending, offsets)?),
            (v, _) => v,
        };
        aggregate(function, values.as_ref(), offsets, &self.out)
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
    let mut asks = Asks::default();
    for b in asked {
        asks.add(world, timeline, b, arrow_type(&result_type(b)))?;
    }
    let mut wanted = vec![false; timeline.events.len()];
    asks.want(&mut wanted);
    let ranges = timelines.partitions(world.threads);
    let walk = |range: &std::ops::Range<u32>| -> Result<Vec<Vec<ArrayRef>>> {
        let mut coders = asks.coders()?;
        let mut parts = vec![Vec::new(); asked.len()];
        Chunk::each(timelines, range.clone(), &wanted, |chunk| {
            world.check()?;
            for (part, answer) in parts.iter_mut().zip(asks.answers(chunk, None, &mut coders)?) {
                part.push(answer);
            }
            Ok::<_, DataFusionError>(true)
        })?;
        Ok(parts)
    };
    let done: Vec<Result<Vec<Vec<ArrayRef>>>> = std::thread::scope(|scope| {
        let handles: Vec<_> = ranges.iter().map(|r| scope.spawn(|| walk(r))).collect();
        handles.into_iter().map(|h| h.join().unwrap_or_else(|_| Err(DataFusionError::Internal("a fold failed".into())))).collect()
    });
    let mut parts: Vec<Vec<ArrayRef>> = vec![Vec::new(); asked.len()];
    for d in done {
        for (all, part) in parts.iter_mut().zip(d?) {
            all.extend(part);
        }
    }
    parts.iter().zip(&asks.asks).map(|(p, ask)| joined(p, &ask.out)).collect()
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
