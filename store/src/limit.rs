//! The bounds of the store, each with its reason.

/// Version of the directory as a whole, of the manifest and of every file named by it.
pub(crate) const FORMAT: u32 = 1;

/// Largest payload of one log record: a length in a frame that is larger is damage, not data, and one record must fit in memory several times.
pub(crate) const RECORD_BYTES_MAX: usize = 1 << 30;

/// Rows below which a record is not compressed: LZ4 frames cost more than they save on small columns.
pub(crate) const COMPRESS_ROWS_MIN: usize = 512;

/// Hot chunks are joined up to this many rows: large enough for scans, small enough that joining stays cheap.
pub(crate) const HOT_CHUNK_ROWS: usize = 1 << 17;

/// … and up to this many bytes, far from the 2 GiB that one string column can address.
pub(crate) const HOT_CHUNK_BYTES: usize = 128 << 20;

/// Rows of one part at most: what one decode brings into memory at once.
pub(crate) const PART_ROWS_MAX: usize = 1 << 20;

/// Estimated bytes of one part in memory at most; half of what one string column can address.
pub(crate) const PART_BYTES_MAX: usize = 1 << 30;

/// Elements of a list that grows by `append` and `union`: each such write copies all of it.
pub(crate) const LIST_ELEMENTS_MAX: usize = 4096;

/// Entities whose values are looked for one by one, in packed rows: about what loading a column of a million costs.
pub(crate) const ROWS_ONE_BY_ONE_MAX: usize = 256;

/// Keys looked up under one lock of the index, so that a long look-up does not hold up ingest.
pub(crate) const LOOKUP_ROWS: usize = 1 << 14;

/// Values in the key-value store are cut at this size: sled puts larger ones into blob files, which it neither syncs nor frees.
pub(crate) const KV_VALUE_BYTES_MAX: usize = 7 << 10;

/// Entities whose packed rows share one value of the key-value store. Its cost is by value: 200,000 new rows took 3.9 s one by one, 0.7 s by
/// 16, 0.35 s by 64; but a change writes all rows of a block, so that a thousand changes here and there took 0.15, 0.27 and 0.94 s.
pub(crate) const KV_BLOCK_ROWS: u32 = 16;

/// Values of one batch for the key-value store: a batch is held in memory and locks the tree.
pub(crate) const KV_BATCH_VALUES: usize = 1024;

/// The key-value store never gives space back: above so many times what it holds it is made anew …
pub(crate) const KV_AMPLIFICATION_MAX: u64 = 8;

/// … unless it is smaller than this anyway.
pub(crate) const KV_BYTES_SMALL: u64 = 64 << 20;

/// Threads that write parts.
pub(crate) const CHECKPOINT_THREADS: usize = 2;

/// The ordinal of rows without a subject: sorts after all others.
pub(crate) const NO_SUBJECT: u32 = u32::MAX;

/// Bytes of records that may wait for the log: those who bring more wait themselves, and memory stays bounded.
pub(crate) const LOG_QUEUE_BYTES_MAX: usize = 256 << 20;

/// Bytes of recent commits that are kept for those who follow; who is further behind reads the log's files.
pub(crate) const FEED_BYTES_MAX: usize = 64 << 20;

/// Frames are collected up to this size before they are written.
pub(crate) const LOG_WRITE_BYTES: usize = 256 << 10;

/// Rejected rows that are kept: enough to see what a source does wrong, few enough to be held in memory.
pub(crate) const REJECTED_ROWS_MAX: usize = 10_000;

/// Refreshes that are remembered: a year of daily ones of a few definitions.
pub(crate) const REFRESHED_ROWS_MAX: usize = 5_000;

/// Documents of all kinds that are kept: all of them are in memory, and one file of a checkpoint has them.
pub(crate) const DOCUMENTS_MAX: usize = 10_000;

/// Bytes of one document: a definition, not data.
pub(crate) const DOCUMENT_BYTES_MAX: usize = 64 << 10;

/// Versions of one segment or tag that are kept at most, each a column on disk: a year of daily ones. The oldest goes first.
pub(crate) const VERSIONS_MAX: usize = 400;

/// Bytes of one text of a rejected row.
pub(crate) const REJECTED_TEXT_BYTES_MAX: usize = 4 << 10;

/// A checkpoint is written after this time even when few rows came, so that the log that a crash leaves stays short.
pub(crate) const UPKEEP_CHECKPOINT_US: i64 = 600_000_000;

/// Parts of similar size that are merged together at least: a row is rewritten once for each such step.
pub(crate) const COMPACTION_FAN_IN: usize = 4;

/// … and at most, so that one merge stays short.
pub(crate) const COMPACTION_FAN_IN_MAX: usize = 64;

/// Decoded orders and columns that one merge keeps while it loads its parts.
pub(crate) const MERGE_CACHE_BYTES: u64 = 256 << 20;

/// Rows of one merge at most: they are all in memory.
pub(crate) const COMPACTION_ROWS_MAX: u64 = 2 << 20;

/// One request to an object store, with all of its bytes: the largest file of a part on a slow line.
pub(crate) const REQUEST_SECONDS: u64 = 60;

/// How often a request is tried again: long enough for a server that changes places, short enough for somebody who waits.
pub(crate) const REQUEST_RETRIES: usize = 7;

/// No new attempt after this time.
pub(crate) const RETRY_SECONDS: u64 = 15;

/// Wait before the second attempt; later ones wait longer.
pub(crate) const RETRY_WAIT_MILLIS: u64 = 100;

/// … up to this.
pub(crate) const RETRY_WAIT_MILLIS_MAX: u64 = 3000;

/// Objects removed at once.
pub(crate) const OBJECT_REMOVALS: usize = 8;

/// Identifiers of one entity, with all that was merged into it: beyond that it is not one person but a defect of a source.
pub(crate) const IDENTIFIERS_MAX: usize = 1000;

/// Entities that one is made of at most, besides itself: readers put these together at every reading.
pub(crate) const MERGES_MAX: usize = 500;

/// Conflicts of identities of one entity type that are kept, the same ones together: enough to see what a source does wrong.
pub(crate) const IDENTITY_CONFLICTS_MAX: usize = 10_000;

/// Bytes of one identifier: longer ones are texts, not names.
pub(crate) const IDENTIFIER_BYTES_MAX: usize = 1024;
