//! The keys of entities, taken when they became known: who is erased has none in the store any more, and leaves under the one it had.

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use eql_catalog::{EntityTypeId, Value};
use eql_planner::live::LiveError;
use eql_store::{Snapshot, value_at};

/// Keys by ordinal, in pieces. A piece is joined with the next when that is not much smaller, so there are few.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// First ordinal, key columns.
    pieces: Vec<(u32, Vec<ArrayRef>)>,
    len: u32,
}

impl Keys {
    /// Takes the keys of everybody up to a number.
    pub(crate) fn grow(&mut self, snapshot: &Snapshot, entity: EntityTypeId, count: u32) -> Result<(), LiveError> {
        if count <= self.len {
            return Ok(());
        }
        let ordinals: Vec<u32> = (self.len..count).collect();
        self.pieces.push((self.len, snapshot.keys_of(entity, &ordinals)?));
        self.len = count;
        while let [.., (_, a), (_, b)] = self.pieces.as_slice()
            && rows(a) <= 2 * rows(b)
            && rows(a) > 0
        {
            let joined = a.iter().zip(b).map(|(a, b)| concat(&[a.as_ref(), b.as_ref()])).collect::<Result<Vec<_>, _>>()?;
            self.pieces.pop();
            if let Some(last) = self.pieces.last_mut() {
                last.1 = joined;
            }
        }
        Ok(())
    }

    /// The key of an entity; None when it was erased before it could be read.
    pub(crate) fn get(&self, ordinal: u32) -> Option<Vec<Value>> {
        let piece = self.pieces.partition_point(|(first, _)| *first <= ordinal).checked_sub(1)?;
        let (first, columns) = self.pieces.get(piece)?;
        let row = (ordinal - first) as usize;
        let present = !columns.is_empty() && columns.iter().all(|c| row < c.len() && c.is_valid(row));
        present.then(|| columns.iter().map(|c| value_at(c.as_ref(), row)).collect())
    }
}

fn rows(columns: &[ArrayRef]) -> usize {
    columns.first().map_or(0, |c| c.len())
}
