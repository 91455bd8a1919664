//! Identity over HTTP: events and operations in, one person out, by key and by identifier.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{Running, config, empty, over};

const DEFINE: &str = "
    DEFINE ENTITY user KEY user_id STRING (city STRING, logins INT)
      IDENTITIES ($identity_email STRING UNIQUE, $identity_device STRING MANY);
    DEFINE ENTITY seat KEY (room STRING, number INT) (note STRING) IDENTITIES ($badge STRING);
    DEFINE EVENT visit OF user (page STRING);
    DEFINE SEGMENT visitors OF user AS count(visit) >= 2;";

async fn site() -> Running {
    let server = empty(config(&[])).await;
    for statement in DEFINE.split(';').filter(|s| !s.trim().is_empty()) {
        let (status, answer) = server.post("/v1/query", statement);
        assert_eq!(status, 200, "{statement}: {answer}");
    }
    server
}

fn visit(id: &str, minute: u32, user: Option<&str>, device: &str) -> String {
    json!({ "event": "visit", "id": id, "time": format!("2024-03-01T12:{minute:02}:00Z"), "user_id": user,
            "identities": { "user": { "$identity_device": device } }, "properties": { "page": format!("/{id}") } })
    .to_string()
}

fn got(server: &Running, path: &str) -> Value {
    let heard = server.get(path);
    assert_eq!(heard.status, 200, "{path}: {}", heard.body);
    serde_json::from_str(&heard.body).unwrap()
}

fn rows(server: &Running, query: &str) -> Value {
    let (status, answer) = server.post("/v1/query", query);
    assert_eq!(status, 200, "{query}: {answer}");
    answer["rows"].clone()
}

fn ids(journey: &Value) -> Vec<&str> {
    journey["events"].as_array().unwrap().iter().map(|e| e["id"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_known_later_did_what_was_done_before() {
    let server = site().await;
    let answer = server.post("/v1/events", &[visit("a", 0, None, "d1"), visit("b", 1, None, "d1")].join("\n")).1;
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(2), &json!([])));
    let somebody = got(&server, "/v1/entities/user/d1?identity=$identity_device&events=5");
    assert_eq!(somebody["key"], json!({ "user_id": "$identity_device:d1" }));
    assert_eq!((ids(&somebody), &somebody["identities"]), (vec!["b", "a"], &json!({ "$identity_device": ["d1"] })));

    let operations = json!([
        { "key": "ada", "set": { "city": "London" }, "increment": { "logins": 1 } },
        { "key": "ada", "bind": { "$identity_email": "ada@example.org", "$identity_device": ["d1", "d2"] } },
        { "key": "lovelace", "set": { "city": "Paris" }, "increment": { "logins": 2 } },
        { "key": "ada", "merge": "lovelace" },
        { "key": "ada", "bind": { "$cookie": "x" } },
    ]);
    let answer = server.post("/v1/entities/user", &operations.to_string()).1;
    assert_eq!((&answer["accepted"], &answer["rejected"][0]["index"]), (&json!(4), &json!(4)), "{answer}");
    assert_eq!(answer["rejected"][0]["diagnostic"]["code"], json!("unknown_identity"));
    assert_eq!(server.post("/v1/events", &visit("c", 2, None, "d2")).1["accepted"], json!(1));

    // Both cities came in one call, so at one time: then that of the one that stands for both counts.
    let expected = json!({ "city": "London", "logins": 3 });
    for path in ["ada", "lovelace", "$identity_device:d1", "ada@example.org?identity=$identity_email", "d2?identity=$identity_device"] {
        let profile = got(&server, &format!("/v1/entities/user/{path}"));
        assert_eq!((&profile["key"], &profile["properties"]), (&json!({ "user_id": "ada" }), &expected), "{path}");
        let identities = json!({ "$identity_device": ["d1", "d2"], "$identity_email": ["ada@example.org"] });
        assert_eq!(profile["identities"], identities, "{path}");
    }
    let journey = got(&server, "/v1/entities/user/ada%40example.org/journey?identity=$identity_email&limit=2");
    assert_eq!(ids(&journey), ["c", "b"]);
    assert_eq!(journey["events"][0]["user_id"], json!("ada"));
    let next = journey["next"].as_str().unwrap();
    let rest = got(&server, &format!("/v1/entities/user/lovelace/journey?before={next}"));
    assert_eq!((ids(&rest), &rest["next"]), (vec!["a"], &Value::Null));
    assert_eq!(got(&server, "/v1/entities/user/lovelace/segments"), json!({ "segments": ["visitors"] }));
    assert_eq!(got(&server, "/v1/entities/user/d1/segments?identity=$identity_device"), json!({ "segments": ["visitors"] }));
    assert_eq!(rows(&server, "FIND user SHOW user_id, count(visit) AS visits"), json!([["ada", 3]]));

    assert_eq!(server.get("/v1/entities/user/d9?identity=$identity_device").status, 404);
    assert_eq!(server.get("/v1/entities/user/d9?identity=$cookie").status, 400);

    let answer = server.post("/v1/entities/user", &json!({ "key": "ada", "unmerge": "lovelace" }).to_string()).1;
    assert_eq!(answer["accepted"], json!(1));
    assert_eq!(got(&server, "/v1/entities/user/lovelace")["properties"], json!({ "city": "Paris", "logins": 2 }));
    assert_eq!(got(&server, "/v1/entities/user/ada")["properties"], json!({ "city": "London", "logins": 1 }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_contradicts_is_listed_and_survives_a_restart() {
    let server = site().await;
    let operations = json!([
        { "key": "ada", "bind": { "$identity_email": "one@example.org" } },
        { "key": "ada", "bind": { "$identity_email": "two@example.org" } },
        { "key": "bob", "bind": { "$identity_email": "one@example.org" } },
    ]);
    assert_eq!(server.post("/v1/entities/user", &operations.to_string()).1["accepted"], json!(3));
    let question = "SELECT kind, identity, value, key, other FROM system.identity_conflicts ORDER BY kind";
    let expected = json!([
        ["taken", "$identity_email", "one@example.org", "bob", "ada"],
        ["unique", "$identity_email", "two@example.org", "ada", null],
    ]);
    assert_eq!(rows(&server, question), expected);
    let known = json!([["user", "$identity_email", "one@example.org", "ada", null]]);
    let identities = "SELECT entity, identity, value, key, until FROM system.identities";
    assert_eq!(rows(&server, identities), known);
    let (stopped, data) = server.stop_and_keep().await;
    stopped.unwrap();
    let server = over(data, config(&[])).await;
    assert_eq!((rows(&server, question), rows(&server, identities)), (expected, known));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_several_columns_are_merged_too() {
    let server = site().await;
    let operations = json!([
        { "key": ["a", 1], "set": { "note": "left" }, "bind": { "$badge": 7 } },
        { "key": { "room": "b", "number": 2 }, "merge": { "room": "a", "number": 1 } },
        { "key": ["b", 2], "merge": ["a"] },
        { "key": ["b", 2], "merge": ["a", "one"] },
    ]);
    let answer = server.post("/v1/entities/seat", &operations.to_string()).1;
    let told: Vec<(Value, Value)> =
        answer["rejected"].as_array().unwrap().iter().map(|r| (r["index"].clone(), r["diagnostic"]["message"].clone())).collect();
    assert_eq!(told[0], (json!(2), json!("`merge`: entity `seat` has a key of 2 (`room`, `number`), not of 1")));
    assert_eq!((told.len(), &told[1].0), (2, &json!(3)));
    let profile = got(&server, "/v1/entities/seat/a,1");
    assert_eq!((&profile["key"], &profile["properties"]["note"]), (&json!({ "room": "b", "number": 2 }), &json!("left")));
    assert_eq!(got(&server, "/v1/entities/seat/7?identity=$badge")["key"], profile["key"]);
}
