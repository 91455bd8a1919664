//! Aggregates over runs of values: one result a run.

use super::favourite::top;
use crate::function::too_large;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, ListArray, StringBuilder, UInt32Array,
    make_comparator,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::compute::{SortOptions, cast, take};
use arrow::datatypes::{DataType, Decimal128Type, DecimalType, Field, Float64Type, Int64Type};
use arrow::row::{RowConverter, SortField};
use datafusion::common::{DataFusionError, Result};
use eql_compiler::bound::Aggregation;
use eql_timeline::aggregate as fold;
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

/// Aggregates the runs `offsets[i]..offsets[i + 1]` of `values`; without values, rows are counted. `out` is the type of the result.
pub(crate) fn aggregate(function: &Aggregation, values: Option<&ArrayRef>, offsets: &[usize], out: &DataType) -> Result<ArrayRef> {
    let runs = || offsets.windows(2).map(|w| w[0]..w[1]);
    let Some(values) = values else {
        return match function {
            Aggregation::Count => Ok(Arc::new(Int64Array::from_iter_values(runs().map(|r| r.len() as i64)))),
            other => Err(DataFusionError::Internal(format!("{other:?} needs a value"))),
        };
    };
    let valid = |r: Range<usize>| r.filter(|i| values.is_valid(*i));
    let result: ArrayRef = match function {
        Aggregation::Count => Arc::new(Int64Array::from_iter_values(runs().map(|r| valid(r).count() as i64))),
        Aggregation::CountDistinct => Arc::new(distinct(values, offsets)?),
        Aggregation::Sum => sum(values, offsets, out)?,
        Aggregation::Min => pick(values, runs().map(|r| extreme(values, valid(r), Ordering::Less)))?,
        Aggregation::Max => pick(values, runs().map(|r| extreme(values, valid(r), Ordering::Greater)))?,
        Aggregation::First | Aggregation::Any => pick(values, runs().map(|r| Ok((!r.is_empty()).then_some(r.start))))?,
        Aggregation::Last => pick(values, runs().map(|r| Ok((!r.is_empty()).then(|| r.end - 1))))?,
        Aggregation::Average
        | Aggregation::Percentile(_)
        | Aggregation::StdDev
        | Aggregation::StdDevPopulation
        | Aggregation::Variance
        | Aggregation::VariancePopulation => numbers(function, values, offsets)?,
        Aggregation::Distinct(inner) => {
            let (kept, ends) = different(values, offsets)?;
            aggregate(inner, Some(&kept), &ends, out)?
        }
        Aggregation::BoolAnd | Aggregation::BoolOr => {
            let b = values.as_boolean();
            let all = *function == Aggregation::BoolAnd;
            let one = |r: Range<usize>| {
                let mut seen = valid(r).map(|i| b.value(i)).peekable();
                seen.peek().is_some().then(|| if all { seen.all(|v| v) } else { seen.any(|v| v) })
            };
            Arc::new(runs().map(one).collect::<BooleanArray>())
        }
        Aggregation::List => {
            let ends: Vec<i32> = offsets.iter().map(|o| i32::try_from(*o).unwrap_or(i32::MAX)).collect();
            let field = Arc::new(Field::new("item", values.data_type().clone(), true));
            Arc::new(ListArray::try_new(field, OffsetBuffer::new(ScalarBuffer::from(ends)), values.clone(), None)?)
        }
        Aggregation::Join(separator) => {
            let text = cast(values, &DataType::Utf8)?;
            let text = text.as_string::<i32>();
            let mut b = StringBuilder::new();
            for r in runs() {
                let parts: Vec<&str> = valid(r).map(|i| text.value(i)).collect();
                if parts.is_empty() { b.append_null() } else { b.append_value(parts.join(separator)) }
            }
            Arc::new(b.finish())
        }
        Aggregation::Periods(_) | Aggregation::Streak(_) => periods(function, values, offsets)?,
        Aggregation::Correlation | Aggregation::Covariance | Aggregation::CovariancePopulation | Aggregation::Mode => {
            return Err(DataFusionError::Internal(format!("{function:?} over what one entity did")));
        }
        Aggregation::Top(n) => top(values, None, offsets, *n, out)?,
    };
    Ok(if result.data_type() == out { result } else { cast(&result, out)? })
}

/// Different period numbers, or the longest run of consecutive ones.
fn periods(function: &Aggregation, values: &ArrayRef, offsets: &[usize]) -> Result<ArrayRef> {
    let v = values.as_primitive::<Int64Type>().values();
    let one = |w: &[usize]| {
        let rows = w[0]..w[1];
        let n = if matches!(function, Aggregation::Streak(_)) { fold::streak(rows, v) } else { fold::distinct_periods(rows, v) };
        i64::try_from(n).unwrap_or(i64::MAX)
    };
    Ok(Arc::new(Int64Array::from_iter_values(offsets.windows(2).map(one))))
}

/// Every value of a run once, in the order of the values, and the runs' new ends.
fn different(values: &ArrayRef, offsets: &[usize]) -> Result<(ArrayRef, Vec<usize>)> {
    let options = SortOptions { descending: false, nulls_first: false };
    let fields = vec![SortField::new_with_options(values.data_type().clone(), options)];
    let rows = RowConverter::new(fields)?.convert_columns(std::slice::from_ref(values))?;
    let (mut kept, mut ends) = (Vec::<u32>::new(), vec![0]);
    for w in offsets.windows(2) {
        let mut run: Vec<usize> = (w[0]..w[1]).collect();
        run.sort_unstable_by_key(|i| rows.row(*i));
        run.dedup_by_key(|i| rows.row(*i));
        kept.extend(run.into_iter().map(|i| u32::try_from(i).unwrap_or(u32::MAX)));
        ends.push(kept.len());
    }
    Ok((take(values, &UInt32Array::from(kept), None)?, ends))
}

fn distinct(values: &ArrayRef, offsets: &[usize]) -> Result<Int64Array> {
    let mut scratch: Vec<i64> = Vec::new();
    if let Some(v) = values.as_primitive_opt::<Int64Type>() {
        return Ok(Int64Array::from_iter_values(offsets.windows(2).map(|w| {
            scratch.clear();
            scratch.extend((w[0]..w[1]).filter(|i| v.is_valid(*i)).map(|i| v.value(i)));
            scratch.sort_unstable();
            scratch.dedup();
            scratch.len() as i64
        })));
    }
    let rows = RowConverter::new(vec![SortField::new(values.data_type().clone())])?.convert_columns(std::slice::from_ref(values))?;
    let mut kept = Vec::new();
    Ok(Int64Array::from_iter_values(offsets.windows(2).map(|w| {
        kept.clear();
        kept.extend((w[0]..w[1]).filter(|i| values.is_valid(*i)).map(|i| rows.row(i)));
        kept.sort_unstable();
        kept.dedup();
        kept.len() as i64
    })))
}

/// Sums: exact for integers and decimals, rounded once for DOUBLE; 0 over nothing.
fn sum(values: &ArrayRef, offsets: &[usize], out: &DataType) -> Result<ArrayRef> {
    let overflow = || too_large("a sum", out);
    let runs = offsets.windows(2);
    Ok(match values.data_type() {
        DataType::Int64 => {
            let v = values.as_primitive::<Int64Type>();
            let one =
                |w: &[usize]| i64::try_from(fold::sum_i64((w[0]..w[1]).filter(|i| v.is_valid(*i)), v.values())).map_err(|_| overflow());
            Arc::new(Int64Array::from(runs.map(one).collect::<Result<Vec<_>>>()?))
        }
        DataType::Decimal128(_, scale) => {
            let v = values.as_primitive::<Decimal128Type>();
            let fits = |sum: &i128| Decimal128Type::is_valid_decimal_precision(*sum, Decimal128Type::MAX_PRECISION);
            let one = |w: &[usize]| fold::sum_i128((w[0]..w[1]).filter(|i| v.is_valid(*i)), v.values()).filter(fits).ok_or_else(overflow);
            let sums = Decimal128Array::from(runs.map(one).collect::<Result<Vec<_>>>()?);
            Arc::new(sums.with_precision_and_scale(38, *scale)?)
        }
        _ => {
            let v = cast(values, &DataType::Float64)?;
            let v = v.as_primitive::<Float64Type>();
            let sums: ArrayRef =
                Arc::new(Float64Array::from_iter_values(runs.map(|w| fold::sum_f64((w[0]..w[1]).filter(|i| v.is_valid(*i)), v.values()))));
            cast(&sums, out)?
        }
    })
}

/// Averages, percentiles and spreads of numbers.
fn numbers(function: &Aggregation, values: &ArrayRef, offsets: &[usize]) -> Result<ArrayRef> {
    let v = cast(values, &DataType::Float64)?;
    let v = v.as_primitive::<Float64Type>();
    let mut scratch: Vec<f64> = Vec::new();
    let mut one = |w: &[usize]| {
        scratch.clear();
        scratch.extend((w[0]..w[1]).filter(|i| v.is_valid(*i)).map(|i| v.value(i)));
        let n = scratch.len() as f64;
        if scratch.is_empty() {
            return None;
        }
        let mean = fold::sum_f64(0..scratch.len(), &scratch) / n;
        Some(match function {
            Aggregation::Average => mean,
            Aggregation::Percentile(p) => return crate::function::interpolated(&mut scratch, *p),
            _ => {
                let population = matches!(function, Aggregation::StdDevPopulation | Aggregation::VariancePopulation);
                if !population && scratch.len() < 2 {
                    return None;
                }
                let variance = scratch.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / if population { n } else { n - 1.0 };
                if matches!(function, Aggregation::StdDev | Aggregation::StdDevPopulation) { variance.sqrt() } else { variance }
            }
        })
    };
    Ok(Arc::new(offsets.windows(2).map(&mut one).collect::<Float64Array>()))
}

/// The index of the first least (or greatest) value.
fn extreme(values: &ArrayRef, mut rows: impl Iterator<Item = usize>, wanted: Ordering) -> Result<Option<usize>> {
    let Some(mut best) = rows.next() else { return Ok(None) };
    let compare = make_comparator(values, values, SortOptions::default())?;
    for i in rows {
        if compare(i, best) == wanted {
            best = i;
        }
    }
    Ok(Some(best))
}

fn pick(values: &ArrayRef, rows: impl Iterator<Item = Result<Option<usize>>>) -> Result<ArrayRef> {
    let index: UInt32Array = rows.map(|r| r.map(|i| i.and_then(|i| u32::try_from(i).ok()))).collect::<Result<Vec<_>>>()?.into();
    Ok(take(values, &index, None)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(f: Aggregation, values: ArrayRef, out: DataType) -> ArrayRef {
        aggregate(&f, Some(&values), &[0, 3, 3, 5], &out).expect("aggregates")
    }

    #[test]
    fn runs_of_numbers_with_a_gap_and_a_missing_value() {
        let v: ArrayRef = Arc::new(Int64Array::from(vec![Some(2), None, Some(2), Some(5), Some(4)]));
        let ints = |a: &ArrayRef| a.as_primitive::<Int64Type>().iter().collect::<Vec<_>>();
        assert_eq!(ints(&run(Aggregation::Count, v.clone(), DataType::Int64)), [Some(2), Some(0), Some(2)]);
        assert_eq!(ints(&run(Aggregation::CountDistinct, v.clone(), DataType::Int64)), [Some(1), Some(0), Some(2)]);
        assert_eq!(ints(&run(Aggregation::Sum, v.clone(), DataType::Int64)), [Some(4), Some(0), Some(9)]);
        assert_eq!(ints(&run(Aggregation::Min, v.clone(), DataType::Int64)), [Some(2), None, Some(4)]);
        assert_eq!(ints(&run(Aggregation::Last, v.clone(), DataType::Int64)), [Some(2), None, Some(4)]);
        let medians = run(Aggregation::Percentile(0.5), v, DataType::Float64);
        assert_eq!(medians.as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), [Some(2.0), None, Some(4.5)]);
    }
}
