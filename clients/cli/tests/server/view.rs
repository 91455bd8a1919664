//! What somebody who follows a segment knows, and the load that changes it.

use crate::process::post;
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};

/// What one subscriber knows.
#[derive(Default)]
pub(crate) struct View {
    pub(crate) name: &'static str,
    pub(crate) members: BTreeSet<i64>,
    /// Where to go on.
    pub(crate) cursor: Option<String>,
    pub(crate) promised: u64,
    pub(crate) changes: usize,
    seen: HashSet<String>,
}

impl View {
    pub(crate) fn new(name: &'static str) -> View {
        View { name, ..View::default() }
    }

    /// Whoever has no cursor begins again.
    pub(crate) fn begin(&mut self) {
        if self.cursor.is_none() {
            self.members.clear();
        }
    }

    /// A row is taken with its cursor, or not at all.
    pub(crate) fn take(&mut self, row: &Value) {
        self.row(row, false);
    }

    /// The same where a change may come again: by its cursor it is known.
    pub(crate) fn take_once(&mut self, row: &Value) {
        self.row(row, true);
    }

    fn row(&mut self, row: &Value, may_come_again: bool) {
        let (name, who) = (self.name, row["entity"].as_i64());
        let cursor = row["cursor"].as_str();
        let change = row["change"].as_str();
        if matches!(change, Some("enter" | "exit")) {
            self.changes += 1;
            let is_new = self.seen.insert(cursor.expect("a cursor").to_string());
            if !is_new {
                assert!(may_come_again, "{name}: it comes twice: {row}");
                return;
            }
        }
        match (change, who) {
            (Some("snapshot"), Some(who)) => assert!(self.members.insert(who), "{name}: {who} is twice in the snapshot"),
            (Some("enter"), Some(who)) => assert!(self.members.insert(who), "{name}: {who} enters and is in: {row}"),
            (Some("exit"), Some(who)) => assert!(self.members.remove(&who), "{name}: {who} leaves and is not in: {row}"),
            (Some("progress"), None) => self.promised = row["position"].as_u64().unwrap_or(0),
            other => panic!("{name}: {other:?}: {row}"),
        }
        if let Some(cursor) = cursor {
            self.cursor = Some(cursor.to_string());
        }
    }

    pub(crate) fn differ(&self, expected: &BTreeSet<i64>) -> Vec<i64> {
        self.members.symmetric_difference(expected).copied().collect()
    }
}

/// Sends visits of some users until the server is gone; the last position that was acknowledged.
pub(crate) fn send(address: &str, cycle: usize, thread: usize, position: &AtomicU64) {
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
