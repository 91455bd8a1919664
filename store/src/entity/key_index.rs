//! Key → ordinal, in memory: a look-up in the key-value store for every participant would cap ingest.
//!
//! Memory: about 20 bytes an entity for one integer key; the key's bytes and about 20 more otherwise.

use crate::StoreError;
use arrow::array::{Array, ArrayRef, AsArray, StringArray, UInt32Array};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use arrow::row::{RowConverter, Rows, SortField};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// Keys that are loaded at a time: what is made of them on the way stays small.
const LOAD_ROWS: usize = 1 << 16;

/// Ordinals by key, dense from 0 in the order of arrival.
#[derive(Debug)]
pub(crate) struct KeyIndex {
    /// Seeded at random, so that nobody can choose keys that collide.
    hasher: DefaultHashBuilder,
    len: u32,
    map: Map,
}

#[derive(Debug)]
enum Map {
    /// One key column of 64-bit integers.
    Int(HashTable<(i64, u32)>),
    /// Anything else, as bytes: text as it is, other columns in the row format.
    Bytes(Box<BytesMap>),
}

#[derive(Debug)]
struct BytesMap {
    /// Upper half of the hash, ordinal: the half decides nearly always without touching the bytes.
    table: HashTable<(u32, u32)>,
    data: Vec<u8>,
    ends: Vec<u64>,
    converter: Option<RowConverter>,
}

/// What became of keys handed in.
pub(crate) struct Resolved {
    /// NULL where the key is NULL.
    pub(crate) ordinals: UInt32Array,
    /// Rows whose keys were new, in the order of their ordinals.
    pub(crate) new_rows: Vec<u32>,
}

impl KeyIndex {
    pub(crate) fn new(types: &[DataType]) -> Result<KeyIndex, StoreError> {
        let map = match types {
            [DataType::Int64 | DataType::Timestamp(TimeUnit::Microsecond, _)] => Map::Int(HashTable::new()),
            [DataType::Utf8] => Map::Bytes(Box::new(BytesMap::new(None))),
            types => {
                let fields = types.iter().map(|t| SortField::new(t.clone())).collect();
                Map::Bytes(Box::new(BytesMap::new(Some(RowConverter::new(fields)?))))
            }
        };
        Ok(KeyIndex { hasher: DefaultHashBuilder::default(), len: 0, map })
    }

    /// The index of keys that are there already: the row is the ordinal, and a NULL key has none. None when a key is there twice.
    pub(crate) fn of(types: &[DataType], keys: &[ArrayRef]) -> Result<Option<KeyIndex>, StoreError> {
        let mut index = KeyIndex::new(types)?;
        let rows = keys.first().map_or(0, |k| k.len());
        index.reserve(rows);
        for start in (0..rows).step_by(LOAD_ROWS) {
            let piece: Vec<ArrayRef> = keys.iter().map(|k| k.slice(start, LOAD_ROWS.min(rows - start))).collect();
            if !index.load(&piece)? {
                return Ok(None);
            }
        }
        Ok(Some(index))
    }

    fn reserve(&mut self, rows: usize) {
        let KeyIndex { hasher, map, .. } = self;
        match map {
            Map::Int(table) => table.reserve(rows, |e| hasher.hash_one(e.0)),
            Map::Bytes(map) => {
                let BytesMap { table, data, ends, .. } = &mut **map;
                table.reserve(rows, |e| hasher.hash_one(stored(data, ends, e.1)));
                ends.reserve(rows);
            }
        }
    }

    /// False when a key is there already.
    fn load(&mut self, keys: &[ArrayRef]) -> Result<bool, StoreError> {
        let rows = keys.first().map_or(0, |k| k.len());
        let nulls = key_nulls(keys);
        let KeyIndex { hasher, len, map } = self;
        let valid = |i: usize| nulls.as_ref().is_none_or(|n| n.is_valid(i));
        let mut fresh = true;
        match map {
            Map::Int(table) => {
                let values = int_values(keys);
                for (i, key) in values.iter().enumerate() {
                    fresh &= !valid(i) || insert_int(table, hasher, *key, *len) == *len;
                    *len += 1;
                }
            }
            Map::Bytes(map) => {
                let bytes = KeyBytes::of(map.converter.as_ref(), keys)?;
                let BytesMap { table, data, ends, .. } = &mut **map;
                for i in 0..rows {
                    if valid(i) {
                        fresh &= insert_bytes(table, data, ends, hasher, bytes.get(i), *len) == *len;
                    } else {
                        ends.push(data.len() as u64);
                    }
                    *len += 1;
                }
            }
        }
        Ok(fresh)
    }

    /// Ordinals of known keys below `len`; NULL for others.
    pub(crate) fn lookup(&self, keys: &[ArrayRef], len: u32) -> Result<UInt32Array, StoreError> {
        let rows = keys.first().map_or(0, |k| k.len());
        let nulls = key_nulls(keys);
        let valid = |i: usize| nulls.as_ref().is_none_or(|n| n.is_valid(i));
        let found = |o: Option<u32>| o.filter(|o| *o < len);
        Ok(match &self.map {
            Map::Int(table) => {
                let values = int_values(keys);
                (0..rows).map(|i| if valid(i) { found(self.find_int(table, values[i])) } else { None }).collect()
            }
            Map::Bytes(map) => {
                let bytes = KeyBytes::of(map.converter.as_ref(), keys)?;
                (0..rows).map(|i| if valid(i) { found(self.find_bytes(map, bytes.get(i))) } else { None }).collect()
            }
        })
    }

    /// Ordinals of all keys; unknown ones get the next ordinals in the order of rows.
    pub(crate) fn resolve(&mut self, keys: &[ArrayRef]) -> Result<Resolved, StoreError> {
        let rows = keys.first().map_or(0, |k| k.len());
        let nulls = key_nulls(keys);
        let mut ordinals = vec![0; rows];
        let mut new_rows = Vec::new();
        let KeyIndex { hasher, len, map } = self;
        let valid = |i: usize| nulls.as_ref().is_none_or(|n| n.is_valid(i));
        match map {
            Map::Int(table) => {
                let values = int_values(keys);
                for (i, ordinal) in ordinals.iter_mut().enumerate().filter(|(i, _)| valid(*i)) {
                    *ordinal = insert_int(table, hasher, values[i], *len);
                    note_new(ordinal, len, i, &mut new_rows);
                }
            }
            Map::Bytes(map) => {
                let bytes = KeyBytes::of(map.converter.as_ref(), keys)?;
                for (i, ordinal) in ordinals.iter_mut().enumerate().filter(|(i, _)| valid(*i)) {
                    *ordinal = insert_bytes(&mut map.table, &mut map.data, &mut map.ends, hasher, bytes.get(i), *len);
                    note_new(ordinal, len, i, &mut new_rows);
                }
            }
        }
        Ok(Resolved { ordinals: UInt32Array::new(ScalarBuffer::from(ordinals), nulls), new_rows })
    }

    /// An ordinal without a key.
    pub(crate) fn skip(&mut self) -> u32 {
        if let Map::Bytes(map) = &mut self.map {
            map.ends.push(map.data.len() as u64);
        }
        self.len += 1;
        self.len - 1
    }

    /// Keys that are unknown from now on. Their ordinals are not given again.
    pub(crate) fn forget(&mut self, keys: &[ArrayRef]) -> Result<(), StoreError> {
        let rows = keys.first().map_or(0, |k| k.len());
        let nulls = key_nulls(keys);
        let KeyIndex { hasher, map, .. } = self;
        let valid = |i: &usize| nulls.as_ref().is_none_or(|n| n.is_valid(*i));
        match map {
            Map::Int(table) => {
                let values = int_values(keys);
                for i in (0..rows).filter(valid) {
                    if let Ok(entry) = table.find_entry(hasher.hash_one(values[i]), |e| e.0 == values[i]) {
                        entry.remove();
                    }
                }
            }
            Map::Bytes(map) => {
                let bytes = KeyBytes::of(map.converter.as_ref(), keys)?;
                let BytesMap { table, data, ends, .. } = &mut **map;
                for i in (0..rows).filter(valid) {
                    let (key, hash) = (bytes.get(i), hasher.hash_one(bytes.get(i)));
                    if let Ok(entry) = table.find_entry(hash, |e| e.0 == upper(hash) && stored(data, ends, e.1) == key) {
                        let ordinal = entry.remove().0.1 as usize;
                        let start = if ordinal == 0 { 0 } else { ends[ordinal - 1] };
                        data[start as usize..ends[ordinal] as usize].fill(0);
                    }
                }
            }
        }
        Ok(())
    }

    fn find_int(&self, table: &HashTable<(i64, u32)>, key: i64) -> Option<u32> {
        table.find(self.hasher.hash_one(key), |e| e.0 == key).map(|e| e.1)
    }

    fn find_bytes(&self, map: &BytesMap, key: &[u8]) -> Option<u32> {
        let hash = self.hasher.hash_one(key);
        map.table.find(hash, |e| e.0 == upper(hash) && stored(&map.data, &map.ends, e.1) == key).map(|e| e.1)
    }
}

impl BytesMap {
    fn new(converter: Option<RowConverter>) -> BytesMap {
        BytesMap { table: HashTable::new(), data: Vec::new(), ends: Vec::new(), converter }
    }
}

fn note_new(ordinal: &u32, len: &mut u32, row: usize, new_rows: &mut Vec<u32>) {
    if *ordinal == *len {
        *len += 1;
        new_rows.push(row as u32);
    }
}

fn insert_int(table: &mut HashTable<(i64, u32)>, hasher: &DefaultHashBuilder, key: i64, next: u32) -> u32 {
    let hash = hasher.hash_one(key);
    table.entry(hash, |e| e.0 == key, |e| hasher.hash_one(e.0)).or_insert((key, next)).get().1
}

fn insert_bytes(
    table: &mut HashTable<(u32, u32)>,
    data: &mut Vec<u8>,
    ends: &mut Vec<u64>,
    hasher: &DefaultHashBuilder,
    key: &[u8],
    next: u32,
) -> u32 {
    let hash = hasher.hash_one(key);
    if let Some(entry) = table.find(hash, |e| e.0 == upper(hash) && stored(data, ends, e.1) == key) {
        return entry.1;
    }
    data.extend_from_slice(key);
    ends.push(data.len() as u64);
    table.insert_unique(hash, (upper(hash), next), |e| hasher.hash_one(stored(data, ends, e.1)));
    next
}

fn upper(hash: u64) -> u32 {
    (hash >> 32) as u32
}

fn stored<'a>(data: &'a [u8], ends: &[u64], ordinal: u32) -> &'a [u8] {
    let i = ordinal as usize;
    let start = if i == 0 { 0 } else { ends[i - 1] };
    &data[start as usize..ends[i] as usize]
}

/// The bytes of key columns, row by row.
enum KeyBytes<'a> {
    Text(&'a StringArray),
    Rows(Rows),
}

impl<'a> KeyBytes<'a> {
    fn of(converter: Option<&RowConverter>, keys: &'a [ArrayRef]) -> Result<KeyBytes<'a>, StoreError> {
        Ok(match (converter, keys) {
            (Some(converter), keys) => KeyBytes::Rows(converter.convert_columns(keys)?),
            (None, keys) => KeyBytes::Text(keys[0].as_string()),
        })
    }

    fn get(&self, i: usize) -> &[u8] {
        match self {
            KeyBytes::Text(texts) => texts.value(i).as_bytes(),
            KeyBytes::Rows(rows) => rows.row(i).data(),
        }
    }
}

/// A key is NULL when any of its columns is.
fn key_nulls(keys: &[ArrayRef]) -> Option<NullBuffer> {
    keys.iter()
        .fold(None, |all: Option<NullBuffer>, k| NullBuffer::union(all.as_ref(), k.logical_nulls().as_ref()))
        .filter(|n| n.null_count() > 0)
}

fn int_values(keys: &[ArrayRef]) -> &[i64] {
    match keys[0].data_type() {
        DataType::Int64 => keys[0].as_primitive::<Int64Type>().values(),
        _ => keys[0].as_primitive::<TimestampMicrosecondType>().values(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Date32Array, Int64Array};
    use std::sync::Arc;

    fn check(keys: &[Vec<ArrayRef>], expected: &[Vec<Option<u32>>]) {
        let types: Vec<DataType> = keys[0].iter().map(|k| k.data_type().clone()).collect();
        let mut index = KeyIndex::new(&types).unwrap();
        for (keys, expected) in keys.iter().zip(expected) {
            let expected = UInt32Array::from(expected.clone());
            assert_eq!(index.resolve(keys).unwrap().ordinals, expected);
            assert_eq!(index.lookup(keys, u32::MAX).unwrap(), expected);
        }
        let none = index.lookup(&keys[0], 0).unwrap();
        assert_eq!(none.null_count(), none.len());
    }

    #[test]
    fn ordinals_are_dense_in_order_of_arrival() {
        let ints = |v: Vec<Option<i64>>| vec![Arc::new(Int64Array::from(v)) as ArrayRef];
        check(
            &[ints(vec![Some(7), None, Some(-1), Some(7)]), ints(vec![Some(3), Some(-1)])],
            &[vec![Some(0), None, Some(1), Some(0)], vec![Some(2), Some(1)]],
        );
        let texts = |v: Vec<Option<&str>>| vec![Arc::new(StringArray::from(v)) as ArrayRef];
        check(
            &[texts(vec![Some("a"), Some(""), None]), texts(vec![Some(""), Some("b")])],
            &[vec![Some(0), Some(1), None], vec![Some(1), Some(2)]],
        );
        let both = |v: Vec<Option<i64>>, d: Vec<Option<i32>>| {
            vec![Arc::new(Int64Array::from(v)) as ArrayRef, Arc::new(Date32Array::from(d)) as ArrayRef]
        };
        check(&[both(vec![Some(1), Some(1), None], vec![Some(2), Some(3), Some(3)])], &[vec![Some(0), Some(1), None]]);
    }
}
