//! What was acknowledged is present after any end, and damage has a name.
#![allow(clippy::unwrap_used)]

mod support;

use eql_store::*;
use std::fs;
use std::path::{Path, PathBuf};
use support::*;

fn some_history(store: &Store) {
    append(
        store,
        PURCHASE,
        &[happened("a", 5, 1, 1), happened("b", 4, 2, 1), Happened { number: Some(3), note: Some("x".into()), ..happened("c", 3, 1, 2) }],
    );
    store.append_entities(users(&[(1, Some("ann".into()), Some(30)), (7, None, Some(4))])).unwrap();
    append(store, MESSAGE, &[happened("m", 9, 1, 2), Happened { who: [None, Some(9)], ..happened("n", 1, 0, 0) }]);
    store.set_members("vip", vec![ints([Some(7), Some(11)])]).unwrap();
    store.set_tag_values(USER, "level", vec![ints([Some(1)])], ints([Some(5)])).unwrap();
    store.keep_version(version(Kept::Segment("vip".into()), 10, false, &[1], None)).unwrap();
    store.keep_version(version(Kept::Tag("level".into()), 10, true, &[7], Some(&[8]))).unwrap();
    store
        .note_refresh(Refreshed { kind: "tag".into(), object: "user.level".into(), error: Some("no".into()), ..Refreshed::default() })
        .unwrap();
}

fn only_file(dir: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|f| f.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() { copy_dir(&entry.path(), &target) } else { _ = fs::copy(entry.path(), target).unwrap() }
    }
}

#[test]
fn reopening_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    some_history(&store);
    let before = content(&store);
    drop(store);
    let store = open(dir.path());
    assert_eq!(content(&store), before, "after replay");
    store.close().unwrap();
    assert_eq!(content(&store), before, "after close");
    assert!(matches!(store.append_entities(users(&[(1, None, None)])), Err(StoreError::WritesRefused { .. })));
    drop(store);
    let store = open(dir.path());
    assert_eq!(content(&store), before, "after reopening");
    assert_eq!(store.stats().hot_rows, 0);
    let more = append(&store, PURCHASE, &[happened("a", 5, 1, 1), happened("z", 6, 1, 1)]);
    assert_eq!((more.accepted, more.duplicates, more.duplicate_rows), (1, 1, vec![(0, 0)]));
}

#[test]
fn a_log_that_is_cut_gives_a_prefix() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    append(&store, PURCHASE, &[happened("first", 1, 1, 1)]);
    store.checkpoint().unwrap();
    // Position → content after it.
    let mut contents = vec![content(&store)];
    let mut ends = vec![0];
    let log = dir.path().join("log");
    let size = |dir: &Path| fs::read_dir(dir).unwrap().map(|f| f.unwrap().metadata().unwrap().len()).sum::<u64>();
    let base = size(&log);
    for i in 0..3 {
        append(&store, PURCHASE, &[happened(&format!("e{i}"), i, i, 1)]);
        contents.push(content(&store));
        ends.push(size(&log) - base);
    }
    drop(store);
    let files: Vec<PathBuf> = fs::read_dir(&log).unwrap().map(|f| f.unwrap().path()).collect();
    let file = files.iter().max().unwrap();
    let start = fs::metadata(file).unwrap().len() - ends[3];
    // Every byte is cut in the unit tests of the log; here the whole store starts at each end of a record, around it, and in between.
    let around = ends.iter().flat_map(|e| [e.saturating_sub(1), *e, (e + 1).min(ends[3]), (e + 300).min(ends[3])]);
    for cut in around.collect::<std::collections::BTreeSet<u64>>() {
        let copy = tempfile::tempdir().unwrap();
        copy_dir(dir.path(), copy.path());
        let file = copy.path().join("log").join(file.file_name().unwrap());
        fs::File::options().write(true).open(&file).unwrap().set_len(start + cut).unwrap();
        let whole = ends.iter().filter(|e| **e <= cut).count() - 1;
        let store = open(copy.path());
        assert_eq!(content(&store), contents[whole], "cut at {cut}");
        // Writing goes on after the cut, and is there after another start.
        append(&store, PURCHASE, &[happened("later", 1, 1, 1)]);
        let after = content(&store);
        drop(store);
        assert_eq!(content(&open(copy.path())), after);
    }
}

#[test]
fn damage_in_the_middle_of_the_log_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    some_history(&store);
    drop(store);
    let file = only_file(&dir.path().join("log"));
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let error = Store::open(dir.path(), StoreOptions::default()).unwrap_err();
    assert!(matches!(&error, StoreError::Damaged { file: f, .. } if *f == file), "{error}");
    assert!(error.to_string().contains("is damaged at byte"), "{error}");
}

#[test]
fn a_missing_log_file_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { log_segment_bytes: 100, ..StoreOptions::default() };
    let store = Store::open(dir.path(), options.clone()).unwrap();
    world().into_iter().for_each(|c| _ = store.define(c).unwrap());
    drop(store);
    let mut files: Vec<PathBuf> = fs::read_dir(dir.path().join("log")).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    fs::remove_file(&files[3]).unwrap();
    let error = Store::open(dir.path(), options).unwrap_err();
    assert!(error.to_string().contains("missing"), "{error}");
}

#[test]
fn the_log_is_trimmed_at_checkpoints() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { log_segment_bytes: 100, ..StoreOptions::default() };
    let store = Store::open(dir.path(), options.clone()).unwrap();
    world().into_iter().for_each(|c| _ = store.define(c).unwrap());
    some_history(&store);
    assert!(store.stats().log_segments > 5);
    store.checkpoint().unwrap();
    let stats = store.stats();
    assert_eq!((stats.log_segments, stats.checkpoint_position), (1, stats.position));
    let before = content(&store);
    drop(store);
    assert_eq!(content(&Store::open(dir.path(), options).unwrap()), before);
}

#[test]
fn damaged_rows_are_moved_aside_and_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    some_history(&store);
    store.close().unwrap();
    let before = content(&store);
    drop(store);
    for (n, damage) in [b"rubbish".to_vec(), vec![0; 100_000], vec![]].into_iter().enumerate() {
        fs::write(dir.path().join("kv/db"), damage).unwrap();
        let store = open(dir.path());
        assert_eq!(content(&store), before);
        assert!(dir.path().join(format!("kv.damaged-{}", n + 1)).exists());
        drop(store);
    }
    drop(open(dir.path()));
    assert!(!dir.path().join("kv.damaged-4").exists());
}

#[test]
fn damage_in_any_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    some_history(&store);
    store.close().unwrap();
    drop(store);
    let mut files = vec![dir.path().join("manifest.json")];
    for sub in ["entities/0", "entities/1", "segments", "parts/0/0", "parts/0/1"] {
        files.extend(fs::read_dir(dir.path().join(sub)).into_iter().flatten().map(|f| f.unwrap().path()));
    }
    assert!(files.len() >= 12, "{files:?}");
    for file in files {
        let good = fs::read(&file).unwrap();
        let mut bad = good.clone();
        bad[good.len() / 2] ^= 4;
        // Two bytes: the last one of the manifest is the end of its line and says nothing.
        for damaged in [bad, good[..good.len() - 2].to_vec()] {
            fs::write(&file, damaged).unwrap();
            let error = read_everything(dir.path()).unwrap_err().to_string();
            assert!(error.contains(file.to_str().unwrap()) && error.contains("damaged"), "{}: {error}", file.display());
        }
        fs::write(&file, good).unwrap();
    }
    read_everything(dir.path()).unwrap();
}

fn read_everything(dir: &Path) -> Result<(), StoreError> {
    let store = Store::open(dir, StoreOptions::default())?;
    let snapshot = store.snapshot()?;
    snapshot.timeline(USER)?;
    read_entities(&snapshot)?;
    let catalog = snapshot.catalog();
    let segments = catalog.segments().map(|s| (&s.entity, Kept::Segment(s.name.clone())));
    for (entity, kept) in segments.chain(catalog.tags().map(|t| (&t.entity, Kept::Tag(t.name.clone())))) {
        let entity = catalog.entity(entity).unwrap().id;
        for at in snapshot.versions(entity, &kept)? {
            snapshot.version(entity, &kept, at)?;
        }
    }
    // Reads when they became known.
    store.append_entities(users(&[(1, None, None)]))?;
    for event in snapshot.catalog().events() {
        let rows = snapshot.events(event.id)?;
        for chunk in 0..rows.chunk_count() {
            rows.chunk_column(chunk, &EventColumn::EventId)?;
        }
        store.append_events(vec![EventBatch { event: event.id, ..batch(event.id, &[]) }])?;
    }
    Ok(())
}

#[test]
fn a_directory_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let error = Store::open(dir.path(), StoreOptions::default()).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }));
    assert!(error.to_string().contains(&format!("is in use by process {}", std::process::id())), "{error}");
    store.close().unwrap();
    drop(open(dir.path()));
}

#[test]
fn a_newer_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    fs::write(dir.path().join("format"), "99\n").unwrap();
    let error = Store::open(dir.path(), StoreOptions::default()).unwrap_err();
    assert!(error.to_string().contains("newer release"), "{error}");
}

#[test]
fn what_a_failed_checkpoint_left_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_world(dir.path());
    some_history(&store);
    store.close().unwrap();
    let before = content(&store);
    drop(store);
    fs::create_dir_all(dir.path().join("parts/0/77")).unwrap();
    fs::write(dir.path().join("parts/0/77/spine.arrow"), "half").unwrap();
    let columns = ["entities/0/p1-99.arrow", "entities/0-99.arrow"].map(|name| dir.path().join(name));
    columns.iter().for_each(|file| fs::write(file, "half").unwrap());
    assert_eq!(content(&open(dir.path())), before);
    assert!(!dir.path().join("parts/0/77").exists() && columns.iter().all(|file| !file.exists()));
}

#[test]
fn what_the_log_cannot_take_is_refused_and_writes_go_on_once_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { log_segment_bytes: 1, ..StoreOptions::default() };
    let store = Store::open(dir.path(), options.clone()).unwrap();
    world().into_iter().for_each(|c| _ = store.define(c).unwrap());
    some_history(&store);
    let before = content(&store);
    let log = dir.path().join("log");
    fs::rename(&log, dir.path().join("elsewhere")).unwrap();
    for _ in 0..2 {
        let error = store.append_events(vec![batch(PURCHASE, &[happened("lost", 1, 1, 1)])]).unwrap_err();
        assert!(matches!(error, StoreError::NotWritten { .. }), "{error}");
        assert!(error.to_string().contains("reads go on"), "{error}");
    }
    assert_eq!(content(&store), before);
    fs::rename(dir.path().join("elsewhere"), &log).unwrap();
    let again = store.append_events(vec![batch(PURCHASE, &[happened("lost", 1, 1, 1)])]).unwrap();
    assert_eq!((again.accepted, again.duplicates), (1, 0), "a refused event is not known");
    let after = content(&store);
    drop(store);
    assert_eq!(content(&Store::open(dir.path(), options).unwrap()), after);
}
