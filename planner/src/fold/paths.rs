//! PATHS: paths of a partition's entities, counted.

use super::active::key_arrays;
use super::chunk::Chunk;
use super::cut::{Cutter, Visit, Visits, flags};
use super::exec::{Fold, Prepared, State};
use super::funnel::among;
use super::path_tally::{Names, Tally};
use super::select::{Select, types};
use super::values::Values;
use crate::clock;
use crate::lower::column_name;
use crate::world::World;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListBuilder, StringBuilder, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::Result;
use eql_catalog::{DataType, EntityTypeId, EventTypeId};
use eql_compiler::bound::{Clock, Expr, NodeName, PathCut, PathShow, Paths, RowExpr, ScanColumn};
use eql_store::{Timeline, arrow_type};
use eql_timeline::path::Transitions;
use eql_timeline::{NO_NODE, PathSpec, SessionSpan, Window};
use std::sync::Arc;

/// The fold of PATHS. Columns: `path`, or `step`, `source` and `target`; then `sessions` and `entities` of the partition. With MEASURE one row an event
/// of a path, with the columns that are measured; `sessions` and `entities` are then 1 where one is met for the first time, else 0. With SHOW ENTITIES
/// one row a path that somebody took: `path`, `sessions` and `entities`, both 1, and the key.
#[derive(Debug)]
pub(crate) struct PathsFold {
    pub paths: Paths,
    /// Types of the key, where entities are listed.
    pub key: Vec<DataType>,
    /// Transitions are told apart by step. If not, `step` is 0 and `entities` says nothing.
    pub by_step: bool,
}

impl PathsFold {
    fn edges(&self) -> bool {
        matches!(self.paths.show, PathShow::Edges(_))
    }
}

impl Fold for PathsFold {
    fn name(&self) -> String {
        "paths".into()
    }

    fn schema(&self) -> SchemaRef {
        let field = |name: &str, t: ArrowType| Field::new(name, t, true);
        let mut fields = if self.edges() {
            vec![field("step", ArrowType::Int64), field("source", ArrowType::Utf8), field("target", ArrowType::Utf8)]
        } else {
            vec![field("path", arrow_type(&DataType::List(Box::new(DataType::String))))]
        };
        fields.extend(["sessions", "entities"].map(|n| field(n, ArrowType::Int64)));
        fields.extend(self.key.iter().enumerate().map(|(i, t)| field(&format!("k{i}"), arrow_type(t))));
        let measured = self.paths.measures.iter().flat_map(|m| &m.columns);
        fields.extend(measured.map(|c| field(&column_name(c.id), arrow_type(&c.data_type))));
        Arc::new(Schema::new(fields))
    }

    fn clock(&self) -> &Clock {
        &self.paths.clock
    }

    fn subject(&self) -> (EntityTypeId, Option<String>) {
        (self.paths.subject, self.paths.role.clone())
    }

    fn among(&self, world: &World) -> Result<Option<Vec<bool>>> {
        among(world, self.paths.among.as_ref())
    }

    fn prepare(&self, world: &Arc<World>, timeline: &Arc<Timeline>, columns: &[usize]) -> Result<Arc<dyn Prepared>> {
        let p = &self.paths;
        let select = |events| Select::new(world, timeline, events, &p.clock);
        let mut nodes = Vec::new();
        for n in &p.nodes {
            let name = match &n.name {
                NodeName::Text(text) => Name::Text(text.clone()),
                NodeName::Value(value) => Name::Value(Values::new(world, timeline, &types(&n.events), value)?),
                NodeName::Event => Name::Event,
            };
            nodes.push((select(&n.events)?, name));
        }
        let all: Vec<_> = p.nodes.iter().flat_map(|n| types(&n.events)).collect();
        let measures = p.measures.as_ref().map(|m| m.columns.iter().map(|c| event_column(world, timeline, &all, c)).collect::<Result<_>>());
        let catalog = world.snapshot.catalog();
        let name = |id| catalog.event_by_id(id).map_or_else(String::new, |e| e.name.clone());
        Ok(Arc::new(Ready {
            events: timeline.events.iter().map(|id| name(*id)).collect(),
            nodes,
            starting: p.starting.as_ref().map(select).transpose()?,
            ending: p.ending.as_ref().map(select).transpose()?,
            cut: match &p.cut {
                PathCut::Session(cut) => Cut::Session(Box::new(Cutter::new(world, timeline, cut, &p.clock)?)),
                PathCut::Within(window) => Cut::Within(clock::window(window)?),
            },
            spec: PathSpec { depth: p.depth, keep_repeats: p.keep_repeats },
            during: clock::resolve(&p.during, world.now)?,
            edges: self.edges(),
            by_step: self.by_step,
            measures: measures.transpose()?,
            listed: if self.key.is_empty() { None } else { Some(key_arrays(world, p.subject, self.key.len())?) },
            schema: Arc::new(self.schema().project(columns)?),
            columns: columns.to_vec(),
        }))
    }
}

/// Nodes between which transitions are counted in a table, which then has 4 MiB.
const NEIGHBOURS_MAX: usize = 511;

/// What a node is called.
enum Name {
    Event,
    Text(String),
    Value(Values),
}

enum Cut {
    Session(Box<Cutter>),
    Within(Window),
}

struct Ready {
    /// Names of the events by code.
    events: Vec<String>,
    nodes: Vec<(Select, Name)>,
    starting: Option<Select>,
    ending: Option<Select>,
    cut: Cut,
    spec: PathSpec,
    during: (i64, i64),
    edges: bool,
    by_step: bool,
    /// Columns of event rows; None without MEASURE.
    measures: Option<Vec<Values>>,
    /// Key columns by ordinal, with SHOW ENTITIES.
    listed: Option<Vec<ArrayRef>>,
    schema: SchemaRef,
    columns: Vec<usize>,
}

impl Prepared for Ready {
    fn want(&self, wanted: &mut [bool]) {
        for select in self.nodes.iter().map(|n| &n.0).chain(&self.starting).chain(&self.ending) {
            select.want(wanted);
        }
        if let Cut::Session(cutter) = &self.cut {
            cutter.want(wanted);
        }
    }

    fn start(&self) -> Result<Box<dyn State + '_>> {
        Ok(Box::new(Walk { ready: self, names: Names::default(), tally: Tally::new(self.edges, self.by_step), neighbours: None }))
    }
}

struct Walk<'r> {
    ready: &'r Ready,
    names: Names,
    tally: Tally,
    /// The node of each code, and transitions between nodes that follow from the code alone.
    neighbours: Option<(Vec<u32>, Transitions)>,
}

impl State for Walk<'_> {
    fn take(&mut self, chunk: &Chunk<'_>, among: Option<&[bool]>) -> Result<Option<RecordBatch>> {
        let ready = self.ready;
        if self.sweep(chunk, among)? {
            return Ok(None);
        }
        let codes = self.codes(chunk)?;
        let found = match &ready.cut {
            Cut::Session(cutter) => cutter.visits(chunk, among, ready.during)?,
            Cut::Within(window) => {
                let starts = ready.starting.as_ref().map(|s| s.rows(chunk, None)).transpose()?;
                within(window, chunk, &codes, among, ready.during, starts.as_deref())
            }
        };
        let nodes = if found.rows.len() == codes.len() { codes } else { found.rows.iter().map(|r| codes[*r as usize]).collect() };
        let starts = ready.starting.as_ref().map(|s| flags(s, chunk, &found.rows)).transpose()?;
        let ends = ready.ending.as_ref().map(|s| flags(s, chunk, &found.rows)).transpose()?;
        if let (Tally::Edges(edges), None, None, None) = (&mut self.tally, &starts, &ends, &ready.measures) {
            found.visits.iter().try_for_each(|v| edges.walk(v.ordinal, &ready.spec, &nodes[v.first..v.end]))?;
            return Ok(None);
        }
        let (mut measured, mut walked) = (Measured::default(), Vec::new());
        for visit in &found.visits {
            let own = visit.first..visit.end;
            let span = SessionSpan { first: 0, last: own.len() as u32 - 1 };
            let (starts, ends) = (starts.as_ref().map(|f| &f[own.clone()]), ends.as_ref().map(|f| &f[own.clone()]));
            let Some(path) = eql_timeline::path(&ready.spec, span, &nodes[own.clone()], starts, ends) else { continue };
            let first = self.tally.add(visit.ordinal, &path, ready.ending.is_some())?;
            if ready.listed.is_some() {
                walked.push(visit.ordinal);
                measured.paths.push(self.tally.last_nodes().into());
            }
            if ready.measures.is_some() {
                let from = starts.and_then(|f| f.iter().position(|s| *s)).unwrap_or(0);
                let to = ends.and_then(|f| f.iter().rposition(|e| *e)).map_or(own.len(), |e| e + 1);
                let rows = (own.start + from..own.start + to).filter(|i| nodes[*i] != NO_NODE).map(|i| found.rows[i]);
                measured.add(rows, self.tally.last_nodes(), first);
            }
        }
        match &ready.measures {
            Some(values) if !measured.rows.is_empty() => self.measured(chunk, values, &measured).map(Some),
            _ => ready.listed.as_ref().filter(|_| !walked.is_empty()).map(|keys| self.listed(keys, walked, &measured.paths)).transpose(),
        }
    }

    fn finish(&mut self, _: bool) -> Result<Option<RecordBatch>> {
        if let (Some((_, counted)), Tally::Edges(edges)) = (&self.neighbours, &mut self.tally) {
            edges.add_counted(counted)?;
        }
        if self.tally.len() == 0 || self.ready.measures.is_some() || self.ready.listed.is_some() {
            return Ok(None);
        }
        let columns = self.tally.columns(&self.names);
        let kept = self.ready.columns.iter().map(|i| columns[*i].clone()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.tally.len()));
        Ok(Some(RecordBatch::try_new_with_options(self.ready.schema.clone(), kept, &options)?))
    }
}

/// Event rows of paths, with the path of each.
#[derive(Default)]
struct Measured {
    rows: Vec<u32>,
    /// Which of `paths` a row belongs to.
    of: Vec<u32>,
    paths: Vec<Box<[u32]>>,
    sessions: Vec<i64>,
    entities: Vec<i64>,
}

impl Measured {
    fn add(&mut self, rows: impl Iterator<Item = u32>, nodes: &[u32], first: bool) {
        for row in rows {
            let begins = self.of.last().is_none_or(|of| *of != self.paths.len() as u32);
            self.rows.push(row);
            self.of.push(self.paths.len() as u32);
            self.sessions.push(i64::from(begins));
            self.entities.push(i64::from(begins && first));
        }
        self.paths.push(nodes.into());
    }
}

/// One column of event rows.
fn event_column(world: &World, timeline: &Timeline, events: &[EventTypeId], c: &ScanColumn) -> Result<Values> {
    Values::new(world, timeline, events, &RowExpr { columns: vec![c.clone()], expr: Expr::column(c.id, c.data_type.clone()) })
}

impl Walk<'_> {
    fn measured(&self, chunk: &Chunk<'_>, values: &[Values], measured: &Measured) -> Result<RecordBatch> {
        let paths = take(&self.named(&measured.paths), &UInt32Array::from(measured.of.clone()), None)?;
        let counts = [&measured.sessions, &measured.entities].map(|c| Arc::new(Int64Array::from(c.clone())) as ArrayRef);
        let mut columns: Vec<ArrayRef> = std::iter::once(paths).chain(counts).collect();
        for v in values {
            columns.push(v.read(chunk, &measured.rows)?);
        }
        self.batch(&columns, measured.rows.len())
    }

    /// Who took which path, one row each time.
    fn listed(&self, keys: &[ArrayRef], walked: Vec<u32>, paths: &[Box<[u32]>]) -> Result<RecordBatch> {
        let (rows, ordinals) = (walked.len(), UInt32Array::from(walked));
        let once: ArrayRef = Arc::new(Int64Array::from(vec![1; rows]));
        let mut columns = vec![self.named(paths), once.clone(), once];
        for key in keys {
            columns.push(take(key, &ordinals, None)?);
        }
        self.batch(&columns, rows)
    }

    fn named(&self, paths: &[Box<[u32]>]) -> ArrayRef {
        let mut lists = ListBuilder::new(StringBuilder::new());
        for path in paths {
            path.iter().for_each(|n| lists.values().append_option(self.names.name(*n)));
            lists.append(true);
        }
        Arc::new(lists.finish())
    }

    fn batch(&self, columns: &[ArrayRef], rows: usize) -> Result<RecordBatch> {
        let kept = self.ready.columns.iter().map(|i| columns[*i].clone()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(self.ready.schema.clone(), kept, &options)?)
    }

    /// Counts a batch with the kernel for many entities; false where steps, other cuts or other nodes are asked.
    fn sweep(&mut self, chunk: &Chunk<'_>, among: Option<&[bool]>) -> Result<bool> {
        let ready = self.ready;
        let whole = ready.edges && !ready.by_step && ready.starting.is_none() && ready.ending.is_none() && ready.measures.is_none();
        let Cut::Session(cutter) = &ready.cut else { return Ok(false) };
        let Some(gap) = cutter.gap().filter(|_| whole) else { return Ok(false) };
        let codes = ready.events.len();
        let mut inside = vec![false; codes];
        match cutter.plain(chunk) {
            Some(plain) => plain.for_each(|code| inside[code as usize] = true),
            None => return Ok(false),
        }
        let mut named = vec![false; codes];
        for (select, name) in &ready.nodes {
            match (select.plain(chunk), name) {
                (Some(plain), Name::Event | Name::Text(_)) => plain.for_each(|code| named[code as usize] = true),
                _ => return Ok(false),
            }
        }
        if !inside.iter().chain(&named).all(|all| *all) {
            return Ok(false);
        }
        if self.neighbours.is_none() {
            let mut nodes = vec![NO_NODE; codes];
            for (select, name) in &ready.nodes {
                for code in select.plain(chunk).into_iter().flatten().map(usize::from) {
                    if nodes[code] == NO_NODE {
                        let text = if let Name::Text(text) = name { text } else { &ready.events[code] };
                        nodes[code] = self.names.number(Some(text))?;
                    }
                }
            }
            let count = nodes.iter().max().map_or(0, |n| *n as usize + 1);
            if count > NEIGHBOURS_MAX {
                return Ok(false);
            }
            self.neighbours = Some((nodes, Transitions::new(count)));
        }
        let Some((nodes, counted)) = &mut self.neighbours else { return Ok(false) };
        // DEPTH cuts only sessions that may have more nodes.
        if (0..chunk.entities()).any(|i| chunk.rows_of(i).len() > ready.spec.depth) {
            return Ok(false);
        }
        let during = ready.during.0..ready.during.1;
        for i in (0..chunk.entities()).filter(|i| among.is_none_or(|a| a[*i])) {
            let rows = chunk.rows_of(i);
            counted.add(&chunk.time[rows.clone()], &chunk.codes()[rows], nodes, gap, ready.spec.keep_repeats, &during);
        }
        Ok(true)
    }

    /// The node of every row of the batch: of several that take a row the first.
    fn codes(&mut self, chunk: &Chunk<'_>) -> Result<Vec<u32>> {
        let mut codes = vec![NO_NODE; chunk.len()];
        for (select, name) in &self.ready.nodes {
            let mut rows = select.rows(chunk, None)?;
            rows.retain(|r| codes[*r as usize] == NO_NODE);
            match name {
                Name::Text(text) => {
                    let number = self.names.number(Some(text))?;
                    rows.iter().for_each(|r| codes[*r as usize] = number);
                }
                Name::Event => {
                    let mut numbers = vec![NO_NODE; self.ready.events.len()];
                    for r in rows {
                        let code = chunk.code(r as usize) as usize;
                        if numbers[code] == NO_NODE {
                            numbers[code] = self.names.number(Some(&self.ready.events[code]))?;
                        }
                        codes[r as usize] = numbers[code];
                    }
                }
                Name::Value(values) => {
                    let texts = values.read(chunk, &rows)?;
                    let texts = texts.as_string::<i32>();
                    for (i, r) in rows.iter().enumerate() {
                        codes[*r as usize] = self.names.number(texts.is_valid(i).then(|| texts.value(i)))?;
                    }
                }
            }
        }
        Ok(codes)
    }
}

/// Nodes cut by a window from the first one of each path, which is one of `starts` where these are given. What lies before the range belongs to no path;
/// a path that began in it goes on after it.
fn within(
    window: &Window,
    chunk: &Chunk<'_>,
    codes: &[u32],
    among: Option<&[bool]>,
    during: (i64, i64),
    starts: Option<&[u32]>,
) -> Visits<'static> {
    let (mut rows_found, mut times, mut visits) = (Vec::new(), Vec::new(), Vec::new());
    let mut spans = Vec::new();
    for i in 0..chunk.entities() {
        if among.is_some_and(|a| !a[i]) {
            continue;
        }
        let first = rows_found.len();
        let rows = chunk.rows_of(i).filter(|r| codes[*r] != NO_NODE && chunk.time[*r] >= during.0);
        rows_found.extend(rows.map(|r| r as u32));
        times.extend(rows_found[first..].iter().map(|r| chunk.time[*r as usize]));
        spans.clear();
        match starts {
            Some(starts) => {
                let marked: Vec<bool> = rows_found[first..].iter().map(|r| starts.binary_search(r).is_ok()).collect();
                eql_timeline::path::cut_within_from(window, &times[first..], &marked, &mut spans);
            }
            None => eql_timeline::path::cut_within(window, &times[first..], &mut spans),
        }
        let began = spans.iter().filter(|s| times[first + s.first as usize] < during.1);
        let visit = |s: &SessionSpan| Visit {
            ordinal: chunk.ordinals.start + i as u32,
            first: first + s.first as usize,
            end: first + s.last as usize + 1,
            open: false,
        };
        visits.extend(began.map(visit));
    }
    Visits { rows: rows_found, times: times.into(), visits }
}
