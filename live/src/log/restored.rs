//! A change log that came out of a backup. It goes on from the position that was restored, under a number of its own, because the log that
//! the backup is of may have gone on as well: cursors of then hold as far as both have the same records, and no further.

use super::frame::Head;
use super::registry::{self, Former, Manifest};
use super::{Inner, LogError, random};
use eql_store::RESTORED;
use std::path::Path;

/// The position that the restore of this directory reached; None when it was not restored, or has been begun since.
pub(super) fn position(dir: &Path) -> Result<Option<u64>, LogError> {
    let path = dir.join(RESTORED);
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| LogError::damaged(&path, 0, "it names no position")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(LogError::io(&path, "read")(e)),
    }
}

/// Takes what lies behind the position out of the log and gives it a number of its own. Begun again after a crash it does the same.
pub(super) fn begin(dir: &Path, inner: &Inner, position: u64) -> Result<(), LogError> {
    let last = cut(inner, position)?;
    let mut manifest = inner.manifest.clone();
    branch(&mut manifest, last, position);
    manifest.write(dir)?;
    let marker = dir.join(RESTORED);
    std::fs::remove_file(&marker).map_err(LogError::io(&marker, "remove"))?;
    registry::sync_dir(dir)
}

/// Removes the records behind a position, the newest file first, so that a crash leaves no gap; the last record that stays.
fn cut(inner: &Inner, position: u64) -> Result<u64, LogError> {
    let mut last = inner.manifest.removed;
    for (i, known) in inner.files.iter().enumerate() {
        let path = &known.file.path;
        let bytes = std::fs::read(path).map_err(LogError::io(path, "read"))?;
        let mut at = 0;
        while at < bytes.len() {
            let head = Head::read(&bytes[at..]).map_err(|_| LogError::damaged(path, at as u64, "no record starts here"))?;
            if head.position > position {
                break;
            }
            (last, at) = (head.number, at + head.bytes());
        }
        if at == bytes.len() {
            continue;
        }
        for later in inner.files[i + 1..].iter().rev() {
            std::fs::remove_file(&later.file.path).map_err(LogError::io(&later.file.path, "remove"))?;
        }
        let file = &known.file.file;
        match at {
            0 => std::fs::remove_file(path).map_err(LogError::io(path, "remove"))?,
            at => file.set_len(at as u64).and_then(|()| file.sync_all()).map_err(LogError::io(path, "truncate"))?,
        }
        return Ok(last);
    }
    Ok(last)
}

/// Members whose snapshot was taken behind the last record are not known any more: those segments begin anew, and so do their subscribers.
fn branch(manifest: &mut Manifest, last: u64, position: u64) {
    for former in &mut manifest.former {
        (former.number, former.position) = (former.number.min(last), former.position.min(position));
    }
    manifest.former.push(Former { log: manifest.log, number: last, position });
    let surplus = manifest.former.len().saturating_sub(FORMER_MAX);
    manifest.former.drain(..surplus);
    manifest.log = random();
    manifest.sources.retain(|_, s| s.floor <= last && s.snapshot.as_ref().is_none_or(|m| m.number <= last));
    manifest.removed = manifest.removed.min(last);
    let log = manifest.log;
    let Manifest { sources, subscriptions, .. } = manifest;
    for subscription in subscriptions.values_mut() {
        let is_followed = sources.get(&subscription.follows).is_some_and(|s| s.id == subscription.cursor.source);
        subscription.broken |= !is_followed || subscription.cursor.number > last;
        subscription.cursor.log = log;
    }
}

/// Restores of a directory that are remembered: cursors of before them are refused.
const FORMER_MAX: usize = 64;
