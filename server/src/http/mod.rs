//! HTTP: JSON in and out unless said.
//!
//! ```text
//! request → origin → token → project → query | check | complete | catalog | files | ingest | profile | changes | webhooks → body
//! ```

mod admin;
mod body;
mod catalog;
mod changes;
mod check;
mod complete;
mod entrance;
mod error;
mod files;
mod format;
mod health;
mod ingest;
mod page;
mod profile;
mod query;
mod webhooks;

use crate::auth::Auth;
use crate::config::Config;
use crate::import::Importer;
use crate::webhook::Webhooks;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post, put};
use eql_engine::Engine;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What every handler may need.
#[derive(Clone)]
pub(crate) struct App {
    engine: Arc<Engine>,
    config: Arc<Config>,
    auth: Arc<Auth>,
    importer: Arc<Importer>,
    stopping: CancellationToken,
    /// Held by the one operation on the whole directory that may run.
    operating: Arc<tokio::sync::Mutex<()>>,
    /// Ends what still runs when the time to stop is over.
    kill: CancellationToken,
    /// None where nothing is pushed.
    webhooks: Option<Arc<Webhooks>>,
    /// What many clients are sent.
    shared: Arc<changes::Shared>,
}

impl App {
    pub(crate) fn new(
        engine: Arc<Engine>,
        config: Arc<Config>,
        auth: Arc<Auth>,
        importer: Arc<Importer>,
        stopping: CancellationToken,
        kill: CancellationToken,
        webhooks: Option<Arc<Webhooks>>,
    ) -> Self {
        Self { engine, config, auth, importer, stopping, operating: Arc::default(), kill, webhooks, shared: Arc::default() }
    }
}

/// All paths. Only `/livez` and `/readyz` need no token.
pub(crate) fn router(app: App) -> Router {
    let guarded = Router::new()
        .route("/v1/query", post(query::query))
        .route("/v1/check", post(check::check))
        .route("/v1/format", post(check::format))
        .route("/v1/complete", post(complete::complete))
        .route("/v1/catalog", get(catalog::catalog))
        .route("/v1/files/{target}", post(files::import))
        .route("/v1/admin/verify", post(admin::verify))
        .route("/v1/admin/backup", post(admin::backup))
        .route("/v1/admin/compact", post(admin::compact))
        .route("/v1/admin/erase", post(admin::erase))
        .route("/v1/events", post(ingest::events))
        .route("/v1/entities/{type}", post(ingest::entities))
        .route("/v1/entities/{type}/{key}", get(profile::profile))
        .route("/v1/entities/{type}/{key}/journey", get(profile::journey))
        .route("/v1/entities/{type}/{key}/segments", get(profile::segments))
        .route("/v1/segments/{name}/changes", get(changes::segment))
        .route("/v1/tags/{entity}/{name}/changes", get(changes::tag))
        .route("/v1/events/{name}/changes", get(changes::event))
        .route("/v1/subscriptions/{name}", put(changes::name).delete(changes::end))
        .route("/v1/subscriptions/{name}/ack", post(changes::acknowledge))
        .route("/v1/webhooks", get(webhooks::list))
        .route("/v1/webhooks/{name}", get(webhooks::get).put(webhooks::put).delete(webhooks::delete))
        .route("/v1/webhooks/{name}/dead", get(webhooks::dead))
        .route("/v1/webhooks/{name}/replay", post(webhooks::replay))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(page::openapi))
        .route("/", get(page::page))
        .fallback(error::no_such_path)
        .method_not_allowed_fallback(error::no_such_method)
        // Whoever reads a body counts it: whole ones in `body.rs`, uploads while they stream to disk.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(app.clone(), entrance::guard));
    let open = Router::new().route("/livez", get(health::live)).route("/readyz", get(health::ready));
    open.merge(guarded).with_state(app)
}
