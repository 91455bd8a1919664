//! Measures ingest, checkpoint, opening and reading: `cargo run --release -p eql-store --example throughput [directory]`.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use arrow::array::*;
use eql_catalog::*;
use eql_store::*;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use support::{entity, event, property};

const ROWS: usize = 1_500_000;
/// Rows of one call, by default.
const BATCH: usize = 1000;
/// Producers at once, by default.
const WRITERS: usize = 8;
const YEAR_US: i64 = 365 * 86_400_000_000;

fn main() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = std::env::args().nth(1).map_or(scratch.path().to_path_buf(), Into::into);
    let store = timed("open empty", || Store::open(&dir, StoreOptions { hot_rows_max: 10_000_000, ..StoreOptions::default() }).unwrap());
    define(&store);
    ingest(&store);
    read(&store, "hot");
    import(&store);
    let replayed = {
        drop(store);
        timed("replay", || open(&dir))
    };
    timed("checkpoint of all of it", || replayed.checkpoint().unwrap());
    timed("one event, then a checkpoint", || {
        replayed.append_events(vec![batch(2 * ROWS, 1)]).unwrap();
        replayed.checkpoint().unwrap();
    });
    println!("{:?}", replayed.stats());
    read(&replayed, "parts, cold");
    read(&replayed, "parts, warm");
    timed("close", || replayed.close().unwrap());
    drop(replayed);
    let store = timed("reopen", || open(&dir));
    timed("first event after reopening (loads the ids)", || store.append_events(vec![batch(ROWS, 1)]).unwrap());
    timed("1000 single events", || (1..1000).for_each(|i| _ = store.append_events(vec![batch(ROWS + i, 1)]).unwrap()));
    timed("100 single events, each with a snapshot and its timeline", || {
        for i in 1000..1100 {
            store.append_events(vec![batch(ROWS + i, 1)]).unwrap();
            store.snapshot().unwrap().timeline(EntityTypeId(0)).unwrap();
        }
    });
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    println!("{:>9.1} ms  {what}", start.elapsed().as_secs_f64() * 1e3);
    result
}

fn open(dir: &Path) -> Store {
    Store::open(dir, StoreOptions { hot_rows_max: 10_000_000, ..StoreOptions::default() }).unwrap()
}

fn define(store: &Store) {
    let int = |id, name: &str| property(id, name, DataType::Int);
    for (i, name) in ["household", "product", "store", "basket"].into_iter().enumerate() {
        store.define(entity(EntityTypeId(i as u16), name, vec![int(0, "id")], vec![int(1, "size")])).unwrap();
    }
    let participants: Vec<(EntityTypeId, &str)> =
        ["household", "product", "store", "basket"].into_iter().enumerate().map(|(i, n)| (EntityTypeId(i as u16), n)).collect();
    let money = |id, name: &str| property(id, name, DataType::Decimal(10, 2));
    let properties = vec![int(0, "quantity"), money(1, "sales"), money(2, "retail"), money(3, "coupon"), money(4, "match"), int(5, "week")];
    store.define(event(EventTypeId(0), "purchase", &participants, properties)).unwrap();
}

/// Shaped like the lines of baskets: ties in time, 2,500 households, 92,000 products, 150,000 baskets.
fn batch(first: usize, rows: usize) -> EventBatch {
    let basket = |i: usize| (i / 10) as i64;
    let mix = |i: i64, n: i64| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64) >> 20).rem_euclid(n);
    let column = |f: &dyn Fn(usize) -> i64| Arc::new(Int64Array::from_iter_values((first..first + rows).map(f))) as ArrayRef;
    let money = |f: &dyn Fn(usize) -> i128| {
        let values = Decimal128Array::from_iter_values((first..first + rows).map(f));
        Arc::new(values.with_precision_and_scale(10, 2).unwrap()) as ArrayRef
    };
    EventBatch {
        event: EventTypeId(0),
        keys: vec![
            vec![column(&|i| mix(basket(i), 2500))],
            vec![column(&|i| 800_000 + mix(i as i64, 92_000))],
            vec![column(&|i| 300 + mix(basket(i) + 7, 457))],
            vec![column(&|i| 31_000_000_000 + basket(i))],
        ],
        time: TimestampMicrosecondArray::from_iter_values(
            (first..first + rows).map(|i| 1_483_228_800_000_000 + basket(i) * (YEAR_US / 150_000_000) * 1000),
        ),
        id: StringArray::from_iter_values((first..first + rows).map(|i| format!("p{i}"))),
        received: None,
        properties: vec![
            (PropertyId(0), column(&|i| 1 + mix(i as i64, 4))),
            (PropertyId(1), money(&|i| i128::from(mix(i as i64 + 1, 2000)))),
            (PropertyId(2), money(&|i| -i128::from(mix(i as i64 + 2, 300)))),
            (PropertyId(3), money(&|_| 0)),
            (PropertyId(4), money(&|_| 0)),
            (PropertyId(5), column(&|i| (i * 53 / ROWS) as i64)),
        ],
        extra: None,
        order: None,
        identities: Vec::new(),
    }
}

/// A number from the environment: `EQL_BATCH` rows a call, `EQL_WRITERS` producers.
fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

fn ingest(store: &Store) {
    let (rows, writers) = (number("EQL_BATCH", BATCH), number("EQL_WRITERS", WRITERS));
    let batches: Vec<EventBatch> = (0..ROWS / rows).map(|b| batch(b * rows, rows)).collect();
    let half = batches.len() / 2;
    let rate = |calls: usize, start: Instant| (calls * rows) as f64 / start.elapsed().as_secs_f64() / 1e3;
    let start = Instant::now();
    for batch in &batches[..half] {
        store.append_events(vec![batch.clone()]).unwrap();
    }
    println!("{:>9.0} thousand events/s in calls of {rows}, one writer", rate(half, start));
    let (start, next) = (Instant::now(), std::sync::atomic::AtomicUsize::new(half));
    std::thread::scope(|scope| {
        for _ in 0..writers {
            scope.spawn(|| {
                while let Some(batch) = batches.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    store.append_events(vec![batch.clone()]).unwrap();
                }
            });
        }
    });
    println!("{:>9.0} thousand events/s in calls of {rows}, {writers} writers", rate(batches.len() - half, start));
    println!("          {} bytes of log an event", store.stats().log_bytes / ROWS as u64);
}

/// One property for every basket.
fn import(store: &Store) {
    let baskets = (ROWS / 10) as i64;
    let keys = vec![Arc::new(Int64Array::from_iter_values((0..baskets).map(|i| 31_000_000_000 + i))) as ArrayRef];
    let sizes = Arc::new(Int64Array::from_iter_values(0..baskets));
    let batch = EntityBatch { properties: vec![(PropertyId(1), sizes)], ..EntityBatch::new(EntityTypeId(3), keys) };
    timed(&format!("import {baskets} entities"), || store.append_entities(batch).unwrap());
}

fn read(store: &Store, what: &str) {
    let snapshot = timed(&format!("{what}: snapshot"), || store.snapshot().unwrap());
    timed(&format!("{what}: timeline of the subject"), || snapshot.timeline(EntityTypeId(0)).unwrap());
    timed(&format!("{what}: timeline of the products"), || snapshot.timeline(EntityTypeId(1)).unwrap());
    let rows = snapshot.events(EventTypeId(0)).unwrap();
    timed(&format!("{what}: one decimal column, all chunks"), || {
        (0..rows.chunk_count()).for_each(|c| _ = rows.chunk_column(c, &EventColumn::Property(PropertyId(1))).unwrap())
    });
    let some: Vec<u32> = (0..rows.len() as u32).step_by(3).collect();
    timed(&format!("{what}: gather {} rows", some.len()), || rows.gather(&EventColumn::Property(PropertyId(1)), &some).unwrap());
    let baskets = snapshot.entities(EntityTypeId(3)).unwrap();
    let keys: ArrayRef = batch(0, ROWS).keys.remove(3).remove(0);
    timed(&format!("{what}: {} look-ups of integer keys", keys.len()), || baskets.lookup(&[keys]).unwrap());
}
