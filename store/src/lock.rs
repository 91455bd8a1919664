//! One process a directory.

use crate::StoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Held while the directory is open; the operating system lets go of it when the process dies, however it dies.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    pub(crate) fn take(dir: &Path) -> Result<DirectoryLock, StoreError> {
        let path = dir.join("lock");
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(StoreError::io(&path, "open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { dir: dir.to_path_buf(), holder: holder(&mut file) }),
            Err(TryLockError::Error(e)) => return Err(StoreError::io(&path, "lock")(e)),
        }
        sign(&mut file).map_err(StoreError::io(&path, "write"))?;
        Ok(DirectoryLock { _file: file })
    }
}

fn sign(file: &mut File) -> std::io::Result<()> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{} {since}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let known = file.read_to_string(&mut text).is_ok();
    match text.split_once(' ') {
        Some((pid, since)) if known => format!("process {pid} (since {} s after 1970-01-01T00:00Z)", since.trim()),
        _ => "another process".to_string(),
    }
}
