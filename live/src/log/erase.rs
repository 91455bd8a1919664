//! Taking entities out of what was published, once nobody knows them any more.
//!
//! A record stays where it is and keeps its number, so that cursors go on being right; the change loses the key of its entity. Who has not
//! read that far is still told that somebody left (`cause = erase`), and not who it was: whoever needs to know takes a new snapshot.

use super::file::Known;
use super::frame::Head;
use super::members::{self, key_bytes};
use super::registry::replace;
use super::{ChangeLog, Changed, Entry, LogError};
use crate::{Cause, Direction};
use eql_catalog::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What was taken out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erasure {
    /// Changes that lost their entity.
    pub changes: u64,
    /// Files that were written anew.
    pub files: u64,
}

/// Who is gone: of a source (`segment vip`), for each of some keys.
pub trait Gone {
    /// For each key whether nobody knows it any more; in their order.
    ///
    /// # Errors
    /// What must be asked cannot answer.
    fn gone(&self, source: &str, keys: &[&[Value]]) -> Result<Vec<bool>, LogError>;
}

/// Answers are remembered, as the same entities come again and again.
struct Asked<'a> {
    gone: &'a dyn Gone,
    names: BTreeMap<u32, String>,
    known: HashMap<u32, HashMap<Vec<u8>, bool>>,
}

impl Asked<'_> {
    /// Of a segment that was dropped nobody can read any more: all are gone.
    fn of(&mut self, source: u32, keys: &[&[Value]]) -> Result<Vec<bool>, LogError> {
        let Some(name) = self.names.get(&source) else { return Ok(vec![true; keys.len()]) };
        let known = self.known.entry(source).or_default();
        let new: Vec<&[Value]> = keys.iter().copied().filter(|k| !k.is_empty() && !known.contains_key(&key_bytes(k))).collect();
        let answers = if new.is_empty() { Vec::new() } else { self.gone.gone(name, &new)? };
        known.extend(new.iter().map(|k| key_bytes(k)).zip(answers));
        Ok(keys.iter().map(|k| known.get(&key_bytes(k)).copied().unwrap_or(false)).collect())
    }
}

impl ChangeLog {
    /// Takes everybody who is gone out of all files. Reads the whole log: for operators.
    ///
    /// # Errors
    /// A damaged file, or files that cannot be written; what was done before stays done.
    pub fn erase(&self, gone: &dyn Gone) -> Result<Erasure, LogError> {
        let saving = self.saving.lock();
        // The file that is written ends here, so that all there are now are only read.
        let (files, sources) = {
            let mut writer = self.writer.lock();
            writer.open = None;
            let inner = self.inner.lock();
            (inner.files.clone(), inner.manifest.sources.clone())
        };
        let names = sources.iter().map(|(name, s)| (s.id, name.clone())).collect();
        let mut asked = Asked { gone, names, known: HashMap::new() };
        let mut done = Erasure::default();
        for known in files.iter().filter(|f| f.last >= f.file.first) {
            done.changes += self.erase_file(known, &mut asked, &mut done.files)?;
        }
        let mut snapshots = BTreeMap::new();
        for (name, source) in &sources {
            let Some(meta) = &source.snapshot else { continue };
            let mut rows = members::read_rows(&self.dir, source.id, meta)?;
            let keys: Vec<&[Value]> = rows.rows.iter().map(|(key, _)| key.as_slice()).collect();
            let is_gone = asked.of(source.id, &keys)?;
            if is_gone.iter().any(|g| *g) {
                let mut gone = is_gone.into_iter();
                rows.rows.retain(|_| !gone.next().unwrap_or(false));
                snapshots.insert(name.clone(), members::write(&self.dir, source.id, &rows)?);
                done.files += 1;
            }
        }
        if !snapshots.is_empty() {
            self.change(&saving, |manifest| {
                for (name, meta) in &snapshots {
                    if let Some(source) = manifest.sources.get_mut(name) {
                        source.snapshot = Some(meta.clone());
                    }
                }
            })?;
        }
        Ok(done)
    }

    fn erase_file(&self, known: &Known, asked: &mut Asked<'_>, files: &mut u64) -> Result<u64, LogError> {
        let path = &known.file.path;
        let bytes = std::fs::read(path).map_err(LogError::io(path, "read"))?;
        let (mut out, mut at, mut changes) = (Vec::with_capacity(bytes.len()), 0, 0);
        let mut rewritten: BTreeMap<u64, Changed> = BTreeMap::new();
        let broken = |at: usize| LogError::damaged(path, at as u64, "it is not what was written");
        while at < bytes.len() {
            let head = Head::read(&bytes[at..]).map_err(|_| broken(at))?;
            let payload = head.payload(&bytes[at..]).map_err(|_| broken(at))?;
            let mut changed: Changed = postcard::from_bytes(payload).map_err(|_| broken(at))?;
            let taken = blank(&mut changed, |keys| asked.of(head.source, keys))?;
            if taken == 0 {
                out.extend_from_slice(&bytes[at..at + head.bytes()]);
            } else {
                let payload = postcard::to_allocvec(&changed).map_err(|_| broken(at))?;
                Head::new(head.source, head.number, head.durable, (head.position, head.clock)).write(&payload, &mut out);
                rewritten.insert(head.number, changed);
                changes += taken;
            }
            at += head.bytes();
        }
        if rewritten.is_empty() {
            return Ok(0);
        }
        *files += 1;
        replace(&self.dir, &super::file::name(known.file.first), &out)?;
        let fresh = Known::read(path, known.file.first, false, |_, _| {})?;
        let mut inner = self.inner.lock();
        for file in inner.files.iter_mut().filter(|f| f.file.first == fresh.file.first) {
            *file = fresh.clone();
        }
        for (_, entry) in &mut inner.recent {
            if let Some(changed) = rewritten.remove(&entry.number) {
                *entry = Arc::new(Entry { number: entry.number, source: entry.source, changed });
            }
        }
        Ok(changes)
    }
}

/// Takes the keys of whoever is gone out of a record; how many.
fn blank(changed: &mut Changed, mut gone: impl FnMut(&[&[Value]]) -> Result<Vec<bool>, LogError>) -> Result<u64, LogError> {
    let mut taken = 0;
    match changed {
        Changed::Members(commit) => {
            let keys: Vec<&[Value]> = commit.changes.iter().map(|c| c.entity.as_slice()).collect();
            let is_gone = gone(&keys)?;
            let all = commit.changes.iter_mut().zip(is_gone);
            for (change, _) in all.filter(|(change, gone)| *gone && !change.entity.is_empty()) {
                change.entity.clear();
                if change.direction == Direction::Exit {
                    change.cause = Cause::Erase;
                }
                taken += 1;
            }
        }
        Changed::Values(commit) => {
            let keys: Vec<&[Value]> = commit.changes.iter().map(|c| c.entity.as_slice()).collect();
            let is_gone = gone(&keys)?;
            let all = commit.changes.iter_mut().zip(is_gone);
            for (change, _) in all.filter(|(change, gone)| *gone && !change.entity.is_empty()) {
                change.entity.clear();
                change.cause = if matches!(change.new, Value::Null) { Cause::Erase } else { Cause::Property };
                (change.old, change.new) = (Value::Null, Value::Null);
                taken += 1;
            }
        }
    }
    Ok(taken)
}
