//! Events: ids, order, participants, what readers see.
#![allow(clippy::unwrap_used)]

mod support;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::UInt32Type;
use eql_catalog::{Change, DataType, NounKind, PropertyId, Value};
use eql_store::*;
use std::sync::Arc;
use support::*;

#[test]
fn an_event_is_visible_at_once_and_a_snapshot_never_changes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    append(&store, PURCHASE, &[happened("a", 1, 1, 1)]);
    let before = store.snapshot().unwrap();
    assert!(Arc::ptr_eq(&before, &store.snapshot().unwrap()));
    append(&store, PURCHASE, &[happened("b", 2, 2, 1)]);
    store.checkpoint().unwrap();
    let after = store.snapshot().unwrap();
    assert_eq!((before.events(PURCHASE).unwrap().len(), after.events(PURCHASE).unwrap().len()), (1, 2));
    assert_eq!((before.entities(USER).unwrap().len(), after.entities(USER).unwrap().len()), (1, 2));
    let ordinals = before.entities(USER).unwrap().lookup(&[ints([Some(2), Some(1), None])]).unwrap();
    assert_eq!(ordinals.iter().collect::<Vec<_>>(), [None, Some(0), None]);
    assert_eq!(before.timeline(USER).unwrap().offsets, [0, 1]);
    assert_eq!(after.timeline(USER).unwrap().offsets, [0, 1, 2]);
    assert!(Arc::ptr_eq(&after.timeline(USER).unwrap(), &after.timeline(USER).unwrap()));
}

#[test]
fn the_first_of_two_equal_ids_wins() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    let twice = append(&store, PURCHASE, &[happened("a", 1, 1, 1), happened("a", 2, 2, 2), happened("b", 3, 1, 1)]);
    assert_eq!((twice.accepted, twice.duplicates, twice.duplicate_rows), (2, 1, vec![(0, 1)]));
    // Another event type has ids of its own.
    assert_eq!(append(&store, MESSAGE, &[happened("a", 1, 1, 1)]).accepted, 1);
    // The order submitted decides, across batches.
    let late = Happened { order: Some(9), ..happened("c", 1, 1, 1) };
    let early = Happened { order: Some(3), ..happened("c", 2, 2, 2) };
    let answer = store.append_events(vec![batch(PURCHASE, &[late]), batch(PURCHASE, &[early])]).unwrap();
    assert_eq!(answer.duplicate_rows, [(0, 0)]);
}

#[test]
fn ids_are_remembered_across_checkpoints_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let all = ["a", "b", "c"].map(|id| happened(id, 1, 1, 1));
    for end in 0..3 {
        let store = open_world(dir.path());
        let answer = append(&store, PURCHASE, &all[..=end]);
        assert_eq!((answer.accepted, answer.duplicates), (1, end as u64));
        match end {
            0 => store.close().unwrap(),
            1 => drop(store),
            _ => {
                store.checkpoint().unwrap();
                let none = append(&store, PURCHASE, &all);
                assert_eq!((none.accepted, none.position), (0, store.position()));
            }
        }
    }
}

#[test]
fn rows_without_a_subject_are_kept_and_are_on_other_timelines() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    let nobody = Happened { who: [None, Some(4)], ..happened("b", 2, 0, 0) };
    append(&store, PURCHASE, &[happened("a", 1, 1, 4), nobody, happened("c", 3, 2, 4)]);
    for _ in 0..2 {
        let snapshot = store.snapshot().unwrap();
        let user = snapshot.timeline(USER).unwrap();
        assert_eq!(timeline_text(&snapshot, &user).iter().flatten().map(|e| e.2.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        let product = snapshot.timeline(PRODUCT).unwrap();
        assert_eq!(timeline_text(&snapshot, &product).iter().flatten().map(|e| e.2.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        let rows = snapshot.events(PURCHASE).unwrap();
        let subjects = rows.gather(&EventColumn::Participant(0), &[0, 1, 2]).unwrap();
        assert_eq!(subjects.as_primitive::<UInt32Type>().null_count(), 1);
        store.checkpoint().unwrap();
    }
}

#[test]
fn gathering_takes_any_rows_in_any_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    for part in 0..3i64 {
        let rows: Vec<Happened> =
            (0..10).map(|i| Happened { number: Some(part * 10 + i), ..happened(&format!("{part}-{i}"), i, 1, 1) }).collect();
        append(&store, PURCHASE, &rows);
        if part < 2 {
            store.checkpoint().unwrap();
        }
    }
    let rows = store.snapshot().unwrap().events(PURCHASE).unwrap();
    assert_eq!((rows.len(), rows.chunk_count(), rows.chunk_range(1), rows.time_range(2)), (30, 3, 10..20, Some((0, 9))));
    let column = EventColumn::Property(PropertyId(0));
    for wanted in [vec![], vec![3, 4, 5], vec![9, 2, 2], vec![29, 0, 15, 15, 10], vec![9, 10]] {
        let expected: ArrayRef = Arc::new(Int64Array::from(wanted.iter().map(|r| i64::from(*r)).collect::<Vec<_>>()));
        assert_eq!(&rows.gather(&column, &wanted).unwrap(), &expected);
    }
    assert!(rows.gather(&column, &[30]).is_err());
    assert!(rows.gather(&EventColumn::Property(PropertyId(99)), &[0]).is_err());
    assert!(rows.gather(&EventColumn::Participant(2), &[]).is_err());
    assert!(!rows.received_differs());
}

#[test]
fn what_does_not_fit_is_refused_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    let good = batch(PURCHASE, &[happened("a", 1, 1, 1)]);
    let refused = |b: EventBatch| store.append_events(vec![b]).unwrap_err().to_string();
    let words = refused(EventBatch { properties: vec![(PropertyId(0), texts([None]))], ..good.clone() });
    assert_eq!(words, "event `purchase`: property `quantity` is a column of Utf8, not of Int64");
    assert!(refused(EventBatch { keys: vec![vec![ints([None])]], ..good.clone() }).contains("2 participants"));
    assert!(refused(EventBatch { id: vec![None::<&str>].into(), ..good.clone() }).contains("its id is NULL in 1 rows"));
    assert!(refused(EventBatch { properties: vec![(PropertyId(77), ints([None]))], ..good }).contains("no property with number 77"));
    assert!(matches!(
        store.append_entities(EntityBatch { keys: vec![ints([None])], ..users(&[(1, None, None)]) }),
        Err(StoreError::Mismatch { .. })
    ));
    assert!(matches!(store.set_members("nobody", vec![]), Err(StoreError::UnknownSegment(_))));
    assert!(matches!(store.snapshot().unwrap().timeline_by_role(USER, "nobody"), Err(StoreError::UnknownRole(..))));
    assert_eq!(store.stats().hot_rows, 0);
}

#[test]
fn definitions_grow_but_do_not_change_what_rows_mean() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    // Without rows everything can change.
    store.define(entity(STORE, "store", vec![property(0, "store_id", DataType::Int)], vec![])).unwrap();
    store.define(world().remove(2)).unwrap();
    append(&store, VISIT, &[happened("v", 1, 1, 1)]);
    assert!(store.define(entity(STORE, "store", vec![property(0, "store_id", DataType::Int)], vec![])).is_err());
    assert!(store.define(event(VISIT, "visit", &[(USER, "user")], vec![])).is_err());
    assert!(store.define(Change::Drop(NounKind::Entity, "store".into())).is_err());
    store
        .define(event(
            VISIT,
            "visit",
            &[(STORE, "store"), (USER, "user"), (PRODUCT, "product")],
            vec![property(0, "minutes", DataType::Int)],
        ))
        .unwrap();
    store.checkpoint().unwrap();
    let rows = store.snapshot().unwrap().events(VISIT).unwrap();
    assert_eq!(rows.gather(&EventColumn::Property(PropertyId(0)), &[0]).unwrap().null_count(), 1);
    assert_eq!(rows.gather(&EventColumn::Participant(2), &[0]).unwrap().null_count(), 1);
    store.define(Change::Drop(NounKind::Event, "visit".into())).unwrap();
    assert!(matches!(store.snapshot().unwrap().events(VISIT), Err(StoreError::UnknownEvent(2))));
    let before = content(&store);
    drop(store);
    assert_eq!(content(&open(dir.path())), before);
}

#[test]
fn first_knowledge_is_the_earliest_import() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    append(&store, PURCHASE, &[happened("a", 1, 1, 1)]);
    store.append_entities(users(&[(2, None, None)])).unwrap();
    assert!(store.snapshot().unwrap().entities(USER).unwrap().known_since().unwrap().is_none());
    let at = |times: Vec<i64>| Some(times.into());
    store
        .append_entities(EntityBatch { time: at(vec![50, 60, 70]), ..users(&[(1, None, None), (2, None, None), (3, None, None)]) })
        .unwrap();
    store.append_entities(EntityBatch { time: at(vec![40, 90]), ..users(&[(3, None, None), (1, None, None)]) }).unwrap();
    for _ in 0..2 {
        let known = store.snapshot().unwrap().entities(USER).unwrap().known_since().unwrap().unwrap();
        let known: Vec<Option<i64>> = known.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().iter().collect();
        assert_eq!(known, [Some(50), None, Some(40)]);
        store.checkpoint().unwrap();
    }
    assert_eq!(store.snapshot().unwrap().profile(USER, &[Value::Int(3)]).unwrap(), Some(2));
    assert_eq!(store.snapshot().unwrap().profile(USER, &[Value::Null]).unwrap(), None);
    assert!(store.snapshot().unwrap().profile(USER, &[Value::String("3".into())]).is_err());
}

#[test]
fn many_writers_share_one_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreOptions { hot_rows_max: 300, log_segment_bytes: 10_000, ..StoreOptions::default() }).unwrap();
    world().into_iter().for_each(|c| _ = store.define(c).unwrap());
    std::thread::scope(|scope| {
        for writer in 0..4i64 {
            let store = &store;
            scope.spawn(move || {
                for i in 0..100 {
                    // Every second id is also sent by a neighbour: one of the two wins.
                    let rows = [happened(&format!("{writer}-{i}"), i, writer, i), happened(&format!("{}-{i}", writer / 2), 0, writer, i)];
                    append(store, PURCHASE, &rows);
                    assert!(store.snapshot().unwrap().events(PURCHASE).unwrap().len() as i64 > i);
                }
            });
        }
    });
    let rows = store.snapshot().unwrap().events(PURCHASE).unwrap();
    assert_eq!(rows.len(), 400);
    let before = content(&store);
    drop(store);
    assert_eq!(content(&open(dir.path())), before);
}

#[test]
fn ids_of_every_kind_are_remembered_and_come_back() {
    let hash = |i: i64| format!("{:032x}", (i as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
    let uuid = |i: i64| {
        let digits = hash(i);
        [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
    };
    let kinds: [(&str, &dyn Fn(i64) -> String); 4] =
        [("hashes", &hash), ("uuids", &uuid), ("numbers", &|i| (i - 5).to_string()), ("texts", &|i| format!("0{i}"))];
    for (kind, id) in kinds {
        let dir = tempfile::tempdir().unwrap();
        let rows = |range: std::ops::Range<i64>| range.map(|i| happened(&id(i), i, i % 3, 1)).collect::<Vec<_>>();
        let store = open_world(dir.path());
        append(&store, PURCHASE, &rows(0..20));
        let before = content(&store);
        store.close().unwrap();
        assert_eq!(content(&store), before, "{kind}");
        drop(store);
        let store = open(dir.path());
        let answer = append(&store, PURCHASE, &rows(10..25));
        assert_eq!((answer.accepted, answer.duplicates), (5, 10), "{kind}");
    }
}

#[test]
fn what_can_be_derived_takes_no_room() {
    let bytes = |time: &dyn Fn(i64) -> i64| {
        let dir = tempfile::tempdir().unwrap();
        let store = open_world(dir.path());
        let id = |i: i64| format!("{:032x}", (i as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
        let rows: Vec<Happened> = (0..20_000).map(|i| happened(&id(i), time(i) * 1_000_000, i * i % 400, i % 4)).collect();
        append(&store, PURCHASE, &rows);
        store.close().unwrap();
        store.stats().part_bytes as f64 / 20_000.0
    };
    // 16 of the id and 18 for finding it, 4 of the time, 1 of the event type: the rest is for subjects, products and framing.
    let in_order = bytes(&|i| i);
    assert!(in_order < 40.0, "{in_order} bytes an event");
    // Numbers that the times do not tell are stored.
    let shuffled = bytes(&|i| i * i * 7919 % 20_011);
    assert!(shuffled > in_order + 1.0, "{shuffled} bytes an event, {in_order} in order");
}

#[test]
fn figures_name_every_part() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    append(&store, PURCHASE, &[happened("a", 1, 1, 1), happened("b", 2, 2, 1)]);
    append(&store, VISIT, &[happened("v", 1, 5, 1)]);
    assert!(store.part_stats().is_empty());
    assert_eq!(store.stats().checkpoint_position, 0);
    store.checkpoint().unwrap();
    let (stats, parts) = (store.stats(), store.part_stats());
    assert_eq!(stats.checkpoint_position, stats.position);
    assert_eq!((parts.len(), parts.iter().map(|p| p.rows).sum::<u64>()), (stats.parts, stats.part_rows));
    assert_eq!(parts.iter().map(|p| p.bytes).sum::<u64>(), stats.part_bytes);
    let of_users: Vec<_> = parts.iter().filter(|p| p.subject == USER).collect();
    assert_eq!(of_users.iter().map(|p| p.rows).sum::<u64>(), 2);
    assert!(of_users.iter().all(|p| p.time_min <= p.time_max && p.level == 0 && p.events == [PURCHASE]));
    assert!(parts.iter().any(|p| p.subject != USER && p.events == [VISIT]));
    let users = store.entity_stats().unwrap().into_iter().find(|e| e.entity == USER).unwrap();
    assert_eq!((users.rows, users.deleted), (2, 0));
    assert!(users.columns >= 1 && users.bytes > 0);
    store.snapshot().unwrap().timeline(USER).unwrap();
    store.snapshot().unwrap().timeline(USER).unwrap();
    let read = store.stats();
    assert!(read.cache_hits >= 1 && read.cache_misses >= 1 && read.cache_entries >= 1 && read.cache_bytes > 0, "{read:?}");
}
