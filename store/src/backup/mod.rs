//! A copy of a data directory as of one position, made while it is written to, and the way back.
//!
//! ```text
//! hold (links, checkpoints wait) → link or copy, checked → log up to the position → manifest → backup.json: the copy is whole
//! ```
//! A backup is laid out like a data directory, but is never opened: `restore` copies it to a place of its own.

mod label;
mod restore;
mod transfer;

pub(crate) use label::{Label, NAME as LABEL};
pub use restore::{RestoreReport, RestoreRequest, restore};

use crate::disk::{FileMeta, create_dir, names, sync_dir, write_file};
use crate::hold::Hold;
use crate::limit::FORMAT;
use crate::log::{copy, segments};
use crate::open::{FORMAT_FILE, LOG};
use crate::part::PARTS;
use crate::{Store, StoreError, manifest, sealed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;
use transfer::{take, transfer, transfer_part};

/// In a directory that is being restored; it goes when everything is there.
const UNFINISHED: &str = "restore.unfinished";

/// In each directory that others keep beside the data, after a restore: it says up to which position that reaches, for them to act on.
pub const RESTORED: &str = "restored";

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackupReport {
    /// Where it is.
    pub target: PathBuf,
    /// Everything up to this log position is in it.
    pub position: u64,
    /// The earliest position it can be restored to.
    pub checkpoint: u64,
    /// Files.
    pub files: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Files that share their bytes with the data directory, as both lie on one file system.
    pub linked: u64,
    /// How long it took.
    pub seconds: f64,
}

/// A directory of somebody else's in the data directory, whose files belong to a state that is not later than the present one. They do not
/// change while they are copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Its name in the data directory.
    pub directory: String,
    /// Paths below it, and where their bytes are now.
    pub files: Vec<(PathBuf, PathBuf)>,
}

impl Store {
    /// Copies everything up to the present position into a new directory, while reads and writes go on, together with what others keep
    /// `beside` it. Every file is checked on the way.
    ///
    /// # Errors
    /// The target is not empty or lies inside of the data directory, a file is damaged, or the target cannot be written.
    pub fn backup(&self, target: &Path, beside: &[Beside]) -> Result<BackupReport, StoreError> {
        let started = Instant::now();
        let hold = Hold::take(&self.core)?;
        let vacant = Vacant::new(target, Some(&self.core.dir))?;
        let mut report = vacant.keep(write(&hold, target, beside))?;
        report.seconds = started.elapsed().as_secs_f64();
        Ok(report)
    }
}

fn write(hold: &Hold, target: &Path, beside: &[Beside]) -> Result<BackupReport, StoreError> {
    let (mut files, mut linked, mut dirs) = (Vec::new(), 0, BTreeSet::new());
    for (dir, file) in hold.manifest.files() {
        create_dir(&target.join(&dir))?;
        let to = target.join(&dir).join(&file.name);
        let done = match dir.strip_prefix(PARTS) {
            Ok(part) => transfer_part(&*hold.place, &part.join(&file.name).display().to_string(), &to, file)?,
            Err(_) => transfer(&hold.dir.join(&dir).join(&file.name), &to, file)?,
        };
        linked += u64::from(done);
        files.push(FileMeta { name: dir.join(&file.name).display().to_string(), ..file.clone() });
        dirs.extend(dir.ancestors().map(Path::to_path_buf));
    }
    for (below, source) in
        beside.iter().flat_map(|b| b.files.iter().map(move |(name, source)| (Path::new(&b.directory).join(name), source)))
    {
        dirs.extend(below.ancestors().skip(1).map(Path::to_path_buf));
        create_dir(&target.join(below.parent().unwrap_or(Path::new(""))))?;
        let (done, bytes, xxh3) = take(source, &target.join(&below))?;
        linked += u64::from(done);
        files.push(FileMeta { name: below.display().to_string(), bytes, xxh3 });
    }
    create_dir(&target.join(LOG))?;
    let log = copy(&segments(&hold.dir.join(LOG))?, hold.manifest.position, hold.position, &target.join(LOG))?;
    files.extend(log.files.into_iter().map(|file| FileMeta { name: format!("{LOG}/{}", file.name), ..file }));
    dirs.extend([PathBuf::from(LOG), PathBuf::new()]);
    let format = format!("{FORMAT}\n");
    files.push(write_file(target, FORMAT_FILE, format.as_bytes())?);
    let manifest = sealed::seal(&target.join(manifest::NAME), &hold.manifest)?;
    files.push(write_file(target, manifest::NAME, &manifest)?);
    for dir in dirs {
        sync_dir(&target.join(dir))?;
    }
    let beside = beside.iter().map(|b| b.directory.clone()).collect();
    let label = Label::new(hold.position, hold.manifest.position, files, beside);
    label.write(target)?;
    Ok(BackupReport {
        target: target.to_path_buf(),
        position: label.position,
        checkpoint: label.checkpoint,
        files: label.files.len() as u64,
        bytes: label.files.iter().map(|f| f.bytes).sum(),
        linked,
        seconds: 0.0,
    })
}

/// A directory that is not there or empty, and is so again if what was to be written there fails.
struct Vacant<'a> {
    dir: &'a Path,
    made: bool,
}

impl Vacant<'_> {
    fn new<'a>(dir: &'a Path, data: Option<&Path>) -> Result<Vacant<'a>, StoreError> {
        let full = names(dir)?.iter().any(|name| name != "lost+found");
        if full {
            return Err(StoreError::unsuitable(dir, "is not empty: name a directory that does not exist yet"));
        }
        let made = !dir.exists();
        create_dir(dir)?;
        let vacant = Vacant { dir, made };
        let real = |path: &Path| path.canonicalize().map_err(StoreError::io(path, "find"));
        match data.map(real).transpose()? {
            Some(data) if real(dir)?.starts_with(&data) => {
                vacant.clear();
                Err(StoreError::unsuitable(dir, "lies inside of the data directory: name one outside of it"))
            }
            _ => Ok(vacant),
        }
    }

    fn keep<T>(&self, written: Result<T, StoreError>) -> Result<T, StoreError> {
        if written.is_err() {
            self.clear();
            return written;
        }
        // The name of a new directory must survive, too.
        if let Some(parent) = self.dir.canonicalize().ok().as_deref().and_then(Path::parent) {
            sync_dir(parent)?;
        }
        written
    }

    /// Best effort: the failure that leads here is what is told.
    fn clear(&self) {
        let entries = std::fs::read_dir(self.dir).into_iter().flatten().flatten();
        for entry in entries.filter(|e| e.file_name() != "lost+found") {
            let path = entry.path();
            _ = if path.is_dir() { crate::disk::remove_dir(&path) } else { crate::disk::remove_file(&path) };
        }
        if self.made {
            _ = std::fs::remove_dir(self.dir);
        }
    }
}

/// A backup stays as it is, and a half restored directory is none.
pub(crate) fn refuse_copies(dir: &Path) -> Result<(), StoreError> {
    if dir.join(UNFINISHED).exists() {
        return Err(StoreError::unsuitable(dir, "was not restored completely: remove it and restore it again"));
    }
    if dir.join(LABEL).exists() {
        return Err(StoreError::unsuitable(dir, "is a backup: copy it to a directory of its own with `eql admin restore`"));
    }
    Ok(())
}
