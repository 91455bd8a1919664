//! Statements as high and as wide as the limits allow, asked of a running server: an answer or an error, and the server lives.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

const EQL: &str = env!("CARGO_BIN_EXE_eql");

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // The test is over either way.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_highest_statements_leave_the_server_alive() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let mut child = Command::new(EQL)
        .args(["serve", "--flight", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"])
        .arg(&data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("eql starts");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let _server = Server(child);
    let url = lines.map_while(Result::ok).find_map(|l| l.strip_prefix("http").map(|u| u.trim().to_string())).expect("its address");
    let ask = |text: &str| {
        let out = Command::new(EQL).args(["query", text, "--url", &url]).stdin(Stdio::null()).output().expect("eql starts");
        (out.status.success(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    assert!(ask("DEFINE ENTITY user KEY user_id STRING (city STRING)").0);
    let mut cases = "1".to_string();
    let mut calls = "city".to_string();
    let mut queries = "SELECT 1 AS a".to_string();
    for i in 0..60 {
        cases = format!("CASE WHEN city = '{i}' THEN {i} ELSE {cases} END");
        calls = format!("lower({calls})");
        if i < 50 {
            queries = format!("SELECT a FROM ({queries})");
        }
    }
    let wide = (0..3000).map(|i| format!("city = '{i}'")).collect::<Vec<_>>().join(" OR ");
    for text in [
        format!("FIND user WHERE {}city = 'x'", "NOT ".repeat(150)),
        format!("SELECT {}1", "1 + ".repeat(150)),
        format!("FIND user WHERE {}city = 'x'{}", "(".repeat(60), " OR city = 'y')".repeat(60)),
        format!("FIND user WHERE {wide}"),
        format!("FIND user SHOW {cases} AS c"),
        format!("FIND user SHOW {calls} AS c"),
        queries,
    ] {
        let (ok, words) = ask(&text);
        assert!(ok, "{}…: {words}", &text[..60]);
    }
    assert!(!ask(&format!("SELECT {}1", "1 + ".repeat(3000))).0, "higher than the limit");
    assert!(ask("SELECT 1").0, "the server lives");
}
