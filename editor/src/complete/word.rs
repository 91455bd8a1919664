//! Words of the language: heads, clauses that the head takes, qualifiers, units, types.

use super::item::Kind;
use super::offer::{Fit, Offer};
use crate::frame::{Frame, Opener, around};
use crate::site::Site;
use eql_compiler::clause::{SESSION_RULE, clause, needed_by, taken_by};
use eql_grammar::Want;
use eql_grammar::word::{
    CLAUSE_PARTS, CLAUSES, DEFINITION_OPTIONS, KINDS, OPERATORS, QUALIFIERS, QUERY_HEADS, RANGES, RESERVED, STAGES, STATEMENT_HEADS, UNITS,
};

/// What the heads are for.
const HEADS: [(&str, &str); 28] = [
    ("FIND", "which entities"),
    ("SELECT", "rows and tables"),
    ("FROM", "all columns of a table"),
    ("WITH", "a query with named parts"),
    ("TREND", "how much, over time"),
    ("FUNNEL", "how far they get"),
    ("SEQUENCE", "every match of steps"),
    ("RETENTION", "who comes back"),
    ("PATHS", "which way they go"),
    ("SESSIONS", "visits"),
    ("DISTRIBUTION", "how many have how much"),
    ("INTERVALS", "how long from one event to another"),
    ("ATTRIBUTION", "which touches led to a goal"),
    ("LTV", "what an entity is worth over time"),
    ("LIFECYCLE", "new, returning, resurrecting, dormant"),
    ("STICKINESS", "on how many days of a period they are active"),
    ("RFM", "recency, frequency, money"),
    ("PROFILE", "what a set consists of"),
    ("JOURNEY", "everything one entity did"),
    ("DEFINE", "give something a name"),
    ("INSERT", "add entities or members"),
    ("REFRESH", "compute a segment or tag anew"),
    ("DROP", "take a definition away"),
    ("SHOW", "what has a name"),
    ("DESCRIBE", "one thing that has a name"),
    ("SUBSCRIBE", "follow changes"),
    ("SET", "change a setting"),
    ("EXPLAIN", "how a statement is understood and run"),
];

/// The words of a class.
pub(super) fn class(want: Want, site: &Site<'_>, offer: &mut Offer<'_>) {
    match want {
        Want::Statement => heads(|_| true, offer),
        Want::Query => heads(|head| QUERY_HEADS.contains(&head), offer),
        Want::Option => plain(&DEFINITION_OPTIONS, Fit::Legal, offer),
        Want::Operator => operators(site, offer),
        Want::Range => ranges(offer),
        Want::Instant => plain(&["NOW", "TODAY", "YESTERDAY", "DATE", "TIMESTAMP"], Fit::Legal, offer),
        Want::Duration => lengths(offer),
        Want::Unit => units(site, offer),
        Want::Type => types(offer),
        Want::Stage => stages(offer),
        _ => {}
    }
}

fn heads(fits: impl Fn(&str) -> bool, offer: &mut Offer<'_>) {
    for (i, (head, meaning)) in HEADS.iter().enumerate().filter(|(_, h)| fits(h.0)) {
        offer.word(Fit::Legal, i, Kind::Keyword, head, meaning, "");
    }
}

fn plain(words: &[&str], fit: Fit, offer: &mut Offer<'_>) {
    for (i, word) in words.iter().enumerate() {
        offer.word(fit, i, Kind::Keyword, word, "", "");
    }
}

fn stages(offer: &mut Offer<'_>) {
    for (i, stage) in STAGES.iter().enumerate() {
        offer.word(Fit::Known, i, Kind::Keyword, &format!("|> {stage}"), "a stage on the result", "");
    }
}

fn types(offer: &mut Offer<'_>) {
    for (i, name) in ["STRING", "INT", "DOUBLE", "DECIMAL(12, 2)", "BOOL", "DATE", "TIMESTAMP", "LIST<STRING>", "JSON"].iter().enumerate() {
        offer.word(Fit::Wanted, i, Kind::Type, name, "type", "");
    }
}

fn units(site: &Site<'_>, offer: &mut Offer<'_>) {
    // OVER takes a unit from STICKINESS, events from all others.
    if site.was(1, &["OVER"]) && !site.tokens.iter().any(|t| t.is_word(site.text, "STICKINESS")) {
        return;
    }
    let counted = if site.was(1, &["COMPLETE", "ROLLING", "CALENDAR"]) { 2 } else { 1 };
    let many = site.before(counted) == ")" || counts(site, counted) && site.before(counted) != "1";
    for (i, unit) in UNITS.iter().enumerate().filter(|u| *u.1 != "MILLISECOND") {
        let word = format!("{}{}", unit.to_lowercase(), if many { "s" } else { "" });
        // Days are asked for more often than seconds.
        offer.word(Fit::Wanted, usize::from(*unit != "DAY") * (i + 1), Kind::Unit, &word, "unit of time", "");
    }
}

fn counts(site: &Site<'_>, back: usize) -> bool {
    let word = site.before(back);
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
}

/// `half_life => 7`, `time + 30`: the grammar looks for the unit's first letter before it asks for one.
pub(super) fn unit_of_length(site: &Site<'_>, offer: &mut Offer<'_>) {
    if counts(site, 1) && matches!(site.before(2), "=>" | "+" | "-") {
        units(site, offer);
    }
}

fn ranges(offer: &mut Offer<'_>) {
    let all = [
        ("last 30 days", "the 30 days that end with today"),
        ("last 7 complete days", "the 7 days before today"),
        ("last 12 weeks", "the weeks that end with this one"),
        ("today", ""),
        ("yesterday", ""),
        ("this week", "from its first day to now"),
        ("this month", "from its first day to now"),
        ("previous week", "the last full week"),
        ("previous month", "the last full month"),
        ("all time", ""),
        ("since", "from a point in time to now"),
        ("before", "up to a point in time"),
        ("last", "units of time that end with the current one"),
        ("this", "the current unit of time, to now"),
        ("previous", "the last full unit of time"),
    ];
    for (i, (range, meaning)) in all.iter().enumerate() {
        offer.word(Fit::Wanted, i, Kind::Value, range, meaning, "");
    }
}

fn lengths(offer: &mut Offer<'_>) {
    for (i, length) in ["1 day", "7 days", "30 days", "1 hour", "30 minutes"].iter().enumerate() {
        offer.word(Fit::Legal, i, Kind::Value, length, "length of time", "");
    }
}

/// Behind a name an operator is likelier than a clause, behind a bracket or a value it is not.
fn operators(site: &Site<'_>, offer: &mut Offer<'_>) {
    let behind_name = site.here.checked_sub(1).is_some_and(|i| site.name(i).is_some()) && !site.was(2, &["BY", ",", "SHOW", "SELECT"]);
    let fit = if behind_name { Fit::Wanted } else { Fit::Known };
    let words = [
        "=",
        "!=",
        ">",
        ">=",
        "<",
        "<=",
        "IN",
        "IN SEGMENT",
        "NOT IN",
        "IS SET",
        "IS NOT NULL",
        "IS NULL",
        "BETWEEN",
        "LIKE",
        "ILIKE",
        "CONTAINS",
        "STARTS WITH",
        "ENDS WITH",
        "MATCHES",
        "HAS",
        "HAS ANY",
        "HAS ALL",
    ];
    for (i, word) in words.iter().enumerate() {
        offer.word(fit, i, Kind::Keyword, word, "", "");
    }
}

/// The clauses that the head takes and does not have yet; those it needs first.
pub(super) fn clauses(site: &Site<'_>, offer: &mut Offer<'_>) {
    let Some((head, used)) = head_and_used(site, offer.between_words()) else { return };
    for (i, c) in taken_by(&head).enumerate().filter(|(_, c)| !used.iter().any(|u| same(u, c.phrase))) {
        let needed = needed_by(&head).iter().position(|n| *n == c.phrase);
        let (fit, place) = needed.map_or((Fit::Legal, i), |place| (Fit::Needed, place));
        offer.word(fit, place, Kind::Clause, c.phrase, c.example, c.meaning);
    }
}

/// Orders are one clause, and so are RECURRING and FIRST TIME, CALENDAR and ROLLING.
fn same(a: &str, b: &str) -> bool {
    const GROUPS: [&[&str]; 3] = [&["IN ORDER", "IN ANY ORDER", "IN STRICT ORDER"], &["FIRST TIME", "RECURRING"], &["CALENDAR", "ROLLING"]];
    a == b || GROUPS.iter().any(|g| g.contains(&a) && g.contains(&b))
}

/// The head whose clauses may stand here, and the clauses it has, before or behind the place.
fn head_and_used(site: &Site<'_>, between_words: bool) -> Option<(String, Vec<&'static str>)> {
    let frames = around(site);
    let frame = frames.iter().rev().find(|f| f.head(site).is_some() || f.opener == Opener::Statement)?;
    let (word, start, end) = match frame.head(site) {
        Some(head) => (head.word.to_owned(), head.at, head.end),
        None if site.is(0, &["DEFINE"]) => (SESSION_RULE.to_owned(), 0, site.tokens.len()),
        None => return None,
    };
    let mut used = used(site, frame, start, end);
    used.retain(|(i, _)| between_words || *i != site.here);
    Some((word, used.into_iter().map(|(_, phrase)| phrase).collect()))
}

/// The clauses of a head. What qualifies a DID that is not the last one is none of them.
fn used(site: &Site<'_>, frame: &Frame, start: usize, end: usize) -> Vec<(usize, &'static str)> {
    let tokens = site.tokens.get(start..end).unwrap_or_default();
    let did = frame.own(site).into_iter().rfind(|&i| i < end && site.is(i, &["DID"])).unwrap_or(0);
    let qualifies = |phrase: &str| matches!(phrase, "DURING" | "WITHIN" | "HOLDING" | "TIES" | "BY SESSION") || phrase.ends_with("ORDER");
    let all = eql_grammar::clauses(site.text, tokens).into_iter().map(|(i, phrase)| (i + start, phrase));
    all.filter(|(i, phrase)| *i > did || !qualifies(phrase)).collect()
}

/// Words after DID: how often, when, how.
pub(super) fn qualifiers(site: &Site<'_>, offer: &mut Offer<'_>) {
    if !site.tokens.iter().take(site.here).any(|t| t.is_word(site.text, "DID")) {
        return;
    }
    let further = ["DURING", "WITHIN", "HOLDING", "IN STRICT ORDER", "IN ANY ORDER", "TIES", "BY SESSION", "TIMES"];
    for (i, word) in QUALIFIERS.iter().filter(|q| **q != "TIMES").chain(&further).enumerate() {
        let said = clause(word).map_or("", |c| c.example);
        offer.word(Fit::Legal, i, Kind::Keyword, word, said, "");
    }
}

/// Words that follow others.
pub(super) fn keywords(site: &Site<'_>, words: &[&'static str], offer: &mut Offer<'_>) {
    for (i, word) in words.iter().enumerate() {
        let (fit, word) = match *word {
            "UNION" | "INTERSECT" | "EXCEPT" => (Fit::Known, *word),
            "CROSS" | "FULL" | "INNER" | "LEFT" | "RIGHT" | "FILTER" | "OVER" | "AS" => (Fit::General, *word),
            "DURING" | "WHERE" if site.here > 0 && site.word(site.here - 1) == "(" => continue,
            "BY" | "ORDER" if site.here > 0 && site.word(site.here - 1) == "(" => continue,
            "ORDER" if !site.was(1, &["IN", "ANY", "STRICT"]) => (Fit::Legal, "ORDER BY"),
            "SEGMENT" if site.was(1, &["IN"]) => (Fit::Wanted, "SEGMENT"),
            "AND" | "OR" if !in_condition(site) => (Fit::General, *word),
            "OR" if site.is(0, &["DEFINE"]) && site.here == 1 => (Fit::Legal, "OR REPLACE"),
            word => (Fit::Legal, word),
        };
        let said = clause(word).map_or("", |c| c.example);
        offer.word(fit, i, Kind::Keyword, word, said, "");
    }
}

/// True if a condition or a definition has begun.
fn in_condition(site: &Site<'_>) -> bool {
    (0..site.here).any(|i| site.is(i, &["WHERE", "HAVING", "ON", "WHEN", "DEFINE", "BETWEEN"]))
}

/// The models of ATTRIBUTION.
pub(super) fn models(offer: &mut Offer<'_>) {
    let models = [
        ("first", "all credit to the first touch"),
        ("last", "all credit to the last touch"),
        ("linear", "the same credit to every touch"),
        ("position(0.4, 0.2, 0.4)", "shares of the first touch, those between, and the last"),
        ("time_decay(half_life => 7 days)", "the nearer to the goal, the more"),
        ("participation", "every touch has all the credit"),
    ];
    for (model, meaning) in models {
        offer.exact(Fit::Wanted, Kind::Value, model, model, meaning, "");
    }
}

/// Every word: where the place cannot be understood, what was typed is all there is to go by.
pub(super) fn everything(offer: &mut Offer<'_>) {
    plain(&words_of_language(), Fit::Known, offer);
}

/// All phrases of the language once.
pub fn words_of_language() -> Vec<&'static str> {
    let lists: [&[&'static str]; 12] = [
        &RESERVED,
        &QUERY_HEADS,
        &STATEMENT_HEADS,
        &KINDS,
        &CLAUSES,
        &CLAUSE_PARTS,
        &DEFINITION_OPTIONS,
        &QUALIFIERS,
        &OPERATORS,
        &RANGES,
        &UNITS,
        &STAGES,
    ];
    let mut words: Vec<&'static str> = lists.into_iter().flatten().copied().collect();
    words.sort_unstable();
    words.dedup();
    words
}
