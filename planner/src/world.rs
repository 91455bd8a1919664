//! What one statement sees: a snapshot, an instant, and values of entities computed once.

use crate::clock;
use crate::fold::behaviours;
use crate::row::{Compiled, Groups, by_ordinal, extra, store_error, with_null};
use arrow::array::{ArrayRef, AsArray};
use arrow::compute::take;
use arrow::record_batch::RecordBatch;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::execution::session_state::SessionState;
use eql_catalog::EntityTypeId;
use eql_compiler::bound::{Behaviour, Clock, EntityValue, Leaf, Link, Query, ScanColumn};
use eql_store::{Snapshot, Timelines, arrow_type};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The world of one statement. Shared by all its operators; values of entities are computed at first use and kept.
pub(crate) struct World {
    pub snapshot: Arc<Snapshot>,
    /// Microseconds: the statement's instant.
    pub now: i64,
    /// How many partitions a pass is split into.
    pub threads: usize,
    /// For compiling expressions.
    pub state: Arc<SessionState>,
    /// Set when nobody waits for the answer any more.
    pub cancelled: Arc<AtomicBool>,
    values: Mutex<Vec<(EntityValue, ArrayRef)>>,
    pub settings: crate::planner::Settings,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("position", &self.snapshot.position()).field("now", &self.now).finish_non_exhaustive()
    }
}

/// Entity values kept for one statement.
const VALUES_MAX: usize = 256;

impl World {
    pub(crate) fn new(snapshot: Arc<Snapshot>, settings: crate::planner::Settings, state: Arc<SessionState>) -> Self {
        Self {
            snapshot,
            now: settings.now,
            threads: settings.threads.max(1),
            state,
            cancelled: settings.cancelled.clone(),
            values: Mutex::new(Vec::new()),
            settings,
        }
    }

    /// An error once the statement is not wanted any more.
    pub(crate) fn check(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Relaxed) { Err(DataFusionError::Execution("the statement was cancelled".into())) } else { Ok(()) }
    }

    /// The world as a clock sees it: AS OF an earlier time entities are merged as they were then.
    pub(crate) fn at(self: &Arc<Self>, clock: &Clock) -> Result<Arc<World>> {
        if clock.as_of.is_none() {
            return Ok(self.clone());
        }
        let snapshot = self.snapshot.as_of(clock::now_of(clock, self.now)?);
        if Arc::ptr_eq(&snapshot, &self.snapshot) {
            return Ok(self.clone());
        }
        Ok(Arc::new(World::new(snapshot, self.settings.clone(), self.state.clone())))
    }

    /// The instant before which rows are seen, and for AS OF the one before which they must have been received.
    pub(crate) fn horizon(&self, clock: &Clock) -> Result<(i64, Option<i64>)> {
        let at = clock::now_of(clock, self.now)?;
        Ok((at.min(self.now), clock.as_of.is_some().then_some(at)))
    }

    /// The timeline of a subject, by its first participant or a role.
    pub(crate) fn timelines(&self, subject: EntityTypeId, role: Option<&str>) -> Result<Timelines> {
        self.snapshot.timelines(subject, role).map_err(store_error)
    }

    /// An expression over every entity of a type by ordinal; one more value stands for "no entity".
    pub(crate) fn entity_value(&self, v: &EntityValue) -> Result<ArrayRef> {
        if let Some((_, known)) = self.values.lock().iter().find(|(k, _)| k == v) {
            return Ok(known.clone());
        }
        let columns = self.entity_columns(v.entity, &v.value.columns)?;
        let rows = self.snapshot.entities(v.entity).map_err(store_error)?.len() + 1;
        let standing = self.standing(&v.value.columns, Some(v.entity), &v.value.expr);
        let out = Compiled::new(self, &v.value.columns, standing.as_ref().unwrap_or(&v.value.expr))?.evaluate(columns, rows)?;
        let mut values = self.values.lock();
        if values.len() < VALUES_MAX {
            values.push((v.clone(), out.clone()));
        }
        Ok(out)
    }

    /// Columns of every entity of a type by ordinal, each with one more value for "no entity". What entities did is found in one pass.
    pub(crate) fn entity_columns(&self, entity: EntityTypeId, columns: &[ScanColumn]) -> Result<Vec<ArrayRef>> {
        let mut out: Vec<Option<ArrayRef>> = Vec::with_capacity(columns.len());
        for c in columns {
            out.push(match &c.leaf {
                Leaf::Behaviour(_) => None,
                _ => Some(self.entity_column(entity, c)?),
            });
        }
        let asked: Vec<&Behaviour> =
            columns.iter().filter_map(|c| if let Leaf::Behaviour(b) = &c.leaf { Some(b.as_ref()) } else { None }).collect();
        let mut done = if asked.is_empty() { vec![] } else { behaviours(self, entity, &asked)? }.into_iter();
        out.into_iter()
            .map(|o| match o {
                Some(array) => Ok(array),
                None => with_null(&done.next().ok_or_else(|| DataFusionError::Internal("a behaviour was not computed".into()))?),
            })
            .collect()
    }

    /// A column that needs no timeline.
    pub(crate) fn entity_column(&self, entity: EntityTypeId, c: &ScanColumn) -> Result<ArrayRef> {
        let entities = self.snapshot.entities(entity).map_err(store_error)?;
        let data_type = arrow_type(&c.data_type);
        match &c.leaf {
            Leaf::Key(i) => with_null(entities.key(*i)),
            Leaf::Property(p) => with_null(&entities.property(*p).map_err(store_error)?),
            Leaf::PropertyAsOf(p, clock) => {
                let at = clock::now_of(clock, self.now)?;
                let history = entities.history(*p).map_err(store_error)?;
                let all = 0..u32::try_from(entities.len()).unwrap_or(u32::MAX);
                with_null(&take(&history.values, &history.indices(all.map(|ordinal| (ordinal, at))), None)?)
            }
            Leaf::Extra(name) => with_null(&extra(entities.extra().map_err(store_error)?.as_string::<i32>(), name)),
            Leaf::Kept(k) => self.kept(entity, k, &data_type),
            Leaf::Told(t) => self.told(entity, t, &data_type),
            Leaf::Through(Link::Key(source), value) => {
                let keys = self.entity_columns(entity, source)?;
                let target = self.snapshot.entities(value.entity).map_err(store_error)?;
                by_ordinal(&self.entity_value(value)?, &target.lookup(&keys).map_err(store_error)?)
            }
            Leaf::Computed(row) => self.entity_value(&EntityValue { entity, value: row.as_ref().clone() }),
            Leaf::ThroughMany(link, value) => {
                let groups = Groups::new(self, link)?;
                let keys = self.entity_columns(entity, &link.source)?;
                groups.by_keys(&keys, &groups.list_values(&self.entity_value(value)?)?)
            }
            Leaf::AggregateMany(link, function, value) => {
                let groups = Groups::new(self, link)?;
                let keys = self.entity_columns(entity, &link.source)?;
                groups.by_keys(&keys, &groups.aggregate_values(function, &self.entity_value(value)?, &data_type)?)
            }
            other => Err(DataFusionError::Internal(format!("{other:?} was asked of an entity"))),
        }
    }

    /// The rows of a query, run now. Called from blocking threads only.
    pub(crate) fn rows(&self, q: &Query) -> Result<Vec<RecordBatch>> {
        let planner = crate::planner::Planner::new(self.snapshot.clone(), self.settings.clone());
        futures::executor::block_on(async {
            let plan = planner.plan(q).await?;
            datafusion::physical_plan::collect(plan.physical, planner.task()?).await
        })
    }

    /// The values of a query's first column, run now.
    pub(crate) fn first_column(&self, q: &Query) -> Result<Vec<ScalarValue>> {
        let mut out = Vec::new();
        for b in &self.rows(q)? {
            for i in 0..b.num_rows() {
                out.push(ScalarValue::try_from_array(b.column(0), i)?);
            }
        }
        Ok(out)
    }
}
