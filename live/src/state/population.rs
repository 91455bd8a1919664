//! All entities of one type, in shards, and the segments of them that are followed by features.

use super::dispatch::Dispatch;
use super::keys::Keys;
use super::ordinals::{Ordinals, Place, together};
use super::parallel;
use super::plan::Plan;
use super::rules::{Followed, Rules};
use super::shard::{Scene, Shard};
use super::work::{Arrival, Moved, Work};
use crate::change::Cause;
use eql_catalog::{EntityTypeId, EventTypeId};
use eql_planner::live::{History, LiveError, LiveRows};
use eql_store::{FeedEvents, Snapshot};
use std::collections::BTreeSet;
use std::ops::Range;

/// Figures of what was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Rows that arrived in lanes.
    pub rows: u64,
    /// Features that were computed.
    pub features: u64,
    /// Timers that were due.
    pub timers: u64,
    /// Entities whose rows were read from the store again.
    pub rescans: u64,
}

impl std::ops::Add for Counts {
    type Output = Counts;

    fn add(self, other: Counts) -> Counts {
        Counts {
            rows: self.rows + other.rows,
            features: self.features + other.features,
            timers: self.timers + other.timers,
            rescans: self.rescans + other.rescans,
        }
    }
}

/// The state of all entities of a type.
#[derive(Debug)]
pub(crate) struct Population {
    pub rules: Rules,
    pub dispatch: Dispatch,
    pub shards: Vec<Shard>,
    pub keys: Keys,
    /// How many entities are known.
    pub known: u32,
    pub rescans: u64,
}

impl Population {
    /// Nobody is known yet.
    pub(crate) fn new(
        entity: EntityTypeId,
        plan: Plan,
        segments: Vec<Followed>,
        snapshot: &Snapshot,
        shards: usize,
    ) -> Result<Self, LiveError> {
        let rules = Rules::new(entity, plan, segments, snapshot)?;
        let of = u32::try_from(shards.clamp(1, SHARDS_MAX)).unwrap_or(1);
        let shards = (0..of).map(|number| Shard::new(Place { number, of }, &rules)).collect();
        let dispatch = Dispatch::new(&rules.plan, |_| true);
        Ok(Self { rules, dispatch, shards, keys: Keys::default(), known: 0, rescans: 0 })
    }

    pub(crate) fn entity(&self) -> EntityTypeId {
        self.rules.entity
    }

    fn of(&self) -> u32 {
        self.shards.len() as u32
    }

    /// The shard of an ordinal, and its number there.
    pub(crate) fn place(&self, ordinal: u32) -> (&Shard, u32) {
        let shard = &self.shards[Place::shard(ordinal, self.of())];
        (shard, shard.place.local(ordinal))
    }

    pub(crate) fn is_alive(&self, ordinal: u32) -> bool {
        let (shard, local) = self.place(ordinal);
        shard.alive.has(local)
    }

    pub(crate) fn alive(&self) -> Ordinals {
        together(&self.shards.iter().map(|s| &s.alive).collect::<Vec<_>>())
    }

    /// The members of a segment by its number.
    pub(crate) fn members(&self, segment: usize) -> Ordinals {
        together(&self.shards.iter().map(|s| &s.members[segment]).collect::<Vec<_>>())
    }

    pub(crate) fn has(&self, segment: usize, ordinal: u32) -> bool {
        let (shard, local) = self.place(ordinal);
        shard.members[segment].has(local)
    }

    pub(crate) fn count(&self, segment: usize) -> usize {
        self.shards.iter().map(|s| s.members[segment].len()).sum()
    }

    /// Until they are read anew they stay what they were.
    pub(crate) fn hold(&mut self, ordinals: impl Iterator<Item = u32>) {
        let of = self.of();
        ordinals.for_each(|o| {
            let shard = &mut self.shards[Place::shard(o, of)];
            shard.held.insert(shard.place.local(o));
        });
    }

    pub(crate) fn release(&mut self, ordinals: &BTreeSet<u32>) {
        let of = self.of();
        ordinals.iter().for_each(|o| {
            let shard = &mut self.shards[Place::shard(*o, of)];
            shard.held.remove(&shard.place.local(*o));
        });
    }

    pub(crate) fn counts(&self) -> Counts {
        let all = self.shards.iter().fold(Counts::default(), |all, s| all + s.counts);
        Counts { rescans: self.rescans, ..all }
    }

    /// Bytes the entities take.
    pub(crate) fn bytes(&self) -> usize {
        self.shards.iter().map(Shard::bytes).sum()
    }

    /// Makes room for everybody up to an ordinal; those who are new are alive.
    pub(crate) fn know(&mut self, snapshot: &Snapshot, count: usize, work: &mut Work) -> Result<(), LiveError> {
        let count = u32::try_from(count).unwrap_or(u32::MAX).max(self.known);
        self.keys.grow(snapshot, self.entity(), count)?;
        work.fresh.extend(self.known..count);
        self.make_room(count);
        Ok(())
    }

    pub(crate) fn make_room(&mut self, count: u32) {
        self.shards.iter_mut().for_each(|s| s.know(s.place.count(count)));
        self.known = count;
    }

    /// Lanes that want rows of an event type.
    pub(crate) fn lanes_of(&self, event: EventTypeId) -> Vec<u32> {
        self.dispatch.lanes_of(event)
    }

    /// Rows of a commit that are to be taken in.
    pub(crate) fn arrive(&mut self, snapshot: &Snapshot, events: &[FeedEvents], work: &mut Work) -> Result<(), LiveError> {
        let mut rows = Vec::new();
        for batch in events.iter().filter(|b| self.dispatch.wants(b.event)) {
            if let Some(events) = snapshot.rows_of(batch) {
                rows.push(LiveRows::of_commit(batch.event, events, self.dispatch.participants(&self.rules.plan, batch.event))?);
            }
        }
        let of = self.of();
        work.arrive(self.dispatch.arrivals(&mut self.rules.plan, snapshot, &rows, (of, false))?);
        Ok(())
    }

    /// Everything that is due up to an instant.
    pub(crate) fn advance(&mut self, snapshot: &Snapshot, until: i64) -> Result<Vec<Moved>, LiveError> {
        let size = self.shards.iter().map(|s| s.due(until)).sum();
        let rules = &self.rules;
        let moved = parallel::each(self.shards.iter_mut().collect(), size, |shard| {
            if shard.due(until) == 0 { Ok(vec![]) } else { shard.advance(rules, snapshot, until) }
        })?;
        Ok(ordered(moved))
    }

    /// Looks at everything that was touched, and tells whose membership is another one now. Lanes of `reread` are read from history for
    /// everybody, some entities after others, so that not all of it is in memory.
    pub(crate) fn settle(
        &mut self,
        snapshot: &Snapshot,
        now: i64,
        work: Work,
        reread: &BTreeSet<u32>,
        cause: Cause,
    ) -> Result<Vec<Moved>, LiveError> {
        if reread.is_empty() {
            return self.settle_all(snapshot, now, work, cause);
        }
        let lanes: Vec<u32> = reread.iter().copied().collect();
        let history = self.history(snapshot, &lanes)?;
        let dispatch = Dispatch::new(&self.rules.plan, |lane| reread.contains(&lane));
        let (mut out, mut rest, mut from) = (Vec::new(), work, 0);
        while from < self.known {
            let to = history.reach(from, self.known);
            let mut some = rest.split(to);
            self.forget(&lanes, from..to, &mut some);
            let piece = from..to;
            let rows = history.rows(snapshot, std::slice::from_ref(&piece))?;
            let of = self.of();
            some.arrive(dispatch.arrivals(&mut self.rules.plan, snapshot, &rows, (of, true))?);
            out.extend(self.settle_all(snapshot, now, some, cause)?);
            from = to;
        }
        out.sort_unstable_by_key(Moved::order);
        Ok(out)
    }

    fn settle_all(&mut self, snapshot: &Snapshot, now: i64, work: Work, cause: Cause) -> Result<Vec<Moved>, LiveError> {
        let (size, of) = (work.size(), self.of());
        let parts = self.shards.iter_mut().zip(work.divided(of)).collect();
        let scene = Scene { rules: &self.rules, snapshot, now };
        Ok(ordered(parallel::each(parts, size, |(shard, work)| shard.settle(scene, work, cause))?))
    }

    /// What history has for some lanes.
    pub(crate) fn history(&self, snapshot: &Snapshot, lanes: &[u32]) -> Result<History, LiveError> {
        let wanted = lanes.iter().map(|lane| &self.rules.plan.lanes[*lane as usize]).filter(|l| !l.features.is_empty());
        History::new(snapshot, self.entity(), wanted.map(|l| &l.marks))
    }

    /// Forgets the rows of some lanes, of some entities.
    pub(crate) fn forget(&mut self, lanes: &[u32], ordinals: Range<u32>, work: &mut Work) {
        for shard in &mut self.shards {
            let (from, to) = (shard.place.count(ordinals.start), shard.place.count(ordinals.end));
            shard.forget(lanes, from..to, &mut work.touched);
        }
        // What arrives is in history as well.
        let again = |a: &Arrival| ordinals.contains(&a.ordinal) && lanes.binary_search(&a.lane).is_ok();
        work.arrivals.iter_mut().for_each(|rows| rows.retain(|a| !again(a)));
    }
}

/// More threads than this are not worth their memory.
const SHARDS_MAX: usize = 64;

/// Changes in their order, whoever found them.
fn ordered(moved: Vec<Vec<Moved>>) -> Vec<Moved> {
    let mut all: Vec<Moved> = moved.into_iter().flatten().collect();
    all.sort_unstable_by_key(Moved::order);
    all
}
