//! Characters and signs that are no part of the language, and quotes that never end.

use super::site::quote;
use crate::ast::Span;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::token::{Token, TokenKind};
use crate::word::{STAGES, among, first_word};

/// What is wrong with the token itself, if anything.
pub(super) fn unknown(text: &str, tokens: &[Token], index: usize) -> Option<Diagnostic> {
    let token = tokens.get(index)?;
    match token.kind {
        TokenKind::Unknown => Some(character(text, token)),
        TokenKind::Foreign => Some(foreign(text, tokens, index, token)),
        TokenKind::UnclosedText => Some(unclosed(text, token, "text", "close it with `'`; a quote inside a text is written twice: `''`")),
        TokenKind::UnclosedName => Some(unclosed(text, token, "quoted name", "close it with the same quote")),
        TokenKind::UnclosedComment => Some(unclosed(text, token, "comment", "close it with `*/`")),
        _ => None,
    }
}

fn unclosed(text: &str, token: &Token, what: &str, hint: &str) -> Diagnostic {
    let opening = Span::new(token.start, token.start + if what == "comment" { 2 } else { 1 });
    Diagnostic::error(code::UNCLOSED, text, opening, format!("this {what} is not closed")).with_hint(hint)
}

fn character(text: &str, token: &Token) -> Diagnostic {
    let c = token.text(text).chars().next().unwrap_or('\u{fffd}');
    let number = format!("U+{:04X}", u32::from(c));
    let name = if c.is_control() || c.is_whitespace() { number } else { format!("`{c}` ({number})") };
    let found = Diagnostic::error(code::UNKNOWN_CHARACTER, text, token.span(), format!("the character {name} is not part of the language"));
    match plain_sign(c) {
        Some(plain) if plain.trim().is_empty() => found.with_hint("write a plain space").with_fix(text, token.span(), plain),
        Some(plain) => found.with_hint(format!("did you mean `{plain}`?")).with_fix(text, token.span(), plain),
        None => found.with_hint(advice(c)),
    }
}

/// The sign that a look-alike stands for: full-width punctuation, curly quotes, odd spaces.
fn plain_sign(c: char) -> Option<&'static str> {
    Some(match c {
        '，' | '、' => ",",
        '；' => ";",
        '（' => "(",
        '）' => ")",
        '［' | '【' => "[",
        '］' | '】' => "]",
        '。' | '．' => ".",
        '＝' => "=",
        '＜' => "<",
        '＞' => ">",
        '＋' => "+",
        '－' | '−' | '–' | '—' => "-",
        '＊' | '×' => "*",
        '／' | '÷' => "/",
        '％' => "%",
        '≠' => "!=",
        '≤' => "<=",
        '≥' => ">=",
        '⇒' => "=>",
        '‘' | '’' | '“' | '”' | '´' | '＇' | '＂' => "'",
        '&' => "AND",
        '^' | '~' => return None,
        c if c.is_whitespace() || c == '\u{feff}' || c == '\u{200b}' => " ",
        _ => return None,
    })
}

fn advice(c: char) -> &'static str {
    match c {
        '#' => "a comment begins with `--`",
        '$' | ':' => "a parameter is `$1` or `:name`",
        '@' => "a parameter is `$1` or `:name`",
        '{' | '}' => "a list of values stands in `( )`, an event with its condition in `[ ]`",
        '~' => "regular expressions are matched with `MATCHES`",
        '^' => "use `power(x, n)`",
        '\\' => "a quote inside a text is written twice: `''`",
        _ => "names with such characters stand in backquotes, texts in single quotes",
    }
}

fn foreign(text: &str, tokens: &[Token], index: usize, token: &Token) -> Diagnostic {
    let sign = token.text(text);
    let next = tokens.get(index + 1).map_or("", |t| t.text(text));
    let (instead, hint) = match sign {
        "==" | "===" => ("=", "equality is written `=`".to_owned()),
        "&&" => ("AND", "write `AND`".to_owned()),
        "!" => ("NOT ", "write `NOT`".to_owned()),
        "=~" => ("MATCHES", "regular expressions are matched with `MATCHES`".to_owned()),
        "!~" => ("NOT MATCHES", "regular expressions are matched with `NOT MATCHES`".to_owned()),
        "|" if STAGES.iter().any(|s| first_word(s).eq_ignore_ascii_case(next)) => ("|>", "a stage begins with `|>`".to_owned()),
        "|" if among(next, &["summarize", "stats"]) => {
            ("|>", "a stage begins with `|>`, and groups are made by `AGGREGATE … GROUP BY …`".to_owned())
        }
        "|" => ("OR", "write `OR`; a stage on the result begins with `|>`".to_owned()),
        _ => ("$1", "a parameter is `$1` or `:name`".to_owned()),
    };
    Diagnostic::error(code::FOREIGN, text, token.span(), format!("{} is not an operator of the language", quote(sign)))
        .with_hint(hint)
        .with_fix(text, token.span(), instead)
}
