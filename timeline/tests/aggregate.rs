//! Aggregates: golden cases, and laws against obvious twins.

use eql_timeline::aggregate::*;
use proptest::prelude::*;

#[test]
fn rule_17_no_rows() {
    let none = || std::iter::empty::<usize>();
    assert_eq!((count(none()), sum_i64(none(), &[]), sum_f64(none(), &[])), (0, 0, 0.0));
    assert_eq!((first(none()), last(none()), min_row(none(), |row| row), kth_most_recent(none(), &[], 1)), (None, None, None, None));
    assert_eq!((streak(none(), &[]), distinct_periods(none(), &[])), (0, 0));
}

#[test]
fn rule_46_sums_are_exact() {
    assert_eq!(sum_i64(0..2, &[i64::MAX, i64::MAX]), 2 * i128::from(i64::MAX));
    // The partial sum overflows, the total does not.
    assert_eq!(sum_i128(0..3, &[i128::MAX, 1, -1]), Some(i128::MAX));
    assert_eq!(sum_i128(0..2, &[i128::MAX, 1]), None);
    assert_eq!(sum_f64(0..4, &[1e308, 1e308, -1e308, -1e308]), 0.0);
    assert_eq!(sum_f64(0..3, &[1e16, 1.0, -1e16]), 1.0);
    assert_eq!(sum_f64(0..10, &[0.1; 10]), 1.0);
    assert_eq!(sum_f64(0..2, &[f64::MAX, f64::MAX]), f64::INFINITY);
    assert_eq!(sum_f64(0..2, &[5e-324, 5e-324]), 1e-323);
    assert!(sum_f64(0..2, &[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
    // Halves go to the even neighbour; a speck more goes up.
    assert_eq!(sum_f64(0..2, &[9_007_199_254_740_992.0, 1.0]), 9_007_199_254_740_992.0);
    assert_eq!(sum_f64(0..3, &[9_007_199_254_740_992.0, 1.0, 5e-324]), 9_007_199_254_740_994.0);
}

#[test]
fn rule_47_streaks_and_periods() {
    assert_eq!(streak(0..7, &[1, 1, 2, 3, 5, 6, 6]), 3);
    assert_eq!(distinct_periods(0..7, &[1, 1, 2, 3, 5, 6, 6]), 5);
}

#[test]
fn rule_47_favourites() {
    let codes = [2, 1, 2, 1, 3];
    assert_eq!(top_by_count(0..5, &codes, None, 2), [1, 2]);
    assert_eq!(top_by_count(0..5, &codes, Some(&[0, 9, 5, 1]), 2), [2, 1]);
    assert_eq!(top_by_sum(0..5, &codes, &[1, 1, 1, 1, 7], None, 1), [3]);
    assert_eq!(top_by_double(0..5, &codes, &[-1.0, 0.5, -1.0, 0.25, 0.0], None, 9), [1, 3, 2]);
}

#[test]
fn extremes_take_the_earliest_of_equals() {
    let values = [3, 1, 3, 1];
    assert_eq!((min_row(0..4, |row| values[row]), max_row(0..4, |row| values[row])), (Some(1), Some(0)));
    assert!(double_key(-1.0) < double_key(-0.5) && double_key(-0.0) < double_key(0.0) && double_key(f64::MAX) < double_key(f64::NAN));
}

/// A double as a whole number of 2⁻⁸⁰, for doubles of a modest range.
fn fixed(value: f64) -> i128 {
    let bits = value.abs().to_bits();
    let exponent = (bits >> 52) as i32 - 1075;
    let mantissa = i128::from((bits & ((1 << 52) - 1)) | 1 << 52);
    let magnitude = if value == 0.0 { 0 } else { mantissa << (exponent + 80) };
    if value < 0.0 { -magnitude } else { magnitude }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_exact_sum_is_the_rounded_true_sum(values in prop::collection::vec((-1_000_000i64..1_000_000, 0i32..27), 0..20)) {
        let values: Vec<f64> = values.into_iter().map(|(n, shift)| n as f64 / f64::from(1 << shift)).collect();
        // `as f64` rounds to nearest, ties to even.
        let wanted = values.iter().map(|&value| fixed(value)).sum::<i128>() as f64 / 2f64.powi(80);
        prop_assert_eq!(sum_f64(0..values.len(), &values), wanted);
    }

    #[test]
    fn the_exact_sum_is_free_of_order(bits in prop::collection::vec(any::<u64>(), 0..30), cut in 0usize..30) {
        let values: Vec<f64> = bits.into_iter().map(f64::from_bits).collect();
        let forward = sum_f64(0..values.len(), &values);
        let backward = sum_f64((0..values.len()).rev(), &values);
        prop_assert!(forward.to_bits() == backward.to_bits() || (forward.is_nan() && backward.is_nan()));
        let (mut left, mut right) = (ExactSum::default(), ExactSum::default());
        for (row, &value) in values.iter().enumerate() {
            if row < cut { left.add(value) } else { right.add(value) }
        }
        left.merge(&right);
        prop_assert!(forward.to_bits() == left.value().to_bits() || (forward.is_nan() && left.value().is_nan()));
    }

    #[test]
    fn one_double_comes_back(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        prop_assume!(!value.is_nan() && value != 0.0);
        prop_assert_eq!(sum_f64(0..1, &[value]).to_bits(), bits);
        let (below, above) = (value, f64::from_bits(bits ^ 1));
        prop_assert_eq!(below < above, double_key(below) < double_key(above));
    }

    #[test]
    fn counts_and_order_statistics(codes in prop::collection::vec(0u32..6, 0..20), k in 0usize..8) {
        let set: std::collections::BTreeSet<u32> = codes.iter().copied().collect();
        prop_assert_eq!(Distinct::default().count(0..codes.len(), &codes), set.len() as u64);
        let time: Vec<i64> = codes.iter().map(|&code| i64::from(code)).collect();
        let mut sorted = time.clone();
        sorted.sort_unstable_by_key(|&t| std::cmp::Reverse(t));
        let wanted = k.checked_sub(1).and_then(|place| sorted.get(place).copied());
        prop_assert_eq!(kth_most_recent(0..time.len(), &time, k), wanted);
        let days: Vec<i64> = { let mut days = time; days.sort_unstable(); days };
        let longest = (0..6).flat_map(|low| (low..6).map(move |high| (low, high)))
            .filter(|&(low, high)| (low..=high).all(|day| days.contains(&day))).map(|(low, high)| high - low + 1).max().unwrap_or(0);
        prop_assert_eq!(streak(0..days.len(), &days), longest as u64);
        prop_assert_eq!(distinct_periods(0..days.len(), &days), set.len() as u64);
    }
}
