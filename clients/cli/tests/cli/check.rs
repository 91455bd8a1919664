//! `eql check` and `eql fmt`.

use crate::driver::{Bench, SCHEMA};

#[test]
fn a_sound_file_is_status_0() {
    let bench = Bench::new();
    bench.file("s.eql", SCHEMA);
    let ran = bench.run(&["check", "s.eql"]).done();
    assert!(ran.out.contains("s.eql: no errors"), "{ran:?}");
}

#[test]
fn errors_have_carets_and_status_1() {
    let bench = Bench::new();
    bench.file("s.eql", "TREND count(purchase) EVRY day DURING last 30 days;\n");
    let ran = bench.run(&["check", "s.eql"]).fails(1, "EVRY");
    assert!(ran.err.contains('^') && ran.err.contains("EVERY"), "{}", ran.err);
}

#[test]
fn an_unknown_name_is_a_warning_until_a_data_directory_is_asked() {
    let bench = Bench::with_users();
    bench.file("q.eql", "FIND usr SHOW user_id;\n");
    bench.run(&["check", "q.eql"]).done();
    bench.run(&["check", "q.eql", "--data", "eql-data"]).fails(1, "usr");
    bench.run(&["check", "q.eql", "--data", "nowhere"]).fails(1, "nowhere");
}

#[test]
fn json_is_for_programs() {
    let bench = Bench::new();
    bench.file("s.eql", "FNID user;\n");
    let ran = bench.run(&["check", "s.eql", "--format", "json"]);
    assert_eq!(ran.status, 1);
    let said: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(said["file"], "s.eql");
    let first = &said["diagnostics"][0];
    assert_eq!(first["severity"], "error");
    assert!(first["code"].as_str().unwrap().starts_with("EQL") && first["span"]["line"] == 1, "{said}");
}

#[test]
fn formatting_is_stable() {
    let bench = Bench::new();
    bench.file("f.eql", "find   user where did purchase\n  during last 7 days;");
    let printed = bench.run(&["fmt", "f.eql"]).done().out;
    assert!(printed.contains("FIND user"), "{printed}");
    assert_eq!(bench.run(&["fmt", "--check", "f.eql"]).fails(1, "").out, "f.eql\n");
    bench.run(&["fmt", "-w", "f.eql"]).done();
    assert_eq!(bench.read("f.eql"), printed);
    bench.run(&["fmt", "--check", "f.eql"]).done();
    assert_eq!(bench.run_with_stdin(&["fmt"], &printed).done().out, printed);
}

#[test]
fn what_cannot_be_parsed_is_not_touched() {
    let bench = Bench::new();
    bench.file("f.eql", "find user whre;");
    bench.run(&["fmt", "-w", "f.eql"]).fails(1, "whre");
    assert_eq!(bench.read("f.eql"), "find user whre;");
    bench.run(&["fmt", "-w", "-"]).fails(2, "stdin");
}
