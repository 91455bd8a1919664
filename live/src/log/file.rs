//! One file of the change log: frames of all sources, in the order of their numbers.

use super::frame::{HEADER_BYTES, Head, NoFrame, find_next};
use super::{Changed, Entry, LogError};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Read at once when records are looked for.
const READ_BYTES: usize = 256 << 10;

/// A file, and what stands in it. Readers keep it open: it may be removed meanwhile.
#[derive(Debug)]
pub(super) struct LogFile {
    pub(super) path: PathBuf,
    /// Number of its first record.
    pub(super) first: u64,
    pub(super) file: File,
    /// Durable and published.
    bytes: AtomicU64,
}

/// What is known of a file without reading it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) file: Arc<LogFile>,
    /// Number of the last record; one less than the first when there is none.
    pub(super) last: u64,
    /// Greatest clock of its records.
    pub(super) clock: i64,
    /// What each source has in it.
    pub(super) sources: BTreeMap<u32, Share>,
}

/// What one source has in a file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Share {
    /// Number of its last record.
    pub(super) last: u64,
    pub(super) bytes: u64,
    pub(super) changes: u64,
}

pub(super) fn name(first: u64) -> String {
    format!("{first:020}.changes")
}

impl Known {
    pub(super) fn new(path: PathBuf, first: u64, file: File) -> Known {
        let file = Arc::new(LogFile { path, first, file, bytes: AtomicU64::new(0) });
        Known { file, last: first - 1, clock: i64::MIN, sources: BTreeMap::new() }
    }

    /// Takes note of a record that is durable.
    pub(super) fn note(&mut self, head: &Head, changes: usize) {
        self.last = head.number;
        self.clock = self.clock.max(head.clock);
        let share = self.sources.entry(head.source).or_default();
        share.last = head.number;
        share.bytes += head.bytes() as u64;
        share.changes += changes as u64;
        self.file.bytes.fetch_add(head.bytes() as u64, Ordering::Release);
    }

    /// Reads a file from beginning to end when the log is opened. Of the last one, a tail that was not written completely is cut off.
    pub(super) fn read(path: &Path, first: u64, last_file: bool, mut each: impl FnMut(&Head, &Changed)) -> Result<Known, LogError> {
        let bytes = std::fs::read(path).map_err(LogError::io(path, "read"))?;
        let file = File::options().read(true).write(true).open(path).map_err(LogError::io(path, "open"))?;
        let mut known = Known::new(path.to_path_buf(), first, file);
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match Head::read(rest).and_then(|head| Ok((head, head.payload(rest)?))) {
                Ok((head, payload)) if head.number == known.last + 1 => {
                    let changed = decoded(path, at as u64, payload)?;
                    each(&head, &changed);
                    known.note(&head, changed.len());
                    at += head.bytes();
                }
                Ok((head, _)) => {
                    return Err(LogError::damaged(
                        path,
                        at as u64,
                        format!("record {} is here, {} was expected", head.number, known.last + 1),
                    ));
                }
                Err(NoFrame::Newer(found)) => return Err(LogError::Newer { file: path.to_path_buf(), found: u32::from(found) }),
                Err(NoFrame::Broken(what)) if last_file && is_torn(rest, known.last + 1) => {
                    tracing::warn!(file = %path.display(), offset = at, dropped = bytes.len() - at, what, "the end of the change log was not written completely; it was never published and is cut off");
                    known.file.file.set_len(at as u64).map_err(LogError::io(path, "truncate"))?;
                    known.file.file.sync_all().map_err(LogError::io(path, "sync"))?;
                    break;
                }
                Err(NoFrame::Broken(what)) => return Err(LogError::damaged(path, at as u64, what)),
            }
        }
        Ok(known)
    }
}

/// Nothing after it proves that it had been synced.
fn is_torn(mut bytes: &[u8], expected: u64) -> bool {
    while let Some((offset, head)) = find_next(bytes) {
        if head.durable >= expected {
            return false;
        }
        bytes = &bytes[offset..];
    }
    true
}

fn decoded(path: &Path, at: u64, payload: &[u8]) -> Result<Changed, LogError> {
    postcard::from_bytes(payload).map_err(|e| LogError::damaged(path, at, format!("a record is not readable: {e}")))
}

/// Reads the records of one source from a file.
#[derive(Debug)]
pub(super) struct Scan {
    file: Arc<LogFile>,
    at: u64,
    buffer: Vec<u8>,
    /// Where the buffer begins in the file.
    start: u64,
}

impl Scan {
    pub(super) fn new(file: Arc<LogFile>) -> Scan {
        Scan { file, at: 0, buffer: Vec::new(), start: 0 }
    }

    pub(super) fn file(&self) -> &Arc<LogFile> {
        &self.file
    }

    /// The next record of a source with a number in `after..=upto`; None when there is none that is published.
    pub(super) fn next(&mut self, source: u32, after: u64, upto: u64) -> Result<Option<Entry>, LogError> {
        let end = self.file.bytes.load(Ordering::Acquire);
        while self.at < end {
            let head = Head::read(self.bytes(HEADER_BYTES, end)?).map_err(|e| self.broken(e))?;
            if head.number > upto {
                return Ok(None);
            }
            let at = self.at;
            if head.source != source || head.number <= after {
                self.at += head.bytes() as u64;
                continue;
            }
            let frame = self.bytes(head.bytes(), end)?;
            let payload = head.payload(frame).map(<[u8]>::to_vec);
            let changed = decoded(&self.file.path, at, &payload.map_err(|e| self.broken(e))?)?;
            self.at += head.bytes() as u64;
            return Ok(Some(Entry { number: head.number, source, changed }));
        }
        Ok(None)
    }

    fn broken(&self, e: NoFrame) -> LogError {
        match e {
            NoFrame::Broken(what) => LogError::damaged(&self.file.path, self.at, what),
            NoFrame::Newer(found) => LogError::Newer { file: self.file.path.clone(), found: u32::from(found) },
        }
    }

    /// So many bytes at the present place.
    fn bytes(&mut self, length: usize, end: u64) -> Result<&[u8], LogError> {
        let has = self.at >= self.start && self.at + length as u64 <= self.start + self.buffer.len() as u64;
        if !has {
            let left = usize::try_from(end - self.at).unwrap_or(usize::MAX);
            self.buffer.resize(READ_BYTES.max(length).min(left), 0);
            self.start = self.at;
            self.file.file.read_exact_at(&mut self.buffer, self.at).map_err(LogError::io(&self.file.path, "read"))?;
        }
        let from = usize::try_from(self.at - self.start).unwrap_or(0);
        self.buffer.get(from..from + length).ok_or_else(|| LogError::damaged(&self.file.path, self.at, "a record is cut off"))
    }
}
