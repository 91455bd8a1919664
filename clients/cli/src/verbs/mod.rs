//! One file a verb.

mod admin;
mod check;
mod demo;
mod explain;
mod export;
mod fmt;
mod import;
mod lsp;
mod query;
mod serve;
mod shell;
mod subscribe;

use crate::failure::Failure;
use clap::{Parser, Subcommand};

/// The arguments of the program.
#[derive(Debug, Parser)]
#[command(name = "eql", version, about = ABOUT, after_help = EXAMPLES, max_term_width = 110, arg_required_else_help = true, subcommand_required = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const ABOUT: &str = "EQL, the Entity Query Language: questions about entities, their events and their segments";

const EXAMPLES: &str = "\
Start here:
  eql demo                                               real data, a tour of queries, a server
  eql shell                                              ask questions yourself; \\? for help

Your own data:
  eql query \"DEFINE ENTITY user KEY user_id STRING (city STRING)\"
  eql import user users.csv
  eql query \"FIND user WHERE city = 'Oslo' SHOW user_id\"

`eql VERB --help` explains a verb with examples. Exit status: 0 done, 1 the request failed, 2 unusable arguments.";

#[derive(Debug, Subcommand)]
enum Verb {
    Demo(demo::Args),
    Serve(serve::Args),
    Query(query::Args),
    Shell(shell::Args),
    Import(import::Args),
    Export(export::Args),
    Subscribe(subscribe::Args),
    Check(check::Args),
    Fmt(fmt::Args),
    Explain(explain::Args),
    Lsp(lsp::Args),
    Admin(admin::Args),
}

/// Does what the arguments ask.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    match cli.verb {
        Verb::Demo(a) => demo::run(&a),
        Verb::Serve(a) => serve::run(&a),
        Verb::Query(a) => query::run(&a),
        Verb::Shell(a) => shell::run(&a),
        Verb::Import(a) => import::run(&a),
        Verb::Export(a) => export::run(&a),
        Verb::Subscribe(a) => subscribe::run(&a),
        Verb::Check(a) => check::run(&a),
        Verb::Fmt(a) => fmt::run(&a),
        Verb::Explain(a) => explain::run(&a),
        Verb::Lsp(a) => lsp::run(&a),
        Verb::Admin(a) => admin::run(&a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments_are_sound_and_every_verb_has_an_example() {
        let mut command = Cli::command();
        command.build();
        command.clone().debug_assert();
        every_verb_has_an_example(&command);
    }

    fn every_verb_has_an_example(command: &clap::Command) {
        for verb in command.get_subcommands().filter(|v| v.get_name() != "help") {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("eql "), "{} has no example", verb.get_name());
            every_verb_has_an_example(verb);
        }
    }
}
