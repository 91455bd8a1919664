//! `kill -9` during an import, at random moments: the directory opens again, nothing is there twice, and the import run again completes it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/completejourney");

fn eql() -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_eql"));
    c.current_dir(format!("{DEMO}/tiny")).stdin(Stdio::null()).env_remove("EQL_DATA");
    c
}

fn run(data: &Path, args: &[&str]) -> String {
    let out = eql().args(args).arg("--data").arg(data).output().expect("eql starts");
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

fn counts(data: &Path) -> (u64, u64) {
    let text = "SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM ANY EVENT";
    let json: serde_json::Value = serde_json::from_str(&run(data, &["query", text, "--format", "json"])).expect("JSON");
    let cell = |i: usize| json["rows"][0][i].as_u64().expect("a count");
    (cell(0), cell(1))
}

/// A small generator: the moments differ from cycle to cycle and are the same in every run.
fn moments(n: usize) -> impl Iterator<Item = u64> {
    let mut x: u64 = 0x9e37_79b9_7f4a_7c15;
    std::iter::repeat_with(move || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x % 1200
    })
    .take(n)
}

#[test]
fn an_import_killed_at_random_moments_loses_nothing_and_doubles_nothing() {
    let import = ["import", "events", "events.parquet", "--map", "event_type=event", "--map", "ts=time", "--id", "event_id"];
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    run(&data, &["query", "-f", &format!("{DEMO}/schema.eql")]);
    let mut before = 0;
    for millis in moments(20) {
        let mut child =
            eql().args(import).arg("--data").arg(&data).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("eql starts");
        std::thread::sleep(Duration::from_millis(millis));
        child.kill().expect("kill -9");
        child.wait().expect("it is gone");
        let (n, ids) = counts(&data);
        assert_eq!(n, ids, "an event is there twice after a kill at {millis} ms");
        assert!(n >= before, "{before} events were there, now {n}");
        before = n;
    }
    run(&data, &import);
    assert_eq!(counts(&data), (65_943, 65_943));
}
