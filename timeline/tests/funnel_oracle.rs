//! Funnels against the oracle: short runs, few distinct times, windows that end exactly on rows.

mod oracle;

use eql_timeline::{Counting, Exclusion, FunnelSpec, FunnelStep, Mode, NULL, Pairs, Reentry, Run, Window, funnel};
use oracle::funnel::World;
use proptest::prelude::*;

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
    spec: FunnelSpec,
    time: Vec<i64>,
    mask: Vec<u64>,
    group: Option<Vec<u32>>,
    holding: Option<Vec<u32>>,
    values: Vec<u8>,
    related: Vec<(usize, usize)>,
}

fn window() -> impl Strategy<Value = Option<Window>> {
    prop_oneof![1 => Just(None), 3 => (0i64..6).prop_map(|n| Some(Window::Micros(n)))]
}

fn steps(withins: bool, distinct: bool) -> impl Strategy<Value = Vec<FunnelStep>> {
    let within = if withins {
        prop_oneof![2 => Just(None), 1 => (0i64..4).prop_map(|n| Some(Window::Micros(n)))].boxed()
    } else {
        Just(None).boxed()
    };
    prop::collection::vec((0u8..4, prop::bool::weighted(0.25), within), 1..5).prop_map(move |steps| {
        let place = |(k, (bit, optional, within)): (usize, (u8, bool, Option<Window>))| FunnelStep {
            bit: if distinct { k as u8 } else { bit },
            optional,
            within,
        };
        steps.into_iter().enumerate().map(place).collect()
    })
}

fn spec(withins: bool, distinct: bool, exclusions: bool) -> impl Strategy<Value = FunnelSpec> {
    let mode = prop_oneof![3 => Just(Mode::InOrder), 1 => Just(Mode::AnyOrder), 1 => Just(Mode::Strict)];
    let reentry = prop_oneof![2 => Just(Reentry::Best), 1 => Just(Reentry::First), 1 => Just(Reentry::Latest)];
    let exclusion = (4u8..6, prop::option::of((0usize..4, 0usize..4)));
    let exclusions = prop::collection::vec(exclusion, if exclusions { 0..3 } else { 0..1 });
    let rules = (mode, reentry, any::<bool>(), any::<bool>(), 0i64..4, 3i64..9, 0i64..12);
    let ends = (prop::option::weighted(0.2, Just(6u8)), prop_oneof![Just(0u64), Just(1 << 7), Just(1 << 2)]);
    (steps(withins, distinct), window(), rules, exclusions, ends).prop_map(move |(steps, window, rules, exclusions, (until, ignoring))| {
        let (mode, reentry, attempts, ties_forbidden, from, to, now) = rules;
        let count = steps.len();
        let place = |(bit, between): (u8, Option<(usize, usize)>)| Exclusion {
            bit,
            between: between.map(|(a, b)| (a % count, b % count)).filter(|(a, b)| a != b),
        };
        FunnelSpec {
            steps,
            window,
            ties_forbidden,
            mode,
            reentry,
            counting: if attempts { Counting::Attempts } else { Counting::Entities },
            start: from..to,
            now,
            exclusions: exclusions.into_iter().map(place).collect(),
            until,
            ignoring,
        }
    })
}

fn case(withins: bool, distinct: bool, exclusions: bool, paired: bool) -> impl Strategy<Value = Case> {
    let mask = if distinct {
        prop_oneof![8 => (0u32..4).prop_map(|k| 1u64 << k), 2 => (4u32..8).prop_map(|k| 1u64 << k), 1 => Just(0u64)].boxed()
    } else {
        prop_oneof![3 => (0u32..8).prop_map(|k| 1u64 << k), 3 => 0u64..16, 1 => 0u64..256].boxed()
    };
    let row = (0i64..8, mask, 0u32..3, prop_oneof![4 => 0u32..3, 1 => Just(NULL)], 0u8..2);
    let related = prop::collection::vec((0usize..3, 1usize..3), if paired { 1..3 } else { 0..1 });
    let flags = (prop::bool::weighted(0.4), prop::bool::weighted(0.3), any::<bool>());
    (spec(withins, distinct, exclusions), prop::collection::vec(row, 0..9), related, flags).prop_map(
        |(spec, mut rows, related, (grouped, held, untied))| {
            rows.sort_by_key(|row| row.0);
            if untied {
                rows.iter_mut().enumerate().for_each(|(place, row)| row.0 = place as i64 + (row.0 & 4) / 4);
                rows.dedup_by_key(|row| row.0);
            }
            Case {
                spec,
                time: rows.iter().map(|row| row.0).collect(),
                mask: rows.iter().map(|row| row.1).collect(),
                group: grouped.then(|| rows.iter().map(|row| row.2).collect()),
                holding: held.then(|| rows.iter().map(|row| row.3).collect()),
                values: rows.iter().map(|row| row.4).collect(),
                related: related.into_iter().map(|(a, b)| (a, a + b)).collect(),
            }
        },
    )
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let run = Run { time: &case.time, mask: &case.mask };
    let equal = Equal { values: case.values.clone(), related: case.related.clone() };
    let pairs: Option<&dyn Pairs> = if case.related.is_empty() { None } else { Some(&equal) };
    let mut out = Vec::new();
    funnel(&case.spec, run, case.group.as_deref(), case.holding.as_deref(), pairs, &mut out);
    let world = World { spec: &case.spec, run, holding: case.holding.as_deref(), pairs };
    prop_assert_eq!(out, world.funnel(case.group.as_deref()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn plain_funnels_equal_the_oracle(case in case(false, true, false, false)) {
        check(&case)?;
    }

    #[test]
    fn step_windows_and_exclusions_equal_the_oracle(case in case(true, true, true, false)) {
        check(&case)?;
    }

    #[test]
    fn competing_rows_equal_the_oracle(case in case(true, false, true, false)) {
        check(&case)?;
    }

    #[test]
    fn related_steps_equal_the_oracle(case in case(true, false, true, true)) {
        check(&case)?;
    }
}

/// Relates all steps and allows everything: the exact search must judge, and comes to the same answer.
struct Anything;

impl Pairs for Anything {
    fn allowed(&self, _: usize, _: u32, _: usize, _: u32) -> bool {
        true
    }

    fn relates(&self, _: usize, _: usize) -> bool {
        true
    }
}

prop_compose! {
    /// Runs of more than one machine word of rows, sparse matches, few ties.
    fn long()(
        mut spec in spec(false, true, false),
        within in prop::option::weighted(0.3, 5i64..60),
        window in prop::option::of(5i64..120),
        rows in prop::collection::vec((prop_oneof![4 => 1i64..5, 1 => Just(0i64)], prop_oneof![6 => Just(0u64), 4 => (0u32..4).prop_map(|k| 1u64 << k), 1 => Just(1 << 6)], 0u32..4), 60..160),
        ties in any::<bool>(),
        (from, length) in (0i64..150, 50i64..400),
        grouped in any::<bool>(),
    ) -> Case {
        spec.window = window.map(Window::Micros);
        spec.start = from..from + length;
        spec.ignoring = 0;
        if let Some(step) = spec.steps.last_mut() {
            step.within = within.map(Window::Micros);
        }
        if spec.mode == Mode::AnyOrder {
            spec.mode = Mode::InOrder;
        }
        let mut t = 0;
        let time: Vec<i64> = rows.iter().map(|row| { t += if ties { row.0 } else { row.0.max(1) }; t }).collect();
        let mask = rows.iter().map(|row| if spec.mode == Mode::Strict && row.1 == 0 { 1 << (row.2 % 2) } else { row.1 }).collect();
        Case { spec, time, mask, group: grouped.then(|| rows.iter().map(|row| row.2).collect()), holding: None, values: Vec::new(), related: Vec::new() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_passes_equal_the_search_on_long_runs(case in long()) {
        let run = Run { time: &case.time, mask: &case.mask };
        let (mut fast, mut slow) = (Vec::new(), Vec::new());
        funnel(&case.spec, run, case.group.as_deref(), None, None, &mut fast);
        funnel(&case.spec, run, case.group.as_deref(), None, Some(&Anything), &mut slow);
        prop_assert_eq!(fast, slow);
    }

    #[test]
    fn the_furthest_level_is_found_on_the_edge_of_the_window(
        steps in 2usize..5, window in 2i64..7, within in prop::option::weighted(0.3, 1i64..4), steps_bits in prop::collection::vec(0u32..6, 3..90), from in 0i64..4,
    ) {
        let within = within.map(Window::Micros);
        let place = |bit: usize| FunnelStep { bit: bit as u8, optional: false, within: within.filter(|_| bit > 0) };
        let spec = FunnelSpec {
            steps: (0..steps).map(place).collect(), window: Some(Window::Micros(window)), ties_forbidden: false, mode: Mode::InOrder,
            reentry: Reentry::Best, counting: Counting::Entities, start: from..80, now: 0, exclusions: Vec::new(), until: None, ignoring: 0,
        };
        let time: Vec<i64> = (0..steps_bits.len() as i64).collect();
        let mask: Vec<u64> = steps_bits.iter().map(|&bit| 1 << bit).collect();
        let run = Run { time: &time, mask: &mask };
        let (mut fast, mut slow) = (Vec::new(), Vec::new());
        funnel(&spec, run, None, None, None, &mut fast);
        funnel(&spec, run, None, None, Some(&Anything), &mut slow);
        prop_assert_eq!(fast, slow);
    }
}
