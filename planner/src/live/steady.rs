//! What keeps its value while time passes.

use eql_compiler::bound::{Expr, ExprKind, TimeRange};
use eql_grammar::ast::{Instant, RangeKind};

/// Whether an expression has the same value on the same row for ever: it asks neither for the clock nor for rows of its own.
pub fn is_steady(expr: &Expr) -> bool {
    let mut steady = true;
    expr.visit(&mut |e| {
        steady &= match &e.kind {
            ExprKind::Now(_) | ExprKind::Scalar(_) | ExprKind::Exists(_) | ExprKind::InQuery(..) | ExprKind::Invalid => false,
            ExprKind::InRange(_, range) => is_fixed(range),
            ExprKind::Call(_, _, Some(clock)) => clock.as_of.is_none(),
            _ => true,
        }
    });
    steady
}

/// Whether a range lies still: between two instants that are written down.
pub fn is_fixed(range: &TimeRange) -> bool {
    let written = |at: &Instant| matches!(at, Instant::Text(..));
    let fixed = match &range.range.kind {
        RangeKind::FromTo(a, b) => written(a) && written(b),
        RangeKind::Before(a) => written(a),
        _ => false,
    };
    fixed && range.before.is_none() && range.clock.as_of.is_none()
}
