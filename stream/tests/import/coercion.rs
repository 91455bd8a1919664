//! Values of one type as values of another.

use crate::formats::parquet;
use crate::world::{World, messages};
use arrow::array::*;
use arrow::datatypes::{Float64Type, Int64Type};
use std::sync::Arc;

const COLUMNS: [&str; 10] = ["text", "flag", "whole", "real", "money", "day", "at", "words", "numbers", "about"];

#[test]
fn text_becomes_every_type() {
    let world = World::shop();
    let csv = "user_id;time;text;flag;whole;real;money;day;at;words;numbers;about\n\
        u;2021-01-01;x;true;12;0.1;1.005;2021-02-03;2021-02-03 04:05:06.5;\"[\"\"a\"\",\"\"b\"\"]\";[1,2];\"{\"\"k\"\":1}\"\n\
        u;2021-01-02;0;0;12.0;1e3;-7;2021-02-03 00:00:00;86400000;[];[null];plain\n\
        u;2021-01-03;\"\";;;;;;;;;\n";
    let report = world.import("thing", "a.csv", csv);
    assert_eq!((report.accepted, messages(&report)), (3, vec![]));
    let expected = [
        "x | true | 12 | 0.1 | 1.01 | 2021-02-03 | 2021-02-03T04:05:06.500Z | [a, b] | [1, 2] | {\"k\":1}",
        "0 | false | 12 | 1000.0 | -7.00 | 2021-02-03 | 1970-01-02T00:00:00Z | [] | [] | \"plain\"",
        " | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL",
    ];
    assert_eq!(world.events("thing", &COLUMNS), expected);
}

#[test]
fn json_becomes_every_type() {
    let world = World::shop();
    let lines = r#"{"user_id":1,"time":0,"text":5,"flag":1,"whole":7.0,"real":3,"money":0.30000000000000004,"day":"2021-02-03","at":1000,"words":["a",1],"numbers":[1,2.0],"about":{"k":[1,{"x":null}]}}
{"user_id":"2","time":1,"text":{"a":"b"},"flag":false,"whole":"8","real":"2.5","money":12345678.905,"day":null,"at":"1970-01-01T00:00:02Z","words":null,"numbers":[],"about":"free text"}
{"user_id":3,"time":2,"text":true,"money":"1.1","about":12}"#;
    let report = world.import("thing", "a.ndjson", lines);
    assert_eq!((report.accepted, messages(&report)), (3, vec![]));
    let expected = [
        "5 | true | 7 | 3.0 | 0.30 | 2021-02-03 | 1970-01-01T00:00:01Z | [a, 1] | [1, 2] | {\"k\":[1,{\"x\":null}]}",
        "{\"a\":\"b\"} | false | 8 | 2.5 | 12345678.91 | NULL | 1970-01-01T00:00:02Z | NULL | [] | \"free text\"",
        "true | NULL | NULL | NULL | 1.10 | NULL | NULL | NULL | NULL | 12",
    ];
    assert_eq!(world.events("thing", &COLUMNS), expected);
    assert_eq!(world.events("thing", &["user_id"]), ["1", "2", "3"]);
}

#[test]
fn arrow_types_become_declared_types() {
    let world = World::shop();
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None]);
    let doubles = ListArray::from_iter_primitive::<Float64Type, _, _>([Some(vec![Some(3.0)]), Some(vec![])]);
    let object = StructArray::from(vec![(
        Arc::new(arrow::datatypes::Field::new("k", arrow::datatypes::DataType::Int32, true)),
        Arc::new(Int32Array::from(vec![Some(1), None])) as ArrayRef,
    )]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", Arc::new(Int32Array::from(vec![1, 2]))),
        ("time", Arc::new(TimestampNanosecondArray::from(vec![1_500, -1]).with_timezone("+01:00"))),
        ("text", Arc::new(Float64Array::from(vec![1.5, -2.0]))),
        ("flag", Arc::new(UInt8Array::from(vec![0, 1]))),
        ("whole", Arc::new(Decimal128Array::from(vec![1200, -300]).with_precision_and_scale(10, 2).unwrap())),
        ("real", Arc::new(Float32Array::from(vec![0.5, 2.0]))),
        ("money", Arc::new(Float64Array::from(vec![0.1 + 0.2, -2.675]))),
        ("day", Arc::new(TimestampMillisecondArray::from(vec![86_400_000, 0]))),
        ("at", Arc::new(Date32Array::from(vec![Some(1), None]))),
        ("words", Arc::new(list)),
        ("numbers", Arc::new(doubles)),
        ("about", Arc::new(object)),
    ];
    let report = world.import("thing", "a.parquet", parquet(&RecordBatch::try_from_iter(columns).unwrap()));
    assert_eq!((report.accepted, messages(&report)), (2, vec![]));
    let expected = [
        "1.5 | false | 12 | 0.5 | 0.30 | 1970-01-02 | 1970-01-02T00:00:00Z | [1, ] | [3] | {\"k\":1}",
        "-2 | true | -3 | 2.0 | -2.68 | 1970-01-01 | NULL | NULL | [] | {\"k\":null}",
    ];
    assert_eq!(world.events("thing", &COLUMNS), expected);
    assert_eq!(world.events("thing", &["time"]), ["1970-01-01T00:00:00.000001Z", "1969-12-31T23:59:59.999999Z"]);
}

#[test]
fn what_does_not_fit_rejects_its_row_alone() {
    let world = World::shop();
    let csv = "user_id,time,flag,whole,real,money,day,at,numbers,about\n\
        u,2021-01-01,perhaps,,,,,,,\n\
        u,2021-01-01,,9223372036854775808,,,,,,\n\
        u,2021-01-01,,1.5,,,,,,\n\
        u,2021-01-01,,,nan,,,,,\n\
        u,2021-01-01,,,,123456789.00,,,,\n\
        u,2021-01-01,,,,,2021-02-30,,,\n\
        u,2021-01-01,,,,,,soon,,\n\
        u,2021-01-01,,,,,,,\"[1,\"\"x\"\"]\",\n\
        u,2021-01-01,,,,,,,,{\n\
        u,2021-01-01,,1,,,,,,\n";
    let report = world.import("thing", "a.csv", csv);
    let expected = [
        "1 flag: `perhaps` does not fit BOOLEAN (line 2)",
        "2 whole: `9223372036854775808` does not fit BIGINT (line 3)",
        "3 whole: `1.5` does not fit BIGINT (line 4)",
        "4 real: `nan` does not fit DOUBLE; `--null nan` reads it as missing (line 5)",
        "5 money: `123456789.00` does not fit DECIMAL(10,2) (line 6)",
        "6 day: `2021-02-30` does not fit DATE (line 7)",
        "7 at: `soon` does not fit TIMESTAMP (line 8)",
        "8 numbers: `[1,\"x\"]` does not fit LIST<BIGINT> (line 9)",
        "9 about: `{` does not fit JSON (line 10)",
    ];
    assert_eq!(messages(&report), expected);
    assert_eq!((report.rows, report.accepted, report.rejected), (10, 1, 9));
    assert_eq!(world.events("thing", &["whole"]), ["1"]);
}

#[test]
fn a_date_is_midnight_in_the_zone() {
    let world = World::shop();
    let csv = "user_id,time,at\nu,2021-03-14,2021-03-14 02:30:00\nu,2021-11-07,2021-11-07 01:30:00\nu,2021-07-01T00:00:00Z,1000\n";
    let mut request = world.request("thing", "a.csv", csv);
    request.time_zone = chrono_tz::America::New_York;
    assert_eq!(world.run(request).unwrap().accepted, 3);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", Arc::new(StringArray::from(vec!["p"]))),
        ("time", Arc::new(Date32Array::from(vec![17167]))),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![1_483_228_800_000_000]))),
    ];
    let mut request = world.request("thing", "a.parquet", parquet(&RecordBatch::try_from_iter(columns).unwrap()));
    request.time_zone = chrono_tz::America::New_York;
    assert_eq!(world.run(request).unwrap().accepted, 1);
    let expected = [
        "2021-03-14T05:00:00Z | 2021-03-14T07:30:00Z",
        "2021-11-07T04:00:00Z | 2021-11-07T05:30:00Z",
        "2021-07-01T00:00:00Z | 1970-01-01T00:00:01Z",
        "2017-01-01T05:00:00Z | 2017-01-01T05:00:00Z",
    ];
    assert_eq!(world.events("thing", &["time", "at"]), expected);
}

#[test]
fn integers_between_doubles_and_back_are_exact_or_rejected() {
    let world = World::shop();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
        ("time", Arc::new(Int64Array::from(vec![0, 0, 0]))),
        ("real", Arc::new(Int64Array::from(vec![1, (1 << 53) + 1, 2]))),
        ("whole", Arc::new(Float64Array::from(vec![1.0, 2.0, 9.3e18]))),
    ];
    let report = world.import("thing", "a.parquet", parquet(&RecordBatch::try_from_iter(columns).unwrap()));
    assert_eq!(messages(&report), ["2 real: `9007199254740993` does not fit DOUBLE", "3 whole: `9.3e18` does not fit BIGINT"]);
    assert_eq!(world.events("thing", &["user_id", "real", "whole"]), ["a | 1.0 | 1"]);
}
