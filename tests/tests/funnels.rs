//! Funnels of every mode against enumeration: every way to give rows to steps is written down and held against the rules.

use eql_tests::{Cell, Small};
use proptest::prelude::*;
use proptest::test_runner::Config;

/// Hours between two points of the grid: ties are common.
const STEP: i64 = 6;
const POINTS: i64 = 8;

const SETUP: &str = "SET now = '2026-03-01T00:00:00Z'; DEFINE ENTITY user KEY user_id STRING ();
DEFINE EVENT a OF user (p STRING); DEFINE EVENT b OF user (p STRING); DEFINE EVENT c OF user (p STRING);
DEFINE EVENT d OF user (p STRING); DEFINE EVENT h OF user (p STRING) HIDDEN;
DEFINE SESSION visit OF user OVER a, b, c TIMEOUT 6 hours";

#[derive(Clone, Debug)]
struct Row {
    user: usize,
    event: &'static str,
    hour: i64,
    p: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    InOrder,
    AnyOrder,
    Strict,
}

/// A funnel a -> b -> c.
#[derive(Clone, Debug)]
struct Asked {
    mode: Mode,
    /// b need not be done.
    optional: bool,
    /// d voids: None, anywhere, or between the steps of these places.
    excluding: Option<Option<(usize, usize)>>,
    until: bool,
    /// In strict order c does not break.
    ignoring: bool,
    holding: bool,
    ties_forbidden: bool,
    /// In hours.
    window: i64,
    /// Of the last step, in hours.
    within: Option<i64>,
}

const STEPS: [&str; 3] = ["a", "b", "c"];
const USERS: usize = 3;

fn row() -> impl Strategy<Value = Row> {
    let event = prop_oneof![4 => Just("a"), 4 => Just("b"), 4 => Just("c"), 1 => Just("d"), 1 => Just("h")];
    let p = prop_oneof![1 => Just(None), 3 => Just(Some("k")), 2 => Just(Some("m"))];
    (0..USERS, event, 0..POINTS, p).prop_map(|(user, event, point, p)| Row { user, event, hour: point * STEP, p })
}

fn asked() -> impl Strategy<Value = Asked> {
    let mode = prop_oneof![Just(Mode::InOrder), Just(Mode::AnyOrder), Just(Mode::Strict)];
    let between = prop_oneof![Just(None), Just(Some((0, 1))), Just(Some((1, 2))), Just(Some((0, 2)))];
    let flags = (any::<bool>(), prop::bool::weighted(0.2), any::<bool>(), prop::bool::weighted(0.3), any::<bool>());
    (mode, flags, proptest::option::of(between), 0..6i64, proptest::option::weighted(0.3, 0..4i64)).prop_map(
        |(mode, (optional, until, ignoring, holding, ties_forbidden), excluding, window, within)| Asked {
            mode,
            optional,
            excluding: excluding.map(|b| b.filter(|_| mode != Mode::AnyOrder)),
            until,
            ignoring: ignoring && mode == Mode::Strict,
            holding,
            ties_forbidden,
            window: window * STEP,
            within: within.map(|w| w * STEP),
        },
    )
}

fn text(f: &Asked) -> String {
    let optional = if f.optional { "OPTIONAL " } else { "" };
    let within = f.within.map(|w| format!("WITHIN {w} hours ")).unwrap_or_default();
    let mut text = format!("FUNNEL a -> {optional}b -> {within}c WITHIN {} hours DURING all time", f.window);
    text += match f.mode {
        Mode::InOrder => "",
        Mode::AnyOrder => " IN ANY ORDER",
        Mode::Strict if f.ignoring => " IN STRICT ORDER IGNORING d",
        Mode::Strict => " IN STRICT ORDER",
    };
    if let Some(between) = f.excluding {
        text += " EXCLUDING d";
        text += &between.map(|(i, j)| format!(" BETWEEN STEP {} AND {}", i + 1, j + 1)).unwrap_or_default();
    }
    text += if f.until { " UNTIL h" } else { "" };
    text += if f.holding { " HOLDING p" } else { "" };
    text += if f.ties_forbidden { " TIES FORBIDDEN" } else { "" };
    text
}

/// One user's rows in order of time, and the rows of an attempt: a place for each step.
struct World<'a> {
    rows: &'a [Row],
    asked: &'a Asked,
}

type Found = [Option<usize>; 3];
/// Least is best: level, start, completion, times of required steps, time of the optional one.
type Key = (i64, i64, i64, Vec<i64>, i64);
/// The same among attempts from different starts: level, start, completion, whether the optional step is missing. Starts come in their order.
type Rank = (i64, i64, i64, bool);

impl World<'_> {
    fn required(&self, step: usize) -> bool {
        step != 1 || !self.asked.optional
    }

    fn same(&self, a: usize, b: usize) -> bool {
        !self.asked.holding || (self.rows[a].p.is_some() && self.rows[a].p == self.rows[b].p)
    }

    /// Whether a row of `event` that shares the held value lies strictly between.
    fn lies_between(&self, event: &str, start: usize, low: i64, high: i64) -> bool {
        (0..self.rows.len()).any(|x| {
            let r = &self.rows[x];
            r.event == event && self.same(start, x) && low < r.hour && r.hour < high
        })
    }

    fn allowed(&self, start: usize, found: &Found) -> bool {
        let (f, hour) = (self.asked, |row: usize| self.rows[row].hour);
        let matched: Vec<usize> = found.iter().flatten().copied().collect();
        let (t0, last) = (hour(start), matched.iter().map(|r| hour(*r)).max().unwrap_or(0));
        let mut distinct = matched.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() < matched.len() || matched.iter().any(|r| !self.same(start, *r) || hour(*r) < t0) || last - t0 > f.window {
            return false;
        }
        if f.mode == Mode::AnyOrder {
            let begins = (0..3).any(|s| self.required(s) && found[s] == Some(start));
            let tied = matched.iter().any(|r| matched.iter().any(|o| o != r && hour(*o) == hour(*r)));
            if !begins || (f.ties_forbidden && tied) {
                return false;
            }
        } else {
            let gap = (0..3).any(|s| found[s].is_some() && (0..s).any(|e| self.required(e) && found[e].is_none()));
            let order = |w: &[usize]| hour(w[0]) < hour(w[1]) || (!f.ties_forbidden && hour(w[0]) == hour(w[1]));
            if found[0] != Some(start) || gap || !matched.windows(2).all(order) {
                return false;
            }
        }
        if let (Some(within), Some(row)) = (f.within, found[2]) {
            let base = match f.mode {
                Mode::AnyOrder => Some(start),
                _ => (0..2).rev().find(|s| self.required(*s)).and_then(|s| found[s]),
            };
            if row != start && base.is_some_and(|b| hour(row) - hour(b) > within) {
                return false;
            }
        }
        let excluded = match f.excluding {
            None => false,
            Some(None) => self.lies_between("d", start, t0, last),
            Some(Some((i, j))) => match (found[i], found[j]) {
                (Some(low), Some(high)) => self.lies_between("d", start, hour(low), hour(high)),
                _ => false,
            },
        };
        let ended = f.until && self.lies_between("h", start, t0, last);
        let broken = f.mode == Mode::Strict
            && (0..self.rows.len()).any(|x| {
                let r = &self.rows[x];
                let quiet = r.event == "h" || (f.ignoring && r.event == "d");
                t0 < r.hour && r.hour < last && !quiet && !matched.contains(&x)
            });
        !excluded && !ended && !broken
    }

    fn key(&self, start: usize, found: &Found) -> Key {
        let time = |step: usize| found[step].map_or(i64::MAX, |r| self.rows[r].hour);
        let required: Vec<i64> = (0..3).filter(|s| self.required(*s)).map(time).collect();
        let done: Vec<i64> = required.iter().copied().filter(|t| *t != i64::MAX).collect();
        let optional = if self.required(1) { 0 } else { time(1) };
        (-(done.len() as i64), self.rows[start].hour, done.into_iter().max().unwrap_or(0), required, optional)
    }

    /// The attempt that counts for the entity.
    fn best(&self) -> Option<(Key, Found)> {
        let rank = |(key, found): &(Key, Found)| -> Rank { (key.0, key.1, key.2, self.asked.optional && found[1].is_none()) };
        self.attempts().into_iter().min_by_key(rank)
    }

    /// The best attempt of each start row.
    fn attempts(&self) -> Vec<(Key, Found)> {
        let starts = |row: &usize| {
            let event = self.rows[*row].event;
            let begins = (0..3).any(|s| STEPS[s] == event && (s == 0 || (self.asked.mode == Mode::AnyOrder && self.required(s))));
            begins && self.same(*row, *row)
        };
        let choices = |step: usize| {
            let rows = (0..self.rows.len()).filter(move |r| self.rows[*r].event == STEPS[step]).map(Some);
            std::iter::once(None).chain(rows).collect::<Vec<_>>()
        };
        let best = |start: usize| {
            let mut best: Option<(Key, Found)> = None;
            for x in choices(0) {
                for y in choices(1) {
                    for z in choices(2) {
                        let found = [x, y, z];
                        let key = self.key(start, &found);
                        if self.allowed(start, &found) && best.as_ref().is_none_or(|(k, _)| key < *k) {
                            best = Some((key, found));
                        }
                    }
                }
            }
            best
        };
        (0..self.rows.len()).filter(starts).filter_map(best).collect()
    }
}

fn time(hour: i64) -> String {
    format!("2026-01-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24)
}

fn filled(rows: &[Row]) -> Small {
    let mut small = Small::new();
    small.ask(SETUP).unwrap_or_else(|e| panic!("{e}"));
    let line = |(i, r): (usize, &Row)| {
        serde_json::json!({"event": r.event, "event_id": i.to_string(), "time": time(r.hour), "user_id": format!("u{}", r.user), "p": r.p})
            .to_string()
    };
    let lines: Vec<String> = rows.iter().enumerate().map(line).collect();
    if !lines.is_empty() {
        small.import(None, &lines.join("\n")).unwrap_or_else(|e| panic!("{e}"));
    }
    small
}

fn ask(small: &mut Small, text: &str) -> Vec<Vec<String>> {
    let cell = |cell: Cell| match cell {
        Cell::Null => "-".to_string(),
        Cell::Bool(b) => b.to_string(),
        Cell::Text(t) => t,
    };
    let table = small.ask(text).unwrap_or_else(|e| panic!("{text}\n{e}"));
    table.rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect()
}

/// The rows of each session over a, b and c, and what lies between them.
fn sessions(rows: &[Row], timeout: i64) -> Vec<Vec<Row>> {
    let mut cuts: Vec<Vec<Row>> = Vec::new();
    let mut last: Option<i64> = None;
    for r in rows.iter().filter(|r| STEPS.contains(&r.event)) {
        match cuts.last_mut().filter(|_| last.is_some_and(|t| r.hour - t <= timeout)) {
            Some(cut) => cut.push(r.clone()),
            None => cuts.push(vec![r.clone()]),
        }
        last = Some(r.hour);
    }
    for cut in &mut cuts {
        let (first, last) = (cut[0].hour, cut[cut.len() - 1].hour);
        let between = rows.iter().filter(|r| !STEPS.contains(&r.event) && first <= r.hour && r.hour <= last);
        let between: Vec<Row> = between.cloned().collect();
        cut.extend(between);
        cut.sort_by_key(|r| r.hour);
    }
    cuts
}

/// The groups of p by number of rows of a, greatest first; a missing value comes last among equals.
fn ranked(rows: &[Row]) -> Vec<Option<&'static str>> {
    let count = |p: &Option<&str>| rows.iter().filter(|r| r.event == "a" && r.p == *p).count();
    let mut groups: Vec<Option<&'static str>> = [Some("k"), Some("m"), None].into_iter().filter(|p| count(p) > 0).collect();
    groups.sort_by_key(|p| std::cmp::Reverse(count(p)));
    groups
}

proptest! {
    #![proptest_config(Config { cases: 12, max_shrink_iters: 200, failure_persistence: None, ..Config::default() })]

    #[test]
    fn sessions_are_judged_one_by_one(
        rows in proptest::collection::vec(row(), 0..22),
        funnels in proptest::collection::vec(asked(), 6),
    ) {
        let mut small = filled(&rows);
        for asked in funnels {
            let text = format!("{} COUNTING SESSIONS visit |> SELECT sessions", text(&asked));
            let mut levels = Vec::new();
            for user in 0..USERS {
                let mut own: Vec<Row> = rows.iter().filter(|r| r.user == user).cloned().collect();
                own.sort_by_key(|r| r.hour);
                for session in sessions(&own, STEP) {
                    let world = World { rows: &session, asked: &asked };
                    levels.extend(world.best().map(|(k, found)| (-k.0, found)));
                }
            }
            let count = |of: &dyn Fn(&(i64, Found)) -> bool| levels.iter().filter(|l| of(l)).count().to_string();
            let last = if asked.optional { 2 } else { 3 };
            let wanted = vec![
                levels.len().to_string(),
                count(&|l| if asked.optional { l.1[1].is_some() } else { l.0 >= 2 }),
                count(&|l| l.0 >= last),
            ];
            prop_assert_eq!(ask(&mut small, &text).concat(), wanted, "{}", text);
        }
    }

    #[test]
    fn the_greatest_groups_keep_their_names(rows in proptest::collection::vec(row(), 1..30), n in 1..4usize) {
        let mut small = filled(&rows);
        let kept: Vec<Option<&str>> = ranked(&rows).into_iter().take(n).collect();
        let group = |r: &Row| if kept.contains(&r.p) { r.p.unwrap_or("-").to_string() } else { "(other)".to_string() };
        let mut wanted: Vec<Vec<String>> = Vec::new();
        for name in ["(other)", "k", "m", "-"] {
            let own: Vec<&Row> = rows.iter().filter(|r| r.event == "a" && group(r) == name).collect();
            let mut who: Vec<usize> = own.iter().map(|r| r.user).collect();
            who.sort_unstable();
            who.dedup();
            if !own.is_empty() {
                wanted.push(vec![name.to_string(), own.len().to_string(), who.len().to_string()]);
            }
        }
        let text = format!("TREND count(a) AS n, users(a) AS who BREAKDOWN BY p TOP {n} DURING all time");
        prop_assert_eq!(ask(&mut small, &text), wanted.clone(), "{}", text);
        let text = format!("FUNNEL a -> b WITHIN 1 hour COUNTING ATTEMPTS BREAKDOWN BY p TOP {n} DURING all time |> WHERE step = 1 |> SELECT p, attempts");
        let counts: Vec<Vec<String>> = wanted.into_iter().map(|w| w[..2].to_vec()).collect();
        prop_assert_eq!(ask(&mut small, &text), counts, "{}", text);
    }
}

proptest! {
    #![proptest_config(Config { cases: 12, max_shrink_iters: 400, failure_persistence: None, ..Config::default() })]

    #[test]
    fn funnels_of_every_mode_are_what_enumeration_finds(
        rows in proptest::collection::vec(row(), 0..22),
        funnels in proptest::collection::vec(asked(), 8),
    ) {
        let mut small = filled(&rows);
        let of = |user: usize| {
            let mut own: Vec<Row> = rows.iter().filter(|r| r.user == user).cloned().collect();
            own.sort_by_key(|r| r.hour);
            own
        };
        let users: Vec<Vec<Row>> = (0..USERS).map(of).collect();
        for asked in &funnels {
            let text = text(asked);
            let (mut who, mut levels, mut second) = (Vec::new(), Vec::new(), 0);
            for (user, rows) in users.iter().enumerate() {
                let world = World { rows, asked };
                let attempts = world.attempts();
                levels.extend(attempts.iter().map(|(k, found)| (-k.0, *found)));
                let Some((key, found)) = world.best() else { continue };
                let shown = |step: usize| found[step].map_or_else(|| "-".to_string(), |r| time(rows[r].hour));
                let highest = (0..3).rev().find(|s| found[*s].is_some()).map_or(0, |s| s as i64 + 1);
                let reached = if asked.mode == Mode::AnyOrder { -key.0 } else { highest };
                who.push(vec![format!("u{user}"), reached.to_string(), shown(0), shown(1), shown(2)]);
                second += usize::from(found[1].is_some());
            }
            prop_assert_eq!(ask(&mut small, &format!("{text} SHOW ENTITIES")), who.clone(), "{}", text);
            let counted = ask(&mut small, &format!("{text} |> SELECT entities"));
            let least = |n: i64| who.iter().filter(|w| level(w, asked) >= n).count().to_string();
            let wanted = if asked.optional { [least(1), second.to_string(), least(2)] } else { [least(1), least(2), least(3)] };
            prop_assert_eq!(counted.concat(), wanted.to_vec(), "{}", text);
            let counted = ask(&mut small, &format!("{text} COUNTING ATTEMPTS |> SELECT attempts"));
            let attempts = |of: &dyn Fn(&(i64, Found)) -> bool| levels.iter().filter(|l| of(l)).count().to_string();
            let last = if asked.optional { 2 } else { 3 };
            let done = |l: &(i64, Found)| if asked.optional { l.1[1].is_some() } else { l.0 >= 2 };
            let wanted = vec![levels.len().to_string(), attempts(&done), attempts(&|l| l.0 >= last)];
            prop_assert_eq!(counted.concat(), wanted, "{}", text);
            if let Some(qualifiers) = did(asked) {
                let through = |user: usize| World { rows: &users[user], asked }.attempts().iter().filter(|(k, _)| -k.0 == 3).count();
                for n in 1..3 {
                    let found = ask(&mut small, &format!("FIND user WHERE DID {qualifiers} AT LEAST {n} TIMES SHOW user_id ORDER BY user_id"));
                    let wanted: Vec<String> = (0..USERS).filter(|u| through(*u) >= n).map(|u| format!("u{u}")).collect();
                    prop_assert_eq!(found.concat(), wanted, "{}", qualifiers);
                }
            }
        }
    }
}

/// The same steps as DID takes them, where it has all that is asked.
fn did(f: &Asked) -> Option<String> {
    if f.optional || f.excluding.is_some() || f.until || f.ignoring {
        return None;
    }
    let within = f.within.map(|w| format!("WITHIN {w} hours ")).unwrap_or_default();
    let mut text = format!("a -> b -> {within}c WITHIN {} hours", f.window);
    text += match f.mode {
        Mode::InOrder => "",
        Mode::AnyOrder => " IN ANY ORDER",
        Mode::Strict => " IN STRICT ORDER",
    };
    text += if f.holding { " HOLDING p" } else { "" };
    text += if f.ties_forbidden { " TIES FORBIDDEN" } else { "" };
    Some(text)
}

/// Required steps done, of a row of a list.
fn level(row: &[String], asked: &Asked) -> i64 {
    (2..5).filter(|i| row[*i] != "-" && (*i != 3 || !asked.optional)).count() as i64
}

#[test]
fn sixty_four_steps_work_and_more_are_refused() {
    let mut small = filled(&[]);
    let line = |i: usize| {
        let time = format!("2026-01-01T{:02}:{:02}:00Z", i / 60, i % 60);
        serde_json::json!({"event": "a", "event_id": i.to_string(), "time": time, "user_id": "u0", "p": i.to_string()}).to_string()
    };
    let lines: Vec<String> = (0..64).map(line).collect();
    small.import(None, &lines.join("\n")).unwrap_or_else(|e| panic!("{e}"));
    let different = |n: usize| (0..n).map(|i| format!("[a WHERE p = '{i}']")).collect::<Vec<_>>().join(" -> ");
    let same = |n: usize| vec!["a"; n].join(" -> ");
    let last = |steps: String, more: &str| {
        format!("FUNNEL {steps} {more} WITHIN 2 hours DURING all time |> WHERE step = 64 |> SELECT entities, rate")
    };
    for text in [last(different(64), ""), last(different(64), "IN ANY ORDER"), last(same(64), ""), last(same(64), "IN STRICT ORDER")] {
        assert_eq!(ask(&mut small, &text), [["1", "1.0"]], "{text}");
    }
    let did = format!("FIND user WHERE DID {} WITHIN 2 hours SHOW user_id", different(64));
    assert_eq!(ask(&mut small, &did), [["u0"]]);
    // Rows that do not break the order need a bit of their own.
    for text in [last(different(65), ""), last(different(64), "IN STRICT ORDER")] {
        let refused = small.ask(&text).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(refused.contains("EQL0801"), "{refused}");
    }
}
