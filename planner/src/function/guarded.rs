//! DataFusion's functions, asked only for what has room.

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Looks at the values before the function does.
pub(super) type Guard = fn(&[ArrayRef]) -> Result<()>;

/// The function behind a guard.
pub(super) fn guarded(inner: Arc<ScalarUDF>, guard: Guard) -> ScalarUDF {
    ScalarUDF::new_from_impl(Guarded { inner, guard })
}

#[derive(Debug)]
struct Guarded {
    inner: Arc<ScalarUDF>,
    guard: Guard,
}

impl PartialEq for Guarded {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}
impl Eq for Guarded {}
impl Hash for Guarded {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl ScalarUDFImpl for Guarded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        (self.guard)(&ColumnarValue::values_to_arrays(&args.args)?)?;
        self.inner.invoke_with_args(args)
    }
}
