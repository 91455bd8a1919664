//! Values whose types do not fit: what is said of them, with the type of each side.

use super::Binder;
use crate::bound::{Expr, ExprKind};
use crate::code;
use eql_catalog::{DataType, Value};
use eql_grammar::Diagnostic;
use eql_grammar::ast::{self, BinaryOp, Span};

impl Binder<'_> {
    /// A comparison of two bound sides; their places carry the types when they do not fit.
    pub(super) fn compare_sides(&mut self, op: BinaryOp, (x, a): (Expr, &ast::Expr), (y, b): (Expr, &ast::Expr), span: Span) -> Expr {
        if x.is_null() || y.is_null() {
            return self.null_comparison(op, if y.is_null() { a } else { b }, span);
        }
        if let Some(said) = self.no_date((&x, a), (&y, b)).or_else(|| self.no_date((&y, b), (&x, a))) {
            return said;
        }
        match self.align(x.clone(), y.clone()) {
            Ok((x, y)) => Expr::predicate(ExprKind::Compare(op, Box::new(x), Box::new(y))),
            Err((s, t)) => {
                let d = Diagnostic::error(code::TYPE, self.text, self.place(span), format!("{s} and {t} cannot be compared"));
                self.report_sides(d, (a, &s), (b, &t), comparison_hint((&x, a), (&y, b)))
            }
        }
    }

    fn null_comparison(&mut self, op: BinaryOp, value: &ast::Expr, span: Span) -> Expr {
        let test = if op == BinaryOp::NotEqual { "IS NOT NULL" } else { "IS NULL" };
        let span = self.place(span);
        let d = Diagnostic::error(code::NULL_COMPARISON, self.text, span, "a comparison with NULL is never true")
            .with_hint(format!("write {test}"));
        let written = self.text.get(value.span.start..value.span.end).unwrap_or_default().to_string();
        let equal = matches!(op, BinaryOp::Equal | BinaryOp::NotEqual);
        self.report(if equal { d.with_fix(self.text, span, format!("{written} {test}")) } else { d });
        Expr::predicate(ExprKind::Invalid)
    }

    /// A text beside a date or a time that is none.
    fn no_date(&mut self, (x, _): (&Expr, &ast::Expr), (y, b): (&Expr, &ast::Expr)) -> Option<Expr> {
        let ExprKind::Literal(Value::String(text)) = &y.kind else { return None };
        let stays = matches!(self.constant_as(y.clone(), &x.data_type).kind, ExprKind::Literal(Value::String(_)));
        if !(x.data_type.is_temporal() && stays) {
            return None;
        }
        let (what, hint) = match (&x.data_type, text.to_ascii_lowercase().as_str()) {
            (_, "now" | "today" | "yesterday") => {
                ("", "the statement's instant is `now()`, its day `today()`, the day before `today() - 1 day`")
            }
            (DataType::Date, _) => ("date", "a date is written `'2026-01-31'`"),
            _ => ("time", "a time is written `'2026-01-31 12:00:00'`, or with a zone as in RFC 3339"),
        };
        let message = if what.is_empty() { format!("'{text}' is a word, not a text") } else { format!("'{text}' is no {what}") };
        self.error_hint(code::VALUE, b.span, message, hint);
        Some(Expr::predicate(ExprKind::Invalid))
    }

    /// Arithmetic on what are no numbers.
    pub(super) fn no_arithmetic(&mut self, op: BinaryOp, (x, a): (&Expr, &ast::Expr), (y, b): (&Expr, &ast::Expr), span: Span) -> Expr {
        let (s, t) = (x.data_type.clone(), y.data_type.clone());
        let hint = match (op, &s, &t) {
            (BinaryOp::Add | BinaryOp::Subtract, s, t) if s.is_temporal() && t.is_numeric() => {
                "a length of time has its unit: `time - 7 days`".to_string()
            }
            (BinaryOp::Add, DataType::String, _) | (BinaryOp::Add, _, DataType::String) => "texts are joined with `||`".to_string(),
            _ => "turn a text into a number with `CAST(x AS DOUBLE)`".to_string(),
        };
        let message = format!("arithmetic needs numbers, these are {s} and {t}");
        let d = Diagnostic::error(code::TYPE, self.text, self.place(span), message);
        self.report_sides(d, (a, &s), (b, &t), hint)
    }

    fn report_sides(&mut self, d: Diagnostic, (a, s): (&ast::Expr, &DataType), (b, t): (&ast::Expr, &DataType), hint: String) -> Expr {
        let d = match self.used_at {
            None => d.with_label(self.text, a.span, format!("this is {s}")).with_label(self.text, b.span, format!("this is {t}")),
            Some(_) => d,
        };
        self.report(d.with_hint(hint));
        Expr::predicate(ExprKind::Invalid)
    }
}

/// The type of a constant, as far as it can be seen: which names fit beside it.
pub(super) fn type_of_constant(e: &ast::Expr) -> Option<DataType> {
    match &e.kind {
        ast::ExprKind::Literal(ast::Literal::Number(_)) => Some(DataType::Double),
        ast::ExprKind::Literal(ast::Literal::Text(_)) => Some(DataType::String),
        ast::ExprKind::Literal(ast::Literal::Bool(_)) => Some(DataType::Bool),
        ast::ExprKind::Literal(ast::Literal::Typed(..)) => Some(DataType::Timestamp),
        ast::ExprKind::Negate(inner) => type_of_constant(inner),
        _ => None,
    }
}

fn comparison_hint((x, a): (&Expr, &ast::Expr), (y, b): (&Expr, &ast::Expr)) -> String {
    let joins = |e: &ast::Expr| matches!(&e.kind, ast::ExprKind::Binary(BinaryOp::Concat, ..));
    let literal = |e: &Expr| matches!(e.kind, ExprKind::Literal(_));
    if joins(a) || joins(b) {
        return "`||` joins texts; of two conditions write `OR`".to_string();
    }
    for (x, y, constant) in [(x, y, b), (y, x, a)] {
        let ast::ExprKind::Literal(written) = &constant.kind else { continue };
        match (&x.data_type, written, literal(y)) {
            (DataType::String, ast::Literal::Number(n), true) => {
                return format!("a text is compared with a text: write `'{n}'`, or convert the other side with CAST(… AS DOUBLE)");
            }
            (t, ast::Literal::Text(_), true) if t.is_numeric() => {
                return "a number stands without quotes; a text is converted with CAST(… AS DOUBLE)".to_string();
            }
            (DataType::Bool, _, true) => return "write `IS TRUE` or `IS FALSE`".to_string(),
            (DataType::List(_), _, true) => return "members of a list are tested with `HAS`: `interests HAS 'music'`".to_string(),
            _ => {}
        }
    }
    match (&x.data_type, &y.data_type) {
        (s, t) if s.is_temporal() && t.is_numeric() || s.is_numeric() && t.is_temporal() => {
            "a time is a text in single quotes: `'2026-01-31'`; a number of days is `days_since(time)`".to_string()
        }
        _ => "convert one side with CAST(… AS …)".to_string(),
    }
}
