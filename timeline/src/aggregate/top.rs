//! The favourites: `top(x, n BY …)` (rule 47).

use super::ExactSum;
use super::double_key;
use hashbrown::HashMap;

/// The `n` codes with the most rows; ties by the order of values, given as a rank for each code (the code itself without one).
pub fn top_by_count(rows: impl IntoIterator<Item = usize>, codes: &[u32], rank: Option<&[u32]>, n: usize) -> Vec<u32> {
    let mut weights: HashMap<u32, i128> = HashMap::new();
    for &code in rows.into_iter().filter_map(|row| codes.get(row)) {
        *weights.entry(code).or_default() += 1;
    }
    best(weights, rank, n)
}

/// The `n` codes with the greatest sum of integers.
pub fn top_by_sum(rows: impl IntoIterator<Item = usize>, codes: &[u32], values: &[i64], rank: Option<&[u32]>, n: usize) -> Vec<u32> {
    let mut weights: HashMap<u32, i128> = HashMap::new();
    for row in rows {
        if let (Some(&code), Some(&value)) = (codes.get(row), values.get(row)) {
            *weights.entry(code).or_default() += i128::from(value);
        }
    }
    best(weights, rank, n)
}

/// The `n` codes with the greatest sum of doubles.
pub fn top_by_double(rows: impl IntoIterator<Item = usize>, codes: &[u32], values: &[f64], rank: Option<&[u32]>, n: usize) -> Vec<u32> {
    let mut sums: HashMap<u32, ExactSum> = HashMap::new();
    for row in rows {
        if let (Some(&code), Some(&value)) = (codes.get(row), values.get(row)) {
            sums.entry(code).or_default().add(value);
        }
    }
    let weights = sums.into_iter().map(|(code, sum)| (code, i128::from(double_key(sum.value())))).collect();
    best(weights, rank, n)
}

fn best(weights: HashMap<u32, i128>, rank: Option<&[u32]>, n: usize) -> Vec<u32> {
    let place = |code: u32| rank.and_then(|rank| rank.get(code as usize).copied()).unwrap_or(code);
    let mut codes: Vec<(u32, i128)> = weights.into_iter().collect();
    codes.sort_unstable_by_key(|&(code, weight)| (std::cmp::Reverse(weight), place(code), code));
    codes.truncate(n);
    codes.into_iter().map(|(code, _)| code).collect()
}
