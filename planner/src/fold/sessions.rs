//! SESSIONS: one row a session.

use super::aggregate::aggregate;
use super::chunk::Chunk;
use super::coded::CodedValues;
use super::cut::{Cutter, Visit, Visits};
use super::exec::{Fold, Prepared, State};
use super::funnel::among;
use super::select::types;
use super::values::Values;
use crate::clock;
use crate::row::{EventColumns, Rows, store_error};
use crate::world::World;
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::{filter, take};
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::{DataFusionError, Result};
use eql_catalog::{DataType, EntityTypeId};
use eql_compiler::bound::{Aggregate, Aggregation, Clock, ColumnId, Expr, RowExpr, SessionColumn, Sessions};
use eql_store::{EventColumn, Timeline, arrow_type};
use std::sync::Arc;

/// The fold of SESSIONS; its columns are those asked for.
#[derive(Debug)]
pub(crate) struct SessionsFold {
    pub sessions: Sessions,
    pub key: Vec<eql_catalog::DataType>,
}

impl SessionsFold {
    fn data_type(&self, c: &SessionColumn) -> DataType {
        match c {
            SessionColumn::Key(i) => self.key[*i].clone(),
            SessionColumn::SessionId => DataType::String,
            SessionColumn::StartedAt | SessionColumn::EndedAt => DataType::Timestamp,
            SessionColumn::Duration => DataType::Double,
            SessionColumn::Depth => DataType::Int,
            SessionColumn::Entry(v) | SessionColumn::Exit(v) => v.expr.data_type.clone(),
            SessionColumn::Subject(v) => v.value.expr.data_type.clone(),
            SessionColumn::Aggregate(a) => a.data_type.clone(),
        }
    }

    /// Its columns, by the numbers that expressions above know.
    pub(crate) fn columns(&self) -> Vec<(ColumnId, DataType)> {
        self.sessions.columns.iter().map(|(id, c)| (*id, self.data_type(c))).collect()
    }
}

impl Fold for SessionsFold {
    fn name(&self) -> String {
        "sessions".into()
    }

    fn schema(&self) -> SchemaRef {
        let field = |(id, t): (ColumnId, DataType)| Field::new(crate::lower::column_name(id), arrow_type(&t), true);
        Arc::new(Schema::new(self.columns().into_iter().map(field).collect::<Vec<_>>()))
    }

    fn clock(&self) -> &Clock {
        &self.sessions.clock
    }

    fn subject(&self) -> (EntityTypeId, Option<String>) {
        (self.sessions.subject, None)
    }

    fn among(&self, world: &World) -> Result<Option<Vec<bool>>> {
        among(world, self.sessions.among.as_ref())
    }

    fn prepare(&self, world: &Arc<World>, timeline: &Arc<Timeline>, columns: &[usize]) -> Result<Arc<dyn Prepared>> {
        self.prepare_coded(world, timeline, columns, &[])
    }

    fn prepare_coded(&self, world: &Arc<World>, timeline: &Arc<Timeline>, columns: &[usize], coded: &[usize]) -> Result<Arc<dyn Prepared>> {
        let s = &self.sessions;
        let over = types(&s.cut.over);
        let (mut makers, mut fields) = (Vec::new(), Vec::new());
        for i in columns {
            let mut maker = self.maker(world, timeline, &s.columns[*i].1, &over)?;
            let mut field = self.schema().field(*i).clone();
            if let (Maker::Edge(values, entry), true) = (&maker, coded.contains(i))
                && let Some(values) = CodedValues::new(values)?
            {
                field = field.with_data_type(CodedValues::data_type());
                maker = Maker::CodedEdge(values, *entry);
            }
            makers.push(maker);
            fields.push(field);
        }
        let (start, end) = clock::resolve(&s.during, world.now)?;
        Ok(Arc::new(Ready {
            cutter: Cutter::new(world, timeline, &s.cut, &s.clock)?,
            during: (start, end),
            makers,
            schema: Arc::new(Schema::new(fields)),
        }))
    }
}

/// How a column of sessions is made.
enum Maker {
    ByOrdinal(ArrayRef),
    SessionId(Vec<EventColumns>),
    StartedAt,
    EndedAt,
    Duration,
    Depth,
    /// Of the first row (true) or the last.
    Edge(Values, bool),
    /// The same as numbers.
    CodedEdge(CodedValues, bool),
    Aggregate {
        function: Aggregation,
        argument: Option<Values>,
        filter: Option<Values>,
        out: ArrowType,
    },
}

impl SessionsFold {
    fn maker(
        &self,
        world: &Arc<World>,
        timeline: &Arc<Timeline>,
        column: &SessionColumn,
        over: &[eql_catalog::EventTypeId],
    ) -> Result<Maker> {
        Ok(match column {
            SessionColumn::Key(i) => Maker::ByOrdinal(world.snapshot.entities(self.sessions.subject).map_err(store_error)?.key(*i).clone()),
            SessionColumn::Subject(v) => Maker::ByOrdinal(world.entity_value(v)?),
            SessionColumn::SessionId => {
                Maker::SessionId(timeline.events.iter().map(|e| EventColumns::new(world, *e, &[])).collect::<Result<_>>()?)
            }
            SessionColumn::StartedAt => Maker::StartedAt,
            SessionColumn::EndedAt => Maker::EndedAt,
            SessionColumn::Duration => Maker::Duration,
            SessionColumn::Depth => Maker::Depth,
            SessionColumn::Entry(v) => Maker::Edge(Values::new(world, timeline, over, v)?, true),
            SessionColumn::Exit(v) => Maker::Edge(Values::new(world, timeline, over, v)?, false),
            SessionColumn::Aggregate(a) => self.aggregate_maker(world, timeline, a, over)?,
        })
    }

    fn aggregate_maker(
        &self,
        world: &Arc<World>,
        timeline: &Arc<Timeline>,
        a: &Aggregate,
        over: &[eql_catalog::EventTypeId],
    ) -> Result<Maker> {
        let row = |e: &Expr| {
            let ids = e.columns();
            RowExpr { columns: self.sessions.event_columns.iter().filter(|c| ids.contains(&c.id)).cloned().collect(), expr: e.clone() }
        };
        let values = |e: &Expr| Values::new(world, timeline, over, &row(e));
        Ok(Maker::Aggregate {
            function: a.function.clone(),
            argument: a.argument.as_ref().map(values).transpose()?,
            filter: a.filter.as_ref().map(values).transpose()?,
            out: arrow_type(&a.data_type),
        })
    }
}

struct Ready {
    cutter: Cutter,
    during: (i64, i64),
    makers: Vec<Maker>,
    schema: SchemaRef,
}

impl Prepared for Ready {
    fn want(&self, wanted: &mut [bool]) {
        self.cutter.want(wanted);
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
        let found = self.ready.cutter.visits(chunk, among, self.ready.during)?;
        if found.visits.is_empty() { Ok(None) } else { self.batch(chunk, &found).map(Some) }
    }

    fn finish(&mut self, _: bool) -> Result<Option<RecordBatch>> {
        Ok(None)
    }
}

impl Walk<'_> {
    fn batch(&self, chunk: &Chunk<'_>, found: &Visits<'_>) -> Result<RecordBatch> {
        let mut columns = Vec::new();
        for m in &self.ready.makers {
            columns.push(make(m, chunk, &found.rows, &found.times, &found.visits)?);
        }
        Ok(RecordBatch::try_new_with_options(
            self.ready.schema.clone(),
            columns,
            &RecordBatchOptions::new().with_row_count(Some(found.visits.len())),
        )?)
    }
}

fn make(maker: &Maker, chunk: &Chunk<'_>, rows: &[u32], times: &[i64], found: &[Visit]) -> Result<ArrayRef> {
    let instants = |f: fn(&Visit) -> usize| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from_iter_values(found.iter().map(|x| times[f(x)])).with_timezone("UTC"))
    };
    Ok(match maker {
        Maker::ByOrdinal(values) => take(values, &UInt32Array::from_iter_values(found.iter().map(|f| f.ordinal)), None)?,
        Maker::StartedAt => instants(|f| f.first),
        Maker::EndedAt => instants(|f| f.end - 1),
        Maker::Duration => Arc::new(Float64Array::from_iter_values(found.iter().map(|f| (times[f.end - 1] - times[f.first]) as f64 / 1e6))),
        Maker::Depth => Arc::new(Int64Array::from_iter_values(found.iter().map(|f| (f.end - f.first) as i64))),
        Maker::Edge(values, entry) => {
            let edge: Vec<u32> = found.iter().map(|f| rows[if *entry { f.first } else { f.end - 1 }]).collect();
            values.read(chunk, &edge)?
        }
        Maker::CodedEdge(values, entry) => {
            values.read(chunk, found.iter().map(|f| Some(rows[if *entry { f.first } else { f.end - 1 }])))?
        }
        Maker::SessionId(events) => session_ids(events, chunk, rows, found)?,
        Maker::Aggregate { function, argument, filter: condition, out } => {
            let mut kept: Vec<u32> = Vec::new();
            let mut offsets = vec![0];
            for f in found {
                kept.extend(&rows[f.first..f.end]);
                offsets.push(kept.len());
            }
            let mut values = argument.as_ref().map(|a| a.read(chunk, &kept)).transpose()?;
            if let Some(c) = condition {
                let passes = c.read(chunk, &kept)?;
                let passes = passes.as_boolean();
                // The kernel is for masks with NULLs alone.
                let passes = if passes.null_count() > 0 { arrow::compute::prep_null_mask_filter(passes) } else { passes.clone() };
                values = values.map(|v| filter(&v, &passes)).transpose()?;
                let (mut counted, mut at) = (0, 0);
                for offset in &mut offsets {
                    counted += passes.slice(at, *offset - at).true_count();
                    at = std::mem::replace(offset, counted);
                }
            }
            aggregate(function, values.as_ref(), &offsets, out)?
        }
    })
}

/// A hash of the subject and the first event's id, so that recomputation after late data gives the same (rule 22).
fn session_ids(events: &[EventColumns], chunk: &Chunk<'_>, rows: &[u32], found: &[Visit]) -> Result<ArrayRef> {
    let mut out = Vec::with_capacity(found.len());
    for f in found {
        let row = rows[f.first];
        let number = chunk.event_rows(&[row]);
        let source =
            events.get(chunk.code(row as usize) as usize).ok_or_else(|| DataFusionError::Internal("an unknown event code".into()))?;
        let id = source.stored(&EventColumn::EventId, Rows::List(&number))?;
        let id = id.as_string::<i32>().value(0).to_string();
        out.push(format!("{:032x}", xxhash_rust::xxh3::xxh3_128(format!("{}\u{0}{id}", f.ordinal).as_bytes())));
    }
    Ok(Arc::new(StringArray::from(out)))
}
