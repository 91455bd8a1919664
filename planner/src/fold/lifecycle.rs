//! LIFECYCLE: how many entities are new, returning, resurrecting and dormant, partial by partition; or which.

use super::active::{Active, Own, bounded, key_arrays};
use super::chunk::Chunk;
use super::coder::Coder;
use super::exec::{Fold, Prepared, State};
use super::funnel::{among, period_array, period_type};
use crate::clock;
use crate::world::World;
use arrow::array::{ArrayRef, Int64Array, StringArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::Result;
use eql_catalog::EntityTypeId;
use eql_compiler::bound::{Clock, Every, Lifecycle};
use eql_grammar::ast;
use eql_store::{Timeline, arrow_type};
use eql_timeline::{Bucketer, Phase};
use hashbrown::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// The fold of LIFECYCLE. Columns: `period`, `b0`…, `new`, `returning`, `resurrecting`, `dormant`; of a list `period`, `b0`…, `phase`, `k0`….
#[derive(Debug)]
pub(crate) struct LifecycleFold {
    pub lifecycle: Lifecycle,
    pub key: Vec<eql_catalog::DataType>,
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
        if l.listed.is_some() {
            fields.push(Field::new("phase", ArrowType::Utf8, true));
            fields.extend(self.key.iter().enumerate().map(|(i, k)| Field::new(format!("k{i}"), arrow_type(k), true)));
        } else {
            fields.extend(ast::Phase::ALL.map(|p| Field::new(p.word(), ArrowType::Int64, true)));
        }
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
        let mut bucketer = clock::bucketer(&every)?;
        let first = if start == i64::MIN { i64::MIN } else { bucketer.index(start) };
        let periods = if start < end { first..bucketer.index(end - 1) + 1 } else { 0..0 };
        Ok(Arc::new(Ready {
            active: Active::new(world, timeline, &l.events, (&l.breakdown, l.top.as_ref()), &l.clock)?,
            end,
            periods,
            every,
            bucketer,
            listed: match &l.listed {
                Some(list) => Some(Listing { keys: key_arrays(world, l.subject, self.key.len())?, only: list.only.map(phase) }),
                None => None,
            },
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
    listed: Option<Listing>,
    schema: SchemaRef,
    columns: Vec<usize>,
}

/// What a list shows.
struct Listing {
    keys: Vec<ArrayRef>,
    only: Option<Phase>,
}

/// Rows of a list.
#[derive(Default)]
struct Listed {
    own: Vec<Own>,
    periods: Vec<i64>,
    phases: Vec<&'static str>,
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
        let (mut periods, mut phases, mut list) = (Vec::new(), Vec::new(), Listed::default());
        let Walk { ready, groups, bucketer, counts } = self;
        let mut each = |own: Own, times: &[i64]| {
            periods.clear();
            periods.extend(times.iter().map(|t| bucketer.index(*t)));
            phases.clear();
            eql_timeline::lifecycle(&periods, ready.periods.clone(), &mut phases);
            for (period, phase) in &phases {
                match &ready.listed {
                    None => counts.entry((own.group, *period)).or_default()[place(*phase)] += 1,
                    Some(shown) if shown.only.is_none_or(|only| only == *phase) => {
                        list.own.push(own);
                        list.periods.push(*period);
                        list.phases.push(ast::Phase::ALL[place(*phase)].word());
                    }
                    Some(_) => {}
                }
            }
        };
        ready.active.walk(chunk, among, (i64::MIN, ready.end), groups.as_mut(), &mut each)?;
        bounded(self.counts.len(), "LIFECYCLE")?;
        match &ready.listed {
            Some(shown) if !list.own.is_empty() => self.listed(shown, &list).map(Some),
            _ => Ok(None),
        }
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

impl Walk<'_> {
    fn listed(&self, shown: &Listing, list: &Listed) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = vec![period_array(&self.ready.every, &self.bucketer, &list.periods)?];
        if let Some(coder) = &self.groups {
            columns.extend(coder.columns(&list.own.iter().map(|own| own.group).collect::<Vec<_>>())?);
        }
        columns.push(Arc::new(StringArray::from_iter_values(&list.phases)));
        let ordinals = UInt32Array::from_iter_values(list.own.iter().map(|own| own.entity));
        for key in &shown.keys {
            columns.push(take(key, &ordinals, None)?);
        }
        let kept = self.ready.columns.iter().map(|i| columns[*i].clone()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(list.own.len()));
        Ok(RecordBatch::try_new_with_options(self.ready.schema.clone(), kept, &options)?)
    }
}

fn phase(word: ast::Phase) -> Phase {
    match word {
        ast::Phase::New => Phase::New,
        ast::Phase::Returning => Phase::Returning,
        ast::Phase::Resurrecting => Phase::Resurrecting,
        ast::Phase::Dormant => Phase::Dormant,
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
