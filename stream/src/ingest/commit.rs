//! A group of calls: read, appended by one call of the store, answered one by one.

use super::answer::{IngestAnswer, IngestError};
use super::entity::{self, EntityGroup};
use super::event;
use super::group::{Call, EventGroup, Tallies};
use super::pipeline::Shared;
use super::queue::Place;
use super::record::{EventRecord, id_text};
use super::rejected::{RejectedRow, cut};
use crate::ImportError;
use crate::limit::ATTEMPTS;
use arrow::array::UInt32Array;
use eql_store::{Appended, EventBatch, StoreError};
use hashbrown::HashSet;
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
    Entities(EntityGroup),
    Failed(IngestError),
}

/// Reads a long body on its caller's thread.
pub(crate) fn read_alone(shared: &Shared, call: &Call) -> Read {
    let catalog = shared.store.catalog();
    let read = match &call.entity {
        None => event::read(&catalog, &[call], &shared.limits).map(Read::Events).map_err(defect),
        Some(_) => entity::read(&catalog, &[call], &shared.limits).map(Read::Entities),
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
    for (i, one) in waiting.iter_mut().enumerate() {
        match std::mem::replace(&mut one.read, Read::Later) {
            Read::Events(group) => parts.push(Part { group, calls: vec![i] }),
            Read::Failed(error) => answers[i] = Some(Err(error)),
            Read::Later | Read::Entities(_) => {}
        }
    }
    let short: Vec<usize> = (0..waiting.len()).filter(|i| answers[*i].is_none() && !parts.iter().any(|p| p.calls == [*i])).collect();
    if !short.is_empty() {
        let calls: Vec<&Call> = short.iter().map(|i| &waiting[*i].call).collect();
        let group = event::read(&shared.store.catalog(), &calls, &shared.limits).map_err(defect)?;
        parts.push(Part { group, calls: short });
    }
    let (batches, places) = batches(&mut parts);
    let appended = match batches.is_empty() {
        true => Appended { position: shared.store.position(), ..Appended::default() },
        false => shared.store.append_events(batches)?,
    };
    let duplicates: HashSet<(usize, u32)> =
        appended.duplicate_rows.iter().map(|(batch, row)| (places[*batch].0, places[*batch].1[*row as usize])).collect();
    for (number, mut part) in parts.into_iter().enumerate() {
        let mut told = part.group.tallies.answers(appended.position);
        let clamped: HashSet<u32> = part.group.clamped.iter().copied().collect();
        for row in places.iter().filter(|(p, _)| *p == number).flat_map(|(_, rows)| rows) {
            let answer = &mut told[part.group.tallies.call_of(*row)];
            if !duplicates.is_empty() && duplicates.contains(&(number, *row)) {
                answer.duplicates += 1;
            } else {
                answer.accepted += 1;
                answer.clamped += u64::from(!clamped.is_empty() && clamped.contains(row));
            }
        }
        keep_rejected(shared, waiting, &part.group.tallies, &part.calls);
        settle(&mut answers, &part.calls, told, part.group.tallies);
    }
    Ok(answers.into_iter().map(|a| a.unwrap_or(Err(IngestError::Closed))).collect())
}

/// Puts answers where their calls are; a call that could not be read has an error instead.
fn settle(answers: &mut [Option<Result<IngestAnswer, IngestError>>], calls: &[usize], told: Vec<IngestAnswer>, tallies: Tallies) {
    for ((call, answer), rows) in calls.iter().zip(told).zip(tallies.calls) {
        answers[*call] = Some(rows.error.map_or(Ok(answer), Err));
    }
}

/// All pieces for one call of the store, in the order of their rows, and for each its part and rows.
fn batches(parts: &mut [Part<EventGroup>]) -> (Vec<EventBatch>, Vec<(usize, Vec<u32>)>) {
    let ordered = parts.iter().map(|p| p.group.pieces.len()).sum::<usize>() > 1;
    let (mut batches, mut places, mut base) = (Vec::new(), Vec::new(), 0);
    for (number, part) in parts.iter_mut().enumerate() {
        for piece in std::mem::take(&mut part.group.pieces) {
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
        Some(Read::Entities(group)) if alone => Ok(group),
        Some(Read::Failed(error)) if alone => Err(error),
        _ => {
            let calls: Vec<&Call> = waiting.iter().map(|w| &w.call).collect();
            entity::read(&shared.store.catalog(), &calls, &shared.limits)
        }
    };
    let mut group = read?;
    let position = match group.batches.is_empty() {
        true => shared.store.position(),
        false => shared.store.append_entities_in_order(std::mem::take(&mut group.batches))?.position,
    };
    let calls: Vec<usize> = (0..waiting.len()).collect();
    let mut told = group.tallies.answers(position);
    for (answer, rows) in told.iter_mut().zip(&group.tallies.calls) {
        // An upsert takes every row, whether it changes something or not.
        answer.accepted = (rows.records.len() - answer.rejected.len()) as u64;
    }
    for row in &group.clamped {
        told[group.tallies.call_of(*row)].clamped += 1;
    }
    keep_rejected(shared, waiting, &group.tallies, &calls);
    settle(&mut answers, &calls, told, group.tallies);
    Ok(answers.into_iter().map(|a| a.unwrap_or(Err(IngestError::Closed))).collect())
}

/// Rows that were not taken are kept for a look; of very many the last.
fn keep_rejected(shared: &Shared, waiting: &[Waiting], tallies: &Tallies, calls: &[usize]) {
    let skipped = tallies.refused.len().saturating_sub(shared.limits.rejected_rows);
    let row = |(row, refusal): &(u32, super::answer::Refusal)| {
        let number = tallies.call_of(*row);
        let (call, rows) = (&waiting[calls[number]].call, &tallies.calls[number]);
        let index = row - rows.first;
        let text = &call.body[rows.records[index as usize].clone()];
        RejectedRow {
            received: call.stamp,
            target: call.entity.clone().unwrap_or_else(|| "events".to_string()),
            index: u64::from(index),
            id: own_id(text),
            code: refusal.code,
            message: refusal.message.clone(),
            record: cut(text),
        }
    };
    shared.rejected.keep(tallies.refused.iter().skip(skipped).map(row).collect());
}

fn own_id(text: &[u8]) -> Option<String> {
    let mut record = EventRecord::new();
    record.read(std::str::from_utf8(text).ok()?).ok()?;
    id_text(&record.id).ok().flatten().map(|id| id.into_owned())
}
