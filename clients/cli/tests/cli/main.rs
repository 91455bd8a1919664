//! The command line, driven from outside as a user or a script drives it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod admin;
mod arguments;
mod check;
mod demo;
mod driver;
mod import;
mod lsp;
mod query;
mod serve;
mod shell;
mod subscribe;
