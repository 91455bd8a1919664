//! `backup.json`: what a backup holds. It is written last, so that a backup without it is none. Its bytes are a promise.

use crate::disk::{FileMeta, replace_file};
use crate::{StoreError, sealed};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const NAME: &str = "backup.json";

/// What a backup says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Label {
    /// The last record of its log.
    pub(crate) position: u64,
    /// What its manifest is of.
    pub(crate) checkpoint: u64,
    /// Milliseconds since 1970 in UTC.
    pub(crate) time_ms: u64,
    /// Names are paths from the backup on.
    pub(crate) files: Vec<FileMeta>,
    /// Directories that others keep beside the data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) beside: Vec<String>,
}

impl Label {
    pub(super) fn new(position: u64, checkpoint: u64, files: Vec<FileMeta>, beside: Vec<String>) -> Label {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis());
        Label { position, checkpoint, time_ms: u64::try_from(since).unwrap_or(0), files, beside }
    }

    pub(super) fn write(&self, dir: &Path) -> Result<(), StoreError> {
        replace_file(dir, NAME, &sealed::seal(&dir.join(NAME), self)?)
    }

    /// None when the directory is no backup.
    pub(crate) fn read(dir: &Path) -> Result<Option<Label>, StoreError> {
        sealed::read(&dir.join(NAME))
    }
}
