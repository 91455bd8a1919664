//! Configuration: defaults, under `eql.toml`, under `EQL_*`, under flags. One table of keys serves all of them.

mod given;
mod keys;
mod layer;
mod parts;

use eql_engine::Limits;
use keys::KEYS;
use layer::{Layer, environment_layer, file_layer, read, unknown};
pub use parts::Parts;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The file that is read when no other is named.
const FILE: &str = "eql.toml";

/// Everything a server can be told.
#[derive(Clone)]
pub struct Config {
    /// The data directory.
    pub data: PathBuf,
    /// Where Arrow Flight SQL listens; port 0 takes a free one.
    pub flight: SocketAddr,
    /// Where HTTP listens; port 0 takes a free one.
    pub http: SocketAddr,
    /// Tokens that are let in, as they are or as `sha256:<hex>`; none means everybody on this machine is.
    pub tokens: Vec<String>,
    /// Certificate and key, for both ports.
    pub tls: Option<Tls>,
    /// Allows listening off loopback without TLS.
    pub insecure: bool,
    /// What is logged: a level (`info`) or `tracing` directives (`info,eql_engine=debug`).
    pub log: String,
    /// Where uploads wait until they are imported.
    pub temp: PathBuf,
    /// The directory that requests may write backups below; without it they may write none.
    pub backup_dir: Option<PathBuf>,
    /// Where event parts are kept.
    pub parts: Parts,
    /// Bounds of the engine.
    pub limits: Limits,
    /// Bytes of a request body; larger ones are refused.
    pub body_bytes: u64,
    /// Bytes of an uploaded file.
    pub upload_bytes: u64,
    /// Lets webhooks reach addresses of the own network, and without encryption.
    pub webhooks_allow_private: bool,
}

/// Tokens are counted, never shown.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Config {
            data,
            flight,
            http,
            tokens,
            tls,
            insecure,
            log,
            temp,
            backup_dir,
            parts,
            limits,
            body_bytes,
            upload_bytes,
            webhooks_allow_private,
        } = self;
        let mut out = f.debug_struct("Config");
        out.field("data", data).field("flight", flight).field("http", http).field("tokens", &tokens.len()).field("tls", tls);
        out.field("insecure", insecure)
            .field("log", log)
            .field("temp", temp)
            .field("backup_dir", backup_dir)
            .field("parts", parts)
            .field("limits", limits);
        out.field("body_bytes", body_bytes).field("upload_bytes", upload_bytes);
        out.field("webhooks_allow_private", webhooks_allow_private).finish()
    }
}

/// PEM files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The certificate chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("./eql-data"),
            flight: SocketAddr::from(([127, 0, 0, 1], 50051)),
            http: SocketAddr::from(([127, 0, 0, 1], 8080)),
            tokens: Vec::new(),
            tls: None,
            insecure: false,
            log: "info".to_string(),
            temp: std::env::temp_dir(),
            backup_dir: None,
            parts: Parts::default(),
            limits: Limits::default(),
            // Ten times the longest generated query seen, and small enough for a few hundred at once.
            body_bytes: 16 << 20,
            upload_bytes: 16 << 30,
            webhooks_allow_private: false,
        }
    }
}

/// What the command line adds; everything unset falls through.
#[derive(Clone, Default)]
pub struct Options {
    /// `--config FILE`.
    pub config: Option<PathBuf>,
    /// `--data DIR`.
    pub data: Option<PathBuf>,
    /// `--flight HOST:PORT`.
    pub flight: Option<String>,
    /// `--http HOST:PORT`.
    pub http: Option<String>,
    /// `--token TOKEN`, repeated.
    pub tokens: Vec<String>,
    /// `--tls-cert FILE`.
    pub tls_cert: Option<PathBuf>,
    /// `--tls-key FILE`.
    pub tls_key: Option<PathBuf>,
    /// `--insecure`.
    pub insecure: bool,
    /// `--log LEVEL`.
    pub log: Option<String>,
    /// Any other key by its name in `eql.toml`: `limits.running` = `8`.
    pub set: Vec<(String, String)>,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there, or not to be read.
    #[error("cannot read configuration {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The file is no TOML.
    #[error("{place} is no TOML: {message}")]
    Syntax {
        /// Which file.
        place: String,
        /// What and where.
        message: String,
    },
    /// No such key.
    #[error("unknown key `{key}` in {place}: the nearest is `{nearest}`")]
    UnknownKey {
        /// As written.
        key: String,
        /// Where.
        place: String,
        /// What was probably meant.
        nearest: String,
    },
    /// A value of the wrong kind.
    #[error("`{key}` in {place}: {message}")]
    Value {
        /// Which key.
        key: String,
        /// Where.
        place: String,
        /// What is needed.
        message: String,
    },
    /// Anybody could come in.
    #[error(
        "`{key}` = {address} can be reached from other machines, and no token is configured: set `tokens` (EQL_TOKENS), or listen on 127.0.0.1"
    )]
    Unprotected {
        /// `flight` or `http`.
        key: &'static str,
        /// As configured.
        address: SocketAddr,
    },
    /// Tokens would go over the wire in the clear.
    #[error(
        "`{key}` = {address} can be reached from other machines without encryption: set `tls.cert` and `tls.key`, or `insecure = true` behind a proxy that encrypts"
    )]
    Plain {
        /// `flight` or `http`.
        key: &'static str,
        /// As configured.
        address: SocketAddr,
    },
    /// Half of TLS.
    #[error("`tls.cert` and `tls.key` go together: `{0}` is missing")]
    HalfTls(&'static str),
    /// Options of a place that is not named.
    #[error("`parts.{0}` says how to reach the event parts, and `parts.url` does not say where they are: set both or none")]
    NoPartsUrl(String),
}

impl Config {
    /// Reads the file, the environment and the options.
    ///
    /// # Errors
    /// Anything unknown, unreadable or unsafe.
    pub fn load(options: &Options) -> Result<Config, ConfigError> {
        let named = options.config.clone().or_else(|| std::env::var_os("EQL_CONFIG").map(PathBuf::from));
        let file = match named {
            Some(path) => Some(read(&path)?),
            None if Path::new(FILE).is_file() => Some(read(Path::new(FILE))?),
            None => None,
        };
        let environment = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Self::of(file, environment, options)
    }

    /// The same of parts at hand: a file's name and text, variables, options.
    ///
    /// # Errors
    /// Anything unknown, unreadable or unsafe.
    pub fn of(
        file: Option<(String, String)>,
        environment: impl Iterator<Item = (String, String)>,
        options: &Options,
    ) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        if let Some((place, text)) = file {
            config.take(file_layer(&place, &text)?)?;
        }
        config.take(environment_layer(environment)?)?;
        config.take(options.layer())?;
        config.check()?;
        Ok(config)
    }

    /// Only what the file and the environment say of the event parts: for whoever opens a data directory and serves nothing.
    ///
    /// # Errors
    /// Anything unreadable, or unknown below `parts`.
    pub fn load_parts() -> Result<Parts, ConfigError> {
        let named = std::env::var_os("EQL_CONFIG").map(PathBuf::from);
        let file = named.or_else(|| Some(PathBuf::from(FILE)).filter(|f| f.is_file())).map(|path| read(&path)).transpose()?;
        let environment = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Self::parts_of(file, environment)
    }

    /// The same of parts at hand.
    fn parts_of(file: Option<(String, String)>, environment: impl Iterator<Item = (String, String)>) -> Result<Parts, ConfigError> {
        let mut config = Config::default();
        let file = file.map(|(place, text)| file_layer(&place, &text)).transpose()?.unwrap_or_default();
        let environment = environment_layer(environment.filter(|(name, _)| name.starts_with("EQL_PARTS_")))?;
        for layer in [file, environment] {
            config.take(layer.into_iter().filter(|(key, _)| key.starts_with("parts.")).collect())?;
        }
        config.check_parts()?;
        Ok(config.parts)
    }

    fn take(&mut self, layer: Layer) -> Result<(), ConfigError> {
        for (key, given) in layer {
            let known = KEYS.iter().find(|k| k.name == key).ok_or_else(|| unknown(&key, &given.place))?;
            (known.set)(self, &given).map_err(|message| ConfigError::Value { key, place: given.place.clone(), message })?;
        }
        Ok(())
    }

    fn check_parts(&self) -> Result<(), ConfigError> {
        self.parts.useless().map_or(Ok(()), |option| Err(ConfigError::NoPartsUrl(option.to_string())))
    }

    /// Refuses what would let strangers in.
    fn check(&self) -> Result<(), ConfigError> {
        self.check_parts()?;
        if let Some(tls) = &self.tls {
            if tls.cert.as_os_str().is_empty() {
                return Err(ConfigError::HalfTls("tls.cert"));
            }
            if tls.key.as_os_str().is_empty() {
                return Err(ConfigError::HalfTls("tls.key"));
            }
        }
        for (key, address) in [("flight", self.flight), ("http", self.http)] {
            if address.ip().is_loopback() {
                continue;
            }
            if self.tokens.is_empty() {
                return Err(ConfigError::Unprotected { key, address });
            }
            if self.tls.is_none() && !self.insecure {
                return Err(ConfigError::Plain { key, address });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
