//! Entities that go: deleted ones, of whom the key stays, and erased ones, of whom nothing stays but their ordinals, which are never given
//! to others.

use super::place::Place;
use super::state::EntityState;
use super::timed::Added;
use crate::StoreError;
use arrow::array::{ArrayRef, AsArray, BooleanArray, UInt32Array, new_null_array};
use arrow::datatypes::DataType;
use std::collections::HashSet;
use std::sync::Arc;

impl EntityState {
    /// Nothing is known any more about the entities of these keys but that they were there; the ordinals of those that were.
    pub(super) fn delete(&mut self, keys: &[ArrayRef], position: u64) -> Result<Vec<u32>, StoreError> {
        // Of an entity that was merged all goes.
        let named = self.parts.lookup(keys)?;
        let mut known: Vec<u32> = named.iter().flatten().flat_map(|o| self.parts.roots.members(o)).collect();
        known.sort_unstable();
        known.dedup();
        self.clear(&known, position)?;
        Ok(known)
    }

    /// Keys become NULL and unknown: an event that names one later is of a new entity.
    pub(crate) fn erase(&mut self, ordinals: &HashSet<u32>, position: u64) -> Result<(), StoreError> {
        let mut ordinals: Vec<u32> = ordinals.iter().copied().collect();
        ordinals.sort_unstable();
        let columns = (0..self.definition().key.len()).filter_map(|i| self.parts.columns.get(&Place::Key(i)));
        let keys = columns.map(|k| k.gather(&ordinals)).collect::<Result<Vec<ArrayRef>, StoreError>>()?;
        self.parts.index.write().forget(&keys)?;
        self.clear(&ordinals, position)?;
        let ordinals = UInt32Array::from(ordinals);
        for (i, key) in keys.iter().enumerate() {
            let nothing = new_null_array(key.data_type(), ordinals.len());
            self.column(Place::Key(i), key.data_type()).write(&ordinals, &nothing, false)?;
        }
        Ok(())
    }

    /// All but the keys.
    fn clear(&mut self, gone: &[u32], position: u64) -> Result<(), StoreError> {
        if gone.is_empty() {
            return Ok(());
        }
        self.touch(position);
        let ordinals = UInt32Array::from(gone.to_vec());
        let before = match self.parts.columns.get(&Place::Deleted) {
            Some(column) => column.gather(gone)?.as_boolean().true_count(),
            None => 0,
        };
        for (place, column) in &mut self.parts.columns {
            if !matches!(place, Place::Key(_) | Place::Deleted) {
                let nothing = new_null_array(column.data_type(), gone.len());
                Arc::make_mut(column).write(&ordinals, &nothing, false)?;
            }
        }
        for timed in self.parts.histories.values_mut() {
            Arc::make_mut(timed).push(Added::Forgotten(gone.to_vec()))?;
        }
        let yes: ArrayRef = Arc::new(BooleanArray::from(vec![true; gone.len()]));
        self.column(Place::Deleted, &DataType::Boolean).write(&ordinals, &yes, false)?;
        self.parts.deleted += (gone.len() - before) as u32;
        self.note_changed(&ordinals);
        Ok(())
    }
}
