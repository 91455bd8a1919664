//! Diagnostics and canonical text.

use super::App;
use super::body::Whole;
use super::error::Failure;
use super::query::Ask;
use axum::Json;
use axum::extract::State;
use eql_engine::{EngineError, Session, grammar};
use serde_json::{Value, json};

/// Everything wrong with a text; nothing is run. Settings count, so that `time_zone` and the like are those of the query to come.
pub(super) async fn check(State(app): State<App>, Whole(sent): Whole) -> Result<Json<Value>, Failure> {
    let ask = Ask::read(&sent)?;
    let mut session = Session::default();
    for (name, value) in &ask.settings {
        crate::script::set(&app.engine, &mut session, name, value).await?;
    }
    let diagnostics = tokio::task::spawn_blocking(move || app.engine.check(&session, &ask.query)).await;
    let diagnostics = diagnostics.map_err(crate::failure::internal)?;
    Ok(Json(json!({ "diagnostics": diagnostics })))
}

/// The text as `eql fmt` would write it.
pub(super) async fn format(Whole(sent): Whole) -> Result<Json<Value>, Failure> {
    let ask = Ask::read(&sent)?;
    let text = grammar::format(&ask.query).map_err(EngineError::Diagnostics)?;
    Ok(Json(json!({ "text": text })))
}
