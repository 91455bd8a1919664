//! The lines of a funnel: attempts are counted by group and step where they are found.

use super::super::chunk::Chunk;
use super::super::coder::Coder;
use super::super::exec::{Fold, Part, Prepared, State};
use super::batch::Found;
use super::judge::Attempts;
use super::{FunnelFold, Ready, Walk, period_array, period_type};
use crate::function::interpolated;
use crate::world::World;
use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, StringArray};
use arrow::compute::concat;
use arrow::datatypes::{DataType as ArrowType, Field, Int64Type, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use eql_catalog::EntityTypeId;
use eql_compiler::bound::Clock;
use eql_grammar::ast::OrderMode;
use eql_store::{Timeline, arrow_type};
use eql_timeline::{Done, LineCount, Lines};
use std::sync::Arc;

/// The fold of a funnel whose attempts are counted step by step, without measures.
#[derive(Debug)]
pub(crate) struct FunnelLines(pub FunnelFold);

/// A column of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineColumn {
    /// `period`: start of the period of the first step.
    Period,
    /// `b0`…: breakdowns.
    Group(usize),
    /// `step`, from 1.
    Step,
    /// `name` of the step.
    Name,
    /// `done`: attempts that did it.
    Done,
    /// `open`: those that stay there and may still go on.
    Open,
    /// `of_first`: share of those that did the first step.
    OfFirst,
    /// `of_previous`: share of those that did the required step before.
    OfPrevious,
    /// `of_settled`: share of those that did the first step and do not still have time for this one.
    OfSettled,
    /// `median`: seconds from the required step before.
    Median,
    /// `average` of the same seconds.
    Average,
}

impl LineColumn {
    /// Those of every line, in the order of the result.
    pub(crate) const LINE: [LineColumn; 9] = [
        LineColumn::Step,
        LineColumn::Name,
        LineColumn::Done,
        LineColumn::Open,
        LineColumn::OfFirst,
        LineColumn::OfPrevious,
        LineColumn::OfSettled,
        LineColumn::Median,
        LineColumn::Average,
    ];

    pub(crate) fn name(self) -> String {
        match self {
            LineColumn::Period => "period".into(),
            LineColumn::Group(i) => format!("b{i}"),
            LineColumn::Step => "step".into(),
            LineColumn::Name => "name".into(),
            LineColumn::Done => "done".into(),
            LineColumn::Open => "open".into(),
            LineColumn::OfFirst => "of_first".into(),
            LineColumn::OfPrevious => "of_previous".into(),
            LineColumn::OfSettled => "of_settled".into(),
            LineColumn::Median => "median".into(),
            LineColumn::Average => "average".into(),
        }
    }
}

impl FunnelLines {
    fn columns(&self) -> Vec<LineColumn> {
        let f = &self.0.funnel;
        let mut out: Vec<LineColumn> = f.every.iter().map(|_| LineColumn::Period).collect();
        out.extend((0..f.breakdown.len()).map(LineColumn::Group));
        out.extend(LineColumn::LINE);
        out
    }

    fn field(&self, column: LineColumn) -> Field {
        let f = &self.0.funnel;
        let data_type = match column {
            LineColumn::Period => f.every.as_ref().map_or(ArrowType::Date32, |(_, e)| period_type(e)),
            LineColumn::Group(i) => arrow_type(&f.breakdown[i].value.expr.data_type),
            LineColumn::Step | LineColumn::Done | LineColumn::Open => ArrowType::Int64,
            LineColumn::Name => ArrowType::Utf8,
            _ => ArrowType::Float64,
        };
        Field::new(column.name(), data_type, true)
    }
}

impl Fold for FunnelLines {
    fn name(&self) -> String {
        format!("{}, counted", self.0.name())
    }

    fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns().into_iter().map(|c| self.field(c)).collect::<Vec<_>>()))
    }

    fn clock(&self) -> &Clock {
        self.0.clock()
    }

    fn subject(&self) -> (EntityTypeId, Option<String>) {
        self.0.subject()
    }

    fn among(&self, world: &World) -> Result<Option<Vec<bool>>> {
        self.0.among(world)
    }

    fn adds_up(&self) -> bool {
        true
    }

    fn prepare(&self, world: &Arc<World>, timeline: &Arc<Timeline>, columns: &[usize]) -> Result<Arc<dyn Prepared>> {
        let (all, f) = (self.columns(), &self.0.funnel);
        let columns: Vec<LineColumn> = columns.iter().filter_map(|i| all.get(*i).copied()).collect();
        let optional = f.steps.iter().map(|s| s.optional);
        Ok(Arc::new(Counted {
            attempts: self.0.ready(world, timeline, &[])?,
            lines: Lines::new(optional, f.mode == OrderMode::AnyOrder),
            names: f.steps.iter().map(|s| s.name.clone()).collect(),
            timed: columns.iter().any(|c| matches!(c, LineColumn::Median | LineColumn::Average)),
            schema: Arc::new(Schema::new(columns.iter().map(|c| self.field(*c)).collect::<Vec<_>>())),
            columns,
            memory: world.settings.memory.clone(),
        }))
    }
}

/// Ready to count attempts.
struct Counted {
    attempts: Ready,
    lines: Lines,
    names: Vec<String>,
    /// Somebody asks how long the steps took.
    timed: bool,
    columns: Vec<LineColumn>,
    schema: SchemaRef,
    memory: Arc<dyn MemoryPool>,
}

impl Prepared for Counted {
    fn want(&self, wanted: &mut [bool]) {
        self.attempts.want(wanted);
    }

    fn start(&self) -> Result<Box<dyn State + '_>> {
        let coder = self.group_types().map(|types| Coder::new(&types)).transpose()?;
        Ok(Box::new(Count { ready: self, walk: Walk::new(&self.attempts)?, coder, tally: Tally::new(self) }))
    }

    fn total(&self, parts: Vec<Part>) -> Result<RecordBatch> {
        let mut tally = Tally::new(self);
        let mut columns: Vec<Vec<ArrayRef>> = Vec::new();
        let mut tallies = Vec::new();
        for part in parts {
            let part = part.downcast::<Counts>().map_err(|_| DataFusionError::Internal("counts of another fold".into()))?;
            columns.push(part.groups);
            tallies.push(part.tally);
        }
        let (keys, codes) = match self.group_types() {
            None => (vec![], vec![0; tallies.len()]),
            Some(types) => {
                let mut coder = Coder::new(&types)?;
                let of_type = |i: usize| columns.iter().filter_map(|c| c.get(i)).map(AsRef::as_ref).collect::<Vec<_>>();
                let all = (0..types.len()).map(|i| Ok(concat(&of_type(i))?)).collect::<Result<Vec<_>>>()?;
                let codes = coder.codes(&all)?;
                let groups: Vec<u32> = (0..coder.len() as u32).collect();
                (coder.columns(&groups)?, codes)
            }
        };
        // Without groups there are the lines of everybody, even if that is nobody.
        tally.grow(keys.first().map_or(1, |k| k.len()))?;
        let mut codes = codes.into_iter();
        for part in tallies {
            tally.add(part, &mut codes);
        }
        self.batch(&keys, tally)
    }
}

impl Counted {
    /// Types of (period, breakdown); None when there is one group only.
    fn group_types(&self) -> Option<Vec<ArrowType>> {
        let mut types: Vec<ArrowType> = self.attempts.every.iter().map(|_| ArrowType::Int64).collect();
        types.extend(self.attempts.breakdown_types.iter().cloned());
        (!types.is_empty()).then_some(types)
    }

    fn batch(&self, keys: &[ArrayRef], tally: Tally) -> Result<RecordBatch> {
        let steps = self.lines.len();
        let rows = tally.counts.len();
        let groups = arrow::array::UInt32Array::from_iter_values((0..rows).map(|row| (row / steps.max(1)) as u32));
        let first = |row: usize| tally.counts[row - row % steps].done;
        let previous = |row: usize| tally.counts[row - row % steps + self.lines.before(row % steps).unwrap_or(0)].done;
        let share = |of: &dyn Fn(usize) -> i64| -> ArrayRef {
            Arc::new(
                (0..rows)
                    .map(|row| Some(of(row)).filter(|n| *n != 0).map(|n| tally.counts[row].done as f64 / n as f64))
                    .collect::<Float64Array>(),
            )
        };
        let count = |of: fn(&LineCount) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(tally.counts.iter().map(of))) };
        let period = self.attempts.every.iter().count();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        let took = Took::new(&tally);
        for column in &self.columns {
            columns.push(match column {
                LineColumn::Period => {
                    let index = arrow::compute::take(&keys[0], &groups, None)?;
                    match (&self.attempts.every, &self.attempts.bucketer) {
                        (Some(e), Some(b)) => period_array(e, b, index.as_primitive::<Int64Type>().values())?,
                        _ => return Err(DataFusionError::Internal("a period without EVERY".into())),
                    }
                }
                LineColumn::Group(i) => arrow::compute::take(&keys[period + i], &groups, None)?,
                LineColumn::Step => Arc::new(Int64Array::from_iter_values((0..rows).map(|row| (row % steps) as i64 + 1))),
                LineColumn::Name => Arc::new((0..rows).map(|row| self.names.get(row % steps)).collect::<StringArray>()),
                LineColumn::Done => count(|c| c.done),
                LineColumn::Open => count(|c| c.open),
                LineColumn::OfFirst => share(&first),
                LineColumn::OfPrevious => share(&previous),
                LineColumn::OfSettled => share(&|row| first(row) - tally.counts[row].awaited),
                LineColumn::Median => Arc::new(took.medians.iter().copied().collect::<Float64Array>()),
                LineColumn::Average => Arc::new(took.averages.iter().copied().collect::<Float64Array>()),
            });
        }
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &RecordBatchOptions::new().with_row_count(Some(rows)))?)
    }
}

/// How long steps took, in seconds, a line each.
struct Took {
    medians: Vec<Option<f64>>,
    averages: Vec<Option<f64>>,
}

impl Took {
    fn new(tally: &Tally) -> Took {
        let average = |micros: &Vec<i64>| {
            let sum: i128 = micros.iter().map(|m| i128::from(*m)).sum();
            (!micros.is_empty()).then(|| sum as f64 / 1e6 / micros.len() as f64)
        };
        let median = |micros: &Vec<i64>| {
            let mut seconds: Vec<f64> = micros.iter().map(|m| *m as f64 / 1e6).collect();
            interpolated(&mut seconds, 0.5)
        };
        Took { medians: tally.micros.iter().map(median).collect(), averages: tally.micros.iter().map(average).collect() }
    }
}

/// Counts by group and step.
struct Tally {
    steps: usize,
    counts: Vec<LineCount>,
    /// Microseconds that each attempt needed for a step since the required one before; empty where nobody asks.
    micros: Vec<Vec<i64>>,
    memory: MemoryReservation,
    /// For what came from other partitions.
    taken_over: Vec<MemoryReservation>,
}

impl Tally {
    fn new(ready: &Counted) -> Tally {
        let memory = MemoryConsumer::new("FUNNEL").register(&ready.memory);
        Tally { steps: ready.lines.len(), counts: vec![], micros: vec![], memory, taken_over: vec![] }
    }

    /// Makes room for so many groups.
    fn grow(&mut self, groups: usize) -> Result<()> {
        let lines = groups * self.steps;
        let more = lines.saturating_sub(self.counts.len());
        self.memory.try_grow(more * (size_of::<LineCount>() + size_of::<Vec<i64>>()))?;
        self.counts.resize(lines, LineCount::default());
        self.micros.resize_with(lines, Vec::new);
        Ok(())
    }

    /// Adds the groups of a partition to those with these codes.
    fn add(&mut self, part: Tally, codes: &mut impl Iterator<Item = u32>) {
        let steps = self.steps.max(1);
        let mut micros = part.micros.into_iter();
        for (counts, code) in part.counts.chunks(steps).zip(codes) {
            let lines = code as usize * steps..(code as usize + 1) * steps;
            for (line, count) in lines.zip(counts) {
                let own = &mut self.counts[line];
                own.done += count.done;
                own.open += count.open;
                own.awaited += count.awaited;
                let Some(more) = micros.next() else { continue };
                if self.micros[line].is_empty() {
                    self.micros[line] = more;
                } else {
                    self.micros[line].extend(more);
                }
            }
        }
        self.taken_over.push(part.memory);
    }
}

/// What a partition found: its groups, and their counts.
struct Counts {
    groups: Vec<ArrayRef>,
    tally: Tally,
}

struct Count<'r> {
    ready: &'r Counted,
    walk: Walk<'r>,
    /// Numbers of the groups of this partition.
    coder: Option<Coder>,
    tally: Tally,
}

impl State for Count<'_> {
    fn take(&mut self, chunk: &Chunk<'_>, among: Option<&[bool]>) -> Result<Option<RecordBatch>> {
        let attempts = self.walk.attempts(chunk, among)?;
        if attempts.list.is_empty() {
            return Ok(None);
        }
        let found = Found::new(self.walk.ready, chunk, &attempts);
        let picks = found.picks()?;
        let codes = match &mut self.coder {
            None => None,
            Some(coder) => {
                let periods = self.walk.bucketer.as_mut().map(|b| found.periods(b, &picks));
                let columns: Vec<ArrayRef> = periods.into_iter().chain(found.groups(&picks)?).collect();
                Some(coder.codes(&columns)?)
            }
        };
        self.tally.grow(self.coder.as_ref().map_or(1, Coder::len))?;
        for (i, pick) in picks.iter().enumerate() {
            let group = codes.as_ref().map_or(0, |c| c[i] as usize);
            self.count(group, &found, pick.attempt, &attempts);
        }
        if self.ready.timed {
            // At most one number a step and attempt.
            self.tally.memory.try_grow(picks.len() * self.tally.steps * size_of::<i64>())?;
        }
        Ok(None)
    }

    fn finish(&mut self, _: bool) -> Result<Option<RecordBatch>> {
        Ok(None)
    }

    fn part(&mut self) -> Result<Part> {
        let groups = match &self.coder {
            None => vec![],
            Some(coder) => coder.columns(&(0..coder.len() as u32).collect::<Vec<_>>())?,
        };
        if self.coder.is_none() {
            self.tally.grow(1)?;
        }
        let tally = std::mem::replace(&mut self.tally, Tally::new(self.ready));
        Ok(Box::new(Counts { groups, tally }))
    }
}

impl Count<'_> {
    fn count(&mut self, group: usize, found: &Found<'_>, attempt: usize, attempts: &Attempts) {
        let (lines, steps) = (&self.ready.lines, self.tally.steps);
        let judged = &attempts.list[attempt];
        let done = Done { level: judged.level, matched: attempts.matched(attempt), open: judged.open };
        let own = group * steps..(group + 1) * steps;
        lines.count(done, &mut self.tally.counts[own.clone()]);
        if !self.ready.timed {
            return;
        }
        for (step, micros) in self.tally.micros[own].iter_mut().enumerate().skip(1) {
            if lines.did(step, done) {
                micros.extend(found.between(attempt, step));
            }
        }
    }
}
