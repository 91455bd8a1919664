//! What was published, for operators: with a backup, and without whoever was erased.

use crate::erased::Known;
use crate::live::{CHANGE_LOG, Live};
use crate::reevaluate::log_error;
use crate::subscribe;
use crate::{Engine, EngineError};
use eql_live::{ChangeLog, Held, LogError, LogOptions};
use eql_store::Beside;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long an erasure waits until those who follow were told of it.
const TOLD: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(10);

impl Engine {
    /// What was published and acknowledged so far, held for a backup; None where nothing ever was. It is never ahead of a backup that is
    /// made afterwards.
    pub(crate) fn hold_published(&self) -> Result<Option<Held>, EngineError> {
        self.with_change_log(ChangeLog::hold)
    }

    /// Takes whoever is not known any more out of what was published: (changes, dead letters).
    pub(crate) fn erase_published(&self) -> Result<(u64, u64), EngineError> {
        let (known, webhooks) = (Known::of(self.store.snapshot()?), self.webhooks());
        let webhooks: Vec<String> = webhooks.into_iter().map(|(name, _)| name).collect();
        let done = self.with_change_log(|log| Ok((log.erase(&known)?.changes, subscribe::forget_letters(log, &webhooks, &known)?)))?;
        if let Some(live) = self.live_now() {
            live.shown.lock().clear();
        }
        Ok(done.unwrap_or_default())
    }

    /// Returns when what was committed before is published, or when that takes too long.
    pub(crate) fn let_published(&self) {
        let Some(live) = self.live_now() else { return };
        let (position, begun) = (self.store.position(), Instant::now());
        while live.done.borrow().0 < position && !*live.stopping.borrow() && begun.elapsed() < TOLD {
            std::thread::sleep(LOOK);
        }
    }

    fn live_now(&self) -> Option<Arc<Live>> {
        self.live.lock().clone()
    }

    /// The change log of the live thread, or one that is opened for this alone; None where there is none.
    fn with_change_log<T>(&self, work: impl FnOnce(&ChangeLog) -> Result<T, LogError>) -> Result<Option<T>, EngineError> {
        if let Some(live) = self.live_now() {
            return work(&live.log).map(Some).map_err(log_error);
        }
        // Nobody begins to follow meanwhile.
        let _not_started = self.live.lock();
        let dir = self.dir.join(CHANGE_LOG);
        if !dir.is_dir() {
            return Ok(None);
        }
        let log = ChangeLog::open(&dir, LogOptions::default()).map_err(log_error)?;
        work(&log).map(Some).map_err(log_error)
    }
}

/// As files beside those of the store.
pub(crate) fn beside(held: &Held) -> Beside {
    Beside { directory: CHANGE_LOG.to_string(), files: held.files.clone() }
}
