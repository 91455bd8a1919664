//! Subscriptions with a name: the log remembers what they acknowledged, and keeps what they have not, up to a limit.

use super::cursor::WHOLE;
use super::{ChangeLog, Cursor, Inner, LogError, Subscription};
use std::collections::BTreeMap;

/// A named subscription, for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionState {
    /// Its name.
    pub name: String,
    /// `segment vip` or `tag user.level`
    pub follows: String,
    /// The position that was acknowledged.
    pub position: u64,
    /// When: microseconds.
    pub acknowledged_at: i64,
    /// Where it is.
    pub at: Cursor,
    /// The same as text.
    pub cursor: String,
    /// It lagged too far behind or a restore lost its place, and it has to begin again.
    pub broken: bool,
}

impl ChangeLog {
    /// Makes a subscription that begins now, or leaves the one there is. `now`: microseconds, on the clock of the commits.
    ///
    /// # Errors
    /// Nothing of that name is followed, it follows something else already, or the directory cannot be written.
    pub fn name(&self, name: &str, follows: &str, now: i64) -> Result<(), LogError> {
        let saving = self.saving.lock();
        let inner = self.inner.lock();
        let meta = inner.manifest.sources.get(follows).ok_or_else(|| LogError::Unknown(follows.to_string()))?;
        match inner.manifest.subscriptions.get(name) {
            Some(known) if known.follows == follows && known.broken => return Err(LogError::Broken(name.to_string())),
            Some(known) if known.follows == follows && known.cursor.source == meta.id => return Ok(()),
            Some(known) if known.follows != follows && inner.manifest.sources.contains_key(&known.follows) => {
                return Err(LogError::Taken { name: name.to_string(), follows: known.follows.clone() });
            }
            _ => {}
        }
        let (position, clock) = inner.progress;
        let cursor =
            Cursor { log: inner.manifest.log, source: meta.id, number: inner.last, index: WHOLE, version: meta.version, position, clock };
        let made = Subscription { follows: follows.to_string(), cursor, acknowledged_at: now, broken: false };
        drop(inner);
        self.change(&saving, |manifest| drop(manifest.subscriptions.insert(name.to_string(), made.clone())))
    }

    /// Forgets a subscription; whether there was one.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn unname(&self, name: &str) -> Result<bool, LogError> {
        let saving = self.saving.lock();
        if !self.inner.lock().manifest.subscriptions.contains_key(name) {
            return Ok(false);
        }
        self.change(&saving, |manifest| drop(manifest.subscriptions.remove(name)))?;
        Ok(true)
    }

    /// Takes note that everything up to a cursor was taken in. Durable with the next [`save`](Self::save): after a crash some may come again.
    ///
    /// # Errors
    /// No such subscription, or the cursor is not one of what it follows.
    pub fn acknowledge(&self, name: &str, cursor: &str, now: i64) -> Result<(), LogError> {
        let mut inner = self.inner.lock();
        let cursor = inner.manifest.cursor(cursor)?;
        let known = inner.manifest.subscriptions.get_mut(name).ok_or_else(|| LogError::NoSubscription(name.to_string()))?;
        if known.broken {
            return Err(LogError::Broken(name.to_string()));
        }
        if known.cursor.source != cursor.source {
            return Err(LogError::Cursor("belongs to another segment or tag than the subscription"));
        }
        known.acknowledged_at = now;
        // Acknowledgements may overtake one another; what was taken in stays taken in.
        if (cursor.number, cursor.index) > (known.cursor.number, known.cursor.index) {
            known.cursor = cursor;
        }
        inner.acknowledged = true;
        Ok(())
    }

    /// Makes acknowledgements durable, if there are new ones.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn save(&self) -> Result<(), LogError> {
        let saving = self.saving.lock();
        if !std::mem::take(&mut self.inner.lock().acknowledged) {
            return Ok(());
        }
        self.change(&saving, |_| {}).inspect_err(|_| self.inner.lock().acknowledged = true)
    }

    /// Makes the subscriptions those that are defined: `defined` says what each follows. One whose place was lost is broken, and one that is
    /// not defined goes. Of a log of before there were definitions, all that it has stay and are returned, to be defined.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn reconcile(&self, defined: &BTreeMap<String, String>, now: i64) -> Result<Vec<(String, String)>, LogError> {
        let saving = self.saving.lock();
        let (known, is_old) = {
            let manifest = &self.inner.lock().manifest;
            let known = manifest.subscriptions.iter().map(|(name, s)| (name.clone(), s.follows.clone()));
            (known.collect::<BTreeMap<_, _>>(), !manifest.places_only)
        };
        if is_old {
            return Ok(known.into_iter().filter(|(name, _)| !defined.contains_key(name)).collect());
        }
        if known == *defined {
            return Ok(Vec::new());
        }
        self.change(&saving, |manifest| {
            manifest.subscriptions.retain(|name, s| defined.get(name) == Some(&s.follows));
            for (name, follows) in defined {
                let source = manifest.sources.get(follows).map_or(0, |s| s.id);
                let (log, index) = (manifest.log, WHOLE);
                let cursor = Cursor { log, source, number: 0, index, version: 0, position: 0, clock: 0 };
                let lost = Subscription { follows: follows.clone(), cursor, acknowledged_at: now, broken: true };
                manifest.subscriptions.entry(name.clone()).or_insert(lost);
            }
        })?;
        Ok(Vec::new())
    }

    /// From now on subscriptions are those that are defined.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn places_only(&self) -> Result<(), LogError> {
        let saving = self.saving.lock();
        if self.inner.lock().manifest.places_only {
            return Ok(());
        }
        self.change(&saving, |manifest| manifest.places_only = true)
    }

    /// All named subscriptions.
    pub fn subscriptions(&self) -> Vec<SubscriptionState> {
        let inner = self.inner.lock();
        let state = |(name, s): (&String, &Subscription)| SubscriptionState {
            name: name.clone(),
            follows: s.follows.clone(),
            position: s.position(),
            acknowledged_at: s.acknowledged_at,
            at: s.cursor,
            cursor: s.cursor.text(inner.manifest.secret),
            broken: s.broken,
        };
        inner.manifest.subscriptions.iter().map(state).collect()
    }
}

impl Inner {
    pub(super) fn subscription(&self, name: &str, follows: &str) -> Result<Cursor, LogError> {
        let known = self.manifest.subscriptions.get(name).ok_or_else(|| LogError::NoSubscription(name.to_string()))?;
        if known.follows != follows {
            return Err(LogError::Taken { name: name.to_string(), follows: known.follows.clone() });
        }
        if known.broken { Err(LogError::Broken(name.to_string())) } else { Ok(known.cursor) }
    }
}
