//! Rows in parts and rows in memory are one timeline: however events are split between the two, every question has one answer.
#![allow(clippy::unwrap_used)]

use eql_store::{Store, StoreOptions};
use eql_tests::Small;
use proptest::prelude::*;
use std::fmt::Write;

const SETUP: &str = "SET now = '2026-02-01T00:00:00Z';
DEFINE ENTITY product KEY product_id STRING (kind STRING);
DEFINE ENTITY user KEY user_id STRING (city STRING);
DEFINE EVENT view OF user, product (page STRING);
DEFINE EVENT cart OF user, product ();
DEFINE EVENT buy OF user, product (amount DOUBLE);
DEFINE EVENT out OF user ();
DEFINE SESSION visit OF user OVER ANY EVENT TIMEOUT 30 minutes;";

const USERS: &str = r#"{"user_id":"u0","city":"Rome"}
{"user_id":"u1","city":"Oslo"}
{"user_id":"u2","city":"Rome"}"#;

const QUESTIONS: &[&str] = &[
    "FUNNEL view -> cart -> buy WITHIN 2 hours DURING all time",
    "FUNNEL view -> cart -> buy WITHIN 2 hours DURING all time BREAKDOWN BY user.city",
    "FUNNEL view -> buy IN ANY ORDER WITHIN 3 hours DURING all time EVERY day",
    "FUNNEL view -> cart -> buy WITHIN 1 day DURING all time SHOW ENTITIES",
    "RETENTION FIRST TIME STARTING view RETURNING buy FOR 3 days EVERY day DURING all time",
    "RETENTION STARTING view RETURNING view FOR 2 days EVERY day DURING all time BREAKDOWN BY user.city",
    "SEQUENCE view -> WITHIN 1 hour cart -> NOT WITHIN 1 hour buy DURING all time",
    "FIND user WHERE DID view -> WITHIN 1 hour cart -> NOT WITHIN 1 hour buy DURING all time SHOW user_id",
    "FIND user SHOW user_id, count(view) AS n, sum(buy.amount) AS s, last(view.page) AS p, first(buy.time) AS t ORDER BY user_id",
    "FIND product SHOW product_id, count(view) AS n, count(buy) AS b ORDER BY product_id",
    "SESSIONS visit MEASURE count(*) AS n, sum(duration) AS s, avg(depth) AS d DURING all time",
    "SESSIONS visit SHOW user_id, started_at, depth, entry, exit DURING all time ORDER BY user_id, started_at",
    "PATHS BY SESSION visit DURING all time ORDER BY path",
    "PATHS BY SESSION visit SHOW EDGES KEEP REPEATS DURING all time ORDER BY step, source, target",
    "INTERVALS STARTING view ENDING buy WITHIN 1 day DURING all time",
    "ATTRIBUTION GOAL buy TOUCHES view, cart MODEL linear LOOKBACK 1 day DURING all time |> SELECT touch, touches",
    "ATTRIBUTION GOAL buy TOUCHES view, cart MODEL first LOOKBACK 1 day DURING all time MEASURE sum(buy.amount) AS s",
    "ATTRIBUTION GOAL buy TOUCHES [view WHERE page = 'p1'] MODEL last LOOKBACK 1 day DURING all time",
    "TREND count(view), users(view), sum(buy.amount) EVERY day DURING '2026-01-01' TO '2026-01-04'",
    "LIFECYCLE view EVERY day DURING '2026-01-01' TO '2026-01-04'",
    "SELECT user_id, page, count(*) AS n FROM view GROUP BY user_id, page ORDER BY user_id, page",
];

#[derive(Debug, Clone)]
struct Event {
    kind: usize,
    user: usize,
    product: usize,
    minute: u32,
}

fn event() -> impl Strategy<Value = Event> {
    (0usize..4, 0usize..5, 0usize..3, 0u32..4000).prop_map(|(kind, user, product, minute)| Event { kind, user, product, minute })
}

fn lines(events: &[Event], first: usize) -> String {
    let mut out = String::new();
    for (i, e) in events.iter().enumerate() {
        let name = ["view", "cart", "buy", "out"][e.kind];
        // Minutes by threes, so that times meet.
        let minute = e.minute / 3 * 3;
        let (day, hour) = (1 + minute / 1440, minute % 1440 / 60);
        let own = ["\"page\":\"p{}\",", "", "\"amount\":{}.5,", ""][e.kind].replace("{}", &(e.minute % 3).to_string());
        let product = if e.kind == 3 { String::new() } else { format!("\"product_id\":\"x{}\",", e.product) };
        let time = format!("2026-01-{day:02}T{hour:02}:{:02}:00Z", minute % 60);
        let id = first + i;
        writeln!(out, r#"{{"event":"{name}",{own}{product}"user_id":"u{}","time":"{time}","event_id":"e{id:04}"}}"#, e.user).unwrap();
    }
    out
}

fn answers(world: &mut Small) -> Vec<String> {
    world.ask("SET now = '2026-02-01T00:00:00Z'").unwrap();
    let one = |q: &&str| format!("{q}\n{:?}", world.ask(q).unwrap_or_else(|e| panic!("{q}: {e}")));
    QUESTIONS.iter().map(one).collect()
}

fn started() -> Small {
    let mut world = Small::new();
    world.ask(SETUP).unwrap();
    world.import(Some("user"), USERS).unwrap();
    world
}

fn checkpointed(world: Small) -> Small {
    world.reopen_after(|data| {
        let store = Store::open(data, StoreOptions::default()).unwrap();
        store.checkpoint().unwrap();
        store.close().unwrap();
    })
}

#[test]
fn a_text_outside_the_question_does_not_fail_it() {
    let world = started();
    let events: Vec<Event> = (0..600).map(|i| Event { kind: 0, user: i % 5, product: 0, minute: (i * 3) as u32 }).collect();
    // Pages are p0; of the last day one is a number, and only its day is asked.
    let text = lines(&events, 0).replace("\"p0\"", "\"7\"");
    let odd = r#"{"event":"view","page":"seven","user_id":"u1","product_id":"x0","time":"2026-01-20T00:00:00Z","event_id":"odd"}"#;
    world.import(None, &format!("{text}{odd}\n")).unwrap();
    let mut world = checkpointed(world);
    world.ask("SET now = '2026-02-01T00:00:00Z'").unwrap();
    // By text, of 256 rows and more.
    let asked = "FIND user WHERE DID [view WHERE CAST(page AS BIGINT) = 7] DURING '2026-01-01' TO '2026-01-02' SHOW user_id";
    assert_eq!(world.ask(asked).unwrap().rows.len(), 5);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_and_parts_are_one_timeline(events in prop::collection::vec(event(), 60..120), recent in 1usize..12) {
        let settled = &events[..events.len() - recent];
        let mut all = started();
        all.import(None, &lines(&events, 0)).unwrap();
        let expected = answers(&mut all);
        let split = started();
        split.import(None, &lines(settled, 0)).unwrap();
        let mut split = checkpointed(split);
        split.import(None, &lines(&events[settled.len()..], settled.len())).unwrap();
        for (found, expected) in answers(&mut split).iter().zip(&expected) {
            prop_assert_eq!(found, expected);
        }
        // And as parts alone.
        for (found, expected) in answers(&mut checkpointed(split)).iter().zip(&expected) {
            prop_assert_eq!(found, expected);
        }
    }
}
