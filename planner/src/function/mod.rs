//! Functions: DataFusion's by name, and the few of our own that need a calendar.

mod calendar;

use crate::clock;
use arrow::datatypes::DataType as ArrowType;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::functions::expr_fn as df;
use datafusion::functions_nested::expr_fn as nested;
use datafusion::logical_expr::{Case, Expr as DfExpr, ScalarUDF, cast, lit};
use eql_catalog::{DataType, Value};
use eql_compiler::bound::{Clock, Expr, ExprKind};
use eql_store::arrow_type;
use eql_timeline::{Calendar, Unit};

pub(crate) use calendar::{bucket, shift};

fn text(e: &Expr) -> Option<&str> {
    match &e.kind {
        ExprKind::Literal(Value::String(s)) => Some(s),
        _ => None,
    }
}

fn unit_of(word: &str) -> Unit {
    match word {
        "millisecond" => Unit::Millisecond,
        "second" => Unit::Second,
        "minute" => Unit::Minute,
        "hour" => Unit::Hour,
        "week" => Unit::Week,
        "month" => Unit::Month,
        "quarter" => Unit::Quarter,
        "year" => Unit::Year,
        _ => Unit::Day,
    }
}

/// A function of time in a zone.
pub(crate) fn clocked(name: &str, args: &[Expr], mut lowered: Vec<DfExpr>, clock: &Clock) -> Result<DfExpr> {
    let calendar: Calendar = clock::calendar(clock)?;
    let one = |lowered: &mut Vec<DfExpr>| lowered.swap_remove(0);
    Ok(match name {
        "bucket" => {
            let count = match args.get(2).map(|a| &a.kind) {
                Some(ExprKind::Literal(Value::Int(n))) => *n,
                _ => 1,
            };
            bucket(calendar, unit_of(text(&args[0]).unwrap_or("day")), count).call(vec![lowered.swap_remove(1)])
        }
        "minute" | "hour" | "day" | "week" | "month" | "quarter" | "year" => {
            bucket(calendar, unit_of(name), 1).call(vec![one(&mut lowered)])
        }
        "date" => bucket(calendar, Unit::Day, 1).call(vec![one(&mut lowered)]),
        "date_start" => calendar::date_start(calendar).call(vec![one(&mut lowered)]),
        "date_part" => calendar::part(calendar, text(&args[0]).unwrap_or("day")).call(vec![lowered.swap_remove(1)]),
        "days_since" => {
            let now = lowered.pop().ok_or_else(|| DataFusionError::Internal("days_since without now".into()))?;
            let micros = cast(now, ArrowType::Int64) - cast(one(&mut lowered), ArrowType::Int64);
            cast(micros, ArrowType::Float64) / lit(86_400_000_000.0)
        }
        "age_in_years" => calendar::age(calendar).call(lowered),
        other => return Err(DataFusionError::NotImplemented(format!("the function {other}"))),
    })
}

/// A function of values.
pub(crate) fn scalar(name: &str, args: &[Expr], mut a: Vec<DfExpr>, t: &DataType) -> Result<DfExpr> {
    let out = arrow_type(t);
    let double = |e: DfExpr| cast(e, ArrowType::Float64);
    let utf8 = |e: DfExpr| cast(e, ArrowType::Utf8);
    let numeric_text = |e: DfExpr, from: Option<&Expr>| if from.is_some_and(|x| x.data_type == DataType::String) { e } else { utf8(e) };
    let at = |a: &mut Vec<DfExpr>, i: usize| std::mem::replace(&mut a[i], lit(ScalarValue::Null));
    Ok(match name {
        "coalesce" => df::coalesce(a),
        "nullif" => {
            let second = at(&mut a, 1);
            df::nullif(at(&mut a, 0), second)
        }
        "greatest" => df::greatest(a),
        "least" => df::least(a),
        "if" => {
            let (c, x, y) = (at(&mut a, 0), at(&mut a, 1), at(&mut a, 2));
            DfExpr::Case(Case::new(None, vec![(Box::new(c), Box::new(cast(x, out.clone())))], Some(Box::new(cast(y, out)))))
        }
        "length" if args.first().is_some_and(|x| matches!(x.data_type, DataType::List(_))) => {
            cast(nested::array_length(at(&mut a, 0)), ArrowType::Int64)
        }
        "length" => cast(df::character_length(at(&mut a, 0)), ArrowType::Int64),
        "position" => cast(by_name("strpos", a)?, ArrowType::Int64),
        "list" => nested::make_array(a),
        "element" => {
            let n = at(&mut a, 1);
            nested::array_element(at(&mut a, 0), n)
        }
        "clean_url" => clean_url(at(&mut a, 0)),
        "floor" | "ceil" | "trunc" | "abs" | "sign" if *t != DataType::Double => {
            cast(by_name(if name == "sign" { "signum" } else { name }, vec![double(at(&mut a, 0))])?, out)
        }
        "round" => {
            let places = if a.len() > 1 { at(&mut a, 1) } else { lit(0i64) };
            let value = at(&mut a, 0);
            let value = if matches!(t, DataType::Decimal(..)) { value } else { double(value) };
            cast(by_name("round", vec![value, places])?, out)
        }
        "mod" => {
            let divisor = crate::lower::nullif(cast(at(&mut a, 1), out.clone()), cast(lit(0i64), out.clone()));
            cast(at(&mut a, 0), out) % divisor
        }
        "sign" => by_name("signum", a)?,
        "sqrt" | "exp" | "ln" | "log10" | "log2" => by_name(name, vec![double(at(&mut a, 0))])?,
        "power" => {
            let y = double(at(&mut a, 1));
            by_name("power", vec![double(at(&mut a, 0)), y])?
        }
        "concat" => by_name("concat", a.into_iter().zip(args).map(|(e, x)| numeric_text(e, Some(x))).collect())?,
        "trim" => by_name("btrim", a)?,
        "substring" => by_name("substr", a)?,
        other => by_name(other, a)?,
    })
}

/// A function of DataFusion's own library.
fn by_name(name: &str, args: Vec<DfExpr>) -> Result<DfExpr> {
    thread_local! {
        static LIBRARY: std::collections::HashMap<String, std::sync::Arc<ScalarUDF>> = library();
    }
    let found = LIBRARY.with(|l| l.get(name).cloned());
    found.map(|f| f.call(args)).ok_or_else(|| DataFusionError::NotImplemented(format!("the function {name}")))
}

/// DataFusion's functions by name and alias.
fn library() -> std::collections::HashMap<String, std::sync::Arc<ScalarUDF>> {
    let mut out = std::collections::HashMap::new();
    for f in datafusion::functions::all_default_functions() {
        for alias in f.aliases() {
            out.insert(alias.clone(), f.clone());
        }
        out.insert(f.name().to_string(), f);
    }
    out
}

/// Without query, fragment, and a slash at the end.
fn clean_url(url: DfExpr) -> DfExpr {
    let part = |e: DfExpr, by: &str| df::split_part(e, lit(by), lit(1i64));
    let bare = part(part(url, "?"), "#");
    let cut = df::rtrim(vec![bare.clone(), lit("/")]);
    // A URL that is only "/" stays.
    DfExpr::Case(Case::new(None, vec![(Box::new(bare.clone().eq(lit("/"))), Box::new(bare))], Some(Box::new(cut))))
}
