//! Where the text of a query comes from, and its statements.

use crate::failure::Failure;
use crate::report;
use eql_engine::grammar::ast::{Statement, StatementKind};
use std::io::{IsTerminal, Read};
use std::path::Path;

/// The text given as an argument, in a file, or on stdin (`-`, or nothing when stdin is no terminal).
pub(crate) fn read(argument: Option<&str>, file: Option<&Path>) -> Result<String, Failure> {
    match (argument, file) {
        (_, Some(path)) if path != Path::new("-") => from_file(path),
        (Some(text), None) if text != "-" => Ok(text.to_string()),
        (None, None) if std::io::stdin().is_terminal() => Err(Failure::Usage("say what to ask: TEXT, `-f FILE`, or `-` for stdin".into())),
        _ => from_stdin(),
    }
}

/// The text of a file.
pub(crate) fn from_file(path: &Path) -> Result<String, Failure> {
    let name = path.display();
    let bytes = std::fs::read(path).map_err(|e| Failure::Failed(format!("cannot read {name}: {e}")))?;
    utf8(bytes, &name.to_string())
}

/// All of stdin.
pub(crate) fn from_stdin() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|e| Failure::Failed(format!("cannot read stdin: {e}")))?;
    utf8(bytes, "stdin")
}

/// Editors on Windows put a byte order mark in front; it is no part of the text.
fn utf8(bytes: Vec<u8>, name: &str) -> Result<String, Failure> {
    let text = String::from_utf8(bytes)
        .map_err(|e| Failure::Failed(format!("{name} is not UTF-8 text (byte {})", e.utf8_error().valid_up_to())))?;
    match text.strip_prefix('\u{feff}') {
        Some(rest) => Ok(rest.to_string()),
        None => Ok(text),
    }
}

/// The statements of a text; everything wrong with its syntax is said before anything runs.
pub(crate) fn statements(text: &str) -> Result<Vec<Statement>, Failure> {
    let mut good = Vec::new();
    let mut wrong = Vec::new();
    for parsed in eql_engine::grammar::parse(text).statements {
        match parsed {
            Ok(statement) => good.push(statement),
            Err(diagnostics) => wrong.extend(diagnostics),
        }
    }
    if wrong.is_empty() {
        return Ok(good);
    }
    report::diagnostics(&wrong, text);
    Err(Failure::Told)
}

/// True for statements that answer with a table.
pub(crate) fn has_rows(statement: &Statement) -> bool {
    use StatementKind::{Describe, Explain, Query, Show, Subscribe};
    matches!(statement.kind, Query(_) | Show { .. } | Describe { .. } | Explain { .. } | Subscribe { .. })
}
