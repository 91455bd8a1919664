//! Square brackets and lists as they are written elsewhere.

use super::site::Site;
use crate::ast::Span;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::token::TokenKind;

pub(super) fn wrong(site: &Site<'_>) -> Option<Diagnostic> {
    if site.at(0) != "[" {
        return None;
    }
    subscript(site).or_else(|| between(site)).or_else(|| bracketed_name(site)).or_else(|| array(site))
}

fn mended(site: &Site<'_>, span: Span, message: &str, text: &str) -> Diagnostic {
    site.error(code::FOREIGN, span, message).with_hint(format!("write `{text}`")).with_fix(site.text, span, text)
}

/// `interests[1]`, `properties['channel']`.
fn subscript(site: &Site<'_>) -> Option<Diagnostic> {
    if !(matches!(site.kind(-1), Some(TokenKind::Word | TokenKind::Name)) && site.at(2) == "]" && !site.is_word(-1, &["ARRAY"])) {
        return None;
    }
    let span = site.span(-1).to(site.span(2));
    match site.kind(1)? {
        TokenKind::Number => {
            Some(mended(site, span, "a member of a list is taken with `element`", &format!("element({}, {})", site.at(-1), site.at(1))))
        }
        TokenKind::Text | TokenKind::Name => {
            let name = site.at(1).trim_matches(['\'', '"', '`']);
            Some(mended(site, span, "a property is named without brackets", &named(name)))
        }
        _ => None,
    }
}

/// `BETWEEN [1, 3]`.
fn between(site: &Site<'_>) -> Option<Diagnostic> {
    let pair = site.is_word(-1, &["BETWEEN"]) && site.at(2) == "," && site.at(4) == "]";
    pair.then(|| {
        let text = format!("{} AND {}", site.at(1), site.at(3));
        mended(site, site.span(0).to(site.span(4)), "the bounds of BETWEEN are joined by `AND`", &text)
    })
}

/// `[channel]`, a name as SQL Server quotes it.
fn bracketed_name(site: &Site<'_>) -> Option<Diagnostic> {
    let named_here = matches!(site.kind(1), Some(TokenKind::Word | TokenKind::Name)) && site.at(2) == "]";
    named_here.then(|| {
        mended(site, site.span(0).to(site.span(2)), "a name stands without square brackets", &named(site.at(1).trim_matches(['"', '`'])))
    })
}

/// `['a', 'b']`, `ARRAY['a']`.
fn array(site: &Site<'_>) -> Option<Diagnostic> {
    if matches!(site.kind(-1), Some(TokenKind::Word | TokenKind::Name)) && !site.is_word(-1, &["ARRAY", "IN", "HAS", "ANY", "ALL"]) {
        return None;
    }
    let close = (1..200).find(|&i| site.at(i) == "]" || site.token(i).is_none())?;
    let (first, last) = (if site.is_word(-1, &["ARRAY"]) { -1 } else { 0 }, site.token(close).map(|_| close)?);
    let inside = if close > 1 { site.span(1).to(site.span(close - 1)) } else { Span::default() };
    let items = site.text.get(inside.start..inside.end).unwrap_or_default();
    let span = site.span(first).to(site.span(last));
    if site.is_word(first - 2, &["ANY"]) {
        return Some(
            site.error(code::FOREIGN, span, "one of several values is tested with `IN`").with_hint(format!("write `IN ({items})`")),
        );
    }
    Some(mended(site, span, "a list of values is made with `list`", &format!("list({items})")))
}

/// A name as it may stand in a text: bare, or in backquotes.
pub(super) fn named(name: &str) -> String {
    let mut letters = name.chars();
    let bare = letters.next().is_some_and(|c| c == '$' || crate::parser::begins_name(c))
        && letters.all(crate::parser::continues_name)
        && !crate::word::among(name, &crate::word::RESERVED);
    if bare { name.to_owned() } else { format!("`{}`", name.replace('`', "``")) }
}
