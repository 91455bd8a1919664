//! The one function: files in, events and entities in the store.

use crate::admit::{Admission, Admitted, Tally};
use crate::limit::QUEUE;
use crate::{ImportError, ImportReport, ImportRequest, Input, Progress, source};
use eql_store::Store;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Reads files, admits their rows and appends them. Bad rows are rejected alone and described in the report; what is imported a second time changes
/// nothing. One thread reads and admits the next batch while the caller's appends the last.
///
/// # Errors
/// A file that cannot be read to its end, columns that do not fit the target, or a store that does not write. What was appended before stays.
pub fn import(store: &Store, mut request: ImportRequest, progress: &(dyn Fn(Progress) + Sync)) -> Result<ImportReport, ImportError> {
    let started = Instant::now();
    let inputs = std::mem::take(&mut request.inputs);
    let admission = Admission::new(store, request, now_micros())?;
    let (sender, receiver) = sync_channel(QUEUE);
    let (read, appended) = thread::scope(|scope| {
        let reading = scope.spawn(move || read(inputs, admission, &sender));
        let appended = append(store, &receiver, progress);
        // A reader that waits for room in the queue must see that nobody will make any.
        drop(receiver);
        (reading.join(), appended)
    });
    let appended = appended?;
    let tally = read.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    Ok(report(tally, &appended, store, started))
}

/// One admitted batch on its way to the store.
struct Step {
    admitted: Admitted,
    progress: Progress,
}

/// Reads and admits all inputs; ends early when nobody listens any more.
fn read(inputs: Vec<Input>, mut admission: Admission<'_>, sender: &SyncSender<Step>) -> Result<Tally, ImportError> {
    for input in inputs {
        let file = input.name();
        let mut source = source::open(input, &admission.request)?;
        admission.begin(&file, source.as_ref())?;
        let (mut rows, mut first) = (0, true);
        while let Some(mut raw) = source.next()? {
            rows += (raw.rows + raw.malformed.len()) as u64;
            let admitted = admission.admit(&mut raw, first)?;
            first &= raw.rows == 0;
            let (bytes_done, bytes_total) = source.bytes();
            let progress = Progress { file: file.clone(), rows, bytes_done, bytes_total };
            if sender.send(Step { admitted, progress }).is_err() {
                return Ok(admission.finish());
            }
        }
    }
    Ok(admission.finish())
}

/// What the store said, added up.
#[derive(Default)]
struct Totals {
    accepted: u64,
    duplicates: u64,
    position: Option<u64>,
}

fn append(store: &Store, receiver: &Receiver<Step>, progress: &(dyn Fn(Progress) + Sync)) -> Result<Totals, ImportError> {
    let mut totals = Totals::default();
    while let Ok(step) = receiver.recv() {
        append_step(store, step.admitted, &mut totals)?;
        progress(step.progress);
    }
    Ok(totals)
}

fn append_step(store: &Store, admitted: Admitted, totals: &mut Totals) -> Result<(), ImportError> {
    if !admitted.events.is_empty() {
        let appended = store.append_events(admitted.events)?;
        totals.accepted += appended.accepted;
        totals.duplicates += appended.duplicates;
        totals.position = Some(appended.position);
    }
    for batch in admitted.entities {
        totals.position = Some(store.append_entities(batch)?.position);
    }
    if let Some(identities) = admitted.identities {
        totals.position = Some(store.change_identities(identities)?.position);
    }
    // An upsert takes every row, whether it changes something or not.
    totals.accepted += admitted.entity_rows;
    Ok(())
}

fn report(tally: Tally, totals: &Totals, store: &Store, started: Instant) -> ImportReport {
    ImportReport {
        accepted: totals.accepted,
        duplicates: totals.duplicates,
        position: totals.position.unwrap_or_else(|| store.position()),
        seconds: started.elapsed().as_secs_f64(),
        ..tally.into_report()
    }
}

fn now_micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
}
