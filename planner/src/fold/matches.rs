//! SEQUENCE, INTERVALS and ATTRIBUTION: one row a match, with columns of its rows.

use super::attribution::attribution;
use super::chunk::Chunk;
use super::coded::CodedValues;
use super::coder::Coder;
use super::exec::{Fold, Prepared, State};
use super::funnel::among;
use super::interval::interval;
use super::marking::{Compact, Marking, Place};
use super::pair::PairConditions;
use super::select::types;
use super::sequence::sequence;
use super::values::Values;
use crate::clock;
use crate::lower::column_name;
use crate::row::store_error;
use crate::world::World;
use arrow::array::{ArrayRef, Float64Array, Int64Array, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::Result;
use eql_catalog::{DataType, EntityTypeId, EventTypeId};
use eql_compiler::bound::{Clock, ColumnId, MatchColumn, MatchRule, Matches, Step, Window};
use eql_store::{Timeline, arrow_type};
use eql_timeline::{Pairs, RowBits, Run, UNMATCHED};
use std::sync::Arc;

/// The fold of matches; its columns are those asked for.
#[derive(Debug)]
pub(crate) struct MatchesFold {
    pub matches: Matches,
    pub key: Vec<eql_catalog::DataType>,
}

/// A rule of matching with its times resolved.
pub(super) trait Rule: Send + Sync {
    /// How many rows a match has.
    fn slots(&self) -> usize;
    /// Ready to be asked of one entity after another.
    fn finder(&self) -> Box<dyn Finder + '_>;
    /// Whether [`Rule::sweep`] finds all matches.
    fn sweeps(&self) -> bool {
        false
    }
    /// Finds the matches of the entity with these rows, given the rows of each step as bits. Rows are told as rows of the batch, `shift` less.
    fn sweep(&self, _time: &[i64], _rows: std::ops::Range<usize>, _steps: &RowBits<'_>, _shift: usize, _out: &mut Found) {}
}

/// Finds the matches of one entity.
pub(super) trait Finder {
    /// The bits of the run are those of the marking.
    fn find(&mut self, run: Run<'_>, holding: Option<&[u32]>, pairs: Option<&dyn Pairs>, out: &mut Found) -> Result<()>;
}

/// What rules are made from.
pub(super) struct Ask<'a> {
    pub place: Place<'a>,
    pub steps: &'a [Step],
    /// Bounds the first step (µs), end excluded.
    pub start: std::ops::Range<i64>,
    /// The instant that is asked at.
    pub now: i64,
}

/// A length of time, resolved.
pub(super) fn window(w: &Option<Window>) -> Result<Option<eql_timeline::Window>> {
    w.as_ref().map(clock::window).transpose()
}

/// Matches of a batch.
pub(super) struct Found {
    slots: usize,
    /// The entity that is being asked: its number in the batch, the batch's row of the first row of its run.
    entity: (u32, u32),
    /// The rows of the batch that runs are made of, where they are not all.
    kept: Option<Vec<u32>>,
    /// By match: the entity's number in the batch.
    owners: Vec<u32>,
    /// By match and slot: rows of the batch, or [`UNMATCHED`].
    rows: Vec<u32>,
    credit: Vec<f64>,
}

impl Found {
    /// Adds a match of the current entity: rows of its run by slot.
    pub(super) fn add(&mut self, rows: impl IntoIterator<Item = u32>, credit: f64) {
        let first = self.entity.1;
        let kept = self.kept.as_deref();
        let of_batch = |r: u32| kept.map_or(first + r, |kept| kept[(first + r) as usize]);
        self.rows.extend(rows.into_iter().take(self.slots).map(|r| if r == UNMATCHED { r } else { of_batch(r) }));
        self.owners.push(self.entity.0);
        self.rows.resize(self.owners.len() * self.slots, UNMATCHED);
        self.credit.push(credit);
    }

    fn row(&self, found: usize, slot: usize) -> Option<u32> {
        self.rows.get(found * self.slots + slot).copied().filter(|r| *r != UNMATCHED)
    }

    fn all(&self, slot: usize) -> impl Iterator<Item = Option<u32>> + '_ {
        (0..self.owners.len()).map(move |m| self.row(m, slot))
    }
}

impl Fold for MatchesFold {
    fn name(&self) -> String {
        let names: Vec<&str> = self.matches.steps.iter().map(|s| s.name.as_str()).collect();
        match &self.matches.rule {
            MatchRule::Sequence(_) => format!("sequence, steps=[{}]", names.join(" -> ")),
            MatchRule::Interval(_) => format!("intervals, from and to=[{}]", names.join(" -> ")),
            MatchRule::Attribution(_) => format!("attribution, goal and touches=[{}]", names.join(", ")),
        }
    }

    fn schema(&self) -> SchemaRef {
        let field = |(id, t): (ColumnId, DataType)| Field::new(column_name(id), arrow_type(&t), true);
        Arc::new(Schema::new(self.columns().into_iter().map(field).collect::<Vec<_>>()))
    }

    fn clock(&self) -> &Clock {
        &self.matches.clock
    }

    fn subject(&self) -> (EntityTypeId, Option<String>) {
        (self.matches.subject, self.matches.role.clone())
    }

    fn among(&self, world: &World) -> Result<Option<Vec<bool>>> {
        among(world, self.matches.among.as_ref())
    }

    fn prepare(&self, world: &Arc<World>, timeline: &Arc<Timeline>, columns: &[usize]) -> Result<Arc<dyn Prepared>> {
        self.prepare_coded(world, timeline, columns, &[])
    }

    fn prepare_coded(&self, world: &Arc<World>, timeline: &Arc<Timeline>, columns: &[usize], coded: &[usize]) -> Result<Arc<dyn Prepared>> {
        let m = &self.matches;
        let (start, end) = clock::resolve(&m.during, world.now)?;
        let place = Place { world, timeline, clock: &m.clock };
        let ask = Ask { place, steps: &m.steps, start: start..end, now: clock::now_of(&m.clock, world.now)? };
        let mut marking = Marking::new(place, &m.steps, &m.holding)?;
        let rule = match &m.rule {
            MatchRule::Sequence(r) => sequence(&ask, r, &mut marking)?,
            MatchRule::Interval(r) => interval(&ask, r, &marking)?,
            MatchRule::Attribution(r) => attribution(&ask, r, &marking)?,
        };
        let (mut makers, mut fields) = (Vec::new(), Vec::new());
        for i in columns {
            let mut maker = self.maker(place, &m.columns[*i].1)?;
            let mut field = self.schema().field(*i).clone();
            if let (Maker::Row(slot, values), true) = (&maker, coded.contains(i))
                && let Some(values) = CodedValues::new(values)?
            {
                field = field.with_data_type(CodedValues::data_type());
                maker = Maker::CodedRow(*slot, values);
            }
            makers.push(maker);
            fields.push(field);
        }
        Ok(Arc::new(Ready {
            rule,
            begins: 1 << marking.bit(0),
            marking,
            pairs: PairConditions::new(world, timeline, &m.steps)?,
            makers,
            schema: Arc::new(Schema::new(fields)),
        }))
    }
}

impl MatchesFold {
    fn data_type(&self, c: &MatchColumn) -> DataType {
        match c {
            MatchColumn::Key(i) => self.key[*i].clone(),
            MatchColumn::Subject | MatchColumn::RowNumber(_) => DataType::Int,
            MatchColumn::Time(_) | MatchColumn::Start => DataType::Timestamp,
            MatchColumn::Seconds(..) | MatchColumn::Credit => DataType::Double,
            MatchColumn::Row(_, v) => v.expr.data_type.clone(),
        }
    }

    /// Its columns, by the numbers that expressions above know.
    pub(crate) fn columns(&self) -> Vec<(ColumnId, DataType)> {
        self.matches.columns.iter().map(|(id, c)| (*id, self.data_type(c))).collect()
    }

    fn maker(&self, place: Place<'_>, column: &MatchColumn) -> Result<Maker> {
        Ok(match column {
            MatchColumn::Key(i) => Maker::Key(place.world.snapshot.entities(self.matches.subject).map_err(store_error)?.key(*i).clone()),
            MatchColumn::Subject => Maker::Subject,
            MatchColumn::Time(slot) => Maker::Time(*slot),
            MatchColumn::Start => Maker::Start,
            MatchColumn::Seconds(from, to) => Maker::Seconds(*from, *to),
            MatchColumn::RowNumber(slot) => Maker::RowNumber(*slot),
            MatchColumn::Credit => Maker::Credit,
            MatchColumn::Row(slot, v) => Maker::Row(*slot, Values::new(place.world, place.timeline, &self.slot_types(*slot), v)?),
        })
    }

    /// The events whose rows stand in a slot.
    fn slot_types(&self, slot: usize) -> Vec<EventTypeId> {
        let steps = &self.matches.steps;
        let of = |steps: &[Step]| steps.iter().flat_map(|s| types(&s.events)).collect();
        match (&self.matches.rule, slot) {
            (MatchRule::Attribution(_), 1) => of(&steps[1..]),
            (MatchRule::Attribution(_), 2..) => of(&steps[slot - 1..slot]),
            _ => of(&steps[slot..=slot]),
        }
    }
}

/// How a column of matches is made.
enum Maker {
    Key(ArrayRef),
    Subject,
    Time(usize),
    Start,
    Seconds(usize, usize),
    RowNumber(usize),
    Credit,
    Row(usize, Values),
    /// The same as numbers.
    CodedRow(usize, CodedValues),
}

struct Ready {
    rule: Box<dyn Rule>,
    marking: Marking,
    /// The bit of the first step.
    begins: u64,
    pairs: PairConditions,
    makers: Vec<Maker>,
    schema: SchemaRef,
}

impl Prepared for Ready {
    fn want(&self, wanted: &mut [bool]) {
        self.marking.want(wanted);
    }

    fn start(&self) -> Result<Box<dyn State + '_>> {
        Ok(Box::new(Walk { ready: self, holding: self.marking.coder()?, finder: self.rule.finder() }))
    }
}

struct Walk<'r> {
    ready: &'r Ready,
    holding: Option<Coder>,
    finder: Box<dyn Finder + 'r>,
}

impl State for Walk<'_> {
    fn take(&mut self, chunk: &Chunk<'_>, among: Option<&[bool]>) -> Result<Option<RecordBatch>> {
        let ready = self.ready;
        let mut found = Found { slots: ready.rule.slots(), entity: (0, 0), kept: None, owners: vec![], rows: vec![], credit: vec![] };
        if ready.rule.sweeps() && ready.pairs.is_empty() && !ready.marking.holds() {
            let (steps, aligned) = (ready.marking.step_bits_of(chunk)?, chunk.aligned());
            for i in (0..chunk.entities()).filter(|i| among.is_none_or(|a| a[*i])) {
                found.entity = (i as u32, 0);
                ready.rule.sweep(aligned.time, aligned.rows(chunk.rows_of(i)), &steps, aligned.shift, &mut found);
            }
            return if found.owners.is_empty() { Ok(None) } else { self.batch(chunk, &found).map(Some) };
        }
        if ready.pairs.is_empty()
            && let Some(marked) = ready.marking.compact(chunk)?
        {
            self.compact(chunk, among, marked, &mut found)?;
            return if found.owners.is_empty() { Ok(None) } else { self.batch(chunk, &found).map(Some) };
        }
        let marked = ready.marking.mark(chunk, self.holding.as_mut())?;
        for i in 0..chunk.entities() {
            let rows = chunk.rows_of(i);
            // Without a row of the first step there is no match.
            if among.is_some_and(|a| !a[i]) || !marked.mask[rows.clone()].iter().any(|m| m & ready.begins != 0) {
                continue;
            }
            let pairs = marked.pairs(chunk, &ready.pairs, rows.clone())?;
            let run = Run { time: &chunk.time[rows.clone()], mask: &marked.mask[rows.clone()] };
            let holding = marked.holding.as_ref().map(|h| &h[rows.clone()]);
            found.entity = (i as u32, rows.start as u32);
            self.finder.find(run, holding, pairs.as_ref().map(|p| p as &dyn Pairs), &mut found)?;
        }
        if found.owners.is_empty() { Ok(None) } else { self.batch(chunk, &found).map(Some) }
    }

    fn finish(&mut self, _: bool) -> Result<Option<RecordBatch>> {
        Ok(None)
    }
}

impl Walk<'_> {
    /// Matches in runs of nothing but the rows that mean something.
    fn compact(&mut self, chunk: &Chunk<'_>, among: Option<&[bool]>, marked: Compact, found: &mut Found) -> Result<()> {
        let Compact { rows, mask } = marked;
        let time: Vec<i64> = rows.iter().map(|r| chunk.time[*r as usize]).collect();
        let mut owners = chunk.entities_of(&rows).enumerate().peekable();
        let mut runs = Vec::new();
        while let Some((first, entity)) = owners.next() {
            let mut end = first + 1;
            while owners.next_if(|(_, e)| *e == entity).is_some() {
                end += 1;
            }
            runs.push((entity, first..end));
        }
        drop(owners);
        found.kept = Some(rows);
        for (entity, run) in runs {
            if among.is_some_and(|a| !a[entity]) || !mask[run.clone()].iter().any(|m| m & self.ready.begins != 0) {
                continue;
            }
            found.entity = (entity as u32, run.start as u32);
            self.finder.find(Run { time: &time[run.clone()], mask: &mask[run] }, None, None, found)?;
        }
        Ok(())
    }

    fn batch(&self, chunk: &Chunk<'_>, found: &Found) -> Result<RecordBatch> {
        let columns = self.ready.makers.iter().map(|m| make(m, chunk, found)).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(found.owners.len()));
        Ok(RecordBatch::try_new_with_options(self.ready.schema.clone(), columns, &options)?)
    }
}

fn make(maker: &Maker, chunk: &Chunk<'_>, found: &Found) -> Result<ArrayRef> {
    let ordinals = || found.owners.iter().map(|i| chunk.ordinals.start + i);
    let time = |row: u32| chunk.time[row as usize];
    let instants = |times: Vec<Option<i64>>| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")) };
    Ok(match maker {
        Maker::Key(values) => take(values, &UInt32Array::from_iter_values(ordinals()), None)?,
        Maker::Subject => Arc::new(Int64Array::from_iter_values(ordinals().map(i64::from))),
        Maker::Time(slot) => instants(found.all(*slot).map(|r| r.map(time)).collect()),
        Maker::Start => {
            let earliest = |m: usize| (0..found.slots).filter_map(|slot| found.row(m, slot)).map(time).min();
            instants((0..found.owners.len()).map(earliest).collect())
        }
        Maker::Seconds(from, to) => {
            let seconds = |(a, b): (Option<u32>, Option<u32>)| Some((time(b?) - time(a?)) as f64 / 1e6);
            Arc::new(found.all(*from).zip(found.all(*to)).map(seconds).collect::<Float64Array>())
        }
        Maker::RowNumber(slot) => Arc::new(found.all(*slot).map(|r| r.map(|r| chunk.row_number(r))).collect::<Int64Array>()),
        Maker::Credit => Arc::new(Float64Array::from(found.credit.clone())),
        Maker::CodedRow(slot, values) => values.read(chunk, found.all(*slot))?,
        Maker::Row(slot, values) => {
            let mut present: Vec<u32> = found.all(*slot).flatten().collect();
            present.sort_unstable();
            present.dedup();
            let place = |r: Option<u32>| r.and_then(|r| present.binary_search(&r).ok()).map(|i| i as u32);
            let index: UInt32Array = found.all(*slot).map(place).collect();
            take(&values.read(chunk, &present)?, &index, None)?
        }
    })
}
