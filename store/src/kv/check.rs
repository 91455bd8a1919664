//! Every packed row, looked at once.

use super::{Block, COMMIT_KEY, Commit, HEADER_BYTES, Kv, checked, last_commit};
use crate::StoreError;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the rows are like.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) rows: u64,
    /// What is wrong with some of them, at most [`NAMED_MAX`].
    pub(crate) damaged: Vec<String>,
    pub(crate) commit: Option<Commit>,
}

/// Damaged rows that are named one by one: they are all made anew anyway.
const NAMED_MAX: usize = 20;

/// Reads all rows. The store below may panic on some damage; then that is what is wrong.
pub(crate) fn check(kv: &dyn Kv) -> Result<Checked, String> {
    let read = || {
        let mut checked = Checked { commit: last_commit(kv), ..Checked::default() };
        checked.read(kv)?;
        Ok(checked)
    };
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|e: StoreError| e.to_string()),
        Err(_) => Err("reading it panicked".to_string()),
    }
}

impl Checked {
    /// Chunks of a block follow its first one in the order of keys.
    fn read(&mut self, kv: &dyn Kv) -> Result<(), StoreError> {
        let mut open: Option<(Vec<u8>, Vec<u8>)> = None;
        for row in kv.scan() {
            let (key, value) = row?;
            if key == COMMIT_KEY {
                continue;
            }
            match &mut open {
                Some((first, whole)) if key.len() > first.len() && key.starts_with(first) => whole.extend(value),
                _ => {
                    self.finish(open.take());
                    open = Some((key, value));
                }
            }
        }
        self.finish(open);
        Ok(())
    }

    fn finish(&mut self, row: Option<(Vec<u8>, Vec<u8>)>) {
        let Some((key, value)) = row else { return };
        match checked(&value).and_then(Block::of) {
            Some(block) => self.rows += block.rows.iter().filter(|r| !r.is_empty()).count() as u64,
            None if self.damaged.len() < NAMED_MAX => {
                let bytes = value.len().saturating_sub(HEADER_BYTES);
                self.damaged.push(format!("the block {} ({bytes} bytes) is not what was written", name(&key)));
            }
            None => {}
        }
    }
}

fn name(key: &[u8]) -> String {
    match key {
        [a, b, rest @ ..] if rest.len() == 4 => {
            let ordinal = rest.iter().fold(0_u32, |n, byte| n << 8 | u32::from(*byte));
            format!("{ordinal} of entity type {}", u16::from_be_bytes([*a, *b]))
        }
        other => format!("with key {other:02x?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RowWriter, block_key, block_of, open};
    use super::*;
    use eql_catalog::EntityTypeId;

    #[test]
    fn blocks_of_several_chunks_are_whole_and_a_flipped_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let kv = open(dir.path(), 1 << 20).unwrap();
        let mut writer = RowWriter::new(&*kv, 7, 0);
        for (ordinal, bytes) in [(0, 10), (1, 30_000), (0x0102_0304, 8000)] {
            writer.update(EntityTypeId(2), &[ordinal], |_, _| Ok(Some(vec![3; bytes]))).unwrap();
        }
        writer.finish().unwrap();
        let sound = check(&*kv).unwrap();
        assert_eq!((sound.rows, sound.damaged.len(), sound.commit.map(|c| c.position)), (3, 0, Some(7)));
        let (block, _) = block_of(0x0102_0304);
        let key = block_key(EntityTypeId(2), block);
        let mut value = kv.get(&key).unwrap().unwrap();
        value[100] ^= 1;
        kv.put_all(&[(key, value)]).unwrap();
        let named = check(&*kv).unwrap().damaged;
        assert_eq!(named.len(), 1);
        assert!(named[0].starts_with(&format!("the block {block} of entity type 2 ")), "{named:?}");
    }
}
