//! Rounding, of each type in its own digits: a BIGINT or a DECIMAL never goes through a DOUBLE.

use super::arithmetic::too_large;
use super::kernel::{int, kernel};
use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Decimal128Type, DecimalType, Float64Type, Int64Type};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{Expr as DfExpr, lit};
use std::sync::Arc;

/// Which number with fewer digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounding {
    /// The nearest, halves away from zero.
    Nearest,
    /// Towards zero.
    Cut,
    /// Not above.
    Floor,
    /// Not below.
    Ceiling,
}

/// The function of a name; None when it is no rounding.
pub(super) fn rounding(name: &str) -> Option<(&'static str, Rounding)> {
    Some(match name {
        "round" => ("round", Rounding::Nearest),
        "trunc" => ("trunc", Rounding::Cut),
        "floor" => ("floor", Rounding::Floor),
        "ceil" => ("ceil", Rounding::Ceiling),
        _ => return None,
    })
}

/// The call of a rounding to so many places, 0 without them. `out` is the result's type.
pub(super) fn rounded((name, how): (&'static str, Rounding), value: DfExpr, places: Option<DfExpr>, out: &DataType) -> DfExpr {
    let (t, places) = (out.clone(), places.unwrap_or_else(|| lit(0i64)));
    kernel(name, out.clone(), vec![value, places], move |a| {
        let places = int(a, 1)?;
        match a[0].data_type() {
            DataType::Float64 => doubles(a[0].as_primitive::<Float64Type>(), places, how),
            DataType::Int64 => wholes(name, a[0].as_primitive::<Int64Type>(), places, how),
            DataType::Decimal128(..) => decimals(name, a[0].as_primitive::<Decimal128Type>(), places, how, &t),
            other => Err(DataFusionError::Internal(format!("{name} of {other}"))),
        }
    })
}

fn doubles(values: &Float64Array, places: &Int64Array, how: Rounding) -> Result<ArrayRef> {
    let rows = values.iter().zip(places).map(|(v, p)| Some(double(v?, p?, how)));
    Ok(Arc::new(rows.collect::<Float64Array>()))
}

/// A DOUBLE has at most 308 digits before its point and 323 places behind it.
fn double(value: f64, places: i64, how: Rounding) -> f64 {
    let whole = |x: f64| match how {
        Rounding::Nearest => x.round(),
        Rounding::Cut => x.trunc(),
        Rounding::Floor => x.floor(),
        Rounding::Ceiling => x.ceil(),
    };
    if places == 0 {
        return whole(value);
    }
    let factor = 10f64.powi(i32::try_from(places.unsigned_abs()).unwrap_or(i32::MAX));
    if places < 0 {
        return if factor.is_finite() { whole(value / factor) * factor } else { 0.0 };
    }
    let scaled = value * factor;
    // So many places that the number has none to lose.
    if scaled.is_finite() && factor.is_finite() { whole(scaled) / factor } else { value }
}

fn wholes(name: &str, values: &Int64Array, places: &Int64Array, how: Rounding) -> Result<ArrayRef> {
    let one = |(v, p): (Option<i64>, Option<i64>)| {
        let (Some(v), Some(p)) = (v, p) else { return Ok(None) };
        let rounded = cut(i128::from(v), p.saturating_neg(), how).and_then(|r| i64::try_from(r).ok());
        rounded.map(Some).ok_or_else(|| too_large(&format!("{name}({v}, {p})"), &DataType::Int64))
    };
    Ok(Arc::new(values.iter().zip(places).map(one).collect::<Result<Int64Array>>()?))
}

fn decimals(name: &str, values: &Decimal128Array, places: &Int64Array, how: Rounding, out: &DataType) -> Result<ArrayRef> {
    let DataType::Decimal128(precision, scale) = out else { return Err(DataFusionError::Internal(format!("{name} as {out}"))) };
    let (precision, scale) = (*precision, *scale);
    let one = |(v, p): (Option<i128>, Option<i64>)| {
        let (Some(v), Some(p)) = (v, p) else { return Ok(None) };
        let rounded = cut(v, i64::from(scale).saturating_sub(p), how);
        let fits = rounded.filter(|r| Decimal128Type::is_valid_decimal_precision(*r, precision));
        fits.map(Some).ok_or_else(|| too_large(&format!("the result of {name}"), out))
    };
    let rounded = values.iter().zip(places).map(one).collect::<Result<Decimal128Array>>()?;
    Ok(Arc::new(rounded.with_precision_and_scale(precision, scale)?))
}

/// The digits of a number with so many of the last ones made zeros; None when that has no room.
fn cut(digits: i128, last: i64, how: Rounding) -> Option<i128> {
    if last <= 0 {
        return Some(digits);
    }
    let Some(unit) = u32::try_from(last).ok().and_then(|last| 10i128.checked_pow(last)) else {
        // Zero is nearer than any number of so many zeros.
        return match how {
            Rounding::Floor if digits < 0 => None,
            Rounding::Ceiling if digits > 0 => None,
            _ => Some(0),
        };
    };
    let (count, rest) = (digits.div_euclid(unit), digits.rem_euclid(unit));
    let up = match how {
        Rounding::Floor => false,
        Rounding::Ceiling => rest > 0,
        Rounding::Cut => rest > 0 && digits < 0,
        // Halves go away from zero: up above it, down below.
        Rounding::Nearest => rest > unit - rest || (rest == unit - rest && digits > 0),
    };
    (count + i128::from(up)).checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_cut_on_both_sides_of_zero() {
        let all =
            |digits| [Rounding::Nearest, Rounding::Cut, Rounding::Floor, Rounding::Ceiling].map(|how| cut(digits, 2, how).unwrap_or(-1));
        assert_eq!(all(250), [300, 200, 200, 300]);
        assert_eq!(all(-250), [-300, -200, -300, -200]);
        assert_eq!(all(249), [200, 200, 200, 300]);
        assert_eq!(all(-251), [-300, -200, -300, -200]);
        assert_eq!(all(200), [200; 4]);
        assert_eq!(cut(i128::MAX, 60, Rounding::Nearest), Some(0));
        assert_eq!(cut(1, 60, Rounding::Ceiling), None);
    }

    #[test]
    fn places_that_a_double_has_not_change_nothing() {
        assert_eq!([2, 308, 309, 400, i64::MAX].map(|p| double(1.235, p, Rounding::Nearest)), [1.24, 1.235, 1.235, 1.235, 1.235]);
        assert_eq!([-2, -308, -309, i64::MIN].map(|p| double(1250.0, p, Rounding::Nearest)), [1300.0, 0.0, 0.0, 0.0]);
        assert_eq!(double(1e300, 10, Rounding::Cut), 1e300);
    }
}
