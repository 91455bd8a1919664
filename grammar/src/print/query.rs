//! Queries as parts: one part a clause, so that a long query can have a line for each.

use super::clause::clauses;
use super::expression::{closed, expr, item, items, order_items};
use super::step::{segment, set_op, step, steps};
use super::time::bound;
use super::{list, name, path};
use crate::ast::{Analysis, Bound, Find, Head, Join, JoinKind, Pipe, PipeKind, Query, QueryBody, Select, SelectItem, Source, SourceKind};

/// A query on one line, as it stands inside brackets.
pub(super) fn query_line(query: &Query) -> String {
    query_parts(query).join(" ")
}

pub(super) fn query_parts(query: &Query) -> Vec<String> {
    let mut parts = Vec::new();
    if !query.with.is_empty() {
        parts.push(format!("WITH {}", list(&query.with, |(ident, q)| format!("{} AS ({})", name(ident), query_line(q)))));
    }
    parts.extend(body(&query.body, false));
    parts.extend(query.pipes.iter().map(pipe));
    parts
}

/// `joined` says that a set operator follows.
fn body(of: &QueryBody, joined: bool) -> Vec<String> {
    match of {
        QueryBody::Select(q) => select(q, joined),
        QueryBody::Find(q) => find(q, joined),
        QueryBody::Analysis(q) => analysis(q, joined),
        QueryBody::Nested(q) => vec![format!("({})", query_line(q))],
        QueryBody::Set(op, left, right) => {
            let mut parts = body(left, true);
            parts.push(set_op(*op).to_owned());
            parts.extend(body(right, joined));
            parts
        }
    }
}

pub(super) fn select(select: &Select, joined: bool) -> Vec<String> {
    let distinct = if select.distinct { "DISTINCT " } else { "" };
    let mut parts = vec![format!("SELECT {distinct}{}", select_items(&select.items))];
    parts.extend(select.from.iter().map(|from| format!("FROM {}", source(from))));
    parts.extend(select.joins.iter().map(join));
    parts.extend(clauses(&select.clauses, joined));
    parts
}

fn select_items(items: &[SelectItem]) -> String {
    list(items, |one| match one {
        SelectItem::Star(_) => "*".to_owned(),
        SelectItem::PathStar(p) => format!("{}.*", path(p)),
        SelectItem::Item(i) => item(i),
    })
}

fn source(source: &Source) -> String {
    let table = match &source.kind {
        SourceKind::Named(p) => path(p),
        SourceKind::AnyEvent => "ANY EVENT".to_owned(),
        SourceKind::Segment(set) => format!("SEGMENT {}", segment(set)),
        SourceKind::Query(q) => format!("({})", query_line(q)),
    };
    source.alias.as_ref().map_or_else(|| table.clone(), |alias| format!("{table} AS {}", name(alias)))
}

fn join(join: &Join) -> String {
    let word = match join.kind {
        JoinKind::Inner => "JOIN",
        JoinKind::Left => "LEFT JOIN",
        JoinKind::Right => "RIGHT JOIN",
        JoinKind::Full => "FULL JOIN",
        JoinKind::Cross => "CROSS JOIN",
    };
    let on = join.on.as_ref().map_or_else(String::new, |on| format!(" ON {}", closed(on)));
    format!("{word} {}{on}", source(&join.source))
}

pub(super) fn find(find: &Find, joined: bool) -> Vec<String> {
    let mut parts = vec![format!("FIND {}", name(&find.entity))];
    parts.extend(clauses(&find.clauses, joined));
    parts
}

pub(super) fn analysis(analysis: &Analysis, joined: bool) -> Vec<String> {
    let arguments = match &analysis.head {
        Head::Trend(measures) | Head::Distribution(measures) => items(measures),
        Head::Funnel(of) | Head::Sequence(of) => steps(of),
        Head::Lifecycle(of) | Head::Stickiness(of) | Head::Rfm(of) => step(of),
        Head::Sessions(session) => name(session),
        _ => String::new(),
    };
    let mut parts = vec![format!("{} {arguments}", analysis.head.keyword()).trim_end().to_owned()];
    parts.extend(clauses(&analysis.clauses, joined));
    parts
}

fn pipe(pipe: &Pipe) -> String {
    match &pipe.kind {
        PipeKind::Where(e) => format!("|> WHERE {}", expr(e)),
        PipeKind::Select(list) => format!("|> SELECT {}", select_items(list)),
        PipeKind::Extend(list) => format!("|> EXTEND {}", items(list)),
        PipeKind::Aggregate(measures, groups) if groups.is_empty() => format!("|> AGGREGATE {}", items(measures)),
        PipeKind::Aggregate(measures, groups) => format!("|> AGGREGATE {} GROUP BY {}", items(measures), items(groups)),
        PipeKind::OrderBy(keys) => format!("|> ORDER BY {}", order_items(keys)),
        PipeKind::Limit(count, offset) => format!("|> {}", limit(count, offset.as_ref())),
    }
}

pub(super) fn limit(count: &Bound, offset: Option<&Bound>) -> String {
    let offset = offset.map_or_else(String::new, |o| format!(" OFFSET {}", bound(o)));
    format!("LIMIT {}{offset}", bound(count))
}
