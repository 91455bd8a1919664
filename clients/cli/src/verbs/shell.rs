//! `eql shell`: questions and answers.

use crate::failure::Failure;
use crate::place::{Absent, Place, PlaceArgs, data_dir};
use crate::shell;
use crate::wait::Waiter;
use crate::{out, setting};
use std::path::PathBuf;

/// Ask questions interactively
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eql shell
  eql shell --data ./eql-data --set time_zone=America/New_York
  eql shell --url http://127.0.0.1:8080

Statements end with `;`. \\? lists the commands, Tab completes, Ctrl-C stops a statement.")]
pub(crate) struct Args {
    #[command(flatten)]
    place: PlaceArgs,
    /// A setting, as SET does it
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting::pair)]
    set: Vec<(String, String)>,
}

/// Runs the shell.
pub(crate) fn run(arguments: &Args) -> Result<(), Failure> {
    let settings = arguments.set.iter().map(|(k, v)| setting::statement(k, v)).collect::<Result<Vec<_>, _>>()?;
    let waiter = Waiter::interruptible()?;
    let mut place = Place::open(&arguments.place, Absent::Create, waiter.clone())?;
    for set in &settings {
        place.run_text(set)?;
    }
    if shell::is_interactive() {
        let at = arguments
            .place
            .url
            .clone()
            .unwrap_or_else(|| data_dir(&arguments.place).map_or_else(|_| String::new(), |d| d.display().to_string()));
        out::line(&format!("eql {} at {at}; end a statement with `;`, \\? for help, \\q to leave", env!("CARGO_PKG_VERSION")))?;
    }
    shell::run(place, history_file(arguments), &waiter)
}

/// History stays with the data; for a server, in the home directory.
fn history_file(arguments: &Args) -> Option<PathBuf> {
    match &arguments.place.url {
        None => data_dir(&arguments.place).ok().map(|dir| dir.join("shell_history")),
        Some(_) => std::env::home_dir().map(|home| home.join(".eql_history")),
    }
}
