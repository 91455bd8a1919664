//! Records as tables, and tables as bytes.

use super::identity::{event_columns, event_identities};
use super::record::{AdmittedEntities, AdmittedEvents, EntitiesHead, EventsHead, Place};
use crate::limit::COMPRESS_ROWS_MIN;
use crate::{EntityColumn, StoreError};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema, TimestampMicrosecondType, UInt32Type};
use arrow::ipc::CompressionType;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use eql_catalog::{EntityTypeId, EventTypeId, PropertyId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub(super) fn encode_events(batches: &[AdmittedEvents]) -> Result<Vec<u8>, StoreError> {
    let place = |b: &AdmittedEvents| match b.place {
        Place::From(first) => Some(first),
        Place::Each(_) => None,
    };
    let head = EventsHead { tables: batches.iter().map(|b| (b.event.0, place(b))).collect() };
    let tables = batches.iter().map(event_table).collect::<Result<Vec<_>, _>>()?;
    body(&head, &tables)
}

fn event_table(b: &AdmittedEvents) -> Result<RecordBatch, StoreError> {
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    for (participant, keys) in b.keys.iter().enumerate() {
        columns.extend(key_columns(&format!("k{participant}_"), keys));
    }
    columns.push(("time".to_string(), Arc::new(b.time.clone())));
    columns.push(("id".to_string(), Arc::new(b.id.clone())));
    if let Some(received) = &b.received {
        columns.push(("received".to_string(), Arc::new(received.clone())));
    }
    if let Place::Each(place) = &b.place {
        columns.push(("place".to_string(), Arc::new(place.clone())));
    }
    columns.extend(b.properties.iter().map(|(id, values)| (format!("p{}", id.0), values.clone())));
    if let Some(extra) = &b.extra {
        columns.push(("extra".to_string(), Arc::new(extra.clone())));
    }
    columns.extend(event_columns(&b.identities));
    table(columns)
}

pub(super) fn decode_events(reader: &mut Reader<'_>) -> Result<Vec<AdmittedEvents>, String> {
    let head: EventsHead = reader.head()?;
    head.tables.iter().map(|(event, first)| decode_event_table(EventTypeId(*event), *first, &reader.table()?)).collect()
}

fn decode_event_table(event: EventTypeId, first: Option<u32>, table: &RecordBatch) -> Result<AdmittedEvents, String> {
    let mut keys = Vec::new();
    while table.column_by_name(&format!("k{}_0", keys.len())).is_some() {
        keys.push(keys_of(table, keys.len()));
    }
    let place = match first {
        Some(first) => Place::From(first),
        None => Place::Each(
            table.column_by_name("place").and_then(|c| c.as_primitive_opt::<UInt32Type>()).ok_or("events have no places")?.clone(),
        ),
    };
    Ok(AdmittedEvents {
        event,
        keys,
        time: times_of(table, "time").ok_or("events have no times")?,
        id: texts_of(table, "id").ok_or("events have no ids")?,
        received: times_of(table, "received"),
        properties: properties_of(table),
        extra: texts_of(table, "extra"),
        place,
        identities: event_identities(table),
    })
}

pub(super) fn entity_table(e: &AdmittedEntities) -> Result<RecordBatch, StoreError> {
    let mut columns = key_columns("k0_", &e.keys);
    columns.extend(e.properties.iter().map(|(id, values)| (format!("p{}", id.0), values.clone())));
    columns.extend(e.extra.iter().map(|extra| ("extra".to_string(), extra.clone())));
    columns.extend(e.time.iter().map(|time| ("time".to_string(), Arc::new(time.clone()) as ArrayRef)));
    for (i, c) in e.operations.iter().enumerate() {
        columns.push((format!("o{i}"), c.values.clone()));
        columns.extend(c.present.iter().map(|p| (format!("present{i}"), Arc::new(p.clone()) as ArrayRef)));
    }
    columns.extend(e.delete.iter().map(|d| ("delete".to_string(), Arc::new(d.clone()) as ArrayRef)));
    table(columns)
}

pub(super) fn decode_entities(reader: &mut Reader<'_>) -> Result<AdmittedEntities, String> {
    let head: EntitiesHead = reader.head()?;
    let table = reader.table()?;
    let operations = head.operations.into_iter().enumerate().map(|(i, (property, operation))| {
        let values = table.column_by_name(&format!("o{i}")).cloned().ok_or("an operation has no values")?;
        let (property, present) = (PropertyId(property), flags_of(&table, &format!("present{i}")));
        Ok(EntityColumn { property, operation: operation.into(), values, present })
    });
    let operations = operations.collect::<Result<Vec<_>, String>>()?;
    Ok(AdmittedEntities {
        operations,
        delete: flags_of(&table, "delete"),
        entity: EntityTypeId(head.entity),
        keys: keys_of(&table, 0),
        properties: properties_of(&table),
        extra: table.column_by_name("extra").cloned(),
        time: times_of(&table, "time"),
        keep_null: head.keep_null,
    })
}

pub(super) fn key_table(keys: &[ArrayRef]) -> Result<RecordBatch, StoreError> {
    table(key_columns("k0_", keys))
}

pub(super) fn key_columns(prefix: &str, keys: &[ArrayRef]) -> Vec<(String, ArrayRef)> {
    keys.iter().enumerate().map(|(i, k)| (format!("{prefix}{i}"), k.clone())).collect()
}

pub(super) fn keys_of(table: &RecordBatch, participant: usize) -> Vec<ArrayRef> {
    (0..).map_while(|i| table.column_by_name(&format!("k{participant}_{i}")).cloned()).collect()
}

pub(super) fn times_of(table: &RecordBatch, name: &str) -> Option<TimestampMicrosecondArray> {
    table.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>().cloned()
}

pub(super) fn texts_of(table: &RecordBatch, name: &str) -> Option<StringArray> {
    table.column_by_name(name)?.as_string_opt::<i32>().cloned()
}

fn flags_of(table: &RecordBatch, name: &str) -> Option<BooleanArray> {
    table.column_by_name(name)?.as_boolean_opt().cloned()
}

fn properties_of(table: &RecordBatch) -> Vec<(PropertyId, ArrayRef)> {
    let schema = table.schema();
    let id = |name: &str| name.strip_prefix('p').and_then(|n| n.parse().ok()).map(PropertyId);
    schema.fields().iter().zip(table.columns()).filter_map(|(f, c)| Some((id(f.name())?, c.clone()))).collect()
}

/// A table of named columns of equal length.
pub(super) fn table(columns: Vec<(String, ArrayRef)>) -> Result<RecordBatch, StoreError> {
    let rows = columns.first().map_or(0, |(_, c)| c.len());
    let fields: Vec<Field> = columns.iter().map(|(name, c)| Field::new(name, c.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, c)| c).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?)
}

pub(super) fn head<T: Serialize>(head: &T) -> Result<Vec<u8>, StoreError> {
    let text = serde_json::to_vec(head).map_err(|e| arrow::error::ArrowError::ExternalError(Box::new(e)))?;
    let mut bytes = (text.len() as u32).to_le_bytes().to_vec();
    bytes.extend(text);
    Ok(bytes)
}

pub(super) fn body<T: Serialize>(head_value: &T, tables: &[RecordBatch]) -> Result<Vec<u8>, StoreError> {
    let mut bytes = head(head_value)?;
    for table in tables {
        let start = bytes.len();
        bytes.extend([0; 8]);
        bytes.reserve(table.get_array_memory_size() / 2);
        let mut writer = StreamWriter::try_new_with_options(&mut bytes, table.schema_ref(), ipc_options(table.num_rows())?)?;
        writer.write(table)?;
        writer.finish()?;
        let length = (bytes.len() - start - 8) as u64;
        bytes[start..start + 8].copy_from_slice(&length.to_le_bytes());
    }
    Ok(bytes)
}

/// The disk is the bottleneck of ingest, so large tables are compressed.
fn ipc_options(rows: usize) -> Result<IpcWriteOptions, StoreError> {
    let compression = (rows >= COMPRESS_ROWS_MIN).then_some(CompressionType::LZ4_FRAME);
    Ok(IpcWriteOptions::default().try_with_compression(compression)?)
}

pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn head<T: Deserialize<'a>>(&mut self) -> Result<T, String> {
        let length = self.take(4)?;
        let length = length.iter().rev().fold(0, |n, b| (n << 8) | usize::from(*b));
        serde_json::from_slice(self.take(length)?).map_err(|e| e.to_string())
    }

    pub(super) fn table(&mut self) -> Result<RecordBatch, String> {
        let length = self.take(8)?;
        let length = length.iter().rev().fold(0, |n, b| (n << 8) | usize::from(*b));
        let mut stream = StreamReader::try_new(self.take(length)?, None).map_err(|e| e.to_string())?;
        stream.next().ok_or("a table of the record is missing")?.map_err(|e| e.to_string())
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or("the record is too short")?;
        self.rest = rest;
        Ok(taken)
    }
}
