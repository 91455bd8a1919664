//! # eql-server: the doors of a running engine
//!
//! Configuration, Arrow Flight SQL, HTTP, tokens and telemetry. It knows wire formats and clients' habits; it knows nothing of how a statement is answered:
//! that is the engine's, which it asks with a parsed statement and from which it gets batches.
//!
//! ```text
//! Config::load → serve ─┬─ flight: FlightService → Plan, ticket → Engine::run → messages
//!                       └─ http:   router → script → Engine::run → render → body
//!                signal → stop accepting → let statements finish → Engine::close
//! ```
//! Start with [`serve`]. [`render`] is shared with the command line.
#![forbid(unsafe_code)]

pub mod auth;
pub mod config;
mod failure;
mod flight;
mod http;
mod import;
mod parameters;
mod plain;
pub mod render;
mod script;
mod serve;
pub mod telemetry;
mod tls;
mod webhook;

pub use config::{Config, ConfigError, Options, Parts, Tls};
pub use serve::{Address, Addresses, ServeError, serve, shutdown_signal};
