//! Definitions of entities that change while there are entities.
#![allow(clippy::unwrap_used)]

mod support;

use arrow::array::*;
use eql_catalog::*;
use eql_store::*;
use std::path::Path;
use std::sync::Arc;
use support::*;

const CITY: PropertyId = PropertyId(1);
const SIZE: PropertyId = PropertyId(2);
const NEW: PropertyId = PropertyId(3);

fn shop(properties: Vec<Property>) -> Change {
    entity(USER, "user", vec![property(0, "user_id", DataType::Int)], properties)
}

fn city() -> Property {
    property(1, "city", DataType::String)
}

fn size(data_type: DataType) -> Property {
    property(2, "size", data_type)
}

fn kept(p: Property) -> Property {
    Property { history: true, ..p }
}

/// Three users with a size as text and undeclared properties.
fn some_users(dir: &Path) -> Store {
    let store = open(dir);
    store.define(shop(vec![city(), size(DataType::String)])).unwrap();
    let text = |t: &[Option<&str>]| Arc::new(StringArray::from(t.to_vec())) as ArrayRef;
    let batch = EntityBatch {
        properties: vec![(CITY, text(&[Some("Bonn"), Some("Oslo"), None])), (SIZE, text(&[Some("12"), Some("-3"), None]))],
        extra: Some(StringArray::from(vec![Some(r#"{"age":30,"shoe":"42"}"#), Some(r#"{"age":"old"}"#), Some(r#"{"age":"7"}"#)])),
        ..EntityBatch::new(USER, vec![ints([Some(1), Some(2), Some(3)])])
    };
    store.append_entities(batch).unwrap();
    store
}

fn values(store: &Store, id: PropertyId) -> Vec<String> {
    shown(&store.snapshot().unwrap().entities(USER).unwrap().property(id).unwrap())
}

fn extra(store: &Store) -> Vec<String> {
    shown(&store.snapshot().unwrap().entities(USER).unwrap().extra().unwrap())
}

/// The same however it is stored: after each change, at once, replayed, and after a checkpoint.
fn at_every_stage(change: impl Fn(&Store), check: impl Fn(&Store)) {
    for saved_before in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let store = some_users(dir.path());
        if saved_before {
            store.checkpoint().unwrap();
        }
        change(&store);
        check(&store);
        let before = content(&store);
        drop(store);
        let store = open(dir.path());
        check(&store);
        assert_eq!(content(&store), before, "replayed");
        store.checkpoint().unwrap();
        check(&store);
        assert_eq!(content(&store), before, "checkpointed");
        drop(store);
        let store = open(dir.path());
        check(&store);
        assert_eq!(content(&store), before, "reopened");
    }
}

#[test]
fn values_convert_when_all_of_them_do() {
    at_every_stage(
        |store| _ = store.define(shop(vec![size(DataType::Int), city()])).unwrap(),
        |store| assert_eq!(values(store, SIZE), ["12", "-3", "NULL"]),
    );
    at_every_stage(
        |store| {
            store.define(shop(vec![city(), size(DataType::Int)])).unwrap();
            store.define(shop(vec![city(), size(DataType::Double)])).unwrap();
            store.define(shop(vec![city(), kept(size(DataType::Decimal(6, 1)))])).unwrap();
        },
        |store| {
            assert_eq!(values(store, SIZE), ["12.0", "-3.0", "NULL"]);
            let history = store.snapshot().unwrap().entities(USER).unwrap().history(SIZE).unwrap();
            assert_eq!((history.offsets.clone(), history.time.clone()), (vec![0, 1, 2, 2], vec![i64::MIN; 2]));
        },
    );
}

#[test]
fn what_does_not_convert_is_refused_with_an_example() {
    let dir = tempfile::tempdir().unwrap();
    let store = some_users(dir.path());
    let before = content(&store);
    let refused = store.define(shop(vec![property(1, "city", DataType::Int), size(DataType::String)])).unwrap_err().to_string();
    let expected = "entity `user`: property `city` cannot become BIGINT: 2 values do not convert, for instance 'Bonn' of user_id 1";
    assert_eq!(refused, expected);
    let key = entity(USER, "user", vec![property(0, "user_id", DataType::String)], vec![]);
    assert!(store.define(key).unwrap_err().to_string().contains("its key cannot change, it has 3 rows"));
    assert_eq!(content(&store), before);
    // A value that only history holds counts as well.
    store.define(shop(vec![city(), kept(size(DataType::String))])).unwrap();
    let later = |size: &str, t: i64| EntityBatch {
        properties: vec![(SIZE, Arc::new(StringArray::from(vec![size])))],
        time: Some(TimestampMicrosecondArray::from(vec![t])),
        ..EntityBatch::new(USER, vec![ints([Some(1)])])
    };
    store.append_entities(later("12x", 5)).unwrap();
    store.append_entities(later("13", 6)).unwrap();
    let refused = store.define(shop(vec![city(), kept(size(DataType::Int))])).unwrap_err().to_string();
    assert!(refused.contains("1 value does not convert, for instance '12x', which it was once"), "{refused}");
    store.define(shop(vec![city(), size(DataType::String)])).unwrap();
    store.define(shop(vec![city(), size(DataType::Int)])).unwrap();
    assert_eq!(values(&store, SIZE), ["13", "-3", "NULL"]);
}

#[test]
fn a_dropped_property_hides_at_once_and_does_not_come_back() {
    at_every_stage(
        |store| {
            store.define(shop(vec![city()])).unwrap();
            // Its number is free again.
            store.define(shop(vec![city(), property(2, "colour", DataType::String)])).unwrap();
        },
        |store| assert_eq!(values(store, SIZE), ["NULL", "NULL", "NULL"]),
    );
    let dir = tempfile::tempdir().unwrap();
    let store = some_users(dir.path());
    store.checkpoint().unwrap();
    store.define(shop(vec![city()])).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert!(matches!(snapshot.entities(USER).unwrap().property(SIZE), Err(StoreError::UnknownProperty { .. })));
    assert_eq!(snapshot.entity_row(USER, 0).unwrap().unwrap().properties.len(), 1);
    drop(snapshot);
    store.checkpoint().unwrap();
    let files: Vec<String> =
        std::fs::read_dir(dir.path().join("entities/0")).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    assert!(files.iter().any(|f| f.starts_with("p1-")) && !files.iter().any(|f| f.starts_with("p2-")), "{files:?}");
}

#[test]
fn undeclared_values_move_to_a_property_of_their_name() {
    at_every_stage(
        |store| _ = store.define(shop(vec![city(), size(DataType::String), kept(property(3, "age", DataType::Int))])).unwrap(),
        |store| {
            assert_eq!(values(store, NEW), ["30", "NULL", "7"]);
            assert_eq!(extra(store), [r#"{"shoe":"42"}"#, r#"{"age":"old"}"#, "NULL"]);
            let history = store.snapshot().unwrap().entities(USER).unwrap().history(NEW).unwrap();
            assert_eq!((history.offsets.clone(), shown(&history.values)), (vec![0, 1, 1, 2], vec!["30".into(), "7".into()]));
        },
    );
}

#[test]
fn history_begins_and_ends_with_the_definition() {
    let dir = tempfile::tempdir().unwrap();
    let store = some_users(dir.path());
    store.define(shop(vec![kept(city()), size(DataType::String)])).unwrap();
    let moved = EntityBatch {
        properties: vec![(CITY, Arc::new(StringArray::from(vec!["Rome"])))],
        time: Some(TimestampMicrosecondArray::from(vec![9])),
        ..EntityBatch::new(USER, vec![ints([Some(1)])])
    };
    store.append_entities(moved).unwrap();
    let history = |store: &Store| {
        let history = store.snapshot().unwrap().entities(USER).unwrap().history(CITY);
        history.map(|h| (h.time.clone(), shown(&h.values)))
    };
    let texts = |t: &[&str]| t.iter().map(|t| t.to_string()).collect::<Vec<_>>();
    assert_eq!(history(&store).unwrap(), (vec![i64::MIN, 9, i64::MIN], texts(&["Bonn", "Rome", "Oslo"])));
    store.checkpoint().unwrap();
    store.define(shop(vec![city(), size(DataType::String)])).unwrap();
    assert!(history(&store).unwrap_err().to_string().contains("property `city` has no HISTORY"));
    store.define(shop(vec![kept(city()), size(DataType::String)])).unwrap();
    assert_eq!(history(&store).unwrap(), (vec![i64::MIN; 2], texts(&["Rome", "Oslo"])));
}
