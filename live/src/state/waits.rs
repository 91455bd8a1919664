//! How long a sum may be left alone: rows leave a window one by one, and most of them change no condition.

use super::definition::compares;
use super::rows::Rows;
use eql_grammar::ast::BinaryOp;
use std::ops::Range;

/// The first row with whose leaving, after all before it, some comparison of the sum of whole numbers has another result.
pub(crate) fn int_sum(rows: Rows<'_>, inside: Range<usize>, tests: &[(BinaryOp, i64)]) -> Option<usize> {
    let holds = |sum: i128, (op, constant): &(BinaryOp, i64)| {
        // A sum that is too large has no value.
        compares(*op, i64::try_from(sum).ok().map(|v| v.cmp(constant)))
    };
    let all: i128 = inside.clone().map(|i| i128::from(rows.payload(i))).sum();
    let mut left = all;
    inside.into_iter().find(|i| {
        left -= i128::from(rows.payload(*i));
        tests.iter().any(|t| holds(left, t) != holds(all, t))
    })
}

/// The same of doubles: the first row from which on rounding may decide about a comparison, or its result is another one.
pub(crate) fn double_sum(rows: Rows<'_>, inside: Range<usize>, tests: &[(BinaryOp, f64)]) -> Option<usize> {
    let value = |i: usize| f64::from_bits(rows.payload(i).cast_unsigned());
    let all: f64 = inside.clone().map(value).sum();
    let size: f64 = inside.clone().map(|i| value(i).abs()).sum();
    // Each of the additions, here and there, is off by half a unit of what it yields at most, which is never more than `size`.
    let off = 4.0 * (inside.len() + 2) as f64 * f64::EPSILON * size;
    let holds = |sum: f64, (op, constant): &(BinaryOp, f64)| compares(*op, Some(sum.total_cmp(constant)));
    let sure = |sum: f64, test: &(BinaryOp, f64)| {
        let low = holds(sum - off, test);
        (low == holds(sum + off, test)).then_some(low)
    };
    let mut left = all;
    let first = inside.start;
    if !off.is_finite() {
        return (first < inside.end).then_some(first);
    }
    inside.into_iter().find(|i| {
        let before = left;
        left -= value(*i);
        // Only what is sure now and after each row can be waited over.
        tests.iter().any(|t| sure(left, t).is_none() || (*i == first && sure(before, t).is_none()) || sure(left, t) != sure(before, t))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_that_change_a_comparison_are_waited_for() {
        let words = [10, 5, 20, -3, 30, 7, 40, 1];
        let rows = Rows { words: &words, stride: 2 };
        let over = |k| vec![(BinaryOp::GreaterOrEqual, k)];
        assert_eq!(int_sum(rows, 0..4, &over(4)), Some(2), "10, and then 5, 8, 1");
        assert_eq!(int_sum(rows, 0..4, &over(9)), Some(0), "8 is not enough either, but 5 comes first");
        assert_eq!(int_sum(rows, 0..4, &over(0)), None, "nothing is 0");
        assert_eq!(int_sum(rows, 1..4, &over(6)), Some(1), "5, and then 8");
    }

    #[test]
    fn what_rounding_may_decide_is_looked_at() {
        let words: Vec<i64> = [0.1_f64, 0.2, 0.3].iter().flat_map(|v| [0, v.to_bits().cast_signed()]).collect();
        let rows = Rows { words: &words, stride: 2 };
        let over = |k: f64| vec![(BinaryOp::Greater, k)];
        assert_eq!(double_sum(rows, 0..3, &over(0.25)), Some(2), "0.6, 0.5, 0.3, and then nothing");
        assert_eq!(double_sum(rows, 0..3, &over(0.3)), Some(1), "0.2 + 0.3 − 0.2 may be 0.3 or a little more");
        assert_eq!(double_sum(rows, 0..3, &over(0.6)), Some(0));
        assert_eq!(double_sum(rows, 0..3, &over(7.0)), None);
    }
}
