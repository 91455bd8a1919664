//! Random small worlds against obvious loops, and laws that hold in every world.
//!
//! Times come from a tiny grid, so ties are common; properties are often missing; the last user has no event. The oracle reads the rows of one user
//! and knows nothing of timelines, plans or batches.

use eql_tests::{Cell, Small, Table};
use proptest::prelude::*;
use proptest::test_runner::Config;
use std::collections::BTreeSet;

/// Hours between two points of the grid: four points a day, three days.
const STEP: i64 = 6;
const POINTS: i64 = 12;

/// After everything: no window is open.
const SETUP: &str = "SET now = '2026-03-01T00:00:00Z'; DEFINE ENTITY user KEY user_id STRING ();
DEFINE EVENT a OF user (x BIGINT, p STRING); DEFINE EVENT b OF user (x BIGINT, p STRING); DEFINE EVENT c OF user (x BIGINT, p STRING);
DEFINE SESSION visit OF user OVER a, b TIMEOUT 6 hours";

/// An event, its time in hours since the start of 2026.
#[derive(Clone, Debug)]
struct Row {
    user: usize,
    event: &'static str,
    hour: i64,
    x: Option<i64>,
    p: Option<&'static str>,
}

#[derive(Clone, Debug)]
struct Rows {
    users: usize,
    rows: Vec<Row>,
}

fn row(users: usize) -> impl Strategy<Value = Row> {
    let event = prop_oneof![3 => Just("a"), 3 => Just("b"), 1 => Just("c")];
    let p = prop_oneof![Just(None), Just(Some("k")), Just(Some("m"))];
    (0..users, event, 0..POINTS, proptest::option::of(-2..4i64), p).prop_map(|(user, event, point, x, p)| Row {
        user,
        event,
        hour: point * STEP,
        x,
        p,
    })
}

fn rows() -> impl Strategy<Value = Rows> {
    (3..6usize).prop_flat_map(|users| proptest::collection::vec(row(users - 1), 0..28).prop_map(move |rows| Rows { users, rows }))
}

fn time(hour: i64) -> String {
    format!("2026-01-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24)
}

fn line(i: usize, r: &Row) -> String {
    let (event, time) = (r.event, time(r.hour));
    serde_json::json!({"event": event, "event_id": i.to_string(), "time": time, "user_id": name(r.user), "x": r.x, "p": r.p}).to_string()
}

fn name(user: usize) -> String {
    format!("u{user}")
}

fn empty(rows: &Rows) -> Small {
    let mut small = Small::new();
    small.ask(SETUP).unwrap_or_else(|e| panic!("{e}"));
    let users: Vec<String> = (0..rows.users).map(|u| serde_json::json!({ "user_id": name(u) }).to_string()).collect();
    small.import(Some("user"), &users.join("\n")).unwrap_or_else(|e| panic!("{e}"));
    small
}

fn load(small: &Small, lines: &[String]) {
    if !lines.is_empty() {
        small.import(None, &lines.join("\n")).unwrap_or_else(|e| panic!("{e}"));
    }
}

fn lines(rows: &Rows) -> Vec<String> {
    rows.rows.iter().enumerate().map(|(i, r)| line(i, r)).collect()
}

fn filled(rows: &Rows) -> Small {
    let small = empty(rows);
    load(&small, &lines(rows));
    small
}

fn table(small: &mut Small, text: &str) -> Table {
    small.ask(text).unwrap_or_else(|e| panic!("{text}\n{e}"))
}

/// A result as text, missing values as `-`.
fn ask(small: &mut Small, text: &str) -> Vec<Vec<String>> {
    let cell = |cell: Cell| match cell {
        Cell::Null => "-".to_string(),
        Cell::Bool(b) => b.to_string(),
        Cell::Text(t) => t.strip_suffix(".0").unwrap_or(&t).to_string(),
    };
    table(small, text).rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect()
}

fn shown<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_string(), |v| v.to_string())
}

/// The rows of a user in order of time; at one time, in order of import.
fn of(rows: &Rows, user: usize, events: &[&str]) -> Vec<Row> {
    let mut found: Vec<Row> = rows.rows.iter().filter(|r| r.user == user && events.contains(&r.event)).cloned().collect();
    found.sort_by_key(|r| r.hour);
    found
}

/// Whether the rows of a scope are in days `from..=to` of January, counted from 0.
fn during(rows: Vec<Row>, from: i64, to: i64) -> Vec<Row> {
    rows.into_iter().filter(|r| (from..=to).contains(&(r.hour / 24))).collect()
}

/// Times of the best attempt of one user: furthest, then earliest start, then earliest end.
fn best(rows: &[Row], steps: &[&str], window: i64, strict: bool) -> Vec<i64> {
    let mut best: Vec<i64> = Vec::new();
    let mut open: Vec<Vec<usize>> = (0..rows.len()).filter(|i| rows[*i].event == steps[0]).map(|i| vec![i]).collect();
    while let Some(attempt) = open.pop() {
        let times: Vec<i64> = attempt.iter().map(|i| rows[*i].hour).collect();
        let rank = |t: &[i64]| (-(t.len() as i64), t.first().copied(), t.last().copied());
        if rank(&times) < rank(&best) {
            best.clone_from(&times);
        }
        let (first, last) = (times[0], times[times.len() - 1]);
        let fits = |i: &usize| {
            let hour = rows[*i].hour;
            let later = if strict { hour > last } else { hour >= last };
            steps.get(attempt.len()).is_some_and(|s| rows[*i].event == *s) && later && hour - first <= window && !attempt.contains(i)
        };
        open.extend((0..rows.len()).filter(fits).map(|i| attempt.iter().copied().chain([i]).collect()));
    }
    best
}

/// Cells (cohort day, size, n, returned) of one world: starts in days 1 to 2 of the grid.
fn cells(rows: &Rows, back: &str, first: bool) -> Vec<Vec<String>> {
    let mut cells = Vec::new();
    for day in 1..=2 {
        let start = |user: usize| {
            let starts = of(rows, user, &["a"]);
            let seen = |r: &&Row| r.hour / 24 == day;
            let start = if first { starts.first().filter(seen) } else { starts.iter().find(seen) };
            start.map(|r| r.hour)
        };
        let cohort: Vec<(usize, i64)> = (0..rows.users).filter_map(|u| Some((u, start(u)?))).collect();
        for n in 0..=2i64 {
            let returned = |(user, t0): &&(usize, i64)| {
                let same = back == "a" && n == 0;
                same || of(rows, *user, &[back]).iter().any(|r| r.hour >= *t0 && r.hour / 24 - t0 / 24 == n)
            };
            let count = cohort.iter().filter(returned).count();
            if !cohort.is_empty() {
                cells.push(vec![format!("2026-01-{:02}", day + 1), cohort.len().to_string(), n.to_string(), count.to_string()]);
            }
        }
    }
    cells
}

/// Sessions (user, start, depth, seconds) over a and b.
fn sessions(rows: &Rows, timeout: i64) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for user in 0..rows.users {
        let mut cuts: Vec<Vec<i64>> = Vec::new();
        for r in of(rows, user, &["a", "b"]) {
            match cuts.last_mut() {
                Some(cut) if r.hour - cut[cut.len() - 1] <= timeout => cut.push(r.hour),
                _ => cuts.push(vec![r.hour]),
            }
        }
        let told =
            |cut: Vec<i64>| vec![name(user), time(cut[0]), cut.len().to_string(), ((cut[cut.len() - 1] - cut[0]) * 3600).to_string()];
        found.extend(cuts.into_iter().map(told));
    }
    found
}

fn members(small: &mut Small, condition: &str) -> Vec<String> {
    let rows = ask(small, &format!("FIND user WHERE {condition} SHOW user_id ORDER BY user_id"));
    rows.into_iter().map(|mut r| r.remove(0)).collect()
}

/// Questions whose answers must not depend on how they are come by.
const QUESTIONS: &[&str] = &[
    "FIND user SHOW user_id, count(a) AS n, sum(a.x) AS s, min(b.x) AS lo, max(b.x) AS hi, count(DISTINCT a.p) AS d ORDER BY user_id",
    "FUNNEL a -> b -> a WITHIN 1 day DURING all time",
    "FUNNEL a -> b WITHIN 12 hours DURING all time BREAKDOWN BY user_id",
    "RETENTION STARTING a RETURNING b EVERY day FOR 2 days DURING '2026-01-01' TO '2026-01-03'",
    "SESSIONS visit DURING all time SHOW user_id, started_at, depth, duration ORDER BY user_id, started_at",
    "TREND count(a) AS n, sum(a.x) AS s EVERY day BREAKDOWN BY p DURING '2026-01-01' TO '2026-01-03'",
    "DISTRIBUTION count(a) OF user BUCKETS (0, 1, 2, 3) DURING all time",
];

fn answers(small: &mut Small) -> Vec<Vec<Vec<String>>> {
    QUESTIONS.iter().map(|q| ask(small, q)).collect()
}

fn few(cases: u32) -> Config {
    Config { cases, max_shrink_iters: 200, failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(few(24))]

    #[test]
    fn behaviour_is_what_loops_say(rows in rows(), from in 0..3i64, length in 0..3i64) {
        let mut small = filled(&rows);
        let to = from + length;
        let scope = format!("DURING '2026-01-{:02}' TO '2026-01-{:02}'", from + 1, to + 1);
        let text = format!(
            "FIND user SHOW user_id, count(a {scope}) AS n, sum(a.x {scope}) AS s, min(a.x {scope}) AS lo, max(a.x {scope}) AS hi, \
             first(a.x {scope}) AS f, last(a.x {scope}) AS l, count(DISTINCT a.x {scope}) AS d, (DID a AT LEAST 2 TIMES {scope}) AS twice, \
             (NEVER DID a {scope}) AS silent, (DID a ON AT LEAST 2 DAYS {scope}) AS days, count(a WHERE x != 1 {scope}) AS other ORDER BY user_id"
        );
        let told = |user: usize| {
            let seen = during(of(&rows, user, &["a"]), from, to);
            let values: Vec<i64> = seen.iter().filter_map(|r| r.x).collect();
            let days: BTreeSet<i64> = seen.iter().map(|r| r.hour / 24).collect();
            vec![
                name(user),
                seen.len().to_string(),
                values.iter().sum::<i64>().to_string(),
                shown(values.iter().min()),
                shown(values.iter().max()),
                shown(seen.first().and_then(|r| r.x)),
                shown(seen.last().and_then(|r| r.x)),
                values.iter().collect::<BTreeSet<_>>().len().to_string(),
                (seen.len() >= 2).to_string(),
                seen.is_empty().to_string(),
                (days.len() >= 2).to_string(),
                seen.iter().filter(|r| r.x != Some(1)).count().to_string(),
            ]
        };
        prop_assert_eq!(ask(&mut small, &text), (0..rows.users).map(told).collect::<Vec<_>>());
    }

    #[test]
    fn funnels_are_what_search_finds(rows in rows(), window in 0..5i64) {
        let mut small = filled(&rows);
        let steps = ["a", "b", "a"];
        for (ties, strict) in [("TIES ALLOWED", false), ("TIES FORBIDDEN", true)] {
            let length = format!("{} hours", window * STEP);
            let found: Vec<(usize, Vec<i64>)> = (0..rows.users)
                .map(|u| (u, best(&of(&rows, u, &["a", "b"]), &steps, window * STEP, strict)))
                .filter(|(_, times)| !times.is_empty())
                .collect();
            let who = ask(&mut small, &format!(
                "FUNNEL a AS s1 -> b AS s2 -> a AS s3 {ties} WITHIN {length} DURING all time SHOW ENTITIES |> SELECT user_id, reached, t1, coalesce(t3, t2, t1) AS t"
            ));
            let told = |(u, t): &(usize, Vec<i64>)| vec![name(*u), t.len().to_string(), time(t[0]), time(t[t.len() - 1])];
            prop_assert_eq!(who, found.iter().map(told).collect::<Vec<_>>(), "{} {}", ties, length);
            let counted = ask(&mut small, &format!(
                "FUNNEL a AS s1 -> b AS s2 -> a AS s3 {ties} WITHIN {length} DURING all time |> SELECT step, entities"
            ));
            let level = |k: usize| vec![k.to_string(), found.iter().filter(|(_, t)| t.len() >= k).count().to_string()];
            prop_assert_eq!(counted, (1..=3).map(level).collect::<Vec<_>>());
            let did = members(&mut small, &format!("DID a -> b -> a WITHIN {length} {ties}"));
            let through: Vec<String> = found.iter().filter(|(_, t)| t.len() == 3).map(|(u, _)| name(*u)).collect();
            prop_assert_eq!(did, through);
        }
    }

    #[test]
    fn retention_is_what_loops_say(rows in rows()) {
        let mut small = filled(&rows);
        for back in ["a", "b"] {
            for (words, first) in [("RECURRING", false), ("FIRST TIME", true)] {
                let text = format!(
                    "RETENTION STARTING a RETURNING {back} {words} EVERY day FOR 2 days DURING '2026-01-02' TO '2026-01-03' \
                     |> WHERE size > 0 |> SELECT cohort, size, n, returned |> ORDER BY cohort, n"
                );
                prop_assert_eq!(ask(&mut small, &text), cells(&rows, back, first), "{}", text);
            }
        }
    }

    #[test]
    fn sessions_are_what_loops_say(rows in rows()) {
        let mut small = filled(&rows);
        let text = "SESSIONS visit DURING all time SHOW user_id, started_at, depth, duration ORDER BY user_id, started_at";
        prop_assert_eq!(ask(&mut small, text), sessions(&rows, 6));
    }

    /// The list behind a number has as many entities as the number says, and adds up to it.
    #[test]
    fn lists_add_up_to_their_numbers(rows in rows()) {
        let mut small = filled(&rows);
        let ltv = "LTV STARTING a MEASURE sum(b.x) AS s, count(b) AS n_b OF user EVERY day FOR 2 days DURING '2026-01-01' TO '2026-01-03' BREAKDOWN BY p";
        let counted = ask(&mut small, &format!("{ltv} |> WHERE size > 0 |> SELECT cohort, p, n, size, s, n_b |> ORDER BY cohort, p, n"));
        let listed = "AGGREGATE count(DISTINCT user_id) AS size, sum(s) AS s, sum(n_b) AS n_b GROUP BY cohort, p, n";
        let listed = ask(&mut small, &format!("{ltv} SHOW ENTITIES |> {listed} |> SELECT cohort, p, n, size, s, n_b |> ORDER BY cohort, p, n"));
        prop_assert_eq!(listed, counted);

        let sessions = "SESSIONS visit EVERY day DURING '2026-01-01' TO '2026-01-03' BREAKDOWN BY entry";
        let counted = format!("{sessions} MEASURE count(*) AS sessions, count(DISTINCT user_id) AS who ORDER BY period, entry");
        let listed = "AGGREGATE sum(sessions) AS sessions, count(*) AS who GROUP BY period, entry";
        let listed = format!("{sessions} SHOW ENTITIES |> {listed} |> SELECT period, entry, sessions, who |> ORDER BY period, entry");
        prop_assert_eq!(ask(&mut small, &listed), ask(&mut small, &counted));

        for held in ["BY SESSION visit", "WITHIN 12 hours", "WITHIN 1 day STARTING a"] {
            let paths = format!("PATHS OVER a, b OF user {held} DEPTH 3 DURING all time");
            let counted = format!("{paths} |> SELECT path, sessions, entities |> ORDER BY path");
            let listed = "AGGREGATE sum(sessions) AS sessions, count(DISTINCT user_id) AS entities GROUP BY path";
            let listed = format!("{paths} SHOW ENTITIES |> {listed} |> SELECT path, sessions, entities |> ORDER BY path");
            prop_assert_eq!(ask(&mut small, &listed), ask(&mut small, &counted), "{}", held);
        }
    }

    #[test]
    fn sets_obey_their_laws(rows in rows()) {
        let mut small = filled(&rows);
        let (p, q) = ("DID a AT LEAST 2 TIMES", "DID [b WHERE x != 1]");
        prop_assert_eq!(members(&mut small, &format!("NOT ({p} AND {q})")), members(&mut small, &format!("NOT {p} OR NOT {q}")));
        prop_assert_eq!(members(&mut small, &format!("NOT ({p} OR {q})")), members(&mut small, &format!("NOT {p} AND NOT {q}")));
        prop_assert_eq!(members(&mut small, "DID a AT LEAST 1 TIMES"), members(&mut small, "NOT (NEVER DID a)"));
        prop_assert_eq!(members(&mut small, "DID a EXACTLY 0 TIMES"), members(&mut small, "NEVER DID a"));
        table(&mut small, &format!("DEFINE SEGMENT moving OF user AS {p} OR {q}; DEFINE STATIC SEGMENT still OF user AS {p} OR {q}"));
        prop_assert_eq!(ask(&mut small, "FIND user AMONG moving EXCEPT moving SHOW user_id").len(), 0);
        let list = members(&mut small, &format!("{p} OR {q}"));
        prop_assert_eq!(&members(&mut small, "user_id IN SEGMENT moving"), &list);
        prop_assert_eq!(&members(&mut small, "user_id IN SEGMENT still"), &list);
        let count = ask(&mut small, &format!("FIND user WHERE {p} OR {q} |> AGGREGATE count(*) AS n"));
        prop_assert_eq!(count, vec![vec![list.len().to_string()]]);
    }
}

proptest! {
    #![proptest_config(few(10))]

    #[test]
    fn answers_do_not_depend_on_the_way(rows in rows(), cut in 0..28usize, seed in 0..1000usize) {
        let mut small = filled(&rows);
        let wanted = answers(&mut small);
        // The second time comes from the cache, the third and fourth are computed anew.
        prop_assert_eq!(&answers(&mut small), &wanted);
        for setting in ["SET result_cache = 'off'", "SET threads = 1", "SET threads = 3"] {
            table(&mut small, setting);
            prop_assert_eq!(&answers(&mut small), &wanted, "{}", setting);
        }
        let mut small = small.reopen();
        prop_assert_eq!(&answers(&mut small), &wanted, "reopened");

        // In another order, in three imports, with the directory closed between them.
        let mut lines = lines(&rows);
        let turn = seed % lines.len().max(1);
        lines.rotate_left(turn);
        if seed % 2 == 0 {
            lines.reverse();
        }
        let (head, tail) = lines.split_at(cut.min(lines.len()));
        let small = empty(&rows);
        load(&small, head);
        let small = small.reopen();
        load(&small, tail);
        // What is known already changes nothing.
        load(&small, head);
        let mut small = small.reopen();
        prop_assert_eq!(&answers(&mut small), &wanted, "in another order");
    }
}
