//! Cuts a text into tokens, any text: what the language does not know becomes a token too, so that it can be named.
//!
//! The grammar reads characters, not these tokens. They serve everything around it: splitting, limits, recovery, places.

use crate::ast::Span;
use crate::parser::{begins_name, continues_name};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword or a bare name.
    Word,
    /// `10`, `1.5`, `1e6`.
    Number,
    /// `'…'`.
    Text,
    /// A name in backquotes or double quotes.
    Name,
    /// `$1` or `:name`.
    Param,
    /// Brackets, operators and other signs of the language.
    Symbol,
    /// `;`.
    End,
    /// A sign of another language: `==`, `&&`, `!`.
    Foreign,
    /// A character of no token at all.
    Unknown,
    /// A quote that is not closed; the token reaches to the end of the text.
    UnclosedText,
    /// The same of a name.
    UnclosedName,
    /// The same of a comment.
    UnclosedComment,
}

/// One token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Offset of its first byte.
    pub start: usize,
    /// Offset after its last byte.
    pub end: usize,
}

impl Token {
    /// Where it stands.
    pub fn span(&self) -> Span {
        Span::new(self.start, self.end)
    }
    /// Its text.
    pub fn text<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.start..self.end).unwrap_or_default()
    }
    /// True if it is the keyword `word`, in any case.
    pub fn is_word(&self, text: &str, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text(text).eq_ignore_ascii_case(word)
    }
    /// True if it ends a statement.
    pub fn is_end(&self) -> bool {
        self.kind == TokenKind::End
    }
    /// True if it is the sign `symbol`.
    pub fn is_symbol(&self, text: &str, symbol: &str) -> bool {
        self.kind == TokenKind::Symbol && self.text(text) == symbol
    }
}

/// A text as tokens and comments, each in text order.
#[derive(Debug, Default)]
pub struct Tokens {
    /// Without comments.
    pub tokens: Vec<Token>,
    /// Closed comments.
    pub comments: Vec<Span>,
}

/// Signs of two characters before those of one, so that the longest is found first.
const SYMBOLS: [&str; 24] =
    ["|>", "||", "->", "=>", "!=", "<>", "<=", ">=", "::", "→", "(", ")", "[", "]", ",", ".", "=", "<", ">", "+", "-", "*", "/", "%"];
const FOREIGN: [&str; 19] =
    ["===", "<=>", "->>", "==", "&&", "=~", "!~", "**", "//", "..", "=<", "><", "^=", ":=", "!", "|", "?", "^", "~"];

/// Cuts `text` into tokens in one pass.
pub fn tokenize(text: &str) -> Tokens {
    let mut found = Tokens::default();
    // A byte order mark is what some editors put before a text; it is no part of it.
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = text.get(at..).unwrap_or_default();
        if matches!(c, ' ' | '\t' | '\r' | '\n') {
            at += 1;
        } else if let Some(length) = comment(rest) {
            found.comments.push(Span::new(at, at + length));
            at += length;
        } else {
            let (kind, length) = token(rest, c);
            found.tokens.push(Token { kind, start: at, end: at + length });
            at += length;
        }
    }
    found
}

/// The length of a closed comment at the front of `rest`.
fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("--") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    let inside = rest.strip_prefix("/*")?;
    inside.find("*/").map(|end| end + 4)
}

fn token(rest: &str, first: char) -> (TokenKind, usize) {
    match first {
        ';' => (TokenKind::End, 1),
        '\'' => quoted(rest, '\'', TokenKind::Text, TokenKind::UnclosedText),
        '`' | '"' => quoted(rest, first, TokenKind::Name, TokenKind::UnclosedName),
        '0'..='9' => (TokenKind::Number, number(rest)),
        '$' | ':' => marked(rest, first),
        c if begins_name(c) => (TokenKind::Word, run(rest, continues_name)),
        _ if rest.starts_with("/*") => (TokenKind::UnclosedComment, rest.len()),
        _ => sign(rest, first),
    }
}

fn sign(rest: &str, first: char) -> (TokenKind, usize) {
    let foreign = FOREIGN.iter().find(|s| rest.starts_with(**s));
    let symbol = SYMBOLS.iter().find(|s| rest.starts_with(**s));
    match (symbol, foreign) {
        (Some(symbol), Some(foreign)) if foreign.len() > symbol.len() => (TokenKind::Foreign, foreign.len()),
        (Some(symbol), _) => (TokenKind::Symbol, symbol.len()),
        (None, Some(foreign)) => (TokenKind::Foreign, foreign.len()),
        (None, None) => (TokenKind::Unknown, first.len_utf8()),
    }
}

/// `$name`, `$1`, `:name`, `::`.
fn marked(rest: &str, mark: char) -> (TokenKind, usize) {
    match rest.get(..2) {
        Some("::") => return (TokenKind::Symbol, 2),
        Some(":=") => return (TokenKind::Foreign, 2),
        _ => {}
    }
    let after = rest.get(1..).unwrap_or_default();
    match (mark, after.chars().next()) {
        ('$', Some(c)) if c.is_ascii_digit() => (TokenKind::Param, 1 + run(after, |c| c.is_ascii_digit())),
        ('$', Some(c)) if begins_name(c) => (TokenKind::Word, 1 + run(after, continues_name)),
        (':', Some(c)) if begins_name(c) => (TokenKind::Param, 1 + run(after, continues_name)),
        _ => (TokenKind::Unknown, 1),
    }
}

fn quoted(rest: &str, quote: char, closed: TokenKind, unclosed: TokenKind) -> (TokenKind, usize) {
    let mut from = 1;
    while let Some(found) = rest.get(from..).and_then(|inside| inside.find(quote)) {
        let after = from + found + 1;
        if !rest.get(after..).is_some_and(|next| next.starts_with(quote)) {
            return (closed, after);
        }
        from = after + 1;
    }
    (unclosed, rest.len())
}

fn number(rest: &str) -> usize {
    let whole = run(rest, |c| c.is_ascii_digit());
    let mut length = whole;
    if let Some(digits) = rest.get(whole..).and_then(|r| r.strip_prefix('.')).map(|r| run(r, |c| c.is_ascii_digit())).filter(|&n| n > 0) {
        length += 1 + digits;
    }
    length + rest.get(length..).map_or(0, exponent)
}

/// The length of `e6` or `E-3` at the front of `rest`, 0 if there is none.
fn exponent(rest: &str) -> usize {
    let Some(after) = rest.strip_prefix(['e', 'E']) else { return 0 };
    let digits = after.strip_prefix(['+', '-']).unwrap_or(after);
    let length = run(digits, |c| c.is_ascii_digit());
    let ends = !digits.get(length..).and_then(|r| r.chars().next()).is_some_and(continues_name);
    if length > 0 && ends { rest.len() - digits.len() + length } else { 0 }
}

fn run(rest: &str, belongs: fn(char) -> bool) -> usize {
    rest.find(|c| !belongs(c)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::{TokenKind, tokenize};

    fn cut(text: &str) -> Vec<(TokenKind, &str)> {
        tokenize(text).tokens.iter().map(|t| (t.kind, t.text(text))).collect()
    }

    #[test]
    fn numbers_end_where_a_word_begins() {
        use TokenKind::{Number, Word};
        assert_eq!(
            cut("30days 1e6 1.5E-3 2e"),
            [(Number, "30"), (Word, "days"), (Number, "1e6"), (Number, "1.5E-3"), (Number, "2"), (Word, "e")]
        );
    }

    #[test]
    fn names_of_all_scripts_and_presets() {
        use TokenKind::{Name, Param, Word};
        assert_eq!(
            cut("支付订单 $city $1 :p `a``b`"),
            [(Word, "支付订单"), (Word, "$city"), (Param, "$1"), (Param, ":p"), (Name, "`a``b`")]
        );
    }

    #[test]
    fn longest_signs_first() {
        let signs: Vec<&str> = cut("|> || -> => != <> <= >= :: == === && ! | → < -").into_iter().map(|(_, sign)| sign).collect();
        assert_eq!(signs, ["|>", "||", "->", "=>", "!=", "<>", "<=", ">=", "::", "==", "===", "&&", "!", "|", "→", "<", "-"]);
    }

    #[test]
    fn what_is_not_closed_reaches_to_the_end() {
        assert_eq!(cut("a /* b"), [(TokenKind::Word, "a"), (TokenKind::UnclosedComment, "/* b")]);
        assert_eq!(cut("'it''s"), [(TokenKind::UnclosedText, "'it''s")]);
    }

    #[test]
    fn a_byte_order_mark_is_no_character_of_the_text() {
        assert_eq!(cut("\u{feff}a"), [(TokenKind::Word, "a")]);
    }
}
