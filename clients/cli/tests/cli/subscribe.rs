//! `eql subscribe`, embedded and over a server, until it is stopped.

use crate::driver::Bench;
use crate::serve::Served;
use serde_json::Value;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

const SEGMENT: &str = "DEFINE STREAMING SEGMENT keen OF user AS DID purchase AT LEAST 2 TIMES";

/// A subscription that is printed, stopped at the latest when the test ends.
struct Printed {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Printed {
    fn start(bench: &Bench, arguments: &[&str]) -> Printed {
        let arguments: Vec<&str> = ["subscribe", "keen"].iter().chain(arguments).copied().collect();
        let mut child = bench.command(&arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Printed { child, lines }
    }

    fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }
}

impl Drop for Printed {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn bought(bench: &Bench, at: &[&str], users: &[&str]) {
    for (user, time) in users.iter().flat_map(|u| [(u, "2026-01-01"), (u, "2026-01-02")]) {
        let text = format!("INSERT INTO EVENT purchase (user_id, time, amount) VALUES ('{user}', '{time}', 1)");
        let arguments: Vec<&str> = ["query", text.as_str()].iter().chain(at).copied().collect();
        bench.run(&arguments).done();
    }
}

#[test]
fn changes_are_printed_and_go_on_at_a_cursor() {
    let bench = Bench::with_users();
    bench.run(&["query", SEGMENT]).done();
    bought(&bench, &[], &["a"]);
    let cursor = {
        let mut printed = Printed::start(&bench, &["--from", "snapshot"]);
        let first = printed.next();
        assert_eq!((first["entity"].as_str(), first["change"].as_str()), (Some("a"), Some("snapshot")), "{first}");
        let stands = printed.next();
        assert_eq!(stands["change"], "progress");
        stands["cursor"].as_str().unwrap().to_string()
    };
    let served = Served::start(&bench);
    let at = ["--url", served.http.as_str()];
    bought(&bench, &at, &["b"]);
    let mut printed = Printed::start(&bench, &["--from", &cursor, "--url", &served.http]);
    let change = printed.next();
    assert_eq!((change["entity"].as_str(), change["change"].as_str()), (Some("b"), Some("enter")), "{change}");
    // Of the promises the first one.
    assert_eq!(printed.next()["change"], "progress");
    bought(&bench, &at, &["c"]);
    let change = printed.next();
    assert_eq!((change["entity"].as_str(), change["segment"].as_str()), (Some("c"), Some("keen")), "{change}");
    bench.run(&["subscribe", "nobody", "--url", &served.http]).fails(1, "nobody");
    bench.run(&["subscribe", "keen", "--from", "rubbish", "--url", &served.http]).fails(1, "FROM SNAPSHOT");
    bench.run(&["query", "SUBSCRIBE TO SEGMENT keen", "--url", &served.http]).fails(2, "--format ndjson");
    assert!(served.terminate(), "a server with a subscriber stops cleanly");
    assert!(printed.lines.next().is_none() || printed.child.wait().is_ok());
}
