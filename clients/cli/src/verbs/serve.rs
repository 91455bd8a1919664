//! `eql serve`: Flight SQL and HTTP over one data directory.

use crate::failure::{self, Failure};
use crate::out;
use crate::place::{Absent, Here};
use crate::setting;
use crate::wait::Waiter;
use eql_engine::{Engine, EngineOptions};
use eql_server::{Config, Options};
use std::path::PathBuf;
use std::sync::Arc;

/// Serve a data directory: Flight SQL, HTTP and the console
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eql serve
  eql serve --data ./eql-data --http 127.0.0.1:8080 --flight 127.0.0.1:50051
  EQL_TOKEN=secret eql serve --http 0.0.0.0:8080 --tls-cert cert.pem --tls-key key.pem

Flags stand above EQL_* variables, these above eql.toml.
Ctrl-C or SIGTERM lets running statements finish, then stops.")]
pub(crate) struct Args {
    /// The data directory [default: ./eql-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration [default: eql.toml, where there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    network: Network,
    /// Milliseconds a statement may run
    #[arg(long, value_name = "MS", help_heading = "Limits")]
    timeout_ms: Option<String>,
    /// Bytes that running statements may hold together, such as 4GiB
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    memory_bytes: Option<String>,
    /// Statements that run at once
    #[arg(long, value_name = "N", help_heading = "Limits")]
    running: Option<String>,
    /// Statements that wait for a turn
    #[arg(long, value_name = "N", help_heading = "Limits")]
    waiting: Option<String>,
    /// Cores a statement works on
    #[arg(long, value_name = "N", help_heading = "Limits")]
    threads: Option<String>,
    /// Any other key of eql.toml, such as limits.result_cache_bytes=64MiB
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting::pair, help_heading = "Limits")]
    set: Vec<(String, String)>,
}

/// Where a server listens and whom it lets in.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Network {
    /// Where Flight SQL listens [default: 127.0.0.1:50051]
    #[arg(long, value_name = "HOST:PORT")]
    flight: Option<String>,
    /// Where HTTP listens [default: 127.0.0.1:8080]
    #[arg(long, value_name = "HOST:PORT")]
    http: Option<String>,
    /// A token that is let in; may be repeated [env: EQL_TOKEN]
    #[arg(long, value_name = "TOKEN")]
    token: Vec<String>,
    /// The certificate chain, PEM
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The private key, PEM
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Listen off loopback without TLS
    #[arg(long)]
    insecure: bool,
    /// What is logged on stderr: error, warn, info, debug
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,
}

impl Network {
    /// The server's options for a data directory.
    pub(crate) fn options(&self, data: Option<PathBuf>) -> Options {
        Options {
            data,
            flight: self.flight.clone(),
            http: self.http.clone(),
            tokens: self.token.clone(),
            tls_cert: self.tls_cert.clone(),
            tls_key: self.tls_key.clone(),
            insecure: self.insecure,
            log: self.log.clone(),
            ..Options::default()
        }
    }
}

/// Serves until it is told to stop.
pub(crate) fn run(arguments: &Args) -> Result<(), Failure> {
    let config = load(&options(arguments))?;
    let waiter = Waiter::patient()?;
    let mut here = Here::open_with(&config.data, Absent::Create, waiter.clone(), engine_options(&config))?;
    serve(here.hand_over(), config, &waiter, |_| Ok(()))
}

/// Bytes of the log that a server keeps behind a checkpoint: who follows events and was away for a while goes on where he was.
const LOG_KEEP_BYTES: u64 = 256 << 20;

/// What the engine is told of a configuration.
pub(crate) fn engine_options(config: &Config) -> EngineOptions {
    EngineOptions { limits: config.limits.clone(), parts: config.parts.at(), log_keep_bytes: LOG_KEEP_BYTES }
}

fn options(arguments: &Args) -> Options {
    let limits = [
        ("timeout_ms", &arguments.timeout_ms),
        ("memory_bytes", &arguments.memory_bytes),
        ("running", &arguments.running),
        ("waiting", &arguments.waiting),
        ("threads", &arguments.threads),
    ];
    let mut options = arguments.network.options(arguments.data.clone());
    options.config.clone_from(&arguments.config);
    options.set = limits.into_iter().filter_map(|(name, v)| Some((format!("limits.{name}"), v.clone()?))).collect();
    options.set.extend(arguments.set.iter().cloned());
    options
}

/// The configuration; one that cannot be used is the user's to mend.
pub(crate) fn load(options: &Options) -> Result<Config, Failure> {
    Config::load(options).map_err(|e| Failure::Usage(failure::chain(&e)))
}

/// Serves an open engine; prints the addresses once they answer, and then what `afterwards` says of the one of HTTP.
pub(crate) fn serve(
    engine: Arc<Engine>,
    config: Config,
    waiter: &Waiter,
    afterwards: impl Fn(&str) -> Result<(), Failure> + Send,
) -> Result<(), Failure> {
    eql_server::telemetry::init(&config.log).map_err(Failure::Usage)?;
    let ready = move |at: eql_server::Addresses| {
        // Whoever does not read what we print may still use the server.
        let _ = out::line(&format!("flight  {}\nhttp    {}", at.flight, at.http)).and_then(|()| afterwards(&at.http.to_string()));
    };
    let served = waiter.wait(Box::pin(eql_server::serve(engine, config, ready, eql_server::shutdown_signal())))?;
    served.map_err(|e| Failure::Failed(failure::chain(&e)))
}
