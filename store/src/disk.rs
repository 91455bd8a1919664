//! Files that are there after a power loss, and that are what was written.

use crate::StoreError;
use crate::files;
use serde::{Deserialize, Serialize};
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

/// A file named by the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileMeta {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    /// Checksum of the whole file, in hexadecimal: JSON numbers are not safe above 2^53.
    pub(crate) xxh3: String,
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    files::of(dir).sync_dir(dir).map_err(StoreError::io(dir, "sync directory"))
}

pub(crate) fn create_dir(dir: &Path) -> Result<(), StoreError> {
    files::of(dir).create_dir(dir).map_err(StoreError::io(dir, "create directory"))
}

/// Removes one file.
pub(crate) fn remove_file(path: &Path) -> std::io::Result<()> {
    files::of(path).remove(path)
}

/// Removes a directory with all that is in it.
pub(crate) fn remove_dir(path: &Path) -> std::io::Result<()> {
    files::of(path).remove_dir(path)
}

/// Writes and syncs one file; its directory is the caller's to sync.
pub(crate) fn write_file(dir: &Path, name: &str, bytes: &[u8]) -> Result<FileMeta, StoreError> {
    let path = dir.join(name);
    let mut file = files::of(&path).create(&path).map_err(StoreError::io(&path, "create"))?;
    file.append(bytes).map_err(StoreError::io(&path, "write"))?;
    file.sync().map_err(StoreError::io(&path, "sync"))?;
    Ok(FileMeta { name: name.to_string(), bytes: bytes.len() as u64, xxh3: checksum(bytes) })
}

/// Replaces a file so that either the old or the new one is there at any instant.
pub(crate) fn replace_file(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let temporary = format!("{name}.tmp");
    write_file(dir, &temporary, bytes)?;
    let path = dir.join(name);
    files::of(&path).rename(&dir.join(&temporary), &path).map_err(StoreError::io(&path, "rename to"))?;
    sync_dir(dir)
}

/// Reads a file that the manifest names, and checks it.
pub(crate) fn read_checked(dir: &Path, meta: &FileMeta) -> Result<Vec<u8>, StoreError> {
    let path = dir.join(&meta.name);
    let bytes = std::fs::read(&path).map_err(StoreError::io(&path, "read"))?;
    check(&path, meta, &bytes)?;
    Ok(bytes)
}

/// Whether these bytes are what was written.
pub(crate) fn check(path: &Path, meta: &FileMeta, bytes: &[u8]) -> Result<(), StoreError> {
    if bytes.len() as u64 != meta.bytes {
        let at = meta.bytes.min(bytes.len() as u64);
        return Err(StoreError::damaged(path, at, format!("it has {} bytes, {} were written", bytes.len(), meta.bytes)));
    }
    if checksum(bytes) != meta.xxh3 {
        return Err(StoreError::damaged(path, 0, "its checksum is not that of what was written"));
    }
    Ok(())
}

pub(crate) fn checksum(bytes: &[u8]) -> String {
    format!("{:016x}", xxh3_64(bytes))
}

/// Names in a directory; an absent directory has none.
pub(crate) fn names(dir: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(StoreError::io(dir, "list")(e)),
    };
    let mut all = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StoreError::io(dir, "list"))?;
        all.push(entry.file_name().to_string_lossy().into_owned());
    }
    all.sort();
    Ok(all)
}
