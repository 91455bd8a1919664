//! Bodies in, answers out.

use crate::world::World;
use eql_stream::{Ingest, IngestAnswer, IngestError, IngestLimits, Lines, Submission};
use std::sync::mpsc::{Receiver, channel};

pub(crate) type Answer = Result<IngestAnswer, IngestError>;

pub(crate) fn ingest(world: &World) -> Ingest {
    Ingest::start(world.store.clone(), IngestLimits::default()).unwrap()
}

pub(crate) fn submit(ingest: &Ingest, entity: Option<&str>, body: &str) -> Receiver<Answer> {
    let (sender, receiver) = channel();
    let submission = Submission { entity: entity.map(str::to_string), body: body.to_string().into(), lines: Lines::Sniffed };
    ingest.submit(ingest.reserve(body.as_bytes()).unwrap(), submission, move |answer| drop(sender.send(answer)));
    receiver
}

pub(crate) fn events(ingest: &Ingest, body: &str) -> IngestAnswer {
    submit(ingest, None, body).recv().unwrap().unwrap()
}

pub(crate) fn entities(ingest: &Ingest, entity: &str, body: &str) -> IngestAnswer {
    submit(ingest, Some(entity), body).recv().unwrap().unwrap()
}

/// (accepted, duplicates, rejected).
pub(crate) fn counts(answer: &IngestAnswer) -> (u64, u64, usize) {
    (answer.accepted, answer.duplicates, answer.rejected.len())
}

/// What was said about rejected rows.
pub(crate) fn said(answer: &IngestAnswer) -> Vec<String> {
    answer.rejected.iter().map(|r| format!("{} {}: {}", r.index, r.code, r.message)).collect()
}
