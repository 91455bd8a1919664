//! Both doors: opened together, closed together.

use crate::auth::{Auth, NoRandomness};
use crate::config::Config;
use crate::flight::Flight;
use crate::import::Importer;
use crate::webhook::Webhooks;
use crate::{http, telemetry, tls};
use arrow_flight::flight_service_server::FlightServiceServer;
use axum::serve::ListenerExt;
use eql_engine::{Engine, EngineError};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

/// Between two rounds of housekeeping.
const HOUSEKEEPING: Duration = Duration::from_secs(60);
/// How long running statements may go on once the server was asked to stop.
const GRACE: Duration = Duration::from_secs(30);
/// A connection that is gone without a word is noticed after this.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// Calls a Flight connection may have open at once.
const STREAMS: u32 = 256;
/// Bytes of headers of one Flight call.
const HEADER_BYTES: u32 = 32 << 10;

/// Where the server really listens. Both print as addresses that clients take: `grpc://127.0.0.1:50051`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Arrow Flight SQL.
    pub flight: Address,
    /// HTTP.
    pub http: Address,
}

/// A scheme and a port that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// `grpc`, `grpc+tls`, `http` or `https`.
    pub scheme: &'static str,
    /// Where it listens.
    pub socket: SocketAddr,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", self.scheme, self.socket)
    }
}

/// Why a server could not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Somebody else listens there.
    #[error("`{key}` = {address} is in use by another program: stop it, or choose another port (0 takes a free one)")]
    PortInUse {
        /// `flight` or `http`.
        key: &'static str,
        /// As configured.
        address: SocketAddr,
    },
    /// The system refuses to listen there.
    #[error("cannot listen on `{key}` = {address}: {source}")]
    Listen {
        /// `flight` or `http`.
        key: &'static str,
        /// As configured.
        address: SocketAddr,
        /// The system's words.
        source: std::io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("TLS file {}: {message}", path.display())]
    Tls {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The system gives no random bytes for keys.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// Changes of segments cannot be kept.
    #[error("the changes of segments cannot be kept: {0}")]
    Live(EngineError),
    /// A listener broke.
    #[error("the {0} listener failed: {1}")]
    Broken(&'static str, String),
    /// The engine could not close cleanly.
    #[error("the data directory could not be closed: {0}")]
    Close(EngineError),
}

/// Serves until `shutdown`, then lets running statements finish and closes the engine. `ready` is called once both ports are open.
///
/// # Errors
/// A port, certificate or engine that cannot be used.
pub async fn serve(
    engine: Arc<Engine>,
    config: Config,
    ready: impl FnOnce(Addresses) + Send,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    telemetry::metrics();
    // The first look installs the signal handlers: a signal that comes right after `ready` must be heard.
    let mut shutdown = std::pin::pin!(shutdown);
    let at_once = futures::poll!(shutdown.as_mut()).is_ready();
    let shutdown = async {
        if !at_once {
            shutdown.await
        }
    };
    let config = Arc::new(config);
    let auth = Arc::new(Auth::new(&config.tokens));
    let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
    let importer = Arc::new(Importer::new(Arc::clone(&engine), Arc::clone(&config)));
    let flight = Flight::new(Arc::clone(&engine), Arc::clone(&config), Arc::clone(&auth), Arc::clone(&importer), kill.clone())?;
    let (flight_port, http_port) = (listen("flight", config.flight).await?, listen("http", config.http).await?);
    let (grpc, web) = if config.tls.is_some() { ("grpc+tls", "https") } else { ("grpc", "http") };
    let addresses = Addresses { flight: address(grpc, &flight_port, config.flight), http: address(web, &http_port, config.http) };
    engine.start_live().map_err(ServeError::Live)?;
    let webhooks = Webhooks::start(Arc::clone(&engine), config.webhooks_allow_private, stop.clone()).await.map_err(ServeError::Live)?;
    let app = http::App::new(Arc::clone(&engine), Arc::clone(&config), auth, importer, stop.clone(), kill.clone(), Some(webhooks));
    let flight = serve_flight(flight, flight_port, &config, stop.clone())?;
    let http = serve_http(http::router(app), http_port, &config, stop.clone())?;
    let upkeep = tokio::spawn(telemetry::upkeep());
    let housekeeping = tokio::spawn(housekeeping(Arc::clone(&engine)));
    let refreshing = tokio::spawn(refreshing(Arc::clone(&engine)));
    tracing::info!(flight = %addresses.flight, http = %addresses.http, "ready");
    ready(addresses);
    let served = until(shutdown, &stop, &engine, flight, http).await;
    kill.cancel();
    upkeep.abort();
    housekeeping.abort();
    refreshing.abort();
    let closed = close(engine).await;
    served.and(closed)
}

/// Events that are kept no longer, checkpoints, merges of parts: about once a minute.
async fn housekeeping(engine: Arc<Engine>) {
    let mut tick = tokio::time::interval(HOUSEKEEPING);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let engine = Arc::clone(&engine);
        match tokio::task::spawn_blocking(move || engine.upkeep()).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => tracing::warn!(error = %e, "housekeeping failed; it is tried again in a minute"),
            Err(e) => tracing::error!(error = %e, "housekeeping ended badly"),
        }
    }
}

/// REFRESH EVERY: whoever is due is refreshed, about once a minute, beside the housekeeping, which must not wait for it.
async fn refreshing(engine: Arc<Engine>) {
    let mut tick = tokio::time::interval(HOUSEKEEPING);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(e) = engine.refresh_due().await {
            tracing::warn!(error = %e, "what is due was not refreshed; it is tried again in a minute");
        }
    }
}

/// Waits for the signal or for a listener that breaks, then for what still runs.
async fn until(
    shutdown: impl Future<Output = ()> + Send,
    stop: &CancellationToken,
    engine: &Engine,
    mut flight: JoinHandle<Result<(), String>>,
    mut http: JoinHandle<Result<(), String>>,
) -> Result<(), ServeError> {
    let broken = tokio::select! {
        () = shutdown => None,
        end = &mut flight => Some(("flight", end)),
        end = &mut http => Some(("http", end)),
    };
    stop.cancel();
    // Their streams end by themselves: a connection that never ends would keep the listeners.
    engine.end_subscriptions();
    if let Some((door, end)) = broken {
        flight.abort();
        http.abort();
        let message = match end {
            Ok(Ok(())) => "it ended by itself".to_string(),
            Ok(Err(message)) => message,
            Err(panic) => panic.to_string(),
        };
        return Err(ServeError::Broken(door, message));
    }
    tracing::info!("stopping: running statements have {} s", GRACE.as_secs());
    let both = async { tokio::join!(&mut flight, &mut http) };
    if tokio::time::timeout(GRACE, both).await.is_err() {
        tracing::warn!("some statements did not finish in time and were cancelled");
        flight.abort();
        http.abort();
    }
    Ok(())
}

async fn close(engine: Arc<Engine>) -> Result<(), ServeError> {
    let closed = tokio::task::spawn_blocking(move || engine.close()).await;
    match closed {
        Ok(closed) => closed.map_err(ServeError::Close),
        Err(panic) => Err(ServeError::Close(crate::failure::internal(panic))),
    }
}

async fn listen(key: &'static str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => ServeError::PortInUse { key, address },
        _ => ServeError::Listen { key, address, source },
    })
}

fn address(scheme: &'static str, listener: &TcpListener, configured: SocketAddr) -> Address {
    Address { scheme, socket: listener.local_addr().unwrap_or(configured) }
}

fn serve_flight(
    flight: Flight,
    port: TcpListener,
    config: &Config,
    stop: CancellationToken,
) -> Result<JoinHandle<Result<(), String>>, ServeError> {
    let body = usize::try_from(config.body_bytes).unwrap_or(usize::MAX);
    let service = FlightServiceServer::new(flight).max_decoding_message_size(body).max_encoding_message_size(usize::MAX);
    let mut server = Server::builder()
        .max_concurrent_streams(STREAMS)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_max_header_list_size(HEADER_BYTES);
    if let Some(files) = &config.tls {
        let broken = |e: tonic::transport::Error| ServeError::Tls { path: files.cert.clone(), message: format!("{e:?}") };
        server = server.tls_config(tls::flight(files)?).map_err(broken)?;
    }
    let incoming = TcpIncoming::from(port).with_nodelay(Some(true)).with_keepalive(Some(KEEPALIVE));
    let serving = server.add_service(service).serve_with_incoming_shutdown(incoming, async move { stop.cancelled().await });
    Ok(tokio::spawn(async move { serving.await.map_err(|e| format!("{e:?}")) }))
}

fn serve_http(
    router: axum::Router,
    port: TcpListener,
    config: &Config,
    stop: CancellationToken,
) -> Result<JoinHandle<Result<(), String>>, ServeError> {
    let stopped = async move { stop.cancelled().await };
    Ok(match &config.tls {
        Some(files) => {
            let listener = tls::TlsListener::new(port, tls::http(files)?);
            let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
            tokio::spawn(async move { serving.await.map_err(|e| e.to_string()) })
        }
        None => {
            let listener = port.tap_io(|stream| drop(stream.set_nodelay(true)));
            let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
            tokio::spawn(async move { serving.await.map_err(|e| e.to_string()) })
        }
    })
}

/// Ends when the process is asked to stop: SIGTERM, or SIGINT from a terminal.
pub async fn shutdown_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(interrupt.await),
    }
}
