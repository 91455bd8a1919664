//! Files that end too early or were changed.

use crate::formats::parquet;
use crate::world::World;
use arrow::array::*;
use eql_stream::{ImportError, ImportRequest, Input, Target};
use std::io::Write;
use std::sync::Arc;

fn table(rows: i64) -> Vec<u8> {
    let time: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let user: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|i| format!("u{}", i % 1000))));
    parquet(&RecordBatch::try_from_iter([("time", time), ("user_id", user)]).unwrap())
}

fn damaged(world: &World, name: &str, content: &[u8]) -> String {
    match world.run(world.request("visit", name, content)) {
        Err(e @ ImportError::Damaged { .. }) => e.to_string(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn truncated_parquet_is_named() {
    let world = World::shop();
    let whole = table(10_000);
    for length in [0, 3, 8, 100, whole.len() / 2, whole.len() - 1] {
        assert!(damaged(&world, "a.parquet", &whole[..length]).contains("a.parquet"), "{length}");
    }
    assert_eq!(world.rows("visit").len(), 0);
}

#[test]
fn changed_parquet_is_an_error_or_harmless_and_never_a_crash() {
    let whole = table(2_000);
    for place in (4..whole.len() - 4).step_by(whole.len() / 40) {
        let mut changed = whole.clone();
        changed[place..place + 4].fill(0xff);
        let world = World::shop();
        let result = world.run(world.request("visit", "a.parquet", &changed));
        assert!(!matches!(result, Err(ImportError::Arrow(_) | ImportError::Store(_))), "{place}: {result:?}");
    }
}

#[test]
fn truncated_packings_are_named_and_what_came_before_stays() {
    let world = World::shop();
    let mut lines = String::new();
    (0..200_000).for_each(|i| lines += &format!("{{\"user_id\":\"u{}\",\"time\":{i}}}\n", i * 7919 % 10_007));
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(lines.as_bytes()).unwrap();
    let gz = gz.finish().unwrap();
    assert!(damaged(&world, "a.jsonl.gz", &gz[..gz.len() - 100]).contains("ends in the middle"));
    let before = world.rows("visit").len();
    assert_eq!(before, 128 * 1024);
    let report = world.import("visit", "a.jsonl.gz", &gz);
    assert_eq!((report.accepted, report.duplicates), (200_000 - before as u64, before as u64));
    let zst = zstd::encode_all(lines.as_bytes(), 1).unwrap();
    assert!(damaged(&world, "a.jsonl.zst", &zst[..zst.len() / 2]).contains("a.jsonl.zst"));
    assert!(damaged(&world, "plain.csv.gz", b"user_id,time\n").contains("its name says gzip"));
    assert!(damaged(&world, "a.json", b"[{\"user_id\":\"u\",\"time\":0},").contains("not closed"));
}

struct Failing;

impl std::io::Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("the network is gone"))
    }
}

#[test]
fn a_stream_that_fails_is_named() {
    let world = World::shop();
    let input = Input::Reader { name: "upload".into(), reader: Box::new(Failing) };
    let error = world.run(ImportRequest::new(Target::Event("visit".into()), vec![input])).unwrap_err().to_string();
    assert!(error.contains("upload") && error.contains("the network is gone"), "{error}");
}
