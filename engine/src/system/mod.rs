//! System tables: what the engine knows of itself, as rows.

mod activity;
mod definitions;
mod identities;
mod settings;
mod storage;
mod subscriptions;

use crate::cache::{Plans, Results};
use crate::live::Live;
use crate::statements::Statements;
use crate::{Engine, Limits, Session};
use arrow::array::{ArrayRef, Int64Array, TimestampMicrosecondArray};
use arrow::record_batch::RecordBatch;
use datafusion::common::{DataFusionError, Result};
use eql_compiler::system::SystemTable;
use eql_planner::{SystemRows, system_schema};
use eql_store::Store;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The system tables as one statement sees them: each is read at most once, so that its parts agree.
pub(crate) struct SystemTables {
    store: Arc<Store>,
    statements: Arc<Statements>,
    plans: Arc<Plans>,
    results: Arc<Results>,
    limits: Limits,
    /// Once somebody wanted it.
    live: Option<Arc<Live>>,
    session: Session,
    now: i64,
    read: Mutex<BTreeMap<SystemTable, RecordBatch>>,
}

impl std::fmt::Debug for SystemTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SystemTables").finish_non_exhaustive()
    }
}

impl SystemTables {
    pub(crate) fn new(engine: &Engine, session: &Session, now: i64) -> Self {
        Self {
            store: engine.store.clone(),
            statements: engine.statements.clone(),
            plans: engine.plans.clone(),
            results: engine.results.clone(),
            limits: engine.limits.clone(),
            live: engine.live.lock().clone(),
            session: session.clone(),
            now,
            read: Mutex::new(BTreeMap::new()),
        }
    }

    fn columns(&self, table: SystemTable) -> Result<Vec<ArrayRef>> {
        match table {
            SystemTable::Caches => Ok(activity::caches(&self.results.figures(), &self.plans.figures(), &self.store.stats(), &self.limits)),
            SystemTable::Catalog => Ok(definitions::catalog(&self.store.catalog())),
            SystemTable::Refreshes => Ok(definitions::refreshes(&*self.store.snapshot().map_err(external)?)),
            SystemTable::Segments => definitions::segments(&*self.store.snapshot().map_err(external)?, self.live.as_deref()),
            SystemTable::Queries => activity::queries(&self.statements.all()),
            SystemTable::Rejected => {
                let snapshot = self.store.snapshot().map_err(external)?;
                Ok(activity::rejected(&snapshot.rejected().collect::<Vec<_>>()))
            }
            SystemTable::Identities => identities::identities(&self.store).map_err(external),
            SystemTable::IdentityConflicts => identities::conflicts(&self.store).map_err(external),
            SystemTable::Settings => Ok(settings::settings(&self.session, &self.limits, self.now)),
            SystemTable::Subscriptions => subscriptions::subscriptions(self.live.as_deref()),
            SystemTable::Log => Ok(storage::log(&self.store.stats())),
            SystemTable::Parts => storage::parts(&self.store),
            SystemTable::Entities => storage::entities(&self.store),
        }
    }
}

impl SystemRows for SystemTables {
    fn rows(&self, table: SystemTable) -> Result<RecordBatch> {
        let mut read = self.read.lock();
        if let Some(known) = read.get(&table) {
            return Ok(known.clone());
        }
        let rows = RecordBatch::try_new(system_schema(table), self.columns(table)?)?;
        read.insert(table, rows.clone());
        Ok(rows)
    }
}

/// Figures as a column; what is beyond 64 signed bits is shown as the greatest.
fn figures(values: impl IntoIterator<Item = u64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values.into_iter().map(|v| i64::try_from(v).unwrap_or(i64::MAX))))
}

fn times(micros: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}

fn external(e: eql_store::StoreError) -> DataFusionError {
    DataFusionError::External(Box::new(e))
}
