//! The state of all streaming segments: commits and instants go in, net changes come out.

mod again;
mod arrival;
mod begin;
mod checkpoint;
mod definition;
mod dispatch;
mod entity;
mod feature;
mod keys;
mod lane;
mod moment;
mod ordinals;
mod parallel;
mod plan;
mod population;
mod redefine;
mod rescan;
mod rows;
mod rules;
mod sequence;
mod settle;
mod shard;
mod standing;
mod timer;
mod waits;
mod whole;
mod work;

pub use population::Counts;

use self::again::Again;
use crate::change::{Cause, Change, Commit, Direction};

use self::ordinals::Ordinals;
use self::population::Population;
use self::standing::Standing;
use self::whole::Whole;
use self::work::Moved;
use arrow::array::Array;
use eql_catalog::{Catalog, EntityTypeId, Value};
use eql_planner::live::LiveError;
use eql_store::{Committed, Snapshot, Store, StoreError, value_at};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Net changes of one segment.
pub type Published = (String, Commit);

/// Where state is made from.
pub trait Source: Send + Sync {
    /// Everything at the present position.
    ///
    /// # Errors
    /// A damaged file.
    fn snapshot(&self) -> Result<Arc<Snapshot>, StoreError>;
}

impl Source for Store {
    fn snapshot(&self) -> Result<Arc<Snapshot>, StoreError> {
        Store::snapshot(self)
    }
}

/// Version of a definition, and what it was made of.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Version {
    /// Grows by one with each redefinition.
    pub number: u32,
    /// The definition, and the zone and week that it is read in.
    pub definition: String,
}

/// How a segment is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Following {
    /// Row by row.
    Rows,
    /// Its definition is evaluated as a query at each commit and tick.
    Query,
    /// It cannot be evaluated: why.
    Failed(String),
}

/// All streaming segments at one (position, clock).
pub struct State {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) position: u64,
    pub(crate) clock: i64,
    pub(crate) last: Arc<Snapshot>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) populations: BTreeMap<EntityTypeId, Population>,
    pub(crate) wholes: Vec<Whole>,
    /// What is not followed row by row is evaluated as a query here.
    pub(crate) queries: bool,
    pub(crate) failed: BTreeMap<String, String>,
    pub(crate) versions: BTreeMap<String, Version>,
    /// What was bound: the same again is nothing to do.
    pub(crate) bound: BTreeMap<String, eql_compiler::bound::EntityValue>,
    pub(crate) again: Option<Again>,
    /// Who stands for whom, as of the position.
    pub(crate) standing: Standing,
    pub(crate) threads: usize,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("position", &self.position).field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl State {
    /// The position up to which commits were taken in.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The position that has to be reached before some entities are right again: what they need was read from the store of that position.
    pub fn waits_for(&self) -> Option<u64> {
        self.again.as_ref().map(|a| a.snapshot.position())
    }

    /// The clock up to which everything that was due has happened.
    pub fn clock(&self) -> i64 {
        self.clock
    }

    /// Versions of the definitions, by segment.
    pub fn versions(&self) -> &BTreeMap<String, Version> {
        &self.versions
    }

    /// How each segment is followed.
    pub fn following(&self) -> BTreeMap<String, Following> {
        let rows = self.populations.values().flat_map(|p| &p.rules.segments).map(|s| (s.name.clone(), Following::Rows));
        let queries = self.wholes.iter().map(|w| (w.name.clone(), Following::Query));
        let failed = self.failed.iter().map(|(name, why)| (name.clone(), Following::Failed(why.clone())));
        rows.chain(queries).chain(failed).collect()
    }

    /// The members of a segment by ordinal; None when it is not followed.
    pub fn members(&self, segment: &str) -> Option<Vec<u32>> {
        self.set(segment).map(|(_, members)| members.iter().collect())
    }

    /// The keys of the members of a segment; nobody of a segment that is not followed.
    ///
    /// # Errors
    /// A damaged file.
    pub fn member_keys(&self, segment: &str) -> Result<Vec<Vec<Value>>, LiveError> {
        let Some((entity, members)) = self.set(segment) else { return Ok(vec![]) };
        let population = self.populations.get(&entity);
        let key = |ordinal| match population.and_then(|p| p.keys.get(ordinal)) {
            Some(key) => Ok(Some(key)),
            None => key_of(&self.last, entity, ordinal),
        };
        members.iter().filter_map(|o| key(o).transpose()).collect()
    }

    /// Their number.
    pub fn count(&self, segment: &str) -> Option<usize> {
        match self.followed(segment) {
            Some((population, number)) => Some(population.count(number)),
            None => self.wholes.iter().find(|w| w.name == segment).map(|w| w.members.len()),
        }
    }

    pub(crate) fn set(&self, segment: &str) -> Option<(EntityTypeId, Ordinals)> {
        match self.followed(segment) {
            Some((population, number)) => Some((population.entity(), population.members(number))),
            None => self.wholes.iter().find(|w| w.name == segment).map(|w| (w.entity(), w.members.clone())),
        }
    }

    /// The population of a segment that is followed row by row, and its number there.
    fn followed(&self, segment: &str) -> Option<(&Population, usize)> {
        let find = |p: &Population| p.rules.segments.binary_search_by(|s| s.name.as_str().cmp(segment)).ok();
        self.populations.values().find_map(|p| Some((p, find(p)?)))
    }

    /// Whether a segment is followed row by row.
    pub fn is_followed(&self, segment: &str) -> bool {
        self.followed(segment).is_some()
    }

    /// Leaves what cannot be followed row by row to somebody else.
    pub fn without_queries(&mut self) {
        self.queries = false;
        self.wholes.clear();
    }

    /// Whether an ordinal is a member.
    pub fn has(&self, segment: &str, ordinal: u32) -> bool {
        match self.followed(segment) {
            Some((population, number)) => population.has(number, ordinal),
            None => self.wholes.iter().any(|w| w.name == segment && w.members.has(ordinal)),
        }
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        self.populations.values().fold(Counts::default(), |all, p| all + p.counts())
    }

    /// Bytes of the state of entities.
    pub fn bytes(&self) -> usize {
        self.populations.values().map(Population::bytes).sum()
    }

    /// Changes of populations in their order: of each instant and segment one commit.
    pub(crate) fn changes(
        &self,
        snapshot: &Snapshot,
        mut moved: Vec<(EntityTypeId, Moved)>,
        position: u64,
    ) -> Result<Vec<Published>, LiveError> {
        moved.sort_by_key(|(entity, m)| (m.at, *entity, m.segment, m.ordinal));
        let mut out = Vec::new();
        for some in moved.chunk_by(|(a, m), (b, n)| (m.at, a, m.segment) == (n.at, b, n.segment)) {
            let (entity, Moved { at, segment, .. }) = some[0];
            let Some(followed) = self.populations.get(&entity).and_then(|p| p.rules.segments.get(segment as usize)) else { continue };
            let list: Vec<(u32, bool, Cause)> = some.iter().map(|(_, m)| (m.ordinal, m.enters, m.cause)).collect();
            out.push(self.commit(snapshot, entity, (&followed.name, followed.version), &list, (position, at))?);
        }
        Ok(out)
    }

    /// One segment's changes; `list` is by ordinal.
    pub(crate) fn commit(
        &self,
        snapshot: &Snapshot,
        entity: EntityTypeId,
        (name, version): (&str, u32),
        list: &[(u32, bool, Cause)],
        (position, clock): (u64, i64),
    ) -> Result<Published, LiveError> {
        let mut changes = Vec::with_capacity(list.len());
        for (ordinal, enters, cause) in list {
            let known = self.populations.get(&entity).and_then(|p| p.keys.get(*ordinal));
            // Whoever was erased before anybody saw its key is told to nobody, neither that it came nor that it went.
            let Some(key) = (match known {
                Some(key) => Some(key),
                None => key_of(snapshot, entity, *ordinal)?.or(key_of(&self.last, entity, *ordinal)?),
            }) else {
                continue;
            };
            changes.push(Change {
                entity: key,
                direction: if *enters { Direction::Enter } else { Direction::Exit },
                at: clock,
                cause: *cause,
            });
        }
        Ok((name.to_string(), Commit { position, clock, version, changes }))
    }

    /// Whose rows are whose is not known before everything is made anew: until then nothing is told.
    pub(crate) fn is_unsure(&self) -> bool {
        self.again.as_ref().is_some_and(|a| a.wanted.all == Some(Cause::Merge))
    }

    /// Everything that is due up to an instant, each instant by itself.
    pub(crate) fn drain(&mut self, clock: i64, out: &mut Vec<Published>) -> Result<(), LiveError> {
        if self.is_unsure() {
            return Ok(());
        }
        let snapshot = self.last.clone();
        let mut moved = Vec::new();
        for population in self.populations.values_mut() {
            let entity = population.entity();
            moved.extend(population.advance(&snapshot, clock)?.into_iter().map(|m| (entity, m)));
        }
        out.extend(self.changes(&snapshot, moved, self.position)?);
        Ok(())
    }
}

/// The key of an entity as a snapshot has it.
fn key_of(snapshot: &Snapshot, entity: EntityTypeId, ordinal: u32) -> Result<Option<Vec<Value>>, LiveError> {
    let columns = snapshot.keys_of(entity, &[ordinal])?;
    let present = !columns.is_empty() && columns.iter().all(|c| c.is_valid(0));
    Ok(present.then(|| columns.iter().map(|c| value_at(c.as_ref(), 0)).collect()))
}

impl State {
    /// Takes in a commit: what was due before its clock, each instant by itself, and then what it brought.
    ///
    /// # Errors
    /// The store cannot be read. The state is not to be used any more: begin again.
    pub fn apply(&mut self, commit: &Committed) -> Result<Vec<Published>, LiveError> {
        let mut out = Vec::new();
        if commit.position <= self.position {
            return Ok(out);
        }
        self.drain(commit.clock, &mut out)?;
        arrival::take(self, commit, &mut out)?;
        Ok(out)
    }

    /// Lets time pass without a commit.
    ///
    /// # Errors
    /// As [`State::apply`].
    pub fn advance(&mut self, clock: i64) -> Result<Vec<Published>, LiveError> {
        let mut out = Vec::new();
        if clock <= self.clock {
            return Ok(out);
        }
        self.drain(clock, &mut out)?;
        self.clock = clock;
        self.wholes_at(&self.last.clone(), Cause::Time, &BTreeMap::new(), &mut out)?;
        Ok(out)
    }
}
