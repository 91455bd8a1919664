//! A server in this process, with three users, on ports of its own.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use arrow_flight::sql::client::FlightSqlServiceClient;
use eql_engine::{Engine, EngineOptions};
use eql_server::{Addresses, Config, ServeError};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, block_in_place};
use tonic::transport::Channel;

pub const DEFINE: &str =
    "DEFINE ENTITY user KEY id INT (name STRING, born DATE, seen_at TIMESTAMP, spent DECIMAL(10,2), tags LIST<STRING>, score DOUBLE)";
pub const USERS: &str = r#"{"id":1,"name":"Ada, \"first\"","born":"1815-12-10","seen_at":"2017-11-27T18:20:20Z","spent":"12.50","tags":["a","b"],"score":1.5}
{"id":9007199254740993,"name":"","born":"2016-02-29","seen_at":"2017-11-27T18:20:20.123Z","spent":"0.00","tags":[],"score":-0.25}
{"id":2}
"#;
pub const ALL: &str = "SELECT id, name, born, seen_at, spent, tags, score FROM user ORDER BY id";

pub struct Running {
    pub at: Addresses,
    pub token: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), ServeError>>,
    data: tempfile::TempDir,
}

/// A configuration for tests: free ports on loopback.
pub fn config(tokens: &[&str]) -> Config {
    Config {
        flight: "127.0.0.1:0".parse().unwrap(),
        http: "127.0.0.1:0".parse().unwrap(),
        tokens: tokens.iter().map(|t| (*t).to_string()).collect(),
        body_bytes: 1 << 20,
        ..Config::default()
    }
}

/// Serves an empty data directory.
pub async fn empty(config: Config) -> Running {
    over(tempfile::tempdir().unwrap(), config).await
}

/// Serves a data directory.
pub async fn over(data: tempfile::TempDir, config: Config) -> Running {
    let engine = Engine::open(data.path(), EngineOptions { limits: config.limits.clone(), ..EngineOptions::default() }).unwrap();
    let (ready, addresses) = oneshot::channel();
    let (stop, stopped) = oneshot::channel();
    let token = config.tokens.first().cloned();
    let shutdown = async { drop(stopped.await) };
    let task = tokio::spawn(async move {
        eql_server::serve(
            engine,
            config,
            |at| {
                let _ = ready.send(at);
            },
            shutdown,
        )
        .await
    });
    Running { at: addresses.await.unwrap(), token, stop: Some(stop), task, data }
}

/// Serves three users.
pub async fn users(tokens: &[&str]) -> Running {
    let server = empty(config(tokens)).await;
    assert_eq!(server.post("/v1/query", DEFINE).0, 200);
    let (status, report) = server.post("/v1/files/user?name=users.ndjson", USERS);
    assert_eq!((status, report["accepted"].as_u64()), (200, Some(3)), "{report}");
    server
}

/// Status, content type and body of an answer.
pub struct Heard {
    pub status: u16,
    pub media: String,
    pub body: String,
    pub bytes: Vec<u8>,
    pub retry_after: Option<String>,
}

impl Running {
    /// The data directory.
    pub fn data(&self) -> &std::path::Path {
        self.data.path()
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.at.http)
    }

    /// Asks with any headers; blocking, so the runtime needs a second thread.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Heard {
        self.send(method, path, headers, body.map(|b| b.as_bytes().to_vec()))
    }

    /// The same with a body of bytes.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Vec<u8>>) -> Heard {
        block_in_place(|| {
            let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
            let mut request = ureq::http::Request::builder().method(method).uri(self.url(path));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let mut response = match body {
                Some(body) => agent.run(request.body(body).unwrap()).unwrap(),
                None => agent.run(request.body(()).unwrap()).unwrap(),
            };
            let header = |name: &str| response.headers().get(name).map(|v| v.to_str().unwrap().to_string());
            let (media, retry_after) = (header("content-type").unwrap_or_default(), header("retry-after"));
            let bytes = response.body_mut().read_to_vec().unwrap_or_default();
            let body = String::from_utf8_lossy(&bytes).into_owned();
            Heard { status: response.status().as_u16(), media, body, bytes, retry_after }
        })
    }

    pub fn bearer(&self) -> Vec<(&'static str, String)> {
        self.token.iter().map(|t| ("authorization", format!("Bearer {t}"))).collect()
    }

    /// Posts and reads JSON.
    pub fn post(&self, path: &str, body: &str) -> (u16, Value) {
        let bearer = self.bearer();
        let headers: Vec<(&str, &str)> = bearer.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let heard = self.ask("POST", path, &headers, Some(body));
        (heard.status, serde_json::from_str(&heard.body).unwrap_or(Value::String(heard.body)))
    }

    pub fn get(&self, path: &str) -> Heard {
        let bearer = self.bearer();
        let headers: Vec<(&str, &str)> = bearer.iter().map(|(k, v)| (*k, v.as_str())).collect();
        self.ask("GET", path, &headers, None)
    }

    pub async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.at.flight.socket)).unwrap().connect().await.unwrap()
    }

    pub async fn flight(&self) -> FlightSqlServiceClient<Channel> {
        let mut client = FlightSqlServiceClient::new(self.channel().await);
        if let Some(token) = &self.token {
            client.set_token(token.clone());
        }
        client
    }

    /// Stops and says how it ended.
    pub async fn stop(self) -> Result<(), ServeError> {
        self.stop_and_keep().await.0
    }

    /// The same, and the data directory.
    pub async fn stop_and_keep(mut self) -> (Result<(), ServeError>, tempfile::TempDir) {
        drop(self.stop.take());
        (self.task.await.unwrap(), self.data)
    }
}
