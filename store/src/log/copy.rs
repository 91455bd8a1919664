//! Copying a stretch of the log, record by record, so that the copy ends where it was told to and holds only whole records.

use super::replay::{SegmentReader, check_first};
use super::writer::segment_name;
use crate::StoreError;
use crate::disk::{FileMeta, write_file};
use std::path::{Path, PathBuf};

/// What was copied.
#[derive(Debug, Default)]
pub(crate) struct Copied {
    pub(crate) files: Vec<FileMeta>,
    pub(crate) records: u64,
    /// The last record, or what came before the first.
    pub(crate) position: u64,
}

/// Copies the records after `after`, up to `upto`, into files of a directory; the directory is the caller's to sync.
pub(crate) fn copy(files: &[(u64, PathBuf)], after: u64, upto: u64, target: &Path) -> Result<Copied, StoreError> {
    let mut copied = Copied { position: after, ..Copied::default() };
    for (i, (first, path)) in files.iter().enumerate() {
        let next = files.get(i + 1).map(|(n, _)| *n);
        if next.is_some_and(|n| n <= after + 1) || *first > upto {
            continue;
        }
        check_first(path, *first, copied.position, after)?;
        let bytes = std::fs::read(path).map_err(StoreError::io(path, "read"))?;
        let mut reader = SegmentReader::new(path, &bytes, *first);
        let before = copied.position;
        while reader.expected <= upto
            && let Some(found) = reader.next(next.is_none())?
        {
            copied.records += u64::from(found.position > after);
            copied.position = copied.position.max(found.position);
        }
        if copied.position > before {
            copied.files.push(write_file(target, &segment_name(*first), &bytes[..reader.at])?);
        }
    }
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use super::super::frame::Found;
    use super::super::frame::{Frame, Stamp};
    use super::super::replay::{replay, segments};
    use super::*;

    fn write(dir: &Path, files: &[std::ops::RangeInclusive<u64>]) {
        for file in files {
            let mut bytes = Vec::new();
            for position in file.clone() {
                let payload = position.to_string().into_bytes();
                let crc = crc32c::crc32c(&payload);
                let frame = Frame::new(position, Stamp::default(), 1, payload, crc);
                bytes.extend(frame.header(position - 1));
                bytes.extend(frame.payload());
                bytes.extend(frame.trailer());
            }
            std::fs::write(dir.join(segment_name(*file.start())), bytes).unwrap();
        }
    }

    #[test]
    fn a_copy_replays_as_the_stretch_it_is_of() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &[1..=3, 4..=4, 5..=9]);
        for after in 0..=9 {
            for upto in after..=9 {
                let target = tempfile::tempdir().unwrap();
                let copied = copy(&segments(dir.path()).unwrap(), after, upto, target.path()).unwrap();
                let mut found = Vec::new();
                let keep = |frame: &Found<'_>, _: &Path, _| {
                    found.push(frame.position);
                    Ok(())
                };
                let replayed = replay(target.path(), after, keep).unwrap();
                assert_eq!(found, (after + 1..=upto).collect::<Vec<_>>());
                assert_eq!((copied.position, copied.records, replayed.position), (upto, upto - after, upto));
            }
        }
        assert_eq!(copy(&segments(dir.path()).unwrap(), 0, 99, tempfile::tempdir().unwrap().path()).unwrap().position, 9);
    }
}
