//! Ids of events that bring none: equal content gives equal ids, in every release, so that importing again changes nothing.

use super::text::write_json;
use crate::source::Kind;
use arrow::array::*;
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use hashbrown::HashMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128, xxh3_128_with_seed};

/// How often each content was seen in this import or call, by the first 64 bits of its hash: a chance equality only gives a higher ordinal.
#[derive(Debug, Default)]
pub(crate) struct Ordinals {
    seen: HashMap<(u32, u64), u32>,
    /// The call of each raw row, where rows of several are admitted together.
    calls: Vec<u32>,
}

impl Ordinals {
    /// Each call counts by itself.
    pub(crate) fn by_call(calls: Vec<u32>) -> Ordinals {
        Ordinals { seen: HashMap::new(), calls }
    }

    fn next(&mut self, raw_row: u32, hash: u64) -> u32 {
        let call = self.calls.get(raw_row as usize).copied().unwrap_or_default();
        *self.seen.entry((call, hash)).and_modify(|n| *n += 1).or_insert(0)
    }
}

/// A hash of each row's values, by column name in alphabetical order. NULL and absent are the same.
pub(crate) fn content(event: &str, columns: &mut [(&str, &ArrayRef)], rows: usize) -> Vec<u128> {
    columns.sort_by_key(|(name, _)| *name);
    let mut hashes = vec![xxh3_128(event.as_bytes()); rows];
    columns.iter().for_each(|(name, values)| fold(&mut hashes, xxh3_64(name.as_bytes()), values));
    hashes
}

fn fold(hashes: &mut [u128], seed: u64, values: &ArrayRef) {
    macro_rules! fixed {
        ($type:ty) => {{
            let typed = values.as_primitive::<$type>();
            each(hashes, values, seed, |row, out| out.extend_from_slice(&typed.value(row).to_le_bytes()))
        }};
    }
    match values.data_type() {
        DataType::Int64 => fixed!(Int64Type),
        DataType::Float64 => fixed!(Float64Type),
        DataType::Decimal128(_, _) => fixed!(Decimal128Type),
        DataType::Date32 => fixed!(Date32Type),
        DataType::Timestamp(_, _) => fixed!(TimestampMicrosecondType),
        DataType::Boolean => {
            let bits = values.as_boolean();
            each(hashes, values, seed, |row, out| out.push(u8::from(bits.value(row))));
        }
        DataType::Utf8 => {
            let texts = values.as_string::<i32>();
            each(hashes, values, seed, |row, out| out.extend_from_slice(texts.value(row).as_bytes()));
        }
        _ => each(hashes, values, seed, |row, out| {
            let mut text = String::new();
            write_json(values, Kind::Typed, row, &mut text);
            out.extend_from_slice(text.as_bytes());
        }),
    }
}

fn each(hashes: &mut [u128], values: &ArrayRef, seed: u64, mut write: impl FnMut(usize, &mut Vec<u8>)) {
    let mut bytes = Vec::with_capacity(64);
    for (row, hash) in hashes.iter_mut().enumerate() {
        if values.is_valid(row) {
            bytes.clear();
            bytes.extend_from_slice(&hash.to_le_bytes());
            write(row, &mut bytes);
            *hash = xxh3_128_with_seed(&bytes, seed);
        }
    }
}

/// The ids given, and hashes with the ordinal among equal rows where none is given. `rows` are the places in the raw batch.
pub(crate) fn ids(
    given: Option<&StringArray>,
    hashes: &[u128],
    rows: &UInt32Array,
    ordinals: &mut Ordinals,
) -> Result<StringArray, ArrowError> {
    let mut text = Vec::with_capacity(hashes.len() * 32);
    let mut offsets = Vec::with_capacity(hashes.len() + 1);
    offsets.push(0i32);
    for (row, hash) in hashes.iter().enumerate() {
        match given.filter(|g| g.is_valid(row)) {
            Some(given) => text.extend_from_slice(given.value(row).as_bytes()),
            None => {
                let ordinal = ordinals.next(rows.value(row), *hash as u64);
                push_hex(&mut text, xxh3_128_with_seed(&hash.to_le_bytes(), u64::from(ordinal)));
            }
        }
        offsets.push(text.len() as i32);
    }
    StringArray::try_new(OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(text), None)
}

fn push_hex(text: &mut Vec<u8>, hash: u128) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.extend(hash.to_be_bytes().iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]));
}

/// Several texts joined by a comma; NULL where all are NULL.
pub(crate) fn joined(parts: &[StringArray]) -> Option<StringArray> {
    let (first, rest) = parts.split_first()?;
    if rest.is_empty() {
        return Some(first.clone());
    }
    let one = |row: usize| {
        let text = |p: &StringArray| if p.is_valid(row) { p.value(row).to_string() } else { String::new() };
        parts.iter().any(|p| p.is_valid(row)).then(|| parts.iter().map(text).collect::<Vec<_>>().join(","))
    };
    Some((0..first.len()).map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_hash_of_a_row_is_a_promise() {
        let (a, b): (ArrayRef, ArrayRef) =
            (Arc::new(Int64Array::from(vec![Some(1), None, Some(1)])), Arc::new(StringArray::from(vec!["x", "y", "x"])));
        let hashes = content("e", &mut [("b", &b), ("a", &a)], 3);
        let mut ordinals = Ordinals::default();
        let found = ids(None, &hashes, &UInt32Array::from(vec![0, 1, 2]), &mut ordinals).expect("ids");
        let expected = ["00e0d992a39ac3220bc5799fd9ea649d", "697420b374aa4e4c6c8933999807a5bc", "b8abbb947bd17c0f13c46274ed92d0e0"];
        assert_eq!(found.iter().flatten().collect::<Vec<_>>(), expected);
        let nulls: ArrayRef = new_null_array(&DataType::Int64, 3);
        assert_eq!(content("e", &mut [("a", &a), ("b", &b), ("c", &nulls)], 3), hashes);
    }
}
