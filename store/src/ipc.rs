//! Arrow IPC files: one table each, read whole.

use crate::StoreError;
use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::writer::{FileWriter, IpcWriteOptions};
use arrow::ipc::{CompressionType, root_as_footer};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Magic and footer length at the end of a file.
const TRAILER_BYTES: usize = 10;

/// A table and what its schema says of it.
pub(crate) struct IpcTable {
    pub(crate) batch: RecordBatch,
    pub(crate) metadata: HashMap<String, String>,
}

pub(crate) fn encode_file(table: &RecordBatch, compressed: bool) -> Result<Vec<u8>, StoreError> {
    let options = IpcWriteOptions::default().try_with_compression(compressed.then_some(CompressionType::LZ4_FRAME))?;
    let mut bytes = Vec::with_capacity(table.get_array_memory_size());
    let mut writer = FileWriter::try_new_with_options(&mut bytes, table.schema_ref(), options)?;
    writer.write(table)?;
    writer.finish()?;
    drop(writer);
    Ok(bytes)
}

/// Decodes without copying what is not compressed (`FileReader` copies, and takes two to three times as long).
pub(crate) fn decode_file(path: &Path, bytes: impl Into<Buffer>) -> Result<IpcTable, StoreError> {
    decode(bytes.into()).map_err(|what| StoreError::damaged(path, 0, what))
}

fn decode(buffer: Buffer) -> Result<IpcTable, String> {
    let end = buffer.len().checked_sub(TRAILER_BYTES).ok_or("it is too short")?;
    let mut trailer = [0; TRAILER_BYTES];
    trailer.copy_from_slice(&buffer[end..]);
    let footer_bytes = read_footer_length(trailer).map_err(|e| e.to_string())?;
    let start = end.checked_sub(footer_bytes).ok_or("its footer is too long")?;
    let footer = root_as_footer(&buffer[start..end]).map_err(|e| e.to_string())?;
    let schema = Arc::new(fb_to_schema(footer.schema().ok_or("it has no schema")?));
    let metadata = schema.metadata().clone();
    let mut decoder = FileDecoder::new(schema, footer.version());
    let slice = |block: &arrow::ipc::Block| -> Result<Buffer, String> {
        let (at, bytes) = (block.offset() as usize, block.bodyLength() as usize + block.metaDataLength() as usize);
        let fits = at.checked_add(bytes).is_some_and(|end| end <= buffer.len());
        fits.then(|| buffer.slice_with_length(at, bytes)).ok_or_else(|| "a block lies outside of it".to_string())
    };
    for block in footer.dictionaries().iter().flatten() {
        decoder.read_dictionary(block, &slice(block)?).map_err(|e| e.to_string())?;
    }
    let block = footer.recordBatches().and_then(|b| b.iter().next()).ok_or("it has no table")?;
    let batch = decoder.read_record_batch(block, &slice(block)?).map_err(|e| e.to_string())?.ok_or("its table is empty")?;
    Ok(IpcTable { batch, metadata })
}
