//! Group commit: callers hand in frames in order; whoever finds no sync running writes and syncs all that wait, for everybody. There is no
//! timer: the next group is what arrived during the last sync.
//!
//! Two ways to fail. A *write* that fails (a full disk) is taken back: the file is cut to its last durable byte, everybody who waited is
//! refused, and the log goes on when its owner has forgotten what was lost ([`Log::forget_lost`]). A *sync* that fails ends the log: the
//! operating system may have dropped the pages and would report success the next time.

use super::frame::{Frame, Stamp};
use super::{Payload, Record};
use crate::StoreError;
use crate::files::{Files, OpenFile};
use crate::limit::{LOG_QUEUE_BYTES_MAX, LOG_WRITE_BYTES};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The writing end of the log.
pub(crate) struct Log {
    files: Arc<dyn Files>,
    dir: PathBuf,
    segment_bytes: u64,
    queue: Mutex<Queue>,
    synced: Condvar,
    /// Taken by the one who syncs.
    writer: Mutex<Writer>,
    counters: Counters,
}

/// A record on its way: where it stands, and in which of the log's lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(crate) position: u64,
    life: u64,
}

struct Queue {
    waiting: Vec<(Frame, Record)>,
    waiting_bytes: usize,
    /// Durable but not yet applied.
    ready: VecDeque<(u64, Stamp, Record)>,
    durable: u64,
    syncing: bool,
    /// Grows with each loss. A ticket of an earlier life above `kept` was lost.
    life: u64,
    /// For each earlier life: the last position that was kept, and why the others were not.
    losses: VecDeque<Loss>,
    /// Positions after the durable one were given away and lost; nothing is accepted until that was forgotten.
    stale: bool,
    /// Why nothing is accepted any more.
    failed: Option<String>,
}

struct Loss {
    life: u64,
    kept: u64,
    reason: String,
}

/// Losses that are remembered for those who still wait.
const LOSSES_MAX: usize = 1024;

struct Writer {
    file: Option<(Box<dyn OpenFile>, PathBuf)>,
    /// Of the file that is open; all of them durable.
    bytes: u64,
    /// First position and bytes of the files that are closed.
    closed: Vec<(u64, u64)>,
    first: u64,
}

#[derive(Default)]
struct Counters {
    groups: AtomicU64,
    records: AtomicU64,
}

/// What the log takes on disk, and what it did since it was opened.
#[derive(Debug, Default)]
pub(crate) struct LogFigures {
    pub(crate) bytes: u64,
    pub(crate) segments: usize,
    pub(crate) groups: u64,
    pub(crate) records: u64,
}

pub(super) fn segment_name(first: u64) -> String {
    format!("{first:020}.log")
}

/// What of the log stays although a checkpoint made it unneeded.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keep {
    /// So many bytes at the end.
    pub(crate) bytes: u64,
    /// What comes after this position …
    pub(crate) after: Option<u64>,
    /// … up to so many bytes.
    pub(crate) after_bytes_max: u64,
}

impl Keep {
    /// Whether a file stays: from it on there are so many bytes, and the next one begins with the position `end`.
    fn covers(self, bytes: u64, end: u64) -> bool {
        bytes <= self.bytes || (bytes <= self.after_bytes_max && self.after.is_some_and(|after| end > after + 1))
    }
}

/// Why a group was not written.
enum Failure {
    /// The file is as it was before.
    TakenBack(StoreError),
    /// Nobody knows what is in the file.
    Unknown(StoreError),
}

impl Log {
    /// `segments`: first position and bytes of the files there are; `durable`: the last position in them.
    pub(crate) fn new(files: Arc<dyn Files>, dir: PathBuf, segment_bytes: u64, segments: Vec<(u64, u64)>, durable: u64) -> Log {
        let queue = Queue {
            waiting: Vec::new(),
            waiting_bytes: 0,
            ready: VecDeque::new(),
            durable,
            syncing: false,
            life: 0,
            losses: VecDeque::new(),
            stale: false,
            failed: None,
        };
        let writer = Writer { file: None, bytes: 0, closed: segments, first: 0 };
        let (queue, writer) = (Mutex::new(queue), Mutex::new(writer));
        Log { files, dir, segment_bytes, queue, synced: Condvar::new(), writer, counters: Counters::default() }
    }

    /// Hands in a record. Callers keep the order of positions by a lock of their own. Waits while too much waits already.
    pub(crate) fn enqueue(&self, position: u64, stamp: Stamp, payload: Payload, record: Record) -> Result<Ticket, StoreError> {
        let frame = Frame::new(position, stamp, payload.kind, payload.bytes, payload.crc);
        let mut queue = self.queue.lock();
        while queue.waiting_bytes > LOG_QUEUE_BYTES_MAX && queue.failed.is_none() && !queue.stale {
            queue = self.lead_or_wait(queue);
        }
        queue.check()?;
        queue.waiting_bytes += frame.payload().len();
        queue.waiting.push((frame, record));
        Ok(Ticket { position, life: queue.life })
    }

    /// Returns when the record of a ticket is durable, and everything before it.
    pub(crate) fn wait(&self, ticket: Ticket) -> Result<(), StoreError> {
        let mut queue = self.queue.lock();
        loop {
            if let Some(known) = queue.outcome(ticket) {
                return known;
            }
            queue = self.lead_or_wait(queue);
        }
    }

    /// A ticket for everything handed in so far.
    pub(crate) fn ticket(&self, position: u64) -> Ticket {
        Ticket { position, life: self.queue.lock().life }
    }

    fn lead_or_wait<'a>(&'a self, mut queue: parking_lot::MutexGuard<'a, Queue>) -> parking_lot::MutexGuard<'a, Queue> {
        if queue.syncing {
            self.synced.wait(&mut queue);
            return queue;
        }
        queue.syncing = true;
        let group = std::mem::take(&mut queue.waiting);
        queue.waiting_bytes = 0;
        let durable = queue.durable;
        drop(queue);
        let result = self.write_group(&group, durable);
        queue = self.queue.lock();
        self.finish_group(&mut queue, group, result);
        queue
    }

    fn finish_group(&self, queue: &mut Queue, group: Vec<(Frame, Record)>, result: Result<(), Failure>) {
        queue.syncing = false;
        match result {
            Ok(()) => {
                self.counters.groups.fetch_add(1, Ordering::Relaxed);
                self.counters.records.fetch_add(group.len() as u64, Ordering::Relaxed);
                queue.durable = group.last().map_or(queue.durable, |(frame, _)| frame.position);
                queue.ready.extend(group.into_iter().map(|(frame, record)| (frame.position, frame.stamp, record)));
            }
            Err(Failure::TakenBack(e)) => {
                tracing::warn!(error = %e, records = group.len(), "records could not be written; they were refused and nothing of them is kept");
                queue.lose(e.to_string());
            }
            Err(Failure::Unknown(e)) => {
                tracing::error!(error = %e, "the log cannot be made durable; no more writes are accepted");
                queue.failed = Some(e.to_string());
                queue.waiting.clear();
            }
        }
        self.synced.notify_all();
    }

    fn write_group(&self, group: &[(Frame, Record)], durable: u64) -> Result<(), Failure> {
        let Some((first, _)) = group.first() else { return Ok(()) };
        let mut writer = self.writer.lock();
        if writer.file.is_none() || writer.bytes >= self.segment_bytes {
            writer.begin_segment(&*self.files, &self.dir, first.position).map_err(Failure::TakenBack)?;
        }
        let Writer { file: Some((file, path)), bytes, .. } = &mut *writer else { return Ok(()) };
        match append_frames(&mut **file, group, durable) {
            Ok(written) => {
                file.sync().map_err(|e| Failure::Unknown(StoreError::io(path, "sync")(e)))?;
                *bytes += written;
                Ok(())
            }
            Err(e) => {
                let e = StoreError::io(path, "write")(e);
                file.cut(*bytes).map_err(|e| Failure::Unknown(StoreError::io(path, "cut")(e)))?;
                Err(Failure::TakenBack(e))
            }
        }
    }

    /// The next durable record to apply.
    pub(crate) fn next_ready(&self) -> Option<(u64, Stamp, Record)> {
        self.queue.lock().ready.pop_front()
    }

    /// Accepts nothing from now on.
    pub(crate) fn refuse(&self, reason: String) {
        let mut queue = self.queue.lock();
        queue.failed.get_or_insert(reason);
        self.synced.notify_all();
    }

    pub(crate) fn check_open(&self) -> Result<(), StoreError> {
        self.queue.lock().check()
    }

    /// The last durable position, when records behind it were lost that the caller may still count on. He must forget them, and call
    /// [`forget_lost`](Self::forget_lost), before anything is accepted again.
    pub(crate) fn lost_after(&self) -> Option<u64> {
        let queue = self.queue.lock();
        queue.stale.then_some(queue.durable)
    }

    pub(crate) fn forget_lost(&self) {
        self.queue.lock().stale = false;
    }

    /// The next record begins a new file, so that all before it can be trimmed.
    pub(crate) fn end_segment(&self) {
        self.writer.lock().close();
    }

    /// Removes files that hold nothing after `position`, the oldest first, but what is kept.
    pub(crate) fn trim(&self, position: u64, keep: Keep) -> Result<(), StoreError> {
        let mut writer = self.writer.lock();
        // A file ends where the next one starts; the last one ends where the log does.
        let open = writer.file.as_ref().map(|_| writer.first);
        let end = open.unwrap_or(self.queue.lock().durable + 1);
        let firsts: Vec<u64> = writer.closed.iter().map(|c| c.0).chain([end]).collect();
        let unneeded = firsts.windows(2).take_while(|w| w[1] <= position + 1).count();
        let mut bytes: u64 = writer.closed[..unneeded].iter().map(|c| c.1).sum();
        let mut gone = 0;
        while gone < unneeded && !keep.covers(bytes, firsts[gone + 1]) {
            bytes -= writer.closed[gone].1;
            gone += 1;
        }
        for (first, _) in writer.closed.drain(..gone) {
            let path = self.dir.join(segment_name(first));
            self.files.remove(&path).map_err(StoreError::io(&path, "remove"))?;
        }
        if gone > 0 { self.files.sync_dir(&self.dir).map_err(StoreError::io(&self.dir, "sync directory")) } else { Ok(()) }
    }

    pub(crate) fn figures(&self) -> LogFigures {
        let writer = self.writer.lock();
        let open = usize::from(writer.file.is_some());
        LogFigures {
            bytes: writer.closed.iter().map(|c| c.1).sum::<u64>() + writer.bytes,
            segments: writer.closed.len() + open,
            groups: self.counters.groups.load(Ordering::Relaxed),
            records: self.counters.records.load(Ordering::Relaxed),
        }
    }
}

/// Small frames go to the file together: a write costs more than a copy.
fn append_frames(file: &mut dyn OpenFile, group: &[(Frame, Record)], durable: u64) -> std::io::Result<u64> {
    let mut buffer = Vec::with_capacity(LOG_WRITE_BYTES);
    let mut written = 0;
    for (frame, _) in group {
        buffer.extend_from_slice(&frame.header(durable));
        if frame.payload().len() < LOG_WRITE_BYTES {
            buffer.extend_from_slice(frame.payload());
        } else {
            file.append(&buffer)?;
            buffer.clear();
            file.append(frame.payload())?;
        }
        buffer.extend_from_slice(&frame.trailer());
        if buffer.len() >= LOG_WRITE_BYTES {
            file.append(&buffer)?;
            buffer.clear();
        }
        written += frame.bytes() as u64;
    }
    if !buffer.is_empty() {
        file.append(&buffer)?;
    }
    Ok(written)
}

impl Queue {
    fn check(&self) -> Result<(), StoreError> {
        match &self.failed {
            Some(reason) => Err(StoreError::WritesRefused { reason: reason.clone() }),
            None if self.stale => Err(StoreError::NotWritten { reason: self.losses.back().map_or_else(String::new, |l| l.reason.clone()) }),
            None => Ok(()),
        }
    }

    fn outcome(&self, ticket: Ticket) -> Option<Result<(), StoreError>> {
        if ticket.life != self.life {
            // The first loss after the ticket was given decides.
            let loss = self.losses.iter().find(|l| l.life >= ticket.life);
            return Some(match loss {
                Some(loss) if ticket.position <= loss.kept => Ok(()),
                Some(loss) => Err(StoreError::NotWritten { reason: loss.reason.clone() }),
                None => Err(StoreError::NotWritten { reason: "the log could not be written".to_string() }),
            });
        }
        if self.durable >= ticket.position {
            return Some(Ok(()));
        }
        let reason = self.failed.as_ref()?;
        Some(Err(StoreError::WritesRefused { reason: reason.clone() }))
    }

    /// Everything after the durable position is gone, also what waited behind it.
    fn lose(&mut self, reason: String) {
        self.losses.push_back(Loss { life: self.life, kept: self.durable, reason });
        if self.losses.len() > LOSSES_MAX {
            self.losses.pop_front();
        }
        self.life += 1;
        self.stale = true;
        self.waiting.clear();
        self.waiting_bytes = 0;
    }
}

impl Writer {
    /// All frames of the previous file are durable: it was synced with its last group.
    fn begin_segment(&mut self, files: &dyn Files, dir: &Path, first: u64) -> Result<(), StoreError> {
        self.close();
        // A crash may have left an empty file of this name.
        self.closed.retain(|c| c.0 != first);
        let path = dir.join(segment_name(first));
        let file = files.create(&path).map_err(StoreError::io(&path, "create"))?;
        files.sync_dir(dir).map_err(StoreError::io(dir, "sync directory"))?;
        (self.file, self.bytes, self.first) = (Some((file, path)), 0, first);
        Ok(())
    }

    fn close(&mut self) {
        if self.file.take().is_some() {
            self.closed.push((self.first, self.bytes));
            self.bytes = 0;
        }
    }
}
