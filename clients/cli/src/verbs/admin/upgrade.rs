//! `eql admin upgrade`: from one version of the format to the next.

use super::{Format, failed, tell};
use crate::failure::Failure;
use crate::out;
use crate::place::default_dir;
use eql_engine::admin;
use std::path::PathBuf;

/// Move a data directory to the next version of its format
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  eql admin upgrade --data ./eql-data

Back up first. A directory that a newer release wrote is refused.")]
pub(super) struct Args {
    /// The data directory [default: $EQL_DATA or ./eql-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How to write what was done
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    let dir = arguments.data.clone().unwrap_or_else(default_dir);
    let done = admin::upgrade(&dir).map_err(failed)?;
    tell(&done, arguments.format, || match done.from == done.to {
        true => out::line(&format!("{}: format {} is current", dir.display(), done.to)),
        false => out::line(&format!("{}: format {} is now {}", dir.display(), done.from, done.to)),
    })
}
