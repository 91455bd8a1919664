//! What operators ask of a running server: one thing at a time, as each reads the whole data directory.

mod target;

use super::App;
use super::body::Whole;
use super::error::Failure;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use eql_engine::admin::{BackupReport, CompactReport, Erased, VerifyReport};
use eql_engine::{Engine, EngineError};
use serde::Deserialize;
use std::sync::Arc;

/// `{"target": "monday"}`: below `backup_dir`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Backup {
    target: String,
}

/// `{"due": true}`: only what is worth it; no body: everything.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Compact {
    due: bool,
}

/// `{"entity": "user", "keys": ["42"]}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Erase {
    entity: String,
    keys: Vec<String>,
}

/// Damage is no failure of the request: it stands in the answer.
pub(super) async fn verify(State(app): State<App>) -> Result<Json<VerifyReport>, Failure> {
    alone(app, |engine| engine.verify()).await.map(Json)
}

pub(super) async fn backup(State(app): State<App>, Whole(sent): Whole) -> Result<Json<BackupReport>, Failure> {
    let Some(root) = app.config.backup_dir.clone() else {
        return Err(Failure::new(StatusCode::FORBIDDEN, "forbidden", "this server writes no backups: configure `backup_dir`"));
    };
    let asked: Backup = read(&sent)?;
    let target = target::below(&root, &asked.target).map_err(Failure::invalid)?;
    alone(app, move |engine| engine.backup(&target)).await.map(Json)
}

pub(super) async fn compact(State(app): State<App>, Whole(sent): Whole) -> Result<Json<CompactReport>, Failure> {
    let asked: Compact = if sent.trim_ascii().is_empty() { Compact::default() } else { read(&sent)? };
    alone(app, move |engine| engine.compact(!asked.due)).await.map(Json)
}

pub(super) async fn erase(State(app): State<App>, Whole(sent): Whole) -> Result<Json<Erased>, Failure> {
    let asked: Erase = read(&sent)?;
    alone(app, move |engine| engine.erase(&asked.entity, &asked.keys)).await.map(Json)
}

fn read<'a, T: Deserialize<'a>>(sent: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(sent).map_err(|e| Failure::invalid(format!("the body is no request: {e}")))
}

/// Runs blocking work to its end, even when the client goes away; a second request is told to come again.
async fn alone<T: Send + 'static>(app: App, work: impl FnOnce(&Engine) -> Result<T, EngineError> + Send + 'static) -> Result<T, Failure> {
    let Ok(turn) = Arc::clone(&app.operating).try_lock_owned() else {
        let message = "another operation of this kind is running: try again when it is done";
        return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", message));
    };
    let done = tokio::task::spawn_blocking(move || {
        let done = work(&app.engine);
        drop(turn);
        done
    });
    Ok(done.await.map_err(crate::failure::internal)??)
}
