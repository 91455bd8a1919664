//! Brackets, and CASE with its END, that do not match.

use crate::ast::Span;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::token::{Token, TokenKind};

/// The first bracket that does not match. The ones after it would only be consequences.
pub(super) fn unbalanced(text: &str, tokens: &[Token]) -> Option<Diagnostic> {
    let mut open: Vec<(&'static str, Span)> = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        // After a dot or AS the word was meant as a name, which is another mistake.
        let named = i.checked_sub(1).and_then(|k| tokens.get(k)).is_some_and(|t| t.is_symbol(text, ".") || t.is_word(text, "AS"));
        if named && token.kind == TokenKind::Word && !starts_case(text, tokens, i) {
            continue;
        }
        if let Some(closing) = closing_of(text, token) {
            open.push((closing, token.span()));
        } else if let Some(closing) = closing(text, token) {
            match open.pop() {
                Some((wanted, _)) if wanted == closing => {}
                Some((wanted, opening)) => return Some(mismatch(text, opening, wanted, token)),
                None => return Some(stray(text, token)),
            }
        }
    }
    open.pop().map(|(wanted, opening)| not_closed(text, opening, wanted))
}

/// True for `AS CASE WHEN …`, the body of a definition.
fn starts_case(text: &str, tokens: &[Token], i: usize) -> bool {
    tokens.get(i).is_some_and(|t| t.is_word(text, "CASE"))
        && tokens.get(i + 1).is_some_and(|t| t.kind != TokenKind::Symbol || matches!(t.text(text), "(" | "-" | ":" | "$"))
}

/// What must close a token that opens something.
fn closing_of(text: &str, token: &Token) -> Option<&'static str> {
    match (token.kind, token.text(text)) {
        (TokenKind::Symbol, "(") => Some(")"),
        (TokenKind::Symbol, "[") => Some("]"),
        (TokenKind::Word, word) if word.eq_ignore_ascii_case("case") => Some("END"),
        _ => None,
    }
}

fn closing(text: &str, token: &Token) -> Option<&'static str> {
    match (token.kind, token.text(text)) {
        (TokenKind::Symbol, ")") => Some(")"),
        (TokenKind::Symbol, "]") => Some("]"),
        (TokenKind::Word, word) if word.eq_ignore_ascii_case("end") => Some("END"),
        _ => None,
    }
}

fn opening_word(wanted: &str) -> &'static str {
    match wanted {
        ")" => "(",
        "]" => "[",
        _ => "CASE",
    }
}

fn not_closed(text: &str, opening: Span, wanted: &str) -> Diagnostic {
    let message = format!("this `{}` is never closed", opening_word(wanted));
    Diagnostic::error(code::UNBALANCED, text, opening, message).with_hint(format!("close it with `{wanted}`"))
}

fn mismatch(text: &str, opening: Span, wanted: &str, found: &Token) -> Diagnostic {
    not_closed(text, opening, wanted).with_label(text, found.span(), format!("`{wanted}` was wanted before this"))
}

fn stray(text: &str, token: &Token) -> Diagnostic {
    let found = token.text(text);
    let opening = opening_word(closing(text, token).unwrap_or(")"));
    Diagnostic::error(code::UNBALANCED, text, token.span(), format!("this `{found}` closes nothing"))
        .with_hint(format!("open it with `{opening}`, or take it away"))
}
