//! `--define`.

use crate::world::{World, messages};
use eql_stream::{ImportError, ImportReport, ImportRequest};

fn define(world: &World, mut request: ImportRequest) -> Result<ImportReport, ImportError> {
    request.define = true;
    world.run(request)
}

#[test]
fn undeclared_columns_become_properties() {
    let world = World::shop();
    let csv = "user_id,time,page,seconds,ratio,code,seen,empty\nu,2021-01-01,p,3,0.5,007,2021-01-01,\nu,2021-01-01,p,,2,x,,\n";
    let report = define(&world, world.request("visit", "a.csv", csv)).unwrap();
    let text = "DEFINE EVENT visit OF user (page STRING, seconds BIGINT, ratio DOUBLE, code STRING, seen DATE)";
    assert_eq!(report.defined, [text]);
    assert_eq!(world.store.catalog().event("visit").unwrap().definition, text);
    assert_eq!(
        world.events("visit", &["seconds", "ratio", "code", "seen", "extra"]),
        ["3 | 0.5 | 007 | 2021-01-01 | NULL", "NULL | 2.0 | x | NULL | NULL"]
    );
    let report =
        define(&world, world.request("user", "u.ndjson", r#"{"user_id":"u","tags":["a"],"since":"2021-01-01T00:00:00Z","more":{"a":1}}"#))
            .unwrap();
    let text =
        "DEFINE ENTITY user KEY user_id STRING (city STRING, age BIGINT, vip BOOLEAN, tags LIST<STRING>, since TIMESTAMP, more JSON)";
    assert_eq!(report.defined, [text]);
    assert_eq!(world.entities("user", &["tags", "since", "more"]), ["[a] | 2021-01-01T00:00:00Z | {\"a\":1}"]);
}

#[test]
fn entities_and_events_are_created() {
    let world = World::empty();
    let report = define(&world, world.request("shopper", "s.csv", "name,shopper_id,big spender\nAnn,1,true\n")).unwrap();
    assert_eq!(report.defined, ["DEFINE ENTITY shopper KEY shopper_id BIGINT (name STRING, `big spender` BOOLEAN)"]);
    assert_eq!(world.entities("shopper", &["shopper_id", "name"]), ["1 | Ann"]);
    define(&world, world.request("shop", "t.csv", "shop_id\nx\n")).unwrap();

    let report = define(&world, world.request("sale", "e.csv", "time,value,shop_id,shopper_id\n2021-01-01,1.5,x,1\n")).unwrap();
    assert_eq!(report.defined, ["DEFINE EVENT sale OF shop, shopper (value DOUBLE)"]);
    assert_eq!(world.events("sale", &["shop_id", "shopper_id", "value"]), ["x | 1 | 1.5"]);

    let csv = "event,time,shopper_id,page,value\nvisit,2021-01-01,1,home,\nsale,2021-01-02,1,,2\n";
    let report = define(&world, world.request("events", "m.csv", csv)).unwrap();
    assert_eq!(report.defined, ["DEFINE EVENT visit OF shopper (page STRING)"]);
    assert_eq!(world.events("sale", &["value"]), ["1.5", "2.0"]);
}

#[test]
fn an_event_without_known_participants_is_not_guessed() {
    let world = World::empty();
    let error = define(&world, world.request("sale", "e.csv", "time,value\n2021-01-01,1.5\n")).unwrap_err();
    assert!(matches!(error, ImportError::NoParticipants { .. }), "{error}");
}

#[test]
fn what_a_later_row_does_not_fit_is_rejected() {
    let world = World::shop();
    let mut csv = String::from("user_id,time,n\n");
    (0..140_000).for_each(|i| csv += &format!("u,2021-01-01,{i}\n"));
    csv += "u,2021-01-01,many\n";
    let report = define(&world, world.request("visit", "a.csv", csv)).unwrap();
    assert_eq!(messages(&report), ["140001 n: `many` does not fit BIGINT (line 140002)"]);
    assert_eq!(report.accepted, 140_000);
}
