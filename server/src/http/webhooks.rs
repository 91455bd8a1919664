//! `PUT/GET/DELETE /v1/webhooks/{name}`, `GET …/dead`, `POST …/replay`.

use super::App;
use super::body::Whole;
use super::error::Failure;
use crate::webhook::{Asked, Definition, Webhooks};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

/// Without the secret, which is told once.
fn shown(name: &str, definition: &Definition) -> Value {
    let Definition { url, segment, attempts, backoff_ms, .. } = definition;
    json!({ "name": name, "url": url, "segment": segment, "attempts": attempts, "backoff_ms": backoff_ms })
}

fn webhooks(app: &App) -> Result<&Arc<Webhooks>, Failure> {
    app.webhooks.as_ref().ok_or_else(|| Failure::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "webhooks are not served here"))
}

fn missing(name: &str) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "not_found", format!("there is no webhook `{name}`"))
}

pub(super) async fn list(State(app): State<App>) -> Result<Json<Value>, Failure> {
    let all = webhooks(&app)?.all();
    Ok(Json(json!({ "webhooks": all.iter().map(|(name, d)| shown(name, d)).collect::<Vec<_>>() })))
}

pub(super) async fn get(State(app): State<App>, Path(name): Path<String>) -> Result<Json<Value>, Failure> {
    let all = webhooks(&app)?.all();
    all.get(&name).map(|d| Json(shown(&name, d))).ok_or_else(|| missing(&name))
}

pub(super) async fn put(State(app): State<App>, Path(name): Path<String>, Whole(body): Whole) -> Result<Json<Value>, Failure> {
    let asked: Asked = serde_json::from_slice(&body).map_err(|e| Failure::invalid(format!("the body is no webhook: {e}")))?;
    let made = webhooks(&app)?.put(&name, asked).await?;
    let mut told = shown(&name, &made);
    told["secret"] = made.secret.into();
    Ok(Json(told))
}

pub(super) async fn delete(State(app): State<App>, Path(name): Path<String>) -> Result<Json<Value>, Failure> {
    match webhooks(&app)?.delete(&name).await? {
        true => Ok(Json(json!({ "done": format!("webhook `{name}` deleted") }))),
        false => Err(missing(&name)),
    }
}

pub(super) async fn dead(State(app): State<App>, Path(name): Path<String>) -> Result<Json<Value>, Failure> {
    Ok(Json(json!({ "dead": webhooks(&app)?.dead(&name).await? })))
}

pub(super) async fn replay(State(app): State<App>, Path(name): Path<String>) -> Result<Json<Value>, Failure> {
    let (sent, failed) = webhooks(&app)?.replay(&name).await?.ok_or_else(|| missing(&name))?;
    Ok(Json(json!({ "sent": sent, "failed": failed })))
}
