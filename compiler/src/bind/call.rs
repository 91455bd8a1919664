//! Calls: scalar functions, and the fork to aggregates, behaviour and windows.

use super::Binder;
use super::scope::{Aggregates, Env, RowKind};
use crate::bound::{Expr, ExprKind};
use crate::code;
use crate::function::{Function, FunctionKind, ResultType, Takes, common_type, function};
use eql_catalog::{DataType, Value};
use eql_grammar::ast::{self, Arg, BinaryOp, MatchOp, Span};

/// Longer than the name of any type: `LIST<DECIMAL(38, 10)>`.
const TYPE_BYTES_MAX: usize = 64;

impl Binder<'_> {
    pub(super) fn call(&mut self, c: &ast::Call, span: Span, env: &mut Env) -> Expr {
        let name = c.name.text();
        let Some(f) = function(&name) else { return self.unknown_function(c, &name) };
        if f.kind == FunctionKind::Aggregate
            && let Some(call) = self.spelled_out(f, c, env)
        {
            return self.call(&call, span, env);
        }
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

    fn aggregate_call(&mut self, f: &'static Function, c: &ast::Call, span: Span, env: &mut Env) -> Expr {
        if matches!(env.rows.first().map(|r| &r.kind), Some(RowKind::Unknown)) {
            self.unknown = true;
            return Expr::invalid();
        }
        if c.args.len() > f.max {
            return self.wrong_count(f, c.args.len(), span);
        }
        match env.aggregates {
            Aggregates::Behaviour => self.behaviour_call(f, c, span, env),
            Aggregates::Rows(_) => self.row_aggregate(f, c, span, env),
            Aggregates::Events(_) => self.event_aggregate(f, c, span, env),
            Aggregates::Matched(_) => self.matched_aggregate(f, c, span, env),
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
        for (i, a) in c.args.iter().enumerate() {
            let bound = unit_word(f.takes(i), a).or_else(|| self.plain_arg(a, env));
            match bound {
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
        for (i, a) in args.iter_mut().enumerate() {
            match self.fitted(f, f.takes(i), a, span) {
                Some(fit) => *a = fit,
                None => return Expr::invalid(),
            }
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
        let hint = match f.name {
            "log" => "write ln(x) for the natural logarithm, log10(x) for the decimal one, or log(base, x)".to_string(),
            "count" | "sum" | "avg" if got > f.max => {
                format!("a condition stands inside, after WHERE: `{}(purchase.amount WHERE amount > 100)`", f.name)
            }
            _ => format!("{}, for example {}", f.signature(), f.example),
        };
        self.error_hint(code::ARGUMENTS, span, format!("`{}` takes {wanted} arguments, not {got}", f.name), hint)
    }

    /// An argument in the form the function computes with; None (reported) when it is of another kind.
    fn fitted(&mut self, f: &Function, takes: Takes, a: &Expr, span: Span) -> Option<Expr> {
        let a = match takes {
            Takes::Time | Takes::Day => self.constant_as(a.clone(), &DataType::Timestamp),
            _ => a.clone(),
        };
        let t = a.data_type.clone();
        let (fits, wanted) = match takes {
            Takes::Any => (true, t.clone()),
            Takes::Text | Takes::Json => (matches!(t, DataType::String | DataType::Json), DataType::String),
            Takes::Number => (t.is_numeric(), if a.is_null() { DataType::Double } else { t.clone() }),
            Takes::Int => (t == DataType::Int, DataType::Int),
            Takes::Double => (t.is_numeric(), DataType::Double),
            Takes::Bool => (t == DataType::Bool, DataType::Bool),
            Takes::Time => (t.is_temporal(), DataType::Timestamp),
            Takes::Day => (t.is_temporal(), DataType::Date),
            Takes::List => (matches!(t, DataType::List(_)), t.clone()),
            Takes::Unit => return self.unit_fitted(f, &a, span),
        };
        if fits || a.is_null() {
            return Some(self.cast_to(a, &wanted));
        }
        let message = match takes {
            Takes::Time | Takes::Day => format!("`{}` takes a time, this is {t}", f.name),
            _ => format!("`{}` does not take {t} as {}", f.name, takes.word()),
        };
        self.error_hint(code::TYPE, span, message, format!("{}, for example {}", f.signature(), f.example));
        None
    }

    fn plain_call(&mut self, f: &'static Function, mut args: Vec<Expr>, span: Span) -> Expr {
        if let Some(special) = self.rewritten(f, &mut args, span) {
            return special;
        }
        let first = args.first().map(|a| a.data_type.clone());
        let data_type = match f.result {
            ResultType::Common | ResultType::ListOfCommon => match self.unified(&mut args, span) {
                Some(t) if f.result == ResultType::ListOfCommon => DataType::List(Box::new(t)),
                Some(t) => t,
                None => return Expr::invalid(),
            },
            ResultType::Element => match first {
                Some(DataType::List(t)) => *t,
                _ => return self.error(code::TYPE, span, format!("`{}` takes a list", f.name)),
            },
            ResultType::Sum => match first {
                Some(DataType::List(t)) => sum_type(&t),
                other => sum_type(&other.unwrap_or(DataType::Int)),
            },
            r => fixed_type(r, first),
        };
        let data_type = match (f.name, data_type) {
            // 99.5 becomes 100.0.
            ("round" | "floor" | "ceil", DataType::Decimal(p, s)) => DataType::Decimal((p + 1).min(38), s),
            (_, t) => t,
        };
        Expr { kind: ExprKind::Call(f.name, args, None), data_type }
    }

    /// Functions that are another way to say an operator, and those whose arguments depend on each other.
    fn rewritten(&mut self, f: &'static Function, args: &mut Vec<Expr>, span: Span) -> Option<Expr> {
        let operator = match f.name {
            "starts_with" => MatchOp::StartsWith,
            "ends_with" => MatchOp::EndsWith,
            "contains" => MatchOp::Contains,
            "regexp_like" => MatchOp::Matches,
            "list_contains" => MatchOp::Has,
            "list_has_any" => MatchOp::HasAny,
            "list_has_all" => MatchOp::HasAll,
            "if" | "multi_if" | "nvl2" => return Some(self.chosen(f, std::mem::take(args), span)),
            "nullif" => return Some(self.nullif(args, span)),
            "try_cast" => return Some(self.try_cast(args, span)),
            // A predicate is never NULL.
            "json_valid" => {
                let call = Expr { kind: ExprKind::Call(f.name, std::mem::take(args), None), data_type: DataType::Bool };
                let truth = Expr::literal(Value::Bool(true));
                return Some(Expr::predicate(ExprKind::Compare(BinaryOp::Equal, Box::new(call), Box::new(truth))));
            }
            "mod" | "div" => {
                self.divisor(args.get(1)?, span);
                return None;
            }
            "list_sum" | "list_avg" => return self.numbers_in(f, args, span),
            "list_append" | "list_prepend" | "list_remove" | "list_position" => return self.member_argument(f, args, span),
            _ => return None,
        };
        let part = args.pop()?;
        let whole = args.pop()?;
        Some(self.match_values(operator, whole, part, span, span))
    }

    /// `if`, `multi_if` and `nvl2` are CASE.
    fn chosen(&mut self, f: &Function, mut args: Vec<Expr>, span: Span) -> Expr {
        if args.len().is_multiple_of(2) {
            return self.error_hint(
                code::ARGUMENTS,
                span,
                "`multi_if` needs a value after each condition, and one for all others",
                format!("for example {}", f.example),
            );
        }
        let other = args.pop();
        let mut conditions = Vec::new();
        let mut values = Vec::new();
        for (i, a) in args.into_iter().enumerate() {
            match (i % 2, f.name) {
                (1, _) => values.push(a),
                (_, "nvl2") => {
                    let missing = Expr::predicate(ExprKind::IsNull(Box::new(a)));
                    conditions.push(Expr::predicate(ExprKind::Not(Box::new(missing))));
                }
                _ if a.data_type == DataType::Bool || a.is_null() => conditions.push(a),
                _ => return self.error(code::NOT_PREDICATE, span, format!("a condition is expected, this is {}", a.data_type)),
            }
        }
        values.extend(other);
        let Some(data_type) = self.unified(&mut values, span) else { return Expr::invalid() };
        let other = values.pop().map(Box::new);
        Expr { kind: ExprKind::Case(conditions.into_iter().zip(values).collect(), other), data_type }
    }

    fn nullif(&mut self, args: &mut Vec<Expr>, span: Span) -> Expr {
        let (Some(other), Some(value)) = (args.pop(), args.pop()) else { return Expr::invalid() };
        if value.is_null() || other.is_null() {
            return value;
        }
        let data_type = value.data_type.clone();
        let again = self.again(&value, span);
        if matches!(again.kind, ExprKind::Invalid) {
            return again;
        }
        let equal = self.compare(BinaryOp::Equal, again, other, span);
        let none = Expr { data_type: data_type.clone(), ..Expr::literal(Value::Null) };
        Expr { kind: ExprKind::Case(vec![(equal, none)], Some(Box::new(value))), data_type }
    }

    /// `try_cast(x AS BIGINT)`: the type comes as a text.
    fn try_cast(&mut self, args: &mut Vec<Expr>, span: Span) -> Expr {
        let (Some(named), Some(value)) = (args.pop(), args.pop()) else { return Expr::invalid() };
        let ExprKind::Literal(Value::String(text)) = &named.kind else {
            return self.error_hint(code::ARGUMENTS, span, "`try_cast` needs a type", "for example try_cast(x AS BIGINT)");
        };
        let parsed = if text.len() <= TYPE_BYTES_MAX { eql_grammar::parse_expr(&format!("NULL::{text}")).ok() } else { None };
        let Some(ast::ExprKind::Cast(_, t)) = parsed.map(|e| e.kind) else {
            let what = if text.is_empty() { "an empty text is no type".to_string() } else { format!("`{text}` is no type") };
            return self.error(code::TYPE_NAME, span, what);
        };
        let Some(data_type) = self.type_name(&ast::TypeName { span, ..t }) else { return Expr::invalid() };
        if value.is_null() {
            return Expr { data_type, ..value };
        }
        if value.data_type.is_temporal() && data_type.is_temporal() {
            return self.cast_to(value, &data_type);
        }
        if matches!((&value.data_type, &data_type), (DataType::String, DataType::Date | DataType::Timestamp)) {
            let name = if data_type == DataType::Date { "parse_date" } else { "parse_time" };
            return Expr { kind: ExprKind::Call(name, vec![value], Some(self.clock.clone())), data_type };
        }
        Expr { kind: ExprKind::Call("try_cast", vec![value], None), data_type }
    }

    /// None when the list holds numbers and the call goes on as it is.
    fn numbers_in(&mut self, f: &Function, args: &[Expr], span: Span) -> Option<Expr> {
        let fits = matches!(&args[0].data_type, DataType::List(t) if t.is_numeric());
        let message = format!("`{}` needs numbers, not {}", f.name, args[0].data_type);
        (!fits).then(|| self.error_hint(code::TYPE, span, message, format!("for example {}", f.example)))
    }

    /// The value must be one of the list's kind; None when the call goes on as it is.
    fn member_argument(&mut self, f: &Function, args: &mut [Expr], span: Span) -> Option<Expr> {
        let DataType::List(element) = args[0].data_type.clone() else { return None };
        let value = self.constant_as(args[1].clone(), &element);
        let fits = value.is_null() || common_type(&value.data_type, &element).is_some_and(|t| t == *element);
        if !fits {
            let message = format!("`{}` takes a value of type {element}, this is {}", f.name, value.data_type);
            return Some(self.error_hint(code::TYPE, span, message, format!("for example {}", f.example)));
        }
        args[1] = self.cast_to(value, &element);
        None
    }

    /// Gives all values one type; None (reported) when they have none in common.
    pub(super) fn unified(&mut self, values: &mut [Expr], span: Span) -> Option<DataType> {
        if let Some(temporal) = values.iter().map(|v| v.data_type.clone()).find(DataType::is_temporal) {
            for v in values.iter_mut() {
                *v = self.constant_as(v.clone(), &temporal);
            }
        }
        let common = self.common(values.to_vec(), span)?;
        for v in values.iter_mut() {
            *v = self.cast_to(v.clone(), &common);
        }
        Some(common)
    }
}

/// `DATEDIFF(day, a, b)`: a unit without quotes.
fn unit_word(takes: Takes, a: &Arg) -> Option<Expr> {
    let Arg::Expr(ast::Expr { kind: ast::ExprKind::Path(p), .. }) = a else { return None };
    let [one] = p.parts.as_slice() else { return None };
    (takes == Takes::Unit && super::clocked::unit(&one.name).is_some()).then(|| Expr::literal(Value::String(one.name.clone())))
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
        ResultType::Json => DataType::Json,
        ResultType::Timestamp | ResultType::Bucket | ResultType::Moved => DataType::Timestamp,
        ResultType::StringList => DataType::List(Box::new(DataType::String)),
        ResultType::ListOfFirst | ResultType::ListOfCommon => DataType::List(Box::new(first.unwrap_or(DataType::String))),
        ResultType::Sum => sum_type(&first.unwrap_or(DataType::Int)),
        ResultType::First | ResultType::Common | ResultType::Element | ResultType::Named => first.unwrap_or(DataType::String),
    }
}
