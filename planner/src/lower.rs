//! Bound expressions become DataFusion's. Scans and folds use the same lowering, so a condition means the same everywhere.

use crate::clock;
use crate::function::{self, Operation};
use crate::noted::Noted;
use crate::planner::Planner;
use arrow::datatypes::{DataType as ArrowType, TimeUnit};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::functions_nested::expr_fn as nested;
use datafusion::logical_expr::{Case, Expr as DfExpr, Like, LogicalPlanBuilder, Operator, binary_expr, cast, in_list, lit, not};
use datafusion::prelude::{col, ident};
use eql_catalog::{DataType, Value};
use eql_compiler::bound::{ColumnId, Expr, ExprKind, Query};
use eql_grammar::ast::{BinaryOp, MatchOp};
use eql_store::arrow_type;
use std::sync::Arc;

/// How queries inside expressions are carried out.
pub(crate) enum Subqueries<'a> {
    /// As DataFusion subqueries of the plan.
    Plan(&'a Planner),
    /// Run now, as constants: inside a fold there is no plan around the expression.
    Values(&'a dyn Fn(&Query) -> Result<Vec<ScalarValue>>),
}

/// The lowering of one statement.
pub(crate) struct Lower<'a> {
    pub now: i64,
    pub subqueries: Subqueries<'a>,
    /// Where remarks about the answer are made.
    pub noted: &'a Arc<Noted>,
}

/// The name of a column in plans and batches.
pub(crate) fn column_name(id: ColumnId) -> String {
    format!("c{}", id.0)
}

fn column(id: ColumnId) -> DfExpr {
    ident(column_name(id))
}

fn unsupported<T>(what: &str) -> Result<T> {
    Err(DataFusionError::NotImplemented(what.to_string()))
}

impl Lower<'_> {
    /// A value.
    pub(crate) fn value(&self, e: &Expr) -> Result<DfExpr> {
        Ok(match &e.kind {
            ExprKind::Literal(v) => DfExpr::Literal(scalar(v, &e.data_type)?, None),
            ExprKind::Column(id) => column(*id),
            ExprKind::Now(at) => self.now(at.as_ref())?,
            ExprKind::Arithmetic(op, a, b) => self.arithmetic(*op, a, b, &e.data_type)?,
            ExprKind::Negate(a) if e.data_type == DataType::Int => function::negated(self.value(a)?),
            ExprKind::Negate(a) => DfExpr::Negative(Box::new(self.value(a)?)),
            ExprKind::Shift { time, count, unit, calendar, clock } => {
                let time = cast(self.value(time)?, timestamp());
                let fixed = clock::fixed(*unit).filter(|_| !calendar);
                let shifted = match fixed {
                    Some(micros) => function::later(micros.saturating_mul(*count)).call(vec![time]),
                    None => function::shift(clock::calendar(clock)?, clock::unit(*unit), *count).call(vec![time]),
                };
                if e.data_type == DataType::Date {
                    function::bucket(clock::calendar(clock)?, eql_timeline::Unit::Day, 1).call(vec![shifted])
                } else {
                    shifted
                }
            }
            ExprKind::Case(arms, other) => self.case(arms, other.as_deref())?,
            ExprKind::Cast(a) => cast(self.value(a)?, arrow_type(&e.data_type)),
            ExprKind::Call(name, args, clock) => self.call(name, args, clock.as_ref(), &e.data_type)?,
            ExprKind::Scalar(q) => self.scalar_query(q, &e.data_type)?,
            ExprKind::Invalid => return Err(DataFusionError::Internal("an invalid expression was planned".into())),
            // Predicates as values are never NULL.
            ExprKind::Not(_) | ExprKind::IsNull(_) | ExprKind::IsSet(_) | ExprKind::Exists(_) => self.condition(e)?,
            ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Compare(..) | ExprKind::In(..) | ExprKind::Match(..) | ExprKind::InRange(..) => {
                truth(self.condition(e)?)
            }
            ExprKind::InQuery(..) => truth(self.condition(e)?),
        })
    }

    /// A predicate whose NULL means FALSE to whoever reads it: at the top of a filter, under AND and OR.
    pub(crate) fn condition(&self, e: &Expr) -> Result<DfExpr> {
        Ok(match &e.kind {
            // A bare NULL has no type of its own.
            ExprKind::Literal(Value::Null) => lit(ScalarValue::Boolean(None)),
            ExprKind::And(v) => balanced(v.iter().map(|p| self.condition(p)).collect::<Result<_>>()?, Operator::And, true),
            ExprKind::Or(v) => balanced(v.iter().map(|p| self.condition(p)).collect::<Result<_>>()?, Operator::Or, false),
            ExprKind::Not(a) => not(truth(self.condition(a)?)),
            ExprKind::IsNull(a) => self.value(a)?.is_null(),
            ExprKind::IsSet(a) if matches!(a.data_type, DataType::String | DataType::Json) => truth(self.value(a)?.not_eq(lit(""))),
            ExprKind::IsSet(a) => self.value(a)?.is_not_null(),
            // `!=` is NOT of equality: a missing operand is unequal to everything, another missing one included.
            ExprKind::Compare(BinaryOp::NotEqual, a, b) => not(truth(self.value(a)?.eq(self.value(b)?))),
            ExprKind::Compare(op, a, b) => binary_expr(self.value(a)?, comparison(*op)?, self.value(b)?),
            ExprKind::In(a, list) => in_list(self.value(a)?, list.iter().map(|x| self.value(x)).collect::<Result<_>>()?, false),
            ExprKind::InQuery(a, q) => self.in_query(a, q)?,
            ExprKind::Exists(q) => self.exists(q)?,
            ExprKind::Match(op, a, b) => self.matching(*op, a, b)?,
            ExprKind::InRange(t, range) => {
                let (start, end) = clock::resolve(range, self.now)?;
                let t = self.value(t)?;
                let at = |micros: i64| DfExpr::Literal(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())), None);
                let before = t.clone().lt(at(end));
                if start == i64::MIN { before } else { t.gt_eq(at(start)).and(before) }
            }
            _ => self.value(e)?,
        })
    }

    fn now(&self, at: Option<&eql_grammar::ast::Instant>) -> Result<DfExpr> {
        let now = match at {
            Some(at) => {
                let clock = eql_compiler::bound::Clock { zone: "UTC".into(), week_start: eql_catalog::WeekStart::Monday, as_of: None };
                clock::instant(at, &clock, self.now)?
            }
            None => self.now,
        };
        Ok(DfExpr::Literal(ScalarValue::TimestampMicrosecond(Some(now), Some("UTC".into())), None))
    }

    fn arithmetic(&self, op: BinaryOp, a: &Expr, b: &Expr, t: &DataType) -> Result<DfExpr> {
        let (x, y) = (self.value(a)?, self.value(b)?);
        Ok(match op {
            BinaryOp::Subtract if a.data_type.is_temporal() => {
                let micros = |e: DfExpr, from: &Expr| {
                    if from.data_type == DataType::Date { cast(cast(e, timestamp()), ArrowType::Int64) } else { cast(e, ArrowType::Int64) }
                };
                cast(function::arithmetic(Operation::Subtract, micros(x, a), micros(y, b), self.noted), ArrowType::Float64) / lit(1e6)
            }
            BinaryOp::Divide => self.numbers(Operation::Divide, x, y, &DataType::Double),
            BinaryOp::Modulo => self.numbers(Operation::Modulo, x, y, t),
            BinaryOp::Concat => function::both(x, y),
            BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply if *t == DataType::Double => {
                let op = match op {
                    BinaryOp::Add => Operator::Plus,
                    BinaryOp::Subtract => Operator::Minus,
                    _ => Operator::Multiply,
                };
                binary_expr(cast(x, ArrowType::Float64), op, cast(y, ArrowType::Float64))
            }
            BinaryOp::Add => self.numbers(Operation::Add, x, y, t),
            BinaryOp::Subtract => self.numbers(Operation::Subtract, x, y, t),
            BinaryOp::Multiply => self.product(x, y, (&a.data_type, &b.data_type), t),
            _ => return unsupported("a comparison as arithmetic"),
        })
    }

    /// Both numbers as the result's type.
    fn numbers(&self, operation: Operation, x: DfExpr, y: DfExpr, t: &DataType) -> DfExpr {
        let out = arrow_type(t);
        cast(function::arithmetic(operation, cast(x, out.clone()), cast(y, out.clone()), self.noted), out)
    }

    /// Decimals keep their own places, of which the product has as many as both.
    fn product(&self, x: DfExpr, y: DfExpr, (s, t): (&DataType, &DataType), out: &DataType) -> DfExpr {
        let DataType::Decimal(..) = out else { return self.numbers(Operation::Multiply, x, y, out) };
        let whole = arrow_type(&DataType::Decimal(19, 0));
        let decimal = |e: DfExpr, t: &DataType| if let DataType::Decimal(..) = t { e } else { cast(e, whole.clone()) };
        cast(function::arithmetic(Operation::Multiply, decimal(x, s), decimal(y, t), self.noted), arrow_type(out))
    }

    fn case(&self, arms: &[(Expr, Expr)], other: Option<&Expr>) -> Result<DfExpr> {
        let when_then = arms.iter().map(|(c, v)| Ok((Box::new(self.condition(c)?), Box::new(self.value(v)?)))).collect::<Result<_>>()?;
        let other = other.map(|o| self.value(o)).transpose()?.map(Box::new);
        Ok(DfExpr::Case(Case::new(None, when_then, other)))
    }

    fn call(&self, name: &str, args: &[Expr], clock: Option<&eql_compiler::bound::Clock>, t: &DataType) -> Result<DfExpr> {
        let lowered: Vec<DfExpr> = args.iter().map(|a| self.value(a)).collect::<Result<_>>()?;
        if let Some(clock) = clock {
            return function::clocked(name, args, lowered, clock, t);
        }
        let operation = match name {
            "mod" => Operation::Modulo,
            "div" => Operation::Divide,
            _ => return function::scalar(name, args, lowered, t),
        };
        let mut numbers = lowered.into_iter();
        let mut next = || numbers.next().unwrap_or_else(|| lit(0i64));
        Ok(self.numbers(operation, next(), next(), t))
    }

    fn matching(&self, op: MatchOp, a: &Expr, b: &Expr) -> Result<DfExpr> {
        let (x, y) = (self.value(a)?, self.value(b)?);
        let list = matches!(a.data_type, DataType::List(_));
        Ok(match op {
            MatchOp::Has => nested::array_has(x, y),
            MatchOp::Contains if list => nested::array_has(x, y),
            MatchOp::HasAny | MatchOp::HasAll => {
                let y = if matches!(b.data_type, DataType::List(_)) { y } else { nested::make_array(vec![y]) };
                if op == MatchOp::HasAny { nested::array_has_any(x, y) } else { nested::array_has_all(x, y) }
            }
            MatchOp::Like => DfExpr::Like(Like::new(false, Box::new(x), Box::new(y), None, false)),
            MatchOp::ILike => DfExpr::Like(Like::new(false, Box::new(x), Box::new(y), None, true)),
            MatchOp::Matches => binary_expr(x, Operator::RegexMatch, y),
            MatchOp::Contains => datafusion::functions::string::expr_fn::contains(x, y),
            MatchOp::StartsWith => datafusion::functions::string::expr_fn::starts_with(x, y),
            MatchOp::EndsWith => datafusion::functions::string::expr_fn::ends_with(x, y),
        })
    }

    fn scalar_query(&self, q: &Query, t: &DataType) -> Result<DfExpr> {
        match &self.subqueries {
            Subqueries::Plan(p) => Ok(datafusion::logical_expr::scalar_subquery(p.subquery(q)?.into())),
            Subqueries::Values(run) => {
                let mut values = run(q)?;
                match values.len() {
                    0 => Ok(DfExpr::Literal(scalar(&Value::Null, t)?, None)),
                    1 => Ok(DfExpr::Literal(values.swap_remove(0), None)),
                    n => Err(DataFusionError::Execution(format!("a query used as a value gave {n} rows"))),
                }
            }
        }
    }

    fn in_query(&self, a: &Expr, q: &Query) -> Result<DfExpr> {
        let x = self.value(a)?;
        match &self.subqueries {
            Subqueries::Plan(p) => {
                // Under OR DataFusion takes the column once with a table's name and once without, unless it has one of its own.
                let list = LogicalPlanBuilder::from(p.subquery(q)?).alias("list")?.build()?;
                Ok(datafusion::logical_expr::in_subquery(x, list.into()))
            }
            Subqueries::Values(run) => Ok(in_list(x, run(q)?.into_iter().map(|v| DfExpr::Literal(v, None)).collect(), false)),
        }
    }

    fn exists(&self, q: &Query) -> Result<DfExpr> {
        match &self.subqueries {
            // EXISTS as a value is not planned by DataFusion; a count of at most one row is.
            Subqueries::Plan(p) => Ok(datafusion::logical_expr::scalar_subquery(p.any_row(q)?.into())),
            Subqueries::Values(run) => Ok(lit(!run(q)?.is_empty())),
        }
    }
}

fn timestamp() -> ArrowType {
    ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// NULL becomes FALSE.
pub(crate) fn truth(e: DfExpr) -> DfExpr {
    DfExpr::IsTrue(Box::new(e))
}

pub(crate) fn nullif(a: DfExpr, b: DfExpr) -> DfExpr {
    datafusion::functions::core::expr_fn::nullif(a, b)
}

/// A chain as a tree of low depth: DataFusion walks expressions recursively.
pub(crate) fn balanced(mut parts: Vec<DfExpr>, op: Operator, empty: bool) -> DfExpr {
    while parts.len() > 1 {
        let mut next = Vec::with_capacity(parts.len().div_ceil(2));
        let mut it = parts.into_iter();
        while let Some(a) = it.next() {
            next.push(match it.next() {
                Some(b) => binary_expr(a, op, b),
                None => a,
            });
        }
        parts = next;
    }
    parts.pop().unwrap_or_else(|| lit(empty))
}

fn comparison(op: BinaryOp) -> Result<Operator> {
    Ok(match op {
        BinaryOp::Equal => Operator::Eq,
        BinaryOp::Less => Operator::Lt,
        BinaryOp::LessOrEqual => Operator::LtEq,
        BinaryOp::Greater => Operator::Gt,
        BinaryOp::GreaterOrEqual => Operator::GtEq,
        _ => return unsupported("an arithmetic operator as a comparison"),
    })
}

/// A constant of a type.
pub(crate) fn scalar(v: &Value, t: &DataType) -> Result<ScalarValue> {
    Ok(match v {
        Value::Null => ScalarValue::try_from(&arrow_type(t))?,
        Value::Bool(b) => ScalarValue::Boolean(Some(*b)),
        Value::Int(i) => match t {
            DataType::Int => ScalarValue::Int64(Some(*i)),
            other => ScalarValue::Int64(Some(*i)).cast_to(&arrow_type(other))?,
        },
        Value::Double(d) => ScalarValue::Float64(Some(*d)),
        Value::Decimal(v, s) => {
            let precision = v.unsigned_abs().to_string().len().max(usize::from(s.unsigned_abs())).clamp(1, 38);
            ScalarValue::Decimal128(Some(*v), u8::try_from(precision).unwrap_or(38), *s)
        }
        Value::String(s) => ScalarValue::Utf8(Some(s.clone())),
        Value::Date(d) => ScalarValue::Date32(Some(*d)),
        Value::Timestamp(t) => ScalarValue::TimestampMicrosecond(Some(*t), Some("UTC".into())),
        Value::List(items) => {
            let element = match t {
                DataType::List(e) => e.as_ref().clone(),
                _ => DataType::String,
            };
            let values = items.iter().map(|i| scalar(i, &element)).collect::<Result<Vec<_>>>()?;
            ScalarValue::List(ScalarValue::new_list_nullable(&values, &arrow_type(&element)))
        }
    })
}

/// The column of an id, for plans.
pub(crate) fn plan_column(id: ColumnId) -> DfExpr {
    col(column_name(id))
}
