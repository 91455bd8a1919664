//! Lengths, ranges, units, and how often: where a length and a range are mixed up or a word is missing.

use super::site::Site;
use crate::ast::Span;
use crate::build::unit_named;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::parser::Rule;
use crate::suggest::nearest;
use crate::token::TokenKind;
use crate::word::{RESERVED, UNITS, among};

const LENGTH_CLAUSES: [&str; 7] = ["WITHIN", "FOR", "LOOKBACK", "TIMEOUT", "MAX", "GRACE", "KEEP"];
const RANGE_WORDS: [&str; 8] = ["LAST", "THIS", "PREVIOUS", "SINCE", "BEFORE", "TODAY", "YESTERDAY", "ALL"];

pub(super) fn wrong(site: &Site<'_>) -> Option<Diagnostic> {
    range_for_length(site)
        .or_else(|| length_for_range(site))
        .or_else(|| missing_times(site))
        .or_else(|| missing_to(site))
        .or_else(|| unknown_unit(site))
        .or_else(|| range_without_during(site))
}

/// `WITHIN last 7 days`.
fn range_for_length(site: &Site<'_>) -> Option<Diagnostic> {
    if !(site.is_word(-1, &LENGTH_CLAUSES) && site.is_word(0, &RANGE_WORDS)) {
        return None;
    }
    let clause = site.at(-1).to_uppercase();
    let found = site.error(code::LENGTH_NOT_RANGE, site.span(0), format!("`{clause}` takes a length of time, not a range"));
    if !(site.is_word(0, &["LAST"]) && site.kind(1) == Some(TokenKind::Number)) {
        return Some(found.with_hint(format!("a length is written like `{clause} 7 days`; a range belongs to `DURING`")));
    }
    let length = format!("{} {}", site.at(1), site.at(2));
    let found = found.with_hint(format!("write `{clause} {length}` for a length, or `DURING last {length}` for a range"));
    // With a DURING already there, the length was meant.
    Some(match clause == "WITHIN" && !site.has("DURING") {
        true => found.with_fix(site.text, site.span(-1), "DURING"),
        false => found.with_fix(site.text, Span::new(site.span(0).start, site.span(1).start), ""),
    })
}

/// `DURING 30 days`.
fn length_for_range(site: &Site<'_>) -> Option<Diagnostic> {
    let written = site.kind(-2) == Some(TokenKind::Number) && unit_named(site.at(-1)).is_some();
    if !(site.expects(Rule::kw_ago) && written) {
        return None;
    }
    let (clause, length) = (site.at(-3).to_uppercase(), format!("{} {}", site.at(-2), site.at(-1)));
    let found =
        site.error(code::RANGE_NOT_LENGTH, site.span(-2).to(site.span(-1)), format!("`{clause}` takes a range of time, not a length"));
    if clause == "DURING" {
        let before = Span::new(site.span(-2).start, site.span(-2).start);
        return Some(found.with_hint(format!("write `DURING last {length}`")).with_fix(site.text, before, "last "));
    }
    let after = Span::new(site.span(-1).end, site.span(-1).end);
    let found =
        site.error(code::EXPECTED, site.span(-2).to(site.span(-1)), format!("a point in time is wanted after `{clause}`, not a length"));
    Some(found.with_hint(format!("write `{length} ago`")).with_fix(site.text, after, " ago"))
}

/// `AT LEAST 3` without TIMES.
fn missing_times(site: &Site<'_>) -> Option<Diagnostic> {
    if !(site.expects(Rule::kw_times) && site.kind(-1) == Some(TokenKind::Number)) {
        return None;
    }
    let first = match () {
        () if site.is_word(-3, &["AT", "MORE", "FEWER"]) => -3,
        () if site.is_word(-2, &["AND"]) => -4,
        () => -2,
    };
    let phrase = site.span(first).to(site.span(-1));
    let words = site.text.get(phrase.start..phrase.end).unwrap_or_default();
    let end = Span::new(phrase.end, phrase.end);
    let hint = match first {
        -4 => format!("write `{words} TIMES`"),
        _ => format!("write `{words} TIMES`; for different days write `ON {words} DAYS`"),
    };
    Some(
        site.error(code::MISSING_TIMES, phrase, format!("{} of what is not said", super::site::quote(words)))
            .with_hint(hint)
            .with_fix(site.text, end, " TIMES"),
    )
}

/// `DURING '2026-01-01' AND '2026-01-31'`, or no end at all.
fn missing_to(site: &Site<'_>) -> Option<Diagnostic> {
    if !site.expects(Rule::kw_to) || site.kind(-1) != Some(TokenKind::Text) {
        return None;
    }
    if site.is_word(0, &["AND", "UNTIL"]) || site.is_symbol(0, &[",", "-", "->", "→"]) {
        let found = site.error(code::FOREIGN, site.span(0), "the two ends of a range are joined by `TO`");
        return Some(found.with_hint("write `TO`").with_fix(site.text, site.span(0), "TO"));
    }
    let found = site.error(code::RANGE_NOT_LENGTH, site.span(-1), "one point in time is not a range");
    Some(found.with_hint(format!("write `{0} TO {0}` for that day, or `since {0}`", site.at(-1))))
}

/// `EVERY fortnight`, `WITHIN 7 dayz`.
fn unknown_unit(site: &Site<'_>) -> Option<Diagnostic> {
    let wanted = site.expects_any(&[Rule::unit, Rule::unit_word, Rule::duration]);
    if !wanted || site.kind(0) != Some(TokenKind::Word) {
        return None;
    }
    let word = site.at(0);
    if among(word, &RESERVED) {
        return missing_unit(site);
    }
    let near = other_words(word).or_else(|| nearest(word, UNITS)).or_else(|| nearest(word.trim_end_matches(['s', 'S']), UNITS));
    let after_number = site.kind(-1) == Some(TokenKind::Number);
    let only_unit = !site.expects_any(&[Rule::clause, Rule::pred_tail, Rule::step, Rule::step_list]);
    if near.is_none() && !only_unit || !(after_number || site.is_word(-1, &["EVERY", "OVER", "LAST", "THIS", "PREVIOUS"])) {
        return None;
    }
    let found = site.error(code::UNKNOWN_UNIT, site.span(0), format!("unknown unit of time {}", site.quote(0)));
    Some(match near {
        Some(unit) if unit.contains(' ') => found.with_hint(format!("write `{unit}`")).with_fix(site.text, site.span(0), unit),
        Some(unit) => {
            let unit = format!("{}{}", unit.to_lowercase(), if after_number && site.at(-1) != "1" { "s" } else { "" });
            found.with_hint(format!("did you mean `{unit}`?")).with_fix(site.text, site.span(0), unit)
        }
        None => found.with_hint("the units are millisecond, second, minute, hour, day, week, month, quarter and year"),
    })
}

/// `WITHIN 7 DURING …`.
fn missing_unit(site: &Site<'_>) -> Option<Diagnostic> {
    if site.kind(-1) != Some(TokenKind::Number) || site.expects(Rule::clause) {
        return None;
    }
    let found = site.error(code::EXPECTED, site.span(-1), format!("the unit of {} is missing", site.quote(-1)));
    Some(found.with_hint(format!("write for example `{} days`", site.at(-1))))
}

/// Words for a unit that are none here.
fn other_words(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "fortnight" | "fortnights" => "2 weeks",
        "decade" | "decades" => "10 years",
        "daily" => "day",
        "hourly" => "hour",
        "weekly" => "week",
        "monthly" => "month",
        "quarterly" => "quarter",
        "yearly" | "annually" | "yr" | "yrs" => "year",
        "hr" | "hrs" => "hour",
        "mins" => "minute",
        "secs" => "second",
        "wk" | "wks" => "week",
        _ => return None,
    })
}

/// `FUNNEL a -> b last 30 days`, `FROM '2026-01-01' TO …`.
fn range_without_during(site: &Site<'_>) -> Option<Diagnostic> {
    if !site.expects(Rule::clause) {
        return None;
    }
    let start = Span::new(site.span(0).start, site.span(0).start);
    if site.is_word(0, &RANGE_WORDS) && range_follows(site) {
        let found = site.error(code::FOREIGN, site.span(0), "a range of time is given with `DURING`");
        let range = match site.at(0).to_ascii_uppercase().as_str() {
            "THIS" => "this week",
            "PREVIOUS" => "previous week",
            "SINCE" => "since '2026-01-01'",
            "BEFORE" => "before '2026-01-01'",
            "TODAY" => "today",
            "YESTERDAY" => "yesterday",
            "ALL" => "all time",
            _ => "last 7 days",
        };
        return Some(found.with_hint(format!("write `DURING {range}`")).with_fix(site.text, start, "DURING "));
    }
    let dated = matches!(site.kind(1), Some(TokenKind::Text | TokenKind::Param))
        || site.is_word(1, &["DATE", "TIMESTAMP", "NOW", "TODAY", "YESTERDAY"]);
    let counted = site.kind(1) == Some(TokenKind::Number);
    if site.is_word(0, &["FROM", "BETWEEN", "SINCE"]) && (dated || counted) {
        let found = site.error(code::FOREIGN, site.span(0), "a range of time is given with `DURING`");
        return Some(found.with_hint("write `DURING '2026-01-01' TO '2026-01-31'`").with_fix(site.text, site.span(0), "DURING"));
    }
    None
}

fn range_follows(site: &Site<'_>) -> bool {
    match site.at(0).to_uppercase().as_str() {
        "LAST" => matches!(site.kind(1), Some(TokenKind::Number | TokenKind::Param)) || unit_named(site.at(1)).is_some(),
        "THIS" | "PREVIOUS" => unit_named(site.at(1)).is_some(),
        "SINCE" | "BEFORE" => true,
        "ALL" => among(site.at(1), &["TIME"]),
        _ => true,
    }
}
