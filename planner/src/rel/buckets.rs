//! DISTRIBUTION's buckets: how many rows have a value in each (rules 24, 51).

use super::stage::Stage;
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef};
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, SortField};
use datafusion::common::Result;
use eql_catalog::Value;
use eql_compiler::bound::Cut;
use hashbrown::{HashMap, HashSet};
use std::sync::Arc;

/// Different values up to which each is a bucket of its own.
const VALUES_MAX: usize = 50;
/// Bins beyond that.
const BINS: u64 = 20;

/// Counts rows. Columns of the input: groups, then the value. Of the output: groups, from, to, count, and the count of different values.
#[derive(Debug)]
pub(crate) struct BucketStage {
    pub groups: usize,
    pub cut: Cut,
    /// The column of the input whose different values are counted too.
    pub distinct: Option<usize>,
    pub schema: SchemaRef,
}

/// `[from, to)`; the last bucket of given bounds is open, the last of equal bins holds its upper bound.
pub(super) struct Edges {
    pub from: Vec<f64>,
    pub to: Vec<Option<f64>>,
    /// Every bucket is one value.
    exact: bool,
}

fn as_double(v: &Value) -> f64 {
    match v {
        Value::Int(i) => *i as f64,
        Value::Double(d) => *d,
        Value::Decimal(v, s) => *v as f64 / 10f64.powi(i32::from(*s)),
        _ => f64::NAN,
    }
}

impl BucketStage {
    pub(super) fn edges(&self, values: &Float64Array) -> Edges {
        match &self.cut {
            Cut::Bounds(b) => {
                let from: Vec<f64> = b.iter().map(as_double).collect();
                let to = from.iter().skip(1).map(|f| Some(*f)).chain([None]).collect();
                Edges { from, to, exact: false }
            }
            Cut::Bins(n) => bins(values, *n),
            Cut::Automatic => {
                let mut different: Vec<f64> = values.iter().flatten().collect();
                different.sort_unstable_by(f64::total_cmp);
                different.dedup();
                if different.len() <= VALUES_MAX {
                    Edges { to: different.iter().map(|v| Some(*v)).collect(), from: different, exact: true }
                } else {
                    bins(values, BINS)
                }
            }
        }
    }
}

fn bins(values: &Float64Array, n: u64) -> Edges {
    let (least, greatest) = values.iter().flatten().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    if least > greatest {
        return Edges { from: vec![], to: vec![], exact: false };
    }
    if least == greatest {
        return Edges { from: vec![least], to: vec![Some(greatest)], exact: true };
    }
    let edge = |i: u64| if i == n { greatest } else { least + (greatest - least) * i as f64 / n as f64 };
    Edges { from: (0..n).map(edge).collect(), to: (1..=n).map(|i| Some(edge(i))).collect(), exact: false }
}

impl Edges {
    pub(super) fn bucket(&self, v: f64) -> Option<usize> {
        let i = self.from.partition_point(|f| *f <= v).checked_sub(1)?;
        let inside = match self.to[i] {
            None => true,
            Some(_) if self.exact => self.from[i] == v,
            Some(to) => v < to || (i + 1 == self.from.len() && v == to),
        };
        inside.then_some(i)
    }
}

impl Stage for BucketStage {
    fn name(&self) -> &'static str {
        "count by buckets"
    }

    fn apply(&self, input: RecordBatch) -> Result<RecordBatch> {
        let values = cast(input.column(self.groups), &DataType::Float64)?;
        let values = values.as_primitive::<Float64Type>();
        let edges = self.edges(values);
        let buckets = edges.from.len();
        let (codes, first) = self.groups_of(&input)?;
        let who = self.distinct.map(|c| cast(input.column(c), &DataType::Int64)).transpose()?;
        let mut seen: HashSet<(usize, i64)> = HashSet::new();
        let mut counts = vec![0i64; first.len() * buckets];
        let mut different = counts.clone();
        for i in (0..values.len()).filter(|i| values.is_valid(*i)) {
            let Some(b) = edges.bucket(values.value(i)) else { continue };
            let place = codes[i] as usize * buckets + b;
            counts[place] += 1;
            if let Some(who) = &who
                && seen.insert((place, who.as_primitive::<Int64Type>().value(i)))
            {
                different[place] += 1;
            }
        }
        let rows = first.len() * buckets;
        let owner = UInt32Array::from_iter_values((0..rows).map(|i| first[i / buckets.max(1)]));
        let mut columns: Vec<ArrayRef> = Vec::new();
        for g in 0..self.groups {
            columns.push(take(input.column(g), &owner, None)?);
        }
        let from: ArrayRef = Arc::new(Float64Array::from_iter_values((0..rows).map(|i| edges.from[i % buckets.max(1)])));
        let to: ArrayRef = Arc::new(Float64Array::from_iter((0..rows).map(|i| edges.to[i % buckets.max(1)])));
        let bound_type = self.schema.field(self.groups).data_type();
        columns.push(cast(&from, bound_type)?);
        columns.push(cast(&to, bound_type)?);
        columns.push(Arc::new(Int64Array::from(counts)));
        if who.is_some() {
            columns.push(Arc::new(Int64Array::from(different)));
        }
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }
}

impl BucketStage {
    /// A number for each row's group, and the first row of each group; without groups there is one.
    pub(super) fn groups_of(&self, input: &RecordBatch) -> Result<(Vec<u32>, Vec<u32>)> {
        if self.groups == 0 {
            return Ok((vec![0; input.num_rows()], vec![0]));
        }
        let types = (0..self.groups).map(|i| SortField::new(input.column(i).data_type().clone())).collect();
        let rows = RowConverter::new(types)?.convert_columns(&input.columns()[..self.groups])?;
        let (mut numbers, mut codes, mut first) = (HashMap::new(), Vec::new(), Vec::new());
        for (i, r) in rows.iter().enumerate() {
            let code = *numbers.entry(r.owned()).or_insert_with(|| {
                first.push(i as u32);
                first.len() as u32 - 1
            });
            codes.push(code);
        }
        Ok((codes, first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_half_open_and_bins_hold_the_greatest() {
        let e = Edges { from: vec![1.0, 2.0, 6.0], to: vec![Some(2.0), Some(6.0), None], exact: false };
        assert_eq!([0.5, 1.0, 2.0, 5.9, 6.0, 1e9].map(|v| e.bucket(v)), [None, Some(0), Some(1), Some(1), Some(2), Some(2)]);
        let e = bins(&Float64Array::from(vec![0.0, 10.0]), 5);
        assert_eq!([0.0, 2.0, 10.0].map(|v| e.bucket(v)), [Some(0), Some(1), Some(4)]);
    }
}
