//! A small store with a clock that is set by hand, its rows once more as plain values, and the state that follows it.

use super::people::{self, ANONYMOUS, People};
use super::random::Random;
use super::truth::*;
use arrow::array::*;
use eql_catalog::{EntityTypeId, EventTypeId, PropertyId, Value};
use eql_compiler::bound::Statement;
use eql_compiler::{Context, ParamValues};
use eql_live::{Commit, Direction, Published, State};
use eql_store::{Clock, EntityBatch, EventBatch, EventIdentity, Feed, IdentityBatch, IdentityDeed, Store, StoreOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<AtomicI64>,
    pub(crate) feed: Option<Feed>,
    pub(crate) state: Option<State>,
    /// The same in another number of shards: it must tell the same in the same order.
    pub(crate) twin: Option<State>,
    pub(crate) rows: BTreeMap<i64, Vec<Row>>,
    pub(crate) users: BTreeMap<i64, User>,
    pub(crate) people: People,
    pub(crate) definitions: Vec<Definition>,
    /// Segments that are not defined now.
    pub(crate) dropped: BTreeSet<usize>,
    pub(crate) published: BTreeMap<String, BTreeSet<i64>>,
    pub(crate) now: i64,
    pub(crate) checked: u64,
    pub(crate) restarts: u64,
    next: u64,
    told: i64,
    base: i64,
    lengths: Vec<i64>,
    dir: tempfile::TempDir,
}

const USER: EntityTypeId = EntityTypeId(0);
const DEVICE: &str = "$device";
const DEVICES: u64 = 8;
/// Others are made of these segments only.
pub(crate) const NESTED: usize = 6;

/// Somebody, as plain loops know them.
pub(crate) struct Person {
    ordinal: u32,
    user: i64,
    rows: Vec<Row>,
    known: User,
    hidden: bool,
}

fn key(user: i64) -> Vec<ArrayRef> {
    vec![Arc::new(StringArray::from(vec![people::key(user)]))]
}

fn times(at: i64) -> TimestampMicrosecondArray {
    TimestampMicrosecondArray::from(vec![at]).with_timezone("UTC")
}

/// The devices that rows name their user by.
fn devices(rows: &[&Row]) -> EventIdentity {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in rows {
        row.devices.iter().for_each(|d| lists.values().append_value(people::device(*d)));
        lists.append(true);
    }
    EventIdentity { participant: 0, identity: DEVICE.into(), values: lists.finish() }
}

impl World {
    pub(crate) fn new(seed: u64, segments: usize) -> World {
        let mut random = Random(seed);
        let base = 1_772_323_200_000_000 + random.below(30) as i64 * DAY;
        let now = base + 60 * HOUR;
        let clock = Arc::new(AtomicI64::new(now));
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions { clock: Clock::Set(clock.clone()), ..StoreOptions::default() };
        let store = Arc::new(Store::open(dir.path(), options).unwrap());
        let mut world = World {
            feed: Some(store.feed(0).unwrap()),
            random,
            store,
            clock,
            state: None,
            twin: None,
            rows: BTreeMap::new(),
            users: BTreeMap::new(),
            people: People::default(),
            definitions: vec![],
            dropped: BTreeSet::new(),
            published: BTreeMap::new(),
            now,
            checked: 0,
            restarts: 0,
            next: 0,
            told: 0,
            base,
            lengths: vec![],
            dir,
        };
        world.define("DEFINE ENTITY user KEY user_id STRING (city STRING, age INT) IDENTITIES ($device STRING MANY)");
        for event in EVENTS {
            world.define(&format!("DEFINE EVENT {event} OF user (amount INT, price DOUBLE, channel STRING)"));
        }
        for n in 0..segments {
            let definition = Definition { condition: Condition::AgeUnknown, grace: 0 };
            world.definitions.push(definition);
            world.redefine(n, n);
        }
        world
    }

    /// Gives a segment another definition, made of those before `upto`.
    pub(crate) fn redefine(&mut self, n: usize, upto: usize) {
        let grace = [0, 0, 600 * SECOND, HOUR][self.random.below(4) as usize];
        let condition = condition(&mut self.random, self.base, upto, 2);
        let with = if grace > 0 { format!(" GRACE {} seconds", grace / SECOND) } else { String::new() };
        self.define(&format!("DEFINE OR REPLACE STREAMING SEGMENT s{n} OF user AS {}{with}", condition.text()));
        condition.lengths(grace, &mut self.lengths);
        self.definitions[n] = Definition { condition, grace };
        self.dropped.remove(&n);
    }

    /// A segment that no other is made of goes.
    pub(crate) fn drop_segment(&mut self, n: usize) {
        if n >= NESTED && self.dropped.insert(n) {
            self.define(&format!("DROP SEGMENT s{n}"));
        }
    }

    fn define(&mut self, text: &str) {
        let parsed = eql_grammar::parse(text);
        let statement = parsed.statements.into_iter().next().unwrap().unwrap_or_else(|e| panic!("{text}: {e:?}"));
        let catalog = self.store.catalog();
        let params = ParamValues::new();
        let context =
            Context { catalog: &catalog, params: &params, time_zone: ZONE, week_start: Default::default(), lenient: false, check: false };
        let bound = eql_compiler::bind(text, &statement, &context);
        match bound.statement {
            Some(Statement::Change(change, _)) => drop(self.store.define(change).unwrap()),
            Some(Statement::Nothing(_)) => {}
            _ => panic!("{text}: {:?}", bound.diagnostics),
        }
    }

    /// A time that is likely to lie on an edge of something.
    fn time(&mut self) -> i64 {
        let jitter = self.random.below(3) as i64 - 1;
        let lengths = self.lengths.clone();
        let length = self.random.one(&lengths).unwrap_or(HOUR);
        let others: Vec<i64> = self.rows.values().flatten().map(|r| r.time).collect();
        let other = self.random.one(&others).unwrap_or(self.now);
        match self.random.below(10) {
            0 => self.now - length + jitter,
            1 => other + length + jitter,
            2 => other - length + jitter,
            3 => other,
            4 => (self.now - self.random.below(4) as i64 * DAY).div_euclid(DAY) * DAY - 345 * 60 * SECOND + jitter,
            5 => self.now + jitter,
            6 => self.now + self.random.below(6) as i64 * HOUR,
            _ => self.now - self.random.below(30 * 3600) as i64 * SECOND,
        }
    }

    /// Moves the clock, mostly a little, sometimes to an edge, sometimes far.
    pub(crate) fn pass(&mut self) {
        let jitter = self.random.below(3) as i64 - 1;
        let lengths = self.lengths.clone();
        let length = self.random.one(&lengths).unwrap_or(HOUR);
        let others: Vec<i64> = self.rows.values().flatten().map(|r| r.time).collect();
        let other = self.random.one(&others).unwrap_or(self.now);
        let at = match self.random.below(8) {
            0..=2 => other + length + jitter,
            3 => other + jitter,
            4 => self.now + self.random.below(40) as i64 * HOUR / 10,
            5 => self.now.div_euclid(DAY) * DAY + DAY - 345 * 60 * SECOND + jitter,
            6 if self.random.below(6) == 0 => self.now + 2 * DAY,
            _ => self.now + self.random.below(600) as i64 * SECOND,
        };
        // Edges far ahead are left for later: the clock would run away from all rows.
        if at > self.now && at < self.now + 3 * DAY {
            self.now = at;
            self.clock.store(at, Ordering::Relaxed);
        }
    }

    /// Moves the clock to an edge that is near, or a little.
    pub(crate) fn tick(&mut self) {
        let near = self.now + 1..self.now + 20 * 60 * SECOND;
        let ends = |r: &Row| self.lengths.iter().map(|l| r.time + l).filter(|at| near.contains(at)).collect::<Vec<_>>();
        let edges: Vec<i64> = self.rows.values().flatten().flat_map(ends).collect();
        let jitter = self.random.below(3) as i64 - 1;
        let otherwise = self.now + 1 + self.random.below(60) as i64 * SECOND;
        self.now = (self.random.one(&edges).unwrap_or(otherwise) + jitter).max(self.now + 1);
        self.clock.store(self.now, Ordering::Relaxed);
    }

    fn row(&mut self, users: u64) -> Row {
        let user = self.random.below(users) as i64;
        self.next += 1;
        let devices: Vec<i64> = match self.random.below(6) {
            0 => vec![self.random.below(DEVICES) as i64],
            1 if self.random.below(4) == 0 => vec![self.random.below(DEVICES) as i64, self.random.below(DEVICES) as i64],
            _ => vec![],
        };
        Row {
            user,
            keyed: devices.is_empty() || self.random.below(3) == 0,
            devices,
            event: self.random.below(3) as usize,
            time: self.time(),
            sequence: self.next,
            id: format!("e{}", self.next),
            amount: (self.random.below(8) > 0).then(|| self.random.below(5) as i64),
            price: (self.random.below(8) > 0).then(|| self.random.below(12) as f64 / 4.0),
            channel: (self.random.below(5) > 0).then(|| self.random.below(3) as usize),
        }
    }

    fn batch(&self, rows: &[Row], event: usize) -> Option<EventBatch> {
        let own: Vec<&Row> = rows.iter().filter(|r| r.event == event).collect();
        if own.is_empty() {
            return None;
        }
        let order: Vec<u32> = rows.iter().enumerate().filter(|(_, r)| r.event == event).map(|(i, _)| i as u32).collect();
        Some(EventBatch {
            event: EventTypeId(event as u16),
            keys: vec![vec![Arc::new(own.iter().map(|r| r.keyed.then(|| people::key(r.user))).collect::<StringArray>())]],
            time: own.iter().map(|r| Some(r.time)).collect(),
            id: own.iter().map(|r| Some(r.id.as_str())).collect(),
            received: None,
            properties: vec![
                (PropertyId(0), Arc::new(own.iter().map(|r| r.amount).collect::<Int64Array>())),
                (PropertyId(1), Arc::new(own.iter().map(|r| r.price).collect::<Float64Array>())),
                (PropertyId(2), Arc::new(own.iter().map(|r| r.channel.map(|c| CHANNELS[c])).collect::<StringArray>())),
            ],
            extra: None,
            identities: if own.iter().any(|r| !r.devices.is_empty()) { vec![devices(&own)] } else { vec![] },
            order: Some(order.into()),
        })
    }

    /// Some events in one commit, some of them twice.
    pub(crate) fn happen(&mut self, users: u64) {
        let n = 1 + self.random.below(12) as usize;
        let mut rows: Vec<Row> = (0..n).map(|_| self.row(users)).collect();
        let batches: Vec<EventBatch> = (0..3).filter_map(|e| self.batch(&rows, e)).collect();
        self.store.append_events(batches.clone()).unwrap();
        if self.random.below(8) == 0 {
            self.store.append_events(batches).unwrap();
        }
        for row in &mut rows {
            row.user = self.people.event(row.keyed.then_some(row.user), &row.devices);
        }
        for row in rows {
            self.users.entry(row.user).or_default().known = true;
            self.rows.entry(row.user).or_default().push(row);
        }
        self.rows.values_mut().for_each(|r| r.sort_by_key(|r| (r.time, r.sequence)));
    }

    /// Properties of some users.
    pub(crate) fn write(&mut self, users: u64) {
        let user = self.random.below(users) as i64;
        let city = (self.random.below(4) > 0).then(|| self.random.below(3) as usize);
        let age = (self.random.below(4) > 0).then(|| self.random.below(5) as i64 * 10);
        let keys = key(user);
        self.told += 1;
        let mut batch = EntityBatch::new(USER, keys);
        batch.time = Some(times(self.told));
        batch.properties = vec![
            (PropertyId(1), Arc::new(StringArray::from(vec![city.map(|c| CITIES[c])]))),
            (PropertyId(2), Arc::new(Int64Array::from(vec![age]))),
        ];
        self.store.append_entities(batch).unwrap();
        *self.users.entry(user).or_default() = User { city, age, known: true, told: self.told };
    }

    /// Somebody gets a device, two become one, or what was one comes apart.
    pub(crate) fn identify(&mut self, users: u64) {
        let (user, other, n) = (self.random.below(users) as i64, self.anybody(users), self.random.below(DEVICES) as i64);
        let mut batch = IdentityBatch {
            entity: USER,
            keys: key(user),
            deeds: vec![],
            identity: StringArray::from(vec![None::<&str>]),
            value: StringArray::from(vec![None::<&str>]),
            others: key(other),
            time: times(self.now),
        };
        match self.random.below(5) {
            0..=1 => {
                batch.deeds = vec![IdentityDeed::Bind];
                (batch.identity, batch.value) = (vec![Some(DEVICE)].into(), vec![Some(people::device(n))].into());
                batch.others = vec![Arc::new(StringArray::from(vec![None::<&str>]))];
                self.people.bind(user, n);
                self.users.entry(user).or_default().known = true;
            }
            2..=3 if user != other => {
                batch.deeds = vec![IdentityDeed::Merge];
                self.people.merge(user, other);
                for user in [user, other] {
                    self.users.entry(user).or_default().known = true;
                }
            }
            _ => {
                batch.deeds = vec![IdentityDeed::Unmerge];
                self.people.unmerge(user, other);
            }
        }
        self.store.change_identities(batch).unwrap();
    }

    /// A user with a key, or one that is there and has none.
    fn anybody(&mut self, users: u64) -> i64 {
        let anonymous: Vec<i64> = self.users.iter().filter(|(u, known)| **u >= ANONYMOUS && known.known).map(|(u, _)| *u).collect();
        let known = self.random.below(users) as i64;
        if self.random.below(2) == 0 { known } else { self.random.one(&anonymous).unwrap_or(known) }
    }

    /// One event becomes another, or goes.
    pub(crate) fn mend(&mut self) {
        let all: Vec<Row> = self.rows.values().flatten().cloned().collect();
        if all.is_empty() {
            return;
        }
        let old = all[self.random.below(all.len() as u64) as usize].clone();
        let own = self.rows.get_mut(&old.user).unwrap();
        own.retain(|r| r.id != old.id);
        if self.random.below(2) == 0 {
            let ids: StringArray = [Some(old.id.as_str())].into_iter().collect();
            self.store.delete_events(EventTypeId(old.event as u16), &ids).unwrap();
            return;
        }
        let mut new = self.row(6);
        (new.id, new.event, new.keyed, new.devices) = (old.id.clone(), old.event, true, vec![]);
        self.store.correct_events(vec![self.batch(std::slice::from_ref(&new), new.event).unwrap()]).unwrap();
        self.users.entry(new.user).or_default().known = true;
        let own = self.rows.entry(new.user).or_default();
        own.push(new);
        own.sort_by_key(|r| (r.time, r.sequence));
    }

    /// A user goes, or everything about one.
    pub(crate) fn leave(&mut self) {
        let keys: Vec<i64> = self.users.keys().copied().collect();
        let Some(user) = self.random.one(&keys) else { return };
        let key = key(user);
        let group = self.people.group(user, &self.users);
        if self.random.below(2) == 0 {
            self.store.erase(USER, key).unwrap();
            self.people.erase(&group);
            for user in group {
                self.users.insert(user, User::default());
                self.rows.remove(&user);
            }
            return;
        }
        // Whose a device is, is forgotten as well, and who names it next is somebody new under another key.
        if self.people.has_devices(&group) {
            return;
        }
        for user in group {
            self.users.insert(user, User::default());
        }
        let mut batch = EntityBatch::new(USER, key);
        batch.delete = Some(BooleanArray::from(vec![true]));
        self.store.append_entities(batch).unwrap();
    }

    /// Brings the state up to the store and the clock.
    pub(crate) fn follow(&mut self) {
        while let Some(commit) = self.feed.as_mut().unwrap().next(Duration::ZERO).unwrap() {
            if let (Some(state), Some(twin)) = (&mut self.state, &mut self.twin) {
                let told = state.apply(&commit).unwrap();
                assert_eq!(told, twin.apply(&commit).unwrap(), "shards tell otherwise what a commit changes");
                told.into_iter().for_each(|c| self.take(c));
                self.forget_dropped();
            }
        }
        let begin = |shards| State::begin(self.store.clone(), self.now, BTreeMap::new(), shards).unwrap();
        let state = self.state.get_or_insert_with(|| begin(1));
        let twin = self.twin.get_or_insert_with(|| begin(3));
        let told = state.advance(self.now).unwrap();
        assert_eq!(told, twin.advance(self.now).unwrap(), "shards tell otherwise what an instant changes");
        told.into_iter().for_each(|c| self.take(c));
    }

    /// That a segment was dropped is told to nobody; one of its name begins with nobody.
    fn forget_dropped(&mut self) {
        let Some(state) = &self.state else { return };
        self.published.retain(|name, _| state.is_followed(name));
    }

    /// The process dies and comes back: from a checkpoint of now or of earlier, and the log from there.
    pub(crate) fn restart(&mut self) {
        let path = self.dir.path().join("segments.state");
        if self.random.below(2) == 0
            && let Some(state) = &self.state
        {
            state.save(&path).unwrap();
        }
        if self.random.below(3) == 0 {
            return;
        }
        // In as many shards as may be.
        let shards = 1 + self.random.below(4) as usize;
        let Some(mut state) = State::restore(self.store.clone(), &path, shards).unwrap() else { return };
        self.restarts += 1;
        if self.random.below(2) == 0 {
            // Nobody follows any more: what comes next is read from the log's files, which say nothing of who was merged.
            self.feed = None;
        }
        self.feed = Some(self.store.feed(state.position()).unwrap());
        while let Some(commit) = self.feed.as_mut().unwrap().next(Duration::ZERO).unwrap() {
            state.apply(&commit).unwrap();
        }
        state.advance(self.now).unwrap();
        self.state = Some(state);
    }

    fn take(&mut self, (segment, commit): Published) {
        let Commit { changes, clock, .. } = commit;
        assert!(clock <= self.now);
        let members = self.published.entry(segment.clone()).or_default();
        for change in changes {
            let [Value::String(key)] = &change.entity[..] else { panic!("{change:?}") };
            let user = people::user(key);
            let really = if change.direction == Direction::Enter { members.insert(user) } else { members.remove(&user) };
            assert!(really, "{segment}: {change:?} changes nothing");
        }
    }

    /// Takes what a state of its own has for what was published.
    pub(crate) fn publish_all(&mut self) {
        let Some(state) = &self.state else { return };
        let keys = self.keys();
        for name in state.following().keys() {
            let members = state.members(name).unwrap().into_iter().map(|o| keys[o as usize]).collect();
            self.published.insert(name.clone(), members);
        }
    }

    fn keys(&self) -> Vec<i64> {
        let entities = self.store.snapshot().unwrap().entities(USER).unwrap();
        entities.key(0).as_string::<i32>().iter().map(|k| k.map_or(-1, people::user)).collect()
    }

    /// Everybody as plain loops know them: ordinal, user, rows, what is known of them, whether they are somebody else now.
    pub(crate) fn everybody(&self) -> Vec<Person> {
        let person = |(ordinal, user): (usize, i64)| {
            let (rows, known) = people::together(&self.people.group(user, &self.users), &self.rows, &self.users);
            Person { ordinal: ordinal as u32, user, rows, known, hidden: self.people.is_hidden(user) }
        };
        self.keys().into_iter().enumerate().filter(|(_, user)| self.users.contains_key(user)).map(person).collect()
    }

    /// Every membership against plain loops; what was published says the same.
    pub(crate) fn check(&mut self, everybody: &[Person], context: &str) {
        let state = self.state.as_ref().unwrap();
        let names: Vec<String> = (0..self.definitions.len()).map(|n| format!("s{n}")).collect();
        let nobody = BTreeSet::new();
        let published: Vec<&BTreeSet<i64>> = names.iter().map(|name| self.published.get(name).unwrap_or(&nobody)).collect();
        for n in &self.dropped {
            assert_eq!(state.members(&names[*n]), None, "{context}: {} was dropped", names[*n]);
        }
        for Person { ordinal, user, rows, known, hidden } in everybody {
            let view = View::new(rows, known, self.now, &self.definitions);
            for n in (0..self.definitions.len()).filter(|n| !self.dropped.contains(n)) {
                let expected = known.known && !hidden && view.is_in(n);
                let found = state.has(&names[n], *ordinal);
                let told = published[n].contains(user);
                self.checked += 1;
                assert!(
                    expected == found && found == told,
                    "{context}: user {user} in {} at {}: expected {expected}, found {found}, published {told}\n{} GRACE {}\n{:?}\n{rows:#?}",
                    names[n],
                    self.now,
                    self.definitions[n].condition.text(),
                    self.definitions[n].grace,
                    known,
                );
            }
        }
    }

    /// Every membership against the query.
    pub(crate) fn check_query(&self, context: &str) {
        let snapshot = self.store.snapshot().unwrap();
        let state = self.state.as_ref().unwrap();
        let settings = eql_planner::Settings::alone(self.now, 1, 64 << 20);
        let planner = eql_planner::Planner::new(snapshot.clone(), settings);
        for name in state.following().keys() {
            let definition = eql_compiler::membership(snapshot.catalog(), name).unwrap();
            let members = eql_planner::live::members(&planner, &definition).unwrap();
            let expected: Vec<u32> = (0..members.len() as u32).filter(|o| members[*o as usize]).collect();
            assert_eq!(state.members(name).unwrap(), expected, "{context}: {name} at {}", self.now);
        }
    }
}
