//! The place where the grammar stopped, with the tokens around it.

use crate::ast::Span;
use crate::diagnostic::Diagnostic;
use crate::parser::{Miss, Rule};
use crate::token::{Token, TokenKind};
use crate::word::{QUERY_HEADS, among};

/// Where the grammar stopped. Offsets count from there: 0 is the token it did not take, -1 the one before.
pub(super) struct Site<'t> {
    pub(super) text: &'t str,
    tokens: &'t [Token],
    here: usize,
    pub(super) expected: &'t [Rule],
}

impl<'t> Site<'t> {
    pub(super) fn new(text: &'t str, tokens: &'t [Token], miss: &'t Miss) -> Self {
        let here = tokens.partition_point(|t| t.start < miss.at);
        Self { text, tokens, here, expected: &miss.expected }
    }

    pub(super) fn token(&self, offset: isize) -> Option<&'t Token> {
        self.here.checked_add_signed(offset).and_then(|i| self.tokens.get(i))
    }

    /// The text of a token, empty where there is none.
    pub(super) fn at(&self, offset: isize) -> &'t str {
        self.token(offset).map_or("", |t| t.text(self.text))
    }

    pub(super) fn kind(&self, offset: isize) -> Option<TokenKind> {
        self.token(offset).map(|t| t.kind)
    }

    /// True if the token is one of these keywords or names, in any case.
    pub(super) fn is_word(&self, offset: isize, words: &[&str]) -> bool {
        self.kind(offset) == Some(TokenKind::Word) && among(self.at(offset), words)
    }

    pub(super) fn is_symbol(&self, offset: isize, symbols: &[&str]) -> bool {
        self.kind(offset) == Some(TokenKind::Symbol) && symbols.contains(&self.at(offset))
    }

    /// The place of a token; behind the last one, the place after it.
    pub(super) fn span(&self, offset: isize) -> Span {
        match (self.token(offset), self.tokens.last()) {
            (Some(token), _) => token.span(),
            (None, Some(last)) => Span::new(last.end, last.end),
            (None, None) => Span::default(),
        }
    }

    pub(super) fn at_end(&self) -> bool {
        self.here >= self.tokens.len()
    }

    pub(super) fn at_start(&self) -> bool {
        self.here == 0
    }

    pub(super) fn expects(&self, rule: Rule) -> bool {
        self.expected.contains(&rule)
    }

    /// True if one of the rules is possible here.
    pub(super) fn expects_any(&self, rules: &[Rule]) -> bool {
        rules.iter().any(|r| self.expects(*r))
    }

    /// The keyword of the query that the place belongs to.
    pub(super) fn head(&self) -> &'t str {
        let before = self.tokens.get(..self.here).unwrap_or_default();
        let head = before.iter().rev().find(|t| t.kind == TokenKind::Word && among(t.text(self.text), &QUERY_HEADS));
        head.map_or("", |t| t.text(self.text))
    }

    /// True if any token of the statement is this keyword.
    pub(super) fn has(&self, word: &str) -> bool {
        self.tokens.iter().any(|t| t.is_word(self.text, word))
    }

    /// The offset of the bracket that the one at `offset` closes.
    pub(super) fn opening(&self, offset: isize) -> Option<isize> {
        let mut depth = 0_usize;
        let mut at = offset;
        loop {
            match self.token(at)?.text(self.text) {
                ")" | "]" => depth += 1,
                "(" | "[" => depth = depth.checked_sub(1)?,
                _ => {}
            }
            if depth == 0 {
                return Some(at);
            }
            at -= 1;
        }
    }

    /// The offset of the nearest keyword `word` before the place.
    pub(super) fn back_to(&self, word: &str) -> Option<isize> {
        let before = self.tokens.get(..self.here)?;
        let index = before.iter().rposition(|t| t.is_word(self.text, word))?;
        isize::try_from(self.here - index).ok().map(|distance| -distance)
    }

    pub(super) fn error(&self, code: &'static str, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, self.text, span, message)
    }

    /// A word or sign that is written otherwise here.
    pub(super) fn replace(&self, message: &str, hint: &str, with: &str) -> Diagnostic {
        self.error(crate::code::FOREIGN, self.span(0), message).with_hint(hint).with_fix(self.text, self.span(0), with)
    }

    /// The token's text for a message: shortened, so that a message stays one line.
    pub(super) fn quote(&self, offset: isize) -> String {
        quote(self.at(offset))
    }
}

/// EQL in backquotes; what has backquotes of its own stands bare.
pub(super) fn shown(eql: &str) -> String {
    if eql.contains('`') { eql.to_owned() } else { format!("`{eql}`") }
}

/// The user's own words in backquotes, shortened.
pub(super) fn quote(words: &str) -> String {
    const LETTERS_MAX: usize = 40;
    let mut letters = words.chars().map(|c| if c.is_control() { ' ' } else { c });
    let short: String = letters.by_ref().take(LETTERS_MAX).collect();
    if letters.next().is_some() { format!("`{short}…`") } else { format!("`{short}`") }
}
