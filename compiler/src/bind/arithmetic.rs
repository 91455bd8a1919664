//! Arithmetic: the types of results, and constants that cannot be computed (rules 17, 46).

use super::Binder;
use super::scope::Env;
use crate::bound::{Expr, ExprKind};
use crate::code;
use crate::function::common_type;
use eql_catalog::{DataType, Value};
use eql_grammar::Diagnostic;
use eql_grammar::ast::{self, BinaryOp};

/// The least BIGINT without its sign.
const LEAST: i128 = i64::MAX as i128 + 1;

impl Binder<'_> {
    pub(super) fn negate(&mut self, a: &ast::Expr, env: &mut Env) -> Expr {
        let inner = self.expr(a, env);
        match inner.kind {
            ExprKind::Literal(Value::Int(i)) if i != i64::MIN => Expr::literal(Value::Int(-i)),
            // The least BIGINT is a number too large with a sign before it.
            ExprKind::Literal(Value::Decimal(LEAST, 0)) => Expr::literal(Value::Int(i64::MIN)),
            ExprKind::Literal(Value::Double(d)) => Expr::literal(Value::Double(-d)),
            ExprKind::Literal(Value::Decimal(v, s)) => Expr { data_type: inner.data_type, kind: ExprKind::Literal(Value::Decimal(-v, s)) },
            ExprKind::Invalid => inner,
            _ if inner.data_type.is_numeric() => Expr { data_type: inner.data_type.clone(), kind: ExprKind::Negate(Box::new(inner)) },
            _ => self.error(code::TYPE, a.span, format!("`-` needs a number, this is {}", inner.data_type)),
        }
    }

    pub(super) fn arithmetic(
        &mut self,
        op: BinaryOp,
        (x, left): (Expr, &ast::Expr),
        (y, right): (Expr, &ast::Expr),
        span: ast::Span,
    ) -> Expr {
        let data_type = match (op, &x.data_type, &y.data_type) {
            (BinaryOp::Subtract, a, b) if a.is_temporal() && b.is_temporal() => {
                // Between two dates all days have 24 hours; beside a time a date is its first moment in the zone.
                let (x, y) = if a == b { (x, y) } else { (self.cast_to(x, &DataType::Timestamp), self.cast_to(y, &DataType::Timestamp)) };
                return Expr { kind: ExprKind::Arithmetic(op, Box::new(x), Box::new(y)), data_type: DataType::Double };
            }
            (_, a, b) if (a.is_numeric() || x.is_null()) && (b.is_numeric() || y.is_null()) => match op {
                BinaryOp::Divide => DataType::Double,
                _ if x.is_null() => b.clone(),
                _ if y.is_null() => a.clone(),
                _ if places(op, a, b) > 38 => {
                    let hint = "CAST one of them to fewer places, or to DOUBLE";
                    return self.error_hint(code::VALUE, span, format!("the product of {a} and {b} has more than 38 places"), hint);
                }
                _ => arithmetic_type(op, a, b),
            },
            _ => return self.no_arithmetic(op, (&x, left), (&y, right), span),
        };
        if let (ExprKind::Literal(Value::Int(a)), ExprKind::Literal(Value::Int(b))) = (&x.kind, &y.kind)
            && whole(op, *a, *b).is_none()
        {
            let hint = "CAST one of them to DECIMAL(38, 0) or DOUBLE";
            let sign = match op {
                BinaryOp::Add => "+",
                BinaryOp::Subtract => "-",
                _ => "*",
            };
            return self.error_hint(code::VALUE, span, format!("`{a} {sign} {b}` is too large for BIGINT"), hint);
        }
        if matches!(op, BinaryOp::Divide | BinaryOp::Modulo) {
            self.divisor(&y, right.span);
        }
        Expr { kind: ExprKind::Arithmetic(op, Box::new(x), Box::new(y)), data_type }
    }

    /// Warns of a constant that nothing can be divided by (rule 17).
    pub(super) fn divisor(&mut self, divisor: &Expr, span: ast::Span) {
        let zero = match &divisor.kind {
            ExprKind::Literal(Value::Int(i)) => *i == 0,
            ExprKind::Literal(Value::Double(d)) => *d == 0.0,
            ExprKind::Literal(Value::Decimal(v, _)) => *v == 0,
            _ => false,
        };
        let found = Diagnostic::warning(code::DIVISION, self.text, self.place(span), "a division by zero is always NULL");
        // Some expressions are bound more than once.
        if zero && !self.diagnostics.iter().any(|d| d.code == found.code && d.span == found.span) {
            self.report(found);
        }
    }
}

/// Of two whole numbers; None when it does not fit. A division gives a DOUBLE.
fn whole(op: BinaryOp, a: i64, b: i64) -> Option<i64> {
    match op {
        BinaryOp::Add => a.checked_add(b),
        BinaryOp::Subtract => a.checked_sub(b),
        BinaryOp::Multiply => a.checked_mul(b),
        _ => Some(0),
    }
}

/// Places behind the point of a product.
fn places(op: BinaryOp, a: &DataType, b: &DataType) -> i16 {
    match (op, a, b) {
        (BinaryOp::Multiply, DataType::Decimal(_, s), DataType::Decimal(_, t)) => i16::from(*s) + i16::from(*t),
        _ => 0,
    }
}

fn arithmetic_type(op: BinaryOp, a: &DataType, b: &DataType) -> DataType {
    match (op, a, b) {
        (BinaryOp::Multiply, DataType::Decimal(p, s), DataType::Decimal(q, t)) => DataType::Decimal((p + q + 1).min(38), s + t),
        (BinaryOp::Multiply, DataType::Decimal(p, s), DataType::Int) | (BinaryOp::Multiply, DataType::Int, DataType::Decimal(p, s)) => {
            DataType::Decimal((p + 20).min(38), *s)
        }
        _ => match common_type(a, b) {
            Some(DataType::Decimal(p, s)) => DataType::Decimal((p + 1).min(38), s),
            Some(t) => t,
            None => DataType::Double,
        },
    }
}
