//! Reading the log back at open: from the checkpoint on, to the last whole record.

use super::frame::{self, Found, NoFrame};
use super::writer::segment_name;
use crate::StoreError;
use crate::disk::names;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

/// What the log held.
#[derive(Debug)]
pub(crate) struct Replayed {
    /// The last position, or that of the checkpoint.
    pub(crate) position: u64,
    /// First position and bytes of the files that stay.
    pub(crate) segments: Vec<(u64, u64)>,
}

/// Hands every record after `checkpoint` to `apply`, in order, and cuts a torn tail off.
pub(crate) fn replay(
    dir: &Path,
    checkpoint: u64,
    mut apply: impl FnMut(u64, u8, &[u8], &Path, u64) -> Result<(), StoreError>,
) -> Result<Replayed, StoreError> {
    let files = segments(dir)?;
    let mut done = Replayed { position: checkpoint, segments: Vec::new() };
    for (i, (first, path)) in files.iter().enumerate() {
        let next = files.get(i + 1).map(|(n, _)| *n);
        if next.is_some_and(|n| n <= checkpoint + 1) {
            let bytes = std::fs::metadata(path).map_err(StoreError::io(path, "read"))?.len();
            done.segments.push((*first, bytes));
            continue;
        }
        check_first(path, *first, done.position, checkpoint)?;
        let bytes = std::fs::read(path).map_err(StoreError::io(path, "read"))?;
        let mut reader = SegmentReader { path, bytes: &bytes, at: 0, expected: *first };
        while let Some(found) = reader.next(next.is_none())? {
            if found.position > checkpoint {
                apply(found.position, found.kind, found.payload, path, (reader.at - found.bytes()) as u64)?;
                done.position = found.position;
            }
        }
        done.segments.push((*first, reader.at as u64));
    }
    Ok(done)
}

fn segments(dir: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let mut files = Vec::new();
    for name in names(dir)? {
        let first = name.strip_suffix(".log").and_then(|n| n.parse().ok());
        if let Some(first) = first.filter(|f| segment_name(*f) == name) {
            files.push((first, dir.join(name)));
        }
    }
    Ok(files)
}

/// A file must start where the one before it ended, or at least not after the checkpoint.
fn check_first(path: &Path, first: u64, position: u64, checkpoint: u64) -> Result<(), StoreError> {
    let gap = if position > checkpoint { first != position + 1 } else { first > checkpoint + 1 };
    if gap {
        return Err(StoreError::damaged(path, 0, format!("the records {} to {} before it are missing", position + 1, first.saturating_sub(1))));
    }
    Ok(())
}

struct SegmentReader<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    at: usize,
    expected: u64,
}

impl<'a> SegmentReader<'a> {
    fn next(&mut self, last_file: bool) -> Result<Option<Found<'a>>, StoreError> {
        let bytes = self.bytes;
        if self.at == bytes.len() {
            return Ok(None);
        }
        match frame::read(&bytes[self.at..]) {
            Ok(found) if found.position == self.expected => {
                self.expected += 1;
                self.at += found.bytes();
                Ok(Some(found))
            }
            Ok(found) => Err(self.damaged(&format!("record {} is here, {} was expected", found.position, self.expected))),
            Err(NoFrame::Newer(found)) => {
                Err(StoreError::NewerFormat { path: self.path.to_path_buf(), found: u32::from(found), known: crate::limit::FORMAT })
            }
            Err(NoFrame::Broken(what)) if last_file && self.tail_is_torn() => self.cut(what),
            Err(NoFrame::Broken(what)) => Err(self.damaged(what)),
        }
    }

    /// A tail is torn when nothing after it proves that it had been synced: frames of one unsynced group may reach the disk in any order.
    fn tail_is_torn(&self) -> bool {
        let mut from = self.at;
        while let Some((offset, found)) = frame::find_next(&self.bytes[from..]) {
            if found.durable >= self.expected {
                return false;
            }
            from += offset;
        }
        true
    }

    fn cut(&mut self, what: &str) -> Result<Option<Found<'a>>, StoreError> {
        tracing::warn!(file = %self.path.display(), offset = self.at, dropped = self.bytes.len() - self.at, what, "the end of the log was not written completely; it was never acknowledged and is cut off");
        let file = OpenOptions::new().write(true).open(self.path).map_err(StoreError::io(self.path, "open"))?;
        file.set_len(self.at as u64).and_then(|()| file.sync_all()).map_err(StoreError::io(self.path, "truncate"))?;
        Ok(None)
    }

    fn damaged(&self, what: &str) -> StoreError {
        StoreError::damaged(self.path, self.at as u64, format!("{what} (record {})", self.expected))
    }
}
