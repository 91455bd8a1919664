//! A hold: links to everything that one position needs. While it is there, checkpoints and compaction may remove whatever they like.

use crate::StoreError;
use crate::disk::{create_dir, names};
use crate::log::segments;
use crate::manifest::Manifest;
use crate::open::LOG;
use crate::part::{PARTS, PartPlace};
use crate::pipeline::Core;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

const HOLDS: &str = "holds";

/// A directory beside the data, laid out like it: files that the manifest names, and the log.
pub(crate) struct Hold {
    pub(crate) dir: PathBuf,
    pub(crate) manifest: Manifest,
    /// The log is whole up to here; behind it somebody may be writing.
    pub(crate) position: u64,
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
        let hold = Hold {
            dir: core.dir.join(HOLDS).join(NEXT.fetch_add(1, Ordering::Relaxed).to_string()),
            manifest: checkpointing.manifest.clone(),
            position: core.state.lock().position,
        };
        for (dir, file) in hold.manifest.files() {
            let name = dir.join(&file.name);
            let elsewhere = name.strip_prefix(PARTS).ok().map(|part| part.display().to_string());
            match elsewhere.filter(|_| !core.dir.join(&name).exists()) {
                Some(part) => fetch(&*checkpointing.parts.place, &part, &hold.dir.join(dir), &file.name)?,
                None => link(&core.dir.join(name), &hold.dir.join(dir), &file.name)?,
            }
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
        if let Err(e) = std::fs::remove_dir_all(&self.dir) {
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

/// Parts may lie where no link leads to.
fn fetch(place: &dyn PartPlace, part: &str, dir: &Path, name: &str) -> Result<(), StoreError> {
    create_dir(dir)?;
    let to = dir.join(name);
    std::fs::write(&to, place.get(part)?).map_err(StoreError::io(&to, "write"))
}

/// Removes what an earlier process left. Only at open: nobody can be using it.
pub(crate) fn remove_left(dir: &Path) -> Result<(), StoreError> {
    let path = dir.join(HOLDS);
    if names(&path)?.is_empty() && !path.exists() {
        return Ok(());
    }
    std::fs::remove_dir_all(&path).map_err(StoreError::io(&path, "remove"))
}
