//! JOURNEY: the rows of one entity, in their order.

use super::chunk::Chunk;
use super::exec::{Fold, Prepared, State};
use super::funnel::among;
use super::select::{Select, types};
use super::values::Values;
use crate::clock;
use crate::lower::column_name;
use crate::row::{schema_of, store_error};
use crate::world::World;
use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::Result;
use eql_catalog::EntityTypeId;
use eql_compiler::bound::{Clock, Expr, Journey, RowExpr};
use eql_store::Timeline;
use std::ops::Range;
use std::sync::Arc;

/// The fold of JOURNEY: its columns, then the row's place.
#[derive(Debug)]
pub(crate) struct JourneyFold {
    pub journey: Journey,
    /// Only so many rows are asked for, the last ones or the first.
    pub edge: Option<Edge>,
}

/// One end of a journey.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub rows: usize,
    pub last: bool,
}

impl Fold for JourneyFold {
    fn name(&self) -> String {
        "journey".into()
    }

    fn schema(&self) -> SchemaRef {
        let columns = schema_of(&self.journey.columns);
        let place = Arc::new(Field::new(column_name(self.journey.place), ArrowType::Int64, true));
        Arc::new(Schema::new(columns.fields().iter().cloned().chain([place]).collect::<Vec<_>>()))
    }

    fn clock(&self) -> &Clock {
        &self.journey.clock
    }

    fn subject(&self) -> (EntityTypeId, Option<String>) {
        (self.journey.subject, self.journey.role.clone())
    }

    fn among(&self, world: &World) -> Result<Option<Vec<bool>>> {
        among(world, self.journey.among.as_ref())
    }

    fn only(&self, world: &World) -> Result<Option<Range<u32>>> {
        let found = world.snapshot.profile(self.journey.subject, &self.journey.key).map_err(store_error)?;
        Ok(Some(found.map_or(0..0, |ordinal| ordinal..ordinal + 1)))
    }

    fn prepare(&self, world: &Arc<World>, timeline: &Arc<Timeline>, columns: &[usize]) -> Result<Arc<dyn Prepared>> {
        let j = &self.journey;
        let events = types(&j.events);
        let mut makers = Vec::new();
        for i in columns {
            // The column behind those asked for is the place.
            makers.push(match j.columns.get(*i) {
                Some(c) => {
                    let value = RowExpr { columns: vec![c.clone()], expr: Expr::column(c.id, c.data_type.clone()) };
                    Some(Values::new(world, timeline, &events, &value)?)
                }
                None => None,
            });
        }
        Ok(Arc::new(Ready {
            select: Select::new(world, timeline, &j.events, &j.clock)?,
            during: j.during.as_ref().map(|r| clock::resolve(r, world.now)).transpose()?,
            makers,
            edge: self.edge,
            schema: Arc::new(self.schema().project(columns)?),
        }))
    }
}

struct Ready {
    select: Select,
    during: Option<(i64, i64)>,
    /// By column; None is the place.
    makers: Vec<Option<Values>>,
    edge: Option<Edge>,
    schema: SchemaRef,
}

impl Prepared for Ready {
    fn want(&self, wanted: &mut [bool]) {
        self.select.want(wanted);
    }

    fn start(&self) -> Result<Box<dyn State + '_>> {
        Ok(Box::new(Walk { ready: self }))
    }
}

struct Walk<'r> {
    ready: &'r Ready,
}

impl State for Walk<'_> {
    fn take(&mut self, chunk: &Chunk<'_>, among: Option<&[bool]>) -> Result<Option<RecordBatch>> {
        let rows = self.ready.select.rows(chunk, self.ready.during)?;
        // One entity is walked: it takes part with all its rows or not at all.
        if rows.is_empty() || among.is_some_and(|a| !a.iter().any(|m| *m)) {
            return Ok(None);
        }
        let rows = match self.ready.edge {
            Some(Edge { rows: n, last: true }) => &rows[rows.len().saturating_sub(n)..],
            Some(Edge { rows: n, last: false }) => &rows[..rows.len().min(n)],
            None => &rows[..],
        };
        let mut columns: Vec<ArrayRef> = Vec::new();
        for maker in &self.ready.makers {
            columns.push(match maker {
                Some(values) => values.read(chunk, rows)?,
                None => Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| i64::from(*r)))),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Ok(Some(RecordBatch::try_new_with_options(self.ready.schema.clone(), columns, &options)?))
    }

    fn finish(&mut self, _: bool) -> Result<Option<RecordBatch>> {
        Ok(None)
    }
}
