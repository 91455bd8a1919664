//! Definitions that come, go or are others while everything else goes on: what other segments have is kept, only what is new is read from
//! history, and the difference is told.

use super::begin::{bound, used, words};
use super::definition::Planning;
use super::ordinals::Ordinals;
use super::parallel;
use super::population::Population;
use super::rules::Followed;
use super::shard::{Scene, Shard};
use super::whole::{Whole, planner};
use super::work::Work;
use super::{Published, State};
use crate::change::Cause;
use eql_catalog::{Catalog, EntityTypeId};
use eql_compiler::bound::EntityValue;
use eql_planner::Planner;
use eql_planner::live::LiveError;
use eql_store::Snapshot;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is different, and the members of before.
pub(crate) struct Redefinition {
    found: BTreeMap<String, EntityValue>,
    failed: BTreeMap<String, String>,
    before: BTreeMap<String, Option<(EntityTypeId, Ordinals)>>,
}

impl Redefinition {
    /// Whether a segment is one of those that are different.
    pub(crate) fn concerns(&self, name: &str) -> bool {
        self.before.contains_key(name)
    }
}

impl State {
    /// What is different in the catalog of a snapshot.
    pub(crate) fn redefinition(&self, snapshot: &Snapshot) -> Redefinition {
        let (found, failed) = bound(snapshot.catalog());
        let words = |catalog: &Catalog, name: &str| catalog.segment(name).map(|s| words(s));
        let differs = |name: &&String| {
            let (old, new) = (self.bound.get(*name), found.get(*name));
            old != new || words(&self.catalog, name) != words(snapshot.catalog(), name)
        };
        let names: BTreeSet<&String> = self.bound.keys().chain(found.keys()).filter(differs).collect();
        let before = names.into_iter().map(|name| (name.clone(), self.set(name))).collect();
        Redefinition { found, failed, before }
    }

    /// Follows the definitions of a snapshot of the position that was reached.
    pub(crate) fn redefine(&mut self, snapshot: &Arc<Snapshot>, new: Redefinition, out: &mut Vec<Published>) -> Result<(), LiveError> {
        let of = |bound: &BTreeMap<String, EntityValue>| -> BTreeSet<EntityTypeId> {
            new.before.keys().filter_map(|name| bound.get(name)).map(|d| d.entity).collect()
        };
        let types: BTreeSet<EntityTypeId> = of(&self.bound).union(&of(&new.found)).copied().collect();
        self.catalog = snapshot.catalog().clone();
        (self.bound, self.failed) = (new.found, new.failed);
        self.number();
        self.wholes.retain(|w| !new.before.contains_key(&w.name));
        for entity in types {
            match self.populations.remove(&entity) {
                Some(population) => {
                    let known = self.wholes.len();
                    self.redefine_type(snapshot, population, &new.before)?;
                    self.evaluate_wholes(snapshot, known);
                }
                None => self.begin_type(snapshot, entity)?,
            }
        }
        self.wholes.sort_by(|a, b| a.name.cmp(&b.name));
        let now = new.before.keys().filter_map(|name| Some((name.clone(), self.set(name)?))).collect();
        let before = new.before.into_iter().filter_map(|(name, set)| Some((name, set?))).collect();
        self.differences(snapshot, now, &before, &|_, _| Cause::Definition, out)
    }

    /// Begins to follow segments of a type of which none was followed row by row.
    fn begin_type(&mut self, snapshot: &Arc<Snapshot>, entity: EntityTypeId) -> Result<(), LiveError> {
        let same: Vec<Whole> = self.wholes.extract_if(.., |w| w.entity() == entity).collect();
        let known = self.wholes.len();
        self.plan_type(snapshot, entity)?;
        self.wholes.retain(|w| !same.iter().any(|s| s.name == w.name));
        if let Some(population) = self.populations.get_mut(&entity) {
            population.fill(snapshot, self.clock)?;
        }
        self.evaluate_wholes(snapshot, known);
        self.wholes.extend(same);
        Ok(())
    }

    fn redefine_type(
        &mut self,
        snapshot: &Arc<Snapshot>,
        mut population: Population,
        different: &BTreeMap<String, Option<(EntityTypeId, Ordinals)>>,
    ) -> Result<(), LiveError> {
        let entity = population.entity();
        let planner = planner(snapshot, self.clock, self.threads);
        let definitions: Vec<Definition<'_>> = self
            .bound
            .iter()
            .filter(|(_, d)| d.entity == entity)
            .map(|(name, value)| Definition {
                name,
                version: self.versions.get(name).map_or(1, |v| v.number),
                value,
                is_same: !different.contains_key(name),
            })
            .collect();
        let others = population.redefine(snapshot, &planner, self.clock, &definitions)?;
        let known: BTreeSet<String> = self.wholes.iter().map(|w| w.name.clone()).collect();
        for d in definitions.iter().filter(|d| self.queries && others.contains(d.name) && !known.contains(d.name)) {
            let members = Ordinals::default();
            self.wholes.push(Whole { name: d.name.clone(), version: d.version, definition: d.value.clone(), members });
        }
        if !population.rules.segments.is_empty() {
            self.populations.insert(entity, population);
        }
        Ok(())
    }

    /// Evaluates the segments from one on that are asked as queries.
    pub(crate) fn evaluate_wholes(&mut self, snapshot: &Arc<Snapshot>, from: usize) {
        for i in (from..self.wholes.len()).rev() {
            match Whole::evaluate(&self.wholes[i].definition, snapshot, self.clock, self.threads) {
                Ok(members) => self.wholes[i].members = members,
                Err(e) => {
                    let gone = self.wholes.remove(i);
                    self.failed.insert(gone.name, e.to_string());
                }
            }
        }
    }
}

/// A definition that is to be followed.
struct Definition<'a> {
    name: &'a String,
    version: u32,
    value: &'a EntityValue,
    /// It was followed already as it is.
    is_same: bool,
}

impl Population {
    /// Follows other definitions; those that rows are not enough for.
    fn redefine(
        &mut self,
        snapshot: &Snapshot,
        planner: &Planner,
        now: i64,
        definitions: &[Definition<'_>],
    ) -> Result<BTreeSet<String>, LiveError> {
        let entity = self.entity();
        let old: BTreeMap<String, (usize, Followed)> =
            std::mem::take(&mut self.rules.segments).into_iter().enumerate().map(|(number, s)| (s.name.clone(), (number, s))).collect();
        let (mut others, mut segments, mut from) = (BTreeSet::new(), Vec::new(), Vec::new());
        let mut planning = Planning::new(planner, entity, &mut self.rules.plan);
        for d in definitions {
            let known = old.get(d.name).filter(|_| d.is_same);
            let condition = match known {
                Some((_, followed)) => Some(followed.condition.clone()),
                None => planning.segment(d.value)?,
            };
            match condition {
                Some(condition) => {
                    segments.push(Followed { name: d.name.clone(), version: d.version, condition });
                    from.push(known.map(|(number, _)| *number));
                }
                None => drop(others.insert(d.name.clone())),
            }
        }
        let made = planning.done();
        let atoms = made.atoms.clone();
        let replanned = self.rules.plan.replan(planner, &used(&segments), made, now)?;
        self.rules.segments = segments;
        self.rules.derive(snapshot)?;
        self.dispatch = super::dispatch::Dispatch::new(&self.rules.plan, |_| true);
        let memos = self.rules.memos();
        let known = self.known as usize;
        parallel::each(self.shards.iter_mut().collect(), known, |shard: &mut Shard| {
            shard.renumber(&from);
            shard.memos = memos.clone();
            shard.drop_unused(&replanned.gone_lanes, &replanned.gone_atoms);
            Ok(())
        })?;
        let row_atoms = atoms.into_iter().filter(|a| self.rules.row_atoms.contains(a)).collect();
        let work = Work { lanes: replanned.look.into_iter().collect(), everywhere: row_atoms, ..Work::default() };
        self.settle(snapshot, now, work, &replanned.read.into_iter().collect(), Cause::Definition)?;
        let scene = Scene { rules: &self.rules, snapshot, now };
        let new: Vec<u32> = (0..from.len() as u32).filter(|number| from[*number as usize].is_none()).collect();
        parallel::each(self.shards.iter_mut().collect(), known, |shard: &mut Shard| {
            shard.everybody_anew(scene, &new);
            Ok(())
        })?;
        Ok(others)
    }
}

impl Shard {
    /// Members of segments that have other numbers now: by their numbers of before, where they are the same.
    fn renumber(&mut self, from: &[Option<usize>]) {
        let mut old = std::mem::take(&mut self.members);
        self.members = from.iter().map(|number| number.map(|n| std::mem::take(&mut old[n])).unwrap_or_default()).collect();
    }

    /// What nobody asks for any more goes.
    fn drop_unused(&mut self, lanes: &hashbrown::HashSet<u32>, atoms: &hashbrown::HashSet<u32>) {
        if lanes.is_empty() && atoms.is_empty() {
            return;
        }
        self.pending.values_mut().for_each(|rows| rows.retain(|(_, lane, _)| !lanes.contains(lane)));
        self.pending.retain(|_, rows| !rows.is_empty());
        self.entities.iter_mut().for_each(|e| e.forget(|lane| lanes.contains(&lane), |atom| atoms.contains(&atom)));
    }

    /// Evaluates some segments for everybody.
    fn everybody_anew(&mut self, scene: Scene<'_>, segments: &[u32]) {
        let rules = scene.rules;
        for segment in segments {
            let condition = &rules.segments[*segment as usize].condition;
            let members = &mut self.members[*segment as usize];
            *members = Ordinals::default();
            for (local, entity) in self.entities.iter().enumerate() {
                let local = local as u32;
                let there = self.alive.has(local) && !self.held.contains(&local);
                if there && condition.is(&mut |a| rules.defaults[a as usize] != entity.is_flipped(a)) {
                    members.set(local, true);
                }
            }
        }
    }
}
