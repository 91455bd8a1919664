//! Reading a whole log to find everything that is wrong with it. Nothing is changed, and nothing stops at the first find.

use super::replay::{SegmentReader, check_first, segments};
use crate::StoreError;
use std::path::{Path, PathBuf};

/// What is wrong with a record, by its kind and payload.
type CheckRecord<'a> = dyn FnMut(u8, &[u8]) -> Result<(), String> + 'a;

/// What a log is like.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) records: u64,
    /// Of the last whole record, or of the checkpoint.
    pub(crate) position: u64,
    pub(crate) problems: Vec<StoreError>,
    pub(crate) torn: Option<Torn>,
    /// Files that hold nothing after the checkpoint.
    pub(crate) unneeded: Vec<PathBuf>,
}

/// A write that was never finished, at the end of the log.
#[derive(Debug)]
pub(crate) struct Torn {
    pub(crate) file: PathBuf,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

/// Reads every record after `checkpoint` (None: all there are) up to `upto`, behind which somebody may be writing; `check` says what is wrong
/// inside of one.
pub(crate) fn survey(
    dir: &Path,
    checkpoint: Option<u64>,
    upto: Option<u64>,
    mut check: impl FnMut(u8, &[u8]) -> Result<(), String>,
) -> Result<Survey, StoreError> {
    let files = segments(dir)?;
    let checkpoint = checkpoint.unwrap_or_else(|| files.first().map_or(0, |(first, _)| first.saturating_sub(1)));
    let mut survey = Survey { position: checkpoint, ..Survey::default() };
    for (i, (first, path)) in files.iter().enumerate() {
        let next = files.get(i + 1).map(|(n, _)| *n);
        if next.is_some_and(|n| n <= checkpoint + 1) {
            survey.unneeded.push(path.clone());
        } else if upto.is_none_or(|u| *first <= u) {
            survey.problems.extend(check_first(path, *first, survey.position, checkpoint).err());
            survey.file(path, *first, next.is_none(), upto, &mut check);
        }
    }
    Ok(survey)
}

impl Survey {
    fn file(&mut self, path: &Path, first: u64, last: bool, upto: Option<u64>, check: &mut CheckRecord<'_>) {
        let bytes = match std::fs::read(path).map_err(StoreError::io(path, "read")) {
            Ok(bytes) => bytes,
            Err(e) => return self.problems.push(e),
        };
        let mut reader = SegmentReader::new(path, &bytes, first);
        while upto.is_none_or(|u| reader.expected <= u) {
            match reader.next(last) {
                Ok(None) => break,
                Ok(Some(found)) => {
                    self.records += 1;
                    self.position = self.position.max(found.position);
                    let offset = (reader.at - found.bytes()) as u64;
                    self.problems.extend(check(found.kind, found.payload).err().map(|what| StoreError::damaged(path, offset, what)));
                }
                Err(e) => {
                    self.problems.push(e);
                    if !reader.skip() {
                        break;
                    }
                }
            }
        }
        self.files += 1;
        self.bytes += reader.at as u64;
        let (offset, left) = (reader.at as u64, (bytes.len() - reader.at) as u64);
        self.torn = reader.torn.map(|_| Torn { file: path.to_path_buf(), offset, bytes: left });
    }
}
