//! Whether an entity is in a sample: a hash of its key against a share, so it is the same entities in every statement and on every machine.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, Expr as DfExpr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// `sampled(key, …, share)`.
pub(super) fn sampled(args: Vec<DfExpr>) -> DfExpr {
    ScalarUDF::new_from_impl(Sampled { signature: Signature::variadic_any(Volatility::Immutable) }).call(args)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Sampled {
    signature: Signature,
}

impl ScalarUDFImpl for Sampled {
    fn name(&self) -> &str {
        "sampled"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args.args.iter().map(|a| a.to_array(args.number_rows)).collect::<Result<Vec<_>>>()?;
        let Some((share, keys)) = arrays.split_last() else { return Err(DataFusionError::Internal("a sample without its share".into())) };
        let share = cast(share, &DataType::Float64)?;
        let texts = keys.iter().map(|k| Ok(cast(k, &DataType::Utf8)?)).collect::<Result<Vec<ArrayRef>>>()?;
        let share = share.as_primitive::<Float64Type>();
        let out: BooleanArray = (0..args.number_rows).map(|i| Some(place(&texts, i) < share.value(i))).collect();
        Ok(ColumnarValue::Array(Arc::new(out)))
    }
}

/// A number in `[0, 1)` of the key in a row. The parts of a key are set apart, so that `ab`, `c` is another one than `a`, `bc`.
fn place(keys: &[ArrayRef], row: usize) -> f64 {
    let mut text = Vec::new();
    for k in keys {
        if k.is_valid(row) {
            text.extend_from_slice(k.as_string::<i32>().value(row).as_bytes());
        }
        text.push(0);
    }
    // The 53 bits that a double holds.
    (xxhash_rust::xxh3::xxh3_64(&text) >> 11) as f64 / (1u64 << 53) as f64
}
