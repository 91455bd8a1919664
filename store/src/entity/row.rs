//! One entity: all that is known about it, without joining or loading whole columns.
//!
//! A value is where it was last written: in a patch, else in the packed row of the last checkpoint, else in the column's file.

use super::column::{Column, Found};
use super::columns::EntityParts;
use super::place::Place;
use super::value::value_at;
use crate::StoreError;
use crate::kv::Read;
use arrow::array::{Array, ArrayRef};
use eql_catalog::{DataType, PropertyId, Value};
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use std::sync::Arc;

/// What is known about one entity.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityRow {
    /// The key.
    pub keys: Vec<Value>,
    /// All declared properties in their order.
    pub properties: Vec<(PropertyId, Value)>,
    /// JSON text of undeclared properties.
    pub extra: Option<String>,
    /// It was deleted, and nothing but its key is left.
    pub deleted: bool,
}

/// The key, and the properties that are not NULL, as of a position. Its bytes (postcard) are a promise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PackedRow {
    pub(crate) stamp: u64,
    pub(crate) keys: Vec<Value>,
    pub(crate) properties: Vec<(u16, Value)>,
    pub(crate) extra: Option<String>,
}

/// Finds the values of single entities.
pub(crate) struct RowFinder<'a> {
    parts: &'a EntityParts,
    keys: Vec<Source<'a>>,
    properties: Vec<(PropertyId, Source<'a>)>,
    extra: Source<'a>,
}

struct Source<'a> {
    /// Packed rows of before this position say nothing about the column.
    redefined: u64,
    data_type: &'a DataType,
    column: Option<&'a Arc<Column>>,
    /// Loaded once, however many rows are asked.
    base: OnceCell<ArrayRef>,
}

impl<'a> RowFinder<'a> {
    pub(crate) fn new(parts: &'a EntityParts) -> RowFinder<'a> {
        let source = |place: Place, data_type: &'a DataType| {
            let redefined = parts.redefined.get(&place.name()).copied().unwrap_or(0);
            Source { redefined, data_type, column: parts.columns.get(&place), base: OnceCell::new() }
        };
        let definition = &parts.definition;
        RowFinder {
            parts,
            keys: definition.key.iter().enumerate().map(|(i, p)| source(Place::Key(i), &p.data_type)).collect(),
            properties: definition.properties.iter().map(|p| (p.id, source(Place::Property(p.id), &p.data_type))).collect(),
            extra: source(Place::Extra, &DataType::Json),
        }
    }

    /// `packed` is asked once, and only when a patch does not have all of it.
    pub(crate) fn row(&self, ordinal: u32, packed: impl Fn() -> Read) -> Result<EntityRow, StoreError> {
        let read = OnceCell::new();
        let packed = || read.get_or_init(|| unpack(packed(), self.parts.position));
        let value = |s: &Source<'_>, of: &dyn Fn(&PackedRow) -> Option<Value>| s.value(ordinal, &packed, of);
        let keys = self.keys.iter().enumerate().map(|(i, s)| value(s, &|row| row.keys.get(i).cloned()));
        let keys = keys.collect::<Result<_, _>>()?;
        let properties = self.properties.iter().map(|(id, s)| Ok((*id, value(s, &|row| Some(row.property(*id)))?)));
        let properties = properties.collect::<Result<_, StoreError>>()?;
        let extra = value(&self.extra, &|row| Some(row.extra.clone().map_or(Value::Null, Value::String)))?;
        let extra = if let Value::String(text) = extra { Some(text) } else { None };
        Ok(EntityRow { keys, properties, extra, deleted: self.parts.is_deleted(ordinal)? })
    }

    /// One property.
    pub(super) fn property(&self, id: PropertyId, ordinal: u32, packed: impl Fn() -> Read) -> Result<Value, StoreError> {
        let Some((_, source)) = self.properties.iter().find(|(i, _)| *i == id) else { return Ok(Value::Null) };
        let read = OnceCell::new();
        let packed = || read.get_or_init(|| unpack(packed(), self.parts.position));
        source.value(ordinal, &packed, &|row| Some(row.property(id)))
    }

    /// The bytes of a row; None when nothing but the key is known.
    pub(crate) fn pack(&self, ordinal: u32, packed: impl Fn() -> Read) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.row(ordinal, packed)?;
        let present = row.properties.into_iter().filter(|(_, v)| *v != Value::Null);
        let properties: Vec<(u16, Value)> = present.map(|(id, v)| (id.0, v)).collect();
        if properties.is_empty() && row.extra.is_none() {
            return Ok(None);
        }
        let row = PackedRow { stamp: self.parts.position, keys: row.keys, properties, extra: row.extra };
        // Writing to a vector cannot fail.
        Ok(Some(postcard::to_stdvec(&row).unwrap_or_default()))
    }
}

impl PackedRow {
    fn property(&self, id: PropertyId) -> Value {
        self.properties.iter().find(|(i, _)| *i == id.0).map_or(Value::Null, |(_, v)| v.clone())
    }
}

/// What the packed rows say: None when they cannot be asked; a row of a later position is not of this snapshot.
fn unpack(read: Read, position: u64) -> Option<PackedRow> {
    match read {
        Read::Unknown => None,
        Read::Absent => Some(PackedRow::default()),
        Read::Row(bytes) => postcard::from_bytes(&bytes).ok().filter(|row: &PackedRow| row.stamp <= position),
    }
}

impl Source<'_> {
    fn value<'p>(
        &self,
        ordinal: u32,
        packed: &dyn Fn() -> &'p Option<PackedRow>,
        of: &dyn Fn(&PackedRow) -> Option<Value>,
    ) -> Result<Value, StoreError> {
        let Some(column) = self.column else { return Ok(Value::Null) };
        match column.find(ordinal) {
            Found::Null => return Ok(Value::Null),
            Found::Here(values, row) => return Ok(value_at(values, row)),
            Found::InFile => {}
        }
        let found = packed().as_ref().filter(|row| row.stamp >= self.redefined).and_then(of).filter(|v| fits(v, self.data_type));
        match found {
            Some(value) => Ok(value),
            None => self.in_file(column, ordinal),
        }
    }

    fn in_file(&self, column: &Column, ordinal: u32) -> Result<Value, StoreError> {
        let base = match self.base.get() {
            Some(base) => base,
            None => {
                let loaded = column.base()?;
                self.base.get_or_init(|| loaded)
            }
        };
        Ok(if (ordinal as usize) < base.len() { value_at(base, ordinal as usize) } else { Value::Null })
    }
}

fn fits(value: &Value, data_type: &DataType) -> bool {
    match (value, data_type) {
        (Value::Null, _) => true,
        (Value::Bool(_), DataType::Bool) | (Value::Int(_), DataType::Int) | (Value::Double(_), DataType::Double) => true,
        (Value::String(_), DataType::String | DataType::Json) => true,
        (Value::Date(_), DataType::Date) | (Value::Timestamp(_), DataType::Timestamp) => true,
        (Value::Decimal(_, scale), DataType::Decimal(_, s)) => scale == s,
        (Value::List(items), DataType::List(item)) => items.iter().all(|v| fits(v, item)),
        _ => false,
    }
}
