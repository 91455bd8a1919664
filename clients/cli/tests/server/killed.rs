//! `kill -9` of a server under load, at random moments: every event that was acknowledged is there afterwards, once.
//!
//! `EQL_KILLS=200 cargo test --workspace --test server` goes through more than the everyday run.

use crate::process::{DEFINE, post, run, serve, stored};
use std::collections::BTreeSet;
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::Duration;

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
            server.kill();
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
