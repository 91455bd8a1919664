//! How fast the state of streaming segments is kept: 1,000 segments (counts, sums, distinct values, first and last values, sequences, conditions on
//! rows of entities) over a million entities, with events that prefer some of them.
//!
//! Then a segment more is defined, and at last everything is made once more from history, which must find the same members.
//!
//! `cargo run --release -p eql-live --example segments -- [entities] [events] [segments] [events a commit] [shards]`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use eql_catalog::{EntityTypeId, EventTypeId, PropertyId};
use eql_compiler::bound::Statement;
use eql_compiler::{Context, ParamValues};
use eql_live::State;
use eql_store::{Clock, EntityBatch, EventBatch, Store, StoreOptions};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

const DAY: i64 = 86_400_000_000;
const EVENTS: usize = 10;
const VALUES: u64 = 20;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

fn define(store: &Store, text: &str) {
    let parsed = eql_grammar::parse(text);
    let statement = parsed.statements.into_iter().next().unwrap().unwrap();
    let (catalog, params) = (store.catalog(), ParamValues::new());
    let context =
        Context { catalog: &catalog, params: &params, time_zone: "UTC", week_start: Default::default(), lenient: false, check: false };
    let bound = eql_compiler::bind(text, &statement, &context);
    let Some(Statement::Change(change, _)) = bound.statement else { panic!("{text}: {:?}", bound.diagnostics) };
    store.define(change).unwrap();
}

fn segment(n: u64, r: &mut Random) -> String {
    let (e, v) = (r.below(EVENTS as u64), r.below(VALUES));
    let days = [1, 7, 14, 30, 90][r.below(5) as usize];
    let window = if r.below(3) == 0 { format!("last {days} days") } else { format!("last {days} rolling days") };
    match n % 20 {
        0..=6 => format!("count(e{e} WHERE channel = 'v{v}' DURING {window}) >= {}", 1 + r.below(5)),
        7 => format!("NOT (count(e{e} DURING {window}) >= 1) AND city = 'v{v}'"),
        8..=9 => format!("sum(e{e}.amount WHERE channel = 'v{v}' DURING {window}) >= {}", 50 + r.below(300)),
        10 => format!("sum(e{e}.price WHERE channel = 'v{v}' DURING {window}) > {}.5", r.below(300)),
        11..=12 => format!("count(DISTINCT e{e}.item WHERE channel = 'v{v}' DURING {window}) >= {}", 2 + r.below(4)),
        13 => format!("last(e{e}.channel) = 'v{v}'"),
        14 => format!("first(e{e}.channel) = 'v{v}'"),
        15..=16 => {
            let b = r.below(EVENTS as u64);
            format!("DID [e{e} WHERE channel = 'v{v}'] -> WITHIN 1 day e{b} DURING {window}")
        }
        17 => {
            let b = r.below(EVENTS as u64);
            format!("DID [e{e} WHERE channel = 'v{v}'] -> NOT WITHIN 1 day e{b} DURING {window}")
        }
        18 => format!("city = 'v{v}' AND age >= {}", 20 + r.below(50)),
        _ => format!("age < {} OR count(e{e} WHERE channel = 'v{v}' DURING {window}) > {}", 15 + r.below(10), r.below(4)),
    }
}

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find(|l| l.starts_with("VmRSS")).and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0 / 1024.0
}

/// Seconds of processor time that all threads of the process took: what else runs on the machine is not in it.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat.rsplit(')').next().unwrap_or("").split_whitespace().filter_map(|f| f.parse().ok()).collect();
    // The state is no number: user and system time are the 11th and 12th behind it, in hundredths.
    fields.get(10..12).map_or(0.0, |t| t.iter().sum::<f64>() / 100.0)
}

fn main() {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<u64>().unwrap());
    let mut arg = |otherwise| args.next().unwrap_or(otherwise);
    let (entities, events, segments, each, shards) = (arg(1_000_000), arg(2_000_000), arg(1_000), arg(10_000), arg(2) as usize);
    let mut r = Random(7);
    let dir = tempfile::tempdir().unwrap();
    let start = 1_772_323_200_000_000;
    let clock = Arc::new(AtomicI64::new(start));
    let store = Arc::new(Store::open(dir.path(), StoreOptions { clock: Clock::Set(clock.clone()), ..StoreOptions::default() }).unwrap());
    define(&store, "DEFINE ENTITY user KEY user_id INT (city STRING, age INT)");
    for e in 0..EVENTS {
        define(&store, &format!("DEFINE EVENT e{e} OF user (amount INT, price DOUBLE, channel STRING, item INT)"));
    }
    for n in 0..segments {
        define(&store, &format!("DEFINE STREAMING SEGMENT s{n} OF user AS {}", segment(n, &mut r)));
    }
    let mut at = 0;
    while at < entities {
        let n = 100_000.min(entities - at);
        let keys: ArrayRef = Arc::new((at..at + n).map(|i| Some(i as i64)).collect::<Int64Array>());
        let mut batch = EntityBatch::new(EntityTypeId(0), vec![keys]);
        let city: StringArray = (0..n).map(|_| Some(format!("v{}", r.below(VALUES)))).collect();
        let age: Int64Array = (0..n).map(|_| Some(10 + r.below(70) as i64)).collect();
        batch.properties = vec![(PropertyId(1), Arc::new(city)), (PropertyId(2), Arc::new(age))];
        store.append_entities(batch).unwrap();
        at += n;
    }
    let begun = Instant::now();
    let mut state = State::begin(store.clone(), start, BTreeMap::new(), shards).unwrap();
    println!(
        "begun in {:.1} s over {entities} entities, {segments} segments, {shards} shards; resident {:.2} GiB",
        begun.elapsed().as_secs_f64(),
        resident()
    );
    let mut feed = store.feed(store.position()).unwrap();
    let (mut busy, mut busy_half, mut changes, mut half) = (Duration::ZERO, Duration::ZERO, 0, state.counts());
    let (mut took, mut took_half) = (0.0, 0.0);
    let commits = events / each;
    for c in 0..commits {
        // Two weeks in all.
        let now = start + (c + 1) as i64 * 14 * DAY / commits as i64;
        clock.store(now, Ordering::Relaxed);
        let mut by_event: Vec<Vec<(i64, i64)>> = vec![vec![]; EVENTS];
        for _ in 0..each {
            let skewed = (r.below(1 << 20) as f64 / (1 << 20) as f64).powi(3);
            let late = if r.below(100) == 0 { r.below(3 * DAY as u64) as i64 } else { r.below(60_000_000) as i64 + 1 };
            by_event[r.below(EVENTS as u64) as usize].push(((skewed * entities as f64) as i64, now - late));
        }
        let batches = by_event.iter().enumerate().filter(|(_, rows)| !rows.is_empty()).map(|(e, rows)| EventBatch {
            event: EventTypeId(e as u16),
            keys: vec![vec![Arc::new(rows.iter().map(|x| Some(x.0)).collect::<Int64Array>())]],
            time: rows.iter().map(|x| Some(x.1)).collect::<TimestampMicrosecondArray>(),
            id: (0..rows.len()).map(|i| Some(format!("{c}-{i}"))).collect(),
            received: None,
            properties: vec![
                (PropertyId(0), Arc::new(rows.iter().map(|_| Some(r.below(100) as i64)).collect::<Int64Array>())),
                (PropertyId(1), Arc::new(rows.iter().map(|_| Some(r.below(10_000) as f64 / 100.0)).collect::<Float64Array>())),
                (PropertyId(2), Arc::new(rows.iter().map(|_| Some(format!("v{}", r.below(VALUES)))).collect::<StringArray>())),
                (PropertyId(3), Arc::new(rows.iter().map(|_| Some(r.below(50) as i64)).collect::<Int64Array>())),
            ],
            extra: None,
            identities: Vec::new(),
            order: None,
        });
        let batches: Vec<EventBatch> = batches.collect();
        store.append_events(batches).unwrap();
        let Some(commit) = feed.next(Duration::from_secs(5)).unwrap() else { panic!("nothing came") };
        let (began, before) = (Instant::now(), processor());
        let out = state.apply(&commit).unwrap();
        busy += began.elapsed();
        took += processor() - before;
        changes += out.iter().map(|(_, c)| c.changes.len()).sum::<usize>();
        if c + 1 == commits / 2 {
            (busy_half, took_half, half) = (busy, took, state.counts());
        }
    }
    let (all, second) = (state.counts(), (busy - busy_half).as_secs_f64());
    let n = (commits - commits / 2) * each;
    println!("{:.1} µs of processor time an event", (took - took_half) * 1e6 / n as f64);
    println!(
        "{:.0} events/s in the second half ({n} events in {second:.1} s), {:.1} rows, {:.1} feature updates and {:.2} timers an event",
        n as f64 / second,
        (all.rows - half.rows) as f64 / n as f64,
        (all.features - half.features) as f64 / n as f64,
        (all.timers - half.timers) as f64 / n as f64,
    );
    println!("{changes} changes; state {:.2} GiB, resident {:.2} GiB", state.bytes() as f64 / (1u64 << 30) as f64, resident());
    let begun = Instant::now();
    define(&store, "DEFINE STREAMING SEGMENT one_more OF user AS count(e1 WHERE channel = 'v3' DURING last 21 rolling days) >= 2");
    let Some(commit) = feed.next(Duration::from_secs(5)).unwrap() else { panic!("nothing came") };
    let defined = Instant::now();
    let out = state.apply(&commit).unwrap();
    println!(
        "one segment more: {} members, followed {:.2} s after its definition ({:.2} s of it to store that)",
        out.iter().map(|(_, c)| c.changes.len()).sum::<usize>(),
        begun.elapsed().as_secs_f64(),
        (defined - begun).as_secs_f64(),
    );
    let (now, names) = (state.clock(), state.following().into_keys().collect::<Vec<_>>());
    let members = |state: &State| names.iter().map(|name| state.count(name)).collect::<Vec<_>>();
    let followed = members(&state);
    drop(state);
    let begun = Instant::now();
    let state = State::begin(store.clone(), now, BTreeMap::new(), shards).unwrap();
    println!("made from {events} events of history in {:.1} s; resident {:.2} GiB", begun.elapsed().as_secs_f64(), resident());
    assert_eq!(members(&state), followed, "what was followed is what history says");
}
