//! Power loss at every moment, a full disk, a failed sync: what was acknowledged is there, once, and reads go on.
//!
//! `EQL_FAULT_STATES=10000 cargo test -p eql-store --test faults` looks at more moments than the everyday run.
#![allow(clippy::unwrap_used)]

#[path = "support/faulty.rs"]
mod faulty;
mod support;

use arrow::array::StringArray;
use eql_store::*;
use faulty::{Fault, Faulty};
use std::path::Path;
use support::*;

const DAY: i64 = 86_400_000_000;

/// One thing that is done to a store. What it changes is visible and durable when it returns.
type Step = fn(&Store) -> Result<(), StoreError>;

fn ids(ids: &[&str]) -> StringArray {
    ids.iter().map(Some).collect()
}

fn purchases(from: i64, count: i64) -> Vec<EventBatch> {
    let row = |i: i64| Happened { number: Some(i), note: Some(format!("note {i}")), ..happened(&format!("p{i}"), i * DAY, i % 4, i % 3) };
    vec![batch(PURCHASE, &(from..from + count).map(row).collect::<Vec<_>>())]
}

const STEPS: &[Step] = &[
    |s| s.append_events(purchases(0, 5)).map(drop),
    |s| s.append_entities(users(&[(1, Some("ann".into()), Some(3)), (9, None, Some(4))])).map(drop),
    |s| s.append_events(vec![batch(VISIT, &[happened("v", 1, 1, 1)]), batch(MESSAGE, &[happened("m", 2, 1, 2)])]).map(drop),
    |s| s.checkpoint(),
    |s| s.append_events(purchases(5, 40)).map(drop),
    |s| s.delete_events(PURCHASE, &ids(&["p1", "p7"])).map(drop),
    |s| s.set_members("vip", vec![ints([Some(1), Some(9)])]).map(drop),
    |s| s.checkpoint(),
    |s| s.append_events(purchases(45, 3)).map(drop),
    |s| s.checkpoint(),
    |s| s.correct_events(purchases(3, 2)).map(drop),
    |s| s.set_tag_values(USER, "level", vec![ints([Some(1)])], ints([Some(5)])).map(drop),
    |s| s.append_entities(users(&[(1, Some("anna".into()), None)])).map(drop),
    |s| s.compact(true).map(drop),
    |s| s.erase(USER, keys_of(USER, &[Some(2)])).map(drop),
    |s| s.reject(vec![RejectedRow { message: "no".into(), ..RejectedRow::default() }]).map(drop),
    |s| s.append_events(purchases(60, 8)).map(drop),
    |s| s.purge().map(drop),
    |s| s.append_events(purchases(70, 2)).map(drop),
];

/// Reproducible: the same seed, the same disk.
fn random(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    }
}

fn small_files() -> StoreOptions {
    StoreOptions { log_segment_bytes: 4 << 10, ..StoreOptions::default() }
}

#[test]
fn after_a_power_loss_at_any_moment_everything_acknowledged_is_there_once() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let between = stand_between(dir.path(), std::sync::Arc::new(disk.clone()));
    let store = Store::open(dir.path(), small_files()).unwrap();
    world().into_iter().for_each(|c| _ = store.define(c).unwrap());
    // After so many changes of the disk, this was acknowledged.
    let mut acknowledged = vec![(disk.changes(), content(&store))];
    for step in STEPS {
        step(&store).unwrap();
        acknowledged.push((disk.changes(), content(&store)));
    }
    drop(store);
    drop(between);
    let (first, last) = (acknowledged[0].0, disk.changes());
    let states = std::env::var("EQL_FAULT_STATES").ok().and_then(|n| n.parse().ok()).unwrap_or(250);
    for state in 0..states {
        // Every moment in turn, then again with other losses.
        let upto = first + (state * 7919) % (last - first + 1);
        let place = tempfile::tempdir().unwrap();
        disk.after_power_loss(upto, dir.path(), place.path(), &mut random(state as u64 + 1));
        let done = acknowledged.iter().rposition(|(changes, _)| *changes <= upto).unwrap();
        let store = Store::open(place.path(), small_files()).unwrap_or_else(|e| panic!("state {state}, change {upto}: {e}"));
        let found = content(&store);
        let allowed = &acknowledged[done..(done + 2).min(acknowledged.len())];
        assert!(
            allowed.iter().any(|(_, text)| *text == found),
            "state {state}, change {upto}, after step {done}:\n{found}\n\n{}",
            allowed[0].1
        );
        // It goes on from there.
        store.append_events(purchases(100, 3)).unwrap();
        let after = content(&store);
        store.close().unwrap();
        drop(store);
        assert_eq!(content(&Store::open(place.path(), small_files()).unwrap()), after, "state {state}, change {upto}");
    }
}

/// Runs all steps with one fault before the step of a number; the store and whether that step was done.
fn with_fault(dir: &Path, disk: &Faulty, fault: Fault, at: usize) -> (Store, bool) {
    let store = Store::open(dir, small_files()).unwrap();
    world().into_iter().for_each(|c| _ = store.define(c).unwrap());
    STEPS[..at].iter().for_each(|step| step(&store).unwrap());
    let before = content(&store);
    disk.fail(Some(fault));
    let result = STEPS[at](&store);
    disk.fail(None);
    if let Err(e) = &result {
        let text = e.to_string();
        assert!(text.contains("No space left") || text.contains("Input/output error"), "step {at}: {text}");
        assert_eq!(content(&store), before, "step {at} failed and changed something");
    }
    (store, result.is_ok())
}

#[test]
fn a_full_disk_refuses_writes_and_nothing_more_and_needs_no_restart() {
    for at in 0..STEPS.len() {
        for fault in [Fault::Full, Fault::TornAppend] {
            let dir = tempfile::tempdir().unwrap();
            let disk = Faulty::default();
            let _between = stand_between(dir.path(), std::sync::Arc::new(disk.clone()));
            let (store, done) = with_fault(dir.path(), &disk, fault, at);
            let rest = if done { at + 1 } else { at };
            STEPS[rest..].iter().for_each(|step| step(&store).unwrap_or_else(|e| panic!("step after {at}: {e}")));
            let after = content(&store);
            assert_eq!(after, all_steps(), "{fault:?} at step {at}");
            drop(store);
            assert_eq!(content(&Store::open(dir.path(), small_files()).unwrap()), after, "{fault:?} at step {at}");
        }
    }
}

#[test]
fn a_failed_sync_of_the_log_stops_writes_until_a_restart() {
    for at in 0..STEPS.len() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Faulty::default();
        let between = stand_between(dir.path(), std::sync::Arc::new(disk.clone()));
        let (store, done) = with_fault(dir.path(), &disk, Fault::Sync, at);
        let before = content(&store);
        let next = store.append_events(purchases(200, 1));
        match &next {
            Err(e) => assert!(!done && e.to_string().contains("writes are refused"), "step {at}: {e}"),
            Ok(_) => assert!(content(&store) != before),
        }
        let expected = content(&store);
        drop(store);
        drop(between);
        let store = Store::open(dir.path(), small_files()).unwrap();
        // What was not acknowledged may have reached the disk all the same.
        let found = content(&store);
        assert!(found == expected || next.is_err(), "step {at}");
        store.append_events(purchases(300, 1)).unwrap();
    }
}

#[test]
fn memory_stays_bounded_while_no_checkpoint_can_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreOptions { hot_rows_max: 10, ..StoreOptions::default() }).unwrap();
    world().into_iter().for_each(|c| _ = store.define(c).unwrap());
    // No part can be written: a file has the place of their directory.
    std::fs::write(dir.path().join("parts"), "").unwrap();
    let refused = (0..50).find_map(|i| store.append_events(purchases(i * 5, 5)).err()).expect("rows are refused in the end").to_string();
    assert!(refused.contains("rows wait in memory") && refused.contains("parts"), "{refused}");
    let kept = store.snapshot().unwrap().events(PURCHASE).unwrap().len();
    assert!((40..=70).contains(&kept), "{kept} rows are in memory");
    std::fs::remove_file(dir.path().join("parts")).unwrap();
    store.checkpoint().unwrap();
    store.append_events(purchases(500, 5)).unwrap();
    assert_eq!(store.snapshot().unwrap().events(PURCHASE).unwrap().len(), kept + 5);
}

fn all_steps() -> String {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), small_files()).unwrap();
    world().into_iter().for_each(|c| _ = store.define(c).unwrap());
    STEPS.iter().for_each(|step| step(&store).unwrap());
    content(&store)
}
