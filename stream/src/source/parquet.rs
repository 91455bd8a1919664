//! Parquet.

use super::compression::Stream;
use super::{Places, RawBatch, RawColumn, Source};
use crate::ImportError;
use crate::limit::{BATCH_ROWS, STREAMED_PARQUET_BYTES};
use arrow::array::{RecordBatch, RecordBatchReader};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::reader::ChunkReader;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A Parquet file, batch by batch.
pub(crate) struct ParquetSource {
    name: String,
    reader: ParquetRecordBatchReader,
    rows_done: u64,
    rows_total: u64,
    bytes_total: u64,
}

impl ParquetSource {
    pub(crate) fn open(mut stream: Stream) -> Result<ParquetSource, ImportError> {
        let name = stream.name.clone();
        if let Some(file) = stream.seekable.take() {
            return ParquetSource::read(name, stream.total.unwrap_or(0), file);
        }
        let mut held = Vec::new();
        let limit = STREAMED_PARQUET_BYTES;
        if stream.fill(&mut held, limit as usize + 1)? {
            return Err(ImportError::TooLarge { file: name, limit });
        }
        ParquetSource::read(name, held.len() as u64, Bytes::from(held))
    }

    fn read<R: ChunkReader + 'static>(name: String, bytes_total: u64, content: R) -> Result<ParquetSource, ImportError> {
        let opened = guarded(&name, || {
            let builder = ParquetRecordBatchReaderBuilder::try_new(content)?;
            let rows = builder.metadata().file_metadata().num_rows();
            Ok::<_, parquet::errors::ParquetError>((builder.with_batch_size(BATCH_ROWS).build()?, rows))
        });
        let (reader, rows) = opened?;
        Ok(ParquetSource { name, reader, rows_done: 0, rows_total: u64::try_from(rows).unwrap_or(0), bytes_total })
    }

    fn raw(&self, batch: &RecordBatch) -> Result<RawBatch, ImportError> {
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns()).map(|(f, c)| RawColumn::typed(f.name(), c));
        Ok(RawBatch {
            file: self.name.clone(),
            rows: batch.num_rows(),
            columns: columns.collect::<Result<_, _>>()?,
            places: Places { first: self.rows_done + 1, text: None },
            malformed: Vec::new(),
        })
    }
}

impl Source for ParquetSource {
    fn columns(&self) -> Option<Vec<String>> {
        Some(self.reader.schema().fields().iter().map(|f| f.name().clone()).collect())
    }

    fn next(&mut self) -> Result<Option<RawBatch>, ImportError> {
        let reader = &mut self.reader;
        let Some(batch) = guarded(&self.name, || reader.next().transpose())? else {
            return Ok(None);
        };
        let raw = self.raw(&batch)?;
        self.rows_done += raw.rows as u64;
        Ok(Some(raw))
    }

    fn bytes(&self) -> (u64, Option<u64>) {
        let share = if self.rows_total == 0 { 1.0 } else { self.rows_done as f64 / self.rows_total as f64 };
        ((self.bytes_total as f64 * share) as u64, Some(self.bytes_total))
    }
}

/// Damaged pages make the decoder fail, and sometimes panic: both are the file's fault.
fn guarded<T, E: std::fmt::Display>(name: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, ImportError> {
    let damaged = |reason: String| ImportError::Damaged { file: name.to_string(), reason };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|e| damaged(e.to_string())),
        Err(_) => Err(damaged("its pages cannot be decoded".into())),
    }
}
