//! Funnels: golden cases worked by hand, named after their rules.

use eql_timeline::{Attempt, Counting, Exclusion, FunnelSpec, FunnelStep, Mode, NULL, Pairs, Reentry, Run, UNMATCHED, Window, funnel};

const A: u64 = 1;
const B: u64 = 2;
const C: u64 = 4;
const X: u64 = 8;
const Z: u64 = 16;
const NONE: u32 = UNMATCHED;

fn step(bit: u8) -> FunnelStep {
    FunnelStep { bit, optional: false, within: None }
}

/// Steps A, B, C … within 10 µs of the first.
fn spec(steps: usize) -> FunnelSpec {
    FunnelSpec {
        steps: (0..steps as u8).map(step).collect(),
        window: Some(Window::Micros(10)),
        ties_forbidden: false,
        mode: Mode::InOrder,
        reentry: Reentry::Best,
        counting: Counting::Entities,
        start: 0..1000,
        now: 1000,
        exclusions: Vec::new(),
        until: None,
        ignoring: 0,
    }
}

fn attempts(spec: &FunnelSpec, rows: &[(i64, u64)], group: Option<&[u32]>, holding: Option<&[u32]>) -> Vec<Attempt> {
    let (time, mask): (Vec<i64>, Vec<u64>) = rows.iter().copied().unzip();
    let mut out = Vec::new();
    funnel(spec, Run { time: &time, mask: &mask }, group, holding, None, &mut out);
    out
}

/// The matched rows of each attempt.
fn rows(spec: &FunnelSpec, rows: &[(i64, u64)]) -> Vec<Vec<u32>> {
    attempts(spec, rows, None, None).into_iter().map(|attempt| attempt.rows).collect()
}

fn levels(spec: &FunnelSpec, rows: &[(i64, u64)]) -> Vec<u32> {
    attempts(spec, rows, None, None).into_iter().map(|attempt| attempt.level).collect()
}

#[test]
fn rule_1_ties_chain_in_either_order() {
    // B stands before A in the ingest order, at the same instant.
    assert_eq!(rows(&spec(2), &[(5, B), (5, A)]), [[1, 0]]);
    let forbidden = FunnelSpec { ties_forbidden: true, ..spec(2) };
    assert_eq!(rows(&forbidden, &[(5, B), (5, A)]), [[1, NONE]]);
    assert_eq!(rows(&forbidden, &[(5, A), (6, B)]), [[0, 1]]);
    // A whole group chains, whatever its order.
    assert_eq!(rows(&spec(3), &[(5, C), (5, B), (5, A)]), [[2, 1, 0]]);
}

#[test]
fn rule_2_one_row_fills_one_step() {
    let twice = FunnelSpec { steps: vec![step(0), step(0)], ..spec(2) };
    assert_eq!(rows(&twice, &[(5, A)]), [[0, NONE]]);
    assert_eq!(rows(&twice, &[(5, A), (5, A)]), [[0, 1]]);
    assert_eq!(rows(&twice, &[(5, A), (6, A)]), [[0, 1]]);
    // A row that could be B or C is needed as C.
    assert_eq!(rows(&spec(3), &[(1, A), (2, B | C), (2, B)]), [[0, 2, 1]]);
}

#[test]
fn rule_3_the_window_is_inclusive_and_runs_from_the_first_step() {
    assert_eq!(levels(&spec(2), &[(0, A), (10, B)]), [2]);
    assert_eq!(levels(&spec(2), &[(0, A), (11, B)]), [1]);
    assert_eq!(levels(&spec(3), &[(0, A), (9, B), (11, C)]), [2]);
    // The second start has the whole window for itself.
    assert_eq!(rows(&spec(3), &[(0, A), (2, A), (9, B), (11, C)]), [[1, 2, 3]]);
}

#[test]
fn rule_3_a_step_window_runs_from_the_previous_required_step() {
    let mut asked = spec(3);
    asked.steps[2].within = Some(Window::Micros(2));
    // C follows the second B soon enough, not the first.
    assert_eq!(rows(&asked, &[(0, A), (1, B), (4, B), (6, C)]), [[0, 2, 3]]);
    assert_eq!(rows(&asked, &[(0, A), (1, B), (4, C)]), [[0, 1, NONE]]);
    // An optional step between does not restart it.
    asked.steps[1].optional = true;
    assert_eq!(rows(&asked, &[(0, A), (1, B), (3, C)]), [[0, 1, NONE]]);
    assert_eq!(rows(&asked, &[(0, A), (1, B), (2, C)]), [[0, 1, 2]]);
}

#[test]
fn rule_4_the_range_bounds_the_first_step_only() {
    let asked = FunnelSpec { start: 5..8, ..spec(2) };
    assert_eq!(rows(&asked, &[(4, A), (7, A), (8, A), (12, B)]), [[1, 3]]);
}

#[test]
fn rule_5_best_reaches_furthest_then_starts_earliest() {
    assert_eq!(rows(&spec(3), &[(0, A), (1, B), (20, A), (21, B), (22, C)]), [[2, 3, 4]]);
    assert_eq!(rows(&spec(2), &[(0, A), (1, A), (2, B), (3, B)]), [[0, 2]]);
    let latest = FunnelSpec { reentry: Reentry::Latest, ..spec(2) };
    assert_eq!(rows(&latest, &[(0, A), (1, B), (20, A)]), [[2, NONE]]);
    let first = FunnelSpec { reentry: Reentry::First, ..spec(2) };
    assert_eq!(rows(&first, &[(0, A), (20, A), (21, B)]), [[0, NONE]]);
}

#[test]
fn rule_5_periods_are_independent() {
    // Period 1 holds the starts at 0 and 1, period 2 the one at 20; the conversion of one does not help the other.
    let found = attempts(&spec(2), &[(0, A), (1, A), (2, B), (20, A)], Some(&[1, 1, 1, 2]), None);
    assert_eq!(found.iter().map(|attempt| (attempt.group, attempt.level)).collect::<Vec<_>>(), [(1, 2), (2, 1)]);
    // One completion may serve two periods.
    let found = attempts(&spec(2), &[(0, A), (1, A), (2, B)], Some(&[1, 2, 2]), None);
    assert_eq!(found.iter().map(|attempt| (attempt.group, attempt.rows.clone())).collect::<Vec<_>>(), [(1, vec![0, 2]), (2, vec![1, 2])]);
}

#[test]
fn rule_6_strict_is_broken_by_any_visible_event_between() {
    let strict = FunnelSpec { mode: Mode::Strict, ..spec(3) };
    assert_eq!(levels(&strict, &[(0, A), (1, B), (2, C)]), [3]);
    assert_eq!(levels(&strict, &[(0, A), (1, B), (2, Z), (3, C)]), [2]);
    assert_eq!(levels(&strict, &[(0, A), (1, B), (2, 0), (3, C)]), [2]);
    let ignoring = FunnelSpec { ignoring: Z, ..strict.clone() };
    assert_eq!(levels(&ignoring, &[(0, A), (1, B), (2, Z), (3, C)]), [3]);
    // A second A breaks the attempt of the first, and begins one of its own.
    assert_eq!(rows(&strict, &[(0, A), (1, A), (2, B), (3, C)]), [[1, 2, 3]]);
    // At the time of the last matched row another event may have come after it; in the middle of the attempt it may not.
    assert_eq!(levels(&strict, &[(0, A), (1, Z), (1, B)]), [2]);
    assert_eq!(levels(&strict, &[(0, A), (1, Z), (1, B), (2, C)]), [2]);
}

#[test]
fn rule_7_an_excluded_event_strictly_between_voids_the_attempt() {
    let excluding = |between| FunnelSpec { exclusions: vec![Exclusion { bit: 3, between }], ..spec(3) };
    let anywhere = excluding(None);
    assert_eq!(levels(&anywhere, &[(0, A), (1, X), (2, B)]), [1]);
    // Another attempt survives.
    assert_eq!(rows(&anywhere, &[(0, A), (1, X), (2, A), (3, B), (4, C)]), [[2, 3, 4]]);
    // At the time of a bounding step it does not void.
    assert_eq!(levels(&anywhere, &[(0, A), (0, X), (2, B), (3, C), (3, X)]), [3]);
    let last = excluding(Some((1, 2)));
    assert_eq!(levels(&last, &[(0, A), (1, X), (2, B), (3, C)]), [3]);
    assert_eq!(levels(&last, &[(0, A), (2, B), (3, X), (4, C)]), [2]);
    // B again after the excluded event: the attempt goes by that one.
    assert_eq!(rows(&last, &[(0, A), (2, B), (3, X), (4, B), (5, C)]), [[0, 3, 4]]);
}

#[test]
fn rule_8_any_order_counts_different_steps_from_the_earliest() {
    let any = FunnelSpec { mode: Mode::AnyOrder, ..spec(3) };
    assert_eq!(rows(&any, &[(0, C), (1, A), (2, B)]), [[1, 2, 0]]);
    assert_eq!(levels(&any, &[(0, C), (1, C), (2, C)]), [1]);
    // The earliest starts the window: the A at 11 is too late for C at 0, in time for B at 5.
    assert_eq!(rows(&any, &[(0, C), (5, B), (11, A)]), [[NONE, 1, 0]]);
    assert_eq!(rows(&any, &[(0, C), (5, B), (11, A), (12, C)]), [[2, 1, 3]]);
    // One row does one step only.
    assert_eq!(levels(&any, &[(0, A | B), (1, A | B)]), [2]);
}

#[test]
fn rule_9_an_optional_step_neither_blocks_nor_counts() {
    let mut asked = spec(3);
    asked.steps[1].optional = true;
    assert_eq!(rows(&asked, &[(0, A), (2, C)]), [[0, NONE, 1]]);
    assert_eq!(rows(&asked, &[(0, A), (1, B), (2, C)]), [[0, 1, 2]]);
    assert_eq!(rows(&asked, &[(0, A), (1, B)]), [[0, 1, NONE]]);
    assert_eq!(levels(&asked, &[(0, A), (1, B)]), [1]);
    // After the completion it is not between the steps any more.
    assert_eq!(rows(&asked, &[(0, A), (2, C), (3, B)]), [[0, NONE, 1]]);
}

#[test]
fn rule_10_holding_partitions_but_counts_the_entity_once() {
    let timeline = [(0, A), (1, A), (2, B), (3, B)];
    let found = attempts(&spec(2), &timeline, None, Some(&[7, 8, 8, 7]));
    assert_eq!(found.iter().map(|attempt| attempt.rows.clone()).collect::<Vec<_>>(), [vec![0, 3]]);
    assert_eq!(attempts(&spec(2), &timeline, None, Some(&[7, 8, 9, 9]))[0].level, 1);
    // NULL equals nothing, not even NULL.
    assert_eq!(attempts(&spec(2), &timeline, None, Some(&[NULL, NULL, NULL, NULL])), []);
    let each = FunnelSpec { counting: Counting::Attempts, ..spec(2) };
    assert_eq!(attempts(&each, &timeline, None, Some(&[7, 8, 8, 7])).len(), 2);
}

#[test]
fn rule_11_breakdowns_follow_the_start_row() {
    let found = attempts(&spec(2), &[(0, A), (1, B), (2, A)], Some(&[5, 6, 7]), None);
    assert_eq!(found.iter().map(|attempt| (attempt.group, attempt.level)).collect::<Vec<_>>(), [(5, 2), (7, 1)]);
}

struct SameValue([u8; 4]);

impl Pairs for SameValue {
    fn allowed(&self, _: usize, earlier_row: u32, _: usize, later_row: u32) -> bool {
        self.0[earlier_row as usize] == self.0[later_row as usize]
    }

    fn relates(&self, earlier_step: usize, later_step: usize) -> bool {
        (earlier_step, later_step) == (1, 2)
    }
}

#[test]
fn rule_37_related_steps_are_searched() {
    // The first B is earlier, but C goes with the second.
    let (time, mask) = ([0, 1, 2, 3], [A, B, B, C]);
    let mut out = Vec::new();
    funnel(&spec(3), Run { time: &time, mask: &mask }, None, None, Some(&SameValue([0, 1, 2, 2])), &mut out);
    assert_eq!(out[0].rows, [0, 2, 3]);
}

#[test]
fn rule_39_attempts() {
    let each = FunnelSpec { counting: Counting::Attempts, ..spec(2) };
    // Two starts, one completion: it serves both.
    assert_eq!(rows(&each, &[(0, A), (1, A), (2, B)]), [[0, 2], [1, 2]]);
    let successive = FunnelSpec { reentry: Reentry::First, ..each };
    assert_eq!(rows(&successive, &[(0, A), (1, A), (2, B), (3, A)]), [[0, 2], [3, NONE]]);
    // The first times out with the end of its window; a start on its last instant is still inside.
    assert_eq!(rows(&successive, &[(0, A), (10, A), (11, A)]), [[0, NONE], [2, NONE]]);
    // Voided, the next may begin.
    let voided = FunnelSpec { until: Some(3), ..successive };
    assert_eq!(rows(&voided, &[(0, A), (1, A), (2, X), (3, A), (4, B)]), [[0, NONE], [3, 4]]);
}

#[test]
fn rule_50_open() {
    let open = |now, timeline: &[(i64, u64)]| attempts(&FunnelSpec { now, ..spec(2) }, timeline, None, None)[0].open;
    // The window ends with the instant 10; at 10 a row of that instant is not seen yet.
    assert!(open(10, &[(0, A)]));
    assert!(!open(11, &[(0, A)]));
    assert!(!open(5, &[(0, A), (1, B)]));
    let unbounded = FunnelSpec { window: None, ..spec(2) };
    assert!(attempts(&unbounded, &[(0, A)], None, None)[0].open);
}

#[test]
fn rule_52_until_ends_an_attempt() {
    let until = FunnelSpec { until: Some(3), ..spec(3) };
    assert_eq!(levels(&until, &[(0, A), (1, B), (2, X), (3, C)]), [2]);
    assert_eq!(levels(&until, &[(0, X), (1, A), (2, B), (3, C), (4, X)]), [3]);
    let any = FunnelSpec { mode: Mode::AnyOrder, ..until };
    assert_eq!(levels(&any, &[(0, C), (1, X), (2, B), (3, A)]), [2]);
}

#[test]
fn an_empty_question_and_an_empty_run() {
    assert_eq!(rows(&spec(0), &[(0, A)]), Vec::<Vec<u32>>::new());
    assert_eq!(rows(&spec(2), &[]), Vec::<Vec<u32>>::new());
    let wild = FunnelSpec { steps: vec![step(0), FunnelStep { bit: 200, optional: false, within: None }], ..spec(2) };
    assert_eq!(rows(&wild, &[(0, A)]), [[0, NONE]]);
}
