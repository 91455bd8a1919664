//! Help while typing: completion, colours, and waiting for `;`.

use super::lexis::{self, Piece};
use crate::out;
use eql_editor::{Item, Kind};
use eql_engine::catalog::Catalog;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// What the editor asks while somebody types.
pub(crate) struct Assist {
    catalog: Catalog,
    colour: bool,
}

impl Assist {
    /// Knows the names of a catalog.
    pub(crate) fn new(catalog: Catalog) -> Self {
        Self { catalog, colour: out::colour_on_stdout() }
    }

    /// The catalog has changed.
    pub(crate) fn learn(&mut self, catalog: Catalog) {
        self.catalog = catalog;
    }

    /// Where the word under the cursor begins, and what it may become.
    fn candidates(&self, line: &str, position: usize) -> (usize, Vec<Pair>) {
        if line.starts_with('\\') {
            return self.of_command(line, position);
        }
        let found = eql_editor::complete(&self.catalog, line, position);
        let start = found.items.first().map_or(position, |item| item.replace.start);
        let typed = line.get(start..position).unwrap_or_default();
        (start, begun(found.items, typed))
    }

    /// `\d NAME` and the commands themselves.
    fn of_command(&self, line: &str, position: usize) -> (usize, Vec<Pair>) {
        let same = |text: &str| Pair { display: text.to_string(), replacement: text.to_string() };
        let typed = line.get(..position).unwrap_or_default();
        if let Some(name) = typed.strip_prefix("\\d ") {
            let found = eql_editor::complete(&self.catalog, &format!("DESCRIBE {name}"), "DESCRIBE ".len() + name.len());
            let names = found.items.into_iter().filter(|i| i.kind != Kind::Keyword).collect();
            return (position - name.len(), begun(names, name));
        }
        let commands = ["\\?", "\\d", "\\format", "\\q", "\\timing"];
        (0, commands.into_iter().filter(|c| c.starts_with(typed)).map(same).collect())
    }
}

/// The items that begin as typed, if there are any: Tab writes what all candidates begin with.
fn begun(items: Vec<Item>, typed: &str) -> Vec<Pair> {
    let typed = typed.trim_start_matches(['`', '"']).to_lowercase();
    let begins = |item: &Item| item.label.trim_start_matches('$').to_lowercase().starts_with(typed.trim_start_matches('$'));
    let some = items.iter().any(begins);
    let pair = |item: Item| Pair { display: item.label, replacement: item.insert };
    items.into_iter().filter(|item| !some || begins(item)).map(pair).collect()
}

/// Every keyword once.
fn keywords() -> &'static BTreeSet<&'static str> {
    static KEYWORDS: LazyLock<BTreeSet<&str>> = LazyLock::new(eql_engine::grammar::word::keywords);
    &KEYWORDS
}

fn is_keyword(word: &str) -> bool {
    keywords().contains(word.to_ascii_uppercase().as_str())
}

impl Completer for Assist {
    type Candidate = Pair;
    fn complete(&self, line: &str, position: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        Ok(self.candidates(line, position))
    }
}

impl Hinter for Assist {
    type Hint = String;
}

impl Highlighter for Assist {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if !self.colour {
            return Cow::Borrowed(line);
        }
        let mut painted = String::with_capacity(line.len() * 2);
        let mut after_dot = false;
        for (piece, range) in lexis::pieces(line).0 {
            let text = &line[range];
            let tone = match piece {
                Piece::Word if !after_dot && is_keyword(text) => "1;34",
                Piece::Text => "32",
                Piece::Number => "36",
                Piece::Comment => "2",
                Piece::Word | Piece::Quoted | Piece::Other => "",
            };
            after_dot = text == ".";
            if tone.is_empty() {
                painted.push_str(text);
            } else {
                painted.push_str(&format!("\x1b[{tone}m{text}\x1b[0m"));
            }
        }
        Cow::Owned(painted)
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        if self.colour { Cow::Owned(format!("\x1b[1m{prompt}\x1b[0m")) } else { Cow::Borrowed(prompt) }
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        self.colour && kind != CmdKind::MoveCursor
    }
}

impl Validator for Assist {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        Ok(if lexis::is_complete(context.input()) { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Helper for Assist {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_of_the_grammar_become_words() {
        assert!(is_keyword("where") && is_keyword("Breakdown") && !is_keyword("wher"));
        assert!(keywords().iter().all(|k| !k.contains(' ')));
    }

    fn completed(line: &str) -> (usize, Vec<String>) {
        let schema = ["DEFINE ENTITY user KEY user_id STRING (city STRING)", "DEFINE EVENT `my event` OF user (brand STRING)"];
        let assist = Assist { catalog: eql_editor::catalog_of(schema), colour: false };
        let (start, found) = assist.candidates(line, line.len());
        (start, found.into_iter().map(|pair| pair.replacement).collect())
    }

    #[test]
    fn words_are_completed_in_the_case_they_are_typed() {
        assert_eq!(completed("FIND us"), (5, vec!["user".to_string()]));
        assert_eq!(completed("FIND user WHE"), (10, vec!["WHERE".to_string()]));
        assert_eq!(completed("find user whe"), (10, vec!["where".to_string()]));
        assert_eq!(completed("FUNNEL my"), (7, vec!["`my event`".to_string()]));
        assert_eq!(completed("FIND user WHERE ci").1[0], "city");
        assert_eq!(completed("\\f"), (0, vec!["\\format".to_string()]));
        assert_eq!(completed("\\d us"), (3, vec!["user".to_string()]));
        assert!(completed("FIND user WHERE city = 'O").1.is_empty());
    }
}
