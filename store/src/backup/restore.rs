//! From a backup to a data directory.

use super::transfer::{compare, copy};
use super::{Label, RESTORED, UNFINISHED, Vacant, label};
use crate::StoreError;
use crate::disk::{create_dir, sync_dir, write_file};
use crate::log::{self, Copied, segments};
use crate::named::inside;
use crate::open::LOG;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What to restore, and where to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoreRequest {
    /// The directory that a backup was written to.
    pub backup: PathBuf,
    /// The data directory to make; absent or empty.
    pub dir: PathBuf,
    /// The last log position to take over; None takes all there are.
    pub position: Option<u64>,
    /// The directory `log` of the data directory that the backup is of, or a copy: records that came after the backup are taken from it.
    pub log: Option<PathBuf>,
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoreReport {
    /// The new data directory.
    pub dir: PathBuf,
    /// The last position it holds.
    pub position: u64,
    /// The checkpoint it starts from.
    pub checkpoint: u64,
    /// Log records after that.
    pub records: u64,
    /// Files.
    pub files: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// How long it took.
    pub seconds: f64,
}

/// Copies a backup to a data directory of its own, and checks every file on the way.
///
/// # Errors
/// No backup, a damaged one, a position it does not reach, or a target that is not empty or cannot be written.
pub fn restore(request: &RestoreRequest) -> Result<RestoreReport, StoreError> {
    let started = Instant::now();
    let absent = || StoreError::unsuitable(&request.backup, "is no backup, or one that was not finished: it has no file backup.json");
    let label = Label::read(&request.backup)?.ok_or_else(absent)?;
    check_position(request, &label, if request.log.is_some() { u64::MAX } else { label.position })?;
    let vacant = Vacant::new(&request.dir, None)?;
    let mut report = vacant.keep(write(request, &label))?;
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

fn check_position(request: &RestoreRequest, label: &Label, last: u64) -> Result<(), StoreError> {
    match request.position {
        Some(asked) if asked < label.checkpoint || asked > last => {
            Err(StoreError::NoPosition { backup: request.backup.clone(), asked, first: label.checkpoint, last })
        }
        _ => Ok(()),
    }
}

fn write(request: &RestoreRequest, label: &Label) -> Result<RestoreReport, StoreError> {
    let RestoreRequest { backup, dir, .. } = request;
    write_file(dir, UNFINISHED, b"")?;
    sync_dir(dir)?;
    let log = write_log(request, label)?;
    let (mut files, mut bytes) = (log.files.len() as u64, log.files.iter().map(|f| f.bytes).sum());
    let mut dirs = BTreeSet::from([PathBuf::from(LOG)]);
    for file in &label.files {
        let path = inside(&backup.join(label::NAME), &file.name)?;
        if path.starts_with(LOG) {
            continue;
        }
        let below = path.parent().unwrap_or(Path::new(""));
        create_dir(&dir.join(below))?;
        copy(&backup.join(path), &dir.join(path), file)?;
        dirs.extend(below.ancestors().map(Path::to_path_buf));
        files += 1;
        bytes += file.bytes;
    }
    for directory in &label.beside {
        let place = dir.join(inside(&backup.join(label::NAME), directory)?);
        create_dir(&place)?;
        write_file(&place, RESTORED, log.position.to_string().as_bytes())?;
        sync_dir(&place)?;
    }
    for below in dirs {
        sync_dir(&dir.join(below))?;
    }
    let marker = dir.join(UNFINISHED);
    crate::disk::remove_file(&marker).map_err(StoreError::io(&marker, "remove"))?;
    sync_dir(dir)?;
    let (position, checkpoint) = (log.position, label.checkpoint);
    Ok(RestoreReport { dir: dir.clone(), position, checkpoint, records: log.records, files, bytes, seconds: 0.0 })
}

/// The log first: whether it reaches far enough is known only when it was read.
fn write_log(request: &RestoreRequest, label: &Label) -> Result<Copied, StoreError> {
    let own = request.backup.join(LOG);
    for file in &label.files {
        let path = inside(&request.backup.join(label::NAME), &file.name)?;
        if path.starts_with(LOG) {
            compare(&request.backup.join(path), file, None)?;
        }
    }
    let files = log_files(&own, request.log.as_deref())?;
    let end = if request.log.is_some() { u64::MAX } else { label.position };
    let target = request.dir.join(LOG);
    create_dir(&target)?;
    let copied = log::copy(&files, label.checkpoint, request.position.unwrap_or(end), &target)?;
    check_position(request, label, copied.position)?;
    if request.position.is_none() && copied.position < label.position {
        return Err(StoreError::damaged(&own, 0, format!("it ends at record {}, {} were backed up", copied.position, label.position)));
    }
    Ok(copied)
}

/// The files of the backup, and those that came later: of two of the same name the longer one, which begins like the other.
fn log_files(own: &Path, later: Option<&Path>) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let mut files: BTreeMap<u64, PathBuf> = segments(own)?.into_iter().collect();
    let Some(later) = later else { return Ok(files.into_iter().collect()) };
    let more = segments(later)?;
    if more.is_empty() {
        return Err(StoreError::unsuitable(later, "holds no log: name the directory `log` of a data directory"));
    }
    for (first, path) in more {
        let Some(known) = files.get(&first) else {
            files.insert(first, path);
            continue;
        };
        match common_start(known, &path)? {
            Some(true) => _ = files.insert(first, path),
            Some(false) => {}
            None => return Err(StoreError::unsuitable(later, "is the log of other data: its records are not those of the backup")),
        }
    }
    Ok(files.into_iter().collect())
}

/// Whether the second of two files goes on where the first ends, or the other way round; None when they differ.
fn common_start(a: &Path, b: &Path) -> Result<Option<bool>, StoreError> {
    let length = |path: &Path| std::fs::metadata(path).map(|m| m.len()).map_err(StoreError::io(path, "read"));
    let (long, shared) = (length(b)? >= length(a)?, length(a)?.min(length(b)?));
    let start = |path: &Path| {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(StoreError::io(path, "open"))?;
        file.take(shared).read_to_end(&mut bytes).map_err(StoreError::io(path, "read"))?;
        Ok::<_, StoreError>(bytes)
    };
    Ok((start(a)? == start(b)?).then_some(long))
}
