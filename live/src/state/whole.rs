//! Segments that are evaluated as queries over everything, at each commit and tick: the slow twin of the state, and what stands in for it where a
//! definition asks for more than rows (an analysis inside, an AS OF, conditions between the rows of two steps).

use super::ordinals::Ordinals;
use super::{Published, State};
use crate::change::Cause;
use eql_catalog::EntityTypeId;
use eql_compiler::bound::EntityValue;
use eql_planner::live::{LiveError, members};
use eql_planner::{Planner, Settings};
use eql_store::Snapshot;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Memory for one evaluation.
const MEMORY_BYTES: usize = 256 << 20;

/// A segment, its definition, and who is in it.
#[derive(Debug)]
pub(crate) struct Whole {
    pub name: String,
    pub version: u32,
    pub definition: EntityValue,
    pub members: Ordinals,
}

impl Whole {
    pub(crate) fn entity(&self) -> EntityTypeId {
        self.definition.entity
    }

    /// Who is in it now.
    pub(crate) fn evaluate(definition: &EntityValue, snapshot: &Arc<Snapshot>, now: i64, threads: usize) -> Result<Ordinals, LiveError> {
        let planner = planner(snapshot, now, threads);
        let mut out = Ordinals::default();
        for (ordinal, member) in members(&planner, definition)?.into_iter().enumerate() {
            out.set(u32::try_from(ordinal).unwrap_or(u32::MAX), member);
        }
        Ok(out)
    }
}

pub(crate) fn planner(snapshot: &Arc<Snapshot>, now: i64, threads: usize) -> Planner {
    Planner::new(snapshot.clone(), Settings { endless: true, ..Settings::alone(now, threads, MEMORY_BYTES) })
}

/// The entities that are in one set and not in the other, with whether they are in the new one.
pub(crate) fn difference(before: &Ordinals, now: &Ordinals) -> Vec<(u32, bool)> {
    let left = before.iter().filter(|o| !now.has(*o)).map(|o| (o, false));
    let mut out: Vec<(u32, bool)> = left.chain(now.iter().filter(|o| !before.has(*o)).map(|o| (o, true))).collect();
    out.sort_unstable();
    out
}

impl State {
    /// Evaluates them over a snapshot of the position that was reached. `merged`: who became one, or came apart.
    pub(crate) fn wholes_at(
        &mut self,
        snapshot: &Arc<Snapshot>,
        cause: Cause,
        merged: &BTreeMap<EntityTypeId, BTreeSet<u32>>,
        out: &mut Vec<Published>,
    ) -> Result<(), LiveError> {
        if snapshot.position() != self.position {
            return Ok(());
        }
        for i in 0..self.wholes.len() {
            let whole = &self.wholes[i];
            let now = Whole::evaluate(&whole.definition, snapshot, self.clock, self.threads)?;
            let merged = merged.get(&whole.entity());
            let why = |o: u32| if merged.is_some_and(|m| m.contains(&o)) { Cause::Merge } else { cause };
            let list: Vec<_> = difference(&whole.members, &now).into_iter().map(|(o, enters)| (o, enters, why(o))).collect();
            if !list.is_empty() {
                out.push(self.commit(snapshot, whole.entity(), (&whole.name, whole.version), &list, (self.position, self.clock))?);
            }
            self.wholes[i].members = now;
        }
        Ok(())
    }
}
