//! `POST /v1/query`: a text in, a body of rows out while they come.

use super::App;
use super::body::Whole;
use super::error::Failure;
use super::format::Format;
use crate::parameters;
use crate::render::{csv, json, ndjson};
use crate::script::{self, Script};
use crate::telemetry::Timer;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use eql_engine::grammar::ast::StatementKind;
use eql_engine::{Answer, EngineError, Params, Rows, Session};
use futures::{FutureExt, StreamExt};
use serde::Deserialize;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

const PROTOCOL: &str = "http";
/// What a text is read as where the settings say nothing.
const DIALECT: &str = "eql";
/// Bytes gathered before they are sent; an error before that still has its own status.
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks on their way to a slow client.
const CHUNKS: usize = 4;

/// What is asked, as JSON or as the bare text of the query.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    pub(super) query: String,
    #[serde(default)]
    params: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    pub(super) settings: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    format: Option<String>,
}

impl Ask {
    /// A body that begins with `{` is JSON, as no statement does; content types are often wrong.
    pub(super) fn read(body: &[u8]) -> Result<Ask, Failure> {
        if body.trim_ascii_start().starts_with(b"{") {
            return serde_json::from_slice(body).map_err(|e| Failure::invalid(format!("the body is no request: {e}")));
        }
        let query = std::str::from_utf8(body).map_err(|_| Failure::invalid("the body is not UTF-8"))?;
        Ok(Ask { query: query.to_string(), ..Ask::default() })
    }
}

/// `?format=csv`, for bodies that are bare text.
#[derive(Deserialize)]
pub(super) struct Choice {
    format: Option<String>,
}

pub(super) async fn query(
    State(app): State<App>,
    Query(choice): Query<Choice>,
    headers: HeaderMap,
    Whole(sent): Whole,
) -> Result<Response, Failure> {
    let ask = Ask::read(&sent)?;
    let accept = headers.get(ACCEPT).and_then(|v| v.to_str().ok());
    let format = Format::choose(ask.format.as_deref().or(choice.format.as_deref()), accept)?;
    let mut session = Session::default();
    for (name, value) in &ask.settings {
        script::set(&app.engine, &mut session, name, value).await?;
    }
    let script = Script::read(&app.engine, &session, DIALECT, &ask.query).await?;
    let media = Arc::new(OnceLock::new());
    let (sender, chunks) = mpsc::channel(CHUNKS);
    let out = Out { sender, buffer: Vec::new(), enough: CHUNK_BYTES, media: Arc::clone(&media) };
    let work = Work { app, script, session, params: parameters::of_json(ask.params), format, out };
    // The work is part of the body: a client that goes away drops both.
    let failed = work.until_killed().into_stream().filter_map(|end| futures::future::ready(end.err().map(Err)));
    let mut body = Box::pin(futures::stream::select(ReceiverStream::new(chunks).map(Ok), failed).peekable());
    if let Some(Err(_)) = body.as_mut().peek().await
        && let Some(Err(error)) = body.next().await
    {
        return Err(Failure::from(error));
    }
    let media = media.get().copied().unwrap_or(Format::Json.media());
    Ok(([(CONTENT_TYPE, media)], Body::from_stream(body)).into_response())
}

/// The statements of one request on their way into the body.
struct Work {
    app: App,
    script: Script,
    session: Session,
    params: Params,
    format: Format,
    out: Out,
}

impl Work {
    async fn until_killed(self) -> Result<(), EngineError> {
        let kill = self.app.kill.clone();
        tokio::select! {
            done = self.run() => done,
            () = kill.cancelled() => Err(EngineError::Invalid("the server has stopped".to_string())),
        }
    }

    async fn run(mut self) -> Result<(), EngineError> {
        let count = self.script.count();
        for at in 0..count {
            let started = Instant::now();
            self.endless(at)?;
            let timer = Timer::start(PROTOCOL);
            let answer = self.script.run_at(&self.app.engine, &mut self.session, at, &self.params, timer).await?;
            let last = at + 1 == count;
            if last || self.lines() {
                // The first answer that is written names the type of the whole body.
                let _ = self.out.media.set(self.media(&answer));
            }
            match (answer, self.format) {
                (Answer::Rows(rows), Format::Json) => self.out.json(rows, started).await?,
                (Answer::Rows(rows), Format::Ndjson) => self.out.ndjson(rows).await?,
                (Answer::Done(words), Format::Json | Format::Ndjson) => {
                    json::write_done(&words, &mut self.out.buffer).map_err(crate::failure::internal)?
                }
                // One table is all that these forms hold: the last one.
                (Answer::Rows(rows), Format::Csv) if last => self.out.csv(rows).await?,
                (Answer::Rows(rows), Format::Arrow) if last => self.out.arrow(rows).await?,
                (Answer::Done(words), _) if last => json::write_done(&words, &mut self.out.buffer).map_err(crate::failure::internal)?,
                (Answer::Rows(rows), _) => drain(rows).await?,
                (Answer::Done(_), _) => {}
            }
            self.out.flush(CHUNK_BYTES).await;
        }
        self.out.flush(1).await;
        Ok(())
    }

    /// What never ends goes out row by row, in a form that needs no end.
    fn endless(&mut self, at: usize) -> Result<(), EngineError> {
        let endless = self.script.statements().get(at).is_some_and(|s| matches!(s.kind, StatementKind::Subscribe { .. }));
        self.out.enough = if endless { 1 } else { CHUNK_BYTES };
        if endless && matches!(self.format, Format::Json | Format::Csv) {
            let words = "a subscription never ends: ask for `application/x-ndjson`, or GET /v1/segments/{name}/changes for Server-Sent Events and for JSON piece by piece";
            return Err(EngineError::Invalid(words.to_string()));
        }
        Ok(())
    }

    /// True when the answers of all statements are written, one document a line.
    fn lines(&self) -> bool {
        matches!(self.format, Format::Json | Format::Ndjson)
    }

    fn media(&self, answer: &Answer) -> &'static str {
        match answer {
            _ if self.lines() && self.script.statements().len() > 1 => Format::Ndjson.media(),
            Answer::Rows(_) => self.format.media(),
            Answer::Done(_) => Format::Json.media(),
        }
    }
}

/// Runs a statement whose rows nobody sees: it may still fail.
async fn drain(mut rows: Rows) -> Result<(), EngineError> {
    while let Some(batch) = rows.batches.next().await {
        batch?;
    }
    Ok(())
}

struct Out {
    sender: mpsc::Sender<Bytes>,
    buffer: Vec<u8>,
    /// So much is sent at once.
    enough: usize,
    /// The type of the body, known once the first answer is.
    media: Arc<OnceLock<&'static str>>,
}

impl Out {
    /// Sends what has gathered, if it is enough. The client is there: else this future would be gone.
    async fn flush(&mut self, enough: usize) {
        if self.buffer.len() >= enough {
            let _ = self.sender.send(std::mem::take(&mut self.buffer).into()).await;
        }
    }

    async fn json(&mut self, mut rows: Rows, started: Instant) -> Result<(), EngineError> {
        json::begin(&rows.columns, &mut self.buffer).map_err(crate::failure::internal)?;
        let (mut first, mut count) = (true, 0);
        while let Some(batch) = rows.batches.next().await {
            let batch = batch?;
            count += batch.num_rows() as u64;
            json::rows(&batch, &mut first, &mut self.buffer);
            self.flush(CHUNK_BYTES).await;
        }
        let elapsed_ms = started.elapsed().as_micros() as f64 / 1e3;
        let stats = json::Stats { rows: count, elapsed_ms, approximate: rows.approximate, warnings: rows.warnings.told() };
        json::end(&stats, &mut self.buffer).map_err(crate::failure::internal)
    }

    async fn ndjson(&mut self, mut rows: Rows) -> Result<(), EngineError> {
        let keys = ndjson::keys(&rows.columns);
        while let Some(batch) = rows.batches.next().await {
            ndjson::rows(&keys, &batch?, &mut self.buffer);
            self.flush(self.enough).await;
        }
        Ok(())
    }

    async fn csv(&mut self, mut rows: Rows) -> Result<(), EngineError> {
        csv::header(&rows.columns, &mut self.buffer);
        while let Some(batch) = rows.batches.next().await {
            csv::rows(&batch?, &mut self.buffer);
            self.flush(CHUNK_BYTES).await;
        }
        Ok(())
    }

    async fn arrow(&mut self, mut rows: Rows) -> Result<(), EngineError> {
        let schema = crate::plain::wire_schema(&rows.columns, &rows.schema);
        let mut writer = StreamWriter::try_new(Vec::new(), &schema).map_err(arrow)?;
        while let Some(batch) = rows.batches.next().await {
            writer.write(&crate::plain::to_schema(&batch?, &schema).map_err(arrow)?).map_err(arrow)?;
            self.buffer.append(writer.get_mut());
            self.flush(self.enough).await;
        }
        writer.finish().map_err(arrow)?;
        self.buffer.append(writer.get_mut());
        Ok(())
    }
}

fn arrow(error: ArrowError) -> EngineError {
    crate::failure::internal(error)
}
