//! Ids that were seen: the first row wins.
//!
//! Memory: about 20 to 36 bytes an event of each type that is ingested; filled from the parts at the first ingest of a type.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_128;

/// 128 bits: among ten billion ids two different ones collide with a probability of about 10^-19.
pub(crate) fn id_hash(id: &str) -> u128 {
    xxh3_128(id.as_bytes())
}

/// The ids of one event type.
#[derive(Debug, Default)]
pub(crate) struct IdSet {
    seen: HashTable<u128>,
}

impl IdSet {
    pub(crate) fn reserve(&mut self, more: usize) {
        self.seen.reserve(more, spread);
    }

    pub(crate) fn len(&self) -> usize {
        self.seen.len()
    }

    /// True when it was not there.
    pub(crate) fn insert(&mut self, id: u128) -> bool {
        match self.seen.entry(spread(&id), |e| *e == id, spread) {
            hashbrown::hash_table::Entry::Occupied(_) => false,
            hashbrown::hash_table::Entry::Vacant(place) => {
                place.insert(id);
                true
            }
        }
    }
}

/// The hash is uniform already.
fn spread(id: &u128) -> u64 {
    *id as u64
}
