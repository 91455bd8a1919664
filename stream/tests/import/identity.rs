//! Importing again changes nothing.

use crate::world::{World, messages};

const CSV: &str = "user_id,time,page\nu,2021-01-01,p\nu,2021-01-01,p\nu,2021-01-01,q\n";

#[test]
fn rows_without_an_id_are_told_apart_by_content_and_ordinal() {
    let world = World::shop();
    let first = world.import("visit", "a.csv", CSV);
    assert_eq!((first.accepted, first.duplicates), (3, 0));
    let again = world.import("visit", "a.csv", CSV);
    assert_eq!((again.accepted, again.duplicates), (0, 3));
    let ids = world.events("visit", &["event_id"]);
    assert_eq!((ids.len(), ids[0].len()), (3, 32));
    // The same rows as JSON, with columns in another order, are the same events.
    let json = "{\"page\":\"p\",\"user_id\":\"u\",\"time\":\"2021-01-01T00:00:00Z\"}\n";
    assert_eq!(world.import("visit", "a.ndjson", json).duplicates, 1);
    // And so they are in a mixed file.
    assert_eq!(world.import("events", "b.csv", "event,user_id,time,page,amount\nvisit,u,2021-01-01,q,\n").duplicates, 1);
}

#[test]
fn a_repaired_file_adds_what_was_missing() {
    let world = World::shop();
    assert_eq!(world.import("visit", "a.csv", "user_id,time,page\nu,oops,p\nu,2021-01-01,p\n").accepted, 1);
    let report = world.import("visit", "a.csv", "user_id,time,page\nu,2021-01-01,p\nu,2021-01-01,p\n");
    assert_eq!((report.accepted, report.duplicates), (1, 1));
}

#[test]
fn ids_come_from_one_column_or_several() {
    let world = World::shop();
    world.import("visit", "a.csv", "user_id,time,event_id\nu,2021-01-01,e1\nu,2021-01-02,e1\nu,2021-01-03,\n");
    let ids = world.events("visit", &["event_id"]);
    assert_eq!((ids.len(), ids[0].as_str(), ids[1].len()), (2, "e1", 32));

    let world = World::shop();
    let mut request = world.request(
        "purchase",
        "a.csv",
        "user_id,time,product_id,quantity\nu,2021-01-01,7,1\nu,2021-01-02,7,2\nu,2021-01-03,7,1\n,2021-01-03,,1\n",
    );
    request.id = vec!["product_id".into(), "quantity".into()];
    let report = world.run(request).unwrap();
    assert_eq!((report.accepted, report.duplicates), (3, 1));
    assert_eq!(world.events("purchase", &["event_id", "product_id", "quantity"]), ["7,1 | 7 | 1", "7,2 | 7 | 2", ",1 | NULL | 1"]);
}

#[test]
fn an_id_that_is_asked_for_is_required() {
    let world = World::shop();
    let mut request = world.request("visit", "a.csv", "user_id,time,no\nu,2021-01-01,-12\nu,2021-01-01,\n");
    request.id = vec!["no".into()];
    request.strict = true;
    let report = world.run(request).unwrap();
    assert_eq!(messages(&report), ["2 no: the event id is missing (line 3)"]);
    assert_eq!(world.events("visit", &["event_id", "extra"]), ["-12 | NULL"]);
}

#[test]
fn json_that_lacks_the_id_has_no_id() {
    let world = World::shop();
    let mut request = world.request("purchase", "a.ndjson", r#"{"user_id":"u","time":0,"product_id":7}"#);
    request.id = vec!["product_id".into(), "no".into()];
    let report = world.run(request).unwrap();
    assert_eq!(report.notes, ["no row has the column `no` that --id names"]);
    assert_eq!(world.events("purchase", &["event_id"]), ["7,"]);
    let mut request = world.request("purchase", "a.ndjson", r#"{"user_id":"u","time":0,"product_id":7}"#);
    request.id = vec!["no".into()];
    assert_eq!(messages(&world.run(request).unwrap()), ["1 -: the event id is missing (line 1)"]);
    world.import("visit", "b.ndjson", "{\"user_id\":\"u\",\"time\":0,\"event_id\":\"\"}\n{\"user_id\":\"v\",\"time\":0,\"event_id\":\"\"}");
    assert_eq!(world.rows("visit").len(), 2);
}
