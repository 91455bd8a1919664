//! Reads single rows while checkpoints write others.

use super::{Kv, block_of, read_block, row_in};
use crate::limit::{KV_AMPLIFICATION_MAX, KV_BYTES_SMALL};
use eql_catalog::EntityTypeId;
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The packed rows of a store, as long as they can be used.
#[derive(Default)]
pub(crate) struct RowStore {
    kv: RwLock<Option<Arc<dyn Kv>>>,
    /// The checkpoint up to which all rows are there.
    complete: AtomicU64,
}

/// What packed rows say about an entity.
#[derive(Debug, PartialEq)]
pub(crate) enum Read {
    /// They cannot be asked.
    Unknown,
    /// Nothing was ever written about it.
    Absent,
    Row(Vec<u8>),
}

impl RowStore {
    pub(crate) fn begin(&self, kv: Arc<dyn Kv>, complete: u64) {
        *self.kv.write() = Some(kv);
        self.complete.store(complete, Ordering::Release);
    }

    /// Releases the directory; from now on columns answer.
    pub(crate) fn end(&self) {
        *self.kv.write() = None;
    }

    pub(crate) fn kv(&self) -> Option<Arc<dyn Kv>> {
        self.kv.read().clone()
    }

    pub(crate) fn complete(&self) -> u64 {
        self.complete.load(Ordering::Acquire)
    }

    pub(crate) fn set_complete(&self, position: u64) {
        self.complete.store(position, Ordering::Release);
    }

    /// They are there, but rows of a checkpoint are missing.
    pub(crate) fn lags(&self, checkpoint: u64) -> bool {
        self.complete() < checkpoint && self.kv.read().is_some()
    }

    /// The row of an entity whose columns are as of a checkpoint, or later.
    pub(crate) fn read(&self, entity: EntityTypeId, ordinal: u32, checkpoint: u64) -> Read {
        if self.complete() < checkpoint {
            return Read::Unknown;
        }
        let Some(kv) = self.kv() else { return Read::Unknown };
        let (block, slot) = block_of(ordinal);
        match read_block(&*kv, entity, block) {
            Ok(None) => Read::Absent,
            Ok(Some(bytes)) => match row_in(&bytes, slot) {
                Some([]) => Read::Absent,
                Some(row) => Read::Row(row.to_vec()),
                None => Read::Unknown,
            },
            Err(e) => {
                tracing::warn!(error = %e, "a packed row cannot be read; the columns answer");
                Read::Unknown
            }
        }
    }
}

/// It takes so much more than it holds that it is better made anew.
pub(crate) fn wasteful(bytes: u64, live: u64) -> bool {
    bytes > KV_BYTES_SMALL && bytes / KV_AMPLIFICATION_MAX > live
}
