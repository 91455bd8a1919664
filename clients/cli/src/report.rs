//! Diagnostics on stderr, with carets.

use crate::{failure, out};
use eql_engine::EngineError;
use eql_engine::grammar::{Diagnostic, render};

/// More than this nobody reads at once; the rest is counted.
const SHOWN_MAX: usize = 50;

/// Draws diagnostics on stderr.
pub(crate) fn diagnostics(all: &[Diagnostic], text: &str) {
    let colour = out::colour_on_stderr();
    for diagnostic in all.iter().take(SHOWN_MAX) {
        out::note(render(diagnostic, text, colour).trim_end());
    }
    if all.len() > SHOWN_MAX {
        out::note(&format!("… and {} more", all.len() - SHOWN_MAX));
    }
}

/// Says what the engine met.
pub(crate) fn engine_error(error: &EngineError, text: &str) {
    match error {
        EngineError::Diagnostics(all) => diagnostics(all, text),
        other => out::error(&failure::chain(other)),
    }
}
