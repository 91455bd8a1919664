//! Packed rows of entities, behind a small trait: a projection that can be thrown away and rebuilt.
//!
//! A value holds a *block*: the rows of some consecutive ordinals of one type. `write.rs` writes blocks, `read.rs` reads single rows.

mod check;
mod read;
mod sled;
mod write;

use crate::StoreError;
use crate::limit::KV_BLOCK_ROWS;
use eql_catalog::EntityTypeId;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

pub(crate) use self::check::{Checked, check};
pub(crate) use self::sled::open;
pub(crate) use read::{Read, RowStore, wasteful};
pub(crate) use write::RowWriter;

/// Keys and values, in the order of keys.
pub(crate) type Rows<'a> = Box<dyn Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + 'a>;

/// An ordered map of bytes. A batch is atomic; nothing is durable before `flush`.
pub(crate) trait Kv: Send + Sync {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    fn put_all(&self, rows: &[(Vec<u8>, Vec<u8>)]) -> Result<(), StoreError>;
    fn scan(&self) -> Rows<'_>;
    fn flush(&self) -> Result<(), StoreError>;
    /// An error that names the directory.
    fn damaged(&self, what: String) -> StoreError;
    /// What it takes on disk.
    fn bytes(&self) -> u64;
}

const MAGIC: [u8; 2] = *b"er";
const VERSION: u8 = 1;
/// magic 2 | version 1 | zero 1 | length 4 | xxh3 8
const HEADER_BYTES: usize = 16;
/// Sorts after every entity type that can have rows: a type has this number only when 65,535 others exist.
const COMMIT_KEY: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/// Goes with every batch: how far the rows have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Commit {
    /// The checkpoint the rows belong to.
    pub(crate) position: u64,
    /// Rows written for it so far.
    pub(crate) rows: u64,
    /// Hash over those rows.
    pub(crate) hash: u64,
    /// This was the last batch.
    pub(crate) complete: bool,
    /// The rows were complete for this earlier checkpoint; 0: they were not complete for any.
    pub(crate) base: u64,
    /// Bytes of all blocks.
    pub(crate) live: u64,
}

impl Commit {
    /// The rows serve a checkpoint: all of its rows are there, and perhaps some of a later one that did not come to its end. Those carry
    /// their position, and what the log says after the checkpoint is written once more by the next one.
    pub(crate) fn serves(&self, checkpoint: u64) -> bool {
        if self.complete { self.position >= checkpoint } else { self.base >= checkpoint && checkpoint > 0 }
    }
}

/// The last commit record; None when there is none or it is not what was written.
pub(crate) fn last_commit(kv: &dyn Kv) -> Option<Commit> {
    let value = kv.get(COMMIT_KEY).ok()??;
    postcard::from_bytes(checked(&value)?).ok()
}

fn block_of(ordinal: u32) -> (u32, usize) {
    (ordinal / KV_BLOCK_ROWS, (ordinal % KV_BLOCK_ROWS) as usize)
}

/// The rows of one block: lengths (u32), then bytes. A length of 0 is no row.
struct Block {
    rows: Vec<Vec<u8>>,
}

impl Block {
    fn empty() -> Block {
        Block { rows: vec![Vec::new(); KV_BLOCK_ROWS as usize] }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let lengths = self.rows.iter().flat_map(|r| (r.len() as u32).to_le_bytes());
        lengths.chain(self.rows.iter().flatten().copied()).collect()
    }

    fn of(bytes: &[u8]) -> Option<Block> {
        (0..KV_BLOCK_ROWS as usize).map(|slot| Some(row_in(bytes, slot)?.to_vec())).collect::<Option<_>>().map(|rows| Block { rows })
    }
}

/// One row of the bytes of a block.
fn row_in(block: &[u8], slot: usize) -> Option<&[u8]> {
    let (lengths, rows) = block.split_at_checked(4 * KV_BLOCK_ROWS as usize)?;
    let length = |i: usize| u32::from_le_bytes([lengths[4 * i], lengths[4 * i + 1], lengths[4 * i + 2], lengths[4 * i + 3]]) as usize;
    let start: usize = (0..slot).map(length).sum();
    rows.get(start..start.checked_add(length(slot))?)
}

/// The bytes of a block; None when there is none; an error in words when it is damaged.
fn read_block(kv: &dyn Kv, entity: EntityTypeId, block: u32) -> Result<Option<Vec<u8>>, StoreError> {
    let key = block_key(entity, block);
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
        Some(block) => Ok(Some(block.to_vec())),
        None => Err(kv.damaged(format!("block {block} of entity type {} is damaged", entity.0))),
    }
}

fn block_key(entity: EntityTypeId, block: u32) -> Vec<u8> {
    [&entity.0.to_be_bytes()[..], &block.to_be_bytes()].concat()
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
    use std::sync::Arc;

    const TYPE: EntityTypeId = EntityTypeId(3);

    fn store(kv: Arc<dyn Kv>) -> RowStore {
        let rows = RowStore::default();
        rows.begin(kv, 1);
        rows
    }

    #[test]
    fn rows_of_any_size_come_back_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let rows: Vec<Vec<u8>> = [1, 7000, 0, 7168, 100_000].iter().map(|n| (0..*n).map(|i| (i % 251) as u8).collect()).collect();
        let ordinals = [2, 3, 4, 15, 40];
        let kv = open(dir.path(), 1 << 20).unwrap();
        for position in [5, 6] {
            let mut writer = RowWriter::new(&*kv, position, position - 5);
            let mut written = rows.iter();
            let before = |i: usize| if position == 5 || rows[i].is_empty() { None } else { Some(rows[i].as_slice()) };
            let mut i = 0;
            let row = |_, old: Option<&[u8]>| {
                assert_eq!(old, before(i));
                i += 1;
                Ok(written.next().cloned())
            };
            writer.update(TYPE, &ordinals, row).unwrap();
            writer.finish().unwrap();
        }
        drop(kv);
        let kv = open(dir.path(), 1 << 20).unwrap();
        let commit = last_commit(&*kv).unwrap();
        assert_eq!((commit.position, commit.rows, commit.complete, commit.base), (6, 5, true, 1));
        assert_eq!(commit.live, 114_169 + 2 * 64);
        // Values that sled would put into files of their own are what the rules are about.
        assert_eq!(std::fs::read_dir(dir.path().join("blobs")).map_or(0, |d| d.count()), 0);
        let store = store(kv);
        for (ordinal, row) in ordinals.into_iter().zip(&rows) {
            let expected = if row.is_empty() { Read::Absent } else { Read::Row(row.clone()) };
            assert_eq!(store.read(TYPE, ordinal, 1), expected);
        }
        assert_eq!([store.read(TYPE, 99, 1), store.read(TYPE, 2, 2)], [Read::Absent, Read::Unknown]);
    }

    #[test]
    fn a_damaged_block_and_an_unfinished_checkpoint_are_seen() {
        let dir = tempfile::tempdir().unwrap();
        let kv = open(dir.path(), 1 << 20).unwrap();
        assert_eq!(last_commit(&*kv), None);
        let mut writer = RowWriter::new(&*kv, 4, 3);
        writer.update(TYPE, &[0], |_, _| Ok(Some(b"row".to_vec()))).unwrap();
        writer.write(false).unwrap();
        let commit = last_commit(&*kv).unwrap();
        assert_eq!([commit.serves(3), commit.serves(4)], [true, false]);
        let key = block_key(TYPE, 0);
        let mut value = kv.get(&key).unwrap().unwrap();
        value[HEADER_BYTES] ^= 1;
        kv.put_all(&[(key, value)]).unwrap();
        assert!(RowWriter::new(&*kv, 5, 3).update(TYPE, &[1], |_, _| Ok(None)).is_err());
        assert_eq!(store(kv).read(TYPE, 0, 1), Read::Unknown);
    }
}
