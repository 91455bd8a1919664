//! Arrow Flight SQL: what unmodified ADBC, JDBC and Flight clients need, each habit of theirs noted where it is met.
//!
//! ```text
//! service   one method a call: lets the caller in, reads the command, gives it to one of
//!   statement   texts and prepared statements: plan, ticket, rows
//!   metadata    catalogs, tables, keys      sql_info, xdbc   what the server can
//!   action      prepared statements, session options, cancel
//! stream    batches → messages below 2 MiB
//! ```

mod action;
mod handshake;
mod ingest;
mod metadata;
mod service;
mod session;
mod sql_info;
mod statement;
mod status;
mod stream;
mod tickets;
mod xdbc;

pub(crate) use service::Flight;

/// The one catalog.
pub(crate) const CATALOG: &str = "eql";
/// The one project, which is the schema.
pub(crate) const SCHEMA: &str = "default";
