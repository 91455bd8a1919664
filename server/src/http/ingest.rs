//! `POST /v1/events` and `POST /v1/entities/{type}`: records in, what became of them out. The answer comes when everything accepted is durable.

use super::App;
use super::body::Unpacked;
use super::error::Failure;
use crate::telemetry::Acknowledgement;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use eql_engine::stream::{IngestAnswer, Lines, RowRejection, Submission};
use serde::Serialize;

pub(super) async fn events(State(app): State<App>, headers: HeaderMap, Unpacked(body): Unpacked) -> Result<Response, Failure> {
    take(&app, Submission { entity: None, body, lines: lines(&headers) }).await
}

pub(super) async fn entities(
    State(app): State<App>,
    Path(entity): Path<String>,
    headers: HeaderMap,
    Unpacked(body): Unpacked,
) -> Result<Response, Failure> {
    take(&app, Submission { entity: Some(entity), body, lines: lines(&headers) }).await
}

async fn take(app: &App, submission: Submission) -> Result<Response, Failure> {
    let started = Acknowledgement::start();
    let answer = app.engine.ingest(submission).await?;
    started.done(&answer);
    // Plain texts and numbers: nothing here can fail.
    let said = serde_json::to_vec(&Said::of(&answer)).map_err(crate::failure::internal)?;
    Ok(([(CONTENT_TYPE, "application/json")], said).into_response())
}

/// Content types that say that every line is a record; any other leaves it to the first bytes.
fn lines(headers: &HeaderMap) -> Lines {
    let media = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    let known = ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"];
    if known.iter().any(|k| media.eq_ignore_ascii_case(k)) { Lines::Yes } else { Lines::Sniffed }
}

/// The answer as JSON.
#[derive(Serialize)]
struct Said<'a> {
    accepted: u64,
    duplicates: u64,
    #[serde(skip_serializing_if = "is_zero")]
    clamped: u64,
    rejected: Vec<Rejected<'a>>,
    position: u64,
}

#[derive(Serialize)]
struct Rejected<'a> {
    index: u64,
    diagnostic: Diagnostic<'a>,
}

#[derive(Serialize)]
struct Diagnostic<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl<'a> Said<'a> {
    fn of(answer: &'a IngestAnswer) -> Self {
        let diagnostic = |r: &'a RowRejection| Diagnostic { code: r.code, severity: "error", message: &r.message };
        Said {
            accepted: answer.accepted,
            duplicates: answer.duplicates,
            clamped: answer.clamped,
            rejected: answer.rejected.iter().map(|r| Rejected { index: r.index, diagnostic: diagnostic(r) }).collect(),
            position: answer.position,
        }
    }
}
