//! `GET /v1/segments/{name}/changes` and the like: changes as Server-Sent Events that never end, or as JSON a piece at a time.

use super::App;
use super::body::Whole;
use super::error::Failure;
use crate::render::ndjson;
use arrow::array::{Array, RecordBatch};
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use eql_engine::{EngineError, Rows, Start};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A comment line is sent when nothing was for so long, so that nothing between takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Changes of one answer where nothing is said, and at most.
const LIMIT: usize = 1000;
const LIMIT_MAX: usize = 10_000;
/// Members of a snapshot that one JSON answer holds.
const SNAPSHOT_MAX: usize = 100_000;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// `?from=now|snapshot|<cursor>&subscription=NAME&mode=poll&limit=100`.
#[derive(Deserialize)]
pub(super) struct Asked {
    from: Option<String>,
    subscription: Option<String>,
    mode: Option<String>,
    limit: Option<usize>,
}

impl Asked {
    /// What the client saw last stands above what it asked for when it began: that is how it comes back.
    fn start(&self, headers: &HeaderMap) -> Start {
        let seen = headers.get(LAST_EVENT_ID).and_then(|v| v.to_str().ok()).filter(|v| !v.is_empty());
        match (seen, &self.subscription, self.from.as_deref()) {
            (Some(cursor), ..) => Start::Cursor(cursor.to_string()),
            (None, Some(name), None) => Start::Subscription(name.clone()),
            (None, _, None) => Start::Now,
            (None, _, Some(word)) if word.eq_ignore_ascii_case("now") => Start::Now,
            (None, _, Some(word)) if word.eq_ignore_ascii_case("snapshot") => Start::Snapshot,
            (None, _, Some(cursor)) => Start::Cursor(cursor.to_string()),
        }
    }
}

pub(super) async fn segment(
    State(app): State<App>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let start = asked.start(&headers);
    let has_snapshot = start == Start::Snapshot;
    answer(app.clone(), &asked, app.engine.follow_segment(&name, start).await?, has_snapshot).await
}

pub(super) async fn tag(
    State(app): State<App>,
    Path((entity, name)): Path<(String, String)>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let start = asked.start(&headers);
    let has_snapshot = start == Start::Snapshot;
    answer(app.clone(), &asked, app.engine.follow_tag(&entity, &name, start).await?, has_snapshot).await
}

pub(super) async fn event(
    State(app): State<App>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    answer(app.clone(), &asked, app.engine.follow_events(&name, asked.start(&headers)).await?, false).await
}

async fn answer(app: App, asked: &Asked, rows: Rows, has_snapshot: bool) -> Result<Response, Failure> {
    match asked.mode.as_deref() {
        None | Some("stream" | "sse") => Ok(stream(app, rows, has_snapshot)),
        Some("poll") => poll(rows, asked.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX), has_snapshot).await,
        Some(other) => Err(Failure::invalid(format!("`mode={other}`: write `mode=poll`, or leave it out for Server-Sent Events"))),
    }
}

/// Bodies of batches that many clients get.
const SHARED: u64 = 512;

/// What a batch of changes is as events, made once for all clients that get the same one. The batch is kept with it, so that its place in
/// memory stays its own.
pub(crate) struct Shared(moka::sync::Cache<usize, (RecordBatch, Bytes)>);

impl Default for Shared {
    fn default() -> Shared {
        Shared(moka::sync::Cache::new(SHARED))
    }
}

impl Shared {
    fn events(&self, keys: &[String], batch: &RecordBatch, in_snapshot: &mut bool) -> Bytes {
        let make = |in_snapshot: &mut bool| {
            let mut lines = Vec::new();
            ndjson::rows(keys, batch, &mut lines);
            Bytes::from(events(&lines, in_snapshot))
        };
        // Snapshots and promises are each client's own.
        let own = *in_snapshot || batch.columns().iter().any(|c| c.null_count() == c.len() && batch.num_rows() == 1);
        let Some(first) = batch.columns().first().filter(|_| !own) else { return make(in_snapshot) };
        let place = Arc::as_ptr(first).cast::<()>() as usize;
        self.0.get_with(place, || (batch.clone(), make(&mut false))).1
    }
}

/// Events until the client goes, or the server stops. The client that goes drops the body, and with it everything there is of it.
fn stream(app: App, rows: Rows, has_snapshot: bool) -> Response {
    let keys = ndjson::keys(&rows.columns);
    let state = (rows.batches, has_snapshot, app);
    let events = futures::stream::unfold(Some(state), move |state| {
        let keys = keys.clone();
        async move {
            let (mut batches, mut in_snapshot, app) = state?;
            let next = tokio::select! {
                next = tokio::time::timeout(KEEP_ALIVE, batches.next()) => next,
                () = app.stopping.cancelled() => return None,
            };
            let (text, goes_on) = match next {
                Err(_) => (Bytes::from_static(b": nothing new\n\n"), true),
                Ok(None) => return None,
                Ok(Some(Ok(batch))) => (app.shared.events(&keys, &batch, &mut in_snapshot), true),
                Ok(Some(Err(error))) => (failed(&error).into(), false),
            };
            Some((Ok::<_, std::convert::Infallible>(text), goes_on.then_some((batches, in_snapshot, app))))
        }
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    (headers, [(HeaderName::from_static("x-accel-buffering"), "no")], Body::from_stream(events)).into_response()
}

/// Lines of JSON as events: `snapshot`, `snapshot_end`, `change`, `progress`. The id is the cursor.
fn events(lines: &[u8], in_snapshot: &mut bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(lines.len() * 2);
    for line in lines.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        let row: Value = serde_json::from_slice(line).unwrap_or_default();
        let kind = match kind(&row) {
            "progress" if std::mem::take(in_snapshot) => "snapshot_end",
            kind => kind,
        };
        out.extend_from_slice(format!("event: {kind}\n").as_bytes());
        if let Some(cursor) = row["cursor"].as_str() {
            out.extend_from_slice(format!("id: {cursor}\n").as_bytes());
        }
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.extend_from_slice(b"\n\n");
    }
    out
}

/// What a row is: of a segment `change` says so; a promise names no entity, or no event.
fn kind(row: &Value) -> &'static str {
    match row["change"].as_str().or(row["cause"].as_str()) {
        Some("snapshot") => "snapshot",
        Some("progress") => "progress",
        _ if row.get("event").is_some_and(Value::is_null) => "progress",
        // Whoever was erased since has no key either, but a cause.
        _ if row.get("tag").is_some() && row["entity"].is_null() && row["cause"].is_null() => "progress",
        _ => "change",
    }
}

fn failed(error: &EngineError) -> Vec<u8> {
    format!("event: error\ndata: {}\n\n", json!({ "message": error.to_string() })).into_bytes()
}

/// What is there now, up to a limit: `{"snapshot":[…],"changes":[…],"cursor":"…","more":false}`.
async fn poll(rows: Rows, limit: usize, mut in_snapshot: bool) -> Result<Response, Failure> {
    let keys = ndjson::keys(&rows.columns);
    let (mut snapshot, mut changes, mut cursor, mut more) = (Vec::new(), Vec::new(), None, false);
    let mut batches = rows.batches;
    'read: while let Some(batch) = batches.next().await {
        let mut lines = Vec::new();
        ndjson::rows(&keys, &batch?, &mut lines);
        for line in lines.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
            let row: Value = serde_json::from_slice(line).map_err(crate::failure::internal)?;
            let kind = kind(&row);
            if kind == "change" && changes.len() == limit {
                more = true;
                break 'read;
            }
            cursor = row["cursor"].as_str().map(str::to_string).or(cursor);
            match kind {
                "snapshot" if snapshot.len() == SNAPSHOT_MAX => {
                    let words = format!("the snapshot has more than {SNAPSHOT_MAX} members: read it without `mode=poll`");
                    return Err(Failure::invalid(words));
                }
                "snapshot" => snapshot.push(row),
                "progress" if std::mem::take(&mut in_snapshot) => {}
                "progress" => break 'read,
                _ => changes.push(row),
            }
        }
    }
    let mut told = json!({ "changes": changes, "cursor": cursor, "more": more });
    if !snapshot.is_empty() {
        told["snapshot"] = snapshot.into();
    }
    Ok(axum::Json(told).into_response())
}

/// `PUT /v1/subscriptions/{name}` `{"segment"}`.
#[derive(Deserialize)]
struct Named {
    segment: String,
}

/// `POST /v1/subscriptions/{name}/ack` `{"cursor"}`.
#[derive(Deserialize)]
struct Acknowledged {
    cursor: String,
}

pub(super) async fn name(State(app): State<App>, Path(name): Path<String>, Whole(body): Whole) -> Result<Response, Failure> {
    let named: Named = serde_json::from_slice(&body).map_err(|e| Failure::invalid(format!("the body is `{{\"segment\":…}}`: {e}")))?;
    app.engine.name_subscription(&name, &named.segment).await?;
    Ok(axum::Json(json!({ "name": name, "segment": named.segment })).into_response())
}

pub(super) async fn acknowledge(State(app): State<App>, Path(name): Path<String>, Whole(body): Whole) -> Result<Response, Failure> {
    let taken: Acknowledged =
        serde_json::from_slice(&body).map_err(|e| Failure::invalid(format!("the body is `{{\"cursor\":…}}`: {e}")))?;
    app.engine.acknowledge(&name, &taken.cursor).await?;
    Ok(axum::Json(json!({ "done": format!("subscription `{name}` acknowledged") })).into_response())
}

pub(super) async fn end(State(app): State<App>, Path(name): Path<String>) -> Result<Response, Failure> {
    if app.engine.end_subscription(&name).await? {
        return Ok(axum::Json(json!({ "done": format!("subscription `{name}` ended") })).into_response());
    }
    Err(Failure::from(EngineError::NotFound(format!("there is no subscription `{name}`"))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_become_events_with_their_cursors() {
        let lines = b"{\"entity\":1,\"change\":\"snapshot\",\"cursor\":null}\n{\"entity\":null,\"change\":\"progress\",\"cursor\":\"a\"}\n\
            {\"entity\":2,\"change\":\"enter\",\"cursor\":\"b\"}\n{\"entity\":null,\"change\":\"progress\",\"cursor\":\"c\"}\n";
        let mut in_snapshot = true;
        let text = String::from_utf8(events(lines, &mut in_snapshot)).unwrap();
        let heads: Vec<&str> = text.lines().filter(|l| l.starts_with("event") || l.starts_with("id")).collect();
        let expected = ["event: snapshot", "event: snapshot_end", "id: a", "event: change", "id: b", "event: progress", "id: c"];
        assert_eq!(heads, expected);
        assert!(text.contains("data: {\"entity\":2,") && text.ends_with("\n\n"));
    }
}
