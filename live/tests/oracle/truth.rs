//! Conditions in plain loops over all rows: what the language says of them, with nothing of the engine in it.

use super::random::Random;
use std::cell::RefCell;
use std::fmt::Write as _;

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const HOUR: i64 = 3_600 * SECOND;
pub(crate) const DAY: i64 = 24 * HOUR;
/// Asia/Kathmandu: never another offset in these years, so that local days can be reckoned by hand.
pub(crate) const ZONE: &str = "Asia/Kathmandu";
const OFFSET: i64 = 345 * 60 * SECOND;

/// An event row of one user.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) user: i64,
    pub(crate) event: usize,
    pub(crate) time: i64,
    /// In the order of arrival.
    pub(crate) sequence: u64,
    pub(crate) id: String,
    pub(crate) amount: Option<i64>,
    pub(crate) price: Option<f64>,
    pub(crate) channel: Option<usize>,
    /// Named by key, and by these devices.
    pub(crate) keyed: bool,
    pub(crate) devices: Vec<i64>,
}

/// What is known of a user.
#[derive(Clone, Debug, Default)]
pub(crate) struct User {
    pub(crate) city: Option<usize>,
    pub(crate) age: Option<i64>,
    pub(crate) known: bool,
    /// When that was said.
    pub(crate) told: i64,
}

pub(crate) const EVENTS: [&str; 3] = ["buy", "visit", "ask"];
pub(crate) const CHANNELS: [&str; 3] = ["web", "app", "shop"];
pub(crate) const CITIES: [&str; 3] = ["Rome", "Lima", "Oslo"];

/// Which rows.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    None,
    Amount(&'static str, i64),
    Channel(usize),
    NotChannel(usize),
    OfCity(usize),
}

/// When.
#[derive(Clone, Debug)]
pub(crate) enum Window {
    All,
    Rolling(i64, &'static str, i64),
    LastDays(i64),
    CompleteDays(i64),
    DaysAgo(i64, i64),
    Between(i64, i64),
    Since(i64),
}

/// A condition.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    Count(usize, Filter, Window, &'static str, i64),
    Sum(Window, &'static str, i64),
    SumPrice(Filter, Window, &'static str, f64),
    Average(Window, &'static str, f64),
    Extreme(bool, Window, &'static str, i64),
    Distinct(bool, Window, &'static str, i64),
    Picked(bool, Window, usize, bool),
    Days(usize, Window, i64),
    Happened(Vec<(usize, Filter)>, i64, bool, bool, Window),
    Absent(usize, Filter, i64, usize, Window),
    City(usize, bool),
    Age(&'static str, i64),
    AgeUnknown,
    Both(usize, usize, Window, i64),
    PerRow(Window, f64),
    Segment(usize),
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

/// A definition: its condition and GRACE.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) condition: Condition,
    pub(crate) grace: i64,
}

/// Everything at an instant.
pub(crate) struct View<'a> {
    /// Of the user, by (time, sequence).
    pub(crate) rows: &'a [Row],
    pub(crate) user: &'a User,
    pub(crate) now: i64,
    pub(crate) definitions: &'a [Definition],
    /// What was found out about segments: others that are made of them ask again.
    pub(crate) found: RefCell<Vec<Option<bool>>>,
}

impl<'a> View<'a> {
    pub(crate) fn new(rows: &'a [Row], user: &'a User, now: i64, definitions: &'a [Definition]) -> Self {
        View { rows, user, now, definitions, found: RefCell::new(vec![None; definitions.len()]) }
    }

    /// Whether the user is in a segment.
    pub(crate) fn is_in(&self, segment: usize) -> bool {
        if let Some(found) = self.found.borrow()[segment] {
            return found;
        }
        let d = &self.definitions[segment];
        let found = d.condition.holds(self, d.grace);
        self.found.borrow_mut()[segment] = Some(found);
        found
    }
}

fn midnight(t: i64) -> i64 {
    (t + OFFSET).div_euclid(DAY) * DAY - OFFSET
}

fn instant(t: i64) -> String {
    let days = t.div_euclid(DAY);
    let (mut y, mut left) = (1970, days);
    let leap = |y: i64| (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    while left >= if leap(y) { 366 } else { 365 } {
        left -= if leap(y) { 366 } else { 365 };
        y += 1;
    }
    let lengths = [31, if leap(y) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while left >= lengths[month] {
        left -= lengths[month];
        month += 1;
    }
    let of = t.rem_euclid(DAY);
    let (h, m, s, us) = (of / HOUR, of / (60 * SECOND) % 60, of / SECOND % 60, of % SECOND);
    format!("{y:04}-{:02}-{:02}T{h:02}:{m:02}:{s:02}.{us:06}Z", month + 1, left + 1)
}

impl Window {
    fn bounds(&self, now: i64) -> (i64, i64) {
        let today = midnight(now);
        match self {
            Window::All => (i64::MIN, now),
            Window::Rolling(_, _, length) => (now - length, now),
            Window::LastDays(n) => (today - (n - 1) * DAY, now),
            Window::CompleteDays(n) => (today - n * DAY, today),
            Window::DaysAgo(a, b) => (today - a * DAY, (today - b * DAY + DAY).min(now)),
            Window::Between(a, b) => (*a, (*b).min(now)),
            Window::Since(a) => (*a, now),
        }
    }

    fn text(&self) -> String {
        match self {
            Window::All => String::new(),
            Window::Rolling(n, unit, _) => format!(" DURING last {n} rolling {unit}"),
            Window::LastDays(n) => format!(" DURING last {n} days"),
            Window::CompleteDays(n) => format!(" DURING last {n} complete days"),
            Window::DaysAgo(a, b) => format!(" DURING {a} days ago TO {b} days ago"),
            Window::Between(a, b) => format!(" DURING '{}' TO '{}'", instant(*a), instant(*b)),
            Window::Since(a) => format!(" DURING since '{}'", instant(*a)),
        }
    }

    /// Lengths at whose ends something happens.
    pub(crate) fn lengths(&self, out: &mut Vec<i64>) {
        match self {
            Window::Rolling(_, _, length) => out.push(*length),
            Window::LastDays(n) | Window::CompleteDays(n) => out.push(n * DAY),
            _ => {}
        }
    }
}

impl Filter {
    fn passes(&self, row: &Row, user: &User) -> bool {
        match self {
            Filter::None => true,
            Filter::Amount(op, v) => compares(row.amount.map(|a| a as f64), op, *v as f64),
            Filter::Channel(c) => row.channel == Some(*c),
            Filter::NotChannel(c) => row.channel != Some(*c),
            Filter::OfCity(c) => user.city == Some(*c),
        }
    }

    fn text(&self) -> String {
        match self {
            Filter::None => String::new(),
            Filter::Amount(op, v) => format!(" WHERE amount {op} {v}"),
            Filter::Channel(c) => format!(" WHERE channel = '{}'", CHANNELS[*c]),
            Filter::NotChannel(c) => format!(" WHERE channel != '{}'", CHANNELS[*c]),
            Filter::OfCity(c) => format!(" WHERE user.city = '{}'", CITIES[*c]),
        }
    }
}

fn compares(found: Option<f64>, op: &str, v: f64) -> bool {
    match (found, op) {
        (None, "!=") => true,
        (None, _) => false,
        (Some(f), ">=") => f >= v,
        (Some(f), ">") => f > v,
        (Some(f), "<") => f < v,
        (Some(f), "<=") => f <= v,
        (Some(f), "=") => f == v,
        (Some(f), _) => f != v,
    }
}

fn event(e: usize, filter: &Filter) -> String {
    match filter {
        Filter::None => EVENTS[e].to_string(),
        f => format!("[{}{}]", EVENTS[e], f.text()),
    }
}

fn length(micros: i64) -> String {
    if micros % HOUR == 0 { format!("{} hours", micros / HOUR) } else { format!("{} seconds", micros / SECOND) }
}

impl Condition {
    pub(crate) fn text(&self) -> String {
        match self {
            Condition::Count(e, f, w, op, k) => format!("count({}{}{}) {op} {k}", EVENTS[*e], f.text(), w.text()),
            Condition::Sum(w, op, k) => format!("sum(buy.amount{}) {op} {k}", w.text()),
            Condition::SumPrice(f, w, op, k) => format!("sum(buy.price{}{}) {op} {k:?}", f.text(), w.text()),
            Condition::Average(w, op, k) => format!("avg(buy.amount{}) {op} {k:?}", w.text()),
            Condition::Extreme(max, w, op, k) => format!("{}(buy.amount{}) {op} {k}", if *max { "max" } else { "min" }, w.text()),
            Condition::Distinct(channel, w, op, k) => {
                format!("count(DISTINCT buy.{}{}) {op} {k}", if *channel { "channel" } else { "amount" }, w.text())
            }
            Condition::Picked(last, w, c, missing) => {
                let of = format!("{}(buy.channel{})", if *last { "last" } else { "first" }, w.text());
                if *missing { format!("{of} IS NULL") } else { format!("{of} = '{}'", CHANNELS[*c]) }
            }
            Condition::Days(e, w, n) => format!("DID {} ON AT LEAST {n} DAYS{}", EVENTS[*e], w.text()),
            Condition::Happened(steps, within, holding, forbidden, w) => {
                let mut out = format!("DID {}", event(steps[0].0, &steps[0].1));
                for (e, f) in &steps[1..] {
                    write!(out, " -> WITHIN {} {}", length(*within), event(*e, f)).unwrap();
                }
                if *holding {
                    out.push_str(" HOLDING channel");
                }
                if *forbidden {
                    out.push_str(" TIES FORBIDDEN");
                }
                out + &w.text()
            }
            Condition::Absent(e, f, d, away, w) => {
                format!("DID {} -> NOT WITHIN {} {}{}", event(*e, f), length(*d), EVENTS[*away], w.text())
            }
            Condition::City(c, equal) => format!("city {} '{}'", if *equal { "=" } else { "!=" }, CITIES[*c]),
            Condition::Age(op, v) => format!("age {op} {v}"),
            Condition::AgeUnknown => "age IS NULL".into(),
            Condition::Both(a, b, w, k) => format!("count({}{}) + count({}{}) >= {k}", EVENTS[*a], w.text(), EVENTS[*b], w.text()),
            Condition::PerRow(w, k) => format!("sum(buy.price{}) / count(buy{}) > {k:?}", w.text(), w.text()),
            Condition::Segment(n) => format!("user_id IN SEGMENT s{n}"),
            Condition::Not(c) => format!("NOT ({})", c.text()),
            Condition::And(a, b) => format!("({}) AND ({})", a.text(), b.text()),
            Condition::Or(a, b) => format!("({}) OR ({})", a.text(), b.text()),
        }
    }

    pub(crate) fn holds(&self, v: &View<'_>, grace: i64) -> bool {
        let seen = |e: usize, f: &Filter, w: &Window| -> Vec<&Row> {
            let (start, end) = w.bounds(v.now);
            v.rows.iter().filter(|r| r.event == e && r.time < v.now && start <= r.time && r.time < end && f.passes(r, v.user)).collect()
        };
        let none = Filter::None;
        match self {
            Condition::Count(e, f, w, op, k) => compares(Some(seen(*e, f, w).len() as f64), op, *k as f64),
            Condition::Sum(w, op, k) => {
                compares(Some(seen(0, &none, w).iter().filter_map(|r| r.amount).sum::<i64>() as f64), op, *k as f64)
            }
            Condition::SumPrice(f, w, op, k) => compares(Some(seen(0, f, w).iter().filter_map(|r| r.price).sum::<f64>()), op, *k),
            Condition::Average(w, op, k) => {
                let all: Vec<i64> = seen(0, &none, w).iter().filter_map(|r| r.amount).collect();
                compares((!all.is_empty()).then(|| all.iter().sum::<i64>() as f64 / all.len() as f64), op, *k)
            }
            Condition::Extreme(max, w, op, k) => {
                let all: Vec<i64> = seen(0, &none, w).iter().filter_map(|r| r.amount).collect();
                compares(if *max { all.iter().max() } else { all.iter().min() }.map(|a| *a as f64), op, *k as f64)
            }
            Condition::Distinct(channel, w, op, k) => {
                let value = |r: &&Row| if *channel { r.channel.map(|c| c as i64) } else { r.amount };
                let mut all: Vec<i64> = seen(0, &none, w).iter().filter_map(value).collect();
                all.sort_unstable();
                all.dedup();
                compares(Some(all.len() as f64), op, *k as f64)
            }
            Condition::Picked(last, w, c, missing) => {
                let all = seen(0, &none, w);
                let row = if *last { all.last() } else { all.first() };
                let channel = row.and_then(|r| r.channel);
                if *missing { channel.is_none() } else { channel == Some(*c) }
            }
            Condition::Days(e, w, n) => {
                let mut days: Vec<i64> = seen(*e, &none, w).iter().map(|r| midnight(r.time)).collect();
                days.dedup();
                days.len() as i64 >= *n
            }
            Condition::Happened(steps, within, holding, forbidden, w) => {
                let starts = seen(steps[0].0, &steps[0].1, w);
                starts.iter().any(|s| goes_on(v, steps, *within, *holding, *forbidden, 1, &[s]))
            }
            Condition::Absent(e, f, d, away, w) => seen(*e, f, w).iter().any(|a| {
                let came =
                    |b: &Row| b.event == *away && b.time < v.now && b.sequence != a.sequence && a.time <= b.time && b.time <= a.time + d;
                a.time + d + grace < v.now && !v.rows.iter().any(came)
            }),
            Condition::City(c, equal) => (v.user.city == Some(*c)) == *equal,
            Condition::Age(op, k) => compares(v.user.age.map(|a| a as f64), op, *k as f64),
            Condition::AgeUnknown => v.user.age.is_none(),
            Condition::Both(a, b, w, k) => (seen(*a, &none, w).len() + seen(*b, &none, w).len()) as i64 >= *k,
            Condition::PerRow(w, k) => {
                let all = seen(0, &none, w);
                let sum = all.iter().filter_map(|r| r.price).sum::<f64>();
                compares((!all.is_empty()).then(|| sum / all.len() as f64), ">", *k)
            }
            Condition::Segment(n) => v.is_in(*n),
            Condition::Not(c) => !c.holds(v, grace),
            Condition::And(a, b) => a.holds(v, grace) && b.holds(v, grace),
            Condition::Or(a, b) => a.holds(v, grace) || b.holds(v, grace),
        }
    }

    pub(crate) fn lengths(&self, grace: i64, out: &mut Vec<i64>) {
        match self {
            Condition::Count(_, _, w, ..)
            | Condition::Sum(w, ..)
            | Condition::SumPrice(_, w, ..)
            | Condition::Average(w, ..)
            | Condition::Extreme(_, w, ..)
            | Condition::Distinct(_, w, ..)
            | Condition::Picked(_, w, ..)
            | Condition::Days(_, w, _)
            | Condition::Both(_, _, w, _)
            | Condition::PerRow(w, _) => w.lengths(out),
            Condition::Happened(_, within, _, _, w) => {
                out.push(*within);
                w.lengths(out);
            }
            Condition::Absent(_, _, d, _, w) => {
                out.extend([*d, d + grace]);
                w.lengths(out);
            }
            Condition::Not(c) => c.lengths(grace, out),
            Condition::And(a, b) | Condition::Or(a, b) => {
                a.lengths(grace, out);
                b.lengths(grace, out);
            }
            _ => {}
        }
    }
}

/// Whether the steps from `next` on can be filled after these rows.
fn goes_on(v: &View<'_>, steps: &[(usize, Filter)], within: i64, holding: bool, forbidden: bool, next: usize, before: &[&Row]) -> bool {
    let Some((e, f)) = steps.get(next) else { return true };
    let last = before[before.len() - 1];
    if holding && before[0].channel.is_none() {
        return false;
    }
    let fits = |r: &&Row| {
        let later = if forbidden { r.time > last.time } else { r.time >= last.time };
        r.event == *e
            && r.time < v.now
            && later
            && r.time - last.time <= within
            && f.passes(r, v.user)
            && before.iter().all(|b| b.sequence != r.sequence)
            && (!holding || r.channel == before[0].channel)
    };
    v.rows.iter().filter(fits).any(|r| {
        let mut with = before.to_vec();
        with.push(r);
        goes_on(v, steps, within, holding, forbidden, next + 1, &with)
    })
}

const OPS: [&str; 6] = [">=", ">", "<", "<=", "=", "!="];

fn filter(r: &mut Random) -> Filter {
    match r.below(8) {
        0 => Filter::Amount(OPS[r.below(6) as usize], r.below(5) as i64),
        1 => Filter::Channel(r.below(3) as usize),
        2 => Filter::NotChannel(r.below(3) as usize),
        3 if r.below(3) == 0 => Filter::OfCity(r.below(3) as usize),
        _ => Filter::None,
    }
}

fn window(r: &mut Random, base: i64) -> Window {
    match r.below(12) {
        0 => Window::All,
        1..=3 => {
            let n = 1 + r.below(5) as i64;
            Window::Rolling(n, "hours", n * HOUR)
        }
        4..=5 => {
            let n = 1 + r.below(3) as i64;
            Window::Rolling(n, "days", n * DAY)
        }
        6..=7 => Window::LastDays(1 + r.below(4) as i64),
        8 => Window::CompleteDays(1 + r.below(3) as i64),
        9 => {
            let b = r.below(2) as i64;
            Window::DaysAgo(b + r.below(3) as i64, b)
        }
        10 => Window::Between(base + r.below(30) as i64 * HOUR, base + (30 + r.below(60) as i64) * HOUR),
        _ => Window::Since(base + r.below(60) as i64 * HOUR),
    }
}

/// Some condition; `segments` are defined already.
pub(crate) fn condition(r: &mut Random, base: i64, segments: usize, depth: usize) -> Condition {
    if depth > 0 && r.below(3) == 0 {
        let mut one = || Box::new(condition(r, base, segments, depth - 1));
        let (a, b) = (one(), one());
        return match r.below(3) {
            0 => Condition::Not(a),
            1 => Condition::And(a, b),
            _ => Condition::Or(a, b),
        };
    }
    let w = window(r, base);
    let op = OPS[r.below(6) as usize];
    let within = if r.below(3) == 0 { 90 * SECOND } else { (1 + r.below(3) as i64) * HOUR };
    let e = |r: &mut Random| r.below(3) as usize;
    match r.below(19) {
        0..=2 => Condition::Count(e(r), filter(r), w, op, r.below(4) as i64),
        3 => Condition::Sum(w, op, r.below(12) as i64),
        4 => Condition::SumPrice(filter(r), w, op, 0.25 + r.below(20) as f64 / 4.0),
        5 => Condition::Average(w, op, 0.5 + r.below(8) as f64 / 2.0),
        6 => Condition::Extreme(r.below(2) == 0, w, op, r.below(5) as i64),
        7..=8 => Condition::Distinct(r.below(2) == 0, w, op, r.below(4) as i64),
        9 => Condition::Picked(r.below(2) == 0, w, e(r), r.below(5) == 0),
        10 => Condition::Days(e(r), w, 1 + r.below(3) as i64),
        11..=12 => {
            let steps = (0..2 + r.below(2)).map(|_| (e(r), filter(r))).collect();
            Condition::Happened(steps, within, r.below(3) == 0, r.below(4) == 0, w)
        }
        13..=14 => {
            let (a, b) = (e(r), e(r));
            Condition::Absent(a, filter(r), within, b, w)
        }
        15 => Condition::City(e(r), r.below(2) == 0),
        16 if r.below(2) == 0 => Condition::AgeUnknown,
        16 => Condition::Age(op, r.below(5) as i64 * 10),
        17 if r.below(2) == 0 => Condition::PerRow(w, 0.3 + r.below(6) as f64 / 2.0),
        17 => Condition::Both(e(r), e(r), w, 1 + r.below(4) as i64),
        // Definitions are followed to their ends: what is made of much that is made of much takes long to bind.
        _ if segments > 0 => Condition::Segment(r.below(segments.min(super::world::NESTED) as u64) as usize),
        _ => Condition::Count(e(r), Filter::None, w, ">=", 1),
    }
}
