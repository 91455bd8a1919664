//! The words of the language by what they begin: the lists that suggestions, completion and highlighting are made from.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Words that cannot be bare names. The grammar's rule `reserved` is the same list; a test holds the two together.
pub const RESERVED: [&str; 38] = [
    "SELECT",
    "FROM",
    "WHERE",
    "HAVING",
    "LIMIT",
    "DURING",
    "WITHIN",
    "AMONG",
    "BREAKDOWN",
    "AND",
    "OR",
    "NOT",
    "INTERSECT",
    "IN",
    "IS",
    "AS",
    "OF",
    "BY",
    "BETWEEN",
    "LIKE",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "DID",
    "NEVER",
    "UNION",
    "EXCEPT",
    "NULL",
    "TRUE",
    "FALSE",
    "WITH",
    "DEFINE",
    "JOIN",
    "EVERY",
    "HOLDING",
    "EXCLUDING",
];

/// Words that are names nearly everywhere, but are read as something else in the one place where they are keywords.
/// The printer quotes them.
pub(crate) const FRAGILE: [&str; 12] =
    ["DISTINCT", "OPTIONAL", "SEGMENT", "ANY", "ALL", "CAST", "EXISTS", "EXTRACT", "HAS", "CONTAINS", "MATCHES", "ILIKE"];

/// First words of queries.
pub const QUERY_HEADS: [&str; 19] = [
    "SELECT",
    "FROM",
    "WITH",
    "FIND",
    "TREND",
    "FUNNEL",
    "SEQUENCE",
    "RETENTION",
    "PATHS",
    "SESSIONS",
    "DISTRIBUTION",
    "INTERVALS",
    "ATTRIBUTION",
    "LTV",
    "LIFECYCLE",
    "STICKINESS",
    "RFM",
    "PROFILE",
    "JOURNEY",
];

/// First words of the other statements.
pub const STATEMENT_HEADS: [&str; 9] = ["DEFINE", "INSERT", "REFRESH", "DROP", "SHOW", "DESCRIBE", "SUBSCRIBE", "SET", "EXPLAIN"];

/// What DEFINE, DROP and DESCRIBE are followed by.
pub const KINDS: [&str; 8] = ["ENTITY", "EVENT", "PROPERTY", "RELATION", "METRIC", "SESSION", "TAG", "SEGMENT"];

/// Clauses as they begin: one word, or the words that must follow each other.
pub const CLAUSES: [&str; 51] = [
    "OF",
    "WHERE",
    "AMONG",
    "DURING",
    "WITHIN",
    "EVERY",
    "FOR",
    "BREAKDOWN BY",
    "GROUP BY",
    "HAVING",
    "ORDER BY",
    "LIMIT",
    "MEASURE",
    "SHOW",
    "COMPARE TO",
    "HOLDING",
    "EXCLUDING",
    "IN ORDER",
    "IN ANY ORDER",
    "IN STRICT ORDER",
    "TIES",
    "KEEP REPEATS",
    "COUNTING",
    "REENTRY",
    "STARTING",
    "RETURNING",
    "ENDING",
    "GOAL",
    "TOUCHES",
    "MODEL",
    "LOOKBACK",
    "BUCKETS",
    "OVER",
    "NODE BY",
    "DEPTH",
    "BY SESSION",
    "UNTIL",
    "FIRST TIME",
    "RECURRING",
    "CALENDAR",
    "ROLLING",
    "CUMULATIVE",
    "UNBOUNDED",
    "NO FILL",
    "IN TIME ZONE",
    "WEEK STARTS",
    "SAMPLE",
    "AS OF",
    "TIMEOUT",
    "SPLIT BY",
    "MAX",
];

/// Words that go on with a clause: `LIMIT 10 OFFSET 20`.
pub const CLAUSE_PARTS: [&str; 4] = ["IGNORING", "TOP", "ATTRIBUTED", "OFFSET"];

/// Options at the end of a definition.
pub const DEFINITION_OPTIONS: [&str; 6] = ["REFRESH EVERY", "KEEP", "GRACE", "HIDDEN", "CLUSTER BY", "COMMENT"];

/// Words that qualify a DID.
pub const QUALIFIERS: [&str; 10] =
    ["AT LEAST", "AT MOST", "EXACTLY", "MORE THAN", "FEWER THAN", "ONCE", "TWICE", "ON AT LEAST", "TIMES", "BETWEEN"];

/// Pipe stages after `|>`.
pub const STAGES: [&str; 6] = ["WHERE", "SELECT", "EXTEND", "AGGREGATE", "ORDER BY", "LIMIT"];

/// Words between values, and those inside expressions.
pub const OPERATORS: [&str; 21] = [
    "AND",
    "OR",
    "NOT",
    "IS",
    "IN",
    "BETWEEN",
    "LIKE",
    "ILIKE",
    "MATCHES",
    "CONTAINS",
    "HAS",
    "HAS ANY",
    "HAS ALL",
    "STARTS WITH",
    "ENDS WITH",
    "IN SEGMENT",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
];

/// Words of ranges and instants.
pub const RANGES: [&str; 13] =
    ["LAST", "THIS", "PREVIOUS", "SINCE", "BEFORE", "TODAY", "YESTERDAY", "ALL TIME", "NOW", "AGO", "TO", "COMPLETE", "ROLLING"];

/// Units of time, singular.
pub const UNITS: [&str; 9] = ["MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"];

/// Every keyword of the language once, upper case.
pub fn keywords() -> BTreeSet<&'static str> {
    static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let rules = GRAMMAR.lines().filter(|line| line.starts_with("kw_"));
        rules.filter_map(|line| line.split('"').nth(1)).map(str::to_uppercase).collect()
    });
    let listed = RESERVED.iter().chain(&UNITS).copied();
    WORDS.iter().map(String::as_str).chain(listed).collect()
}

/// The grammar itself: its rules `kw_…` are the list of its keywords.
const GRAMMAR: &str = include_str!("../eql.pest");

/// The head of a phrase: `BREAKDOWN` of `BREAKDOWN BY`.
pub(crate) fn first_word(phrase: &'static str) -> &'static str {
    phrase.split(' ').next().unwrap_or(phrase)
}

/// True if `word` is one of `list`, in any case.
pub(crate) fn among(word: &str, list: &[&str]) -> bool {
    list.iter().any(|w| w.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::{CLAUSES, GRAMMAR, KINDS, QUALIFIERS, QUERY_HEADS, RANGES, RESERVED, STATEMENT_HEADS};

    /// The quoted words of a rule.
    fn words_of(rule: &str) -> Vec<String> {
        let from = GRAMMAR.find(&format!("\n{rule}")).map(|at| at + 1).unwrap_or_default();
        let body = GRAMMAR.get(from..).unwrap_or_default().split("}\n").next().unwrap_or_default();
        body.split("^\"").skip(1).filter_map(|w| w.split('"').next()).map(str::to_uppercase).collect()
    }

    #[test]
    fn reserved_words_are_those_of_the_grammar() {
        let (mut grammar, mut here) = (words_of("reserved "), RESERVED.map(str::to_owned).to_vec());
        grammar.sort();
        here.sort();
        assert_eq!(grammar, here);
    }

    #[test]
    fn keywords_are_those_of_the_grammar() {
        let all = super::keywords();
        assert!(["WHERE", "BREAKDOWN", "ZONE", "IMPORTED", "DAY"].iter().all(|w| all.contains(w)) && !all.contains("EVRY"), "{all:?}");
        assert!(all.len() > 190 && all.iter().all(|w| !w.is_empty() && !w.contains(' ')), "{}", all.len());
    }

    #[test]
    fn every_word_is_a_keyword_of_the_grammar() {
        for phrase in CLAUSES.iter().chain(&KINDS).chain(&QUALIFIERS).chain(&QUERY_HEADS).chain(&RANGES).chain(&STATEMENT_HEADS) {
            for word in phrase.split(' ') {
                assert!(GRAMMAR.contains(&format!("^\"{}\"", word.to_lowercase())), "{word}");
            }
        }
    }
}
