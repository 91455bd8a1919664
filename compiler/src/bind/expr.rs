//! Expressions: names, operators, types.

use super::Binder;
use super::scope::Env;
use crate::bound::{Expr, ExprKind};
use crate::code;
use crate::function::common_type;
use eql_catalog::{DataType, Value, parse_date};
use eql_grammar::ast::{self, BinaryOp, InList, IsWhat, Literal, MatchOp, TypedKind};

impl Binder<'_> {
    /// Binds an expression; errors are reported and stand as `Invalid`.
    pub(super) fn expr(&mut self, e: &ast::Expr, env: &mut Env) -> Expr {
        use ast::ExprKind as A;
        // Listed values are many and cost little.
        if !matches!(e.kind, A::Literal(_) | A::Param(_)) && !self.affords(1, e.span) {
            return Expr::invalid();
        }
        match &e.kind {
            A::Literal(l) => self.literal(l, e.span),
            A::Param(p) => self.param(p),
            A::Path(p) => self.path(p, env),
            A::Duration(_) => {
                self.error_hint(code::TYPE, e.span, "a length of time stands alone here", "add it to a time: `time + 30 days`")
            }
            A::Call(c) => self.call(c, e.span, env),
            A::Binary(op, a, b) => self.binary(*op, a, b, e.span, env),
            A::Negate(a) => self.negate(a, env),
            A::And(v) => Expr::predicate(ExprKind::And(v.iter().map(|p| self.predicate(p, env)).collect())),
            A::Or(v) => Expr::predicate(ExprKind::Or(v.iter().map(|p| self.predicate(p, env)).collect())),
            A::Not(a) => Expr::predicate(ExprKind::Not(Box::new(self.predicate(a, env)))),
            A::Is { expr, negated, what } => self.is(expr, *negated, *what, env),
            A::InSegment { expr, negated, segment } => {
                let member = self.in_segment(expr, segment, e.span, env);
                negate_if(*negated, member)
            }
            A::In { expr, negated, list } => {
                let within = self.in_list(expr, list, e.span, env);
                negate_if(*negated, within)
            }
            A::Between { expr, negated, low, high } => self.between(expr, *negated, low, high, e.span, env),
            A::Match { expr, negated, op, pattern } => {
                let matched = self.matching(*op, expr, pattern, e.span, env);
                negate_if(*negated, matched)
            }
            A::Case { operand, whens, otherwise } => self.case(operand.as_deref(), whens, otherwise.as_deref(), e.span, env),
            A::Cast(a, t) => self.cast(a, t, env),
            A::Subquery(q) => self.scalar_query(q, e.span, env),
            A::Exists(q) => match self.inner_query(q, env) {
                Some(q) => Expr::predicate(ExprKind::Exists(Box::new(q))),
                None => Expr::invalid(),
            },
            A::Tuple(_) => self.error(code::TYPE, e.span, "several values in parentheses are no value"),
            A::Behaviour(b) => self.did(b, e.span, env),
        }
    }

    fn literal(&mut self, l: &Literal, span: ast::Span) -> Expr {
        match l {
            Literal::Number(n) => match number(n) {
                Some(v) => Expr::literal(v),
                None => self.error(code::VALUE, span, format!("`{n}` is too large")),
            },
            Literal::Text(t) => Expr::literal(Value::String(t.clone())),
            Literal::Bool(b) => Expr::literal(Value::Bool(*b)),
            Literal::Null => Expr::literal(Value::Null),
            Literal::Typed(TypedKind::Date, t) => match parse_date(t) {
                Some(d) => Expr::literal(Value::Date(d)),
                None => self.error_hint(code::VALUE, span, format!("'{t}' is no date"), "write DATE 'YYYY-MM-DD'"),
            },
            Literal::Typed(TypedKind::Timestamp, t) => match self.timestamp(t) {
                Some(at) => Expr::literal(Value::Timestamp(at)),
                None => self.error_hint(
                    code::VALUE,
                    span,
                    format!("'{t}' is no time"),
                    "write TIMESTAMP 'YYYY-MM-DD hh:mm:ss' or with a zone as in RFC 3339",
                ),
            },
        }
    }

    pub(super) fn param(&mut self, p: &ast::Param) -> Expr {
        match self.param_value(p) {
            Some(v) => Expr::literal(v),
            None => {
                self.missing_param(p);
                Expr::invalid()
            }
        }
    }

    pub(super) fn param_value(&self, p: &ast::Param) -> Option<Value> {
        self.params.get(&param_key(p)).cloned()
    }

    /// Reports a parameter without a value; nothing when a text is only checked.
    pub(super) fn missing_param(&mut self, p: &ast::Param) {
        if self.lenient || self.check {
            self.unknown = true;
        } else {
            let name = param_key(p);
            self.error_hint(
                code::PARAMETER,
                p.span,
                format!("parameter `{name}` has no value"),
                format!("give it with the request: --param {name}=…"),
            );
        }
    }

    fn binary(&mut self, op: BinaryOp, a: &ast::Expr, b: &ast::Expr, span: ast::Span, env: &mut Env) -> Expr {
        use BinaryOp::*;
        if let (Add | Subtract, ast::ExprKind::Duration(d)) = (op, &b.kind) {
            return self.shift(op == Subtract, a, d, env);
        }
        if let Some(path) = self.correlated(op, a, b) {
            self.of_the_query_around(path);
            return invalid_predicate();
        }
        let wanted = self.wanted.take();
        self.wanted = super::misfit::type_of_constant(b);
        let x = self.expr(a, env);
        if let Some(text) = self.text_as_name(b, env) {
            let name = ast::Ident { name: text.clone(), span: b.span };
            return self.text_in_double_quotes(&name, format!("`{text}` in double quotes is a name, not a text"));
        }
        self.wanted = super::misfit::type_of_constant(a).or_else(|| (!matches!(x.kind, ExprKind::Invalid)).then(|| x.data_type.clone()));
        let y = self.expr(b, env);
        self.wanted = wanted;
        if matches!(x.kind, ExprKind::Invalid) || matches!(y.kind, ExprKind::Invalid) {
            return if matches!(op, Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual) {
                invalid_predicate()
            } else {
                Expr::invalid()
            };
        }
        match op {
            Add | Subtract | Multiply | Divide | Modulo => self.arithmetic(op, (x, a), (y, b), span),
            Concat => Expr { kind: ExprKind::Arithmetic(op, Box::new(x), Box::new(y)), data_type: DataType::String },
            _ => self.compare_sides(op, (x, a), (y, b), span),
        }
    }

    /// `r.household_id = household.household_id` inside a query over households: here `household` would be the participant of the
    /// inner rows, and every row equal to itself.
    fn correlated<'e>(&self, op: BinaryOp, a: &'e ast::Expr, b: &'e ast::Expr) -> Option<&'e ast::Path> {
        let (ast::ExprKind::Path(a), ast::ExprKind::Path(b)) = (&a.kind, &b.kind) else { return None };
        let of_outer = |p: &&ast::Path| match p.parts.as_slice() {
            [owner, key] if self.outer.contains(&owner.name) => {
                self.catalog.entity(&owner.name).is_some_and(|e| e.key.iter().any(|k| k.name == key.name))
            }
            _ => false,
        };
        [a, b].into_iter().filter(|_| op == BinaryOp::Equal).find(of_outer)
    }

    /// A name in double quotes beside an operator, where no rows are known that could have it.
    fn text_as_name(&self, e: &ast::Expr, env: &Env) -> Option<String> {
        let ast::ExprKind::Path(p) = &e.kind else { return None };
        let [one] = p.parts.as_slice() else { return None };
        let unknown = env.rows.iter().all(|r| matches!(r.kind, super::scope::RowKind::Unknown));
        (unknown && self.used_at.is_none() && self.text.get(one.span.start..one.span.start + 1) == Some("\"")).then(|| one.name.clone())
    }

    fn shift(&mut self, subtract: bool, a: &ast::Expr, d: &ast::Duration, env: &mut Env) -> Expr {
        let time = self.expr(a, env);
        let Some(w) = self.window(d) else { return Expr::invalid() };
        if !time.data_type.is_temporal() {
            return if matches!(time.kind, ExprKind::Invalid) {
                time
            } else {
                self.error(code::TYPE, a.span, format!("a length of time is added to a time, this is {}", time.data_type))
            };
        }
        let calendar =
            w.calendar || time.data_type == DataType::Date || matches!(w.unit, ast::Unit::Month | ast::Unit::Quarter | ast::Unit::Year);
        let data_type = if time.data_type == DataType::Date && w.unit >= ast::Unit::Day { DataType::Date } else { DataType::Timestamp };
        let count = if subtract { -w.count } else { w.count };
        let time = self.cast_to(time, &DataType::Timestamp);
        Expr { kind: ExprKind::Shift { time: Box::new(time), count, unit: w.unit, calendar, clock: self.clock.clone() }, data_type }
    }

    pub(super) fn compare(&mut self, op: BinaryOp, x: Expr, y: Expr, span: ast::Span) -> Expr {
        if x.is_null() || y.is_null() {
            let hint = if op == BinaryOp::NotEqual { "write IS NOT NULL" } else { "write IS NULL" };
            return self.error_hint(code::NULL_COMPARISON, span, "a comparison with NULL is never true", hint);
        }
        match self.align(x, y) {
            Ok((x, y)) => Expr::predicate(ExprKind::Compare(op, Box::new(x), Box::new(y))),
            Err((a, b)) => {
                self.error_hint(code::TYPE, span, format!("{a} and {b} cannot be compared"), "convert one side with CAST(… AS …)");
                invalid_predicate()
            }
        }
    }

    /// Gives both sides a common type: texts become dates, times and numbers where they are constants.
    pub(super) fn align(&mut self, x: Expr, y: Expr) -> Result<(Expr, Expr), (DataType, DataType)> {
        let (x, y) = (self.constant_as(x, &y.data_type), self.constant_as(y.clone(), &y.data_type));
        let y = {
            let t = x.data_type.clone();
            self.constant_as(y, &t)
        };
        match common_type(&x.data_type, &y.data_type) {
            Some(t) if t == DataType::Timestamp => Ok((self.cast_to(x, &t), self.cast_to(y, &t))),
            Some(_) => Ok((x, y)),
            None => Err((x.data_type, y.data_type)),
        }
    }

    /// A constant text where a date, time or list element is wanted becomes one.
    pub(super) fn constant_as(&mut self, e: Expr, wanted: &DataType) -> Expr {
        let ExprKind::Literal(Value::String(text)) = &e.kind else { return e };
        let value = match wanted {
            DataType::Date => match parse_date(text) {
                Some(d) => Some(Value::Date(d)),
                None => self.timestamp(text).map(Value::Timestamp),
            },
            DataType::Timestamp => self.timestamp(text).map(Value::Timestamp),
            _ => None,
        };
        value.map_or(e, Expr::literal)
    }

    pub(super) fn cast_to(&self, e: Expr, t: &DataType) -> Expr {
        if e.data_type == *t || matches!(e.kind, ExprKind::Invalid) {
            return e;
        }
        if e.is_null() {
            return Expr { data_type: t.clone(), ..e };
        }
        if let (DataType::Timestamp, DataType::Date) = (t, &e.data_type) {
            // A date as an instant is its first moment in the zone.
            return Expr { kind: ExprKind::Call("date_start", vec![e], Some(self.clock.clone())), data_type: DataType::Timestamp };
        }
        if let (DataType::Date, DataType::Timestamp) = (t, &e.data_type) {
            return Expr { kind: ExprKind::Call("day", vec![e], Some(self.clock.clone())), data_type: DataType::Date };
        }
        Expr { kind: ExprKind::Cast(Box::new(e)), data_type: t.clone() }
    }

    fn is(&mut self, a: &ast::Expr, negated: bool, what: IsWhat, env: &mut Env) -> Expr {
        let inner = self.expr(a, env);
        if matches!(inner.kind, ExprKind::Invalid) {
            return invalid_predicate();
        }
        let kind = match what {
            IsWhat::Null => ExprKind::IsNull(Box::new(inner)),
            IsWhat::Set => ExprKind::IsSet(Box::new(inner)),
            IsWhat::True => ExprKind::Compare(BinaryOp::Equal, Box::new(inner), Box::new(Expr::literal(Value::Bool(true)))),
            IsWhat::False => ExprKind::Compare(BinaryOp::Equal, Box::new(inner), Box::new(Expr::literal(Value::Bool(false)))),
        };
        negate_if(negated, Expr::predicate(kind))
    }

    fn in_list(&mut self, a: &ast::Expr, list: &InList, span: ast::Span, env: &mut Env) -> Expr {
        let x = self.expr(a, env);
        let items = match list {
            InList::Values(v) => v.iter().map(|e| self.expr(e, env)).collect(),
            InList::Query(q) => return self.in_query(x, q, span, env),
            InList::Param(p) => match self.param_value(p) {
                Some(Value::List(v)) => v.into_iter().map(Expr::literal).collect(),
                Some(v) => vec![Expr::literal(v)],
                None => {
                    self.missing_param(p);
                    return invalid_predicate();
                }
            },
        };
        if matches!(x.kind, ExprKind::Invalid) {
            return invalid_predicate();
        }
        let wanted = x.data_type.clone();
        let mut bound = Vec::new();
        for item in items {
            let item = self.constant_as(item, &wanted);
            if matches!(item.kind, ExprKind::Invalid) {
                return invalid_predicate();
            }
            if !item.is_null() && common_type(&wanted, &item.data_type).is_none() {
                let hint = "texts in a list stand in single quotes, numbers without";
                return self.error_hint(code::TYPE, span, format!("{wanted} is never one of values of type {}", item.data_type), hint);
            }
            bound.push(item);
        }
        Expr::predicate(ExprKind::In(Box::new(x), bound))
    }

    fn in_query(&mut self, x: Expr, q: &ast::Query, span: ast::Span, env: &Env) -> Expr {
        let Some(query) = self.inner_query(q, env) else { return invalid_predicate() };
        match query.output.as_slice() {
            [one] if common_type(&one.data_type, &x.data_type).is_some() => {
                Expr::predicate(ExprKind::InQuery(Box::new(x), Box::new(query)))
            }
            [one] => self.error(code::TYPE, span, format!("{} is never one of values of type {}", x.data_type, one.data_type)),
            many => self.error(code::COLUMNS, span, format!("IN needs a query of one column, this one has {}", many.len())),
        }
    }

    fn between(&mut self, a: &ast::Expr, negated: bool, low: &ast::Expr, high: &ast::Expr, span: ast::Span, env: &mut Env) -> Expr {
        let x = self.expr(a, env);
        let (l, h) = (self.expr(low, env), self.expr(high, env));
        if [&x, &l, &h].iter().any(|e| matches!(e.kind, ExprKind::Invalid)) {
            return invalid_predicate();
        }
        let again = self.again(&x, span);
        if matches!(again.kind, ExprKind::Invalid) {
            return invalid_predicate();
        }
        let above = self.compare(BinaryOp::GreaterOrEqual, again, l, span);
        let below = self.compare(BinaryOp::LessOrEqual, x, h, span);
        negate_if(negated, Expr::predicate(ExprKind::And(vec![above, below])))
    }

    fn matching(&mut self, op: MatchOp, a: &ast::Expr, pattern: &ast::Expr, span: ast::Span, env: &mut Env) -> Expr {
        let x = self.expr(a, env);
        let p = match (&pattern.kind, op) {
            (ast::ExprKind::Tuple(v), MatchOp::HasAny | MatchOp::HasAll) => {
                let items: Vec<Expr> = v.iter().map(|e| self.expr(e, env)).collect();
                let t = items.first().map_or(DataType::String, |e| e.data_type.clone());
                Expr { kind: ExprKind::Call("list", items, None), data_type: DataType::List(Box::new(t)) }
            }
            _ => self.expr(pattern, env),
        };
        if matches!(x.kind, ExprKind::Invalid) || matches!(p.kind, ExprKind::Invalid) {
            return invalid_predicate();
        }
        self.match_values(op, x, p, span, pattern.span)
    }

    /// The test of two bound values, or what is wrong with their types.
    pub(super) fn match_values(&mut self, op: MatchOp, x: Expr, p: Expr, span: ast::Span, pattern: ast::Span) -> Expr {
        let fits = match (op, &x.data_type, &p.data_type) {
            (MatchOp::Has | MatchOp::Contains, DataType::List(t), e) => common_type(t, e).is_some(),
            (MatchOp::HasAny | MatchOp::HasAll, DataType::List(t), e) => match e {
                DataType::List(u) => common_type(t, u).is_some(),
                one => common_type(t, one).is_some(),
            },
            (MatchOp::Has | MatchOp::HasAny | MatchOp::HasAll, _, _) => false,
            (_, DataType::String | DataType::Json, DataType::String | DataType::Json) => true,
            _ => false,
        };
        if !fits {
            let hint = match op {
                MatchOp::Has | MatchOp::HasAny | MatchOp::HasAll if x.data_type == DataType::String => {
                    "members of a list are tested with `HAS`, parts of a text with `CONTAINS`"
                }
                MatchOp::Has | MatchOp::HasAny | MatchOp::HasAll => "`HAS` tests the members of a list of the same type",
                _ => "texts are tested like this; turn another value into one with CAST(… AS STRING)",
            };
            self.error_hint(code::TYPE, span, format!("{} cannot be tested against {} like this", x.data_type, p.data_type), hint);
            return invalid_predicate();
        }
        if let (MatchOp::Matches, ExprKind::Literal(Value::String(r))) = (op, &p.kind)
            && let Some(problem) = bad_pattern(r)
        {
            return self.error(code::VALUE, pattern, problem);
        }
        Expr::predicate(ExprKind::Match(op, Box::new(x), Box::new(p)))
    }

    fn case(
        &mut self,
        operand: Option<&ast::Expr>,
        whens: &[(ast::Expr, ast::Expr)],
        otherwise: Option<&ast::Expr>,
        span: ast::Span,
        env: &mut Env,
    ) -> Expr {
        let mut arms = Vec::new();
        let operand = operand.map(|o| self.expr(o, env));
        for (when, then) in whens {
            let condition = match &operand {
                Some(o) => {
                    let (x, y) = (self.again(o, when.span), self.expr(when, env));
                    let known = !matches!(x.kind, ExprKind::Invalid) && !matches!(y.kind, ExprKind::Invalid);
                    if known { self.compare(BinaryOp::Equal, x, y, when.span) } else { invalid_predicate() }
                }
                None => self.predicate(when, env),
            };
            arms.push((condition, self.expr(then, env)));
        }
        let other = otherwise.map(|e| self.expr(e, env));
        let values = arms.iter().map(|a| &a.1).chain(&other);
        let Some(data_type) = self.common(values.cloned().collect(), span) else { return Expr::invalid() };
        let arms = arms.into_iter().map(|(c, v)| (c, self.cast_to(v, &data_type))).collect();
        let other = other.map(|e| Box::new(self.cast_to(e, &data_type)));
        Expr { kind: ExprKind::Case(arms, other), data_type }
    }

    /// The common type of values; NULLs fit all. Reports what does not fit.
    pub(super) fn common(&mut self, values: Vec<Expr>, span: ast::Span) -> Option<DataType> {
        let mut out: Option<DataType> = None;
        for v in values {
            if matches!(v.kind, ExprKind::Invalid) {
                return None;
            }
            if v.is_null() {
                continue;
            }
            out = match out {
                None => Some(v.data_type),
                Some(t) => match common_type(&t, &v.data_type) {
                    Some(c) => Some(c),
                    None => {
                        self.error(code::TYPE, span, format!("values of types {t} and {} have no common type", v.data_type));
                        return None;
                    }
                },
            };
        }
        Some(out.unwrap_or(DataType::String))
    }

    fn cast(&mut self, a: &ast::Expr, t: &ast::TypeName, env: &mut Env) -> Expr {
        let inner = self.expr(a, env);
        let Some(t) = self.type_name(t) else { return Expr::invalid() };
        let inner = self.constant_as(inner, &t);
        self.cast_to(inner, &t)
    }

    /// The type a type name means; reports an unknown one.
    pub(super) fn type_name(&mut self, t: &ast::TypeName) -> Option<DataType> {
        let element = match &t.element {
            Some(e) => Some(self.type_name(e)?),
            None => None,
        };
        let found = DataType::from_name(&t.name, &t.args, element);
        if found.is_none() {
            let hint = "types are STRING, BOOLEAN, BIGINT, DOUBLE, DECIMAL(p, s), DATE, TIMESTAMP, LIST<T>, JSON";
            self.error_hint(code::TYPE_NAME, t.span, format!("`{}` is no type", self.words(t.span)), hint);
        }
        found
    }

    fn scalar_query(&mut self, q: &ast::Query, span: ast::Span, env: &Env) -> Expr {
        let Some(query) = self.inner_query(q, env) else { return Expr::invalid() };
        match query.output.as_slice() {
            [one] => Expr { data_type: one.data_type.clone(), kind: ExprKind::Scalar(Box::new(query)) },
            many => self.error(code::COLUMNS, span, format!("a query used as a value needs one column, this one has {}", many.len())),
        }
    }
}

/// The name a parameter's value is given by.
pub(super) fn param_key(p: &ast::Param) -> String {
    match &p.name {
        ast::ParamName::Position(n) => n.to_string(),
        ast::ParamName::Name(n) => n.clone(),
    }
}

pub(super) fn negate_if(negated: bool, e: Expr) -> Expr {
    if negated { Expr::predicate(ExprKind::Not(Box::new(e))) } else { e }
}

/// An error where a condition was expected: no further error follows from it.
pub(super) fn invalid_predicate() -> Expr {
    Expr::predicate(ExprKind::Invalid)
}

/// A number keeps its form: `10` is BIGINT, `10.00` DECIMAL(4,2), `1e6` DOUBLE.
fn number(text: &str) -> Option<Value> {
    if text.contains(['e', 'E']) {
        return text.parse::<f64>().ok().filter(|d| d.is_finite()).map(Value::Double);
    }
    match text.split_once('.') {
        None => text
            .parse::<i64>()
            .ok()
            .map(Value::Int)
            .or_else(|| text.parse::<i128>().ok().filter(|v| v.unsigned_abs() < 10u128.pow(38)).map(|v| Value::Decimal(v, 0))),
        Some((whole, fraction)) if whole.len() + fraction.len() <= 38 => {
            let scale = i8::try_from(fraction.len()).ok()?;
            format!("{whole}{fraction}").parse::<i128>().ok().map(|v| Value::Decimal(v, scale))
        }
        Some(_) => text.parse::<f64>().ok().map(Value::Double),
    }
}

/// Patterns are checked when they run; the one thing worth saying early is an open group.
fn bad_pattern(pattern: &str) -> Option<String> {
    let (mut depth, mut escaped, mut class) = (0i32, false, false);
    for c in pattern.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => class = true,
            ']' => class = false,
            '(' if !class => depth += 1,
            ')' if !class => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            break;
        }
    }
    (depth != 0 || escaped || class).then(|| format!("the regular expression '{pattern}' has an open group, class or escape"))
}
