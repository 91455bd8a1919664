//! The kernels for many entities at once against the folds, entity by entity.

use eql_timeline::{
    Bucketer, Calendar, Cells, Counting, Funnel, FunnelSpec, FunnelStep, Mode, Reentry, Retention, RetentionSpec, RowBits, Run, Sequence,
    SequenceSpec, SequenceStep, Truth, UNMATCHED, Unit, WeekStart, Window, funnel,
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct World {
    spec: FunnelSpec,
    /// For each entity the gaps between its rows, at least 1, and the step of each row, or none.
    entities: Vec<Vec<(i64, Option<usize>)>>,
}

const DAY: i64 = 86_400_000_000;

fn bits(lists: &[Vec<u32>], rows: usize) -> RowBits<'static> {
    RowBits::new(lists.iter().map(|l| RowBits::of_rows(l.iter().copied(), rows).into()).collect())
}

fn window() -> impl Strategy<Value = Option<Window>> {
    let calendar = Calendar { zone: chrono_tz::America::New_York, week_start: WeekStart::Monday };
    prop_oneof![
        1 => Just(None),
        4 => (0i64..12).prop_map(|n| Some(Window::Micros(n))),
        1 => Just(Some(Window::Calendar { count: 1, unit: Unit::Month, calendar })),
    ]
}

fn world() -> impl Strategy<Value = World> {
    let row = (prop_oneof![6 => 1i64..4, 1 => Just(20 * DAY)], prop::option::weighted(0.7, 0usize..4));
    let entities = prop::collection::vec(prop::collection::vec(row, 0..150), 1..6);
    (1usize..5, window(), -5i64..60, 0i64..120, 0i64..200, entities).prop_map(|(steps, window, low, length, now, entities)| World {
        spec: FunnelSpec {
            steps: (0..steps).map(|k| FunnelStep { bit: k as u8, optional: false, within: None }).collect(),
            window,
            ties_forbidden: false,
            mode: Mode::InOrder,
            reentry: Reentry::Best,
            counting: Counting::Entities,
            start: low..low + length,
            now,
            exclusions: vec![],
            until: None,
            ignoring: 0,
        },
        entities,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_kernel_equals_the_fold(world in world()) {
        let spec = &world.spec;
        let steps = spec.steps.len();
        let (mut time, mut mask, mut offsets, mut lists) = (vec![], vec![], vec![0], vec![vec![]; steps]);
        for rows in &world.entities {
            let mut t = 0;
            for (gap, step) in rows {
                t += gap;
                let step = step.filter(|s| *s < steps);
                if let Some(step) = step {
                    lists[step].push(time.len() as u32);
                }
                time.push(t);
                mask.push(step.map_or(0, |s| 1 << s));
            }
            offsets.push(time.len());
        }
        let fold = Funnel::new(spec);
        let sweep = fold.sweep().expect("these rules are the common ones");
        let rows = bits(&lists, time.len());
        prop_assert!(rows.apart());
        for own in offsets.windows(2) {
            let mut matched = vec![UNMATCHED; steps];
            let swept = sweep.attempt(&time, own[0]..own[1], &rows, &mut matched);
            let mut attempts = vec![];
            funnel(spec, Run { time: &time[own[0]..own[1]], mask: &mask[own[0]..own[1]] }, None, None, None, &mut attempts);
            prop_assert_eq!(swept.is_some(), attempts.len() == 1);
            if let (Some(swept), Some(attempt)) = (swept, attempts.first()) {
                prop_assert_eq!((swept.level, swept.open), (attempt.level as usize, attempt.open));
                let expected: Vec<u32> = attempt.rows.iter().map(|r| if *r == UNMATCHED { UNMATCHED } else { r + own[0] as u32 }).collect();
                prop_assert_eq!(matched, expected);
            }
        }
    }
}

/// Rows of two or three kinds, no two of one time, as bits and as masks.
struct Rows {
    time: Vec<i64>,
    mask: Vec<u64>,
    offsets: Vec<usize>,
    bits: RowBits<'static>,
}

fn rows(entities: &[Vec<(i64, Option<usize>)>], kinds: usize) -> Rows {
    let (mut time, mut mask, mut offsets, mut lists) = (vec![], vec![], vec![0], vec![vec![]; kinds]);
    for rows in entities {
        let mut t = 0;
        for (gap, kind) in rows {
            t += gap;
            let kind = kind.filter(|k| *k < kinds);
            if let Some(kind) = kind {
                lists[kind].push(time.len() as u32);
            }
            time.push(t);
            mask.push(kind.map_or(0, |k| 1 << k));
        }
        offsets.push(time.len());
    }
    let bits = bits(&lists, time.len());
    Rows { time, mask, offsets, bits }
}

fn entities(gap: impl Strategy<Value = i64> + Clone + 'static) -> impl Strategy<Value = Vec<Vec<(i64, Option<usize>)>>> {
    prop::collection::vec(prop::collection::vec((gap, prop::option::weighted(0.8, 0usize..4)), 0..120), 1..5)
}

fn sequence_spec() -> impl Strategy<Value = SequenceSpec> {
    let within = || prop::option::weighted(0.6, (0i64..8).prop_map(Window::Micros));
    let steps = prop::collection::vec(within(), 1..4);
    let away = prop::option::weighted(0.6, 0i64..9);
    (steps, away, -5i64..60, 0i64..150, 0i64..200, 0i64..4).prop_map(|(withins, away, low, length, now, grace)| {
        let positive =
            withins.iter().enumerate().map(|(k, w)| SequenceStep { bit: k as u8, negated: false, within: if k == 0 { None } else { *w } });
        let away = away.map(|d| SequenceStep { bit: withins.len() as u8, negated: true, within: Some(Window::Micros(d)) });
        SequenceSpec {
            steps: positive.chain(away).collect(),
            window: None,
            ties_forbidden: false,
            mode: Mode::InOrder,
            start: low..low + length,
            now,
            until: None,
            grace,
            exclusions: vec![],
            ignoring: 0,
        }
    })
}

fn retention_spec() -> impl Strategy<Value = RetentionSpec> {
    let cells = prop_oneof![
        (0u32..6).prop_map(|count| Cells::Periods { count, unit: Unit::Day }),
        Just(Cells::Brackets { bounds: vec![0, 1, 3, 7], unit: Unit::Day }),
    ];
    (cells, any::<bool>(), any::<bool>(), any::<bool>(), -2i64..20, 0i64..40).prop_map(
        |(cells, first_time, unbounded, same_step, low, length)| RetentionSpec {
            cells,
            rolling: false,
            first_time,
            unbounded,
            ties_forbidden: false,
            same_step,
            start: low * DAY / 2..(low + length) * DAY / 2,
            calendar: Calendar { zone: chrono_tz::America::New_York, week_start: WeekStart::Monday },
            now: i64::MAX,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sequence_that_is_swept_equals_the_fold(spec in sequence_spec(), entities in entities(1i64..5)) {
        let rows = rows(&entities, spec.steps.len());
        let fold = Sequence::new(&spec);
        let sweep = fold.sweep().expect("these rules are the common ones");
        for own in rows.offsets.windows(2) {
            let run = Run { time: &rows.time[own[0]..own[1]], mask: &rows.mask[own[0]..own[1]] };
            let expected = fold.did(run, None, None) == Truth::Yes;
            prop_assert_eq!(sweep.did(&rows.time, own[0]..own[1], &rows.bits), expected);
        }
    }

    #[test]
    fn a_retention_that_is_swept_equals_the_fold(
        spec in retention_spec(),
        grouped in any::<bool>(),
        entities in entities(prop_oneof![4 => 1i64..DAY, 1 => DAY..5 * DAY]),
    ) {
        let mut rows = rows(&entities, 2);
        if spec.same_step {
            // Start and return are one event: each row is both.
            rows.mask.iter_mut().for_each(|m| *m = if *m != 0 { 3 } else { 0 });
            let both: Vec<u32> = (0..rows.mask.len() as u32).filter(|r| rows.mask[*r as usize] != 0).collect();
            rows.bits = bits(&[both.clone(), both], rows.time.len());
        }
        prop_assert!(spec.sweeps());
        let mut cohorts = Bucketer::new(spec.calendar, Unit::Week, 1);
        let groups: Vec<u32> = rows.time.iter().map(|t| cohorts.index(*t) as u32).collect();
        let (mut slow, mut swept) = (Retention::new(&spec), Retention::new(&spec));
        for own in rows.offsets.windows(2) {
            let run = Run { time: &rows.time[own[0]..own[1]], mask: &rows.mask[own[0]..own[1]] };
            let (mut expected, mut found) = (vec![], vec![]);
            let group = grouped.then_some(&groups[own[0]..own[1]]);
            slow.each(run, group, None, &mut |_, row, bits| expected.push((row as usize + own[0], bits.to_vec())));
            let by = if grouped { Some(&mut cohorts) } else { None };
            swept.sweep(&rows.time, own[0]..own[1], &rows.bits, by, &mut |row, bits| found.push((row, bits.to_vec())));
            prop_assert_eq!(found, expected);
        }
    }
}
