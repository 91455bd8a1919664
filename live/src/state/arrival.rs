//! One commit: what it says becomes work for the populations, and what it does not say is asked of the store.

use super::again::{Again, Wanted};
use super::begin::bound;
use super::definition::{Input, Test};
use super::population::Population;
use super::work::Work;
use super::{Published, State};
use crate::change::Cause;
use arrow::array::UInt32Array;
use eql_catalog::{Catalog, EntityTypeId, EventTypeId};
use eql_planner::live::{EntityExpr, LiveError};
use eql_store::{Committed, FeedEvents, Kept, Merged, Removed, Snapshot, Touched, What};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Takes in a commit whose clock has been reached.
pub(crate) fn take(state: &mut State, commit: &Committed, out: &mut Vec<Published>) -> Result<(), LiveError> {
    if state.is_unsure() {
        return wait(state, commit, out);
    }
    let snapshot = state.source.snapshot()?;
    let mut wanted = Wanted::default();
    // Only a clock that is set by hand goes back.
    if commit.clock < state.clock {
        wanted.all = Some(Cause::Time);
    }
    state.clock = commit.clock;
    let mut works: BTreeMap<EntityTypeId, Work> = BTreeMap::new();
    let cause = read(state, &snapshot, &commit.what, &mut works, &mut wanted)?;
    merged(state, &snapshot, &commit.merged, &mut works, &mut wanted);
    wanted.wholes = !state.wholes.is_empty();
    wanted.cause = Some(cause);
    state.position = commit.position;
    let here = match &mut state.again {
        Some(waiting) => {
            waiting.wanted.merge(wanted);
            if waiting.snapshot.position() <= commit.position { state.again.take() } else { None }
        }
        None if wanted.is_empty() => None,
        None if snapshot.position() == commit.position => Some(Again { snapshot: snapshot.clone(), wanted }),
        None => {
            state.again = Some(Again { snapshot: snapshot.clone(), wanted });
            None
        }
    };
    let mut cause = cause;
    if let Some(again) = here {
        if let Some(cause) = again.wanted.all {
            state.make_again(&again.snapshot, cause, out)?;
            return Ok(());
        }
        for (entity, ordinals) in &again.wanted.anew {
            let Some(population) = state.populations.get_mut(entity) else { continue };
            population.remake(&again.snapshot, ordinals, works.entry(*entity).or_default())?;
        }
        let mut reread: BTreeMap<EntityTypeId, BTreeSet<u32>> = BTreeMap::new();
        for (entity, lanes) in &again.wanted.lanes {
            let Some(population) = state.populations.get_mut(entity) else { continue };
            let work = works.entry(*entity).or_default();
            // Lanes of the same entities are read together.
            let mut by_whom: BTreeMap<Vec<u32>, Vec<u32>> = BTreeMap::new();
            for (lane, only) in lanes {
                match only {
                    Some(only) => by_whom.entry(only.iter().copied().collect()).or_default().push(*lane),
                    None => drop(reread.entry(*entity).or_default().insert(*lane)),
                }
            }
            by_whom.into_iter().try_for_each(|(only, lanes)| population.rescan(&again.snapshot, &lanes, &only, work))?;
        }
        cause = again.wanted.cause.filter(|_| !again.wanted.lanes.is_empty()).unwrap_or(cause);
        let redefinition = again.wanted.redefined.then(|| state.redefinition(&again.snapshot));
        let mut told = Vec::new();
        settle(state, &again.snapshot, works, &reread, commit, cause, &mut told)?;
        if let Some(redefinition) = redefinition {
            // What a segment is by its new definition is told once, with what the commit itself has changed.
            told.retain(|(name, _)| !redefinition.concerns(name));
            state.redefine(&again.snapshot, redefinition, &mut told)?;
        }
        out.extend(told);
        if again.wanted.wholes {
            state.wholes_at(&again.snapshot, cause, &again.wanted.anew, out)?;
        }
    } else {
        settle(state, &snapshot, works, &BTreeMap::new(), commit, cause, out)?;
    }
    state.last = snapshot;
    Ok(())
}

/// Until everything is made anew, only how far the log was read.
fn wait(state: &mut State, commit: &Committed, out: &mut Vec<Published>) -> Result<(), LiveError> {
    (state.position, state.clock) = (commit.position, commit.clock);
    if state.waits_for().is_some_and(|position| position <= commit.position)
        && let Some(again) = state.again.take()
    {
        state.make_again(&again.snapshot, Cause::Merge, out)?;
    }
    Ok(())
}

fn settle(
    state: &mut State,
    snapshot: &Arc<Snapshot>,
    works: BTreeMap<EntityTypeId, Work>,
    reread: &BTreeMap<EntityTypeId, BTreeSet<u32>>,
    commit: &Committed,
    cause: Cause,
    out: &mut Vec<Published>,
) -> Result<(), LiveError> {
    let (none, mut moved) = (BTreeSet::new(), Vec::new());
    for (entity, work) in works {
        let Some(population) = state.populations.get_mut(&entity) else { continue };
        let found = population.settle(snapshot, commit.clock, work, reread.get(&entity).unwrap_or(&none), cause)?;
        moved.extend(found.into_iter().map(|m| (entity, m)));
    }
    out.extend(state.changes(snapshot, moved, commit.position)?);
    Ok(())
}

/// What a record means to the state, and why memberships change with it.
fn read(
    state: &mut State,
    snapshot: &Arc<Snapshot>,
    what: &What,
    works: &mut BTreeMap<EntityTypeId, Work>,
    wanted: &mut Wanted,
) -> Result<Cause, LiveError> {
    Ok(match what {
        What::Events(events) => {
            let events = state.standing.events(snapshot.catalog(), events);
            arrived(state, snapshot, &events, works)?;
            made_known(state, snapshot, &events, works, wanted);
            Cause::Event
        }
        What::Corrections { events, before } => {
            let events = state.standing.events(snapshot.catalog(), events);
            known_in(state, snapshot, &events, works)?;
            let now = events.iter().map(|e| Touched { event: e.event, participants: e.participants.clone() });
            match before {
                Some(before) => before.iter().cloned().chain(now).for_each(|t| concerned(state, &t, wanted)),
                None => events.iter().for_each(|e| lanes_of_event(state, e.event, None, wanted)),
            }
            Cause::Late
        }
        What::Entities { entity, ordinals, deleted } => {
            if let Some(population) = state.populations.get_mut(entity) {
                let work = works.entry(*entity).or_default();
                let known = population.known;
                population.know(snapshot, greatest(ordinals), work)?;
                let roots: BTreeSet<u32> = state.standing.roots(*entity, ordinals).collect();
                work.written.extend(&roots);
                let gone: BTreeSet<u32> = deleted.iter().copied().collect();
                work.fresh.extend(roots.into_iter().filter(|o| *o < known && !population.is_alive(*o)));
                work.fresh.retain(|o| state.standing.root(*entity, *o) == *o);
                work.fresh.retain(|o| !gone.contains(o));
                work.gone.extend(gone);
            }
            // Entities that nobody knew were named by no event.
            let known = state.last.entities(*entity).map_or(0, |e| e.len());
            let new = !ordinals.iter().flatten().any(|o| (o as usize) < known);
            read_by_others(state, Read::Row(*entity, new), works, wanted);
            Cause::Property
        }
        What::Identities { entity, ordinals } => {
            known(state, snapshot, *entity, ordinals, works)?;
            if greatest(ordinals) > state.last.entities(*entity).map_or(0, |e| e.len()) {
                read_by_others(state, Read::Row(*entity, true), works, wanted);
            }
            Cause::Merge
        }
        What::Members { segment, entity, add, .. } => {
            known(state, snapshot, *entity, add, works)?;
            read_by_others(state, Read::Segment(segment), works, wanted);
            Cause::Property
        }
        What::Version { entity, ordinals, kept, definition, .. } => {
            known(state, snapshot, *entity, ordinals, works)?;
            if definition.is_some() {
                redefined(state, snapshot, wanted);
            }
            if let Kept::Segment(segment) = kept {
                read_by_others(state, Read::Segment(segment), works, wanted);
            }
            Cause::Property
        }
        What::TagValues { entity, ordinals, .. } => {
            known(state, snapshot, *entity, ordinals, works)?;
            Cause::Property
        }
        What::Removed(removed) => {
            match removed {
                Removed::Events { event, touched, .. } => match touched {
                    Some(touched) => concerned(state, touched, wanted),
                    None => lanes_of_event(state, *event, None, wanted),
                },
                Removed::Erased { entity, ordinals } => erased(state, snapshot, *entity, ordinals, works, wanted)?,
                Removed::Expired { event, .. } => lanes_of_event(state, *event, None, wanted),
            }
            Cause::Erase
        }
        What::Definition(_) => {
            redefined(state, snapshot, wanted);
            Cause::Definition
        }
        _ => Cause::Event,
    })
}

/// Everything is made anew when what was bound is read otherwise now; what is different where definitions are others.
fn redefined(state: &State, snapshot: &Snapshot, wanted: &mut Wanted) {
    let catalog = snapshot.catalog();
    let (found, failed) = bound(catalog);
    let nouns = |c: &eql_catalog::Catalog| (c.entities().cloned().collect::<Vec<_>>(), c.events().cloned().collect::<Vec<_>>());
    let words = |c: &eql_catalog::Catalog| c.segments().map(|s| s.definition.clone()).collect::<Vec<_>>();
    let same = found == state.bound && failed.keys().eq(state.failed.keys()) && words(catalog) == words(&state.catalog);
    if (!found.is_empty() || !same) && nouns(catalog) != nouns(&state.catalog) {
        wanted.all = Some(Cause::Definition);
    } else if !same {
        wanted.redefined = true;
    }
}

fn greatest(ordinals: &UInt32Array) -> usize {
    ordinals.iter().flatten().max().map_or(0, |o| o as usize + 1)
}

/// Entities of events are known from then on.
fn known_in(
    state: &mut State,
    snapshot: &Snapshot,
    events: &[FeedEvents],
    works: &mut BTreeMap<EntityTypeId, Work>,
) -> Result<(), LiveError> {
    for batch in events {
        let Some(definition) = snapshot.catalog().event_by_id(batch.event) else { continue };
        for (participant, ordinals) in definition.participants.iter().zip(&batch.participants) {
            known(state, snapshot, participant.entity, ordinals, works)?;
        }
    }
    Ok(())
}

/// Entities that a record names are known from then on.
fn known(
    state: &mut State,
    snapshot: &Snapshot,
    entity: EntityTypeId,
    ordinals: &UInt32Array,
    works: &mut BTreeMap<EntityTypeId, Work>,
) -> Result<(), LiveError> {
    let Some(population) = state.populations.get_mut(&entity) else { return Ok(()) };
    let work = works.entry(entity).or_default();
    population.know(snapshot, greatest(ordinals), work)?;
    // Who was deleted and acts again is known again, where the store says so.
    let dead: BTreeSet<u32> = state.standing.roots(entity, ordinals).filter(|o| !population.is_alive(*o)).collect();
    if !dead.is_empty()
        && let Ok(entities) = snapshot.entities(entity)
    {
        let back = |o: &u32| entities.deleted().is_none_or(|d| d.len() > *o as usize && !d.value(*o as usize));
        work.fresh.extend(dead.into_iter().filter(back));
    }
    Ok(())
}

/// Entities became one, or came apart: everything about them is read again, and until then nothing is told of them.
fn merged(state: &mut State, snapshot: &Snapshot, merged: &Merged, works: &mut BTreeMap<EntityTypeId, Work>, wanted: &mut Wanted) {
    let joined = match merged {
        Merged::Known(joined) => joined,
        Merged::Unknown => {
            wanted.all = wanted.all.or(Some(Cause::Merge));
            return;
        }
    };
    for one in joined.iter() {
        state.standing.join(one);
        let ordinals = || one.others.iter().copied().chain([one.survivor]);
        wanted.anew.entry(one.entity).or_default().extend(ordinals());
        if let Some(population) = state.populations.get_mut(&one.entity) {
            population.hold(ordinals());
        }
    }
    let types: BTreeSet<EntityTypeId> = joined.iter().map(|j| j.entity).collect();
    for entity in types {
        read_by_others(state, Read::Merged(entity, snapshot.catalog()), works, wanted);
    }
}

/// Entities of other types that events make known.
fn made_known(state: &State, snapshot: &Snapshot, events: &[FeedEvents], works: &mut BTreeMap<EntityTypeId, Work>, wanted: &mut Wanted) {
    for batch in events {
        let Some(definition) = snapshot.catalog().event_by_id(batch.event) else { continue };
        for (participant, ordinals) in definition.participants.iter().zip(&batch.participants) {
            let entity = participant.entity;
            let read = |p: &Population| {
                let by_lane = p.rules.plan.lanes.iter().any(|l| l.marks.keyed().contains(&entity));
                by_lane || p.entity() != entity && p.rules.plan.atoms.iter().any(|a| matches!(a.test, Test::Row(_) | Test::Mixed { .. }))
            };
            if state.populations.values().any(read) && greatest(ordinals) > state.last.entities(entity).map_or(0, |e| e.len()) {
                read_by_others(state, Read::Row(entity, true), works, wanted);
            }
        }
    }
}

fn arrived(
    state: &mut State,
    snapshot: &Arc<Snapshot>,
    events: &[FeedEvents],
    works: &mut BTreeMap<EntityTypeId, Work>,
) -> Result<(), LiveError> {
    known_in(state, snapshot, events, works)?;
    for (entity, population) in &mut state.populations {
        population.arrive(snapshot, events, works.entry(*entity).or_default())?;
    }
    Ok(())
}

/// Lanes of the entities that take part in events which went or came.
fn concerned(state: &State, touched: &Touched, wanted: &mut Wanted) {
    let mut all: BTreeSet<u32> = BTreeSet::new();
    for ordinals in &touched.participants {
        all.extend(ordinals.iter().flatten());
    }
    // Ordinals of one type may be taken for those of another: they are read again and found as they were.
    lanes_of_event(state, touched.event, Some(&all), wanted);
}

fn lanes_of_event(state: &State, event: EventTypeId, only: Option<&BTreeSet<u32>>, wanted: &mut Wanted) {
    for (entity, population) in &state.populations {
        let only: Option<BTreeSet<u32>> = only.map(|o| o.iter().flat_map(|o| [*o, state.standing.root(*entity, *o)]).collect());
        population.lanes_of(event).iter().for_each(|lane| wanted.lane(*entity, *lane, only.as_ref()));
    }
}

fn erased(
    state: &mut State,
    snapshot: &Snapshot,
    entity: EntityTypeId,
    ordinals: &[u32],
    works: &mut BTreeMap<EntityTypeId, Work>,
    wanted: &mut Wanted,
) -> Result<(), LiveError> {
    // Their part in events of others is gone as well.
    for (other, population) in &state.populations {
        let only: Option<BTreeSet<u32>> = (*other == entity && !ordinals.is_empty()).then(|| ordinals.iter().copied().collect());
        (0..population.rules.plan.lanes.len() as u32).for_each(|lane| wanted.lane(*other, lane, only.as_ref()));
    }
    if let Some(population) = state.populations.get_mut(&entity) {
        let work = works.entry(entity).or_default();
        work.gone.extend(gone(population, snapshot, ordinals)?);
        work.written.extend(ordinals);
    }
    Ok(())
}

/// Of the entities that were erased, or of all when nobody says which, those who are not known any more.
fn gone(population: &Population, snapshot: &Snapshot, ordinals: &[u32]) -> Result<Vec<u32>, LiveError> {
    let entities = snapshot.entities(population.entity())?;
    let Some(deleted) = entities.deleted() else { return Ok(vec![]) };
    let is = |o: &u32| (*o as usize) < deleted.len() && deleted.value(*o as usize);
    if !ordinals.is_empty() {
        return Ok(ordinals.iter().copied().filter(is).collect());
    }
    Ok(population.alive().iter().filter(is).collect())
}

/// What others may read.
#[derive(Clone, Copy)]
enum Read<'a> {
    /// Rows of an entity type; true: only of entities that were unknown.
    Row(EntityTypeId, bool),
    /// Rows of entities of a type that became one, or came apart, and are read again themselves.
    Merged(EntityTypeId, &'a Catalog),
    /// The members of a stored segment.
    Segment(&'a str),
}

/// Conditions that read rows of another type, or the members of a stored segment.
fn read_by_others(state: &State, read: Read<'_>, works: &mut BTreeMap<EntityTypeId, Work>, wanted: &mut Wanted) {
    for (own, population) in &state.populations {
        for (lane, l) in population.rules.plan.lanes.iter().enumerate() {
            let concerns = match read {
                Read::Row(entity, true) => l.marks.keyed().contains(&entity),
                Read::Row(entity, false) => l.marks.reads().contains(&entity),
                Read::Merged(entity, catalog) => {
                    // Of events that name nobody else of the type, all that are concerned are those of the entity itself.
                    let named = |event: EventTypeId| {
                        catalog.event_by_id(event).map_or(0, |e| e.participants.iter().filter(|p| p.entity == entity).count())
                    };
                    let own = *own == entity && !l.marks.keyed().contains(&entity) && l.marks.events().all(|e| named(e) <= 1);
                    l.marks.reads().contains(&entity) && !own
                }
                Read::Segment(name) => l.marks.segments().iter().any(|s| s == name),
            };
            if concerns {
                wanted.lane(*own, lane as u32, None);
            }
        }
        let others = |expr: &EntityExpr| match read {
            // The own row is looked at where it was written.
            Read::Row(entity, _) | Read::Merged(entity, _) => expr.reads().iter().skip(1).any(|r| *r == entity),
            Read::Segment(name) => expr.segments().iter().any(|s| s == name),
        };
        for (number, atom) in population.rules.plan.atoms.iter().enumerate() {
            let reads = match &atom.test {
                Test::Row(expr) => others(expr),
                Test::Mixed { inputs, .. } => inputs.iter().any(|i| matches!(i, Input::Row(expr) if others(expr))),
                _ => false,
            };
            if reads {
                works.entry(*own).or_default().everywhere.push(number as u32);
            }
        }
    }
}
