//! Rules 12, 23, 26 and 45: phases, stickiness, thresholds, lifetime value.

use eql_timeline::lifecycle::{Phase, lifecycle, stickiness};
use eql_timeline::ltv::{cumulate, ltv};
use eql_timeline::threshold::{Recent, at_least_k_within};
use eql_timeline::{Calendar, Cells, RetentionSpec, Run, Unit};
use proptest::prelude::*;

fn phases(active: &[i64], range: std::ops::Range<i64>) -> Vec<(i64, Phase)> {
    let mut out = Vec::new();
    lifecycle(active, range, &mut out);
    out
}

#[test]
fn rule_23_phases() {
    use Phase::*;
    assert_eq!(phases(&[1, 1, 2, 4, 4], 0..7), [(1, New), (2, Returning), (3, Dormant), (4, Resurrecting), (5, Dormant)]);
    // What happened before the range is known.
    assert_eq!(phases(&[1, 2, 4], 2..5), [(2, Returning), (3, Dormant), (4, Resurrecting)]);
    assert_eq!(phases(&[], 0..9), []);
}

#[test]
fn rule_23_stickiness_counts_different_sub_periods() {
    let mut out = Vec::new();
    stickiness(&[0, 0, 0, 1], &[1, 1, 3, 8], &mut out);
    assert_eq!(out, [(0, 2), (1, 1)]);
    // Entities are appended one after another, and not mixed.
    stickiness(&[1], &[8], &mut out);
    assert_eq!(out, [(0, 2), (1, 1), (1, 1)]);
}

#[test]
fn rule_12_three_times_in_the_last_n() {
    assert!(at_least_k_within(&[10, 20, 30], 3, 40, 30));
    assert!(!at_least_k_within(&[9, 20, 30], 3, 40, 30));
    // A row of now is not seen yet.
    assert!(!at_least_k_within(&[10, 20, 40], 3, 40, 30));
    assert!(at_least_k_within(&[], 0, 40, 30));
}

#[test]
fn rule_26_rows_of_worth() {
    let day = 86_400_000_000;
    let spec = RetentionSpec {
        cells: Cells::Periods { count: 2, unit: Unit::Day },
        rolling: false,
        first_time: false,
        unbounded: false,
        ties_forbidden: false,
        same_step: true,
        start: 0..day,
        calendar: Calendar::utc(),
        now: 9 * day,
    };
    let (time, mask) = ([0, 1, day, 3 * day], [3, 2, 2, 2]);
    let mut out = Vec::new();
    ltv(&spec, Run { time: &time, mask: &mask }, None, None, &mut out);
    assert_eq!(out.iter().map(|found| (found.row, found.cells.start)).collect::<Vec<_>>(), [(0, 0), (1, 0), (2, 1)]);
    assert_eq!(cumulate(&[Some(5), Some(0), Some(7), None]), [Some(5), Some(5), Some(12), None]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn phases_equal_the_definitions(mut active in prop::collection::vec(0i64..12, 0..10), from in 0i64..6, to in 6i64..14) {
        active.sort_unstable();
        let found = phases(&active, from..to);
        let is = |period: i64| active.contains(&period);
        let mut wanted = Vec::new();
        for period in from..to {
            let ever = active.iter().any(|&other| other < period);
            match (is(period), is(period - 1), ever) {
                (true, true, _) => wanted.push((period, Phase::Returning)),
                (true, false, true) => wanted.push((period, Phase::Resurrecting)),
                (true, false, false) => wanted.push((period, Phase::New)),
                (false, true, _) => wanted.push((period, Phase::Dormant)),
                (false, false, _) => {}
            }
        }
        prop_assert_eq!(found, wanted);
        let (mut out, all) = (Vec::new(), vec![0; active.len()]);
        stickiness(&all, &active, &mut out);
        let set: std::collections::BTreeSet<i64> = active.iter().copied().collect();
        prop_assert_eq!(out.first().map_or(0, |entry| entry.1) as usize, set.len());
    }

    #[test]
    fn recent_rows_decide_the_threshold(rows in prop::collection::vec((0i64..20, 0u64..40), 0..20), k in 1usize..5, length in 0i64..10, cut in 0usize..20) {
        let (mut one, mut left, mut right) = (Recent::new(k), Recent::new(k), Recent::new(k));
        for (place, &(time, id)) in rows.iter().enumerate() {
            one.insert(time, id);
            one.insert(time, id);
            if place < cut { left.insert(time, id) } else { right.insert(time, id) };
        }
        left.merge(&right);
        prop_assert_eq!(&left, &one);
        let set: std::collections::BTreeSet<(i64, u64)> = rows.into_iter().collect();
        let time: Vec<i64> = set.iter().map(|row| row.0).collect();
        let now = 20;
        let inside = time.iter().filter(|&&t| now - length <= t && t < now).count() >= k;
        prop_assert_eq!(at_least_k_within(&time, k, now, length), inside);
        prop_assert_eq!(one.holds(now, length), inside);
        if let Some(end) = one.expires(length) {
            prop_assert!(one.holds(end - 1, length) && !one.holds(end, length));
        }
    }
}
