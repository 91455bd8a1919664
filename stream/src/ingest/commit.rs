//! A group of calls: read, appended by one call of the store, answered one by one.

use super::answer::{IngestAnswer, IngestError};
use super::corrections::Deed;
use super::entity::{self, EntityGroup};
use super::event;
use super::group::{Call, EventGroup, Piece, Tallies};
use super::pipeline::Shared;
use super::queue::Place;
use super::record::{EventRecord, id_text};
use crate::ImportError;
use crate::limit::{ATTEMPTS, REJECTED_BYTES, REJECTED_ROWS};
use arrow::array::{StringArray, UInt32Array};
use eql_catalog::EventTypeId;
use eql_store::{EventBatch, RejectedRow, StoreError};
use hashbrown::HashSet;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Told once what became of a call.
pub(crate) type Done = Box<dyn FnOnce(Result<IngestAnswer, IngestError>) + Send>;

/// A call on its way to the store.
pub(crate) struct Waiting {
    pub(crate) call: Call,
    pub(crate) read: Read,
    /// Given back when the call was answered.
    pub(crate) place: Place,
    pub(crate) done: Done,
}

/// What was made of a body before it came to the committer.
pub(crate) enum Read {
    /// Nothing yet.
    Later,
    Events(EventGroup),
    Entities(Box<EntityGroup>),
    Failed(IngestError),
}

/// Reads a long body on its caller's thread.
pub(crate) fn read_alone(shared: &Shared, call: &Call) -> Read {
    let catalog = shared.store.catalog();
    let read = match &call.entity {
        None => event::read(&catalog, &[call], &shared.limits).map(Read::Events).map_err(defect),
        Some(_) => entity::read(&catalog, &[call], &shared.limits).map(|group| Read::Entities(Box::new(group))),
    };
    read.unwrap_or_else(Read::Failed)
}

fn defect(error: ImportError) -> IngestError {
    tracing::error!(%error, "rows could not be made into columns");
    IngestError::Defect(error.to_string())
}

/// Commits what waited.
pub(crate) fn commit(shared: &Shared, group: Vec<Waiting>) {
    let (entities, events): (Vec<Waiting>, Vec<Waiting>) = group.into_iter().partition(|w| w.call.entity.is_some());
    for of_one_type in by_entity(entities) {
        answer(shared, of_one_type, append_entities);
    }
    if !events.is_empty() {
        answer(shared, events, append_events);
    }
}

/// Calls of one entity type together, in order.
fn by_entity(waiting: Vec<Waiting>) -> Vec<Vec<Waiting>> {
    let mut groups: Vec<Vec<Waiting>> = Vec::new();
    for one in waiting {
        match groups.iter_mut().find(|g| g.first().is_some_and(|w| w.call.entity == one.call.entity)) {
            Some(calls) => calls.push(one),
            None => groups.push(vec![one]),
        }
    }
    groups
}

type Answers = Vec<Result<IngestAnswer, IngestError>>;

/// Appends calls and tells everybody. Definitions may change between reading and appending: then everything is read again.
fn answer(shared: &Shared, mut waiting: Vec<Waiting>, append: fn(&Shared, &mut [Waiting]) -> Result<Answers, Failure>) {
    let mut answers = append(shared, &mut waiting);
    for _ in 1..ATTEMPTS {
        if !matches!(&answers, Err(failure) if failure.stale) {
            break;
        }
        waiting.iter_mut().for_each(|w| w.read = Read::Later);
        answers = append(shared, &mut waiting);
    }
    let answers = answers.unwrap_or_else(|failure| waiting.iter().map(|_| Err(failure.error.clone())).collect());
    for (one, answer) in waiting.into_iter().zip(answers) {
        (one.done)(answer);
    }
}

/// Why nothing of a group was appended.
struct Failure {
    error: IngestError,
    /// Definitions changed under it: read again, it may fit.
    stale: bool,
}

impl From<IngestError> for Failure {
    fn from(error: IngestError) -> Failure {
        Failure { error, stale: false }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        use StoreError as E;
        // Rows that were read fit the definitions of their time: these errors say that it is over.
        let stale = matches!(error, E::Mismatch { .. } | E::UnknownEvent(_) | E::UnknownEntity(_) | E::UnknownProperty { .. });
        Failure { error: IngestError::Store(Arc::new(error)), stale }
    }
}

/// A part of a group that was read at once, and whose calls it holds.
struct Part<G> {
    group: G,
    calls: Vec<usize>,
}

fn append_events(shared: &Shared, waiting: &mut [Waiting]) -> Result<Answers, Failure> {
    let mut answers: Vec<Option<Result<IngestAnswer, IngestError>>> = waiting.iter().map(|_| None).collect();
    let mut parts = Vec::new();
    let mut short = Vec::new();
    for (i, one) in waiting.iter_mut().enumerate() {
        match std::mem::replace(&mut one.read, Read::Later) {
            Read::Events(group) => parts.push(Part { group, calls: vec![i] }),
            Read::Failed(error) => answers[i] = Some(Err(error)),
            Read::Later | Read::Entities(_) => short.push(i),
        }
    }
    if !short.is_empty() {
        let calls: Vec<&Call> = short.iter().map(|i| &waiting[*i].call).collect();
        let group = event::read(&shared.store.catalog(), &calls, &shared.limits).map_err(defect)?;
        parts.push(Part { group, calls: short });
    }
    let position = shared.store.position();
    let mut told: Vec<Vec<IngestAnswer>> = parts.iter_mut().map(|p| p.group.tallies.answers(position)).collect();
    for phase in phases(&parts) {
        do_phase(shared, phase, &mut parts, &mut told)?;
    }
    let refused = parts.iter().flat_map(|p| refused_rows(waiting, &p.group.tallies, &p.calls)).collect();
    keep_rejected(shared, refused);
    for (part, told) in parts.into_iter().zip(told) {
        settle(&mut answers, &part.calls, told, part.group.tallies);
    }
    Ok(answers.into_iter().map(|a| a.unwrap_or(Err(IngestError::Closed))).collect())
}

fn phases(parts: &[Part<EventGroup>]) -> BTreeSet<u32> {
    let pieces = parts.iter().flat_map(|p| &p.group.pieces).map(|piece| piece.phase);
    pieces.chain(parts.iter().flat_map(|p| &p.group.deletes).map(|d| d.phase)).collect()
}

/// Does what is due in one phase, for all calls together.
fn do_phase(shared: &Shared, phase: u32, parts: &mut [Part<EventGroup>], told: &mut [Vec<IngestAnswer>]) -> Result<(), Failure> {
    if Deed::of(phase) == Deed::Delete {
        return delete(shared, phase, parts, told);
    }
    let (batches, places) = batches(phase, parts);
    let appended = match Deed::of(phase) {
        Deed::Correct => shared.store.correct_events(batches)?,
        _ => shared.store.append_events(batches)?,
    };
    let duplicates: HashSet<(usize, u32)> =
        appended.duplicate_rows.iter().map(|(batch, row)| (places[*batch].0, places[*batch].1[*row as usize])).collect();
    for (number, part) in parts.iter().enumerate() {
        let clamped: HashSet<u32> = part.group.clamped.iter().copied().collect();
        for row in places.iter().filter(|(p, _)| *p == number).flat_map(|(_, rows)| rows) {
            let answer = &mut told[number][part.group.tallies.call_of(*row)];
            if !duplicates.is_empty() && duplicates.contains(&(number, *row)) {
                answer.duplicates += 1;
            } else {
                answer.accepted += 1;
                answer.clamped += u64::from(!clamped.is_empty() && clamped.contains(row));
            }
            answer.position = answer.position.max(appended.position);
        }
    }
    Ok(())
}

/// Deletes by id. An id that nobody knows is gone already.
fn delete(shared: &Shared, phase: u32, parts: &[Part<EventGroup>], told: &mut [Vec<IngestAnswer>]) -> Result<(), Failure> {
    let mut by_event: BTreeMap<EventTypeId, Vec<&str>> = BTreeMap::new();
    for delete in parts.iter().flat_map(|p| &p.group.deletes).filter(|d| d.phase == phase) {
        by_event.entry(delete.event).or_default().push(&delete.id);
    }
    let mut position = 0;
    for (event, ids) in by_event {
        position = shared.store.delete_events(event, &StringArray::from(ids))?.position;
    }
    for (part, told) in parts.iter().zip(told) {
        for delete in part.group.deletes.iter().filter(|d| d.phase == phase) {
            let answer = &mut told[part.group.tallies.call_of(delete.row)];
            answer.accepted += 1;
            answer.position = answer.position.max(position);
        }
    }
    Ok(())
}

/// Puts answers where their calls are; a call that could not be read has an error instead.
fn settle(answers: &mut [Option<Result<IngestAnswer, IngestError>>], calls: &[usize], told: Vec<IngestAnswer>, tallies: Tallies) {
    for ((call, answer), rows) in calls.iter().zip(told).zip(tallies.calls) {
        answers[*call] = Some(rows.error.map_or(Ok(answer), Err));
    }
}

/// The pieces of a phase for one call of the store, in the order of their rows, and for each its part and rows.
fn batches(phase: u32, parts: &mut [Part<EventGroup>]) -> (Vec<EventBatch>, Vec<(usize, Vec<u32>)>) {
    let due = |p: &Piece| p.phase == phase;
    let ordered = parts.iter().flat_map(|p| &p.group.pieces).filter(|p| due(p)).count() > 1;
    let (mut batches, mut places, mut base) = (Vec::new(), Vec::new(), 0);
    for (number, part) in parts.iter_mut().enumerate() {
        for piece in part.group.pieces.extract_if(.., |p| due(p)) {
            let order = ordered.then(|| UInt32Array::from_iter_values(piece.rows.iter().map(|row| base + row)));
            batches.push(EventBatch { order, ..piece.batch });
            places.push((number, piece.rows));
        }
        base += part.group.tallies.rows();
    }
    (batches, places)
}

fn append_entities(shared: &Shared, waiting: &mut [Waiting]) -> Result<Answers, Failure> {
    let mut answers: Vec<Option<Result<IngestAnswer, IngestError>>> = waiting.iter().map(|_| None).collect();
    // Read together even where a call was read before, as rows about one key must stay in order across calls.
    let alone = waiting.len() == 1;
    let read = match waiting.first_mut().map(|w| std::mem::replace(&mut w.read, Read::Later)) {
        Some(Read::Entities(group)) if alone => Ok(*group),
        Some(Read::Failed(error)) if alone => Err(error),
        _ => {
            let calls: Vec<&Call> = waiting.iter().map(|w| &w.call).collect();
            entity::read(&shared.store.catalog(), &calls, &shared.limits)
        }
    };
    let mut group = read?;
    let mut position = match group.batches.is_empty() {
        true => shared.store.position(),
        false => shared.store.append_entities_in_order(std::mem::take(&mut group.batches))?.position,
    };
    if let Some(identities) = group.identities.take() {
        // What was appended must not be appended again, whatever is wrong with this.
        position = shared.store.change_identities(identities).map_err(|e| IngestError::Store(Arc::new(e)))?.position;
    }
    let calls: Vec<usize> = (0..waiting.len()).collect();
    let mut told = group.tallies.answers(position);
    for (answer, rows) in told.iter_mut().zip(&group.tallies.calls) {
        // An upsert takes every row, whether it changes something or not.
        answer.accepted = (rows.records.len() - answer.rejected.len()) as u64;
    }
    for row in &group.clamped {
        told[group.tallies.call_of(*row)].clamped += 1;
    }
    keep_rejected(shared, refused_rows(waiting, &group.tallies, &calls).collect());
    settle(&mut answers, &calls, told, group.tallies);
    Ok(answers.into_iter().map(|a| a.unwrap_or(Err(IngestError::Closed))).collect())
}

/// Rows that were not taken, for a look; of very many the last.
fn refused_rows<'w>(waiting: &'w [Waiting], tallies: &'w Tallies, calls: &'w [usize]) -> impl Iterator<Item = RejectedRow> + 'w {
    let skipped = tallies.refused.len().saturating_sub(REJECTED_ROWS);
    tallies.refused.iter().skip(skipped).map(move |(row, refusal)| {
        let number = tallies.call_of(*row);
        let (call, rows) = (&waiting[calls[number]].call, &tallies.calls[number]);
        let index = row - rows.first;
        let text = &call.body[rows.records[index as usize].clone()];
        RejectedRow {
            received: call.stamp,
            target: call.entity.clone().unwrap_or_else(|| "events".to_string()),
            index: u64::from(index),
            id: own_id(text),
            code: refusal.code.to_string(),
            message: refusal.message.clone(),
            record: String::from_utf8_lossy(&text[..text.len().min(REJECTED_BYTES)]).trim().to_string(),
        }
    })
}

/// Where they cannot be kept, their senders still know: they are told.
fn keep_rejected(shared: &Shared, rows: Vec<RejectedRow>) {
    if rows.is_empty() {
        return;
    }
    if let Err(error) = shared.store.reject(rows) {
        tracing::warn!(%error, "rejected rows could not be kept");
    }
}

fn own_id(text: &[u8]) -> Option<String> {
    let mut record = EventRecord::new();
    record.read(std::str::from_utf8(text).ok()?).ok()?;
    id_text(&record.id).ok().flatten().map(|id| id.into_owned())
}
