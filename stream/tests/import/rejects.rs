//! Bad rows among good ones, and requests that cannot be met.

use crate::world::{World, messages};
use eql_stream::{ImportError, Input, Received, Target};

#[test]
fn ten_bad_rows_among_many_are_ten_rejects() {
    let world = World::shop();
    let mut csv = String::from("user_id,time,page,event_id\n");
    for i in 0..300_000 {
        match i % 30_000 {
            777 => csv += "u,not a time,p\n",
            _ => csv += &format!("u{},2021-01-01,p,{i}\n", i % 100),
        }
    }
    let report = world.import("visit", "a.csv", csv);
    assert_eq!((report.rows, report.accepted, report.rejected), (300_000, 299_990, 10));
    assert_eq!(
        messages(&report)[..2],
        ["778 -: 3 fields, but the header has 4 (line 779)", "30778 -: 3 fields, but the header has 4 (line 30779)"]
    );
    assert_eq!(world.rows("visit").len(), 299_990);
}

#[test]
fn a_quote_that_is_never_closed_costs_one_row() {
    let world = World::shop();
    let csv =
        "user_id,time,page\na,2021-01-01,\"two\nlines\"\nb,2021-01-01,\"open\nc,2021-01-01,x\nd,2021-01-01,\"x\"y\ne,2021-01-01,5\" disk\n";
    let report = world.import("visit", "a.csv", csv);
    let expected = ["2 -: a quote is opened and never closed (line 4)", "4 -: text follows a closing quote (line 6)"];
    assert_eq!(messages(&report), ["2 -: text follows a closing quote (line 4)", expected[1]]);
    assert_eq!(world.events("visit", &["user_id", "page"]), ["a | two\nlines", "c | x", "e | 5\" disk"]);
    let report = world.import("visit", "b.csv", "user_id,time,page\nf,2021-01-01,\"open\ng,2021-01-01,x\n");
    assert_eq!(messages(&report), ["1 -: a quote is opened and never closed (line 2)"]);
    assert_eq!(report.accepted, 1);
}

#[test]
fn malformed_json_and_text_are_rejected_by_line() {
    let world = World::shop();
    let lines = b"{\"user_id\":\"a\",\"time\":0}\n{\"user_id\":\"b\",\"time\":0\nnonsense\n[1]\n{\"user_id\":\"\xff\",\"time\":0}\n{\"user_id\":\"c\",\"time\":0}\n";
    let report = world.import("visit", "a.ndjson", lines);
    let expected = [
        "2 -: malformed JSON: a comma or closing brace is missing (line 2)",
        "3 -: malformed JSON: the value is not an object (line 3)",
        "4 -: malformed JSON: the value is not an object (line 4)",
        "5 -: malformed JSON: the text is not UTF-8 (line 5)",
    ];
    assert_eq!(messages(&report), expected);
    assert_eq!(report.accepted, 2);
    let report = world.import("visit", "a.json", "[{\"user_id\":\"d\",\"time\":0},{\"user_id\":},7,{\"user_id\":\"e\",\"time\":0}]");
    assert_eq!((report.accepted, report.rejected), (2, 2));
    let report = world.import("visit", "b.csv", b"user_id,time\n\xff,2021-01-01\nf,2021-01-01\n");
    assert_eq!((report.accepted, messages(&report)), (1, vec!["1 -: the line is not UTF-8 (line 2)".to_string()]));
}

#[test]
fn an_event_needs_a_time_and_may_lack_participants() {
    let world = World::shop();
    let report = world.import("purchase", "a.csv", "user_id,time,amount\n,2021-01-01,1\nu,,2\n");
    assert_eq!(messages(&report), ["2 time: the time is missing (line 3)"]);
    assert_eq!(report.notes, ["no column `product_id`: no `purchase` of this import names its `product`"]);
    assert_eq!(world.events("purchase", &["user_id", "product_id", "amount"]), ["NULL | NULL | 1.00"]);
}

#[test]
fn a_composite_participant_is_complete_or_absent() {
    let world = World::shop();
    assert_eq!(world.import("line_scan", "a.csv", "basket_id,line,time\n1,2,2021-01-01\n1,,2021-01-02\n,,2021-01-03\n").accepted, 3);
    assert_eq!(world.events("line_scan", &["basket_id", "line"]), ["1 | 2", "NULL | NULL", "NULL | NULL"]);
}

#[test]
fn undeclared_values_go_to_extra_or_reject_when_strict() {
    let csv = "user_id,time,page,colour,size\nu,2021-01-01,p,red,\nv,2021-01-01,p,,\n";
    let world = World::shop();
    let report = world.import("visit", "a.csv", csv);
    assert_eq!(report.notes, ["column `colour` is not declared: 1 value went to extra"]);
    assert_eq!(world.events("visit", &["extra"]), ["{\"colour\":\"red\"}", "NULL"]);

    let world = World::shop();
    let mut request = world.request("visit", "a.csv", csv);
    request.strict = true;
    let report = world.run(request).unwrap();
    assert_eq!(messages(&report), ["1 colour: `red` is in a column that event `visit` does not declare (line 2)"]);
    assert_eq!(world.events("visit", &["user_id"]), ["v"]);
}

#[test]
fn extra_keeps_the_json_types_and_merges_what_an_export_wrote() {
    let world = World::shop();
    world.import(
        "visit",
        "a.ndjson",
        r#"{"user_id":"u","time":0,"n":1,"x":1.5,"l":[1,"a"],"o":{"k":null},"t":"a\"b","extra":{"old":true}}"#,
    );
    assert_eq!(world.events("visit", &["extra"]), [r#"{"n":1,"x":1.5,"l":[1,"a"],"o":{"k":null},"t":"a\"b","old":true}"#]);
}

#[test]
fn columns_are_mapped_and_may_feed_two_names() {
    let world = World::shop();
    let mut request = world.request("purchase", "a.csv", "who,ts,amount,qty\nu,2021-01-01,1.5,2\n");
    request.map =
        [("who", "user_id"), ("ts", "time"), ("qty", "quantity"), ("qty", "product_id")].map(|(a, b)| (a.into(), b.into())).to_vec();
    assert_eq!(world.run(request).unwrap().notes, Vec::<String>::new());
    assert_eq!(world.events("purchase", &["user_id", "product_id", "quantity", "amount"]), ["u | 2 | 2 | 1.50"]);
}

#[test]
fn the_column_of_time_may_feed_a_day() {
    let world = World::shop();
    let mut request = world.request("thing", "a.csv", "user_id,started\nu,2021-01-02T03:00:00Z\nu,2021-01-02 03:00:00\n");
    request.map = [("started", "time"), ("started", "day")].map(|(a, b)| (a.into(), b.into())).to_vec();
    request.time_zone = chrono_tz::America::New_York;
    world.run(request).unwrap();
    assert_eq!(world.events("thing", &["day"]), ["2021-01-01", "2021-01-02"]);
    // Another time is a day only at midnight.
    let report = world.import("thing", "b.csv", "user_id,time,day\nu,2021-01-02,2021-01-02 03:00:00\n");
    assert_eq!(report.rejected, 1);
}

#[test]
fn arrival_is_the_event_time_unless_said_otherwise() {
    let world = World::shop();
    let csv = "user_id,time,seen\na,2021-01-01,2021-02-01\nb,2021-01-01,\n";
    world.import("visit", "a.csv", csv);
    assert_eq!(world.events("visit", &["received_at"]), ["2021-01-01T00:00:00Z", "2021-01-01T00:00:00Z"]);
    let world = World::shop();
    let mut request = world.request("visit", "a.csv", csv);
    request.received = Received::Column("seen".into());
    assert_eq!(world.run(request).unwrap().notes, Vec::<String>::new());
    assert_eq!(world.events("visit", &["received_at"]), ["2021-02-01T00:00:00Z", "2021-01-01T00:00:00Z"]);
    let world = World::shop();
    let mut request = world.request("visit", "a.csv", csv);
    request.received = Received::Now;
    world.run(request).unwrap();
    assert!(world.events("visit", &["received_at"]).iter().all(|t| t.as_str() > "2024"));
}

#[test]
fn requests_that_cannot_be_met_say_what_to_do() {
    let world = World::shop();
    let error = |request| world.run(request).unwrap_err().to_string();
    assert_eq!(
        error(world.request("visit", "a.csv", "user_id,ts\nu,2021-01-01\n")).replace(&world.dir.path().display().to_string(), ""),
        "`/a.csv` has no column `time`; its columns are `user_id`, `ts`; say which one holds the time with `--map ts=time`"
    );
    assert!(error(world.request("events", "a.csv", "event_type,time\nvisit,2021-01-01\n")).contains("`--map event_type=event`"));
    assert!(error(world.request("user", "a.csv", "name\nu\n")).contains("no column `user_id`, the key of entity `user`"));
    assert!(error(world.request("visit", "a.csv", "time,time\n,\n")).contains("two columns for `time`"));
    let mut request = world.request("visit", "a.csv", "user_id,time\nu,2021-01-01\n");
    request.map = vec![("user".into(), "user_id".into())];
    assert!(error(request).contains("no column `user`, which --map names"));
    let mut request = world.request("visit", "a.csv", "user_id,time,pge\nu,2021-01-01,x\n");
    request.map = vec![("pge".into(), "pag".into())];
    assert!(error(request).contains("event `visit` has no property `pag`; the nearest is `page`"));
    let mut request = world.request("visit", "a.csv", "user_id,time\nu,2021-01-01\n");
    request.id = vec!["no".into()];
    assert!(error(request).contains("no column `no`, which --id names"));
    let mut request = world.request("visit", "a.csv", "");
    request.inputs = vec![Input::File("absent.csv".into())];
    assert_eq!(error(request), "there is no file `absent.csv`");
    let unknown = Target::parse(&world.store.catalog(), "purchas").unwrap_err();
    assert_eq!(unknown.to_string(), "no entity or event `purchas` is defined; the nearest is `purchase`");
    assert!(matches!(Target::parse(&world.store.catalog(), "xyzzy"), Err(ImportError::UnknownTarget { nearest: None, .. })));
}

#[test]
fn required_properties_and_defaults() {
    let world = World::shop();
    let catalog = world.store.catalog();
    let mut visit = (**catalog.event("visit").unwrap()).clone();
    visit.properties[0].required = true;
    world.put(eql_catalog::Object::Event(visit.clone()));
    let report = world.import("visit", "a.csv", "user_id,time,page\na,2021-01-01,\nb,2021-01-01,p\n");
    assert_eq!(messages(&report), ["1 page: property `page`, which is NOT NULL, is missing (line 2)"]);
    visit.properties[0].default = Some("'it''s'".into());
    world.put(eql_catalog::Object::Event(visit));
    world.import("visit", "b.csv", "user_id,time\nc,2021-01-01\n");
    assert_eq!(world.events("visit", &["user_id", "page"]), ["b | p", "c | it's"]);
}
