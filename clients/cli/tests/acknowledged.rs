//! `kill -9` of a server under load, at random moments: every event that was acknowledged is there afterwards, once.
//!
//! `EQL_KILLS=200 cargo test --workspace --test acknowledged` goes through more than the everyday run.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

const DEFINE: &str = "DEFINE ENTITY user KEY user_id INT (city STRING); DEFINE EVENT visit OF user (page STRING)";

fn eql() -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_eql"));
    c.stdin(Stdio::null()).env_remove("EQL_DATA");
    c
}

fn run(data: &Path, args: &[&str]) -> String {
    let out = eql().args(args).arg("--data").arg(data).output().expect("eql starts");
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// A server and its HTTP address.
fn serve(data: &Path) -> (Child, String) {
    let mut child = eql()
        .args(["serve", "--http", "127.0.0.1:0", "--flight", "127.0.0.1:0", "--data"])
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("eql starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let address = lines.find_map(|line| Some(line.ok()?.split_once("http://")?.1.trim_end_matches('/').to_string())).expect("an address");
    (child, address)
}

/// One call on a connection that stays open; None when the server is gone.
fn post(stream: &mut TcpStream, body: &str) -> Option<serde_json::Value> {
    let request = format!(
        "POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head.split_once("content-length:")?.1.split("\r\n").next()?.trim().parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok().filter(|_| head.starts_with("http/1.1 200"))
}

/// Sends calls of growing size until the server is gone; the ids that were acknowledged.
fn send(address: &str, cycle: usize, thread: usize, acknowledged: &Mutex<BTreeSet<String>>) {
    let Ok(mut stream) = TcpStream::connect(address) else { return };
    for call in 0.. {
        let ids: Vec<String> = (0..1 + (call * 7 + thread) % 40).map(|i| format!("{cycle}-{thread}-{call}-{i}")).collect();
        let row = |id: &String| format!("{{\"event\":\"visit\",\"id\":\"{id}\",\"user_id\":{},\"page\":\"p\"}}\n", call % 50);
        match post(&mut stream, &ids.iter().map(row).collect::<String>()) {
            Some(answer) => {
                assert_eq!(answer["accepted"], ids.len(), "{answer}");
                acknowledged.lock().expect("a lock").extend(ids);
            }
            None => return,
        }
    }
}

/// How often each id is there.
fn stored(data: &Path) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for line in run(data, &["query", "SELECT event_id FROM visit", "--format", "ndjson"]).lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
        *found.entry(row["event_id"].as_str().expect("an id").to_string()).or_default() += 1;
    }
    found
}

#[test]
fn a_server_killed_under_load_keeps_what_it_acknowledged() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    run(&data, &["query", DEFINE]);
    let cycles = std::env::var("EQL_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(25);
    let acknowledged = Mutex::new(BTreeSet::new());
    let mut x: u64 = 0x9e37_79b9_7f4a_7c15;
    for cycle in 0..cycles {
        let (mut server, address) = serve(&data);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (address, acknowledged) = (&address, &acknowledged);
                scope.spawn(move || send(address, cycle, thread, acknowledged));
            }
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            std::thread::sleep(Duration::from_millis(20 + x % 250));
            server.kill().expect("kill -9");
            server.wait().expect("it is gone");
        });
        let found = stored(&data);
        let acknowledged = acknowledged.lock().expect("a lock");
        let lost: Vec<&String> = acknowledged.iter().filter(|id| !found.contains_key(*id)).collect();
        let twice: Vec<&String> = found.iter().filter(|(_, n)| **n > 1).map(|(id, _)| id).collect();
        assert!(lost.is_empty() && twice.is_empty(), "cycle {cycle}: lost {lost:?}, twice {twice:?}");
    }
    let sent = acknowledged.lock().expect("a lock").len();
    assert!(sent > cycles * 10, "only {sent} events were acknowledged in {cycles} cycles");
    let report = run(&data, &["admin", "verify", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["damaged"], 0, "{report}");
}
