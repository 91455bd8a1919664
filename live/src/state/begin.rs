//! State from nothing: definitions are bound, their rows are read from history, and everybody is evaluated.

use super::definition::Planning;
use super::ordinals::Ordinals;
use super::plan::Plan;
use super::population::Population;
use super::rules::Followed;
use super::standing::Standing;
use super::whole::{Whole, difference, planner};
use super::work::Work;
use super::{Published, Source, State, Version};
use crate::change::Cause;
use eql_catalog::{Catalog, EntityTypeId, Segment, SegmentMode};
use eql_compiler::bound::EntityValue;
use eql_planner::live::LiveError;
use eql_store::Snapshot;
use hashbrown::HashSet;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl State {
    /// Everything as of the store's present position and an instant. `versions` are those that were published before.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn begin(source: Arc<dyn Source>, clock: i64, versions: BTreeMap<String, Version>, threads: usize) -> Result<Self, LiveError> {
        let snapshot = source.snapshot()?;
        let mut state = Self::empty(source, &snapshot, (snapshot.position(), clock), versions, threads);
        state.make(&snapshot)?;
        Ok(state)
    }

    /// Nothing is followed yet.
    pub(crate) fn empty(
        source: Arc<dyn Source>,
        snapshot: &Arc<Snapshot>,
        (position, clock): (u64, i64),
        versions: BTreeMap<String, Version>,
        threads: usize,
    ) -> Self {
        Self {
            source,
            position,
            clock,
            last: snapshot.clone(),
            catalog: snapshot.catalog().clone(),
            populations: BTreeMap::new(),
            wholes: vec![],
            queries: true,
            failed: BTreeMap::new(),
            versions,
            bound: BTreeMap::new(),
            again: None,
            standing: Standing::default(),
            threads,
        }
    }

    /// Makes everything from a snapshot, which is of the position that was reached.
    pub(crate) fn make(&mut self, snapshot: &Arc<Snapshot>) -> Result<(), LiveError> {
        let clock = self.clock;
        self.plan(snapshot)?;
        self.standing = Standing::of(snapshot)?;
        self.populations.values_mut().try_for_each(|p| p.fill(snapshot, clock))?;
        self.evaluate_wholes(snapshot, 0);
        Ok(())
    }

    /// Binds all definitions and plans how they are followed; nobody is a member yet.
    pub(crate) fn plan(&mut self, snapshot: &Arc<Snapshot>) -> Result<(), LiveError> {
        self.catalog = snapshot.catalog().clone();
        (self.bound, self.failed) = bound(&self.catalog);
        self.number();
        self.populations.clear();
        self.wholes.clear();
        let types: BTreeSet<EntityTypeId> = self.bound.values().map(|d| d.entity).collect();
        for entity in types {
            self.plan_type(snapshot, entity)?;
        }
        self.wholes.sort_by(|a, b| a.name.cmp(&b.name));
        self.last = snapshot.clone();
        Ok(())
    }

    /// Plans the segments of one entity type, of which nothing is planned yet.
    pub(crate) fn plan_type(&mut self, snapshot: &Arc<Snapshot>, entity: EntityTypeId) -> Result<(), LiveError> {
        let planner = planner(snapshot, self.clock, self.threads);
        let (mut plan, mut followed) = (Plan::default(), Vec::new());
        let mut planning = Planning::new(&planner, entity, &mut plan);
        for (name, definition) in self.bound.iter().filter(|(_, d)| d.entity == entity) {
            let version = self.versions.get(name).map_or(1, |v| v.number);
            match planning.segment(definition)? {
                Some(condition) => followed.push(Followed { name: name.clone(), version, condition }),
                None if !self.queries => {}
                None => {
                    let members = Ordinals::default();
                    self.wholes.push(Whole { name: name.clone(), version, definition: definition.clone(), members });
                }
            }
        }
        let made = planning.done();
        plan.replan(&planner, &used(&followed), made, self.clock)?;
        if !followed.is_empty() {
            self.populations.insert(entity, Population::new(entity, plan, followed, snapshot, self.threads)?);
        }
        Ok(())
    }

    /// Makes everything anew; the difference to the members of before.
    pub(crate) fn make_again(&mut self, snapshot: &Arc<Snapshot>, cause: Cause, out: &mut Vec<Published>) -> Result<(), LiveError> {
        let (before, stood) = (self.sets(), self.standing.clone());
        self.make(snapshot)?;
        let differing: BTreeMap<EntityTypeId, BTreeSet<u32>> =
            snapshot.catalog().entities().map(|e| (e.id, self.standing.differing(&stood, e.id))).collect();
        let why = |entity: EntityTypeId, ordinal: u32| match cause {
            // Where nobody was merged, it is what happened meanwhile.
            Cause::Merge if !differing.get(&entity).is_some_and(|d| d.contains(&ordinal)) => Cause::Event,
            cause => cause,
        };
        self.differences(snapshot, self.sets(), &before, &why, out)
    }

    /// Everybody's members, by segment.
    pub(crate) fn sets(&self) -> BTreeMap<String, (EntityTypeId, Ordinals)> {
        let segments = |p: &Population| -> Vec<_> {
            p.rules.segments.iter().enumerate().map(|(number, s)| (s.name.clone(), (p.entity(), p.members(number)))).collect()
        };
        let rows = self.populations.values().flat_map(segments);
        rows.chain(self.wholes.iter().map(|w| (w.name.clone(), (w.entity(), w.members.clone())))).collect()
    }

    /// What is different between members of before and those of now.
    pub(crate) fn differences(
        &self,
        snapshot: &Snapshot,
        now: BTreeMap<String, (EntityTypeId, Ordinals)>,
        before: &BTreeMap<String, (EntityTypeId, Ordinals)>,
        cause: &dyn Fn(EntityTypeId, u32) -> Cause,
        out: &mut Vec<Published>,
    ) -> Result<(), LiveError> {
        let nobody = Ordinals::default();
        for (name, (entity, now)) in now {
            // A segment of other entities under the same name begins empty.
            let known = before.get(&name).filter(|(e, _)| *e == entity).map_or(&nobody, |(_, m)| m);
            let list: Vec<_> = difference(known, &now).into_iter().map(|(o, enters)| (o, enters, cause(entity, o))).collect();
            if !list.is_empty() {
                let version = self.versions.get(&name).map_or(1, |v| v.number);
                out.push(self.commit(snapshot, entity, (&name, version), &list, (self.position, self.clock))?);
            }
        }
        Ok(())
    }

    /// The difference between members that were published and those of now: what a restart has to tell. `published` are ordinals by segment.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn since(&self, published: &BTreeMap<String, Vec<u32>>, cause: Cause) -> Result<Vec<Published>, LiveError> {
        let mut before = BTreeMap::new();
        for (name, ordinals) in published {
            let Some((entity, _)) = self.set(name) else { continue };
            let mut members = Ordinals::default();
            ordinals.iter().for_each(|o| members.set(*o, true));
            before.insert(name.clone(), (entity, members));
        }
        let mut out = Vec::new();
        self.differences(&self.last, self.sets(), &before, &|_, _| cause, &mut out)?;
        Ok(out)
    }

    /// Numbers for definitions: one more where a definition is another one.
    pub(crate) fn number(&mut self) {
        let mut numbered = BTreeMap::new();
        for name in self.bound.keys() {
            let Some(segment) = self.catalog.segment(name) else { continue };
            let definition = words(segment);
            let number = match self.versions.get(name) {
                Some(known) if known.definition == definition => known.number,
                Some(known) => known.number.saturating_add(1),
                None => 1,
            };
            numbered.insert(name.clone(), Version { number, definition });
        }
        self.versions = numbered;
    }
}

impl Version {
    /// The present definition of a segment as the version of a number.
    pub fn of(segment: &Segment, number: u32) -> Version {
        Version { number, definition: words(segment) }
    }
}

/// What a version is a version of.
pub(crate) fn words(segment: &Segment) -> String {
    format!("{}\n{} {:?}", segment.definition, segment.time_zone, segment.week_start)
}

/// The definitions of streaming segments, followed to their ends, and those that cannot be read any more.
pub(crate) fn bound(catalog: &Catalog) -> (BTreeMap<String, EntityValue>, BTreeMap<String, String>) {
    let (mut found, mut failed) = (BTreeMap::new(), BTreeMap::new());
    for segment in catalog.segments().filter(|s| s.mode == SegmentMode::Streaming) {
        match eql_compiler::membership(catalog, &segment.name) {
            Ok(definition) => drop(found.insert(segment.name.clone(), definition)),
            Err(diagnostics) => {
                let words = diagnostics.first().map_or_else(|| "its definition cannot be read".to_string(), |d| d.message.clone());
                failed.insert(segment.name.clone(), words);
            }
        }
    }
    (found, failed)
}

/// The atoms of some segments.
pub(crate) fn used(segments: &[Followed]) -> HashSet<u32> {
    let mut atoms = Vec::new();
    segments.iter().for_each(|s| s.condition.atoms(&mut atoms));
    atoms.into_iter().collect()
}

impl Population {
    /// Reads all of history and evaluates everybody.
    pub(crate) fn fill(&mut self, snapshot: &Snapshot, now: i64) -> Result<(), LiveError> {
        let entities = snapshot.entities(self.entity())?;
        let mut work = Work::default();
        self.know(snapshot, entities.len(), &mut work)?;
        if let Some(deleted) = entities.deleted() {
            work.gone = (0..entities.len() as u32).filter(|o| deleted.value(*o as usize)).collect();
            work.fresh.retain(|o| !deleted.value(*o as usize));
        }
        let lanes: BTreeSet<u32> = (0..self.rules.plan.lanes.len() as u32).collect();
        self.settle(snapshot, now, work, &lanes, Cause::Definition)?;
        Ok(())
    }
}
