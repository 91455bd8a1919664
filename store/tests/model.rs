//! Random histories against a naive model made of maps and lists.
#![allow(clippy::unwrap_used)]

mod support;

use eql_catalog::{EntityTypeId, EventTypeId};
use eql_store::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use support::*;

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<(EventTypeId, Vec<Happened>)>),
    Correct(Vec<(EventTypeId, Vec<Happened>)>),
    Delete(EventTypeId, Vec<u32>),
    Compact(bool),
    Upsert(Vec<(i64, Option<String>, Option<i64>)>, bool),
    SetMembers(Vec<i64>),
    ChangeMembers(Vec<i64>, Vec<i64>),
    Tag(Vec<(i64, Option<i64>)>),
    Checkpoint,
    Reopen,
    Kill,
}

#[derive(Default)]
struct Model {
    /// Keys in the order of their ordinals.
    known: BTreeMap<EntityTypeId, Vec<i64>>,
    users: BTreeMap<i64, (Option<String>, Option<i64>)>,
    members: BTreeMap<i64, bool>,
    tags: BTreeMap<i64, Option<i64>>,
    /// With its sequence.
    events: BTreeMap<u16, Vec<(u64, Happened)>>,
    next: u64,
}

impl Model {
    fn know(&mut self, entity: EntityTypeId, key: i64) {
        let known = self.known.entry(entity).or_default();
        if !known.contains(&key) {
            known.push(key);
        }
    }

    fn append(&mut self, batches: &[(EventTypeId, Vec<Happened>)]) -> u64 {
        let mut submitted: Vec<(u32, usize, usize)> = Vec::new();
        for (b, (_, rows)) in batches.iter().enumerate() {
            submitted.extend(rows.iter().enumerate().map(|(r, row)| (row.order.unwrap_or(0), b, r)));
        }
        submitted.sort();
        let mut accepted: Vec<Vec<(u64, Happened)>> = vec![vec![]; batches.len()];
        for (_, b, r) in submitted {
            let (event, row) = (batches[b].0, &batches[b].1[r]);
            let stored = self.events.entry(event.0).or_default();
            if !stored.iter().any(|(_, e)| e.id == row.id) {
                stored.push((self.next, row.clone()));
                accepted[b].push((r as u64, row.clone()));
                self.next += 1;
            }
        }
        // Ordinals are given batch by batch, participant by participant.
        let mut count = 0;
        for ((event, _), mut rows) in batches.iter().zip(accepted) {
            rows.sort_by_key(|r| r.0);
            count += rows.len() as u64;
            for (i, entity) in participants(*event).into_iter().enumerate() {
                rows.iter().filter_map(|(_, row)| row.who[i]).for_each(|who| self.know(entity, who));
            }
        }
        count
    }

    fn correct(&mut self, batches: &[(EventTypeId, Vec<Happened>)]) -> u64 {
        for (event, rows) in batches {
            self.events.entry(event.0).or_default().retain(|(_, e)| !rows.iter().any(|r| r.id == e.id));
        }
        self.append(batches)
    }

    fn delete(&mut self, event: EventTypeId, ids: &[String]) -> u64 {
        let stored = self.events.entry(event.0).or_default();
        let before = stored.len();
        stored.retain(|(_, e)| !ids.contains(&e.id));
        (before - stored.len()) as u64
    }

    fn timeline(&self, subject: EntityTypeId, place: impl Fn(EventTypeId) -> Option<usize>) -> Vec<Vec<(i64, u16, String)>> {
        let known = self.known.get(&subject).cloned().unwrap_or_default();
        let mut all: Vec<Vec<(i64, u64, u16, String)>> = vec![vec![]; known.len()];
        for (event, rows) in &self.events {
            let Some(place) = place(EventTypeId(*event)) else { continue };
            for (sequence, row) in rows {
                if let Some(ordinal) = row.who[place].and_then(|who| known.iter().position(|k| *k == who)) {
                    all[ordinal].push((row.time, *sequence, *event, row.id.clone()));
                }
            }
        }
        all.iter_mut().for_each(|rows| rows.sort());
        all.into_iter().map(|rows| rows.into_iter().map(|(time, _, event, id)| (time, event, id)).collect()).collect()
    }

    fn check(&self, store: &Store) {
        let snapshot = store.snapshot().unwrap();
        let users = snapshot.entities(USER).unwrap();
        let known = self.known.get(&USER).cloned().unwrap_or_default();
        assert_eq!(shown(users.key(0)), known.iter().map(i64::to_string).collect::<Vec<_>>());
        let null = |v: Option<String>| v.unwrap_or("NULL".into());
        let of = |key: &i64| self.users.get(key).cloned().unwrap_or_default();
        assert_eq!(shown(&users.property(eql_catalog::PropertyId(1)).unwrap()), known.iter().map(|k| null(of(k).0)).collect::<Vec<_>>());
        assert_eq!(
            shown(&users.property(eql_catalog::PropertyId(2)).unwrap()),
            known.iter().map(|k| null(of(k).1.map(|n| n.to_string()))).collect::<Vec<_>>()
        );
        let members = snapshot.members("vip").unwrap_or_default();
        for (ordinal, key) in known.iter().enumerate() {
            assert_eq!(members.get(ordinal).copied().unwrap_or(false), self.members.get(key).copied().unwrap_or(false));
            assert_eq!(snapshot.profile(USER, &[eql_catalog::Value::Int(*key)]).unwrap(), Some(ordinal as u32));
        }
        if let Some(tags) = snapshot.tag_values(USER, "level").unwrap() {
            assert_eq!(
                shown(&tags),
                known.iter().map(|k| null(self.tags.get(k).copied().flatten().map(|n| n.to_string()))).collect::<Vec<_>>()
            );
        }
        self.check_events(&snapshot);
        self.check_timelines(&snapshot);
    }

    fn check_events(&self, snapshot: &Snapshot) {
        for event in [PURCHASE, MESSAGE, VISIT] {
            let definition = snapshot.catalog().event_by_id(event).unwrap().clone();
            let lines = event_lines(snapshot, &definition);
            let expected = self.events.get(&event.0).cloned().unwrap_or_default();
            assert_eq!(lines.len(), expected.len());
            for (line, (sequence, row)) in lines.iter().zip(&expected) {
                let fields: Vec<&str> = line.split(" | ").collect();
                assert_eq!(fields[0], sequence.to_string());
                assert_eq!(fields[2], row.id);
                assert_eq!(fields[3] == fields[1], row.received.is_none_or(|r| r == row.time));
                assert_eq!(fields[4], row.extra.clone().unwrap_or("NULL".into()));
                for (i, entity) in participants(event).into_iter().enumerate() {
                    let ordinal = row.who[i].map(|who| self.known[&entity].iter().position(|k| *k == who).unwrap().to_string());
                    assert_eq!(fields[5 + i], ordinal.unwrap_or("NULL".into()));
                }
                if event != VISIT {
                    assert_eq!(fields[7], row.number.map_or("NULL".into(), |n| n.to_string()));
                }
            }
        }
    }

    fn check_timelines(&self, snapshot: &Snapshot) {
        let text = |t: std::sync::Arc<Timeline>| timeline_text(snapshot, &t);
        let first = |subject| move |event| participants(event).into_iter().position(|e| e == subject);
        for subject in [USER, PRODUCT, STORE] {
            assert_eq!(text(snapshot.timeline(subject).unwrap()), self.timeline(subject, first(subject)), "{subject:?}");
        }
        let receiver = |event| (event == MESSAGE).then_some(1);
        assert_eq!(text(snapshot.timeline_by_role(USER, "receiver").unwrap()), self.timeline(USER, receiver));
        let sender = |event| (event == MESSAGE).then_some(0);
        assert_eq!(text(snapshot.timeline_by_role(USER, "sender").unwrap()), self.timeline(USER, sender));
    }
}

const DAY: i64 = 86_400_000_000;

fn a_row() -> impl Strategy<Value = Happened> {
    // Few days, few people, few ids: ties, duplicates and months that are met again.
    let time =
        prop_oneof![(0i64..4).prop_map(|m| m * 31 * DAY), (0i64..90).prop_map(|d| d * DAY), (0i64..1000).prop_map(|n| n * 1_234_567)];
    let who = prop::option::weighted(0.85, 0i64..6);
    (0u32..200, time, who.clone(), who, prop::option::of(0i64..50), any::<u8>()).prop_map(|(id, time, first, second, number, bits)| {
        Happened {
            id: format!("e{id}"),
            time,
            received: (bits & 3 == 0).then_some(time + i64::from(bits)),
            who: [first, second],
            number,
            note: (bits & 4 == 0).then(|| format!("n{bits}")),
            extra: (bits & 24 == 0).then(|| format!("{{\"b\":{bits}}}")),
            order: None,
        }
    })
}

fn an_event() -> impl Strategy<Value = EventTypeId> {
    prop_oneof![Just(PURCHASE), Just(MESSAGE), Just(VISIT)]
}

fn some_batches() -> impl Strategy<Value = Vec<(EventTypeId, Vec<Happened>)>> {
    prop::collection::vec((an_event(), prop::collection::vec(a_row(), 0..12)), 1..4)
}

fn an_append() -> impl Strategy<Value = Step> {
    let batches = some_batches();
    (batches, any::<bool>(), any::<u64>()).prop_map(|(mut batches, ordered, seed)| {
        if ordered {
            let mut n = seed;
            for row in batches.iter_mut().flat_map(|b| &mut b.1) {
                n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                row.order = Some((n >> 40) as u32);
            }
        }
        Step::Append(batches)
    })
}

fn a_step() -> impl Strategy<Value = Step> {
    let user = 0i64..9;
    let name = prop::option::of("[a-c]{0,2}");
    let rows = prop::collection::vec((user.clone(), name, prop::option::of(0i64..99)), 1..6);
    prop_oneof![
        6 => an_append(),
        2 => some_batches().prop_map(Step::Correct),
        2 => (an_event(), prop::collection::vec(0u32..200, 0..60)).prop_map(|(event, ids)| Step::Delete(event, ids)),
        2 => any::<bool>().prop_map(Step::Compact),
        3 => (rows, any::<bool>()).prop_map(|(rows, keep)| Step::Upsert(rows, keep)),
        1 => prop::collection::vec(user.clone(), 0..6).prop_map(Step::SetMembers),
        1 => (prop::collection::vec(user.clone(), 0..4), prop::collection::vec(user.clone(), 0..4)).prop_map(|(a, r)| Step::ChangeMembers(a, r)),
        1 => prop::collection::vec((user, prop::option::of(0i64..9)), 1..5).prop_map(Step::Tag),
        2 => Just(Step::Checkpoint),
        1 => Just(Step::Reopen),
        1 => Just(Step::Kill),
    ]
}

fn run(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open_world(dir.path());
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Append(batches) => {
                let given = batches.iter().map(|(event, rows)| batch(*event, rows)).collect();
                let total: usize = batches.iter().map(|b| b.1.len()).sum();
                let answer = store.append_events(given).unwrap();
                let accepted = model.append(&batches);
                assert_eq!((answer.accepted, answer.duplicates), (accepted, total as u64 - accepted));
            }
            Step::Correct(batches) => {
                let given = batches.iter().map(|(event, rows)| batch(*event, rows)).collect();
                let answer = store.correct_events(given).unwrap();
                assert_eq!(answer.accepted, model.correct(&batches));
            }
            Step::Delete(event, ids) => {
                let mut ids: Vec<String> = ids.iter().map(|id| format!("e{id}")).collect();
                ids.sort();
                ids.dedup();
                let answer = store.delete_events(event, &ids.iter().map(Some).collect()).unwrap();
                assert_eq!(answer.accepted, model.delete(event, &ids));
            }
            Step::Compact(everything) => {
                store.compact(everything).unwrap();
            }
            Step::Upsert(rows, keep_null) => {
                store.append_entities(EntityBatch { keep_null, ..users(&rows) }).unwrap();
                for (key, name, age) in rows {
                    model.know(USER, key);
                    let user = model.users.entry(key).or_default();
                    user.0 = if keep_null { name.or(user.0.take()) } else { name };
                    user.1 = if keep_null { age.or(user.1) } else { age };
                }
            }
            Step::SetMembers(keys) => {
                store.set_members("vip", vec![ints(keys.iter().copied().map(Some))]).unwrap();
                model.members.clear();
                keys.iter().for_each(|k| model.know(USER, *k));
                model.members.extend(keys.into_iter().map(|k| (k, true)));
            }
            Step::ChangeMembers(add, remove) => {
                let keys = |k: &[i64]| if k.is_empty() { vec![] } else { vec![ints(k.iter().copied().map(Some))] };
                store.change_members("vip", keys(&add), keys(&remove)).unwrap();
                add.iter().for_each(|k| model.know(USER, *k));
                model.members.extend(remove.into_iter().map(|k| (k, false)));
                model.members.extend(add.into_iter().map(|k| (k, true)));
            }
            Step::Tag(rows) => {
                store.set_tag_values(USER, "level", vec![ints(rows.iter().map(|r| Some(r.0)))], ints(rows.iter().map(|r| r.1))).unwrap();
                rows.iter().for_each(|(k, _)| model.know(USER, *k));
                model.tags.extend(rows);
            }
            Step::Checkpoint => store.checkpoint().unwrap(),
            Step::Reopen => {
                store.close().unwrap();
                drop(store);
                store = open(dir.path());
            }
            Step::Kill => {
                let before = content(&store);
                drop(store);
                store = open(dir.path());
                assert_eq!(content(&store), before);
            }
        }
        model.check(&store);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_history_reads_like_the_model(steps in prop::collection::vec(a_step(), 1..18)) {
        run(steps);
    }
}
