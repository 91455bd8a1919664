//! The only door to stdout and stderr.

use crate::failure::Failure;
use std::io::{self, IsTerminal, Write};

/// Writes a line on stdout at once.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}

/// Writes a line on stderr. When nobody can read stderr there is nobody to tell.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes an error on stderr.
pub(crate) fn error(text: &str) {
    let head = if colour_on_stderr() { "\x1b[1;31merror\x1b[0m" } else { "error" };
    note(&format!("{head}: {text}"));
}

/// True when colour is welcome on stdout.
pub(crate) fn colour_on_stdout() -> bool {
    io::stdout().is_terminal() && colour_wanted()
}

/// True when colour is welcome on stderr.
pub(crate) fn colour_on_stderr() -> bool {
    io::stderr().is_terminal() && colour_wanted()
}

/// See <https://no-color.org>: any value but the empty one turns colour off.
fn colour_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}
