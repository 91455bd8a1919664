//! A hold: everything that one position needs. While it is there, checkpoints and compaction may remove whatever they like: parts stay
//! while somebody knows them, and of all other files there are links.

use crate::StoreError;
use crate::disk::{create_dir, names};
use crate::log::segments;
use crate::manifest::Manifest;
use crate::open::LOG;
use crate::part::{PARTS, Part, PartPlace};
use crate::pipeline::Core;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const HOLDS: &str = "holds";

/// A directory beside the data, laid out like it, with files that the manifest names and the log; and the parts in their own place.
pub(crate) struct Hold {
    pub(crate) dir: PathBuf,
    pub(crate) manifest: Manifest,
    /// The log is whole up to here; behind it somebody may be writing.
    pub(crate) position: u64,
    pub(crate) place: Arc<dyn PartPlace>,
    _parts: Arc<Vec<Arc<Part>>>,
}

impl Hold {
    /// Links what is needed; checkpoints wait for that, and not for what is done with it.
    pub(crate) fn take(core: &Core) -> Result<Hold, StoreError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let lock = core.lock.lock();
        if lock.is_none() {
            return Err(StoreError::unsuitable(&core.dir, "is closed: open it again"));
        }
        let checkpointing = core.checkpointing.lock();
        let state = core.state.lock();
        let (position, parts) = (state.position, state.parts.clone());
        drop(state);
        let hold = Hold {
            dir: core.dir.join(HOLDS).join(NEXT.fetch_add(1, Ordering::Relaxed).to_string()),
            manifest: checkpointing.manifest.clone(),
            position,
            place: checkpointing.parts.place.clone(),
            _parts: parts,
        };
        for (dir, file) in hold.manifest.files().iter().filter(|(dir, _)| !dir.starts_with(PARTS)) {
            link(&core.dir.join(dir).join(&file.name), &hold.dir.join(dir), &file.name)?;
        }
        create_dir(&hold.dir.join(LOG))?;
        for (_, path) in segments(&core.dir.join(LOG))? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            link(&path, &hold.dir.join(LOG), &name)?;
        }
        Ok(hold)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Err(e) = crate::disk::remove_dir(&self.dir) {
            tracing::warn!(error = %e, dir = %self.dir.display(), "links could not be removed; the next start removes them");
        }
        // Only the last one leaves an empty directory.
        _ = self.dir.parent().map(std::fs::remove_dir);
    }
}

/// Some file systems know no links; then the bytes are copied.
fn link(from: &Path, dir: &Path, name: &str) -> Result<(), StoreError> {
    create_dir(dir)?;
    let to = dir.join(name);
    if std::fs::hard_link(from, &to).is_ok() {
        return Ok(());
    }
    std::fs::copy(from, &to).map(drop).map_err(StoreError::io(from, "copy"))
}

/// Removes what an earlier process left. Only at open: nobody can be using it.
pub(crate) fn remove_left(dir: &Path) -> Result<(), StoreError> {
    let path = dir.join(HOLDS);
    if names(&path)?.is_empty() && !path.exists() {
        return Ok(());
    }
    crate::disk::remove_dir(&path).map_err(StoreError::io(&path, "remove"))
}
