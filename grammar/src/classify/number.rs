//! Numbers, dates and lengths as they are written elsewhere.

use super::site::Site;
use crate::ast::Span;
use crate::build::unit_named;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::parser::Rule;
use crate::token::TokenKind;

pub(super) fn wrong(site: &Site<'_>) -> Option<Diagnostic> {
    bare_date(site)
        .or_else(|| grouped_digits(site))
        .or_else(|| lone_dot(site))
        .or_else(|| hexadecimal(site))
        .or_else(|| plus(site))
        .or_else(|| placeholder(site))
        .or_else(|| percent(site))
        .or_else(|| before_now(site))
        .or_else(|| one_word_range(site))
        .or_else(|| quoted_unit(site))
        .or_else(|| number_word(site))
        .or_else(|| sample(site))
}

/// The tokens from `a` to `b` stand without blanks between them.
fn joined(site: &Site<'_>, a: isize, b: isize) -> bool {
    (a..b).all(|i| site.token(i).zip(site.token(i + 1)).is_some_and(|(x, y)| x.end == y.start))
}

fn mended(site: &Site<'_>, span: Span, message: &str, text: &str) -> Diagnostic {
    site.error(code::FOREIGN, span, message).with_hint(format!("write `{text}`")).with_fix(site.text, span, text)
}

/// `2026-01-31`.
fn bare_date(site: &Site<'_>) -> Option<Diagnostic> {
    let number = |i: isize, digits: usize| site.kind(i) == Some(TokenKind::Number) && site.at(i).len() == digits;
    let dated = |i: &isize| {
        number(*i, 4) && site.at(i + 1) == "-" && number(i + 2, 2) && site.at(i + 3) == "-" && number(i + 4, 2) && joined(site, *i, i + 4)
    };
    let first = [0, -1, -2, -3, -4].into_iter().find(dated)?;
    let span = site.span(first).to(site.span(first + 4));
    let date = format!("'{}'", site.text.get(span.start..span.end).unwrap_or_default());
    Some(mended(site, span, "a date stands in single quotes", &date))
}

/// `1,000` and `1_000`.
fn grouped_digits(site: &Site<'_>) -> Option<Diagnostic> {
    if site.kind(-1) != Some(TokenKind::Number) || !joined(site, -1, 0) {
        return None;
    }
    let last = match site.at(0) {
        "," if site.kind(1) == Some(TokenKind::Number) && site.at(1).len() == 3 && joined(site, 0, 1) => 1,
        word if word.starts_with('_') && word.bytes().all(|b| b == b'_' || b.is_ascii_digit()) => 0,
        _ => return None,
    };
    let span = site.span(-1).to(site.span(last));
    let digits = site.text.get(span.start..span.end).unwrap_or_default().replace([',', '_'], "");
    Some(mended(site, span, "digits are not grouped", &digits))
}

/// `.5` and `5.`
fn lone_dot(site: &Site<'_>) -> Option<Diagnostic> {
    if site.at(0) != "." {
        return None;
    }
    if site.kind(1) == Some(TokenKind::Number) && joined(site, 0, 1) && site.expects_any(&[Rule::expr, Rule::value, Rule::operand]) {
        let text = format!("0.{}", site.at(1));
        return Some(mended(site, site.span(0).to(site.span(1)), "a number begins with a digit", &text));
    }
    if site.kind(-1) == Some(TokenKind::Number) && joined(site, -1, 0) {
        return Some(mended(site, site.span(-1).to(site.span(0)), "a number does not end with a dot", site.at(-1)));
    }
    None
}

/// `0xff`.
fn hexadecimal(site: &Site<'_>) -> Option<Diagnostic> {
    let digits = site.at(0).strip_prefix(['x', 'X']).filter(|_| site.at(-1) == "0" && joined(site, -1, 0))?;
    let value = u64::from_str_radix(digits, 16).ok()?;
    Some(mended(site, site.span(-1).to(site.span(0)), "numbers are decimal", &value.to_string()))
}

/// `> +1`.
fn plus(site: &Site<'_>) -> Option<Diagnostic> {
    if !(site.at(0) == "+" && site.kind(1) == Some(TokenKind::Number) && site.expects_any(&[Rule::value, Rule::expr, Rule::operand])) {
        return None;
    }
    Some(site.error(code::FOREIGN, site.span(0), "a number has no plus before it").with_hint(format!("write `{}`", site.at(1))).with_fix(
        site.text,
        site.span(0),
        "",
    ))
}

/// `= %s`.
fn placeholder(site: &Site<'_>) -> Option<Diagnostic> {
    if !(site.at(0) == "%" && site.kind(1) == Some(TokenKind::Word) && joined(site, 0, 1)) {
        return None;
    }
    let span = site.span(0).to(site.span(1));
    Some(
        site.error(code::FOREIGN, span, "this is no parameter").with_hint("a parameter is `$1` or `:name`").with_fix(site.text, span, "$1"),
    )
}

/// `> 10 %`.
fn percent(site: &Site<'_>) -> Option<Diagnostic> {
    if !(site.at(-1) == "%" && site.kind(-2) == Some(TokenKind::Number)) || site.kind(0) == Some(TokenKind::Text) {
        return None;
    }
    let share = site.at(-2).parse::<f64>().ok()? / 100.0;
    let span = site.span(-2).to(site.span(-1));
    Some(site.error(code::FOREIGN, span, "`%` is the rest of a division").with_hint(format!("as a share of 1 this is `{share}`")))
}

/// `now - 7d`, `-7d`.
fn before_now(site: &Site<'_>) -> Option<Diagnostic> {
    let length = |i: isize| site.at(i) == "-" && site.kind(i + 1) == Some(TokenKind::Number) && unit_named(site.at(i + 2)).is_some();
    let words = |i: isize| format!("{} {}", site.at(i), site.at(i + 1));
    if length(0) && site.is_word(-1, &["NOW", "TODAY"]) && site.expects(Rule::kw_to) {
        let text = format!("{} ago", words(1));
        return Some(mended(site, site.span(-1).to(site.span(2)), "a point in the past is written with `ago`", &text));
    }
    if length(0) && site.expects_any(&[Rule::range]) {
        let text = format!("last {}", words(1));
        return Some(mended(site, site.span(0).to(site.span(2)), "a range up to now is written with `last`", &text));
    }
    None
}

/// `last_7_days`, `last7days`, `P7D`, `7d` in quotes.
fn one_word_range(site: &Site<'_>) -> Option<Diagnostic> {
    if !site.expects(Rule::range) || site.kind(0) != Some(TokenKind::Word) {
        return None;
    }
    let word = site.at(0).to_ascii_lowercase();
    let rest = word.strip_prefix("last").or_else(|| word.strip_prefix("past")).or_else(|| word.strip_prefix('p'))?;
    let rest: String = rest.chars().filter(|c| *c != '_').collect();
    let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|&n| n > 0)?;
    let (count, unit) = rest.split_at(digits);
    unit_named(unit)?;
    Some(mended(site, site.span(0), "a range is several words", &format!("last {count} {unit}")))
}

/// `EVERY 'day'`.
fn quoted_unit(site: &Site<'_>) -> Option<Diagnostic> {
    if !(site.expects_any(&[Rule::unit, Rule::unit_word]) && matches!(site.kind(0), Some(TokenKind::Text | TokenKind::Name))) {
        return None;
    }
    let unit = site.at(0).trim_matches(['\'', '"', '`']).trim();
    unit_named(unit)?;
    Some(mended(site, site.span(0), "a unit of time stands without quotes", unit))
}

/// `last seven days`.
fn number_word(site: &Site<'_>) -> Option<Diagnostic> {
    const WORDS: [&str; 13] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    if !site.expects_any(&[Rule::bound, Rule::int, Rule::duration, Rule::unit, Rule::unit_word]) {
        return None;
    }
    let number = WORDS.iter().position(|w| w.eq_ignore_ascii_case(site.at(0)))?;
    Some(mended(site, site.span(0), "a number is written in digits", &number.to_string()))
}

/// `SAMPLE 10`, `SAMPLE 10 PERCENT`.
fn sample(site: &Site<'_>) -> Option<Diagnostic> {
    if !(site.expects(Rule::percent) && site.kind(-1) == Some(TokenKind::Number)) {
        return None;
    }
    let word = site.is_word(0, &["PERCENT", "PCT"]);
    let span = if word { site.span(-1).to(site.span(0)) } else { site.span(-1) };
    Some(mended(site, span, "a sample is a percentage", &format!("{}%", site.at(-1))))
}
