//! The columnar snapshot of one entity type: an Arrow IPC file with a row for each ordinal.
//!
//! Columns: `k<i>` keys, `p<property>`, `extra`, `known` (µs, with two markers), `t:<tag>`. Columns that were never set are left out.

use super::column::Column;
use super::columns::{EntityParts, EntitySource};
use super::key_index::KeyIndex;
use super::state::EntityState;
use crate::StoreError;
use crate::arrow_type::arrow_type;
use crate::disk::{read_checked, write_file};
use crate::ipc;
use crate::manifest::EntityMeta;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use eql_catalog::{EntityType, PropertyId};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// `known`: times of first knowledge, or nothing when nothing was imported.
pub(crate) fn write(dir: &Path, generation: u64, source: &EntitySource, known: Vec<i64>) -> Result<EntityMeta, StoreError> {
    let parts = &source.parts;
    let bytes = ipc::encode_file(&table(parts, known)?, true)?;
    let name = format!("{}-{generation}.arrow", parts.definition.id.0);
    let file = write_file(dir, &name, &bytes)?;
    Ok(EntityMeta { entity: parts.definition.id, rows: parts.len, position: parts.position, file })
}

fn table(parts: &EntityParts, mut known: Vec<i64>) -> Result<RecordBatch, StoreError> {
    let len = parts.len as usize;
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    for (i, key) in parts.keys.iter().enumerate() {
        columns.push((format!("k{i}"), key.padded(len)?));
    }
    for (id, column) in &parts.properties {
        columns.push((format!("p{}", id.0), column.padded(len)?));
    }
    if let Some(extra) = &parts.extra {
        columns.push(("extra".to_string(), extra.padded(len)?));
    }
    if !known.is_empty() {
        known.resize(len, super::columns::NEVER_IMPORTED);
        columns.push(("known".to_string(), Arc::new(Int64Array::from(known))));
    }
    for (tag, column) in &parts.tags {
        columns.push((format!("t:{tag}"), column.padded(len)?));
    }
    let fields: Vec<Field> = columns.iter().map(|(name, c)| Field::new(name, c.data_type().clone(), true)).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, c)| c).collect())?)
}

pub(crate) fn read(dir: &Path, meta: &EntityMeta, definition: Arc<EntityType>) -> Result<EntityState, StoreError> {
    let path = dir.join(&meta.file.name);
    let table = ipc::decode_file(&path, read_checked(dir, &meta.file)?)?.batch;
    let damaged = |what: &str| StoreError::damaged(&path, 0, what);
    let types: Vec<DataType> = definition.key.iter().map(|p| arrow_type(&p.data_type)).collect();
    let keys: Vec<ArrayRef> = (0..types.len()).map_while(|i| table.column_by_name(&format!("k{i}")).cloned()).collect();
    if keys.iter().map(|k| k.data_type()).ne(&types) || table.num_rows() != meta.rows as usize {
        return Err(damaged("its key columns are not those of the definition"));
    }
    let mut index = KeyIndex::new(&types)?;
    let resolved = index.resolve(&keys)?;
    if resolved.new_rows.len() != meta.rows as usize {
        return Err(damaged("a key is there twice"));
    }
    let parts = EntityParts {
        definition,
        len: meta.rows,
        index: Arc::new(RwLock::new(index)),
        keys: keys.into_iter().map(|k| Arc::new(Column::of(k))).collect(),
        properties: columns(&table, "p").into_iter().filter_map(|(name, c)| Some((PropertyId(name.parse().ok()?), c))).collect(),
        extra: table.column_by_name("extra").map(|c| Arc::new(Column::of(c.clone()))),
        known: None,
        tags: columns(&table, "t:"),
        position: meta.position,
    };
    let known = table.column_by_name("known").and_then(|c| c.as_primitive_opt::<Int64Type>()).map(|c| c.values().to_vec());
    Ok(EntityState::of(parts, known.unwrap_or_default(), Some(meta.clone())))
}

fn columns(table: &RecordBatch, prefix: &str) -> BTreeMap<String, Arc<Column>> {
    let schema = table.schema();
    let named = schema.fields().iter().zip(table.columns());
    named.filter_map(|(f, c)| Some((f.name().strip_prefix(prefix)?.to_string(), Arc::new(Column::of(c.clone()))))).collect()
}
