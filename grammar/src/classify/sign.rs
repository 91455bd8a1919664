//! Characters and signs that are no part of the language, and quotes that never end.

use super::site::quote;
use crate::ast::Span;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::token::{Token, TokenKind};
use crate::word::{STAGES, first_word};

/// What is wrong with the token itself, if anything.
pub(super) fn unknown(text: &str, tokens: &[Token], index: usize) -> Option<Diagnostic> {
    let token = tokens.get(index)?;
    match token.kind {
        TokenKind::Unknown => Some(character(text, tokens, index, token)),
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

fn character(text: &str, tokens: &[Token], index: usize, token: &Token) -> Diagnostic {
    let c = token.text(text).chars().next().unwrap_or('\u{fffd}');
    let number = format!("U+{:04X}", u32::from(c));
    let name = if c.is_control() || c.is_whitespace() { number } else { format!("`{c}` ({number})") };
    let found = Diagnostic::error(code::UNKNOWN_CHARACTER, text, token.span(), format!("the character {name} is not part of the language"));
    match plain_sign(c) {
        Some(plain) if plain.trim().is_empty() => found.with_hint("write a plain space").with_fix(text, token.span(), plain),
        Some(plain) => found.with_hint(format!("did you mean `{plain}`?")).with_fix(text, token.span(), plain),
        None => match (c, parameter(text, tokens, index)) {
            ('@', Some(name)) => found.with_hint(format!("a parameter is written `:{name}`")).with_fix(text, token.span(), ":"),
            ('{' | '}', Some(name)) => found.with_hint(format!("a parameter is written `:{name}`")),
            (':', _) if index.checked_sub(1).is_some_and(|i| tokens.get(i).is_some_and(|t| t.kind == TokenKind::Word)) => {
                found.with_hint("a column is written `name STRING`, a parameter `:name`")
            }
            _ => found.with_hint(advice(c)),
        },
    }
}

/// The name in `@name`, `{name}` and `{{ name }}`.
fn parameter<'t>(text: &'t str, tokens: &[Token], index: usize) -> Option<&'t str> {
    let sign = |i: Option<usize>| i.and_then(|i| tokens.get(i)).map_or("", |t| t.text(text));
    let word = |i: Option<usize>| i.and_then(|i| tokens.get(i)).filter(|t| t.kind == TokenKind::Word);
    let (next, before) = (|n: usize| Some(index + n), |n: usize| index.checked_sub(n));
    let found = match sign(Some(index)) {
        "@" => {
            let own = tokens.get(index)?;
            // What touches a word before it is an address.
            let address = word(before(1)).is_some_and(|t| t.end == own.start);
            word(next(1)).filter(|t| t.start == own.end && !address)
        }
        "{" if sign(next(2)) == "}" => word(next(1)),
        "{" if sign(next(1)) == "{" => word(next(2)),
        "}" if sign(before(2)) == "{" => word(before(1)),
        "}" if sign(before(1)) == "}" => word(before(2)),
        _ => None,
    };
    found.map(|t| t.text(text))
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
        c if c.is_whitespace() || c == '\u{feff}' || c == '\u{200b}' => " ",
        _ => return None,
    })
}

fn advice(c: char) -> &'static str {
    match c {
        '#' => "a comment begins with `--`",
        '$' | ':' => "a parameter is `$1` or `:name`",
        '@' => "a text such as an address stands in single quotes; a parameter is `$1` or `:name`",
        '{' | '}' => "a list of values is `('a', 'b')`, an event with its condition `[purchase WHERE amount > 100]`",
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
        "<=>" => ("=", "equality is written `=`; missing values are found with `IS NULL`".to_owned()),
        "=<" => ("<=", "write `<=`".to_owned()),
        "><" | "^=" => ("!=", "write `!=`".to_owned()),
        ":=" => ("=", "write `=`".to_owned()),
        "->>" => (".", "undeclared properties are read as `extra.name`".to_owned()),
        "^" | "**" => ("", "a power is `power(x, 2)`".to_owned()),
        "//" => ("", "a comment begins with `--`; division of whole numbers is `floor(a / b)`".to_owned()),
        ".." if ranged(text, tokens, index) => ("TO", "the two ends of a range are joined by `TO`".to_owned()),
        ".." => ("", "write `BETWEEN 1 AND 3`".to_owned()),
        "~" if index.checked_sub(1).and_then(|i| tokens.get(i)).is_some_and(|t| t.is_word(text, "IN")) => {
            ("", "where the case does not matter write `lower(city) IN ('rome')`".to_owned())
        }
        "~" => ("MATCHES", "regular expressions are matched with `MATCHES`".to_owned()),
        "?" if tokens.iter().skip(index).any(|t| t.text(text) == ":") => {
            ("", "one of two values is `if(amount > 10, 'big', 'small')`".to_owned())
        }
        "!" => ("NOT ", "write `NOT`".to_owned()),
        "=~" => ("MATCHES", "regular expressions are matched with `MATCHES`".to_owned()),
        "!~" => ("NOT MATCHES", "regular expressions are matched with `NOT MATCHES`".to_owned()),
        "|" if STAGES.iter().any(|s| first_word(s).eq_ignore_ascii_case(next)) => ("|>", "a stage begins with `|>`".to_owned()),
        "|" if super::foreign::is_stage(next) => ("|>", "a stage begins with `|>`".to_owned()),
        "|" => ("OR", "write `OR`; a stage on the result begins with `|>`".to_owned()),
        _ => ("$1", "a parameter is `$1` or `:name`".to_owned()),
    };
    let instead = if sign == ".." && !instead.is_empty() { " TO " } else { instead };
    let found =
        Diagnostic::error(code::FOREIGN, text, token.span(), format!("{} is not an operator of the language", quote(sign))).with_hint(hint);
    if instead.is_empty() { found } else { found.with_fix(text, token.span(), instead) }
}

/// True if the token stands in a range of time.
fn ranged(text: &str, tokens: &[Token], index: usize) -> bool {
    let back = index.saturating_sub(3);
    tokens.get(back..index).is_some_and(|before| before.iter().any(|t| t.is_word(text, "DURING")))
}
