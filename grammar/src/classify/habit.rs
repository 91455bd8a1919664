//! Words and signs that are right in another language, or in another place of this one.

use super::site::Site;
use crate::ast::Span;
use crate::build::unit_named;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::parser::Rule;
use crate::token::TokenKind;
use crate::word::among;

pub(super) fn foreign(site: &Site<'_>) -> Option<Diagnostic> {
    between_steps(site)
        .or_else(|| unbracketed(site))
        .or_else(|| round_brackets(site))
        .or_else(|| by(site))
        .or_else(|| limit_with_comma(site))
        .or_else(|| interval(site))
        .or_else(|| using(site))
        .or_else(|| comma_join(site))
        .or_else(|| empty_after_comma(site))
        .or_else(|| two_brackets(site))
}

fn replace(site: &Site<'_>, message: &str, hint: &str, with: &str) -> Diagnostic {
    site.error(code::FOREIGN, site.span(0), message).with_hint(hint).with_fix(site.text, site.span(0), with)
}

/// `FUNNEL a THEN b`, `FUNNEL a, b`.
fn between_steps(site: &Site<'_>) -> Option<Diagnostic> {
    let joined = site.is_word(0, &["THEN"]) || site.is_symbol(0, &[",", "=>", ">", "-"]);
    (site.expects(Rule::arrow) && joined).then(|| replace(site, "steps are joined by `->`", "write `->`", "->"))
}

/// `FUNNEL a WHERE x = 1 -> b`, `DID a WHERE x = 1 AT LEAST 2 TIMES`.
fn unbracketed(site: &Site<'_>) -> Option<Diagnostic> {
    let goes_on = site.is_symbol(0, &["->", "→"]) || site.is_word(0, &["AT", "EXACTLY", "MORE", "FEWER", "ONCE", "TWICE"]);
    if !goes_on {
        return None;
    }
    let condition = site.back_to("WHERE")?;
    let event = site.token(condition - 1).filter(|t| matches!(t.kind, TokenKind::Word | TokenKind::Name))?;
    let after_step =
        site.is_symbol(condition - 2, &["->", "→"]) || site.is_word(condition - 2, &["DID", "FUNNEL", "SEQUENCE", "OPTIONAL", "NOT"]);
    if !after_step {
        return None;
    }
    let whole = event.span().to(site.span(-1));
    let inside = site.text.get(whole.start..whole.end).unwrap_or_default();
    Some(
        site.error(code::UNBRACKETED_CONDITION, whole, "an event with a condition stands in brackets")
            .with_hint(format!("write {}", super::site::quote(&format!("[{inside}]"))))
            .with_fix(site.text, whole, format!("[{inside}]")),
    )
}

/// `DID (purchase WHERE …)`.
fn round_brackets(site: &Site<'_>) -> Option<Diagnostic> {
    if !(site.expects_any(&[Rule::step, Rule::steps, Rule::step_list]) && site.is_symbol(0, &["("])) {
        return None;
    }
    Some(
        site.error(code::UNBRACKETED_CONDITION, site.span(0), "an event with a condition stands in square brackets")
            .with_hint("write `[event WHERE condition]`"),
    )
}

/// `BY day`, `BY channel`.
fn by(site: &Site<'_>) -> Option<Diagnostic> {
    if !(site.is_word(-1, &["BY"]) && site.expects(Rule::kw_session)) {
        return None;
    }
    if unit_named(site.at(0)).is_some() {
        let found = site.error(code::FOREIGN, site.span(-1), "the length of a period is given with `EVERY`");
        return Some(found.with_hint(format!("write `EVERY {}`", site.at(0))).with_fix(site.text, site.span(-1), "EVERY"));
    }
    let clause = if among(site.head(), &["SELECT", "FROM"]) { "GROUP BY" } else { "BREAKDOWN BY" };
    let found = site.error(code::FOREIGN, site.span(-1), format!("groups are made with `{clause}`"));
    Some(found.with_hint(format!("write `{clause} {}`", site.at(0))).with_fix(site.text, site.span(-1), clause))
}

/// `LIMIT 10, 20`.
fn limit_with_comma(site: &Site<'_>) -> Option<Diagnostic> {
    let paged = site.is_word(-2, &["LIMIT"]) && site.is_symbol(0, &[","]);
    paged.then(|| site.error(code::FOREIGN, site.span(0), "rows are skipped with `OFFSET`").with_hint("write `LIMIT count OFFSET skipped`"))
}

/// `INTERVAL '30 days'`.
fn interval(site: &Site<'_>) -> Option<Diagnostic> {
    if !(site.is_word(-1, &["INTERVAL"]) && site.kind(0) == Some(TokenKind::Text)) {
        return None;
    }
    let length = site.at(0).trim_matches('\'');
    let whole = site.span(-1).to(site.span(0));
    let found = site.error(code::FOREIGN, whole, "a length of time is written without `INTERVAL` and quotes");
    Some(found.with_hint(format!("write `{length}`")).with_fix(site.text, whole, length))
}

/// `JOIN x USING (y)`.
fn using(site: &Site<'_>) -> Option<Diagnostic> {
    let used = site.expects(Rule::kw_on) && site.is_word(0, &["USING"]);
    used.then(|| site.error(code::FOREIGN, site.span(0), "a join says its condition with `ON`").with_hint("write `ON a.key = b.key`"))
}

/// `FROM a, b`.
fn comma_join(site: &Site<'_>) -> Option<Diagnostic> {
    let listed = site.is_symbol(0, &[","]) && (site.is_word(-2, &["FROM"]) || (site.is_word(-2, &["AS"]) && site.is_word(-4, &["FROM"])));
    (listed && site.expects_any(&[Rule::clause, Rule::join, Rule::kw_join])).then(|| {
        site.error(code::FOREIGN, site.span(0), "tables are joined with `JOIN`")
            .with_hint("write `JOIN b ON …`, or use a path such as `purchase.product.name`")
    })
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
