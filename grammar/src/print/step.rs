//! Steps, event scopes, DID and segment algebra as text.

use super::expression::{closed, expr};
use super::query::find;
use super::time::{duration, instant, range};
use super::{list, name};
use crate::ast::{Behaviour, CountOp, DidKind, EventRef, EventScope, Instant, OrderMode, Qual, QualKind, SegmentExpr, SetOp, Step, Unit};

pub(super) fn steps(steps: &[Step]) -> String {
    steps.iter().map(step).collect::<Vec<_>>().join(" -> ")
}

pub(super) fn step(step: &Step) -> String {
    format!("{}{}{}", before(step), scope(&step.scope), after(step))
}

/// The step with brackets around its event even where none are needed.
pub(super) fn bracketed_step(step: &Step) -> String {
    format!("{}{}{}", before(step), bracket(&step.scope), after(step))
}

fn before(step: &Step) -> String {
    let mut written = String::new();
    if step.optional {
        written.push_str("OPTIONAL ");
    }
    if step.negated {
        written.push_str("NOT ");
    }
    if let Some(within) = &step.within {
        written.push_str(&format!("WITHIN {} ", duration(within)));
    }
    written
}

fn after(step: &Step) -> String {
    step.alias.as_ref().map_or_else(String::new, |alias| format!(" AS {}", name(alias)))
}

pub(super) fn scope(scope: &EventScope) -> String {
    match scope.events.as_slice() {
        [only] if scope.filter.is_none() && scope.during.is_none() => event(only),
        _ => bracket(scope),
    }
}

pub(super) fn bracket(scope: &EventScope) -> String {
    let mut written = format!("[{}", scope.events.iter().map(event).collect::<Vec<_>>().join(" OR "));
    if let Some(filter) = &scope.filter {
        // Brackets only where DURING would be swallowed: each level of them counts against the bound on nesting.
        let filter = if scope.during.is_some() { closed(filter) } else { expr(filter) };
        written.push_str(&format!(" WHERE {filter}"));
    }
    if let Some(during) = &scope.during {
        written.push_str(&format!(" DURING {}", range(during)));
    }
    written + "]"
}

fn event(event: &EventRef) -> String {
    match event {
        EventRef::Any(_) => "ANY EVENT".to_owned(),
        EventRef::Named(ident) => name(ident),
    }
}

pub(super) fn behaviour(behaviour: &Behaviour) -> String {
    let word = match behaviour.kind {
        DidKind::Did => "DID",
        DidKind::Never => "NEVER DID",
        DidKind::First => "FIRST DID",
    };
    let quals: String = behaviour.quals.iter().map(|q| format!(" {}", qual(q))).collect();
    format!("{word} {}{quals}", steps(&behaviour.steps))
}

fn qual(qual: &Qual) -> String {
    match &qual.kind {
        QualKind::Times(CountOp::Exactly, 1) => "ONCE".to_owned(),
        QualKind::Times(CountOp::Exactly, 2) => "TWICE".to_owned(),
        QualKind::Times(op, n) => format!("{} {n} TIMES", count_op(*op)),
        QualKind::TimesBetween(low, high) => format!("BETWEEN {low} AND {high} TIMES"),
        QualKind::OnPeriods(op, n, unit) => format!("ON {} {n} {}", count_op(*op), periods(*unit)),
        QualKind::During(r) => format!("DURING {}", range(r)),
        QualKind::Within(d) => format!("WITHIN {}", duration(d)),
        QualKind::Mode(m) => mode(*m).to_owned(),
        QualKind::Holding(keys) => format!("HOLDING {}", list(keys, closed)),
        QualKind::BySession(session) => format!("BY SESSION {}", name(session)),
        QualKind::Ties(forbidden) => ties(*forbidden).to_owned(),
    }
}

fn count_op(op: CountOp) -> &'static str {
    match op {
        CountOp::AtLeast => "AT LEAST",
        CountOp::AtMost => "AT MOST",
        CountOp::Exactly => "EXACTLY",
        CountOp::MoreThan => "MORE THAN",
        CountOp::FewerThan => "FEWER THAN",
    }
}

fn periods(unit: Unit) -> &'static str {
    match unit {
        Unit::Day => "DAYS",
        Unit::Week => "WEEKS",
        _ => "MONTHS",
    }
}

pub(super) fn mode(mode: OrderMode) -> &'static str {
    match mode {
        OrderMode::InOrder => "IN ORDER",
        OrderMode::AnyOrder => "IN ANY ORDER",
        OrderMode::Strict => "IN STRICT ORDER",
    }
}

pub(super) fn ties(forbidden: bool) -> &'static str {
    if forbidden { "TIES FORBIDDEN" } else { "TIES ALLOWED" }
}

pub(super) fn segment(expr: &SegmentExpr) -> String {
    segment_at(expr, 1)
}

/// Brackets around what binds less tightly than `least`.
fn segment_at(expr: &SegmentExpr, least: u8) -> String {
    match expr {
        SegmentExpr::Named(segment, at) => format!("{}{}", segment_name(segment), as_of(at.as_ref())),
        SegmentExpr::Find(query, at) => format!("({}){}", find(query, false).join(" "), as_of(at.as_ref())),
        SegmentExpr::AsOf(inner, at) => format!("({}){}", segment(inner), as_of(Some(at))),
        SegmentExpr::Set(op, left, right) => {
            let tightness = if *op == SetOp::Intersect { 2 } else { 1 };
            let written = format!("{} {} {}", segment_at(left, tightness), set_op(*op), segment_at(right, tightness + 1));
            if tightness < least { format!("({written})") } else { written }
        }
    }
}

/// A segment named like a query's head would be read as one after a set operator.
fn segment_name(ident: &crate::ast::Ident) -> String {
    if crate::word::among(&ident.name, &crate::word::QUERY_HEADS) { format!("`{}`", ident.name) } else { name(ident) }
}

fn as_of(at: Option<&Instant>) -> String {
    at.map_or_else(String::new, |at| format!(" AS OF {}", instant(at)))
}

pub(super) fn set_op(op: SetOp) -> &'static str {
    match op {
        SetOp::Union => "UNION",
        SetOp::UnionAll => "UNION ALL",
        SetOp::Intersect => "INTERSECT",
        SetOp::Except => "EXCEPT",
    }
}
