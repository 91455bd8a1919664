//! Directories that earlier releases wrote can be read: one of each format is kept here, with what it holds as text.
//!
//! `BLESS=1 cargo test -p eql-store --test format` writes the directory of the present format anew: only before its first release, or the
//! promise is broken.
#![allow(clippy::unwrap_used)]

mod support;

use eql_store::*;
use std::fs;
use std::path::{Path, PathBuf};
use support::*;

const DAY: i64 = 86_400_000_000;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() { copy_dir(&entry.path(), &target) } else { _ = fs::copy(entry.path(), target).unwrap() }
    }
}

/// Every kind of record and of file: two months of events of three types with all types of values, entities with keys of one and of two
/// columns, members, tag values, and all of it once more behind the checkpoint.
fn write_all(store: &Store) {
    let purchase = |i: i64| Happened {
        number: (i % 4 != 3).then_some(i * 11),
        note: (i % 3 == 0).then(|| format!("note {i} é")),
        extra: (i % 5 == 0).then(|| format!("{{\"x\":{i}}}")),
        received: Some(i * 2 * DAY + i % 2),
        who: [(i % 7 != 6).then_some(i % 5), Some(i % 3)],
        ..happened(&format!("p{i}"), i * 2 * DAY, 0, 0)
    };
    let some = |range: std::ops::Range<i64>| range.map(purchase).collect::<Vec<_>>();
    append(store, PURCHASE, &some(0..24));
    append(
        store,
        MESSAGE,
        &[happened("m1", -5, 1, 2), Happened { who: [None, Some(9)], number: Some(4), ..happened("m2", 40 * DAY, 0, 0) }],
    );
    append(store, VISIT, &[happened("v1", 1, 1, 2)]);
    store.append_entities(users(&[(1, Some("Ann".into()), Some(30)), (7, None, Some(4)), (40, Some(String::new()), None)])).unwrap();
    store.set_members("vip", vec![ints([Some(7), Some(11)])]).unwrap();
    store.set_tag_values(USER, "level", vec![ints([Some(1), Some(7)])], ints([Some(5), None])).unwrap();
    store.checkpoint().unwrap();
    remove_some(store, ["p3", "p5"], 2);
    store.checkpoint().unwrap();
    append(store, PURCHASE, &some(24..30));
    remove_some(store, ["p4", "p25"], 6);
    store.append_entities(users(&[(1, Some("Anna".into()), None), (50, None, None)])).unwrap();
    store.change_members("vip", vec![ints([Some(1)])], vec![ints([Some(11)])]).unwrap();
    store.set_tag_values(USER, "level", vec![ints([Some(50)])], ints([Some(2)])).unwrap();
}

/// Deleted and corrected events, an erased product, a row that was refused: in the checkpoint and behind it.
fn remove_some(store: &Store, ids: [&str; 2], who: i64) {
    store.delete_events(PURCHASE, &ids.iter().map(Some).collect()).unwrap();
    store.correct_events(vec![batch(PURCHASE, &[happened(&format!("p{who}"), 3 * DAY, who, 1)])]).unwrap();
    store.erase(PRODUCT, keys_of(PRODUCT, &[Some(who / 3)])).unwrap();
    store.reject(vec![RejectedRow { target: "purchase".into(), message: "no".into(), ..RejectedRow::default() }]).unwrap();
}

fn bless(place: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    write_all(&store);
    let text = content(&store);
    drop(store);
    // Neither is read: the rows are made anew, and the lock is of a process.
    fs::remove_dir_all(dir.path().join("kv")).unwrap();
    fs::remove_file(dir.path().join("lock")).unwrap();
    _ = fs::remove_dir_all(place);
    copy_dir(dir.path(), &place.join("data"));
    fs::write(place.join("content.txt"), text).unwrap();
}

#[test]
fn every_released_format_is_read() {
    if std::env::var_os("BLESS").is_some() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path()));
        let present = fs::read_to_string(dir.path().join("format")).unwrap();
        // The same directory with records of the log in their second form, which have a clock.
        bless(&fixtures().join(format!("format-{}-frames-2", present.trim())));
    }
    let formats: Vec<PathBuf> = fs::read_dir(fixtures()).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(!formats.is_empty());
    for format in formats {
        let dir = tempfile::tempdir().unwrap();
        copy_dir(&format.join("data"), dir.path());
        let found = verify(dir.path(), &PartsAt::Local).unwrap();
        assert_eq!((found.damaged, found.unfinished, found.not_needed), (0, None, vec![]), "{}", format.display());
        let expected = fs::read_to_string(format.join("content.txt")).unwrap();
        upgrade(dir.path()).unwrap();
        let store = open(dir.path());
        assert!(content(&store) == expected, "{} reads\n{}", format.display(), content(&store));
        // And it can be written to, checkpointed and read again.
        append(&store, PURCHASE, &[happened("new", 1, 1, 1)]);
        let after = content(&store);
        store.close().unwrap();
        drop(store);
        assert!(content(&open(dir.path())) == after);
    }
}
