//! `eql query`: statements, one by one.

use crate::answer::Answer;
use crate::failure::Failure;
use crate::output::{Format, Output};
use crate::place::{Absent, Place, PlaceArgs};
use crate::wait::Waiter;
use crate::{report, setting, text};
use eql_engine::grammar::ast::StatementKind;
use std::path::PathBuf;
use std::sync::Arc;

/// Run one or more statements
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eql query \"FIND user WHERE DID purchase DURING last 7 days SHOW user_id\"
  eql query -f report.eql --set now=2018-01-01T05:00Z --format csv -o report.csv
  eql query \"FROM user WHERE city = :city\" --param city=Oslo --url http://127.0.0.1:8080
  echo \"SHOW ENTITIES\" | eql query -

Statements run in order until one fails; a text with a syntax error does not run at all.")]
pub(crate) struct Args {
    /// The statements; `-` reads stdin
    #[arg(value_name = "TEXT", conflicts_with = "file")]
    text: Option<String>,
    /// Read the statements from a file
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
    /// A parameter: `:name`, or `$1` as 1=value
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting::pair)]
    param: Vec<(String, String)>,
    /// A setting, as SET does it: now, time_zone, week_start, timeout, …
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting::pair)]
    set: Vec<(String, String)>,
    /// How to write results [default: by the name of -o, else table]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write to a file: whole, or not at all
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the statements.
pub(crate) fn run(arguments: &Args) -> Result<(), Failure> {
    let settings = arguments.set.iter().map(|(k, v)| setting::statement(k, v)).collect::<Result<Vec<_>, _>>()?;
    let params = setting::params(&arguments.param);
    let format = arguments.format.or_else(|| arguments.output.as_deref().and_then(Format::of_file)).unwrap_or(Format::Table);
    let text = text::read(arguments.text.as_deref(), arguments.file.as_deref())?;
    if arguments.set.iter().any(|(name, value)| name == "dialect" && value != "eql")
        && let Some(done) = run_sql(arguments, &settings, &text, format)
    {
        return done;
    }
    let statements = text::statements(&text)?;
    if format.is_binary() && statements.iter().filter(|s| text::has_rows(s)).count() > 1 {
        return Err(Failure::Usage("arrow and parquet hold one result, and this text has several".into()));
    }
    let mut place = Place::open(&arguments.place, Absent::Create, Waiter::patient()?)?;
    for set in &settings {
        place.run_text(set)?;
    }
    let mut output = Output::open(format, arguments.output.as_deref())?;
    let text: Arc<str> = text.into();
    for statement in &statements {
        let endless = matches!(statement.kind, StatementKind::Subscribe { .. });
        if endless && format != Format::Ndjson {
            return Err(Failure::Usage("a subscription never ends: write --format ndjson, or `eql subscribe SEGMENT`".into()));
        }
        let mut answer = place.run(&text, statement, &params)?;
        if let (true, Answer::Rows(table)) = (endless, &mut answer) {
            super::subscribe::follow(table, true)?;
            continue;
        }
        let warnings = answer.warnings();
        output.answer(answer)?;
        report::diagnostics(&warnings.told(), &text);
    }
    output.finish()
}

/// Runs a text that the dialect reads as SQL; None when it does not.
fn run_sql(arguments: &Args, settings: &[String], text: &str, format: Format) -> Option<Result<(), Failure>> {
    let work = || {
        let mut place = Place::open(&arguments.place, Absent::Create, Waiter::patient()?)?;
        for set in settings {
            place.run_text(set)?;
        }
        let Some(answer) = place.run_sql(&text.into(), &setting::params(&arguments.param))? else { return Ok(None) };
        let mut output = Output::open(format, arguments.output.as_deref())?;
        output.answer(answer)?;
        output.finish().map(Some)
    };
    work().transpose()
}
