//! Packed rows of entities by (type, ordinal), behind a small trait: a projection that can be thrown away and rebuilt.

mod check;
mod sled;

use crate::StoreError;
use crate::limit::{KV_BATCH_ROWS, KV_VALUE_BYTES_MAX};
use eql_catalog::EntityTypeId;
use serde::{Deserialize, Serialize};
use std::path::Path;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

pub(crate) use self::check::{Checked, check};
pub(crate) use self::sled::open;

/// Keys and values, in the order of keys.
pub(crate) type Rows<'a> = Box<dyn Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + 'a>;

/// An ordered map of bytes. A batch is atomic; nothing is durable before `flush`.
pub(crate) trait Kv: Send + Sync {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    fn put_all(&self, rows: &[(Vec<u8>, Vec<u8>)]) -> Result<(), StoreError>;
    fn scan(&self, prefix: &[u8]) -> Rows<'_>;
    fn flush(&self) -> Result<(), StoreError>;
}

const MAGIC: [u8; 2] = *b"er";
const VERSION: u8 = 1;
/// magic 2 | version 1 | zero 1 | length 4 | xxh3 8
const HEADER_BYTES: usize = 16;
/// Sorts after every entity type that can have rows: a type has this number only when 65,535 others exist.
const COMMIT_KEY: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/// Goes with every batch: how far the rows have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Commit {
    /// The checkpoint the rows belong to.
    pub(crate) position: u64,
    /// Rows written for it so far.
    pub(crate) rows: u64,
    /// Hash over those rows.
    pub(crate) hash: u64,
    /// This was the last batch.
    pub(crate) complete: bool,
}

/// Writes the rows of one checkpoint, batch by batch.
pub(crate) struct RowWriter<'a> {
    kv: &'a dyn Kv,
    position: u64,
    rows: u64,
    hash: Xxh3,
    batch: Vec<(Vec<u8>, Vec<u8>)>,
}

impl<'a> RowWriter<'a> {
    pub(crate) fn new(kv: &'a dyn Kv, position: u64) -> RowWriter<'a> {
        RowWriter { kv, position, rows: 0, hash: Xxh3::new(), batch: Vec::new() }
    }

    pub(crate) fn put(&mut self, entity: EntityTypeId, ordinal: u32, row: &[u8]) -> Result<(), StoreError> {
        let key = row_key(entity, ordinal);
        let value = [&header(row)[..], row].concat();
        self.hash.update(&key);
        self.hash.update(&value);
        self.rows += 1;
        for (i, chunk) in value.chunks(KV_VALUE_BYTES_MAX).enumerate() {
            self.batch.push((chunk_key(&key, i), chunk.to_vec()));
        }
        if self.batch.len() >= KV_BATCH_ROWS { self.write(false) } else { Ok(()) }
    }

    pub(crate) fn finish(mut self) -> Result<(), StoreError> {
        self.write(true)?;
        self.kv.flush()
    }

    fn write(&mut self, complete: bool) -> Result<(), StoreError> {
        let commit = Commit { position: self.position, rows: self.rows, hash: self.hash.digest(), complete };
        let bytes = postcard::to_stdvec(&commit).unwrap_or_default();
        self.batch.push((COMMIT_KEY.to_vec(), [&header(&bytes)[..], &bytes].concat()));
        self.kv.put_all(&self.batch)?;
        self.batch.clear();
        Ok(())
    }
}

/// The last commit record; None when there is none or it is not what was written.
pub(crate) fn last_commit(kv: &dyn Kv) -> Option<Commit> {
    let value = kv.get(COMMIT_KEY).ok()??;
    postcard::from_bytes(checked(&value)?).ok()
}

/// The packed row of an entity. Nobody reads rows one by one yet: `Snapshot` answers from columns.
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) fn read_row(kv: &dyn Kv, dir: &Path, entity: EntityTypeId, ordinal: u32) -> Result<Option<Vec<u8>>, StoreError> {
    let key = row_key(entity, ordinal);
    let Some(mut value) = kv.get(&key)? else { return Ok(None) };
    let length = value.get(4..HEADER_BYTES).map_or(0, |h| u32::from_le_bytes([h[0], h[1], h[2], h[3]]) as usize);
    for i in 1.. {
        if value.len() >= HEADER_BYTES + length {
            break;
        }
        match kv.get(&chunk_key(&key, i))? {
            Some(more) => value.extend(more),
            None => break,
        }
    }
    match checked(&value) {
        Some(row) => Ok(Some(row.to_vec())),
        None => Err(StoreError::KeyValue {
            dir: dir.to_path_buf(),
            action: "read",
            reason: format!("row {ordinal} of entity type {} is damaged", entity.0),
        }),
    }
}

/// How many entities of a type have a row.
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) fn row_count(kv: &dyn Kv, entity: EntityTypeId) -> Result<usize, StoreError> {
    kv.scan(&entity.0.to_be_bytes()).try_fold(0, |n, row| Ok(n + usize::from(row?.0.len() == 6)))
}

fn row_key(entity: EntityTypeId, ordinal: u32) -> Vec<u8> {
    [&entity.0.to_be_bytes()[..], &ordinal.to_be_bytes()].concat()
}

fn chunk_key(key: &[u8], chunk: usize) -> Vec<u8> {
    if chunk == 0 { key.to_vec() } else { [key, &(chunk as u32).to_be_bytes()].concat() }
}

fn header(row: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..2].copy_from_slice(&MAGIC);
    header[2] = VERSION;
    header[4..8].copy_from_slice(&(row.len() as u32).to_le_bytes());
    header[8..].copy_from_slice(&xxh3_64(row).to_le_bytes());
    header
}

fn checked(value: &[u8]) -> Option<&[u8]> {
    let (head, rest) = value.split_at_checked(HEADER_BYTES)?;
    let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    let row = rest.get(..length)?;
    (header(row) == head).then_some(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: EntityTypeId = EntityTypeId(3);

    #[test]
    fn rows_of_any_size_come_back_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let rows: Vec<Vec<u8>> = [0, 1, 7000, 7168, 100_000].iter().map(|n| (0..*n).map(|i| (i % 251) as u8).collect()).collect();
        let kv = open(dir.path(), 1 << 20).unwrap();
        for position in [5, 6] {
            let mut writer = RowWriter::new(&*kv, position);
            rows.iter().enumerate().for_each(|(i, row)| writer.put(TYPE, i as u32, row).unwrap());
            writer.finish().unwrap();
        }
        drop(kv);
        let kv = open(dir.path(), 1 << 20).unwrap();
        assert_eq!(last_commit(&*kv).map(|c| (c.position, c.rows, c.complete)), Some((6, 5, true)));
        for (i, row) in rows.iter().enumerate() {
            assert_eq!(read_row(&*kv, dir.path(), TYPE, i as u32).unwrap().as_ref(), Some(row));
        }
        assert_eq!(row_count(&*kv, TYPE).unwrap(), rows.len());
        assert_eq!(read_row(&*kv, dir.path(), TYPE, 99).unwrap(), None);
        // Values that sled would put into files of their own are what the rules are about.
        assert_eq!(std::fs::read_dir(dir.path().join("blobs")).map_or(0, |d| d.count()), 0);
    }

    #[test]
    fn a_damaged_row_and_an_unfinished_checkpoint_are_seen() {
        let dir = tempfile::tempdir().unwrap();
        let kv = open(dir.path(), 1 << 20).unwrap();
        assert_eq!(last_commit(&*kv), None);
        let mut writer = RowWriter::new(&*kv, 1);
        writer.put(TYPE, 0, b"row").unwrap();
        writer.write(false).unwrap();
        assert!(!last_commit(&*kv).unwrap().complete);
        let mut value = kv.get(&row_key(TYPE, 0)).unwrap().unwrap();
        value[HEADER_BYTES] ^= 1;
        kv.put_all(&[(row_key(TYPE, 0), value)]).unwrap();
        assert!(read_row(&*kv, dir.path(), TYPE, 0).is_err());
    }
}
