//! `eql query` and `eql explain`.

use crate::driver::{Bench, SCHEMA};
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn json_has_columns_rows_and_stats() {
    let bench = Bench::with_users();
    let answer = bench.run(&["query", "FIND user SHOW user_id, city, born, balance ORDER BY user_id", "--format", "json"]).json();
    let columns = &answer["columns"];
    assert_eq!(columns[0], json!({"name": "user_id", "type": "STRING"}));
    assert_eq!(columns[3]["type"], json!("DECIMAL(10,2)"));
    assert_eq!(
        answer["rows"],
        json!([["a", "Oslo", "1990-01-02", "1.50"], ["b", null, "2000-12-31", null], ["c", "Paris, France", null, "-3.00"]])
    );
    assert!(answer["stats"].is_object());
}

#[test]
fn csv_writes_null_as_an_empty_field() {
    let bench = Bench::with_users();
    let ran = bench.run(&["query", "FIND user SHOW user_id, city, balance ORDER BY user_id", "--format", "csv"]).done();
    assert_eq!(ran.out, "user_id,city,balance\na,Oslo,1.50\nb,,\nc,\"Paris, France\",-3.00\n");
}

#[test]
fn ndjson_is_one_object_a_row() {
    let bench = Bench::with_users();
    let ran = bench.run(&["query", "FIND user SHOW user_id, city ORDER BY user_id LIMIT 2", "--format", "ndjson"]).done();
    assert_eq!(ran.out, "{\"user_id\":\"a\",\"city\":\"Oslo\"}\n{\"user_id\":\"b\",\"city\":null}\n");
}

#[test]
fn a_table_is_the_default() {
    let bench = Bench::with_users();
    let ran = bench.run(&["query", "FIND user SHOW user_id, balance ORDER BY user_id"]).done();
    assert_eq!(ran.out, " user_id | balance\n---------+---------\n a       |    1.50\n b       |\n c       |   -3.00\n(3 rows)\n");
}

#[test]
fn several_statements_print_a_document_each() {
    let bench = Bench::new();
    let text = format!("{SCHEMA} SET time_zone = 'Europe/Oslo'; FIND user SHOW user_id; SHOW ENTITIES");
    let ran = bench.run(&["query", &text, "--format", "json"]).done();
    let lines: Vec<serde_json::Value> = ran.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 5, "{}", ran.out);
    assert!(lines[..3].iter().all(|l| l["done"].is_string()), "{}", ran.out);
    assert_eq!(lines[3]["rows"], json!([]));
    assert!(lines[4]["rows"].to_string().contains("user"), "{}", ran.out);
}

#[test]
fn done_is_a_plain_line_in_a_table() {
    let ran = Bench::new().run(&["query", "DEFINE ENTITY user KEY user_id STRING ()"]).done();
    assert!(ran.out.contains("user") && !ran.out.contains('{'), "{}", ran.out);
}

#[test]
fn text_comes_from_a_file_or_stdin() {
    let bench = Bench::with_users();
    bench.file("q.eql", "\u{feff}-- people\nFIND user SHOW user_id ORDER BY user_id LIMIT 1;\n");
    let want = "user_id\na\n";
    assert_eq!(bench.run(&["query", "-f", "q.eql", "--format", "csv"]).done().out, want);
    assert_eq!(bench.run_with_stdin(&["query", "-", "--format", "csv"], &bench.read("q.eql")).done().out, want);
    assert_eq!(bench.run_with_stdin(&["query", "--format", "csv"], &bench.read("q.eql")).done().out, want);
    std::fs::write(bench.path("bad.eql"), [0xff, 0xfe, 0x00]).unwrap();
    bench.run(&["query", "-f", "bad.eql"]).fails(1, "not UTF-8");
}

#[test]
fn parameters_and_settings() {
    let bench = Bench::with_users();
    let query = "FIND user WHERE city = :city SHOW user_id";
    let ran = bench.run(&["query", query, "--param", "city=Oslo", "--format", "csv"]).done();
    assert_eq!(ran.out, "user_id\na\n");
    bench.run(&["query", query]).fails(1, "city");
    bench.run(&["query", "SHOW ENTITIES", "--set", "now=2018-01-01T05:00:00Z", "--set", "time_zone=America/New_York"]).done();
    bench.run(&["query", "SHOW ENTITIES", "--set", "time_zone=Mars/Base"]).fails(1, "Mars/Base");
}

#[test]
fn syntax_errors_are_all_said_before_anything_runs() {
    let bench = Bench::new();
    let ran = bench
        .run(&["query", "DEFINE ENTITY user KEY id STRING ();\nFNID user;\nTREND count(user) EVRY day DURING last 7 days"])
        .fails(1, "EVRY");
    assert!(ran.err.contains("FNID") && ran.err.contains('^'), "{}", ran.err);
    assert_eq!(ran.out, "");
    assert!(!bench.path("eql-data").exists());
}

#[test]
fn the_first_failing_statement_ends_the_run() {
    let bench = Bench::with_users();
    let ran =
        bench.run(&["query", "FIND user SHOW user_id LIMIT 1; FIND usr SHOW user_id; SHOW EVENTS", "--format", "ndjson"]).fails(1, "usr");
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
}

#[test]
fn results_go_to_files_whole_or_not_at_all() {
    let bench = Bench::with_users();
    let query = "FIND user SHOW user_id ORDER BY user_id";
    bench.run(&["query", query, "-o", "ids.csv"]).done();
    assert_eq!(bench.read("ids.csv"), "user_id\na\nb\nc\n");
    for name in ["ids.parquet", "ids.arrow"] {
        bench.run(&["query", query, "-o", name]).done();
        assert!(std::fs::metadata(bench.path(name)).unwrap().len() > 100);
    }
    bench.run(&["query", "FIND user; FIND user", "-o", "two.parquet"]).fails(2, "one result");
    bench.run(&["query", "FIND usr", "-o", "none.csv"]).fails(1, "usr");
    assert!(!bench.path("none.csv").exists());
    let left: Vec<_> = std::fs::read_dir(bench.path("."))
        .unwrap()
        .map(|f| f.unwrap().file_name())
        .filter(|n| n.to_string_lossy().ends_with(".tmp"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn huge_and_deep_texts_fail_soon() {
    let bench = Bench::new();
    bench.file("words.eql", &"find ".repeat(2 << 20));
    bench.file("statements.eql", &"x;".repeat(5 << 20));
    bench.file("text.eql", &format!("FIND user WHERE a = '{}", "x".repeat(10 << 20)));
    bench.file("deep.eql", &format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000)));
    for name in ["words.eql", "statements.eql", "text.eql", "deep.eql"] {
        let started = Instant::now();
        let ran = bench.run(&["query", "-f", name]).fails(1, "error");
        // Generous: unoptimised builds on busy machines run this too.
        assert!(started.elapsed() < Duration::from_secs(10), "{name} took {:?}", started.elapsed());
        assert!(ran.err.len() < 100_000, "{name} says {} bytes", ran.err.len());
    }
}

#[test]
fn a_data_directory_has_one_owner() {
    let bench = Bench::with_users();
    let mut shell = bench.command(&["shell"]).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdin = shell.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"\\timing\n").unwrap();
    let mut answer = [0; 6];
    std::io::Read::read_exact(shell.stdout.as_mut().unwrap(), &mut answer).unwrap();
    bench.run(&["query", "FIND user"]).fails(1, &shell.id().to_string());
    drop(stdin);
    assert!(shell.wait().unwrap().success());
    bench.run(&["query", "FIND user"]).done();
}

#[test]
fn a_bad_data_directory_is_named() {
    let bench = Bench::new();
    bench.file("file", "no directory");
    bench.run(&["query", "SHOW ENTITIES", "--data", "file"]).fails(1, "file");
}

#[test]
fn plans_are_explained() {
    let bench = Bench::with_users();
    for rung in ["syntax", "bound", "logical", "physical", "analyze"] {
        let ran = bench.run(&["explain", "FIND user WHERE city = 'Oslo' SHOW user_id", "--rung", rung]).done();
        assert!(!ran.out.trim().is_empty(), "{rung}");
    }
    bench.run(&["explain", "FIND usr"]).fails(1, "usr");
    bench.run(&["explain", "FIND user", "--data", "nowhere"]).fails(1, "nowhere");
    assert!(!bench.path("nowhere").exists());
}
