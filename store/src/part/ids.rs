//! `ids.bin`: which row of a part has which event id, by hash, for recognising duplicates and for finding single events.
//!
//! ```text
//! "EQLi" | version 4 | tables 4 | for each table: event 4 | rows 4 | filter bytes 4 | fence bits 4
//! for each table: filter | fences 4 each | entries: hash 12 | row 4
//! ```
//! Entries are sorted by hash. A split-block Bloom filter of 12 bits an id says no at once for all but about one new id of a hundred;
//! the fences say where the entries of a hash can be, so that one short read decides. Only filter and fences stay in memory:
//! about 1.6 bytes an event.

use crate::StoreError;
use eql_catalog::EventTypeId;
use parquet::bloom_filter::Sbbf;
use std::ops::Range;
use std::path::Path;

const MAGIC: [u8; 4] = *b"EQLi";
const VERSION: u32 = 2;
const ENTRY_BYTES: usize = 16;
/// Entries between two fences, about: a read of one kilobyte.
const FENCE_ROWS: usize = 64;
/// Bytes of one block of the filter.
const BLOCK_BYTES: usize = 32;

/// 96 of the 128 bits of a hash: among ten billion ids two different ones collide with a probability of about 10^-9.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Hash {
    high: u64,
    low: u32,
}

impl Hash {
    fn of(id: u128) -> Hash {
        Hash { high: (id >> 64) as u64, low: (id >> 32) as u32 }
    }

    fn bucket(self, bits: u32) -> usize {
        if bits == 0 { 0 } else { (self.high >> (64 - bits)) as usize }
    }
}

/// Hashes of the ids of one event type, in the order of its rows.
pub(super) fn encode(events: &[(EventTypeId, Vec<u128>)]) -> Vec<u8> {
    let mut head = [MAGIC, VERSION.to_le_bytes(), (events.len() as u32).to_le_bytes()].concat();
    let mut body = Vec::new();
    for (event, ids) in events {
        let blocks = (ids.len() * 12 / 8).div_ceil(BLOCK_BYTES).max(1);
        let bits = (ids.len() / FENCE_ROWS).checked_ilog2().unwrap_or(0);
        for number in [u32::from(event.0), ids.len() as u32, (blocks * BLOCK_BYTES) as u32, bits] {
            head.extend(number.to_le_bytes());
        }
        encode_table(&mut body, ids, blocks, bits);
    }
    [head, body].concat()
}

fn encode_table(body: &mut Vec<u8>, ids: &[u128], blocks: usize, bits: u32) {
    let mut entries: Vec<(Hash, u32)> = ids.iter().enumerate().map(|(row, id)| (Hash::of(*id), row as u32)).collect();
    entries.sort_unstable();
    let mut filter = Sbbf::new(&vec![0; blocks * BLOCK_BYTES]);
    entries.iter().for_each(|(hash, _)| filter.insert(&(hash.high as i64)));
    // Writing to a vector cannot fail.
    _ = filter.write_bitset(&mut *body);
    let mut at = 0;
    for bucket in 0..=1usize << bits {
        at += entries[at..].iter().take_while(|(hash, _)| hash.bucket(bits) < bucket).count();
        body.extend((at as u32).to_le_bytes());
    }
    for (hash, row) in &entries {
        body.extend(hash.high.to_le_bytes());
        body.extend(hash.low.to_le_bytes());
        body.extend(row.to_le_bytes());
    }
}

/// What is kept in memory of the ids of one event type in one part.
#[derive(Debug)]
pub(crate) struct IdIndex {
    event: EventTypeId,
    filter: Sbbf,
    fences: Vec<u32>,
    bits: u32,
    /// Where the entries are in the file.
    entries_at: u64,
}

impl IdIndex {
    pub(super) fn bytes(&self) -> usize {
        self.filter.num_blocks() * BLOCK_BYTES + self.fences.len() * 4
    }

    pub(super) fn event(&self) -> EventTypeId {
        self.event
    }

    /// False: there is no such id.
    pub(super) fn may_have(&self, id: u128) -> bool {
        self.filter.check(&(Hash::of(id).high as i64))
    }

    /// The place of all entries in the file.
    pub(super) fn entries(&self) -> Range<u64> {
        self.place(0..self.fences.last().map_or(0, |f| *f as usize))
    }

    /// The place of the entries among which an id must be.
    pub(super) fn candidates(&self, id: u128) -> Range<u64> {
        self.place(self.rows(id))
    }

    /// The row of an id, looked up in all entries.
    pub(super) fn find(&self, id: u128, entries: &[u8]) -> Option<u32> {
        let rows = self.rows(id);
        find(id, entries.get(rows.start * ENTRY_BYTES..rows.end * ENTRY_BYTES)?)
    }

    fn rows(&self, id: u128) -> Range<usize> {
        let bucket = Hash::of(id).bucket(self.bits);
        self.fences[bucket] as usize..self.fences[bucket + 1] as usize
    }

    fn place(&self, rows: Range<usize>) -> Range<u64> {
        self.entries_at + (rows.start * ENTRY_BYTES) as u64..self.entries_at + (rows.end * ENTRY_BYTES) as u64
    }
}

/// The row of an id among some sorted entries.
pub(super) fn find(id: u128, entries: &[u8]) -> Option<u32> {
    let entries = entries.as_chunks::<ENTRY_BYTES>().0;
    let wanted = Hash::of(id);
    let at = entries.partition_point(|e| hash_of(e) < wanted);
    let entry = entries.get(at).filter(|e| hash_of(e) == wanted)?;
    Some(u32::from_le_bytes([entry[12], entry[13], entry[14], entry[15]]))
}

fn hash_of(entry: &[u8; ENTRY_BYTES]) -> Hash {
    let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = *entry;
    Hash { high: u64::from_le_bytes([a, b, c, d, e, f, g, h]), low: u32::from_le_bytes([i, j, k, l]) }
}

/// The indexes of all event types of a part; the checksum of the file was checked.
pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Vec<IdIndex>, StoreError> {
    decode_tables(bytes).ok_or_else(|| StoreError::damaged(path, 0, "the list of id hashes is broken"))
}

fn decode_tables(bytes: &[u8]) -> Option<Vec<IdIndex>> {
    if bytes.get(..4)? != MAGIC || word(bytes, 4)? != VERSION {
        return None;
    }
    let tables = word(bytes, 8)? as usize;
    let mut at = 12 + tables * 16;
    let mut indexes = Vec::with_capacity(tables.min(1 << 16));
    for table in 0..tables {
        let [event, rows, filter_bytes, bits] = [0, 4, 8, 12].map(|field| word(bytes, 12 + table * 16 + field));
        let (rows, filter_bytes, bits) = (rows? as usize, filter_bytes? as usize, bits?);
        let filter = Sbbf::new(bytes.get(at..at + filter_bytes)?);
        at += filter_bytes;
        let fences = (1usize << bits.min(31)) + 1;
        let fences: Option<Vec<u32>> = (0..fences).map(|i| word(bytes, at + i * 4)).collect();
        let fences = fences?;
        let ordered = fences.windows(2).all(|w| w[0] <= w[1]) && *fences.last()? as usize == rows;
        at += fences.len() * 4;
        bytes.get(at..at + rows * ENTRY_BYTES).filter(|_| ordered)?;
        indexes.push(IdIndex { event: EventTypeId(event? as u16), filter, fences, bits, entries_at: at as u64 });
        at += rows * ENTRY_BYTES;
    }
    Some(indexes)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|w| w.try_into().ok()).map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedupe::id_hash;

    #[test]
    fn every_id_is_found_at_its_row_and_hardly_any_other() {
        for rows in [0, 1, 63, 64, 1000, 20_000] {
            let ids: Vec<u128> = (0..rows).map(|i| id_hash(&format!("id {i}"))).collect();
            let other: Vec<u128> = (0..77).map(|i| id_hash(&format!("other {i}"))).collect();
            let bytes = encode(&[(EventTypeId(3), ids.clone()), (EventTypeId(9), other)]);
            let indexes = decode(Path::new("ids.bin"), &bytes).unwrap();
            let index = indexes.iter().find(|i| i.event() == EventTypeId(3)).unwrap();
            let part = |range: Range<u64>| &bytes[range.start as usize..range.end as usize];
            for (row, id) in ids.iter().enumerate() {
                assert!(index.may_have(*id));
                assert_eq!(find(*id, part(index.candidates(*id))), Some(row as u32));
                assert_eq!(index.find(*id, part(index.entries())), Some(row as u32));
            }
            let unknown: Vec<u128> = (0..10_000).map(|i| id_hash(&format!("unknown {i}"))).collect();
            assert!(unknown.iter().all(|id| find(*id, part(index.candidates(*id))).is_none()));
            let taken = unknown.iter().filter(|id| index.may_have(**id)).count();
            assert!(taken < 300, "{taken} of 10000 pass the filter of {rows} rows");
        }
    }

    #[test]
    fn no_cut_is_taken_for_whole() {
        let ids: Vec<u128> = (0..500).map(|i| id_hash(&i.to_string())).collect();
        let bytes = encode(&[(EventTypeId(0), ids)]);
        assert!((0..bytes.len()).all(|cut| decode(Path::new("ids.bin"), &bytes[..cut]).is_err()));
    }
}
