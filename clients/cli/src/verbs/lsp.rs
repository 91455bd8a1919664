//! `eql lsp`: the language server, on standard input and output.

use crate::failure::Failure;
use crate::lsp;
use crate::place::PlaceArgs;
use crate::wait::Waiter;

/// Help an editor: a language server on standard input and output
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eql lsp                                    names are those of the open files
  eql lsp --data ./eql-data                  and those of a data directory, read once
  eql lsp --url http://127.0.0.1:8080        and those of a server

Editors start it themselves; the book's page on editors says how.")]
pub(crate) struct Args {
    #[command(flatten)]
    place: PlaceArgs,
    /// Where the book is to be read: codes of diagnostics link to its pages
    #[arg(long, value_name = "URL")]
    book: Option<String>,
    /// Editors say it; there is no other way
    #[arg(long, hide = true)]
    stdio: bool,
}

/// Serves until the editor ends it.
pub(crate) fn run(arguments: &Args) -> Result<(), Failure> {
    let place = Some(arguments.place.clone()).filter(|p| p.data.is_some() || p.url.is_some());
    lsp::serve(place, arguments.book.clone(), &Waiter::patient()?)
}
