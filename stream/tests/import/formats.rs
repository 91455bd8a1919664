//! One table in every format and packing.

use crate::world::World;
use arrow::array::*;
use eql_stream::{Format, ImportError, ImportRequest, Input, Target};
use parquet::arrow::ArrowWriter;
use std::io::Write;
use std::sync::Arc;

const CSV: &str = "user_id,time,page,event_id\nu1,2021-03-01T10:00:00Z,\"a,\"\"b\"\"\",1\nu2,2021-03-01 11:00:00,,2\n";
const NDJSON: &str = "{\"user_id\":\"u1\",\"time\":\"2021-03-01T10:00:00Z\",\"page\":\"a,\\\"b\\\"\",\"event_id\":1}\n\n{\"event_id\":2,\"user_id\":\"u2\",\"time\":1614596400000}\n";
const ARRAY: &str = "[{\"user_id\":\"u1\",\"time\":\"2021-03-01T10:00:00Z\",\"page\":\"a,\\\"b\\\"\",\"event_id\":1},\n {\"user_id\":\"u2\",\"time\":\"2021-03-01T12:00:00+01:00\",\"page\":null,\"event_id\":2}]";

fn expect(world: &World) {
    let found = world.events("visit", &["user_id", "time", "page", "event_id", "extra"]);
    assert_eq!(found, ["u1 | 2021-03-01T10:00:00Z | a,\"b\" | 1 | NULL", "u2 | 2021-03-01T11:00:00Z | NULL | 2 | NULL"]);
}

pub(crate) fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn table() -> Vec<u8> {
    let time = TimestampMillisecondArray::from(vec![1_614_592_800_000, 1_614_596_400_000]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", Arc::new(DictionaryArray::<arrow::datatypes::Int32Type>::from_iter(["u1", "u2"]))),
        ("time", Arc::new(time)),
        ("page", Arc::new(LargeStringArray::from(vec![Some("a,\"b\""), None]))),
        ("event_id", Arc::new(UInt16Array::from(vec![1, 2]))),
    ];
    parquet(&RecordBatch::try_from_iter(columns).unwrap())
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_table_is_the_same_in_every_format() {
    let tsv = CSV.replace("\"a,\"\"b\"\"\"", "@").replace(',', "\t").replace('@', "\"a,\"\"b\"\"\"");
    let windows = format!("\u{feff}{}", CSV.replace('\n', "\r\n"));
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("a.csv", CSV.into()),
        ("a.tsv", tsv.into()),
        ("windows.csv", windows.trim_end().into()),
        ("semicolons.csv", CSV.replace("\"a,\"\"b\"\"\"", "@").replace(',', ";").replace('@', "\"a,\"\"b\"\"\"").into()),
        ("a.ndjson", NDJSON.into()),
        ("a.jsonl", NDJSON.trim_end().into()),
        ("lines.json", NDJSON.into()),
        ("array.json", ARRAY.into()),
        ("a.parquet", table()),
        ("a.csv.gz", gz(CSV.as_bytes())),
        ("two_members.csv.gz", [gz(&CSV.as_bytes()[..30]), gz(&CSV.as_bytes()[30..])].concat()),
        ("a.jsonl.gz", gz(NDJSON.as_bytes())),
        ("a.ndjson.zst", zstd::encode_all(NDJSON.as_bytes(), 3).unwrap()),
        ("packed_without_saying.csv", gz(CSV.as_bytes())),
        ("csv_without_extension", CSV.into()),
        ("json_without_extension", ARRAY.into()),
        ("parquet_without_extension", table()),
    ];
    for (name, content) in files {
        let world = World::shop();
        let report = world.import("visit", name, content);
        assert_eq!((report.rows, report.accepted, report.duplicates, report.rejected), (2, 2, 0, 0), "{name}: {report:?}");
        expect(&world);
    }
}

#[test]
fn a_stream_has_no_name_to_go_by() {
    for content in [CSV.as_bytes().to_vec(), NDJSON.into(), table(), gz(CSV.as_bytes())] {
        let world = World::shop();
        let input = Input::Reader { name: "stdin".into(), reader: Box::new(std::io::Cursor::new(content)) };
        let report = world.run(ImportRequest::new(Target::Event("visit".into()), vec![input])).unwrap();
        assert_eq!(report.accepted, 2);
        expect(&world);
    }
}

#[test]
fn the_format_asked_for_counts() {
    let world = World::shop();
    let mut request = world.request("visit", "a.txt", CSV);
    request.format = Some(Format::Csv);
    assert_eq!(world.run(request).unwrap().accepted, 2);
    let request = world.request("visit", "a.bin", [0u8, 1, 2, 3]);
    assert!(matches!(world.run(request), Err(ImportError::UnknownFormat { .. })));
}

#[test]
fn empty_files_hold_nothing() {
    for (name, content) in [("a.csv", ""), ("b.csv", "user_id,time\n"), ("a.ndjson", "\n\n"), ("a.json", "[]")] {
        let world = World::shop();
        let report = world.import("visit", name, content);
        assert_eq!((report.rows, report.accepted), (0, 0), "{name}");
    }
}

#[test]
fn several_files_are_read_one_after_the_other() {
    let world = World::shop();
    let mut request = world.request("visit", "1.csv", "user_id,time\na,2021-01-01\n");
    request.inputs.push(Input::File(world.file("2.jsonl", "{\"user_id\":\"b\",\"time\":\"2020-01-01\"}")));
    let seen = std::sync::Mutex::new(Vec::new());
    let report = eql_stream::import(&world.store, request, &|p| seen.lock().unwrap().push((p.rows, p.bytes_done, p.bytes_total))).unwrap();
    assert_eq!(report.accepted, 2);
    assert_eq!(world.events("visit", &["user_id"]), ["a", "b"]);
    assert_eq!(*seen.lock().unwrap(), [(1, 26, Some(26)), (1, 35, Some(35))]);
}
