//! Compaction: small parts become larger ones, and what is gone leaves the files. In the background, one merge at a time, on one thread
//! that rests as long as it works, while everything else goes on.
//!
//! ```text
//! choose → load, sort, write (no lock) → manifest → install (under the lock) → remove the old files once nobody reads them
//! ```

mod merge;
mod policy;

use crate::StoreError;
use crate::checkpoint::write_removed;
use crate::dedupe::id_hash;
use crate::part::Part;
use crate::pipeline::Core;
use crate::rows::EventColumn;
use arrow::array::AsArray;
use merge::Merge;
pub(crate) use merge::in_memory;
use policy::{Candidate, choose};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Compacted {
    /// Merges.
    pub merges: u64,
    /// Parts that are gone.
    pub parts_before: u64,
    /// Parts in their place.
    pub parts_after: u64,
    /// Rows that were written anew.
    pub rows: u64,
    /// Bytes of the parts that are gone.
    pub bytes_before: u64,
    /// Bytes of the parts in their place.
    pub bytes_after: u64,
}

/// The longest rest between two files.
const REST_MAX: Duration = Duration::from_millis(250);

impl Core {
    /// Merges what is due, or everything that can be merged. `gently`: rests as long as it works.
    pub(crate) fn compact(&self, everything: bool, gently: bool) -> Result<Compacted, StoreError> {
        let _one_at_a_time = self.compacting.lock();
        let mut done = Compacted::default();
        let mut more = true;
        while more && !self.closing.load(Ordering::Relaxed) {
            more = self.merge_once(everything, gently, &mut done)?;
        }
        self.remove_retired();
        Ok(done)
    }

    fn merge_once(&self, everything: bool, gently: bool, done: &mut Compacted) -> Result<bool, StoreError> {
        let state = self.state.lock();
        let (parts, catalog, erased, position) = (state.parts.clone(), state.catalog.clone(), state.erased.clone(), state.position);
        drop(state);
        let unclean = |p: &Part| erased.all.iter().any(|(_, _, erased)| *erased > p.meta.erased_to);
        let candidates: Vec<Candidate> = parts.iter().map(|p| candidate(p, everything && unclean(p))).collect();
        let Some(chosen) = choose(&candidates, everything) else { return Ok(false) };
        let merge = Merge {
            parts: parts.iter().filter(|p| chosen.contains(&p.meta.id)).cloned().collect(),
            catalog: &catalog,
            erased: &erased,
            position,
        };
        let loaded = merge.load()?;
        let (place, first) = self.reserve(loaded.parts() as u64);
        let worked = std::cell::Cell::new(Instant::now());
        let pace = || {
            if gently {
                std::thread::sleep(worked.get().elapsed().min(REST_MAX));
                worked.set(Instant::now());
            }
        };
        let written = merge.write(&place, loaded, first, &pace)?;
        done.merges += 1;
        done.parts_before += merge.parts.len() as u64;
        done.parts_after += written.len() as u64;
        done.rows += written.iter().map(|p| p.meta.rows).sum::<u64>();
        done.bytes_before += merge.parts.iter().map(|p| p.bytes()).sum::<u64>();
        done.bytes_after += self.install(&merge.parts, written)?;
        Ok(true)
    }

    /// Numbers for new parts, used up even when nothing comes of it.
    fn reserve(&self, count: u64) -> (Arc<dyn crate::part::PartPlace>, u64) {
        let mut checkpointing = self.checkpointing.lock();
        let first = checkpointing.manifest.next_part;
        checkpointing.manifest.next_part += count;
        (checkpointing.parts.place.clone(), first)
    }

    /// The new parts take the place of the old ones, first in the manifest, then for readers. Rows that went while the merge was
    /// written go from the new parts too.
    fn install(&self, old: &[Arc<Part>], written: Vec<Part>) -> Result<u64, StoreError> {
        let mut checkpointing = self.checkpointing.lock();
        let mut new: Vec<Arc<Part>> = written.into_iter().map(Arc::new).collect();
        let parts = self.state.lock().parts.clone();
        for before in old {
            if let Some(now) = parts.iter().find(|p| p.meta.id == before.meta.id) {
                self.carry_over(before, now, &mut new)?;
            }
        }
        let replaced: HashSet<u64> = old.iter().map(|p| p.meta.id).collect();
        let parts = replace(&parts, &replaced, &new);
        let generation = checkpointing.manifest.generation + 1;
        let removed = write_removed(&self.dir, generation, &parts)?;
        let mut manifest = checkpointing.manifest.clone();
        let in_manifest: HashSet<u64> = manifest.parts.iter().map(|p| p.id).chain(new.iter().map(|p| p.meta.id)).collect();
        manifest.parts = parts.iter().filter(|p| in_manifest.contains(&p.meta.id)).map(|p| (*p.meta).clone()).collect();
        (manifest.generation, manifest.removed) = (generation, removed);
        manifest.write(&self.dir)?;
        checkpointing.manifest = manifest;
        let mut state = self.state.lock();
        state.parts = Arc::new(parts);
        state.layout += 1;
        state.events.values_mut().for_each(|e| e.rows = None);
        state.snapshot = None;
        drop(state);
        self.retired.lock().extend(old.iter().cloned());
        Ok(new.iter().map(|p| p.bytes()).sum())
    }

    /// Rows that went from a part since it was read, found again by their ids.
    fn carry_over(&self, before: &Part, now: &Part, new: &mut [Arc<Part>]) -> Result<(), StoreError> {
        let state = self.state.lock();
        let (cache, catalog) = (state.cache.clone(), state.catalog.clone());
        drop(state);
        for (event, deleted) in now.all_deleted() {
            let Some(definition) = catalog.event_by_id(event) else { continue };
            let was_there = |row: &u32| before.deleted(event).is_none_or(|d| d.is_alive(*row));
            let gone: Vec<u32> = deleted.rows().filter(was_there).collect();
            if gone.is_empty() {
                continue;
            }
            let ids = before.whole_column(&cache, definition, &EventColumn::EventId)?;
            let ids: Vec<u128> = gone.iter().map(|row| id_hash(ids.as_string::<i32>().value(*row as usize))).collect();
            for part in new.iter_mut() {
                let rows: Vec<u32> = part.find_ids(&cache, event, &ids)?.into_iter().flatten().collect();
                if let Some(without) = part.without(event, rows) {
                    *part = Arc::new(without);
                }
            }
        }
        Ok(())
    }

    /// Removes the files of parts that were replaced and that no snapshot reads any more.
    pub(crate) fn remove_retired(&self) {
        let mut checkpointing = self.checkpointing.lock();
        let mut retired = self.retired.lock();
        let (last, still_read): (Vec<_>, Vec<_>) = retired.drain(..).partition(Part::is_last);
        *retired = still_read;
        let names: Vec<String> = last.iter().flat_map(|p| p.names()).collect();
        if !names.is_empty()
            && let Err(e) = checkpointing.parts.place.remove(&names)
        {
            tracing::warn!(error = %e, "files of parts that were merged cannot be removed; this is tried again later");
            checkpointing.leftovers = true;
        }
    }
}

fn candidate(part: &Part, unclean: bool) -> Candidate {
    let meta = &part.meta;
    Candidate { id: meta.id, subject: meta.subject, month: meta.month, rows: meta.rows, gone: part.deleted_rows(), unclean }
}

/// The list with new parts where the first of the replaced ones was.
fn replace(parts: &[Arc<Part>], replaced: &HashSet<u64>, new: &[Arc<Part>]) -> Vec<Arc<Part>> {
    let at = parts.iter().position(|p| replaced.contains(&p.meta.id)).unwrap_or(parts.len());
    let keep = |p: &&Arc<Part>| !replaced.contains(&p.meta.id);
    let (before, after) = parts.split_at(at);
    before.iter().chain(new).chain(after.iter().filter(keep)).cloned().collect()
}
