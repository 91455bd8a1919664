//! Clauses as text, in the order of the tree.

use super::expression::{closed, ends_in_behaviour, ends_in_segment, expr, items, order_items};
use super::query::limit;
use super::step::{bracketed_step, mode, segment, step, ties};
use super::time::{bound, duration, every, instant, range, unit};
use super::{list, name};
use crate::ast::{Attributed, Clause, ClauseKind, Counting, Expr, ExprKind, Item, Literal, Reentry, Show, Step, Weekday};
use crate::build::unit_named;

/// `joined` says that a set operator follows the last clause.
pub(super) fn clauses(clauses: &[Clause], joined: bool) -> Vec<String> {
    let next = |i: usize| clauses.get(i + 1).map(|c| &c.kind);
    clauses.iter().enumerate().map(|(i, c)| clause(&c.kind, next(i), joined)).collect()
}

fn clause(kind: &ClauseKind, next: Option<&ClauseKind>, joined: bool) -> String {
    match kind {
        ClauseKind::Where(e) => format!("WHERE {}", condition(e, next, joined)),
        ClauseKind::Having(e) => format!("HAVING {}", condition(e, next, joined)),
        other => worded(other),
    }
}

/// A condition in brackets if what follows would become part of it.
fn condition(e: &Expr, next: Option<&ClauseKind>, joined: bool) -> String {
    let swallowed = match next {
        None => joined && ends_in_segment(e),
        Some(ClauseKind::AsOf(_)) => ends_in_segment(e),
        Some(next) => ends_in_behaviour(e) && qualifies_did(next),
    };
    if swallowed { format!("({})", expr(e)) } else { expr(e) }
}

fn qualifies_did(clause: &ClauseKind) -> bool {
    matches!(
        clause,
        ClauseKind::During(_)
            | ClauseKind::Within(_)
            | ClauseKind::Mode { .. }
            | ClauseKind::Holding(_)
            | ClauseKind::BySession(_)
            | ClauseKind::Ties(_)
    )
}

fn worded(kind: &ClauseKind) -> String {
    match kind {
        ClauseKind::Where(e) | ClauseKind::Having(e) => expr(e),
        ClauseKind::Of(entity, key) => format!("OF {}{}", name(entity), key.as_ref().map_or_else(String::new, key_value)),
        ClauseKind::Among(set) => format!("AMONG {}", segment(set)),
        ClauseKind::During(r) => format!("DURING {}", range(r)),
        ClauseKind::Within(d) => format!("WITHIN {}", duration(d)),
        ClauseKind::Every(d) => format!("EVERY {}", every(d)),
        ClauseKind::For(d) => format!("FOR {}", duration(d)),
        ClauseKind::Breakdown { items: by, top, attributed } => {
            let top = top.as_ref().map_or_else(String::new, |n| format!(" TOP {}", bound(n)));
            format!("BREAKDOWN BY {}{top}{}", items(by), attributed.map_or_else(String::new, attribution))
        }
        ClauseKind::GroupBy(by) => format!("GROUP BY {}", items(by)),
        ClauseKind::OrderBy(keys) => format!("ORDER BY {}", order_items(keys)),
        ClauseKind::Limit(count, offset) => limit(count, offset.as_ref()),
        ClauseKind::Measure(measures) => format!("MEASURE {}", items(measures)),
        ClauseKind::Show(what) => format!("SHOW {}", show(what)),
        ClauseKind::Compare(None) => "COMPARE TO previous period".to_owned(),
        ClauseKind::Compare(Some(r)) => format!("COMPARE TO {}", range(r)),
        ClauseKind::Holding(keys) => format!("HOLDING {}", list(keys, closed)),
        ClauseKind::Excluding { step: s, between: None } => format!("EXCLUDING {}", step(s)),
        ClauseKind::Excluding { step: s, between: Some((from, to)) } => format!("EXCLUDING {} BETWEEN STEP {from} AND {to}", step(s)),
        ClauseKind::Mode { mode: m, ignoring } if ignoring.is_empty() => mode(*m).to_owned(),
        ClauseKind::Mode { mode: m, ignoring } => format!("{} IGNORING {}", mode(*m), list(ignoring, step)),
        ClauseKind::Ties(forbidden) => ties(*forbidden).to_owned(),
        ClauseKind::Counting(Counting::Entities) => "COUNTING ENTITIES".to_owned(),
        ClauseKind::Counting(Counting::Attempts) => "COUNTING ATTEMPTS".to_owned(),
        ClauseKind::Counting(Counting::Sessions(session)) => format!("COUNTING SESSIONS {}", name(session)),
        other => rarer(other),
    }
}

fn rarer(kind: &ClauseKind) -> String {
    match kind {
        ClauseKind::Reentry(Reentry::First) => "REENTRY FIRST".to_owned(),
        ClauseKind::Reentry(Reentry::Latest) => "REENTRY LATEST".to_owned(),
        ClauseKind::Reentry(Reentry::Best) => "REENTRY BEST".to_owned(),
        ClauseKind::Starting(s) => format!("STARTING {}", step(s)),
        ClauseKind::Returning(s) => format!("RETURNING {}", step(s)),
        ClauseKind::Ending(s) => format!("ENDING {}", step(s)),
        ClauseKind::Goal(s) => format!("GOAL {}", step(s)),
        ClauseKind::Until(s) => format!("UNTIL {}", step(s)),
        ClauseKind::Touches(touches) => format!("TOUCHES {}", list(touches, step)),
        ClauseKind::Model(model) => format!("MODEL {}", expr(model)),
        ClauseKind::Lookback(d) => format!("LOOKBACK {}", duration(d)),
        ClauseKind::Buckets(bounds, of) => {
            format!("BUCKETS ({}){}", list(bounds, closed), of.map_or_else(String::new, |u| format!(" {}s", unit(u))))
        }
        ClauseKind::BucketCount(n) => format!("BUCKETS {n}"),
        ClauseKind::OverUnit(u) => format!("OVER {}", unit(*u)),
        ClauseKind::Over(of) => format!("OVER {}", over(of)),
        ClauseKind::NodeBy(e) => format!("NODE BY {}", closed(e)),
        ClauseKind::Depth(n) => format!("DEPTH {n}"),
        ClauseKind::BySession(session) => format!("BY SESSION {}", name(session)),
        ClauseKind::TimeZone(zone) => format!("IN TIME ZONE {}", expr(zone)),
        ClauseKind::WeekStarts(day) => format!("WEEK STARTS {}", weekday(*day)),
        ClauseKind::Sample(percent) => format!("SAMPLE {percent}%"),
        ClauseKind::AsOf(t) => format!("AS OF {}", instant(t)),
        ClauseKind::Timeout(d) => format!("TIMEOUT {}", duration(d)),
        ClauseKind::SplitBy(keys) => format!("SPLIT BY {}", list(keys, closed)),
        ClauseKind::Max(d) => format!("MAX {}", duration(d)),
        other => word(other).to_owned(),
    }
}

/// Clauses that are their keyword and nothing else.
fn word(kind: &ClauseKind) -> &'static str {
    match kind {
        ClauseKind::KeepRepeats => "KEEP REPEATS",
        ClauseKind::FirstTime => "FIRST TIME",
        ClauseKind::Recurring => "RECURRING",
        ClauseKind::Calendar => "CALENDAR",
        ClauseKind::Rolling => "ROLLING",
        ClauseKind::Cumulative => "CUMULATIVE",
        ClauseKind::Unbounded => "UNBOUNDED",
        ClauseKind::NoFill => "NO FILL",
        _ => "",
    }
}

/// The key after `OF entity`: a plain value, or in brackets.
fn key_value(key: &Expr) -> String {
    match &key.kind {
        ExprKind::Literal(Literal::Number(_) | Literal::Text(_) | Literal::Typed(..))
        | ExprKind::Param(_)
        | ExprKind::Tuple(_)
        | ExprKind::Subquery(_) => format!(" {}", expr(key)),
        _ => format!(" ({})", expr(key)),
    }
}

fn attribution(attributed: Attributed) -> String {
    match attributed {
        Attributed::First => " ATTRIBUTED FIRST".to_owned(),
        Attributed::Last => " ATTRIBUTED LAST".to_owned(),
        Attributed::All => " ATTRIBUTED ALL".to_owned(),
        Attributed::Step(n) => format!(" ATTRIBUTED STEP {n}"),
    }
}

fn show(what: &Show) -> String {
    match what {
        Show::Edges => "EDGES".to_owned(),
        Show::TimeToConvert => "TIME TO CONVERT".to_owned(),
        Show::Phase(phase) => format!("ENTITIES {}", phase.word().to_uppercase()),
        Show::Items(list) => shown_items(list),
        Show::Entities { converted, step } => {
            let converted = match converted {
                Some(true) => " CONVERTED",
                Some(false) => " DROPPED",
                None => "",
            };
            let step = step.map_or_else(String::new, |(after, n)| format!(" {} STEP {n}", if after { "AFTER" } else { "AT" }));
            format!("ENTITIES{converted}{step}")
        }
    }
}

/// A property named `edges` or `entities` alone would be read as the keyword.
fn shown_items(list: &[Item]) -> String {
    match list {
        [Item { expr: Expr { kind: ExprKind::Path(p), .. }, alias: None }]
            if p.text().eq_ignore_ascii_case("edges") || p.text().eq_ignore_ascii_case("entities") =>
        {
            format!("`{}`", p.text())
        }
        _ => items(list),
    }
}

/// An event named like a unit would be read as the unit.
fn over(steps: &[Step]) -> String {
    match steps {
        [first, rest @ ..] if unit_named(&step(first)).is_some() || starts_with_unit(first) => {
            let mut written = vec![bracketed_step(first)];
            written.extend(rest.iter().map(step));
            written.join(", ")
        }
        _ => list(steps, step),
    }
}

fn starts_with_unit(s: &Step) -> bool {
    step(s).split(' ').next().is_some_and(|word| unit_named(word).is_some())
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "MONDAY",
        Weekday::Sunday => "SUNDAY",
        Weekday::Saturday => "SATURDAY",
    }
}
