//! Calls: scalar functions, and the fork to aggregates, behaviour and windows.

use super::Binder;
use super::scope::{Aggregates, Env, RowKind};
use crate::bound::{Expr, ExprKind, WindowCall};
use crate::code;
use crate::function::{FUNCTIONS, Function, FunctionKind, ResultType, function};
use eql_catalog::{DataType, Value};
use eql_grammar::ast::{self, Arg, Span};
use eql_grammar::nearest;

impl Binder<'_> {
    pub(super) fn call(&mut self, c: &ast::Call, span: Span, env: &mut Env) -> Expr {
        let name = c.name.text();
        let Some(f) = function(&name) else { return self.unknown_function(c, &name) };
        if c.over.is_some() {
            return self.window_call(f, c, span, env);
        }
        match f.kind {
            FunctionKind::Window => {
                self.error_hint(code::AGGREGATE, span, format!("`{name}` needs a window"), format!("write {name}(…) OVER (ORDER BY …)"))
            }
            FunctionKind::Aggregate => self.aggregate_call(f, c, span, env),
            FunctionKind::Scalar | FunctionKind::Clocked => self.scalar_call(f, c, span, env),
        }
    }

    fn unknown_function(&mut self, c: &ast::Call, name: &str) -> Expr {
        let names = FUNCTIONS.iter().map(|f| f.name);
        let hint = nearest(name, names).map_or_else(|| "the manual lists all functions".to_string(), |n| format!("did you mean `{n}`?"));
        self.error_hint(code::FUNCTION, c.name.span(), format!("function `{name}` is not defined"), hint)
    }

    fn aggregate_call(&mut self, f: &'static Function, c: &ast::Call, span: Span, env: &mut Env) -> Expr {
        if matches!(env.rows.first().map(|r| &r.kind), Some(RowKind::Unknown)) {
            self.unknown = true;
            return Expr::invalid();
        }
        match env.aggregates {
            Aggregates::Behaviour => self.behaviour_call(f, c, span, env),
            Aggregates::Rows(_) => self.row_aggregate(f, c, span, env),
            Aggregates::Events(_) => self.event_aggregate(f, c, span, env),
            Aggregates::None => {
                let hint = "use it in the SELECT list with GROUP BY, in HAVING, or in |> AGGREGATE";
                self.error_hint(
                    code::AGGREGATE,
                    span,
                    format!("the aggregate `{}` cannot stand here: rows are single", c.name.text()),
                    hint,
                )
            }
        }
    }

    fn scalar_call(&mut self, f: &'static Function, c: &ast::Call, span: Span, env: &mut Env) -> Expr {
        if f.name == "at_event" {
            return self.at_event(f, c, span, env);
        }
        let mut args = Vec::new();
        for a in &c.args {
            match self.plain_arg(a, env) {
                Some(e) if matches!(e.kind, ExprKind::Invalid) => return e,
                Some(e) => args.push(e),
                None => return self.error(code::ARGUMENTS, span, format!("`{}` takes values", f.name)),
            }
        }
        if !c.scopes.is_empty() || c.distinct {
            return self.error(
                code::ARGUMENTS,
                span,
                format!("`{}` is no aggregate: it takes no DISTINCT, WHERE, DURING or ORDER BY", f.name),
            );
        }
        if args.len() < f.min || args.len() > f.max {
            return self.wrong_count(f, args.len(), span);
        }
        match f.kind {
            FunctionKind::Clocked => self.clocked(f, args, span),
            _ => self.plain_call(f, args, span),
        }
    }

    pub(super) fn plain_arg(&mut self, a: &Arg, env: &mut Env) -> Option<Expr> {
        match a {
            Arg::Expr(e) => Some(self.expr(e, env)),
            _ => None,
        }
    }

    pub(super) fn wrong_count(&mut self, f: &Function, got: usize, span: Span) -> Expr {
        let wanted = if f.min == f.max { f.min.to_string() } else { format!("{} to {}", f.min, f.max) };
        self.error_hint(
            code::ARGUMENTS,
            span,
            format!("`{}` takes {wanted} arguments, not {got}", f.name),
            format!("for example {}", f.example),
        )
    }

    fn plain_call(&mut self, f: &'static Function, args: Vec<Expr>, span: Span) -> Expr {
        let first = args.first().map(|a| a.data_type.clone());
        let data_type = match f.result {
            ResultType::Common => {
                let values = if f.name == "if" { args[1..].to_vec() } else { args.clone() };
                match self.common(values, span) {
                    Some(t) => t,
                    None => return Expr::invalid(),
                }
            }
            ResultType::Element => match first {
                Some(DataType::List(t)) => *t,
                _ => return self.error(code::TYPE, span, format!("`{}` takes a list", f.name)),
            },
            r => fixed_type(r, first),
        };
        if let Some(bad) = args.iter().find(|a| !takes(f, &a.data_type) && !a.is_null()) {
            let t = bad.data_type.clone();
            return self.error_hint(code::TYPE, span, format!("`{}` does not take {t}", f.name), format!("for example {}", f.example));
        }
        let args = if matches!(f.name, "coalesce" | "greatest" | "least") {
            args.into_iter().map(|a| self.cast_to(a, &data_type)).collect()
        } else {
            args
        };
        Expr { kind: ExprKind::Call(f.name, args, None), data_type }
    }

    fn clocked(&mut self, f: &'static Function, mut args: Vec<Expr>, span: Span) -> Expr {
        if matches!(f.name, "now" | "today" | "days_since" | "age_in_years") {
            self.uses_now = true;
        }
        if f.name == "now" {
            return Expr { kind: ExprKind::Now(self.clock.as_of.clone()), data_type: DataType::Timestamp };
        }
        let now = Expr { kind: ExprKind::Now(self.clock.as_of.clone()), data_type: DataType::Timestamp };
        if f.name == "today" {
            return Expr { kind: ExprKind::Call("day", vec![now], Some(self.clock.clone())), data_type: DataType::Date };
        }
        if f.name == "age_in_years" && args.len() == 1 || f.name == "days_since" {
            args.push(now);
        }
        let unit = matches!(f.name, "bucket" | "date_part").then(|| self.unit_arg(f, &mut args, span));
        let data_type = match unit {
            Some(None) => return Expr::invalid(),
            Some(Some(u)) if f.result == ResultType::Bucket => {
                if u {
                    DataType::Date
                } else {
                    DataType::Timestamp
                }
            }
            _ => fixed_type(f.result, None),
        };
        let wanted: Vec<usize> = if unit.is_some() { vec![1] } else { (0..args.len()).collect() };
        for i in wanted {
            let a = self.constant_as(args[i].clone(), &DataType::Timestamp);
            if !a.data_type.is_temporal() && !a.is_null() {
                return self.error_hint(
                    code::TYPE,
                    span,
                    format!("`{}` takes a time, this is {}", f.name, a.data_type),
                    format!("for example {}", f.example),
                );
            }
            args[i] = if f.name == "age_in_years" { self.cast_to(a, &DataType::Date) } else { self.cast_to(a, &DataType::Timestamp) };
        }
        Expr { kind: ExprKind::Call(f.name, args, Some(self.clock.clone())), data_type }
    }

    /// Puts the unit of `bucket(t, 'week')` and `date_part('hour', t)` first and checks it; true means day or longer.
    fn unit_arg(&mut self, f: &Function, args: &mut [Expr], span: Span) -> Option<bool> {
        let text = |e: &Expr| if let ExprKind::Literal(Value::String(s)) = &e.kind { Some(s.to_ascii_lowercase()) } else { None };
        const UNITS: &[&str] = &["millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"];
        const PARTS: &[&str] = &["year", "quarter", "month", "week", "day", "dow", "doy", "isodow", "hour", "minute", "second", "epoch"];
        let known = |s: &String| if f.name == "bucket" { UNITS.contains(&s.as_str()) } else { PARTS.contains(&s.as_str()) };
        if text(&args[1]).as_ref().is_some_and(known) && !text(&args[0]).as_ref().is_some_and(known) {
            args.swap(0, 1);
        }
        match text(&args[0]).filter(known) {
            Some(u) => {
                let long = matches!(u.as_str(), "day" | "week" | "month" | "quarter" | "year");
                args[0] = Expr::literal(Value::String(u));
                Some(long)
            }
            None => {
                let list = if f.name == "bucket" { UNITS } else { PARTS };
                self.error_hint(
                    code::ARGUMENTS,
                    span,
                    format!("`{}` needs a unit in quotes", f.name),
                    format!("one of {}", list.join(", ")),
                );
                None
            }
        }
    }

    fn window_call(&mut self, f: &'static Function, c: &ast::Call, span: Span, env: &mut Env) -> Expr {
        let Some(over) = &c.over else { return Expr::invalid() };
        if env.windows.is_none() {
            return self.error_hint(
                code::AGGREGATE,
                span,
                "OVER cannot stand here",
                "window functions belong to the SELECT list or |> EXTEND",
            );
        }
        if !matches!(f.kind, FunctionKind::Window | FunctionKind::Aggregate) {
            return self.error(code::FUNCTION, span, format!("`{}` is no window function", f.name));
        }
        let windows = env.windows.take();
        let aggregates = std::mem::replace(&mut env.aggregates, Aggregates::None);
        let mut args: Vec<Expr> = c.args.iter().filter_map(|a| self.plain_arg(a, env)).collect();
        let partition_by = over.partition_by.iter().map(|e| self.expr(e, env)).collect();
        let order_by = self.sort_keys(&over.order_by, env);
        env.windows = windows;
        env.aggregates = aggregates;
        if args.iter().any(|a| matches!(a.kind, ExprKind::Invalid)) {
            return Expr::invalid();
        }
        let first = args.first().map(|a| a.data_type.clone());
        let data_type = match f.result {
            ResultType::Sum => sum_type(first.as_ref().unwrap_or(&DataType::Int)),
            r => fixed_type(r, first),
        };
        if f.name == "avg" {
            args = args.into_iter().map(|a| self.cast_to(a, &DataType::Double)).collect();
        }
        let call = WindowCall { function: f.name, args, partition_by, order_by, data_type: data_type.clone() };
        let id = self.column_id();
        if let Some(w) = &mut env.windows {
            w.push((id, call));
        }
        Expr::column(id, data_type)
    }
}

/// SUM's type by rule 46.
pub(super) fn sum_type(t: &DataType) -> DataType {
    match t {
        DataType::Decimal(_, s) => DataType::Decimal(38, *s),
        DataType::Double => DataType::Double,
        _ => DataType::Int,
    }
}

pub(super) fn fixed_type(r: ResultType, first: Option<DataType>) -> DataType {
    match r {
        ResultType::String => DataType::String,
        ResultType::Int => DataType::Int,
        ResultType::Double => DataType::Double,
        ResultType::Bool => DataType::Bool,
        ResultType::Date => DataType::Date,
        ResultType::Timestamp | ResultType::Bucket => DataType::Timestamp,
        ResultType::StringList => DataType::List(Box::new(DataType::String)),
        ResultType::ListOfFirst => DataType::List(Box::new(first.unwrap_or(DataType::String))),
        ResultType::Sum => sum_type(&first.unwrap_or(DataType::Int)),
        ResultType::First | ResultType::Common | ResultType::Element => first.unwrap_or(DataType::String),
    }
}

/// Whether a scalar function takes values of a type. Text functions take text and numbers, the others numbers.
fn takes(f: &Function, t: &DataType) -> bool {
    match f.name {
        "abs" | "round" | "floor" | "ceil" | "trunc" | "sqrt" | "power" | "exp" | "ln" | "log10" | "log2" | "sign" | "mod" => {
            t.is_numeric()
        }
        "lower" | "upper" | "trim" | "ltrim" | "rtrim" | "reverse" | "clean_url" | "replace" | "regexp_replace" => {
            matches!(t, DataType::String | DataType::Json)
        }
        "length" => matches!(t, DataType::String | DataType::Json | DataType::List(_)),
        _ => true,
    }
}
