//! Splits a text into statements: `;` ends one, wherever it stands outside quotes and comments.
//!
//! A `;` inside brackets ends the statement too. No statement may hold one there, and a bracket that was forgotten must
//! not swallow the statements after it.

use crate::token::{Token, TokenKind};

/// The tokens of each statement that has any, in text order. A full-width `；` ends one too, and stays in it to be named.
pub(crate) fn statements<'t>(text: &'t str, tokens: &'t [Token]) -> impl Iterator<Item = &'t [Token]> {
    let wide = move |t: &Token| t.kind == TokenKind::Unknown && t.text(text) == "；";
    let pieces = tokens.split(|t| t.kind == TokenKind::End).flat_map(move |piece| piece.split_inclusive(wide));
    pieces.filter(|piece| !piece.is_empty())
}

#[cfg(test)]
mod tests {
    use crate::token::tokenize;

    fn split(text: &str) -> Vec<&str> {
        let tokens = tokenize(text).tokens;
        super::statements(text, &tokens).filter_map(|piece| text.get(piece.first()?.start..piece.last()?.end)).collect()
    }

    #[test]
    fn a_semicolon_ends_a_statement() {
        assert_eq!(split("a; b ;c"), ["a", "b", "c"]);
    }

    #[test]
    fn a_wide_semicolon_ends_a_statement_and_stays_in_it() {
        assert_eq!(split("a；b"), ["a；", "b"]);
    }

    #[test]
    fn empty_statements_are_none() {
        assert_eq!(split(";; ; -- nothing\n; /* ; */ a;"), ["a"]);
        assert_eq!(split("").len(), 0);
    }

    #[test]
    fn quotes_and_comments_hide_it() {
        assert_eq!(split("a 'x;y''z;' b; c `p;q` \"r;s\" -- ;\n /* ; */ d"), ["a 'x;y''z;' b", "c `p;q` \"r;s\" -- ;\n /* ; */ d"]);
    }

    #[test]
    fn a_forgotten_bracket_does_not_swallow_the_next_statement() {
        assert_eq!(split("f(a [b; c"), ["f(a [b", "c"]);
    }

    #[test]
    fn an_open_quote_takes_the_rest() {
        assert_eq!(split("a 'b; c"), ["a 'b; c"]);
    }
}
