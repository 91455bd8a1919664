//! Statements that change something: definitions, members, entities, settings.

use crate::query::Setup;
use crate::rows::{internal, plan_error};
use crate::{Engine, EngineError, Session};
use arrow::array::ArrayRef;
use arrow::compute::concat_batches;
use eql_compiler::bound::{Clock, Query, Setting, Statement};
use eql_planner::Planner;
use eql_store::{Store, StoreError};
use std::sync::Arc;

impl Engine {
    pub(crate) async fn change(&self, session: &Session, setup: &Setup, statement: &Statement) -> Result<String, EngineError> {
        match statement {
            Statement::Change(change, words) => {
                let change = change.clone();
                self.write(move |s| s.define(change)).await?;
                Ok(words.clone())
            }
            Statement::Refresh(refresh) => self.refresh(session, setup, refresh).await,
            Statement::AddMembers(segment, entity, rows, keep) => self.add_members((session, setup), segment, *entity, rows, *keep).await,
            Statement::AddTagValues(tag, entity, rows, keep) => self.add_tag_values((session, setup), tag, *entity, rows, *keep).await,
            Statement::PutEntities(entity, columns, rows) => self.put_entities((session, setup), *entity, columns, rows).await,
            Statement::AddEvents(event, targets, rows) => self.add_events((session, setup), *event, targets, rows).await,
            _ => Err(internal("a statement that changes nothing was asked to".into())),
        }
    }

    /// Writes from a thread that may wait for the disk.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || f(&store)).await.map_err(|e| internal(e.to_string()))?.map_err(EngineError::from)
    }

    /// All rows of a query, column by column.
    pub(crate) async fn collect(&self, session: &Session, setup: &Setup, q: &Query) -> Result<Vec<ArrayRef>, EngineError> {
        let limits = self.limitation(session, self.admission.turn().await?);
        let planner = Planner::new(self.snapshot().await?, self.settings(session, setup, &limits));
        let plan = planner.plan(q).await.map_err(plan_error)?;
        let schema = plan.physical.schema();
        let work = datafusion::physical_plan::collect(plan.physical, planner.task().map_err(plan_error)?);
        let batches = match tokio::time::timeout(limits.timeout, work).await {
            Ok(done) => done.map_err(plan_error)?,
            Err(_) => return Err(EngineError::Timeout(limits.timeout.as_millis().try_into().unwrap_or(u64::MAX))),
        };
        let all = concat_batches(&schema, &batches).map_err(|e| internal(e.to_string()))?;
        Ok(all.columns().to_vec())
    }

    pub(crate) fn set(&self, session: &mut Session, setting: &Setting, setup: &Setup) -> Result<String, EngineError> {
        Ok(match setting {
            Setting::Now(None) => {
                session.now = None;
                "now is the clock's again".into()
            }
            Setting::Now(Some(at)) => {
                let clock = Clock { zone: Arc::from(setup.zone.as_str()), week_start: setup.week_start, as_of: None };
                session.now = Some(eql_planner::instant(at, &clock, setup.now).map_err(plan_error)?);
                "now is set".into()
            }
            Setting::TimeZone(z) => {
                session.time_zone = Some(z.clone());
                format!("time_zone is {z}")
            }
            Setting::WeekStart(w) => {
                session.week_start = Some(*w);
                format!("week_start is {w:?}").to_lowercase()
            }
            Setting::Dialect(d) => {
                session.dialect = Some(d.clone());
                format!("dialect is {d}")
            }
            Setting::ResultCache(on) => {
                session.result_cache_off = !on;
                format!("result_cache is {}", if *on { "on" } else { "off" })
            }
            Setting::Threads(n) => {
                session.threads = Some(*n);
                format!("threads is {n}")
            }
            Setting::MemoryLimit(n) => {
                session.memory_limit = Some(*n);
                format!("memory_limit is {n} bytes")
            }
            Setting::TimeoutMs(n) => {
                session.timeout_ms = Some(*n);
                format!("timeout is {n} ms")
            }
        })
    }
}
