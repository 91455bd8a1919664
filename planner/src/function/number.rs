//! Functions of numbers. What has no result as a number is NULL.

use super::arithmetic::absolute;
use super::by_name;
use super::kernel::kernel;
use super::round::{rounded, rounding};
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::datatypes::{DataType as ArrowType, Float64Type, Int64Type};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{Expr as DfExpr, cast, lit};
use eql_catalog::DataType;
use std::sync::Arc;

/// The function of a name; None when it is none of this page. `out` is the type of the result.
pub(super) fn call(name: &str, a: &mut Vec<DfExpr>, t: &DataType, out: &ArrowType) -> Result<Option<DfExpr>> {
    let args = std::mem::take(a);
    let count = args.len();
    let mut it = args.into_iter();
    let mut next = || it.next().unwrap_or_else(|| lit(0i64));
    if let Some(how) = rounding(name) {
        let value = cast(next(), out.clone());
        let places = if count > 1 { Some(next()) } else { None };
        return Ok(Some(rounded(how, value, places, out)));
    }
    Ok(Some(match name {
        "abs" if *t == DataType::Int => absolute(next()),
        "abs" => by_name("abs", vec![next()])?,
        "sign" => by_name("signum", vec![double(next())])?,
        "width_bucket" => kernel("width_bucket", ArrowType::Int64, it.collect(), width_bucket),
        "pi" => lit(std::f64::consts::PI),
        "power" => two("power", it.collect(), f64::powf),
        "log" => two("log", it.collect(), |base, x| x.log(base)),
        "atan2" => two("atan2", it.collect(), f64::atan2),
        _ => match REAL.iter().find(|(n, _)| *n == name) {
            Some((name, f)) => one(name, it.collect(), *f),
            None => {
                *a = it.collect();
                return Ok(None);
            }
        },
    }))
}

/// A function of a real number, by its name.
type Real = (&'static str, fn(f64) -> f64);

const REAL: &[Real] = &[
    ("sqrt", f64::sqrt),
    ("cbrt", f64::cbrt),
    ("exp", f64::exp),
    ("ln", f64::ln),
    ("log10", f64::log10),
    ("log2", f64::log2),
    ("sin", f64::sin),
    ("cos", f64::cos),
    ("tan", f64::tan),
    ("cot", |x| 1.0 / x.tan()),
    ("asin", f64::asin),
    ("acos", f64::acos),
    ("atan", f64::atan),
    ("degrees", f64::to_degrees),
    ("radians", f64::to_radians),
];

fn double(e: DfExpr) -> DfExpr {
    cast(e, ArrowType::Float64)
}

/// Infinity and "not a number" are NULL.
fn one(name: &'static str, args: Vec<DfExpr>, f: fn(f64) -> f64) -> DfExpr {
    kernel(name, ArrowType::Float64, args, move |a| {
        let results = doubles(a, 0)?.iter().map(|x| x.map(f).filter(|y| y.is_finite()));
        Ok(Arc::new(results.collect::<Float64Array>()))
    })
}

fn two(name: &'static str, args: Vec<DfExpr>, f: fn(f64, f64) -> f64) -> DfExpr {
    kernel(name, ArrowType::Float64, args, move |a| {
        let results = doubles(a, 0)?.iter().zip(doubles(a, 1)?).map(|(x, y)| Some(f(x?, y?)).filter(|z| z.is_finite()));
        Ok(Arc::new(results.collect::<Float64Array>()))
    })
}

fn doubles(a: &[ArrayRef], n: usize) -> Result<&Float64Array> {
    a.get(n)
        .and_then(|x| x.as_primitive_opt::<Float64Type>())
        .ok_or_else(|| DataFusionError::Internal(format!("argument {n} is no number")))
}

fn width_bucket(a: &[ArrayRef]) -> Result<ArrayRef> {
    let (x, low, high) = (doubles(a, 0)?, doubles(a, 1)?, doubles(a, 2)?);
    let count = a[3].as_primitive::<Int64Type>();
    let bin_of = |i: usize| {
        let all = x.is_valid(i) && low.is_valid(i) && high.is_valid(i) && count.is_valid(i);
        if all { bin(x.value(i), low.value(i), high.value(i), count.value(i)) } else { None }
    };
    Ok(Arc::new((0..x.len()).map(bin_of).collect::<Int64Array>()))
}

/// NULL where the bounds or the count make no bins.
fn bin(x: f64, low: f64, high: f64, count: i64) -> Option<i64> {
    if count < 1 || low >= high || !x.is_finite() {
        return None;
    }
    Some(if x < low {
        0
    } else if x >= high {
        count.saturating_add(1)
    } else {
        (((x - low) / (high - low) * count as f64) as i64).min(count - 1) + 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_their_lower_bound() {
        let bins = [-0.1, 0.0, 9.99, 10.0, 99.9, 100.0].map(|x| bin(x, 0.0, 100.0, 10));
        assert_eq!(bins, [Some(0), Some(1), Some(1), Some(2), Some(10), Some(11)]);
        assert_eq!((bin(1.0, 5.0, 5.0, 3), bin(1.0, 0.0, 5.0, 0)), (None, None));
    }
}
