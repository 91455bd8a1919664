//! What a store does by itself from time to time. Time comes in as a value.

use crate::StoreError;
use crate::limit::UPKEEP_CHECKPOINT_US;
use crate::store::Store;
use std::sync::atomic::Ordering;

impl Store {
    /// Lets go of events that are kept no longer, writes a checkpoint when the last one is long ago, and merges parts that are due,
    /// gently. To be called about once a minute; `now`: microseconds in UTC.
    ///
    /// # Errors
    /// The first thing that could not be done; the next call tries again.
    pub fn upkeep(&self, now: i64) -> Result<(), StoreError> {
        self.expire(now)?;
        let last = self.core.checked_at.load(Ordering::Relaxed);
        let waiting = self.core.state.lock().unsaved_rows > 0;
        if waiting && now.saturating_sub(last) >= UPKEEP_CHECKPOINT_US {
            self.core.checked_at.store(now, Ordering::Relaxed);
            // The first call only starts the clock.
            if last > 0 {
                self.core.checkpoint()?;
            }
        }
        self.core.compact(false, true).map(drop)
    }
}
