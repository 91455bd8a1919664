//! What is kept of subscriptions and webhooks: over a backup, an erasure and a lost directory; and what is shown of it.
#![allow(clippy::unwrap_used)]

mod support;

use eql_engine::admin::{RestoreRequest, restore};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};
use support::{Running, config, empty, over};

const DEFINE: &str = "DEFINE ENTITY person KEY person_id STRING (city STRING); DEFINE EVENT visit OF person (page STRING);
    DEFINE STREAMING SEGMENT keen OF person AS DID visit AT LEAST 2 TIMES;
    DEFINE TAG level OF person TYPE INT IMPORTED";
const PATIENCE: Duration = Duration::from_secs(120);

fn doors() -> eql_server::Config {
    eql_server::Config { webhooks_allow_private: true, ..config(&[]) }
}

async fn world(config: eql_server::Config) -> Running {
    let server = empty(config).await;
    let (status, said) = server.post("/v1/query", DEFINE);
    assert_eq!(status, 200, "{said}");
    server
}

/// Somebody visits twice, and so becomes keen.
fn visits(server: &Running, who: &str) {
    let row = |i: u8| format!("{{\"event\":\"visit\",\"id\":\"{who}-{i}\",\"person_id\":\"{who}\",\"page\":\"p\"}}\n");
    let (status, said) = server.post("/v1/events", &(0..2).map(row).collect::<String>());
    assert!(status == 200 && said["accepted"] == 2, "{status} {said}");
}

/// What there is to read, or the status and the words of the refusal.
fn poll(server: &Running, asked: &str) -> Result<Value, (u16, String)> {
    let heard = server.get(&format!("/v1/segments/keen/changes?mode=poll&{asked}"));
    if heard.status == 200 { Ok(serde_json::from_str(&heard.body).unwrap()) } else { Err((heard.status, heard.body)) }
}

/// `enter ada event`, for each change.
fn told(polled: &Value) -> Vec<String> {
    let word = |v: &Value| v.as_str().unwrap_or("nobody").to_string();
    let one = |c: &Value| format!("{} {} {}", word(&c["change"]), word(&c["entity"]), word(&c["cause"]));
    polled["changes"].as_array().unwrap().iter().map(one).collect()
}

fn put(server: &Running, path: &str, body: &Value) {
    let heard = server.ask("PUT", path, &[], Some(&body.to_string()));
    assert_eq!(heard.status, 200, "{}", heard.body);
}

/// An address that nobody answers at.
fn nobody() -> String {
    format!("http://{}/", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn dead(server: &Running, webhook: &str) -> Vec<Value> {
    let said: Value = serde_json::from_str(&server.get(&format!("/v1/webhooks/{webhook}/dead")).body).unwrap();
    said["dead"].as_array().unwrap().clone()
}

fn rows(server: &Running, query: &str) -> Value {
    let (status, said) = server.post("/v1/query", query);
    assert_eq!(status, 200, "{said}");
    said["rows"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn out_of_a_backup_a_subscription_goes_on_or_says_that_it_cannot() {
    let place = tempfile::tempdir().unwrap();
    let backups = eql_server::Config { backup_dir: Some(place.path().to_path_buf()), ..doors() };
    let server = world(backups).await;
    put(&server, "/v1/subscriptions/crm", &json!({ "segment": "keen" }));
    put(&server, "/v1/subscriptions/hasty", &json!({ "segment": "keen" }));
    put(&server, "/v1/webhooks/hook", &json!({ "url": nobody(), "segment": "keen", "attempts": 1, "secret": "0123456789abcdef" }));
    visits(&server, "ada");
    let first = poll(&server, "subscription=crm").unwrap();
    assert_eq!(told(&first), ["enter ada event"]);
    let (status, said) = server.post("/v1/subscriptions/crm/ack", &json!({ "cursor": first["cursor"] }).to_string());
    assert_eq!(status, 200, "{said}");
    visits(&server, "bob");
    until("both letters are dead", || dead(&server, "hook").len() == 2);
    let (status, said) = server.post("/v1/admin/backup", r#"{"target":"monday"}"#);
    assert_eq!(status, 200, "{said}");
    visits(&server, "cyd");
    let later = poll(&server, "subscription=crm").unwrap();
    assert_eq!(told(&later), ["enter bob event", "enter cyd event"]);
    let (status, said) = server.post("/v1/subscriptions/hasty/ack", &json!({ "cursor": later["cursor"] }).to_string());
    assert_eq!(status, 200, "{said}");
    server.stop().await.unwrap();

    let again = tempfile::tempdir().unwrap();
    let request = RestoreRequest { backup: place.path().join("monday"), dir: again.path().join("data"), ..RestoreRequest::default() };
    restore(&request).unwrap();
    let data = moved(&again.path().join("data"));
    let server = over(data, doors()).await;
    assert_eq!(told(&poll(&server, "subscription=crm").unwrap()), ["enter bob event"], "it goes on where it was when the backup was made");
    let from = |polled: &Value| format!("from={}", polled["cursor"].as_str().unwrap());
    assert_eq!(told(&poll(&server, &from(&first)).unwrap()), ["enter bob event"]);
    let (status, words) = poll(&server, &from(&later)).unwrap_err();
    assert!(status == 410 && words.contains("SNAPSHOT_REQUIRED"), "{status} {words}");
    assert_eq!(told(&poll(&server, "subscription=hasty").unwrap()), ["enter ada event", "enter bob event"], "of before it knew of cyd");
    let webhook: Value = serde_json::from_str(&server.get("/v1/webhooks/hook").body).unwrap();
    assert_eq!((&webhook["segment"], &webhook["attempts"]), (&json!("keen"), &json!(1)), "{webhook}");
    assert_eq!(dead(&server, "hook").len(), 2);
    // What comes now gets cursors that the other directory never gave.
    visits(&server, "dan");
    until("dan is told", || told(&poll(&server, "subscription=crm").unwrap()) == ["enter bob event", "enter dan event"]);
    let (status, _) = poll(&server, &from(&later)).unwrap_err();
    assert_eq!(status, 410, "as many records later, too");

    // Without the change log the definitions are there all the same, and nobody takes what they have for complete.
    let (stopped, data) = server.stop_and_keep().await;
    stopped.unwrap();
    std::fs::remove_dir_all(data.path().join("changes")).unwrap();
    let server = over(data, doors()).await;
    let (status, words) = poll(&server, "subscription=crm").unwrap_err();
    assert!(status == 410 && words.contains("SNAPSHOT_REQUIRED"), "{status} {words}");
    let shown = rows(&server, "SELECT name, kind, state FROM system.subscriptions WHERE kind <> 'stream' ORDER BY name");
    assert_eq!(shown[0], json!(["crm", "subscription", "broken"]), "{shown}");
    // A webhook has nobody who could take a snapshot: it goes on, and says so.
    until("the webhook goes on", || {
        rows(&server, "SELECT state, error LIKE '%SNAPSHOT_REQUIRED%' FROM system.subscriptions WHERE kind = 'webhook'")
            == json!([["active", true]])
    });
}

/// The directory as a temporary one of its own.
fn moved(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    std::fs::remove_dir(to.path()).unwrap();
    std::fs::rename(from, to.path()).unwrap();
    to
}

/// Files below a directory that hold some bytes.
fn holding(dir: &Path, needle: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            holding(&path, needle, found);
        } else if std::fs::read(&path).is_ok_and(|all| all.windows(needle.len()).any(|w| w == needle.as_bytes())) {
            found.push(path.display().to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_is_erased_is_in_no_file_of_what_was_published() {
    const WHO: &str = "needle-of-a-key";
    let server = world(doors()).await;
    put(&server, "/v1/subscriptions/slow", &json!({ "segment": "keen" }));
    put(&server, "/v1/webhooks/hook", &json!({ "url": nobody(), "segment": "keen", "attempts": 1 }));
    let tag = server.get("/v1/tags/person/level/changes?mode=poll&from=now");
    let tag: Value = serde_json::from_str(&tag.body).unwrap();
    visits(&server, "ada");
    visits(&server, WHO);
    assert_eq!(server.post("/v1/query", &format!("INSERT INTO TAG level VALUES ('{WHO}', 5), ('ada', 6)")).0, 200);
    until("both letters are dead", || dead(&server, "hook").len() == 2);
    let data = server.data().to_path_buf();
    let in_files = || {
        let mut found = Vec::new();
        holding(&data, WHO, &mut found);
        found
    };
    let changes = |found: &[String]| found.iter().filter(|f| f.contains("/changes/")).count();
    until("it is written", || changes(&in_files()) >= 2);
    let (status, said) = server.post("/v1/admin/erase", &json!({ "entity": "person", "keys": [WHO] }).to_string());
    assert_eq!(status, 200, "{said}");
    until("the exit is told", || told(&poll(&server, "subscription=slow").unwrap()).contains(&format!("exit {WHO} erase")));
    // The webhook has tried that, too; a letter of somebody who was erased is not kept.
    until("the exit was tried", || rows(&server, "SELECT lag FROM system.subscriptions WHERE kind = 'webhook'") == json!([[0]]));
    assert_eq!(dead(&server, "hook").len(), 2);
    let (status, said) = server.post("/v1/admin/compact", "");
    assert_eq!((status, said["changes_erased"].as_u64(), said["letters_erased"].as_u64()), (200, Some(4), Some(1)), "{said}");
    assert_eq!(in_files(), Vec::<String>::new());
    assert_eq!(told(&poll(&server, "subscription=slow").unwrap()), ["enter ada event", "exit nobody erase"]);
    let heard = server.get(&format!("/v1/tags/person/level/changes?mode=poll&from={}", tag["cursor"].as_str().unwrap()));
    let heard: Value = serde_json::from_str(&heard.body).unwrap();
    let shown: Vec<(&Value, &Value)> = heard["changes"].as_array().unwrap().iter().map(|c| (&c["entity"], &c["new"])).collect();
    assert_eq!(shown, [(&json!("ada"), &json!(6)), (&Value::Null, &Value::Null)], "{heard}");
    let letters = dead(&server, "hook");
    assert!(letters.len() == 1 && letters[0]["body"]["changes"][0]["entity"] == "ada", "{letters:?}");
    // Whoever comes back under the same key is somebody new.
    visits(&server, "needle-of-a-key");
    until("they enter", || told(&poll(&server, "subscription=slow").unwrap()).len() == 3);
    let (stopped, kept) = server.stop_and_keep().await;
    stopped.unwrap();
    let server = over(kept, doors()).await;
    let all = ["enter ada event", "exit nobody erase", &format!("enter {WHO} event")];
    assert_eq!(told(&poll(&server, "subscription=slow").unwrap()), all);
    assert_eq!(rows(&server, "SELECT person_id FROM person WHERE person_id IN SEGMENT keen ORDER BY person_id"), json!([["ada"], [WHO]]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn subscriptions_webhooks_and_streams_are_shown_with_how_far_they_are() {
    let server = world(doors()).await;
    put(&server, "/v1/subscriptions/slow", &json!({ "segment": "keen" }));
    let url = nobody();
    put(&server, "/v1/webhooks/hook", &json!({ "url": url, "segment": "keen", "attempts": 100, "backoff_ms": 20 }));
    let mut stream = std::net::TcpStream::connect(server.at.http.socket).unwrap();
    std::io::Write::write_all(&mut stream, b"GET /v1/segments/keen/changes HTTP/1.0\r\nhost: localhost\r\n\r\n").unwrap();
    ["ada", "bob", "cyd"].iter().for_each(|who| visits(&server, who));
    let query = "SELECT kind, name, follows, state, lag, error IS NOT NULL AS failed, url FROM system.subscriptions ORDER BY kind, name";
    until("all of them are shown", || {
        let shown = rows(&server, query);
        let expected = json!([
            ["stream", shown[0][1], "segment keen", "active", 0, false, null],
            ["subscription", "slow", "segment keen", "active", 3, false, null],
            ["webhook", "hook", "segment keen", "retrying", 3, true, url],
        ]);
        shown == expected
    });
    let polled = poll(&server, "subscription=slow&limit=2").unwrap();
    server.post("/v1/subscriptions/slow/ack", &json!({ "cursor": polled["cursor"] }).to_string());
    let (_, said) = server.post("/v1/query", "SHOW SUBSCRIPTIONS LIKE 's%'");
    let names: Vec<&str> = said["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names[..5], ["name", "kind", "type", "comment", "definition"], "like every SHOW");
    let of = |name: &str| said["rows"][0][names.iter().position(|n| *n == name).unwrap()].clone();
    assert_eq!(
        (of("name"), of("type"), of("lag"), said["rows"].as_array().unwrap().len()),
        (json!("slow"), json!("segment keen"), json!(1), 1)
    );
    assert!(of("lag_ms").as_i64().unwrap() >= 0 && of("cursor") == polled["cursor"], "{said}");
    drop(stream);
    until("the stream is gone", || rows(&server, "SELECT count(*) FROM system.subscriptions WHERE kind = 'stream'") == json!([[0]]));
}
