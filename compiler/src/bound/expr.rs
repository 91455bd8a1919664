//! Typed expressions over the columns of a relation.

use super::{Clock, ColumnId, Query, ScanColumn, TimeRange};
use eql_catalog::{DataType, Value};
use eql_grammar::ast::{self, BinaryOp, MatchOp, Unit};

/// A typed expression over the columns of one relation.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it computes.
    pub kind: ExprKind,
    /// Of which type. A NULL literal and an expression with an error have type STRING.
    pub data_type: DataType,
}

/// The forms of a bound expression. Predicates (Compare, In, Like …) are two-valued: a missing operand makes them FALSE.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A constant.
    Literal(Value),
    /// A column of the input.
    Column(ColumnId),
    /// `now()` of the statement, or the AS OF instant.
    Now(Option<ast::Instant>),
    /// Arithmetic and `||`.
    Arithmetic(BinaryOp, Box<Expr>, Box<Expr>),
    /// `-a`.
    Negate(Box<Expr>),
    /// `t + 30 days`.
    Shift {
        /// From when.
        time: Box<Expr>,
        /// How many units; negative goes back.
        count: i64,
        /// The unit.
        unit: Unit,
        /// By the calendar of the zone, not by fixed lengths.
        calendar: bool,
        /// The zone.
        clock: Clock,
    },
    /// Comparison.
    Compare(BinaryOp, Box<Expr>, Box<Expr>),
    /// All true.
    And(Vec<Expr>),
    /// One true.
    Or(Vec<Expr>),
    /// Opposite.
    Not(Box<Expr>),
    /// `IS NULL`.
    IsNull(Box<Expr>),
    /// `IS SET`: not missing and not ''.
    IsSet(Box<Expr>),
    /// `IN (…)` over constants and expressions.
    In(Box<Expr>, Vec<Expr>),
    /// `IN (query)`.
    InQuery(Box<Expr>, Box<Query>),
    /// LIKE and its relatives.
    Match(MatchOp, Box<Expr>, Box<Expr>),
    /// `CASE WHEN … THEN … ELSE … END`.
    Case(Vec<(Expr, Expr)>, Option<Box<Expr>>),
    /// `CAST`.
    Cast(Box<Expr>),
    /// A scalar function by its canonical name, with the clock for functions of time.
    Call(&'static str, Vec<Expr>, Option<Clock>),
    /// `start ≤ t < end` of a range.
    InRange(Box<Expr>, Box<TimeRange>),
    /// A query of one row and one column.
    Scalar(Box<Query>),
    /// `EXISTS (query)`.
    Exists(Box<Query>),
    /// Names that mean nothing; a diagnostic has been reported, no plan is made.
    Invalid,
}

/// An expression with the columns it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct RowExpr {
    /// Columns of the row.
    pub columns: Vec<ScanColumn>,
    /// The value.
    pub expr: Expr,
}

/// A key of a sort.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// By what.
    pub expr: Expr,
    /// Greatest first.
    pub descending: bool,
    /// NULLs first; last by default both ways.
    pub nulls_first: bool,
}

/// A window function: an aggregate or a ranking over a partition.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowCall {
    /// Canonical name: an aggregate's (`sum`) or a ranking's (`row_number`, `lag` …).
    pub function: &'static str,
    /// Arguments.
    pub args: Vec<Expr>,
    /// `PARTITION BY`.
    pub partition_by: Vec<Expr>,
    /// `ORDER BY`.
    pub order_by: Vec<SortKey>,
    /// `ROWS BETWEEN … AND …`; None is SQL's default.
    pub frame: Option<ast::Frame>,
    /// Of the result.
    pub data_type: DataType,
}

impl RowExpr {
    /// Both conditions. Each has its columns numbered from 1.
    pub fn and(mut self, mut other: RowExpr) -> RowExpr {
        let behind = self.columns.iter().map(|c| c.id.0).max().unwrap_or(0);
        let numbers: Vec<(ColumnId, ColumnId)> = other.columns.iter().map(|c| (c.id, ColumnId(c.id.0 + behind))).collect();
        other.expr.renumber(&numbers);
        self.columns.extend(other.columns.into_iter().zip(numbers).map(|(c, (_, id))| ScanColumn { id, ..c }));
        RowExpr::canonical(self.columns, Expr::predicate(ExprKind::And(vec![self.expr, other.expr])))
    }

    /// The same with its columns numbered from 1 in their order: two expressions that mean the same are then equal.
    pub fn canonical(columns: Vec<ScanColumn>, expr: Expr) -> RowExpr {
        let numbers: Vec<(ColumnId, ColumnId)> = columns.iter().zip(1..).map(|(c, n)| (c.id, ColumnId(n))).collect();
        let mut expr = expr;
        expr.renumber(&numbers);
        let columns = columns.into_iter().zip(&numbers).map(|(c, (_, id))| ScanColumn { id: *id, ..c }).collect();
        RowExpr { columns, expr }
    }
}

impl Expr {
    /// Gives columns other numbers.
    pub fn renumber(&mut self, numbers: &[(ColumnId, ColumnId)]) {
        if let ExprKind::Column(id) = &mut self.kind
            && let Some((_, to)) = numbers.iter().find(|(from, _)| from == id)
        {
            *id = *to;
        }
        for c in self.children_mut() {
            c.renumber(numbers);
        }
    }
    /// A constant.
    pub fn literal(value: Value) -> Expr {
        let data_type = value.data_type().unwrap_or(DataType::String);
        Expr { kind: ExprKind::Literal(value), data_type }
    }
    /// A column.
    pub fn column(id: ColumnId, data_type: DataType) -> Expr {
        Expr { kind: ExprKind::Column(id), data_type }
    }
    /// A predicate.
    pub fn predicate(kind: ExprKind) -> Expr {
        Expr { kind, data_type: DataType::Bool }
    }
    /// The mark of an error that has been reported.
    pub fn invalid() -> Expr {
        Expr { kind: ExprKind::Invalid, data_type: DataType::String }
    }
    /// True for the NULL literal.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, ExprKind::Literal(Value::Null))
    }
    /// All of `parts`, flattened; None when there are none.
    pub fn all(parts: impl IntoIterator<Item = Expr>) -> Option<Expr> {
        let mut parts: Vec<Expr> = parts.into_iter().collect();
        match parts.len() {
            0 => None,
            1 => parts.pop(),
            _ => Some(Expr::predicate(ExprKind::And(parts))),
        }
    }

    /// The direct parts, for walks.
    pub fn children(&self) -> Vec<&Expr> {
        use ExprKind::*;
        match &self.kind {
            Literal(_) | Column(_) | Now(_) | Scalar(_) | Exists(_) | Invalid => vec![],
            Negate(a) | Not(a) | IsNull(a) | IsSet(a) | Cast(a) | InRange(a, _) | InQuery(a, _) | Shift { time: a, .. } => vec![a],
            Arithmetic(_, a, b) | Compare(_, a, b) | Match(_, a, b) => vec![a, b],
            And(v) | Or(v) | Call(_, v, _) => v.iter().collect(),
            In(a, v) => std::iter::once(a.as_ref()).chain(v).collect(),
            Case(w, e) => w.iter().flat_map(|(a, b)| [a, b]).chain(e.iter().map(AsRef::as_ref)).collect(),
        }
    }

    /// The direct parts, to be changed.
    pub fn children_mut(&mut self) -> Vec<&mut Expr> {
        use ExprKind::*;
        match &mut self.kind {
            Literal(_) | Column(_) | Now(_) | Scalar(_) | Exists(_) | Invalid => vec![],
            Negate(a) | Not(a) | IsNull(a) | IsSet(a) | Cast(a) | InRange(a, _) | InQuery(a, _) | Shift { time: a, .. } => vec![a],
            Arithmetic(_, a, b) | Compare(_, a, b) | Match(_, a, b) => vec![a, b],
            And(v) | Or(v) | Call(_, v, _) => v.iter_mut().collect(),
            In(a, v) => std::iter::once(a.as_mut()).chain(v).collect(),
            Case(w, e) => w.iter_mut().flat_map(|(a, b)| [a, b]).chain(e.iter_mut().map(AsMut::as_mut)).collect(),
        }
    }

    /// Columns that the expression reads, each once, in order of appearance.
    pub fn columns(&self) -> Vec<ColumnId> {
        let mut out = Vec::new();
        self.visit(&mut |e| {
            if let ExprKind::Column(id) = e.kind
                && !out.contains(&id)
            {
                out.push(id);
            }
        });
        out
    }

    /// Calls `f` for the expression and all its parts, the whole before its parts.
    pub fn visit<'a>(&'a self, f: &mut dyn FnMut(&'a Expr)) {
        f(self);
        for c in self.children() {
            c.visit(f);
        }
    }
}
