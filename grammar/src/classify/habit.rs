//! Words and signs that are right in another place of the language.

use super::site::Site;
use crate::ast::Span;
use crate::build::unit_named;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::parser::Rule;
use crate::token::TokenKind;
use crate::word::among;

pub(super) fn foreign(site: &Site<'_>) -> Option<Diagnostic> {
    by(site).or_else(|| range_after(site)).or_else(|| definition(site)).or_else(|| empty_after_comma(site)).or_else(|| two_brackets(site))
}

/// `BY day`, `BY channel`, `|> AGGREGATE count(*) BY channel`.
fn by(site: &Site<'_>) -> Option<Diagnostic> {
    if site.is_word(0, &["BY"]) && site.expects(Rule::kw_group) {
        return Some(site.replace("groups are made with `GROUP BY`", "write `GROUP BY`", "GROUP BY"));
    }
    if !(site.is_word(-1, &["BY"]) && site.expects(Rule::kw_session)) {
        return None;
    }
    if site.is_word(-3, &["LIMIT"]) {
        let found = site.error(code::FOREIGN, site.span(-1), "a limit holds for the whole result");
        return Some(found.with_hint("number the rows of each group: `row_number() OVER (PARTITION BY channel ORDER BY time)`"));
    }
    if unit_named(site.at(0)).is_some() {
        let found = site.error(code::FOREIGN, site.span(-1), "the length of a period is given with `EVERY`");
        return Some(found.with_hint(format!("write `EVERY {}`", site.at(0))).with_fix(site.text, site.span(-1), "EVERY"));
    }
    let clause = if among(site.head(), &["SELECT", "FROM"]) { "GROUP BY" } else { "BREAKDOWN BY" };
    let found = site.error(code::FOREIGN, site.span(-1), format!("groups are made with `{clause}`"));
    Some(found.with_hint(format!("write `{clause} {}`", site.at(0))).with_fix(site.text, site.span(-1), clause))
}

/// `IN the last 7 days`, `OVER last 7 days`, `IN 1 day`.
fn range_after(site: &Site<'_>) -> Option<Diagnostic> {
    if site.is_word(-1, &["IN"]) && site.kind(0) == Some(TokenKind::Number) && unit_named(site.at(1)).is_some() {
        let found = site.error(code::FOREIGN, site.span(-1), "a length of time is given with `WITHIN`");
        let hint = format!("write `WITHIN {} {}`", site.at(0), site.at(1));
        return Some(found.with_hint(hint).with_fix(site.text, site.span(-1), "WITHIN"));
    }
    let last = ["LAST", "PAST", "THIS", "PREVIOUS"];
    let (first, end) = match () {
        () if site.is_word(-1, &["IN"]) && site.is_word(0, &last) => (-1, -1),
        () if site.is_word(-1, &["IN"]) && site.is_word(0, &["THE"]) && site.is_word(1, &last) => (-1, 0),
        () if site.is_word(-2, &["OVER"]) && site.is_word(-1, &last) && site.kind(0) == Some(TokenKind::Number) => (-2, -2),
        () => return None,
    };
    let whole = site.span(first).to(site.span(end));
    let found = site.error(code::FOREIGN, whole, "a range of time is given with `DURING`");
    Some(found.with_hint("write `DURING last 7 days`").with_fix(site.text, whole, "DURING"))
}

/// `DEFINE METRIC m = …`, definitions without their participants or subject.
fn definition(site: &Site<'_>) -> Option<Diagnostic> {
    if !(site.has("DEFINE") || site.has("INSERT")) {
        return None;
    }
    if site.is_symbol(0, &["="]) && site.expects(Rule::kw_as) {
        let found = site.error(code::FOREIGN, site.span(0), "what a name means follows `AS`");
        return Some(found.with_hint("write `AS`").with_fix(site.text, site.span(0), "AS"));
    }
    let (message, hint) = match () {
        () if site.is_word(-2, &["SEGMENT", "TAG"]) && site.expects(Rule::kw_of) => {
            ("the entity type is missing", "write `DEFINE SEGMENT vip OF user AS vip_level >= 3`")
        }
        () if site.is_word(-2, &["EVENT"]) && site.expects(Rule::kw_of) => {
            ("an event names the entities that take part in it", "write `DEFINE EVENT view OF user (page STRING)`")
        }
        () if site.is_word(-2, &["ENTITY"]) && site.expects(Rule::kw_key) && site.at(0) == "(" => {
            ("the key stands before the other columns", "write `DEFINE ENTITY user KEY user_id STRING (city STRING)`")
        }
        () if site.is_word(-1, &["INTO"]) && site.expects_any(&[Rule::insert_target, Rule::kw_entity]) && site.is_word(1, &["VALUES"]) => {
            ("the kind of the target is missing", "write `INSERT INTO ENTITY user (user_id) VALUES ('u1')`")
        }
        () => return None,
    };
    Some(site.error(code::FOREIGN, site.span(0), message).with_hint(hint))
}

/// `quantile(0.9)(amount)`.
fn two_brackets(site: &Site<'_>) -> Option<Diagnostic> {
    (site.is_symbol(-1, &[")"]) && site.is_symbol(0, &["("])).then(|| {
        site.error(code::FOREIGN, site.span(0), "a function has one pair of brackets")
            .with_hint("all arguments stand in one pair: `percentile(x, 0.9)`")
    })
}

/// A comma with nothing after it.
fn empty_after_comma(site: &Site<'_>) -> Option<Diagnostic> {
    let ends = site.at_end()
        || site.is_symbol(0, &[")", "]", "|>"])
        || site.is_word(0, &["FROM", "WHERE", "DURING", "EVERY", "WITHIN", "LIMIT", "HAVING", "BREAKDOWN"]);
    if !(site.is_symbol(-1, &[","]) && ends) {
        return None;
    }
    let comma: Span = site.span(-1);
    Some(
        site.error(code::EXPECTED, comma, "nothing follows this comma")
            .with_hint("take it away, or write what was to follow")
            .with_fix(site.text, comma, ""),
    )
}
