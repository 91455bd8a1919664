//! A disk that forgets, tears and fails. It stands between a store and the real files, and remembers every change; from that it can say
//! what a disk could hold after the power went at any moment, and it can refuse.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use eql_store::{Files, OpenFile, OsFiles};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

#[derive(Clone, Debug)]
enum Change {
    Create(PathBuf, usize),
    Append(usize, Vec<u8>),
    Sync(usize),
    Cut(usize, u64),
    Truncate(PathBuf, u64),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    RemoveDir(PathBuf),
    SyncDir(PathBuf),
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// No byte can be appended and no file be made.
    Full,
    /// Half of the next append is written, then the disk is full.
    TornAppend,
    /// The next sync fails.
    Sync,
}

#[derive(Debug, Default)]
struct Memory {
    changes: Vec<Change>,
    files: usize,
    fault: Option<Fault>,
}

/// Changes go to the operating system and are remembered.
#[derive(Clone, Debug, Default)]
pub struct Faulty(Arc<Mutex<Memory>>);

impl Faulty {
    pub fn changes(&self) -> usize {
        self.0.lock().unwrap().changes.len()
    }

    pub fn fail(&self, fault: Option<Fault>) {
        self.0.lock().unwrap().fault = fault;
    }

    fn note(&self, change: Change) {
        self.0.lock().unwrap().changes.push(change);
    }

    fn refused(&self) -> io::Result<()> {
        match self.0.lock().unwrap().fault {
            Some(Fault::Full) => Err(io::Error::new(ErrorKind::StorageFull, "No space left on device")),
            _ => Ok(()),
        }
    }

    /// Writes to `to` what the disk could hold of `from` after so many changes. What was synced is there; of the rest a part that
    /// `random` chooses, the last 512 bytes of it perhaps zeros.
    pub fn after_power_loss(&self, upto: usize, from: &Path, to: &Path, random: &mut dyn FnMut(usize) -> usize) {
        let memory = self.0.lock().unwrap();
        let mut disk = Disk::default();
        memory.changes[..upto].iter().for_each(|change| disk.change(change));
        disk.lose(random);
        for (path, file) in &disk.names {
            let target = to.join(path.strip_prefix(from).unwrap());
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::write(target, disk.files[*file].survivor(random)).unwrap();
        }
    }
}

impl Files for Faulty {
    fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        self.refused()?;
        let file = OsFiles.create(path)?;
        let mut memory = self.0.lock().unwrap();
        let id = memory.files;
        memory.files += 1;
        memory.changes.push(Change::Create(path.to_path_buf(), id));
        drop(memory);
        Ok(Box::new(FaultyFile { disk: self.clone(), id, file }))
    }

    fn truncate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        self.note(Change::Truncate(path.to_path_buf(), bytes));
        OsFiles.truncate(path, bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note(Change::Rename(from.to_path_buf(), to.to_path_buf()));
        OsFiles.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        OsFiles.remove(path)?;
        self.note(Change::Remove(path.to_path_buf()));
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        OsFiles.remove_dir(path)?;
        self.note(Change::RemoveDir(path.to_path_buf()));
        Ok(())
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        OsFiles.create_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.note(Change::SyncDir(path.to_path_buf()));
        Ok(())
    }
}

#[derive(Debug)]
struct FaultyFile {
    disk: Faulty,
    id: usize,
    file: Box<dyn OpenFile>,
}

impl OpenFile for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.disk.refused()?;
        let torn = self.disk.0.lock().unwrap().fault.take_if(|f| *f == Fault::TornAppend).is_some();
        let written = if torn { &bytes[..bytes.len() / 2] } else { bytes };
        self.disk.note(Change::Append(self.id, written.to_vec()));
        self.file.append(written)?;
        if torn { Err(io::Error::new(ErrorKind::StorageFull, "No space left on device")) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.disk.0.lock().unwrap().fault.take_if(|f| *f == Fault::Sync).is_some() {
            return Err(io::Error::other("Input/output error"));
        }
        self.disk.note(Change::Sync(self.id));
        Ok(())
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.disk.note(Change::Cut(self.id, bytes));
        self.file.cut(bytes)
    }
}

/// A disk as the changes make it.
#[derive(Default)]
struct Disk {
    files: Vec<Content>,
    /// Names that are durable.
    names: BTreeMap<PathBuf, usize>,
    /// Names as programs see them.
    seen: BTreeMap<PathBuf, usize>,
    /// Changes of names that are not durable yet, in order: the name, and what it means now.
    pending: Vec<(PathBuf, Option<usize>)>,
}

#[derive(Clone, Default)]
struct Content {
    durable: Vec<u8>,
    seen: Vec<u8>,
}

impl Content {
    fn survivor(&self, random: &mut dyn FnMut(usize) -> usize) -> Vec<u8> {
        if !self.seen.starts_with(&self.durable) {
            return if random(2) == 0 { self.durable.clone() } else { self.seen.clone() };
        }
        let tail = self.seen.len() - self.durable.len();
        let kept = self.durable.len() + random(tail + 1);
        let mut bytes = self.seen[..kept].to_vec();
        if random(3) == 0 {
            let torn = bytes.len().saturating_sub(512).max(self.durable.len());
            bytes[torn..].fill(0);
        }
        bytes
    }
}

impl Disk {
    fn change(&mut self, change: &Change) {
        match change {
            Change::Create(path, id) => {
                self.files.resize(self.files.len().max(id + 1), Content::default());
                self.name(path, Some(*id));
            }
            Change::Append(id, bytes) => self.files[*id].seen.extend(bytes),
            Change::Sync(id) => self.files[*id].durable = self.files[*id].seen.clone(),
            Change::Cut(id, bytes) => self.cut(*id, *bytes),
            Change::Truncate(path, bytes) => {
                if let Some(id) = self.seen.get(path).copied() {
                    self.cut(id, *bytes);
                }
            }
            Change::Rename(from, to) => {
                let id = self.seen.get(from).copied();
                self.name(to, id);
                self.name(from, None);
            }
            Change::Remove(path) => self.name(path, None),
            Change::RemoveDir(path) => {
                let below: Vec<PathBuf> = self.seen.keys().filter(|p| p.starts_with(path)).cloned().collect();
                below.iter().for_each(|p| self.name(p, None));
            }
            Change::SyncDir(dir) => {
                for (path, id) in std::mem::take(&mut self.pending) {
                    if path.parent() == Some(dir) { self.keep(path, id) } else { self.pending.push((path, id)) }
                }
            }
        }
    }

    fn cut(&mut self, id: usize, bytes: u64) {
        self.files[id].seen.truncate(bytes as usize);
        self.files[id].durable = self.files[id].seen.clone();
    }

    fn name(&mut self, path: &Path, id: Option<usize>) {
        match id {
            Some(id) => _ = self.seen.insert(path.to_path_buf(), id),
            None => _ = self.seen.remove(path),
        }
        self.pending.push((path.to_path_buf(), id));
    }

    fn keep(&mut self, path: PathBuf, id: Option<usize>) {
        match id {
            Some(id) => _ = self.names.insert(path, id),
            None => _ = self.names.remove(&path),
        }
    }

    /// Of the names that are not durable some of the first are there.
    fn lose(&mut self, random: &mut dyn FnMut(usize) -> usize) {
        let kept = random(self.pending.len() + 1);
        for (path, id) in std::mem::take(&mut self.pending).into_iter().take(kept) {
            self.keep(path, id);
        }
    }
}
