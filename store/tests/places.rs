//! Parts elsewhere than in the data directory: a directory by URL, and a bucket of a real server.
#![allow(clippy::unwrap_used)]

#[path = "support/s3.rs"]
mod s3;
mod support;

use eql_store::*;
use s3::{ACCESS_KEY, BUCKET, SECRET_KEY, Server};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use support::*;

/// A place elsewhere, and where its files can be seen.
struct Elsewhere {
    at: PartsAt,
    files: PathBuf,
}

fn directory(root: &Path) -> Elsewhere {
    let files = root.join("elsewhere");
    Elsewhere { at: PartsAt::Url { url: format!("file://{}", files.display()), options: BTreeMap::new() }, files }
}

fn bucket(server: &Server, prefix: &str) -> Elsewhere {
    Elsewhere { at: at(server, prefix, SECRET_KEY), files: server.objects().join(prefix) }
}

fn at(server: &Server, prefix: &str, secret: &str) -> PartsAt {
    let options = [
        ("endpoint", server.endpoint()),
        ("region", "eu-central-1".into()),
        ("allow_http", "true".into()),
        ("access_key_id", ACCESS_KEY.into()),
        ("secret_access_key", secret.into()),
    ];
    let options = options.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
    PartsAt::Url { url: format!("s3://{BUCKET}/{prefix}"), options }
}

fn open_at(dir: &Path, at: &PartsAt) -> Result<Store, StoreError> {
    Store::open(dir, StoreOptions { parts: at.clone(), ..StoreOptions::default() })
}

fn new_world(dir: &Path, at: &PartsAt) -> Store {
    let store = open_at(dir, at).unwrap();
    world().into_iter().for_each(|change| _ = store.define(change).unwrap());
    store
}

fn purchases(range: std::ops::Range<i64>) -> Vec<Happened> {
    let one = |i: i64| Happened {
        number: Some(i),
        note: Some(format!("n{}", i % 7)),
        ..happened(&format!("id-{i}"), i * 50_000_000, i % 9, i % 4)
    };
    range.map(one).collect()
}

fn some_history(store: &Store) {
    append(store, PURCHASE, &purchases(0..400));
    append(store, MESSAGE, &[happened("m", 9, 1, 2), Happened { who: [None, Some(9)], ..happened("n", 1, 0, 0) }]);
    store.checkpoint().unwrap();
    append(store, PURCHASE, &purchases(300..500));
    append(store, VISIT, &[happened("v", 9, 1, 2)]);
}

fn timelines(store: &Store) -> Vec<Vec<(i64, u16, String)>> {
    let snapshot = store.snapshot().unwrap();
    timeline_text(&snapshot, &snapshot.timeline(USER).unwrap())
}

/// All part files of a place, by their names below it.
fn part_files(files: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![files.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() { open.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found.retain(|f| f.file_name().is_some_and(|n| n != "eql-parts.json"));
    found.sort();
    found
}

fn part_directories(files: &Path) -> usize {
    part_files(files).iter().map(|f| f.parent().unwrap()).collect::<BTreeSet<_>>().len()
}

fn the_same_as_in_the_data_directory(place: &Elsewhere) {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (local, store) = (new_world(here.path(), &PartsAt::Local), new_world(there.path(), &place.at));
    some_history(&local);
    some_history(&store);
    assert_eq!(content(&store), content(&local));
    store.close().unwrap();
    local.close().unwrap();
    assert!(!there.path().join("parts").exists() && part_files(&place.files).len() > 5, "{:?}", place.files);
    drop(store);
    let store = open_at(there.path(), &place.at).unwrap();
    assert_eq!((store.stats().hot_rows, store.stats().part_rows), (0, 503));
    assert_eq!(content(&store), content(&local));
    assert_eq!(timelines(&store), timelines(&local));
    // The ids of earlier rows come from the place, too.
    assert_eq!(append(&store, PURCHASE, &purchases(450..510)).accepted, 10);
}

fn damage_is_named(place: &Elsewhere) {
    let dir = tempfile::tempdir().unwrap();
    let store = new_world(dir.path(), &place.at);
    some_history(&store);
    store.close().unwrap();
    drop(store);
    for file in part_files(&place.files).into_iter().filter(|f| f.extension().is_some_and(|e| e == "parquet" || e == "arrow")) {
        let good = fs::read(&file).unwrap();
        let mut bad = good.clone();
        bad[good.len() / 2] ^= 1;
        let name = file.strip_prefix(&place.files).unwrap().display().to_string();
        for (bytes, word) in [(Some(bad), "checksum"), (Some(good[..good.len() - 1].to_vec()), "bytes"), (None, "")] {
            match bytes {
                Some(bytes) => fs::write(&file, bytes).unwrap(),
                None => fs::remove_file(&file).unwrap(),
            }
            let store = open_at(dir.path(), &place.at).unwrap();
            let error = read_everything(&store).unwrap_err().to_string();
            assert!(error.contains(&name) && error.contains(word), "{name}: {error}");
        }
        fs::write(&file, good).unwrap();
        read_everything(&open_at(dir.path(), &place.at).unwrap()).unwrap();
    }
}

fn read_everything(store: &Store) -> Result<(), StoreError> {
    let snapshot = store.snapshot()?;
    snapshot.timeline(USER)?;
    for event in snapshot.catalog().events() {
        let rows = snapshot.events(event.id)?;
        for chunk in 0..rows.chunk_count() {
            rows.chunk_column(chunk, &EventColumn::EventId)?;
            for property in &event.properties {
                rows.chunk_column(chunk, &EventColumn::Property(property.id))?;
            }
        }
    }
    Ok(())
}

#[test]
fn a_directory_by_url() {
    let root = tempfile::tempdir().unwrap();
    the_same_as_in_the_data_directory(&directory(root.path()));
    damage_is_named(&directory(&root.path().join("other")));
}

#[test]
fn a_bucket() {
    let root = tempfile::tempdir().unwrap();
    let server = Server::start(root.path());
    the_same_as_in_the_data_directory(&bucket(&server, "prod/one"));
    damage_is_named(&bucket(&server, "prod/other"));
}

#[test]
fn a_server_that_goes_and_comes_back() {
    let (root, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut server = Server::start(root.path());
    let place = bucket(&server, "prod");
    let store = new_world(dir.path(), &place.at);
    append(&store, PURCHASE, &purchases(0..100));
    store.checkpoint().unwrap();
    append(&store, MESSAGE, &[happened("m", 9, 1, 2)]);
    let snapshot = store.snapshot().unwrap();
    server.down();
    // What is in the place cannot be read, and the error says which object and what to do.
    let note = EventColumn::Property(eql_catalog::PropertyId(1));
    let error = snapshot.events(PURCHASE).unwrap().chunk_column(0, &note).unwrap_err().to_string();
    assert!(error.contains("s3://events/prod/0/") && error.contains("check that the server can be reached"), "{error}");
    assert!(!error.contains(SECRET_KEY), "{error}");
    // Everything else goes on: rows in memory, entities, and writing.
    assert_eq!(snapshot.events(MESSAGE).unwrap().chunk_column(0, &EventColumn::EventId).unwrap().len(), 1);
    assert_eq!(snapshot.entities(USER).unwrap().len(), 9);
    append(&store, PURCHASE, &purchases(100..110));
    let error = store.checkpoint().unwrap_err().to_string();
    assert!(error.contains("cannot write s3://events/prod/0/"), "{error}");
    assert_eq!(store.snapshot().unwrap().events(PURCHASE).unwrap().len(), 110);
    // It is back: no restart, and nothing of the failed attempt stays.
    server.up();
    assert_eq!(snapshot.events(PURCHASE).unwrap().chunk_column(0, &note).unwrap().len(), 100);
    store.checkpoint().unwrap();
    let before = content(&store);
    assert_eq!(part_directories(&place.files), store.stats().parts);
    store.close().unwrap();
    drop(store);
    // A start without the server: what the data directory has is there.
    server.down();
    fs::create_dir_all(place.files.join("0/999")).unwrap();
    fs::write(place.files.join("0/999/spine.arrow"), "half").unwrap();
    let store = open_at(dir.path(), &place.at).unwrap();
    assert_eq!(store.snapshot().unwrap().entities(USER).unwrap().len(), 9);
    assert!(store.snapshot().unwrap().timeline(USER).is_err());
    server.up();
    assert_eq!(content(&store), before);
    // What could not be removed at the start is removed now.
    append(&store, VISIT, &[happened("v", 9, 1, 2)]);
    store.checkpoint().unwrap();
    assert!(!place.files.join("0/999/spine.arrow").exists());
    assert_eq!(part_directories(&place.files), store.stats().parts);
}

#[test]
fn wrong_credentials_are_said_at_once() {
    let (root, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(root.path());
    let error = open_at(dir.path(), &at(&server, "prod", "wrong-secret")).unwrap_err().to_string();
    assert!(error.contains("access is denied") && !error.contains("wrong-secret"), "{error}");
    // Nothing was stored yet: the configuration can be mended.
    drop(new_world(dir.path(), &bucket(&server, "prod").at));
}

#[test]
fn a_directory_keeps_its_place_and_a_place_its_directory() {
    let (root, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(root.path());
    let place = bucket(&server, "prod");
    let store = new_world(dir.path(), &place.at);
    some_history(&store);
    store.close().unwrap();
    drop(store);
    let error = open_at(dir.path(), &PartsAt::Local).unwrap_err().to_string();
    assert!(error.contains("are kept in s3://events/prod, not in the data directory itself"), "{error}");
    let error = open_at(dir.path(), &bucket(&server, "elsewhere").at).unwrap_err().to_string();
    assert!(error.contains("are kept in s3://events/prod, not in s3://events/elsewhere"), "{error}");
    let files = part_files(&place.files);
    let stranger = tempfile::tempdir().unwrap();
    let error = open_at(stranger.path(), &place.at).unwrap_err().to_string();
    assert!(error.contains("of another data directory") && error.contains("s3://events/prod/eql-parts.json"), "{error}");
    assert_eq!(part_files(&place.files), files);
}

#[test]
fn only_files_of_unnamed_parts_are_removed() {
    let (root, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(root.path());
    let place = bucket(&server, "prod");
    let store = new_world(dir.path(), &place.at);
    some_history(&store);
    store.close().unwrap();
    drop(store);
    let before = part_files(&place.files);
    for (name, stays) in [("0/77/spine.arrow", false), ("notes.txt", true), ("backup/1/spine.arrow", true)] {
        let file = place.files.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "x").unwrap();
        drop(open_at(dir.path(), &place.at).unwrap());
        assert_eq!(file.exists(), stays, "{name}");
    }
    assert!(before.iter().all(|f| f.exists()));
}
