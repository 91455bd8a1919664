//! Ranges that move: when a row leaves, when one enters (rules 12, 21).
#![allow(clippy::expect_used)]

use eql_catalog::WeekStart;
use eql_compiler::bound::{Clock, TimeRange};
use eql_grammar::ast::{Bound, Instant, LastKind, Range, RangeKind, Span, Unit};
use eql_planner::live::{LiveRange, RangeMemo};
use eql_planner::resolve;

const HOUR: i64 = 3_600_000_000;

fn range(kind: RangeKind, zone: &str) -> LiveRange {
    let clock = Clock { zone: zone.into(), week_start: WeekStart::Monday, as_of: None };
    let range = TimeRange { range: Range { kind, span: Span::default() }, clock, before: None };
    LiveRange::new(&range).expect("a range").expect("one that moves on")
}

fn last(n: u64, kind: LastKind, unit: Unit) -> RangeKind {
    RangeKind::Last(Some(Bound::Int(n, Span::default())), kind, unit)
}

fn ago(n: u64, unit: Unit) -> Instant {
    Instant::Ago(Bound::Int(n, Span::default()), unit, Span::default())
}

#[test]
fn rows_leave_and_enter_at_the_first_instant_at_which_they_are_out_or_in() {
    let kinds = [
        last(3, LastKind::Calendar, Unit::Day),
        last(2, LastKind::Complete, Unit::Week),
        last(30, LastKind::Rolling, Unit::Hour),
        last(1, LastKind::Rolling, Unit::Month),
        last(2, LastKind::Calendar, Unit::Month),
        RangeKind::This(Unit::Week),
        RangeKind::Previous(Unit::Month),
        RangeKind::Yesterday,
        RangeKind::FromTo(ago(9, Unit::Day), ago(4, Unit::Day)),
        RangeKind::Since(ago(5, Unit::Day)),
        RangeKind::Before(ago(2, Unit::Day)),
    ];
    // The clocks change on 8 March and 29 March 2026.
    let begin = 1_772_000_000_000_000;
    let mut seed = 1_u64;
    let mut below = |n: i64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(seed >> 33).unwrap_or(0) % n
    };
    for zone in ["UTC", "America/New_York", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Apia"] {
        for kind in &kinds {
            let live = range(kind.clone(), zone);
            // One that remembers must say what one says that never saw anything.
            let (mut memo, fresh) = (RangeMemo::default(), || RangeMemo::default());
            for _ in 0..60 {
                let now = begin + below(40 * 24) * HOUR + below(3) - 1;
                let t = now - below(70 * 24) * HOUR / 2 + below(3) - 1;
                let (start, end) = live.at(now, &mut memo);
                assert_eq!((start, end), resolve(live.range(), now).expect("resolved"), "{kind:?} {zone}");
                if let Some(at) = live.leaves(t, now, &mut memo).filter(|_| start <= t) {
                    assert!(
                        at > now && live.at(at, &mut fresh()).0 > t && live.at(at - 1, &mut fresh()).0 <= t,
                        "{kind:?} {zone}: {t} leaves at {at}"
                    );
                }
                if let Some(at) = live.enters(t, now).filter(|_| t >= end) {
                    assert!(
                        at > now && live.at(at, &mut fresh()).1 > t && live.at(at - 1, &mut fresh()).1 <= t,
                        "{kind:?} {zone}: {t} enters at {at}"
                    );
                }
            }
        }
    }
}
