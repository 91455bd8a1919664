//! Functions: DataFusion's by name, and the few of our own that need a calendar.

mod arithmetic;
mod calendar;
mod collect;
mod digest;
mod guarded;
mod joined;
mod json;
mod kernel;
mod list;
mod mode;
mod number;
mod percentile;
mod round;
mod sample;
mod sum;
mod text;
mod time;
mod url;

use crate::clock;
use arrow::datatypes::DataType as ArrowType;
use datafusion::common::{DataFusionError, Result};
use datafusion::functions::expr_fn as df;
use datafusion::logical_expr::{Expr as DfExpr, ScalarUDF, cast, lit, try_cast};
use eql_catalog::{DataType, Value};
use eql_compiler::bound::{Clock, Expr, ExprKind};
use eql_store::arrow_type;
use eql_timeline::{Calendar, Unit};

pub(crate) use arithmetic::{Operation, arithmetic, negated, too_large};
pub(crate) use calendar::{bucket, later, moved, shift};
pub(crate) use collect::{Gathered, collect};
pub(crate) use joined::both;
pub(crate) use mode::mode;
pub(crate) use percentile::{interpolated, percentile};
pub(crate) use sum::{exact as exact_sum, sum};

fn constant(e: &Expr) -> Option<&str> {
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
pub(crate) fn clocked(name: &str, args: &[Expr], mut lowered: Vec<DfExpr>, clock: &Clock, t: &DataType) -> Result<DfExpr> {
    let calendar: Calendar = clock::calendar(clock)?;
    let unit = args.first().and_then(constant).map_or(Unit::Day, unit_of);
    if matches!(name, "date_add" | "date_diff") {
        lowered.remove(0);
    }
    if let Some(made) = time::call(name, calendar, unit, &mut lowered) {
        let local = *t == DataType::Date && name == "date_add";
        return Ok(if local { bucket(calendar, Unit::Day, 1).call(vec![made]) } else { made });
    }
    let one = |lowered: &mut Vec<DfExpr>| lowered.swap_remove(0);
    Ok(match name {
        "bucket" => {
            let count = match args.get(2).map(|a| &a.kind) {
                Some(ExprKind::Literal(Value::Int(n))) => *n,
                _ => 1,
            };
            bucket(calendar, unit_of(constant(&args[0]).unwrap_or("day")), count).call(vec![lowered.swap_remove(1)])
        }
        "minute" | "hour" | "day" | "week" | "month" | "quarter" | "year" => {
            bucket(calendar, unit_of(name), 1).call(vec![one(&mut lowered)])
        }
        "date" => bucket(calendar, Unit::Day, 1).call(vec![one(&mut lowered)]),
        "date_start" => calendar::date_start(calendar).call(vec![one(&mut lowered)]),
        "date_part" => calendar::part(calendar, constant(&args[0]).unwrap_or("day")).call(vec![lowered.swap_remove(1)]),
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
    let found = match text::call(name, &mut a)?.or_else(|| url::call(name, &mut a)).or_else(|| json::call(name, &mut a)) {
        Some(made) => made,
        None if matches!(name, "concat" | "concat_ws" | "replace" | "regexp_replace") => joined::call(name, a)?,
        None => match number::call(name, &mut a, t, &out)? {
            Some(made) => made,
            None => match list::call(name, &mut a, &out)? {
                Some(made) => made,
                None => other(name, args, a, &out)?,
            },
        },
    };
    // DataFusion's functions choose narrow numbers and views of texts.
    Ok(cast(found, out))
}

fn other(name: &str, args: &[Expr], mut a: Vec<DfExpr>, out: &ArrowType) -> Result<DfExpr> {
    Ok(match name {
        "sampled" => sample::sampled(a),
        "coalesce" => df::coalesce(a),
        "greatest" => df::greatest(a),
        "least" => df::least(a),
        "try_cast" => try_cast(a.swap_remove(0), out.clone()),
        "length" if args.first().is_some_and(|x| matches!(x.data_type, DataType::List(_))) => {
            // DataFusion gives no length for an empty list.
            kernel::kernel("length", ArrowType::Int64, vec![a.swap_remove(0)], list::lengths)
        }
        "length" => df::character_length(a.swap_remove(0)),
        "position" => by_name("strpos", a)?,
        "trim" => by_name("btrim", a)?,
        "substring" => by_name("substr", a)?,
        other => by_name(other, a)?,
    })
}

/// A function of DataFusion's own library.
fn by_name(name: &str, args: Vec<DfExpr>) -> Result<DfExpr> {
    Ok(found(name)?.call(args))
}

/// The same, behind a guard.
fn guarded_by_name(name: &str, args: Vec<DfExpr>, guard: guarded::Guard) -> Result<DfExpr> {
    Ok(guarded::guarded(found(name)?, guard).call(args))
}

fn found(name: &str) -> Result<std::sync::Arc<ScalarUDF>> {
    thread_local! {
        static LIBRARY: std::collections::HashMap<String, std::sync::Arc<ScalarUDF>> = library();
    }
    LIBRARY.with(|l| l.get(name).cloned()).ok_or_else(|| DataFusionError::NotImplemented(format!("the function {name}")))
}

/// DataFusion's functions by name and alias.
fn library() -> std::collections::HashMap<String, std::sync::Arc<ScalarUDF>> {
    let mut out = std::collections::HashMap::new();
    let all = datafusion::functions::all_default_functions().into_iter();
    for f in all.chain(datafusion::functions_nested::all_default_nested_functions()) {
        for alias in f.aliases() {
            out.insert(alias.clone(), f.clone());
        }
        out.insert(f.name().to_string(), f);
    }
    out
}
