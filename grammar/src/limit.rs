//! The bounds of the grammar. A text is untrusted: all of them are held before or while a tree is built.

use crate::ast::Span;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::token::{Token, TokenKind};

/// Longest text, in bytes. A statement is written by a person or a small program; data comes in through ingest.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// Deepest nesting of brackets, CASE and LIST. Each level costs the parser stack, and a small text can hold many.
pub const NESTING_MAX: usize = 64;
/// Tallest expression: nesting plus chains such as `a + b + …`, which are trees as high as they are long.
pub const EXPRESSION_HEIGHT_MAX: usize = 160;
/// Most expressions and steps of one statement; listed values such as those of IN and VALUES are not counted.
pub const EXPRESSION_NODES_MAX: usize = 10_000;
/// Most statements of one text.
pub const STATEMENTS_MAX: usize = 10_000;
/// Most errors told of one statement: after ten, a person mends and asks again.
pub const STATEMENT_ERRORS_MAX: usize = 10;
/// Most errors told of one text; what follows is not read.
pub const TEXT_ERRORS_MAX: usize = 100;

/// Refuses a text that is too long to be looked at.
pub(crate) fn length(text: &str) -> Option<Diagnostic> {
    if text.len() <= TEXT_BYTES_MAX {
        return None;
    }
    let message = format!("the text has {} bytes, more than the {TEXT_BYTES_MAX} allowed", text.len());
    Some(
        Diagnostic::error(code::TEXT_TOO_LONG, text, Span::new(0, 0), message)
            .with_hint("send it in several texts, or import data with `eql import`"),
    )
}

/// Refuses a statement that is nested too deep; the place is the first bracket too many.
pub(crate) fn nesting(text: &str, tokens: &[Token]) -> Option<Diagnostic> {
    let at = too_deep(text, tokens)?;
    let message = format!("brackets are nested more than {NESTING_MAX} levels deep");
    Some(Diagnostic::error(code::TOO_DEEP, text, at, message).with_hint("name a part of it: WITH … AS, DEFINE PROPERTY or DEFINE SEGMENT"))
}

fn too_deep(text: &str, tokens: &[Token]) -> Option<Span> {
    depths(text, tokens).find(|(depth, _)| *depth > NESTING_MAX).map(|(_, token)| token.span())
}

/// How deep the tokens are nested.
pub(crate) fn depth(text: &str, tokens: &[Token]) -> usize {
    depths(text, tokens).map(|(depth, _)| depth).max().unwrap_or(0)
}

/// Each token with the levels that are open after it.
fn depths<'t>(text: &'t str, tokens: &'t [Token]) -> impl Iterator<Item = (usize, &'t Token)> {
    let (mut brackets, mut lists) = (0_usize, 0_usize);
    tokens.iter().enumerate().map(move |(i, token)| {
        match (token.kind, token.text(text)) {
            (TokenKind::Symbol, "(" | "[") => brackets += 1,
            (TokenKind::Symbol, ")" | "]") => brackets = brackets.saturating_sub(1),
            (TokenKind::Word, word) if word.eq_ignore_ascii_case("case") => brackets += 1,
            (TokenKind::Word, word) if word.eq_ignore_ascii_case("end") => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        // `LIST<LIST<…`: only an unbroken run of them recurses.
        match tokens.get(i + 1) {
            Some(next) if token.is_word(text, "LIST") && next.is_symbol(text, "<") => lists += 1,
            _ if token.is_symbol(text, "<") => {}
            _ => lists = 0,
        }
        (brackets + lists, token)
    })
}
