//! Matches in random small worlds against obvious loops: SEQUENCE, INTERVALS, ATTRIBUTION.
//!
//! Times come from a tiny grid, so ties are common; properties are often missing. The loops read the rows of one user, sorted by time and then by
//! order of import, and try every choice of rows.

use eql_tests::{Cell, Small};
use proptest::prelude::*;
use proptest::test_runner::Config;
use std::collections::BTreeMap;

/// Hours between two points of the grid: four points a day, three days.
const STEP: i64 = 6;
const POINTS: i64 = 12;
const USERS: usize = 3;

/// After everything: no window is open.
const SETUP: &str = "SET now = '2026-03-01T00:00:00Z'; DEFINE ENTITY user KEY user_id STRING ();
DEFINE EVENT a OF user (x BIGINT, p STRING); DEFINE EVENT b OF user (x BIGINT, p STRING); DEFINE EVENT c OF user (x BIGINT, p STRING)";

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
    let event = prop_oneof![Just("a"), Just("b"), Just("c")];
    let p = prop_oneof![1 => Just(None), 2 => Just(Some("k")), 2 => Just(Some("m"))];
    (0..USERS, event, 0..POINTS, proptest::option::of(-2..4i64), p).prop_map(|(user, event, point, x, p)| Row {
        user,
        event,
        hour: point * STEP,
        x,
        p,
    })
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    proptest::collection::vec(row(), 0..26)
}

fn time(hour: i64) -> String {
    format!("2026-01-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24)
}

fn filled(rows: &[Row]) -> Small {
    let mut small = Small::new();
    small.ask(SETUP).unwrap_or_else(|e| panic!("{e}"));
    let line = |(i, r): (usize, &Row)| {
        let user = format!("u{}", r.user);
        serde_json::json!({"event": r.event, "event_id": i.to_string(), "time": time(r.hour), "user_id": user, "x": r.x, "p": r.p})
            .to_string()
    };
    let lines: Vec<String> = rows.iter().enumerate().map(line).collect();
    if !lines.is_empty() {
        small.import(None, &lines.join("\n")).unwrap_or_else(|e| panic!("{e}"));
    }
    small
}

/// The rows of a user in order of time; at one time, in order of import.
fn of(rows: &[Row], user: usize) -> Vec<Row> {
    let mut found: Vec<Row> = rows.iter().filter(|r| r.user == user).cloned().collect();
    found.sort_by_key(|r| r.hour);
    found
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

/// What a question about steps says beside its steps.
#[derive(Clone, Copy, Debug)]
struct Said {
    window: i64,
    strictly_later: bool,
    held: bool,
    excluding: bool,
    nothing_between: bool,
}

impl Said {
    fn holds(self, r: &Row, first: &Row) -> bool {
        !self.held || (r.p.is_some() && r.p == first.p)
    }

    /// Whether rows (numbers of `rows`, one a step) make a match.
    fn fits(self, rows: &[Row], chosen: &[usize]) -> bool {
        let hour = |i: usize| rows[i].hour;
        let (first, last) = (chosen[0], chosen[chosen.len() - 1]);
        let later = |w: &[usize]| if self.strictly_later { hour(w[0]) < hour(w[1]) } else { hour(w[0]) <= hour(w[1]) };
        let between = |i: &usize| hour(first) < hour(*i) && hour(*i) < hour(last);
        let excluded = |i: usize| rows[i].event == "c" && self.holds(&rows[i], &rows[first]);
        let disturbed = |i: usize| (self.excluding && excluded(i)) || (self.nothing_between && !chosen.contains(&i));
        chosen.windows(2).all(later)
            && (1..chosen.len()).all(|k| !chosen[..k].contains(&chosen[k]))
            && chosen.iter().all(|i| self.holds(&rows[*i], &rows[first]))
            && hour(last) - hour(first) <= self.window
            && !(0..rows.len()).filter(between).any(disturbed)
    }

    fn words(self) -> String {
        let part = |on: bool, words: &'static str| if on { words } else { "" };
        format!(
            "WITHIN {} hours {} {} {} {}",
            self.window,
            part(self.strictly_later, "TIES FORBIDDEN"),
            part(self.held, "HOLDING p"),
            part(self.excluding, "EXCLUDING c"),
            part(self.nothing_between, "IN STRICT ORDER"),
        )
    }
}

/// For each first row that has one, the match that is complete first: times of the rows.
fn sequences(rows: &[Row], steps: &[&str], said: Said) -> Vec<Vec<i64>> {
    let mut found = Vec::new();
    for start in (0..rows.len()).filter(|i| rows[*i].event == steps[0]) {
        let mut choices: Vec<Vec<usize>> = vec![vec![start]];
        for step in &steps[1..] {
            let longer = |c: &Vec<usize>| {
                let next = (0..rows.len()).filter(|i| rows[*i].event == *step).map(|i| c.iter().copied().chain([i]).collect());
                next.collect::<Vec<Vec<usize>>>()
            };
            choices = choices.iter().flat_map(longer).collect();
        }
        let times = |c: &Vec<usize>| c.iter().map(|i| rows[*i].hour).collect::<Vec<_>>();
        let best = choices.iter().filter(|c| said.fits(rows, c)).map(times).min_by_key(|t| (t[t.len() - 1], t.clone()));
        found.extend(best);
    }
    found.sort();
    found
}

/// Starts in order, each with the first end that is not used.
fn pairs(rows: &[Row], ends: &str, said: Said) -> Vec<(i64, i64)> {
    let mut used = vec![false; rows.len()];
    let mut found = Vec::new();
    for start in (0..rows.len()).filter(|i| rows[*i].event == "a") {
        let follows = |end: usize| match (said.strictly_later, ends == "a") {
            (true, _) => rows[end].hour > rows[start].hour,
            (false, true) => end > start,
            (false, false) => rows[end].hour >= rows[start].hour,
        };
        let fits = |end: &usize| {
            rows[*end].event == ends
                && !used[*end]
                && follows(*end)
                && said.holds(&rows[*end], &rows[start])
                && said.holds(&rows[start], &rows[start])
        };
        let end = (0..rows.len()).find(fits).filter(|end| rows[*end].hour - rows[start].hour <= said.window);
        if let Some(end) = end {
            used[end] = true;
            found.push((rows[start].hour, rows[end].hour));
        }
    }
    found
}

/// Shares of a goal's touches, first to last.
fn shares(model: &str, before: &[i64]) -> Vec<f64> {
    let n = before.len();
    let weight = |i: usize| match model {
        "first" => f64::from(u8::from(i == 0)),
        "last" => f64::from(u8::from(i + 1 == n)),
        "position(0.5, 0.2, 0.3)" if n > 1 && i == 0 => 0.5,
        "position(0.5, 0.2, 0.3)" if n > 1 && i + 1 == n => 0.3,
        "position(0.5, 0.2, 0.3)" if n > 2 => 0.2 / (n as f64 - 2.0),
        "time_decay(half_life => 12 hours)" => (-(before[i] as f64) / 12.0).exp2(),
        _ => 1.0,
    };
    let weights: Vec<f64> = (0..n).map(weight).collect();
    let sum: f64 = if model == "participation" { 1.0 } else { weights.iter().sum() };
    weights.iter().map(|w| w / sum).collect()
}

/// By touch: the credit, the credited sum of the goals' x, and the different touch rows.
fn credits(rows: &[Row], model: &str, lookback: i64, held: bool) -> BTreeMap<String, (f64, f64, Vec<usize>)> {
    let said = Said { window: 0, strictly_later: false, held, excluding: false, nothing_between: false };
    let mut by_touch: BTreeMap<String, (f64, f64, Vec<usize>)> = BTreeMap::new();
    for goal in (0..rows.len()).filter(|i| rows[*i].event == "c") {
        let near = |i: &usize| rows[*i].event != "c" && rows[goal].hour - rows[*i].hour <= lookback && said.holds(&rows[*i], &rows[goal]);
        let touches: Vec<usize> = (0..goal).filter(near).collect();
        let before: Vec<i64> = touches.iter().map(|i| rows[goal].hour - rows[*i].hour).collect();
        let value = rows[goal].x.unwrap_or(0) as f64;
        let mut credit = |touch: &str, share: f64, row: Option<usize>| {
            let known = by_touch.entry(touch.to_string()).or_default();
            known.0 += share;
            known.1 += share * value;
            if let Some(row) = row.filter(|r| !known.2.contains(r)) {
                known.2.push(row);
            }
        };
        if touches.is_empty() {
            credit("(direct)", 1.0, None);
        }
        for (touch, share) in touches.iter().zip(shares(model, &before)).filter(|(_, share)| *share > 0.0) {
            credit(rows[*touch].event, share, Some(*touch));
        }
    }
    by_touch
}

const MODELS: [&str; 6] = ["first", "last", "linear", "position(0.5, 0.2, 0.3)", "time_decay(half_life => 12 hours)", "participation"];

fn few(cases: u32) -> Config {
    Config { cases, max_shrink_iters: 200, failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(few(32))]

    #[test]
    fn sequences_are_what_search_finds(rows in rows(), window in 0..6i64, flags in any::<(bool, bool, bool, bool)>()) {
        let (strictly_later, held, excluding, nothing_between) = flags;
        let said = Said { window: window * STEP, strictly_later, held, excluding, nothing_between };
        let mut small = filled(&rows);
        for (steps, text) in [(&["a", "b"][..], "a -> b"), (&["a", "b", "a"], "a AS one -> b -> a AS two"), (&["a", "a"], "a AS one -> a AS two")] {
            let answer = ask(&mut small, &format!("SEQUENCE {text} {} DURING all time", said.words()));
            let told = |user: usize| {
                let named = move |t: Vec<i64>| std::iter::once(format!("u{user}")).chain(t.into_iter().map(time)).collect::<Vec<_>>();
                sequences(&of(&rows, user), steps, said).into_iter().map(named)
            };
            prop_assert_eq!(answer, (0..USERS).flat_map(told).collect::<Vec<_>>(), "{} {}", text, said.words());
        }
    }

    #[test]
    fn intervals_are_what_loops_say(rows in rows(), window in 0..6i64, flags in any::<(bool, bool, bool)>()) {
        let (strictly_later, held, first_time) = flags;
        let said = Said { window: window * STEP, strictly_later, held, excluding: false, nothing_between: false };
        let mut small = filled(&rows);
        for ends in ["a", "b"] {
            let words = format!("{} {}", said.words(), if first_time { "FIRST TIME" } else { "" });
            let of_user = |user: usize| {
                let mut found = pairs(&of(&rows, user), ends, said);
                found.truncate(if first_time { 1 } else { usize::MAX });
                found.sort_unstable();
                found.into_iter().map(move |(s, e)| (user, s, e))
            };
            let told: Vec<(usize, i64, i64)> = (0..USERS).flat_map(of_user).collect();
            let question = format!("INTERVALS STARTING a AS s ENDING {ends} AS e {words} DURING all time");
            let answer = ask(&mut small, &format!("{question} SHOW user_id, s.time AS started, e.time AS ended, interval"));
            let line = |(u, s, e): &(usize, i64, i64)| vec![format!("u{u}"), time(*s), time(*e), ((e - s) * 3600).to_string()];
            prop_assert_eq!(answer, told.iter().map(line).collect::<Vec<_>>(), "{}", question);
            let mut users: Vec<usize> = told.iter().map(|t| t.0).collect();
            users.dedup();
            let longest = told.iter().map(|(_, s, e)| (e - s) * 3600).max().map_or("-".into(), |m| m.to_string());
            let answer = ask(&mut small, &format!("{question} |> SELECT pairs, entities, max"));
            prop_assert_eq!(answer, vec![vec![told.len().to_string(), users.len().to_string(), longest]]);
        }
    }

    #[test]
    fn credit_is_what_loops_say(rows in rows(), lookback in 0..6i64, held in any::<bool>()) {
        let mut small = filled(&rows);
        for model in MODELS {
            let held_words = if held { "HOLDING p" } else { "" };
            let question = format!("ATTRIBUTION GOAL c MEASURE sum(x) AS total TOUCHES a, b MODEL {model} LOOKBACK {} hours {held_words} DURING all time", lookback * STEP);
            let mut told: BTreeMap<String, (f64, f64, usize)> = BTreeMap::new();
            for user in 0..USERS {
                for (touch, (credit, total, touches)) in credits(&of(&rows, user), model, lookback * STEP, held) {
                    let all = told.entry(touch).or_default();
                    *all = (all.0 + credit, all.1 + total, all.2 + touches.len());
                }
            }
            let answer = ask(&mut small, &question);
            prop_assert_eq!(answer.len(), told.len(), "{}: {:?}", question, answer);
            for (line, (touch, (credit, total, touches))) in answer.iter().zip(&told) {
                let number = |i: usize| line[i].parse::<f64>().unwrap_or(f64::NAN);
                prop_assert_eq!(&line[0], touch, "{}", question);
                prop_assert_eq!(&line[1], &touches.to_string(), "{}: {:?}", question, line);
                prop_assert!((number(2) - credit).abs() < 1e-9 && (number(3) - total).abs() < 1e-9, "{question}: {line:?}, not {credit} and {total}");
            }
            let goals = rows.iter().filter(|r| r.event == "c").count() as f64;
            let sum: f64 = answer.iter().map(|l| l[2].parse::<f64>().unwrap_or(f64::NAN)).sum();
            prop_assert!(model == "participation" || (sum - goals).abs() < 1e-9, "{question}: credit {sum} of {goals} goals");
        }
    }
}
