//! Versions of sets and tags: what was, at the times it was; with its definition or not at all.
#![allow(clippy::unwrap_used)]

mod support;

use eql_catalog::{Change, DataType, NounKind};
use eql_store::*;
use std::fs;
use std::path::Path;
use support::*;

fn vip() -> Kept {
    Kept::Segment("vip".into())
}

fn level() -> Kept {
    Kept::Tag("level".into())
}

/// Each version as `time: values by ordinal`.
fn versions(store: &Store, kept: &Kept) -> Vec<String> {
    let snapshot = store.snapshot().unwrap();
    let of = |at| shown(&snapshot.version(USER, kept, at).unwrap().unwrap()).join(" ");
    snapshot.versions(USER, kept).unwrap().into_iter().map(|at| format!("{at}: {}", of(at))).collect()
}

/// The same after a crash, after a checkpoint, and after both.
fn always(dir: &Path, store: Store, check: impl Fn(&Store, &str)) {
    check(&store, "at once");
    drop(store);
    let store = open(dir);
    check(&store, "after replay");
    store.close().unwrap();
    check(&store, "after a checkpoint");
    drop(store);
    let store = open(dir);
    check(&store, "after reopening");
    store.checkpoint().unwrap();
    check(&store, "after another checkpoint");
}

#[test]
fn a_version_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    store.keep_version(version(vip(), 10, true, &[1, 2], None)).unwrap();
    store.keep_version(version(level(), 10, true, &[1, 2], Some(&[5, 6]))).unwrap();
    store.checkpoint().unwrap();
    store.keep_version(version(vip(), 20, false, &[3], None)).unwrap();
    store.keep_version(version(level(), 20, false, &[3, 1], Some(&[7, 8]))).unwrap();
    store.keep_version(version(vip(), 30, true, &[2], None)).unwrap();
    store.keep_version(version(level(), 30, true, &[2], Some(&[9]))).unwrap();
    always(dir.path(), store, |store, when| {
        let sets = ["10: true true false", "20: true true true", "30: false true false"];
        let filled: Vec<String> = versions(store, &vip()).iter().map(|v| v.replace("NULL", "false")).collect();
        assert_eq!(filled, sets, "{when}");
        assert_eq!(versions(store, &level()), ["10: 5 6 NULL", "20: 8 6 7", "30: NULL 9 NULL"], "{when}");
        let snapshot = store.snapshot().unwrap();
        assert_eq!(snapshot.members("vip").unwrap().iter().filter(|m| **m).count(), 1, "{when}");
        assert_eq!(shown(&snapshot.tag_values(USER, "level").unwrap().unwrap()), ["NULL", "9", "NULL"], "{when}");
    });
}

#[test]
fn one_of_the_same_time_is_replaced_and_one_of_nobody_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    store.append_entities(users(&[(1, None, None)])).unwrap();
    store.keep_version(version(vip(), 10, true, &[1], None)).unwrap();
    store.keep_version(version(vip(), 10, true, &[], None)).unwrap();
    store.keep_version(version(level(), 10, true, &[], Some(&[]))).unwrap();
    always(dir.path(), store, |store, when| {
        let filled: Vec<String> = versions(store, &vip()).iter().map(|v| v.replace("NULL", "false")).collect();
        assert_eq!((filled, versions(store, &level())), (vec!["10: false".to_string()], vec!["10: NULL".to_string()]), "{when}");
    });
}

#[test]
fn old_ones_go_and_the_newest_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    for at in [10, 20, 30] {
        store.keep_version(VersionBatch { keep_from: Some(at - 10), ..version(level(), at, true, &[1], Some(&[at])) }).unwrap();
    }
    store.keep_version(VersionBatch { keep_from: Some(1000), ..version(vip(), 5, true, &[1], None) }).unwrap();
    always(dir.path(), store, |store, when| {
        assert_eq!(versions(store, &level()), ["20: 20", "30: 30"], "{when}");
        assert_eq!(versions(store, &vip()), ["5: true"], "{when}");
    });
}

#[test]
fn there_are_never_too_many() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    for at in 0..410 {
        store.keep_version(version(level(), at, false, &[at % 7], Some(&[at]))).unwrap();
    }
    let times = store.snapshot().unwrap().versions(USER, &level()).unwrap();
    assert_eq!((times.len(), times[0], times[399]), (400, 10, 409));
    assert_eq!(versions(&store, &level())[399], "409: 406 407 408 409 403 404 405");
}

#[test]
fn who_is_erased_or_deleted_is_in_no_version() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    store.keep_version(version(vip(), 10, true, &[1, 2], None)).unwrap();
    store.keep_version(version(level(), 10, true, &[1, 2], Some(&[5, 6]))).unwrap();
    store.checkpoint().unwrap();
    store.erase(USER, vec![ints([Some(1)])]).unwrap();
    always(dir.path(), store, |store, when| {
        assert_eq!(versions(store, &level()), ["10: NULL 6"], "{when}");
        assert_eq!(versions(store, &vip()), ["10: NULL true"], "{when}");
    });
}

#[test]
fn what_is_dropped_leaves_no_versions() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    store.keep_version(version(vip(), 10, true, &[1], None)).unwrap();
    store.keep_version(version(level(), 10, true, &[1], Some(&[5]))).unwrap();
    store.checkpoint().unwrap();
    store.define(Change::Drop(NounKind::Segment, "vip".into())).unwrap();
    // Values of another type cannot be read as these.
    store.define(tag("level", "user", DataType::String)).unwrap();
    always(dir.path(), store, |store, when| {
        assert_eq!((versions(store, &vip()), versions(store, &level())), (vec![], vec![]), "{when}");
    });
}

#[test]
fn a_definition_and_its_members_come_together_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    store.append_entities(users(&[(1, None, None), (2, None, None)])).unwrap();
    let log = fs::read_dir(dir.path().join("log")).unwrap().next().unwrap().unwrap().path();
    let before = fs::metadata(&log).unwrap().len();
    let change = Some(segment("fresh", "user"));
    let refresh = Some(Refreshed { kind: "segment".into(), object: "fresh".into(), ..Refreshed::default() });
    store.keep_version(VersionBatch { change, refresh, ..version(Kept::Segment("fresh".into()), 10, true, &[2], None) }).unwrap();
    drop(store);
    let after = fs::metadata(&log).unwrap().len();
    for cut in (before..after).step_by(61).chain([before + 1, after - 1, after]) {
        fs::copy(&log, dir.path().join("kept-log")).unwrap();
        fs::File::options().write(true).open(&log).unwrap().set_len(cut).unwrap();
        let store = open(dir.path());
        let snapshot = store.snapshot().unwrap();
        let there = (snapshot.catalog().segment("fresh").is_some(), snapshot.members("fresh").is_some(), snapshot.refreshes().count());
        assert_eq!(there, if cut == after { (true, true, 1) } else { (false, false, 0) }, "cut at {} of {}", cut - before, after - before);
        drop(store);
        fs::rename(dir.path().join("kept-log"), &log).unwrap();
    }
}

#[test]
fn what_does_not_fit_is_refused_with_its_definition() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    let wrong = VersionBatch { keys: vec![texts([Some("x".into())])], ..version(Kept::Segment("fresh".into()), 10, true, &[], None) };
    assert!(store.keep_version(VersionBatch { change: Some(segment("fresh", "user")), ..wrong }).is_err());
    assert!(store.catalog().segment("fresh").is_none());
    assert!(matches!(store.keep_version(version(Kept::Tag("no".into()), 1, true, &[1], Some(&[1]))), Err(StoreError::UnknownTag(..))));
    assert!(matches!(store.keep_version(version(Kept::Segment("no".into()), 1, true, &[1], None)), Err(StoreError::UnknownSegment(_))));
}

#[test]
fn refreshes_are_remembered_and_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    let failed = |n: i64| Refreshed { kind: "tag".into(), object: "user.level".into(), started_at: n, ..Refreshed::default() };
    store.note_refresh(failed(1)).unwrap();
    store.keep_version(VersionBatch { refresh: Some(failed(2)), ..version(level(), 2, true, &[1], Some(&[1])) }).unwrap();
    let position = store.position();
    always(dir.path(), store, |store, when| {
        let seen: Vec<(i64, u64)> = store.snapshot().unwrap().refreshes().map(|r| (r.started_at, r.version)).collect();
        assert_eq!(seen, [(1, 0), (2, position)], "{when}");
    });
}
