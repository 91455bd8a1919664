//! Names: paths that end with a dot, reserved words, quotes of the wrong kind, names given without AS.

use super::site::Site;
use crate::ast::Span;
use crate::build::name_of;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::parser::Rule;
use crate::token::TokenKind;
use crate::word::{RESERVED, among};

const NAMES: [Rule; 17] = [
    Rule::ident,
    Rule::path,
    Rule::expr,
    Rule::item,
    Rule::items,
    Rule::select_items,
    Rule::select_item,
    Rule::step,
    Rule::steps,
    Rule::step_list,
    Rule::alias,
    Rule::source,
    Rule::segment_expr,
    Rule::segment_term,
    Rule::column,
    Rule::event_scope,
    Rule::arg,
];

/// `product.` with nothing after the dot.
pub(super) fn incomplete(site: &Site<'_>) -> Option<Diagnostic> {
    if !site.is_symbol(-1, &["."]) {
        return None;
    }
    let attached = site.token(0).is_some_and(|t| t.start == site.span(-1).end && t.kind == TokenKind::Word);
    if attached {
        return reserved(site);
    }
    let mut first = -2;
    while site.is_symbol(first - 1, &["."]) {
        first -= 2;
    }
    let path = site.span(first).to(site.span(-1));
    let words = site.text.get(path.start..path.end).unwrap_or_default();
    Some(
        site.error(code::INCOMPLETE_PATH, path, format!("the path {} is incomplete", super::site::quote(words)))
            .with_hint("name a property or a relation after the dot"),
    )
}

pub(super) fn wrong(site: &Site<'_>) -> Option<Diagnostic> {
    double_quoted(site).or_else(|| reserved_here(site)).or_else(|| with_blanks(site)).or_else(|| without_as(site))
}

/// `count(Add to cart)`.
fn with_blanks(site: &Site<'_>) -> Option<Diagnostic> {
    let word = |i: isize| site.kind(i) == Some(TokenKind::Word);
    let second = if word(-1) && word(-2) { -2 } else { -1 };
    if !(site.expects(Rule::scope) && word(-1) && word(0) && site.is_symbol(second - 1, &["("])) {
        return None;
    }
    const WORDS_MAX: isize = 8;
    let last = (0..WORDS_MAX).take_while(|&i| word(i)).last()?;
    let whole = site.span(second).to(site.span(last));
    site.is_symbol(last + 1, &[")"]).then_some(())?;
    let name = format!("`{}`", site.text.get(whole.start..whole.end).unwrap_or_default());
    Some(
        site.error(code::EXPECTED, whole, "a name with blanks stands in quotes")
            .with_hint(format!("as a name it stands in backquotes: {name}"))
            .with_fix(site.text, whole, name),
    )
}

/// A double-quoted name where only a text can stand.
fn double_quoted(site: &Site<'_>) -> Option<Diagnostic> {
    let text_wanted = site.expects_any(&[Rule::string, Rule::range, Rule::instant, Rule::literal, Rule::constant]);
    if !text_wanted || site.expects_any(&NAMES) || site.kind(0) != Some(TokenKind::Name) {
        return None;
    }
    let text = format!("'{}'", name_of(site.at(0)).replace('\'', "''"));
    let found = site.error(code::DOUBLE_QUOTED, site.span(0), format!("{} is a name, and a text is wanted", site.at(0)));
    Some(found.with_hint(format!("a text stands in single quotes: `{text}`")).with_fix(site.text, site.span(0), text))
}

/// A reserved word that was meant as a name, as what follows shows.
fn reserved_here(site: &Site<'_>) -> Option<Diagnostic> {
    let name_wanted = site.expects_any(&NAMES);
    let goes_on = site.is_symbol(1, &[",", ")", ".", "=", "!=", "<>", "<", ">", "<=", ">=", "]", "->", "+", "-", "/", "::"]);
    let typed = site.is_word(1, &["STRING", "INT", "BIGINT", "DOUBLE", "DECIMAL", "DATE", "TIMESTAMP", "BOOL", "BOOLEAN", "LIST", "JSON"]);
    if name_wanted && (goes_on || typed) { reserved(site) } else { None }
}

fn reserved(site: &Site<'_>) -> Option<Diagnostic> {
    if !(site.kind(0) == Some(TokenKind::Word) && among(site.at(0), &RESERVED)) {
        return None;
    }
    let quoted = format!("`{}`", site.at(0));
    Some(
        site.error(code::RESERVED_WORD, site.span(0), format!("{quoted} is a reserved word and cannot be a bare name"))
            .with_hint(format!("as a name it stands in backquotes or double quotes: \"{}\"", site.at(0)))
            .with_fix(site.text, site.span(0), quoted),
    )
}

/// `sum(amount) gmv`, `FROM user u`.
fn without_as(site: &Site<'_>) -> Option<Diagnostic> {
    let named = matches!(site.kind(0), Some(TokenKind::Word | TokenKind::Name | TokenKind::Text)) && !among(site.at(0), &RESERVED);
    let ends = site.token(1).is_none()
        || site.is_symbol(1, &[",", ")", "|>"])
        || (site.kind(1) == Some(TokenKind::Word) && among(site.at(1), &RESERVED));
    if !(site.expects(Rule::kw_as) && named && ends) {
        return None;
    }
    let start = Span::new(site.span(0).start, site.span(0).start);
    Some(
        site.error(code::EXPECTED, site.span(0), format!("a clause, an operator or `AS` is wanted before {}", site.quote(0)))
            .with_hint(format!("to give a name, write `AS {}`", site.at(0)))
            .with_fix(site.text, start, "AS "),
    )
}
