//! `eql demo`: real data, a tour, a server. The data are part of this program.

use super::import::{self, import_here};
use super::serve::{self, Network};
use super::{Cli, Verb};
use crate::answer::Answer;
use crate::failure::Failure;
use crate::output::{Format, Output};
use crate::place::{Absent, Here, default_dir};
use crate::wait::Waiter;
use crate::{out, report, text};
use clap::Parser;
use eql_engine::catalog::Catalog;
use eql_engine::grammar::ast::{Definition, Statement, StatementKind};
use eql_engine::stream::Input;
use eql_engine::{EngineError, Params};
use std::path::{Path, PathBuf};
use std::sync::Arc;

macro_rules! bundled {
    ($file:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/completejourney/", $file)).as_slice()
    };
}

const SCHEMA: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/completejourney/schema.eql"));
const TOUR: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/completejourney/tour.eql"));
const IMPORTS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/completejourney/import.json"));
const FILES: &[(&str, &[u8])] = &[
    ("basket.parquet", bundled!("tiny/basket.parquet")),
    ("campaign.parquet", bundled!("tiny/campaign.parquet")),
    ("coupon.parquet", bundled!("tiny/coupon.parquet")),
    ("coupon_product.parquet", bundled!("tiny/coupon_product.parquet")),
    ("events.parquet", bundled!("tiny/events.parquet")),
    ("household.parquet", bundled!("tiny/household.parquet")),
    ("manufacturer.parquet", bundled!("tiny/manufacturer.parquet")),
    ("product.parquet", bundled!("tiny/product.parquet")),
    ("store.parquet", bundled!("tiny/store.parquet")),
];
/// The diagnostic of what is understood but not carried out yet.
const LATER: &str = "EQL0901";
/// 2018-01-01T05:00Z, midnight in New York after the last day of the data: "the last 30 days" then has something in it.
const CLOCK: i64 = 1_514_782_800_000_000;

/// Load real data, show what queries can do, then serve
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eql demo
  eql demo --data ./groceries --no-serve
  eql query \"SHOW EVENTS\" --data ./eql-data        afterwards")]
pub(crate) struct Args {
    /// Where the data go [default: $EQL_DATA or ./eql-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Stop after the tour
    #[arg(long)]
    no_serve: bool,
    #[command(flatten)]
    network: Network,
}

/// Loads, shows, serves.
pub(crate) fn run(arguments: &Args) -> Result<(), Failure> {
    let dir = arguments.data.clone().unwrap_or_else(default_dir);
    let mut config = None;
    if !arguments.no_serve {
        config = Some(serve::load(&arguments.network.options(Some(dir.clone())))?);
    }
    let waiter = Waiter::patient()?;
    let mut here = match &config {
        Some(config) => Here::open_with(&dir, Absent::Create, waiter.clone(), serve::engine_options(config))?,
        None => Here::open(&dir, Absent::Create, waiter.clone())?,
    };
    load(&mut here, &dir)?;
    tour(&mut here)?;
    match config {
        None => next(&dir, None),
        Some(config) => serve::serve(here.hand_over(), config, &waiter, |http| next(&dir, Some(http))),
    }
}

/// Brings the data in, unless they are in. The clock is set last and so tells that all is there.
fn load(here: &mut Here, dir: &Path) -> Result<(), Failure> {
    let catalog = here.engine.catalog();
    if catalog.clock == Some(CLOCK) && catalog.event("purchase").is_some() {
        return out::line(&format!("{} holds the demo data already", dir.display()));
    }
    if let Some(other) = catalog.entities().find(|e| !SCHEMA.contains(&format!("ENTITY {} ", e.name))) {
        let words = format!("{} holds other data (entity `{}`): name another directory with --data", dir.display(), other.name);
        return Err(Failure::Failed(words));
    }
    out::line(&format!("loading one year of grocery shopping by 99 households into {}", dir.display()))?;
    define(here, &catalog)?;
    import_all(here)?;
    here.set_clock(CLOCK)?;
    out::line(
        "the clock of this data directory stands at 2018-01-01T05:00:00Z, the end of the data; `SET now = '…'` moves it for a session",
    )
}

fn define(here: &mut Here, catalog: &Catalog) -> Result<(), Failure> {
    let text: Arc<str> = SCHEMA.into();
    for statement in text::statements(SCHEMA)? {
        if !is_defined(catalog, &statement) {
            here.run(&text, &statement, &Params::new())?;
        }
    }
    Ok(())
}

/// True when an earlier demo, cut short, got as far as this statement.
fn is_defined(catalog: &Catalog, statement: &Statement) -> bool {
    let StatementKind::Define(define) = &statement.kind else { return false };
    match &define.what {
        Definition::Entity { name, .. } => catalog.entity(&name.name).is_some(),
        Definition::Event { name, .. } => catalog.event(&name.name).is_some(),
        Definition::Relation { path, .. } => catalog.relation(&path.text()).is_some(),
        Definition::Session { name, .. } => catalog.session(&name.name).is_some(),
        _ => false,
    }
}

/// The list of imports is what one would type; it is read as if it had been typed.
fn import_all(here: &Here) -> Result<(), Failure> {
    let typed: Vec<Vec<String>> = serde_json::from_str(IMPORTS).map_err(|e| Failure::of("the bundled import.json is damaged", &e))?;
    let bar = import::progress_bar();
    for words in typed {
        let cli = Cli::try_parse_from(std::iter::once("eql".to_string()).chain(words))
            .map_err(|e| Failure::of("the bundled import.json is damaged", &e))?;
        let Verb::Import(arguments) = cli.verb else { continue };
        let inputs = arguments.files().iter().filter_map(|f| bundled_file(f)).collect();
        let summary = import_here(here, &arguments, inputs, &bar)?;
        bar.suspend(|| out::line(&format!("  {:<15} {}", arguments.target(), summary.words())))?;
    }
    bar.finish_and_clear();
    Ok(())
}

fn bundled_file(path: &Path) -> Option<Input> {
    let (name, bytes) = FILES.iter().find(|(name, _)| Path::new(name) == path)?;
    Some(Input::Reader { name: (*name).to_string(), reader: Box::new(*bytes) })
}

/// Runs the tour and prints every statement with its answer. One that this version cannot run yet is named at the end.
fn tour(here: &mut Here) -> Result<(), Failure> {
    let text: Arc<str> = TOUR.into();
    let (bold, plain) = if out::colour_on_stdout() { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let mut unanswered = Vec::new();
    let mut end = 0;
    for statement in text::statements(TOUR)? {
        let (title, said) = titled(&TOUR[end..statement.span.end]);
        end = statement.span.end;
        match here.ask(&text, &statement, &Params::new())? {
            Ok(Answer::Done(_)) => {}
            Ok(answer) => {
                out::line(&format!("\n{bold}{title}{plain}\n{said};\n"))?;
                show(answer)?;
            }
            Err(error) if is_later(&error) => unanswered.push(name(&title, said)),
            Err(error) => report::engine_error(&error, TOUR),
        }
    }
    if !unanswered.is_empty() {
        out::line(&format!("\nNot answered by this version yet: {}", unanswered.join(", ")))?;
    }
    Ok(())
}

/// True when the language has it and this version has not. Anything else that fails is worth all its words.
fn is_later(error: &EngineError) -> bool {
    matches!(error, EngineError::Diagnostics(all) if all.iter().any(|d| d.code == LATER))
}

/// The number of a statement in the tour and its head.
fn name(title: &str, said: &str) -> String {
    let head = said.split_whitespace().next().unwrap_or_default();
    match title.split_once('.') {
        Some((number, _)) if number.parse::<u32>().is_ok() => format!("{number} {head}"),
        _ => head.to_string(),
    }
}

/// The comment above a statement, and the statement.
fn titled(part: &str) -> (String, &str) {
    let part = part.trim_start_matches(|c: char| c == ';' || c.is_whitespace());
    let comment: usize = part.split_inclusive('\n').take_while(|l| l.trim().is_empty() || l.starts_with("--")).map(str::len).sum();
    let (comment, said) = part.split_at(comment);
    let title: Vec<_> = comment.lines().map(|l| l.trim_start_matches('-').trim()).filter(|l| !l.is_empty()).collect();
    (title.join(" "), said.trim())
}

fn show(answer: Answer) -> Result<(), Failure> {
    let mut output = Output::open(Format::Table, None)?;
    output.answer(answer)?;
    output.finish()
}

/// What to type next, here or with the server at `http`.
fn next(dir: &Path, http: Option<&str>) -> Result<(), Failure> {
    let data = if dir == Path::new("eql-data") { String::new() } else { format!(" --data {}", dir.display()) };
    let at = match http {
        Some(http) => {
            out::line("\nIn another terminal:")?;
            format!(" --url {http}")
        }
        None => {
            out::line("\nNext:")?;
            data
        }
    };
    out::line(&format!("  eql shell{at}"))?;
    out::line(&format!("  eql query \"SHOW EVENTS\"{at}"))?;
    out::line(&format!("  eql query \"FIND household WHERE DID purchase DURING last 7 days SHOW household_id LIMIT 5\"{at}"))?;
    if http.is_none() {
        out::line(&format!("  eql serve{at}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_titles() {
        assert_eq!(titled(";\n\n-- 1. One,\n-- two.\nFIND x\nWHERE y"), ("1. One, two.".to_string(), "FIND x\nWHERE y"));
        assert_eq!(titled("FIND x"), (String::new(), "FIND x"));
    }

    #[test]
    fn every_import_is_bundled() {
        let typed: Vec<Vec<String>> = serde_json::from_str(IMPORTS).expect("import.json");
        for words in typed {
            assert!(bundled_file(Path::new(&words[2])).is_some(), "{words:?}");
        }
    }
}
