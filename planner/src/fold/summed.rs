//! Counts and sums over the rows of another fold, made batch by batch where the rows are found: they never become a table.

mod keys;
mod tally;

use super::chunk::Chunk;
use super::exec::{Fold, Part, Prepared, State};
use crate::lower::column_name;
use crate::row::Compiled;
use crate::world::World;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::concat;
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use eql_catalog::{DataType, EntityTypeId};
use eql_compiler::bound::{Aggregate, Aggregation, Clock, ColumnId, Expr, ExprKind, Leaf, ScanColumn};
use eql_store::{Timeline, arrow_type};
use keys::Keys;
use std::ops::Range;
use std::sync::Arc;
use tally::Tally;

/// An aggregate over the rows of a fold whose columns are named as plan columns. Columns: the keys, then the sums, by the names of the plan.
#[derive(Debug)]
pub(crate) struct Summed {
    pub rows: Arc<dyn Fold>,
    /// The columns of `rows`.
    pub columns: Vec<(ColumnId, DataType)>,
    pub keys: Vec<(ColumnId, Expr)>,
    pub sums: Vec<(ColumnId, Aggregate)>,
}

impl Summed {
    /// Whether this aggregate can be made so; `local` are columns with no value in two batches.
    pub(crate) fn knows(a: &Aggregate, local: &[ColumnId]) -> bool {
        let argument = a.argument.as_ref();
        let number = |e: &Expr| matches!(e.data_type, DataType::Int | DataType::Double | DataType::Decimal(..));
        a.order.is_empty()
            && match a.function {
                Aggregation::Count => true,
                Aggregation::Sum => argument.is_some_and(number),
                Aggregation::Average => argument.is_some_and(number),
                Aggregation::CountDistinct => argument.is_some_and(|e| matches!(e.kind, ExprKind::Column(id) if local.contains(&id))),
                _ => false,
            }
    }

    fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let sums = self.sums.iter().flat_map(|(_, a)| a.argument.iter().chain(&a.filter));
        self.keys.iter().map(|(_, e)| e).chain(sums)
    }

    /// The columns that are read, by their places; and those of them that are texts and keys, and nothing else.
    fn read(&self) -> (Vec<usize>, Vec<usize>) {
        let uses = |id: ColumnId| self.expressions().filter(|e| e.columns().contains(&id)).count();
        let is_key = |id: ColumnId| self.keys.iter().any(|(_, e)| matches!(e.kind, ExprKind::Column(c) if c == id));
        let read: Vec<usize> = (0..self.columns.len()).filter(|i| uses(self.columns[*i].0) > 0).collect();
        let coded = |i: &usize| {
            let (id, data_type) = &self.columns[*i];
            *data_type == DataType::String && is_key(*id) && uses(*id) == 1
        };
        let coded = read.iter().copied().filter(coded).collect();
        (read, coded)
    }
}

impl Fold for Summed {
    fn name(&self) -> String {
        format!("{}, summed", self.rows.name())
    }

    fn schema(&self) -> SchemaRef {
        let field = |id: &ColumnId, t: &DataType| Field::new(column_name(*id), arrow_type(t), true);
        let keys = self.keys.iter().map(|(id, e)| field(id, &e.data_type));
        Arc::new(Schema::new(keys.chain(self.sums.iter().map(|(id, a)| field(id, &a.data_type))).collect::<Vec<_>>()))
    }

    fn clock(&self) -> &Clock {
        self.rows.clock()
    }

    fn subject(&self) -> (EntityTypeId, Option<String>) {
        self.rows.subject()
    }

    fn among(&self, world: &World) -> Result<Option<Vec<bool>>> {
        self.rows.among(world)
    }

    fn only(&self, world: &World) -> Result<Option<Range<u32>>> {
        self.rows.only(world)
    }

    fn adds_up(&self) -> bool {
        true
    }

    fn prepare(&self, world: &Arc<World>, timeline: &Arc<Timeline>, columns: &[usize]) -> Result<Arc<dyn Prepared>> {
        let (read, coded) = self.read();
        // Expressions range over the columns that are read, whatever they are of.
        let input: Vec<ScanColumn> = read.iter().map(|i| column(&self.columns[*i])).collect();
        let place = |id: ColumnId| input.iter().position(|c| c.id == id);
        // Only what it reads: other columns may be dictionaries.
        let computed = |e: &Expr| {
            let places: Vec<usize> = e.columns().into_iter().filter_map(place).collect();
            let columns: Vec<ScanColumn> = places.iter().map(|i| input[*i].clone()).collect();
            Ok::<_, DataFusionError>(Value::Computed(Compiled::new(world, &columns, e)?, places))
        };
        let value = |e: &Expr| match e.kind {
            ExprKind::Column(id) if place(id).is_some() => Ok(Value::Column(place(id).unwrap_or_default())),
            _ => computed(e),
        };
        let mut sums = Vec::with_capacity(self.sums.len());
        for (_, a) in &self.sums {
            sums.push(Sum {
                kind: tally::Kind::of(a)?,
                argument: a.argument.as_ref().map(value).transpose()?,
                filter: a.filter.as_ref().map(value).transpose()?,
            });
        }
        Ok(Arc::new(Ready {
            rows: self.rows.prepare_coded(world, timeline, &read, &coded)?,
            keys: self.keys.iter().map(|(_, e)| value(e)).collect::<Result<_>>()?,
            key_types: self.keys.iter().map(|(_, e)| arrow_type(&e.data_type)).collect(),
            sums,
            columns: columns.to_vec(),
            schema: Arc::new(self.schema().project(columns)?),
            memory: world.settings.memory.clone(),
        }))
    }
}

fn column((id, data_type): &(ColumnId, DataType)) -> ScanColumn {
    ScanColumn { id: *id, data_type: data_type.clone(), leaf: Leaf::Time }
}

/// A value over a batch of rows.
enum Value {
    Column(usize),
    /// Over these columns.
    Computed(Compiled, Vec<usize>),
}

impl Value {
    fn of(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        match self {
            Value::Column(i) => Ok(batch.column(*i).clone()),
            Value::Computed(c, places) => c.evaluate(places.iter().map(|i| batch.column(*i).clone()).collect(), batch.num_rows()),
        }
    }
}

/// One of the sums.
struct Sum {
    kind: tally::Kind,
    argument: Option<Value>,
    filter: Option<Value>,
}

struct Ready {
    rows: Arc<dyn Prepared>,
    keys: Vec<Value>,
    key_types: Vec<ArrowType>,
    sums: Vec<Sum>,
    columns: Vec<usize>,
    schema: SchemaRef,
    memory: Arc<dyn MemoryPool>,
}

impl Prepared for Ready {
    fn want(&self, wanted: &mut [bool]) {
        self.rows.want(wanted);
    }

    fn start(&self) -> Result<Box<dyn State + '_>> {
        Ok(Box::new(Walk {
            ready: self,
            rows: self.rows.start()?,
            keys: Keys::new(&self.key_types),
            tallies: self.tallies(),
            memory: MemoryConsumer::new("sums").register(&self.memory),
        }))
    }

    fn total(&self, parts: Vec<Part>) -> Result<RecordBatch> {
        let mut found = Vec::with_capacity(parts.len());
        for part in parts {
            found.push(*part.downcast::<Found>().map_err(|_| DataFusionError::Internal("sums of another fold".into()))?);
        }
        let mut columns = Vec::new();
        for i in 0..self.key_types.len() {
            columns.push(concat(&found.iter().map(|f| f.keys[i].as_ref()).collect::<Vec<_>>())?);
        }
        let mut keys = Keys::new(&self.key_types);
        let rows = found.iter().map(|f| f.groups).sum();
        let mut codes = keys.codes(&columns, rows)?.into_iter();
        let mut tallies = self.tallies();
        // Without keys there is one group, even of nothing.
        let groups = if self.key_types.is_empty() { 1 } else { keys.len() };
        tallies.iter_mut().for_each(|t| t.grow(groups));
        for part in &found {
            let codes: Vec<u32> = codes.by_ref().take(part.groups).collect();
            for (all, own) in tallies.iter_mut().zip(&part.tallies) {
                all.merge(own, &codes)?;
            }
        }
        let mut columns = keys.columns()?;
        for tally in tallies {
            columns.push(tally.finish()?);
        }
        let kept = self.columns.iter().map(|i| columns[*i].clone()).collect();
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), kept, &RecordBatchOptions::new().with_row_count(Some(groups)))?)
    }
}

impl Ready {
    fn tallies(&self) -> Vec<Tally> {
        self.sums.iter().map(|s| Tally::new(&s.kind)).collect()
    }
}

/// What a partition found: a value a group of each key, and its sums.
struct Found {
    keys: Vec<ArrayRef>,
    groups: usize,
    tallies: Vec<Tally>,
    /// Holds what they take until all is added up.
    _memory: MemoryReservation,
}

struct Walk<'r> {
    ready: &'r Ready,
    rows: Box<dyn State + 'r>,
    keys: Keys,
    tallies: Vec<Tally>,
    memory: MemoryReservation,
}

impl State for Walk<'_> {
    fn take(&mut self, chunk: &Chunk<'_>, among: Option<&[bool]>) -> Result<Option<RecordBatch>> {
        if let Some(batch) = self.rows.take(chunk, among)? {
            self.add(&batch)?;
        }
        Ok(None)
    }

    fn finish(&mut self, first: bool) -> Result<Option<RecordBatch>> {
        if let Some(batch) = self.rows.finish(first)? {
            self.add(&batch)?;
        }
        Ok(None)
    }

    fn part(&mut self) -> Result<Part> {
        let groups = self.groups();
        self.tallies.iter_mut().for_each(|t| t.grow(groups));
        let memory = std::mem::replace(&mut self.memory, MemoryConsumer::new("sums").register(&self.ready.memory));
        let tallies = std::mem::replace(&mut self.tallies, self.ready.tallies());
        Ok(Box::new(Found { keys: self.keys.columns()?, groups, tallies, _memory: memory }))
    }
}

impl Walk<'_> {
    fn groups(&self) -> usize {
        if self.ready.key_types.is_empty() { 1 } else { self.keys.len() }
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = self.ready.keys.iter().map(|k| k.of(batch)).collect::<Result<Vec<_>>>()?;
        let before = self.keys.len();
        let codes = self.keys.codes(&columns, batch.num_rows())?;
        let groups = self.groups();
        self.memory.try_grow((self.keys.len() - before) * (self.tallies.len() * tally::BYTES + self.keys.group_bytes()))?;
        for (sum, tally) in self.ready.sums.iter().zip(&mut self.tallies) {
            tally.grow(groups);
            let values = sum.argument.as_ref().map(|a| a.of(batch)).transpose()?;
            let passes = sum.filter.as_ref().map(|f| f.of(batch)).transpose()?;
            let passes: Option<&BooleanArray> = passes.as_ref().map(|p| p.as_boolean());
            tally.add(&codes, values.as_ref(), |row| passes.is_none_or(|p| p.is_valid(row) && p.value(row)))?;
        }
        Ok(())
    }
}
