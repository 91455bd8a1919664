//! The statement around a place, as tokens.

use eql_grammar::ast::Span;
use eql_grammar::name_of;
use eql_grammar::token::{Token, TokenKind, tokenize};

/// A statement and a place in it.
pub(crate) struct Site<'t> {
    pub(crate) text: &'t str,
    /// The whole statement, without its `;`.
    pub(crate) tokens: Vec<Token>,
    /// The token that stands at the place, or the first one after it.
    pub(crate) here: usize,
}

impl<'t> Site<'t> {
    /// The statement around offset `at`.
    pub(crate) fn at(text: &'t str, at: usize) -> Self {
        let all = tokenize(text).tokens;
        let index = all.partition_point(|t| t.end <= at && t.start < at);
        let ends = |t: &Token| t.kind == TokenKind::End;
        let first = all.get(..index).unwrap_or_default().iter().rposition(ends).map_or(0, |i| i + 1);
        let last = all.get(index..).unwrap_or_default().iter().position(ends).map_or(all.len(), |i| index + i);
        Self { text, tokens: all.get(first..last).unwrap_or_default().to_vec(), here: index - first }
    }

    /// The statement around the word that offset `at` is in, or right behind.
    pub(crate) fn on(text: &'t str, at: usize) -> Self {
        let site = Self::at(text, at);
        let named = |i: usize| site.name(i).is_some();
        let behind = site.here.checked_sub(1).filter(|&i| named(i) && site.span(i).end == at);
        match behind {
            Some(i) if !(named(site.here) && site.span(site.here).start <= at) => Self { here: i, ..site },
            _ => site,
        }
    }

    /// The same statement at another of its tokens.
    pub(crate) fn moved(&self, here: usize) -> Site<'t> {
        Site { text: self.text, tokens: self.tokens.clone(), here }
    }

    /// The text of token `i`, empty where there is none.
    pub(crate) fn word(&self, i: usize) -> &'t str {
        self.tokens.get(i).map_or("", |t| t.text(self.text))
    }

    /// The text of the token `back` before the place.
    pub(crate) fn before(&self, back: usize) -> &'t str {
        self.here.checked_sub(back).map_or("", |i| self.word(i))
    }

    /// True if token `i` is one of these keywords.
    pub(crate) fn is(&self, i: usize, words: &[&str]) -> bool {
        self.tokens.get(i).is_some_and(|t| words.iter().any(|w| t.is_word(self.text, w)))
    }

    /// True if the token `back` before the place is one of these keywords.
    pub(crate) fn was(&self, back: usize, words: &[&str]) -> bool {
        self.here.checked_sub(back).is_some_and(|i| self.is(i, words))
    }

    /// True if token `i` is this sign.
    pub(crate) fn sign(&self, i: usize, sign: &str) -> bool {
        self.tokens.get(i).is_some_and(|t| t.is_symbol(self.text, sign))
    }

    /// The name that token `i` says, without quotes.
    pub(crate) fn name(&self, i: usize) -> Option<String> {
        let token = self.tokens.get(i)?;
        let named = matches!(token.kind, TokenKind::Word | TokenKind::Name);
        named.then(|| name_of(token.text(self.text)))
    }

    /// Where the names before a dot begin, if the place is behind a dot: `purchase.product.` are two.
    pub(crate) fn path_before(&self, i: usize) -> Vec<usize> {
        let mut parts = Vec::new();
        let mut at = i;
        while at >= 2 && self.sign(at - 1, ".") && self.name(at - 2).is_some() {
            at -= 2;
            parts.push(at);
        }
        parts.reverse();
        parts
    }

    /// The place of token `i`.
    pub(crate) fn span(&self, i: usize) -> Span {
        self.tokens.get(i).map(Token::span).unwrap_or_default()
    }
}
