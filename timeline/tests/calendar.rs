//! The calendar in five zones: golden days worked by hand, and laws that hold everywhere.

use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use eql_timeline::{Bucketer, Calendar, Unit, WeekStart, Window};
use proptest::prelude::*;

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
const ZONES: [Tz; 7] = [
    chrono_tz::UTC,
    chrono_tz::Asia::Shanghai,
    chrono_tz::America::New_York,
    chrono_tz::Asia::Kathmandu,
    chrono_tz::Pacific::Apia,
    chrono_tz::Australia::Lord_Howe,
    chrono_tz::America::Sao_Paulo,
];
const UNITS: [Unit; 9] =
    [Unit::Millisecond, Unit::Second, Unit::Minute, Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Quarter, Unit::Year];

fn calendar(zone: Tz) -> Calendar {
    Calendar { zone, week_start: WeekStart::Monday }
}

/// Microseconds of a UTC time, or of a wall clock as if it were UTC.
fn at(text: &str) -> i64 {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a time").and_utc().timestamp_micros()
}

fn day(text: &str) -> i64 {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").expect("a date");
    (date - NaiveDate::default()).num_days()
}

#[test]
fn rule_21_a_day_is_a_local_date() {
    let shanghai = calendar(chrono_tz::Asia::Shanghai);
    // 17:00 UTC is 01:00 of the next day in Shanghai.
    assert_eq!(shanghai.floor(at("2026-03-01 17:00"), Unit::Day), at("2026-03-01 16:00"));
    assert_eq!(shanghai.period_index(at("2026-03-01 17:00"), Unit::Day), day("2026-03-02"));
    assert_eq!(i64::from(shanghai.local_date(at("2026-03-01 15:59"))), day("2026-03-01"));
    let kathmandu = calendar(chrono_tz::Asia::Kathmandu);
    assert_eq!(kathmandu.floor(at("2026-03-01 18:14"), Unit::Day), at("2026-02-28 18:15"));
    assert_eq!(kathmandu.floor(at("2026-03-01 18:15"), Unit::Day), at("2026-03-01 18:15"));
    // The hour begins at xx:00 on the local clock, which is xx:15 UTC.
    assert_eq!(kathmandu.floor(at("2026-03-01 18:14"), Unit::Hour), at("2026-03-01 17:15"));
}

#[test]
fn rule_21_days_of_23_and_25_hours() {
    let york = calendar(chrono_tz::America::New_York);
    let length = |text: &str| york.period_start(day(text) + 1, Unit::Day) - york.period_start(day(text), Unit::Day);
    assert_eq!(length("2026-03-07"), 24 * HOUR);
    assert_eq!(length("2026-03-08"), 23 * HOUR);
    assert_eq!(length("2026-11-01"), 25 * HOUR);
    // The two hours 01:00 of 1 November stay two.
    let (first, second) = (at("2026-11-01 05:30"), at("2026-11-01 06:30"));
    assert_eq!(york.to_local(first), york.to_local(second));
    assert_eq!(york.period_index(second, Unit::Hour), york.period_index(first, Unit::Hour) + 1);
    assert_eq!(york.floor(second, Unit::Hour), at("2026-11-01 06:00"));
}

#[test]
fn rule_21_hours_together_are_those_of_the_clock() {
    let york = calendar(chrono_tz::America::New_York);
    let cuts = |from: &str, count: i64| {
        let first = york.cut_index(at(from), Unit::Hour, count);
        (first..first + 4).map(|i| york.cut_start(i, Unit::Hour, count)).collect::<Vec<_>>()
    };
    let winter = ["2026-03-07 05:00", "2026-03-07 11:00", "2026-03-07 17:00", "2026-03-07 23:00"].map(at);
    assert_eq!(cuts("2026-03-07 05:00", 6), winter);
    let spring = ["2026-03-08 05:00", "2026-03-08 10:00", "2026-03-08 16:00", "2026-03-08 22:00"].map(at);
    assert_eq!(cuts("2026-03-08 09:59", 6), spring);
    let autumn = ["2026-11-01 04:00", "2026-11-01 11:00", "2026-11-01 17:00", "2026-11-01 23:00"].map(at);
    assert_eq!(cuts("2026-11-01 10:59", 6), autumn);
    // Two hours of the autumn night are three, and one stays one.
    assert_eq!(cuts("2026-11-01 06:59", 2)[..2], ["2026-11-01 04:00", "2026-11-01 07:00"].map(at));
    assert_eq!(cuts("2026-11-01 06:30", 1)[..2], ["2026-11-01 06:00", "2026-11-01 07:00"].map(at));
}

proptest! {
    #[test]
    fn cuts_are_one_behind_the_other(t in -2_000_000_000i64..4_000_000_000, zone in 0..ZONES.len(), unit in 0..4usize, count in 1i64..100) {
        let (calendar, unit, t) = (calendar(ZONES[zone]), UNITS[unit], t * 1_000_000 + 123_456);
        let index = calendar.cut_index(t, unit, count);
        prop_assert!(calendar.cut_start(index, unit, count) <= t);
        prop_assert!(t < calendar.cut_start(index + 1, unit, count));
        let mut bucketer = Bucketer::new(calendar, unit, count);
        prop_assert_eq!(bucketer.floor(t), calendar.cut_start(index, unit, count));
    }
}

#[test]
fn rule_21_the_day_that_apia_skipped() {
    let apia = calendar(chrono_tz::Pacific::Apia);
    // 2011-12-29 ended at 10:00 UTC (UTC−10) and 2011-12-31 began (UTC+14).
    let jump = at("2011-12-30 10:00");
    assert_eq!(apia.local_date(jump - 1), day("2011-12-29") as i32);
    assert_eq!(apia.local_date(jump), day("2011-12-31") as i32);
    assert_eq!(apia.from_local(at("2011-12-30 12:00")), jump);
    assert_eq!(apia.period_start(day("2011-12-30"), Unit::Day), jump);
    assert_eq!(apia.period_start(day("2011-12-31"), Unit::Day), jump);
    assert_eq!(apia.period_index(jump, Unit::Day), day("2011-12-31"));
    assert_eq!(apia.add(jump - HOUR, 1, Unit::Day), jump);
    assert_eq!(apia.floor(jump + HOUR, Unit::Week), apia.from_local(at("2011-12-26 00:00")));
}

#[test]
fn rule_21_a_midnight_that_does_not_exist() {
    // In São Paulo on 2018-11-04 the clock went from 00:00 to 01:00.
    let paulo = calendar(chrono_tz::America::Sao_Paulo);
    let start = paulo.period_start(day("2018-11-04"), Unit::Day);
    assert_eq!(start, at("2018-11-04 03:00"));
    assert_eq!(paulo.to_local(start), at("2018-11-04 01:00"));
    assert_eq!(paulo.floor(start, Unit::Day), start);
    assert_eq!(paulo.period_start(day("2018-11-05"), Unit::Day) - start, 23 * HOUR);
}

#[test]
fn rule_21_weeks_begin_where_asked() {
    // 2026-11-18 is a Wednesday.
    let t = at("2026-11-18 12:00");
    for (week_start, monday) in
        [(WeekStart::Monday, "2026-11-16 00:00"), (WeekStart::Sunday, "2026-11-15 00:00"), (WeekStart::Saturday, "2026-11-14 00:00")]
    {
        let calendar = Calendar { zone: chrono_tz::UTC, week_start };
        assert_eq!(calendar.floor(t, Unit::Week), at(monday));
    }
    assert_eq!(Calendar::utc().period_index(0, Unit::Week), 0);
    assert_eq!(Calendar::utc().period_start(0, Unit::Week), at("1969-12-29 00:00"));
}

#[test]
fn rule_3_months_are_calendar_months_and_a_day_is_24_hours() {
    let utc = Calendar::utc();
    assert_eq!(utc.add(at("2026-01-31 10:00"), 1, Unit::Month), at("2026-02-28 10:00"));
    assert_eq!(utc.add(at("2024-02-29 10:00"), 1, Unit::Year), at("2025-02-28 10:00"));
    assert_eq!(utc.add(at("2026-03-31 10:00"), -1, Unit::Quarter), at("2025-12-31 10:00"));
    let york = calendar(chrono_tz::America::New_York);
    let noon = at("2026-03-07 17:00");
    assert_eq!(york.add(noon, 1, Unit::Day), at("2026-03-08 16:00"));
    assert_eq!(Window::Micros(DAY).end(noon), at("2026-03-08 17:00"));
    assert_eq!(Window::Calendar { count: 1, unit: Unit::Day, calendar: york }.end(noon), at("2026-03-08 16:00"));
    // 02:30 does not exist on 8 March: the first instant after the gap.
    assert_eq!(york.add(at("2026-03-07 07:30"), 1, Unit::Day), at("2026-03-08 07:00"));
    // 01:30 exists twice on 1 November: the earlier.
    assert_eq!(york.add(at("2026-10-31 05:30"), 1, Unit::Day), at("2026-11-01 05:30"));
}

#[test]
fn rule_21_numbers_of_months_quarters_and_years() {
    let utc = Calendar::utc();
    let t = at("2026-11-18 12:00");
    assert_eq!(utc.period_index(t, Unit::Month), 56 * 12 + 10);
    assert_eq!(utc.period_index(t, Unit::Quarter), 56 * 4 + 3);
    assert_eq!(utc.period_index(t, Unit::Year), 56);
    assert_eq!(utc.floor(t, Unit::Quarter), at("2026-10-01 00:00"));
    assert_eq!(utc.period_index(-1, Unit::Year), -1);
}

#[test]
fn periods_of_several_units_are_aligned_to_period_0() {
    let bucketer = Bucketer::new(calendar(chrono_tz::Asia::Shanghai), Unit::Hour, 6);
    // Six-hour periods begin at local midnight where the offset is whole hours.
    assert_eq!(bucketer.start_of(0), at("1969-12-31 16:00"));
    let mut weeks = Bucketer::new(Calendar::utc(), Unit::Week, 2);
    assert_eq!(weeks.index(at("1970-01-11 23:59")), 0);
    assert_eq!(weeks.index(at("1970-01-12 00:00")), 1);
}

#[test]
fn nothing_breaks_at_the_ends_of_time() {
    for zone in ZONES {
        let calendar = calendar(zone);
        for t in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX] {
            for unit in UNITS {
                calendar.floor(t, unit);
                calendar.add(t, i64::MAX, unit);
                calendar.add(t, i64::MIN, unit);
                calendar.period_start(t, unit);
                Bucketer::new(calendar, unit, 3).index(t);
            }
            calendar.local_date(t);
            calendar.from_local(t);
        }
    }
}

fn instants() -> impl Strategy<Value = i64> {
    // 1972 to 2037, with more weight near the changes of offset and around whole hours.
    let spots = vec![
        at("2011-12-30 10:00"),
        at("2026-03-08 07:00"),
        at("2026-11-01 06:00"),
        at("2018-11-04 03:00"),
        at("2018-02-18 02:00"),
        at("2026-04-04 15:00"),
        at("2026-10-03 15:30"),
    ];
    prop_oneof![
        (63_072_000_000_000i64 * 1000 / 1000)..2_114_380_800_000_000,
        (prop::sample::select(spots), -30i64..30, -2i64..3).prop_map(|(spot, quarters, micros)| spot + quarters * HOUR / 4 + micros),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_period_holds_its_instants(t in instants(), zone in prop::sample::select(ZONES.to_vec()), unit in prop::sample::select(UNITS.to_vec())) {
        let calendar = calendar(zone);
        let index = calendar.period_index(t, unit);
        let (start, end) = (calendar.period_start(index, unit), calendar.period_start(index + 1, unit));
        prop_assert!(start <= t && t < end, "{start} {t} {end}");
        prop_assert_eq!(calendar.period_index(start, unit), index);
        prop_assert!(calendar.period_index(start - 1, unit) < index);
        prop_assert_eq!(calendar.floor(t, unit), start);
        if unit >= Unit::Day {
            // A period begins at local midnight, or just after a jump over it.
            let local = calendar.to_local(start);
            prop_assert!(local % DAY == 0 || calendar.to_local(start - 1) < local - local.rem_euclid(DAY));
        }
    }

    #[test]
    fn local_time_comes_back(t in instants(), zone in prop::sample::select(ZONES.to_vec())) {
        let calendar = calendar(zone);
        let local = calendar.to_local(t);
        let back = calendar.from_local(local);
        prop_assert!(back <= t);
        prop_assert_eq!(calendar.to_local(back), local);
    }

    #[test]
    fn a_wall_clock_is_reached_at_its_first_instant(local in instants(), zone in prop::sample::select(ZONES.to_vec())) {
        let calendar = calendar(zone);
        let t = calendar.from_local(local);
        prop_assert!(calendar.to_local(t) >= local);
        prop_assert!(calendar.to_local(t - 1) < local);
    }

    #[test]
    fn the_bucketer_equals_the_calendar(
        times in prop::collection::vec(instants(), 1..40),
        zone in prop::sample::select(ZONES.to_vec()),
        unit in prop::sample::select(UNITS.to_vec()),
        count in 1i64..4,
    ) {
        let calendar = calendar(zone);
        let mut bucketer = Bucketer::new(calendar, unit, count);
        for t in times {
            let index = calendar.cut_index(t, unit, count);
            prop_assert_eq!(bucketer.index(t), index);
            prop_assert_eq!(bucketer.floor(t), calendar.cut_start(index, unit, count));
            prop_assert_eq!(bucketer.start_of(index), calendar.cut_start(index, unit, count));
            if unit >= Unit::Day || unit < Unit::Hour {
                // Days and longer are counted on; so are the shortest, of which three make no whole hour.
                prop_assert_eq!(index, calendar.period_index(t, unit).div_euclid(count));
            }
        }
    }

    #[test]
    fn adding_days_keeps_the_clock_or_lands_after_a_gap(t in instants(), n in -40i64..40, zone in prop::sample::select(ZONES.to_vec())) {
        let calendar = calendar(zone);
        let moved = calendar.add(t, n, Unit::Day);
        let wanted = calendar.to_local(t) + n * DAY;
        prop_assert!(n == 0 || calendar.to_local(moved) == wanted || calendar.to_local(moved - 1) < wanted);
        prop_assert_eq!(calendar.add(t, n * 7, Unit::Day), calendar.add(t, n, Unit::Week));
        prop_assert_eq!(calendar.add(t, n, Unit::Hour), t + n * HOUR);
    }
}
