//! A percentile, interpolated exactly. DataFusion's cuts the weight of the interpolation to six digits: of two neighbours a day apart it misses by a tenth of a second.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, ListArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr as DfExpr, GroupsAccumulator, Signature, Volatility,
};
use std::sync::Arc;

/// The call `percentile(value, p)`; the value is a DOUBLE.
pub(crate) fn percentile(value: DfExpr, p: f64) -> DfExpr {
    let signature = Signature::exact(vec![DataType::Float64], Volatility::Immutable);
    AggregateUDF::new_from_impl(Percentile { bits: p.to_bits(), signature }).call(vec![value])
}

/// Linear interpolation between neighbours, as SQL's `percentile_cont`.
pub(crate) fn interpolated(values: &mut [f64], p: f64) -> Option<f64> {
    let at = p * (values.len().checked_sub(1)?) as f64;
    let (_, low, above) = values.select_nth_unstable_by(at.floor() as usize, f64::total_cmp);
    let low = *low;
    let part = at - at.floor();
    if part == 0.0 {
        return Some(low);
    }
    let high = above.iter().copied().min_by(f64::total_cmp)?;
    Some(low + (high - low) * part)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Percentile {
    /// The fraction, as bits: they can be compared and hashed.
    bits: u64,
    signature: Signature,
}

impl AggregateUDFImpl for Percentile {
    fn name(&self) -> &str {
        "percentile"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One { groups: Groups::new(f64::from_bits(self.bits), args.is_distinct) }))
    }

    fn state_fields(&self, _: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new("values", DataType::new_list(DataType::Float64, true), true))])
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Groups::new(f64::from_bits(self.bits), args.is_distinct)))
    }
}

/// All values of every group.
#[derive(Debug)]
struct Groups {
    p: f64,
    distinct: bool,
    values: Vec<Vec<f64>>,
    held: usize,
}

impl Groups {
    fn new(p: f64, distinct: bool) -> Self {
        Groups { p, distinct, values: Vec::new(), held: 0 }
    }

    fn grow(&mut self, groups: usize) {
        if self.values.len() < groups {
            self.values.resize_with(groups, Vec::new);
        }
    }

    fn push(&mut self, group: usize, value: f64) {
        if let Some(values) = self.values.get_mut(group) {
            values.push(value);
            self.held += 1;
        }
    }

    fn take(&mut self, emit: EmitTo) -> Vec<Vec<f64>> {
        let taken = emit.take_needed(&mut self.values);
        self.held -= taken.iter().map(Vec::len).sum::<usize>();
        taken
    }

    fn result(&self, values: &mut Vec<f64>) -> Option<f64> {
        if self.distinct {
            values.sort_unstable_by(f64::total_cmp);
            values.dedup_by(|a, b| a.total_cmp(b).is_eq());
        }
        interpolated(values, self.p)
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(&mut self, args: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, total: usize) -> Result<()> {
        self.grow(total);
        let values = doubles(&args[0])?;
        for (row, &group) in groups.iter().enumerate().filter(|(row, _)| counts(values, filter, *row)) {
            self.push(group, values.value(row));
        }
        Ok(())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let mut taken = self.take(emit);
        Ok(Arc::new(taken.iter_mut().map(|values| self.result(values)).collect::<Float64Array>()))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let taken = self.take(emit);
        Ok(vec![lists(taken.iter().map(Vec::len), taken.concat())?])
    }

    fn convert_to_state(&self, args: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = doubles(&args[0])?;
        let counted = |row: &usize| counts(values, filter, *row);
        let lengths = (0..values.len()).map(|row| usize::from(counted(&row)));
        Ok(vec![lists(lengths, (0..values.len()).filter(counted).map(|row| values.value(row)).collect())?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.grow(total);
        let lists = states[0].as_list_opt::<i32>().ok_or_else(wrong)?;
        for (row, &group) in groups.iter().enumerate().filter(|(row, _)| lists.is_valid(*row)) {
            for value in doubles(&lists.value(row))?.iter().flatten() {
                self.push(group, value);
            }
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<Vec<f64>>() + self.held * size_of::<f64>()
    }
}

/// The only group there is, as windows and aggregates without groups want it.
#[derive(Debug)]
struct One {
    groups: Groups,
}

impl Accumulator for One {
    fn update_batch(&mut self, args: &[ArrayRef]) -> Result<()> {
        self.groups.grow(1);
        for value in doubles(&args[0])?.iter().flatten() {
            self.groups.push(0, value);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        // A window asks again and again: the values stay.
        let mut values = self.groups.values.first().cloned().unwrap_or_default();
        Ok(ScalarValue::Float64(self.groups.result(&mut values)))
    }

    fn size(&self) -> usize {
        GroupsAccumulator::size(&self.groups)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.groups.grow(1);
        let lists = GroupsAccumulator::state(&mut self.groups, EmitTo::All)?;
        Ok(vec![ScalarValue::try_from_array(&lists[0], 0)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = vec![0; states[0].len()];
        GroupsAccumulator::merge_batch(&mut self.groups, states, &rows, 1)
    }
}

/// Whether a row has a value and passes the filter.
fn counts(values: &Float64Array, filter: Option<&BooleanArray>, row: usize) -> bool {
    values.is_valid(row) && filter.is_none_or(|f| f.is_valid(row) && f.value(row))
}

/// Lists of these lengths, one after the other.
fn lists(lengths: impl IntoIterator<Item = usize>, flat: Vec<f64>) -> Result<ArrayRef> {
    let field = Arc::new(Field::new_list_field(DataType::Float64, true));
    let values = Float64Array::new(ScalarBuffer::from(flat), None);
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), Arc::new(values), None)?))
}

fn doubles(values: &ArrayRef) -> Result<&Float64Array> {
    values.as_primitive_opt::<Float64Type>().ok_or_else(wrong)
}

fn wrong() -> DataFusionError {
    DataFusionError::Internal("percentile was given something else than DOUBLE".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpolates_exactly_between_neighbours() {
        let mut days: Vec<f64> = (0..10).rev().map(|d| f64::from(d) * 86_400.0).collect();
        let p90 = interpolated(&mut days, 0.9).expect("ten values");
        assert!((p90 - 8.1 * 86_400.0).abs() < 1e-6, "{p90}");
        assert_eq!(interpolated(&mut days, 0.0), Some(0.0));
        assert_eq!(interpolated(&mut days, 1.0), Some(9.0 * 86_400.0));
        assert_eq!(interpolated(&mut [], 0.5), None);
        assert_eq!(interpolated(&mut [7.0], 0.3), Some(7.0));
    }

    #[test]
    fn merges_what_partitions_gathered() -> Result<()> {
        let rows: ArrayRef = Arc::new(Float64Array::from(vec![Some(4.0), None, Some(1.0), Some(2.0)]));
        let mut first = Groups::new(0.5, false);
        GroupsAccumulator::update_batch(&mut first, std::slice::from_ref(&rows), &[0, 0, 2, 0], None, 3)?;
        let states = GroupsAccumulator::state(&mut first, EmitTo::All)?;
        let mut all = Groups::new(0.5, false);
        GroupsAccumulator::merge_batch(&mut all, &states, &[1, 0, 1], 2)?;
        let found = GroupsAccumulator::evaluate(&mut all, EmitTo::All)?;
        assert_eq!(doubles(&found)?, &Float64Array::from(vec![None, Some(2.0)]));
        Ok(())
    }
}
