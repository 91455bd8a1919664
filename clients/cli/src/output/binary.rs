//! Arrow IPC streams and Parquet files.

use crate::answer::Table;
use crate::failure::Failure;
use arrow::ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::io::Write;

/// One Arrow IPC stream.
pub(crate) fn write_arrow(writer: &mut dyn Write, table: &mut Table) -> Result<usize, Failure> {
    let broken = |e: arrow::error::ArrowError| Failure::of_writing("cannot write Arrow", &e);
    let mut stream = StreamWriter::try_new(writer, &table.schema).map_err(broken)?;
    let mut rows = 0;
    for batch in &mut table.batches {
        let batch = batch?;
        rows += batch.num_rows();
        stream.write(&batch).map_err(broken)?;
    }
    stream.finish().map_err(broken)?;
    Ok(rows)
}

/// One Parquet file, compressed with Zstandard.
pub(crate) fn write_parquet(writer: &mut (dyn Write + Send), table: &mut Table) -> Result<usize, Failure> {
    let broken = |e: parquet::errors::ParquetError| Failure::of_writing("cannot write Parquet", &e);
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut file = ArrowWriter::try_new(writer, table.schema.clone(), Some(properties)).map_err(broken)?;
    let mut rows = 0;
    for batch in &mut table.batches {
        let batch = batch?;
        rows += batch.num_rows();
        file.write(&batch).map_err(broken)?;
    }
    file.close().map_err(broken)?;
    Ok(rows)
}
