//! Measures many entities: import, checkpoints, opening, single profiles, columns:
//! `cargo run --release -p eql-store --example entities [entities] [properties] [directory]`.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use arrow::array::*;
use eql_catalog::*;
use eql_store::*;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{entity, property};

const BATCH: usize = 100_000;
const PROFILES: usize = 20_000;
const USER: EntityTypeId = EntityTypeId(0);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| arguments.next().map_or(default, |a| a.parse().unwrap());
    let (entities, properties) = (number(1_000_000), number(20) as u16);
    let scratch = tempfile::tempdir().unwrap();
    let dir = arguments.next().map_or(scratch.path().to_path_buf(), Into::into);
    let store = open(&dir);
    store.define(definition(properties)).unwrap();
    timed(&format!("import of {entities} entities with {properties} properties"), || import(&store, entities, properties));
    timed("checkpoint of all of them", || store.checkpoint().unwrap());
    println!("{:>9.1} MB resident", resident_mb());
    single_changes(&store, entities);
    some_changes(&store, entities);
    timed("close", || store.close().unwrap());
    drop(store);
    println!("{:>9.1} MB of columns, {:.1} MB of packed rows", megabytes(&dir.join("entities")), megabytes(&dir.join("kv")));
    let store = timed("open", || open(&dir));
    println!("{:>9.1} MB resident", resident_mb());
    profiles(&store, entities, "cold");
    profiles(&store, entities, "warm");
    println!("{:>9.1} MB resident", resident_mb());
    let columns = timed("all keys", || store.snapshot().unwrap().entities(USER).unwrap());
    timed("one property", || columns.property(PropertyId(1)).unwrap());
    timed("all properties", || (1..=properties).for_each(|id| _ = columns.property(PropertyId(id)).unwrap()));
    println!("{:>9.1} MB resident", resident_mb());
    single_changes(&store, entities);
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    println!("{:>9.1} ms  {what}", start.elapsed().as_secs_f64() * 1e3);
    result
}

fn open(dir: &Path) -> Store {
    Store::open(dir, StoreOptions { hot_rows_max: 100_000_000, ..StoreOptions::default() }).unwrap()
}

/// Numbers, texts and days in turn.
fn definition(properties: u16) -> Change {
    let data_type = |id: u16| [DataType::Int, DataType::String, DataType::Date][usize::from(id % 3)].clone();
    let properties = (1..=properties).map(|id| property(id, &format!("p{id}"), data_type(id))).collect();
    entity(USER, "user", vec![property(0, "user_id", DataType::Int)], properties)
}

fn values(id: u16, first: usize, rows: usize) -> ArrayRef {
    let each = first..first + rows;
    match id % 3 {
        0 => Arc::new(Int64Array::from_iter_values(each.map(|i| (i as i64).wrapping_mul(7919) % 1000))),
        1 => Arc::new(StringArray::from_iter_values(each.map(|i| format!("city {}", i * 31 % 5000)))),
        _ => Arc::new(Date32Array::from_iter_values(each.map(|i| (i % 20_000) as i32))),
    }
}

fn key(i: usize) -> i64 {
    31_000_000_000 + (i as i64).wrapping_mul(0x9E37_79B9) % 1_000_000_007 * 64
}

fn batch(first: usize, rows: usize, properties: impl Iterator<Item = u16>) -> EntityBatch {
    let keys = Arc::new(Int64Array::from_iter_values((first..first + rows).map(key))) as ArrayRef;
    let properties = properties.map(|id| (PropertyId(id), values(id, first, rows))).collect();
    EntityBatch { properties, ..EntityBatch::new(USER, vec![keys]) }
}

fn import(store: &Store, entities: usize, properties: u16) {
    for first in (0..entities).step_by(BATCH) {
        store.append_entities(batch(first, BATCH.min(entities - first), 1..=properties)).unwrap();
    }
}

/// What it costs the next reader of a type that one entity changed.
fn single_changes(store: &Store, entities: usize) {
    let times: Vec<[Duration; 3]> = (0..20)
        .map(|i| {
            store.append_entities(batch(i * 997 % entities, 1, std::iter::once(1))).unwrap();
            let start = Instant::now();
            let snapshot = store.snapshot().unwrap();
            snapshot.entity_row(USER, (i * 31 % entities) as u32).unwrap();
            let row = start.elapsed();
            let columns = snapshot.entities(USER).unwrap();
            let keys = start.elapsed() - row;
            columns.property(PropertyId(1)).unwrap();
            [row, keys, start.elapsed() - row - keys]
        })
        .collect();
    for (i, what) in ["a profile", "the keys", "the changed property"].into_iter().enumerate() {
        println!("{:>9.3} ms  {what} after one entity changed", median(times.iter().map(|t| t[i])));
    }
}

fn some_changes(store: &Store, entities: usize) {
    let n = 10_000.min(entities / 2);
    for i in 0..10 {
        store.append_entities(batch(i * (entities / 10), n / 10, std::iter::once(2))).unwrap();
    }
    timed(&format!("checkpoint after {n} neighbours got one value"), || store.checkpoint().unwrap());
    for i in 0..1000 {
        store.append_entities(batch(i * (entities / 1000), 1, std::iter::once(2))).unwrap();
    }
    timed("checkpoint after 1000 entities here and there got one value", || store.checkpoint().unwrap());
}

fn profiles(store: &Store, entities: usize, what: &str) {
    let snapshot = store.snapshot().unwrap();
    let mut times: Vec<Duration> = (0..PROFILES)
        .map(|i| {
            let start = Instant::now();
            let ordinal = snapshot.profile(USER, &[Value::Int(key(i.wrapping_mul(7919) % entities))]).unwrap().unwrap();
            assert!(snapshot.entity_row(USER, ordinal).unwrap().is_some());
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |share: f64| times[((PROFILES - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("{:>9.3} ms p50, {:.3} ms p99  profile by key, {what}", at(0.5), at(0.99));
}

fn median(times: impl Iterator<Item = Duration>) -> f64 {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}

fn megabytes(dir: &Path) -> f64 {
    let entries = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    entries.map(|p| if p.is_dir() { megabytes(&p) } else { p.metadata().unwrap().len() as f64 / 1e6 }).sum()
}

/// Where the system says it.
fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(0.0) / 1e3
}
