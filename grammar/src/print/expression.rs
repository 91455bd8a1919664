//! Expressions as text, with brackets where the tree needs them.

use super::query::query_line;
use super::step::{behaviour, bracket, segment};
use super::time::{duration, instant, param, range, typed};
use super::{list, name, path, text};
use crate::ast::{
    Arg, BinaryOp, Call, Expr, ExprKind, FrameBound, InList, IsWhat, Item, Literal, MatchOp, OrderItem, Over, Scope, TypeName,
};

/// How tightly an expression binds.
mod level {
    pub(super) const ANY: u8 = 1;
    pub(super) const AND: u8 = 2;
    pub(super) const NOT: u8 = 3;
    pub(super) const PREDICATE: u8 = 4;
    pub(super) const SUM: u8 = 5;
    pub(super) const PRODUCT: u8 = 6;
    pub(super) const NEGATE: u8 = 7;
    pub(super) const CAST: u8 = 8;
    pub(super) const PRIMARY: u8 = 9;
}

fn level_of(kind: &ExprKind) -> u8 {
    match kind {
        ExprKind::Or(_) => level::ANY,
        ExprKind::And(_) => level::AND,
        ExprKind::Not(_) | ExprKind::Behaviour(_) => level::NOT,
        ExprKind::Is { .. } | ExprKind::InSegment { .. } | ExprKind::In { .. } | ExprKind::Between { .. } | ExprKind::Match { .. } => {
            level::PREDICATE
        }
        ExprKind::Binary(op, ..) => binary_level(*op),
        ExprKind::Negate(_) => level::NEGATE,
        ExprKind::Cast(..) => level::CAST,
        _ => level::PRIMARY,
    }
}

fn binary_level(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Concat => level::SUM,
        BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Modulo => level::PRODUCT,
        _ => level::PREDICATE,
    }
}

/// An expression where nothing can follow that it would swallow.
pub(super) fn expr(expr: &Expr) -> String {
    at(expr, level::ANY)
}

/// An expression with brackets round its last operand where that is open to the right: brackets round all of it would make a call of the
/// word before them.
pub(super) fn closed(e: &Expr) -> String {
    closed_at(e, level::ANY)
}

fn closed_at(e: &Expr, least: u8) -> String {
    // Brackets that its place asks for close it too.
    if level_of(&e.kind) < least || !(ends_in_behaviour(e) || ends_in_segment(e)) {
        return at(e, least);
    }
    let last_closed = |terms: &[Expr], between: &str, least: u8| {
        let last = terms.len().saturating_sub(1);
        let one = |(i, term)| if i == last { closed_at(term, least) } else { at(term, least) };
        terms.iter().enumerate().map(one).collect::<Vec<_>>().join(between)
    };
    match &e.kind {
        ExprKind::Not(inner) => format!("NOT {}", closed_at(inner, level::NOT)),
        ExprKind::And(terms) => last_closed(terms, " AND ", level::NOT),
        ExprKind::Or(terms) => last_closed(terms, " OR ", level::AND),
        _ => format!("({})", plain(e)),
    }
}

/// True if a qualifier of DID after the expression would become part of it.
pub(super) fn ends_in_behaviour(expr: &Expr) -> bool {
    ends_in(expr, |kind| matches!(kind, ExprKind::Behaviour(_)))
}

/// True if AS OF or a set operator after the expression would become part of it.
pub(super) fn ends_in_segment(expr: &Expr) -> bool {
    ends_in(expr, |kind| matches!(kind, ExprKind::InSegment { .. }))
}

fn ends_in(expr: &Expr, what: fn(&ExprKind) -> bool) -> bool {
    match &expr.kind {
        ExprKind::Not(inner) => ends_in(inner, what),
        ExprKind::And(terms) | ExprKind::Or(terms) => terms.last().is_some_and(|last| ends_in(last, what)),
        kind => what(kind),
    }
}

/// An expression in brackets if it binds less tightly than `least`.
fn at(e: &Expr, least: u8) -> String {
    let written = plain(e);
    if level_of(&e.kind) < least { format!("({written})") } else { written }
}

fn plain(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Literal(value) => literal(value),
        ExprKind::Param(p) => param(p),
        ExprKind::Path(p) => path(p),
        ExprKind::Duration(d) => duration(d),
        ExprKind::Call(c) => call(c),
        ExprKind::Binary(op, left, right) => binary(*op, left, right),
        ExprKind::Negate(inner) => format!("-{}", at(inner, level::CAST)),
        ExprKind::And(terms) => joined(terms, " AND ", level::NOT),
        ExprKind::Or(terms) => joined(terms, " OR ", level::AND),
        ExprKind::Not(inner) => format!("NOT {}", at(inner, level::NOT)),
        ExprKind::Is { expr, negated, what } => format!("{} IS {}{}", value(expr), not(*negated), is_what(*what)),
        ExprKind::InSegment { expr, negated, segment: set } => format!("{} {}IN SEGMENT {}", value(expr), not(*negated), segment(set)),
        ExprKind::In { expr, negated, list } => format!("{} {}IN {}", value(expr), not(*negated), in_list(list)),
        ExprKind::Between { expr, negated, low, high } => {
            format!("{} {}BETWEEN {} AND {}", value(expr), not(*negated), value(low), value(high))
        }
        ExprKind::Match { expr, negated, op, pattern } => format!("{} {}{} {}", value(expr), not(*negated), match_op(*op), value(pattern)),
        ExprKind::Case { operand, whens, otherwise } => case(operand.as_deref(), whens, otherwise.as_deref()).join(" "),
        ExprKind::Cast(inner, to) => format!("{}::{}", at(inner, level::CAST), type_name(to)),
        ExprKind::Subquery(query) => format!("({})", query_line(query)),
        ExprKind::Exists(query) => format!("EXISTS ({})", query_line(query)),
        ExprKind::Tuple(members) => format!("({})", list(members, closed)),
        ExprKind::Behaviour(b) => behaviour(b),
    }
}

/// An operand of a predicate.
fn value(e: &Expr) -> String {
    at(e, level::SUM)
}

fn joined(terms: &[Expr], word: &str, least: u8) -> String {
    terms.iter().map(|t| at(t, least)).collect::<Vec<_>>().join(word)
}

fn not(negated: bool) -> &'static str {
    if negated { "NOT " } else { "" }
}

fn binary(op: BinaryOp, left: &Expr, right: &Expr) -> String {
    let level = binary_level(op);
    // Comparisons are chained by nobody on purpose: both sides are values.
    let least_left = if level == level::PREDICATE { level::SUM } else { level };
    format!("{} {} {}", at(left, least_left), sign(op), at(right, level + 1))
}

fn sign(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Subtract => "-",
        BinaryOp::Multiply => "*",
        BinaryOp::Divide => "/",
        BinaryOp::Modulo => "%",
        BinaryOp::Concat => "||",
        BinaryOp::Equal => "=",
        BinaryOp::NotEqual => "!=",
        BinaryOp::Less => "<",
        BinaryOp::LessOrEqual => "<=",
        BinaryOp::Greater => ">",
        BinaryOp::GreaterOrEqual => ">=",
    }
}

fn is_what(what: IsWhat) -> &'static str {
    match what {
        IsWhat::Null => "NULL",
        IsWhat::Set => "SET",
        IsWhat::True => "TRUE",
        IsWhat::False => "FALSE",
    }
}

fn match_op(op: MatchOp) -> &'static str {
    match op {
        MatchOp::Like => "LIKE",
        MatchOp::ILike => "ILIKE",
        MatchOp::Matches => "MATCHES",
        MatchOp::Contains => "CONTAINS",
        MatchOp::Has => "HAS",
        MatchOp::HasAny => "HAS ANY",
        MatchOp::HasAll => "HAS ALL",
        MatchOp::StartsWith => "STARTS WITH",
        MatchOp::EndsWith => "ENDS WITH",
    }
}

fn in_list(values: &InList) -> String {
    match values {
        InList::Values(values) => format!("({})", list(values, closed)),
        InList::Query(query) => format!("({})", query_line(query)),
        InList::Param(p) => param(p),
    }
}

/// CASE as lines: head, one WHEN each, ELSE, END.
pub(super) fn case(operand: Option<&Expr>, whens: &[(Expr, Expr)], otherwise: Option<&Expr>) -> Vec<String> {
    let mut lines = vec![operand.map_or_else(|| "CASE".to_owned(), |o| format!("CASE {}", expr(o)))];
    lines.extend(whens.iter().map(|(when, then)| format!("WHEN {} THEN {}", expr(when), expr(then))));
    lines.extend(otherwise.map(|e| format!("ELSE {}", expr(e))));
    lines.push("END".to_owned());
    lines
}

pub(super) fn literal(value: &Literal) -> String {
    match value {
        Literal::Number(digits) => digits.clone(),
        Literal::Text(value) => text(value),
        Literal::Typed(kind, value) => typed(*kind, value),
        Literal::Bool(true) => "TRUE".to_owned(),
        Literal::Bool(false) => "FALSE".to_owned(),
        Literal::Null => "NULL".to_owned(),
    }
}

pub(crate) fn type_name(of: &TypeName) -> String {
    match (&of.element, of.args.as_slice()) {
        (Some(element), _) => format!("LIST<{}>", type_name(element)),
        (None, []) => of.name.clone(),
        (None, args) => format!("{}({})", of.name, list(args, u64::to_string)),
    }
}

fn call(call: &Call) -> String {
    let distinct = if call.distinct { "DISTINCT " } else { "" };
    let last = call.scopes.len().saturating_sub(1);
    let scopes: String = call.scopes.iter().enumerate().map(|(i, s)| format!(" {}", scope(s, i == last))).collect();
    let inside = match call.args.as_slice() {
        [Arg::Expr(only)] if call.scopes.is_empty() => format!("{distinct}{}", expr(only)),
        args => format!("{distinct}{}{scopes}", list(args, arg)),
    };
    format!("{}({}){}", path(&call.name), inside.trim_start(), call.over.as_ref().map_or_else(String::new, over))
}

fn arg(argument: &Arg) -> String {
    match argument {
        Arg::Star(_) => "*".to_owned(),
        Arg::AnyEvent(_) => "ANY EVENT".to_owned(),
        Arg::Event(scope) => bracket(scope),
        Arg::Named(ident, inner) => format!("{} => {}", name(ident), arg(inner)),
        Arg::Expr(e) => closed(e),
    }
}

fn scope(scope: &Scope, last: bool) -> String {
    let inner = |e: &Expr| if last { expr(e) } else { closed(e) };
    match scope {
        Scope::Where(e) => format!("WHERE {}", inner(e)),
        Scope::During(r) => format!("DURING {}", range(r)),
        Scope::By(e) => format!("BY {}", inner(e)),
        Scope::OrderBy(keys) => format!("ORDER BY {}", order_items(keys)),
        Scope::AsOf(t) => format!("AS OF {}", instant(t)),
    }
}

fn over(over: &Over) -> String {
    let mut parts = Vec::new();
    if !over.partition_by.is_empty() {
        parts.push(format!("PARTITION BY {}", list(&over.partition_by, closed)));
    }
    if !over.order_by.is_empty() {
        parts.push(format!("ORDER BY {}", order_items(&over.order_by)));
    }
    if let Some(f) = &over.frame {
        parts.push(format!("{} BETWEEN {} AND {}", if f.range { "RANGE" } else { "ROWS" }, frame_bound(f.start), frame_bound(f.end)));
    }
    format!(" OVER ({})", parts.join(" "))
}

fn frame_bound(bound: FrameBound) -> String {
    match bound {
        FrameBound::First => "UNBOUNDED PRECEDING".to_owned(),
        FrameBound::Last => "UNBOUNDED FOLLOWING".to_owned(),
        FrameBound::Rows(0) => "CURRENT ROW".to_owned(),
        FrameBound::Rows(n) if n < 0 => format!("{} PRECEDING", n.unsigned_abs()),
        FrameBound::Rows(n) => format!("{n} FOLLOWING"),
    }
}

pub(super) fn order_items(keys: &[OrderItem]) -> String {
    list(keys, |key| {
        let nulls = match key.nulls_first {
            Some(true) => " NULLS FIRST",
            Some(false) => " NULLS LAST",
            None => "",
        };
        format!("{}{}{nulls}", closed(&key.expr), if key.descending { " DESC" } else { "" })
    })
}

pub(super) fn items(items: &[Item]) -> String {
    list(items, item)
}

pub(super) fn item(item: &Item) -> String {
    match &item.alias {
        None => closed(&item.expr),
        // `DID x AS a` would name the step.
        Some(alias) => format!("{} AS {}", closed(&item.expr), name(alias)),
    }
}
