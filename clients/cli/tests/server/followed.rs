//! Subscribers of a server that is killed under load, again and again: nothing is missed, nothing comes twice, and in the end each of them
//! has what a question gives.
//!
//! `EQL_KILLS=200 cargo test --workspace --test server` goes through more than the everyday run.

use crate::process::{DEFINE, post, run, serve};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const SEGMENT: &str = "DEFINE STREAMING SEGMENT keen OF user AS DID [visit WHERE page = 'p'] AT LEAST 3 TIMES DURING last 1 rolling days";

/// What one subscriber knows.
#[derive(Default)]
struct View {
    members: BTreeSet<i64>,
    cursor: Option<String>,
    promised: u64,
    changes: usize,
}

impl View {
    /// Reads events until the server is gone, or `enough` says so.
    fn follow(&mut self, address: &str, enough: impl Fn(&View) -> bool) -> Option<()> {
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
        let seen = self.cursor.as_ref().map_or(String::new(), |c| format!("last-event-id: {c}\r\n"));
        if self.cursor.is_none() {
            *self = View::default();
        }
        // HTTP/1.0: the body comes as it is, until the end.
        let request = format!("GET /v1/segments/keen/changes?from=snapshot HTTP/1.0\r\nhost: localhost\r\n{seen}\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut lines = BufReader::new(stream).lines();
        let status = lines.next()?.ok()?;
        assert!(status.contains(" 200 "), "{status}");
        while !lines.next()?.ok()?.is_empty() {}
        let mut event: Vec<(String, String)> = Vec::new();
        while !enough(self) {
            let line = lines.next()?.ok()?;
            if let Some((name, value)) = line.split_once(": ") {
                event.push((name.to_string(), value.to_string()));
            } else if line.is_empty() && !event.is_empty() {
                self.take(&std::mem::take(&mut event));
            }
        }
        Some(())
    }

    /// An event is taken with its cursor, or not at all.
    fn take(&mut self, event: &[(String, String)]) {
        let of = |name: &str| event.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        let Some(data) = of("data") else { return };
        let row: serde_json::Value = serde_json::from_str(&data).expect("JSON");
        let who = row["entity"].as_i64();
        let kind = of("event").unwrap_or_default();
        match (kind.as_str(), row["change"].as_str(), who) {
            ("snapshot", _, Some(who)) => assert!(self.members.insert(who), "{who} is twice in the snapshot"),
            ("change", Some("enter"), Some(who)) => assert!(self.members.insert(who), "{who} enters and is in: {row}"),
            ("change", Some("exit"), Some(who)) => assert!(self.members.remove(&who), "{who} leaves and is not in: {row}"),
            ("snapshot_end" | "progress", ..) => self.promised = row["position"].as_u64().unwrap_or(0),
            other => panic!("{other:?}: {row}"),
        }
        self.changes += usize::from(kind == "change");
        if let Some(cursor) = of("id") {
            self.cursor = Some(cursor);
        }
    }
}

/// Sends visits of some users until the server is gone; the last position that was acknowledged.
fn send(address: &str, cycle: usize, thread: usize, position: &AtomicU64) {
    let Ok(mut stream) = TcpStream::connect(address) else { return };
    for call in 0.. {
        let user = (call * 13 + thread * 7 + cycle * 101) % 400;
        let row = |i: usize| {
            format!(
                "{{\"event\":\"visit\",\"id\":\"{cycle}-{thread}-{call}-{i}\",\"user_id\":{},\"page\":\"{}\"}}\n",
                user + i,
                if i % 3 == 2 { "q" } else { "p" }
            )
        };
        match post(&mut stream, &(0..5).map(row).collect::<String>()) {
            Some(answer) => position.fetch_max(answer["position"].as_u64().unwrap_or(0), Ordering::Relaxed),
            None => return,
        };
    }
}

fn asked(data: &Path) -> BTreeSet<i64> {
    let rows = run(data, &["query", "SELECT user_id FROM user WHERE user_id IN SEGMENT keen", "--format", "ndjson"]);
    rows.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).expect("JSON")["user_id"].as_i64().expect("a key")).collect()
}

#[test]
fn subscribers_of_a_server_that_is_killed_see_everything_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    run(&data, &["query", &format!("{DEFINE}; {SEGMENT}")]);
    let cycles = std::env::var("EQL_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(10);
    let position = AtomicU64::new(0);
    let mut views: Vec<View> = (0..3).map(|_| View::default()).collect();
    let mut x: u64 = 0x2545_f491_4f6c_dd1d;
    for cycle in 0..cycles {
        let (mut server, address) = serve(&data);
        let killed = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for thread in 0..2 {
                let (address, position) = (&address, &position);
                scope.spawn(move || send(address, cycle, thread, position));
            }
            for view in &mut views {
                let (address, killed) = (&address, &killed);
                scope.spawn(move || {
                    let gone = view.follow(address, |_| false);
                    assert!(gone.is_none() && killed.load(Ordering::Relaxed), "the stream ended before the server");
                });
            }
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            std::thread::sleep(Duration::from_millis(300 + x % 900));
            killed.store(true, Ordering::Relaxed);
            server.kill();
        });
    }
    let (mut server, address) = serve(&data);
    let last = position.load(Ordering::Relaxed);
    for view in &mut views {
        let done = view.follow(&address, |v| v.promised >= last && v.cursor.is_some());
        assert!(done.is_some(), "no promise of position {last}");
    }
    server.kill();
    let expected = asked(&data);
    assert!(expected.len() > 10, "{} members", expected.len());
    assert!(views.iter().all(|v| v.changes > 0));
    for view in &views {
        let differ: Vec<&i64> = view.members.symmetric_difference(&expected).collect();
        assert!(differ.is_empty(), "the subscriber has others than the question: {differ:?}");
    }
}
