//! Something runs out: the server says so, goes on reading, takes writes again once there is room, and loses nothing.
#![cfg(unix)]

use crate::process::{DEFINE, answered, post, run, serve, serve_within, stored};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn rows(first: usize, n: usize) -> String {
    let page = "x".repeat(200);
    (first..first + n).map(|i| format!("{{\"event\":\"visit\",\"id\":\"{i}\",\"user_id\":{},\"page\":\"{page}\"}}\n", i % 50)).collect()
}

#[test]
fn descriptors_run_out_and_come_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    run(&data, &["query", DEFINE]);
    let (mut server, address) = serve_within("ulimit -n 64", &data);
    let mut first = TcpStream::connect(&address).expect("a connection");
    assert_eq!(post(&mut first, &rows(0, 1)).expect("an answer")["accepted"], 1);
    // More connections than the server has descriptors: those beyond wait in the listener's queue.
    let crowd: Vec<TcpStream> = (0..120).filter_map(|_| TcpStream::connect(&address).ok()).collect();
    assert!(crowd.len() > 64, "only {} connections", crowd.len());
    std::thread::sleep(Duration::from_millis(300));
    drop(crowd);
    let begun = Instant::now();
    let answer = loop {
        let fresh = TcpStream::connect(&address).ok();
        let fresh = fresh.filter(|s| s.set_read_timeout(Some(Duration::from_secs(2))).is_ok());
        if let Some(answer) = fresh.and_then(|mut s| post(&mut s, &rows(1, 1))) {
            break answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "the server did not come back");
    };
    // It may have taken the row of a call whose answer came too late.
    assert_eq!(answer["accepted"].as_u64().unwrap_or(0) + answer["duplicates"].as_u64().unwrap_or(0), 1, "{answer}");
    server.kill();
    let found = stored(&data);
    assert_eq!((found.get("0"), found.get("1"), found.len()), (Some(&1), Some(&1), 2));
}

#[test]
fn files_that_may_not_grow_refuse_writes_and_lose_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    run(&data, &["query", DEFINE]);
    // No file may pass 1 MB; the signal that comes with it is ignored, so that writing fails as on a full disk.
    let (mut server, address) = serve_within("trap '' XFSZ; ulimit -f 2000", &data);
    let mut stream = TcpStream::connect(&address).expect("a connection");
    let (mut acknowledged, mut refused) = (0, None);
    for call in 0..200 {
        match answered(&mut stream, &rows(call * 100, 100)).expect("an answer") {
            (200, answer) => acknowledged += answer["accepted"].as_u64().expect("a count"),
            other => {
                refused = Some(other);
                break;
            }
        }
    }
    let (status, answer) = refused.expect("the log grew past its limit");
    assert_eq!(status, 503, "{answer}");
    let words = answer.to_string();
    assert!(words.contains("writes_refused") && words.contains("reads go on"), "{words}");
    assert!(acknowledged >= 1000, "only {acknowledged} before the limit");
    // Reading goes on.
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_eql"))
        .args(["query", "SELECT count(*) AS n FROM visit", "--format", "json", "--url", &format!("http://{address}")])
        .output()
        .expect("eql starts");
    let read: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"));
    assert_eq!(read["rows"][0][0], acknowledged);
    server.kill();
    let found = stored(&data);
    assert_eq!(found.len() as u64, acknowledged);
    assert!(found.values().all(|n| *n == 1));
    // Without the limit it takes writes again.
    let (mut server, address) = serve(&data);
    let mut stream = TcpStream::connect(&address).expect("a connection");
    assert_eq!(post(&mut stream, &rows(1_000_000, 10)).expect("an answer")["accepted"], 10);
    server.kill();
}
