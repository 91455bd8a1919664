//! Rows over HTTP, and what one entity looks like afterwards.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use support::{Running, config, empty, over};

const DEFINE: &str = "
    DEFINE ENTITY user KEY user_id STRING (city STRING, age INT, spent DECIMAL(10,2), seen TIMESTAMP);
    DEFINE ENTITY shelf KEY (room STRING, number INT) (note STRING);
    DEFINE ENTITY product KEY product_id INT (price DOUBLE);
    DEFINE EVENT purchase OF user, product (amount DECIMAL(10,2), quantity INT);
    DEFINE EVENT visit OF user (page STRING);
    DEFINE SEGMENT londoners OF user AS city = 'London';
    DEFINE SEGMENT buyers OF user AS DID purchase;
    DEFINE STATIC SEGMENT panel OF user IMPORTED;";

async fn shop() -> Running {
    let server = empty(config(&[])).await;
    defined(&server);
    server
}

fn defined(server: &Running) {
    for statement in DEFINE.split(';').filter(|s| !s.trim().is_empty()) {
        let (status, answer) = server.post("/v1/query", statement);
        assert_eq!(status, 200, "{statement}: {answer}");
    }
}

fn purchase(id: &str, user: &str) -> String {
    json!({ "event": "purchase", "id": id, "time": "2024-03-01T12:00:00Z", "user_id": user, "product_id": 7, "properties": { "amount": "12.50", "color": "red" } })
        .to_string()
}

fn count(server: &Running, event: &str) -> Value {
    server.post("/v1/query", &format!("SELECT count(*) AS n FROM {event}")).1["rows"][0][0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_accepted_once_and_refused_one_by_one() {
    let server = shop().await;
    let body = format!(
        "[{},{},{}]",
        purchase("a", "ada"),
        json!({ "event": "purchase", "properties": { "quantity": "many" } }),
        purchase("b", "bob")
    );
    let (status, answer) = server.post("/v1/events", &body);
    assert_eq!(status, 200, "{answer}");
    let message = "property `quantity` of event `purchase`: `many` does not fit BIGINT";
    assert_eq!((&answer["accepted"], &answer["duplicates"]), (&json!(2), &json!(0)));
    assert_eq!(
        answer["rejected"],
        json!([{ "index": 1, "diagnostic": { "code": "wrong_type", "severity": "error", "message": message } }])
    );
    assert!(answer["position"].as_u64().unwrap() > 0 && answer.get("clamped").is_none());
    let again = server.post("/v1/events", &body).1;
    assert_eq!((&again["accepted"], &again["duplicates"]), (&json!(0), &json!(2)));
    assert_eq!(count(&server, "purchase"), json!(2));
    let ahead = json!({ "event": "visit", "user_id": "ada", "time": "2999-01-01" });
    assert_eq!(server.post("/v1/events", &ahead.to_string()).1["clamped"], json!(1));
    let metrics = server.get("/metrics").body;
    for line in ["eql_ingest_events_total{result=\"accepted\"}", "eql_ingest_ack_seconds_bucket", "eql_ingest_queue_rows "] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_come_in_several_forms() {
    let server = shop().await;
    let lines = format!("{}\n\n{}\nnonsense\n", purchase("a", "ada"), purchase("b", "bob"));
    let heard = server.ask("POST", "/v1/events", &[("content-type", "application/x-ndjson")], Some(&lines));
    let answer: Value = serde_json::from_str(&heard.body).unwrap();
    assert_eq!((&answer["accepted"], &answer["rejected"][0]["index"]), (&json!(2), &json!(2)));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(purchase("c", "cyd").as_bytes()).unwrap();
    let zstd = zstd::encode_all(purchase("d", "dan").as_bytes(), 1).unwrap();
    for (packing, body) in [("gzip", gzip.finish().unwrap()), ("zstd", zstd)] {
        let heard = server.send("POST", "/v1/events", &[("content-encoding", packing)], Some(body));
        assert_eq!(serde_json::from_str::<Value>(&heard.body).unwrap()["accepted"], json!(1), "{packing}: {}", heard.body);
    }
    assert_eq!(count(&server, "purchase"), json!(4));
    let pretty = "{\n  \"event\": \"visit\",\n  \"user_id\": \"ada\"\n}";
    assert_eq!(server.post("/v1/events", pretty).1["accepted"], json!(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_no_lists_are_refused_whole() {
    let server = shop().await;
    for (body, word) in [("", "empty"), ("[{\"event\":\"visit\"}", "not closed"), ("event=visit", "neither")] {
        let (status, answer) = server.post("/v1/events", body);
        assert_eq!((status, answer["diagnostics"][0]["message"].as_str().unwrap().contains(word)), (400, true), "{answer}");
    }
    let broken = server.send("POST", "/v1/events", &[("content-encoding", "gzip")], Some(b"{}".to_vec()));
    assert_eq!(broken.status, 400);
    let strange = server.send("POST", "/v1/events", &[("content-encoding", "br")], Some(b"{}".to_vec()));
    assert_eq!(strange.status, 415);
    let bomb = zstd::encode_all(&vec![b' '; 8 << 20][..], 1).unwrap();
    let bomb = server.send("POST", "/v1/events", &[("content-encoding", "zstd")], Some(bomb));
    assert_eq!((bomb.status, bomb.body.contains("ingest.unpack_ratio")), (413, true), "{}", bomb.body);
    assert_eq!(server.post("/v1/events", &" ".repeat(2 << 20)).0, 413);
    assert_eq!(server.post("/v1/entities/usr", "{}").0, 404);
    assert_eq!(server.get("/v1/events").status, 405);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_says_when_to_come_again() {
    let mut config = config(&[]);
    config.limits.ingest.queue_rows = 1;
    let server = empty(config).await;
    defined(&server);
    let (refused, sent) = (AtomicU64::new(0), AtomicU64::new(0));
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            for caller in 0..8 {
                let (refused, sent, at) = (&refused, &sent, server.url("/v1/events"));
                scope.spawn(move || {
                    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
                    for n in 0..25 {
                        let body = purchase(&format!("{caller}-{n}"), "ada");
                        loop {
                            let response = agent.post(&at).send(&body).unwrap();
                            sent.fetch_add(1, Ordering::Relaxed);
                            if response.status() == 200 {
                                break;
                            }
                            assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (429, "1"));
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
    });
    let refused = refused.into_inner();
    assert!(refused > 0, "of {} calls none was refused", sent.into_inner());
    assert_eq!(count(&server, "purchase"), json!(200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_restart() {
    let server = shop().await;
    assert_eq!(server.post("/v1/events", &purchase("a", "ada")).1["accepted"], json!(1));
    assert_eq!(server.post("/v1/entities/user", r#"{"key":"ada","set":{"city":"London"}}"#).1["accepted"], json!(1));
    let (stopped, data) = server.stop_and_keep().await;
    stopped.unwrap();
    let server = over(data, config(&[])).await;
    assert_eq!(server.post("/v1/events", &purchase("a", "ada")).1["duplicates"], json!(1));
    let profile: Value = serde_json::from_str(&server.get("/v1/entities/user/ada").body).unwrap();
    assert_eq!(profile["properties"]["city"], "London");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_entity_by_its_key() {
    let server = shop().await;
    let set = json!([
        { "key": "ada", "set": { "city": "London", "age": 36, "spent": "1.50", "seen": "2024-01-01T00:00:00Z", "nick": "countess" } },
        { "key": "x,y/z ü", "set": { "city": "Paris", "age": 1, "spent": 0, "seen": 0 } },
    ]);
    assert_eq!(server.post("/v1/entities/user", &set.to_string()).1["accepted"], json!(2));
    let profile: Value = serde_json::from_str(&server.get("/v1/entities/user/ada").body).unwrap();
    let properties = json!({ "city": "London", "age": 36, "spent": "1.50", "seen": "2024-01-01T00:00:00Z" });
    assert_eq!((&profile["entity"], &profile["key"], &profile["properties"]), (&json!("user"), &json!({ "user_id": "ada" }), &properties));
    assert_eq!(profile["extra"], json!({ "nick": "countess" }));
    let strange: Value = serde_json::from_str(&server.get("/v1/entities/user/x%2Cy%2Fz%20%C3%BC").body).unwrap();
    assert_eq!(strange["properties"]["city"], "Paris");
    assert_eq!(server.post("/v1/entities/shelf", r#"{"key":{"room":"a,b","number":3},"set":{"note":"here"}}"#).1["accepted"], json!(1));
    let shelf: Value = serde_json::from_str(&server.get("/v1/entities/shelf/a%2Cb,3").body).unwrap();
    assert_eq!(shelf["properties"]["note"], "here", "{shelf}");
    for (path, status, word) in [
        ("/v1/entities/user/nobody", 404, "no user has the key `nobody`"),
        ("/v1/entities/usr/ada", 404, "no entity `usr`"),
        ("/v1/entities/product/seven", 400, "is BIGINT, not `seven`"),
        ("/v1/entities/shelf/a", 400, "joined by commas"),
        ("/v1/entities/user/ada/journey?limit=0", 400, "at least one"),
        ("/v1/entities/user/ada/journey?before=then", 400, "`before`"),
    ] {
        let heard = server.get(path);
        assert_eq!((heard.status, heard.body.contains(word)), (status, true), "{path}: {}", heard.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journey_is_read_page_by_page() {
    let server = shop().await;
    // Five at one time: the pages must neither lose nor repeat one.
    let visit = |n: usize| json!({ "event": "visit", "id": n, "user_id": "ada", "time": 1_709_294_400_000_u64 + (n as u64 / 5) * 1000, "page": format!("/{n}") });
    let visits: Vec<Value> = (0..12).map(visit).collect();
    assert_eq!(server.post("/v1/events", &Value::from(visits).to_string()).1["accepted"], json!(12));
    assert_eq!(server.post("/v1/events", &purchase("p", "ada")).1["accepted"], json!(1));
    let (mut pages, mut next) = (Vec::new(), String::new());
    loop {
        let page: Value = serde_json::from_str(&server.get(&format!("/v1/entities/user/ada/journey?limit=4{next}")).body).unwrap();
        pages.extend(page["events"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(place) => next = format!("&before={place}"),
            None => break,
        }
    }
    let ids: Vec<&str> = pages.iter().map(|e| e["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["11", "10", "9", "8", "7", "6", "5", "p", "4", "3", "2", "1", "0"]);
    let bought = json!({ "time": "2024-03-01T12:00:00Z", "event": "purchase", "id": "p", "user_id": "ada", "product_id": 7,
        "properties": { "amount": "12.50" }, "extra": { "color": "red" } });
    assert_eq!(pages[7], bought);
    let beside: Value = serde_json::from_str(&server.get("/v1/entities/user/ada?events=2").body).unwrap();
    assert_eq!((beside["events"].as_array().unwrap().len(), &beside["events"][1]["id"]), (2, &json!("10")));
    let before: Value = serde_json::from_str(&server.get("/v1/entities/user/ada/journey?before=2024-03-01T12:00:01Z").body).unwrap();
    assert_eq!(before["events"].as_array().unwrap().len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_segments_of_one_entity() {
    let server = shop().await;
    server.post("/v1/events", &purchase("a", "ada"));
    server.post("/v1/entities/user", r#"[{"key":"ada","set":{"city":"London"}},{"key":"bob","set":{"city":"Paris"}}]"#);
    let (status, answer) = server.post("/v1/query", "INSERT INTO SEGMENT panel (user_id) VALUES ('bob')");
    assert_eq!(status, 200, "{answer}");
    let of = |user: &str| serde_json::from_str::<Value>(&server.get(&format!("/v1/entities/user/{user}/segments")).body).unwrap();
    assert_eq!(of("ada"), json!({ "segments": ["buyers", "londoners"] }));
    assert_eq!(of("bob"), json!({ "segments": ["panel"] }));
    assert_eq!(server.get("/v1/entities/user/nobody/segments").status, 404);
}
