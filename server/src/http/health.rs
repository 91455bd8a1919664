//! Alive, ready, and what the metrics say.

use super::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde_json::json;

pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// Ready from the moment the ports are open, since the engine recovers before that; no longer when the server was asked to stop.
pub(super) async fn ready(State(app): State<App>) -> impl IntoResponse {
    if app.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "ready": false, "reason": "stopping" })));
    }
    (StatusCode::OK, Json(json!({ "ready": true, "position": app.engine.stats().position })))
}

pub(super) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], crate::telemetry::render(&app.engine.stats(), app.engine.ingest_stats()))
}
