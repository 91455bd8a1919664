//! Rows of a part that are not there any more: deleted, corrected, erased or expired. The files keep them until the part is rewritten.
//!
//! Readers never see them: rows are numbered as if they had never been.

use arrow::array::BooleanArray;
use arrow::buffer::BooleanBuffer;

/// Which rows of one event type in one part are gone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Deleted {
    alive: BooleanArray,
    count: u32,
}

impl Deleted {
    /// None when no row is gone.
    pub(crate) fn new(rows: u32, before: Option<&Deleted>, gone: impl IntoIterator<Item = u32>) -> Option<Deleted> {
        let mut alive = match before {
            Some(before) => before.alive.values().iter().collect(),
            None => vec![true; rows as usize],
        };
        for row in gone {
            if let Some(row) = alive.get_mut(row as usize) {
                *row = false;
            }
        }
        let alive = BooleanArray::new(BooleanBuffer::from(alive), None);
        let count = (alive.len() - alive.true_count()) as u32;
        (count > 0).then_some(Deleted { alive, count })
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn is_alive(&self, row: u32) -> bool {
        self.alive.value(row as usize)
    }

    /// How many rows before one are there.
    pub(crate) fn alive_before(&self, row: u32) -> u32 {
        self.alive.values().slice(0, row as usize).count_set_bits() as u32
    }

    /// True for the rows that are there.
    pub(crate) fn alive(&self) -> &BooleanArray {
        &self.alive
    }

    /// The rows that are gone.
    pub(crate) fn rows(&self) -> impl Iterator<Item = u32> + '_ {
        self.alive.values().iter().enumerate().filter(|(_, alive)| !alive).map(|(row, _)| row as u32)
    }
}
