//! Missing periods of TREND: a row for each period of the range and each group seen in it.

use super::stage::Stage;
use crate::clock;
use arrow::array::{Array, ArrayRef, UInt32Array, new_null_array};
use arrow::compute::{cast, concat_batches, take};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, ScalarValue};
use eql_compiler::bound::Every;
use hashbrown::{HashMap, HashSet};

/// Periods more than this are an error of the range, not a result.
const PERIODS_MAX: i64 = 100_000;

/// Adds rows. Columns of the input: the period first, then the groups, then aggregates.
#[derive(Debug)]
pub(crate) struct FillStage {
    pub every: Every,
    /// Microseconds `[start, end)`; the least and the greatest value stand for no bound.
    pub during: (i64, i64),
    pub groups: usize,
    /// Aggregates that are 0 rather than NULL in a row that is added.
    pub zero: Vec<bool>,
    pub schema: SchemaRef,
}

impl FillStage {
    /// All periods of the range, as the column has them. A range without a beginning starts with the first period seen, one without an end ends with
    /// the last.
    fn periods(&self, input: &RecordBatch) -> Result<ArrayRef> {
        let mut bucketer = clock::bucketer(&self.every)?;
        let seen = self.seen(input)?;
        let start = if self.during.0 == i64::MIN { seen.map(|s| s.0) } else { Some(self.during.0) };
        let end = if self.during.1 == i64::MAX { seen.map(|s| s.1 + 1) } else { Some(self.during.1) };
        let (Some(start), Some(end)) = (start, end) else { return Ok(input.column(0).slice(0, 0)) };
        if end <= start {
            return Ok(input.column(0).slice(0, 0));
        }
        let (from, to) = (bucketer.index(start), bucketer.index(end - 1));
        if to - from > PERIODS_MAX {
            let what =
                format!("the range has {} periods, more than {PERIODS_MAX}: narrow it, take longer periods, or write NO FILL", to - from);
            return Err(datafusion::common::DataFusionError::ResourcesExhausted(what));
        }
        let index: Vec<i64> = (from..=to).collect();
        crate::fold::period_column(&self.every, &bucketer, &index)
    }

    /// The starts of the first and the last period seen.
    fn seen(&self, input: &RecordBatch) -> Result<Option<(i64, i64)>> {
        let calendar = clock::calendar(&self.every.clock)?;
        let column = input.column(0);
        let mut out: Option<(i64, i64)> = None;
        for i in (0..column.len()).filter(|i| column.is_valid(*i)) {
            let at = match ScalarValue::try_from_array(column, i)? {
                ScalarValue::Date32(Some(d)) => calendar.from_local(i64::from(d) * 86_400_000_000),
                ScalarValue::TimestampMicrosecond(Some(t), _) => t,
                _ => continue,
            };
            out = Some(out.map_or((at, at), |(a, b)| (a.min(at), b.max(at))));
        }
        Ok(out)
    }
}

impl Stage for FillStage {
    fn name(&self) -> &'static str {
        "fill missing periods"
    }

    fn apply(&self, input: RecordBatch) -> Result<RecordBatch> {
        let periods = self.periods(&input)?;
        let types = (0..=self.groups).map(|i| SortField::new(input.column(i).data_type().clone())).collect();
        let keys = RowConverter::new(types)?.convert_columns(&input.columns()[..=self.groups])?;
        let seen: HashSet<_> = keys.iter().map(|r| r.owned()).collect();
        let first = self.groups_of(&input)?;
        let pairs = |f: &dyn Fn(u32, u32) -> u32| {
            let all = (0..first.len() as u32).flat_map(|g| (0..periods.len() as u32).map(move |p| (g, p)));
            UInt32Array::from_iter_values(all.map(|(g, p)| f(g, p)))
        };
        // Every (group, period), of which the missing ones are kept.
        let mut columns = vec![take(&periods, &pairs(&|_, p| p), None)?];
        let of_group = pairs(&|g, _| first[g as usize]);
        for g in 1..=self.groups {
            columns.push(take(input.column(g), &of_group, None)?);
        }
        let types = columns.iter().map(|c| SortField::new(c.data_type().clone())).collect();
        let candidates = RowConverter::new(types)?.convert_columns(&columns)?;
        let missing: UInt32Array =
            candidates.iter().enumerate().filter(|(_, r)| !seen.contains(&r.owned())).map(|(i, _)| i as u32).collect();
        let mut added: Vec<ArrayRef> = columns.iter().map(|c| Ok(take(c, &missing, None)?)).collect::<Result<_>>()?;
        for (i, zero) in self.zero.iter().enumerate() {
            let t = input.column(self.groups + 1 + i).data_type();
            added.push(if *zero {
                cast(&ScalarValue::Int64(Some(0)).to_array_of_size(missing.len())?, t)?
            } else {
                new_null_array(t, missing.len())
            });
        }
        let added = RecordBatch::try_new(self.schema.clone(), added)?;
        let input = RecordBatch::try_new(self.schema.clone(), input.columns().to_vec())?;
        Ok(concat_batches(&self.schema, [&input, &added])?)
    }
}

impl FillStage {
    /// The first row of each group seen; without groups there is one, even when nothing happened.
    fn groups_of(&self, input: &RecordBatch) -> Result<Vec<u32>> {
        if self.groups == 0 {
            return Ok(vec![0]);
        }
        let types = (1..=self.groups).map(|i| SortField::new(input.column(i).data_type().clone())).collect();
        let rows = RowConverter::new(types)?.convert_columns(&input.columns()[1..=self.groups])?;
        let mut first: HashMap<_, u32> = HashMap::new();
        let mut order = Vec::new();
        for (i, r) in rows.iter().enumerate() {
            first.entry(r.owned()).or_insert_with(|| {
                order.push(i as u32);
                i as u32
            });
        }
        Ok(order)
    }
}
