//! `eql check`: everything wrong with a text, without running it.

use crate::failure::Failure;
use crate::place::{Absent, Here, data_dir};
use crate::wait::Waiter;
use crate::{out, place::PlaceArgs, report, text};
use eql_engine::grammar::Diagnostic;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Say everything that is wrong with texts, without running them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eql check schema.eql report.eql
  eql check report.eql --data ./eql-data        names are looked up in the data directory
  eql check report.eql --format json            one JSON document a file

Without --data, a name defined nowhere in the file is a warning. Exit status 1 means errors.")]
pub(crate) struct Args {
    /// The files; `-` is stdin
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// A data directory that knows the names
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How to write the diagnostics
    #[arg(long, value_enum, default_value = "text")]
    format: CheckFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum CheckFormat {
    /// With carets, on stderr
    Text,
    /// One document a file, on stdout
    Json,
}

/// Checks every file.
pub(crate) fn run(arguments: &Args) -> Result<(), Failure> {
    let here = arguments.data.as_ref().map(|dir| open(dir)).transpose()?;
    let mut sound = true;
    for file in &arguments.files {
        let text = if file == Path::new("-") { text::from_stdin()? } else { text::from_file(file)? };
        let diagnostics = match &here {
            Some(here) => here.check(&text),
            None => eql_engine::check_text(&text),
        };
        sound &= !diagnostics.iter().any(Diagnostic::is_error);
        say(file, &text, &diagnostics, arguments.format)?;
    }
    if sound { Ok(()) } else { Err(Failure::Told) }
}

fn open(dir: &Path) -> Result<Here, Failure> {
    let arguments = PlaceArgs { data: Some(dir.to_path_buf()), url: None, token: None, tls_ca: None, project: "default".into() };
    Here::open(&data_dir(&arguments)?, Absent::Refuse, Waiter::patient()?)
}

fn say(file: &Path, text: &str, diagnostics: &[Diagnostic], format: CheckFormat) -> Result<(), Failure> {
    if format == CheckFormat::Json {
        return out::line(&json!({"file": file.display().to_string(), "diagnostics": diagnostics}).to_string());
    }
    let errors = diagnostics.iter().filter(|d| d.is_error()).count();
    let warnings = diagnostics.len() - errors;
    if !diagnostics.is_empty() {
        out::note(&format!("{}:", file.display()));
        report::diagnostics(diagnostics, text);
    }
    if errors > 0 {
        out::note(&format!("{}: {}, {}", file.display(), count(errors, "error"), count(warnings, "warning")));
        return Ok(());
    }
    let words = if warnings > 0 { format!("no errors, {}", count(warnings, "warning")) } else { "no errors".to_string() };
    out::line(&format!("{}: {words}", file.display()))
}

fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
