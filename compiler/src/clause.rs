//! The one table of clauses: how they begin, an example, what they mean. Which heads take them is asked of the binder.

use crate::bind::takes;
use eql_grammar::ast::{ClauseKind, QueryBody, StatementKind};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClauseWords {
    /// As it begins.
    pub phrase: &'static str,
    /// A whole one.
    pub example: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

macro_rules! clauses {
    ($($phrase:literal $example:literal $meaning:literal;)*) => {
        /// All clauses.
        pub const CLAUSES: &[ClauseWords] = &[$(ClauseWords { phrase: $phrase, example: $example, meaning: $meaning }),*];
    };
}

clauses! {
    "WHERE" "WHERE amount > 100" "Which rows count. On an analysis: which events, for every step.";
    "DURING" "DURING last 30 days" "The range of time that is looked at; for steps, that of the first one.";
    "EVERY" "EVERY day" "One answer a period.";
    "WITHIN" "WITHIN 7 days" "The longest time from the first step to the last.";
    "STARTING" "STARTING register" "The event that begins it.";
    "RETURNING" "RETURNING purchase" "The event that counts as coming back.";
    "ENDING" "ENDING purchase" "The event that ends it.";
    "FOR" "FOR 30 days" "How long after the start is looked at; the unit is that of the columns.";
    "BREAKDOWN BY" "BREAKDOWN BY channel TOP 10" "One answer a value.";
    "MEASURE" "MEASURE sum(purchase.amount) AS revenue" "Further figures of each row of the answer.";
    "SHOW" "SHOW name, city" "What is shown instead of the usual columns.";
    "OF" "OF user" "Whose events are followed: the subject.";
    "AMONG" "AMONG vip" "Only subjects of this segment.";
    "COMPARE TO" "COMPARE TO previous period" "The same figures for another range, beside them.";
    "HOLDING" "HOLDING product_id" "All steps share the value of this property.";
    "EXCLUDING" "EXCLUDING refund" "An event that, between two steps, voids the attempt.";
    "IN ORDER" "IN ORDER" "The steps follow each other; other events may lie between them.";
    "IN ANY ORDER" "IN ANY ORDER" "The steps may come in any order.";
    "IN STRICT ORDER" "IN STRICT ORDER IGNORING heartbeat" "No other event may lie between the steps.";
    "TIES" "TIES FORBIDDEN" "Whether steps may happen at the same instant.";
    "COUNTING" "COUNTING ATTEMPTS" "What is counted: entities, attempts or sessions.";
    "REENTRY" "REENTRY FIRST" "Which of several attempts of an entity counts.";
    "UNTIL" "UNTIL logout" "An event that ends every attempt.";
    "GOAL" "GOAL purchase" "The event whose credit is shared out.";
    "TOUCHES" "TOUCHES ad_click, push_open" "The events that may have led to the goal.";
    "MODEL" "MODEL position(0.4, 0.2, 0.4)" "How the credit is shared out: first, last, linear, position, time_decay, participation.";
    "LOOKBACK" "LOOKBACK 30 days" "How long before the goal a touch counts.";
    "BUCKETS" "BUCKETS (0, 1, 5, 10)" "The bounds of the groups, or how many of equal width.";
    "OVER" "OVER purchase, view_product" "Which events are followed; of STICKINESS, the period whose parts are counted.";
    "NODE BY" "NODE BY clean_url($url)" "What a node of a path is named by.";
    "DEPTH" "DEPTH 5" "How many nodes of a path are kept.";
    "BY SESSION" "BY SESSION visit" "One path a session.";
    "KEEP REPEATS" "KEEP REPEATS" "Equal nodes that follow each other stay apart.";
    "FIRST TIME" "FIRST TIME" "Only the first start of all history counts.";
    "RECURRING" "RECURRING" "Every start counts, once a cohort.";
    "CALENDAR" "CALENDAR" "Periods are those of the calendar.";
    "ROLLING" "ROLLING" "Periods are spans of 24 hours from the start.";
    "UNBOUNDED" "UNBOUNDED" "Coming back in this period or later counts.";
    "CUMULATIVE" "CUMULATIVE" "Each period holds the sum up to it.";
    "GROUP BY" "GROUP BY channel" "One row a value.";
    "HAVING" "HAVING count(*) > 10" "Which groups are kept.";
    "ORDER BY" "ORDER BY time DESC" "The order of the rows.";
    "LIMIT" "LIMIT 10" "The most rows that are given.";
    "NO FILL" "NO FILL" "Empty periods are left out.";
    "IN TIME ZONE" "IN TIME ZONE 'Asia/Shanghai'" "The zone in which days and weeks are counted.";
    "WEEK STARTS" "WEEK STARTS SUNDAY" "The first day of a week.";
    "SAMPLE" "SAMPLE 10%" "Only a share of the entities is looked at.";
    "AS OF" "AS OF '2026-11-01'" "The answer as it would have been then.";
    "TIMEOUT" "TIMEOUT 30 minutes" "The longest time without an event inside a session.";
    "MAX" "MAX 24 hours" "The longest session.";
    "SPLIT BY" "SPLIT BY day(time)" "A change of this value cuts a session.";
}

/// Heads besides the queries: what completion and the binder call them.
pub const SESSION_RULE: &str = "DEFINE SESSION";

/// The clauses that a head takes, in the order of the table.
pub fn taken_by(head: &str) -> impl Iterator<Item = &'static ClauseWords> {
    static KINDS: LazyLock<BTreeMap<&'static str, ClauseKind>> =
        LazyLock::new(|| CLAUSES.iter().filter_map(|c| Some((c.phrase, kind(c.example)?))).collect());
    let over = move |phrase: &str| phrase == "OVER" && matches!(head, "STICKINESS");
    CLAUSES.iter().filter(move |c| over(c.phrase) || KINDS.get(c.phrase).is_some_and(|kind| takes(head, kind)))
}

/// The clause that a text begins with.
pub fn clause(phrase: &str) -> Option<&'static ClauseWords> {
    CLAUSES.iter().find(|c| c.phrase.eq_ignore_ascii_case(phrase))
}

/// The clauses that a head cannot do without.
pub fn needed_by(head: &str) -> &'static [&'static str] {
    match head {
        "TREND" | "SEQUENCE" | "SESSIONS" | "DISTRIBUTION" | "PATHS" => &["DURING"],
        "FUNNEL" => &["WITHIN", "DURING"],
        "RETENTION" => &["STARTING", "RETURNING", "FOR", "DURING"],
        "INTERVALS" => &["STARTING", "ENDING", "WITHIN", "DURING"],
        "ATTRIBUTION" => &["GOAL", "TOUCHES", "MODEL", "LOOKBACK", "DURING"],
        "LTV" => &["STARTING", "MEASURE", "FOR", "DURING"],
        "LIFECYCLE" | "STICKINESS" => &["EVERY", "DURING"],
        "RFM" => &["MEASURE", "BUCKETS"],
        "PROFILE" | "JOURNEY" => &["OF"],
        SESSION_RULE => &["OF", "OVER", "TIMEOUT"],
        _ => &[],
    }
}

/// The tree of a clause.
fn kind(text: &str) -> Option<ClauseKind> {
    let statement = eql_grammar::parse(&format!("FIND x {text}")).statements.into_iter().next()?.ok()?;
    let StatementKind::Query(query) = statement.kind else { return None };
    let QueryBody::Find(find) = query.body else { return None };
    find.clauses.into_iter().next().map(|c| c.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clause_of_the_grammar_is_told_and_parses() {
        for phrase in eql_grammar::word::CLAUSES {
            let told = clause(phrase).unwrap_or_else(|| panic!("{phrase}"));
            assert!(told.example.starts_with(phrase) && kind(told.example).is_some(), "{}", told.example);
        }
        assert_eq!(CLAUSES.len(), eql_grammar::word::CLAUSES.len());
    }

    #[test]
    fn heads_take_what_they_need() {
        for head in eql_grammar::word::QUERY_HEADS.into_iter().chain([SESSION_RULE]) {
            for needed in needed_by(head) {
                assert!(taken_by(head).any(|c| c.phrase == *needed), "{head} {needed}");
            }
        }
        let phrases: Vec<&str> = taken_by("FIND").map(|c| c.phrase).collect();
        assert!(phrases.contains(&"SHOW") && !phrases.contains(&"EVERY") && !phrases.contains(&"WITHIN"), "{phrases:?}");
    }
}
