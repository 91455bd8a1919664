//! The entities of one type as the applier keeps them. What is written to them is in `write.rs`.

use super::column::Column;
use super::column_file::EntityFiles;
use super::columns::{EntityParts, EntitySource};
use super::key_index::KeyIndex;
use super::place::Place;
use super::timed::Timed;
use super::value::without_nulls;
use crate::arrow_type::arrow_type;
use crate::identity::Roots;
use crate::{Kept, StoreError};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray, UInt32Array, new_null_array};
use arrow::compute::{filter, take};
use arrow::datatypes::DataType;
use eql_catalog::{EntityType, PropertyId};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything known about one entity type.
#[derive(Debug)]
pub(crate) struct EntityState {
    pub(super) parts: EntityParts,
    pub(super) changed: Changed,
    /// Operations that were not carried out since the start: a sum or a list that does not fit.
    pub(crate) refused: u64,
    source: Option<Arc<EntitySource>>,
}

/// Entities whose packed rows are to be written by the next checkpoint.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changed {
    /// With repetitions. An entity that was only seen in events has no packed row.
    ordinals: Vec<u32>,
    /// The packed rows were lost: everybody.
    pub(crate) all: bool,
}

impl EntityState {
    pub(crate) fn new(definition: Arc<EntityType>, position: u64, files: Arc<EntityFiles>) -> Result<EntityState, StoreError> {
        let types: Vec<DataType> = definition.key.iter().map(|p| arrow_type(&p.data_type)).collect();
        Ok(EntityState::of(EntityParts {
            columns: types.iter().enumerate().map(|(i, t)| (Place::Key(i), Arc::new(Column::new(t)))).collect(),
            index: Arc::new(RwLock::new(KeyIndex::new(&types)?)),
            definition,
            len: 0,
            histories: BTreeMap::new(),
            dated: false,
            deleted: 0,
            position,
            roots: Arc::default(),
            saved: 0,
            redefined: BTreeMap::new(),
            files,
        }))
    }

    pub(super) fn of(parts: EntityParts) -> EntityState {
        EntityState { parts, changed: Changed::default(), refused: 0, source: None }
    }

    pub(crate) fn len(&self) -> u32 {
        self.parts.len
    }

    pub(crate) fn definition(&self) -> &Arc<EntityType> {
        &self.parts.definition
    }

    /// What a snapshot holds; the same one while nothing changes.
    pub(crate) fn source(&mut self) -> Arc<EntitySource> {
        let EntityState { parts, source, .. } = self;
        source.get_or_insert_with(|| Arc::new(EntitySource::new(parts.clone()))).clone()
    }

    /// Ordinals of keys; unknown keys become known entities, deleted ones are known again. NULL keys have none.
    pub(crate) fn resolve(&mut self, keys: &[ArrayRef], position: u64) -> Result<UInt32Array, StoreError> {
        let resolved = self.parts.index.write().resolve(keys)?;
        if self.parts.deleted > 0 {
            self.revive(&resolved.ordinals, position)?;
        }
        if resolved.new_rows.is_empty() {
            return Ok(resolved.ordinals);
        }
        let first = self.parts.len;
        let ordinals: UInt32Array = (first..first + resolved.new_rows.len() as u32).collect::<Vec<_>>().into();
        let rows = UInt32Array::from(resolved.new_rows);
        self.touch(position);
        for (i, values) in keys.iter().enumerate() {
            let values = take(values, &rows, None)?;
            self.column(Place::Key(i), values.data_type()).write(&ordinals, &values, false)?;
        }
        self.parts.len += rows.len() as u32;
        Ok(resolved.ordinals)
    }

    /// An entity that has no key of its own. Where the key is one text it gets one that says what it is known by; elsewhere it has none.
    pub(crate) fn add_anonymous(&mut self, text: &str, position: u64) -> Result<u32, StoreError> {
        let types: Vec<DataType> = self.definition().key.iter().map(|p| arrow_type(&p.data_type)).collect();
        if types == [DataType::Utf8] {
            let names = std::iter::once(text.to_string()).chain((2..).map(|n| format!("{text}~{n}")));
            for name in names {
                let key: ArrayRef = Arc::new(StringArray::from(vec![name]));
                let known = self.parts.index.read().lookup(std::slice::from_ref(&key), u32::MAX)?;
                if known.is_null(0) {
                    return Ok(self.resolve(&[key], position)?.value(0));
                }
            }
        }
        let ordinal = self.parts.index.write().skip();
        self.touch(position);
        for (i, data_type) in types.iter().enumerate() {
            self.column(Place::Key(i), data_type).write(&vec![ordinal].into(), &new_null_array(data_type, 1), false)?;
        }
        self.parts.len += 1;
        Ok(ordinal)
    }

    /// A deleted one that somebody names is known again.
    pub(crate) fn revive_one(&mut self, ordinal: u32, position: u64) -> Result<(), StoreError> {
        if self.parts.deleted == 0 { Ok(()) } else { self.revive(&vec![ordinal].into(), position) }
    }

    pub(crate) fn roots(&self) -> &Arc<Roots> {
        &self.parts.roots
    }

    /// Who stands for whom, from now on.
    pub(crate) fn set_roots(&mut self, roots: Arc<Roots>, position: u64) {
        self.parts.roots = roots;
        self.touch(position);
    }

    /// The same as it was at the checkpoint: nothing changes.
    pub(crate) fn restore_roots(&mut self, roots: Arc<Roots>) {
        self.parts.roots = roots;
    }

    fn revive(&mut self, ordinals: &UInt32Array, position: u64) -> Result<(), StoreError> {
        let Some(column) = self.parts.columns.get(&Place::Deleted) else { return Ok(()) };
        let mut asked: Vec<u32> = ordinals.iter().flatten().collect();
        asked.sort_unstable();
        asked.dedup();
        let asked = UInt32Array::from(asked);
        let deleted = without_nulls(column.gather(asked.values())?.as_boolean());
        let back = UInt32Array::from(filter(&asked, &deleted)?.to_data());
        if !back.is_empty() {
            self.touch(position);
            let alive: ArrayRef = Arc::new(BooleanArray::from(vec![false; back.len()]));
            self.column(Place::Deleted, &DataType::Boolean).write(&back, &alive, false)?;
            self.parts.deleted -= back.len() as u32;
        }
        Ok(())
    }

    /// Forgets the tags and sets that are no longer defined, and tags whose values are of another type now.
    pub(crate) fn keep_defined(&mut self, tag: impl Fn(&str, &DataType) -> bool, segment: impl Fn(&str) -> bool, position: u64) {
        let before = self.parts.columns.len();
        self.parts.columns.retain(|place, c| match place {
            Place::Tag(name) | Place::Version(Kept::Tag(name), _) => tag(name, c.data_type()),
            Place::Version(Kept::Segment(name), _) => segment(name),
            _ => true,
        });
        if self.parts.columns.len() != before {
            self.touch(position);
        }
    }

    /// A column to write to; made when there is none.
    pub(super) fn column(&mut self, place: Place, data_type: &DataType) -> &mut Column {
        Arc::make_mut(self.parts.columns.entry(place).or_insert_with(|| Arc::new(Column::new(data_type))))
    }

    pub(super) fn timed(&mut self, id: PropertyId, data_type: &DataType) -> &mut Timed {
        Arc::make_mut(self.parts.histories.entry(id).or_insert_with(|| Arc::new(Timed::new(data_type))))
    }

    pub(super) fn touch(&mut self, position: u64) {
        self.parts.position = position;
        self.source = None;
    }

    /// What is on disk changed, not what is known.
    pub(super) fn refresh(&mut self) {
        self.source = None;
    }

    pub(super) fn note_changed(&mut self, ordinals: &UInt32Array) {
        self.changed.note(ordinals.values(), self.parts.len);
    }

    pub(crate) fn take_changed(&mut self) -> Changed {
        std::mem::take(&mut self.changed)
    }

    /// Gives back what a failed checkpoint took.
    pub(crate) fn give_back(&mut self, changed: &Changed) {
        self.changed.all |= changed.all;
        self.changed.note(&changed.ordinals, self.parts.len);
    }

    /// The packed rows were lost.
    pub(crate) fn repack(&mut self) {
        self.changed.all = self.parts.len > 0;
    }
}

impl Changed {
    fn note(&mut self, ordinals: &[u32], len: u32) {
        self.ordinals.extend(ordinals);
        if self.ordinals.len() > 2 * len as usize + (1 << 16) {
            self.ordinals = self.sorted();
        }
    }

    /// Once each, in order.
    fn sorted(&self) -> Vec<u32> {
        let mut ordinals = self.ordinals.clone();
        ordinals.sort_unstable();
        ordinals.dedup();
        ordinals
    }

    pub(crate) fn among(&self, len: u32) -> Vec<u32> {
        if self.all { (0..len).collect() } else { self.sorted() }
    }
}
