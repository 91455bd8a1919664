//! Every file that a manifest names, with its place in the data directory: whoever copies or checks a directory asks here.

use crate::StoreError;
use crate::checkpoint::{ENTITIES, MARKS, SEGMENTS};
use crate::disk::FileMeta;
use crate::manifest::Manifest;
use crate::part::{self, PARTS};
use std::path::{Component, Path, PathBuf};

impl Manifest {
    /// Directories from the data directory on, and the files in them.
    pub(crate) fn files(&self) -> Vec<(PathBuf, &FileMeta)> {
        let mut files = Vec::new();
        for part in &self.parts {
            let dir = Path::new(PARTS).join(part::directory(part.subject, part.id));
            let events = part.events.iter().map(|e| &e.file);
            files.extend([&part.spine, &part.ids].into_iter().chain(events).map(|file| (dir.clone(), file)));
        }
        for entity in &self.entities {
            let dir = Path::new(ENTITIES).join(entity.folder());
            files.extend(entity.columns.iter().map(|c| (dir.clone(), &c.file)));
        }
        files.extend(self.segments.iter().map(|s| (PathBuf::from(SEGMENTS), &s.file)));
        files.extend(self.marks().map(|file| (PathBuf::from(MARKS), file)));
        files
    }

    /// The files of what is neither events nor entities.
    pub(crate) fn marks(&self) -> impl Iterator<Item = &FileMeta> {
        let rows = self.rejected.iter().map(|r| &r.file).chain(self.refreshes.iter().map(|r| &r.file));
        let others = self.identities.iter().map(|i| &i.file).chain(self.documents.iter().map(|d| &d.file));
        self.removed.iter().chain(rows).chain(others)
    }
}

/// Takes a path from a file that came from elsewhere, when it stays below where it is read from.
pub(crate) fn inside<'a>(source: &Path, path: &'a str) -> Result<&'a Path, StoreError> {
    let plain = !path.is_empty() && Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
    if plain { Ok(Path::new(path)) } else { Err(StoreError::damaged(source, 0, format!("it names `{path}`, which does not lie below it"))) }
}
