//! What is kept, and for how long.

use super::members;
use super::registry::SnapshotMeta;
use super::{ChangeLog, LogError, file};
use std::collections::BTreeMap;

/// Bytes of records since the last snapshot of a source, above which a new one is written: finding its members stays quick.
const SNAPSHOT_AFTER: u64 = 4 << 20;

impl ChangeLog {
    /// Writes snapshots that are due and removes files that are kept no longer; how many. `now`: microseconds, on the clock of the commits.
    ///
    /// # Errors
    /// Files cannot be read or written.
    pub fn retain(&self, now: i64) -> Result<usize, LogError> {
        let saving = self.saving.lock();
        let going = self.going(now);
        let upto = going.last().map_or(0, |f| f.0);
        let mut floors: BTreeMap<u32, u64> = BTreeMap::new();
        for (_, _, sources) in &going {
            floors.extend(sources);
        }
        let mut snapshots = Vec::new();
        for (name, id, old) in self.due(&floors) {
            let members = self.members(&name)?;
            snapshots.push((name, id, old, members::write(&self.dir, id, &members)?));
        }
        let broken = self.late(now, upto);
        if snapshots.is_empty() && going.is_empty() && broken.is_empty() {
            return Ok(0);
        }
        self.change(&saving, |manifest| {
            manifest.removed = manifest.removed.max(upto);
            for (name, id, _, meta) in &snapshots {
                if let Some(source) = manifest.sources.get_mut(name).filter(|s| s.id == *id) {
                    source.snapshot = Some(meta.clone());
                }
            }
            for source in manifest.sources.values_mut() {
                source.floor = source.floor.max(floors.get(&source.id).copied().unwrap_or(0));
            }
            for name in &broken {
                if let Some(subscription) = manifest.subscriptions.get_mut(name) {
                    subscription.broken = true;
                }
            }
        })?;
        let mut inner = self.inner.lock();
        inner.files.retain(|f| f.last > upto || f.last < f.file.first);
        for (_, id, _, meta) in &snapshots {
            if let Some(source) = inner.sources.get_mut(id) {
                source.since_snapshot = 0;
            }
            debug_assert!(meta.number <= inner.last);
        }
        drop(inner);
        for (_, id, old, _) in &snapshots {
            if let Some(old) = old {
                members::remove(&self.dir, *id, old);
            }
        }
        for (_, first, _) in &going {
            let path = self.dir.join(file::name(*first));
            std::fs::remove_file(&path).map_err(LogError::io(&path, "remove"))?;
        }
        Ok(going.len())
    }

    /// Files that go: last and first number, and the last record of each source in them. The newest file stays.
    #[allow(clippy::type_complexity)]
    fn going(&self, now: i64) -> Vec<(u64, u64, BTreeMap<u32, u64>)> {
        let inner = self.inner.lock();
        let bytes = |f: &super::Known| f.sources.values().map(|share| share.bytes).sum::<u64>();
        let mut total: u64 = inner.files.iter().map(bytes).sum();
        let mut going = Vec::new();
        for known in inner.files.iter().take(inner.files.len().saturating_sub(1)) {
            let old = known.clock < now.saturating_sub(self.options.keep_us);
            if !old && total <= self.options.keep_bytes {
                break;
            }
            let held = |s: &&super::Subscription| known.sources.get(&s.cursor.source).is_some_and(|share| share.last > s.cursor.number);
            let in_time = |s: &&super::Subscription| !s.broken && now.saturating_sub(s.acknowledged_at) <= self.options.keep_us;
            if total <= self.options.keep_bytes.saturating_mul(2) && inner.manifest.subscriptions.values().filter(in_time).any(|s| held(&s))
            {
                break;
            }
            total -= bytes(known);
            let lasts = known.sources.iter().map(|(id, share)| (*id, share.last)).collect();
            going.push((known.last, known.file.first, lasts));
        }
        going
    }

    /// Sources that need a snapshot: much changed since the last one, or what came before goes.
    fn due(&self, floors: &BTreeMap<u32, u64>) -> Vec<(String, u32, Option<SnapshotMeta>)> {
        let inner = self.inner.lock();
        let due = |meta: &super::SourceMeta| {
            let number = meta.snapshot.as_ref().map_or(0, |s| s.number);
            let bytes = meta.snapshot.as_ref().map_or(0, |s| s.bytes);
            let grown = inner.sources.get(&meta.id).is_some_and(|s| s.since_snapshot > SNAPSHOT_AFTER.max(4 * bytes));
            grown || floors.get(&meta.id).is_some_and(|floor| *floor > number)
        };
        let sources = inner.manifest.sources.iter().filter(|(_, meta)| due(meta));
        sources.map(|(name, meta)| (name.clone(), meta.id, meta.snapshot.clone())).collect()
    }

    /// Named subscriptions that lag too far behind: longer than the limit, or what they have not read goes.
    fn late(&self, now: i64, upto: u64) -> Vec<String> {
        let inner = self.inner.lock();
        let late = |s: &super::Subscription| {
            let last = inner.sources.get(&s.cursor.source).map_or(0, |source| source.last);
            let waits = last > s.cursor.number;
            let loses =
                inner.files.iter().any(|f| f.last <= upto && f.sources.get(&s.cursor.source).is_some_and(|l| l.last > s.cursor.number));
            !s.broken && (loses || (waits && now.saturating_sub(s.acknowledged_at) > self.options.keep_us))
        };
        inner.manifest.subscriptions.iter().filter(|(_, s)| late(s)).map(|(name, _)| name.clone()).collect()
    }
}
