//! Measures of cells, of ranges and of samples against obvious loops, over random small worlds on a tiny grid of times.

use eql_tests::{Cell, Small};
use proptest::prelude::*;
use proptest::test_runner::Config;
use std::collections::BTreeSet;

/// Hours between two points of the grid: four points a day, four days.
const STEP: i64 = 6;
const POINTS: i64 = 16;

/// After everything: no period is open.
const SETUP: &str = "SET now = '2026-03-01T00:00:00Z'; DEFINE ENTITY user KEY user_id STRING ();
DEFINE EVENT a OF user (x BIGINT, p STRING); DEFINE EVENT b OF user (x BIGINT, p STRING)";

/// An event, its time in hours since the start of 2026.
#[derive(Clone, Debug)]
struct Row {
    user: usize,
    event: &'static str,
    hour: i64,
    x: Option<i64>,
    p: Option<&'static str>,
}

fn row() -> impl Strategy<Value = Row> {
    let p = prop_oneof![Just(None), Just(Some("k")), Just(Some("m"))];
    let event = prop_oneof![Just("a"), Just("b")];
    let fields = (0..USERS, event, 0..POINTS, proptest::option::of(-2..4i64), p);
    fields.prop_map(|(user, event, point, x, p)| Row { user, event, hour: point * STEP, x, p })
}

const USERS: usize = 4;

fn rows() -> impl Strategy<Value = Vec<Row>> {
    proptest::collection::vec(row(), 0..32)
}

fn time(hour: i64) -> String {
    format!("2026-01-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24)
}

fn day(day: i64) -> String {
    format!("2026-01-{:02}", day + 1)
}

fn filled(rows: &[Row]) -> Small {
    let mut small = Small::new();
    small.ask(SETUP).unwrap_or_else(|e| panic!("{e}"));
    let line = |(i, r): (usize, &Row)| {
        let user = format!("u{}", r.user);
        let row =
            serde_json::json!({"event": r.event, "event_id": i.to_string(), "time": time(r.hour), "user_id": user, "x": r.x, "p": r.p});
        row.to_string()
    };
    let lines: Vec<String> = rows.iter().enumerate().map(line).collect();
    if !lines.is_empty() {
        small.import(None, &lines.join("\n")).unwrap_or_else(|e| panic!("{e}"));
    }
    small
}

/// A result as text, missing values as `-`.
fn ask(small: &mut Small, text: &str) -> Vec<Vec<String>> {
    let cell = |cell: Cell| match cell {
        Cell::Null => "-".to_string(),
        Cell::Bool(b) => b.to_string(),
        Cell::Text(t) => t.strip_suffix(".0").unwrap_or(&t).to_string(),
    };
    let table = small.ask(text).unwrap_or_else(|e| panic!("{text}\n{e}"));
    table.rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect()
}

fn shown<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_string(), |v| v.to_string())
}

/// count, sum, least and different subjects of rows.
fn told(rows: &[&Row]) -> Vec<String> {
    let values: Vec<i64> = rows.iter().filter_map(|r| r.x).collect();
    let subjects: BTreeSet<usize> = rows.iter().map(|r| r.user).collect();
    vec![rows.len().to_string(), values.iter().sum::<i64>().to_string(), shown(values.iter().min()), subjects.len().to_string()]
}

/// The first start of every user in a day.
fn starts(rows: &[Row], day: i64) -> Vec<(usize, i64)> {
    let first = |user: usize| rows.iter().filter(|r| r.user == user && r.event == "a" && r.hour / 24 == day).map(|r| r.hour).min();
    (0..USERS).filter_map(|user| Some((user, first(user)?))).collect()
}

/// The rows of `event` that are worth something in the cells `cells` of a day's cohort.
fn worth<'r>(rows: &'r [Row], day: i64, event: &str, cells: &dyn Fn(i64) -> bool) -> Vec<&'r Row> {
    let cohort = starts(rows, day);
    let counts = |r: &&Row| {
        let start = cohort.iter().find(|s| s.0 == r.user);
        r.event == event && start.is_some_and(|(_, t0)| r.hour >= *t0 && cells(r.hour / 24 - t0 / 24))
    };
    rows.iter().filter(counts).collect()
}

fn few(cases: u32) -> Config {
    Config { cases, max_shrink_iters: 200, failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(few(24))]

    #[test]
    fn lifetime_value_is_what_loops_say(rows in rows()) {
        let mut small = filled(&rows);
        for event in ["a", "b"] {
            for (words, reach) in [("", 0), ("CUMULATIVE", -1), ("UNBOUNDED", 1)] {
                let text = format!(
                    "LTV STARTING a MEASURE count({event}) AS c, sum({event}.x) AS s, min({event}.x) AS lo, users({event}) AS who {words} \
                     EVERY day FOR 2 days DURING '2026-01-01' TO '2026-01-02' |> SELECT cohort, size, n, c, s, lo, who"
                );
                let mut cells = Vec::new();
                for cohort in 0..2 {
                    let size = starts(&rows, cohort).len();
                    for n in (0..=2).filter(|_| size > 0) {
                        let holds = |cell: i64| if reach < 0 { cell <= n } else if reach > 0 { cell >= n } else { cell == n };
                        let mut line = vec![day(cohort), size.to_string(), n.to_string()];
                        line.extend(told(&worth(&rows, cohort, event, &holds)));
                        cells.push(line);
                    }
                }
                prop_assert_eq!(ask(&mut small, &text), cells, "{}", text);
            }
        }
    }

    #[test]
    fn sums_that_can_be_merged_are_those_of_all_rows(rows in rows()) {
        // Alone, counts and sums are made cell by cell and added up; beside a mean they are made of all rows.
        let mut small = filled(&rows);
        for words in ["CUMULATIVE", "UNBOUNDED"] {
            let ltv = |more: &str| format!("LTV STARTING a MEASURE count(b) AS c, sum(b.x) AS s, max(b.x) AS hi{more} {words} EVERY day FOR 3 days DURING '2026-01-01' TO '2026-01-03' BREAKDOWN BY p |> SELECT cohort, p, n, c, s, hi");
            prop_assert_eq!(ask(&mut small, &ltv("")), ask(&mut small, &ltv(", avg(b.x) AS m")));
        }
    }

    #[test]
    fn returns_are_measured_as_loops_say(rows in rows()) {
        let mut small = filled(&rows);
        let text = "RETENTION STARTING a RETURNING b FOR 2 days EVERY day MEASURE count(*) AS c, sum(b.x) AS s, min(x) AS lo, users(b) AS who \
                    DURING '2026-01-01' TO '2026-01-02' |> SELECT cohort, n, returned, c, s, lo, who";
        let mut cells = Vec::new();
        for cohort in (0..2).filter(|d| !starts(&rows, *d).is_empty()) {
            for n in 0..=2 {
                let found = worth(&rows, cohort, "b", &|cell| cell == n);
                let line = told(&found);
                // Whoever has a return row came back.
                cells.push([vec![day(cohort), n.to_string(), line[3].clone()], line].concat());
            }
        }
        prop_assert_eq!(ask(&mut small, text), cells);
        let listed = ask(&mut small, "RETENTION STARTING a RETURNING b FOR 2 days EVERY day DURING '2026-01-01' TO '2026-01-02' SHOW ENTITIES CONVERTED |> AGGREGATE count(*) AS who GROUP BY cohort, n |> ORDER BY cohort, n");
        let counted = ask(&mut small, "RETENTION STARTING a RETURNING b FOR 2 days EVERY day DURING '2026-01-01' TO '2026-01-02' |> WHERE returned > 0 |> SELECT cohort, n, returned");
        prop_assert_eq!(listed, counted);
    }

    #[test]
    fn ranges_of_measures_are_what_loops_say(rows in rows(), days in 1..4i64) {
        let mut small = filled(&rows);
        let text = format!(
            "TREND count(a) AS own, count(a DURING last {days} days) AS c, sum(a.x DURING last {days} days) AS s, min(a.x DURING last {days} days) AS lo, \
             users(a DURING last {days} days) AS who, count(b DURING all time) AS ever EVERY day DURING '2026-01-02' TO '2026-01-04'"
        );
        let seen = |event: &str, from: i64, to: i64| rows.iter().filter(|r| r.event == event && (from..=to).contains(&(r.hour / 24))).collect::<Vec<_>>();
        let line = |d: i64| {
            let mut line = vec![day(d), seen("a", d, d).len().to_string()];
            line.extend(told(&seen("a", d - days + 1, d)));
            line.push(seen("b", 0, d).len().to_string());
            line
        };
        prop_assert_eq!(ask(&mut small, &text), (1..=3).map(line).collect::<Vec<_>>(), "{}", text);
    }

    #[test]
    fn a_comparison_is_two_questions(rows in rows()) {
        let mut small = filled(&rows);
        let trend = |range: &str, more: &str| format!("TREND count(a) AS c, users(b) AS who EVERY day DURING {range} {more}");
        let both = ask(&mut small, &trend("'2026-01-03' TO '2026-01-04'", "COMPARE TO previous period"));
        let main = ask(&mut small, &trend("'2026-01-03' TO '2026-01-04'", ""));
        let other = ask(&mut small, &trend("'2026-01-01' TO '2026-01-02'", ""));
        let beside: Vec<Vec<String>> = main.iter().zip(&other).map(|(m, o)| [m.as_slice(), &o[1..]].concat()).collect();
        prop_assert_eq!(both, beside);
    }

    #[test]
    fn a_sample_is_whole_subjects_and_always_the_same(rows in rows(), percent in 1..100u32) {
        let mut small = filled(&rows);
        let chosen = ask(&mut small, &format!("FIND user SAMPLE {percent}% SHOW user_id"));
        let names: Vec<String> = chosen.iter().map(|r| format!("'{}'", r[0])).collect();
        let among = if names.is_empty() { "FALSE".to_string() } else { format!("user_id IN ({})", names.join(", ")) };
        for head in [
            "TREND count(a) AS c, users(b) AS who EVERY day DURING '2026-01-01' TO '2026-01-04'",
            "FUNNEL a -> b WITHIN 1 day DURING all time",
            "RETENTION STARTING a RETURNING b FOR 2 days DURING all time",
            "LTV STARTING a MEASURE sum(b.x) AS s FOR 2 days DURING all time",
            "DISTRIBUTION count(a) OF user BUCKETS (0, 1, 3) DURING all time",
            "PROFILE OF user MEASURE count(*) AS n",
            "SELECT user_id, event_id FROM a ORDER BY event_id",
        ] {
            // Clauses of SELECT and FIND may stand in any order.
            let sampled = ask(&mut small, &format!("{head} SAMPLE {percent}%"));
            let told = ask(&mut small, &format!("{head} AMONG (FIND user WHERE {among})"));
            prop_assert_eq!(sampled, told, "{}", head);
        }
    }
}
