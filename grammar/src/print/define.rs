//! Definitions as parts.

use super::clause::clauses;
use super::expression::{case, expr, literal, type_name};
use super::layout::{WIDTH, bracketed};
use super::query::{analysis, select};
use super::step::{scope, segment};
use super::time::{duration, every};
use super::{list, name, path, text};
use crate::ast::{Column, ColumnOption, DefOption, Define, Definition, Expr, ExprKind, Ident, SegmentMode, SetDefinition};
use crate::word::{QUERY_HEADS, among};

pub(super) fn parts(define: &Define) -> Vec<String> {
    let word = if define.replace { "DEFINE OR REPLACE" } else { "DEFINE" };
    let mut parts = definition(word, &define.what);
    parts.extend(define.options.iter().map(option));
    parts
}

fn definition(word: &str, what: &Definition) -> Vec<String> {
    match what {
        Definition::Entity { name: entity, key, columns, identities } => entity_parts(word, entity, key, columns, identities),
        Definition::Event { name: event, participants, columns } => {
            let head = format!("{word} EVENT {} OF {}", name(event), list(participants, participant));
            vec![bracketed(&head, &columns.iter().map(column).collect::<Vec<_>>())]
        }
        Definition::VirtualEvent { name: event, alternatives } => {
            let alternatives = alternatives.iter().map(scope).collect::<Vec<_>>().join(" OR ");
            vec![format!("{word} EVENT {} AS {alternatives}", name(event))]
        }
        Definition::Property { path: p, expr: e } => with_body(format!("{word} PROPERTY {} AS", path(p)), e),
        Definition::Relation { path: p, many, target, on } => {
            let count = if *many { "MANY" } else { "ONE" };
            vec![format!("{word} RELATION {} TO {count} {}", path(p), name(target)), format!("ON {}", expr(on))]
        }
        Definition::Metric { name: metric, expr: e } => with_body(format!("{word} METRIC {} AS", name(metric)), e),
        Definition::Session { name: session, clauses: list } => {
            let mut parts = vec![format!("{word} SESSION {}", name(session))];
            parts.extend(clauses(list, false));
            parts
        }
        Definition::Tag { name: tag, entity, type_name: of, definition } => {
            let of = of.as_ref().map_or_else(String::new, |t| format!(" TYPE {}", type_name(t)));
            set_parts(format!("{word} TAG {} OF {}{of}", name(tag), name(entity)), definition)
        }
        Definition::Segment { name: segment, mode, entity, definition } => {
            set_parts(format!("{word} {}SEGMENT {} OF {}", segment_mode(*mode), name(segment), name(entity)), definition)
        }
    }
}

fn segment_mode(mode: Option<SegmentMode>) -> &'static str {
    match mode {
        None => "",
        Some(SegmentMode::Static) => "STATIC ",
        Some(SegmentMode::Dynamic) => "DYNAMIC ",
        Some(SegmentMode::Streaming) => "STREAMING ",
    }
}

fn entity_parts(word: &str, entity: &Ident, key: &[Column], columns: &[Column], identities: &[Column]) -> Vec<String> {
    let key = match key {
        [only] => column(only),
        several => format!("({})", list(several, column)),
    };
    let head = format!("{word} ENTITY {} KEY {key}", name(entity));
    let mut parts = vec![bracketed(&head, &columns.iter().map(column).collect::<Vec<_>>())];
    if !identities.is_empty() {
        parts.push(bracketed("IDENTITIES", &identities.iter().map(column).collect::<Vec<_>>()));
    }
    parts
}

fn participant((entity, role): &(Ident, Option<Ident>)) -> String {
    role.as_ref().map_or_else(|| name(entity), |role| format!("{} AS {}", name(entity), name(role)))
}

fn column(column: &Column) -> String {
    let options: String = column.options.iter().map(|o| format!(" {}", column_option(o))).collect();
    format!("{} {}{options}", name(&column.name), type_name(&column.type_name))
}

fn column_option(option: &ColumnOption) -> String {
    match option {
        ColumnOption::History => "HISTORY".to_owned(),
        ColumnOption::Unique => "UNIQUE".to_owned(),
        ColumnOption::Many => "MANY".to_owned(),
        ColumnOption::Sensitive => "SENSITIVE".to_owned(),
        ColumnOption::NotNull => "NOT NULL".to_owned(),
        ColumnOption::Default(value) => format!("DEFAULT {}", literal(value)),
        ColumnOption::Comment(words) => format!("COMMENT {}", text(words)),
    }
}

fn set_parts(head: String, definition: &SetDefinition) -> Vec<String> {
    let body = match definition {
        SetDefinition::Imported => return vec![format!("{head} IMPORTED")],
        SetDefinition::Expr(e) => return with_body(format!("{head} AS"), e),
        SetDefinition::Analysis(a) => analysis(a, false),
        SetDefinition::Select(s) => select(s, false),
        SetDefinition::Segment(s) => vec![format!("SEGMENT {}", segment(s))],
    };
    let mut parts = vec![format!("{head} AS")];
    parts.extend(body);
    parts
}

/// A head and the expression it names; a long CASE has one line for each WHEN.
fn with_body(head: String, body: &Expr) -> Vec<String> {
    let line = expr(body);
    let first = line.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    if among(first, &QUERY_HEADS) {
        return vec![head, format!("({line})")];
    }
    match &body.kind {
        ExprKind::Case { operand, whens, otherwise } if line.chars().count() > WIDTH - WIDTH / 5 => {
            let mut lines = case(operand.as_deref(), whens, otherwise.as_deref());
            let end = lines.pop().unwrap_or_default();
            vec![head, lines.join("\n  "), end]
        }
        _ => vec![head, line],
    }
}

fn option(option: &DefOption) -> String {
    match option {
        DefOption::RefreshEvery(length, at) => {
            format!("REFRESH EVERY {}{}", every(length), at.as_ref().map_or_else(String::new, |at| format!(" AT {}", text(at))))
        }
        DefOption::Keep(length) => format!("KEEP {}", duration(length)),
        DefOption::Grace(length) => format!("GRACE {}", duration(length)),
        DefOption::Hidden => "HIDDEN".to_owned(),
        DefOption::ClusterBy(by) => format!("CLUSTER BY {}", list(by, name)),
        DefOption::Comment(words) => format!("COMMENT {}", text(words)),
    }
}
