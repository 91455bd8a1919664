//! The entities of one type as the applier keeps them.

use super::column::Column;
use super::columns::{EntityParts, EntitySource, FROM_THE_BEGINNING, NEVER_IMPORTED};
use super::key_index::KeyIndex;
use crate::StoreError;
use crate::arrow_type::arrow_type;
use crate::log::{AdmittedEntities, AdmittedTagValues};
use crate::manifest::EntityMeta;
use arrow::array::{Array, ArrayRef, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use eql_catalog::EntityType;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything known about one entity type.
#[derive(Debug)]
pub(crate) struct EntityState {
    parts: EntityParts,
    /// Time of first knowledge by ordinal, or one of two markers; empty when nothing was imported. Shorter means never imported.
    known: Vec<i64>,
    /// Ordinals upserted since the last checkpoint, with repetitions. An entity that was only seen in events has no packed row.
    changed: Vec<u32>,
    /// The columnar snapshot on disk.
    pub(crate) saved: Option<EntityMeta>,
    source: Option<Arc<EntitySource>>,
}

impl EntityState {
    pub(crate) fn new(definition: Arc<EntityType>, position: u64) -> Result<EntityState, StoreError> {
        let types: Vec<DataType> = definition.key.iter().map(|p| arrow_type(&p.data_type)).collect();
        let parts = EntityParts {
            keys: types.iter().map(|t| Arc::new(Column::new(t))).collect(),
            index: Arc::new(RwLock::new(KeyIndex::new(&types)?)),
            definition,
            len: 0,
            properties: BTreeMap::new(),
            extra: None,
            known: None,
            tags: BTreeMap::new(),
            position,
        };
        Ok(EntityState::of(parts, Vec::new(), None))
    }

    pub(crate) fn of(parts: EntityParts, known: Vec<i64>, saved: Option<EntityMeta>) -> EntityState {
        EntityState { parts, known, changed: Vec::new(), saved, source: None }
    }

    pub(crate) fn len(&self) -> u32 {
        self.parts.len
    }

    pub(crate) fn position(&self) -> u64 {
        self.parts.position
    }

    pub(crate) fn definition(&self) -> &Arc<EntityType> {
        &self.parts.definition
    }

    /// Takes over a changed definition. Keys and types of what holds rows do not change: admission saw to it.
    pub(crate) fn redefine(&mut self, definition: Arc<EntityType>, position: u64) -> Result<(), StoreError> {
        if self.len() == 0 {
            *self = EntityState::new(definition, position)?;
            return Ok(());
        }
        self.parts.definition = definition;
        self.touch(position);
        Ok(())
    }

    pub(super) fn keys(&self) -> &[Arc<Column>] {
        &self.parts.keys
    }

    pub(super) fn columns_mut(&mut self) -> impl Iterator<Item = &mut Column> {
        let EntityParts { keys, properties, extra, tags, .. } = &mut self.parts;
        keys.iter_mut().chain(properties.values_mut()).chain(extra).chain(tags.values_mut()).map(Arc::make_mut)
    }

    pub(super) fn forget_keys(&mut self, keys: &[ArrayRef]) -> Result<(), StoreError> {
        self.parts.index.write().forget(keys)
    }

    /// What a snapshot holds; the same one while nothing changes.
    pub(crate) fn source(&mut self) -> Arc<EntitySource> {
        let EntityState { parts, known, source, .. } = self;
        let made = source.get_or_insert_with(|| {
            let dated = known.iter().any(|t| *t > FROM_THE_BEGINNING);
            parts.known = dated.then(|| Arc::new(known.clone()));
            Arc::new(EntitySource::new(parts.clone()))
        });
        made.clone()
    }

    /// Times of first knowledge, for the file.
    pub(crate) fn known(&self) -> Vec<i64> {
        self.known.clone()
    }

    /// Ordinals of keys; unknown keys become known entities. NULL keys have none.
    pub(crate) fn resolve(&mut self, keys: &[ArrayRef], position: u64) -> Result<UInt32Array, StoreError> {
        let resolved = self.parts.index.write().resolve(keys)?;
        if resolved.new_rows.is_empty() {
            return Ok(resolved.ordinals);
        }
        let first = self.parts.len;
        let ordinals: UInt32Array = (first..first + resolved.new_rows.len() as u32).collect::<Vec<_>>().into();
        let rows = UInt32Array::from(resolved.new_rows);
        self.touch(position);
        for (column, values) in self.parts.keys.iter_mut().zip(keys) {
            Arc::make_mut(column).write(&ordinals, &take(values, &rows, None)?, false)?;
        }
        self.parts.len += rows.len() as u32;
        Ok(resolved.ordinals)
    }

    pub(crate) fn upsert(&mut self, batch: &AdmittedEntities, position: u64) -> Result<(), StoreError> {
        let ordinals = self.resolve(&batch.keys, position)?;
        self.touch(position);
        for (id, values) in &batch.properties {
            let column = self.parts.properties.entry(*id).or_insert_with(|| Arc::new(Column::new(values.data_type())));
            Arc::make_mut(column).write(&ordinals, values, batch.keep_null)?;
        }
        if let Some(extra) = &batch.extra {
            let column = self.parts.extra.get_or_insert_with(|| Arc::new(Column::new(&DataType::Utf8)));
            Arc::make_mut(column).write(&ordinals, extra, batch.keep_null)?;
        }
        self.learn(&ordinals, batch.time.as_ref());
        self.note_changed(&ordinals);
        Ok(())
    }

    /// First knowledge: the first import decides, an earlier time in a later one corrects it.
    fn learn(&mut self, ordinals: &UInt32Array, time: Option<&TimestampMicrosecondArray>) {
        self.known.resize(self.parts.len as usize, NEVER_IMPORTED);
        for (i, ordinal) in ordinals.values().iter().enumerate() {
            let time = time.filter(|t| t.is_valid(i)).map_or(FROM_THE_BEGINNING, |t| t.value(i).max(FROM_THE_BEGINNING));
            let slot = &mut self.known[*ordinal as usize];
            if *slot == NEVER_IMPORTED || time < *slot {
                *slot = time;
            }
        }
    }

    pub(crate) fn set_tag(&mut self, values: &AdmittedTagValues, position: u64) -> Result<(), StoreError> {
        let ordinals = self.resolve(&values.keys, position)?;
        self.touch(position);
        let fresh = || Arc::new(Column::new(values.values.data_type()));
        let column = self.parts.tags.entry(values.tag.clone()).or_insert_with(fresh);
        if column.data_type() != values.values.data_type() {
            *column = fresh();
        }
        Arc::make_mut(column).write(&ordinals, &values.values, false)
    }

    /// Forgets the tags that are no longer defined.
    pub(crate) fn keep_tags(&mut self, defined: impl Fn(&str) -> bool, position: u64) {
        let before = self.parts.tags.len();
        self.parts.tags.retain(|tag, _| defined(tag));
        if self.parts.tags.len() != before {
            self.touch(position);
        }
    }

    /// Entities upserted since the last checkpoint, once each, in order.
    pub(crate) fn take_changed(&mut self) -> Vec<u32> {
        let mut changed = std::mem::take(&mut self.changed);
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// Gives back what a failed checkpoint took.
    pub(crate) fn give_back(&mut self, changed: &[u32]) {
        self.changed.extend(changed);
    }

    pub(super) fn note_changed(&mut self, ordinals: &UInt32Array) {
        self.changed.extend(ordinals.values());
        if self.changed.len() > 2 * self.len() as usize + (1 << 16) {
            self.changed = self.take_changed();
        }
    }

    pub(super) fn touch(&mut self, position: u64) {
        self.parts.position = position;
        self.source = None;
    }
}
