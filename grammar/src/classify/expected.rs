//! What the grammar would have taken: as words to compare with, and as a sentence.

use super::site::Site;
use crate::ast::Span;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::parser::Rule;
use crate::word::{CLAUSES, DEFINITION_OPTIONS, QUALIFIERS, RANGES, STAGES, UNITS, first_word};

/// The keywords that may stand where `rule` may.
pub(crate) fn words_of(rule: Rule) -> Vec<&'static str> {
    let heads = |phrases: &[&'static str]| phrases.iter().map(|p| first_word(p)).collect();
    match rule {
        Rule::clause => heads(&CLAUSES),
        Rule::def_opt | Rule::def_word | Rule::def_end => heads(&DEFINITION_OPTIONS),
        Rule::qual | Rule::times | Rule::on_periods | Rule::count_op => heads(&QUALIFIERS),
        Rule::pred_tail | Rule::match_op => {
            vec!["IS", "IN", "LIKE", "ILIKE", "BETWEEN", "CONTAINS", "MATCHES", "HAS", "STARTS", "ENDS", "NOT"]
        }
        Rule::range | Rule::instant => heads(&RANGES),
        Rule::unit | Rule::unit_word => UNITS.to_vec(),
        Rule::pipe => heads(&STAGES),
        Rule::set_op => vec!["UNION", "INTERSECT", "EXCEPT"],
        Rule::join => vec!["JOIN", "LEFT", "RIGHT", "FULL", "CROSS", "INNER"],
        Rule::scope => vec!["WHERE", "DURING", "BY", "ORDER", "AS"],
        Rule::show_what => {
            vec!["ENTITIES", "EVENTS", "RELATIONS", "PROPERTIES", "SEGMENTS", "SESSIONS", "TAGS", "METRICS", "SUBSCRIPTIONS", "FUNCTIONS"]
        }
        Rule::kind | Rule::insert_target | Rule::subscribe_to => crate::word::KINDS.to_vec(),
        Rule::column_option => vec!["HISTORY", "UNIQUE", "MANY", "SENSITIVE", "NOT", "DEFAULT", "COMMENT"],
        Rule::d_segment => vec!["SEGMENT", "STATIC", "DYNAMIC", "STREAMING"],
        Rule::explain_rung => vec!["SYNTAX", "BOUND", "LOGICAL", "PHYSICAL", "ANALYZE"],
        Rule::sub_on => vec!["ENTER", "EXIT", "CHANGE"],
        Rule::subscribe_from => vec!["NOW", "SNAPSHOT", "CURSOR"],
        rule => keyword(rule).into_iter().collect(),
    }
}

/// The word of a keyword rule, upper case.
fn keyword(rule: Rule) -> Option<&'static str> {
    use std::collections::HashMap;
    use std::sync::OnceLock;
    static WORDS: OnceLock<HashMap<Rule, String>> = OnceLock::new();
    let words = WORDS.get_or_init(|| {
        let named = Rule::all_rules().iter().map(|r| (*r, format!("{r:?}")));
        named.filter_map(|(r, name)| name.strip_prefix("kw_").map(|w| (r, w.to_uppercase()))).collect()
    });
    words.get(&rule).map(String::as_str)
}

/// True if some rule of the grammar reads the word as a keyword.
fn is_keyword(word: &str) -> bool {
    Rule::all_rules().iter().any(|rule| keyword(*rule).is_some_and(|k| k.eq_ignore_ascii_case(word)))
}

/// The last answer: what was expected, in grouped names.
pub(super) fn expected(site: &Site<'_>) -> Diagnostic {
    let nouns = nouns(site);
    let list = sentence(&nouns);
    let message = match (site.at_end(), site.token(-1).is_some()) {
        (true, true) => format!("expected {list} after {}", site.quote(-1)),
        (true, false) => format!("expected {list}"),
        _ => format!("expected {list}, found {}", site.quote(0)),
    };
    let found = site.error(code::EXPECTED, site.span(0), message);
    if let Some(word) = only_keyword(site) {
        let before = Span::new(site.span(0).start, site.span(0).start);
        let touches = site.token(-1).is_some_and(|t| t.end == before.start) && !site.at_end();
        let space = match site.at_end() {
            true => format!(" {word}"),
            false => format!("{}{word} ", if touches { " " } else { "" }),
        };
        let hint = match is_keyword(site.at(-1)) {
            true => format!("write `{} {word}`", site.at(-1).to_uppercase()),
            false => format!("write `{word}` after {}", site.quote(-1)),
        };
        return found.with_hint(hint).with_fix(site.text, before, space);
    }
    found.with_hint(hint(nouns.first().map_or("", String::as_str)))
}

/// The keyword, if nothing else could stand here.
fn only_keyword(site: &Site<'_>) -> Option<&'static str> {
    match site.expected {
        [only] => keyword(*only),
        _ => None,
    }
}

/// What could stand here, most telling first, each once.
fn nouns(site: &Site<'_>) -> Vec<String> {
    let mut ranked: Vec<(u8, String)> = site.expected.iter().flat_map(|r| noun(*r, site)).collect();
    ranked.sort();
    let mut nouns: Vec<String> = Vec::new();
    for (_, noun) in ranked {
        if !nouns.contains(&noun) {
            nouns.push(noun);
        }
    }
    const NOUNS_MAX: usize = 10;
    nouns.truncate(NOUNS_MAX);
    nouns
}

fn noun(rule: Rule, site: &Site<'_>) -> Vec<(u8, String)> {
    let (rank, noun) = match rule {
        Rule::expr
        | Rule::predicate
        | Rule::value
        | Rule::operand
        | Rule::literal
        | Rule::paren
        | Rule::args
        | Rule::arg
        | Rule::constant => (1, value(site)),
        Rule::item | Rule::items | Rule::select_item | Rule::select_items | Rule::order_item | Rule::order_items | Rule::reference => {
            (1, value(site))
        }
        Rule::step | Rule::steps | Rule::step_list | Rule::event_ref | Rule::event_scope | Rule::bracket | Rule::event_alt => {
            (1, "an event")
        }
        Rule::segment_expr | Rule::segment_term => (1, "a segment"),
        Rule::range => (1, "a range of time"),
        Rule::duration | Rule::length => (1, "a length of time"),
        Rule::instant => (1, "a point in time"),
        Rule::unit | Rule::unit_word => (2, "a unit of time"),
        Rule::query | Rule::set_term | Rule::nested | Rule::select | Rule::find | Rule::analysis | Rule::inner_query => (2, "a query"),
        Rule::statement | Rule::only_statement | Rule::explain => (2, "a statement"),
        Rule::ident | Rule::path | Rule::alias | Rule::source | Rule::participant => (2, "a name"),
        Rule::column | Rule::columns | Rule::key => (2, "a column"),
        Rule::type_name | Rule::type_word => (2, "a type"),
        Rule::string => (2, "a text in single quotes"),
        Rule::number | Rule::int | Rule::bound => (2, "a number"),
        Rule::typed_lit => (3, "a date"),
        Rule::kind | Rule::insert_target => (2, "the kind of a thing, such as `EVENT`"),
        Rule::clause | Rule::only_piece => (4, "a clause"),
        Rule::arrow => (5, "`->`"),
        Rule::close => (5, "`)`"),
        Rule::close_square => (5, "`]`"),
        Rule::open => (5, "`(`"),
        Rule::becomes => (5, "`=`"),
        Rule::percent => (5, "`%`"),
        Rule::pred_tail | Rule::arith | Rule::cmp | Rule::cast_to => (6, "an operator"),
        Rule::kw_and | Rule::kw_or if site.expects_any(&[Rule::pred_tail, Rule::arith]) => (6, "an operator"),
        Rule::kw_entity | Rule::kw_relation | Rule::d_segment if site.expects(Rule::kw_metric) => {
            (2, "the kind of a thing, such as `EVENT`")
        }
        Rule::kw_event | Rule::kw_property | Rule::kw_metric | Rule::kw_session | Rule::kw_tag if site.expects(Rule::kw_relation) => {
            return Vec::new();
        }
        Rule::qual | Rule::count_op | Rule::times | Rule::on_periods => (6, "a qualifier of DID"),
        Rule::def_opt | Rule::def_word | Rule::def_end => (6, "an option"),
        Rule::scope => (6, "`WHERE` or `DURING`"),
        Rule::pipe => (8, "`|>`"),
        Rule::EOI => (9, "the end"),
        Rule::param | Rule::minus | Rule::distinct | Rule::set_op | Rule::kw_not | Rule::COMMENT | Rule::WHITESPACE => return Vec::new(),
        rule => return words_of(rule).into_iter().map(|word| (7, format!("`{word}`"))).collect(),
    };
    vec![(rank, noun.to_owned())]
}

/// A condition where one is wanted, else a value.
fn value(site: &Site<'_>) -> &'static str {
    if site.is_word(-1, &["WHERE", "HAVING", "AND", "OR", "NOT", "ON", "WHEN"]) { "a condition" } else { "a value" }
}

fn sentence(nouns: &[String]) -> String {
    match nouns {
        [] => "something else".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// An example of what is missing.
fn hint(noun: &str) -> &'static str {
    match noun {
        "a condition" => "a condition is written like `amount > 100` or `DID purchase`",
        "a value" => "a value is a name, a path such as `product.category`, a number, a 'text' or a call",
        "an event" => "an event is a name; with a condition it stands in brackets: `[purchase WHERE amount > 100]`",
        "a segment" => "a segment is a name, or a query in brackets: `(FIND user WHERE …)`",
        "a range of time" => "a range is written like `last 30 days`, `this week` or `'2026-01-01' TO '2026-01-31'`",
        "a length of time" => "a length is written like `7 days`",
        "a point in time" => "a point in time is written like `'2026-01-01'`, `30 days ago` or `now`",
        "a unit of time" => "the units are millisecond, second, minute, hour, day, week, month, quarter and year",
        "a name" => "other names than words stand in backquotes",
        "a text in single quotes" => "a text is written like `'Asia/Shanghai'`",
        "a number" => "a number is written like `100`; a parameter like `:n` may stand for it",
        "the end" => "take it away, or end the statement before it with `;`",
        "`)`" => "write `,` before it if it is one more of a list, else close the bracket with `)`",
        "`=`" => "a setting is written like `SET time_zone = 'Asia/Shanghai'`",
        "a query" => "a query begins with a word such as `FIND`, `SELECT`, `TREND` or `FUNNEL`",
        "an operator" => "values are joined by operators such as `=`, `AND` or `+`",
        "the kind of a thing, such as `EVENT`" => "the kinds are ENTITY, EVENT, PROPERTY, RELATION, METRIC, SESSION, TAG and SEGMENT",
        "a column" => "a column is written like `amount DECIMAL(12, 2)`",
        "a type" => "the types are STRING, BOOL, INT, BIGINT, DOUBLE, DECIMAL(p, s), DATE, TIMESTAMP, LIST<T> and JSON",
        "a clause" => "a clause begins with its keyword, such as `WHERE`, `DURING` or `ORDER BY`",
        _ => "write one of these, or end the statement before it with `;`",
    }
}
