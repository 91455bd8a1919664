//! Functions of numbers. What has no result as a number is NULL.

use super::by_name;
use super::kernel::kernel;
use crate::lower::nullif;
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::datatypes::{DataType as ArrowType, Float64Type, Int64Type};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{Expr as DfExpr, cast, lit};
use eql_catalog::DataType;
use std::sync::Arc;

/// The function of a name; None when it is none of this page. `out` is the type of the result.
pub(super) fn call(name: &str, a: &mut Vec<DfExpr>, t: &DataType, out: &ArrowType) -> Result<Option<DfExpr>> {
    let args = std::mem::take(a);
    let mut it = args.into_iter();
    let mut next = || it.next().unwrap_or_else(|| lit(0i64));
    Ok(Some(match name {
        "abs" => by_name("abs", vec![next()])?,
        "floor" | "ceil" if *t == DataType::Int => next(),
        "floor" | "ceil" => by_name(name, vec![double(next())])?,
        "sign" => by_name("signum", vec![double(next())])?,
        "trunc" => {
            let (value, places) = (next(), next());
            by_name("trunc", vec![double(value), places])?
        }
        "round" => {
            let (value, places) = (next(), next());
            let value = if matches!(t, DataType::Decimal(..)) { value } else { double(value) };
            by_name("round", vec![value, places])?
        }
        "mod" => {
            let value = cast(next(), out.clone());
            value % nullif(cast(next(), out.clone()), cast(lit(0i64), out.clone()))
        }
        "div" => {
            let value = next();
            value / nullif(next(), lit(0i64))
        }
        "width_bucket" => kernel("width_bucket", ArrowType::Int64, it.collect(), width_bucket),
        "sqrt" | "cbrt" | "power" | "exp" | "ln" | "log10" | "log2" | "log" | "sin" | "cos" | "tan" | "cot" | "asin" | "acos" | "atan"
        | "atan2" | "degrees" | "radians" => finite(by_name(name, it.map(double).collect())?),
        _ => {
            *a = it.collect();
            return Ok(None);
        }
    }))
}

fn double(e: DfExpr) -> DfExpr {
    cast(e, ArrowType::Float64)
}

/// Infinity and "not a number" are NULL.
fn finite(e: DfExpr) -> DfExpr {
    kernel("finite", ArrowType::Float64, vec![e], |a| {
        let values = a[0].as_primitive::<Float64Type>();
        if values.iter().all(|v| v.is_none_or(f64::is_finite)) {
            return Ok(a[0].clone());
        }
        Ok(Arc::new(values.iter().map(|v| v.filter(|x| x.is_finite())).collect::<Float64Array>()))
    })
}

fn width_bucket(a: &[ArrayRef]) -> Result<ArrayRef> {
    let at = |n: usize| a[n].as_primitive_opt::<Float64Type>().ok_or_else(|| DataFusionError::Internal("width_bucket takes numbers".into()));
    let (x, low, high) = (at(0)?, at(1)?, at(2)?);
    let count = a[3].as_primitive::<Int64Type>();
    let one = |i: usize| {
        let all = x.is_valid(i) && low.is_valid(i) && high.is_valid(i) && count.is_valid(i);
        if all { bin(x.value(i), low.value(i), high.value(i), count.value(i)) } else { None }
    };
    Ok(Arc::new((0..x.len()).map(one).collect::<Int64Array>()))
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
