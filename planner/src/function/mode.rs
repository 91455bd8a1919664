//! The most frequent value.

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr as DfExpr, Signature, Volatility};
use std::collections::HashMap;
use std::sync::Arc;

/// The call `mode(value)`.
pub(crate) fn mode(value: DfExpr) -> DfExpr {
    AggregateUDF::new_from_impl(Mode { signature: Signature::any(1, Volatility::Immutable) }).call(vec![value])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Mode {
    signature: Signature,
}

impl AggregateUDFImpl for Mode {
    fn name(&self) -> &str {
        "mode"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        Ok(args[0].clone())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Counts { data_type: args.return_field.data_type().clone(), counts: HashMap::new(), bytes: 0 }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = |name: &str, t: &DataType| Arc::new(Field::new(name, DataType::new_list(t.clone(), true), true));
        Ok(vec![list("values", args.return_type()), list("counts", &DataType::Int64)])
    }
}

/// How often each value came.
#[derive(Debug)]
struct Counts {
    data_type: DataType,
    counts: HashMap<ScalarValue, i64>,
    bytes: usize,
}

impl Counts {
    fn add(&mut self, value: ScalarValue, n: i64) {
        match self.counts.get_mut(&value) {
            Some(count) => *count += n,
            None => {
                self.bytes += value.size() + size_of::<i64>();
                self.counts.insert(value, n);
            }
        }
    }
}

impl Accumulator for Counts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = &values[0];
        for i in (0..values.len()).filter(|i| values.is_valid(*i)) {
            let mut value = ScalarValue::try_from_array(values, i)?;
            value.compact();
            self.add(value, 1);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let better = |a: &(&ScalarValue, &i64), b: &(&ScalarValue, &i64)| {
            a.1.cmp(b.1).then_with(|| b.0.partial_cmp(a.0).unwrap_or(std::cmp::Ordering::Equal))
        };
        match self.counts.iter().max_by(better) {
            Some((value, _)) => Ok(value.clone()),
            None => ScalarValue::try_from(&self.data_type),
        }
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (values, counts): (Vec<ScalarValue>, Vec<ScalarValue>) =
            self.counts.iter().map(|(v, n)| (v.clone(), ScalarValue::Int64(Some(*n)))).unzip();
        Ok(vec![
            ScalarValue::List(ScalarValue::new_list_nullable(&values, &self.data_type)),
            ScalarValue::List(ScalarValue::new_list_nullable(&counts, &DataType::Int64)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let wrong = || DataFusionError::Internal("mode was merged with something else".into());
        let (values, counts) = (states[0].as_list_opt::<i32>().ok_or_else(wrong)?, states[1].as_list_opt::<i32>().ok_or_else(wrong)?);
        for row in (0..values.len()).filter(|r| values.is_valid(*r)) {
            let (values, counts) = (values.value(row), counts.value(row));
            let counts: &Int64Array = counts.as_primitive_opt::<Int64Type>().ok_or_else(wrong)?;
            for i in 0..values.len() {
                self.add(ScalarValue::try_from_array(&values, i)?, counts.value(i));
            }
        }
        Ok(())
    }
}
