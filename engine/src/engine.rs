//! The engine over one data directory.

use crate::admission::Admission;
use crate::cache::{CacheStats, Plans, Results, plans, results};
use crate::live::Live;
use crate::statements::Statements;
use crate::{EngineError, Limits};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool};
use eql_catalog::{Catalog, Change};
use eql_store::{PartsAt, Store, StoreOptions, StoreStats};
use eql_stream::{ImportReport, ImportRequest, Ingest, Progress};
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

/// How to open an engine.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// Bounds.
    pub limits: Limits,
    /// Where the event parts are kept.
    pub parts: PartsAt,
    /// Bytes of the log of events that are kept for subscribers to events who come back.
    pub log_keep_bytes: u64,
}

/// Figures for /metrics and system tables.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct EngineStats {
    /// Last applied log position.
    pub position: u64,
    /// Statements running now.
    pub running: usize,
    /// Statements waiting for a turn.
    pub waiting: usize,
    /// Whole results.
    pub result_cache: CacheStats,
    /// Bound statements.
    pub plan_cache: CacheStats,
    /// Bytes reserved by running statements.
    pub query_memory_bytes: u64,
}

/// One data directory, open.
pub struct Engine {
    pub(crate) store: Arc<Store>,
    pub(crate) limits: Limits,
    pub(crate) admission: Admission,
    pub(crate) plans: Arc<Plans>,
    pub(crate) results: Arc<Results>,
    pub(crate) memory: Arc<dyn MemoryPool>,
    pub(crate) ingest: Arc<Ingest>,
    pub(crate) statements: Arc<Statements>,
    /// Held while due refreshes are made: one after the other.
    pub(crate) refreshing: tokio::sync::Mutex<()>,
    /// The data directory.
    pub(crate) dir: PathBuf,
    /// What keeps streaming segments up to date, once somebody wants it.
    pub(crate) live: Mutex<Option<Arc<Live>>>,
    /// Itself, for threads that must not keep it.
    pub(crate) this: Weak<Engine>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("position", &self.store.position()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens or creates the data directory.
    ///
    /// # Errors
    /// The directory is in use, damaged or not to be written.
    pub fn open(dir: &Path, options: EngineOptions) -> Result<Arc<Engine>, EngineError> {
        let limits = options.limits;
        let store = StoreOptions {
            read_cache_bytes: limits.read_cache_bytes,
            parts: options.parts,
            log_keep_bytes: options.log_keep_bytes,
            ..StoreOptions::default()
        };
        let store = Arc::new(Store::open(dir, store)?);
        let ingest = Ingest::start(store.clone(), limits.ingest.clone());
        let ingest = ingest.map_err(|e| EngineError::Invalid(format!("the system gives no threads for ingest: {e}")))?;
        let memory = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
        Ok(Arc::new_cyclic(|this| Engine {
            dir: dir.to_path_buf(),
            live: Mutex::default(),
            this: this.clone(),
            store,
            ingest: Arc::new(ingest),
            admission: Admission::new(limits.running, limits.waiting),
            plans: Arc::new(plans(limits.plan_cache_bytes)),
            results: Arc::new(results(limits.result_cache_bytes)),
            memory: Arc::new(FairSpillPool::new(memory)),
            statements: Arc::default(),
            refreshing: tokio::sync::Mutex::default(),
            limits,
        }))
    }

    /// The catalog as it is now.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.store.catalog()
    }

    /// Loads files. Blocks: call it from a thread of its own.
    ///
    /// # Errors
    /// A file or the target is wrong; what was appended before stays.
    pub fn import(&self, request: ImportRequest, progress: &(dyn Fn(Progress) + Sync)) -> Result<ImportReport, EngineError> {
        eql_stream::import(&self.store, request, progress).map_err(|e| EngineError::Import(e.to_string()))
    }

    /// Sets the clock of statements that set none; None is the server's own.
    ///
    /// # Errors
    /// What the store meets.
    pub fn set_clock(&self, micros: Option<i64>) -> Result<(), EngineError> {
        if self.catalog().clock != micros {
            self.store.define(Change::SetClock(micros))?;
        }
        Ok(())
    }

    /// Figures.
    pub fn stats(&self) -> EngineStats {
        EngineStats {
            position: self.store.position(),
            running: self.admission.running(),
            waiting: self.admission.waiting(),
            result_cache: self.results.figures(),
            plan_cache: self.plans.figures(),
            query_memory_bytes: self.memory.reserved() as u64,
        }
    }

    /// Figures of the store.
    pub fn store_stats(&self) -> StoreStats {
        self.store.stats()
    }

    /// What the store does by itself from time to time, by the system's clock. Blocks: call it from a thread of its own, about once a
    /// minute.
    ///
    /// # Errors
    /// What the store meets.
    pub fn upkeep(&self) -> Result<(), EngineError> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_micros());
        Ok(self.store.upkeep(i64::try_from(now).unwrap_or(i64::MAX))?)
    }

    /// Finishes what waits to be taken in, checkpoints and lets go of the directory.
    ///
    /// # Errors
    /// What the store meets.
    pub fn close(&self) -> Result<(), EngineError> {
        self.ingest.close();
        self.stop_live();
        Ok(self.store.close()?)
    }
}
