//! What an operator chooses and sees.

use crate::{Clock, IdentityStats, PartsAt};

/// How much memory and disk the store may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// Decoded columns and timelines.
    pub read_cache_bytes: u64,
    /// The key-value store's own cache.
    pub kv_cache_bytes: u64,
    /// Above this many rows in memory a checkpoint starts by itself; at twice as many, writers wait for it.
    pub hot_rows_max: usize,
    /// A log file is closed above this size.
    pub log_segment_bytes: u64,
    /// The clock of records.
    pub clock: Clock,
    /// Bytes of the log that are kept although a checkpoint made them unneeded, so that it can be followed from the past.
    pub log_keep_bytes: u64,
    /// … and for feeds that have not read them yet.
    pub log_held_bytes_max: u64,
    /// Where the event parts are kept; the same at every open once there are some.
    pub parts: PartsAt,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions {
            read_cache_bytes: 256 << 20,
            kv_cache_bytes: 64 << 20,
            hot_rows_max: 2_000_000,
            log_segment_bytes: 64 << 20,
            clock: Clock::System,
            log_keep_bytes: 0,
            log_held_bytes_max: 4 << 30,
            parts: PartsAt::Local,
        }
    }
}

/// Figures for operators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Last applied log position.
    pub position: u64,
    /// Position of the last checkpoint.
    pub checkpoint_position: u64,
    /// Bytes of the log on disk.
    pub log_bytes: u64,
    /// Files of the log.
    pub log_segments: usize,
    /// Syncs of the log since it was opened: each makes all records that waited durable.
    pub log_groups: u64,
    /// Records of those.
    pub log_records: u64,
    /// Parts on disk.
    pub parts: usize,
    /// Bytes of the parts on disk.
    pub part_bytes: u64,
    /// Event rows in parts, also those that are gone but still in the files.
    pub part_rows: u64,
    /// Of those: rows that are gone.
    pub deleted_rows: u64,
    /// Bytes of memory for recognising the ids of rows in parts.
    pub index_bytes: u64,
    /// Event rows in memory, not yet in a part.
    pub hot_rows: u64,
    /// Entities of all types.
    pub entities: u64,
    /// Identifiers, merged entities and contradictions of all types.
    pub identities: IdentityStats,
    /// Operations on entities that were not carried out since the start, because the sum or the list would not fit.
    pub operations_refused: u64,
    /// Bytes of decoded columns and timelines in the cache.
    pub cache_bytes: u64,
    /// At most so many bytes.
    pub cache_bytes_max: u64,
    /// Columns and timelines in the cache.
    pub cache_entries: u64,
    /// Reads that found what they wanted in the cache.
    pub cache_hits: u64,
    /// Reads that had to decode or build it.
    pub cache_misses: u64,
}
