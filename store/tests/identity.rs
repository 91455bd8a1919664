//! Identities against a slow twin: random binds, merges, unbinds, what takes them back, and events in any order, with checkpoints and
//! restarts between; the twin keeps the list of records and works everything out from it with loops.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;
#[path = "support/twin.rs"]
mod twin;

use arrow::array::*;
use eql_catalog::*;
use eql_store::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use support::{STORE, USER, entity, event, open, property, shown, texts};
use twin::{IDENTITIES, Twin, key, value};

const VIEW: EventTypeId = EventTypeId(0);
const BUY: EventTypeId = EventTypeId(1);
const VISIT: EventTypeId = EventTypeId(2);

fn world(visits: bool) -> Vec<Change> {
    let Change::Put(object) = entity(
        USER,
        "user",
        vec![property(0, "user_id", DataType::String)],
        vec![
            property(1, "city", DataType::String),
            property(2, "score", DataType::Int),
            property(3, "likes", DataType::List(Box::new(DataType::Int))),
            property(4, "origin", DataType::Int),
        ],
    ) else {
        return vec![];
    };
    let Object::Entity(mut user) = *object else { return vec![] };
    user.identities =
        IDENTITIES.iter().map(|name| Identity { name: name.to_string(), data_type: DataType::String, unique: *name == "mail" }).collect();
    let mut changes = vec![Change::Put(Box::new(Object::Entity(user)))];
    changes.push(entity(STORE, "store", vec![property(0, "store_code", DataType::String)], vec![]));
    changes.push(event(VIEW, "view", &[(USER, "user")], vec![]));
    changes.push(event(BUY, "buy", &[(USER, "user")], vec![]));
    if visits {
        // The user is not who its rows are clustered by: timelines come from columns.
        changes.push(event(VISIT, "visit", &[(STORE, "store"), (USER, "user")], vec![]));
    }
    changes
}

/// Type, key, identifiers, time, received.
type SaidEvent = (u8, Option<u8>, Vec<(u8, u8)>, i64, i64);

/// One thing that is said.
#[derive(Clone, Debug)]
enum Said {
    /// Events of one call: type, key, identifiers, time, received.
    Events(Vec<SaidEvent>),
    Bind(u8, u8, u8, i64),
    Unbind(u8, u8, u8, i64),
    Merge(u8, u8, i64),
    Unmerge(u8, u8, i64),
    UnmergeBy(u8, u8, u8, i64),
    City(u8, u8, i64),
    Score(u8, i64),
    Likes(u8, u8),
    Origin(u8, u8, i64),
    Delete(u8),
    Erase(u8),
    Checkpoint,
    Restart,
    Crash,
}

fn said() -> impl Strategy<Value = Said> {
    let who = 0u8..5;
    let (identity, value) = (0u8..3, 0u8..4);
    let time = 0i64..12;
    let named = prop::collection::vec((0u8..3, 0u8..4), 0..3);
    let row = (0u8..3, prop::option::weighted(0.5, 0u8..5), named, time.clone(), time.clone());
    prop_oneof![
        8 => prop::collection::vec(row, 1..4).prop_map(Said::Events),
        4 => (who.clone(), identity.clone(), value.clone(), time.clone()).prop_map(|(a, b, c, d)| Said::Bind(a, b, c, d)),
        3 => (who.clone(), identity.clone(), value.clone(), time.clone()).prop_map(|(a, b, c, d)| Said::Unbind(a, b, c, d)),
        3 => (who.clone(), who.clone(), time.clone()).prop_map(|(a, b, c)| Said::Merge(a, b, c)),
        2 => (who.clone(), who.clone(), time.clone()).prop_map(|(a, b, c)| Said::Unmerge(a, b, c)),
        2 => (who.clone(), identity, value, time.clone()).prop_map(|(a, b, c, d)| Said::UnmergeBy(a, b, c, d)),
        2 => (who.clone(), 0u8..4, time.clone()).prop_map(|(a, b, c)| Said::City(a, b, c)),
        2 => (who.clone(), 1i64..5).prop_map(|(a, b)| Said::Score(a, b)),
        2 => (who.clone(), 0u8..4).prop_map(|(a, b)| Said::Likes(a, b)),
        2 => (who.clone(), 0u8..4, time).prop_map(|(a, b, c)| Said::Origin(a, b, c)),
        1 => who.clone().prop_map(Said::Delete),
        1 => who.prop_map(Said::Erase),
        2 => Just(Said::Checkpoint),
        1 => Just(Said::Restart),
        1 => Just(Said::Crash),
    ]
}

struct Both {
    dir: tempfile::TempDir,
    store: Option<Store>,
    twin: Twin,
    visits: bool,
    ids: u32,
}

fn keys(who: &[String]) -> Vec<ArrayRef> {
    vec![texts(who.iter().cloned().map(Some))]
}

fn times(at: i64) -> TimestampMicrosecondArray {
    TimestampMicrosecondArray::from(vec![at]).with_timezone("UTC")
}

impl Both {
    fn new(visits: bool) -> Both {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        for change in world(visits) {
            store.define(change).unwrap();
        }
        Both { dir, store: Some(store), twin: Twin { floor: i64::MIN, ..Twin::default() }, visits, ids: 0 }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn deed(&self, deed: IdentityDeed, who: String, named: Option<(u8, u8)>, other: Option<String>, at: i64) {
        let batch = IdentityBatch {
            entity: USER,
            keys: keys(&[who]),
            deeds: vec![deed],
            identity: vec![named.map(|(i, _)| IDENTITIES[i as usize])].into(),
            value: vec![named.map(|(_, v)| value(v))].into(),
            others: vec![texts([other])],
            time: times(at),
        };
        self.store().change_identities(batch).unwrap();
    }

    fn write(&self, who: u8, operation: Option<(u16, EntityOperation, ArrayRef)>, at: Option<i64>, delete: bool) {
        let column = |(id, operation, values)| EntityColumn { property: PropertyId(id), operation, values, present: None };
        let batch = EntityBatch {
            operations: operation.map(column).into_iter().collect(),
            time: at.map(times),
            delete: delete.then(|| vec![true].into()),
            ..EntityBatch::new(USER, keys(&[key(who)]))
        };
        self.store().append_entities(batch).unwrap();
    }

    fn events(&mut self, rows: &[SaidEvent]) {
        let kinds = if self.visits { 3 } else { 2 };
        let rows: Vec<_> = rows
            .iter()
            .map(|(kind, who, named, time, received)| {
                self.ids += 1;
                (u16::from(*kind % kinds), self.ids.to_string(), *who, named.clone(), *time, *received)
            })
            .collect();
        let mut batches = Vec::new();
        for kind in 0..u16::from(kinds) {
            let of_kind: Vec<(u32, &_)> = (0..).zip(&rows).filter(|(_, r)| r.0 == kind).collect();
            if of_kind.is_empty() {
                continue;
            }
            let users = vec![texts(of_kind.iter().map(|(_, r)| r.2.map(key)))];
            let (keys, participant) = match kind {
                2 => (vec![vec![texts(of_kind.iter().map(|_| Some("s".to_string())))], users], 1),
                _ => (vec![users], 0),
            };
            let identities = (0u8..3).filter(|i| of_kind.iter().any(|(_, r)| r.3.iter().any(|n| n.0 == *i))).map(|i| {
                let mut lists = ListBuilder::new(StringBuilder::new());
                for (_, row) in &of_kind {
                    row.3.iter().filter(|n| n.0 == i).for_each(|n| lists.values().append_value(value(n.1)));
                    lists.append(true);
                }
                EventIdentity { participant, identity: IDENTITIES[i as usize].into(), values: lists.finish() }
            });
            batches.push(EventBatch {
                event: EventTypeId(kind),
                keys,
                time: of_kind.iter().map(|(_, r)| Some(r.4)).collect(),
                id: of_kind.iter().map(|(_, r)| Some(r.1.clone())).collect(),
                received: Some(of_kind.iter().map(|(_, r)| Some(r.5)).collect()),
                properties: vec![],
                extra: None,
                order: Some(of_kind.iter().map(|(i, _)| Some(*i)).collect()),
                identities: identities.collect(),
            });
        }
        self.store().append_events(batches).unwrap();
        // Keys become known type by type, before anybody is resolved.
        for kind in 0..u16::from(kinds) {
            for who in rows.iter().filter(|r| r.0 == kind).filter_map(|r| r.2) {
                self.twin.known(&key(who));
            }
        }
        for (kind, id, who, named, time, received) in rows {
            self.twin.event(kind, id, who, &named, time, received);
        }
    }

    fn say(&mut self, said: &Said) {
        match said {
            Said::Events(rows) => self.events(rows),
            Said::Bind(who, i, v, at) => {
                self.deed(IdentityDeed::Bind, key(*who), Some((*i, *v)), None, *at);
                let node = self.twin.known(&key(*who));
                self.twin.bind(node, *i, &value(*v), i64::MAX - 1, *at);
            }
            Said::Unbind(who, i, v, at) => {
                self.deed(IdentityDeed::Unbind, key(*who), Some((*i, *v)), None, *at);
                let Some(node) = self.twin.find(&key(*who)) else { return };
                self.twin.unbind(node, *i, &value(*v), *at);
            }
            Said::Merge(a, b, at) => {
                self.deed(IdentityDeed::Merge, key(*a), None, Some(key(*b)), *at);
                let (a, b) = (self.twin.known(&key(*a)), self.twin.known(&key(*b)));
                self.twin.merge(a, b, *at);
            }
            Said::Unmerge(a, b, at) => {
                self.deed(IdentityDeed::Unmerge, key(*a), None, Some(key(*b)), *at);
                if let (Some(a), Some(b)) = (self.twin.find(&key(*a)), self.twin.find(&key(*b))) {
                    self.twin.unmerge(a, b, *at);
                }
            }
            Said::UnmergeBy(a, i, v, at) => {
                self.deed(IdentityDeed::Unmerge, key(*a), Some((*i, *v)), None, *at);
                let owner = self.twin.owner(*i, &value(*v), i64::MAX - 1);
                if let (Some(a), Some(b)) = (self.twin.find(&key(*a)), owner) {
                    self.twin.unmerge(a, b, *at);
                }
            }
            Said::City(who, city, at) => {
                self.write(*who, Some((1, EntityOperation::Set, texts([Some(city.to_string())]))), Some(*at), false);
                let node = self.twin.known(&key(*who));
                self.twin.nodes[node].city = Some((*city, *at));
            }
            Said::Score(who, by) => {
                self.write(*who, Some((2, EntityOperation::Increment, support::ints([Some(*by)]))), None, false);
                let node = self.twin.known(&key(*who));
                *self.twin.nodes[node].score.get_or_insert(0) += by;
            }
            Said::Likes(who, like) => {
                let mut list = ListBuilder::new(Int64Builder::new());
                list.append_value([Some(i64::from(*like))]);
                self.write(*who, Some((3, EntityOperation::Union, Arc::new(list.finish()))), None, false);
                let node = self.twin.known(&key(*who));
                let likes = &mut self.twin.nodes[node].likes;
                likes.extend((!likes.contains(&i64::from(*like))).then_some(i64::from(*like)));
            }
            Said::Origin(who, origin, at) => {
                self.write(*who, Some((4, EntityOperation::SetOnce, support::ints([Some(i64::from(*origin))]))), Some(*at), false);
                let node = self.twin.known(&key(*who));
                let known = &mut self.twin.nodes[node].origin;
                if known.is_none_or(|(_, before)| *at < before) {
                    *known = Some((*origin, *at));
                }
            }
            Said::Delete(who) => {
                self.write(*who, None, None, true);
                if let Some(node) = self.twin.find(&key(*who)) {
                    let gone = self.twin.members(node, None);
                    self.twin.forget(&gone);
                }
            }
            Said::Erase(who) => {
                self.store().erase(USER, keys(&[key(*who)])).unwrap();
                if let Some(node) = self.twin.find(&key(*who)) {
                    let gone = self.twin.members(node, None);
                    self.twin.forget(&gone);
                    self.twin.rows.retain(|r| !gone.contains(&r.4));
                    for node in gone {
                        (self.twin.nodes[node].key, self.twin.nodes[node].erased) = (None, true);
                    }
                }
            }
            Said::Checkpoint => self.store().checkpoint().unwrap(),
            Said::Restart | Said::Crash => {
                let store = self.store.take().unwrap();
                if matches!(said, Said::Restart) {
                    store.close().unwrap();
                }
                drop(store);
                let report = verify(self.dir.path(), &PartsAt::default()).unwrap();
                assert_eq!((report.damaged, report.problems), (0, vec![]));
                self.store = Some(open(self.dir.path()));
            }
        }
    }

    fn check(&self) {
        let snapshot = self.store().snapshot().unwrap();
        self.check_entities(&snapshot);
        self.check_timelines(&snapshot, None);
        for at in [-1, 0, 3, 7, 12] {
            self.check_timelines(&snapshot.as_of(at), Some(at));
        }
        self.check_identifiers(&snapshot);
    }

    fn check_entities(&self, snapshot: &Arc<Snapshot>) {
        let (twin, columns) = (&self.twin, snapshot.entities(USER).unwrap());
        assert_eq!(columns.len(), twin.nodes.len());
        let keys = shown(columns.key(0));
        let properties: Vec<Vec<String>> = (1..5).map(|id| shown(&columns.property(PropertyId(id)).unwrap())).collect();
        for (node, known) in twin.nodes.iter().enumerate() {
            let ordinal = node as u32;
            assert_eq!(keys[node], known.key.clone().unwrap_or("NULL".into()));
            let seen = !columns.deleted().is_some_and(|d| d.value(node));
            assert_eq!(seen, twin.is_seen(node, None), "{node} of {:?} {:?}", twin.nodes, twin.edges);
            let row = columns.row(ordinal).unwrap().unwrap();
            assert_eq!(row.deleted, !seen);
            let root = twin.root(node, None);
            let found = known.key.as_ref().and_then(|k| snapshot.profile(USER, &[Value::String(k.clone())]).unwrap());
            let expected = known.key.as_ref().filter(|_| twin.is_seen(root, None)).map(|_| root as u32);
            assert_eq!(found, expected);
            if seen {
                let expected = twin.properties(node);
                for (i, values) in properties.iter().enumerate() {
                    assert_eq!(values[node], expected[i], "property {i} of {node}");
                    let one = columns.property_at(PropertyId(i as u16 + 1), &[ordinal]).unwrap();
                    assert_eq!(shown(&one), [expected[i].clone()]);
                    let values = array_text(&row.properties[i].1);
                    assert_eq!(values, expected[i], "property {i} of the row of {node}");
                }
            }
        }
    }

    fn check_timelines(&self, snapshot: &Arc<Snapshot>, at: Option<i64>) {
        let twin = &self.twin;
        let timeline = snapshot.timeline(USER).unwrap();
        let id = |event: EventTypeId, row: u32| {
            let ids = snapshot.events(event).unwrap().gather(&EventColumn::EventId, &[row]).unwrap();
            format!("{}:{}", event.0, ids.as_string::<i32>().value(0))
        };
        for node in 0..twin.nodes.len() {
            let rows = timeline.offsets[node] as usize..timeline.offsets[node + 1] as usize;
            let found: Vec<String> = rows.map(|i| id(timeline.events[timeline.code[i] as usize], timeline.row[i])).collect();
            let expected = if twin.root(node, at) == node { twin.timeline(node, at) } else { vec![] };
            assert_eq!(found, expected, "of {node} as of {at:?}: {:?}", twin.edges);
            if !expected.is_empty() {
                let (recent, _) = snapshot.recent_events(USER, node as u32, None, 100).unwrap();
                let mut recent: Vec<String> = recent.iter().map(|e| id(e.event, e.row)).collect();
                recent.reverse();
                assert_eq!(recent, expected, "journey of {node} as of {at:?}");
                let (last, more) = snapshot.recent_events(USER, node as u32, None, 1).unwrap();
                assert_eq!((last.len(), more), (1, expected.len() > 1));
                assert_eq!(id(last[0].event, last[0].row), expected[expected.len() - 1]);
            }
        }
        for kind in 0..if self.visits { 3 } else { 2 } {
            let rows = snapshot.events(EventTypeId(kind)).unwrap();
            let all: Vec<u32> = (0..rows.len() as u32).collect();
            let place = usize::from(kind == 2);
            let (ids, users) =
                (rows.gather(&EventColumn::EventId, &all).unwrap(), rows.gather(&EventColumn::Participant(place), &all).unwrap());
            for (i, user) in shown(&ids).into_iter().zip(shown(&users)) {
                let node = twin.rows.iter().find(|r| r.2 == kind && r.3 == i).map(|r| twin.root(r.4, at));
                assert_eq!(user, node.map_or("NULL".to_string(), |n| n.to_string()));
            }
        }
    }

    fn check_identifiers(&self, snapshot: &Arc<Snapshot>) {
        let twin = &self.twin;
        let mut expected: Vec<(String, String, u32, Option<i64>)> = twin
            .tenures
            .iter()
            .map(|t| {
                let until = (t.until < i64::MAX).then_some(t.until);
                (IDENTITIES[t.identity as usize].to_string(), t.value.clone(), twin.root(t.owner, None) as u32, until)
            })
            .collect();
        expected.sort();
        let mut found: Vec<_> = self.store().identifiers().into_iter().map(|i| (i.identity, i.value, i.ordinal, i.until)).collect();
        found.sort();
        assert_eq!(found, expected);
        for t in twin.tenures.iter().filter(|t| t.until == i64::MAX) {
            let owner = self.store().identifier(USER, IDENTITIES[t.identity as usize], &t.value).unwrap();
            let root = twin.root(t.owner, None);
            assert_eq!(owner as usize, t.owner);
            assert_eq!(snapshot.standing(USER, owner).unwrap(), twin.is_seen(root, None).then_some(root as u32));
        }
        let conflicts: Vec<_> = self.store().identity_conflicts();
        let found: BTreeSet<_> = conflicts
            .iter()
            .map(|c| {
                let text = |t: &Option<String>| t.clone().unwrap_or_default();
                (c.kind.word().to_string(), text(&c.identity), text(&c.value), c.ordinal as usize, c.other.map(|o| o as usize))
            })
            .collect();
        assert_eq!(found, twin.conflicts.iter().cloned().collect::<BTreeSet<_>>());
        assert_eq!(found.len(), conflicts.len());
    }
}

fn array_text(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::String(text) => text.clone(),
        Value::Int(n) => n.to_string(),
        Value::List(items) => format!("[{}]", items.iter().map(array_text).collect::<Vec<_>>().join(", ")),
        other => format!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_is_said_is_what_the_twin_makes_of_it(visits in any::<bool>(), all in prop::collection::vec(said(), 1..40)) {
        let mut both = Both::new(visits);
        for (i, said) in all.iter().enumerate() {
            both.say(said);
            if i % 3 == 0 || i + 1 == all.len() {
                both.check();
            }
        }
        both.say(&Said::Restart);
        both.check();
    }
}

#[test]
fn a_backup_has_identities_and_an_erased_person_leaves_none() {
    let mut both = Both::new(false);
    both.say(&Said::Events(vec![
        (0, None, vec![(2, 1)], 1, 1),
        (1, Some(1), vec![(2, 1), (0, 3)], 2, 2),
        (0, Some(2), vec![(2, 1)], 3, 3),
    ]));
    both.say(&Said::Checkpoint);
    both.say(&Said::Bind(2, 1, 2, 4));
    both.check();
    let copies = tempfile::tempdir().unwrap();
    let backup = copies.path().join("backup");
    both.store().backup(&backup, &[]).unwrap();
    assert_eq!(verify(&backup, &PartsAt::default()).unwrap().damaged, 0);
    let restored = copies.path().join("restored");
    restore(&RestoreRequest { backup, dir: restored.clone(), position: None, log: None }).unwrap();
    let store = open(&restored);
    assert_eq!(store.identifiers(), both.store().identifiers());
    assert_eq!(store.identity_conflicts(), both.store().identity_conflicts());
    assert_eq!(support::content(&store), support::content(both.store()));
    drop(store);

    both.say(&Said::Erase(1));
    both.check();
    both.store().purge().unwrap();
    both.say(&Said::Restart);
    both.check();
    for value in ["identifier-1", "identifier-3", "person-1"] {
        let found = files_with(both.dir.path(), value.as_bytes());
        assert_eq!(found, Vec::<String>::new(), "{value}");
    }
    assert_eq!(both.store().identity_stats(), IdentityStats { identifiers: 1, merged: 1, conflicts: 1 });
}

#[test]
fn a_feed_tells_who_was_merged_and_whose_events_without_a_key_are() {
    let mut both = Both::new(false);
    let from = both.store().position();
    let mut feed = both.store().feed(from).unwrap();
    both.say(&Said::Events(vec![(0, None, vec![(2, 1)], 1, 1)]));
    both.say(&Said::Events(vec![(1, Some(1), vec![(2, 1)], 2, 2), (0, None, vec![(2, 1)], 3, 3)]));
    both.say(&Said::City(1, 2, 4));
    both.say(&Said::Unbind(1, 2, 1, 4));
    both.say(&Said::UnmergeBy(1, 2, 2, 5));
    both.deed(IdentityDeed::Merge, key(2), None, Some(key(1)), 6);
    both.deed(IdentityDeed::Unmerge, key(2), None, Some(key(1)), 7);
    let read = |feed: &mut Feed| -> Vec<Committed> { std::iter::from_fn(|| feed.next(std::time::Duration::ZERO).unwrap()).collect() };
    let whose = |commits: &[Committed]| -> Vec<Vec<Option<u32>>> {
        let events = commits.iter().flat_map(|c| match &*c.what {
            What::Events(events) => events.clone(),
            _ => vec![],
        });
        events.map(|e| e.participants[0].iter().collect()).collect()
    };
    let lived = read(&mut feed);
    let joined: Vec<(u32, Vec<u32>, bool)> = lived
        .iter()
        .flat_map(|c| match &c.merged {
            Merged::Known(joined) => joined.iter().map(|j| (j.survivor, j.others.clone(), j.apart)).collect::<Vec<_>>(),
            Merged::Unknown => panic!("{c:?}"),
        })
        .collect();
    assert_eq!(joined, [(1, vec![0], false), (2, vec![1, 0], false), (2, vec![1, 0], true)]);
    assert!(matches!(&*lived.last().unwrap().what, What::Identities { ordinals, .. } if ordinals.values()[..] == [2, 1]));
    // A row keeps the ordinal that it was written with.
    assert_eq!(whose(&lived), [vec![Some(0)], vec![Some(0)], vec![Some(1)]]);
    drop(feed);
    both.say(&Said::City(1, 3, 8));
    let read = read(&mut both.store().feed(from).unwrap());
    let unknown: Vec<bool> = read.iter().map(|c| c.merged == Merged::Unknown).collect();
    assert_eq!(unknown, [true, true, false, true, true, true, true, false], "of these records the files do not say it");
    assert_eq!(whose(&read), [vec![Some(1)], vec![Some(1)], vec![Some(1)]], "of whom they are now");
}

/// Files that hold some bytes.
fn files_with(dir: &std::path::Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, bytes));
        } else if std::fs::read(&path).unwrap().windows(bytes.len()).any(|w| w == bytes) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn limits_hold() {
    let both = Both::new(false);
    let store = both.store();
    let many: Vec<String> = (0..600).map(|i| format!("m{i}")).collect();
    let n = many.len();
    let batch = |deed: IdentityDeed, identity: Option<&str>| IdentityBatch {
        entity: USER,
        keys: keys(&vec!["one".to_string(); n]),
        deeds: vec![deed; n],
        identity: vec![identity; n].into(),
        value: many.iter().map(|m| identity.map(|_| m.as_str())).collect(),
        others: vec![texts(many.iter().map(|m| Some(m.clone()).filter(|_| identity.is_none())))],
        time: TimestampMicrosecondArray::from(vec![0; n]).with_timezone("UTC"),
    };
    store.change_identities(batch(IdentityDeed::Merge, None)).unwrap();
    store.change_identities(batch(IdentityDeed::Bind, Some("device"))).unwrap();
    store.change_identities(batch(IdentityDeed::Bind, Some("phone"))).unwrap();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    store.identity_conflicts().iter().for_each(|c| *kinds.entry(c.kind.word()).or_default() += 1);
    assert_eq!(kinds, [("too_many_merges", 100), ("too_many_identifiers", 200)].into());
    assert_eq!(store.identity_stats(), IdentityStats { identifiers: 1000, merged: 500, conflicts: 300 });
    let undeclared = store.change_identities(batch(IdentityDeed::Bind, Some("cookie"))).unwrap_err().to_string();
    assert!(undeclared.contains("declares no identity `cookie`"), "{undeclared}");
}
