//! The bounds of an import and of a running ingest, each with its reason.

/// Bounds of what arrives over a wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestLimits {
    /// Rows that wait for their answer; a second or two of work.
    pub queue_rows: usize,
    /// Bytes of their bodies; as columns they take about as much again.
    pub queue_bytes: usize,
    /// Rows of one body: each may need a sentence in the answer.
    pub body_rows: usize,
    /// Bytes of an unpacked body.
    pub unpacked_bytes: u64,
    /// How many times a body may grow when it is unpacked; repetitive JSON grows about fifty times.
    pub unpack_ratio: u64,
    /// Milliseconds that a time may lie ahead of the server's clock; clocks of devices are wrong by minutes.
    pub ahead_ms: u64,
}

impl Default for IngestLimits {
    fn default() -> Self {
        IngestLimits {
            queue_rows: 1_000_000,
            queue_bytes: 256 << 20,
            body_rows: 100_000,
            unpacked_bytes: 64 << 20,
            unpack_ratio: 200,
            ahead_ms: 5 * 60 * 1000,
        }
    }
}

/// Bodies up to here are read together by the committer: columns of a single row cost more than its text.
pub(crate) const SHORT_BODY_BYTES: usize = 16 << 10;
/// Rows and bytes of one group: what waits longer goes into the next.
pub(crate) const GROUP_ROWS: usize = 200_000;
pub(crate) const GROUP_BYTES: usize = 64 << 20;
/// Threads that commit: while one waits for the disk, the other prepares the next group.
pub(crate) const COMMITTERS: usize = 2;
/// Rejected rows of one group that are kept: as many as the store keeps in all.
pub(crate) const REJECTED_ROWS: usize = 10_000;
/// Bytes of a rejected row that are kept.
pub(crate) const REJECTED_BYTES: usize = 4 << 10;
/// How often a group is read again because definitions changed under it.
pub(crate) const ATTEMPTS: usize = 20;

/// Rows of one batch: large enough that the work per batch does not count, small enough that two waiting ones fit in memory.
pub(crate) const BATCH_ROWS: usize = 128 * 1024;
/// Bytes of text after which a batch of CSV or JSON is closed early: rows may be long.
pub(crate) const BATCH_BYTES: usize = 256 << 20;
/// Admitted batches that wait for the store: one being made, one waiting, one being appended.
pub(crate) const QUEUE: usize = 1;
/// Bytes of one CSV record or one JSON object. A quote that is never closed must not swallow the file.
pub(crate) const RECORD_BYTES: usize = 16 << 20;
/// Bytes of a Parquet file that arrives as a stream: it is read from its end, so it has to be held.
pub(crate) const STREAMED_PARQUET_BYTES: u64 = 1 << 30;
/// Rejects that a report describes; the others are counted.
pub(crate) const REJECTS_SHOWN: usize = 100;
/// Characters of a value that a message quotes.
pub(crate) const VALUE_CHARS: usize = 40;
/// Columns of one file: JSON objects may use their keys as data.
pub(crate) const COLUMNS: usize = 4096;
/// How deep JSON values may nest: what reads them later is recursive.
pub(crate) const JSON_DEPTH: usize = 64;
