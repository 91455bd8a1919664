//! Entities whose rows are read from the store again: after corrections, and when some became one or came apart.

use super::population::{Population, Work};
use eql_planner::live::LiveError;
use eql_store::Snapshot;
use hashbrown::HashSet;
use std::collections::BTreeSet;

impl Population {
    /// Forgets the rows of some lanes of some entities, or of all, and reads them from the store again.
    pub(crate) fn rescan(
        &mut self,
        snapshot: &Snapshot,
        lanes: &[u32],
        only: Option<&[u32]>,
        now: i64,
        work: &mut Work,
    ) -> Result<(), LiveError> {
        let wanted: HashSet<u32> = lanes.iter().copied().collect();
        let some: Option<HashSet<u32>> = only.map(|o| o.iter().copied().collect());
        let concerns = |ordinal: u32, lane: u32| wanted.contains(&lane) && some.as_ref().is_none_or(|s| s.contains(&ordinal));
        for rows in self.pending.values_mut() {
            rows.retain(|(ordinal, lane, _)| !concerns(*ordinal, *lane));
        }
        self.pending.retain(|_, rows| !rows.is_empty());
        let everybody: Vec<u32>;
        let ordinals: &[u32] = match only {
            Some(some) => some,
            None => {
                everybody = (0..self.entities.len() as u32).collect();
                &everybody
            }
        };
        for ordinal in ordinals {
            let Some(entity) = self.entities.get_mut(*ordinal as usize) else { continue };
            self.counts.rescans += 1;
            let had: Vec<u32> = entity.heads().iter().map(|h| h.lane).filter(|l| wanted.contains(l)).collect();
            for lane in had {
                entity.clear(lane);
                work.touched.push((*ordinal, lane));
            }
        }
        for lane in lanes {
            // Borrowed apart: the lane's conditions are read while the entities change.
            let mut codes = self.plan.lanes[*lane as usize].codes.take();
            let mut found = Vec::new();
            let read = self.plan.lanes[*lane as usize].marks.history(snapshot, only, codes.as_mut(), &mut |mark| found.push(mark));
            self.plan.lanes[*lane as usize].codes = codes;
            read?;
            let begin = self.plan.lanes[*lane as usize].begin(&self.plan.features, now);
            for mark in found {
                if begin.is_none_or(|b| mark.time >= b) {
                    self.take(*lane, mark, now, work);
                }
            }
        }
        // What was read again is not late.
        work.late.clear();
        Ok(())
    }

    /// Reads everything about entities that became one, or came apart.
    pub(crate) fn remake(&mut self, snapshot: &Snapshot, ordinals: &BTreeSet<u32>, now: i64, work: &mut Work) -> Result<(), LiveError> {
        let some: Vec<u32> = ordinals.iter().copied().collect();
        self.know(snapshot, some.last().map_or(0, |o| *o as usize + 1), work)?;
        let lanes: Vec<u32> = (0..self.plan.lanes.len() as u32).collect();
        self.rescan(snapshot, &lanes, Some(&some), now, work)?;
        let entities = snapshot.entities(self.entity)?;
        let is_gone = |o: &u32| entities.deleted().is_some_and(|d| d.len() > *o as usize && d.value(*o as usize));
        let (gone, there): (Vec<u32>, Vec<u32>) = some.iter().copied().partition(is_gone);
        work.fresh.retain(|o| !ordinals.contains(o));
        work.gone.retain(|o| !ordinals.contains(o));
        work.fresh.extend(there);
        work.gone.extend(gone);
        work.written.extend(&some);
        work.merged.extend(&some);
        self.held.retain(|o| !ordinals.contains(o));
        Ok(())
    }
}
