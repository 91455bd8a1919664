//! `eql import`: files become entities and events.

mod summary;

pub(crate) use summary::Summary;

use crate::failure::{self, Failure};
use crate::place::{Absent, Here, Place, PlaceArgs, There};
use crate::setting;
use crate::wait::Waiter;
use eql_engine::stream::{self, Input, Progress, Received, Target, TimeFormat};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

/// Import files into an entity, an event, or `events` (mixed)
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eql import user users.csv
  eql import events log.ndjson.gz --map ts=time --map event_type=event --id event_id
  eql import purchase 2026-*.parquet --map paid_at=time --time-zone Europe/Oslo
  zcat dump.csv.gz | eql import user - --format csv --define
  eql import rating u.data --format csv --delimiter tab --null NA --map ts=time --time-format seconds

Repeating an import changes nothing: events are known by their ids, entities by their keys.
Columns that the target lacks go to `extra`; --strict rejects such rows, --define declares them.")]
pub(crate) struct Args {
    /// An entity, an event, or `events`: mixed, the column `event` names the event
    #[arg(value_name = "TARGET")]
    target: String,
    /// The files, plain or .gz or .zst; `-` is stdin
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
    /// How the files are written [default: by name, else by content]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Which property, key or system column (time, event, event_id) a column feeds
    #[arg(long, value_name = "COLUMN=PROPERTY", value_parser = setting::pair)]
    map: Vec<(String, String)>,
    /// Columns to pass over
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    ignore: Vec<String>,
    /// Columns that make an event's id
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    id: Vec<String>,
    /// When events count as received: a column, or `now` [default: at their own time]
    #[arg(long, value_name = "COLUMN|now")]
    received: Option<String>,
    /// Of dates and of times without a zone
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    time_zone: chrono_tz::Tz,
    /// How times are written: a pattern such as `%d/%m/%Y %H:%M`, or seconds, milliseconds, microseconds, nanoseconds; several are tried in turn
    #[arg(long, value_name = "FORMAT")]
    time_format: Vec<TimeFormat>,
    /// A text of CSV that says that a value is missing, such as NA; an empty field always does
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    null: Vec<String>,
    /// What stands between the fields of CSV [default: a comma, or what the header shows]
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    delimiter: Option<u8>,
    /// Reject rows with values that the target has no property for
    #[arg(long, conflicts_with = "define")]
    strict: bool,
    /// Declare what is missing, and print the DEFINE
    #[arg(long)]
    define: bool,
    /// NULL keeps the value that an entity has
    #[arg(long)]
    keep_null: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Parquet,
    Csv,
    Ndjson,
}

/// Imports the files.
pub(crate) fn run(arguments: &Args) -> Result<(), Failure> {
    let absent = |f: &&PathBuf| f.as_path() != Path::new("-") && !f.exists();
    if let Some(file) = arguments.files.iter().find(absent) {
        return Err(Failure::Failed(format!("there is no file `{}`", file.display())));
    }
    let place = Place::open(&arguments.place, Absent::Create, Waiter::patient()?)?;
    let bar = progress_bar();
    let summary = match &place {
        Place::Here(here) => import_here(here, arguments, inputs(&arguments.files), &bar),
        Place::There(there) => import_there(there, arguments, &bar),
    };
    bar.finish_and_clear();
    summary::tell(&arguments.target, &summary?)
}

/// Imports `inputs` into an open data directory with the options of `arguments`.
pub(crate) fn import_here(here: &Here, arguments: &Args, inputs: Vec<Input>, bar: &ProgressBar) -> Result<Summary, Failure> {
    let catalog = here.engine.catalog();
    let parse = if arguments.define { Target::parse_or_define } else { Target::parse };
    let target = parse(&catalog, &arguments.target).map_err(|e| Failure::Failed(failure::chain(&e)))?;
    let mut request = stream::ImportRequest::new(target, inputs);
    request.format = arguments.format.map(|f| match f {
        Format::Parquet => stream::Format::Parquet,
        Format::Csv => stream::Format::Csv,
        Format::Ndjson => stream::Format::Ndjson,
    });
    request.map.clone_from(&arguments.map);
    request.ignore.clone_from(&arguments.ignore);
    request.id.clone_from(&arguments.id);
    request.received = match arguments.received.as_deref() {
        None => Received::EventTime,
        Some("now") => Received::Now,
        Some(column) => Received::Column(column.to_string()),
    };
    request.time_zone = arguments.time_zone;
    request.time_formats.clone_from(&arguments.time_format);
    request.nulls.clone_from(&arguments.null);
    request.delimiter = arguments.delimiter;
    request.strict = arguments.strict;
    request.define = arguments.define;
    request.keep_null = arguments.keep_null;
    let report = here.import(request, &|progress| show(bar, &progress)).map_err(|e| Failure::Failed(failure::chain(&e)))?;
    Ok(report.into())
}

fn delimiter(text: &str) -> Result<u8, String> {
    stream::delimiter(text).ok_or_else(|| "one ASCII character is needed, or `tab`".to_string())
}

fn inputs(files: &[PathBuf]) -> Vec<Input> {
    files.iter().map(|f| Input::File(f.clone())).collect()
}

/// File by file: a server takes one body at a time.
fn import_there(there: &There, arguments: &Args, bar: &ProgressBar) -> Result<Summary, Failure> {
    let mut total = Summary::default();
    for file in &arguments.files {
        let (body, bytes): (Box<dyn Read>, _) = if file.as_path() == Path::new("-") {
            (Box::new(std::io::stdin()), None)
        } else {
            let open = |e| Failure::Failed(format!("cannot read {}: {e}", file.display()));
            let opened = File::open(file).map_err(open)?;
            let length = opened.metadata().map_err(open)?.len();
            (Box::new(opened), Some(length))
        };
        bar.set_length(bytes.unwrap_or(0));
        bar.set_position(0);
        bar.set_message(file.display().to_string());
        let answer = there.send_file(&arguments.target, &query(arguments, file), bar.wrap_read(body))?;
        let summary = serde_json::from_value(answer).map_err(|e| Failure::of("the server's answer cannot be read", &e))?;
        total.add(summary);
    }
    Ok(total)
}

fn query(arguments: &Args, file: &Path) -> Vec<(&'static str, String)> {
    let mut query = vec![("name", file.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned()))];
    query.extend(arguments.format.map(|f| ("format", format!("{f:?}").to_lowercase())));
    query.extend(arguments.map.iter().map(|(column, property)| ("map", format!("{column}={property}"))));
    if !arguments.ignore.is_empty() {
        query.push(("ignore", arguments.ignore.join(",")));
    }
    if !arguments.id.is_empty() {
        query.push(("id", arguments.id.join(",")));
    }
    query.extend(arguments.received.iter().map(|r| ("received", r.clone())));
    query.push(("time_zone", arguments.time_zone.name().to_string()));
    query.extend(arguments.time_format.iter().map(|f| ("time_format", f.to_string())));
    query.extend(arguments.null.iter().map(|n| ("null", n.clone())));
    query.extend(arguments.delimiter.map(|d| ("delimiter", char::from(d).to_string())));
    let flags = [("strict", arguments.strict), ("define", arguments.define), ("keep_null", arguments.keep_null)];
    query.extend(flags.into_iter().filter(|(_, on)| *on).map(|(name, _)| (name, "true".to_string())));
    query
}

impl Args {
    /// The files as given.
    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
    }
    /// The target as given.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }
}

/// Drawn on a terminal only.
pub(crate) fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    if std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::stderr());
    }
    let style = ProgressStyle::with_template("{wide_msg} {bar:30} {bytes}/{total_bytes} {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn show(bar: &ProgressBar, progress: &Progress) {
    bar.set_message(format!("{}: {} rows", progress.file, progress.rows));
    bar.set_length(progress.bytes_total.unwrap_or(progress.bytes_done));
    bar.set_position(progress.bytes_done);
}
