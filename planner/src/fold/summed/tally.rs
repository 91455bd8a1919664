//! One aggregate of every group.

use crate::function::too_large;
use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, Decimal128Type, DecimalType, Float64Type, Int64Type};
use datafusion::common::{DataFusionError, Result};
use eql_compiler::bound::{Aggregate, Aggregation};
use eql_store::arrow_type;
use std::sync::Arc;

/// Bytes that a group takes at most.
pub(super) const BYTES: usize = 32;

/// What is made of values.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Rows, or values that are not NULL.
    Count,
    /// Different values, none of which is in two batches.
    Distinct,
    Sum(ArrowType),
    Average,
}

impl Kind {
    pub(super) fn of(a: &Aggregate) -> Result<Kind> {
        Ok(match a.function {
            Aggregation::Count => Kind::Count,
            Aggregation::CountDistinct => Kind::Distinct,
            Aggregation::Sum => Kind::Sum(arrow_type(&a.data_type)),
            Aggregation::Average => Kind::Average,
            ref other => return Err(DataFusionError::Internal(format!("{other:?} is no sum"))),
        })
    }
}

/// By group; the second number counts the values of a sum, of which none is NULL.
pub(super) enum Tally {
    Count(Vec<i64>),
    Distinct(Vec<i64>),
    /// Exact on the way: only a sum that does not fit in the end is refused.
    Integers(Vec<(i128, i64)>),
    Doubles(Vec<(f64, i64)>, ArrowType),
    Decimals(Vec<(i128, i64)>, ArrowType),
    Average(Vec<(f64, i64)>),
}

fn overflow() -> DataFusionError {
    too_large("a sum", &ArrowType::Decimal128(Decimal128Type::MAX_PRECISION, 0))
}

impl Tally {
    pub(super) fn new(kind: &Kind) -> Tally {
        match kind {
            Kind::Count => Tally::Count(vec![]),
            Kind::Distinct => Tally::Distinct(vec![]),
            Kind::Average => Tally::Average(vec![]),
            Kind::Sum(ArrowType::Int64) => Tally::Integers(vec![]),
            Kind::Sum(t @ ArrowType::Decimal128(..)) => Tally::Decimals(vec![], t.clone()),
            Kind::Sum(t) => Tally::Doubles(vec![], t.clone()),
        }
    }

    /// Makes room for so many groups.
    pub(super) fn grow(&mut self, groups: usize) {
        match self {
            Tally::Count(n) | Tally::Distinct(n) => n.resize(groups, 0),
            Tally::Integers(s) => s.resize(groups, (0, 0)),
            Tally::Doubles(s, _) | Tally::Average(s) => s.resize(groups, (0.0, 0)),
            Tally::Decimals(s, _) => s.resize(groups, (0, 0)),
        }
    }

    /// Adds rows of these groups, those that pass.
    pub(super) fn add(&mut self, groups: &[u32], values: Option<&ArrayRef>, passes: impl Fn(usize) -> bool) -> Result<()> {
        let nulls = values.and_then(|v| v.logical_nulls());
        let counted = |row: &usize| nulls.as_ref().is_none_or(|n| n.is_valid(*row)) && passes(*row);
        let rows = (0..groups.len()).filter(counted);
        let wanted = || values.ok_or_else(|| DataFusionError::Internal("a sum without its value".into()));
        match self {
            Tally::Count(n) => rows.for_each(|row| n[groups[row] as usize] += 1),
            Tally::Distinct(n) => {
                let values = wanted()?.as_primitive::<Int64Type>().values();
                let mut seen: Vec<(u32, i64)> = rows.map(|row| (groups[row], values[row])).collect();
                seen.sort_unstable();
                seen.dedup();
                seen.iter().for_each(|(group, _)| n[*group as usize] += 1);
            }
            Tally::Integers(sums) => {
                let values = cast(wanted()?, &ArrowType::Int64)?;
                let values = values.as_primitive::<Int64Type>().values();
                for row in rows {
                    let sum = &mut sums[groups[row] as usize];
                    *sum = (sum.0 + i128::from(values[row]), sum.1 + 1);
                }
            }
            Tally::Decimals(sums, t) => {
                let values = cast(wanted()?, t)?;
                let values = values.as_primitive::<Decimal128Type>().values();
                for row in rows {
                    let sum = &mut sums[groups[row] as usize];
                    *sum = (sum.0.checked_add(values[row]).ok_or_else(overflow)?, sum.1 + 1);
                }
            }
            Tally::Doubles(sums, _) | Tally::Average(sums) => {
                let values = cast(wanted()?, &ArrowType::Float64)?;
                let values = values.as_primitive::<Float64Type>().values();
                rows.for_each(|row| {
                    let sum = &mut sums[groups[row] as usize];
                    *sum = (sum.0 + values[row], sum.1 + 1);
                });
            }
        }
        Ok(())
    }

    /// Adds what another partition made, whose groups are these.
    pub(super) fn merge(&mut self, other: &Tally, groups: &[u32]) -> Result<()> {
        let groups = groups.iter().map(|g| *g as usize);
        match (self, other) {
            (Tally::Count(all), Tally::Count(own)) | (Tally::Distinct(all), Tally::Distinct(own)) => {
                groups.zip(own).for_each(|(g, n)| all[g] += n);
            }
            (Tally::Integers(all), Tally::Integers(own)) => {
                groups.zip(own).for_each(|(g, (sum, n))| all[g] = (all[g].0 + sum, all[g].1 + n));
            }
            (Tally::Decimals(all, _), Tally::Decimals(own, _)) => {
                for (g, (sum, n)) in groups.zip(own) {
                    all[g] = (all[g].0.checked_add(*sum).ok_or_else(overflow)?, all[g].1 + n);
                }
            }
            (Tally::Doubles(all, _), Tally::Doubles(own, _)) | (Tally::Average(all), Tally::Average(own)) => {
                groups.zip(own).for_each(|(g, (sum, n))| all[g] = (all[g].0 + sum, all[g].1 + n));
            }
            _ => return Err(DataFusionError::Internal("sums of different kinds".into())),
        }
        Ok(())
    }

    /// The column: a sum or average of nothing is NULL.
    pub(super) fn finish(self) -> Result<ArrayRef> {
        Ok(match self {
            Tally::Count(n) | Tally::Distinct(n) => Arc::new(Int64Array::from(n)),
            Tally::Integers(sums) => {
                let fit = |sum| i64::try_from(sum).map_err(|_| too_large("a sum", &ArrowType::Int64));
                let sums = sums.into_iter().map(|(sum, n)| (n > 0).then(|| fit(sum)).transpose());
                Arc::new(sums.collect::<Result<Int64Array>>()?)
            }
            Tally::Doubles(sums, t) => {
                let sums: ArrayRef = Arc::new(sums.into_iter().map(|(sum, n)| (n > 0).then_some(sum)).collect::<Float64Array>());
                if *sums.data_type() == t { sums } else { cast(&sums, &t)? }
            }
            Tally::Decimals(sums, t) => {
                let fit = |sum| match Decimal128Type::is_valid_decimal_precision(sum, Decimal128Type::MAX_PRECISION) {
                    true => Ok(sum),
                    false => Err(overflow()),
                };
                let sums = sums.into_iter().map(|(sum, n)| (n > 0).then(|| fit(sum)).transpose());
                let sums = sums.collect::<Result<Decimal128Array>>()?;
                match t {
                    ArrowType::Decimal128(p, s) => Arc::new(sums.with_precision_and_scale(p, s)?),
                    _ => Arc::new(sums),
                }
            }
            Tally::Average(sums) => Arc::new(sums.into_iter().map(|(sum, n)| (n > 0).then(|| sum / n as f64)).collect::<Float64Array>()),
        })
    }
}
