//! One column of entities: a base, mostly on disk, and the patches written since; joined when somebody reads all of it.

use super::column_file::{ColumnFile, fresh_number};
use super::patch::Patch;
use crate::StoreError;
use crate::cache::{Key, ReadCache};
use arrow::array::{Array, ArrayRef, MutableArrayData, UInt32Array, make_array, new_empty_array, new_null_array};
use arrow::compute::{concat, filter, interleave, is_not_null};
use arrow::datatypes::DataType;
use std::sync::Arc;

/// Values by ordinal. Ordinals past the end are NULL.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    data_type: DataType,
    base: Base,
    /// In the order written: the last writer wins.
    patches: Vec<Arc<Patch>>,
    /// What a checkpoint is writing: its token, and how many patches. Later ones are not joined with these.
    sealed: Option<(u64, usize)>,
    /// Another one for every content: the name of what the read cache holds.
    number: u64,
}

#[derive(Clone, Debug)]
enum Base {
    Empty,
    /// Made by a definition, not yet written.
    Memory(ArrayRef),
    File(Arc<ColumnFile>),
}

/// Where one value is.
pub(super) enum Found<'a> {
    Null,
    /// A patch has it, or an unwritten base.
    Here(&'a ArrayRef, usize),
    /// The file has it.
    InFile,
}

impl Column {
    pub(crate) fn new(data_type: &DataType) -> Column {
        Column::with(data_type, Base::Empty)
    }

    pub(super) fn of(values: ArrayRef) -> Column {
        Column::with(&values.data_type().clone(), Base::Memory(values))
    }

    pub(super) fn of_file(data_type: &DataType, file: Arc<ColumnFile>) -> Column {
        Column::with(data_type, Base::File(file))
    }

    fn with(data_type: &DataType, base: Base) -> Column {
        Column { data_type: data_type.clone(), base, patches: Vec::new(), sealed: None, number: fresh_number() }
    }

    pub(crate) fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// In memory, besides what the read cache keeps.
    pub(crate) fn bytes(&self) -> u64 {
        let base = match &self.base {
            Base::Memory(values) => values.get_array_memory_size(),
            Base::Empty => 0,
            Base::File(file) => file.bytes(),
        };
        (base + self.patches.iter().map(|p| p.values.get_array_memory_size()).sum::<usize>()) as u64
    }

    /// Writes values; NULLs clear unless `keep_null`.
    pub(super) fn write(&mut self, ordinals: &UInt32Array, values: &ArrayRef, keep_null: bool) -> Result<(), StoreError> {
        if keep_null && values.null_count() > 0 {
            let present = is_not_null(values)?;
            let ordinals = UInt32Array::from(filter(ordinals, &present)?.to_data());
            return self.push(Patch::new(ordinals.values(), &filter(values, &present)?)?);
        }
        self.push(Patch::new(ordinals.values(), values)?)
    }

    fn push(&mut self, mut patch: Patch) -> Result<(), StoreError> {
        if patch.len() == 0 {
            return Ok(());
        }
        let sealed = self.sealed.map_or(0, |s| s.1);
        // Neighbours of similar size are joined, so that many small writes make few patches and each value is copied rarely.
        while self.patches.len() > sealed
            && let Some(last) = self.patches.pop_if(|last| last.len() <= 2 * patch.len())
        {
            patch = last.followed_by(&patch)?;
        }
        self.patches.push(Arc::new(patch));
        self.number = fresh_number();
        Ok(())
    }

    fn base_len(&self) -> usize {
        match &self.base {
            Base::Empty => 0,
            Base::Memory(values) => values.len(),
            Base::File(file) => file.rows as usize,
        }
    }

    /// The base alone.
    pub(super) fn base(&self) -> Result<ArrayRef, StoreError> {
        let values = match &self.base {
            Base::Empty => new_empty_array(&self.data_type),
            Base::Memory(values) => values.clone(),
            Base::File(file) => file.load()?,
        };
        match (&self.base, values.data_type() == &self.data_type) {
            (Base::File(file), false) => {
                Err(StoreError::damaged(&file.path(), 0, format!("its values are not of type {}", self.data_type)))
            }
            _ => Ok(values),
        }
    }

    /// As many values as the highest ordinal written needs.
    pub(super) fn len(&self) -> usize {
        self.patches.iter().map(|p| p.end()).max().unwrap_or(0).max(self.base_len())
    }

    /// All values of `len` entities.
    pub(crate) fn padded(&self, len: usize, cache: &ReadCache) -> Result<ArrayRef, StoreError> {
        if self.patches.is_empty() && self.base_len() >= len {
            return Ok(self.base()?.slice(0, len));
        }
        cache.column(Key::Entity(self.number, len as u32), || self.join(len))
    }

    /// Base and patches as one array of `len` values.
    pub(super) fn join(&self, len: usize) -> Result<ArrayRef, StoreError> {
        let Some((last, earlier)) = self.patches.split_last() else {
            return Ok(match self.base()? {
                base if base.len() >= len => base.slice(0, len),
                base => concat(&[&base, &new_null_array(&self.data_type, len - base.len())])?,
            });
        };
        let mut patch = last.clone();
        for older in earlier.iter().rev() {
            patch = Arc::new(older.followed_by(&patch)?);
        }
        if patch.len() == len && patch.end() == len {
            return Ok(patch.values.clone());
        }
        let base = self.base()?;
        overlay(&base.slice(0, len.min(base.len())), &patch, len)
    }

    /// The values of some entities, without joining.
    pub(crate) fn gather(&self, ordinals: &[u32]) -> Result<ArrayRef, StoreError> {
        let nothing = new_null_array(&self.data_type, 1);
        let mut from = Vec::with_capacity(ordinals.len());
        let mut in_base = false;
        for ordinal in ordinals {
            let patched = self.patches.iter().enumerate().rev().find_map(|(i, p)| Some((i + 2, p.find(*ordinal)?)));
            let place = patched.unwrap_or(if (*ordinal as usize) < self.base_len() { (1, *ordinal as usize) } else { (0, 0) });
            in_base |= place.0 == 1;
            from.push(place);
        }
        let base = if in_base { self.base()? } else { nothing.clone() };
        let mut arrays: Vec<&dyn Array> = vec![&nothing, &base];
        arrays.extend(self.patches.iter().map(|p| p.values.as_ref()));
        Ok(interleave(&arrays, &from)?)
    }

    pub(super) fn find(&self, ordinal: u32) -> Found<'_> {
        if let Some((patch, row)) = self.patches.iter().rev().find_map(|p| Some((p, p.find(ordinal)?))) {
            return Found::Here(&patch.values, row);
        }
        match &self.base {
            _ if ordinal as usize >= self.base_len() => Found::Null,
            Base::Empty => Found::Null,
            Base::Memory(values) => Found::Here(values, ordinal as usize),
            Base::File(_) => Found::InFile,
        }
    }

    /// True when the file, if any, does not have all of it.
    pub(super) fn dirty(&self) -> bool {
        !self.patches.is_empty() || matches!(self.base, Base::Memory(_))
    }

    /// Keeps what the file has in memory: every write asks for it.
    pub(super) fn hold(&self) -> Result<(), StoreError> {
        if let Base::File(file) = &self.base {
            file.pin()?;
        }
        Ok(())
    }

    pub(super) fn file(&self) -> Option<&Arc<ColumnFile>> {
        match &self.base {
            Base::File(file) => Some(file),
            _ => None,
        }
    }

    /// A checkpoint begins to write what is here now.
    pub(super) fn seal(&mut self, token: u64) {
        self.sealed = Some((token, self.patches.len()));
    }

    /// What was sealed is in a file now. A column that was made anew since has not been sealed and keeps what it has.
    pub(super) fn settle(&mut self, token: u64, file: Arc<ColumnFile>) {
        if let Some((_, patches)) = self.sealed.take_if(|s| s.0 == token) {
            self.patches.drain(..patches);
            self.base = Base::File(file);
            self.number = fresh_number();
        }
    }
}

/// Copies runs: most of a column is as it was.
pub(super) fn overlay(base: &ArrayRef, patch: &Patch, len: usize) -> Result<ArrayRef, StoreError> {
    let (base_data, patch_data) = (base.to_data(), patch.values.to_data());
    let mut out = MutableArrayData::new(vec![&base_data, &patch_data], true, len);
    let mut at = 0;
    let keep = |out: &mut MutableArrayData<'_>, from: usize, to: usize| {
        let known = to.min(base.len()).max(from);
        if known > from && from < base.len() {
            out.try_extend(0, from, known)?;
        }
        out.try_extend_nulls(to - known)
    };
    let mut row = 0;
    while row < patch.len() && (patch.ordinal(row) as usize) < len {
        let first = patch.ordinal(row) as usize;
        let run = patch.run(row).min(len - first);
        keep(&mut out, at, first)?;
        out.try_extend(1, row, row + run)?;
        (at, row) = (first + run, row + run);
    }
    keep(&mut out, at, len)?;
    Ok(make_array(out.freeze()))
}
