//! The latest events of one entity, found without making a timeline: a search in the order of each part and of what is in memory.

use crate::entity::EntitySource;
use crate::hot::HotChunk;
use crate::part::Part;
use crate::rows::{Chunk, EventColumn};
use crate::{EventRows, Snapshot, StoreError};
use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::UInt64Type;
use eql_catalog::{EntityTypeId, EventTypeId};
use std::cmp::Reverse;
use std::sync::Arc;

/// An event of one entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentEvent {
    /// Its type.
    pub event: EventTypeId,
    /// Its row number in the [`EventRows`] of that type.
    pub row: u32,
    /// When: microseconds in UTC.
    pub time: i64,
}

/// Where to go on: this time and earlier, without so many of the newest events of exactly that time.
pub type Before = (i64, usize);

/// An event and its place among those of the same time: older sources first.
type Candidate = ((i64, usize, u64), RecentEvent);

impl Snapshot {
    /// The newest events of an entity, newest first, at most `limit`; and whether there are more.
    ///
    /// # Errors
    /// An unknown entity type, or a damaged file.
    pub fn recent_events(
        &self,
        subject: EntityTypeId,
        ordinal: u32,
        before: Option<Before>,
        limit: usize,
    ) -> Result<(Vec<RecentEvent>, bool), StoreError> {
        let (last, skipped) = before.unwrap_or((i64::MAX, 0));
        let wanted = limit.saturating_add(skipped).saturating_add(1);
        let involved = || self.events.values().filter(|e| e.definition().participant_of(subject).is_some());
        let mut found: Vec<Candidate> = Vec::new();
        if involved().all(|e| e.definition().participant_of(subject) == Some(0)) {
            let members = self.source(subject)?.parts.roots.members(ordinal);
            for member in &members {
                for (source, part) in self.parts.iter().enumerate().filter(|(_, p)| p.meta.subject == subject && p.meta.time_min <= last) {
                    self.in_part(part, source, *member, (last, wanted), &mut found)?;
                }
                for rows in involved() {
                    in_memory(rows, self.parts.len(), *member, (last, wanted), &mut found);
                }
            }
            if members.len() > 1 {
                self.settle_ties(&mut found)?;
            }
        } else {
            self.in_timeline(subject, ordinal, (last, wanted), &mut found)?;
        }
        found.sort_unstable_by_key(|(place, _)| Reverse(*place));
        let at_last = found.iter().take_while(|(_, e)| e.time == last).count().min(skipped);
        let more = found.len() - at_last > limit;
        Ok((found.into_iter().skip(at_last).take(limit).map(|(_, e)| e).collect(), more))
    }

    /// Keys of some entities, column by column.
    ///
    /// # Errors
    /// An unknown entity type, or a damaged file.
    pub fn keys_of(&self, entity: EntityTypeId, ordinals: &[u32]) -> Result<Vec<ArrayRef>, StoreError> {
        let source: &Arc<EntitySource> = self.entities.get(&entity).ok_or(StoreError::UnknownEntity(entity.0))?;
        source.parts.keys_at(ordinals)
    }

    fn in_part(
        &self,
        part: &Arc<Part>,
        source: usize,
        ordinal: u32,
        (last, wanted): (i64, usize),
        found: &mut Vec<Candidate>,
    ) -> Result<(), StoreError> {
        let spine = part.spine(&self.cache)?;
        let Some((start, end)) = spine.run_of(ordinal) else { return Ok(()) };
        let mut left = wanted;
        for row in (start..end).rev() {
            let time = spine.time(row);
            if time > last {
                continue;
            }
            if left == 0 {
                break;
            }
            let event = spine.events[usize::from(spine.code(row))];
            let Some(rows) = self.events.get(&event) else { continue };
            if let Some(number) = rows.number_in(part, spine.rank(row)) {
                found.push(((time, source, row as u64), RecentEvent { event, row: number, time }));
                left -= 1;
            }
        }
        Ok(())
    }

    /// Rows of one part that several ordinals of an entity have at one time are in the order of their sequences.
    fn settle_ties(&self, found: &mut [Candidate]) -> Result<(), StoreError> {
        found.sort_unstable_by_key(|((time, source, _), _)| (*time, *source));
        let mut start = 0;
        while start < found.len() {
            let (time, source, _) = found[start].0;
            let end = start + found[start..].iter().take_while(|((t, s, _), _)| (*t, *s) == (time, source)).count();
            if end - start > 1 && source < self.parts.len() {
                for ((_, _, place), event) in &mut found[start..end] {
                    let Some(rows) = self.events.get(&event.event) else { continue };
                    *place = rows.gather(&EventColumn::Sequence, &[event.row])?.as_primitive::<UInt64Type>().value(0);
                }
            }
            start = end;
        }
        Ok(())
    }

    /// The entity takes another part in some events: those lie in no order of its own.
    fn in_timeline(
        &self,
        subject: EntityTypeId,
        ordinal: u32,
        (last, wanted): (i64, usize),
        found: &mut Vec<Candidate>,
    ) -> Result<(), StoreError> {
        let timeline = self.timeline(subject)?;
        let place = ordinal as usize;
        let (Some(first), Some(end)) = (timeline.offsets.get(place), timeline.offsets.get(place + 1)) else { return Ok(()) };
        let rows = *first as usize..*end as usize;
        let upto = rows.start + timeline.time[rows.clone()].partition_point(|t| *t <= last);
        for i in (rows.start..upto).rev().take(wanted) {
            let event = timeline.events[usize::from(timeline.code[i])];
            found.push(((timeline.time[i], 0, i as u64), RecentEvent { event, row: timeline.row[i], time: timeline.time[i] }));
        }
        Ok(())
    }
}

fn in_memory(rows: &EventRows, source: usize, ordinal: u32, (last, wanted): (i64, usize), found: &mut Vec<Candidate>) {
    let event = rows.definition().id;
    for (chunk, start) in rows.chunks() {
        let Chunk::Hot(hot) = chunk else { continue };
        for row in rows_of(hot, ordinal).into_iter().rev().filter(|row| hot.time.value(*row as usize) <= last).take(wanted) {
            let (time, sequence) = (hot.time.value(row as usize), hot.sequence.value(row as usize));
            found.push(((time, source, sequence), RecentEvent { event, row: start + row, time }));
        }
    }
}

/// Rows of one subject in memory, in the order of time.
fn rows_of(hot: &HotChunk, ordinal: u32) -> Vec<u32> {
    let order = hot.order();
    let subjects = hot.participants[0].values();
    let start = order.partition_point(|row| subjects[*row as usize] < ordinal);
    order[start..].iter().copied().take_while(|row| subjects[*row as usize] == ordinal).collect()
}
