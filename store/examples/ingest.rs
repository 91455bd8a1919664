//! Durable inserts of mixed events: `cargo run --release -p eql-store --example ingest EVENTS.parquet DIRECTORY ROWS_A_CALL SECONDS`.
//!
//! The file is what `bench/size.py --keep` writes. Every call takes the next rows of the mixed table, parts them by event, appends them, and
//! is timed until it is acknowledged as durable. `bench/ingest.py` runs this beside other databases.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use arrow::array::*;
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType as ArrowType, TimeUnit};
use eql_catalog::*;
use eql_store::*;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::Path;
use std::time::Instant;
use support::{entity, event, property};

/// Event names in the order of their numbers, with what takes part: user; product; store.
const EVENTS: [(&str, usize); 20] = [
    ("app_open", 1),
    ("page_view", 1),
    ("search", 1),
    ("view_item", 2),
    ("add_to_cart", 2),
    ("remove_from_cart", 2),
    ("begin_checkout", 1),
    ("add_payment_info", 1),
    ("purchase", 3),
    ("refund", 3),
    ("favorite", 2),
    ("share", 2),
    ("coupon_view", 1),
    ("coupon_claim", 1),
    ("live_enter", 1),
    ("live_leave", 1),
    ("signup", 1),
    ("login", 1),
    ("push_click", 1),
    ("logout", 1),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, dir, rows, seconds] = arguments.as_slice() else { panic!("EVENTS.parquet DIRECTORY ROWS_A_CALL SECONDS") };
    let (rows, seconds): (usize, f64) = (rows.parse().unwrap(), seconds.parse().unwrap());
    let calls = read(Path::new(file), rows);
    let store = Store::open(Path::new(dir), StoreOptions::default()).unwrap();
    define(&store);
    let (begun, mut taken) = (Instant::now(), Vec::new());
    for (n, call) in calls.iter().enumerate() {
        let start = Instant::now();
        let done = store.append_events(batches(call, n * rows)).unwrap();
        taken.push(start.elapsed().as_secs_f64());
        assert_eq!(done.accepted as usize, call.num_rows(), "every event is new");
        if begun.elapsed().as_secs_f64() > seconds {
            break;
        }
    }
    let total: f64 = taken.iter().sum();
    let stored = taken.len() * rows;
    taken.sort_by(f64::total_cmp);
    let at = |share: f64| taken[((taken.len() as f64 * share) as usize).min(taken.len() - 1)] * 1e3;
    println!(r#"{{"rows_s": {:.0}, "p50_ms": {:.3}, "p99_ms": {:.3}, "rows": {stored}}}"#, stored as f64 / total, at(0.5), at(0.99));
}

/// The table in calls of so many rows; a last shorter one is left out.
fn read(file: &Path, rows: usize) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap().with_batch_size(rows).build().unwrap();
    reader.map(Result::unwrap).filter(|b| b.num_rows() == rows).collect()
}

fn define(store: &Store) {
    for (i, name) in ["user", "product", "store"].into_iter().enumerate() {
        store.define(entity(EntityTypeId(i as u16), name, vec![property(0, "id", DataType::Int)], vec![])).unwrap();
    }
    for (i, (name, parts)) in EVENTS.into_iter().enumerate() {
        let all = [(EntityTypeId(0), "user"), (EntityTypeId(1), "product"), (EntityTypeId(2), "store")];
        let mut properties = vec![property(0, "platform", DataType::String), property(1, "utm_source", DataType::String)];
        if parts == 3 {
            properties.push(property(2, "amount", DataType::Double));
        }
        store.define(event(EventTypeId(i as u16), name, &all[..parts], properties)).unwrap();
    }
}

/// One batch an event type; ids are numbers, as a producer with a counter has them.
fn batches(call: &RecordBatch, first: usize) -> Vec<EventBatch> {
    let column = |name: &str| call.column_by_name(name).unwrap();
    let names = cast(column("event"), &ArrowType::Utf8).unwrap();
    let names = names.as_string::<i32>();
    let mut rows: Vec<Vec<u32>> = vec![Vec::new(); EVENTS.len()];
    for i in 0..call.num_rows() {
        rows[EVENTS.iter().position(|(n, _)| *n == names.value(i)).unwrap()].push(i as u32);
    }
    let time = cast(column("time"), &ArrowType::Timestamp(TimeUnit::Microsecond, None)).unwrap();
    let text = |name: &str| cast(column(name), &ArrowType::Utf8).unwrap();
    let (platform, source) = (text("platform"), text("utm_source"));
    let filled = rows.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty());
    let batch = |(number, rows): (usize, Vec<u32>)| {
        let parts = EVENTS[number].1;
        let order = UInt32Array::from(rows);
        let of = |values: &ArrayRef| take(values, &order, None).unwrap();
        let mut properties = vec![(PropertyId(0), of(&platform)), (PropertyId(1), of(&source))];
        if parts == 3 {
            properties.push((PropertyId(2), of(column("amount"))));
        }
        let keys = ["user_id", "product_id", "store_id"][..parts].iter().map(|name| vec![of(column(name))]).collect();
        EventBatch {
            event: EventTypeId(number as u16),
            keys,
            time: of(&time).as_primitive().clone(),
            id: StringArray::from_iter_values(order.values().iter().map(|row| (first + *row as usize).to_string())),
            received: None,
            properties,
            extra: None,
            order: Some(order),
            identities: Vec::new(),
        }
    };
    filled.map(batch).collect()
}
