//! Paths, lifecycles, stickiness, bins and journeys in random small worlds, against loops over the rows of one user.
//!
//! Times come from a tiny grid, so ties are common; properties are often missing. Equal times are in the order of import.

use eql_tests::{Cell, Small};
use proptest::prelude::*;
use proptest::test_runner::Config;
use std::collections::{BTreeMap, BTreeSet};

/// Hours between two points of the grid, and its points: four a day, four days.
const STEP: i64 = 6;
const POINTS: i64 = 16;

const SETUP: &str = "SET now = '2026-03-01T00:00:00Z'; SET threads = 3; DEFINE ENTITY user KEY user_id BIGINT ();
DEFINE EVENT a OF user (x BIGINT, p STRING); DEFINE EVENT b OF user (x BIGINT, p STRING); DEFINE EVENT c OF user (x BIGINT, p STRING);
DEFINE SESSION visit OF user OVER a, b TIMEOUT 6 hours";

#[derive(Clone, Debug)]
struct Row {
    user: i64,
    event: &'static str,
    hour: i64,
    x: Option<i64>,
    p: Option<&'static str>,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let event = prop_oneof![3 => Just("a"), 3 => Just("b"), 1 => Just("c")];
    let p = prop_oneof![Just(None), Just(Some("k")), Just(Some("m"))];
    // Keys of one and of two digits: their order as numbers is not that of their texts.
    let row = (prop_oneof![Just(2i64), Just(9), Just(10), Just(11)], event, 0..POINTS, proptest::option::of(0..4i64), p);
    let row = row.prop_map(|(user, event, point, x, p)| Row { user, event, hour: point * STEP, x, p });
    proptest::collection::vec(row, 0..32)
}

fn time(hour: i64) -> String {
    format!("2026-01-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24)
}

fn filled(rows: &[Row]) -> Small {
    let mut small = Small::new();
    small.ask(SETUP).unwrap_or_else(|e| panic!("{e}"));
    let line = |(i, r): (usize, &Row)| {
        let id = i.to_string();
        serde_json::json!({"event": r.event, "event_id": id, "time": time(r.hour), "user_id": r.user, "x": r.x, "p": r.p}).to_string()
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

/// The rows of each user in order of time; at one time, in order of import.
fn users(rows: &[Row]) -> BTreeMap<i64, Vec<Row>> {
    let mut out: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
    for r in rows {
        out.entry(r.user).or_default().push(r.clone());
    }
    out.values_mut().for_each(|v| v.sort_by_key(|r| r.hour));
    out
}

/// Stretches of rows: by a pause of more than six hours, or by a length from the first.
fn cut(rows: Vec<Row>, window: Option<i64>) -> Vec<Vec<Row>> {
    let mut out: Vec<Vec<Row>> = Vec::new();
    for r in rows {
        let fits = |s: &Vec<Row>| match window {
            Some(w) => r.hour - s[0].hour <= w,
            None => r.hour - s[s.len() - 1].hour <= 6,
        };
        match out.last_mut().filter(|s| fits(s)) {
            Some(s) => s.push(r),
            None => out.push(vec![r]),
        }
    }
    out
}

/// What is asked of paths.
#[derive(Clone, Debug)]
struct Ask {
    window: Option<i64>,
    days: (i64, i64),
    start: bool,
    end: bool,
    by_p: bool,
    keep: bool,
    depth: usize,
}

impl Ask {
    fn text(&self) -> String {
        let mut words = vec!["PATHS OVER a, b, c".to_string()];
        words.extend(self.start.then(|| "STARTING [a WHERE x >= 2]".to_string()));
        words.extend(self.end.then(|| "ENDING b".to_string()));
        words.extend(self.by_p.then(|| "NODE BY p".to_string()));
        words.extend(self.keep.then(|| "KEEP REPEATS".to_string()));
        words.push(self.window.map_or_else(|| "BY SESSION visit".to_string(), |w| format!("WITHIN {w} hours")));
        words.push(format!("DEPTH {} DURING '2026-01-{:02}' TO '2026-01-{:02}'", self.depth, self.days.0 + 1, self.days.1 + 1));
        words.join(" ")
    }

    /// Every path: its user, its nodes, and whether DEPTH cut it.
    fn paths(&self, rows: &[Row]) -> Vec<(i64, Vec<String>, bool)> {
        let mut out = Vec::new();
        for (user, own) in users(rows) {
            let own: Vec<Row> = match self.window {
                Some(_) => own.into_iter().filter(|r| r.hour >= self.days.0 * 24).collect(),
                None => own.into_iter().filter(|r| r.event != "c").collect(),
            };
            for stretch in self.cut(own) {
                if (self.days.0..=self.days.1).contains(&(stretch[0].hour / 24)) {
                    out.extend(self.path(&stretch).map(|(nodes, more)| (user, nodes, more)));
                }
            }
        }
        out
    }

    fn starts(&self, r: &Row) -> bool {
        r.event == "a" && r.x >= Some(2)
    }

    /// Stretches of rows; a window with STARTING begins with its start, and rows outside a window are in none.
    fn cut(&self, own: Vec<Row>) -> Vec<Vec<Row>> {
        let Some(window) = self.window.filter(|_| self.start) else { return cut(own, self.window) };
        let mut out: Vec<Vec<Row>> = Vec::new();
        for r in own {
            match out.last_mut().filter(|s| r.hour - s[0].hour <= window) {
                Some(s) => s.push(r),
                None if self.starts(&r) => out.push(vec![r]),
                None => {}
            }
        }
        out
    }

    fn path(&self, stretch: &[Row]) -> Option<(Vec<String>, bool)> {
        let first = if self.start { stretch.iter().position(|r| self.starts(r))? } else { 0 };
        let last = if self.end { stretch.iter().rposition(|r| r.event == "b")? } else { stretch.len() - 1 };
        let name = |r: &Row| if self.by_p { r.p.unwrap_or("-").to_string() } else { r.event.to_string() };
        let mut nodes: Vec<String> = stretch.get(first..=last)?.iter().map(name).collect();
        if !self.keep {
            nodes.dedup();
        }
        if nodes.is_empty() {
            return None;
        }
        let more = nodes.len() > self.depth;
        if self.end {
            nodes.drain(..nodes.len().saturating_sub(self.depth));
        } else {
            nodes.truncate(self.depth);
        }
        Some((nodes, more))
    }
}

/// Groups of (user, key): how often, and how many users.
fn counted<K: Ord>(seen: Vec<(i64, K)>) -> BTreeMap<K, (usize, usize)> {
    let mut out: BTreeMap<K, (usize, BTreeSet<i64>)> = BTreeMap::new();
    for (user, key) in seen {
        let entry = out.entry(key).or_default();
        entry.0 += 1;
        entry.1.insert(user);
    }
    out.into_iter().map(|(k, (n, users))| (k, (n, users.len()))).collect()
}

fn ask_of_paths() -> impl Strategy<Value = Ask> {
    let window = proptest::option::of((0..6i64).prop_map(|w| w * STEP));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (window, 0..2i64, 0..3i64, flags, 1..6usize).prop_map(|(window, from, length, (start, end, by_p, keep), depth)| Ask {
        window,
        days: (from, from + length),
        start,
        end,
        by_p,
        keep,
        depth,
    })
}

/// As a list looks in a cell; a missing member is empty.
fn list(nodes: &[String]) -> String {
    let members: Vec<&str> = nodes.iter().map(|n| if n == "-" { "" } else { n.as_str() }).collect();
    format!("[{}]", members.join(", "))
}

/// The number of the bin of each place: bins of equal counts, the first ones one more.
fn ntile(count: usize, bins: usize) -> Vec<usize> {
    let size = |bin: usize| count / bins + usize::from(bin < count % bins);
    (0..bins).flat_map(|bin| std::iter::repeat_n(bin + 1, size(bin))).collect()
}

fn few(cases: u32) -> Config {
    Config { cases, max_shrink_iters: 200, failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(few(40))]

    #[test]
    fn paths_are_what_loops_say(rows in rows(), asked in ask_of_paths()) {
        let mut small = filled(&rows);
        let paths = asked.paths(&rows);
        let marked = |(user, nodes, more): &(i64, Vec<String>, bool)| {
            let mut nodes = nodes.clone();
            if *more {
                nodes.insert(if asked.end { 0 } else { nodes.len() }, "(more)".into());
            }
            (*user, list(&nodes))
        };
        let told: Vec<Vec<String>> = counted(paths.iter().map(marked).collect())
            .into_iter()
            .map(|(path, (sessions, users))| vec![path, sessions.to_string(), users.to_string()])
            .collect();
        let mut found = ask(&mut small, &asked.text());
        let shares: f64 = found.iter().filter_map(|r| r[3].parse::<f64>().ok()).sum();
        prop_assert!(found.is_empty() || (shares - 1.0).abs() < 1e-9, "{:?}", found);
        found.iter_mut().for_each(|r| r.truncate(3));
        found.sort();
        prop_assert_eq!(found, told, "{}", asked.text());

        let mut seen = Vec::new();
        for (user, nodes, more) in &paths {
            if *more && asked.end {
                seen.push((*user, (0, "(more)".to_string(), nodes[0].clone())));
            }
            let after = if *more && !asked.end { "(more)" } else { "(exit)" }.to_string();
            let next = nodes[1..].iter().cloned().chain([after]);
            seen.extend(nodes.iter().cloned().zip(next).enumerate().map(|(i, (a, b))| (*user, (i + 1, a, b))));
        }
        let told: BTreeSet<Vec<String>> = counted(seen)
            .into_iter()
            .map(|((step, a, b), (n, users))| vec![step.to_string(), a, b, n.to_string(), users.to_string(), n.to_string()])
            .collect();
        let found: BTreeSet<Vec<String>> = ask(&mut small, &format!("{} SHOW EDGES", asked.text())).into_iter().collect();
        prop_assert_eq!(found, told, "{}", asked.text());
    }

    #[test]
    fn phases_are_what_the_definitions_say(rows in rows(), from in 0..3i64, length in 0..3i64, by_p: bool) {
        let mut small = filled(&rows);
        let to = from + length;
        // Days on which a user did a, by group.
        let mut active: BTreeMap<(String, i64), BTreeSet<i64>> = BTreeMap::new();
        for r in rows.iter().filter(|r| r.event == "a" && r.hour / 24 <= to) {
            let group = if by_p { r.p.unwrap_or("-") } else { "" };
            active.entry((group.to_string(), r.user)).or_default().insert(r.hour / 24);
        }
        let mut told: BTreeMap<(i64, String), [usize; 4]> = BTreeMap::new();
        let groups: BTreeSet<String> = active.keys().map(|k| k.0.clone()).collect();
        for ((group, _), days) in &active {
            for day in from..=to {
                let (now, before, ever) = (days.contains(&day), days.contains(&(day - 1)), days.iter().any(|d| *d < day));
                let phase = match (now, before, ever) {
                    (true, true, _) => 1,
                    (true, false, true) => 2,
                    (true, false, false) => 0,
                    (false, true, _) => 3,
                    (false, false, _) => continue,
                };
                told.entry((day, group.clone())).or_default()[phase] += 1;
            }
        }
        // Every period for every group seen in the range; without groups every period.
        let shown: BTreeSet<String> = if by_p { told.keys().map(|k| k.1.clone()).collect() } else { BTreeSet::from([String::new()]) };
        prop_assert!(!by_p || shown.is_subset(&groups));
        for group in shown {
            for day in from..=to {
                told.entry((day, group.clone())).or_default();
            }
        }
        let row = |((day, group), counts): (&(i64, String), &[usize; 4])| {
            let mut row = vec![time(day * 24)[..10].to_string()];
            row.extend(by_p.then(|| group.clone()));
            row.extend(counts.iter().map(ToString::to_string));
            row
        };
        let breakdown = if by_p { "BREAKDOWN BY p" } else { "" };
        let text = format!("LIFECYCLE a EVERY day {breakdown} DURING '2026-01-{:02}' TO '2026-01-{:02}'", from + 1, to + 1);
        let found: BTreeSet<Vec<String>> = ask(&mut small, &text).into_iter().collect();
        prop_assert_eq!(found, told.iter().map(row).collect::<BTreeSet<_>>(), "{}", text);

        // new + returning + resurrecting = active.
        if !by_p {
            let range = format!("DURING '2026-01-{:02}' TO '2026-01-{:02}'", from + 1, to + 1);
            let sums = ask(&mut small, &format!("LIFECYCLE a EVERY day {range} |> SELECT period, new + returning + resurrecting AS n"));
            prop_assert_eq!(sums, ask(&mut small, &format!("TREND users(a) AS n EVERY day {range}")));
        }
    }

    #[test]
    fn stickiness_is_what_sets_say(rows in rows(), from in 0..3i64, by_p: bool) {
        let mut small = filled(&rows);
        let mut halves: BTreeMap<(i64, String, i64), BTreeSet<i64>> = BTreeMap::new();
        for r in rows.iter().filter(|r| r.event == "b" && r.hour / 24 >= from) {
            let group = if by_p { r.p.unwrap_or("-") } else { "" }.to_string();
            halves.entry((r.hour / 24, group, r.user)).or_default().insert(r.hour / 12);
        }
        let mut told: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        for ((day, group, _), parts) in halves {
            let mut key = vec![time(day * 24)[..10].to_string()];
            key.extend(by_p.then_some(group));
            key.push(parts.len().to_string());
            *told.entry(key).or_default() += 1;
        }
        let told: BTreeSet<Vec<String>> = told.into_iter().map(|(mut k, n)| { k.push(n.to_string()); k }).collect();
        let breakdown = if by_p { "BREAKDOWN BY p" } else { "" };
        let text = format!("STICKINESS b EVERY 12 hours OVER day {breakdown} DURING '2026-01-{:02}' TO '2026-01-31'", from + 1);
        prop_assert_eq!(ask(&mut small, &text).into_iter().collect::<BTreeSet<_>>(), told, "{}", text);
    }

    #[test]
    fn bins_are_what_sorting_says(rows in rows(), bins in 1..6usize, from in 0..3i64) {
        let mut small = filled(&rows);
        let mut entities: Vec<(i64, i64, i64, i64)> = Vec::new();
        for (user, own) in users(&rows) {
            let seen: Vec<&Row> = own.iter().filter(|r| r.event == "a" && r.hour / 24 >= from).collect();
            let Some(last) = seen.last() else { continue };
            entities.push((user, last.hour, seen.len() as i64, seen.iter().filter_map(|r| r.x).sum()));
        }
        let score = |by: fn(&(i64, i64, i64, i64)) -> i64| -> BTreeMap<i64, usize> {
            let mut sorted = entities.clone();
            sorted.sort_by_key(|e| (by(e), e.0));
            sorted.iter().map(|e| e.0).zip(ntile(entities.len(), bins)).collect()
        };
        let (r, f, m) = (score(|e| e.1), score(|e| e.2), score(|e| e.3));
        let told: Vec<Vec<String>> = entities
            .iter()
            .map(|e| vec![e.0.to_string(), time(e.1), e.2.to_string(), e.3.to_string(), r[&e.0].to_string(), f[&e.0].to_string(), m[&e.0].to_string()])
            .collect();
        let text = format!(
            "RFM a MEASURE last(a.time) AS recency, count(a) AS frequency, sum(a.x) AS monetary BUCKETS {bins} DURING '2026-01-{:02}' TO '2026-01-31'",
            from + 1
        );
        prop_assert_eq!(&ask(&mut small, &format!("{text} SHOW ENTITIES")), &told, "{}", text);
        // Days since the last event order the other way round: a number as recency gives the same bins.
        let days = text.replace("last(a.time)", "days_since(last(a.time))");
        let scores = |t: &Vec<String>| vec![t[0].clone(), t[4].clone(), t[5].clone(), t[6].clone()];
        prop_assert_eq!(ask(&mut small, &format!("{days} SHOW ENTITIES |> SELECT user_id, r, f, m")), told.iter().map(scores).collect::<Vec<_>>());
        let cells = counted(told.iter().map(|t| (0, [t[4].clone(), t[5].clone(), t[6].clone()])).collect());
        let cells: Vec<Vec<String>> = cells.into_iter().map(|(k, (n, _))| k.into_iter().chain([n.to_string()]).collect()).collect();
        prop_assert_eq!(ask(&mut small, &format!("{text} |> SELECT r, f, m, entities")), cells);
    }

    #[test]
    fn journeys_are_the_rows(rows in rows(), who in prop_oneof![Just(2i64), Just(9), Just(10), Just(7)], limit in 1..12usize) {
        let mut small = filled(&rows);
        let own = users(&rows).remove(&who).unwrap_or_default();
        let told: Vec<Vec<String>> = own
            .iter()
            .filter(|r| r.event != "c")
            .map(|r| {
                let mut properties = serde_json::Map::new();
                properties.extend(r.x.map(|x| ("x".to_string(), x.into())));
                properties.extend(r.p.map(|p| ("p".to_string(), p.into())));
                vec![time(r.hour), r.event.to_string(), serde_json::Value::Object(properties).to_string(), who.to_string()]
            })
            .collect();
        let text = format!("JOURNEY OF user {who} WHERE event != 'c'");
        prop_assert_eq!(&ask(&mut small, &text), &told);
        let newest: Vec<Vec<String>> = told.into_iter().rev().take(limit).collect();
        prop_assert_eq!(ask(&mut small, &format!("{text} ORDER BY time DESC LIMIT {limit}")), newest);
    }
}
