//! Entity types in files: one for each column, written anew only when the column changed, and read when somebody needs it.

use super::column::Column;
use super::column_file::{ColumnFile, EntityFiles};
use super::columns::{EntityParts, EntitySource};
use super::history::History;
use super::key_index::KeyIndex;
use super::place::Place;
use super::redefine::type_of;
use super::state::{Changed, EntityState};
use super::timed::Timed;
use crate::StoreError;
use crate::manifest::{ColumnMeta, EntityMeta};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, UInt32Array};
use arrow::datatypes::DataType as ArrowType;
use eql_catalog::{DataType, EntityType};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a checkpoint writes of one entity type.
pub(crate) struct CapturedEntities {
    pub(crate) source: Arc<EntitySource>,
    pub(crate) changed: Changed,
    token: u64,
}

/// What it wrote.
pub(crate) struct WrittenEntities {
    pub(crate) meta: EntityMeta,
    files: Vec<(Place, Arc<ColumnFile>)>,
    token: u64,
}

impl EntityState {
    /// `token`: what this checkpoint alone is called.
    pub(crate) fn capture(&mut self, token: u64) -> CapturedEntities {
        for (_, column) in self.parts.columns.iter_mut().filter(|(place, c)| unwritten(place, c)) {
            Arc::make_mut(column).seal(token);
        }
        for timed in self.parts.histories.values_mut().filter(|t| t.dirty()) {
            Arc::make_mut(timed).seal(token);
        }
        CapturedEntities { source: Arc::new(EntitySource::new(self.parts.clone())), changed: self.take_changed(), token }
    }

    /// What was captured is in files now, as of the position of the checkpoint.
    pub(crate) fn settle(&mut self, written: &WrittenEntities, position: u64) {
        for (place, file) in &written.files {
            if let Place::History(id) = place {
                if let Some(timed) = self.parts.histories.get_mut(id) {
                    Arc::make_mut(timed).settle(written.token, file.clone());
                }
            } else if let Some(column) = self.parts.columns.get_mut(place) {
                Arc::make_mut(column).settle(written.token, file.clone());
            }
        }
        self.parts.saved = position;
        self.refresh();
    }
}

/// True when no file has all of a column. A version shares the files of the tag that it was taken of, until it is written: it stays when
/// that one changes, and there is one even of nobody.
fn unwritten(place: &Place, column: &Column) -> bool {
    let own = || column.file().is_some_and(|f| f.meta.name.starts_with(&format!("{}-", place.stem())));
    column.dirty() || matches!(place, Place::Version(..)) && !own()
}

/// Writes the columns that changed.
pub(crate) fn write(generation: u64, captured: &CapturedEntities) -> Result<WrittenEntities, StoreError> {
    let parts = &captured.source.parts;
    let folder = parts.definition.id.0.to_string();
    let name = |place: &Place| format!("{}-{generation}.arrow", place.stem());
    let (mut files, mut columns) = (Vec::new(), Vec::new());
    for (place, column) in &parts.columns {
        if unwritten(place, column) {
            let values = column.join(column.len())?;
            let file = parts.files.write_column(&folder, &name(place), &values)?;
            if matches!(place, Place::Key(_) | Place::Known | Place::Since(_) | Place::Once(_)) {
                file.pin_as(values);
            }
            columns.push(meta(place, &file));
            files.push((place.clone(), file));
        } else if let Some(file) = column.file() {
            columns.push(meta(place, file));
        }
    }
    for (id, timed) in &parts.histories {
        let place = Place::History(*id);
        if timed.dirty() {
            let history = timed.join()?;
            let file = parts.files.write(&folder, &name(&place), &table(&history)?, history.time.len() as u32)?;
            columns.push(meta(&place, &file));
            files.push((place, file));
        } else if let Some(file) = timed.file() {
            columns.push(meta(&place, file));
        }
    }
    if !files.is_empty() {
        parts.files.sync(&folder)?;
    }
    let meta = EntityMeta {
        entity: parts.definition.id,
        rows: parts.len,
        position: parts.position,
        dated: parts.dated,
        deleted: parts.deleted,
        redefined: parts.redefined.clone(),
        columns,
    };
    Ok(WrittenEntities { meta, files, token: captured.token })
}

fn meta(place: &Place, file: &ColumnFile) -> ColumnMeta {
    ColumnMeta { name: place.name(), rows: file.rows, file: file.meta.clone() }
}

pub(super) fn table(history: &History) -> Result<RecordBatch, StoreError> {
    let rows = history.offsets.windows(2).enumerate();
    let ordinals: UInt32Array =
        rows.flat_map(|(ordinal, w)| std::iter::repeat_n(ordinal as u32, (w[1] - w[0]) as usize)).collect::<Vec<_>>().into();
    let time = Int64Array::from(history.time.clone());
    Ok(RecordBatch::try_from_iter_with_nullable([
        ("ordinal", Arc::new(ordinals) as ArrayRef, false),
        ("time", Arc::new(time), false),
        ("value", history.values.clone(), true),
    ])?)
}

/// Reads the keys; everything else waits until it is needed.
pub(crate) fn read(
    files: &Arc<EntityFiles>,
    meta: &EntityMeta,
    definition: Arc<EntityType>,
    saved: u64,
    tag: impl Fn(&str) -> Option<DataType>,
) -> Result<EntityState, StoreError> {
    let mut parts = EntityParts {
        len: meta.rows,
        index: Arc::new(RwLock::new(KeyIndex::new(&[ArrowType::Int64])?)),
        columns: BTreeMap::new(),
        histories: BTreeMap::new(),
        dated: meta.dated,
        deleted: meta.deleted,
        position: meta.position,
        roots: Arc::default(),
        saved,
        redefined: meta.redefined.clone(),
        files: files.clone(),
        definition,
    };
    for column in &meta.columns {
        // A manifest is checked as a whole; a column that the definition does not have would have been left out of it.
        let Some(place) = Place::parse(&column.name) else { continue };
        let Some(data_type) = type_of(&parts.definition, &place, &tag) else { continue };
        let file = files.file(&meta.folder(), column.file.clone(), column.rows);
        match place {
            Place::History(id) => drop(parts.histories.insert(id, Arc::new(Timed::of_file(&data_type, file)))),
            place => drop(parts.columns.insert(place, Arc::new(Column::of_file(&data_type, file)))),
        }
    }
    parts.index = Arc::new(RwLock::new(read_keys(&mut parts)?));
    Ok(EntityState::of(parts))
}

/// Reads everything, to find what is damaged.
pub(crate) fn check(
    files: &Arc<EntityFiles>,
    meta: &EntityMeta,
    definition: Arc<EntityType>,
    tag: impl Fn(&str) -> Option<DataType>,
) -> Vec<StoreError> {
    let parts = match read(files, meta, definition, 0, tag) {
        Ok(state) => state.parts,
        Err(e) => return vec![e],
    };
    let columns = parts.columns.values().map(|column| column.base().map(drop));
    columns.chain(parts.histories.values().map(|timed| timed.join().map(drop))).filter_map(Result::err).collect()
}

fn read_keys(parts: &mut EntityParts) -> Result<KeyIndex, StoreError> {
    let mut types = Vec::new();
    let mut keys = Vec::new();
    for i in 0..parts.definition.key.len() {
        let place = Place::Key(i);
        let data_type = type_of(&parts.definition, &place, |_| None).unwrap_or(ArrowType::Null);
        let column = parts.columns.entry(place).or_insert_with(|| Arc::new(Column::new(&data_type)));
        if let Some(file) = column.file() {
            file.pin()?;
        }
        keys.push(column.base()?);
        types.push(data_type);
    }
    let damaged = |what: &str| {
        let file = parts.columns.get(&Place::Key(0)).and_then(|c| c.file()).map(|f| f.path()).unwrap_or_default();
        StoreError::damaged(&file, 0, what)
    };
    if keys.iter().any(|k| k.len() != parts.len as usize) {
        return Err(damaged("it has not as many keys as there are entities"));
    }
    KeyIndex::of(&types, &keys)?.ok_or_else(|| damaged("a key is there twice"))
}
