//! HTTP against an engine in this process.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{ALL, DEFINE, config, empty, users};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_as_json() {
    let server = users(&[]).await;
    let (status, answer) = server.post("/v1/query", &json!({ "query": ALL }).to_string());
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["columns"][0], json!({ "name": "id", "type": "BIGINT" }));
    assert_eq!(answer["columns"][4], json!({ "name": "spent", "type": "DECIMAL(10,2)" }));
    assert_eq!(answer["columns"][5], json!({ "name": "tags", "type": "LIST<STRING>" }));
    assert_eq!(answer["rows"][0], json!([1, "Ada, \"first\"", "1815-12-10", "2017-11-27T18:20:20Z", "12.50", ["a", "b"], 1.5]));
    assert_eq!(answer["rows"][1], json!([2, null, null, null, null, null, null]));
    assert_eq!(answer["rows"][2], json!([9007199254740993_i64, "", "2016-02-29", "2017-11-27T18:20:20.123Z", "0.00", [], -0.25]));
    assert_eq!(answer["stats"]["rows"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_forms() {
    let server = users(&[]).await;
    let csv = server.ask("POST", "/v1/query?format=csv", &[], Some(ALL));
    assert_eq!(csv.media, "text/csv; charset=utf-8");
    assert_eq!(
        csv.body,
        "id,name,born,seen_at,spent,tags,score\n\
         1,\"Ada, \"\"first\"\"\",1815-12-10,2017-11-27T18:20:20Z,12.50,\"[\"\"a\"\",\"\"b\"\"]\",1.5\n\
         2,,,,,,\n\
         9007199254740993,\"\",2016-02-29,2017-11-27T18:20:20.123Z,0.00,[],-0.25\n"
    );
    let ndjson = server.ask("POST", "/v1/query", &[("accept", "application/x-ndjson")], Some(ALL));
    let lines: Vec<Value> = ndjson.body.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["spent"], &lines[1]["name"]), (3, &json!("12.50"), &Value::Null));
    let arrow = server.ask("POST", "/v1/query", &[("accept", "application/vnd.apache.arrow.stream")], Some(ALL));
    let reader = arrow::ipc::reader::StreamReader::try_new(&arrow.bytes[..], None).unwrap();
    assert_eq!(reader.schema().field(4).metadata()["ARROW:FLIGHT:SQL:TYPE_NAME"], "DECIMAL(10,2)");
    assert_eq!(reader.map(|b| b.unwrap().num_rows()).sum::<usize>(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_parameters_and_several_statements() {
    let server = users(&[]).await;
    let ask =
        json!({ "query": "SELECT seen_at FROM user WHERE id = $1", "params": { "1": 1 }, "settings": { "time_zone": "America/New_York" } });
    assert_eq!(server.post("/v1/query", &ask.to_string()).1["rows"], json!([["2017-11-27T13:20:20-05:00"]]));
    let text = "SET time_zone = 'America/New_York'; SELECT seen_at FROM user WHERE id = 1;";
    let lines = server.ask("POST", "/v1/query", &[], Some(text));
    assert_eq!(lines.media, "application/x-ndjson");
    let lines: Vec<Value> = lines.body.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(lines[0]["done"].is_string(), "{lines:?}");
    assert_eq!((lines.len(), &lines[1]["rows"]), (2, &json!([["2017-11-27T13:20:20-05:00"]])));
    let csv = server.ask("POST", "/v1/query?format=csv", &[], Some(text));
    assert_eq!(csv.body, "seen_at\n2017-11-27T13:20:20-05:00\n");
    let arrow = json!({ "query": "SET time_zone = 'UTC'", "format": "arrow" });
    assert!(server.post("/v1/query", &arrow.to_string()).1["done"].is_string());
    let (status, refused) = server.post("/v1/query", &json!({ "query": "SELECT 1", "settings": { "nope": 1 } }).to_string());
    assert_eq!(status, 400, "{refused}");
    assert!(refused["diagnostics"][0]["message"].as_str().unwrap().contains("nope"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_said() {
    let server = users(&[]).await;
    let (status, answer) = server.post("/v1/query", "SELECT nmae FROM user");
    assert_eq!(status, 400, "{answer}");
    let diagnostic = &answer["diagnostics"][0];
    assert_eq!((diagnostic["severity"].as_str(), diagnostic["span"]["line"].as_u64()), (Some("error"), Some(1)));
    assert!(diagnostic["code"].as_str().unwrap().starts_with("EQL"));
    assert_eq!(server.post("/v1/query", "SELECT FROM WHERE").0, 400);
    assert_eq!(server.post("/v1/query", "").0, 400);
    assert_eq!(server.post("/v1/query", "{\"qeury\": 1}").0, 400);
    assert_eq!(server.post("/v1/query?format=xml", "SELECT 1").0, 400);
    let (status, nowhere) = server.post("/v1/nowhere", "");
    assert_eq!((status, nowhere["diagnostics"][0]["code"].as_str()), (404, Some("not_found")));
    assert_eq!(server.get("/v1/query").status, 405);
    let (status, long) = server.post("/v1/query", &format!("SELECT '{}'", "x".repeat(2 << 20)));
    assert_eq!((status, long["diagnostics"][0]["code"].as_str()), (413, Some("too_large")), "{long}");
    assert_eq!(server.ask("POST", "/v1/query", &[("x-eql-project", "other")], Some("SELECT 1")).status, 404);
    assert_eq!(server.ask("POST", "/v1/query", &[("origin", "https://evil.example")], Some("SELECT 1")).status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_format_and_catalog() {
    let server = users(&[]).await;
    assert_eq!(server.post("/v1/check", "SELECT name FROM user").1, json!({ "diagnostics": [] }));
    let (status, checked) = server.post("/v1/check", &json!({ "query": "SELECT FROM WHERE" }).to_string());
    assert_eq!((status, checked["diagnostics"][0]["severity"].as_str()), (200, Some("error")));
    assert_eq!(
        server.post("/v1/format", "select name from user").1,
        json!({ "text": eql_engine::grammar::format("select name from user").unwrap() })
    );
    assert_eq!(server.post("/v1/format", "select from where").0, 400);
    let catalog: Value = serde_json::from_str(&server.get("/v1/catalog").body).unwrap();
    let user = catalog["entities"].as_array().unwrap().iter().find(|e| e["name"] == "user").unwrap();
    assert_eq!((&user["key"][0]["name"], &user["key"][0]["type"]), (&json!("id"), &json!("BIGINT")));
    assert_eq!(user["properties"][0]["name"], "name");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_is_completed() {
    let server = users(&[]).await;
    let (status, found) = server.post("/v1/complete", &json!({ "query": "FIND user WHERE na = 1", "offset": 18 }).to_string());
    let name =
        json!({ "label": "name", "kind": "property", "detail": "STRING of user", "insert": "name", "replace": { "start": 16, "end": 18 } });
    assert_eq!((status, &found["items"][0], &found["incomplete"]), (200, &name, &json!(false)), "{found}");
    let (status, heads) = server.post("/v1/complete", "fin");
    assert_eq!((status, &heads["items"][0]["label"], &heads["items"][0]["insert"]), (200, &json!("FIND"), &json!("find")), "{heads}");
    assert_eq!(server.post("/v1/complete", "FIND user WHERE name = 'a").1, json!({ "items": [], "incomplete": false }));
    assert_eq!(server.post("/v1/complete", &json!({ "query": "FIND", "offset": 9 }).to_string()).0, 400);
    assert_eq!(server.post("/v1/complete", &json!({ "text": "FIND" }).to_string()).0, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_imported() {
    let server = users(&[]).await;
    let (status, report) = server.post("/v1/files/user?name=more.csv&map=number%3Did", "number,name\n7,Grace\n8,Edsger\n");
    assert_eq!((status, &report["rows"], &report["rejected"]), (200, &json!(2), &json!(0)), "{report}");
    assert!(!report.to_string().contains("eql-upload-"), "{report}");
    assert_eq!(server.post("/v1/query", "SELECT name FROM user WHERE id = 7").1["rows"], json!([["Grace"]]));
    let (status, refused) = server.post("/v1/files/usr?name=more.csv", "id\n1\n");
    assert_eq!(status, 400, "{refused}");
    assert_eq!(server.post("/v1/files/user?strict=perhaps", "id\n1\n").0, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_needed_where_one_is_configured() {
    let server = users(&["open sesame"]).await;
    for path in ["/", "/metrics", "/v1/catalog", "/openapi.json", "/nowhere"] {
        assert_eq!(server.ask("GET", path, &[], None).status, 401, "{path}");
    }
    let refused = server.ask("POST", "/v1/query", &[("authorization", "Bearer nope")], Some("SELECT 1"));
    assert_eq!(refused.status, 401);
    assert!(refused.body.contains("unauthorized") && !refused.body.contains("sesame"));
    assert_eq!(server.ask("POST", "/v1/query", &[("authorization", "Basic eDpvcGVuIHNlc2FtZQ==")], Some("SELECT 1")).status, 200);
    assert_eq!(server.ask("GET", "/livez", &[], None).status, 200);
    assert_eq!(server.ask("GET", "/readyz", &[], None).status, 200);
    assert_eq!(server.get("/v1/catalog").status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_metrics_and_description() {
    let server = users(&[]).await;
    assert_eq!(server.post("/v1/query", "SELECT 1").0, 200);
    let metrics = server.get("/metrics").body;
    let names = [
        "eql_query_seconds_bucket{protocol=\"http\",result=\"ok\"",
        "eql_log_lsn",
        "eql_cache_hits_total{cache=\"result\"}",
        "eql_cache_entries{cache=\"columns\"}",
        "eql_cache_bytes{cache=\"plan\"}",
        "eql_entities ",
        "eql_parts ",
        "eql_checkpoint_lsn",
    ];
    for name in names {
        assert!(metrics.contains(name), "{name} is not in\n{metrics}");
    }
    let ready: Value = serde_json::from_str(&server.get("/readyz").body).unwrap();
    assert_eq!(ready["ready"], true);
    let description: Value = serde_json::from_str(&server.get("/openapi.json").body).unwrap();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let heard = server.ask(
                &method.to_uppercase(),
                &path.replace("{target}", "user").replace("{type}", "user").replace("{key}", "1"),
                &[],
                (method == "post").then_some(""),
            );
            // Something of that name need not be there; the path must.
            let nowhere = heard.body.contains("GET / lists what there is");
            assert!(!nowhere && heard.status != 405, "{method} {path}: {} {}", heard.status, heard.body);
        }
    }
    assert!(server.get("/").media.starts_with("text/html"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_once_and_stops_cleanly() {
    let first = empty(config(&[])).await;
    assert_eq!(first.post("/v1/query", DEFINE).0, 200);
    let taken = eql_server::Config { http: first.at.http.socket, ..config(&[]) };
    let data = tempfile::tempdir().unwrap();
    let engine = eql_engine::Engine::open(data.path(), eql_engine::EngineOptions::default()).unwrap();
    let refused = eql_server::serve(engine, taken, |_| {}, std::future::pending()).await.unwrap_err().to_string();
    assert!(refused.contains("is in use by another program"), "{refused}");
    first.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_verify_and_back_up() {
    let server = users(&["open sesame"]).await;
    assert_eq!(server.ask("POST", "/v1/admin/verify", &[], Some("")).status, 401);
    let (status, report) = server.post("/v1/admin/verify", "");
    assert_eq!((status, &report["damaged"], &report["problems"]), (200, &json!(0), &json!([])), "{report}");
    assert!(report["records"].as_u64() >= Some(2), "{report}");
    let (status, refused) = server.post("/v1/admin/backup", r#"{"target":"monday"}"#);
    assert_eq!((status, refused["diagnostics"][0]["code"].as_str()), (403, Some("forbidden")), "{refused}");

    let backups = tempfile::tempdir().unwrap();
    let configured = eql_server::Config { backup_dir: Some(backups.path().to_path_buf()), ..config(&[]) };
    let server = empty(configured).await;
    assert_eq!(server.post("/v1/query", DEFINE).0, 200);
    let (status, report) = server.post("/v1/admin/backup", r#"{"target":"monday"}"#);
    assert_eq!((status, &report["position"]), (200, &json!(1)), "{report}");
    assert_eq!(eql_engine::admin::verify(&backups.path().join("monday"), &eql_engine::PartsAt::Local).unwrap().damaged, 0);
    for wrong in [r#"{"target":"monday"}"#, r#"{"target":"../monday"}"#, r#"{"target":"/etc/monday"}"#, r#"{"tagret":"x"}"#, ""] {
        let (status, refused) = server.post("/v1/admin/backup", wrong);
        assert_eq!(status, 400, "{wrong}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_erase_and_compact() {
    let server = users(&[]).await;
    let (status, erased) = server.post("/v1/admin/erase", r#"{"entity":"user","keys":["1","77"]}"#);
    assert_eq!((status, &erased["erased"], &erased["unknown"]), (200, &json!(["1"]), &json!(["77"])), "{erased}");
    assert_eq!(server.post("/v1/query", "SELECT id FROM user ORDER BY id").1["rows"], json!([[2], [9007199254740993_i64]]));
    assert_eq!(server.post("/v1/admin/erase", r#"{"entity":"usr","keys":["1"]}"#).0, 404);
    assert_eq!(server.post("/v1/admin/erase", r#"{"entity":"user","keys":["one"]}"#).0, 400);
    assert_eq!(server.post("/v1/admin/compact", "").0, 200);
    assert_eq!(server.post("/v1/admin/compact", r#"{"due":true}"#).0, 200);
    assert_eq!(server.post("/v1/admin/compact", r#"{"deu":true}"#).0, 400);
    assert_eq!(server.post("/v1/admin/verify", "").1["damaged"], 0);
}
