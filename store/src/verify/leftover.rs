//! What lies in a data directory, and is named by nobody.

use super::report::Findings;
use crate::StoreError;
use crate::backup;
use crate::disk::names;
use crate::manifest::{self, Manifest};
use crate::open::{FORMAT_FILE, KV, LOG};
use crate::part::RECORD;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What was published to subscribers: made and checked by those who keep segments up to date.
const CHANGES: &str = "changes";

/// Lists files that are not needed; a directory in which nothing is needed stands for all that is in it.
pub(super) fn list(dir: &Path, manifest: &Manifest, findings: &mut Findings<'_>) -> Result<(), StoreError> {
    let mut needed: BTreeSet<PathBuf> = manifest.files().into_iter().map(|(dir, file)| dir.join(&file.name)).collect();
    needed.extend(needed.iter().flat_map(|file| file.ancestors().skip(1).map(Path::to_path_buf)).collect::<Vec<_>>());
    // The log has been looked through; the key-value store and the log of changes keep their own houses.
    let known = [FORMAT_FILE, manifest::NAME, LOG, KV, backup::LABEL, RECORD, "lock", CHANGES];
    let mut open = vec![PathBuf::new()];
    while let Some(below) = open.pop() {
        for name in names(&dir.join(&below))? {
            let path = below.join(&name);
            let place = dir.join(&path);
            match place.is_dir() {
                _ if below.as_os_str().is_empty() && known.contains(&name.as_str()) => {}
                true if needed.contains(&path) => open.push(path),
                _ if needed.contains(&path) || is_empty(&place) => {}
                _ => findings.not_needed(&place),
            }
        }
    }
    Ok(())
}

/// Directories are made before there is something to put into them.
fn is_empty(place: &Path) -> bool {
    place.is_dir() && names(place).is_ok_and(|names| names.is_empty())
}
