//! `eql explain`: how a statement would run.

use crate::answer::Answer;
use crate::failure::Failure;
use crate::output::value::texts;
use crate::output::{Format, Output};
use crate::place::{Absent, Place, PlaceArgs};
use crate::wait::Waiter;
use crate::{out, setting, text};
use eql_engine::Params;
use eql_engine::grammar::ast::StatementKind;
use std::path::PathBuf;
use std::sync::Arc;

/// Show how a statement is understood and how it would run
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eql explain \"FIND user WHERE DID purchase DURING last 7 days\"
  eql explain --rung analyze -f slow.eql --data ./eql-data")]
pub(crate) struct Args {
    /// The statement; `-` reads stdin
    #[arg(value_name = "TEXT", conflicts_with = "file")]
    text: Option<String>,
    /// Read the statement from a file
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How far down to look
    #[arg(long, value_enum, default_value = "logical")]
    rung: Rung,
    #[command(flatten)]
    place: PlaceArgs,
    /// A parameter: `:name`, or `$1` as 1=value
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting::pair)]
    param: Vec<(String, String)>,
    /// A setting, as SET does it
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting::pair)]
    set: Vec<(String, String)>,
    /// How to write the plan [default: its plain text]
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// How far down the ladder from the text to the work.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Rung {
    /// What the text says
    Syntax,
    /// What its names mean
    Bound,
    /// What is computed
    Logical,
    /// How it is computed
    Physical,
    /// Runs it, and measures
    Analyze,
}

/// Explains every statement of the text.
pub(crate) fn run(arguments: &Args) -> Result<(), Failure> {
    let settings = arguments.set.iter().map(|(k, v)| setting::statement(k, v)).collect::<Result<Vec<_>, _>>()?;
    let params = setting::params(&arguments.param);
    let text = text::read(arguments.text.as_deref(), arguments.file.as_deref())?;
    let statements = text::statements(&text)?;
    let mut place = Place::open(&arguments.place, Absent::Refuse, Waiter::patient()?)?;
    for set in &settings {
        place.run_text(set)?;
    }
    for statement in &statements {
        let said = &text[statement.span.start..statement.span.end];
        let asked = match statement.kind {
            StatementKind::Explain { .. } | StatementKind::Set { .. } => said.to_string(),
            _ => format!("EXPLAIN {} {said}", format!("{:?}", arguments.rung).to_uppercase()),
        };
        explain(&mut place, &asked, &params, arguments.format)?;
    }
    Ok(())
}

fn explain(place: &mut Place, asked: &str, params: &Params, format: Option<Format>) -> Result<(), Failure> {
    let shared: Arc<str> = asked.into();
    for statement in text::statements(asked)? {
        let answer = place.run(&shared, &statement, params)?;
        match (answer, format) {
            (Answer::Rows(table), None) if table.columns.len() == 1 => write_plain(table.batches)?,
            (Answer::Done(_), None) => {}
            (answer, format) => {
                let mut output = Output::open(format.unwrap_or(Format::Table), None)?;
                output.answer(answer)?;
                output.finish()?;
            }
        }
    }
    Ok(())
}

/// A plan is a text to be read as it stands.
fn write_plain(batches: impl Iterator<Item = Result<arrow::array::RecordBatch, Failure>>) -> Result<(), Failure> {
    for batch in batches {
        let batch = batch?;
        let text = texts(batch.column(0));
        for row in 0..batch.num_rows() {
            out::line(text(row).unwrap_or_default().trim_end())?;
        }
    }
    Ok(())
}
