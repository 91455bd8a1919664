//! Calls with OVER.

use super::Binder;
use super::call::{fixed_type, sum_type};
use super::scope::{Aggregates, Env};
use crate::bound::{Expr, ExprKind, WindowCall};
use crate::code;
use crate::function::{Function, FunctionKind, ResultType};
use eql_catalog::{DataType, Value};
use eql_grammar::ast::{self, Scope, Span};

/// Aggregates that can be computed over a window.
const AGGREGATES: &[&str] =
    &["count", "sum", "avg", "min", "max", "first", "last", "median", "stddev", "stddev_pop", "variance", "var_pop", "bool_and", "bool_or"];

impl Binder<'_> {
    pub(super) fn window_call(&mut self, f: &'static Function, c: &ast::Call, span: Span, env: &mut Env) -> Expr {
        let Some(over) = &c.over else { return Expr::invalid() };
        if env.windows.is_none() {
            return self.error_hint(
                code::AGGREGATE,
                span,
                "OVER cannot stand here",
                "window functions belong to the SELECT list or |> EXTEND",
            );
        }
        if f.kind != FunctionKind::Window && !AGGREGATES.contains(&f.name) {
            let hint = format!("with OVER stand row_number, rank, lag and the like, and {}", AGGREGATES.join(", "));
            return self.error_hint(code::FUNCTION, span, format!("`{}` is no window function", f.name), hint);
        }
        if c.distinct {
            return self.error(code::ARGUMENTS, span, format!("`{}` takes no DISTINCT over a window", f.name));
        }
        // Aggregates inside are those of the group: `rank() OVER (ORDER BY count(*) DESC)`.
        let windows = env.windows.take();
        let args: Vec<Expr> = c.args.iter().filter_map(|a| self.plain_arg(a, env)).collect();
        let filter = self.window_filter(f, c, env);
        let partition_by = over.partition_by.iter().map(|e| self.expr(e, env)).collect();
        let order_by = self.sort_keys(&over.order_by, env);
        let order_by_is_empty = order_by.is_empty();
        env.windows = windows;
        if args.iter().any(|a| matches!(a.kind, ExprKind::Invalid)) {
            return Expr::invalid();
        }
        if args.len() < f.min || args.len() > f.max {
            return self.wrong_count(f, args.len(), span);
        }
        let Some(args) = self.window_arguments(f, args, filter, span) else { return Expr::invalid() };
        let first = args.first().map(|a| a.data_type.clone());
        let data_type = match f.result {
            ResultType::Sum => sum_type(first.as_ref().unwrap_or(&DataType::Int)),
            r => fixed_type(r, first),
        };
        if let Some(frame) = &over.frame
            && let Some(wrong) = self.bad_frame(f, frame, order_by_is_empty)
        {
            return wrong;
        }
        let call = WindowCall { function: f.name, args, partition_by, order_by, frame: over.frame, data_type: data_type.clone() };
        let id = self.column_id();
        if let Some(w) = &mut env.windows {
            w.push((id, call));
        }
        Expr::column(id, data_type)
    }

    fn bad_frame(&mut self, f: &Function, frame: &ast::Frame, unordered: bool) -> Option<Expr> {
        let counted = |b: ast::FrameBound| matches!(b, ast::FrameBound::Rows(n) if n != 0);
        let (message, hint) = if frame.start > frame.end || frame.start == ast::FrameBound::Last || frame.end == ast::FrameBound::First {
            ("the frame ends before it begins", "for example ROWS BETWEEN 6 PRECEDING AND CURRENT ROW")
        } else if frame.range && (counted(frame.start) || counted(frame.end)) {
            ("RANGE takes no number of rows", "count rows with ROWS BETWEEN n PRECEDING AND CURRENT ROW")
        } else if unordered {
            ("a frame needs ORDER BY before it", "write OVER (ORDER BY … ROWS BETWEEN … AND …)")
        } else if f.kind == FunctionKind::Window && f.name != "nth_value" {
            ("this function looks at no frame", "leave out ROWS or RANGE")
        } else {
            return None;
        };
        Some(self.error_hint(code::ARGUMENTS, frame.span, message, hint))
    }

    /// WHERE or FILTER of an aggregate over a window.
    fn window_filter(&mut self, f: &Function, c: &ast::Call, env: &mut Env) -> Option<Expr> {
        let mut parts = Vec::new();
        let outer = std::mem::replace(&mut env.aggregates, Aggregates::None);
        for s in &c.scopes {
            match s {
                Scope::Where(p) if f.kind == FunctionKind::Aggregate => parts.push(self.predicate(p, env)),
                _ => {
                    let hint = format!("write {}(…) OVER (PARTITION BY … ORDER BY …)", f.name);
                    self.error_hint(code::ARGUMENTS, c.name.span(), format!("`{}` takes only WHERE beside a window", f.name), hint);
                }
            }
        }
        env.aggregates = outer;
        Expr::all(parts)
    }

    fn window_arguments(&mut self, f: &Function, mut args: Vec<Expr>, filter: Option<Expr>, span: Span) -> Option<Vec<Expr>> {
        if let (Some(first), "sum" | "avg" | "median" | "stddev" | "stddev_pop" | "variance" | "var_pop") = (args.first_mut(), f.name) {
            if !first.data_type.is_numeric() && !first.is_null() {
                let message = format!("`{}` needs numbers, not {}", f.name, first.data_type);
                self.error_hint(code::TYPE, span, message, format!("for example {}", f.example));
                return None;
            }
            if f.name != "sum" {
                *first = self.cast_to(first.clone(), &DataType::Double);
            }
        }
        if let Some(filter) = filter {
            // Rows that do not pass count for nothing: their value is NULL.
            let value = args.pop().unwrap_or_else(|| Expr::literal(Value::Int(1)));
            let data_type = value.data_type.clone();
            args.push(Expr { kind: ExprKind::Case(vec![(filter, value)], None), data_type });
        }
        let number = match f.name {
            "ntile" => args.first(),
            "lag" | "lead" | "nth_value" => args.get(1),
            _ => None,
        };
        if let Some(n) = number {
            let least = if matches!(f.name, "lag" | "lead") { 0 } else { 1 };
            if !matches!(n.kind, ExprKind::Literal(Value::Int(i)) if i >= least) {
                let message = format!("`{}` needs a whole number from {least} on that is written out", f.name);
                self.error_hint(code::ARGUMENTS, span, message, format!("for example {}", f.example));
                return None;
            }
        }
        if args.len() == 3 {
            let wanted = args[0].data_type.clone();
            let other = self.constant_as(args[2].clone(), &wanted);
            if !other.is_null() && crate::function::common_type(&other.data_type, &wanted).is_none() {
                self.error(code::TYPE, span, format!("the default of `{}` is {}, its value {wanted}", f.name, other.data_type));
                return None;
            }
            args[2] = self.cast_to(other, &wanted);
        }
        Some(args)
    }
}
