//! `eql admin backup`: a copy of everything as it is now.

use super::{Format, ask, busy, bytes, count, failed, here, tell};
use crate::failure::Failure;
use crate::out;
use crate::place::PlaceArgs;
use eql_engine::admin::BackupReport;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Copy everything into a new directory
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eql admin backup /backups/monday --data ./eql-data              a directory that no server uses
  eql admin backup monday --url http://127.0.0.1:8080             a running server, below its `backup_dir`
  eql admin restore /backups/monday --data ./restored             and back

On the same file system files are linked, which takes no time and no space: copy the backup to another disk to be safe from this one.
Every file is checked on the way. Reads and writes go on meanwhile; the backup is of the position that it prints.")]
pub(super) struct Args {
    /// A directory that does not exist yet; with --url, below the server's `backup_dir`
    #[arg(value_name = "TARGET")]
    target: PathBuf,
    #[command(flatten)]
    place: PlaceArgs,
    /// How to write the report
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    let report = busy("backing up", || match ask(&arguments.place, "backup", &json!({ "target": arguments.target })) {
        Some(answer) => answer,
        None => copy(&arguments.place, &arguments.target),
    })?;
    tell(&report, arguments.format, || say(&report))
}

fn copy(place: &PlaceArgs, target: &Path) -> Result<BackupReport, Failure> {
    here(place)?.engine.backup(target).map_err(failed)
}

fn say(report: &BackupReport) -> Result<(), Failure> {
    let (files, size) = (count(report.files, "file"), bytes(report.bytes));
    out::line(&format!("{}: {files} ({} of them links), {size}, {:.1} s", report.target.display(), report.linked, report.seconds))?;
    out::line(&format!("of position {}; it can be restored to positions {} to {}", report.position, report.checkpoint, report.position))
}
