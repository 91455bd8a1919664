//! One column of entities: a base and the patches written since, joined when somebody reads it.

use crate::StoreError;
use crate::limit::{COLUMN_PATCHES_MAX, SEARCHED_ROWS};
use arrow::array::{Array, ArrayRef, UInt32Array, new_empty_array, new_null_array};
use arrow::compute::{concat, filter, interleave, is_not_null};
use arrow::datatypes::DataType;
use std::sync::{Arc, OnceLock};

/// Values by ordinal. Ordinals past the end are NULL.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    base: ArrayRef,
    /// In the order written: the last writer wins.
    patches: Vec<Arc<Patch>>,
    joined: OnceLock<ArrayRef>,
}

#[derive(Debug)]
struct Patch {
    ordinals: Ordinals,
    values: ArrayRef,
}

#[derive(Debug)]
enum Ordinals {
    /// Consecutive from here: the usual import.
    From(u32),
    Each(UInt32Array),
}

impl Column {
    pub(crate) fn new(data_type: &DataType) -> Column {
        Column::of(new_empty_array(data_type))
    }

    pub(crate) fn of(base: ArrayRef) -> Column {
        Column { base, patches: Vec::new(), joined: OnceLock::new() }
    }

    pub(crate) fn data_type(&self) -> &DataType {
        self.base.data_type()
    }

    /// Writes values; NULLs clear unless `keep_null`.
    pub(crate) fn write(&mut self, ordinals: &UInt32Array, values: &ArrayRef, keep_null: bool) -> Result<(), StoreError> {
        if keep_null && values.null_count() > 0 {
            let present = is_not_null(values)?;
            let ordinals = filter(ordinals, &present)?;
            let values = filter(values, &present)?;
            return self.push(Patch::new(UInt32Array::from(ordinals.to_data()), values));
        }
        self.push(Patch::new(ordinals.clone(), values.clone()))
    }

    fn push(&mut self, mut patch: Patch) -> Result<(), StoreError> {
        if patch.values.is_empty() {
            return Ok(());
        }
        if let Some(joined) = self.joined.take() {
            (self.base, self.patches) = (joined, Vec::new());
        }
        // Neighbours of similar size are joined, so that many small writes make few patches and each value is copied rarely.
        while let Some(last) = self.patches.pop_if(|last| last.values.len() <= 2 * patch.values.len()) {
            patch = last.followed_by(&patch)?;
        }
        let waiting: usize = self.patches.iter().map(|p| p.values.len()).sum();
        self.patches.push(Arc::new(patch));
        if self.patches.len() > COLUMN_PATCHES_MAX || waiting > 4 * self.base.len() + (1 << 20) {
            self.base = self.join()?;
            self.patches.clear();
        }
        Ok(())
    }

    /// All values, as many as the highest ordinal written needs.
    pub(crate) fn get(&self) -> Result<ArrayRef, StoreError> {
        if let Some(joined) = self.joined.get() {
            return Ok(joined.clone());
        }
        let joined = self.join()?;
        Ok(self.joined.get_or_init(|| joined).clone())
    }

    /// All values of `len` entities.
    pub(crate) fn padded(&self, len: usize) -> Result<ArrayRef, StoreError> {
        let values = self.get()?;
        match values.len() {
            n if n == len => Ok(values),
            n if n > len => Ok(values.slice(0, len)),
            n => Ok(concat(&[&values, &new_null_array(self.data_type(), len - n)])?),
        }
    }

    /// The value of one ordinal. Few values that wait are searched, for many it pays to join them.
    pub(crate) fn at(&self, ordinal: u32) -> Result<ArrayRef, StoreError> {
        let place = ordinal as usize;
        let of = |values: &ArrayRef| if place < values.len() { values.slice(place, 1) } else { new_null_array(self.data_type(), 1) };
        let waiting: usize = self.patches.iter().map(|p| p.values.len()).sum();
        if waiting > SEARCHED_ROWS || self.joined.get().is_some() {
            return self.get().map(|values| of(&values));
        }
        let patched = self.patches.iter().rev().find_map(|p| p.find(ordinal).map(|i| p.values.slice(i, 1)));
        Ok(patched.unwrap_or_else(|| of(&self.base)))
    }

    fn join(&self) -> Result<ArrayRef, StoreError> {
        if self.patches.is_empty() {
            return Ok(self.base.clone());
        }
        match self.join_in_sequence()? {
            Some(joined) => Ok(joined),
            None => self.join_by_index(),
        }
    }

    /// When every patch continues where the values before it end, or starts anew from 0 and covers all of them.
    fn join_in_sequence(&self) -> Result<Option<ArrayRef>, StoreError> {
        let mut pieces: Vec<&ArrayRef> = vec![&self.base];
        let mut len = self.base.len();
        for patch in &self.patches {
            match patch.ordinals {
                Ordinals::From(first) if first as usize == len => {}
                Ordinals::From(0) if patch.values.len() >= len => {
                    pieces.clear();
                    len = 0;
                }
                _ => return Ok(None),
            }
            len += patch.values.len();
            pieces.push(&patch.values);
        }
        pieces.retain(|p| !p.is_empty());
        match &pieces[..] {
            [only] => Ok(Some(ArrayRef::clone(only))),
            pieces => Ok(Some(concat(&pieces.iter().map(|p| p.as_ref()).collect::<Vec<_>>())?)),
        }
    }

    fn join_by_index(&self) -> Result<ArrayRef, StoreError> {
        let nothing = new_null_array(self.data_type(), 1);
        let mut arrays: Vec<&dyn Array> = vec![&nothing, &self.base];
        let len = self.patches.iter().map(|p| p.end()).max().unwrap_or(0).max(self.base.len());
        let mut from = vec![(0, 0); len];
        for (i, place) in from.iter_mut().take(self.base.len()).enumerate() {
            *place = (1, i);
        }
        for patch in &self.patches {
            patch.place(arrays.len(), &mut from);
            arrays.push(&patch.values);
        }
        Ok(interleave(&arrays, &from)?)
    }
}

impl Patch {
    fn new(ordinals: UInt32Array, values: ArrayRef) -> Patch {
        let consecutive = ordinals.values().windows(2).all(|w| w[0].checked_add(1) == Some(w[1]));
        let ordinals = match ordinals.values().first() {
            Some(first) if consecutive => Ordinals::From(*first),
            _ => Ordinals::Each(ordinals),
        };
        Patch { ordinals, values }
    }

    fn followed_by(&self, next: &Patch) -> Result<Patch, StoreError> {
        let values = concat(&[&self.values, &next.values])?;
        let ordinals = match (&self.ordinals, &next.ordinals) {
            (Ordinals::From(a), Ordinals::From(b)) if *a as usize + self.values.len() == *b as usize => Ordinals::From(*a),
            _ => Ordinals::Each(self.each().chain(next.each()).collect::<Vec<u32>>().into()),
        };
        Ok(Patch { ordinals, values })
    }

    fn each(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        match &self.ordinals {
            Ordinals::From(first) => Box::new((*first..).take(self.values.len())),
            Ordinals::Each(ordinals) => Box::new(ordinals.values().iter().copied()),
        }
    }

    /// Where the last value of an ordinal stands.
    fn find(&self, ordinal: u32) -> Option<usize> {
        match &self.ordinals {
            Ordinals::From(first) => ordinal.checked_sub(*first).map(|i| i as usize).filter(|i| *i < self.values.len()),
            Ordinals::Each(ordinals) => ordinals.values().iter().rposition(|o| *o == ordinal),
        }
    }

    fn end(&self) -> usize {
        self.each().max().map_or(0, |o| o as usize + 1)
    }

    fn place(&self, array: usize, from: &mut [(usize, usize)]) {
        for (i, ordinal) in self.each().enumerate() {
            from[ordinal as usize] = (array, i);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_last_writer_wins(writes in prop::collection::vec((prop::collection::vec((0u32..40, prop::option::of(0i64..9)), 1..8), any::<bool>(), any::<bool>()), 0..60)) {
            let mut column = Column::new(&DataType::Int64);
            let mut naive: Vec<Option<i64>> = Vec::new();
            for (rows, keep_null, read) in writes {
                let ordinals: UInt32Array = rows.iter().map(|r| Some(r.0)).collect();
                let values: Int64Array = rows.iter().map(|r| r.1).collect();
                column.write(&ordinals, &(Arc::new(values) as ArrayRef), keep_null).unwrap();
                for (ordinal, value) in rows {
                    naive.resize(naive.len().max(ordinal as usize + 1), None);
                    if !(keep_null && value.is_none()) {
                        naive[ordinal as usize] = value;
                    }
                }
                for (ordinal, value) in naive.iter().enumerate() {
                    let found = column.at(ordinal as u32).unwrap();
                    prop_assert_eq!(found.as_ref(), &Int64Array::from(vec![*value]) as &dyn Array);
                }
                if read {
                    prop_assert_eq!(column.padded(40).unwrap().len(), 40);
                }
            }
            let len = naive.len();
            let expected: ArrayRef = Arc::new(Int64Array::from(naive));
            prop_assert_eq!(&column.padded(len).unwrap(), &expected);
        }
    }
}
