//! Erasing entities: nothing of them stays but their ordinals, which are never given to others.

use super::state::EntityState;
use crate::StoreError;
use arrow::array::{ArrayRef, UInt32Array, new_null_array};
use arrow::compute::take;
use std::collections::HashSet;

impl EntityState {
    /// Keys become NULL and unknown: an event that names one later is of a new entity.
    pub(crate) fn erase(&mut self, ordinals: &HashSet<u32>, position: u64) -> Result<(), StoreError> {
        let mut ordinals: Vec<u32> = ordinals.iter().copied().collect();
        ordinals.sort_unstable();
        let ordinals = UInt32Array::from(ordinals);
        let len = self.len() as usize;
        let keys =
            self.keys().iter().map(|k| Ok(take(&k.padded(len)?, &ordinals, None)?)).collect::<Result<Vec<ArrayRef>, StoreError>>()?;
        self.forget_keys(&keys)?;
        self.touch(position);
        self.note_changed(&ordinals);
        for column in self.columns_mut() {
            let nulls = new_null_array(column.data_type(), ordinals.len());
            column.write(&ordinals, &nulls, false)?;
        }
        Ok(())
    }
}
