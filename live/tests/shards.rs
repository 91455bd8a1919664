//! However many shards the state is kept in, and however many threads work on it: what is told is the same, in the same order; a checkpoint of one number of shards is
//! gone on from in another; and a segment that is redefined while others are followed is what it is when everything is made from nothing.
#![allow(clippy::unwrap_used)]

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
use eql_catalog::{EntityTypeId, EventTypeId, PropertyId};
use eql_compiler::bound::Statement;
use eql_compiler::{Context, ParamValues};
use eql_live::{Cause, Published, State};
use eql_store::{Clock, EntityBatch, EventBatch, Feed, Store, StoreOptions};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
const BEGIN: i64 = 1_772_323_200_000_000;
const USERS: u64 = 3_000;

struct World {
    dir: tempfile::TempDir,
    store: Arc<Store>,
    clock: Arc<AtomicI64>,
    feed: Feed,
    now: i64,
    seed: u64,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(BEGIN));
        let options = StoreOptions { clock: Clock::Set(clock.clone()), ..StoreOptions::default() };
        let store = Arc::new(Store::open(&dir.path().join("store"), options).unwrap());
        let feed = store.feed(0).unwrap();
        let mut world = Self { dir, store, clock, feed, now: BEGIN, seed: 11 };
        world.define("DEFINE ENTITY user KEY user_id INT (city STRING)");
        for event in ["buy", "visit"] {
            world.define(&format!("DEFINE EVENT {event} OF user (amount INT, channel STRING)"));
        }
        world
    }

    fn below(&mut self, n: u64) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % n
    }

    fn define(&mut self, text: &str) {
        let parsed = eql_grammar::parse(text);
        let statement = parsed.statements.into_iter().next().unwrap().unwrap();
        let (catalog, params) = (self.store.catalog(), ParamValues::new());
        let context =
            Context { catalog: &catalog, params: &params, time_zone: "UTC", week_start: Default::default(), lenient: false, check: false };
        let bound = eql_compiler::bind(text, &statement, &context);
        let Some(Statement::Change(change, _)) = bound.statement else { panic!("{text}: {:?}", bound.diagnostics) };
        self.store.define(change).unwrap();
    }

    fn segment(&mut self, name: &str, condition: &str) {
        self.define(&format!("DEFINE OR REPLACE STREAMING SEGMENT {name} OF user AS {condition}"));
    }

    fn pass(&mut self, micros: i64) {
        self.now += micros;
        self.clock.store(self.now, Ordering::Relaxed);
    }

    /// Events of users, some late, some ahead of the clock, in one commit.
    fn happen(&mut self, count: usize) {
        let mut batches = Vec::new();
        for event in 0..2 {
            let users: Int64Array = (0..count).map(|_| Some(self.below(USERS) as i64)).collect();
            let time = |world: &mut Self| match world.below(20) {
                0 => world.now - world.below(200) as i64 * HOUR,
                1 => world.now + world.below(600) as i64 * SECOND,
                _ => world.now - world.below(60) as i64 * SECOND - 1,
            };
            let times: TimestampMicrosecondArray = (0..count).map(|_| Some(time(self))).collect();
            let amounts: Int64Array = (0..count).map(|_| Some(self.below(40) as i64 - 5)).collect();
            let channels: StringArray = (0..count).map(|_| Some(["web", "app", "shop"][self.below(3) as usize])).collect();
            let id = (0..count).map(|i| Some(format!("{}-{event}-{i}", self.now))).collect();
            batches.push(EventBatch {
                event: EventTypeId(event),
                keys: vec![vec![Arc::new(users)]],
                time: times,
                id,
                received: None,
                properties: vec![(PropertyId(0), Arc::new(amounts) as ArrayRef), (PropertyId(1), Arc::new(channels))],
                extra: None,
                identities: Vec::new(),
                order: None,
            });
        }
        self.store.append_events(batches).unwrap();
    }

    fn write(&mut self, count: usize) {
        let keys: ArrayRef = Arc::new((0..count).map(|_| Some(self.below(USERS) as i64)).collect::<Int64Array>());
        let mut batch = EntityBatch::new(EntityTypeId(0), vec![keys]);
        let city: StringArray = (0..count).map(|_| Some(["Rome", "Lima", "Oslo"][self.below(3) as usize])).collect();
        batch.properties = vec![(PropertyId(1), Arc::new(city))];
        self.store.append_entities(batch).unwrap();
    }

    fn begin(&self, shards: usize) -> State {
        State::begin(self.store.clone(), self.now, BTreeMap::new(), shards).unwrap()
    }

    /// Brings states up to the store and the clock, all alike; what they told.
    fn follow(&mut self, states: &mut [State]) -> Vec<Published> {
        let mut out = Vec::new();
        let mut same = |told: Vec<Vec<Published>>| {
            told.windows(2).for_each(|pair| assert_eq!(pair[0], pair[1], "shards tell the same"));
            out.extend(told.into_iter().next().unwrap_or_default());
        };
        while let Some(commit) = self.feed.next(Duration::ZERO).unwrap() {
            same(states.iter_mut().map(|s| s.apply(&commit).unwrap()).collect());
        }
        same(states.iter_mut().map(|s| s.advance(self.now).unwrap()).collect());
        out
    }
}

const SEGMENTS: [&str; 12] = [
    "count(buy DURING last 2 rolling days) >= 2",
    "count(buy WHERE channel = 'web' DURING last 3 days) = 1",
    "sum(buy.amount DURING last 30 rolling hours) > 40",
    "sum(visit.amount DURING last 2 days) BETWEEN 10 AND 60",
    "count(DISTINCT buy.channel DURING last 5 rolling days) >= 2",
    "last(visit.channel) = 'app'",
    "first(buy.channel) != 'shop'",
    "DID buy -> WITHIN 6 hours visit DURING last 4 rolling days",
    "DID visit -> NOT WITHIN 3 hours buy DURING last 2 rolling days",
    "city = 'Rome' AND NOT (count(visit DURING last 1 rolling day) >= 1)",
    "avg(buy.amount DURING last 3 rolling days) > 15.5",
    "count(buy DURING last 2 rolling days) + count(visit DURING last 2 rolling days) >= 4",
];

fn members(state: &State) -> BTreeMap<String, Vec<u32>> {
    state.following().keys().map(|name| (name.clone(), state.members(name).unwrap())).collect()
}

#[test]
fn what_is_told_does_not_depend_on_the_number_of_shards() {
    let mut world = World::new();
    for (n, condition) in SEGMENTS.iter().enumerate() {
        world.segment(&format!("s{n}"), condition);
    }
    world.write(USERS as usize);
    let mut states: Vec<State> = [1, 2, 5].map(|shards| world.begin(shards)).into_iter().collect();
    let (mut changes, path) = (0, world.dir.path().join("state"));
    for step in 0..14 {
        match step % 5 {
            3 => world.write(400),
            4 => world.pass(31 * HOUR),
            _ => world.happen(1_500),
        }
        world.pass(2 * HOUR + 1);
        changes += world.follow(&mut states).iter().map(|(_, c)| c.changes.len()).sum::<usize>();
        let all: Vec<_> = states.iter().map(members).collect();
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "step {step}");
        if step % 4 == 3 {
            // What one number of shards has saved another goes on from.
            let from = step / 4 % 3;
            states[from].save(&path).unwrap();
            let to = (from + 1) % 3;
            states[to] = State::restore(world.store.clone(), &path, [3, 1, 4][to]).unwrap().expect("a checkpoint that can be used");
        }
    }
    assert!(changes > 10_000, "{changes} changes");
    assert_eq!(members(&states[0]), members(&world.begin(2)), "as from nothing");
}

#[test]
fn a_definition_that_comes_goes_or_is_another_is_what_it_is_from_nothing() {
    let mut world = World::new();
    for (n, condition) in SEGMENTS.iter().enumerate().take(6) {
        world.segment(&format!("s{n}"), condition);
    }
    world.happen(2_000);
    let mut states = vec![world.begin(2), world.begin(1)];
    world.follow(&mut states);
    let steps: [(&str, Option<&str>); 9] = [
        // Everything that it asks is asked by others.
        ("new1", Some("count(buy DURING last 2 rolling days) >= 2 AND last(visit.channel) = 'app'")),
        // More rows than are kept.
        ("new2", Some("count(buy DURING last 2 rolling days) >= 4")),
        ("s0", Some("count(buy DURING last 9 rolling days) >= 1")),
        ("s2", Some("sum(buy.amount DURING last 90 rolling hours) > 60")),
        ("new3", Some("DID visit -> WITHIN 2 hours buy DURING last 2 rolling days")),
        ("s4", None),
        ("new4", Some("count(DISTINCT buy.channel DURING last 5 rolling days) >= 3 OR city = 'Lima'")),
        ("s1", None),
        ("s4", Some("count(buy WHERE channel = 'web' DURING last 3 days) = 1")),
    ];
    for (step, (name, condition)) in steps.into_iter().enumerate() {
        let before = members(&states[0]);
        let rescans = states[0].counts().rows;
        match condition {
            Some(condition) => world.segment(name, condition),
            None => world.define(&format!("DROP SEGMENT {name}")),
        }
        let told = world.follow(&mut states);
        let now = members(&states[0]);
        assert_eq!(now, members(&world.begin(3)), "step {step}: {name}");
        // The difference is told, and of this segment alone.
        let none = Vec::new();
        let (old, new) = (before.get(name).unwrap_or(&none), now.get(name).unwrap_or(&none));
        let different = if condition.is_none() {
            0
        } else {
            old.iter().filter(|o| !new.contains(o)).count() + new.iter().filter(|o| !old.contains(o)).count()
        };
        assert!(told.iter().all(|(n, c)| n == name && c.changes.iter().all(|c| c.cause == Cause::Definition)), "step {step}: {told:?}");
        assert_eq!(told.iter().map(|(_, c)| c.changes.len()).sum::<usize>(), different, "step {step}: {name}");
        if step == 0 {
            assert_eq!(states[0].counts().rows, rescans, "nothing was read from history");
        }
        // And it goes on.
        world.happen(700);
        world.pass(5 * HOUR);
        world.follow(&mut states);
        assert_eq!(members(&states[0]), members(&world.begin(1)), "step {step}: after {name}");
    }
    let path = world.dir.path().join("state");
    states[0].save(&path).unwrap();
    let restored = State::restore(world.store.clone(), &path, 3).unwrap().expect("numbers of lanes and atoms are not those of a new plan");
    assert_eq!(members(&states[0]), members(&restored));
}
