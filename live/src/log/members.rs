//! Who is in a segment at a record of the log, or which values a tag has: the last snapshot, and what changed since.

use super::frame::Head;
use super::registry::{SnapshotMeta, replace};
use super::{ChangeLog, Changed, LogError};
use crate::Direction;
use eql_catalog::Value;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::Path;

/// Members of a segment, or entities with a tag's value, as of a record of the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members {
    /// The record.
    pub number: u64,
    /// Position and clock up to which they are right.
    pub place: (u64, i64),
    /// Keys in order, each with the tag's value (of a segment NULL).
    pub rows: Vec<(Vec<Value>, Value)>,
}

/// Members by the bytes of their keys, which can be compared and hashed as values cannot.
#[derive(Default)]
pub(super) struct Built {
    rows: HashMap<Vec<u8>, Value>,
}

impl Built {
    fn of(rows: Vec<(Vec<Value>, Value)>) -> Built {
        Built { rows: rows.into_iter().map(|(key, value)| (key_bytes(&key), value)).collect() }
    }

    fn apply(&mut self, changed: &Changed) {
        match changed {
            Changed::Members(commit) => {
                for change in commit.changes.iter().filter(|c| !c.entity.is_empty()) {
                    match change.direction {
                        Direction::Enter => drop(self.rows.insert(key_bytes(&change.entity), Value::Null)),
                        Direction::Exit => drop(self.rows.remove(&key_bytes(&change.entity))),
                    }
                }
            }
            Changed::Values(commit) => {
                for change in commit.changes.iter().filter(|c| !c.entity.is_empty()) {
                    match &change.new {
                        Value::Null => drop(self.rows.remove(&key_bytes(&change.entity))),
                        value => drop(self.rows.insert(key_bytes(&change.entity), value.clone())),
                    }
                }
            }
        }
    }

    fn rows(self) -> Vec<(Vec<Value>, Value)> {
        let key = |bytes: Vec<u8>| postcard::from_bytes(&bytes).unwrap_or_default();
        let mut rows: Vec<(Vec<Value>, Value)> = self.rows.into_iter().map(|(bytes, value)| (key(bytes), value)).collect();
        rows.sort_by(|(a, _), (b, _)| a.iter().zip(b).map(|(a, b)| compare(a, b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal));
        rows
    }
}

pub(super) fn key_bytes(key: &[Value]) -> Vec<u8> {
    // Values into memory cannot fail.
    postcard::to_allocvec(key).unwrap_or_default()
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) | (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Double(a), Value::Double(b)) => a.total_cmp(b),
        (Value::Decimal(a, _), Value::Decimal(b, _)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

fn file_name(source: u32, number: u64) -> String {
    format!("{source}-{number}.members")
}

pub(super) fn remove(dir: &Path, source: u32, meta: &SnapshotMeta) {
    // What cannot be removed now is named by nobody and goes when the log is opened the next time.
    _ = std::fs::remove_file(dir.join(file_name(source, meta.number)));
}

pub(super) fn is_snapshot(name: &str) -> bool {
    name.ends_with(".members") || name.ends_with(".new")
}

pub(super) fn name_of(source: u32, meta: &SnapshotMeta) -> String {
    file_name(source, meta.number)
}

fn read(dir: &Path, source: u32, meta: &SnapshotMeta) -> Result<Built, LogError> {
    let path = dir.join(file_name(source, meta.number));
    let bytes = std::fs::read(&path).map_err(LogError::io(&path, "read"))?;
    let broken = || LogError::damaged(&path, 0, "it is not what was written");
    let payload = Head::read(&bytes).and_then(|head| head.payload(&bytes)).map_err(|_| broken())?;
    Ok(Built::of(postcard::from_bytes(payload).map_err(|_| broken())?))
}

/// A snapshot as it is.
pub(super) fn read_rows(dir: &Path, source: u32, meta: &SnapshotMeta) -> Result<Members, LogError> {
    Ok(Members { number: meta.number, place: (0, 0), rows: read(dir, source, meta)?.rows() })
}

pub(super) fn write(dir: &Path, source: u32, members: &Members) -> Result<SnapshotMeta, LogError> {
    let path = dir.join(file_name(source, members.number));
    let payload = postcard::to_allocvec(&members.rows).map_err(|e| LogError::damaged(&path, 0, e.to_string()))?;
    let mut bytes = Vec::new();
    Head::new(source, members.number, members.number, (0, 0)).write(&payload, &mut bytes);
    replace(dir, &file_name(source, members.number), &bytes)?;
    Ok(SnapshotMeta { number: members.number, rows: members.rows.len() as u64, bytes: bytes.len() as u64 })
}

impl ChangeLog {
    /// Who is in a segment, or which values a tag has, as of the last record that is published.
    ///
    /// # Errors
    /// Nothing of that name is followed, or a damaged file.
    pub fn members(&self, source: &str) -> Result<Members, LogError> {
        loop {
            let plan = self.plan(source)?;
            let base = match &plan.snapshot {
                None => Ok(Built::default()),
                Some(meta) => read(&self.dir, plan.source, meta),
            };
            let mut built = match base {
                // Replaced by a newer one while we looked.
                Err(LogError::Io { source: e, .. }) if e.kind() == std::io::ErrorKind::NotFound && self.replaced(source, &plan) => continue,
                base => base?,
            };
            let mut after = plan.snapshot.as_ref().map_or(0, |s| s.number);
            for mut scan in plan.scans {
                while let Some(entry) = scan.next(plan.source, after, plan.upto)? {
                    after = entry.number;
                    built.apply(&entry.changed);
                }
            }
            return Ok(Members { number: plan.upto, place: plan.place, rows: built.rows() });
        }
    }
}
