//! RETENTION and LTV: counts by cohort, breakdown and cell, partial by partition, with the rows that measures range over; or the entities.

use super::chunk::Chunk;
use super::coder::Coder;
use super::entities::Marked;
use super::exec::{Fold, Prepared, State};
use super::funnel::{among, period_array, period_type, timestamp};
use super::returns::{self, Found, Worth};
use super::select::{Select, types};
use super::top::Grouping;
use super::values::Values;
use crate::clock;
use crate::row::store_error;
use crate::world::World;
use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, TimestampMicrosecondArray, UInt32Array, new_null_array};
use arrow::compute::take;
use arrow::datatypes::{DataType as ArrowType, Field, Int64Type, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::Result;
use eql_catalog::EntityTypeId;
use eql_compiler::bound::{Cells, Clock, Every, Retention};
use eql_store::{Timeline, arrow_type};
use eql_timeline::{Bucketer, Cells as FoldCells, Cohort, RetentionSpec, Return, RowBits, Run};
use std::sync::Arc;

/// The fold of RETENTION. Columns: `cohort` (when EVERY is asked), `b0`…, `n`, `size`, `returned`, `mature`, and with measures the columns of
/// return rows: a line is either a cell's counts or a return row. SHOW ENTITIES: `cohort`, `b0`…, `n`, `started_at`, `k0`….
#[derive(Debug)]
pub(crate) struct RetentionFold {
    pub retention: Retention,
    /// Types of the key, for SHOW ENTITIES.
    pub key: Vec<eql_catalog::DataType>,
}

impl Fold for RetentionFold {
    fn name(&self) -> String {
        "retention".into()
    }

    fn schema(&self) -> SchemaRef {
        let r = &self.retention;
        let mut fields = Vec::new();
        if let Some((_, e)) = &r.every {
            fields.push(Field::new("cohort", period_type(e), true));
        }
        for (i, b) in r.breakdown.iter().enumerate() {
            fields.push(Field::new(format!("b{i}"), arrow_type(&b.value.expr.data_type), true));
        }
        fields.push(Field::new("n", ArrowType::Int64, true));
        if r.listed.is_some() {
            fields.push(Field::new("started_at", timestamp(), true));
            fields.extend(self.key.iter().enumerate().map(|(i, k)| Field::new(format!("k{i}"), arrow_type(k), true)));
            return Arc::new(Schema::new(fields));
        }
        fields.extend(["size", "returned"].map(|n| Field::new(n, ArrowType::Int64, true)));
        fields.push(Field::new("mature", ArrowType::Boolean, true));
        fields.extend(r.measures.iter().flat_map(returns::fields));
        Arc::new(Schema::new(fields))
    }

    fn clock(&self) -> &Clock {
        &self.retention.clock
    }

    fn subject(&self) -> (EntityTypeId, Option<String>) {
        (self.retention.subject, self.retention.role.clone())
    }

    fn among(&self, world: &World) -> Result<Option<Vec<bool>>> {
        among(world, self.retention.among.as_ref())
    }

    fn prepare(&self, world: &Arc<World>, timeline: &Arc<Timeline>, columns: &[usize]) -> Result<Arc<dyn Prepared>> {
        let r = &self.retention;
        let (start, end) = clock::resolve(&r.during, world.now)?;
        let cells = match &r.cells {
            Cells::Periods(n, u) => FoldCells::Periods { count: u32::try_from(*n).unwrap_or(u32::MAX), unit: clock::unit(*u) },
            Cells::Brackets(b, u) => FoldCells::Brackets { bounds: b.clone(), unit: clock::unit(*u) },
        };
        let spec = RetentionSpec {
            cells,
            rolling: r.rolling,
            first_time: r.first_time,
            unbounded: r.unbounded,
            ties_forbidden: r.ties_forbidden,
            same_step: r.same,
            start: start..end,
            calendar: clock::calendar(&r.clock)?,
            now: clock::now_of(&r.clock, world.now)?,
        };
        let selects = vec![Select::new(world, timeline, &r.starting, &r.clock)?, Select::new(world, timeline, &r.returning, &r.clock)?];
        let sides = [types(&r.starting), types(&r.returning)];
        let half = r.holding.len() / 2;
        let side = |i: usize| {
            r.holding[i * half..(i + 1) * half].iter().map(|h| Values::new(world, timeline, &sides[i], h)).collect::<Result<Vec<_>>>()
        };
        let every = r.every.as_ref().map(|(_, e)| e.clone());
        let breakdown = r.breakdown.iter().map(|b| Values::new(world, timeline, &sides[0], &b.value)).collect::<Result<Vec<_>>>()?;
        let of_subject = breakdown.iter().all(|v| v.by_subject().is_some());
        let entities = world.snapshot.entities(r.subject).map_err(store_error)?;
        let worth = r.measures.as_ref().map(|m| Worth::new(world, timeline, m, &sides[0], &sides[1])).transpose()?;
        Ok(Arc::new(Ready {
            holding: vec![side(0)?, side(1)?],
            holding_types: r.holding.iter().take(half).map(|h| arrow_type(&h.expr.data_type)).collect(),
            // A breakdown by what the row says makes cohorts of their own within a period.
            sweeps: spec.sweeps() && r.holding.is_empty() && worth.is_none() && r.listed.is_none() && of_subject,
            breakdown: Grouping::new(world, breakdown, r.top.as_ref())?,
            breakdown_types: r.breakdown.iter().map(|b| arrow_type(&b.value.expr.data_type)).collect(),
            bucketer: every.as_ref().map(clock::bucketer).transpose()?,
            every,
            cells: eql_timeline::retention::cell_count(&spec.cells, spec.unbounded),
            worth,
            keys: r.listed.as_ref().map(|_| (0..self.key.len()).map(|i| entities.key(i).clone()).collect()),
            spec,
            selects,
            schema: Arc::new(self.schema().project(columns)?),
            columns: columns.to_vec(),
        }))
    }
}

struct Ready {
    spec: RetentionSpec,
    cells: usize,
    selects: Vec<Select>,
    holding: Vec<Vec<Values>>,
    holding_types: Vec<ArrowType>,
    breakdown: Grouping,
    breakdown_types: Vec<ArrowType>,
    every: Option<Every>,
    bucketer: Option<Bucketer>,
    /// What measures read.
    worth: Option<Worth>,
    /// Columns of the key, by ordinal, where entities are listed.
    keys: Option<Vec<ArrayRef>>,
    /// Nothing asks for more than the kernel knows.
    sweeps: bool,
    schema: SchemaRef,
    columns: Vec<usize>,
}

impl Prepared for Ready {
    fn want(&self, wanted: &mut [bool]) {
        self.selects.iter().for_each(|s| s.want(wanted));
    }

    fn start(&self) -> Result<Box<dyn State + '_>> {
        let mut kinds: Vec<ArrowType> = self.every.iter().map(|_| ArrowType::Int64).collect();
        kinds.extend(self.breakdown_types.iter().cloned());
        let coder = if self.holding_types.is_empty() { None } else { Some(Coder::new(&self.holding_types)?) };
        let groups = if kinds.is_empty() { None } else { Some(Coder::new(&kinds)?) };
        Ok(Box::new(Walk { ready: self, holding: coder, groups, bucketer: self.bucketer.clone(), size: vec![], returned: vec![] }))
    }
}

struct Walk<'r> {
    ready: &'r Ready,
    holding: Option<Coder>,
    /// Numbers of (cohort, breakdown), the same over the partition.
    groups: Option<Coder>,
    bucketer: Option<Bucketer>,
    size: Vec<i64>,
    /// By group and cell.
    returned: Vec<i64>,
}

impl State for Walk<'_> {
    fn take(&mut self, chunk: &Chunk<'_>, among: Option<&[bool]>) -> Result<Option<RecordBatch>> {
        if self.sweep(chunk, among)? {
            return Ok(None);
        }
        let marked = Marked::new(chunk, &self.ready.selects, &self.ready.holding, self.holding.as_mut())?;
        let codes = self.codes(chunk, &marked.steps[0])?;
        let mut fold = eql_timeline::retention::Retention::new(&self.ready.spec);
        let (mut cohorts, mut owners) = (Vec::new(), Vec::new());
        let (mut returns, mut found) = (Vec::new(), Vec::new());
        for i in 0..chunk.entities() {
            let rows = chunk.rows_of(i);
            if among.is_some_and(|a| !a[i]) {
                continue;
            }
            let run = Run { time: &chunk.time[rows.clone()], mask: &marked.mask[rows.clone()] };
            let holding = marked.holding.as_ref().map(|h| &h[rows.clone()]);
            let codes = codes.as_ref().map(|c| &c[rows.clone()]);
            fold.cohorts(run, codes, holding, &mut cohorts);
            owners.resize(cohorts.len(), (i as u32, rows.start as u32));
            if self.ready.worth.is_some() {
                fold.returns(run, codes, holding, &mut returns);
                found.extend(returns.drain(..).map(|r| found_row(&r, rows.start as u32)));
            }
        }
        if let Some(keys) = &self.ready.keys {
            return self.entities(chunk, keys, &cohorts, &owners).map(Some);
        }
        self.grow();
        for c in &cohorts {
            self.count(c.group, &c.returned);
        }
        match &self.ready.worth {
            Some(worth) if !found.is_empty() => self.rows(worth.columns(chunk, &found)?, &found).map(Some),
            _ => Ok(None),
        }
    }

    fn finish(&mut self, first: bool) -> Result<Option<RecordBatch>> {
        if self.ready.keys.is_some() {
            return Ok(None);
        }
        if self.groups.is_none() && first {
            // One cohort has its cells even when nobody is in it.
            self.size.resize(1, 0);
            self.returned.resize(self.ready.cells, 0);
        }
        let groups: Vec<u32> = (0..self.size.len() as u32).filter(|g| self.groups.is_none() || self.size[*g as usize] > 0).collect();
        if groups.is_empty() {
            return Ok(None);
        }
        self.batch(&groups).map(Some)
    }
}

impl Walk<'_> {
    /// Counts a batch with the kernel for many entities; false where the rules or the rows ask for more.
    fn sweep(&mut self, chunk: &Chunk<'_>, among: Option<&[bool]>) -> Result<bool> {
        let ready = self.ready;
        if !ready.sweeps {
            return Ok(false);
        }
        let kinds = RowBits::new(ready.selects.iter().map(|s| s.bits(chunk)).collect::<Result<_>>()?);
        let aligned = chunk.aligned();
        let begins = |i: usize| kinds.has(0, aligned.rows(chunk.rows_of(i)));
        if (0..chunk.entities()).any(|i| chunk.tied(i) && begins(i)) {
            return Ok(false);
        }
        let mut fold = eql_timeline::retention::Retention::new(&ready.spec);
        let words = ready.cells.div_ceil(64);
        let (mut rows, mut returned) = (Vec::<u32>::new(), Vec::<u64>::new());
        for i in (0..chunk.entities()).filter(|i| among.is_none_or(|a| a[*i])) {
            let own = aligned.rows(chunk.rows_of(i));
            if own.is_empty() {
                continue;
            }
            fold.sweep(aligned.time, own, &kinds, self.bucketer.as_mut(), &mut |row, bits| {
                rows.push((row - aligned.shift) as u32);
                returned.extend_from_slice(bits);
            });
        }
        let codes = self.codes_of(chunk, &rows)?;
        self.grow();
        for (k, row) in returned.chunks(words.max(1)).enumerate().take(rows.len()) {
            self.count(codes.as_ref().map_or(0, |c| c[k]), row);
        }
        Ok(true)
    }

    /// Makes room for the groups seen so far.
    fn grow(&mut self) {
        let n = self.groups.as_ref().map_or(1, Coder::len).max(1);
        self.size.resize(n, 0);
        self.returned.resize(n * self.ready.cells, 0);
    }

    /// Counts an entity in its cohort and in the cells in which it came back.
    fn count(&mut self, group: u32, returned: &[u64]) {
        let g = group as usize;
        self.size[g] += 1;
        for (place, word) in returned.iter().enumerate() {
            let mut word = *word;
            while word != 0 {
                let cell = place * 64 + word.trailing_zeros() as usize;
                self.returned[g * self.ready.cells + cell] += 1;
                word &= word - 1;
            }
        }
    }

    /// For each row of the batch the group that it starts; those of `rows` only.
    fn codes(&mut self, chunk: &Chunk<'_>, rows: &[u32]) -> Result<Option<Vec<u32>>> {
        let Some(codes) = self.codes_of(chunk, rows)? else { return Ok(None) };
        let mut out = vec![0; chunk.len()];
        for (row, code) in rows.iter().zip(codes) {
            out[*row as usize] = code;
        }
        Ok(Some(out))
    }

    /// The groups that rows start.
    fn codes_of(&mut self, chunk: &Chunk<'_>, rows: &[u32]) -> Result<Option<Vec<u32>>> {
        let Some(coder) = &mut self.groups else { return Ok(None) };
        let mut columns: Vec<ArrayRef> = Vec::new();
        if let Some(b) = &mut self.bucketer {
            columns.push(Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| b.index(chunk.time[*r as usize])))));
        }
        columns.extend(self.ready.breakdown.read(chunk, rows)?);
        coder.codes(&columns).map(Some)
    }

    /// Counts of these groups, a line a cell.
    fn batch(&self, groups: &[u32]) -> Result<RecordBatch> {
        let (ready, cells) = (self.ready, self.ready.cells);
        let repeated: Vec<u32> = groups.iter().flat_map(|g| std::iter::repeat_n(*g, cells)).collect();
        let (mut columns, index) = self.leading(&repeated)?;
        // The end of the cohort's last period: a cell is mature when even its last start has had the time.
        let mut ends = vec![ready.spec.start.end; repeated.len()];
        if let (Some(index), Some(b)) = (index, &self.bucketer) {
            for (end, i) in ends.iter_mut().zip(index) {
                *end = (*end).min(b.start_of(i + 1));
            }
        }
        let cell = |i: usize| i % cells;
        let all = 0..repeated.len();
        columns.push(Arc::new(Int64Array::from_iter_values(all.clone().map(|i| self.n(cell(i))))));
        columns.push(Arc::new(Int64Array::from_iter_values(repeated.iter().map(|g| self.size[*g as usize]))));
        columns.push(Arc::new(Int64Array::from_iter_values(all.clone().map(|i| self.returned[repeated[i] as usize * cells + cell(i)]))));
        let mature = |i: usize| eql_timeline::retention::mature(&ready.spec, ends[i], cell(i));
        columns.push(Arc::new(all.map(|i| Some(mature(i))).collect::<BooleanArray>()));
        columns.extend(ready.worth.iter().flat_map(|w| w.nothing(repeated.len())));
        self.kept(columns, repeated.len())
    }

    /// Return rows, a line each.
    fn rows(&self, values: Vec<ArrayRef>, found: &[Found]) -> Result<RecordBatch> {
        let groups: Vec<u32> = found.iter().map(|f| f.group).collect();
        let (mut columns, _) = self.leading(&groups)?;
        columns.push(Arc::new(Int64Array::from_iter_values(found.iter().map(|f| self.n(f.cell as usize)))));
        columns.extend([ArrowType::Int64, ArrowType::Int64, ArrowType::Boolean].iter().map(|t| new_null_array(t, found.len())));
        columns.extend(values);
        self.kept(columns, found.len())
    }

    /// Entities, a line for every cell in which they came back, or one without a cell.
    fn entities(&self, chunk: &Chunk<'_>, keys: &[ArrayRef], cohorts: &[Cohort], owners: &[(u32, u32)]) -> Result<RecordBatch> {
        let mut lines: Vec<(usize, Option<i64>)> = Vec::new();
        for (i, c) in cohorts.iter().enumerate() {
            let before = lines.len();
            let back = |cell: &usize| c.returned.get(cell / 64).is_some_and(|w| w >> (cell % 64) & 1 == 1);
            lines.extend((0..self.ready.cells).filter(back).map(|cell| (i, Some(self.n(cell)))));
            if lines.len() == before {
                lines.push((i, None));
            }
        }
        let groups: Vec<u32> = lines.iter().map(|(i, _)| cohorts[*i].group).collect();
        let (mut columns, _) = self.leading(&groups)?;
        columns.push(Arc::new(Int64Array::from_iter(lines.iter().map(|l| l.1))));
        let started = lines.iter().map(|(i, _)| chunk.time[(owners[*i].1 + cohorts[*i].start_row) as usize]);
        columns.push(Arc::new(TimestampMicrosecondArray::from_iter_values(started).with_timezone("UTC")));
        let ordinals = UInt32Array::from_iter_values(lines.iter().map(|(i, _)| chunk.ordinals.start + owners[*i].0));
        for k in keys {
            columns.push(take(k, &ordinals, None)?);
        }
        self.kept(columns, lines.len())
    }

    /// The columns of cohort and breakdown, and the numbers of the cohorts' periods.
    fn leading(&self, groups: &[u32]) -> Result<(Vec<ArrayRef>, Option<Vec<i64>>)> {
        let mut keys = match &self.groups {
            Some(c) => c.columns(groups)?,
            None => return Ok((vec![], None)),
        };
        let (Some(e), Some(b)) = (&self.ready.every, &self.bucketer) else { return Ok((keys, None)) };
        let index = keys.remove(0).as_primitive::<Int64Type>().values().to_vec();
        keys.insert(0, period_array(e, b, &index)?);
        Ok((keys, Some(index)))
    }

    /// What the result calls a cell.
    fn n(&self, cell: usize) -> i64 {
        match &self.ready.spec.cells {
            FoldCells::Periods { .. } => cell as i64,
            FoldCells::Brackets { bounds, .. } => bounds.get(cell).copied().unwrap_or_default(),
        }
    }

    fn kept(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
        let kept = self.ready.columns.iter().map(|i| columns[*i].clone()).collect();
        Ok(RecordBatch::try_new_with_options(self.ready.schema.clone(), kept, &RecordBatchOptions::new().with_row_count(Some(rows)))?)
    }
}

/// A return row by its place in the batch. Where it fills several cells, they are its last one and all before.
fn found_row(r: &Return, base: u32) -> Found {
    Found { group: r.group, start_row: base + r.start_row, row: base + r.row, cell: r.cells.end.saturating_sub(1) }
}
