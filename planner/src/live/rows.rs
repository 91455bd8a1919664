//! Event rows with their subjects: those of one commit, or those that history has of some entities.

use super::{LiveError, Mark, Marks};
use crate::fold::Chunk;
use arrow::array::{Array, AsArray, UInt32Array};
use arrow::datatypes::{TimestampMicrosecondType, UInt32Type};
use eql_catalog::{EntityTypeId, EventTypeId};
use eql_store::{EventColumn, EventRows, Snapshot, Timelines};
use std::ops::Range;
use std::sync::Arc;

/// Rows of one event type.
#[derive(Debug)]
pub struct LiveRows {
    /// Which type.
    pub event: EventTypeId,
    /// All of its rows.
    pub events: Arc<EventRows>,
    /// The rows that are meant.
    pub rows: Vec<u32>,
    /// Their times, in microseconds.
    pub(super) times: Vec<i64>,
    pub(super) subjects: Subjects,
    /// The order of rows of several types, where they have one; without it the types follow one another.
    pub(super) order: Vec<u32>,
}

/// Whose rows they are.
#[derive(Debug)]
pub(super) enum Subjects {
    /// By participant.
    Named(Vec<Option<UInt32Array>>),
    /// Those of a role in the timeline of a type.
    Of(Option<String>, Vec<u32>),
}

impl LiveRows {
    /// All rows of a commit. `wanted` are the participants whose timelines are followed.
    ///
    /// # Errors
    /// A damaged file.
    pub fn of_commit(event: EventTypeId, events: Arc<EventRows>, wanted: impl Iterator<Item = usize>) -> Result<Self, LiveError> {
        let rows: Vec<u32> = (0..u32::try_from(events.len()).unwrap_or(u32::MAX)).collect();
        let times = events.gather(&EventColumn::Time, &rows)?;
        let times = times.as_primitive::<TimestampMicrosecondType>().values().to_vec();
        let mut subjects: Vec<Option<UInt32Array>> = Vec::new();
        for place in wanted {
            subjects.resize(subjects.len().max(place + 1), None);
            if subjects[place].is_none() {
                subjects[place] = Some(events.gather(&EventColumn::Participant(place), &rows)?.as_primitive::<UInt32Type>().clone());
            }
        }
        Ok(Self { event, events, rows, times, subjects: Subjects::Named(subjects), order: vec![] })
    }

    /// Whose a row is, by its place among the rows that are meant.
    pub(super) fn subject(&self, participant: usize, i: usize) -> Option<u32> {
        match &self.subjects {
            Subjects::Named(by) => by.get(participant)?.as_ref().filter(|o| o.is_valid(i)).map(|o| o.value(i)),
            Subjects::Of(_, ordinals) => ordinals.get(i).copied(),
        }
    }

    /// Whether somebody who follows a role is meant.
    pub(super) fn concerns(&self, role: Option<&str>) -> bool {
        match &self.subjects {
            Subjects::Named(_) => true,
            Subjects::Of(own, _) => own.as_deref() == role,
        }
    }
}

/// The history of entities as some marks want it: read once for all of them.
pub struct History {
    of: Vec<Role>,
    entities: u32,
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").field("entities", &self.entities).finish_non_exhaustive()
    }
}

/// The timelines of a role.
struct Role {
    role: Option<String>,
    timelines: Timelines,
    events: Vec<EventTypeId>,
}

/// Rows a piece aims at; at most one entity more.
const ROWS: usize = 1 << 16;
/// Entities a piece holds at most.
const ENTITIES: u32 = 1 << 16;

impl History {
    /// What a snapshot has.
    ///
    /// # Errors
    /// A damaged file.
    pub fn new<'m>(snapshot: &Snapshot, subject: EntityTypeId, marks: impl Iterator<Item = &'m Marks>) -> Result<Self, LiveError> {
        let mut of: Vec<Role> = Vec::new();
        for marks in marks.filter(|m| m.events().next().is_some()) {
            let known = of.iter().position(|r| r.role.as_deref() == marks.role());
            let role = match known {
                Some(known) => &mut of[known],
                None => {
                    let timelines = snapshot.timelines(subject, marks.role())?;
                    of.push(Role { role: marks.role().map(str::to_string), timelines, events: vec![] });
                    let last = of.len() - 1;
                    &mut of[last]
                }
            };
            role.events.extend(marks.events());
        }
        for role in &mut of {
            role.events.sort_unstable();
            role.events.dedup();
        }
        let entities = of.iter().map(|r| r.timelines.entities()).max().unwrap_or(0);
        Ok(Self { of, entities })
    }

    /// The end of the piece that begins with an entity.
    pub fn reach(&self, from: u32, end: u32) -> u32 {
        let most = end.min(from.saturating_add(ENTITIES));
        let reach = |r: &Role| {
            let all = r.timelines.entities();
            if from < all { r.timelines.reach(from, most.min(all), ROWS, ENTITIES) } else { most }
        };
        // Behind the last entity of a timeline there are no more rows.
        self.of.iter().map(|r| if reach(r) == r.timelines.entities() { most } else { reach(r) }).min().unwrap_or(most)
    }

    /// The rows of some entities, which rise.
    ///
    /// # Errors
    /// A damaged file.
    pub fn rows(&self, snapshot: &Snapshot, entities: &[Range<u32>]) -> Result<Vec<LiveRows>, LiveError> {
        let mut out = Vec::new();
        for role in &self.of {
            let of: Vec<(EventTypeId, usize)> =
                role.events.iter().filter_map(|e| Some((*e, role.timelines.settled.events.iter().position(|s| s == e)?))).collect();
            let mut wanted = vec![false; role.timelines.settled.events.len()];
            of.iter().for_each(|(_, code)| wanted[*code] = true);
            let mut found = Vec::with_capacity(of.len());
            for (event, _) in &of {
                let subjects = Subjects::Of(role.role.clone(), vec![]);
                found.push(LiveRows {
                    event: *event,
                    events: snapshot.events(*event)?,
                    rows: vec![],
                    times: vec![],
                    subjects,
                    order: vec![],
                });
            }
            let mut before = 0;
            for range in entities {
                let range = range.start..range.end.min(role.timelines.entities());
                Chunk::each(&role.timelines, range, &wanted, |chunk| {
                    for (rows, (_, code)) in found.iter_mut().zip(&of) {
                        rows.extend(chunk, *code, before);
                    }
                    before += u32::try_from(chunk.len()).unwrap_or(u32::MAX);
                    Ok::<_, LiveError>(true)
                })?;
            }
            out.extend(found.into_iter().filter(|f| !f.rows.is_empty()));
        }
        Ok(out)
    }
}

impl LiveRows {
    /// The rows of a chunk.
    fn extend(&mut self, chunk: &Chunk<'_>, code: usize, before: u32) {
        let places = chunk.places_of(code);
        self.rows.extend(chunk.event_rows(&places));
        self.times.extend(places.iter().map(|p| chunk.time[*p as usize]));
        self.order.extend(places.iter().map(|p| before.saturating_add(*p)));
        if let Subjects::Of(_, ordinals) = &mut self.subjects {
            let first = chunk.ordinals.start;
            ordinals.extend(chunk.entities_of(&places).map(|entity| first + u32::try_from(entity).unwrap_or(u32::MAX)));
        }
    }

    /// Puts marks of several types in their order, where they have one. `found`: (order, mark).
    pub fn sort(found: &mut [(u32, Mark)]) {
        found.sort_by_key(|(order, _)| *order);
    }
}
