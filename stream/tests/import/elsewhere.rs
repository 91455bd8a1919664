//! Files as other programs write them.

use crate::world::{World, messages};
use arrow::array::*;
use eql_stream::{ImportReport, ImportRequest};
use std::sync::Arc;

fn formatted(world: &World, formats: &[&str], request: ImportRequest) -> ImportReport {
    let time_formats = formats.iter().map(|f| f.parse().unwrap()).collect();
    world.run(ImportRequest { time_formats, ..request }).unwrap()
}

#[test]
fn what_stands_for_nothing_is_said() {
    let file = "user_id,city,age\nu1,NA,NA\nu2,\"NA\",7\nu3,Narvik,-\n";
    let world = World::shop();
    let refused = world.import("user", "a.csv", file);
    assert_eq!(
        messages(&refused),
        [
            "1 age: `NA` does not fit BIGINT; `--null NA` reads it as missing (line 2)",
            "3 age: `-` does not fit BIGINT; `--null -` reads it as missing (line 4)"
        ]
    );
    let world = World::shop();
    let request = world.request("user", "a.csv", file);
    let report = world.run(ImportRequest { nulls: vec!["NA".into(), "-".into()], ..request }).unwrap();
    assert_eq!((report.accepted, report.rejected), (3, 0));
    assert_eq!(world.entities("user", &["user_id", "city", "age"]), ["u1 | NULL | NULL", "u2 | NULL | 7", "u3 | Narvik | NULL"]);
}

#[test]
fn any_character_may_stand_between_fields() {
    let world = World::shop();
    let request = world.request("user", "a.csv", "user_id^city, or town^age\nu1^Oslo^7\n");
    let map = vec![("city, or town".to_string(), "city".to_string())];
    assert_eq!(world.run(ImportRequest { delimiter: Some(b'^'), map, ..request }).unwrap().accepted, 1);
    assert_eq!(world.entities("user", &["user_id", "city", "age"]), ["u1 | Oslo | 7"]);
    assert_eq!([eql_stream::delimiter("tab"), eql_stream::delimiter(";")], [Some(b'\t'), Some(b';')]);
    assert_eq!(
        [eql_stream::delimiter("\""), eql_stream::delimiter("ab"), eql_stream::delimiter("é"), eql_stream::delimiter("")],
        [None; 4]
    );
}

#[test]
fn times_are_read_as_they_are_written() {
    let world = World::shop();
    let file = "user_id,time\nu1,31/12/2013 23:59\nu2,2013-12-31T23:59:00Z\nu3,\"Jan 1, 2014\"\n";
    let mut request = world.request("visit", "a.csv", file);
    request.time_zone = chrono_tz::America::New_York;
    let report = formatted(&world, &["%d/%m/%Y %H:%M", "%b %d, %Y"], request);
    assert_eq!((report.accepted, report.rejected), (3, 0), "{report:?}");
    let expected = ["u1 | 2014-01-01T04:59:00Z", "u2 | 2013-12-31T23:59:00Z", "u3 | 2014-01-01T05:00:00Z"];
    assert_eq!(world.events("visit", &["user_id", "time"]), expected);

    let world = World::shop();
    let report = world.import("visit", "a.csv", "user_id,time\nu1,31/12/2013 23:59\n");
    let told =
        "1 time: `31/12/2013 23:59` does not fit TIMESTAMP; `--time-format` says how times are written, such as `%d/%m/%Y %H:%M` (line 2)";
    assert_eq!(messages(&report), [told]);
}

#[test]
fn days_are_read_as_they_are_written() {
    let world = World::shop();
    let request = world.request("thing", "a.ndjson", "{\"user_id\":\"u\",\"time\":\"2020-01-01\",\"day\":20130105,\"at\":\"20130105\"}");
    assert_eq!(formatted(&world, &["%Y%m%d"], request).rejected, 0);
    assert_eq!(world.events("thing", &["day", "at"]), ["2013-01-05 | 2013-01-05T00:00:00Z"]);
}

#[test]
fn seconds_are_told_from_milliseconds() {
    let parquet = || {
        let columns: Vec<(&str, ArrayRef)> =
            vec![("user_id", Arc::new(StringArray::from(vec!["u"]))), ("time", Arc::new(Float64Array::from(vec![881_250_949.0])))];
        super::formats::parquet(&RecordBatch::try_from_iter(columns).unwrap())
    };
    let files = [
        ("a.csv", "user_id,time\nu,881250949\n".into()),
        ("a.ndjson", "{\"user_id\":\"u\",\"time\":881250949}".into()),
        ("a.parquet", parquet()),
    ];
    for (name, content) in files {
        let world = World::shop();
        let report = world.import("visit", name, &content);
        let note = "the numbers of column `time` are read as milliseconds since 1970; `--time-format seconds` reads seconds";
        assert_eq!(report.notes, [note], "{name}");
        let world = World::shop();
        let report = formatted(&world, &["seconds"], world.request("visit", name, &content));
        assert_eq!((report.accepted, report.notes.len()), (1, 0), "{name}: {report:?}");
        assert_eq!(world.events("visit", &["time"]), ["1997-12-04T15:55:49Z"], "{name}");
    }
}

#[test]
fn yes_and_no_are_booleans() {
    let world = World::shop();
    let report = world.import("user", "a.csv", "user_id,vip\na,Y\nb,no\nc,T\nd,off\ne,1.0\nf,perhaps\n");
    assert_eq!(messages(&report), ["6 vip: `perhaps` does not fit BOOLEAN (line 7)"]);
    assert_eq!(world.entities("user", &["user_id", "vip"]), ["a | true", "b | false", "c | true", "d | false", "e | true"]);
}

#[test]
fn nan_is_a_missing_number() {
    let world = World::shop();
    let numbers = || Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(2.0)])) as ArrayRef;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", Arc::new(StringArray::from(vec!["a", "b"]))),
        ("time", Arc::new(Date32Array::from(vec![0, 1]))),
        ("whole", numbers()),
        ("real", numbers()),
        ("money", numbers()),
    ];
    let report = world.import("thing", "a.parquet", super::formats::parquet(&RecordBatch::try_from_iter(columns).unwrap()));
    assert_eq!((report.accepted, report.rejected), (2, 0), "{report:?}");
    assert_eq!(world.events("thing", &["whole", "real", "money"]), ["NULL | NULL | NULL", "2 | 2.0 | 2.00"]);
}

#[test]
fn a_column_that_many_events_lack_is_told_once() {
    let world = World::shop();
    let file = "event,user_id,time,note\nvisit,u,2020-01-01,a\nvisit,v,2020-01-01,b\npurchase,u,2020-01-02,c\nthing,u,2020-01-03,d\nline_scan,u,2020-01-03,\n";
    let report = world.import("events", "a.csv", file);
    assert_eq!(report.rejected, 0, "{report:?}");
    let told: Vec<&String> = report.notes.iter().filter(|n| n.contains("`note`")).collect();
    assert_eq!(told, ["column `note` is not declared by `purchase`, `thing` and `visit`: 4 values went to extra"]);
}

#[test]
fn columns_are_passed_over() {
    // The clock of a day is no time of an entity.
    let file = "user_id,time,city,secret\nu,11:38:36,Oslo,x\n";
    let world = World::shop();
    let request = world.request("user", "a.csv", file);
    let report = world.run(ImportRequest { ignore: vec!["time".into(), "secret".into()], ..request }).unwrap();
    assert_eq!((report.accepted, report.notes.len()), (1, 0), "{report:?}");
    assert_eq!(world.entities("user", &["user_id", "city", "extra"]), ["u | Oslo | NULL"]);
    let request = world.request("user", "a.csv", file);
    let error = world.run(ImportRequest { ignore: vec!["secrets".into()], ..request }).unwrap_err();
    assert!(error.to_string().contains("has no column `secrets`, which --ignore names; the nearest is `secret`"), "{error}");
}
