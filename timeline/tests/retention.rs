//! Rule 20: golden cases, and the oracle.

mod oracle;

use eql_timeline::retention::{Retention, cell_count, cell_of, mature};
use eql_timeline::{Calendar, Cells, NULL, RetentionSpec, Run, Unit, WeekStart, retention};
use proptest::prelude::*;

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

fn spec(cells: Cells) -> RetentionSpec {
    RetentionSpec {
        cells,
        rolling: false,
        first_time: false,
        unbounded: false,
        ties_forbidden: false,
        same_step: false,
        start: 0..100 * DAY,
        calendar: Calendar::utc(),
        now: 100 * DAY,
    }
}

fn days(count: u32) -> Cells {
    Cells::Periods { count, unit: Unit::Day }
}

fn cohorts(spec: &RetentionSpec, rows: &[(i64, u64)], group: Option<&[u32]>) -> Vec<(u32, u32, u64)> {
    let (time, mask): (Vec<i64>, Vec<u64>) = rows.iter().copied().unzip();
    let mut out = Vec::new();
    retention(spec, Run { time: &time, mask: &mask }, group, None, &mut out);
    out.iter().map(|cohort| (cohort.group, cohort.start_row, cohort.returned[0])).collect()
}

#[test]
fn rule_20_calendar_days_against_elapsed_days() {
    // Start 23:00 on day 0, return 01:00 on day 1: the next calendar day, but the same 24 hours.
    let rows = [(23 * HOUR, 1), (25 * HOUR, 2)];
    let mut asked = spec(days(2));
    assert_eq!(cohorts(&asked, &rows, None), [(0, 0, 0b010)]);
    asked.rolling = true;
    assert_eq!(cohorts(&asked, &rows, None), [(0, 0, 0b001)]);
    // Exactly 24 hours later is period 1.
    assert_eq!(cohorts(&asked, &[(23 * HOUR, 1), (47 * HOUR, 2)], None), [(0, 0, 0b010)]);
    assert_eq!(cohorts(&asked, &[(23 * HOUR, 1), (47 * HOUR - 1, 2)], None), [(0, 0, 0b001)]);
}

#[test]
fn rule_20_a_return_is_another_row_and_later() {
    let asked = spec(days(2));
    // The start row is a return, too, but not its own.
    assert_eq!(cohorts(&asked, &[(0, 3)], None), [(0, 0, 0)]);
    // Another row of the same instant counts, even one that sorts before the start.
    assert_eq!(cohorts(&asked, &[(0, 2), (0, 1)], None), [(0, 1, 0b001)]);
    let forbidden = RetentionSpec { ties_forbidden: true, ..asked.clone() };
    assert_eq!(cohorts(&forbidden, &[(0, 2), (0, 1)], None), [(0, 1, 0)]);
    let same = RetentionSpec { same_step: true, ..asked };
    assert_eq!(cohorts(&same, &[(0, 3)], None), [(0, 0, 0b001)]);
}

#[test]
fn rule_20_recurring_and_first_time() {
    // Starts on days 0, 1 and 2, a return on day 3; a cohort a day.
    let rows = [(0, 1), (DAY, 1), (DAY + HOUR, 1), (2 * DAY, 1), (3 * DAY, 2)];
    let group = [10, 11, 11, 12, 13];
    let mut asked = RetentionSpec { start: DAY..9 * DAY, ..spec(days(3)) };
    assert_eq!(cohorts(&asked, &rows, Some(&group)), [(11, 1, 0b100), (12, 3, 0b010)]);
    // The first start in all history lies before the range.
    asked.first_time = true;
    assert_eq!(cohorts(&asked, &rows, Some(&group)), []);
    asked.start = 0..DAY;
    assert_eq!(cohorts(&asked, &rows, Some(&group)), [(10, 0, 0b1000)]);
}

#[test]
fn rule_20_unbounded_is_n_or_later() {
    let asked = RetentionSpec { unbounded: true, ..spec(days(3)) };
    assert_eq!(cohorts(&asked, &[(0, 1), (2 * DAY, 2)], None), [(0, 0, 0b0111)]);
    assert_eq!(cohorts(&asked, &[(0, 1), (50 * DAY, 2)], None), [(0, 0, 0b1111)]);
}

#[test]
fn rule_20_brackets() {
    let cells = Cells::Brackets { bounds: vec![1, 3, 7], unit: Unit::Day };
    assert_eq!((cell_count(&cells, false), cell_count(&cells, true)), (2, 3));
    let mut asked = spec(cells);
    let rows = [(0, 1), (HOUR, 2), (2 * DAY, 2), (3 * DAY, 2), (7 * DAY, 2)];
    assert_eq!(cohorts(&asked, &rows, None), [(0, 0, 0b11)]);
    asked.unbounded = true;
    assert_eq!(cohorts(&asked, &rows, None), [(0, 0, 0b111)]);
    assert_eq!(cohorts(&asked, &rows[..3], None), [(0, 0, 0b001)]);
}

#[test]
fn rule_20_cells_not_over_are_null() {
    // Cohort of day 0. Its last start is a moment before day 1; period n is over when day n + 1 begins.
    let mut asked = RetentionSpec { now: 3 * DAY, ..spec(days(9)) };
    assert!(mature(&asked, DAY, 2));
    assert!(!mature(&asked, DAY, 3));
    asked.now -= 1;
    assert!(!mature(&asked, DAY, 2));
    // Elapsed days run from the last start: almost a day longer.
    let mut rolling = RetentionSpec { rolling: true, now: 3 * DAY, ..spec(days(9)) };
    assert!(mature(&rolling, DAY, 1));
    assert!(!mature(&rolling, DAY, 2));
    rolling.now = 4 * DAY - 1;
    assert!(mature(&rolling, DAY, 2));
    let brackets = RetentionSpec { now: 3 * DAY, ..spec(Cells::Brackets { bounds: vec![0, 3, 5], unit: Unit::Day }) };
    assert!(mature(&brackets, DAY, 0));
    assert!(!mature(&brackets, DAY, 1));
}

#[test]
fn rule_20_weeks_follow_the_week_start_and_months_the_calendar() {
    // 1970-01-01 is a Thursday: Sunday the 4th is in the same week from Monday, in the next from Sunday.
    let mut asked = spec(Cells::Periods { count: 2, unit: Unit::Week });
    assert_eq!(cell_of(&asked, 0, 3 * DAY), 0..1);
    asked.calendar.week_start = WeekStart::Sunday;
    assert_eq!(cell_of(&asked, 0, 3 * DAY), 1..2);
    // One elapsed month from 31 January is 28 February.
    let monthly = RetentionSpec { rolling: true, ..spec(Cells::Periods { count: 2, unit: Unit::Month }) };
    assert_eq!(cell_of(&monthly, 30 * DAY, 58 * DAY - 1), 0..1);
    assert_eq!(cell_of(&monthly, 30 * DAY, 58 * DAY), 1..2);
}

#[test]
fn rule_49_return_rows_of_a_cell() {
    let asked = spec(days(2));
    let (time, mask) = ([0, HOUR, DAY, 5 * DAY], [1, 2, 2, 2]);
    let mut out = Vec::new();
    Retention::new(&asked).returns(Run { time: &time, mask: &mask }, None, None, &mut out);
    let rows: Vec<_> = out.into_iter().map(|found| (found.row, found.cells)).collect();
    assert_eq!(rows, [(1, 0..1), (2, 1..2)]);
}

prop_compose! {
    fn case()(
        rows in prop::collection::vec((0i64..40, 0i64..3, 0u64..4, 0u32..3, prop_oneof![3 => 0u32..2, 1 => Just(NULL)]), 0..12),
        cells in prop_oneof![
            (0u32..5, prop::sample::select(vec![Unit::Hour, Unit::Day, Unit::Week, Unit::Month])).prop_map(|(count, unit)| Cells::Periods { count, unit }),
            prop::collection::btree_set(0i64..8, 2..5).prop_map(|bounds| Cells::Brackets { bounds: bounds.into_iter().collect(), unit: Unit::Day }),
        ],
        flags in any::<(bool, bool, bool, bool, bool, bool)>(),
        start in 0i64..10,
        zone in prop::sample::select(vec![chrono_tz::UTC, chrono_tz::Asia::Kathmandu, chrono_tz::America::New_York]),
    ) -> (RetentionSpec, Vec<(i64, u64, u32, u32)>, bool) {
        let (rolling, first_time, unbounded, ties_forbidden, same_step, held) = flags;
        let calendar = Calendar { zone, week_start: WeekStart::Monday };
        let mut rows: Vec<_> = rows.into_iter().map(|(step, off, mask, group, code)| (step * 6 * HOUR + off - 1, mask, group, code)).collect();
        rows.sort_by_key(|row| row.0);
        (RetentionSpec { cells, rolling, first_time, unbounded, ties_forbidden, same_step, start: start * 6 * HOUR..8 * DAY, calendar, now: 0 }, rows, held)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn retention_equals_the_oracle((spec, rows, held) in case()) {
        let time: Vec<i64> = rows.iter().map(|row| row.0).collect();
        let mask: Vec<u64> = rows.iter().map(|row| row.1).collect();
        let group: Vec<u32> = rows.iter().map(|row| row.2).collect();
        let codes: Vec<u32> = rows.iter().map(|row| row.3).collect();
        let holding = held.then_some(codes.as_slice());
        let run = Run { time: &time, mask: &mask };
        let mut out = Vec::new();
        retention(&spec, run, Some(&group), holding, &mut out);
        prop_assert_eq!(&out, &oracle::retention::retention(&spec, run, &group, holding));
        // The return rows fill exactly the cells that are full, and each as `cell_of` says.
        let mut returns = Vec::new();
        Retention::new(&spec).returns(run, Some(&group), holding, &mut returns);
        for cohort in &out {
            let mut filled = vec![0u64; cohort.returned.len()];
            for found in returns.iter().filter(|found| found.group == cohort.group) {
                prop_assert_eq!(cell_of(&spec, time[found.start_row as usize], time[found.row as usize]), found.cells.start as usize..found.cells.end as usize);
                found.cells.clone().for_each(|cell| filled[cell as usize / 64] |= 1 << (cell % 64));
            }
            prop_assert_eq!(&filled, &cohort.returned);
        }
    }
}
