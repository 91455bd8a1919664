//! Writes the rows of one checkpoint, block by block.

use super::{Block, COMMIT_KEY, Commit, Kv, block_key, block_of, chunk_key, header, last_commit, read_block};
use crate::StoreError;
use crate::limit::{KV_BATCH_VALUES, KV_VALUE_BYTES_MAX};
use eql_catalog::EntityTypeId;
use xxhash_rust::xxh3::Xxh3;

/// Gathers blocks into batches. Nothing is durable before `finish`.
pub(crate) struct RowWriter<'a> {
    kv: &'a dyn Kv,
    commit: Commit,
    hash: Xxh3,
    batch: Vec<(Vec<u8>, Vec<u8>)>,
}

impl<'a> RowWriter<'a> {
    /// `base`: the checkpoint that the rows there are complete for; 0 when they count for nothing.
    pub(crate) fn new(kv: &'a dyn Kv, position: u64, base: u64) -> RowWriter<'a> {
        let live = last_commit(kv).map_or(0, |c| c.live);
        RowWriter { kv, commit: Commit { position, base, live, ..Commit::default() }, hash: Xxh3::new(), batch: Vec::new() }
    }

    /// New rows of some ordinals, which are in order. `row` gets what was written for the ordinal before, and may have nothing to say.
    pub(crate) fn update(
        &mut self,
        entity: EntityTypeId,
        ordinals: &[u32],
        mut row: impl FnMut(u32, Option<&[u8]>) -> Result<Option<Vec<u8>>, StoreError>,
    ) -> Result<(), StoreError> {
        for ordinals in ordinals.chunk_by(|a, b| block_of(*a).0 == block_of(*b).0) {
            let number = block_of(ordinals[0]).0;
            // Rows that cannot be read are no loss when none of them counts.
            let before = match read_block(self.kv, entity, number) {
                Err(_) if self.commit.base == 0 => None,
                before => before?,
            };
            let mut block = before.as_deref().and_then(Block::of).unwrap_or_else(Block::empty);
            for ordinal in ordinals {
                let slot = &mut block.rows[block_of(*ordinal).1];
                let old = if slot.is_empty() { None } else { Some(slot.as_slice()) };
                *slot = row(*ordinal, old)?.unwrap_or_default();
                self.commit.rows += 1;
            }
            if before.is_some() || block.rows.iter().any(|r| !r.is_empty()) {
                self.put(&block_key(entity, number), &block, before.map_or(0, |b| b.len()))?;
            }
        }
        Ok(())
    }

    fn put(&mut self, key: &[u8], block: &Block, bytes_before: usize) -> Result<(), StoreError> {
        let bytes = block.to_bytes();
        self.commit.live = (self.commit.live + bytes.len() as u64).saturating_sub(bytes_before as u64);
        let value = [&header(&bytes)[..], &bytes].concat();
        self.hash.update(key);
        self.hash.update(&value);
        for (i, chunk) in value.chunks(KV_VALUE_BYTES_MAX).enumerate() {
            self.batch.push((chunk_key(key, i), chunk.to_vec()));
        }
        if self.batch.len() >= KV_BATCH_VALUES { self.write(false) } else { Ok(()) }
    }

    pub(crate) fn finish(mut self) -> Result<(), StoreError> {
        self.write(true)?;
        self.kv.flush()
    }

    pub(super) fn write(&mut self, complete: bool) -> Result<(), StoreError> {
        let commit = Commit { hash: self.hash.digest(), complete, ..self.commit };
        let bytes = postcard::to_stdvec(&commit).unwrap_or_default();
        let value = [&header(&bytes)[..], &bytes].concat();
        self.batch.push((COMMIT_KEY.to_vec(), value));
        self.kv.put_all(&self.batch)?;
        self.batch.clear();
        Ok(())
    }
}
