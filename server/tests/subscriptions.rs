//! Subscriptions and webhooks through the doors of a server in this process.
#![allow(clippy::unwrap_used)]

mod support;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use futures::TryStreamExt;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use support::{Running, config, empty};
use tokio::task::block_in_place;

const DEFINE: &str = "DEFINE ENTITY user KEY user_id INT (city STRING); DEFINE EVENT visit OF user (page STRING, amount INT);
    DEFINE TAG level OF user TYPE INT IMPORTED;
    DEFINE SEGMENT anybody OF user AS DID visit;
    DEFINE STREAMING SEGMENT keen OF user AS DID visit AT LEAST 2 TIMES";
const PATIENCE: Duration = Duration::from_secs(30);

async fn world() -> Running {
    let server = empty(support_config()).await;
    let (status, said) = server.post("/v1/query", DEFINE);
    assert_eq!(status, 200, "{said}");
    server
}

fn support_config() -> eql_server::Config {
    eql_server::Config { webhooks_allow_private: true, ..config(&[]) }
}

fn visit(server: &Running, ids: &[&str], user: i64, amount: i64) {
    for id in ids {
        let body = format!("{{\"event\":\"visit\",\"id\":\"{id}\",\"user_id\":{user},\"page\":\"p\",\"amount\":{amount}}}");
        let (status, said) = server.post("/v1/events", &body);
        assert!(status == 200 && said["accepted"] == 1, "{status} {said}");
    }
}

/// Events of a stream, read in a thread of its own: (kind, id, data).
struct Events {
    receiver: Receiver<(String, Option<String>, Value)>,
    stream: TcpStream,
}

impl Events {
    fn open(server: &Running, path: &str, seen: Option<&str>) -> Events {
        let mut stream = TcpStream::connect(server.at.http.socket).unwrap();
        let seen = seen.map_or(String::new(), |s| format!("last-event-id: {s}\r\n"));
        write!(stream, "GET {path} HTTP/1.0\r\nhost: localhost\r\n{seen}\r\n").unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            assert!(lines.next().unwrap_or_default().contains(" 200 "));
            let mut event = Vec::new();
            for line in lines.by_ref().skip_while(|l| !l.is_empty()).skip(1) {
                if let Some((name, value)) = line.split_once(": ") {
                    event.push((name.to_string(), value.to_string()));
                } else if !event.is_empty() {
                    let of = |name: &str| event.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
                    let data = serde_json::from_str(&of("data").unwrap_or_default()).unwrap_or_default();
                    if sender.send((of("event").unwrap_or_default(), of("id"), data)).is_err() {
                        return;
                    }
                    event.clear();
                }
            }
        });
        Events { receiver, stream }
    }

    fn next(&self) -> (String, Option<String>, Value) {
        block_in_place(|| self.receiver.recv_timeout(PATIENCE)).expect("an event")
    }

    /// The next one that is no promise.
    fn change(&self) -> (String, Option<String>, Value) {
        loop {
            let event = self.next();
            if event.0 != "progress" {
                return event;
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segment_is_followed_from_its_snapshot_and_resumed_without_a_gap() {
    let server = world().await;
    visit(&server, &["a1", "a2"], 1, 5);
    let events = Events::open(&server, "/v1/segments/keen/changes?from=snapshot", None);
    let (kind, id, data) = events.next();
    assert_eq!((kind.as_str(), id, data["entity"].as_i64(), &data["change"]), ("snapshot", None, Some(1), &Value::from("snapshot")));
    let (kind, id, data) = events.next();
    assert!(kind == "snapshot_end" && id.is_some() && data["entity"].is_null(), "{kind} {data}");
    visit(&server, &["b1"], 2, 5);
    visit(&server, &["b2"], 2, 5);
    let (kind, first, data) = events.change();
    assert_eq!((kind.as_str(), data["entity"].as_i64(), data["change"].as_str()), ("change", Some(2), Some("enter")));
    assert_eq!((data["cause"].as_str(), data["segment"].as_str()), (Some("event"), Some("keen")));
    assert_eq!(data["cursor"].as_str(), first.as_deref());
    // Promises come about each second.
    let (kind, ..) = events.next();
    assert_eq!(kind, "progress");
    drop(events);
    visit(&server, &["c1", "c2"], 3, 5);
    let (_, said) = server.post("/v1/query", "SELECT count(*) AS n FROM user WHERE user_id IN SEGMENT keen");
    assert_eq!(said["rows"][0][0], 3);
    let again = Events::open(&server, "/v1/segments/keen/changes?from=snapshot", first.as_deref());
    let (kind, second, data) = again.change();
    assert_eq!((kind.as_str(), data["entity"].as_i64()), ("change", Some(3)), "the cursor stands above `from`: {data}");
    // An erased event takes its user out.
    let (status, said) = server.post("/v1/admin/erase", r#"{"entity":"user","keys":["3"]}"#);
    assert_eq!(status, 200, "{said}");
    let (_, _, data) = again.change();
    assert_eq!((data["entity"].as_i64(), data["change"].as_str(), data["cause"].as_str()), (Some(3), Some("exit"), Some("erase")));
    // Piece by piece.
    let heard = server.get(&format!("/v1/segments/keen/changes?mode=poll&limit=1&from={}", first.unwrap()));
    let said: Value = serde_json::from_str(&heard.body).unwrap();
    assert_eq!((said["changes"].as_array().unwrap().len(), &said["more"]), (1, &Value::Bool(true)), "{said}");
    assert_eq!(said["cursor"].as_str(), second.as_deref());
    let heard = server.get(&format!("/v1/segments/keen/changes?mode=poll&from={}", said["cursor"].as_str().unwrap()));
    let said: Value = serde_json::from_str(&heard.body).unwrap();
    assert_eq!((said["changes"][0]["change"].as_str(), &said["more"]), (Some("exit"), &Value::Bool(false)), "{said}");
    let heard = server.get("/v1/segments/keen/changes?mode=poll&from=snapshot");
    let said: Value = serde_json::from_str(&heard.body).unwrap();
    assert_eq!(said["snapshot"].as_array().unwrap().len(), 2, "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_followed_is_refused_in_words() {
    let server = world().await;
    let refused = |path: &str| {
        let heard = server.get(path);
        (heard.status, heard.body)
    };
    let (status, body) = refused("/v1/segments/anybody/changes");
    assert!(status == 400 && body.contains("DEFINE STREAMING SEGMENT anybody"), "{body}");
    let (status, body) = refused("/v1/segments/nobody/changes");
    assert!(status == 400 && body.contains("EQL0203"), "{body}");
    let (status, body) = refused("/v1/segments/keen/changes?from=rubbish");
    assert!(status == 400 && body.contains("FROM SNAPSHOT"), "{body}");
    let (status, said) = server.post("/v1/query", "SUBSCRIBE TO SEGMENT keen");
    assert!(status == 400 && said.to_string().contains("application/x-ndjson"), "{said}");
    let (status, said) = server.post("/v1/query?format=ndjson", "SUBSCRIBE TO EVENT visit FROM SNAPSHOT");
    assert!(status == 400 && said.to_string().contains("no snapshot"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_and_events_are_followed() {
    let server = world().await;
    let tag = Events::open(&server, "/v1/tags/user/level/changes?from=snapshot", None);
    assert_eq!(tag.next().0, "snapshot_end");
    let (status, said) = server.post("/v1/query", "INSERT INTO TAG level VALUES (1, 5), (2, 6)");
    assert_eq!(status, 200, "{said}");
    let both = [tag.change().2, tag.change().2];
    let shown: Vec<(Option<i64>, Option<i64>, Option<i64>)> =
        both.iter().map(|d| (d["entity"].as_i64(), d["old"].as_i64(), d["new"].as_i64())).collect();
    assert_eq!(shown, [(Some(1), None, Some(5)), (Some(2), None, Some(6))]);
    let (_, said) = server.post("/v1/query", "INSERT INTO TAG level VALUES (1, 7)");
    let (_, cursor, data) = tag.change();
    assert_eq!((data["old"].as_i64(), data["new"].as_i64(), data["cause"].as_str()), (Some(5), Some(7), Some("property")), "{said}");
    let again = Events::open(&server, "/v1/tags/user/level/changes", cursor.as_deref());
    assert_eq!(again.next().0, "progress");

    let events = Events::open(&server, "/v1/events/visit/changes", None);
    assert_eq!(events.next().0, "progress");
    visit(&server, &["e1", "e2", "e3"], 4, 100);
    let ids: Vec<(Value, Option<String>)> = (0..3).map(|_| events.change()).map(|(_, id, d)| (d["event_id"].clone(), id)).collect();
    assert_eq!(ids.iter().map(|(i, _)| i.as_str().unwrap()).collect::<Vec<_>>(), ["e1", "e2", "e3"]);
    let resumed = Events::open(&server, "/v1/events/visit/changes", ids[0].1.as_deref());
    let (_, _, data) = resumed.change();
    assert_eq!((data["event_id"].as_str(), data["event"].as_str()), (Some("e2"), Some("visit")), "{data}");
    assert!(data["properties"].to_string().contains("100"), "{data}");
}

fn cells(batches: &[RecordBatch], name: &str) -> Vec<Option<String>> {
    let column =
        |b: &RecordBatch| b.column_by_name(name).unwrap().as_string::<i32>().iter().map(|v| v.map(str::to_string)).collect::<Vec<_>>();
    batches.iter().flat_map(column).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_flight_a_statement_does_not_end_and_leaves_nothing_behind() {
    let server = world().await;
    let mut client = server.flight().await;
    let text = "SUBSCRIBE TO SEGMENT keen ON ENTER WITH (user_id, count(visit) AS visits) FROM SNAPSHOT";
    let info = client.execute(text.to_string(), None).await.unwrap();
    let announced = info.clone().try_decode_schema().unwrap();
    let names: Vec<&str> = announced.fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(names, ["position", "segment", "entity", "change", "at", "cause", "user_id", "visits", "cursor"]);
    let mut stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    let first = stream.try_next().await.unwrap().unwrap();
    assert_eq!(cells(&[first], "change"), [Some("progress".to_string())], "it stands");
    visit(&server, &["a1", "a2", "a3"], 7, 1);
    let mut seen = Vec::new();
    let begun = Instant::now();
    while !cells(&seen, "change").contains(&Some("enter".to_string())) && begun.elapsed() < PATIENCE {
        seen.push(stream.try_next().await.unwrap().unwrap());
    }
    let entered = seen.iter().find(|b| b.column(2).is_valid(0)).unwrap();
    let number = |name: &str| entered.column_by_name(name).unwrap().as_primitive::<Int64Type>().value(0);
    assert_eq!((number("entity"), number("user_id")), (7, 7));
    assert!((2..=3).contains(&number("visits")), "as of the delivery: {}", number("visits"));
    let followers = |server: &Running| {
        let (_, said) = server.post("/v1/query", "SELECT subscribers FROM system.segments WHERE name = 'keen'");
        said["rows"][0][0].as_i64().unwrap()
    };
    assert_eq!(followers(&server), 1);
    drop(stream);
    drop(client);
    let begun = Instant::now();
    while followers(&server) > 0 {
        assert!(begun.elapsed() < PATIENCE, "the subscription is still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // A server with open subscriptions stops at once.
    let open = Events::open(&server, "/v1/segments/keen/changes", None);
    assert_eq!(open.next().0, "progress");
    let begun = Instant::now();
    server.stop().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20));
}

/// One request: its headers in lower case, and its body; answered with a status.
fn receive(listener: &TcpListener, status: &str) -> (Vec<(String, String)>, String) {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let headers: Vec<(String, String)> =
        head.lines().filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_ascii_lowercase(), v.to_string())).collect();
    let length: usize = headers.iter().find(|(n, _)| n == "content-length").unwrap().1.parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
    (headers, String::from_utf8(body).unwrap())
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> &'h str {
    &headers.iter().find(|(n, _)| n == name).unwrap().1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_webhook_is_signed_tried_again_buried_and_replayed() {
    let server = world().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let ask = format!(r#"{{"url":"{url}","segment":"keen","secret":"0123456789abcdef","attempts":3,"backoff_ms":10}}"#);
    let heard = server.ask("PUT", "/v1/webhooks/crm", &[], Some(&ask));
    assert_eq!(heard.status, 200, "{}", heard.body);
    visit(&server, &["a1", "a2"], 1, 1);
    let (failed, taken) = block_in_place(|| (receive(&listener, "500 no"), receive(&listener, "204 yes")));
    assert_eq!(failed.1, taken.1);
    assert_eq!(header(&failed.0, "idempotency-key"), header(&taken.0, "idempotency-key"));
    let body: Value = serde_json::from_str(&taken.1).unwrap();
    assert_eq!((body["changes"][0]["entity"].as_i64(), body["changes"][0]["change"].as_str()), (Some(1), Some("enter")), "{body}");
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"0123456789abcdef");
    let signed = format!("{}.{}", header(&taken.0, "eql-timestamp"), taken.1);
    let tag: String = ring::hmac::sign(&key, signed.as_bytes()).as_ref().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(header(&taken.0, "eql-signature"), format!("v1={tag}"));
    // Three times in vain: it is buried, and the next one goes out.
    visit(&server, &["b1", "b2"], 2, 1);
    let refused = block_in_place(|| (0..3).map(|_| receive(&listener, "500 no").1).collect::<Vec<_>>());
    assert!(refused[0].contains("\"entity\":2") && refused[0] == refused[2]);
    visit(&server, &["c1", "c2"], 3, 1);
    assert!(block_in_place(|| receive(&listener, "200 yes").1).contains("\"entity\":3"));
    let dead: Value = serde_json::from_str(&server.get("/v1/webhooks/crm/dead").body).unwrap();
    assert_eq!(dead["dead"].as_array().unwrap().len(), 1, "{dead}");
    assert!(dead["dead"][0]["error"].as_str().unwrap().contains("500") && dead["dead"][0]["attempts"] == 3, "{dead}");
    let replayed = std::thread::scope(|scope| {
        let receiver = scope.spawn(|| receive(&listener, "200 yes").1);
        let told = server.post("/v1/webhooks/crm/replay", "{}");
        (told, receiver.join().unwrap())
    });
    assert_eq!((replayed.0.1["sent"].as_i64(), replayed.1.contains("\"entity\":2")), (Some(1), true), "{:?}", replayed.0);
    assert!(!server.get("/v1/webhooks/crm").body.contains("0123456789abcdef"), "the secret is told once");
    let (_, said) = server.post("/v1/query", "SELECT name, kind, state, dead_letters, error FROM system.subscriptions");
    let (rows, kind) = (&said["rows"], "webhook");
    assert_eq!(*rows, serde_json::json!([["crm", kind, "active", 0, null]]), "the webhook's own stream is no other: {said}");
    assert_eq!(server.ask("DELETE", "/v1/webhooks/crm", &[], None).status, 200);
    assert_eq!(server.get("/v1/webhooks/crm").status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_reaches_nobody_inside() {
    let server = empty(config(&[])).await;
    assert_eq!(server.post("/v1/query", DEFINE).0, 200);
    let put = |url: &str| server.ask("PUT", "/v1/webhooks/w", &[], Some(&format!(r#"{{"url":"{url}","segment":"keen","attempts":1}}"#)));
    for url in
        ["http://example.org/", "https://127.0.0.1/", "https://169.254.169.254/latest/meta-data", "https://[::1]/", "https://10.1.2.3/"]
    {
        let heard = put(url);
        assert_eq!(heard.status, 400, "{url}: {}", heard.body);
    }
    // A name is judged when the connection is made.
    let heard = put("https://localhost:9/");
    assert_eq!(heard.status, 200, "{}", heard.body);
    visit(&server, &["a1", "a2"], 1, 1);
    let begun = Instant::now();
    loop {
        let dead: Value = serde_json::from_str(&server.get("/v1/webhooks/w/dead").body).unwrap();
        if let Some(error) = dead["dead"][0]["error"].as_str() {
            assert!(error.contains("no public address"), "{error}");
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "no dead letter");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_read_slows_nobody_down_and_misses_nothing() {
    const USERS: i64 = 6000;
    let server = world().await;
    // It asks, and then reads nothing.
    let mut stuck = TcpStream::connect(server.at.http.socket).unwrap();
    write!(stuck, "GET /v1/segments/keen/changes HTTP/1.0\r\nhost: localhost\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stuck.try_clone().unwrap()).lines().map_while(Result::ok);
    assert!(lines.next().unwrap().contains(" 200 "));
    let reads = Events::open(&server, "/v1/segments/keen/changes", None);
    assert_eq!(reads.next().0, "progress");
    for call in 0..USERS / 500 {
        let row = |i: i64| {
            let user = call * 500 + i;
            format!(
                "{{\"event\":\"visit\",\"id\":\"{user}a\",\"user_id\":{user}}}\n{{\"event\":\"visit\",\"id\":\"{user}b\",\"user_id\":{user}}}\n"
            )
        };
        let (status, said) = server.post("/v1/events", &(0..500).map(row).collect::<String>());
        assert!(status == 200 && said["accepted"] == 1000, "{status} {said}");
    }
    let all = |next: &mut dyn FnMut() -> Option<Value>| {
        let mut seen = std::collections::BTreeSet::new();
        while seen.len() < USERS as usize {
            let Some(data) = next() else { break };
            if let Some(who) = data["entity"].as_i64() {
                assert!(data["change"] == "enter" && seen.insert(who), "twice: {data}");
            }
        }
        seen.len() as i64
    };
    assert_eq!(all(&mut || Some(reads.next().2)), USERS);
    stuck.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut data = lines.filter_map(|l| l.strip_prefix("data: ").map(|d| serde_json::from_str(d).unwrap()));
    assert_eq!(block_in_place(|| all(&mut || data.next())), USERS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_abandons_a_cart_and_is_known_later_leaves_under_one_key_and_comes_under_another() {
    let server = empty(support_config()).await;
    let define = "DEFINE ENTITY person KEY person_id STRING (city STRING) IDENTITIES ($device STRING MANY);
        DEFINE EVENT cart OF person; DEFINE EVENT purchase OF person; DEFINE EVENT login OF person;
        DEFINE STREAMING SEGMENT abandoned OF person AS DID cart -> NOT WITHIN 1 hour purchase";
    let (status, said) = server.post("/v1/query", define);
    assert_eq!(status, 200, "{said}");
    let happens = |event: &str, id: &str, time: &str, key: Option<&str>, device: Option<&str>| {
        let mut body = serde_json::json!({ "event": event, "id": id, "time": time, "person_id": key });
        if let Some(device) = device {
            body["identities"] = serde_json::json!({ "person": { "$device": device } });
        }
        let (status, said) = server.post("/v1/events", &body.to_string());
        assert!(status == 200 && said["accepted"] == 1, "{status} {said}");
    };
    let does = |operation: &str| {
        let (status, said) = server.post("/v1/entities/person", operation);
        assert!(status == 200 && said["accepted"] == 1, "{status} {said}");
    };
    let answer = |query: &str| server.post("/v1/query", query).1["rows"].to_string();
    let segment = Events::open(&server, "/v1/segments/abandoned/changes?from=snapshot", None);
    assert_eq!(segment.next().0, "snapshot_end");
    let carts = Events::open(&server, "/v1/events/cart/changes", None);
    assert_eq!(carts.next().0, "progress");
    let told = || {
        let (_, _, data) = segment.change();
        format!("{} {} {}", data["change"].as_str().unwrap(), data["entity"].as_str().unwrap(), data["cause"].as_str().unwrap())
    };

    happens("cart", "1", "2024-03-01T12:00:00Z", None, Some("d1"));
    assert_eq!(told(), "enter $device:d1 event");
    assert_eq!(carts.change().2["person_id"], "$device:d1");
    happens("login", "2", "2024-03-01T15:00:00Z", Some("ada"), Some("d1"));
    assert_eq!([told(), told()], ["exit $device:d1 merge", "enter ada merge"]);
    assert_eq!(answer("SELECT person_id FROM person WHERE person_id IN SEGMENT abandoned"), "[[\"ada\"]]");
    assert_eq!(answer("SELECT members FROM system.segments WHERE name = 'abandoned'"), "[[1]]");
    let heard = server.get("/v1/entities/person/d1/segments?identity=$device");
    assert_eq!(heard.body.trim(), "{\"segments\":[\"abandoned\"]}");

    // A second cart of the same device is hers, and so is a purchase without a key: of the two carts none is left.
    happens("cart", "3", "2024-03-01T12:10:00Z", None, Some("d1"));
    assert_eq!(carts.change().2["person_id"], "ada");
    happens("purchase", "4", "2024-03-01T12:20:00Z", None, Some("d1"));
    assert_eq!(told(), "exit ada event");
    // Nobody's membership changes when the two come apart and are merged again; properties and names of the absorbed one go on working.
    does("{\"key\":\"ada\",\"unmerge\":\"$device:d1\"}");
    does("{\"key\":\"ada\",\"merge\":\"$device:d1\"}");
    happens("cart", "5", "2024-03-02T12:00:00Z", Some("$device:d1"), None);
    // Where the event is there before who is who was read again, both come as one change.
    assert!(["enter ada event", "enter ada merge"].contains(&told().as_str()));
    // Apart it is the device's, and nobody else is concerned.
    does("{\"key\":\"ada\",\"unmerge\":\"$device:d1\"}");
    assert_eq!([told(), told()], ["enter $device:d1 merge", "exit ada merge"]);
    does("{\"key\":\"ada\",\"merge\":\"$device:d1\"}");
    assert_eq!([told(), told()], ["exit $device:d1 merge", "enter ada merge"]);
    let (status, said) = server.post("/v1/admin/erase", "{\"entity\":\"person\",\"keys\":[\"ada\"]}");
    assert_eq!(status, 200, "{said}");
    assert_eq!(told(), "exit ada erase");
    assert_eq!(answer("SELECT members FROM system.segments WHERE name = 'abandoned'"), "[[0]]");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_device_did_after_it_was_given_away_leaves_with_it() {
    let server = empty(support_config()).await;
    let define = "DEFINE ENTITY person KEY person_id STRING IDENTITIES ($device STRING MANY); DEFINE EVENT cart OF person;
        DEFINE STREAMING SEGMENT busy OF person AS DID cart AT LEAST 2 TIMES";
    let (status, said) = server.post("/v1/query", define);
    assert_eq!(status, 200, "{said}");
    let events = Events::open(&server, "/v1/segments/busy/changes?from=snapshot", None);
    assert_eq!(events.next().0, "snapshot_end");
    let told = || {
        let (_, _, data) = events.change();
        format!("{} {} {}", data["change"].as_str().unwrap(), data["entity"].as_str().unwrap(), data["cause"].as_str().unwrap())
    };
    for (id, hour, key) in [("1", 10, Some("ada")), ("2", 13, None), ("3", 14, None)] {
        let time = format!("2024-03-01T{hour}:00:00Z");
        let body = serde_json::json!({ "event": "cart", "id": id, "time": time, "person_id": key, "identities": { "person": { "$device": "d1" } } });
        let (status, said) = server.post("/v1/events", &body.to_string());
        assert!(status == 200 && said["accepted"] == 1, "{status} {said}");
    }
    assert_eq!(told(), "enter ada event");
    let (status, said) = server.post("/v1/entities/person", r#"{"key":"ada","time":"2024-03-01T12:00:00Z","unbind":{"$device":"d1"}}"#);
    assert!(status == 200 && said["accepted"] == 1, "{status} {said}");
    let mut both = [told(), told()];
    both.sort();
    assert_eq!(both, ["enter $device:d1 merge", "exit ada merge"]);
    let (_, said) = server.post("/v1/query", "SELECT person_id FROM person WHERE person_id IN SEGMENT busy");
    assert_eq!(said["rows"], serde_json::json!([["$device:d1"]]));
}
