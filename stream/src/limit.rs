//! The bounds of an import, each with its reason.

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
