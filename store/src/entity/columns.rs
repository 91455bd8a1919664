//! The entities of one type as a reader sees them.

use super::column::Column;
use super::column_file::EntityFiles;
use super::history::History;
use super::key_index::KeyIndex;
use super::place::Place;
use super::row::{EntityRow, RowFinder};
use super::timed::Timed;
use super::value::{value_at, without_nulls};
use crate::StoreError;
use crate::arrow_type::{arrow_type, timestamp_type};
use crate::identity::Roots;
use crate::limit::{LOOKUP_ROWS, ROWS_ONE_BY_ONE_MAX};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, TimestampMicrosecondArray, UInt32Array, new_null_array};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Int64Type};
use eql_catalog::{EntityType, Property, PropertyId, Value};
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `known` of an entity that was imported without a time. NULL: never imported, only seen in events.
pub(crate) const FROM_THE_BEGINNING: i64 = i64::MIN + 1;

/// What is known about the entities of one type; row numbers are ordinals.
#[derive(Debug)]
pub struct EntityColumns {
    source: EntityParts,
    keys: Vec<ArrayRef>,
    deleted: Option<BooleanArray>,
    /// Columns that were put together for merged entities.
    merged: Mutex<BTreeMap<PropertyId, ArrayRef>>,
}

/// Where the columns come from: cheap to make for every snapshot.
#[derive(Debug, Clone)]
pub(crate) struct EntityParts {
    pub(crate) definition: Arc<EntityType>,
    pub(crate) len: u32,
    /// Grows under readers, who see only ordinals below their `len`.
    pub(crate) index: Arc<RwLock<KeyIndex>>,
    pub(crate) columns: BTreeMap<Place, Arc<Column>>,
    pub(crate) histories: BTreeMap<PropertyId, Arc<Timed>>,
    /// Some entity was imported with a time.
    pub(crate) dated: bool,
    /// How many are deleted now.
    pub(crate) deleted: u32,
    /// The last position that changed the type.
    pub(crate) position: u64,
    /// Who stands for whom: other ordinals are read, but not listed.
    pub(crate) roots: Arc<Roots>,
    /// The checkpoint that wrote the files of the columns.
    pub(crate) saved: u64,
    /// Columns by name whose definition changed at a position: packed rows of before say nothing about them.
    pub(crate) redefined: BTreeMap<String, u64>,
    pub(crate) files: Arc<EntityFiles>,
}

/// The columns of one type in one snapshot, made when first read.
#[derive(Debug)]
pub(crate) struct EntitySource {
    pub(crate) parts: EntityParts,
    columns: Mutex<Option<Arc<EntityColumns>>>,
}

impl EntitySource {
    pub(crate) fn new(parts: EntityParts) -> EntitySource {
        EntitySource { parts, columns: Mutex::new(None) }
    }

    pub(crate) fn columns(&self) -> Result<Arc<EntityColumns>, StoreError> {
        let mut columns = self.columns.lock();
        if let Some(columns) = &*columns {
            return Ok(columns.clone());
        }
        let made = Arc::new(EntityColumns::new(self.parts.clone())?);
        *columns = Some(made.clone());
        Ok(made)
    }

    pub(crate) fn tag(&self, tag: &str) -> Result<Option<ArrayRef>, StoreError> {
        self.parts.padded(&Place::Tag(tag.to_string()))
    }
}

impl EntityParts {
    /// Columns that say something about entities (times of knowledge and marks of deletion do not), and the bytes of all.
    pub(crate) fn weight(&self) -> (usize, u64) {
        let told = |place: &&Place| matches!(place, Place::Key(_) | Place::Property(_) | Place::Tag(_) | Place::Extra);
        (self.columns.keys().filter(told).count(), self.columns.values().map(|column| column.bytes()).sum())
    }

    /// A column as long as there are entities; None when it was never written.
    pub(super) fn padded(&self, place: &Place) -> Result<Option<ArrayRef>, StoreError> {
        self.columns.get(place).map(|column| column.padded(self.len as usize, &self.files.cache)).transpose()
    }

    pub(crate) fn keys_at(&self, ordinals: &[u32]) -> Result<Vec<ArrayRef>, StoreError> {
        let columns = (0..self.definition.key.len()).filter_map(|i| self.columns.get(&Place::Key(i)));
        columns.map(|column| column.gather(ordinals)).collect()
    }

    pub(crate) fn is_deleted(&self, ordinal: u32) -> Result<bool, StoreError> {
        let Some(column) = self.columns.get(&Place::Deleted).filter(|_| self.deleted > 0) else { return Ok(false) };
        let value = column.gather(&[ordinal])?;
        Ok(value.is_valid(0) && value.as_boolean().value(0))
    }

    /// All that is known about one entity; None when there is none of that ordinal.
    pub(crate) fn row(&self, ordinal: u32) -> Result<Option<EntityRow>, StoreError> {
        if ordinal >= self.len {
            return Ok(None);
        }
        let packed = || self.files.rows.read(self.definition.id, ordinal, self.saved);
        let row = RowFinder::new(self).row(ordinal, packed)?;
        self.merged_row(row, ordinal).map(Some)
    }

    /// A property of some entities; of few of them without loading the column.
    pub(super) fn values_at(&self, id: PropertyId, ordinals: &[u32]) -> Result<Vec<Value>, StoreError> {
        let Some(column) = self.columns.get(&Place::Property(id)) else { return Ok(vec![Value::Null; ordinals.len()]) };
        if ordinals.len() > ROWS_ONE_BY_ONE_MAX {
            let values = column.gather(ordinals)?;
            return Ok((0..values.len()).map(|i| value_at(&values, i)).collect());
        }
        let finder = RowFinder::new(self);
        let packed = |ordinal| self.files.rows.read(self.definition.id, ordinal, self.saved);
        ordinals.iter().map(|ordinal| finder.property(id, *ordinal, || packed(*ordinal))).collect()
    }

    pub(crate) fn lookup(&self, keys: &[ArrayRef]) -> Result<UInt32Array, StoreError> {
        let keys = self.as_keys(keys)?;
        let rows = keys.first().map_or(0, |k| k.len());
        if rows <= LOOKUP_ROWS {
            return self.index.read().lookup(&keys, self.len);
        }
        let pieces = (0..rows).step_by(LOOKUP_ROWS).map(|start| {
            let piece: Vec<ArrayRef> = keys.iter().map(|k| k.slice(start, LOOKUP_ROWS.min(rows - start))).collect();
            self.index.read().lookup(&piece, self.len)
        });
        let pieces = pieces.collect::<Result<Vec<_>, _>>()?;
        let pieces: Vec<&dyn Array> = pieces.iter().map(|p| p as &dyn Array).collect();
        Ok(UInt32Array::from(concat(&pieces)?.to_data()))
    }

    /// Other types are cast; what does not fit becomes NULL, and so unknown.
    fn as_keys(&self, keys: &[ArrayRef]) -> Result<Vec<ArrayRef>, StoreError> {
        if keys.len() != self.definition.key.len() {
            return Err(StoreError::mismatch(
                self.owner(),
                format!("its key has {} columns, {} were given", self.definition.key.len(), keys.len()),
            ));
        }
        if keys.iter().any(|k| k.len() != keys[0].len()) {
            return Err(StoreError::mismatch(self.owner(), "the key columns are of different lengths"));
        }
        keys.iter()
            .zip(&self.definition.key)
            .map(|(k, p)| Ok(if *k.data_type() == arrow_type(&p.data_type) { k.clone() } else { cast(k, &arrow_type(&p.data_type))? }))
            .collect()
    }

    fn owner(&self) -> String {
        format!("entity `{}`", self.definition.name)
    }

    fn declared(&self, id: PropertyId) -> Result<&Property, StoreError> {
        let declared = self.definition.properties.iter().find(|p| p.id == id);
        declared.ok_or_else(|| StoreError::UnknownProperty { owner: self.owner(), property: id.0 })
    }
}

#[allow(clippy::len_without_is_empty)]
impl EntityColumns {
    pub(crate) fn new(source: EntityParts) -> Result<EntityColumns, StoreError> {
        let key = |(i, p): (usize, &Property)| {
            let known = source.padded(&Place::Key(i))?;
            Ok(known.unwrap_or_else(|| new_null_array(&arrow_type(&p.data_type), source.len as usize)))
        };
        let keys = source.definition.key.iter().enumerate().map(key).collect::<Result<Vec<_>, StoreError>>()?;
        let deleted = if source.deleted > 0 { source.padded(&Place::Deleted)? } else { None };
        let deleted = source.unseen(deleted.map(|d| without_nulls(d.as_boolean())));
        Ok(EntityColumns { source, keys, deleted, merged: Mutex::default() })
    }

    /// How many entities there are.
    pub fn len(&self) -> usize {
        self.source.len as usize
    }

    /// A key column.
    ///
    /// # Panics
    /// The key has no column of that place.
    pub fn key(&self, i: usize) -> &ArrayRef {
        &self.keys[i]
    }

    /// A property; all NULL when it was never set.
    ///
    /// # Errors
    /// The property is not declared, or its file is damaged.
    pub fn property(&self, id: PropertyId) -> Result<ArrayRef, StoreError> {
        if let Some(i) = self.source.definition.key.iter().position(|k| k.id == id) {
            return Ok(self.keys[i].clone());
        }
        let declared = self.source.declared(id)?;
        let known = || self.source.padded_or_null(&Place::Property(id), &arrow_type(&declared.data_type));
        if self.source.roots.is_empty() {
            return known();
        }
        let mut merged = self.merged.lock();
        if let Some(made) = merged.get(&id) {
            return Ok(made.clone());
        }
        let made = self.source.merged(declared, known()?)?;
        merged.insert(id, made.clone());
        Ok(made)
    }

    /// A property of some entities, without making the whole column; NULL past the end.
    ///
    /// # Errors
    /// The property is not declared, or its file is damaged.
    pub fn property_at(&self, id: PropertyId, ordinals: &[u32]) -> Result<ArrayRef, StoreError> {
        if let Some(i) = self.source.definition.key.iter().position(|k| k.id == id) {
            let within = |o: &u32| (*o < self.source.len).then_some(*o);
            return Ok(arrow::compute::take(&self.keys[i], &ordinals.iter().map(within).collect::<UInt32Array>(), None)?);
        }
        let declared = self.source.declared(id)?;
        match self.source.columns.get(&Place::Property(id)) {
            Some(column) => self.source.merged_at(declared, column.gather(ordinals)?, ordinals),
            None => Ok(new_null_array(&arrow_type(&declared.data_type), ordinals.len())),
        }
    }

    /// All that is known about one entity, fast; None when there is none of that ordinal.
    ///
    /// # Errors
    /// A damaged file.
    pub fn row(&self, ordinal: u32) -> Result<Option<EntityRow>, StoreError> {
        self.source.row(ordinal)
    }

    /// The values that a property had.
    ///
    /// # Errors
    /// The property is not declared, or not with `HISTORY`; or its file is damaged.
    pub fn history(&self, id: PropertyId) -> Result<Arc<History>, StoreError> {
        let declared = self.source.declared(id)?;
        if !declared.history {
            return Err(StoreError::mismatch(self.source.owner(), format!("property `{}` has no HISTORY", declared.name)));
        }
        match self.source.histories.get(&id) {
            Some(timed) => self.source.merged_history(declared, &timed.history(self.len(), &self.source.files.cache)?),
            None => {
                let values = arrow::array::new_empty_array(&arrow_type(&declared.data_type));
                Ok(Arc::new(History { offsets: vec![0; self.len() + 1], time: Vec::new(), values }))
            }
        }
    }

    /// JSON text of undeclared properties (Utf8).
    ///
    /// # Errors
    /// A damaged file.
    pub fn extra(&self) -> Result<ArrayRef, StoreError> {
        self.source.merged_extra(self.source.padded_or_null(&Place::Extra, &DataType::Utf8)?)
    }

    /// True where the entity was deleted, or where another ordinal stands for it; None when none is.
    pub fn deleted(&self) -> Option<&BooleanArray> {
        self.deleted.as_ref()
    }

    /// Key columns → ordinals; NULL where the key is unknown, of a deleted entity, or NULL. Columns of another type are cast first.
    ///
    /// # Errors
    /// Another number of key columns, or types that cannot be cast.
    pub fn lookup(&self, keys: &[ArrayRef]) -> Result<UInt32Array, StoreError> {
        let mut found = self.source.lookup(keys)?;
        if !self.source.roots.is_empty() {
            found = found.iter().map(|o| o.map(|o| self.source.roots.of(o))).collect();
        }
        let Some(deleted) = &self.deleted else { return Ok(found) };
        Ok(found.iter().map(|o| o.filter(|o| !deleted.value(*o as usize))).collect())
    }

    /// Microsecond timestamps of first knowledge, when any entity was imported with times; NULL is from the beginning.
    ///
    /// # Errors
    /// A damaged file.
    pub fn known_since(&self) -> Result<Option<ArrayRef>, StoreError> {
        let known = if self.source.dated { self.source.padded(&Place::Known)? } else { None };
        let known = known.map(|k| self.source.merged_known(k)).transpose()?;
        Ok(known.map(|known| {
            let times = known.as_primitive::<Int64Type>().iter();
            let times: TimestampMicrosecondArray = times.map(|t| t.filter(|t| *t > FROM_THE_BEGINNING)).collect();
            Arc::new(times.with_data_type(timestamp_type())) as ArrayRef
        }))
    }
}
