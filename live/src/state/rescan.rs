//! Entities whose rows are read from the store again: after corrections, and when some became one or came apart.

use super::dispatch::Dispatch;
use super::population::Population;
use super::work::Work;
use eql_planner::live::LiveError;
use eql_store::Snapshot;
use std::collections::BTreeSet;

impl Population {
    /// Forgets the rows of some lanes of some entities, both rising, and reads them from the store again.
    pub(crate) fn rescan(&mut self, snapshot: &Snapshot, lanes: &[u32], only: &[u32], work: &mut Work) -> Result<(), LiveError> {
        self.rescans += only.len() as u64;
        only.iter().for_each(|o| self.forget(lanes, *o..*o + 1, work));
        let pieces: Vec<std::ops::Range<u32>> = only.iter().map(|o| *o..*o + 1).collect();
        let rows = self.history(snapshot, lanes)?.rows(snapshot, &pieces)?;
        let dispatch = Dispatch::new(&self.rules.plan, |lane| lanes.binary_search(&lane).is_ok());
        let shards = self.shards.len() as u32;
        work.arrive(dispatch.arrivals(&mut self.rules.plan, snapshot, &rows, (shards, true))?);
        Ok(())
    }

    /// Reads everything about entities that became one, or came apart.
    pub(crate) fn remake(&mut self, snapshot: &Snapshot, ordinals: &BTreeSet<u32>, work: &mut Work) -> Result<(), LiveError> {
        let some: Vec<u32> = ordinals.iter().copied().collect();
        self.know(snapshot, some.last().map_or(0, |o| *o as usize + 1), work)?;
        let lanes: Vec<u32> = (0..self.rules.plan.lanes.len() as u32).collect();
        self.rescan(snapshot, &lanes, &some, work)?;
        let entities = snapshot.entities(self.entity())?;
        let is_gone = |o: &u32| entities.deleted().is_some_and(|d| d.len() > *o as usize && d.value(*o as usize));
        let (gone, there): (Vec<u32>, Vec<u32>) = some.iter().copied().partition(is_gone);
        work.fresh.retain(|o| !ordinals.contains(o));
        work.gone.retain(|o| !ordinals.contains(o));
        work.fresh.extend(there);
        work.gone.extend(gone);
        work.written.extend(&some);
        work.merged.extend(&some);
        self.release(ordinals);
        Ok(())
    }
}
