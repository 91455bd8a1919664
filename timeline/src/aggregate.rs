//! Aggregates over the rows of one entity: counts, sums, extremes, periods, favourites (rules 17, 30, 46, 47).
//!
//! Rows come as row numbers in time order, those with a value only: a missing value takes part in no aggregate but the count of rows.
//! A boolean mask becomes row numbers with [`selected`].

mod exact_sum;
mod top;

pub use exact_sum::ExactSum;
pub use top::{top_by_count, top_by_double, top_by_sum};

use hashbrown::HashSet;
use std::hash::Hash;

/// The row numbers at which a mask is true.
pub fn selected(mask: &[bool]) -> impl Iterator<Item = usize> + '_ {
    mask.iter().enumerate().filter(|(_, chosen)| **chosen).map(|(row, _)| row)
}

/// Number of rows.
pub fn count(rows: impl IntoIterator<Item = usize>) -> u64 {
    rows.into_iter().count() as u64
}

/// Counts different values exactly; keeps its memory from one entity to the next.
#[derive(Clone, Debug)]
pub struct Distinct<T> {
    seen: HashSet<T>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Distinct { seen: HashSet::new() }
    }
}

impl<T: Copy + Eq + Hash> Distinct<T> {
    /// Number of different codes among the rows.
    pub fn count(&mut self, rows: impl IntoIterator<Item = usize>, codes: &[T]) -> u64 {
        self.seen.clear();
        self.seen.extend(rows.into_iter().filter_map(|row| codes.get(row).copied()));
        self.seen.len() as u64
    }
}

/// Exact sum of integers; cannot overflow.
pub fn sum_i64(rows: impl IntoIterator<Item = usize>, values: &[i64]) -> i128 {
    rows.into_iter().filter_map(|row| values.get(row)).map(|&value| i128::from(value)).sum()
}

/// Exact sum of decimals; `None` if it leaves the range of 128 bits.
pub fn sum_i128(rows: impl IntoIterator<Item = usize>, values: &[i128]) -> Option<i128> {
    // Partial sums may overflow though the total fits, in an order that must not matter: a wrapping sum and its count of wraps.
    let mut wraps = 0i64;
    let total = rows.into_iter().filter_map(|row| values.get(row)).fold(0i128, |total, &value| {
        let (sum, wrapped) = total.overflowing_add(value);
        wraps += if wrapped { value.signum() as i64 } else { 0 };
        sum
    });
    (wraps == 0).then_some(total)
}

/// Sum of doubles: exact inside, rounded once, so the same for every order of the rows.
pub fn sum_f64(rows: impl IntoIterator<Item = usize>, values: &[f64]) -> f64 {
    let mut values = rows.into_iter().filter_map(|row| values.get(row)).copied();
    let mut so_far = 0.0;
    while let Some(value) = values.next() {
        // What the addition loses, exactly (Knuth, The Art of Computer Programming 2, 4.2.2, theorem B): mostly nothing.
        let sum: f64 = so_far + value;
        let added = sum - so_far;
        let lost = (so_far - (sum - added)) + (value - added);
        if lost != 0.0 || !sum.is_finite() {
            let mut exact = ExactSum::default();
            [so_far, value].into_iter().chain(values).for_each(|value| exact.add(value));
            return exact.value();
        }
        so_far = sum;
    }
    so_far
}

/// The first row in the sort order.
pub fn first(rows: impl IntoIterator<Item = usize>) -> Option<usize> {
    rows.into_iter().min()
}

/// The last row in the sort order.
pub fn last(rows: impl IntoIterator<Item = usize>) -> Option<usize> {
    rows.into_iter().max()
}

/// The row with the least key; the earliest of several.
pub fn min_row<K: Ord>(rows: impl IntoIterator<Item = usize>, key: impl Fn(usize) -> K) -> Option<usize> {
    rows.into_iter().min_by_key(|&row| (key(row), row))
}

/// The row with the greatest key; the earliest of several.
pub fn max_row<K: Ord>(rows: impl IntoIterator<Item = usize>, key: impl Fn(usize) -> K) -> Option<usize> {
    rows.into_iter().min_by_key(|&row| (std::cmp::Reverse(key(row)), row))
}

/// A key that orders doubles by value, −0 below 0 and NaN last.
pub fn double_key(value: f64) -> i64 {
    let bits = if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() } as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// Number of different periods: `ON AT LEAST n DAYS`. Rows come in time order, so periods never decrease.
pub fn distinct_periods(rows: impl IntoIterator<Item = usize>, periods: &[i64]) -> u64 {
    let mut last = None;
    rows.into_iter().filter_map(|row| periods.get(row)).filter(|&&period| last.replace(period) != Some(period)).count() as u64
}

/// Longest run of consecutive periods: `streak(event BY day)`; none is 0. Rows come in time order.
pub fn streak(rows: impl IntoIterator<Item = usize>, periods: &[i64]) -> u64 {
    let (mut longest, mut length) = (0, 0);
    let mut last: Option<i64> = None;
    for &period in rows.into_iter().filter_map(|row| periods.get(row)) {
        length = match last.map(|last| period.wrapping_sub(last)) {
            Some(0) => length,
            Some(1) => length + 1,
            _ => 1,
        };
        last = Some(period);
        longest = longest.max(length);
    }
    longest
}

/// The `k`-th most recent time (µs) among the rows, 1 being the latest; `None` with fewer rows or `k` = 0.
pub fn kth_most_recent(rows: impl IntoIterator<Item = usize>, time: &[i64], k: usize) -> Option<i64> {
    let mut times: Vec<i64> = rows.into_iter().filter_map(|row| time.get(row).copied()).collect();
    let place = times.len().checked_sub(k).filter(|_| k > 0)?;
    Some(*times.select_nth_unstable(place).1)
}
