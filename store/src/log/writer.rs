//! Group commit: callers hand in frames in order; whoever finds no sync running writes and syncs all that wait, for everybody.

use super::frame::Frame;
use super::{Payload, Record};
use crate::StoreError;
use crate::disk::sync_dir;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The writing end of the log.
pub(crate) struct Log {
    dir: PathBuf,
    segment_bytes: u64,
    queue: Mutex<Queue>,
    synced: Condvar,
    /// Taken by the one who syncs.
    writer: Mutex<Writer>,
}

struct Queue {
    waiting: Vec<(Frame, Record)>,
    /// Durable but not yet applied.
    ready: VecDeque<(u64, Record)>,
    durable: u64,
    syncing: bool,
    failed: Option<String>,
}

struct Writer {
    file: Option<(File, PathBuf)>,
    /// Of the file that is open.
    bytes: u64,
    /// First position and bytes of the files that are closed.
    closed: Vec<(u64, u64)>,
    first: u64,
}

/// What the log takes on disk.
#[derive(Debug, Default)]
pub(crate) struct LogFigures {
    pub(crate) bytes: u64,
    pub(crate) segments: usize,
}

pub(super) fn segment_name(first: u64) -> String {
    format!("{first:020}.log")
}

impl Log {
    /// `segments`: first position and bytes of the files there are; `durable`: the last position in them.
    pub(crate) fn new(dir: PathBuf, segment_bytes: u64, segments: Vec<(u64, u64)>, durable: u64) -> Log {
        let queue = Queue { waiting: Vec::new(), ready: VecDeque::new(), durable, syncing: false, failed: None };
        let writer = Writer { file: None, bytes: 0, closed: segments, first: 0 };
        Log { dir, segment_bytes, queue: Mutex::new(queue), synced: Condvar::new(), writer: Mutex::new(writer) }
    }

    /// Hands in a record. Callers keep the order of positions by a lock of their own.
    pub(crate) fn enqueue(&self, position: u64, payload: Payload, record: Record) {
        let frame = Frame::new(position, payload.kind, payload.bytes, payload.crc);
        self.queue.lock().waiting.push((frame, record));
    }

    /// Returns when everything up to `position` is durable.
    pub(crate) fn wait(&self, position: u64) -> Result<(), StoreError> {
        let mut queue = self.queue.lock();
        loop {
            if queue.durable >= position {
                return Ok(());
            }
            if let Some(reason) = &queue.failed {
                return Err(StoreError::WritesRefused { reason: reason.clone() });
            }
            if queue.syncing {
                self.synced.wait(&mut queue);
                continue;
            }
            queue.syncing = true;
            let group = std::mem::take(&mut queue.waiting);
            let durable = queue.durable;
            drop(queue);
            let result = self.write_group(&group, durable);
            queue = self.queue.lock();
            self.finish_group(&mut queue, group, result);
        }
    }

    fn finish_group(&self, queue: &mut Queue, group: Vec<(Frame, Record)>, result: Result<(), StoreError>) {
        queue.syncing = false;
        match result {
            Ok(()) => {
                queue.durable = group.last().map_or(queue.durable, |(frame, _)| frame.position);
                queue.ready.extend(group.into_iter().map(|(frame, record)| (frame.position, record)));
            }
            Err(e) => {
                tracing::error!(error = %e, "the log cannot be written; no more writes are accepted");
                queue.failed = Some(e.to_string());
                queue.waiting.clear();
            }
        }
        self.synced.notify_all();
    }

    fn write_group(&self, group: &[(Frame, Record)], durable: u64) -> Result<(), StoreError> {
        let Some((first, _)) = group.first() else { return Ok(()) };
        let mut writer = self.writer.lock();
        if writer.file.is_none() || writer.bytes >= self.segment_bytes {
            writer.begin_segment(&self.dir, first.position)?;
        }
        let Writer { file: Some((file, path)), bytes, .. } = &mut *writer else { return Ok(()) };
        for (frame, _) in group {
            file.write_all(&frame.header(durable)).map_err(StoreError::io(path, "write"))?;
            file.write_all(frame.payload()).map_err(StoreError::io(path, "write"))?;
            *bytes += (super::frame::HEADER_BYTES + frame.payload().len()) as u64;
        }
        file.sync_data().map_err(StoreError::io(path, "sync"))
    }

    /// The next durable record to apply.
    pub(crate) fn next_ready(&self) -> Option<(u64, Record)> {
        self.queue.lock().ready.pop_front()
    }

    /// Accepts nothing from now on.
    pub(crate) fn refuse(&self, reason: String) {
        let mut queue = self.queue.lock();
        queue.failed.get_or_insert(reason);
        self.synced.notify_all();
    }

    pub(crate) fn check_open(&self) -> Result<(), StoreError> {
        match &self.queue.lock().failed {
            Some(reason) => Err(StoreError::WritesRefused { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// Removes files that hold nothing after `position`.
    pub(crate) fn trim(&self, position: u64) -> Result<(), StoreError> {
        let mut writer = self.writer.lock();
        let open = writer.file.as_ref().map(|_| writer.first);
        let firsts: Vec<u64> = writer.closed.iter().map(|c| c.0).chain(open).collect();
        // A file ends where the next one starts; the last one stays.
        let gone = firsts.windows(2).take_while(|w| w[1] <= position + 1).count();
        for (first, _) in writer.closed.drain(..gone) {
            let path = self.dir.join(segment_name(first));
            std::fs::remove_file(&path).map_err(StoreError::io(&path, "remove"))?;
        }
        if gone > 0 { sync_dir(&self.dir) } else { Ok(()) }
    }

    pub(crate) fn figures(&self) -> LogFigures {
        let writer = self.writer.lock();
        let open = usize::from(writer.file.is_some());
        LogFigures { bytes: writer.closed.iter().map(|c| c.1).sum::<u64>() + writer.bytes, segments: writer.closed.len() + open }
    }
}

impl Writer {
    /// All frames of the previous file are durable: it was synced with its last group.
    fn begin_segment(&mut self, dir: &Path, first: u64) -> Result<(), StoreError> {
        if self.file.take().is_some() {
            self.closed.push((self.first, self.bytes));
        }
        // A crash may have left an empty file of this name.
        self.closed.retain(|c| c.0 != first);
        let path = dir.join(segment_name(first));
        let file = OpenOptions::new().create(true).write(true).truncate(true).open(&path).map_err(StoreError::io(&path, "create"))?;
        sync_dir(dir)?;
        (self.file, self.bytes, self.first) = (Some((file, path)), 0, first);
        Ok(())
    }
}
