//! # eql: the command line
//!
//! One executable for everything: a demo, the server, queries, a shell, import and export, checks and formatting.
//! It knows terminals, files and arguments. What a statement means is the engine's business, how a value is written the server's.
//!
//! ```text
//! arguments → verb → place (a data directory here, or a server there) → answer → output
//! ```
//! Start with `verbs/query.rs` and read downwards.
#![forbid(unsafe_code)]

mod answer;
mod defect;
mod failure;
mod lsp;
mod out;
mod output;
mod place;
mod report;
mod setting;
mod shell;
mod text;
mod verbs;
mod wait;

use clap::Parser;
use std::process::ExitCode;

/// Answers are many small allocations that one thread makes and another drops: a sixth of a profile's time went into the system's
/// allocator (docs/decisions/0001-dependencies.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    defect::speak_plainly();
    let cli = verbs::Cli::parse();
    match defect::caught(|| verbs::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}
