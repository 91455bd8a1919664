//! Reading a log while it is being written: record by record, file by file, never more than was applied.

use super::frame::{self, HEADER_BYTES, NoFrame, Stamp};
use super::replay::segments;
use super::{Record, writer::segment_name};
use crate::StoreError;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// A reader of the files of a log.
pub(crate) struct Tail {
    dir: PathBuf,
    /// The position of the next record.
    next: u64,
    open: Option<Open>,
}

struct Open {
    path: PathBuf,
    file: BufReader<File>,
    at: u64,
}

/// What a record of the log says.
pub(crate) struct Logged {
    pub(crate) position: u64,
    pub(crate) stamp: Stamp,
    pub(crate) record: Record,
}

impl Tail {
    pub(crate) fn after(dir: &Path, position: u64) -> Tail {
        Tail { dir: dir.to_path_buf(), next: position + 1, open: None }
    }

    /// The next record. It must be in the log: the caller knows that it was applied.
    pub(crate) fn next(&mut self) -> Result<Logged, StoreError> {
        loop {
            let frame = match &mut self.open {
                Some(open) => open.frame()?,
                None => None,
            };
            let Some(bytes) = frame else {
                self.open = Some(self.find()?);
                continue;
            };
            if let Some(logged) = self.read(&bytes)? {
                self.next = logged.position + 1;
                return Ok(logged);
            }
        }
    }

    /// None for a record of before the one that is wanted.
    fn read(&self, bytes: &[u8]) -> Result<Option<Logged>, StoreError> {
        let Some(Open { path, at, .. }) = &self.open else { return Ok(None) };
        let offset = at - bytes.len() as u64;
        let found = frame::read(bytes).map_err(|e| match e {
            NoFrame::Broken(what) => StoreError::damaged(path, offset, what),
            NoFrame::Newer(found) => StoreError::NewerFormat { path: path.clone(), found: u32::from(found), known: crate::limit::FORMAT },
        })?;
        if found.position < self.next {
            return Ok(None);
        }
        // Records of format 1 do not say when they came; who needs that cannot begin so far back.
        let stamp = found.stamp.ok_or(StoreError::Trimmed { asked: self.next - 1, first: found.position })?;
        let record = Record::decode(found.kind, found.payload).map_err(|what| StoreError::damaged(path, offset, what))?;
        Ok(Some(Logged { position: found.position, stamp, record }))
    }

    /// The file that holds the next record. One whose end was just met does not.
    fn find(&self) -> Result<Open, StoreError> {
        let files = segments(&self.dir)?;
        let after = self.open.as_ref().map(|open| &open.path);
        let place = files.iter().rposition(|(first, path)| *first <= self.next && Some(path) != after);
        let missing = || StoreError::Trimmed { asked: self.next - 1, first: files.first().map_or(self.next, |(first, _)| *first - 1) };
        let (first, path) = &files[place.ok_or_else(missing)?];
        // Behind the end of a file comes the one that begins with the next record, or none was kept.
        if after.is_some() && *first != self.next {
            return Err(missing());
        }
        debug_assert!(path.ends_with(segment_name(*first)));
        let file = File::open(path).map_err(StoreError::io(path, "read"))?;
        Ok(Open { path: path.clone(), file: BufReader::with_capacity(256 << 10, file), at: 0 })
    }
}

impl Open {
    /// The bytes of the next frame; None at the end of the file.
    fn frame(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let mut bytes = vec![0; HEADER_BYTES];
        if !self.fill(&mut bytes)? {
            return Ok(None);
        }
        let length = frame::length(&bytes).ok_or_else(|| StoreError::damaged(&self.path, self.at, "no record starts here"))?;
        bytes.resize(length, 0);
        if !self.fill(&mut bytes[HEADER_BYTES..])? {
            return Ok(None);
        }
        self.at += length as u64;
        Ok(Some(bytes))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<bool, StoreError> {
        match self.file.read_exact(bytes) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            Err(e) => Err(StoreError::io(&self.path, "read")(e)),
        }
    }
}
