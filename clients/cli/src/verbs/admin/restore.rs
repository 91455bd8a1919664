//! `eql admin restore`: a data directory from a backup.

use super::{Format, busy, bytes, count, failed, tell};
use crate::failure::Failure;
use crate::out;
use crate::place::default_dir;
use eql_engine::admin::{self, RestoreReport, RestoreRequest};
use std::path::PathBuf;

/// Make a data directory of a backup
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eql admin restore /backups/monday --data ./restored
  eql admin restore /backups/monday --data ./restored --position 4711      up to that log position
  eql admin restore /backups/monday --data ./restored --log ./eql-data/log with what came after the backup

Everything is copied and checked; the backup stays as it is. Entities that were erased after the backup are there again: erase them again.")]
pub(super) struct Args {
    /// The directory of the backup
    #[arg(value_name = "BACKUP")]
    backup: PathBuf,
    /// The data directory to make; it must not hold anything [default: $EQL_DATA or ./eql-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The last log position to take over [default: all]
    #[arg(long, value_name = "N")]
    position: Option<u64>,
    /// The directory `log` of the damaged data directory: takes over records that came after the backup
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    /// How to write the report
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    let request = RestoreRequest {
        backup: arguments.backup.clone(),
        dir: arguments.data.clone().unwrap_or_else(default_dir),
        position: arguments.position,
        log: arguments.log.clone(),
    };
    let report = busy("restoring", || admin::restore(&request)).map_err(failed)?;
    tell(&report, arguments.format, || say(&report))
}

fn say(report: &RestoreReport) -> Result<(), Failure> {
    let (files, size, records) = (count(report.files, "file"), bytes(report.bytes), count(report.records, "log record"));
    out::line(&format!("{}: {files}, {size}, {records} after the checkpoint, {:.1} s", report.dir.display(), report.seconds))?;
    out::line(&format!("restored to position {}", report.position))
}
