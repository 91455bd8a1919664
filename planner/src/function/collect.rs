//! Lists and joined texts in an order of their own. DataFusion sorts its input for these, and so allows one order a query; here each keeps its keys.

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, StringArray, new_empty_array};
use arrow::compute::{SortOptions, cast, concat};
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::row::{RowConverter, SortField};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr as DfExpr, Signature, SortExpr, Volatility};
use std::sync::Arc;

/// What becomes of the values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Gathered {
    /// A list, missing values included.
    List,
    /// A text, missing values left out.
    Joined(String),
}

/// All values of a group, in the order of `order`, or each once in the order of the values.
pub(crate) fn collect(value: DfExpr, order: &[SortExpr], what: Gathered, distinct: bool) -> DfExpr {
    let options = order.iter().map(|s| (!s.asc, s.nulls_first)).collect();
    let args = std::iter::once(value).chain(order.iter().map(|s| s.expr.clone())).collect();
    let signature = Signature::variadic_any(Volatility::Immutable);
    AggregateUDF::new_from_impl(Collect { what, options, distinct, signature }).call(args)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Collect {
    what: Gathered,
    /// Of each key: descending, NULLs first.
    options: Vec<(bool, bool)>,
    distinct: bool,
    signature: Signature,
}

impl AggregateUDFImpl for Collect {
    fn name(&self) -> &str {
        "collect"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        Ok(match self.what {
            Gathered::List => DataType::new_list(args[0].clone(), true),
            Gathered::Joined(_) => DataType::Utf8,
        })
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let types = args.expr_fields.iter().map(|f| f.data_type().clone()).collect::<Vec<_>>();
        let value = types.first().cloned().unwrap_or(DataType::Utf8);
        let options = |(descending, nulls_first): &(bool, bool)| SortOptions { descending: *descending, nulls_first: *nulls_first };
        let keys = types.iter().skip(1).zip(&self.options).map(|(t, o)| SortField::new_with_options(t.clone(), options(o)));
        let converter = RowConverter::new(if self.distinct { by_value(&value) } else { keys.collect() })?;
        Ok(Box::new(Values {
            what: self.what.clone(),
            distinct: self.distinct,
            value,
            converter,
            rows: Vec::new(),
            keys: Vec::new(),
            bytes: 0,
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let value = args.input_fields.first().map_or(DataType::Utf8, |f| f.data_type().clone());
        let list = |name: &str, t: DataType| Arc::new(Field::new(name, DataType::new_list(t, true), true));
        Ok(vec![list("values", value), list("keys", DataType::Binary)])
    }
}

fn by_value(t: &DataType) -> Vec<SortField> {
    vec![SortField::new_with_options(t.clone(), SortOptions { descending: false, nulls_first: false })]
}

/// The values of one group with their keys, comparable byte by byte.
#[derive(Debug)]
struct Values {
    what: Gathered,
    distinct: bool,
    value: DataType,
    converter: RowConverter,
    rows: Vec<ArrayRef>,
    keys: Vec<Box<[u8]>>,
    bytes: usize,
}

impl Values {
    fn push(&mut self, values: ArrayRef, keys: Vec<Box<[u8]>>) {
        self.bytes += values.get_array_memory_size() + keys.iter().map(|k| k.len() + size_of::<Box<[u8]>>()).sum::<usize>();
        self.rows.push(values);
        self.keys.extend(keys);
    }

    fn all(&self) -> Result<ArrayRef> {
        let parts: Vec<&dyn Array> = self.rows.iter().map(AsRef::as_ref).collect();
        Ok(if parts.is_empty() { new_empty_array(&self.value) } else { concat(&parts)? })
    }

    /// The values in order.
    fn sorted(&self) -> Result<ArrayRef> {
        let mut order: Vec<u32> = (0..u32::try_from(self.keys.len()).unwrap_or(u32::MAX)).collect();
        let key = |i: &u32| self.keys.get(*i as usize);
        order.sort_by(|a, b| key(a).cmp(&key(b)));
        if self.distinct {
            order.dedup_by(|a, b| key(a) == key(b));
        }
        Ok(arrow::compute::take(&self.all()?, &arrow::array::UInt32Array::from(order), None)?)
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, args: &[ArrayRef]) -> Result<()> {
        let values = args[0].clone();
        let keyed = if self.distinct { &args[..1] } else { &args[1..] };
        let keys = if keyed.is_empty() {
            vec![Box::default(); values.len()]
        } else {
            self.converter.convert_columns(keyed)?.iter().map(|r| Box::from(r.as_ref())).collect()
        };
        self.push(values, keys);
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sorted = self.sorted()?;
        match &self.what {
            Gathered::List if sorted.is_empty() => ScalarValue::try_from(&DataType::new_list(self.value.clone(), true)),
            Gathered::List => {
                Ok(ScalarValue::List(Arc::new(datafusion::common::utils::SingleRowListArrayBuilder::new(sorted).build_list_array())))
            }
            Gathered::Joined(separator) => {
                let texts = cast(&sorted, &DataType::Utf8)?;
                let texts: &StringArray = texts.as_string();
                let parts: Vec<&str> = texts.iter().flatten().collect();
                Ok(ScalarValue::Utf8((!parts.is_empty()).then(|| parts.join(separator))))
            }
        }
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let list =
            |a: ArrayRef| ScalarValue::List(Arc::new(datafusion::common::utils::SingleRowListArrayBuilder::new(a).build_list_array()));
        let keys = BinaryArray::from_iter_values(self.keys.iter());
        Ok(vec![list(self.all()?), list(Arc::new(keys))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let wrong = || DataFusionError::Internal("collect was merged with something else".into());
        let (values, keys) = (states[0].as_list_opt::<i32>().ok_or_else(wrong)?, states[1].as_list_opt::<i32>().ok_or_else(wrong)?);
        for row in (0..values.len()).filter(|r| values.is_valid(*r)) {
            let keys = keys.value(row);
            let keys = keys.as_binary_opt::<i32>().ok_or_else(wrong)?;
            self.push(values.value(row), keys.iter().map(|k| Box::from(k.unwrap_or_default())).collect());
        }
        Ok(())
    }
}
