//! Rows that go: deleted, corrected, erased, expired; and what compaction makes of the files.
#![allow(clippy::unwrap_used)]

mod support;

use arrow::array::StringArray;
use eql_catalog::{Change, Object};
use eql_store::*;
use std::path::Path;
use support::*;

const DAY: i64 = 86_400_000_000;

fn ids_of(store: &Store, event: eql_catalog::EventTypeId) -> Vec<String> {
    let snapshot = store.snapshot().unwrap();
    let rows = snapshot.events(event).unwrap();
    let mut ids = shown(&rows.gather(&EventColumn::EventId, &(0..rows.len() as u32).collect::<Vec<_>>()).unwrap());
    ids.sort();
    ids
}

fn ids(ids: &[&str]) -> StringArray {
    ids.iter().map(Some).collect()
}

/// Parts with rows of three checkpoints, and rows in memory.
fn three_parts(dir: &Path) -> Store {
    let store = open_world(dir);
    for part in 0..3 {
        let rows: Vec<Happened> = (0..4).map(|i| happened(&format!("e{part}{i}"), i * DAY, i, part)).collect();
        append(&store, PURCHASE, &rows);
        store.checkpoint().unwrap();
    }
    append(&store, PURCHASE, &[happened("hot", 9, 1, 1)]);
    store
}

#[test]
fn deleted_events_are_gone_and_their_ids_are_free() {
    let dir = tempfile::tempdir().unwrap();
    let store = three_parts(dir.path());
    let answer = store.delete_events(PURCHASE, &ids(&["e00", "e21", "hot", "unknown"])).unwrap();
    assert_eq!(answer.accepted, 3);
    assert_eq!(store.delete_events(PURCHASE, &ids(&["e00", "hot"])).unwrap().accepted, 0);
    assert_eq!(ids_of(&store, PURCHASE).len(), 10);
    let again = append(&store, PURCHASE, &[happened("e00", 1, 1, 1), happened("hot", 1, 1, 1), happened("e01", 1, 1, 1)]);
    assert_eq!((again.accepted, again.duplicates), (2, 1));
    let before = content(&store);
    drop(store);
    let store = open(dir.path());
    assert_eq!(content(&store), before, "after replay");
    store.close().unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(content(&store), before, "after a checkpoint");
    let done = store.compact(true).unwrap();
    assert!(done.merges >= 1 && done.rows == 12, "{done:?}");
    assert_eq!(content(&store), before, "after compaction");
    assert_eq!((store.stats().parts, store.stats().part_rows), (1, 12));
    drop(store);
    assert_eq!(content(&open(dir.path())), before);
}

#[test]
fn a_correction_replaces_wherever_the_event_is() {
    let dir = tempfile::tempdir().unwrap();
    let store = three_parts(dir.path());
    let corrected = [Happened { number: Some(7), ..happened("e12", 5, 3, 3) }, happened("hot", 6, 4, 4), happened("fresh", 7, 5, 5)];
    let answer = store.correct_events(vec![batch(PURCHASE, &corrected)]).unwrap();
    assert_eq!((answer.accepted, answer.duplicates), (3, 0));
    assert_eq!(ids_of(&store, PURCHASE).len(), 14);
    let before = content(&store);
    assert!(before.contains("| 7"), "{before}");
    assert_eq!(append(&store, PURCHASE, &corrected).duplicates, 3);
    drop(store);
    assert_eq!(content(&open(dir.path())), before);
}

#[test]
fn many_small_parts_become_few_in_the_background_of_what_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    for part in 0..40 {
        append(&store, PURCHASE, &[happened(&format!("e{part}"), part, part % 3, 1), happened(&format!("f{part}"), 5, part % 3, 1)]);
        store.checkpoint().unwrap();
    }
    let before = content(&store);
    drop(store);
    // Nothing is cached: what the old snapshot reads comes from the files.
    let store = Store::open(dir.path(), StoreOptions { read_cache_bytes: 0, ..StoreOptions::default() }).unwrap();
    let held = store.snapshot().unwrap();
    let files = |dir: &Path| std::fs::read_dir(dir.join("parts/0")).unwrap().count();
    assert_eq!(files(dir.path()), 40);
    store.compact(false).unwrap();
    assert!(store.stats().parts <= 4, "{:?}", store.stats());
    assert_eq!(content(&store), before);
    let rows = held.events(PURCHASE).unwrap();
    assert_eq!(
        rows.gather(&EventColumn::EventId, &(0..80).collect::<Vec<_>>()).unwrap().len(),
        80,
        "an old snapshot still reads its parts"
    );
    drop((held, rows));
    store.compact(true).unwrap();
    assert_eq!((store.stats().parts, files(dir.path())), (1, 1));
    assert_eq!(content(&store), before);
    drop(store);
    assert_eq!(content(&open(dir.path())), before);
}

#[test]
fn events_go_when_they_are_kept_no_longer() {
    let dir = tempfile::tempdir().unwrap();
    let store = three_parts(dir.path());
    let catalog = store.catalog();
    let mut definition = (**catalog.event_by_id(PURCHASE).unwrap()).clone();
    definition.keep = Some(5 * DAY as u64);
    store.define(Change::Put(Box::new(Object::Event(definition)))).unwrap();
    assert_eq!(store.expire(5 * DAY).unwrap(), 0);
    assert_eq!(store.expire(7 * DAY + 3).unwrap(), 1, "days 0 and 1 are over");
    assert_eq!(ids_of(&store, PURCHASE), ["e02", "e03", "e12", "e13", "e22", "e23"]);
    assert_eq!(store.expire(7 * DAY + 4).unwrap(), 0);
    let before = content(&store);
    store.compact(true).unwrap();
    assert_eq!((content(&store), store.stats().part_rows), (before.clone(), 6));
    drop(store);
    assert_eq!(content(&open(dir.path())), before);
}

/// Whether any file below a directory holds some bytes.
fn holds(dir: &Path, needle: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holds(&path, needle));
        } else if std::fs::read(&path).unwrap().windows(needle.len()).any(|w| w == needle) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn an_erased_entity_leaves_no_byte() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    let visit = |id: &str, store: i64| happened(id, 3, store, 1);
    // A store that is called s7777777; it is a subject of visits. Its id is what must vanish.
    append(&store, VISIT, &[visit("v-of-s7777777", 7_777_777), visit("other", 1)]);
    append(&store, PURCHASE, &[happened("pp", 3, 1, 8_888_888)]);
    store.checkpoint().unwrap();
    append(&store, VISIT, &[visit("w-of-s7777777", 7_777_777)]);
    store.reject(vec![RejectedRow { record: "s7777777 said no".into(), ..RejectedRow::default() }]).unwrap();
    let erase = |store: &Store| {
        let visits = store.erase(STORE, keys_of(STORE, &[Some(7_777_777), Some(99)])).unwrap().accepted;
        let products = store.erase(PRODUCT, keys_of(PRODUCT, &[Some(8_888_888)])).unwrap().accepted;
        (visits, products)
    };
    assert_eq!(erase(&store), (1, 1));
    assert_eq!(erase(&store), (0, 0));
    assert_eq!(ids_of(&store, VISIT), ["other"]);
    let snapshot = store.snapshot().unwrap();
    let product = snapshot.events(PURCHASE).unwrap().gather(&EventColumn::Participant(1), &[0]).unwrap();
    assert_eq!(shown(&product), ["NULL"], "others do not name it any more");
    assert_eq!(snapshot.profile(STORE, &[eql_catalog::Value::String("s7777777".into())]).unwrap(), None);
    assert_eq!(snapshot.rejected().count(), 0);
    drop(snapshot);
    let before = content(&store);
    drop(store);
    let store = open(dir.path());
    assert_eq!(content(&store), before, "after replay");
    store.purge().unwrap();
    assert_eq!(content(&store), before);
    for needle in [&b"s7777777"[..], b"p8888888"] {
        assert_eq!(holds(dir.path(), needle), Vec::<String>::new());
    }
    append(&store, VISIT, &[visit("back", 7_777_777)]);
    let stores = store.snapshot().unwrap().entities(STORE).unwrap();
    assert_eq!(shown(stores.key(0)), ["NULL", "s1", "s7777777"], "who comes back is somebody new");
    let before = content(&store);
    store.close().unwrap();
    drop(store);
    assert_eq!(content(&open(dir.path())), before);
}

#[test]
fn rejected_rows_are_kept_and_old_ones_make_room() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    let row = |i: u64| RejectedRow { index: i, message: "wrong".into(), record: "é".repeat(5000), ..RejectedRow::default() };
    store.reject((0..3).map(row).collect()).unwrap();
    drop(store);
    let store = open(dir.path());
    store.reject((3..10_002).map(|i| RejectedRow { record: String::new(), ..row(i) }).collect()).unwrap();
    store.close().unwrap();
    drop(store);
    let store = open(dir.path());
    let snapshot = store.snapshot().unwrap();
    let indexes: Vec<u64> = snapshot.rejected().map(|r| r.index).collect();
    assert_eq!((indexes.len(), indexes[0], indexes[9_999]), (10_000, 2, 10_001));
    assert!(snapshot.rejected().next().unwrap().record.len() < 4200);
}

fn with_properties(store: &Store, change: impl FnOnce(&mut Vec<eql_catalog::Property>)) -> Result<u64, StoreError> {
    let catalog = store.catalog();
    let mut definition = (**catalog.event_by_id(PURCHASE).unwrap()).clone();
    change(&mut definition.properties);
    store.define(Change::Put(Box::new(Object::Event(definition))))
}

#[test]
fn events_follow_a_changed_definition_wherever_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    let row = |i: i64, extra: &str| Happened { number: Some(i), extra: Some(extra.into()), ..happened(&format!("e{i}"), i, 1, 1) };
    append(&store, PURCHASE, &[row(1, r#"{"color":"red","size":3}"#), row(2, r#"{"size":"big"}"#)]);
    store.checkpoint().unwrap();
    append(&store, PURCHASE, &[row(3, r#"{"color":"blue"}"#)]);
    let refused = with_properties(&store, |p| p[1].data_type = eql_catalog::DataType::Int);
    assert!(refused.is_ok(), "a property without values may become anything");
    with_properties(&store, |p| {
        p[0].data_type = eql_catalog::DataType::String;
        p.push(property(20, "color", eql_catalog::DataType::String));
        p.push(property(21, "size", eql_catalog::DataType::Int));
    })
    .unwrap();
    append(&store, PURCHASE, &[happened("e4", 4, 1, 1)]);
    let refused = with_properties(&store, |p| p.iter_mut().find(|p| p.name == "color").unwrap().data_type = eql_catalog::DataType::Int);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("`color` cannot become BIGINT") && refused.contains("red"), "{refused}");
    let column = |store: &Store, id: u16| {
        let rows = store.snapshot().unwrap().events(PURCHASE).unwrap();
        shown(&rows.gather(&EventColumn::Property(eql_catalog::PropertyId(id)), &[0, 1, 2, 3]).unwrap())
    };
    let check = |store: &Store, when: &str| {
        assert_eq!(column(store, 0), ["1", "2", "3", "NULL"], "{when}");
        assert_eq!(column(store, 20), ["red", "NULL", "blue", "NULL"], "{when}");
        assert_eq!(column(store, 21), ["3", "NULL", "NULL", "NULL"], "{when}");
    };
    check(&store, "at once");
    drop(store);
    let store = open(dir.path());
    check(&store, "after replay");
    store.checkpoint().unwrap();
    check(&store, "in parts");
    store.compact(true).unwrap();
    check(&store, "after compaction");
    drop(store);
    check(&open(dir.path()), "after reopening");
}
