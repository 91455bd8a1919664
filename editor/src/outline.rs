//! The statements of a text, one line each.

use crate::definition::definitions_of;
use eql_grammar::ast::Span;

/// A statement, or a name that one gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is called: a name, or the beginning of a query.
    pub name: String,
    /// `entity`, `event`, `property`, …, or `statement`.
    pub kind: &'static str,
    /// The name's place, or the statement's.
    pub span: Span,
    /// The whole statement.
    pub statement: Span,
}

/// The statements of a text and what they define.
pub fn outline(text: &str) -> Vec<Entry> {
    let defined = definitions_of(text);
    let mut all = Vec::new();
    for statement in eql_grammar::parse(text).statements.into_iter().flatten() {
        let own = defined.iter().filter(|d| d.statement.start == statement.span.start);
        let before = all.len();
        all.extend(own.map(|d| Entry { name: d.name.clone(), kind: d.kind, span: d.span, statement: d.statement }));
        if all.len() == before {
            let words = text.get(statement.span.start..statement.span.end).unwrap_or_default();
            all.push(Entry { name: beginning(words), kind: "statement", span: statement.span, statement: statement.span });
        }
    }
    all
}

fn beginning(words: &str) -> String {
    const LETTERS_MAX: usize = 60;
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = line.chars().take(LETTERS_MAX).collect();
    if short.len() < line.len() { format!("{short}…") } else { short }
}
