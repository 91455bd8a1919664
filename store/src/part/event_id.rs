//! Ids of events in a file. Ids are texts; when all of a file are spelled alike, it keeps what they spell: 16 bytes of a hash or a
//! UUID, or a number. Hashes for recognising duplicates are then made from the ids, and not kept beside them.

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryArray, Int64Array, StringArray, StringBuilder};
use arrow::buffer::Buffer;
use arrow::datatypes::Int64Type;
use std::fmt::Write;
use std::sync::Arc;

/// The column of ids as they are.
pub(super) const TEXT: &str = "id";
/// 32 digits, such as the hashes of rows that bring no id.
const HEX: &str = "id_hex";
/// `8-4-4-4-12` digits.
const UUID: &str = "id_uuid";
/// Whole numbers.
const NUMBER: &str = "id_number";

/// All names of the column.
pub(super) const NAMES: [&str; 4] = [TEXT, HEX, UUID, NUMBER];

/// Places of the hyphens of a UUID.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// The column to store: its name, which tells how to read it, and its values.
pub(super) fn pack(ids: &StringArray) -> (&'static str, ArrayRef) {
    let packed = hex(ids).map(|a| (HEX, a)).or_else(|| uuid(ids).map(|a| (UUID, a))).or_else(|| number(ids).map(|a| (NUMBER, a)));
    packed.unwrap_or_else(|| (TEXT, Arc::new(ids.clone())))
}

/// The ids of a stored column; None when it is of another type.
pub(super) fn unpack(name: &str, stored: &ArrayRef) -> Option<StringArray> {
    let mut texts = StringBuilder::with_capacity(stored.len(), stored.len() * 36);
    match name {
        TEXT => return stored.as_string_opt::<i32>().cloned(),
        NUMBER => {
            stored.as_primitive_opt::<Int64Type>()?.values().iter().try_for_each(|n| write!(texts, "{n}").map(|()| texts.append_value("")))
        }
        _ => {
            let bytes = stored.as_any().downcast_ref::<FixedSizeBinaryArray>().filter(|a| a.value_length() == 16)?;
            (0..bytes.len()).try_for_each(|row| spell(&mut texts, bytes.value(row), name == UUID).map(|()| texts.append_value("")))
        }
    }
    .ok()?;
    Some(texts.finish())
}

fn spell(text: &mut StringBuilder, bytes: &[u8], hyphens: bool) -> std::fmt::Result {
    let mut digits = [0; 36];
    let mut at = 0;
    for byte in bytes {
        if hyphens && HYPHENS.contains(&at) {
            digits[at] = b'-';
            at += 1;
        }
        for nibble in [byte >> 4, byte & 15] {
            digits[at] = b"0123456789abcdef"[usize::from(nibble)];
            at += 1;
        }
    }
    text.write_str(std::str::from_utf8(&digits[..at]).map_err(|_| std::fmt::Error)?)
}

fn hex(ids: &StringArray) -> Option<ArrayRef> {
    sixteen(ids, |id| u128_of(id.as_bytes().try_into().ok()?))
}

fn uuid(ids: &StringArray) -> Option<ArrayRef> {
    sixteen(ids, |id| {
        let text = id.as_bytes();
        if text.len() != 36 || HYPHENS.iter().any(|at| text[*at] != b'-') {
            return None;
        }
        let mut digits = [0; 32];
        let all = text.iter().enumerate().filter(|(i, _)| !HYPHENS.contains(i)).map(|(_, digit)| *digit);
        digits.iter_mut().zip(all).for_each(|(to, from)| *to = from);
        u128_of(&digits)
    })
}

/// Lower case only: the text must come back as it was.
fn u128_of(digits: &[u8; 32]) -> Option<u128> {
    digits.iter().try_fold(0u128, |all, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(all << 4 | u128::from(value))
    })
}

fn sixteen(ids: &StringArray, read: impl Fn(&str) -> Option<u128>) -> Option<ArrayRef> {
    let mut bytes = Vec::with_capacity(ids.len() * 16);
    for id in ids {
        bytes.extend(read(id?)?.to_be_bytes());
    }
    FixedSizeBinaryArray::try_new(16, Buffer::from_vec(bytes), None).ok().map(|a| Arc::new(a) as ArrayRef)
}

fn number(ids: &StringArray) -> Option<ArrayRef> {
    let canonical = |id: &str| {
        let digits = id.strip_prefix('-').unwrap_or(id);
        let leading = digits.starts_with('0') && id != "0";
        if leading || digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) { None } else { id.parse::<i64>().ok() }
    };
    let numbers: Option<Vec<i64>> = ids.iter().map(|id| canonical(id?)).collect();
    numbers.map(|n| Arc::new(Int64Array::from(n)) as ArrayRef)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_as_they_were() {
        let hash = "00ff3a5b7c9d1e2f00112233445566ff";
        let uuid = "123e4567-e89b-12d3-a456-42661417400f";
        let cases: [(&[&str], &str); 12] = [
            (&[hash, "ffffffffffffffffffffffffffffffff"], HEX),
            (&[hash, "FF"], TEXT),
            (&["00FF3A5B7C9D1E2F00112233445566FF"], TEXT),
            (&[uuid, "00000000-0000-0000-0000-000000000000"], UUID),
            (&[uuid, hash], TEXT),
            (&["123e4567-e89b-12d3-a456-42661417400F"], TEXT),
            (&["0", "-1", "9223372036854775807", "-9223372036854775808"], NUMBER),
            (&["01"], TEXT),
            (&["-0"], TEXT),
            (&["+1"], TEXT),
            (&["9223372036854775808"], TEXT),
            (&["", "1"], TEXT),
        ];
        for (ids, name) in cases {
            let ids = StringArray::from(ids.to_vec());
            let (stored_as, stored) = pack(&ids);
            assert_eq!(stored_as, name, "{ids:?}");
            assert_eq!(unpack(stored_as, &stored).unwrap(), ids);
        }
        assert!(unpack(NUMBER, &(Arc::new(StringArray::from(vec!["1"])) as ArrayRef)).is_none());
    }
}
