//! `eql admin token`: what a client must know to be let in.

use crate::failure::Failure;
use crate::out;
use clap::Subcommand;
use eql_server::auth::{Digest, new_token};

/// Make tokens for clients of a server
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = "\
Example:
  eql admin token create

A server lets in whoever knows one of the `tokens` of its configuration. To take a token back, remove its line and restart the server."
)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a token; it is shown this once
    #[command(after_help = "\
Example:
  eql admin token create

The token goes to the client (`--token`, EQL_TOKEN, `authorization: Bearer …`), its digest to the server's eql.toml.")]
    Create,
}

pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    match arguments.verb {
        Verb::Create => create(),
    }
}

/// The token alone on stdout, for scripts; what to do with it on stderr.
fn create() -> Result<(), Failure> {
    let token = new_token().map_err(|e| Failure::of("no token could be made", &e))?;
    out::line(&token)?;
    out::note(&format!(
        "This token is not shown again. The server needs its digest only, in eql.toml:\n\ntokens = [\"{}\"]",
        Digest::of(&token)
    ));
    Ok(())
}
