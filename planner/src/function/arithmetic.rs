//! Arithmetic as the language means it (rules 17, 46): a number that does not fit its type is an error and never another number, and a
//! division by zero is NULL and noted.

use super::kernel::kernel;
use crate::noted::Noted;
use crate::refusal::refuse;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Datum, Scalar};
use arrow::compute::kernels::{cmp, numeric};
use arrow::compute::{nullif, or_kleene};
use arrow::datatypes::{DataType, Decimal128Type, DecimalType, Float64Type, Int64Type};
use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, Expr as DfExpr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::physical_expr_common::datum::apply;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What is done with two numbers of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    /// Whole numbers: towards zero.
    Divide,
    Modulo,
}

/// The operation on two values. Those of a division are of one type, which is the result's.
pub(crate) fn arithmetic(operation: Operation, a: DfExpr, b: DfExpr, noted: &Arc<Noted>) -> DfExpr {
    let signature = Signature::any(2, Volatility::Immutable);
    ScalarUDF::new_from_impl(Arithmetic { operation, signature, noted: noted.clone() }).call(vec![a, b])
}

/// `-a` of a BIGINT.
pub(crate) fn negated(a: DfExpr) -> DfExpr {
    unary("negate", a, |v| v.checked_neg(), |v| format!("-({v})"))
}

/// `abs(a)` of a BIGINT.
pub(super) fn absolute(a: DfExpr) -> DfExpr {
    unary("abs", a, |v| v.checked_abs(), |v| format!("abs({v})"))
}

fn unary(name: &'static str, a: DfExpr, f: fn(i64) -> Option<i64>, said: fn(i64) -> String) -> DfExpr {
    kernel(name, DataType::Int64, vec![a], move |a| {
        let numbers = super::kernel::int(a, 0)?;
        let out = numbers.try_unary::<_, Int64Type, _>(|v| f(v).ok_or_else(|| too_large(&said(v), &DataType::Int64)))?;
        Ok(Arc::new(out))
    })
}

/// A value that does not fit its type.
pub(crate) fn too_large(what: &str, t: &DataType) -> DataFusionError {
    let (t, wider) = match t {
        DataType::Int64 => ("BIGINT", "DECIMAL(38, 0) or DOUBLE"),
        _ => ("DECIMAL of 38 digits", "DOUBLE"),
    };
    refuse(format!("{what} is too large for {t}"), format!("CAST the values to {wider} first"))
}

#[derive(Clone, Debug)]
struct Arithmetic {
    operation: Operation,
    signature: Signature,
    noted: Arc<Noted>,
}

impl PartialEq for Arithmetic {
    fn eq(&self, other: &Self) -> bool {
        self.operation == other.operation
    }
}
impl Eq for Arithmetic {}
impl Hash for Arithmetic {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.operation.hash(state);
    }
}

impl ScalarUDFImpl for Arithmetic {
    fn name(&self) -> &str {
        match self.operation {
            Operation::Add => "add",
            Operation::Subtract => "subtract",
            Operation::Multiply => "multiply",
            Operation::Divide => "divide",
            Operation::Modulo => "modulo",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [a, b] = types else { return Err(DataFusionError::Internal("arithmetic of two values".into())) };
        // What Arrow makes of no rows is what it makes of rows: decimals get other scales.
        let none = |t: &DataType| arrow::array::new_empty_array(t);
        Ok(self.operation.of(&none(a), &none(b))?.data_type().clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [a, b] = args.args.as_slice() else { return Err(DataFusionError::Internal("arithmetic of two values".into())) };
        if matches!(self.operation, Operation::Divide | Operation::Modulo) {
            return divided(self.operation, a, b, &self.noted);
        }
        apply(a, b, |a, b| self.operation.of(a, b)).and_then(checked).map_err(|e| said(e, args.return_field.data_type()))
    }
}

impl Operation {
    fn of(self, a: &dyn Datum, b: &dyn Datum) -> Result<ArrayRef, ArrowError> {
        match self {
            Operation::Add => numeric::add(a, b),
            Operation::Subtract => numeric::sub(a, b),
            Operation::Multiply => numeric::mul(a, b),
            Operation::Divide => numeric::div(a, b),
            Operation::Modulo => rest(a, b),
        }
    }
}

/// Of the least BIGINT by -1 Arrow finds no rest, as it has no quotient; the sign of the divisor does not matter for the rest.
fn rest(a: &dyn Datum, b: &dyn Datum) -> Result<ArrayRef, ArrowError> {
    let (divisors, constant) = b.get();
    let Some(numbers) = divisors.as_primitive_opt::<Int64Type>().filter(|n| n.values().contains(&-1)) else {
        return numeric::rem(a, b);
    };
    let positive = numbers.unary::<_, Int64Type>(|d| if d == -1 { 1 } else { d });
    if constant { numeric::rem(a, &Scalar::new(positive)) } else { numeric::rem(a, &positive) }
}

/// Arrow looks at the bits of a decimal, not at its digits.
fn checked(value: ColumnarValue) -> Result<ColumnarValue> {
    let array = match &value {
        ColumnarValue::Array(array) => array.clone(),
        ColumnarValue::Scalar(scalar) => scalar.to_array()?,
    };
    if let Some(decimals) = array.as_primitive_opt::<Decimal128Type>()
        && decimals.precision() == Decimal128Type::MAX_PRECISION
    {
        decimals.validate_decimal_precision(Decimal128Type::MAX_PRECISION)?;
    }
    Ok(value)
}

/// Arrow's words, `Overflow happened on: 1 + 2`, as ours.
fn said(e: DataFusionError, t: &DataType) -> DataFusionError {
    match e.find_root() {
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            ArrowError::ArithmeticOverflow(words) if *t == DataType::Int64 => {
                too_large(words.rsplit_once(": ").map_or("the result", |(_, what)| what), t)
            }
            ArrowError::ArithmeticOverflow(_) => too_large("the result", t),
            // A decimal of more digits than there are.
            ArrowError::InvalidArgumentError(_) if matches!(t, DataType::Decimal128(..)) => too_large("the result", t),
            _ => e,
        },
        _ => e,
    }
}

/// Zeros of the divisor become NULL first.
fn divided(operation: Operation, a: &ColumnarValue, b: &ColumnarValue, noted: &Noted) -> Result<ColumnarValue> {
    let zeros = zeros(b)?;
    if !zeros.iter().any(|z| z == Some(true)) {
        return apply(a, b, |a, b| operation.of(a, b)).map_err(|e| said(e, &b.data_type()));
    }
    let rows = match (a, b) {
        (ColumnarValue::Array(array), _) | (_, ColumnarValue::Array(array)) => array.len(),
        _ => 1,
    };
    let (values, divisors) = (a.clone().into_array(rows)?, b.clone().into_array(rows)?);
    let zeros = if zeros.len() == rows { zeros } else { BooleanArray::from(vec![true; rows]) };
    if (0..rows).any(|row| zeros.is_valid(row) && zeros.value(row) && values.is_valid(row)) {
        noted.divided_by_zero();
    }
    let out = operation.of(&values, &nullif(&divisors, &zeros)?).map_err(|e| said(e.into(), &b.data_type()))?;
    Ok(match (a, b) {
        (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)) => ColumnarValue::Scalar(ScalarValue::try_from_array(&out, 0)?),
        _ => ColumnarValue::Array(out),
    })
}

/// Which divisors are zero, of either sign; one for a constant.
fn zeros(divisors: &ColumnarValue) -> Result<BooleanArray> {
    let array = match divisors {
        ColumnarValue::Array(array) => array.clone(),
        ColumnarValue::Scalar(scalar) => scalar.to_array()?,
    };
    let zero = ScalarValue::new_zero(array.data_type())?.to_scalar()?;
    let equal = cmp::eq(&array, &zero)?;
    Ok(match array.as_primitive_opt::<Float64Type>() {
        Some(_) => or_kleene(&equal, &cmp::eq(&array, &ScalarValue::Float64(Some(-0.0)).to_scalar()?)?)?,
        None => equal,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float64Array, Int64Array};

    fn array<A: Array + 'static>(a: A) -> ColumnarValue {
        ColumnarValue::Array(Arc::new(a))
    }

    fn divide(a: &ColumnarValue, b: &ColumnarValue) -> (Vec<Option<f64>>, bool) {
        let noted = Noted::default();
        let out = divided(Operation::Divide, a, b, &noted).and_then(|v| v.into_array(1)).expect("a quotient");
        (out.as_primitive::<Float64Type>().iter().collect(), noted.division_by_zero())
    }

    #[test]
    fn only_what_is_divided_by_zero_is_noted() {
        let half = ColumnarValue::Scalar(ScalarValue::Float64(Some(0.5)));
        let zero = ColumnarValue::Scalar(ScalarValue::Float64(Some(-0.0)));
        let rows = array(Float64Array::from(vec![Some(1.0), None]));
        assert_eq!(divide(&rows, &half), (vec![Some(2.0), None], false));
        assert_eq!(divide(&rows, &zero), (vec![None, None], true));
        assert_eq!(divide(&half, &zero), (vec![None], true));
        // Nothing is divided where there is nothing to divide, or nothing to divide by.
        assert_eq!(divide(&rows, &array(Float64Array::from(vec![Some(4.0), Some(0.0)]))), (vec![Some(0.25), None], false));
        assert_eq!(divide(&rows, &array(Float64Array::from(vec![None, Some(1.0)]))), (vec![None, None], false));
    }

    #[test]
    fn what_does_not_fit_is_refused_by_its_numbers() {
        let e = apply(&array(Int64Array::from(vec![i64::MAX])), &array(Int64Array::from(vec![1])), |a, b| Operation::Add.of(a, b));
        let told = e.map_err(|e| said(e, &DataType::Int64).to_string()).err().unwrap_or_default();
        assert!(told.contains("9223372036854775807 + 1 is too large for BIGINT"), "{told}");
    }
}
