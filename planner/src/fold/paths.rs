//! PATHS: paths of a partition's entities, counted.

use super::chunk::{Chunk, Select, Values, types};
use super::cut::{Cutter, Visit, Visits, flags};
use super::exec::{Fold, Prepared, State};
use super::funnel::among;
use super::path_tally::{Names, Tally};
use crate::clock;
use crate::world::World;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::Result;
use eql_catalog::{DataType, EntityTypeId};
use eql_compiler::bound::{NodeName, PathCut, PathShow, Paths};
use eql_store::{Timeline, arrow_type};
use eql_timeline::{NO_NODE, PathSpec, SessionSpan, Window};
use std::sync::Arc;

/// The fold of PATHS. Columns: `path`, or `step`, `source` and `target`; then `sessions` and `entities` of the partition.
#[derive(Debug)]
pub(crate) struct PathsFold {
    pub paths: Paths,
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
        Arc::new(Schema::new(fields))
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
        let catalog = world.snapshot.catalog();
        let name = |id| catalog.event_by_id(id).map_or_else(String::new, |e| e.name.clone());
        Ok(Arc::new(Ready {
            events: timeline.events.iter().map(|id| name(*id)).collect(),
            nodes,
            starting: p.starting.as_ref().map(select).transpose()?,
            ending: p.ending.as_ref().map(select).transpose()?,
            cut: match &p.cut {
                PathCut::Session(cut) => Cut::Session(Cutter::new(world, timeline, cut, &p.clock)?),
                PathCut::Within(window) => Cut::Within(clock::window(window)?),
            },
            spec: PathSpec { depth: p.depth, keep_repeats: p.keep_repeats },
            during: clock::resolve(&p.during, world.now)?,
            edges: self.edges(),
            schema: Arc::new(self.schema().project(columns)?),
            columns: columns.to_vec(),
        }))
    }
}

/// What a node is called.
enum Name {
    Event,
    Text(String),
    Value(Values),
}

enum Cut {
    Session(Cutter),
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
        Ok(Box::new(Walk { ready: self, names: Names::default(), tally: Tally::new(self.edges) }))
    }
}

struct Walk<'r> {
    ready: &'r Ready,
    names: Names,
    tally: Tally,
}

impl State for Walk<'_> {
    fn take(&mut self, chunk: &Chunk<'_>, among: Option<&[bool]>) -> Result<Option<RecordBatch>> {
        let ready = self.ready;
        let codes = self.codes(chunk)?;
        let found = match &ready.cut {
            Cut::Session(cutter) => cutter.visits(chunk, among, ready.during)?,
            Cut::Within(window) => within(window, chunk, &codes, among, ready.during),
        };
        let nodes: Vec<u32> = found.rows.iter().map(|r| codes[*r as usize]).collect();
        let starts = ready.starting.as_ref().map(|s| flags(s, chunk, &found.rows)).transpose()?;
        let ends = ready.ending.as_ref().map(|s| flags(s, chunk, &found.rows)).transpose()?;
        for visit in &found.visits {
            let own = visit.first..visit.end;
            let span = SessionSpan { first: 0, last: own.len() as u32 - 1 };
            let (starts, ends) = (starts.as_ref().map(|f| &f[own.clone()]), ends.as_ref().map(|f| &f[own.clone()]));
            if let Some(path) = eql_timeline::path(&ready.spec, span, &nodes[own], starts, ends) {
                self.tally.add(visit.ordinal, &path, ready.ending.is_some())?;
            }
        }
        Ok(None)
    }

    fn finish(&mut self, _: bool) -> Result<Option<RecordBatch>> {
        if self.tally.len() == 0 {
            return Ok(None);
        }
        let columns = self.tally.columns(&self.names);
        let kept = self.ready.columns.iter().map(|i| columns[*i].clone()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.tally.len()));
        Ok(Some(RecordBatch::try_new_with_options(self.ready.schema.clone(), kept, &options)?))
    }
}

impl Walk<'_> {
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

/// Nodes cut by a window from the first one of each path. What lies before the range belongs to no path; a path that began in it goes on after it.
fn within(window: &Window, chunk: &Chunk<'_>, codes: &[u32], among: Option<&[bool]>, during: (i64, i64)) -> Visits {
    let mut found = Visits { rows: vec![], times: vec![], visits: vec![] };
    let mut spans = Vec::new();
    for i in 0..chunk.entities() {
        if among.is_some_and(|a| !a[i]) {
            continue;
        }
        let first = found.rows.len();
        let rows = chunk.rows_of(i).filter(|r| codes[*r] != NO_NODE && chunk.time[*r] >= during.0);
        found.rows.extend(rows.map(|r| r as u32));
        found.times.extend(found.rows[first..].iter().map(|r| chunk.time[*r as usize]));
        spans.clear();
        eql_timeline::path::cut_within(window, &found.times[first..], &mut spans);
        let began = spans.iter().filter(|s| found.times[first + s.first as usize] < during.1);
        let visit = |s: &SessionSpan| Visit {
            ordinal: chunk.ordinals.start + i as u32,
            first: first + s.first as usize,
            end: first + s.last as usize + 1,
        };
        found.visits.extend(began.map(visit));
    }
    found
}
