//! Sums of whole numbers and decimals, exact inside: what does not fit the type in the end is an error, and never another number.

use super::arithmetic::too_large;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array, ListArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Decimal128Type, DecimalType, Field, FieldRef, Int64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr as DfExpr, GroupsAccumulator, Signature, Volatility,
};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// The call `sum(value)`: exact for a BIGINT or a DECIMAL, DataFusion's for a DOUBLE. `t` is the value's type and the result's.
pub(crate) fn sum(value: DfExpr, t: &DataType) -> DfExpr {
    match exact(t) {
        Some(function) => function.call(vec![value]),
        None => datafusion::functions_aggregate::expr_fn::sum(value),
    }
}

/// The exact sum of a type, where there is one.
pub(crate) fn exact(t: &DataType) -> Option<Arc<AggregateUDF>> {
    static SUM: LazyLock<Arc<AggregateUDF>> =
        LazyLock::new(|| Arc::new(AggregateUDF::new_from_impl(Sum { signature: Signature::any(1, Volatility::Immutable) })));
    matches!(t, DataType::Int64 | DataType::Decimal128(..)).then(|| SUM.clone())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Sum {
    signature: Signature,
}

impl AggregateUDFImpl for Sum {
    fn name(&self) -> &str {
        // Not `sum`: the optimizer takes liberties with sums of that name.
        "exact_sum"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        Ok(match &args[0] {
            DataType::Decimal128(_, s) => DataType::Decimal128(Decimal128Type::MAX_PRECISION, *s),
            _ => DataType::Int64,
        })
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let t = args.return_field.data_type().clone();
        Ok(if args.is_distinct { Box::new(Different { t, times: HashMap::new(), sum: 0 }) } else { Box::new(One { t, sum: 0, count: 0 }) })
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let t = state_type(args.return_type());
        let list = |t: DataType| DataType::new_list(t, true);
        Ok(if args.is_distinct {
            vec![Arc::new(Field::new("values", list(t), true))]
        } else {
            vec![Arc::new(Field::new("sum", t, true)), Arc::new(Field::new("count", DataType::Int64, true))]
        })
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Groups { t: args.return_field.data_type().clone(), sums: Vec::new(), counts: Vec::new() }))
    }
}

/// Partial sums may leave the range of the type on the way.
fn state_type(t: &DataType) -> DataType {
    let scale = if let DataType::Decimal128(_, s) = t { *s } else { 0 };
    DataType::Decimal128(Decimal128Type::MAX_PRECISION, scale)
}

fn state_array(sums: impl Iterator<Item = Option<i128>>, t: &DataType) -> Result<ArrayRef> {
    let scale = if let DataType::Decimal128(_, s) = t { *s } else { 0 };
    Ok(Arc::new(sums.collect::<Decimal128Array>().with_precision_and_scale(Decimal128Type::MAX_PRECISION, scale)?))
}

fn wrong() -> DataFusionError {
    DataFusionError::Internal("a sum of something else".into())
}

/// Every value that is there, with its row.
fn each(values: &ArrayRef, mut f: impl FnMut(usize, i128) -> Result<()>) -> Result<()> {
    if let Some(v) = values.as_primitive_opt::<Int64Type>() {
        return (0..v.len()).filter(|i| v.is_valid(*i)).try_for_each(|i| f(i, i128::from(v.value(i))));
    }
    let v = values.as_primitive_opt::<Decimal128Type>().ok_or_else(wrong)?;
    (0..v.len()).filter(|i| v.is_valid(*i)).try_for_each(|i| f(i, v.value(i)))
}

fn added(sum: i128, value: i128, t: &DataType) -> Result<i128> {
    sum.checked_add(value).ok_or_else(|| too_large("a sum", t))
}

/// The sum in the result's type.
fn fitted(sum: i128, t: &DataType) -> Result<i128> {
    let fits = match t {
        DataType::Int64 => i64::try_from(sum).is_ok(),
        _ => Decimal128Type::is_valid_decimal_precision(sum, Decimal128Type::MAX_PRECISION),
    };
    if fits { Ok(sum) } else { Err(too_large("a sum", t)) }
}

fn scalar(sum: Option<i128>, t: &DataType) -> Result<ScalarValue> {
    let sum = sum.map(|s| fitted(s, t)).transpose()?;
    Ok(match t {
        DataType::Decimal128(p, s) => ScalarValue::Decimal128(sum, *p, *s),
        _ => ScalarValue::Int64(sum.and_then(|s| i64::try_from(s).ok())),
    })
}

/// The sum of all rows, or of those in a frame that moves.
#[derive(Debug)]
struct One {
    t: DataType,
    sum: i128,
    count: i64,
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each(&values[0], |_, v| {
            self.sum = added(self.sum, v, &self.t)?;
            self.count += 1;
            Ok(())
        })
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each(&values[0], |_, v| {
            self.sum = added(self.sum, v.saturating_neg(), &self.t)?;
            self.count -= 1;
            Ok(())
        })
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        scalar((self.count > 0).then_some(self.sum), &self.t)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let DataType::Decimal128(p, s) = state_type(&self.t) else { return Err(wrong()) };
        Ok(vec![ScalarValue::Decimal128(Some(self.sum), p, s), ScalarValue::Int64(Some(self.count))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        each(&states[0], |_, v| {
            self.sum = added(self.sum, v, &self.t)?;
            Ok(())
        })?;
        each(&states[1], |_, n| {
            self.count += i64::try_from(n).unwrap_or(i64::MAX);
            Ok(())
        })
    }
}

/// The sum of different values.
#[derive(Debug)]
struct Different {
    t: DataType,
    /// How often each value came: a frame that moves loses them again.
    times: HashMap<i128, u64>,
    sum: i128,
}

impl Different {
    fn add(&mut self, value: i128) -> Result<()> {
        let times = self.times.entry(value).or_default();
        *times += 1;
        if *times == 1 {
            self.sum = added(self.sum, value, &self.t)?;
        }
        Ok(())
    }
}

impl Accumulator for Different {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each(&values[0], |_, v| self.add(v))
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each(&values[0], |_, v| {
            let left = self.times.get_mut(&v).map(|times| {
                *times -= 1;
                *times
            });
            if left == Some(0) {
                self.times.remove(&v);
                self.sum = added(self.sum, v.saturating_neg(), &self.t)?;
            }
            Ok(())
        })
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        scalar((!self.times.is_empty()).then_some(self.sum), &self.t)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.times.capacity() * size_of::<(i128, u64)>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = state_array(self.times.keys().map(|v| Some(*v)), &self.t)?;
        let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        let list = ListArray::try_new(field, OffsetBuffer::from_lengths([values.len()]), values, None)?;
        Ok(vec![ScalarValue::List(Arc::new(list))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = states[0].as_list_opt::<i32>().ok_or_else(wrong)?;
        (0..lists.len()).filter(|row| lists.is_valid(*row)).try_for_each(|row| each(&lists.value(row), |_, v| self.add(v)))
    }
}

/// The sums of many groups.
#[derive(Debug)]
struct Groups {
    t: DataType,
    sums: Vec<i128>,
    counts: Vec<i64>,
}

impl Groups {
    fn grow(&mut self, groups: usize) {
        if self.sums.len() < groups {
            self.sums.resize(groups, 0);
            self.counts.resize(groups, 0);
        }
    }

    fn add(&mut self, group: usize, value: i128, count: i64) -> Result<()> {
        if let (Some(sum), Some(n)) = (self.sums.get_mut(group), self.counts.get_mut(group)) {
            *sum = added(*sum, value, &self.t)?;
            *n += count;
        }
        Ok(())
    }
}

fn chosen(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|f| f.is_valid(row) && f.value(row))
}

impl GroupsAccumulator for Groups {
    fn update_batch(&mut self, args: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, total: usize) -> Result<()> {
        self.grow(total);
        each(&args[0], |row, v| if chosen(filter, row) { self.add(groups[row], v, 1) } else { Ok(()) })
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let (sums, counts) = (emit.take_needed(&mut self.sums), emit.take_needed(&mut self.counts));
        let fit = |(sum, n): (i128, i64)| if n > 0 { fitted(sum, &self.t).map(Some) } else { Ok(None) };
        let sums = sums.into_iter().zip(counts).map(fit).collect::<Result<Vec<_>>>()?;
        Ok(match &self.t {
            DataType::Decimal128(..) => state_array(sums.into_iter(), &self.t)?,
            _ => Arc::new(sums.into_iter().map(|s| s.and_then(|s| i64::try_from(s).ok())).collect::<Int64Array>()),
        })
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let (sums, counts) = (emit.take_needed(&mut self.sums), emit.take_needed(&mut self.counts));
        Ok(vec![state_array(sums.into_iter().map(Some), &self.t)?, Arc::new(Int64Array::new(ScalarBuffer::from(counts), None))])
    }

    fn convert_to_state(&self, args: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let (mut sums, mut counts) = (vec![Some(0); args[0].len()], vec![0i64; args[0].len()]);
        each(&args[0], |row, v| {
            if chosen(filter, row) {
                (sums[row], counts[row]) = (Some(v), 1);
            }
            Ok(())
        })?;
        Ok(vec![state_array(sums.into_iter(), &self.t)?, Arc::new(Int64Array::from(counts))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.grow(total);
        let counts = states[1].as_primitive_opt::<Int64Type>().ok_or_else(wrong)?.clone();
        each(&states[0], |row, v| self.add(groups[row], v, counts.value(row)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.sums.capacity() * size_of::<i128>() + self.counts.capacity() * size_of::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> One {
        One { t: DataType::Int64, sum: 0, count: 0 }
    }

    fn ints(v: &[i64]) -> Vec<ArrayRef> {
        vec![Arc::new(Int64Array::from(v.to_vec()))]
    }

    #[test]
    fn what_leaves_the_range_on_the_way_may_come_back() {
        let mut sum = one();
        sum.update_batch(&ints(&[i64::MAX, 5])).expect("it fits inside");
        assert!(sum.evaluate().is_err_and(|e| e.to_string().contains("too large for BIGINT")));
        let mut other = one();
        other.update_batch(&ints(&[-5])).expect("it fits");
        let state: Vec<ArrayRef> = other.state().expect("a state").iter().map(|s| s.to_array().expect("an array")).collect();
        sum.merge_batch(&state).expect("it merges");
        assert_eq!(sum.evaluate().ok(), Some(ScalarValue::Int64(Some(i64::MAX))));
        sum.retract_batch(&ints(&[i64::MAX])).expect("it goes");
        assert_eq!(sum.evaluate().ok(), Some(ScalarValue::Int64(Some(0))));
    }

    #[test]
    fn groups_sum_apart() {
        let mut groups = Groups { t: DataType::Int64, sums: vec![], counts: vec![] };
        let filter = BooleanArray::from(vec![true, true, false]);
        groups.update_batch(&ints(&[1, 2, 4]), &[0, 2, 1], Some(&filter), 3).expect("it adds");
        let out = groups.evaluate(EmitTo::All).expect("sums");
        assert_eq!(out.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(1), None, Some(2)]);
    }

    #[test]
    fn different_values_count_once() {
        let mut sum = Different { t: DataType::Int64, times: HashMap::new(), sum: 0 };
        sum.update_batch(&ints(&[3, 3, 4])).expect("it adds");
        sum.retract_batch(&ints(&[3])).expect("one of two goes");
        assert_eq!(sum.evaluate().ok(), Some(ScalarValue::Int64(Some(7))));
        sum.retract_batch(&ints(&[3])).expect("the other goes");
        assert_eq!(sum.evaluate().ok(), Some(ScalarValue::Int64(Some(4))));
    }
}
