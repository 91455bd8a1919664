//! One file of a part: checked whatever place it comes from.

use super::PartPlace;
use crate::StoreError;
use crate::disk::{FileMeta, check};
use bytes::Bytes;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// A file that the manifest names.
#[derive(Clone, Debug)]
pub(crate) struct PartFile {
    place: Arc<dyn PartPlace>,
    name: String,
    meta: FileMeta,
}

impl PartFile {
    pub(crate) fn new(place: Arc<dyn PartPlace>, directory: &str, meta: &FileMeta) -> PartFile {
        PartFile { place, name: format!("{directory}/{}", meta.name), meta: meta.clone() }
    }

    /// As messages name it.
    pub(crate) fn path(&self) -> PathBuf {
        self.place.path(&self.name)
    }

    /// The whole file, once it is known to be what was written.
    pub(crate) fn read(&self) -> Result<Bytes, StoreError> {
        let bytes = self.place.get(&self.name)?;
        check(&self.path(), &self.meta, &bytes)?;
        Ok(bytes)
    }

    /// Ranges of a file that was checked as a whole before.
    pub(crate) fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, StoreError> {
        let pieces = self.place.get_ranges(&self.name, ranges)?;
        let complete = pieces.len() == ranges.len() && pieces.iter().zip(ranges).all(|(p, r)| p.len() as u64 == r.end - r.start);
        if complete { Ok(pieces) } else { Err(self.damaged("it became shorter")) }
    }

    pub(crate) fn damaged(&self, what: impl Into<String>) -> StoreError {
        StoreError::damaged(&self.path(), 0, what)
    }
}
