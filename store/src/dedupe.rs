//! Ids that were seen: the first row wins, for as long as it is kept.
//!
//! Ids of rows that are in no part yet are here, 20 to 36 bytes each; those of parts are asked of the parts (`part/ids.rs`).

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_128;

/// Of an event id, 128 bits.
pub(crate) fn id_hash(id: &str) -> u128 {
    xxh3_128(id.as_bytes())
}

/// The ids of the rows of one event type that are not in a part.
#[derive(Debug, Default)]
pub(crate) struct IdSet {
    seen: HashTable<u128>,
    /// Of the rows that a checkpoint is writing.
    frozen: HashTable<u128>,
}

impl IdSet {
    pub(crate) fn reserve(&mut self, more: usize) {
        self.seen.reserve(more, spread);
    }

    /// True when it was not there.
    pub(crate) fn insert(&mut self, id: u128) -> bool {
        if !self.frozen.is_empty() && self.frozen.find(spread(&id), |e| *e == id).is_some() {
            return false;
        }
        match self.seen.entry(spread(&id), |e| *e == id, spread) {
            hashbrown::hash_table::Entry::Occupied(_) => false,
            hashbrown::hash_table::Entry::Vacant(place) => {
                place.insert(id);
                true
            }
        }
    }

    pub(crate) fn remove(&mut self, id: u128) {
        for table in [&mut self.seen, &mut self.frozen] {
            if let Ok(found) = table.find_entry(spread(&id), |e| *e == id) {
                found.remove();
            }
        }
    }

    /// All ids so far belong to rows that a checkpoint begins to write.
    pub(crate) fn freeze(&mut self) {
        self.thaw();
        self.frozen = std::mem::take(&mut self.seen);
    }

    /// The rows that were being written are in parts: the parts know their ids.
    pub(crate) fn forget_frozen(&mut self) {
        self.frozen = HashTable::new();
    }

    /// The rows that were being written are not in parts.
    pub(crate) fn thaw(&mut self) {
        for id in std::mem::take(&mut self.frozen) {
            self.seen.insert_unique(spread(&id), id, spread);
        }
    }
}

/// The hash is uniform already.
fn spread(id: &u128) -> u64 {
    *id as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frozen_ids_are_known_until_they_are_in_parts() {
        let mut ids = IdSet::default();
        assert!(ids.insert(1) && !ids.insert(1));
        ids.freeze();
        assert!(!ids.insert(1) && ids.insert(2));
        ids.thaw();
        assert!(!ids.insert(1) && !ids.insert(2));
        ids.freeze();
        ids.remove(2);
        assert!(ids.insert(2));
        ids.forget_frozen();
        assert!(ids.insert(1) && !ids.insert(2));
    }
}
