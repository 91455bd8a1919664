//! `e<event>.parquet`: the rows of one event type in the order of the spine, without what the spine has.
//!
//! Columns: `seq` or `seq_offset` (when the times do not tell the sequence), one of `id`, `id_hex`, `id_uuid` and `id_number`, `o<i>`
//! ordinals of participants after the first, `received` (only when it differs from the time), `p<property>`, `extra`.

use super::cut::PlannedRow;
use super::event_id;
use crate::StoreError;
use crate::hot::HotChunk;
use crate::identity::is_named_by;
use crate::rows::EventColumn;
use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{interleave, take};
use arrow::datatypes::{DataType, Field, Schema};
use eql_catalog::EventType;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Name of a column in the file; None when it is in the spine, or is stored in several ways.
pub(super) fn column_name(column: &EventColumn) -> Option<String> {
    match column {
        EventColumn::Time | EventColumn::Participant(0) | EventColumn::EventId | EventColumn::Sequence => None,
        EventColumn::Received => Some("received".to_string()),
        EventColumn::Participant(i) => Some(format!("o{i}")),
        EventColumn::Property(id) => Some(format!("p{}", id.0)),
        EventColumn::Extra => Some("extra".to_string()),
    }
}

/// A column of the planned rows, gathered from the hot chunks.
pub(super) fn gather(
    event: &EventType,
    chunks: &[Arc<HotChunk>],
    rows: &[&PlannedRow],
    column: &EventColumn,
) -> Result<ArrayRef, StoreError> {
    let used: BTreeSet<u32> = rows.iter().map(|r| r.chunk).collect();
    let arrays: Vec<ArrayRef> = used.iter().map(|c| chunks[*c as usize].column(event, column)).collect();
    if let [only] = &arrays[..] {
        return Ok(take(only, &UInt32Array::from_iter_values(rows.iter().map(|r| r.row)), None)?);
    }
    let mut place = vec![0; chunks.len()];
    for (i, chunk) in used.iter().enumerate() {
        place[*chunk as usize] = i;
    }
    let from: Vec<(usize, usize)> = rows.iter().map(|r| (place[r.chunk as usize], r.row as usize)).collect();
    Ok(interleave(&arrays.iter().map(|a| a.as_ref()).collect::<Vec<_>>(), &from)?)
}

/// The file of some rows. `known`: columns that are not gathered; `received`: whether that one is needed.
pub(super) fn encode(
    path: &Path,
    event: &EventType,
    chunks: &[Arc<HotChunk>],
    rows: &[&PlannedRow],
    known: Vec<(&'static str, ArrayRef)>,
    received: bool,
) -> Result<Vec<u8>, StoreError> {
    let mut columns: Vec<(String, ArrayRef)> = known.into_iter().map(|(name, values)| (name.to_string(), values)).collect();
    for column in columns_to_write(event, chunks, received) {
        let values = gather(event, chunks, rows, &column)?;
        let optional = matches!(column, EventColumn::Property(_) | EventColumn::Extra);
        if let Some(name) = column_name(&column).filter(|_| !(optional && values.null_count() == values.len())) {
            columns.push((name, values));
        }
    }
    let fields: Vec<Field> = columns.iter().map(|(name, c)| Field::new(name, c.data_type().clone(), true)).collect();
    let properties = writer_properties(&fields, rows.len());
    let table = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, c)| c).collect())?;
    let mut writer = ArrowWriter::try_new(Vec::new(), table.schema(), Some(properties)).map_err(StoreError::parquet(path))?;
    writer.write(&table).map_err(StoreError::parquet(path))?;
    writer.into_inner().map_err(StoreError::parquet(path))
}

fn columns_to_write(event: &EventType, chunks: &[Arc<HotChunk>], received: bool) -> Vec<EventColumn> {
    let participants = chunks.iter().map(|c| c.participants.len()).max().unwrap_or(0);
    let mut columns: Vec<EventColumn> = (1..participants).map(EventColumn::Participant).collect();
    columns.extend(received.then_some(EventColumn::Received));
    columns.extend(event.properties.iter().map(|p| EventColumn::Property(p.id)));
    let named_by: BTreeSet<_> = chunks.iter().flat_map(|c| &c.properties).map(|(id, _)| *id).filter(|id| is_named_by(*id)).collect();
    columns.extend(named_by.into_iter().map(EventColumn::Property));
    columns.push(EventColumn::Extra);
    columns
}

/// Deltas for whole numbers, dictionaries for what repeats, LZ4 over both: measured as the quickest to read. No statistics: what they
/// could tell stands in the manifest.
fn writer_properties(fields: &[Field], rows: usize) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::LZ4_RAW)
        .set_max_row_group_row_count(Some(rows.max(1)))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_created_by("eql-store".to_string());
    for field in fields {
        let path = ColumnPath::from(field.name().as_str());
        if has_delta_encoding(field.data_type()) {
            properties =
                properties.set_column_dictionary_enabled(path.clone(), false).set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        } else if *field.data_type() == DataType::FixedSizeBinary(16) {
            // Hashes: nothing makes them smaller.
            properties =
                properties.set_column_dictionary_enabled(path.clone(), false).set_column_compression(path, Compression::UNCOMPRESSED);
        } else if field.name() == event_id::TEXT {
            properties = properties.set_column_dictionary_enabled(path, false);
        }
    }
    properties.build()
}

fn has_delta_encoding(data_type: &DataType) -> bool {
    match data_type {
        DataType::Decimal128(precision, _) => *precision <= 18,
        other => matches!(other, DataType::UInt32 | DataType::UInt64 | DataType::Int64 | DataType::Date32 | DataType::Timestamp(..)),
    }
}
