//! `eql admin verify`: everything that is wrong with a data directory or a backup.

use super::{Format, ask, busy, bytes, count, failed, tell};
use crate::failure::{self, Failure};
use crate::out;
use crate::place::{PlaceArgs, data_dir};
use eql_engine::admin::{self, Problem, VerifyReport};
use eql_server::Config;
use serde_json::json;
use std::path::Path;

/// Read everything and say what is damaged
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eql admin verify --data ./eql-data                 a directory that no server uses
  eql admin verify --url http://127.0.0.1:8080       a running server looks after its own
  eql admin verify --data /backups/monday            a backup
  eql admin verify --format json                     for programs

Reads every file in full: checksums, contents, the log record by record. Exit status 1 means damage; every damaged file is named.")]
pub(super) struct Args {
    #[command(flatten)]
    place: PlaceArgs,
    /// How to write what was found
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    let report: VerifyReport = busy("verifying", || match ask(&arguments.place, "verify", &json!({})) {
        Some(answer) => answer,
        None => look(&data_dir(&arguments.place)?),
    })?;
    tell(&report, arguments.format, || say(&report))?;
    if report.damaged == 0 { Ok(()) } else { Err(Failure::Told) }
}

fn look(dir: &Path) -> Result<VerifyReport, Failure> {
    let parts = Config::load_parts().map_err(|e| Failure::Usage(failure::chain(&e)))?.at();
    admin::verify(dir, &parts).map_err(failed)
}

fn say(report: &VerifyReport) -> Result<(), Failure> {
    report.problems.iter().try_for_each(|p| out::line(&problem(p)))?;
    let unlisted = report.damaged - report.problems.len() as u64;
    if unlisted > 0 {
        out::line(&format!("… and {unlisted} more"))?;
    }
    if let Some(end) = &report.unfinished {
        let words = "were never finished nor acknowledged: the next start cuts them off";
        out::line(&format!("unfinished  {} at byte {}: the last {} {words}", end.file, end.offset, count(end.bytes, "byte")))?;
    }
    report.not_needed.iter().try_for_each(|file| out::line(&format!("not needed  {file}")))?;
    report.notes.iter().try_for_each(|note| out::line(&format!("note        {note}")))?;
    let verdict = if report.damaged == 0 { "no damage".to_string() } else { count(report.damaged, "problem") };
    let (files, records) = (count(report.files, "file"), count(report.records, "log record"));
    out::line(&format!("{verdict}: {files}, {}, {records} up to position {}", bytes(report.bytes), report.position))
}

fn problem(p: &Problem) -> String {
    let rebuilt = if p.rebuilt { " (nothing is lost: the next start makes it anew)" } else { "" };
    format!("damaged     {} at byte {}: {}{rebuilt}", p.file, p.offset, p.what)
}
