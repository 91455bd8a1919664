//! Following the log: in memory, from its files, across a restart, and what is held for those who are slow.
#![allow(clippy::unwrap_used)]

mod support;

use arrow::array::*;
use eql_catalog::Change;
use eql_store::*;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use support::*;

const NOW: Duration = Duration::ZERO;

fn all(feed: &mut Feed) -> Vec<Committed> {
    std::iter::from_fn(|| feed.next(NOW).unwrap()).collect()
}

/// What both ways of reading say of a record.
fn told(committed: &Committed) -> String {
    let what = match &*committed.what {
        What::Events(events) => format!("{:?}", events.iter().map(rows).collect::<Vec<_>>()),
        What::Corrections { events, .. } => format!("corrected {:?}", events.iter().map(rows).collect::<Vec<_>>()),
        What::Entities { entity, ordinals, deleted } => {
            format!("entities {entity:?} {:?} {deleted:?}", ordinals.iter().collect::<Vec<_>>())
        }
        What::Removed(Removed::Events { event, ids, .. }) => format!("removed {event:?} {ids:?}"),
        What::Removed(Removed::Expired { event, before }) => format!("expired {event:?} {before}"),
        What::Removed(Removed::Erased { entity, .. }) => format!("erased {entity:?}"),
        What::Members { segment, add, remove, replace, .. } => format!("{segment} {add:?} {remove:?} {replace}"),
        What::TagValues { tag, ordinals, values, .. } => format!("{tag} {ordinals:?} {values:?}"),
        What::Version { kept, at, whole, ordinals, .. } => format!("{kept:?} {at} {whole} {ordinals:?}"),
        What::Identities { entity, ordinals } => format!("identities {entity:?} {:?}", ordinals.iter().collect::<Vec<_>>()),
        What::Definition(change) => format!("{change:?}"),
        What::Other => "other".into(),
    };
    format!("{} {} {what}", committed.position, committed.clock)
}

fn rows(events: &FeedEvents) -> String {
    let participants: Vec<Vec<Option<u32>>> = events.participants.iter().map(|p| p.iter().collect()).collect();
    let ids: Vec<&str> = events.id.iter().flatten().collect();
    format!("{:?} {participants:?} {:?} {:?} {ids:?} {:?}", events.event, events.time.values(), events.sequence.values(), events.properties)
}

fn write(store: &Store) {
    append(store, PURCHASE, &(0..20).map(|i| happened(&format!("p{i}"), i, i % 5, i % 3)).collect::<Vec<_>>());
    store.append_entities(users(&[(1, Some("Ann".into()), Some(30)), (40, None, None)])).unwrap();
    store.set_members("vip", vec![ints([Some(1), Some(11)])]).unwrap();
    store.change_members("vip", vec![ints([Some(3)])], vec![ints([Some(11)])]).unwrap();
    store.set_tag_values(USER, "level", vec![ints([Some(1), Some(3)])], ints([Some(5), None])).unwrap();
    append(store, VISIT, &[happened("v1", 1, 1, 2)]);
    store.correct_events(vec![batch(PURCHASE, &[happened("p3", 99, 4, 1)])]).unwrap();
    store.delete_events(PURCHASE, &["p5", "p6"].into_iter().map(Some).collect()).unwrap();
}

#[test]
fn the_log_says_from_its_files_what_it_said_when_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { log_segment_bytes: 3000, log_keep_bytes: 1 << 30, ..StoreOptions::default() };
    let store = Store::open(dir.path(), options.clone()).unwrap();
    let mut feed = store.feed(0).unwrap();
    world().into_iter().for_each(|change| _ = store.define(change).unwrap());
    write(&store);
    let lived = all(&mut feed);
    assert_eq!(lived.iter().map(|c| c.position).collect::<Vec<_>>(), (1..=store.position()).collect::<Vec<_>>());
    assert!(lived.windows(2).all(|w| w[0].clock <= w[1].clock), "the clock never goes back");
    let lived: Vec<String> = lived.iter().map(told).collect();
    assert!(lived.iter().any(|l| l.contains("corrected")) && lived.iter().any(|l| l.contains("removed")));
    drop(feed);
    // Nobody followed this one, and a checkpoint makes the log unneeded.
    append(&store, VISIT, &[happened("v2", 2, 1, 2)]);
    store.checkpoint().unwrap();
    for from in 0..store.position() {
        let mut feed = store.feed(from).unwrap();
        let read: Vec<String> = all(&mut feed).iter().map(told).collect();
        assert_eq!(read[..read.len() - 1], lived[from as usize..]);
        assert!(read[read.len() - 1].contains("v2"));
    }
    store.close().unwrap();
    drop(store);
    let store = Store::open(dir.path(), options).unwrap();
    let mut feed = store.feed(7).unwrap();
    assert_eq!(all(&mut feed).iter().map(told).collect::<Vec<_>>()[..lived.len() - 7], lived[7..]);
    append(&store, VISIT, &[happened("v3", 2, 1, 2)]);
    assert!(told(&all(&mut feed)[0]).contains("v3"));
}

#[test]
fn corrections_and_removals_say_whom_they_touch() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    append(&store, PURCHASE, &[happened("a", 1, 7, 1), happened("b", 2, 8, 1)]);
    for in_parts in [false, true] {
        let mut feed = store.feed(store.position()).unwrap();
        if in_parts {
            store.checkpoint().unwrap();
        }
        let (corrected, removed) = if in_parts { ("b", "a") } else { ("a", "b") };
        store.correct_events(vec![batch(PURCHASE, &[happened(corrected, 1, 9, 1)])]).unwrap();
        store.delete_events(PURCHASE, &[removed].into_iter().map(Some).collect()).unwrap();
        append(&store, PURCHASE, &[happened(removed, 5, if in_parts { 7 } else { 8 }, 1)]);
        let got = all(&mut feed);
        let What::Corrections { before: Some(before), .. } = &*got[0].what else { panic!("{got:?}") };
        let What::Removed(Removed::Events { touched: Some(touched), .. }) = &*got[1].what else { panic!("{got:?}") };
        let key = |t: &Touched| {
            let ordinals: Vec<u32> = t.participants[0].iter().flatten().collect();
            store.snapshot().unwrap().keys_of(USER, &ordinals).unwrap()[0].as_primitive::<arrow::datatypes::Int64Type>().value(0)
        };
        let (first, second) = if in_parts { (8, 9) } else { (7, 8) };
        assert_eq!((key(&before[0]), key(touched)), (first, second));
    }
}

#[test]
fn the_log_is_held_for_those_who_have_not_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { log_segment_bytes: 1, log_held_bytes_max: 4000, ..StoreOptions::default() };
    let store = Store::open(dir.path(), options).unwrap();
    world().into_iter().for_each(|change| _ = store.define(change).unwrap());
    let files = |dir: &Path| std::fs::read_dir(dir.join("log")).unwrap().count();
    store.checkpoint().unwrap();
    assert!(matches!(store.feed(0), Err(StoreError::Trimmed { asked: 0, .. })), "{:?}", store.feed(0));
    let mut feed = store.feed(store.position()).unwrap();
    let from = store.position();
    append(&store, VISIT, &[happened("held", 1, 1, 2)]);
    store.checkpoint().unwrap();
    assert!(store.feed(from).is_ok(), "a feed holds what it has not read, for others too");
    all(&mut feed);
    append(&store, VISIT, &[happened("read", 1, 1, 2)]);
    all(&mut feed);
    store.checkpoint().unwrap();
    assert!(files(dir.path()) <= 1);
    // A feed that does not read holds only so much.
    let position = feed.position();
    for i in 0..50 {
        append(&store, VISIT, &[happened(&format!("more {i}"), 1, 1, 2)]);
    }
    store.checkpoint().unwrap();
    // It still has what is in memory; who comes later has not.
    assert_eq!(all(&mut feed).len(), 50);
    drop(feed);
    let error = store.feed(position).map(drop).unwrap_err();
    let StoreError::Trimmed { asked, first } = error else { panic!("{error}") };
    assert_eq!(asked, position);
    assert!(first > position && store.feed(first).is_ok());
    assert!(store.feed(store.position() + 1).is_err());
}

#[test]
fn the_clock_is_the_greatest_there_was_unless_it_is_made_to_stand_still() {
    let dir = tempfile::tempdir().unwrap();
    let time = Arc::new(AtomicI64::new(1000));
    let options = || StoreOptions { clock: Clock::Set(time.clone()), ..StoreOptions::default() };
    let store = Store::open(dir.path(), options()).unwrap();
    let mut feed = store.feed(0).unwrap();
    world().into_iter().for_each(|change| _ = store.define(change).unwrap());
    let mut clocks = |store: &Store, name: &str| {
        append(store, VISIT, &[happened(name, 1, 1, 2)]);
        all(&mut feed).last().unwrap().clock
    };
    assert_eq!(clocks(&store, "a"), 1000);
    time.store(500, Ordering::Relaxed);
    assert_eq!(clocks(&store, "b"), 1000);
    assert_eq!(store.tick(2000).unwrap(), (store.position(), 2000));
    assert_eq!(clocks(&store, "c"), 2000);
    store.define(Change::SetClock(Some(70))).unwrap();
    assert_eq!((clocks(&store, "d"), store.tick(9999).unwrap().1), (70, 70));
    store.define(Change::SetClock(None)).unwrap();
    time.store(3000, Ordering::Relaxed);
    assert_eq!(clocks(&store, "e"), 3000);
    drop(feed);
    time.store(10, Ordering::Relaxed);
    store.close().unwrap();
    drop(store);
    let store = Store::open(dir.path(), options()).unwrap();
    assert_eq!(store.clock(), 3000, "the clock does not go back at a restart");
}

#[test]
fn whoever_waits_is_woken() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open_world(dir.path()));
    let mut feed = store.feed(store.position()).unwrap();
    let writer = store.clone();
    let thread = std::thread::spawn(move || append(&writer, VISIT, &[happened("woken", 1, 1, 2)]));
    let got = feed.next(Duration::from_secs(60)).unwrap().unwrap();
    assert!(told(&got).contains("woken"));
    thread.join().unwrap();
    assert!(feed.next(Duration::from_millis(1)).unwrap().is_none());
}
