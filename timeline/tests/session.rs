//! Rules 22 and 43: golden cases, and the oracle.

mod oracle;

use eql_timeline::{SessionSpan, SessionSpec, sessions};
use proptest::prelude::*;

fn cut(spec: SessionSpec, time: &[i64], starts: Option<&[bool]>, ends: Option<&[bool]>, split: Option<&[u32]>) -> Vec<(u32, u32)> {
    let mut out = Vec::new();
    sessions(&spec, time, starts, ends, split, &mut out);
    out.iter().map(|span| (span.first, span.last)).collect()
}

const PLAIN: SessionSpec = SessionSpec { timeout: 30, max: None };

#[test]
fn rule_22_a_gap_equal_to_the_timeout_stays() {
    assert_eq!(cut(PLAIN, &[0, 30, 61], None, None, None), [(0, 1), (2, 2)]);
    assert_eq!(cut(PLAIN, &[], None, None, None), []);
}

#[test]
fn rule_22_start_cuts_before_and_end_cuts_after() {
    assert_eq!(cut(PLAIN, &[0, 1, 2, 3], Some(&[false, false, true, false]), None, None), [(0, 1), (2, 3)]);
    assert_eq!(cut(PLAIN, &[0, 1, 2, 3], None, Some(&[false, true, false, false]), None), [(0, 1), (2, 3)]);
    assert_eq!(cut(PLAIN, &[0, 1], Some(&[true, true]), Some(&[true, true]), None), [(0, 0), (1, 1)]);
}

#[test]
fn rule_22_max_and_split_cut() {
    let spec = SessionSpec { timeout: 30, max: Some(50) };
    assert_eq!(cut(spec, &[0, 25, 50, 51, 60], None, None, None), [(0, 2), (3, 4)]);
    assert_eq!(cut(PLAIN, &[0, 1, 2], None, None, Some(&[7, 7, 8])), [(0, 1), (2, 2)]);
}

#[test]
fn rule_22_duration_dwell_and_bounce() {
    let time = [0, 10, 100];
    let (visit, bounce) = (SessionSpan { first: 0, last: 1 }, SessionSpan { first: 2, last: 2 });
    assert_eq!((visit.duration(&time), visit.depth(), visit.bounce()), (10, 2, false));
    assert_eq!((bounce.duration(&time), bounce.depth(), bounce.bounce()), (0, 1, true));
    assert_eq!((visit.dwell(&time, 0), visit.dwell(&time, 1), bounce.dwell(&time, 2)), (Some(10), None, None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sessions_equal_the_oracle(
        rows in prop::collection::vec((0i64..12, prop::bool::weighted(0.2), prop::bool::weighted(0.2), 0u32..2), 0..12),
        timeout in 0i64..4, max in prop::option::of(0i64..6),
    ) {
        let mut time: Vec<i64> = rows.iter().map(|row| row.0).collect();
        time.sort_unstable();
        let starts: Vec<bool> = rows.iter().map(|row| row.1).collect();
        let ends: Vec<bool> = rows.iter().map(|row| row.2).collect();
        let split: Vec<u32> = rows.iter().map(|row| row.3).collect();
        let spec = SessionSpec { timeout, max };
        let mut out = Vec::new();
        sessions(&spec, &time, Some(&starts), Some(&ends), Some(&split), &mut out);
        prop_assert_eq!(out, oracle::session::sessions(&spec, &time, &starts, &ends, &split));
    }
}
