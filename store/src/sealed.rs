//! Small files that say of themselves whether they are whole: two lines of JSON, of which the first has the format and the checksum of the second.

use crate::StoreError;
use crate::disk::checksum;
use crate::limit::FORMAT;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    xxh3: String,
}

/// The bytes of a sealed file.
pub(crate) fn seal(path: &Path, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    let body = serde_json::to_string(value).map_err(|e| StoreError::damaged(path, 0, e.to_string()))?;
    let head = serde_json::json!({ "format": FORMAT, "xxh3": checksum(body.as_bytes()) });
    Ok(format!("{head}\n{body}\n").into_bytes())
}

/// Reads a sealed file; None when there is none.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    match std::fs::read(path) {
        Ok(bytes) => open(path, &bytes).map(Some),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StoreError::io(path, "read")(e)),
    }
}

fn open<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, StoreError> {
    let damaged = |offset: usize, what: String| StoreError::damaged(path, offset as u64, what);
    let end = bytes.iter().position(|b| *b == b'\n').ok_or_else(|| damaged(0, "its first line has no end".to_string()))?;
    let head: Head = serde_json::from_slice(&bytes[..end]).map_err(|e| damaged(0, e.to_string()))?;
    if head.format > FORMAT {
        return Err(StoreError::NewerFormat { path: path.to_path_buf(), found: head.format, known: FORMAT });
    }
    if head.format == 0 {
        return Err(damaged(0, "it holds no version".to_string()));
    }
    let body = bytes[end + 1..].trim_ascii_end();
    if checksum(body) != head.xxh3 {
        return Err(damaged(end + 1, "its checksum is not that of what was written".to_string()));
    }
    serde_json::from_slice(body).map_err(|e| damaged(end + 1, e.to_string()))
}
