//! Files that nobody needs any more: of earlier checkpoints, or of one that failed.

use super::{PARTS, SEGMENTS};
use crate::StoreError;
use crate::manifest::Manifest;
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
    keep(manifest.segments.iter().map(|s| &s.file.name).collect(), SEGMENTS)
}

/// Removes directories of parts that the manifest does not name. Only at open: nobody can be reading or writing them.
pub(crate) fn remove_unnamed_parts(dir: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    let parts = dir.join(PARTS);
    for subject in crate::disk::names(&parts)? {
        for id in crate::disk::names(&parts.join(&subject))? {
            let named = manifest.parts.iter().any(|p| p.subject.0.to_string() == subject && p.id.to_string() == id);
            if !named {
                let path = parts.join(&subject).join(&id);
                std::fs::remove_dir_all(&path).map_err(StoreError::io(&path, "remove"))?;
            }
        }
    }
    Ok(())
}
