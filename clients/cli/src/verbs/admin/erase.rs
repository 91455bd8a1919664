//! `eql admin erase`: entities are forgotten for good.

use super::{Format, ask, busy, count, failed, here, tell};
use crate::failure::Failure;
use crate::out;
use crate::place::PlaceArgs;
use eql_engine::admin::Erased;
use serde_json::json;
use std::io::{IsTerminal, Write};

/// Forget entities for good
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eql admin erase user 42 43                      asks before it does so
  eql admin erase product p7,2 --yes              a key of two columns, no question
  eql admin compact                               then takes them out of the files, too

Properties, tags, memberships and the events of these entities are gone from every later answer. Backups that were taken before still hold them.")]
pub(super) struct Args {
    /// The entity type
    #[arg(value_name = "ENTITY")]
    entity: String,
    /// Their keys; the columns of one key are joined by commas
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<String>,
    #[command(flatten)]
    place: PlaceArgs,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// How to write what was erased
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    let Args { entity, keys, place, .. } = arguments;
    if !arguments.yes && !confirmed(entity, keys)? {
        return Err(Failure::Failed("nothing was erased".into()));
    }
    let erased: Erased = busy("erasing", || match ask(place, "erase", &json!({ "entity": entity, "keys": keys })) {
        Some(answer) => answer,
        None => here(place)?.engine.erase(entity, keys).map_err(failed),
    })?;
    tell(&erased, arguments.format, || say(&erased))
}

/// What is gone is gone, so a person is asked, and a script has to say that it means it.
fn confirmed(entity: &str, keys: &[String]) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage("what is erased cannot be brought back: say --yes".into()));
    }
    eprint_question(&format!("Erase {} of {entity} for good? [y/N] ", count(keys.len() as u64, "key")));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(|e| Failure::of("cannot read the answer", &e))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// The cursor stays behind the question. When nobody can read it, nobody says yes.
fn eprint_question(question: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "{question}").and_then(|()| stderr.flush());
}

fn say(erased: &Erased) -> Result<(), Failure> {
    erased.erased.iter().try_for_each(|key| out::line(&format!("erased   {} {key}", erased.entity)))?;
    erased.unknown.iter().try_for_each(|key| out::line(&format!("unknown  {} {key}", erased.entity)))?;
    if erased.erased.is_empty() {
        return out::line("nothing was erased");
    }
    let whom = count(erased.erased.len() as u64, "key");
    out::line(&format!("{whom} at position {}; `eql admin compact` takes the bytes out of the files", erased.position))
}
