//! Functions of our own: a name, a type, and what is done with arrays.

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListBuilder, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, Expr as DfExpr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

type Run = Arc<dyn Fn(&[ArrayRef]) -> Result<ArrayRef> + Send + Sync>;

/// Text that one value may become; filling up and repeating stop there.
pub(super) const TEXT_BYTES_MAX: usize = 1 << 20;

#[derive(Clone)]
struct Kernel {
    name: &'static str,
    /// What the result depends on besides the arguments, such as the zone.
    with: String,
    returns: DataType,
    signature: Signature,
    run: Run,
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({})", self.name, self.with)
    }
}

impl PartialEq for Kernel {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.with == other.with && self.returns == other.returns
    }
}
impl Eq for Kernel {}
impl Hash for Kernel {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.with.hash(state);
    }
}

impl ScalarUDFImpl for Kernel {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let out = (self.run)(&ColumnarValue::values_to_arrays(&args.args)?)?;
        if constant && out.len() == 1 {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&out, 0)?));
        }
        Ok(ColumnarValue::Array(out))
    }
}

/// A call of a function of our own. The binder has seen to the arguments' types.
pub(super) fn kernel(
    name: &'static str,
    returns: DataType,
    args: Vec<DfExpr>,
    run: impl Fn(&[ArrayRef]) -> Result<ArrayRef> + Send + Sync + 'static,
) -> DfExpr {
    kernel_with(name, String::new(), returns, args, run)
}

/// The same, for a function that depends on more than its arguments.
pub(super) fn kernel_with(
    name: &'static str,
    with: String,
    returns: DataType,
    args: Vec<DfExpr>,
    run: impl Fn(&[ArrayRef]) -> Result<ArrayRef> + Send + Sync + 'static,
) -> DfExpr {
    let signature = Signature::variadic_any(Volatility::Immutable);
    ScalarUDF::new_from_impl(Kernel { name, with, returns, signature, run: Arc::new(run) }).call(args)
}

pub(super) fn text(args: &[ArrayRef], n: usize) -> Result<&StringArray> {
    args.get(n).and_then(|a| a.as_string_opt::<i32>()).ok_or_else(|| DataFusionError::Internal(format!("argument {n} is no text")))
}

pub(super) fn int(args: &[ArrayRef], n: usize) -> Result<&Int64Array> {
    args.get(n)
        .and_then(|a| a.as_primitive_opt::<Int64Type>())
        .ok_or_else(|| DataFusionError::Internal(format!("argument {n} is no number")))
}

/// One text of each text; NULL of NULL.
pub(super) fn each_text(texts: &StringArray, f: impl Fn(&str) -> Option<String>) -> ArrayRef {
    Arc::new(texts.iter().map(|t| t.and_then(&f)).collect::<StringArray>())
}

/// One number of each text; NULL of NULL.
pub(super) fn each_int(texts: &StringArray, f: impl Fn(&str) -> Option<i64>) -> ArrayRef {
    Arc::new(texts.iter().map(|t| t.and_then(&f)).collect::<Int64Array>())
}

/// One list of texts of each row; None is NULL.
pub(super) fn text_lists<I: IntoIterator<Item = Option<String>>>(rows: impl Iterator<Item = Option<I>>) -> ArrayRef {
    let mut out = ListBuilder::new(StringBuilder::new());
    for row in rows {
        match row {
            Some(items) => {
                items.into_iter().for_each(|i| out.values().append_option(i));
                out.append(true);
            }
            None => out.append_null(),
        }
    }
    Arc::new(out.finish())
}
