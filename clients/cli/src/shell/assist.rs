//! Help while typing: completion, colours, and waiting for `;`.

use super::lexis::{self, Piece};
use crate::out;
use eql_engine::grammar::word;
use rustyline::completion::Completer;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Words that no list of the grammar has, because they follow only certain others.
const MORE_WORDS: &str = "ANALYZE ASC BIGINT BOOLEAN BOUND CONVERTED DATE DAYS DECIMAL DESC DISTINCT DOUBLE DROPPED EDGES ENTITIES EVENTS EXISTS \
    FORBIDDEN HOURS IMPORTED INTO JSON KEY LEFT LIST LOGICAL MANY METRICS MINUTES MONTHS ON ONE OPTIONAL PERIOD PHYSICAL PROPERTIES RELATIONS \
    REPLACE SEGMENTS STEP STREAMING STRING SYNTAX TAGS TIMESTAMP TIMES VALUES WEEKS ZONE";
/// More candidates than this help nobody.
const CANDIDATES_MAX: usize = 200;

/// What the editor asks while somebody types.
pub(crate) struct Assist {
    names: BTreeSet<String>,
    colour: bool,
}

impl Assist {
    /// Knows the names of a catalog.
    pub(crate) fn new(names: Vec<String>) -> Self {
        Self { names: names.into_iter().collect(), colour: out::colour_on_stdout() }
    }

    /// The catalog has changed.
    pub(crate) fn learn(&mut self, names: Vec<String>) {
        self.names = names.into_iter().collect();
    }

    /// Where the word under the cursor begins, and what it may become.
    fn candidates(&self, line: &str, position: usize) -> (usize, Vec<String>) {
        let before = &line[..position];
        let start = before
            .rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$' || c == '\\'))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let word = &before[start..];
        if word.starts_with('\\') {
            let commands = ["\\?", "\\d", "\\format", "\\q", "\\timing"];
            return (start, commands.iter().filter(|c| c.starts_with(word)).map(ToString::to_string).collect());
        }
        let after_dot = before[..start].ends_with('.');
        if word.is_empty() && !after_dot {
            return (start, Vec::new());
        }
        let names = self.names.iter().filter(|n| n.to_lowercase().starts_with(&word.to_lowercase())).map(|n| last_name(n));
        let upper = word.to_uppercase();
        let keywords = keywords()
            .iter()
            .filter(|k| !after_dot && k.starts_with(&upper))
            .map(|k| if word == upper { (*k).to_string() } else { k.to_lowercase() });
        (start, names.chain(keywords).take(CANDIDATES_MAX).collect())
    }
}

fn last_name(name: &str) -> String {
    lexis::quoted(name.rsplit('.').next().unwrap_or(name))
}

/// Every keyword once, in order.
fn keywords() -> &'static BTreeSet<&'static str> {
    static KEYWORDS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
        let lists: [&'static [&'static str]; 10] = [
            &word::RESERVED,
            &word::QUERY_HEADS,
            &word::STATEMENT_HEADS,
            &word::KINDS,
            &word::CLAUSES,
            &word::CLAUSE_PARTS,
            &word::DEFINITION_OPTIONS,
            &word::QUALIFIERS,
            &word::OPERATORS,
            &word::RANGES,
        ];
        let listed = lists.into_iter().flatten().chain(&word::UNITS).chain(&word::STAGES).flat_map(|phrase| phrase.split(' '));
        listed.chain(MORE_WORDS.split_whitespace()).collect()
    });
    &KEYWORDS
}

fn is_keyword(word: &str) -> bool {
    keywords().contains(word.to_ascii_uppercase().as_str())
}

impl Completer for Assist {
    type Candidate = String;
    fn complete(&self, line: &str, position: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
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

    #[test]
    fn words_are_completed_in_the_case_they_are_typed() {
        let assist = Assist { names: ["user", "purchase", "my event", "product.brand"].map(String::from).into(), colour: false };
        assert_eq!(assist.candidates("FIND us", 7), (5, vec!["user".to_string()]));
        assert_eq!(assist.candidates("FIND user WHE", 13).1, ["WHEN", "WHERE"]);
        assert_eq!(assist.candidates("find user whe", 13).1, ["when", "where"]);
        assert_eq!(assist.candidates("my", 2).1, ["`my event`"]);
        assert_eq!(assist.candidates("\\f", 2), (0, vec!["\\format".to_string()]));
        assert!(assist.candidates("FIND ", 5).1.is_empty());
    }
}
