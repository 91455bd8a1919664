//! Verification finds every damage; backups are what was there, restored to any position they reach.
#![allow(clippy::unwrap_used)]

mod support;

use eql_store::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use support::*;

const DAY: i64 = 86_400_000_000;

/// Parts of two months and two checkpoints, entities, a segment, a tag, and a log that goes on after the last checkpoint.
fn some_data(dir: &Path) -> Store {
    let store = open_world(dir);
    let purchase = |i: i64| Happened {
        number: Some(i),
        note: (i % 3 == 0).then(|| format!("note {i}")),
        extra: (i % 5 == 0).then(|| format!("{{\"x\":{i}}}")),
        received: Some(i * DAY + 7),
        ..happened(&format!("p{i}"), i * DAY, i % 9, i % 4)
    };
    append(&store, PURCHASE, &(0..40).map(purchase).collect::<Vec<_>>());
    store
        .append_entities(users(&[(1, Some("ann".into()), Some(30)), (7, None, Some(4)), (3, Some("a long name ".repeat(700)), None)]))
        .unwrap();
    store.set_members("vip", vec![ints([Some(7), Some(11)])]).unwrap();
    store.set_tag_values(USER, "level", vec![ints([Some(1)])], ints([Some(5)])).unwrap();
    store.checkpoint().unwrap();
    append(&store, MESSAGE, &(0..30).map(|i| happened(&format!("m{i}"), i * DAY, i % 5, i % 3)).collect::<Vec<_>>());
    append(&store, VISIT, &[happened("v", 3, 1, 2), happened("w", 40 * DAY, 2, 1)]);
    store.checkpoint().unwrap();
    some_more(&store, 0);
    store
}

/// Records after the checkpoint.
fn some_more(store: &Store, from: i64) {
    for i in from..from + 6 {
        append(store, PURCHASE, &[happened(&format!("late {i}"), i, i, 1)]);
        store.append_entities(users(&[(100 + i, Some(format!("late {i}")), None)])).unwrap();
    }
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() { copy_dir(&entry.path(), &target) } else { _ = fs::copy(entry.path(), target).unwrap() }
    }
}

/// Paths from the directory on.
fn files_below(dir: &Path, below: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join(below)).unwrap().map(|e| below.join(e.unwrap().file_name()));
    let mut files: Vec<PathBuf> = entries.flat_map(|p| if dir.join(&p).is_dir() { files_below(dir, &p) } else { vec![p] }).collect();
    files.sort();
    files
}

/// xorshift: the same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// Everything the store says, or why it does not.
fn read_everything(dir: &Path) -> Result<String, StoreError> {
    let store = Store::open(dir, StoreOptions::default())?;
    let snapshot = store.snapshot()?;
    snapshot.timeline(USER)?;
    read_entities(&snapshot)?;
    for event in snapshot.catalog().events() {
        let rows = snapshot.events(event.id)?;
        for chunk in 0..rows.chunk_count() {
            rows.chunk_column(chunk, &EventColumn::EventId)?;
        }
    }
    // Duplicates are known by the lists of id hashes.
    let mut duplicates = 0;
    for (event, id) in [(PURCHASE, "p7"), (PURCHASE, "p35"), (MESSAGE, "m3"), (VISIT, "v"), (VISIT, "w")] {
        duplicates += store.append_events(vec![batch(event, &[happened(id, 0, 1, 1)])])?.duplicates;
    }
    Ok(format!("{duplicates} duplicates\n{}", content(&store)))
}

#[test]
fn a_sound_directory_has_nothing_to_say() {
    let dir = tempfile::tempdir().unwrap();
    let store = some_data(dir.path());
    let online = store.verify().unwrap();
    let position = store.position();
    assert!(matches!(verify(dir.path(), &PartsAt::Local), Err(StoreError::InUse { .. })));
    drop(store);
    let report = verify(dir.path(), &PartsAt::Local).unwrap();
    assert_eq!((report.damaged, &report.problems[..], &report.not_needed[..], &report.unfinished), (0, &[][..], &[][..], &None));
    // The one file of the log also holds what came before the checkpoint.
    assert_eq!((report.position, report.records, report.checkpoint), (position, position, position - 12));
    assert_eq!((online.damaged, online.position, online.records, online.packed_rows), (0, position, position, report.packed_rows));
    assert_eq!(report.packed_rows, 3);
    assert!(report.files >= 15 && report.bytes > 10_000, "{report:?}");
    assert!(!dir.path().join("holds").exists());
    assert!(matches!(verify(&dir.path().join("nowhere"), &PartsAt::Local), Err(StoreError::Unsuitable { .. })));
}

#[test]
fn every_flipped_bit_is_named_and_never_gives_a_wrong_answer() {
    let dir = tempfile::tempdir().unwrap();
    drop(some_data(dir.path()));
    fs::remove_dir_all(dir.path().join("kv")).unwrap();
    let expected = read_everything_of_a_copy(dir.path()).unwrap();
    let files: Vec<PathBuf> = files_below(dir.path(), Path::new("")).into_iter().filter(|f| f != Path::new("lock")).collect();
    assert!(files.len() >= 15, "{files:?}");
    let mut dice = Dice(0x00C0_FFEE);
    let mut flips = 0;
    while flips < 240 {
        for file in &files {
            let path = dir.path().join(file);
            let good = fs::read(&path).unwrap();
            let mut bad = good.clone();
            let bit = dice.below(good.len() as u64 * 8);
            bad[(bit / 8) as usize] ^= 1 << (bit % 8);
            fs::write(&path, bad).unwrap();
            one_flip(dir.path(), file, bit, &expected);
            fs::write(&path, good).unwrap();
            flips += 1;
        }
    }
    assert_eq!(verify(dir.path(), &PartsAt::Local).unwrap().damaged, 0);
}

fn read_everything_of_a_copy(dir: &Path) -> Result<String, StoreError> {
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir, copy.path());
    read_everything(copy.path())
}

fn one_flip(dir: &Path, file: &Path, bit: u64, expected: &str) {
    let name = file.display().to_string();
    let named = match verify(dir, &PartsAt::Local) {
        Ok(report) => {
            let unfinished = report.unfinished.is_some_and(|u| u.file == name);
            assert!(unfinished || report.problems.iter().any(|p| p.file == name), "{name} bit {bit}: {:?}", report.problems);
            unfinished
        }
        // A version is only a number: one flip makes it a later one.
        Err(e @ StoreError::NewerFormat { .. }) => {
            assert!(e.to_string().contains(&name), "{e}");
            false
        }
        Err(e) => panic!("{name} bit {bit}: {e}"),
    };
    match read_everything_of_a_copy(dir) {
        // The last record of the log, damaged, cannot be told from one that was never finished; verification says so.
        Ok(read) => assert!(named || read == expected, "{name} bit {bit} gives another answer"),
        Err(e) => assert!(e.to_string().contains(&name), "{name} bit {bit}: {e}"),
    }
}

#[test]
fn damaged_rows_are_named_and_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    drop(some_data(dir.path()));
    fs::write(dir.path().join("kv/db"), vec![7; 600_000]).unwrap();
    let report = verify(dir.path(), &PartsAt::Local).unwrap();
    let noted = report.notes.iter().any(|n| n.starts_with("kv:"));
    assert!(noted || report.problems.iter().all(|p| p.file == "kv" && p.rebuilt) && report.damaged > 0, "{report:?}");
    drop(open(dir.path()));
    fs::remove_dir_all(dir.path().join("kv.damaged-1")).unwrap();
    let report = verify(dir.path(), &PartsAt::Local).unwrap();
    assert_eq!((report.damaged, report.packed_rows, report.notes), (0, 9, vec![]));
}

#[test]
fn all_problems_are_listed_and_what_is_not_needed() {
    let dir = tempfile::tempdir().unwrap();
    drop(some_data(dir.path()));
    let parquet: Vec<PathBuf> =
        files_below(dir.path(), Path::new("parts")).into_iter().filter(|f| f.extension().is_some_and(|e| e == "parquet")).collect();
    fs::remove_file(dir.path().join(&parquet[0])).unwrap();
    fs::write(dir.path().join(&parquet[1]), "short").unwrap();
    let log = files_below(dir.path(), Path::new("log")).pop().unwrap();
    let mut bytes = fs::read(dir.path().join(&log)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(dir.path().join(&log), bytes).unwrap();
    fs::create_dir_all(dir.path().join("parts/0/99")).unwrap();
    fs::write(dir.path().join("parts/0/99/spine.arrow"), "x").unwrap();
    fs::write(dir.path().join("manifest.json.tmp"), "x").unwrap();
    let report = verify(dir.path(), &PartsAt::Local).unwrap();
    let files: Vec<String> = report.problems.iter().map(|p| p.file.clone()).collect();
    for file in [&parquet[0], &parquet[1], &log] {
        assert!(files.contains(&file.display().to_string()), "{files:?}");
    }
    assert_eq!((report.damaged, report.not_needed), (3, vec!["manifest.json.tmp".to_string(), "parts/0/99".to_string()]));
    // Reading goes on behind the damaged record.
    assert!(report.records > 6 && report.unfinished.is_none(), "{}", report.records);
}

#[test]
fn an_unfinished_write_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let store = some_data(dir.path());
    let position = store.position();
    drop(store);
    let log = files_below(dir.path(), Path::new("log")).pop().unwrap();
    let whole = fs::read(dir.path().join(&log)).unwrap();
    fs::write(dir.path().join(&log), [&whole[..], b"EQLf and then the power went"].concat()).unwrap();
    let report = verify(dir.path(), &PartsAt::Local).unwrap();
    assert_eq!((report.damaged, report.position), (0, position));
    let end = Unfinished { file: log.display().to_string(), offset: whole.len() as u64, bytes: 28 };
    assert_eq!(report.unfinished, Some(end));
    assert_eq!(fs::read(dir.path().join(&log)).unwrap().len(), whole.len() + 28, "verification changes nothing");
}

fn restored(backup: &Path, position: Option<u64>) -> Result<(RestoreReport, String), StoreError> {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("restored");
    let report = restore(&RestoreRequest { backup: backup.to_path_buf(), dir: dir.clone(), position, log: None })?;
    assert_eq!(verify(&dir, &PartsAt::Local).unwrap().damaged, 0);
    let store = open(&dir);
    assert_eq!(store.position(), report.position);
    Ok((report, content(&store)))
}

#[test]
fn a_backup_restores_to_every_position_it_reaches() {
    let place = tempfile::tempdir().unwrap();
    let store = some_data(&place.path().join("data"));
    let mut contents = BTreeMap::from([(store.position(), content(&store))]);
    for i in 6..9 {
        append(&store, PURCHASE, &[happened(&format!("late {i}"), i, i, 1)]);
        contents.insert(store.position(), content(&store));
    }
    let backup = place.path().join("backup");
    let report = store.backup(&backup, &[]).unwrap();
    assert_eq!((report.position, report.position - report.checkpoint), (store.position(), 15));
    assert!(report.linked >= 10, "{report:?}");
    // Whatever happens to the original, the backup stays.
    some_more(&store, 20);
    store.checkpoint().unwrap();
    let sound = verify(&backup, &PartsAt::Local).unwrap();
    assert_eq!((sound.damaged, sound.position, sound.not_needed), (0, report.position, vec![]));
    for (position, expected) in &contents {
        let (restored, read) = restored(&backup, Some(*position)).unwrap();
        assert_eq!((restored.position, restored.records), (*position, position - report.checkpoint));
        assert!(read == *expected, "position {position}");
    }
    assert!(restored(&backup, None).unwrap().1 == contents[&report.position]);
    assert!(restored(&backup, Some(report.checkpoint)).is_ok());
    for wrong in [report.checkpoint - 1, report.position + 1, 0, u64::MAX] {
        let error = restored(&backup, Some(wrong)).unwrap_err().to_string();
        assert!(error.contains(&format!("positions {} to {}", report.checkpoint, report.position)), "{error}");
    }
}

#[test]
fn a_later_log_takes_a_backup_further() {
    let place = tempfile::tempdir().unwrap();
    let store = some_data(&place.path().join("data"));
    let backup = place.path().join("backup");
    let report = store.backup(&backup, &[]).unwrap();
    some_more(&store, 30);
    let (end, expected) = (store.position(), content(&store));
    drop(store);
    let request = |dir: &str, position, log: &str| RestoreRequest {
        backup: backup.clone(),
        dir: place.path().join(dir),
        position,
        log: Some(place.path().join(log)),
    };
    assert_eq!(restore(&request("a", None, "data/log")).unwrap().position, end);
    assert!(content(&open(&place.path().join("a"))) == expected);
    assert_eq!(restore(&request("b", Some(report.position + 3), "data/log")).unwrap().position, report.position + 3);
    let error = restore(&request("c", Some(end + 1), "data/log")).unwrap_err();
    assert!(error.to_string().contains(&format!("to {end}")), "{error}");
    assert!(!place.path().join("c").exists());
    // The same positions of other data.
    drop(some_data(&place.path().join("other")));
    let log = files_below(&place.path().join("other"), Path::new("log")).pop().unwrap();
    let other = place.path().join("other").join(log);
    let mut bytes = fs::read(&other).unwrap();
    bytes[20] ^= 1;
    fs::write(&other, bytes).unwrap();
    let error = restore(&request("d", None, "other/log")).unwrap_err();
    assert!(error.to_string().contains("other data"), "{error}");
    let error = restore(&request("e", None, "other/parts")).unwrap_err();
    assert!(error.to_string().contains("holds no log"), "{error}");
}

#[test]
fn a_backup_taken_while_others_write_is_a_prefix() {
    let place = tempfile::tempdir().unwrap();
    let options = StoreOptions { log_segment_bytes: 20_000, hot_rows_max: 150, ..StoreOptions::default() };
    let store = Store::open(&place.path().join("data"), options).unwrap();
    world().into_iter().for_each(|c| _ = store.define(c).unwrap());
    let stop = AtomicBool::new(false);
    let (written, reports) = std::thread::scope(|scope| {
        let writer = |name: &'static str| {
            let (store, stop) = (&store, &stop);
            move || {
                let mut positions = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let id = format!("{name}{}", positions.len());
                    positions.push((append(store, PURCHASE, &[happened(&id, positions.len() as i64, 1, 1)]).position, id));
                }
                positions
            }
        };
        let writers = [scope.spawn(writer("a")), scope.spawn(writer("b"))];
        let mut reports = Vec::new();
        for i in 0..5 {
            let target = place.path().join(format!("backup{i}"));
            while store.position() < 100 * (i + 1) {
                std::thread::yield_now();
            }
            reports.push(store.backup(&target, &[]).unwrap());
            assert_eq!(store.verify().unwrap().problems, []);
        }
        stop.store(true, Ordering::Relaxed);
        (writers.into_iter().flat_map(|w| w.join().unwrap()).collect::<Vec<_>>(), reports)
    });
    assert!(reports.iter().any(|r| r.checkpoint > 0), "no checkpoint came between");
    for report in reports {
        let dir = tempfile::tempdir().unwrap();
        restore(&RestoreRequest { backup: report.target.clone(), dir: dir.path().join("x"), ..RestoreRequest::default() }).unwrap();
        let store = open(&dir.path().join("x"));
        let snapshot = store.snapshot().unwrap();
        let rows = snapshot.events(PURCHASE).unwrap();
        let mut ids = shown(&rows.gather(&EventColumn::EventId, &(0..rows.len() as u32).collect::<Vec<_>>()).unwrap());
        let mut expected: Vec<String> = written.iter().filter(|(p, _)| *p <= report.position).map(|(_, id)| id.clone()).collect();
        ids.sort();
        expected.sort();
        assert_eq!(ids, expected);
    }
}

#[test]
fn wrong_places_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let store = some_data(&data);
    let refused = |target: &Path, words: &str| {
        let error = store.backup(target, &[]).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused(&data.join("backup"), "inside of the data directory");
    assert!(!data.join("backup").exists());
    fs::create_dir(place.path().join("full")).unwrap();
    fs::write(place.path().join("full/file"), "mine").unwrap();
    refused(&place.path().join("full"), "is not empty");
    let backup = place.path().join("backup");
    fs::create_dir(&backup).unwrap();
    store.backup(&backup, &[]).unwrap();
    let opened = Store::open(&backup, StoreOptions::default()).unwrap_err().to_string();
    assert!(opened.contains("is a backup"), "{opened}");
    let into = |dir: &Path, backup: &Path| {
        restore(&RestoreRequest { backup: backup.to_path_buf(), dir: dir.to_path_buf(), ..RestoreRequest::default() })
    };
    assert!(into(&place.path().join("full"), &backup).unwrap_err().to_string().contains("is not empty"));
    assert!(into(&place.path().join("new"), &data).unwrap_err().to_string().contains("is no backup"));
    assert_eq!(fs::read_to_string(place.path().join("full/file")).unwrap(), "mine");
    store.close().unwrap();
    assert!(store.backup(&place.path().join("late"), &[]).unwrap_err().to_string().contains("closed"));
}

#[test]
fn a_damaged_backup_is_refused_and_nothing_stays() {
    let place = tempfile::tempdir().unwrap();
    let store = some_data(&place.path().join("data"));
    let backup = place.path().join("backup");
    store.backup(&backup, &[]).unwrap();
    // A copy, as on another disk: the backup shares its bytes with the data directory.
    let copy = place.path().join("copy");
    copy_dir(&backup, &copy);
    let mut dice = Dice(42);
    for file in files_below(&copy, Path::new("")) {
        let good = fs::read(copy.join(&file)).unwrap();
        let mut bad = good.clone();
        let bit = dice.below(good.len() as u64 * 8);
        bad[(bit / 8) as usize] ^= 1 << (bit % 8);
        fs::write(copy.join(&file), bad).unwrap();
        let error = restored(&copy, None).unwrap_err().to_string();
        assert!(error.contains(&file.display().to_string()), "{}: {error}", file.display());
        let found = verify(&copy, &PartsAt::Local).map_or_else(|e| e.to_string(), |r| format!("{r:?}"));
        assert!(found.contains(&file.display().to_string()), "{}: {found}", file.display());
        fs::write(copy.join(&file), good).unwrap();
    }
    let target = place.path().join("target");
    fs::write(copy.join("manifest.json"), "{}").unwrap();
    assert!(restore(&RestoreRequest { backup: copy, dir: target.clone(), ..RestoreRequest::default() }).is_err());
    assert!(!target.exists());
    fs::create_dir(&target).unwrap();
    fs::write(target.join("restore.unfinished"), "").unwrap();
    let error = Store::open(&target, StoreOptions::default()).unwrap_err().to_string();
    assert!(error.contains("was not restored completely"), "{error}");
}

#[test]
fn the_present_format_needs_no_upgrade_and_a_later_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open_world(dir.path()));
    let done = upgrade(dir.path()).unwrap();
    assert_eq!(done.from, done.to);
    fs::write(dir.path().join("format"), "2\n").unwrap();
    for error in [upgrade(dir.path()).unwrap_err(), verify(dir.path(), &PartsAt::Local).unwrap_err()] {
        assert!(error.to_string().contains("newer release"), "{error}");
    }
    assert!(matches!(upgrade(&dir.path().join("nowhere")), Err(StoreError::Unsuitable { .. })));
}
