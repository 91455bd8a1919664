//! Small documents beside the log that must be durable as it is: what webhooks could not deliver.

use super::registry::{replace, sync_dir};
use super::{ChangeLog, LogError};
use std::path::PathBuf;

const DIRECTORY: &str = "kept";

impl ChangeLog {
    /// Keeps a document; one of that kind and name is replaced.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn keep(&self, kind: &str, name: &str, text: &str) -> Result<(), LogError> {
        let dir = self.kept_dir(kind);
        std::fs::create_dir_all(&dir).map_err(LogError::io(&dir, "create"))?;
        sync_dir(&self.dir)?;
        let file = file_name(name);
        let body = format!("{:08x}\n{text}", crc32c::crc32c(text.as_bytes()));
        replace(&dir, &file, body.as_bytes())
    }

    /// The documents of a kind, by name.
    ///
    /// # Errors
    /// A damaged file.
    pub fn kept(&self, kind: &str) -> Result<Vec<(String, String)>, LogError> {
        let dir = self.kept_dir(kind);
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(LogError::io(&dir, "read")(e)),
        };
        let mut all = Vec::new();
        for entry in entries {
            let path = entry.map_err(LogError::io(&dir, "read"))?.path();
            let name = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(".kept")).and_then(name_of);
            let Some(name) = name else { continue };
            let body = std::fs::read_to_string(&path).map_err(LogError::io(&path, "read"))?;
            let (check, text) = body.split_once('\n').unwrap_or_default();
            if check != format!("{:08x}", crc32c::crc32c(text.as_bytes())) {
                return Err(LogError::damaged(&path, 0, "the checksum does not fit"));
            }
            all.push((name, text.to_string()));
        }
        all.sort();
        Ok(all)
    }

    /// Forgets a document; whether there was one.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn discard(&self, kind: &str, name: &str) -> Result<bool, LogError> {
        let path = self.kept_dir(kind).join(file_name(name));
        match std::fs::remove_file(&path) {
            Ok(()) => sync_dir(&self.kept_dir(kind)).map(|()| true),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(LogError::io(&path, "remove")(e)),
        }
    }

    /// The files of all documents.
    pub(super) fn kept_files(&self) -> Result<Vec<PathBuf>, LogError> {
        let mut files = Vec::new();
        let mut open = vec![self.dir.join(DIRECTORY)];
        while let Some(dir) = open.pop() {
            let entries = match std::fs::read_dir(&dir) {
                Ok(entries) => entries,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                Err(e) => return Err(LogError::io(&dir, "read")(e)),
            };
            for entry in entries {
                let path = entry.map_err(LogError::io(&dir, "read"))?.path();
                if path.is_dir() {
                    open.push(path);
                } else if path.extension().is_some_and(|e| e == "kept") {
                    files.push(path);
                }
            }
        }
        Ok(files)
    }

    fn kept_dir(&self, kind: &str) -> PathBuf {
        self.dir.join(DIRECTORY).join(encoded(kind))
    }
}

fn file_name(name: &str) -> String {
    format!("{}.kept", encoded(name))
}

/// A name that is safe in every file system, and different for different names.
fn encoded(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02x}") }).collect()
}

fn name_of(encoded: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = encoded.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        if *first == b'%' {
            let (hex, behind) = behind.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?);
            rest = behind;
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogOptions;

    #[test]
    fn documents_come_back_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let log = ChangeLog::open(dir.path(), LogOptions::default()).unwrap();
        assert!(log.kept("webhook").unwrap().is_empty());
        log.keep("webhook", "../Crm é", "{\"a\":\n1}").unwrap();
        log.keep("webhook", "b", "old").unwrap();
        log.keep("webhook", "b", "new").unwrap();
        drop(log);
        let log = ChangeLog::open(dir.path(), LogOptions::default()).unwrap();
        let expected = [("../Crm é".to_string(), "{\"a\":\n1}".to_string()), ("b".to_string(), "new".to_string())];
        assert_eq!(log.kept("webhook").unwrap(), expected);
        assert!(log.discard("webhook", "b").unwrap() && !log.discard("webhook", "b").unwrap());
        assert_eq!(log.kept("webhook").unwrap().len(), 1);
    }
}
