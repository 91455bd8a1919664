//! `eql admin compact`: fewer, larger files, without what is gone.

use super::{Format, ask, busy, bytes, count, failed, here, tell};
use crate::failure::Failure;
use crate::out;
use crate::place::PlaceArgs;
use eql_engine::admin::CompactReport;
use serde_json::json;

/// Merge files, and take what was deleted or erased out of them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eql admin compact                               nothing of what was erased is left in any file
  eql admin compact --due                         only merges that are worth it, as the server does by itself
  eql admin compact --url http://127.0.0.1:8080   a running server; reads and writes go on")]
pub(super) struct Args {
    #[command(flatten)]
    place: PlaceArgs,
    /// Only what is worth it
    #[arg(long)]
    due: bool,
    /// How to write the report
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    let Args { place, due, .. } = arguments;
    let report: CompactReport = busy("compacting", || match ask(place, "compact", &json!({ "due": due })) {
        Some(answer) => answer,
        None => here(place)?.engine.compact(!due).map_err(failed),
    })?;
    tell(&report, arguments.format, || say(&report))
}

fn say(report: &CompactReport) -> Result<(), Failure> {
    if report.parts_before == 0 {
        return out::line("no part had to be written anew");
    }
    let (before, after) = (count(report.parts_before, "part"), count(report.parts_after, "part"));
    let (was, is) = (bytes(report.bytes_before), bytes(report.bytes_after));
    out::line(&format!("{before} ({was}) became {after} ({is}), {}", count(report.rows, "row")))
}
