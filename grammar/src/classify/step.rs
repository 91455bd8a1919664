//! Events and steps as they are written elsewhere: their joints, their conditions, how often.

use super::site::{self, Site};
use crate::ast::Span;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::parser::Rule;
use crate::token::TokenKind;
use crate::word::among;

pub(super) fn wrong(site: &Site<'_>) -> Option<Diagnostic> {
    between_steps(site)
        .or_else(|| quoted_event(site))
        .or_else(|| how_often(site))
        .or_else(|| unbracketed(site))
        .or_else(|| round_brackets(site))
        .or_else(|| condition_of_event(site))
        .or_else(|| unnamed_steps(site))
        .or_else(|| member(site))
}

/// `FUNNEL a THEN b`, `FUNNEL a, b`.
fn between_steps(site: &Site<'_>) -> Option<Diagnostic> {
    let joined = site.is_word(0, &["THEN"]) || site.is_symbol(0, &[",", "=>", ">", "-"]);
    (site.expects(Rule::arrow) && joined).then(|| site.replace("steps are joined by `->`", "write `->`", "->"))
}

/// `FUNNEL 'view' -> 'add'`.
fn quoted_event(site: &Site<'_>) -> Option<Diagnostic> {
    if !(site.expects_any(&[Rule::step, Rule::steps, Rule::step_list]) && site.kind(0) == Some(TokenKind::Text)) {
        return None;
    }
    let name = super::listed::named(&site.at(0).trim_matches('\'').replace("''", "'"));
    let found = site.error(code::FOREIGN, site.span(0), "an event is a name, not a text");
    Some(found.with_hint(format!("write {}", site::shown(&name))).with_fix(site.text, site.span(0), name))
}

/// `DID purchase >= 3`, `DID purchase 3 TIMES`.
fn how_often(site: &Site<'_>) -> Option<Diagnostic> {
    if !site.expects_any(&[Rule::qual, Rule::times, Rule::count_op]) {
        return None;
    }
    if site.kind(0) == Some(TokenKind::Number) && site.is_word(1, &["TIMES", "TIME"]) {
        let (n, before) = (site.at(0), Span::new(site.span(0).start, site.span(0).start));
        let found = site.error(code::MISSING_TIMES, site.span(0).to(site.span(1)), "at least, at most, or exactly is not said");
        let hint = format!("write `EXACTLY {n} TIMES` or `AT LEAST {n} TIMES`");
        return Some(found.with_hint(hint).with_fix(site.text, before, "EXACTLY "));
    }
    let words = match site.at(0) {
        ">=" => "AT LEAST",
        ">" => "MORE THAN",
        "=" => "EXACTLY",
        "<=" => "AT MOST",
        "<" => "FEWER THAN",
        _ => return None,
    };
    if site.kind(1) != Some(TokenKind::Number) {
        return None;
    }
    let text = format!("{words} {} TIMES", site.at(1));
    let whole = site.span(0).to(site.span(1));
    let found = site.error(code::FOREIGN, whole, "how often is said in words after `DID`");
    Some(found.with_hint(format!("write `{text}`")).with_fix(site.text, whole, text))
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

/// `DID purchase WITH amount > 100`, `DID purchase(amount > 100)`, `FIND user WITH DID purchase`.
fn condition_of_event(site: &Site<'_>) -> Option<Diagnostic> {
    let event = matches!(site.kind(-1), Some(TokenKind::Word | TokenKind::Name)) && site.expects_any(&[Rule::qual, Rule::arrow]);
    let opened = site.is_symbol(0, &["("]) || site.is_word(0, &["WITH", "WHEN", "IF", "HAVING"]);
    if event && opened {
        let found = site.error(code::UNBRACKETED_CONDITION, site.span(-1).to(site.span(0)), "an event with a condition stands in brackets");
        return Some(found.with_hint("write `[purchase WHERE amount > 100]`"));
    }
    let clause = site.expects(Rule::clause) && site.is_word(0, &["WITH", "WHEN", "IF"]) && !site.at_start();
    clause.then(|| site.replace("conditions begin with `WHERE`", "write `WHERE`", "WHERE"))
}

/// `RETENTION register -> login`.
fn unnamed_steps(site: &Site<'_>) -> Option<Diagnostic> {
    let head = ["RETENTION", "INTERVALS", "LTV"];
    if !site.expects(Rule::clause) || !among(site.head(), &head) {
        return None;
    }
    let hint = "write `STARTING register RETURNING login`, and `ENDING` in INTERVALS";
    if site.is_word(-1, &head) && matches!(site.kind(0), Some(TokenKind::Word | TokenKind::Name)) && !site.is_word(0, &["START", "COHORT"])
    {
        let before = Span::new(site.span(0).start, site.span(0).start);
        let found = site.error(code::FOREIGN, site.span(0), "the first event is named by `STARTING`");
        return Some(found.with_hint(hint).with_fix(site.text, before, "STARTING "));
    }
    if !(site.is_word(0, &["TO", "THEN"]) || site.is_symbol(0, &["->", "→", ","])) || site.back_to("STARTING").is_none() {
        return None;
    }
    let second = if among(site.head(), &["INTERVALS"]) { "ENDING" } else { "RETURNING" };
    let found = site.error(code::FOREIGN, site.span(0), format!("the second event is named by `{second}`"));
    Some(found.with_hint(hint).with_fix(site.text, site.span(0), format!(" {second}")))
}

/// `user_id IN COHORT vip`, `FIND user IN SEGMENT vip`.
fn member(site: &Site<'_>) -> Option<Diagnostic> {
    if !(site.is_word(-1, &["IN"]) && site.is_word(0, &["COHORT", "SEGMENT", "LIST", "GROUP"])) {
        return None;
    }
    let whole = site.span(-1).to(site.span(0));
    let (message, instead) = match site.expects(Rule::kw_segment) {
        true => ("sets of entities are segments", "IN SEGMENT"),
        false => ("the subjects are chosen with `AMONG`", "AMONG"),
    };
    let found = site.error(code::FOREIGN, whole, message).with_hint("write `AMONG vip`, or `user_id IN SEGMENT vip` in a condition");
    Some(found.with_fix(site.text, whole, instead))
}
