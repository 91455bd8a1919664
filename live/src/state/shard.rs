//! Some of the entities of a type. What happens to one does not concern another, so shards are worked on side by side; entity after entity, so
//! that what is remembered of one is fetched once.

use super::definition::Test;
use super::entity::Entity;
use super::moment::Moment;
use super::ordinals::{Ordinals, Place};
use super::population::Counts;
use super::rows::Rows;
use super::rules::{Rules, native};
use super::timer::Timers;
use super::work::{Arrival, Moved};
use crate::change::Cause;
use eql_planner::live::{LiveError, RangeMemo};
use eql_store::Snapshot;
use hashbrown::HashSet;
use std::collections::BTreeMap;

/// Entities are known by their numbers in the shard here.
#[derive(Debug)]
pub(crate) struct Shard {
    pub place: Place,
    pub entities: Vec<Entity>,
    pub alive: Ordinals,
    /// By segment.
    pub members: Vec<Ordinals>,
    pub timers: Timers,
    /// Rows dated ahead of the clock, by the instant at which they are seen: entity, lane, what is carried.
    pub pending: BTreeMap<i64, Vec<(u32, u32, i64)>>,
    /// Entities that became one, or came apart, and are not read anew yet: until then they stay what they were.
    pub held: HashSet<u32>,
    pub memos: Vec<RangeMemo>,
    pub counts: Counts,
    pub(super) found: Found,
}

/// What looking at one entity has found. Kept for its memory.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub lanes: Vec<u32>,
    /// Atoms that are otherwise now.
    pub flips: Vec<u32>,
    /// Atoms over several values, which are evaluated by columns.
    pub mixed: Vec<u32>,
    segments: Vec<u32>,
}

/// Where and when.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub rules: &'a Rules,
    pub snapshot: &'a Snapshot,
    pub now: i64,
}

impl Shard {
    pub(crate) fn new(place: Place, rules: &Rules) -> Self {
        Self {
            place,
            entities: vec![],
            alive: Ordinals::default(),
            members: vec![Ordinals::default(); rules.segments.len()],
            timers: Timers::default(),
            pending: BTreeMap::new(),
            held: HashSet::new(),
            memos: rules.memos(),
            counts: Counts::default(),
            found: Found::default(),
        }
    }

    /// Makes room for so many; those who are new are alive.
    pub(crate) fn know(&mut self, count: u32) {
        let known = self.entities.len() as u32;
        self.entities.resize_with(count.max(known) as usize, Entity::default);
        (known..count).for_each(|local| self.alive.set(local, true));
    }

    /// Forgets the rows of some lanes, which rise, of some entities; where there were rows is `touched`, by ordinal.
    pub(crate) fn forget(&mut self, lanes: &[u32], locals: std::ops::Range<u32>, touched: &mut Vec<(u32, u32)>) {
        if locals.is_empty() {
            return;
        }
        self.pending.values_mut().for_each(|rows| rows.retain(|(o, lane, _)| !locals.contains(o) || lanes.binary_search(lane).is_err()));
        self.pending.retain(|_, rows| !rows.is_empty());
        for local in locals {
            let Some(entity) = self.entities.get_mut(local as usize) else { continue };
            let first = touched.len();
            let had = entity.heads().iter().map(|h| h.lane).filter(|lane| lanes.binary_search(lane).is_ok());
            touched.extend(had.map(|lane| (self.place.ordinal(local), lane)));
            touched[first..].iter().for_each(|(_, lane)| entity.clear(*lane));
        }
    }

    /// Takes in a row; whether something may be otherwise now, and whether it comes from before what had been seen.
    pub(super) fn take(&mut self, rules: &Rules, local: u32, row: &Arrival, now: i64) -> bool {
        if row.time >= now {
            self.pending.entry(row.time.saturating_add(1)).or_default().push((local, row.lane, row.payload));
            return false;
        }
        let l = &rules.plan.lanes[row.lane as usize];
        let Some(entity) = self.entities.get_mut(local as usize) else { return false };
        self.counts.rows += 1;
        entity.insert(row.lane, l.stride(), l.keep, row.time, row.payload)
    }

    /// How much may be due up to an instant.
    pub(crate) fn due(&self, until: i64) -> usize {
        self.timers.due(until) + self.pending.range(..=until).map(|(_, rows)| rows.len()).sum::<usize>()
    }

    /// Everything that is due up to an instant; of each entity instant by instant, each by itself.
    pub(crate) fn advance(&mut self, rules: &Rules, snapshot: &Snapshot, until: i64) -> Result<Vec<Moved>, LiveError> {
        let mut timers = Vec::new();
        self.timers.take(until, &mut timers);
        let mut due: Vec<u32> = Vec::with_capacity(timers.len());
        for (at, local) in timers {
            // One that was set for an earlier state and is not the outstanding one has nothing to say.
            if let Some(entity) = self.entities.get_mut(local as usize).filter(|e| e.woken == at) {
                entity.woken = super::entity::UNARMED;
                due.push(local);
            }
        }
        let mut rows: Vec<(u32, i64, u32, i64)> = Vec::new();
        while let Some((at, some)) = self.pending.first_key_value().filter(|(at, _)| **at <= until) {
            let at = *at;
            rows.extend(some.iter().map(|(local, lane, payload)| (*local, at, *lane, *payload)));
            self.pending.remove(&at);
        }
        // Rows of one instant stay as they came.
        rows.sort_by_key(|(local, at, ..)| (*local, *at));
        due.extend(rows.iter().map(|r| r.0));
        due.sort_unstable();
        due.dedup();
        let (mut out, mut rest) = (Vec::new(), rows.as_slice());
        for local in due {
            let (own, behind) = rest.split_at(rest.partition_point(|r| r.0 <= local));
            rest = behind;
            self.wake(rules, snapshot, local, own, until, &mut out)?;
        }
        self.tidy_timers();
        Ok(out)
    }

    /// Everything that is due for one entity.
    fn wake(
        &mut self,
        rules: &Rules,
        snapshot: &Snapshot,
        local: u32,
        mut rows: &[(u32, i64, u32, i64)],
        until: i64,
        out: &mut Vec<Moved>,
    ) -> Result<(), LiveError> {
        loop {
            let Some(entity) = self.entities.get_mut(local as usize) else { return Ok(()) };
            let at = entity.armed().min(rows.first().map_or(i64::MAX, |r| r.1));
            if at > until {
                break;
            }
            self.found.lanes.clear();
            entity.fire(at, &mut self.found.lanes);
            self.counts.timers += self.found.lanes.len() as u64;
            while let Some(((_, _, lane, payload), behind)) = rows.split_first().filter(|(r, _)| r.1 == at) {
                let row = Arrival { ordinal: local, lane: *lane, time: at - 1, payload: *payload, again: true };
                if self.take(rules, local, &row, at) {
                    self.found.lanes.push(*lane);
                }
                rows = behind;
                let entity = &mut self.entities[local as usize];
                entity.latest = entity.latest.max(at - 1);
            }
            let scene = Scene { rules, snapshot, now: at };
            self.look_all(scene, local)?;
            self.test_mixed(scene, local)?;
            self.moved(rules, local, at, Cause::Time, out);
        }
        self.rearm(local);
        Ok(())
    }

    /// Looks at the lanes that were found, each once.
    pub(super) fn look_all(&mut self, scene: Scene<'_>, local: u32) -> Result<(), LiveError> {
        let mut lanes = std::mem::take(&mut self.found.lanes);
        lanes.sort_unstable();
        lanes.dedup();
        lanes.iter().try_for_each(|lane| self.look(scene, local, *lane))?;
        self.found.lanes = lanes;
        Ok(())
    }

    /// One lane of one entity: its features, their atoms, and when it is to be looked at next.
    fn look(&mut self, Scene { rules, now, .. }: Scene<'_>, local: u32, lane: u32) -> Result<(), LiveError> {
        let Some(entity) = self.entities.get_mut(local as usize) else { return Ok(()) };
        // Without rows and timer everything is as it is for nobody.
        let Some(head) = entity.find(lane) else { return Ok(()) };
        let l = &rules.plan.lanes[lane as usize];
        let stride = l.stride();
        let mut at = Moment { now, ranges: &rules.plan.ranges, memos: &mut self.memos };
        if let Some(begin) = l.begin(&rules.plan.features, &mut at) {
            entity.forget_before(head, stride, begin);
        }
        let mut next = i64::MAX;
        for f in &l.features {
            let feature = &rules.plan.features[*f];
            let rows = entity.rows_at(head, stride);
            let value = feature.value(rows, l.codes.as_ref(), l.keep, &mut at)?;
            next = next.min(feature.next(rows, &value, l.keep, &mut at).unwrap_or(i64::MAX));
            for atom in &rules.plan.atoms_of[*f] {
                match native(&rules.plan.atoms[*atom as usize].test, &value) {
                    Some(truth) => {
                        if entity.flip(*atom, truth != rules.defaults[*atom as usize]) {
                            self.found.flips.push(*atom);
                        }
                    }
                    None => self.found.mixed.push(*atom),
                }
            }
        }
        self.counts.features += l.features.len() as u64;
        entity.arm(head, next);
        Ok(())
    }

    /// Tests the conditions over several values that were found, for one entity.
    fn test_mixed(&mut self, scene: Scene<'_>, local: u32) -> Result<(), LiveError> {
        let mut mixed = std::mem::take(&mut self.found.mixed);
        mixed.sort_unstable();
        mixed.dedup();
        for atom in mixed.drain(..) {
            let mut flips = Vec::new();
            self.test(scene, atom, &[local], &mut flips)?;
            self.found.flips.extend(flips.into_iter().map(|(_, atom)| atom));
        }
        self.found.mixed = mixed;
        Ok(())
    }

    /// Tests an atom on some entities.
    pub(super) fn test(&mut self, scene: Scene<'_>, atom: u32, locals: &[u32], flips: &mut Vec<(u32, u32)>) -> Result<(), LiveError> {
        let Scene { rules, snapshot, now } = scene;
        if matches!(rules.plan.atoms[atom as usize].test, Test::Nothing) {
            return Ok(());
        }
        for some in locals.chunks(1 << 16) {
            let asked: Vec<Option<u32>> = some.iter().map(|local| Some(self.place.ordinal(*local))).collect();
            let (entities, place) = (&self.entities, self.place);
            let rows = |ordinal: u32, lane: usize| -> Rows<'_> {
                let stride = rules.plan.lanes[lane].stride();
                let entity = entities.get(place.local(ordinal) as usize);
                entity.map_or(Rows { stride, ..Rows::NONE }, |e| e.rows(lane as u32, stride))
            };
            let mut at = Moment { now, ranges: &rules.plan.ranges, memos: &mut self.memos };
            let truths = rules.truths(snapshot, atom, &asked, &rows, &mut at)?;
            let default = rules.defaults[atom as usize];
            for (local, truth) in some.iter().zip(truths) {
                if let Some(entity) = self.entities.get_mut(*local as usize)
                    && entity.flip(atom, truth != default)
                {
                    flips.push((*local, atom));
                }
            }
        }
        Ok(())
    }

    /// Segments of the atoms that flipped.
    pub(super) fn moved(&mut self, rules: &Rules, local: u32, at: i64, cause: Cause, out: &mut Vec<Moved>) {
        if self.found.flips.is_empty() {
            return;
        }
        let mut segments = std::mem::take(&mut self.found.segments);
        segments.clear();
        self.found.flips.drain(..).for_each(|atom| segments.extend(&rules.segments_of[atom as usize]));
        self.evaluate(rules, local, &mut segments, (at, cause), out);
        self.found.segments = segments;
    }

    /// Whether an entity is in some segments now, where that is otherwise than before.
    pub(super) fn evaluate(&mut self, rules: &Rules, local: u32, segments: &mut Vec<u32>, (at, cause): (i64, Cause), out: &mut Vec<Moved>) {
        let Some(entity) = self.entities.get(local as usize).filter(|_| !self.held.contains(&local)) else { return };
        segments.sort_unstable();
        segments.dedup();
        let alive = self.alive.has(local);
        for segment in segments.drain(..) {
            let condition = &rules.segments[segment as usize].condition;
            let is = alive && condition.is(&mut |a| rules.defaults[a as usize] != entity.is_flipped(a));
            let members = &mut self.members[segment as usize];
            if is != members.has(local) {
                members.set(local, is);
                out.push(Moved { at, segment, ordinal: self.place.ordinal(local), enters: is, cause });
            }
        }
    }

    /// Sets the timer of an entity when none comes early enough. One that comes too early finds nothing and sets the next one.
    pub(super) fn rearm(&mut self, local: u32) {
        let Some(entity) = self.entities.get_mut(local as usize) else { return };
        let next = entity.armed();
        if next < entity.woken {
            entity.woken = next;
            self.timers.set((next, local));
        }
    }

    /// Timers that are not the outstanding ones of anybody pile up where entities are looked at often: then all are set anew.
    fn tidy_timers(&mut self) {
        if self.timers.len() <= 2 * self.entities.len() + 1_024 {
            return;
        }
        self.timers = Timers::default();
        for (local, entity) in self.entities.iter_mut().enumerate() {
            entity.woken = entity.armed();
            if entity.woken != super::entity::UNARMED {
                self.timers.set((entity.woken, local as u32));
            }
        }
    }

    /// Bytes the entities take.
    pub(crate) fn bytes(&self) -> usize {
        self.entities.iter().map(Entity::bytes).sum::<usize>() + self.timers.len() * 16
    }
}
