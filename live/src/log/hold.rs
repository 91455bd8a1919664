//! The change log as it is at one moment, in files that nobody changes: for a backup.

use super::registry::sync_dir;
use super::{ChangeLog, LogError, members};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

const DIRECTORY: &str = "holds";

/// Links to what the log was, until it is dropped.
#[derive(Debug)]
pub struct Held {
    dir: PathBuf,
    /// Paths below the log's directory, and where their bytes are now.
    pub files: Vec<(PathBuf, PathBuf)>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir_all(&self.dir) {
            tracing::warn!(error = %e, dir = %self.dir.display(), "links could not be removed; the next start removes them");
        }
        // Only the last one leaves an empty directory.
        _ = self.dir.parent().map(std::fs::remove_dir);
    }
}

impl Held {
    fn new(dir: PathBuf) -> Result<Held, LogError> {
        std::fs::create_dir_all(&dir).map_err(LogError::io(&dir, "create"))?;
        Ok(Held { dir, files: Vec::new() })
    }

    fn take(&mut self, from: &Path, below: PathBuf) -> Result<(), LogError> {
        let to = self.place(&below)?;
        // Some file systems know no links; then the bytes are copied.
        if std::fs::hard_link(from, &to).is_err() {
            std::fs::copy(from, &to).map_err(LogError::io(from, "copy"))?;
        }
        self.files.push((below, to));
        Ok(())
    }

    fn place(&self, below: &Path) -> Result<PathBuf, LogError> {
        let to = self.dir.join(below);
        let parent = to.parent().unwrap_or(&self.dir);
        std::fs::create_dir_all(parent).map_err(LogError::io(parent, "create"))?;
        Ok(to)
    }
}

impl ChangeLog {
    /// Holds everything that was published and acknowledged so far. Who publishes or subscribes waits for links to be made, and for nothing
    /// that is done with them.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn hold(&self) -> Result<Held, LogError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let _saving = self.saving.lock();
        let mut held = Held::new(self.dir.join(DIRECTORY).join(NEXT.fetch_add(1, Ordering::Relaxed).to_string()))?;
        let inner = self.inner.lock();
        let (manifest, files) = (inner.manifest.clone(), inner.files.clone());
        drop(inner);
        for (i, known) in files.iter().enumerate() {
            let name = PathBuf::from(super::file::name(known.file.first));
            if i + 1 < files.len() {
                held.take(&known.file.path, name)?;
                continue;
            }
            // Somebody may be writing behind what was published.
            let bytes = usize::try_from(known.sources.values().map(|s| s.bytes).sum::<u64>()).unwrap_or(usize::MAX);
            let mut written = vec![0; bytes];
            known.file.file.read_exact_at(&mut written, 0).map_err(LogError::io(&known.file.path, "read"))?;
            let to = held.place(&name)?;
            std::fs::write(&to, written).map_err(LogError::io(&to, "write"))?;
            held.files.push((name, to));
        }
        for source in manifest.sources.values() {
            if let Some(snapshot) = &source.snapshot {
                let name = members::name_of(source.id, snapshot);
                held.take(&self.dir.join(&name), name.into())?;
            }
        }
        for path in self.kept_files()? {
            let below = path.strip_prefix(&self.dir).unwrap_or(&path).to_path_buf();
            match held.take(&path, below) {
                // Delivered meanwhile.
                Err(LogError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                taken => taken?,
            }
        }
        manifest.write(&held.dir)?;
        held.files.push((super::registry::NAME.into(), held.dir.join(super::registry::NAME)));
        Ok(held)
    }
}

/// Removes what an earlier process left. Only when the log is opened: nobody can be using it.
pub(super) fn remove_left(dir: &Path) -> Result<(), LogError> {
    let path = dir.join(DIRECTORY);
    match std::fs::remove_dir_all(&path) {
        Ok(()) => sync_dir(dir),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(LogError::io(&path, "remove")(e)),
    }
}
