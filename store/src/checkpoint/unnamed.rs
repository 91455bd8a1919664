//! Files that nobody needs any more: of earlier checkpoints, or of one that failed.

use super::{MARKS, SEGMENTS};
use crate::StoreError;
use crate::manifest::Manifest;
use crate::part::{self, PartPlace};
use std::collections::HashSet;
use std::path::Path;

/// Removes files that the manifest does not name. Those of entities have a keeper of their own.
pub(crate) fn remove_unnamed(dir: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    let keep = |names: Vec<&String>, sub: &str| -> Result<(), StoreError> {
        for name in crate::disk::names(&dir.join(sub))? {
            if !names.contains(&&name) {
                let path = dir.join(sub).join(name);
                std::fs::remove_file(&path).map_err(StoreError::io(&path, "remove"))?;
            }
        }
        Ok(())
    };
    let marks = manifest.removed.iter().chain(manifest.rejected.iter().map(|r| &r.file));
    keep(marks.map(|m| &m.name).collect(), MARKS)?;
    keep(manifest.segments.iter().map(|s| &s.file.name).collect(), SEGMENTS)
}

/// Removes files of parts that the manifest does not name. Nobody may be writing parts.
pub(crate) fn remove_unnamed_parts(place: &dyn PartPlace, manifest: &Manifest) -> Result<(), StoreError> {
    let named: HashSet<String> = manifest.parts.iter().map(|p| part::directory(p.subject, p.id)).collect();
    let is_named = |file: &String| file.rsplit_once('/').is_some_and(|(directory, _)| named.contains(directory));
    let unnamed: Vec<String> = place.list()?.into_iter().filter(|file| !is_named(file)).collect();
    if unnamed.is_empty() { Ok(()) } else { place.remove(&unnamed) }
}
