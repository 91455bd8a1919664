//! Parts in a directory of this machine.

use super::PartPlace;
use crate::StoreError;
use crate::disk::{create_dir, names, sync_dir, write_file};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A directory; it appears with the first file.
#[derive(Debug)]
pub(crate) struct LocalPlace {
    dir: PathBuf,
}

impl LocalPlace {
    pub(crate) fn new(dir: PathBuf) -> LocalPlace {
        LocalPlace { dir }
    }

    /// Appends the names of all files at or below a path.
    fn collect(&self, name: &str, found: &mut Vec<String>) -> Result<(), StoreError> {
        let path = self.dir.join(name);
        if path.is_file() {
            found.push(name.to_string());
            return Ok(());
        }
        names(&path)?.iter().try_for_each(|inner| self.collect(&format!("{name}/{inner}"), found))
    }
}

impl PartPlace for LocalPlace {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let path = self.dir.join(name);
        let (Some(dir), Some(file)) = (path.parent(), path.file_name()) else { return Ok(()) };
        create_dir(dir)?;
        write_file(dir, &file.to_string_lossy(), &bytes)?;
        Ok(())
    }

    fn create(&self, name: &str, bytes: Vec<u8>) -> Result<Bytes, StoreError> {
        let path = self.dir.join(name);
        create_dir(&self.dir)?;
        match File::create_new(&path) {
            Ok(_) => {
                write_file(&self.dir, name, &bytes)?;
                sync_dir(&self.dir)?;
            }
            // A claim that was cut off before it had content may be made again.
            Err(e) if e.kind() == ErrorKind::AlreadyExists && self.get(name)?.is_empty() => _ = write_file(&self.dir, name, &bytes)?,
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(StoreError::io(&path, "create")(e)),
        }
        self.get(name)
    }

    /// The directories and all above them up to the place itself, each once.
    fn finish(&self, directories: &[String]) -> Result<(), StoreError> {
        let all: BTreeSet<&Path> = directories.iter().flat_map(|d| Path::new(d).ancestors()).collect();
        all.into_iter().rev().try_for_each(|d| sync_dir(&self.dir.join(d)))
    }

    fn get(&self, name: &str) -> Result<Bytes, StoreError> {
        let path = self.dir.join(name);
        std::fs::read(&path).map(Bytes::from).map_err(StoreError::io(&path, "read"))
    }

    fn get_ranges(&self, name: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, StoreError> {
        let path = self.dir.join(name);
        let mut file = File::open(&path).map_err(StoreError::io(&path, "open"))?;
        ranges.iter().map(|range| read_range(&mut file, range).map_err(StoreError::io(&path, "read"))).collect()
    }

    fn list(&self) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        names(&self.dir)?.iter().try_for_each(|name| self.collect(name, &mut found))?;
        Ok(found)
    }

    fn remove(&self, names: &[String]) -> Result<(), StoreError> {
        let mut emptied = BTreeSet::new();
        for name in names {
            let path = self.dir.join(name);
            match crate::disk::remove_file(&path) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(StoreError::io(&path, "remove")(e)),
                _ => emptied.extend(path.parent().map(Path::to_path_buf)),
            }
        }
        // A directory that still holds something stays.
        emptied.iter().filter(|dir| **dir != self.dir).for_each(|dir| _ = std::fs::remove_dir(dir));
        Ok(())
    }
}

fn read_range(file: &mut File, range: &Range<u64>) -> std::io::Result<Bytes> {
    file.seek(SeekFrom::Start(range.start))?;
    let mut bytes = Vec::new();
    file.take(range.end - range.start).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_back_whole_in_ranges_and_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let place = LocalPlace::new(dir.path().join("parts"));
        assert!(place.list().unwrap().is_empty());
        place.put("0/1/a", b"abcdef".to_vec()).unwrap();
        place.put("0/1/b", b"b".to_vec()).unwrap();
        place.put("2/3/c", b"c".to_vec()).unwrap();
        place.finish(&["0/1".to_string(), "2/3".to_string()]).unwrap();
        assert_eq!(place.create("mine", b"first".to_vec()).unwrap(), "first");
        assert_eq!(place.create("mine", b"second".to_vec()).unwrap(), "first");
        assert_eq!(place.list().unwrap(), ["0/1/a", "0/1/b", "2/3/c", "mine"]);
        assert_eq!(place.get("0/1/a").unwrap(), "abcdef");
        assert_eq!(place.get_ranges("0/1/a", &[4..6, 0..1, 5..9]).unwrap(), ["ef", "a", "f"]);
        place.remove(&["0/1/a".to_string(), "2/3/c".to_string(), "absent".to_string()]).unwrap();
        assert_eq!(place.list().unwrap(), ["0/1/b", "mine"]);
        assert!(!dir.path().join("parts/2/3").exists() && dir.path().join("parts/0/1").exists());
    }
}
