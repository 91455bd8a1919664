//! The entities of one type as a reader sees them.

use super::column::Column;
use super::history::{BEGINNING, History};
use super::key_index::KeyIndex;
use crate::StoreError;
use crate::arrow_type::{arrow_type, timestamp_type};
use crate::limit::LOOKUP_ROWS;
use arrow::array::{Array, ArrayRef, BooleanArray, TimestampMicrosecondArray, UInt32Array, new_null_array};
use arrow::compute::{cast, concat, filter, is_not_null};
use arrow::datatypes::DataType;
use eql_catalog::{EntityType, PropertyId};
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// `known_since` of an entity that was never imported, only seen in events.
pub(crate) const NEVER_IMPORTED: i64 = i64::MIN;
/// `known_since` of an entity that was imported without a time.
pub(crate) const FROM_THE_BEGINNING: i64 = i64::MIN + 1;

/// What is known about the entities of one type; row numbers are ordinals.
#[derive(Debug)]
pub struct EntityColumns {
    source: EntityParts,
    keys: Vec<ArrayRef>,
    extra: ArrayRef,
    known_since: Option<ArrayRef>,
    /// Columns that had to be lengthened for entities that came later.
    padded: Mutex<HashMap<PropertyId, ArrayRef>>,
}

/// Where the columns come from: cheap to make for every snapshot.
#[derive(Debug, Clone)]
pub(crate) struct EntityParts {
    pub(crate) definition: Arc<EntityType>,
    pub(crate) len: u32,
    /// Grows under readers, who see only ordinals below their `len`.
    pub(crate) index: Arc<RwLock<KeyIndex>>,
    pub(crate) keys: Vec<Arc<Column>>,
    pub(crate) properties: BTreeMap<PropertyId, Arc<Column>>,
    pub(crate) extra: Option<Arc<Column>>,
    pub(crate) known: Option<Arc<Vec<i64>>>,
    pub(crate) tags: BTreeMap<String, Arc<Column>>,
    pub(crate) position: u64,
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
        self.parts.tags.get(tag).map(|column| column.padded(self.parts.len as usize)).transpose()
    }
}

impl EntityParts {
    /// Columns with values, and their bytes.
    pub(crate) fn weight(&self) -> (usize, u64) {
        let columns = self.keys.iter().chain(self.properties.values()).chain(self.tags.values()).chain(&self.extra);
        let (count, bytes) = columns.fold((0, 0), |(count, bytes), column| (count + 1, bytes + column.bytes()));
        (count, bytes + self.known.as_ref().map_or(0, |k| k.len() * size_of::<i64>()) as u64)
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
        let owner = || format!("entity `{}`", self.definition.name);
        if keys.len() != self.definition.key.len() {
            return Err(StoreError::mismatch(
                owner(),
                format!("its key has {} columns, {} were given", self.definition.key.len(), keys.len()),
            ));
        }
        if keys.iter().any(|k| k.len() != keys[0].len()) {
            return Err(StoreError::mismatch(owner(), "the key columns are of different lengths"));
        }
        keys.iter()
            .zip(&self.definition.key)
            .map(|(k, p)| Ok(if *k.data_type() == arrow_type(&p.data_type) { k.clone() } else { cast(k, &arrow_type(&p.data_type))? }))
            .collect()
    }
}

#[allow(clippy::len_without_is_empty)]
impl EntityColumns {
    pub(crate) fn new(source: EntityParts) -> Result<EntityColumns, StoreError> {
        let len = source.len as usize;
        let keys = source.keys.iter().map(|k| k.padded(len)).collect::<Result<Vec<_>, _>>()?;
        let extra = match &source.extra {
            Some(column) => column.padded(len)?,
            None => new_null_array(&DataType::Utf8, len),
        };
        let known_since = source.known.as_ref().map(|known| known_since(known, len));
        Ok(EntityColumns { source, keys, extra, known_since, padded: Mutex::new(HashMap::new()) })
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
    /// The property is not declared.
    pub fn property(&self, id: PropertyId) -> Result<ArrayRef, StoreError> {
        let definition = &self.source.definition;
        if let Some(i) = definition.key.iter().position(|k| k.id == id) {
            return Ok(self.keys[i].clone());
        }
        let declared = definition.properties.iter().find(|p| p.id == id);
        let declared =
            declared.ok_or_else(|| StoreError::UnknownProperty { owner: format!("entity `{}`", definition.name), property: id.0 })?;
        if let Some(column) = self.padded.lock().get(&id) {
            return Ok(column.clone());
        }
        let column = match self.source.properties.get(&id) {
            Some(column) => column.padded(self.len())?,
            None => new_null_array(&arrow_type(&declared.data_type), self.len()),
        };
        self.padded.lock().insert(id, column.clone());
        Ok(column)
    }

    /// The values that a property had.
    ///
    /// # Errors
    /// The property is not declared, or not with `HISTORY`.
    pub fn history(&self, id: PropertyId) -> Result<Arc<History>, StoreError> {
        let declared = self.source.definition.properties.iter().find(|p| p.id == id);
        let owner = || format!("entity `{}`", self.source.definition.name);
        match declared {
            None => Err(StoreError::UnknownProperty { owner: owner(), property: id.0 }),
            Some(p) if !p.history => Err(StoreError::mismatch(owner(), format!("property `{}` has no HISTORY", p.name))),
            Some(_) => Ok(Arc::new(from_the_beginning(self.property(id)?)?)),
        }
    }

    /// JSON text of undeclared properties (Utf8).
    pub fn extra(&self) -> ArrayRef {
        self.extra.clone()
    }

    /// True where the entity was deleted; None when none was.
    pub fn deleted(&self) -> Option<&BooleanArray> {
        None
    }

    /// Key columns → ordinals; NULL where the key is unknown or NULL. Columns of another type are cast first.
    ///
    /// # Errors
    /// Another number of key columns, or types that cannot be cast.
    pub fn lookup(&self, keys: &[ArrayRef]) -> Result<UInt32Array, StoreError> {
        self.source.lookup(keys)
    }

    /// Microsecond timestamps of first knowledge, when any entity was imported with times; NULL is from the beginning.
    pub fn known_since(&self) -> Option<ArrayRef> {
        self.known_since.clone()
    }
}

/// The history of values that have no times.
fn from_the_beginning(values: ArrayRef) -> Result<History, StoreError> {
    let known = |i: usize| u32::from(values.is_valid(i));
    let offsets = std::iter::once(0).chain((0..values.len()).scan(0, |n, i| {
        *n += known(i);
        Some(*n)
    }));
    let offsets: Vec<u32> = offsets.collect();
    let values = filter(&values, &is_not_null(&values)?)?;
    Ok(History { offsets, time: vec![BEGINNING; values.len()], values })
}

fn known_since(known: &[i64], len: usize) -> ArrayRef {
    let times = known.iter().copied().chain(std::iter::repeat(NEVER_IMPORTED)).take(len);
    let times: TimestampMicrosecondArray = times.map(|t| (t > FROM_THE_BEGINNING).then_some(t)).collect();
    Arc::new(times.with_data_type(timestamp_type()))
}
