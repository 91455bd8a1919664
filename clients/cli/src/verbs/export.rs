//! `eql export`: a result becomes a file.

use crate::answer::Answer;
use crate::failure::Failure;
use crate::output::{Format, Output};
use crate::place::{Absent, Place, PlaceArgs};
use crate::wait::Waiter;
use crate::{out, setting, text};
use eql_engine::catalog::Resolved;
use std::path::PathBuf;
use std::sync::Arc;

/// Export an entity, an event, a segment, or the result of a query
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eql export user -o users.parquet
  eql export events -o events.ndjson
  eql export --query \"FIND user WHERE city = 'Oslo' SHOW user_id, city\" -o oslo.csv")]
#[command(group = clap::ArgGroup::new("what").required(true).args(["target", "query"]))]
pub(crate) struct Args {
    /// An entity, an event, a segment, or `events`: all of them
    #[arg(value_name = "TARGET")]
    target: Option<String>,
    /// Export the result of a query instead
    #[arg(long, value_name = "TEXT")]
    query: Option<String>,
    /// The file: written whole, or not at all; `-` is stdout
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// How to write it [default: by the file's name]
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    place: PlaceArgs,
    /// A parameter: `:name`, or `$1` as 1=value
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting::pair)]
    param: Vec<(String, String)>,
    /// A setting, as SET does it
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting::pair)]
    set: Vec<(String, String)>,
}

/// Writes the file.
pub(crate) fn run(arguments: &Args) -> Result<(), Failure> {
    let Some(format) = arguments.format.or_else(|| Format::of_file(&arguments.output)) else {
        let file = arguments.output.display();
        return Err(Failure::Usage(format!("the name `{file}` does not tell the format: say --format parquet, csv, ndjson or arrow")));
    };
    let settings = arguments.set.iter().map(|(k, v)| setting::statement(k, v)).collect::<Result<Vec<_>, _>>()?;
    if let Some(query) = &arguments.query {
        text::statements(query)?;
    }
    let mut place = Place::open(&arguments.place, Absent::Refuse, Waiter::patient()?)?;
    for set in &settings {
        place.run_text(set)?;
    }
    let query = match (&arguments.query, &arguments.target) {
        (Some(query), _) => query.clone(),
        (None, target) => all_of(&place, target.as_deref().unwrap_or_default())?,
    };
    let rows = write(&mut place, query, arguments, format)?;
    if arguments.output.as_os_str() != "-" {
        out::line(&format!("{}: {rows} rows", arguments.output.display()))?;
    }
    Ok(())
}

/// Statements before the last may set and define; the last one is exported.
fn write(place: &mut Place, query: String, arguments: &Args, format: Format) -> Result<usize, Failure> {
    let statements = text::statements(&query)?;
    let text: Arc<str> = query.into();
    let params = setting::params(&arguments.param);
    let mut last = None;
    for statement in &statements {
        last = Some(place.run(&text, statement, &params)?);
    }
    let Some(answer @ Answer::Rows(_)) = last else {
        return Err(Failure::Failed("there is nothing to export: the statement has no rows".into()));
    };
    let mut output = Output::open(format, Some(&arguments.output))?;
    let rows = output.answer(answer)?;
    output.finish()?;
    Ok(rows)
}

/// The query for everything that a name stands for.
fn all_of(place: &Place, target: &str) -> Result<String, Failure> {
    let name = crate::shell::quoted(target);
    let segment = match place {
        Place::There(_) => false,
        Place::Here(here) => match here.engine.catalog().resolve(target) {
            Some(Resolved::Entity(_) | Resolved::Event(_) | Resolved::VirtualEvent(_)) => false,
            Some(Resolved::Segment(_)) => true,
            _ if target == "events" => false,
            _ => {
                return Err(Failure::Failed(format!(
                    "no entity, event or segment `{target}` is defined; `eql query \"SHOW ENTITIES\"` lists what is"
                )));
            }
        },
    };
    Ok(match target {
        "events" => "FROM ANY EVENT".to_string(),
        _ if segment => format!("FROM SEGMENT {name}"),
        _ => format!("FROM {name}"),
    })
}
