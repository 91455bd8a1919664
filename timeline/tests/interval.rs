//! Rules 25 and 41: golden cases, and the oracle.

mod oracle;

use eql_timeline::{IntervalSpec, NULL, Pair, Pairs, Run, Window, intervals};
use proptest::prelude::*;

const PLAIN: IntervalSpec = IntervalSpec { window: None, ties_forbidden: false, same_step: false, first_time: false, start: 0..100 };

fn pairs(spec: &IntervalSpec, rows: &[(i64, u64)]) -> Vec<(u32, u32)> {
    let (time, mask): (Vec<i64>, Vec<u64>) = rows.iter().copied().unzip();
    let mut out: Vec<Pair> = Vec::new();
    intervals(spec, Run { time: &time, mask: &mask }, None, None, &mut out);
    out.iter().map(|pair| (pair.start, pair.end)).collect()
}

#[test]
fn rule_25_an_end_is_used_once() {
    assert_eq!(pairs(&PLAIN, &[(0, 1), (1, 1), (2, 2)]), [(0, 2)]);
    assert_eq!(pairs(&PLAIN, &[(0, 1), (1, 1), (2, 2), (3, 2)]), [(0, 2), (1, 3)]);
}

#[test]
fn rule_25_the_bound_is_inclusive() {
    let spec = IntervalSpec { window: Some(Window::Micros(5)), ..PLAIN };
    assert_eq!(pairs(&spec, &[(0, 1), (5, 2)]), [(0, 1)]);
    assert_eq!(pairs(&spec, &[(0, 1), (6, 2)]), []);
    // An end too late for the first start is still there for the next.
    assert_eq!(pairs(&spec, &[(0, 1), (3, 1), (6, 2)]), [(1, 2)]);
}

#[test]
fn rule_41_the_same_step_pairs_successive_rows() {
    let spec = IntervalSpec { same_step: true, ..PLAIN };
    assert_eq!(pairs(&spec, &[(0, 3), (0, 3), (4, 3)]), [(0, 1), (1, 2)]);
    let forbidden = IntervalSpec { ties_forbidden: true, ..spec };
    assert_eq!(pairs(&forbidden, &[(0, 3), (0, 3), (4, 3)]), [(0, 2)]);
}

#[test]
fn rule_41_equal_times_pair_in_either_order() {
    assert_eq!(pairs(&PLAIN, &[(3, 2), (3, 1)]), [(1, 0)]);
    assert_eq!(pairs(&IntervalSpec { ties_forbidden: true, ..PLAIN }, &[(3, 2), (3, 1)]), []);
}

/// The end must have another value than the start.
struct Differ<'a>(&'a [u32]);

impl Pairs for Differ<'_> {
    fn allowed(&self, _: usize, earlier_row: u32, _: usize, later_row: u32) -> bool {
        self.0[earlier_row as usize] != self.0[later_row as usize]
    }

    fn relates(&self, _: usize, _: usize) -> bool {
        true
    }
}

#[test]
fn rule_37_an_end_that_does_not_fit_stays_for_another_start() {
    let (time, mask) = ([0, 1, 2, 3], [1, 1, 2, 2]);
    let mut out = Vec::new();
    intervals(&PLAIN, Run { time: &time, mask: &mask }, None, Some(&Differ(&[7, 8, 7, 8])), &mut out);
    assert_eq!(out, [Pair { start: 0, end: 3 }, Pair { start: 1, end: 2 }]);
}

#[test]
fn rule_41_first_time_is_tested_by_the_range() {
    let rows = [(0, 1), (1, 2), (10, 1), (11, 2)];
    assert_eq!(pairs(&IntervalSpec { first_time: true, start: 0..5, ..PLAIN }, &rows), [(0, 1)]);
    assert_eq!(pairs(&IntervalSpec { first_time: true, start: 5..50, ..PLAIN }, &rows), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn intervals_equal_the_oracle(
        mut rows in prop::collection::vec((0i64..8, 0u64..4, prop_oneof![3 => 0u32..2, 1 => Just(NULL)]), 0..12),
        flags in any::<(bool, bool, bool, bool, bool)>(), values in prop::collection::vec(0u32..2, 12), window in prop::option::of(0i64..5), from in 0i64..5,
    ) {
        rows.sort_by_key(|row| row.0);
        let (ties_forbidden, same_step, first_time, held, related) = flags;
        let time: Vec<i64> = rows.iter().map(|row| row.0).collect();
        let mask: Vec<u64> = rows.iter().map(|row| if same_step { (row.1 & 1) * 3 } else { row.1 }).collect();
        let codes: Vec<u32> = rows.iter().map(|row| row.2).collect();
        let holding = held.then_some(codes.as_slice());
        let spec = IntervalSpec { window: window.map(Window::Micros), ties_forbidden, same_step, first_time, start: from..7 };
        let run = Run { time: &time, mask: &mask };
        let mut out = Vec::new();
        let differ = Differ(&values);
        let pairs = related.then_some(&differ as &dyn Pairs);
        intervals(&spec, run, holding, pairs, &mut out);
        prop_assert_eq!(out, oracle::interval::intervals(&spec, run, holding, pairs));
    }
}
