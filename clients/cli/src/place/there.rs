//! A server, asked over HTTP. Statements go one by one, so that settings, errors and answers are the same as here.

use super::PlaceArgs;
use super::heard::Refusal;
use super::trust;
use crate::answer::{Answer, Table};
use crate::failure::Failure;
use crate::wait::Waiter;
use crate::{report, text};
use arrow::ipc::reader::StreamReader;
use eql_engine::catalog::Catalog;
use eql_engine::grammar::ast::{Literal, SetValue, Statement, StatementKind};
use eql_engine::{Params, Warnings};
use serde_json::{Map, Value, json};
use std::io::{BufReader, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::http::Response;
use ureq::{Body, RequestBuilder};

const ARROW: &str = "application/vnd.apache.arrow.stream";
/// Catalogs and reports fit; a server that sends more is none of ours.
const SMALL_BYTES: u64 = 64 << 20;
/// A server that is there answers sooner.
const CONNECT: Duration = Duration::from_secs(10);
type Batches = StreamReader<BufReader<ureq::BodyReader<'static>>>;

/// A server and the settings of our session with it.
pub(crate) struct There {
    agent: ureq::Agent,
    url: String,
    token: Option<String>,
    project: String,
    settings: Map<String, Value>,
    waiter: Waiter,
}

impl There {
    /// A server by its address; nothing is sent yet.
    pub(crate) fn new(url: &str, arguments: &PlaceArgs, waiter: Waiter) -> Result<Self, Failure> {
        let mut config = ureq::Agent::config_builder().http_status_as_error(false).timeout_connect(Some(CONNECT));
        if url.starts_with("https://") {
            config = config.tls_config(trust::tls(arguments.tls_ca.as_deref())?);
        } else if !url.starts_with("http://") {
            return Err(Failure::Usage(format!("`{url}` is no address: write http://HOST:PORT or https://HOST:PORT")));
        }
        Ok(Self {
            agent: config.build().into(),
            url: url.trim_end_matches('/').to_string(),
            token: arguments.token.clone(),
            project: arguments.project.clone(),
            settings: Map::new(),
            waiter,
        })
    }

    /// Runs one statement.
    pub(crate) fn run(&mut self, whole: &Arc<str>, statement: &Statement, params: &Params) -> Result<Answer, Failure> {
        let span = statement.span;
        let part = whole.get(span.start..span.end).unwrap_or(whole);
        let body = json!({"query": part, "params": params, "settings": self.settings, "format": if text::has_rows(statement) { "arrow" } else { "json" }}).to_string();
        let request = self.with_headers(self.agent.post(format!("{}/v1/query", self.url)));
        let request = request.content_type("application/json");
        let (waiter, started) = (self.waiter.fresh(), Instant::now());
        let response = waiter.wait_blocking(move || request.send(body))?.map_err(|e| self.unreachable(&e))?;
        let mut answer = self.answer(response, whole, span.start, waiter)?;
        if let Answer::Rows(table) = &mut answer {
            table.started = started;
        }
        self.remember(statement);
        Ok(answer)
    }

    /// Sends a text that may be SQL as it is: the server reads it in our dialect. None for a text that begins like none.
    pub(crate) fn run_sql(&mut self, text: &Arc<str>, params: &Params) -> Result<Option<Answer>, Failure> {
        let first = text.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        let auto = self.settings.get("dialect").is_none_or(|d| d != "sql");
        if auto && !matches!(first.as_str(), "SELECT" | "WITH" | "VALUES" | "TABLE") {
            return Ok(None);
        }
        let body = json!({"query": text.as_ref(), "params": params, "settings": self.settings, "format": "arrow"}).to_string();
        let request = self.with_headers(self.agent.post(format!("{}/v1/query", self.url)));
        let request = request.content_type("application/json");
        let waiter = self.waiter.fresh();
        let response = waiter.wait_blocking(move || request.send(body))?.map_err(|e| self.unreachable(&e))?;
        self.answer(response, text, 0, waiter).map(Some)
    }

    /// Sends a file and returns what the server says of it.
    pub(crate) fn send_file(&self, target: &str, query: &[(&str, String)], body: impl Read + 'static) -> Result<Value, Failure> {
        let request = self.with_headers(self.agent.post(format!("{}/v1/files/{}", self.url, path_segment(target))));
        let request = request.query_pairs(query.iter().map(|(k, v)| (*k, v.as_str()))).content_type("application/octet-stream");
        let response = request.send(ureq::SendBody::from_owned_reader(body)).map_err(|e| self.unreachable(&e))?;
        if !response.status().is_success() {
            return Err(self.refused(response, "", 0));
        }
        self.json(response)
    }

    /// Asks for an operation on the whole data directory, which may take its time.
    pub(crate) fn operate(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.with_headers(self.agent.post(format!("{}/v1/admin/{path}", self.url)));
        let response = request.content_type("application/json").send(body.to_string()).map_err(|e| self.unreachable(&e))?;
        if response.status().is_success() { self.json(response) } else { Err(self.refused(response, "", 0)) }
    }

    /// What has a name on the server now.
    pub(crate) fn catalog(&self) -> Result<Catalog, Failure> {
        let request = self.with_headers(self.agent.get(format!("{}/v1/catalog", self.url)));
        let response = request.call().map_err(|e| self.unreachable(&e))?;
        if !response.status().is_success() {
            return Err(self.refused(response, "", 0));
        }
        let told = self.json(response)?;
        let mut definitions = Vec::new();
        collect_definitions(&told, &mut definitions);
        Ok(eql_editor::catalog_of(definitions))
    }

    fn with_headers<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        let request = request.header("x-eql-project", &self.project);
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    fn answer(&self, response: Response<Body>, text: &str, offset: usize, waiter: Waiter) -> Result<Answer, Failure> {
        if !response.status().is_success() {
            return Err(self.refused(response, text, offset));
        }
        if response.body().mime_type() == Some(ARROW) {
            let reader = response.into_body().into_with_config().limit(u64::MAX).reader();
            let batches = waiter.wait_blocking(move || StreamReader::try_new(BufReader::new(reader), None))?;
            return Ok(Answer::Rows(table(batches.map_err(|e| Failure::of("the server's answer broke off", &e))?, waiter)));
        }
        let said = self.json(response)?;
        Ok(Answer::Done(said["done"].as_str().unwrap_or("done").to_string()))
    }

    /// A small answer.
    fn json(&self, mut response: Response<Body>) -> Result<Value, Failure> {
        let body = response.body_mut().with_config().limit(SMALL_BYTES).read_to_string().map_err(|e| self.unreachable(&e))?;
        serde_json::from_str(&body).map_err(|e| Failure::of(&format!("{} answers what is no JSON", self.url), &e))
    }

    /// Says what a server refused with.
    fn refused(&self, mut response: Response<Body>, text: &str, offset: usize) -> Failure {
        let status = response.status();
        let body = response.body_mut().read_to_string().unwrap_or_default();
        let refusal: Refusal = serde_json::from_str(&body).unwrap_or_default();
        let diagnostics = refusal.diagnostics(text, offset);
        report::diagnostics(&diagnostics, text);
        match refusal.words() {
            Some(words) => Failure::Failed(words),
            None if diagnostics.is_empty() => Failure::Failed(format!("{} answers {status}", self.url)),
            None => Failure::Told,
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        Failure::of(&format!("cannot talk with {}", self.url), error)
    }

    /// The server forgets a request's session; what SET changed is sent along from now on.
    fn remember(&mut self, statement: &Statement) {
        let StatementKind::Set { name, value } = &statement.kind else { return };
        let value = match value {
            SetValue::Word(word) => json!(word.name),
            SetValue::Literal(Literal::Number(n)) => serde_json::from_str(n).unwrap_or_else(|_| json!(n)),
            SetValue::Literal(Literal::Text(t) | Literal::Typed(_, t)) => json!(t),
            SetValue::Literal(Literal::Bool(b)) => json!(b),
            SetValue::Literal(Literal::Null) => Value::Null,
        };
        self.settings.insert(name.name.clone(), value);
    }
}

fn table(batches: Batches, waiter: Waiter) -> Table {
    let schema = batches.schema();
    let columns = crate::output::value::columns_of(&schema);
    let mut reader = Some(batches);
    let rows = std::iter::from_fn(move || {
        let mut batches = reader.take()?;
        let next = waiter.wait_blocking(move || batches.next().map(|batch| (batch, batches)));
        match next {
            Ok(Some((Ok(batch), rest))) => {
                reader = Some(rest);
                Some(Ok(batch))
            }
            Ok(Some((Err(error), _))) => Some(Err(Failure::of("the server's answer broke off", &error))),
            Ok(None) => None,
            Err(interrupted) => Some(Err(interrupted)),
        }
    });
    Table { columns, schema, batches: Box::new(rows.fuse()), warnings: Warnings::default(), approximate: false, started: Instant::now() }
}

fn collect_definitions<'v>(value: &'v Value, definitions: &mut Vec<&'v str>) {
    match value {
        Value::Array(all) => all.iter().for_each(|v| collect_definitions(v, definitions)),
        Value::Object(fields) => {
            definitions.extend(fields.get("definition").and_then(Value::as_str));
            fields.values().for_each(|v| collect_definitions(v, definitions));
        }
        _ => {}
    }
}

fn path_segment(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
