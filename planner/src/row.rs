//! Values of event rows: columns of the store, and of entities that the rows lead to, looked up by ordinal.

mod texts;

pub(crate) use texts::{Coded, TextNumbers};

use crate::lower::{Lower, column_name};
use crate::refusal::or_null;
use crate::timed::TimedValue;
use crate::world::World;
use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, StringArray, StringBuilder, TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef, TimestampMicrosecondType, UInt32Type};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use arrow::row::{RowConverter, SortField};
use datafusion::common::{DFSchema, DataFusionError, Result};
use datafusion::physical_expr::PhysicalExpr;
use eql_catalog::{EntityTypeId, EventTypeId};
use eql_compiler::bound::{Expr, ExprKind, Leaf, Link, ManyLink, RowExpr, ScanColumn};
use eql_store::{EntityColumns, EventColumn, EventRows, StoreError, arrow_type};
use hashbrown::HashMap;
use std::sync::{Arc, OnceLock};
use texts::ByText;

/// The store's error as DataFusion's, kept whole inside.
pub(crate) fn store_error(e: StoreError) -> DataFusionError {
    DataFusionError::External(Box::new(e))
}

/// The Arrow schema of columns.
pub(crate) fn schema_of(columns: &[ScanColumn]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(|c| Field::new(column_name(c.id), arrow_type(&c.data_type), true)).collect::<Vec<_>>()))
}

/// An expression over given columns, ready to run.
pub(crate) struct Compiled {
    schema: SchemaRef,
    data_type: ArrowType,
    expr: Option<Arc<dyn PhysicalExpr>>,
    /// The expression is this column alone.
    direct: Option<usize>,
    /// Rows of a stream: a value that cannot be computed is NULL.
    endless: bool,
}

impl Compiled {
    pub(crate) fn new(world: &World, columns: &[ScanColumn], expr: &Expr) -> Result<Self> {
        let schema = schema_of(columns);
        let (data_type, endless) = (arrow_type(&expr.data_type), world.settings.endless);
        if let ExprKind::Column(id) = expr.kind {
            let direct = columns.iter().position(|c| c.id == id);
            return Ok(Self { schema, data_type, expr: None, direct, endless });
        }
        let standing = world.standing(columns, None, expr);
        let expr = standing.as_ref().unwrap_or(expr);
        let run = |q: &eql_compiler::bound::Query| world.first_column(q);
        let subqueries = crate::lower::Subqueries::Values(&run);
        let lower = Lower { now: world.now, subqueries, noted: &world.settings.noted };
        let df = DFSchema::try_from(schema.as_ref().clone())?;
        let expr = world.state.create_physical_expr(lower.value(expr)?, &df)?;
        Ok(Self { schema, data_type, expr: Some(expr), direct: None, endless })
    }

    /// Whether equal columns give equal values.
    fn is_repeatable(&self) -> bool {
        self.expr.as_ref().is_none_or(|e| !datafusion::physical_expr_common::physical_expr::is_volatile(e))
    }

    pub(crate) fn evaluate(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<ArrayRef> {
        if let Some(i) = self.direct {
            return Ok(columns[i].clone());
        }
        let Some(expr) = &self.expr else { return Err(DataFusionError::Internal("an expression without its column".into())) };
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &RecordBatchOptions::new().with_row_count(Some(rows)))?;
        let compute = |batch: &RecordBatch| -> Result<ArrayRef> {
            let out = expr.evaluate(batch)?.into_array(batch.num_rows())?;
            Ok(if *out.data_type() == self.data_type { out } else { cast(&out, &self.data_type)? })
        };
        if self.endless { or_null(&batch, &self.data_type, &compute) } else { compute(&batch) }
    }
}

/// Which rows of one event type.
#[derive(Clone, Copy)]
pub(crate) enum Rows<'a> {
    /// Rows of a chunk: chunk, first row within it, how many.
    Slice(usize, usize, usize),
    /// By row number.
    List(&'a [u32]),
}

impl Rows<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Rows::Slice(_, _, n) => *n,
            Rows::List(l) => l.len(),
        }
    }
}

/// How one column of event rows is read.
enum Reader {
    Stored(EventColumn),
    Name(String),
    Null(ArrowType),
    Extra(String),
    /// The properties with their names.
    Properties(Vec<(String, EventColumn)>),
    /// A value by the ordinal of a participant; the last value stands for no participant.
    ByOrdinal(usize, ArrayRef),
    Ordinal(usize),
    /// A value of the entity whose key these columns are.
    ByKey(Vec<Reader>, Arc<EntityColumns>, ArrayRef),
    Many(Vec<Reader>, Arc<Groups>, ArrayRef),
    /// A value computed from these columns.
    Computed(Vec<Reader>, Compiled),
    /// A value of a participant at the event's time; None is no participant.
    TimedByOrdinal(Option<usize>, TimedValue),
    /// A value, at the event's time, of the entity whose key these columns are.
    TimedByKey(Vec<Reader>, Arc<EntityColumns>, TimedValue),
}

/// Columns of one event type, and an expression over them.
pub(crate) struct EventExpr {
    rows: Arc<EventRows>,
    readers: Vec<Reader>,
    compiled: Compiled,
    /// The one column it reads is a text: what it says of each different text, found at first use.
    by_text: Option<(EventColumn, OnceLock<Option<Arc<ByText>>>)>,
}

/// Fewer rows than this are read as they are.
const BY_TEXT_ROWS: usize = 256;

impl EventExpr {
    pub(crate) fn new(world: &World, event: EventTypeId, row: &RowExpr) -> Result<Self> {
        let rows = world.snapshot.events(event).map_err(store_error)?;
        let readers = readers(world, event, &row.columns)?;
        let compiled = Compiled::new(world, &row.columns, &row.expr)?;
        let by_text = match (readers.as_slice(), row.columns.as_slice()) {
            ([Reader::Stored(column @ EventColumn::Property(_))], [c]) if c.data_type == eql_catalog::DataType::String => {
                compiled.is_repeatable().then(|| (column.clone(), OnceLock::new()))
            }
            _ => None,
        };
        Ok(Self { rows, readers, compiled, by_text })
    }

    pub(crate) fn evaluate(&self, rows: Rows<'_>) -> Result<ArrayRef> {
        if let Rows::List(list) = rows
            && let Some(by_text) = self.by_text(list.len())?
            && let Some(values) = by_text.read(&self.rows, list)?
        {
            return Ok(values);
        }
        let columns = self.readers.iter().map(|r| r.read(&self.rows, rows)).collect::<Result<_>>()?;
        self.compiled.evaluate(columns, rows.len())
    }

    /// What is known of the different texts, where so many rows are worth finding it out.
    fn by_text(&self, rows: usize) -> Result<Option<&Arc<ByText>>> {
        let Some((column, made)) = self.by_text.as_ref().filter(|_| rows >= BY_TEXT_ROWS) else { return Ok(None) };
        if let Some(known) = made.get() {
            return Ok(known.as_ref());
        }
        let new = ByText::new(&self.rows, column, &self.compiled)?.map(Arc::new);
        Ok(made.get_or_init(|| new).as_ref())
    }

    /// What it says of rows as numbers, where there are few different texts and all rows lie in parts.
    pub(crate) fn coded(&self) -> Result<Option<Coded>> {
        if let ([reader], Some(0)) = (self.readers.as_slice(), self.compiled.direct) {
            match reader {
                Reader::Name(name) => return Ok(Some(Coded::Always(Some(name.clone())))),
                Reader::Null(_) => return Ok(Some(Coded::Always(None))),
                _ => {}
            }
        }
        let texts = self.by_text(usize::MAX)?.filter(|b| b.chunks.iter().all(Option::is_some)).cloned();
        Ok(texts.map(|texts| Coded::Text(TextNumbers { rows: self.rows.clone(), texts })))
    }

    /// A condition: keeps of `kept` what belongs to rows that pass, NULL counting as not.
    pub(crate) fn keep(&self, rows: &[u32], kept: &mut Vec<u32>) -> Result<()> {
        let mut n = 0;
        let mut take = |i: usize, passes: bool| {
            // Without a branch: whether a row passes is hard to foresee.
            kept[n] = kept[i];
            n += usize::from(passes);
        };
        match self.by_text(rows.len())?.and_then(|b| Some((b, b.places(&self.rows, rows)?))) {
            Some((by_text, places)) => places.iter().enumerate().for_each(|(i, p)| take(i, by_text.true_of[*p as usize])),
            None => {
                let passes = self.evaluate(Rows::List(rows))?;
                passes.as_boolean().iter().enumerate().for_each(|(i, p)| take(i, p == Some(true)));
            }
        }
        kept.truncate(n);
        Ok(())
    }
}

/// Columns of one event type as a scan offers them.
pub(crate) struct EventColumns {
    rows: Arc<EventRows>,
    readers: Vec<Reader>,
}

impl EventColumns {
    pub(crate) fn new(world: &World, event: EventTypeId, columns: &[ScanColumn]) -> Result<Self> {
        Ok(Self { rows: world.snapshot.events(event).map_err(store_error)?, readers: readers(world, event, columns)? })
    }

    pub(crate) fn read(&self, rows: Rows<'_>) -> Result<Vec<ArrayRef>> {
        self.readers.iter().map(|r| r.read(&self.rows, rows)).collect()
    }

    pub(crate) fn stored(&self, column: &EventColumn, rows: Rows<'_>) -> Result<ArrayRef> {
        stored(&self.rows, column, rows)
    }
}

fn readers(world: &World, event: EventTypeId, columns: &[ScanColumn]) -> Result<Vec<Reader>> {
    columns.iter().map(|c| Reader::new(world, event, c)).collect()
}

fn stored(events: &EventRows, column: &EventColumn, rows: Rows<'_>) -> Result<ArrayRef> {
    match rows {
        Rows::Slice(chunk, start, n) => Ok(events.chunk_column(chunk, column).map_err(store_error)?.slice(start, n)),
        Rows::List(list) => events.gather(column, list).map_err(store_error),
    }
}

impl Reader {
    fn new(world: &World, event: EventTypeId, column: &ScanColumn) -> Result<Self> {
        let of = |by: &[(EventTypeId, usize)]| by.iter().find(|(e, _)| *e == event).map(|(_, i)| *i);
        let null = || Reader::Null(arrow_type(&column.data_type));
        Ok(match &column.leaf {
            Leaf::EventName => Reader::Name(world.snapshot.catalog().event_by_id(event).map_or_else(String::new, |e| e.name.clone())),
            Leaf::Time => Reader::Stored(EventColumn::Time),
            Leaf::EventId => Reader::Stored(EventColumn::EventId),
            Leaf::ReceivedAt => Reader::Stored(EventColumn::Received),
            Leaf::EventProperty(by) => match by.iter().find(|(e, _)| *e == event) {
                Some((_, p)) => Reader::Stored(EventColumn::Property(*p)),
                None => null(),
            },
            Leaf::ParticipantKey(by, entity, key) => match of(by) {
                Some(i) => {
                    let entities = world.snapshot.entities(*entity).map_err(store_error)?;
                    Reader::ByOrdinal(i, with_null(entities.key(*key))?)
                }
                None => null(),
            },
            Leaf::ParticipantOrdinal(by, _) => of(by).map_or_else(|| Reader::Null(ArrowType::Int64), Reader::Ordinal),
            Leaf::Extra(name) => Reader::Extra(name.clone()),
            Leaf::Properties => {
                let event = world.snapshot.catalog().event_by_id(event);
                let declared = event.iter().flat_map(|e| &e.properties).map(|p| (p.name.clone(), EventColumn::Property(p.id)));
                Reader::Properties(declared.collect())
            }
            Leaf::Through(Link::Participant(by), value) if value.at_event() => {
                Reader::TimedByOrdinal(of(by), TimedValue::new(world, value)?)
            }
            Leaf::Through(Link::Key(source), value) if value.at_event() => {
                let entities = world.snapshot.entities(value.entity).map_err(store_error)?;
                Reader::TimedByKey(readers(world, event, source)?, entities, TimedValue::new(world, value)?)
            }
            Leaf::Through(Link::Participant(by), value) => match of(by) {
                Some(i) => Reader::ByOrdinal(i, world.entity_value(value)?),
                None => {
                    // No participant: the value over NULLs, the same for all rows.
                    let values = world.entity_value(value)?;
                    Reader::ByOrdinal(usize::MAX, values.slice(values.len() - 1, 1))
                }
            },
            Leaf::Through(Link::Key(source), value) => {
                let entities = world.snapshot.entities(value.entity).map_err(store_error)?;
                Reader::ByKey(readers(world, event, source)?, entities, world.entity_value(value)?)
            }
            Leaf::ThroughMany(link, value) => {
                let groups = Groups::new(world, link)?;
                let lists = groups.lists(&world.entity_value(value)?)?;
                Reader::Many(readers(world, event, &link.source)?, Arc::new(groups), lists)
            }
            Leaf::AggregateMany(link, function, value) => {
                let groups = Groups::new(world, link)?;
                let values = groups.aggregates(function, &world.entity_value(value)?, &arrow_type(&column.data_type))?;
                Reader::Many(readers(world, event, &link.source)?, Arc::new(groups), values)
            }
            Leaf::Computed(row) => Reader::Computed(readers(world, event, &row.columns)?, Compiled::new(world, &row.columns, &row.expr)?),
            Leaf::Key(_)
            | Leaf::Property(_)
            | Leaf::PropertyAsOf(..)
            | Leaf::PropertyAtEvent(_)
            | Leaf::Kept(_)
            | Leaf::Told(_)
            | Leaf::Behaviour(_) => {
                return Err(DataFusionError::Internal("a column of an entity was asked of an event".into()));
            }
        })
    }

    fn read(&self, events: &EventRows, rows: Rows<'_>) -> Result<ArrayRef> {
        Ok(match self {
            Reader::Stored(column) => stored(events, column, rows)?,
            Reader::Name(name) => Arc::new(StringArray::from_iter_values(std::iter::repeat_n(name, rows.len()))),
            Reader::Null(t) => new_null_array(t, rows.len()),
            Reader::Extra(name) => extra(stored(events, &EventColumn::Extra, rows)?.as_string::<i32>(), name),
            Reader::Properties(declared) => {
                let columns = declared.iter().map(|(name, c)| Ok((name.as_str(), stored(events, c, rows)?))).collect::<Result<Vec<_>>>()?;
                crate::json::objects(&columns, stored(events, &EventColumn::Extra, rows)?.as_string::<i32>(), rows.len())
            }
            Reader::Ordinal(i) => Arc::new(ordinals(events, *i, rows)?.unary::<_, arrow::datatypes::Int64Type>(i64::from)),
            Reader::ByOrdinal(i, values) if *i == usize::MAX => take(values, &UInt32Array::from(vec![0; rows.len()]), None)?,
            Reader::ByOrdinal(i, values) => by_ordinal(values, &ordinals(events, *i, rows)?)?,
            Reader::ByKey(source, entities, values) => {
                let keys: Vec<ArrayRef> = source.iter().map(|r| r.read(events, rows)).collect::<Result<_>>()?;
                by_ordinal(values, &entities.lookup(&keys).map_err(store_error)?)?
            }
            Reader::TimedByOrdinal(participant, value) => {
                let ordinals = match participant {
                    Some(i) => ordinals(events, *i, rows)?,
                    None => UInt32Array::new_null(rows.len()),
                };
                value.read(&ordinals, times(events, rows)?.values())?
            }
            Reader::TimedByKey(source, entities, value) => {
                let keys: Vec<ArrayRef> = source.iter().map(|r| r.read(events, rows)).collect::<Result<_>>()?;
                value.read(&entities.lookup(&keys).map_err(store_error)?, times(events, rows)?.values())?
            }
            Reader::Computed(source, compiled) => {
                let columns = source.iter().map(|r| r.read(events, rows)).collect::<Result<_>>()?;
                compiled.evaluate(columns, rows.len())?
            }
            Reader::Many(source, groups, values) => {
                let keys: Vec<ArrayRef> = source.iter().map(|r| r.read(events, rows)).collect::<Result<_>>()?;
                take(values, &groups.find(&keys)?, None)?
            }
        })
    }
}

fn ordinals(events: &EventRows, participant: usize, rows: Rows<'_>) -> Result<UInt32Array> {
    Ok(stored(events, &EventColumn::Participant(participant), rows)?.as_primitive::<UInt32Type>().clone())
}

fn times(events: &EventRows, rows: Rows<'_>) -> Result<TimestampMicrosecondArray> {
    Ok(stored(events, &EventColumn::Time, rows)?.as_primitive::<TimestampMicrosecondType>().clone())
}

/// Values by ordinal; the last value stands for no entity.
pub(crate) fn by_ordinal(values: &ArrayRef, ordinals: &UInt32Array) -> Result<ArrayRef> {
    let nobody = u32::try_from(values.len() - 1).unwrap_or(u32::MAX);
    if ordinals.null_count() == 0 {
        return Ok(take(values, ordinals, None)?);
    }
    let filled = UInt32Array::from_iter_values(ordinals.iter().map(|o| o.unwrap_or(nobody)));
    Ok(take(values, &filled, None)?)
}

/// The array with one NULL behind it.
pub(crate) fn with_null(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(concat(&[array.as_ref(), new_null_array(array.data_type(), 1).as_ref()])?)
}

/// A member of JSON objects, by its dotted path, as text.
pub(crate) fn extra(json: &StringArray, path: &str) -> ArrayRef {
    let mut out = StringBuilder::new();
    for text in json {
        let object = text.and_then(|t| serde_json::from_str::<serde_json::Value>(t).ok());
        let found = object.as_ref().and_then(|o| o.get(path).or_else(|| path.split('.').try_fold(o, |at, word| at.get(word))));
        match found {
            None | Some(serde_json::Value::Null) => out.append_null(),
            Some(serde_json::Value::String(s)) => out.append_value(s),
            Some(other) => out.append_value(other.to_string()),
        }
    }
    Arc::new(out.finish())
}

/// Entities by the values of some of their columns: what a to-many relation leads to. Group numbers are 1…n, 0 is the empty group.
pub(crate) struct Groups {
    converter: parking_lot::Mutex<RowConverter>,
    types: Vec<ArrowType>,
    numbers: HashMap<Box<[u8]>, u32>,
    /// Members of group g: `members[offsets[g]..offsets[g + 1]]`.
    offsets: Vec<usize>,
    members: UInt32Array,
    entity: EntityTypeId,
}

impl Groups {
    pub(crate) fn new(world: &World, link: &ManyLink) -> Result<Self> {
        let entities = world.snapshot.entities(link.entity).map_err(store_error)?;
        let count = entities.len();
        let deleted = |i: usize| entities.deleted().is_some_and(|d| d.value(i));
        let columns: Vec<ArrayRef> = world.entity_columns(link.entity, &link.target)?.iter().map(|c| c.slice(0, count)).collect();
        let types: Vec<ArrowType> = columns.iter().map(|c| c.data_type().clone()).collect();
        let converter = RowConverter::new(types.iter().map(|t| SortField::new(t.clone())).collect())?;
        let rows = converter.convert_columns(&columns)?;
        let mut numbers: HashMap<Box<[u8]>, u32> = HashMap::new();
        let mut lists: Vec<Vec<u32>> = vec![vec![]];
        for (i, row) in rows.iter().enumerate() {
            // NULL equals nothing: a row with a missing column is in no group.
            if deleted(i) || columns.iter().any(|c| c.is_null(i)) {
                continue;
            }
            let next = u32::try_from(lists.len()).unwrap_or(u32::MAX);
            let number = *numbers.entry_ref(row.as_ref()).or_insert(next);
            if number == next {
                lists.push(vec![]);
            }
            lists[number as usize].push(u32::try_from(i).unwrap_or(u32::MAX));
        }
        let mut offsets = vec![0];
        for l in &lists {
            offsets.push(offsets[offsets.len() - 1] + l.len());
        }
        let members = UInt32Array::from_iter_values(lists.into_iter().flatten());
        Ok(Self { converter: parking_lot::Mutex::new(converter), types, numbers, offsets, members, entity: link.entity })
    }

    /// The group numbers of rows with these columns.
    pub(crate) fn find(&self, keys: &[ArrayRef]) -> Result<UInt32Array> {
        let keys: Vec<ArrayRef> = keys
            .iter()
            .zip(&self.types)
            .map(|(k, t)| if k.data_type() == t { Ok(k.clone()) } else { cast(k, t) })
            .collect::<arrow::error::Result<_>>()?;
        let rows = self.converter.lock().convert_columns(&keys)?;
        Ok(UInt32Array::from_iter_values(rows.iter().map(|r| self.numbers.get(r.as_ref()).copied().unwrap_or(0))))
    }

    /// One list a group of the members' values.
    fn lists(&self, values: &ArrayRef) -> Result<ArrayRef> {
        let _ = self.entity;
        let items = take(values, &self.members, None)?;
        let offsets: Vec<i32> =
            self.offsets.iter().map(|o| i32::try_from(*o).map_err(|e| DataFusionError::Execution(e.to_string()))).collect::<Result<_>>()?;
        let field = Arc::new(Field::new("item", items.data_type().clone(), true));
        Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::new(ScalarBuffer::from(offsets)), items, None)?))
    }

    /// One aggregate a group.
    fn aggregates(&self, function: &eql_compiler::bound::Aggregation, values: &ArrayRef, out: &ArrowType) -> Result<ArrayRef> {
        let items = take(values, &self.members, None)?;
        crate::fold::aggregate(function, Some(&items), &self.offsets, out)
    }

    pub(crate) fn by_keys(&self, keys: &[ArrayRef], values: &ArrayRef) -> Result<ArrayRef> {
        Ok(take(values, &self.find(keys)?, None)?)
    }

    pub(crate) fn list_values(&self, values: &ArrayRef) -> Result<ArrayRef> {
        self.lists(values)
    }

    pub(crate) fn aggregate_values(
        &self,
        function: &eql_compiler::bound::Aggregation,
        values: &ArrayRef,
        out: &ArrowType,
    ) -> Result<ArrayRef> {
        self.aggregates(function, values, out)
    }
}
