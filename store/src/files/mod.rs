//! Everything the store changes on a disk goes through here, so that a test can stand between the store and the disk: count, fail, lose
//! what was not synced, tear what was half written.
//!
//! Reading is not part of it: what is read is checked by checksums, wherever it comes from.

mod os;

pub use os::OsFiles;

use parking_lot::RwLock;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Who stands between the store and which directory. Kept here and not handed around: forty places change files, and only tests stand
/// between. Nobody does in a server, and then nothing is looked up.
static BETWEEN: RwLock<Vec<(PathBuf, Arc<dyn Files>)>> = RwLock::new(Vec::new());
static ANYBODY: AtomicBool = AtomicBool::new(false);

/// Lets all changes at or below a directory go through `files` from now on, until the result is dropped.
pub fn stand_between(dir: &Path, files: Arc<dyn Files>) -> Between {
    BETWEEN.write().push((dir.to_path_buf(), files));
    ANYBODY.store(true, Ordering::Release);
    Between { dir: dir.to_path_buf() }
}

/// Somebody stands between.
#[derive(Debug)]
pub struct Between {
    dir: PathBuf,
}

impl Drop for Between {
    fn drop(&mut self) {
        let mut all = BETWEEN.write();
        if let Some(place) = all.iter().rposition(|(dir, _)| *dir == self.dir) {
            all.remove(place);
        }
        ANYBODY.store(!all.is_empty(), Ordering::Release);
    }
}

/// Whom changes of a path go through.
pub(crate) fn of(path: &Path) -> Arc<dyn Files> {
    if ANYBODY.load(Ordering::Acquire)
        && let Some((_, files)) = BETWEEN.read().iter().find(|(dir, _)| path.starts_with(dir))
    {
        return files.clone();
    }
    Arc::new(OsFiles)
}

/// The changes of a file system that the store makes.
///
/// What is promised: data of a file is durable after [`OpenFile::sync`], names are durable after [`Files::sync_dir`] of their directory.
/// Nothing else is.
pub trait Files: Send + Sync + Debug {
    /// Makes an empty file, or empties the one there is.
    ///
    /// # Errors
    /// What the operating system says.
    fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;

    /// Shortens a file, durably.
    ///
    /// # Errors
    /// What the operating system says.
    fn truncate(&self, path: &Path, bytes: u64) -> io::Result<()>;

    /// Gives a file another name in place of whatever has it.
    ///
    /// # Errors
    /// What the operating system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the operating system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory with all that is in it.
    ///
    /// # Errors
    /// What the operating system says.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes a directory and those above it; it may be there already.
    ///
    /// # Errors
    /// What the operating system says.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// A file that is being written from its beginning.
pub trait OpenFile: Send + Debug {
    /// Appends bytes.
    ///
    /// # Errors
    /// What the operating system says; any part of the bytes may have been written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes what was appended durable.
    ///
    /// # Errors
    /// What the operating system says. Nobody can know then what is on the disk, and a second try would not tell.
    fn sync(&mut self) -> io::Result<()>;

    /// Takes back what was appended after `bytes`, durably; the next append goes there.
    ///
    /// # Errors
    /// What the operating system says.
    fn cut(&mut self, bytes: u64) -> io::Result<()>;
}
