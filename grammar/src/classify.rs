//! Says what is wrong at the place where the grammar gave up. The first file below that knows an answer gives it.

mod bracket;
mod expected;
mod foreign;
mod habit;
mod listed;
mod misspelling;
mod name;
mod number;
mod sign;
mod site;
mod step;
mod table;
mod timing;

use crate::code;
use crate::diagnostic::Diagnostic;
use crate::parser::Miss;
use crate::token::Token;
pub(crate) use expected::words_of;
use site::Site;

/// What can be said without the grammar: unknown characters, foreign signs, open quotes, brackets that do not match.
pub(crate) fn unsound(text: &str, tokens: &[Token]) -> Vec<Diagnostic> {
    let signs: Vec<Diagnostic> =
        tokens.iter().enumerate().filter_map(|(i, _)| sign::unknown(text, tokens, i)).take(crate::limit::STATEMENT_ERRORS_MAX).collect();
    if signs.is_empty() { bracket::unbalanced(text, tokens).into_iter().collect() } else { signs }
}

/// The hints on words of other languages.
pub(crate) fn foreign_advice() -> impl Iterator<Item = &'static str> {
    foreign::advice()
}

/// What is wrong where the grammar stopped.
pub(crate) fn classify(text: &str, tokens: &[Token], miss: &Miss) -> Diagnostic {
    let site = Site::new(text, tokens, miss);
    if miss.exhausted {
        return site.error(code::TOO_COSTLY, site.span(0), "reading this statement takes too long").with_hint("split it, or nest it less");
    }
    number::wrong(&site)
        .or_else(|| foreign::word(&site))
        .or_else(|| step::wrong(&site))
        .or_else(|| table::wrong(&site))
        .or_else(|| habit::foreign(&site))
        .or_else(|| timing::wrong(&site))
        .or_else(|| name::incomplete(&site))
        .or_else(|| listed::wrong(&site))
        .or_else(|| misspelling::misspelt(&site))
        .or_else(|| name::wrong(&site))
        .unwrap_or_else(|| expected::expected(&site))
}
