//! Statements as parts.

use super::define;
use super::expression::{closed, expr, items, literal};
use super::query::query_parts;
use super::step::step;
use super::{list, name, path, text};
use crate::ast::{
    ExplainRung, InsertSource, InsertTarget, Kind, SetValue, ShowWhat, Statement, StatementKind, SubscribeFrom, SubscribeOn, SubscribeTo,
};

pub(super) fn parts(statement: &Statement) -> Vec<String> {
    match &statement.kind {
        StatementKind::Query(query) => query_parts(query),
        StatementKind::Define(definition) => define::parts(definition),
        StatementKind::Insert { target, name: into, columns, source } => {
            let columns = if columns.is_empty() { String::new() } else { format!(" ({})", list(columns, name)) };
            let mut parts = vec![format!("INSERT INTO {} {}{columns}", insert_target(*target), name(into))];
            parts.extend(insert_source(source));
            parts
        }
        StatementKind::Drop { kind: what, if_exists, path: p } => {
            vec![format!("DROP {} {}{}", kind(*what), if *if_exists { "IF EXISTS " } else { "" }, path(p))]
        }
        StatementKind::Refresh { kind: what, name: n } => vec![format!("REFRESH {} {}", kind(*what), name(n))],
        StatementKind::Show { what, like } => {
            vec![format!("SHOW {}{}", show_what(what), like.as_ref().map_or_else(String::new, |l| format!(" LIKE {}", text(l))))]
        }
        StatementKind::Describe { kind: what, path: p } => {
            vec![format!("DESCRIBE {}{}", what.map_or_else(String::new, |k| format!("{} ", kind(k))), path(p))]
        }
        StatementKind::Subscribe { to, on, with, from } => subscribe(to, on, with, from.as_ref()),
        StatementKind::Set { name: n, value } => vec![format!("SET {} = {}", name(n), set_value(value))],
        StatementKind::Explain { rung: which, statement } => explained(*which, parts(statement)),
    }
}

fn explained(which: ExplainRung, mut parts: Vec<String>) -> Vec<String> {
    if let Some(first) = parts.first_mut() {
        *first = format!("EXPLAIN{} {first}", rung(which));
    }
    parts
}

fn rung(rung: ExplainRung) -> &'static str {
    match rung {
        ExplainRung::Logical => "",
        ExplainRung::Syntax => " SYNTAX",
        ExplainRung::Bound => " BOUND",
        ExplainRung::Physical => " PHYSICAL",
        ExplainRung::Analyze => " ANALYZE",
    }
}

fn insert_target(target: InsertTarget) -> &'static str {
    match target {
        InsertTarget::Segment => "SEGMENT",
        InsertTarget::Tag => "TAG",
        InsertTarget::Entity => "ENTITY",
        InsertTarget::Event => "EVENT",
    }
}

fn insert_source(source: &InsertSource) -> Vec<String> {
    match source {
        InsertSource::Values(rows) => vec![format!("VALUES {}", list(rows, |row| format!("({})", list(row, closed))))],
        InsertSource::Query(query) => query_parts(query),
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Entity => "ENTITY",
        Kind::Event => "EVENT",
        Kind::Property => "PROPERTY",
        Kind::Relation => "RELATION",
        Kind::Metric => "METRIC",
        Kind::Session => "SESSION",
        Kind::Tag => "TAG",
        Kind::Segment => "SEGMENT",
    }
}

fn show_what(what: &ShowWhat) -> String {
    match what {
        ShowWhat::Entities => "ENTITIES".to_owned(),
        ShowWhat::Events => "EVENTS".to_owned(),
        ShowWhat::Relations => "RELATIONS".to_owned(),
        ShowWhat::Properties(of) => format!("PROPERTIES OF {}", name(of)),
        ShowWhat::Segments => "SEGMENTS".to_owned(),
        ShowWhat::Sessions => "SESSIONS".to_owned(),
        ShowWhat::Tags => "TAGS".to_owned(),
        ShowWhat::Metrics => "METRICS".to_owned(),
        ShowWhat::Subscriptions => "SUBSCRIPTIONS".to_owned(),
        ShowWhat::Functions => "FUNCTIONS".to_owned(),
    }
}

fn subscribe(to: &SubscribeTo, on: &[SubscribeOn], with: &[crate::ast::Item], from: Option<&SubscribeFrom>) -> Vec<String> {
    let mut parts = vec![match to {
        SubscribeTo::Segment(n) => format!("SUBSCRIBE TO SEGMENT {}", name(n)),
        SubscribeTo::Tag(n) => format!("SUBSCRIBE TO TAG {}", name(n)),
        SubscribeTo::Event(s) => format!("SUBSCRIBE TO EVENT {}", step(s)),
    }];
    if !on.is_empty() {
        parts.push(format!("ON {}", list(on, |o| subscribe_on(*o).to_owned())));
    }
    if !with.is_empty() {
        parts.push(format!("WITH ({})", items(with)));
    }
    parts.extend(from.map(|from| match from {
        SubscribeFrom::Now => "FROM NOW".to_owned(),
        SubscribeFrom::Snapshot => "FROM SNAPSHOT".to_owned(),
        SubscribeFrom::Cursor(cursor) => format!("FROM CURSOR {}", expr(cursor)),
    }));
    parts
}

fn subscribe_on(on: SubscribeOn) -> &'static str {
    match on {
        SubscribeOn::Enter => "ENTER",
        SubscribeOn::Exit => "EXIT",
        SubscribeOn::Change => "CHANGE",
    }
}

fn set_value(value: &SetValue) -> String {
    match value {
        SetValue::Literal(value) => literal(value),
        SetValue::Word(word) => name(word),
    }
}
