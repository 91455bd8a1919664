//! The kernel for common funnels against the fold, entity by entity.

use eql_timeline::{
    Calendar, Counting, Funnel, FunnelSpec, FunnelStep, Mode, Reentry, Run, StepRows, UNMATCHED, Unit, WeekStart, Window, funnel,
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct World {
    spec: FunnelSpec,
    /// For each entity the gaps between its rows, at least 1, and the step of each row, or none.
    entities: Vec<Vec<(i64, Option<usize>)>>,
}

const DAY: i64 = 86_400_000_000;

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
        let rows = StepRows::new(&lists.iter().map(Vec::as_slice).collect::<Vec<_>>(), time.len());
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
