//! `eql admin`: operations on a data directory, or on a running server.

mod backup;
mod compact;
mod erase;
mod restore;
mod token;
mod upgrade;
mod verify;

use crate::failure::{self, Failure};
use crate::out;
use crate::place::{Absent, Here, PlaceArgs, There, data_dir};
use crate::wait::Waiter;
use clap::Subcommand;
use eql_engine::EngineError;
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::IsTerminal;
use std::time::Duration;

/// Look after a data directory: verify, back up, restore, erase
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = "\
Examples:
  eql admin verify                                     is every byte what was written?
  eql admin backup /backups/monday                     copy everything, while a server may be running
  eql admin restore /backups/monday --data restored    and back

`eql admin VERB --help` explains each with examples."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Verify(verify::Args),
    Compact(compact::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Erase(erase::Args),
    Upgrade(upgrade::Args),
    Token(token::Args),
}

/// Does what the arguments ask.
pub(crate) fn run(arguments: &Args) -> Result<(), Failure> {
    match &arguments.verb {
        Verb::Verify(a) => verify::run(a),
        Verb::Backup(a) => backup::run(a),
        Verb::Restore(a) => restore::run(a),
        Verb::Compact(a) => compact::run(a),
        Verb::Erase(a) => erase::run(a),
        Verb::Upgrade(a) => upgrade::run(a),
        Verb::Token(a) => token::run(a),
    }
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One document
    Json,
}

/// Writes a report as the user wants it.
fn tell(report: &impl Serialize, format: Format, words: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    match format {
        Format::Text => words(),
        Format::Json => {
            let document = serde_json::to_string(report).map_err(|e| Failure::of("the report cannot be written", &e))?;
            out::line(&document)
        }
    }
}

/// Something moves on a terminal while there is nothing to say.
fn busy<T>(doing: &'static str, work: impl FnOnce() -> T) -> T {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    if std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.enable_steady_tick(Duration::from_millis(100));
    }
    bar.set_message(doing);
    let done = work();
    bar.finish_and_clear();
    done
}

/// Asks the server that the arguments name, if they name one.
fn ask<T: DeserializeOwned>(place: &PlaceArgs, path: &str, body: &Value) -> Option<Result<T, Failure>> {
    let url = place.url.as_ref()?;
    let asked = || {
        let answer = There::new(url, place, Waiter::patient()?)?.operate(path, body)?;
        serde_json::from_value(answer).map_err(|e| Failure::of("the server's answer cannot be read", &e))
    };
    Some(asked())
}

/// Opens the data directory that the arguments name.
fn here(place: &PlaceArgs) -> Result<Here, Failure> {
    Here::open(&data_dir(place)?, Absent::Refuse, Waiter::patient()?)
}

/// What the engine says, with its causes.
fn failed(error: EngineError) -> Failure {
    Failure::Failed(failure::chain(&error))
}

/// `4.2 MiB`.
fn bytes(n: u64) -> String {
    indicatif::HumanBytes(n).to_string()
}

fn count(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
