//! What is wrong with a text of SQL, in the form of the language's own diagnostics.

use datafusion::common::DataFusionError;
use eql_compiler::code;
use eql_grammar::Diagnostic;
use eql_grammar::ast::Span;

/// Why a text of SQL has no plan.
#[derive(Debug)]
pub enum SqlError {
    /// The text is wrong.
    Text(Box<Diagnostic>),
    /// Planning met something else.
    Plan(DataFusionError),
}

impl SqlError {
    pub(super) fn of(text: &str, e: &DataFusionError) -> Self {
        let message = e.find_root().strip_backtrace();
        let words =
            message.trim_start_matches("Error during planning: ").trim_start_matches("SQL error: ").trim_start_matches("Schema error: ");
        let refused = ["DDL not supported", "DML not supported", "Statement not supported"].iter().any(|r| words.starts_with(r));
        if refused {
            let hint = "definitions and rows are written in the Entity Query Language: SET dialect = 'eql', then DEFINE …, INSERT INTO …";
            return Self::wrong(code::READ_ONLY, text, whole(text), "SQL only reads here", hint);
        }
        let span = e.diagnostic().and_then(|d| d.span).map(|s| spot(text, s.start.line, s.start.column, s.end.line, s.end.column));
        match e.find_root() {
            DataFusionError::SQL(inner, _) => {
                let told = inner.to_string();
                let told = told.trim_start_matches("sql parser error: ");
                let hint = "this text is read as SQL; SET dialect = 'eql' reads the Entity Query Language";
                Self::wrong(code::SQL, text, located(text, told).unwrap_or_else(|| whole(text)), first(told), hint)
            }
            DataFusionError::Plan(_)
            | DataFusionError::SchemaError(..)
            | DataFusionError::Diagnostic(..)
            | DataFusionError::NotImplemented(_) => {
                let hint = "tables are the entities, events, segments and tags of the schema `default`, and those of `system`";
                Self::wrong(code::SQL, text, span.unwrap_or_else(|| whole(text)), first(words), hint)
            }
            _ => Self::Plan(DataFusionError::Execution(words.to_string())),
        }
    }

    fn wrong(code: &'static str, text: &str, span: Span, message: impl Into<String>, hint: &str) -> Self {
        Self::Text(Box::new(Diagnostic::error(code, text, span, message).with_hint(hint)))
    }
}

/// A message as the language writes it: it begins small and ends without a full stop.
fn first(words: &str) -> String {
    let words = words.split(" at Line:").next().unwrap_or(words).trim().trim_end_matches('.');
    let mut letters = words.chars();
    match letters.next() {
        Some(c) if letters.clone().next().is_some_and(|n| n.is_lowercase() || n == ' ') => c.to_lowercase().chain(letters).collect(),
        _ => words.to_string(),
    }
}

fn whole(text: &str) -> Span {
    let start = text.len() - text.trim_start().len();
    Span::new(start, start.max(text.trim_end().len()))
}

/// `… at Line: 1, Column: 15` of the parser.
fn located(text: &str, told: &str) -> Option<Span> {
    let after = told.split_once("at Line: ")?.1;
    let (line, after) = after.split_once(", Column: ")?;
    let column: String = after.chars().take_while(char::is_ascii_digit).collect();
    let (line, column) = (line.parse().ok()?, column.parse().ok()?);
    Some(spot(text, line, column, line, column + 1))
}

/// Lines and columns count from 1, columns in characters.
fn spot(text: &str, line: u64, column: u64, to_line: u64, to_column: u64) -> Span {
    let start = offset(text, line, column);
    Span::new(start, offset(text, to_line, to_column).max(start))
}

fn offset(text: &str, line: u64, column: u64) -> usize {
    let count = |n: u64| usize::try_from(n.saturating_sub(1)).unwrap_or(usize::MAX);
    let begin: usize = text.split_inclusive('\n').take(count(line)).map(str::len).sum();
    let rest = text.get(begin..).unwrap_or_default();
    begin + rest.chars().take(count(column)).map(char::len_utf8).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_in_characters() {
        let text = "SELECT 'é',\n  x FROM t";
        let span = spot(text, 2, 3, 2, 4);
        assert_eq!(text.get(span.start..span.end), Some("x"));
        let span = located(text, "Expected: x, found: y at Line: 1, Column: 8").map(|s| s.start);
        assert_eq!(span, Some(7));
        assert_eq!((offset(text, 9, 9), whole("  a ").start, whole("").end), (text.len(), 2, 0));
    }

    #[test]
    fn messages_begin_small() {
        assert_eq!(first("Expected: an expression, found: FROM at Line: 1, Column: 8"), "expected: an expression, found: FROM");
        assert_eq!(first("GROUP BY is wrong."), "GROUP BY is wrong");
    }
}
