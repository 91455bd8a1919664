//! `POST /v1/complete`: what could stand at a place of a text.

use super::App;
use super::body::Whole;
use super::error::Failure;
use axum::Json;
use axum::extract::State;
use eql_editor::Completion;
use serde::Deserialize;

/// A text and a place in it, in bytes of UTF-8; without a place, the end.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    query: String,
    offset: Option<usize>,
}

impl Asked {
    fn read(body: &[u8]) -> Result<Self, Failure> {
        if body.trim_ascii_start().starts_with(b"{") {
            return serde_json::from_slice(body).map_err(|e| Failure::invalid(format!("the body is no request: {e}")));
        }
        let query = std::str::from_utf8(body).map_err(|_| Failure::invalid("the body is not UTF-8"))?;
        Ok(Self { query: query.to_string(), offset: None })
    }
}

pub(super) async fn complete(State(app): State<App>, Whole(sent): Whole) -> Result<Json<Completion>, Failure> {
    let asked = Asked::read(&sent)?;
    let offset = asked.offset.unwrap_or(asked.query.len());
    if offset > asked.query.len() {
        let message = format!("offset {offset} lies behind the end: the text has {} bytes", asked.query.len());
        return Err(Failure::invalid(message));
    }
    let found = tokio::task::spawn_blocking(move || eql_editor::complete(&app.engine.catalog(), &asked.query, offset)).await;
    Ok(Json(found.map_err(crate::failure::internal)?))
}
