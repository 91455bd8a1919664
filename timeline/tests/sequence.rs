//! Rules 14 and 40: golden cases, and the oracle.

mod oracle;

use eql_timeline::{Exclusion, Mode, NULL, Pairs, Run, SequenceSpec, SequenceStep, Truth, UNMATCHED, Window, did, sequence};
use oracle::sequence::World;
use proptest::prelude::*;

const A: u64 = 1;
const B: u64 = 2;
const C: u64 = 4;

fn step(bit: u8) -> SequenceStep {
    SequenceStep { bit, negated: false, within: None }
}

fn not(bit: u8, within: Option<i64>) -> SequenceStep {
    SequenceStep { bit, negated: true, within: within.map(Window::Micros) }
}

fn spec(steps: Vec<SequenceStep>, now: i64) -> SequenceSpec {
    SequenceSpec {
        steps,
        window: None,
        ties_forbidden: false,
        mode: Mode::InOrder,
        start: 0..1000,
        now,
        until: None,
        grace: 0,
        exclusions: Vec::new(),
        ignoring: 0,
    }
}

fn matches(spec: &SequenceSpec, rows: &[(i64, u64)]) -> Vec<(Vec<u32>, i64)> {
    let (time, mask): (Vec<i64>, Vec<u64>) = rows.iter().copied().unzip();
    let mut out = Vec::new();
    sequence(spec, Run { time: &time, mask: &mask }, None, None, &mut out);
    out.into_iter().map(|found| (found.rows, found.at)).collect()
}

fn truth(spec: &SequenceSpec, rows: &[(i64, u64)]) -> Truth {
    let (time, mask): (Vec<i64>, Vec<u64>) = rows.iter().copied().unzip();
    did(spec, Run { time: &time, mask: &mask }, None, None)
}

#[test]
fn rule_14_absence_is_unknown_until_its_window_has_ended() {
    let abandoned = |now| spec(vec![step(0), not(1, Some(10))], now);
    // The window of a row at 5 ends with the instant 15.
    assert_eq!(truth(&abandoned(15), &[(5, A)]), Truth::Unknown);
    assert_eq!(matches(&abandoned(15), &[(5, A)]), []);
    assert_eq!(truth(&abandoned(16), &[(5, A)]), Truth::Yes);
    assert_eq!(matches(&abandoned(16), &[(5, A)]), [(vec![0, UNMATCHED], 15)]);
    // What comes at the window's edge is inside; a moment later is not.
    assert_eq!(truth(&abandoned(99), &[(5, A), (15, B)]), Truth::No);
    assert_eq!(truth(&abandoned(99), &[(5, A), (16, B)]), Truth::Yes);
}

#[test]
fn rule_14_grace_is_waited_for() {
    let asked = |now| SequenceSpec { grace: 3, ..spec(vec![step(0), not(1, Some(10))], now) };
    assert_eq!(truth(&asked(18), &[(5, A)]), Truth::Unknown);
    assert_eq!(truth(&asked(19), &[(5, A)]), Truth::Yes);
    assert_eq!(matches(&asked(19), &[(5, A)]), [(vec![0, UNMATCHED], 18)]);
}

#[test]
fn rule_14_absence_at_equal_time() {
    let asked = spec(vec![step(0), not(1, Some(10))], 99);
    assert_eq!(truth(&asked, &[(5, B), (5, A)]), Truth::No);
    assert_eq!(truth(&SequenceSpec { ties_forbidden: true, ..asked }, &[(5, B), (5, A)]), Truth::Yes);
    // Two purchases of one instant and no third: neither is in the way of the absence that follows them.
    let twice = spec(vec![step(0), step(0), not(0, Some(10))], 99);
    assert_eq!(matches(&twice, &[(5, A), (5, A)]), [(vec![0, 1, UNMATCHED], 15), (vec![1, 0, UNMATCHED], 15)]);
    // A third makes it the second: the two of one instant are followed by it.
    assert_eq!(matches(&twice, &[(5, A), (5, A), (6, A)]), [(vec![0, 2, UNMATCHED], 16), (vec![1, 2, UNMATCHED], 16)]);
}

#[test]
fn rule_14_another_row_may_hold_where_the_first_fails() {
    // The first b is followed by c, the second is not.
    let asked = spec(vec![step(0), step(1), not(2, Some(5))], 99);
    assert_eq!(matches(&asked, &[(0, A), (1, B), (2, C), (3, B)]), [(vec![0, 3, UNMATCHED], 8)]);
}

#[test]
fn rule_14_absence_between_steps() {
    // Without a length: nothing strictly between. With one: settled first, then the next step.
    let between = spec(vec![step(0), not(1, None), step(2)], 99);
    assert_eq!(matches(&between, &[(0, A), (1, B), (2, C)]), []);
    assert_eq!(matches(&between, &[(0, A), (0, B), (2, C)]), [(vec![0, UNMATCHED, 2], 2)]);
    let settled = spec(vec![step(0), not(1, Some(5)), step(2)], 99);
    assert_eq!(matches(&settled, &[(0, A), (5, C), (6, C)]), [(vec![0, UNMATCHED, 2], 6)]);
}

#[test]
fn rule_40_one_match_for_each_first_row_with_the_earliest_completion() {
    let asked = spec(vec![step(0), step(1)], 99);
    assert_eq!(matches(&asked, &[(0, A), (1, A), (2, B), (3, B)]), [(vec![0, 2], 2), (vec![1, 2], 2)]);
}

struct Equal {
    values: Vec<u8>,
    related: Vec<(usize, usize)>,
}

impl Pairs for Equal {
    fn allowed(&self, _: usize, earlier_row: u32, _: usize, later_row: u32) -> bool {
        self.values[earlier_row as usize] == self.values[later_row as usize]
    }

    fn relates(&self, earlier_step: usize, later_step: usize) -> bool {
        self.related.contains(&(earlier_step, later_step))
    }
}

#[derive(Debug, Clone)]
struct Case {
    spec: SequenceSpec,
    time: Vec<i64>,
    mask: Vec<u64>,
    holding: Option<Vec<u32>>,
    values: Vec<u8>,
    related: Vec<(usize, usize)>,
}

prop_compose! {
    fn case(negated: f64, paired: bool)(
        steps in prop::collection::vec((0u8..4, prop::bool::weighted(negated), prop::option::weighted(0.5, (0i64..4).prop_map(Window::Micros))), 1..5),
        window in prop::option::of((0i64..6).prop_map(Window::Micros)),
        mode in prop_oneof![4 => Just(Mode::InOrder), 1 => Just(Mode::AnyOrder), 1 => Just(Mode::Strict)],
        exclusions in prop::collection::vec((4u8..5, prop::option::of((0usize..4, 0usize..4))), 0..2),
        until in prop::option::weighted(0.2, Just(5u8)),
        numbers in (any::<bool>(), 0i64..3, 3i64..9, 0i64..16, 0i64..3, prop_oneof![Just(0u64), Just(4u64)]),
        rows in prop::collection::vec((0i64..8, prop_oneof![4 => (0u32..6).prop_map(|k| 1u64 << k), 1 => 0u64..16], prop_oneof![4 => 0u32..2, 1 => Just(NULL)], 0u8..2), 0..9),
        held in prop::bool::weighted(0.3),
        related in prop::collection::vec((0usize..3, 1usize..3), if paired { 1..3 } else { 0..1 }),
    ) -> Case {
        let (ties_forbidden, from, to, now, grace, ignoring) = numbers;
        let count = steps.len();
        let mut steps: Vec<SequenceStep> = steps.into_iter().map(|(bit, negated, within)| SequenceStep { bit, negated, within }).collect();
        steps[0].negated = false;
        let exclusions: Vec<Exclusion> = exclusions.into_iter()
            .map(|(bit, between)| Exclusion { bit, between: between.map(|(a, b)| (a % count, b % count)) }).collect();
        let mut rows = rows;
        rows.sort_by_key(|row| row.0);
        Case {
            spec: SequenceSpec { steps, window, ties_forbidden, mode, start: from..to, now, until, grace, exclusions, ignoring },
            time: rows.iter().map(|row| row.0).collect(),
            mask: rows.iter().map(|row| row.1).collect(),
            holding: held.then(|| rows.iter().map(|row| row.2).collect()),
            values: rows.iter().map(|row| row.3).collect(),
            related: related.into_iter().map(|(a, b)| (a, a + b)).collect(),
        }
    }
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let run = Run { time: &case.time, mask: &case.mask };
    let equal = Equal { values: case.values.clone(), related: case.related.clone() };
    let pairs: Option<&dyn Pairs> = if case.related.is_empty() { None } else { Some(&equal) };
    let world = World { spec: &case.spec, run, holding: case.holding.as_deref(), pairs };
    let mut out = Vec::new();
    sequence(&case.spec, run, case.holding.as_deref(), pairs, &mut out);
    // In any order absences are judged after the earliest completion alone, a narrower question than the oracle asks.
    let narrower = case.spec.mode == Mode::AnyOrder && case.spec.steps.iter().any(|step| step.negated);
    if !narrower {
        out.sort_by_key(|found| found.rows.clone());
        let mut wanted = world.matches(false);
        wanted.sort_by_key(|found| found.rows.clone());
        prop_assert_eq!(out, wanted);
        prop_assert_eq!(did(&case.spec, run, case.holding.as_deref(), pairs), world.did());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn positive_sequences_equal_the_oracle(case in case(0.0, false)) {
        check(&case)?;
    }

    #[test]
    fn absences_equal_the_oracle(case in case(0.4, false)) {
        check(&case)?;
    }

    #[test]
    fn related_absences_equal_the_oracle(case in case(0.3, true)) {
        check(&case)?;
    }
}
