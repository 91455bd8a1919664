//! The change log against a model in plain loops: cut at any byte, resumed anywhere, trimmed, read by somebody slow.
#![allow(clippy::unwrap_used)]

use eql_catalog::Value;
use eql_live::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SEGMENTS: [&str; 3] = ["segment a", "segment b", "segment c"];

fn small() -> LogOptions {
    LogOptions { file_bytes: 400, recent: 4, ..LogOptions::default() }
}

fn open(dir: &Path, options: LogOptions) -> Arc<ChangeLog> {
    let log = ChangeLog::open(dir, options).unwrap();
    SEGMENTS.iter().for_each(|s| _ = log.follow(s).unwrap());
    Arc::new(log)
}

fn change(key: i64, enters: bool, at: i64) -> Change {
    let direction = if enters { Direction::Enter } else { Direction::Exit };
    Change { entity: vec![Value::Int(key)], direction, at, cause: Cause::Event }
}

/// What a commit does to the members of each segment: keys that flip.
type Step = Vec<(usize, BTreeSet<i64>)>;

/// Members of each segment after each commit, and the changes that were published.
struct Model {
    members: Vec<BTreeSet<i64>>,
    published: Vec<Vec<(u64, i64, bool)>>,
    position: u64,
}

impl Model {
    fn new() -> Model {
        Model { members: vec![BTreeSet::new(); 3], published: vec![Vec::new(); 3], position: 0 }
    }

    fn commit(&mut self, step: &Step) -> Vec<(String, Changed)> {
        self.position += 1;
        let mut all = Vec::new();
        for (segment, keys) in step {
            let mut changes = Vec::new();
            for key in keys {
                let enters = self.members[*segment].insert(*key);
                if !enters {
                    self.members[*segment].remove(key);
                }
                changes.push(change(*key, enters, self.position as i64 * 10));
                self.published[*segment].push((self.position, *key, enters));
            }
            let commit = Commit { position: self.position, clock: self.position as i64 * 10, version: 1, changes };
            all.push((SEGMENTS[*segment].to_string(), Changed::Members(commit)));
        }
        all
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let keys = proptest::collection::btree_set(0..6i64, 1..4);
    let step = proptest::collection::btree_map(0..3usize, keys, 1..3).prop_map(|m| m.into_iter().collect());
    proptest::collection::vec(step, 1..40)
}

fn keys_of(members: &Members) -> BTreeSet<i64> {
    members.rows.iter().map(|(k, _)| if let Value::Int(k) = k[0] { k } else { panic!("{k:?}") }).collect()
}

/// Everything that can be read now, change by change, with the cursor behind each.
fn drain(reader: &mut Reader) -> Result<Vec<(u64, i64, bool, String)>, LogError> {
    let mut all = Vec::new();
    loop {
        let (entry, skip) = match reader.try_next()? {
            Next::Entry(entry, skip) => (entry, skip),
            Next::Nothing => return Ok(all),
            Next::InFiles => match reader.read()? {
                Next::Entry(entry, skip) => (entry, skip),
                _ => continue,
            },
        };
        let Changed::Members(commit) = &entry.changed else { panic!("{entry:?}") };
        for (i, c) in commit.changes.iter().enumerate().skip(skip) {
            let Value::Int(key) = c.entity[0] else { panic!("{c:?}") };
            all.push((commit.position, key, c.direction == Direction::Enter, reader.cursor(&entry, i)));
        }
        reader.delivered(&entry);
    }
}

fn without_cursor(all: &[(u64, i64, bool, String)]) -> Vec<(u64, i64, bool)> {
    all.iter().map(|(p, k, e, _)| (*p, *k, *e)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Whatever a subscriber has seen last, and wherever the server restarted: he goes on with exactly the next change.
    #[test]
    fn resumed_anywhere_nothing_is_missed_and_nothing_comes_twice(steps in steps(), restarts in proptest::collection::vec(any::<bool>(), 40), at in any::<proptest::sample::Index>()) {
        let dir = tempfile::tempdir().unwrap();
        let mut log = open(dir.path(), small());
        let mut model = Model::new();
        for (step, restart) in steps.iter().zip(restarts) {
            log.append(model.commit(step)).unwrap();
            if restart {
                drop(log);
                log = open(dir.path(), small());
            }
        }
        for (segment, name) in SEGMENTS.iter().enumerate() {
            prop_assert_eq!(keys_of(&log.members(name).unwrap()), model.members[segment].clone());
            prop_assert_eq!(log.figures(name).unwrap().rows, model.members[segment].len() as u64);
            // From the very beginning: a cursor of before the first change.
            let all = {
                let fresh = tempfile::tempdir().unwrap();
                let other = open(fresh.path(), small());
                let from = other.subscribe(name, &Start::Now).unwrap().1.place();
                prop_assert!(log.subscribe(name, &Start::Cursor(from)).is_err(), "a foreign cursor is refused");
                let (members, reader) = log.subscribe(name, &Start::Snapshot).unwrap();
                prop_assert_eq!(keys_of(&members.unwrap()), model.members[segment].clone());
                drop(reader);
                let mut begun = Model::new();
                let mut reader = other.subscribe(name, &Start::Now).unwrap().1;
                for step in &steps {
                    other.append(begun.commit(step)).unwrap();
                }
                drain(&mut reader).unwrap()
            };
            prop_assert_eq!(without_cursor(&all), model.published[segment].clone());
            // And on the log itself, from the cursor of any change.
            if !model.published[segment].is_empty() {
                let mut reader = log.subscribe(name, &Start::Now).unwrap().1;
                let step: Step = vec![(segment, (100..100 + 5).collect())];
                log.append(model.commit(&step)).unwrap();
                let new = drain(&mut reader).unwrap();
                prop_assert_eq!(new.len(), 5);
                let place = at.index(new.len());
                let mut again = log.subscribe(name, &Start::Cursor(new[place].3.clone())).unwrap().1;
                prop_assert_eq!(without_cursor(&drain(&mut again).unwrap()), without_cursor(&new[place + 1..]));
            }
        }
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "changes"));
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn cut_at_any_byte_it_holds_the_whole_commits_before() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), LogOptions::default());
    let mut model = Model::new();
    let mut ends = Vec::new();
    for i in 0..6 {
        log.append(model.commit(&vec![(0, BTreeSet::from([i % 3]))])).unwrap();
        ends.push((std::fs::metadata(&files(dir.path())[0]).unwrap().len(), model.members[0].clone()));
    }
    drop(log);
    let whole = std::fs::read(&files(dir.path())[0]).unwrap();
    for cut in 0..=whole.len() {
        for garbage in [&b""[..], b"EQLc and then something that no frame is, long enough for a head of one"] {
            let place = tempfile::tempdir().unwrap();
            copy(dir.path(), place.path());
            std::fs::write(&files(place.path())[0], [&whole[..cut], garbage].concat()).unwrap();
            let log = open(place.path(), LogOptions::default());
            let expected = ends.iter().rfind(|(end, _)| *end <= cut as u64).map(|(_, m)| m.clone()).unwrap_or_default();
            assert_eq!(keys_of(&log.members(SEGMENTS[0]).unwrap()), expected, "cut at {cut}");
            // And it goes on from there.
            let commit = Commit { position: 99, clock: 990, version: 1, changes: vec![change(50, true, 990)] };
            log.append(vec![(SEGMENTS[0].to_string(), Changed::Members(commit))]).unwrap();
            drop(log);
            assert!(keys_of(&open(place.path(), LogOptions::default()).members(SEGMENTS[0]).unwrap()).contains(&50));
        }
    }
}

#[test]
fn a_flipped_bit_before_what_was_synced_is_named_and_never_read_as_something_else() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), LogOptions::default());
    let mut model = Model::new();
    let mut first = 0;
    for i in 0..3 {
        log.append(model.commit(&vec![(0, BTreeSet::from([i]))])).unwrap();
        if i == 1 {
            first = std::fs::metadata(&files(dir.path())[0]).unwrap().len() as usize;
        }
    }
    drop(log);
    let path = files(dir.path())[0].clone();
    let whole = std::fs::read(&path).unwrap();
    for bit in 0..first * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &flipped).unwrap();
        let error = ChangeLog::open(dir.path(), LogOptions::default()).unwrap_err();
        assert!(matches!(error, LogError::Damaged { .. }), "bit {bit}: {error}");
    }
}

#[test]
fn what_is_kept_no_longer_asks_for_a_snapshot_and_nobody_else_is_disturbed() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), LogOptions { keep_us: 100, ..small() });
    let mut model = Model::new();
    let old = log.subscribe(SEGMENTS[0], &Start::Now).unwrap().1.place();
    let idle = log.subscribe(SEGMENTS[2], &Start::Now).unwrap().1.place();
    log.name("held", SEGMENTS[1], 0).unwrap();
    for i in 0..60 {
        log.append(model.commit(&vec![(0, BTreeSet::from([i % 7])), (1, BTreeSet::from([i % 5]))])).unwrap();
    }
    let before = files(dir.path()).len();
    // The named subscription holds everything as long as it is not too late.
    assert_eq!(log.retain(100).unwrap(), 0);
    assert!(log.retain(590).unwrap() > 0);
    assert!(files(dir.path()).len() < before);
    let refused = log.subscribe(SEGMENTS[0], &Start::Cursor(old)).map(drop).unwrap_err();
    assert!(refused.to_string().starts_with("SNAPSHOT_REQUIRED"), "{refused}");
    // Nothing changed in this one: its cursor is as good as ever.
    assert!(log.subscribe(SEGMENTS[2], &Start::Cursor(idle)).is_ok());
    let state = &log.subscriptions()[0];
    assert!(state.broken && state.name == "held", "{state:?}");
    assert!(matches!(log.subscribe(SEGMENTS[1], &Start::Subscription("held".into())), Err(LogError::Broken(_))));
    for restart in [false, true] {
        let log = if restart { open(dir.path(), small()) } else { log.clone() };
        for (i, name) in SEGMENTS.iter().enumerate() {
            assert_eq!(keys_of(&log.members(name).unwrap()), model.members[i]);
        }
    }
}

#[test]
fn whoever_reads_slowly_reads_from_the_files_and_misses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small());
    let mut model = Model::new();
    let mut stuck = log.subscribe(SEGMENTS[0], &Start::Now).unwrap().1;
    for i in 0..500 {
        log.append(model.commit(&vec![(0, BTreeSet::from([i % 9])), (1, BTreeSet::from([i % 4]))])).unwrap();
    }
    assert!(matches!(stuck.try_next().unwrap(), Next::InFiles));
    assert!(stuck.progress().is_none(), "no promise while something waits");
    assert_eq!(without_cursor(&drain(&mut stuck).unwrap()), model.published[0]);
    log.progress(1000, 99_999);
    let (position, clock, cursor) = stuck.progress().unwrap();
    assert_eq!((position, clock), (1000, 99_999));
    let mut again = log.subscribe(SEGMENTS[0], &Start::Cursor(cursor)).unwrap().1;
    assert!(drain(&mut again).unwrap().is_empty());
}

#[test]
fn acknowledged_is_what_a_named_subscription_goes_on_behind() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small());
    let mut model = Model::new();
    log.name("mine", SEGMENTS[0], 0).unwrap();
    assert!(matches!(log.name("mine", SEGMENTS[1], 0), Err(LogError::Taken { .. })));
    for i in 0..20 {
        log.append(model.commit(&vec![(0, BTreeSet::from([i]))])).unwrap();
    }
    let from = || Start::Subscription("mine".into());
    let all = drain(&mut log.subscribe(SEGMENTS[0], &from()).unwrap().1).unwrap();
    assert_eq!(all.len(), 20);
    log.acknowledge("mine", &all[12].3, 5).unwrap();
    // One that was overtaken changes nothing.
    log.acknowledge("mine", &all[3].3, 6).unwrap();
    log.save().unwrap();
    drop(log);
    let log = open(dir.path(), small());
    let rest = drain(&mut log.subscribe(SEGMENTS[0], &from()).unwrap().1).unwrap();
    assert_eq!(without_cursor(&rest), without_cursor(&all[13..]));
    assert!(log.unname("mine").unwrap() && !log.unname("mine").unwrap());
    assert!(matches!(log.subscribe(SEGMENTS[0], &from()), Err(LogError::NoSubscription(_))));
}

#[test]
fn a_segment_that_is_dropped_takes_its_cursors_along() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small());
    let mut model = Model::new();
    let mut reader = log.subscribe(SEGMENTS[0], &Start::Now).unwrap().1;
    log.append(model.commit(&vec![(0, BTreeSet::from([1]))])).unwrap();
    let cursor = drain(&mut reader).unwrap()[0].3.clone();
    log.forget(SEGMENTS[0]).unwrap();
    assert!(matches!(reader.try_next(), Err(LogError::Unknown(_))));
    assert!(log.follow(SEGMENTS[0]).unwrap());
    assert!(log.members(SEGMENTS[0]).unwrap().rows.is_empty());
    assert!(log.subscribe(SEGMENTS[0], &Start::Cursor(cursor.clone())).map(drop).unwrap_err().to_string().contains("dropped"));
    assert!(log.subscribe(SEGMENTS[1], &Start::Cursor(cursor)).is_err());
    drop(log);
    assert!(open(dir.path(), small()).members(SEGMENTS[0]).unwrap().rows.is_empty());
}

/// What a reader hears: position and key, None for somebody who was erased; enters and exits.
fn heard(reader: &mut Reader) -> Vec<(u64, Option<i64>, bool)> {
    let mut all = Vec::new();
    loop {
        let (entry, skip) = match reader.try_next().unwrap() {
            Next::Entry(entry, skip) => (entry, skip),
            Next::Nothing => return all,
            Next::InFiles => match reader.read().unwrap() {
                Next::Entry(entry, skip) => (entry, skip),
                _ => return all,
            },
        };
        let Changed::Members(commit) = &entry.changed else { panic!() };
        for change in commit.changes.iter().skip(skip) {
            let key = change.entity.first().map(|k| if let Value::Int(k) = k { *k } else { panic!("{k:?}") });
            all.push((commit.position, key, change.direction == Direction::Enter));
        }
        reader.delivered(&entry);
    }
}

struct Nobody(Vec<i64>);

impl Gone for Nobody {
    fn gone(&self, _: &str, keys: &[&[Value]]) -> Result<Vec<bool>, LogError> {
        Ok(keys.iter().map(|k| matches!(k, [Value::Int(k)] if self.0.contains(k))).collect())
    }
}

/// Every file of a directory, as bytes.
fn everything(dir: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        all.extend(if path.is_dir() { everything(&path) } else { std::fs::read(&path).unwrap() });
    }
    all
}

#[test]
fn whoever_was_erased_is_in_no_file_and_everybody_else_where_they_were() {
    const GONE: i64 = 0x0123_4567_89ab;
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small());
    let mut model = Model::new();
    let steps: Vec<Step> = (0..40).map(|i| vec![(0, BTreeSet::from([i % 5, if i % 8 == 0 { GONE } else { 100 + i }]))]).collect();
    let mut cursors = Vec::new();
    for step in &steps {
        log.append(model.commit(step)).unwrap();
        let (_, reader) = log.subscribe("segment a", &Start::Now).unwrap();
        cursors.push(reader.place());
    }
    log.retain(0).unwrap();
    let needle = postcard_of(GONE);
    let contains = |all: &[u8]| all.windows(needle.len()).any(|w| w == needle);
    assert!(contains(&everything(dir.path())), "it is looked for in the form that is written");
    let members: BTreeSet<i64> = keys_of(&log.members("segment a").unwrap()).into_iter().filter(|k| *k != GONE).collect();
    let before: Vec<Vec<_>> =
        cursors.iter().map(|c| heard(&mut log.subscribe("segment a", &Start::Cursor(c.clone())).unwrap().1)).collect();
    let done = log.erase(&Nobody(vec![GONE])).unwrap();
    assert!(done.changes == 5 && done.files > 1, "{done:?}");
    let again = |log: &Arc<ChangeLog>| {
        assert_eq!(keys_of(&log.members("segment a").unwrap()), members);
        assert_eq!(log.figures("segment a").unwrap().rows, members.len() as u64);
        for (cursor, before) in cursors.iter().zip(&before) {
            let now = heard(&mut log.subscribe("segment a", &Start::Cursor(cursor.clone())).unwrap().1);
            let expected: Vec<_> = before.iter().map(|(p, k, enters)| (*p, k.filter(|k| *k != GONE), *enters)).collect();
            assert_eq!(now, expected, "numbers and places stay");
        }
    };
    assert!(!contains(&everything(dir.path())));
    assert_eq!(log.erase(&Nobody(vec![GONE])).unwrap(), Erasure::default(), "there is nothing left to do");
    drop(log);
    let log = open(dir.path(), small());
    again(&log);
    log.append(model.commit(&vec![(0, BTreeSet::from([1]))])).unwrap();
    drop(log);
    assert!(!contains(&everything(dir.path())));
}

/// A key as the log writes it.
fn postcard_of(key: i64) -> Vec<u8> {
    // Zigzag, seven bits a byte.
    let mut n = (key << 1) as u64;
    let mut bytes = Vec::new();
    while n >= 0x80 {
        bytes.push((n as u8 & 0x7f) | 0x80);
        n >>= 7;
    }
    bytes.push(n as u8);
    bytes
}

#[test]
fn a_log_out_of_a_backup_goes_on_up_to_its_position_and_refuses_what_came_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small());
    let mut model = Model::new();
    log.name("behind", SEGMENTS[0], 0).unwrap();
    log.name("ahead", SEGMENTS[0], 0).unwrap();
    let mut commit = |i: i64| {
        log.append(model.commit(&vec![(0, BTreeSet::from([i, i + 1])), (1, BTreeSet::from([i]))])).unwrap();
        let (_, reader) = log.subscribe(SEGMENTS[0], &Start::Now).unwrap();
        (reader.place(), log.event_cursor(i as u64 + 1, None))
    };
    let mut cursors: Vec<(String, String)> = (0..20).map(&mut commit).collect();
    log.acknowledge("behind", &cursors[4].0, 0).unwrap();
    log.acknowledge("ahead", &cursors[18].0, 0).unwrap();
    log.save().unwrap();
    let held = log.hold().unwrap();
    cursors.extend((20..30).map(&mut commit));
    let mut reader = log.subscribe(SEGMENTS[0], &Start::Cursor(cursors[4].0.clone())).unwrap().1;
    let all = heard(&mut reader);
    for position in [12u64, 20, 25] {
        let copy = tempfile::tempdir().unwrap();
        for (name, from) in &held.files {
            std::fs::create_dir_all(copy.path().join(name).parent().unwrap()).unwrap();
            std::fs::copy(from, copy.path().join(name)).unwrap();
        }
        std::fs::write(copy.path().join(eql_store::RESTORED), position.to_string()).unwrap();
        let restored = Arc::new(ChangeLog::open(copy.path(), small()).unwrap());
        assert!(!copy.path().join(eql_store::RESTORED).exists());
        assert_eq!(restored.published().0, position.min(20), "records behind the position are gone");
        for (i, (cursor, of_events)) in cursors.iter().enumerate() {
            let at = i as u64 + 1;
            let begun = restored.subscribe(SEGMENTS[0], &Start::Cursor(cursor.clone()));
            assert_eq!(begun.is_ok(), at <= position.min(20), "a cursor of position {at} after a restore to {position}");
            if let Err(e) = begun {
                assert!(e.to_string().starts_with("SNAPSHOT_REQUIRED"), "{e}");
            }
            assert_eq!(restored.event_place(of_events).is_ok(), at <= position, "position {at} of {position}");
        }
        let states = restored.subscriptions();
        assert_eq!(states.iter().map(|s| (s.name.as_str(), s.broken)).collect::<Vec<_>>(), [("ahead", position < 19), ("behind", false)]);
        let mut reader = restored.subscribe(SEGMENTS[0], &Start::Subscription("behind".into())).unwrap().1;
        let expected: Vec<_> = all.iter().filter(|(p, ..)| *p <= position.min(20)).copied().collect();
        assert_eq!(heard(&mut reader), expected, "exactly what the other log says up to there");
        // From here on the two logs differ: a cursor of one is none of the other.
        let change = Commit { position: 100, clock: 1000, version: 1, changes: vec![change(77, true, 1000)] };
        restored.append(vec![(SEGMENTS[0].to_string(), Changed::Members(change))]).unwrap();
        let (_, reader) = restored.subscribe(SEGMENTS[0], &Start::Now).unwrap();
        assert!(log.subscribe(SEGMENTS[0], &Start::Cursor(reader.place())).is_err());
        assert!(restored.subscribe(SEGMENTS[0], &Start::Cursor(cursors[25].0.clone())).is_err());
    }
    drop(held);
    assert!(!dir.path().join("holds").exists());
}

#[test]
fn who_lags_is_told_by_how_many_changes_and_since_when() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small());
    let mut model = Model::new();
    let mut cursors = Vec::new();
    for i in 0..30 {
        log.append(model.commit(&vec![(0, BTreeSet::from([i, i + 1, i + 2])), (1, BTreeSet::from([i]))])).unwrap();
        let (_, reader) = log.subscribe(SEGMENTS[0], &Start::Now).unwrap();
        cursors.push(reader.cursor_now());
    }
    for (i, cursor) in cursors.iter().enumerate() {
        let behind = 29 - i as u64;
        let since = (behind > 0).then_some((i as i64 + 2) * 10);
        assert_eq!(log.lag(cursor).unwrap(), Lag { changes: behind * 3, since }, "behind commit {i}");
    }
}

#[test]
fn subscriptions_are_those_that_are_defined_and_a_lost_place_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small());
    log.name("kept", SEGMENTS[0], 5).unwrap();
    log.name("dropped", SEGMENTS[0], 5).unwrap();
    let defined = |names: &[&str]| names.iter().map(|n| (n.to_string(), SEGMENTS[0].to_string())).collect();
    assert_eq!(log.reconcile(&defined(&["kept", "lost"]), 9).unwrap(), []);
    let shown: Vec<(String, bool)> = log.subscriptions().into_iter().map(|s| (s.name, s.broken)).collect();
    assert_eq!(shown, [("kept".to_string(), false), ("lost".to_string(), true)]);
    for error in
        [log.name("lost", SEGMENTS[0], 9).unwrap_err(), log.subscribe(SEGMENTS[0], &Start::Subscription("lost".into())).unwrap_err()]
    {
        assert!(error.to_string().starts_with("SNAPSHOT_REQUIRED"), "{error}");
    }
}

#[test]
fn whoever_was_erased_is_in_no_snapshot_either() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), LogOptions { keep_bytes: 600, ..small() });
    let mut model = Model::new();
    for i in 0..20 {
        log.append(model.commit(&vec![(0, BTreeSet::from([500 + i]))])).unwrap();
    }
    assert!(log.retain(0).unwrap() > 0, "files went, and a snapshot came");
    let needle = postcard_of(501);
    let contains = |all: &[u8]| all.windows(needle.len() + 1).any(|w| w[1..] == needle[..] && w[0] == 1);
    assert!(keys_of(&log.members("segment a").unwrap()).contains(&501));
    let done = log.erase(&Nobody(vec![501])).unwrap();
    assert_eq!((done.changes, done.files), (0, 1), "its change went before");
    drop(log);
    let log = open(dir.path(), small());
    assert!(!keys_of(&log.members("segment a").unwrap()).contains(&501) && !contains(&everything(dir.path())));
    assert_eq!(log.figures("segment a").unwrap().rows, 19);
}
