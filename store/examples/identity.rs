//! What identities cost: events with and without identifiers, timelines with and without merged entities, profiles, checkpoints.
//!
//! `cargo run --release -p eql-store --example identity -- [users] [events]`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use arrow::array::{ArrayRef, Int64Array, ListBuilder, StringArray, StringBuilder, TimestampMicrosecondArray};
use eql_catalog::{
    Change, DataType, EntityType, EntityTypeId, EventType, EventTypeId, Identity, Object, Participant, Property, PropertyId, Value,
};
use eql_store::{EventBatch, EventIdentity, IdentityBatch, IdentityDeed, Store, StoreOptions};
use std::sync::Arc;
use std::time::Instant;

const USER: EntityTypeId = EntityTypeId(0);
const CALL: usize = 10_000;

fn main() {
    let number = |i: usize, otherwise: usize| std::env::args().nth(i).and_then(|a| a.parse().ok()).unwrap_or(otherwise);
    let (users, events) = (number(1, 100_000), number(2, 1_000_000));
    println!("{users} users, {events} events, half of them by device alone in the second run");
    run("keys alone", users, events, false, false);
    run("devices, nobody merged", users, events, true, false);
    run("devices, all merged", users, events, true, true);
}

fn timed<T>(what: &str, n: usize, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    let seconds = start.elapsed().as_secs_f64();
    println!("  {what}: {seconds:.3} s, {:.0} a second", n as f64 / seconds);
    done
}

fn run(name: &str, users: usize, events: usize, devices: bool, merged: bool) {
    println!("{name}");
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
    define(&store);
    timed("append", events, || {
        (0..events).step_by(CALL).for_each(|first| drop(store.append_events(vec![batch(first, users, devices)]).unwrap()))
    });
    if merged {
        timed("bind", users, || {
            (0..users).step_by(CALL).for_each(|first| drop(store.change_identities(binds(first, CALL.min(users - first))).unwrap()));
        });
    }
    timed("checkpoint", events, || store.checkpoint().unwrap());
    let snapshot = store.snapshot().unwrap();
    let timeline = timed("timeline", events, || snapshot.timeline(USER).unwrap());
    println!("  {} rows, {} ordinals, {:?}", timeline.row.len(), timeline.ordinal_count(), store.identity_stats());
    timed("profiles", 10_000, || {
        for user in 0..10_000.min(users as i64) {
            let ordinal = snapshot.profile(USER, &[Value::Int(user)]).unwrap().unwrap_or_default();
            snapshot.entity_row(USER, ordinal).unwrap();
        }
    });
    timed("journeys", 1_000, || {
        for user in 0..1_000.min(users as i64) {
            let ordinal = snapshot.profile(USER, &[Value::Int(user)]).unwrap().unwrap_or_default();
            snapshot.recent_events(USER, ordinal, None, 50).unwrap();
        }
    });
}

fn property(id: u16, name: &str, data_type: DataType) -> Property {
    let name = name.into();
    Property { id: PropertyId(id), name, data_type, history: false, sensitive: false, required: false, default: None, comment: None }
}

fn define(store: &Store) {
    let user = EntityType {
        id: USER,
        name: "user".into(),
        key: vec![property(0, "user_id", DataType::Int)],
        properties: vec![property(1, "city", DataType::String)],
        identities: vec![Identity { name: "device".into(), data_type: DataType::String, unique: false }],
        comment: None,
        definition: String::new(),
    };
    let view = EventType {
        id: EventTypeId(0),
        name: "view".into(),
        participants: vec![Participant { entity: USER, name: "user".into(), key_names: vec!["user_id".into()] }],
        properties: vec![],
        hidden: false,
        cluster_by: vec![],
        keep: None,
        comment: None,
        definition: String::new(),
    };
    store.define(Change::Put(Box::new(Object::Entity(user)))).unwrap();
    store.define(Change::Put(Box::new(Object::Event(view)))).unwrap();
}

/// A user for each number, spread.
fn user(i: usize, users: usize) -> usize {
    i.wrapping_mul(0x9E37_79B9_7F4A_7C15) % users
}

fn batch(first: usize, users: usize, devices: bool) -> EventBatch {
    let rows = first..first + CALL;
    let by_device = |i: usize| devices && i.is_multiple_of(2);
    let mut lists = ListBuilder::new(StringBuilder::new());
    for i in rows.clone() {
        if by_device(i) {
            lists.values().append_value(format!("d{}", user(i, users)));
        }
        lists.append(by_device(i));
    }
    let keys: ArrayRef = Arc::new(rows.clone().map(|i| (!by_device(i)).then(|| user(i, users) as i64)).collect::<Int64Array>());
    EventBatch {
        event: EventTypeId(0),
        keys: vec![vec![keys]],
        time: TimestampMicrosecondArray::from_iter_values(rows.clone().map(|i| i as i64 * 1_000_000)),
        id: StringArray::from_iter_values(rows.clone().map(|i| i.to_string())),
        received: None,
        properties: vec![],
        extra: None,
        order: None,
        identities: devices
            .then(|| EventIdentity { participant: 0, identity: "device".into(), values: lists.finish() })
            .into_iter()
            .collect(),
    }
}

fn binds(first: usize, n: usize) -> IdentityBatch {
    let users = first..first + n;
    IdentityBatch {
        entity: USER,
        keys: vec![Arc::new(users.clone().map(|u| Some(u as i64)).collect::<Int64Array>())],
        deeds: vec![IdentityDeed::Bind; n],
        identity: StringArray::from(vec!["device"; n]),
        value: users.map(|u| Some(format!("d{u}"))).collect(),
        others: vec![],
        time: TimestampMicrosecondArray::from(vec![0; n]),
    }
}
