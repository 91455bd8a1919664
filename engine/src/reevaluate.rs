//! Members by asking anew: every streaming segment is evaluated as a query over the present snapshot and compared with what was published.
//!
//! Slow and plain: right for every definition that the language allows. What is followed row by row (`segments.rs`) is left out.

use crate::live::Live;
use crate::query::Setup;
use crate::rows::{internal, latest, plan_error};
use crate::{Engine, EngineError, Params, Session};
use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use eql_catalog::{Catalog, Change, EntityTypeId, Object, SegmentMode, Value};
use eql_compiler::bound::{Query, Statement};
use eql_live::{Cause, Changed, Difference, Differs, LogError};
use eql_planner::{Planner, Settings};
use eql_store::{Committed, FeedEvents, Merged, Removed, Snapshot, What, value_at};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Entities whose latest event is remembered, so that late ones are told from others.
const LATEST_MAX: usize = 1 << 20;

/// Segments and tags as they were published, and what happened since.
#[derive(Default)]
pub(crate) struct Reevaluation {
    followed: BTreeMap<String, Followed>,
    happened: Happened,
    latest: HashMap<(EntityTypeId, u32), i64>,
}

struct Followed {
    published: Difference,
    version: u32,
    /// Its question, bound under this version of the catalog.
    question: Option<(u64, Arc<Query>, bool)>,
    evaluated_at: i64,
    /// It was defined, or defined anew, since it was published.
    defined: bool,
}

/// What happened since the last evaluation.
#[derive(Default)]
struct Happened {
    anything: bool,
    touched: HashMap<(EntityTypeId, u32), Cause>,
    /// Segments that were defined.
    defined: BTreeSet<String>,
    erased: bool,
    /// Entities that became one, or came apart.
    merged: BTreeSet<(EntityTypeId, u32)>,
    /// Some may have, and nobody says who.
    merged_unknown: bool,
}

impl Reevaluation {
    /// Takes note of a record.
    pub(crate) fn apply(&mut self, committed: &Committed, catalog: &Catalog) {
        self.happened.anything = true;
        match &committed.merged {
            Merged::Known(joined) => {
                let all = joined.iter().flat_map(|j| j.others.iter().chain([&j.survivor]).map(|o| (j.entity, *o)));
                self.happened.merged.extend(all);
            }
            Merged::Unknown => self.happened.merged_unknown = true,
        }
        match &*committed.what {
            What::Events(events) => events.iter().for_each(|e| self.events(e, catalog, None)),
            What::Corrections { events, before } => {
                events.iter().for_each(|e| self.events(e, catalog, Some(Cause::Late)));
                before.iter().flatten().for_each(|t| self.participants(t.event, &t.participants, catalog));
            }
            What::Removed(Removed::Events { touched: Some(t), .. }) => self.participants(t.event, &t.participants, catalog),
            What::Removed(Removed::Erased { .. }) => self.happened.erased = true,
            What::Entities { entity, ordinals, .. } | What::TagValues { entity, ordinals, .. } => {
                self.happened.touched.extend(ordinals.iter().flatten().map(|o| ((*entity, o), Cause::Property)));
            }
            What::Members { entity, add, remove, .. } => {
                let both = add.iter().chain(remove.iter()).flatten();
                self.happened.touched.extend(both.map(|o| ((*entity, o), Cause::Property)));
            }
            What::Version { entity, ordinals, .. } => {
                self.happened.touched.extend(ordinals.iter().flatten().map(|o| ((*entity, o), Cause::Property)));
            }
            What::Definition(Change::Put(object)) => {
                if let Object::Segment(s) = &**object {
                    self.happened.defined.insert(segment_source(&s.name));
                }
            }
            _ => {}
        }
    }

    fn events(&mut self, events: &FeedEvents, catalog: &Catalog, cause: Option<Cause>) {
        let Some(event) = catalog.event_by_id(events.event) else { return };
        if self.latest.len() > LATEST_MAX {
            self.latest.clear();
        }
        for (participant, ordinals) in event.participants.iter().zip(&events.participants) {
            for (ordinal, time) in ordinals.iter().zip(events.time.values()) {
                let Some(ordinal) = ordinal else { continue };
                let known = self.latest.entry((participant.entity, ordinal)).or_insert(*time);
                let found = cause.unwrap_or(if *time < *known { Cause::Late } else { Cause::Event });
                *known = (*known).max(*time);
                self.happened.touched.insert((participant.entity, ordinal), found);
            }
        }
    }

    fn participants(&mut self, event: eql_catalog::EventTypeId, all: &[arrow::array::UInt32Array], catalog: &Catalog) {
        let Some(event) = catalog.event_by_id(event) else { return };
        for (participant, ordinals) in event.participants.iter().zip(all) {
            self.happened.touched.extend(ordinals.iter().flatten().map(|o| ((participant.entity, o), Cause::Late)));
        }
    }

    /// What is different at this position and clock. It counts as published when [`published`](Self::published) is called.
    pub(crate) async fn advance(
        &mut self,
        engine: &Engine,
        live: &Live,
        snapshot: &Arc<Snapshot>,
        clock: i64,
        elsewhere: &BTreeSet<String>,
    ) -> Result<Vec<(String, Changed)>, EngineError> {
        let catalog = snapshot.catalog().clone();
        let mut wanted: BTreeMap<String, EntityTypeId> = BTreeMap::new();
        for s in catalog.segments().filter(|s| s.mode == SegmentMode::Streaming) {
            let Some(entity) = catalog.entity(&s.entity) else { continue };
            live.log.follow(&segment_source(&s.name)).map_err(log_error)?;
            if !elsewhere.contains(&segment_source(&s.name)) {
                wanted.insert(segment_source(&s.name), entity.id);
            }
        }
        for source in live.log.sources() {
            if let Some(entity) = tag_of(&catalog, &source) {
                wanted.insert(source, entity);
            } else if !wanted.contains_key(&source) && !elsewhere.contains(&source) {
                live.log.forget(&source).map_err(log_error)?;
            }
        }
        self.followed.retain(|source, _| wanted.contains_key(source));
        live.failed.lock().retain(|source, _| wanted.contains_key(source));
        let mut changes = Vec::new();
        let mut keys = None;
        for (source, entity) in wanted {
            if !self.followed.contains_key(&source) {
                let begun = Followed::begin(live, &source)?;
                self.followed.insert(source.clone(), begun);
            }
            let Some(followed) = self.followed.get_mut(&source) else { continue };
            // What was never published is as new as what was just defined.
            if self.happened.defined.contains(&source) || followed.version == 0 {
                (followed.defined, followed.version) = (true, followed.version + 1);
            }
            let rows = match followed.evaluate(engine, snapshot, &source, entity, clock, &self.happened).await {
                Ok(Some(rows)) => rows,
                Ok(None) => continue,
                Err(e) => {
                    tracing::warn!(source, error = %e, "it is not kept up to date");
                    live.failed.lock().insert(source.clone(), e.to_string());
                    continue;
                }
            };
            live.failed.lock().remove(&source);
            let differs = followed.published.to(rows);
            if differs.is_empty() {
                followed.defined = false;
                continue;
            }
            if keys.is_none() {
                keys = Some(touched_keys(snapshot, &self.happened)?);
            }
            let touched = keys.as_ref().and_then(|k| k.get(&entity));
            let (defined, erased, merged) = (std::mem::take(&mut followed.defined), self.happened.erased, self.happened.merged_unknown);
            let cause = |key: &[Value]| match touched.and_then(|t| t.get(&key_bytes(key))) {
                _ if defined => Cause::Definition,
                Some(cause) => *cause,
                None if erased => Cause::Erase,
                None if merged => Cause::Merge,
                None => Cause::Time,
            };
            let place = (snapshot.position(), clock);
            let version = followed.version;
            let is_segment = source.starts_with(SEGMENT);
            let changed =
                if is_segment { Differs::members(differs, place, version, cause) } else { Differs::values(differs, place, version, cause) };
            changes.push((source, changed));
        }
        Ok(changes)
    }

    /// Everything that was given is durable.
    pub(crate) fn published(&mut self) {
        self.happened = Happened::default();
    }
}

impl Followed {
    fn begin(live: &Live, source: &str) -> Result<Followed, EngineError> {
        let members = live.log.members(source).map_err(log_error)?;
        let version = live.log.figures(source).map_or(0, |f| f.version);
        Ok(Followed { published: Difference::of(members), version, question: None, evaluated_at: i64::MIN, defined: false })
    }

    /// The members now, or the values; None when they cannot have changed.
    async fn evaluate(
        &mut self,
        engine: &Engine,
        snapshot: &Arc<Snapshot>,
        source: &str,
        entity: EntityTypeId,
        clock: i64,
        happened: &Happened,
    ) -> Result<Option<Vec<(Vec<Value>, Value)>>, EngineError> {
        let catalog = snapshot.catalog();
        if self.question.as_ref().is_none_or(|(version, ..)| *version != catalog.version) {
            let (query, clocked) = engine.question(catalog, source, entity)?;
            self.question = Some((catalog.version, query, clocked));
        }
        let Some((_, query, clocked)) = &self.question else { return Ok(None) };
        let moved = clock != self.evaluated_at && (*clocked || latest(snapshot) >= self.evaluated_at);
        if !happened.anything && !moved && self.evaluated_at != i64::MIN {
            return Ok(None);
        }
        let batch = engine.evaluate(snapshot.clone(), query, clock).await?;
        self.evaluated_at = clock;
        let key = catalog.entity_by_id(entity).map_or(1, |e| e.key.len());
        let value = |i: usize| if batch.num_columns() > key { value_at(batch.column(key), i) } else { Value::Null };
        let row = |i: usize| ((0..key).map(|k| value_at(batch.column(k), i)).collect(), value(i));
        Ok(Some((0..batch.num_rows()).map(row).collect()))
    }
}

pub(crate) const SEGMENT: &str = "segment ";
pub(crate) const TAG: &str = "tag ";

pub(crate) fn segment_source(name: &str) -> String {
    format!("{SEGMENT}{name}")
}

pub(crate) fn tag_source(entity: &str, tag: &str) -> String {
    format!("{TAG}{entity}.{tag}")
}

pub(crate) fn tag_of(catalog: &Catalog, source: &str) -> Option<EntityTypeId> {
    let (entity, tag) = source.strip_prefix(TAG)?.split_once('.')?;
    catalog.tag(entity, tag)?;
    Some(catalog.entity(entity)?.id)
}

/// Causes by the bytes of keys.
type Touched = HashMap<EntityTypeId, HashMap<Vec<u8>, Cause>>;

/// Rows keep the ordinals that they were written with: what happened to one happened to whoever stands for it. That some became one is told
/// rather than what else happened.
fn touched_keys(snapshot: &Snapshot, happened: &Happened) -> Result<Touched, EngineError> {
    let mut by_type: BTreeMap<EntityTypeId, Vec<(u32, Cause)>> = BTreeMap::new();
    for ((entity, ordinal), cause) in &happened.touched {
        let standing = snapshot.standing(*entity, *ordinal).ok().flatten().unwrap_or(*ordinal);
        by_type.entry(*entity).or_default().push((standing, *cause));
    }
    for (entity, ordinal) in &happened.merged {
        by_type.entry(*entity).or_default().push((*ordinal, Cause::Merge));
    }
    let mut keys = HashMap::new();
    for (entity, all) in by_type {
        let ordinals: Vec<u32> = all.iter().map(|(o, _)| *o).collect();
        let Ok(columns) = snapshot.keys_of(entity, &ordinals) else { continue };
        let key = |i: usize| key_bytes(&columns.iter().map(|c| value_at(c, i)).collect::<Vec<_>>());
        keys.insert(entity, all.iter().enumerate().map(|(i, (_, cause))| (key(i), *cause)).collect());
    }
    Ok(keys)
}

/// Comparable and hashable, as values are not.
pub(crate) fn key_bytes(key: &[Value]) -> Vec<u8> {
    serde_json::to_vec(key).unwrap_or_default()
}

pub(crate) fn log_error(e: LogError) -> EngineError {
    match e {
        e @ (LogError::SnapshotRequired { .. } | LogError::Broken(_) | LogError::Ahead) => EngineError::Gone(e.to_string()),
        e @ (LogError::Unknown(_) | LogError::NoSubscription(_)) => EngineError::NotFound(e.to_string()),
        e => EngineError::Invalid(e.to_string()),
    }
}

impl Engine {
    /// The question for the members of a segment or the values of a tag, and whether its answer moves with the clock.
    fn question(&self, catalog: &Arc<Catalog>, source: &str, entity: EntityTypeId) -> Result<(Arc<Query>, bool), EngineError> {
        let entity = catalog.entity_by_id(entity).ok_or_else(|| internal("an unknown entity type".into()))?;
        let keys: Vec<String> = entity.key.iter().map(|k| quoted(&k.name)).collect();
        let (keys, first) = (keys.join(", "), keys[0].clone());
        let text = match source.strip_prefix(SEGMENT) {
            Some(name) => format!("SELECT {keys} FROM {} WHERE {first} IN SEGMENT {}", quoted(&entity.name), quoted(name)),
            None => {
                let tag = quoted(source.rsplit('.').next().unwrap_or_default());
                format!("SELECT {keys}, {tag} FROM {} WHERE {tag} IS NOT NULL", quoted(&entity.name))
            }
        };
        let statement = eql_grammar::parse(&text).statements.into_iter().next();
        let statement = statement.ok_or_else(|| internal("no question".into()))?.map_err(EngineError::Diagnostics)?;
        let setup = self.setup(&Session::default(), &Params::new());
        let (bound, _) = self.bind_under(catalog.clone(), &text, &statement, &setup)?;
        match &bound.statement {
            Some(Statement::Query(q)) => Ok((Arc::new(q.clone()), bound.uses_now || bound.uses_minute)),
            _ => Err(internal("a question that is none".into())),
        }
    }

    /// All rows of a query over a snapshot.
    pub(crate) async fn evaluate(&self, snapshot: Arc<Snapshot>, query: &Query, now: i64) -> Result<RecordBatch, EngineError> {
        let settings = Settings {
            now,
            threads: self.limits.threads.clamp(1, 64),
            memory: self.memory.clone(),
            cancelled: Arc::new(AtomicBool::new(false)),
            system: None,
            noted: Arc::default(),
            endless: false,
        };
        let planner = Planner::new(snapshot, settings);
        let plan = planner.plan(query).await.map_err(plan_error)?;
        let schema = plan.physical.schema();
        let batches = datafusion::physical_plan::collect(plan.physical, planner.task().map_err(plan_error)?).await.map_err(plan_error)?;
        concat_batches(&schema, &batches).map_err(|e| internal(e.to_string()))
    }

    pub(crate) fn setup_now(&self, now: i64) -> Setup {
        let mut setup = self.setup(&Session::default(), &Params::new());
        setup.now = now;
        setup
    }
}

pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
