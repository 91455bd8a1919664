//! Rule 18: golden cases, and laws.

use eql_timeline::{AttributionSpec, Credit, Model, NULL, Run, UNMATCHED, Window, attribution};
use proptest::prelude::*;

const GOAL: u64 = 1;
const TOUCH: u64 = 2;

fn spec(model: Model) -> AttributionSpec {
    AttributionSpec { model, lookback: Some(Window::Micros(10)), start: 0..1000 }
}

fn credits(spec: &AttributionSpec, rows: &[(i64, u64)], holding: Option<&[u32]>) -> Vec<(u32, u32, f64)> {
    let (time, mask): (Vec<i64>, Vec<u64>) = rows.iter().copied().unzip();
    let mut out: Vec<Credit> = Vec::new();
    attribution(spec, Run { time: &time, mask: &mask }, holding, &mut out);
    out.iter().map(|credit| (credit.goal, credit.touch, credit.credit)).collect()
}

#[test]
fn rule_18_which_touches_count() {
    // 10 before the goal is in, 11 is out; of the goal's own instant only what stands before it.
    let rows = [(9, TOUCH), (10, TOUCH), (20, TOUCH), (20, GOAL), (20, TOUCH)];
    assert_eq!(credits(&spec(Model::Linear), &rows, None), [(3, 1, 0.5), (3, 2, 0.5)]);
    assert_eq!(credits(&spec(Model::Linear), &[(9, TOUCH), (20, GOAL)], None), [(1, UNMATCHED, 1.0)]);
}

#[test]
fn rule_18_models() {
    let rows = [(10, TOUCH), (12, TOUCH), (14, TOUCH), (16, TOUCH), (20, GOAL)];
    let shares = |model| credits(&spec(model), &rows, None).iter().map(|credit| (credit.1, credit.2)).collect::<Vec<_>>();
    assert_eq!(shares(Model::First), [(0, 1.0)]);
    assert_eq!(shares(Model::Last), [(3, 1.0)]);
    assert_eq!(shares(Model::Linear), [(0, 0.25), (1, 0.25), (2, 0.25), (3, 0.25)]);
    assert_eq!(shares(Model::Position(0.5, 0.25, 0.25)), [(0, 0.5), (1, 0.125), (2, 0.125), (3, 0.25)]);
    assert_eq!(shares(Model::Participation), [(0, 1.0), (1, 1.0), (2, 1.0), (3, 1.0)]);
    // Half-life 2: weights 1, 2, 4, 8 of 15.
    let decay = shares(Model::TimeDecay(2));
    assert!(decay.iter().zip([1.0, 2.0, 4.0, 8.0]).all(|(share, weight)| (share.1 - weight / 15.0f64).abs() < 1e-12));
}

#[test]
fn rule_18_position_with_few_touches() {
    let model = Model::Position(0.5, 0.25, 0.25);
    assert_eq!(credits(&spec(model), &[(1, TOUCH), (2, GOAL)], None), [(1, 0, 1.0)]);
    let two = credits(&spec(model), &[(1, TOUCH), (2, TOUCH), (3, GOAL)], None);
    assert!((two[0].2 - 2.0 / 3.0).abs() < 1e-12 && (two[1].2 - 1.0 / 3.0).abs() < 1e-12);
}

#[test]
fn rule_18_each_goal_on_its_own_and_holding_narrows() {
    let rows = [(1, TOUCH), (2, GOAL), (3, GOAL)];
    assert_eq!(credits(&spec(Model::Last), &rows, None), [(1, 0, 1.0), (2, 0, 1.0)]);
    assert_eq!(credits(&spec(Model::Last), &rows, Some(&[5, 5, 6])), [(1, 0, 1.0), (2, UNMATCHED, 1.0)]);
    assert_eq!(credits(&spec(Model::Last), &rows, Some(&[NULL, NULL, 6])), [(1, UNMATCHED, 1.0), (2, UNMATCHED, 1.0)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn credit_sums_to_one_and_touches_are_those_of_the_rule(
        mut rows in prop::collection::vec((0i64..12, 0u64..4, 0u32..2), 0..12), lookback in 0i64..8,
        model in prop_oneof![Just(Model::First), Just(Model::Last), Just(Model::Linear), Just(Model::Position(0.4, 0.2, 0.4)), Just(Model::Position(0.0, 1.0, 0.0)), Just(Model::TimeDecay(3))],
        held: bool,
    ) {
        rows.sort_by_key(|row| row.0);
        let timeline: Vec<(i64, u64)> = rows.iter().map(|row| (row.0, row.1)).collect();
        let codes: Vec<u32> = rows.iter().map(|row| row.2).collect();
        let lookback = Some(Window::Micros(lookback));
        let found = credits(&AttributionSpec { model, lookback, start: 0..100 }, &timeline, held.then_some(codes.as_slice()));
        let all = credits(&AttributionSpec { model: Model::Participation, lookback, start: 0..100 }, &timeline, held.then_some(codes.as_slice()));
        let Some(Window::Micros(length)) = lookback else { return Ok(()) };
        for (goal, row) in rows.iter().enumerate().filter(|(_, row)| row.1 & GOAL != 0) {
            let sum: f64 = found.iter().filter(|credit| credit.0 == goal as u32).map(|credit| credit.2).sum();
            prop_assert!((sum - 1.0).abs() < 1e-9);
            let mut wanted: Vec<u32> = (0..goal).filter(|&touch| {
                rows[touch].1 & TOUCH != 0 && rows[touch].0 >= row.0 - length && (!held || rows[touch].2 == row.2)
            }).map(|touch| touch as u32).collect();
            if wanted.is_empty() { wanted.push(UNMATCHED); }
            prop_assert_eq!(all.iter().filter(|credit| credit.0 == goal as u32).map(|credit| credit.1).collect::<Vec<_>>(), wanted);
        }
        prop_assert!(all.iter().all(|credit| credit.2 == 1.0));
    }
}
