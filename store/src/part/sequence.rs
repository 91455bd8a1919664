//! Sequence numbers of a part, as far as the order of times does not tell them. Events mostly arrive in the order of their times: then
//! the rank of a row's time among all rows of the part is its number, and nothing is stored. What differs is stored as an offset.

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, UInt64Array};
use arrow::datatypes::{Int64Type, UInt64Type};
use std::sync::Arc;

/// The column of numbers as they are.
const WHOLE: &str = "seq";
/// The column of differences from what the times tell.
const OFFSET: &str = "seq_offset";

/// All names of the column. It may be absent: then the times tell everything.
pub(super) const NAMES: [&str; 2] = [WHOLE, OFFSET];

/// What the times of all rows of a part tell of their numbers, when these go from `first` to `last`. Integers only: a part is read on
/// another machine than it was written on.
pub(super) fn guess(times: &[i64], (first, last): (u64, u64)) -> Vec<u64> {
    let steps = times.len().saturating_sub(1) as u64;
    let span = last.saturating_sub(first);
    let number = |rank: u64| match rank.checked_mul(span) {
        _ if span == steps => first + rank,
        Some(product) => first + product / steps.max(1),
        None => first + (u128::from(rank) * u128::from(span) / u128::from(steps.max(1))) as u64,
    };
    let mut guessed = vec![0; times.len()];
    for (rank, row) in by_time(times).into_iter().enumerate() {
        guessed[row as usize] = number(rank as u64);
    }
    guessed
}

/// Rows in the order of times, and of rows where these are equal.
fn by_time(times: &[i64]) -> Vec<u32> {
    let (min, max) = (times.iter().min().copied().unwrap_or(0), times.iter().max().copied().unwrap_or(0));
    let row_bits = u64::BITS - (times.len() as u64).leading_zeros();
    if row_bits + (u64::BITS - max.abs_diff(min).leading_zeros()) <= u64::BITS {
        // Time and row in one word: sorts three times as fast as pairs.
        let mut words: Vec<u64> = times.iter().enumerate().map(|(row, time)| time.abs_diff(min) << row_bits | row as u64).collect();
        words.sort_unstable();
        return words.into_iter().map(|word| (word & ((1 << row_bits) - 1)) as u32).collect();
    }
    let mut rows: Vec<u32> = (0..times.len() as u32).collect();
    rows.sort_by_key(|row| times[*row as usize]);
    rows
}

/// The column to store for some rows, by name; None when the guess is right.
pub(super) fn pack(numbers: &[u64], guessed: &[u64]) -> Option<(&'static str, ArrayRef)> {
    let offsets: Vec<i64> = numbers.iter().zip(guessed).map(|(n, g)| n.wrapping_sub(*g) as i64).collect();
    if offsets.iter().all(|o| *o == 0) {
        return None;
    }
    let whole = bits(numbers.windows(2).map(|w| w[1].abs_diff(w[0])));
    let packed = bits(offsets.windows(2).map(|w| w[1].abs_diff(w[0])));
    Some(match packed < whole {
        true => (OFFSET, Arc::new(Int64Array::from(offsets))),
        false => (WHOLE, Arc::new(UInt64Array::from(numbers.to_vec()))),
    })
}

/// What deltas of this size take, roughly.
fn bits(deltas: impl Iterator<Item = u64>) -> u64 {
    deltas.map(|d| u64::from(u64::BITS - d.leading_zeros())).sum()
}

/// The numbers of some rows; None when the column is of another type or length.
pub(super) fn unpack(stored: Option<(&str, ArrayRef)>, guessed: Vec<u64>) -> Option<UInt64Array> {
    match stored {
        None => Some(guessed.into()),
        Some((WHOLE, numbers)) => numbers.as_primitive_opt::<UInt64Type>().filter(|n| n.len() == guessed.len()).cloned(),
        Some((_, offsets)) => {
            let offsets = offsets.as_primitive_opt::<Int64Type>().filter(|o| o.len() == guessed.len())?;
            Some(guessed.iter().zip(offsets.values()).map(|(g, o)| g.wrapping_add(*o as u64)).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(times: &[i64], numbers: &[u64]) -> Option<&'static str> {
        let ends = (numbers.iter().min().copied().unwrap_or(0), numbers.iter().max().copied().unwrap_or(0));
        let guessed = guess(times, ends);
        let packed = pack(numbers, &guessed);
        let name = packed.as_ref().map(|(name, _)| *name);
        assert_eq!(unpack(packed, guessed).unwrap().values(), numbers);
        name
    }

    #[test]
    fn what_the_times_tell_is_not_stored() {
        assert_eq!(stored(&[], &[]), None);
        assert_eq!(stored(&[5], &[9]), None);
        assert_eq!(stored(&[10, 40, 20, 30], &[100, 103, 101, 102]), None, "in the order of times");
        assert_eq!(stored(&[10, 40, 20, 30], &[100, 130, 110, 120]), None, "every tenth");
        assert_eq!(stored(&[i64::MIN, i64::MAX, 0], &[0, u64::MAX, u64::MAX / 2]), None, "extremes");
    }

    #[test]
    fn what_they_do_not_tell_comes_back() {
        let rows = 1000u64;
        let times: Vec<i64> = (0..rows as i64).map(|i| i * 7919 % 1009).collect();
        let mut numbers = guess(&times, (5, 5 + rows - 1));
        numbers.swap(3, 4);
        assert_eq!(stored(&times, &numbers), Some(OFFSET), "two of equal time");
        let in_order: Vec<u64> = (0..rows).collect();
        assert_eq!(stored(&times, &in_order), Some(WHOLE), "in the order of rows, whatever the times");
        let wild: Vec<u64> = (0..rows).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
        stored(&times, &wild);
    }

    #[test]
    fn equal_times_are_in_the_order_of_rows_however_far_they_lie() {
        for far in [1, i64::MAX / 2] {
            assert_eq!(by_time(&[far, -far, far, -far]), [1, 3, 0, 2]);
        }
    }
}
