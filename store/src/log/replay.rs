//! Reading the log back at open: from the checkpoint on, to the last whole record.

use super::frame::{self, Found, NoFrame};
use super::writer::segment_name;
use crate::StoreError;
use crate::disk::names;
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
    mut apply: impl FnMut(&Found<'_>, &Path, u64) -> Result<(), StoreError>,
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
        let mut reader = SegmentReader::new(path, &bytes, *first);
        while let Some(found) = reader.next(next.is_none())? {
            if found.position > checkpoint {
                apply(&found, path, (reader.at - found.bytes()) as u64)?;
                done.position = found.position;
            }
        }
        reader.cut()?;
        done.segments.push((*first, reader.at as u64));
    }
    Ok(done)
}

/// The files of a log with their first positions, in order.
pub(crate) fn segments(dir: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
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
pub(super) fn check_first(path: &Path, first: u64, position: u64, checkpoint: u64) -> Result<(), StoreError> {
    let gap = if position > checkpoint { first != position + 1 } else { first > checkpoint + 1 };
    if gap {
        return Err(StoreError::damaged(
            path,
            0,
            format!("the records {} to {} before it are missing", position + 1, first.saturating_sub(1)),
        ));
    }
    Ok(())
}

/// Reads one file frame by frame, and changes nothing.
pub(super) struct SegmentReader<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) expected: u64,
    /// Why nothing was read of the rest, which was never acknowledged.
    pub(super) torn: Option<&'static str>,
}

impl<'a> SegmentReader<'a> {
    pub(super) fn new(path: &'a Path, bytes: &'a [u8], first: u64) -> SegmentReader<'a> {
        SegmentReader { path, bytes, at: 0, expected: first, torn: None }
    }

    pub(super) fn next(&mut self, last_file: bool) -> Result<Option<Found<'a>>, StoreError> {
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
            Err(NoFrame::Broken(what)) if last_file && self.tail_is_torn() => {
                self.torn = Some(what);
                Ok(None)
            }
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

    /// Goes on at the next whole frame behind what is broken; false when there is none.
    pub(super) fn skip(&mut self) -> bool {
        while let Some((offset, found)) = frame::find_next(&self.bytes[self.at..]) {
            self.at += offset;
            if found.position >= self.expected {
                self.expected = found.position;
                return true;
            }
        }
        false
    }

    fn cut(&self) -> Result<(), StoreError> {
        let Some(what) = self.torn else { return Ok(()) };
        tracing::warn!(file = %self.path.display(), offset = self.at, dropped = self.bytes.len() - self.at, what, "the end of the log was not written completely; it was never acknowledged and is cut off");
        crate::files::of(self.path).truncate(self.path, self.at as u64).map_err(StoreError::io(self.path, "truncate"))
    }

    fn damaged(&self, what: &str) -> StoreError {
        StoreError::damaged(self.path, self.at as u64, format!("{what} (record {})", self.expected))
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Frame, Stamp};
    use super::*;

    /// (position, payload, durable) of each frame, one file after the other.
    fn write(dir: &Path, files: &[&[(u64, &str, u64)]]) {
        for frames in files {
            let mut bytes = Vec::new();
            for (position, payload, durable) in *frames {
                let frame = Frame::new(*position, Stamp::default(), 1, payload.as_bytes().to_vec(), crc32c::crc32c(payload.as_bytes()));
                bytes.extend(frame.header(*durable));
                bytes.extend(payload.as_bytes());
                bytes.extend(frame.trailer());
            }
            std::fs::write(dir.join(segment_name(frames[0].0)), bytes).unwrap();
        }
    }

    fn read(dir: &Path, checkpoint: u64) -> Result<Vec<u64>, StoreError> {
        let mut found = Vec::new();
        replay(dir, checkpoint, |frame, _, _| {
            found.push(frame.position);
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn a_tail_cut_at_any_byte_is_dropped_and_stays_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let last = [(3, "three", 2), (4, "", 3), (5, "fünf", 4)];
        write(dir.path(), &[&[(1, "one", 0), (2, "two", 1)], &last]);
        let file = dir.path().join(segment_name(3));
        let whole = std::fs::read(&file).unwrap();
        for cut in 0..=whole.len() {
            let ends = [53, 101, 154];
            let frames = ends.iter().filter(|e| **e <= cut).count() as u64;
            for garbage in [&b""[..], b"\xff\xff\xff\xff", b"EQLf garbage that is longer than a header is"] {
                std::fs::write(&file, [&whole[..cut], garbage].concat()).unwrap();
                assert_eq!(read(dir.path(), 0).unwrap(), (1..=2 + frames).collect::<Vec<_>>(), "cut at {cut}");
                assert_eq!(std::fs::metadata(&file).unwrap().len(), if frames == 0 { 0 } else { ends[frames as usize - 1] as u64 });
            }
        }
    }

    #[test]
    fn any_flipped_bit_before_the_last_synced_frame_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &[&[(1, "one", 0), (2, "two", 1), (3, "three", 2)]]);
        let file = dir.path().join(segment_name(1));
        let whole = std::fs::read(&file).unwrap();
        for bit in 0..102 * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&file, &bytes).unwrap();
            let offset = bit as u64 / 8 / 51 * 51;
            let error = read(dir.path(), 0).unwrap_err();
            assert!(matches!(error, StoreError::Damaged { offset: o, .. } if o == offset), "bit {bit}: {error}");
        }
    }

    #[test]
    fn frames_of_one_unsynced_group_may_be_torn_in_any_order() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &[&[(1, "one", 0), (2, "two", 1), (3, "three", 1)]]);
        let file = dir.path().join(segment_name(1));
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[52] ^= 1;
        std::fs::write(&file, &bytes).unwrap();
        assert_eq!(read(dir.path(), 0).unwrap(), [1]);
    }

    #[test]
    fn files_below_the_checkpoint_are_not_needed_but_no_gap_is_allowed() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &[&[(4, "four", 3)], &[(5, "five", 4)], &[(6, "six", 5)]]);
        assert_eq!(read(dir.path(), 5).unwrap(), [6]);
        assert_eq!(read(dir.path(), 9).unwrap(), [0; 0]);
        assert!(read(dir.path(), 2).unwrap_err().to_string().contains("the records 3 to 3 before it are missing"));
        std::fs::remove_file(dir.path().join(segment_name(5))).unwrap();
        assert!(read(dir.path(), 3).is_err());
    }
}
