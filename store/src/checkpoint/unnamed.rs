//! Files that nobody needs any more: of earlier checkpoints, or of one that failed.

use super::{MARKS, SEGMENTS};
use crate::StoreError;
use crate::manifest::Manifest;
use crate::part::{self, Part, PartPlace};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

/// Removes files that the manifest does not name. Those of entities have a keeper of their own.
pub(crate) fn remove_unnamed(dir: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    let keep = |names: Vec<&String>, sub: &str| -> Result<(), StoreError> {
        for name in crate::disk::names(&dir.join(sub))? {
            if !names.contains(&&name) {
                let path = dir.join(sub).join(name);
                crate::disk::remove_file(&path).map_err(StoreError::io(&path, "remove"))?;
            }
        }
        Ok(())
    };
    keep(manifest.marks().map(|m| &m.name).collect(), MARKS)?;
    keep(manifest.segments.iter().map(|s| &s.file.name).collect(), SEGMENTS)
}

/// Removes files of parts that the manifest does not name; files that are no part's stay. Nobody may be writing parts, or reading
/// those that are not named.
pub(crate) fn remove_unnamed_parts(place: &dyn PartPlace, manifest: &Manifest, still_read: &[Arc<Part>]) -> Result<(), StoreError> {
    let metas = manifest.parts.iter().chain(still_read.iter().map(|p| &*p.meta));
    let named: HashSet<String> = metas.map(|p| part::directory(p.subject, p.id)).collect();
    let is_unnamed = |file: &String| part::directory_of(file).is_some_and(|directory| !named.contains(directory));
    let unnamed: Vec<String> = place.list()?.into_iter().filter(is_unnamed).collect();
    if unnamed.is_empty() { Ok(()) } else { place.remove(&unnamed) }
}
