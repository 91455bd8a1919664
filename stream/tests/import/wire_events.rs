//! Events over the wire.

use crate::wire::{counts, events, ingest, said, submit};
use crate::world::World;
use eql_catalog::{Change, Object};
use eql_store::{Store, StoreOptions};
use eql_stream::{Ingest, IngestError, IngestLimits};
use std::sync::Arc;

const PURCHASE: &str = r#"{"event":"purchase","id":"p1","time":"2024-03-01T12:00:00Z","user_id":"ada","product_id":7,"properties":{"amount":"12.50","quantity":2}}"#;

#[test]
fn events_of_several_types_keep_their_order() {
    let world = World::shop();
    let ingest = ingest(&world);
    let body = format!(
        "[{PURCHASE},{},{},{}]",
        r#"{"event":"visit","id":1,"time":1709294400123,"user_id":"ada","page":"/a","properties":{"page":"/b"}}"#,
        r#"{"event":"purchase","id":"p2","time":"2024-03-02","user_id":"bob","amount":1,"properties":{"color":"red","tags":[1,{"a":null}]}}"#,
        r#"{"event":"ride","id":"r","time":"2024-03-02 01:02:03.5","user_id":"ada","origin_station_id":"north"}"#
    );
    let answer = events(&ingest, &body);
    assert_eq!((counts(&answer), answer.position), ((4, 0, 0), world.store.position()));
    assert_eq!(
        world.events("purchase", &["sequence", "event_id", "time", "user_id", "product_id", "amount", "quantity", "extra"]),
        [
            "0 | p1 | 2024-03-01T12:00:00Z | ada | 7 | 12.50 | 2 | NULL",
            "2 | p2 | 2024-03-02T00:00:00Z | bob | NULL | 1.00 | NULL | {\"color\":\"red\",\"tags\":[1,{\"a\":null}]}"
        ]
    );
    assert_eq!(world.events("visit", &["sequence", "event_id", "time", "page"]), ["1 | 1 | 2024-03-01T12:00:00.123Z | /b"]);
    assert_eq!(
        world.events("ride", &["sequence", "time", "origin_station_id", "destination_station_id"]),
        ["3 | 2024-03-02T01:02:03.500Z | north | NULL"]
    );
    assert_eq!(counts(&events(&ingest, &body)), (0, 4, 0));
}

#[test]
fn one_bad_row_never_loses_its_neighbours() {
    let world = World::shop();
    let ingest = ingest(&world);
    let lines = [
        PURCHASE,
        r#"{"event":"purchase","id":"a","user_id":"ada","properties":{"quantity":"many"}}"#,
        r#"{"event":"purchse","id":"b","user_id":"ada"}"#,
        r#"{"event":"purchase","id":"c""#,
        r#"{"id":"d","user_id":"ada"}"#,
        r#"{"event":"purchase","id":"e","time":"yesterday"}"#,
        r#"{"event":"purchase","id":"f","identities":{"user":{"$cookie":"x"}}}"#,
        r#"{"event":"purchase","id":"g","properties":[1]}"#,
        r#"{"event":"purchase","id":true}"#,
        r#"{"event":"purchase","id":"h","delete":"yes"}"#,
        r#"{"event":"purchase","delete":true}"#,
        r#"{"event":"purchase","id":"p1","correct":true}"#,
        r#"{"event":"purchase","id":"p1","correct":true,"delete":true}"#,
        r#"{"event":7}"#,
        r#"{"event":"purchase","id":"i","product_id":"seven"}"#,
        r#"{"event":"visit","id":"v","user_id":"ada","properties":{"page":"/"}}"#,
    ];
    let answer = events(&ingest, &lines.join("\n"));
    assert_eq!(counts(&answer), (2, 0, 14));
    assert_eq!(
        said(&answer),
        [
            "1 wrong_type: property `quantity` of event `purchase`: `many` does not fit BIGINT",
            "2 unknown_event: no event `purchse` is defined; the nearest is `purchase`",
            "3 malformed: the record is no JSON object: a comma or closing brace is missing",
            "4 missing: `event`, the name of the event, is missing",
            "5 wrong_type: `time`: `yesterday` does not fit a time: RFC 3339, `YYYY-MM-DD hh:mm:ss`, or milliseconds since 1970",
            "6 unknown_identity: entity `user` declares no identity `$cookie`; name it in IDENTITIES of its DEFINE ENTITY first",
            "7 malformed: the record is no JSON object: `properties` is not an object",
            "8 wrong_type: `id`: `true` does not fit a text or a whole number",
            "9 wrong_type: `delete`: `yes` does not fit true or false",
            "10 missing: the `id` of the event to delete or correct is missing",
            "11 missing: the `time` of the event to delete or correct is missing",
            "12 invalid: a record either deletes or corrects",
            "13 wrong_type: `event`: `7` does not fit the name of an event",
            "14 wrong_type: key `product_id` of event `purchase`: `seven` does not fit BIGINT",
        ]
    );
    assert_eq!(world.events("purchase", &["event_id"]), ["p1"]);
    let snapshot = world.store.snapshot().unwrap();
    let kept: Vec<_> = snapshot.rejected().collect();
    assert_eq!((kept.len(), kept[0].index, kept[0].id.as_deref(), kept[0].target.as_str()), (14, 1, Some("a"), "events"));
    assert_eq!((kept[2].record.as_str(), kept[2].id.as_deref(), kept[1].code.as_str()), (lines[3], None, "unknown_event"));
}

#[test]
fn events_are_corrected_and_deleted_in_the_order_of_their_call() {
    let world = World::shop();
    let ingest = ingest(&world);
    let visit = |id: &str, rest: &str| format!("{{\"event\":\"visit\",\"id\":\"{id}\",\"time\":\"2024-03-01\"{rest}}}");
    let page = |n: u32| format!(",\"user_id\":\"ada\",\"page\":\"/{n}\"");
    let first = [visit("a", &page(1)), visit("b", &page(1)), visit("c", &page(1))].join("\n");
    assert_eq!(counts(&events(&ingest, &first)), (3, 0, 0));
    let corrected = format!("{},\"correct\":true", page(2));
    let second = [
        visit("a", &corrected),
        visit("b", ",\"delete\":true"),
        visit("b", &page(3)),
        visit("new", &corrected),
        visit("c", ",\"delete\":true"),
        visit("nobody", ",\"delete\":true"),
        visit("a", &page(4)),
    ];
    let answer = events(&ingest, &second.join("\n"));
    assert_eq!((counts(&answer), answer.position), ((6, 1, 0), world.store.position()));
    let mut found = world.events("visit", &["event_id", "page"]);
    found.sort();
    assert_eq!(found, ["a | /2", "b | /3", "new | /2"]);
    let flood: String = (0..200).map(|n| visit("a", if n % 2 == 0 { ",\"delete\":true" } else { "" }) + "\n").collect();
    let answer = events(&ingest, &flood);
    assert!(said(&answer)[0].contains("switches too often"), "{:?}", said(&answer).first());
}

#[test]
fn rows_without_an_id_are_known_by_their_content() {
    let world = World::shop();
    let ingest = ingest(&world);
    let dated = r#"{"event":"visit","time":"2024-03-01T12:00:00Z","user_id":"ada","page":"/"}"#;
    let twice = format!("{dated}\n{dated}\n");
    assert_eq!(counts(&events(&ingest, &twice)), (2, 0, 0));
    assert_eq!(counts(&events(&ingest, &twice)), (0, 2, 0));
    assert_eq!(counts(&events(&ingest, dated)), (0, 1, 0));
    // Without a time each call is an event of its own.
    let undated = r#"{"event":"visit","user_id":"ada","page":"/"}"#;
    let answers: Vec<_> = (0..20).map(|_| submit(&ingest, None, undated)).collect();
    assert!(answers.iter().all(|a| counts(&a.recv().unwrap().unwrap()) == (1, 0, 0)));
}

#[test]
fn an_import_and_the_wire_make_the_same_ids() {
    let world = World::shop();
    let line = r#"{"event":"purchase","time":"2024-03-01T12:00:00Z","user_id":"ada","product_id":7,"amount":"12.50"}"#;
    world.import("events", "a.ndjson", line);
    assert_eq!(counts(&events(&ingest(&world), line)), (0, 1, 0));
}

#[test]
fn each_caller_gets_its_own_answer() {
    let world = World::shop();
    let ingest = ingest(&world);
    let row = |call: usize, row: usize| format!("{{\"event\":\"visit\",\"id\":\"{}\",\"user_id\":\"u{call}\"}}\n", call / 2 * 10 + row);
    let bad = "{\"event\":\"nothing\"}\n";
    // Two calls share their ids: together they are accepted once, whatever group they come in.
    let bodies: Vec<String> = (0..200).map(|c| (0..3).map(|r| row(c, r)).collect::<String>() + &bad.repeat(c % 3)).collect();
    let answers: Vec<_> = bodies.iter().map(|b| submit(&ingest, None, b)).collect();
    let answers: Vec<_> = answers.into_iter().map(|a| a.recv().unwrap().unwrap()).collect();
    for (call, answer) in answers.iter().enumerate() {
        assert_eq!((answer.accepted + answer.duplicates, answer.rejected.len()), (3, call % 3), "{call}");
        assert!(answer.rejected.iter().all(|r| r.index >= 3));
    }
    for pair in answers.chunks(2) {
        assert_eq!(pair[0].accepted + pair[1].accepted, 3);
    }
    assert_eq!(world.rows("visit").len(), 300);
}

#[test]
fn long_bodies_and_short_ones_are_taken_alike() {
    let world = World::shop();
    let ingest = ingest(&world);
    let body: String = (0..3000)
        .map(|n| format!("{{\"event\":\"visit\",\"id\":\"{n}\",\"user_id\":\"u{}\",\"properties\":{{\"page\":\"/{n}\"}}}}\n", n % 7))
        .collect();
    assert!(ingest.is_long(body.as_bytes()) && !ingest.is_long(PURCHASE.as_bytes()));
    let (long, short) = (submit(&ingest, None, &body), submit(&ingest, None, PURCHASE));
    assert_eq!(counts(&long.recv().unwrap().unwrap()), (3000, 0, 0));
    assert_eq!(counts(&short.recv().unwrap().unwrap()), (1, 0, 0));
    assert_eq!(world.events("visit", &["event_id"])[2999], "2999");
}

#[test]
fn times_ahead_of_the_clock_are_set_back_and_flagged() {
    let world = World::shop();
    let ingest = ingest(&world);
    let ahead = r#"{"event":"visit","time":"2999-01-01T00:00:00Z","user_id":"ada","properties":{"x":1}}"#;
    let answer = events(&ingest, ahead);
    assert_eq!((answer.accepted, answer.clamped), (1, 1));
    let row = &world.events("visit", &["time", "received_at", "extra"])[0];
    let parts: Vec<&str> = row.split(" | ").collect();
    assert_eq!(parts[0], parts[1]);
    assert_eq!(parts[2], r#"{"x":1,"$time_clamped_from":"2999-01-01T00:00:00Z"}"#);
    // Sent again it is the same event, although the clock went on.
    let again = events(&ingest, ahead);
    assert_eq!((counts(&again), again.clamped), ((0, 1, 0), 0));
    assert_eq!(events(&ingest, PURCHASE).clamped, 0);
}

#[test]
fn a_default_belongs_to_the_row_that_says_nothing() {
    let world = World::shop();
    let mut visit = (**world.store.catalog().event("visit").unwrap()).clone();
    visit.properties[0].default = Some("'home'".into());
    world.put(Object::Event(visit));
    let body =
        "{\"event\":\"visit\",\"id\":1,\"page\":\"/\"}\n{\"event\":\"visit\",\"id\":2}\n{\"event\":\"visit\",\"id\":3,\"page\":null}";
    assert_eq!(counts(&events(&ingest(&world), body)), (3, 0, 0));
    assert_eq!(world.events("visit", &["page"]), ["/", "home", "NULL"]);
}

#[test]
fn what_is_undeclared_is_kept_once() {
    let world = World::shop();
    let body = r#"{"event":"visit","id":1,"received_at":"2020-01-01","user_id":"top","b":1,"a":2,"properties":{"a":3,"user_id":"deep","a":4,"c":null}}"#;
    assert_eq!(counts(&events(&ingest(&world), body)), (1, 0, 0));
    assert_eq!(world.events("visit", &["user_id", "extra"]), [r#"top | {"received_at":"2020-01-01","b":1,"a":4}"#]);
}

#[test]
fn a_full_queue_refuses_and_a_closed_one_too() {
    let world = World::shop();
    let limits = IngestLimits { queue_rows: 10, ..IngestLimits::default() };
    let ingest = Ingest::start(world.store.clone(), limits).unwrap();
    let place = ingest.reserve("\n".repeat(9).as_bytes()).unwrap();
    assert!(matches!(ingest.reserve(b"x"), Err(IngestError::Full(_))));
    drop(place);
    assert_eq!(ingest.stats().rows, 0);
    ingest.close();
    assert!(matches!(submit(&ingest, None, PURCHASE).recv().unwrap(), Err(IngestError::Closed)));
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart() {
    let world = World::shop();
    let ingest = ingest(&world);
    assert_eq!(counts(&events(&ingest, PURCHASE)), (1, 0, 0));
    drop(ingest);
    let World { store, dir } = world;
    drop(Arc::into_inner(store).unwrap());
    let store = Arc::new(Store::open(&dir.path().join("data"), StoreOptions::default()).unwrap());
    let world = World { store, dir };
    assert_eq!(counts(&events(&crate::wire::ingest(&world), PURCHASE)), (0, 1, 0));
    assert_eq!(world.events("purchase", &["event_id", "user_id"]), ["p1 | ada"]);
}

#[test]
fn definitions_may_change_while_rows_arrive() {
    let world = World::shop();
    let ingest = ingest(&world);
    let mut visit = (**world.store.catalog().event("visit").unwrap()).clone();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..50 {
                visit.comment = Some(n.to_string());
                world.store.define(Change::Put(Box::new(Object::Event(visit.clone())))).unwrap();
            }
        });
        for n in 0..100 {
            let answer = submit(&ingest, None, &format!("{{\"event\":\"visit\",\"id\":{n}}}")).recv().unwrap();
            assert!(matches!(answer, Ok(_) | Err(IngestError::Full(_))), "{answer:?}");
        }
    });
    assert!(world.rows("visit").len() > 50);
}
