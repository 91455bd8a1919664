//! Subscribers of a server that is killed under load, again and again, over every way there is to follow a segment: nothing is missed, nothing
//! that was acknowledged comes again, and in the end each of them has what a question gives.
//!
//! `EQL_KILLS=50 cargo test --workspace --test server` goes through more than the everyday run.

use crate::process::{Addresses, DEFINE, run, serve_at};
use crate::view::{View, send};
use crate::ways::{Flight, Named, Polling, Streaming, Way, Webhook, request};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SEGMENT: &str = "DEFINE STREAMING SEGMENT keen OF user AS DID [visit WHERE page = 'p'] AT LEAST 3 TIMES DURING last 1 rolling days";

fn asked(data: &Path) -> BTreeSet<i64> {
    let rows = run(data, &["query", "SELECT user_id FROM user WHERE user_id IN SEGMENT keen", "--format", "ndjson"]);
    rows.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).expect("JSON")["user_id"].as_i64().expect("a key")).collect()
}

/// One server's life, with load and everybody who follows; its death at a moment that differs each time.
fn live_and_die(data: &Path, cycle: usize, position: &AtomicU64, ways: &mut [Box<dyn Way>], millis: u64) {
    let (mut server, addresses) = serve_at(data);
    let killed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (address, position) = (&addresses.http, &*position);
            scope.spawn(move || send(address, cycle, thread, position));
        }
        for way in &mut *ways {
            let (addresses, killed) = (&addresses, &killed);
            scope.spawn(move || {
                way.follow(addresses, &|_| killed.load(Ordering::Relaxed));
                assert!(killed.load(Ordering::Relaxed), "{}: it ended before the server", way.view().name);
            });
        }
        std::thread::sleep(Duration::from_millis(millis));
        killed.store(true, Ordering::Relaxed);
        server.kill();
    });
}

#[test]
fn subscribers_of_a_server_that_is_killed_see_everything() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    run(&data, &["query", &format!("{DEFINE}; {SEGMENT}")]);
    let cycles = std::env::var("EQL_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(10);
    let webhook = Webhook::listen();
    let mut ways: Vec<Box<dyn Way>> = vec![
        Box::new(Streaming::new("events over HTTP")),
        Box::new(Streaming::new("other events over HTTP")),
        Box::new(Polling::new("polling")),
        Box::new(Flight::new("flight")),
        Box::new(Named::new("named")),
    ];
    let (mut server, addresses) = serve_at(&data);
    let put = |path: &str, body: String| assert_eq!(request(&addresses, "PUT", path, &body).map(|(s, _)| s), Some(200), "{path}");
    put("/v1/subscriptions/named", r#"{"segment":"keen"}"#.to_string());
    put("/v1/webhooks/hook", format!(r#"{{"segment":"keen","url":"{}","attempts":100,"backoff_ms":20}}"#, webhook.url));
    server.kill();
    let (position, mut x) = (AtomicU64::new(0), 0x2545_f491_4f6c_dd1du64);
    for cycle in 0..cycles {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        live_and_die(&data, cycle, &position, &mut ways, 300 + x % 900);
    }
    let (mut server, addresses) = serve_at(&data);
    let last = position.load(Ordering::Relaxed);
    for way in &mut ways {
        way.follow(&addresses, &|view| view.promised >= last);
        assert!(way.view().promised >= last, "{}: no promise of position {last}", way.view().name);
    }
    let members = ways[0].view().members.clone();
    let begun = Instant::now();
    while webhook.view().members != members {
        assert!(begun.elapsed() < Duration::from_secs(60), "the webhook has others: {:?}", webhook.view().differ(&members));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(dead(&addresses), 0, "nothing was given up");
    server.kill();
    let expected = asked(&data);
    assert!(expected.len() > 10, "{} members", expected.len());
    let webhook = webhook.view();
    let views: Vec<&View> = ways.iter().map(|w| w.view()).chain([&*webhook]).collect();
    for view in views {
        assert!(view.changes > 0 && view.differ(&expected).is_empty(), "{}: {:?}", view.name, view.differ(&expected));
    }
}

fn dead(addresses: &Addresses) -> usize {
    let (_, said) = request(addresses, "GET", "/v1/webhooks/hook/dead", "").expect("an answer");
    said["dead"].as_array().map_or(usize::MAX, Vec::len)
}
