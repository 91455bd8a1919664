//! BOOLEAN, BIGINT, DOUBLE and DECIMAL: exact or not at all, but that a DECIMAL rounds half away from zero.

use super::coerce::{Coerced, done, mapped, parsed};
use arrow::array::*;
use arrow::datatypes::*;

/// 2^63 as a double: the first one that is too large for 64 bits.
const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0;

pub(crate) fn to_bool(values: &ArrayRef) -> Option<Coerced> {
    let (bits, failed) = match values.data_type() {
        DataType::Int64 => mapped::<Int64Type, Int8Type>(values.as_primitive(), |v| bit(v as f64)),
        DataType::Float64 => mapped::<Float64Type, Int8Type>(values.as_primitive(), bit),
        DataType::Utf8 => parsed::<Int8Type>(values.as_string(), |t| match t {
            t if ["true", "t", "yes", "y", "on"].iter().any(|w| t.eq_ignore_ascii_case(w)) => Some(1),
            t if ["false", "f", "no", "n", "off"].iter().any(|w| t.eq_ignore_ascii_case(w)) => Some(0),
            t => int_of_text(t).and_then(|v| bit(v as f64)),
        }),
        _ => return None,
    };
    done(bits.iter().map(|v| v.map(|v| v == 1)).collect::<BooleanArray>(), failed)
}

fn bit(value: f64) -> Option<i8> {
    match value {
        0.0 => Some(0),
        1.0 => Some(1),
        _ => None,
    }
}

pub(crate) fn to_int(values: &ArrayRef) -> Option<Coerced> {
    let (ints, failed) = match values.data_type() {
        DataType::Float64 => mapped::<Float64Type, Int64Type>(values.as_primitive(), int_of_double),
        DataType::Decimal128(_, scale) => {
            let scale = *scale;
            mapped::<Decimal128Type, Int64Type>(values.as_primitive(), move |v| int_of_decimal(v, scale))
        }
        DataType::Utf8 => parsed::<Int64Type>(values.as_string(), int_of_text),
        _ => return None,
    };
    done(ints, failed)
}

fn int_of_double(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && (-TOO_LARGE..TOO_LARGE).contains(&value)).then_some(value as i64)
}

fn int_of_decimal(value: i128, scale: i8) -> Option<i64> {
    let unit = 10i128.pow(u32::from(scale.unsigned_abs()));
    let whole = if scale < 0 { value.checked_mul(unit)? } else { (value % unit == 0).then_some(value / unit)? };
    i64::try_from(whole).ok()
}

/// `12`, and also `12.0` and `1.2e1`, as programs write integers that passed through doubles.
pub(crate) fn int_of_text(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| {
        let (digits, exact) = scaled(text, 0)?;
        exact.then_some(digits).and_then(|d| i64::try_from(d).ok())
    })
}

pub(crate) fn to_double(values: &ArrayRef) -> Option<Coerced> {
    let (doubles, failed) = match values.data_type() {
        DataType::Int64 => {
            mapped::<Int64Type, Float64Type>(values.as_primitive(), |v| (v as f64 as i128 == i128::from(v)).then_some(v as f64))
        }
        DataType::Decimal128(_, scale) => {
            let unit = 10f64.powi(i32::from(*scale));
            mapped::<Decimal128Type, Float64Type>(values.as_primitive(), move |v| Some(v as f64 / unit))
        }
        DataType::Utf8 => parsed::<Float64Type>(values.as_string(), double_of_text),
        _ => return None,
    };
    done(doubles, failed)
}

/// Not `nan`, `inf` and the like, which are how some programs write a missing value.
pub(crate) fn double_of_text(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|v| v.is_finite())
}

pub(crate) fn to_decimal(values: &ArrayRef, precision: u8, scale: i8) -> Option<Coerced> {
    let bound = 10i128.checked_pow(u32::from(precision))?;
    let fits = move |v: i128| (v.unsigned_abs() < bound.unsigned_abs()).then_some(v);
    let unit = 10i128.checked_pow(u32::from(scale.unsigned_abs()))?;
    let (decimals, failed) = match values.data_type() {
        DataType::Int64 => mapped::<Int64Type, Decimal128Type>(values.as_primitive(), |v| i128::from(v).checked_mul(unit).and_then(fits)),
        DataType::Float64 => {
            mapped::<Float64Type, Decimal128Type>(values.as_primitive(), |v| decimal_of_double(v, unit as f64, scale).and_then(fits))
        }
        DataType::Decimal128(_, from) => {
            let from = *from;
            mapped::<Decimal128Type, Decimal128Type>(values.as_primitive(), |v| rescaled(v, from, scale).and_then(fits))
        }
        DataType::Utf8 => parsed::<Decimal128Type>(values.as_string(), |t| scaled(t, scale).and_then(|(v, _)| fits(v))),
        _ => return None,
    };
    done(decimals.with_precision_and_scale(precision, scale).ok()?, failed)
}

/// Rounds the decimal number that the double stands for, its shortest one: 1.005 is 1.01 although the double lies a little below, so that
/// a number gives the same cents whether it was written as a double, as JSON or as text.
fn decimal_of_double(value: f64, unit: f64, scale: i8) -> Option<i128> {
    let product = value * unit;
    let rounded = product.round();
    // Far from a half, and where a double still has fractions, the product cannot round to a neighbour.
    if product.abs() < 1e12 && ((product - rounded).abs() - 0.5).abs() > 1e-3 {
        return Some(rounded as i128);
    }
    value.is_finite().then(|| scaled(&value.to_string(), scale)).flatten().map(|(v, _)| v)
}

fn rescaled(value: i128, from: i8, to: i8) -> Option<i128> {
    let unit = 10i128.checked_pow(u32::from(from.abs_diff(to)))?;
    if to >= from { value.checked_mul(unit) } else { Some(rounded_quotient(value, unit)) }
}

fn rounded_quotient(value: i128, unit: i128) -> i128 {
    let (quotient, rest) = (value / unit, value % unit);
    if rest.unsigned_abs() >= unit.unsigned_abs() - rest.unsigned_abs() { quotient + value.signum() } else { quotient }
}

/// The number in `text` times 10^scale, rounded half away from zero, and whether that was exact. None when the text is no number, or too large.
fn scaled(text: &str, scale: i8) -> Option<(i128, bool)> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.as_bytes().first()? {
        b'-' => (true, &mantissa[1..]),
        b'+' => (false, &mantissa[1..]),
        _ => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Place of the decimal point among the digits, once the scale is applied: digits behind it round.
    let point = i64::try_from(whole.len()).ok()? + i64::from(exponent) + i64::from(scale);
    let mut value = 0i128;
    let (mut exact, mut round_up) = (true, false);
    for (place, digit) in (0i64..).zip(whole.bytes().chain(fraction.bytes())) {
        if place < point {
            value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        } else {
            exact &= digit == b'0';
            round_up |= place == point && digit >= b'5';
        }
    }
    let given = i64::try_from(whole.len() + fraction.len()).ok()?;
    if value != 0 && point > given {
        value = value.checked_mul(10i128.checked_pow(u32::try_from(point - given).ok()?)?)?;
    }
    value = value.checked_add(i128::from(round_up))?;
    Some((if negative { -value } else { value }, exact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_round_half_away_from_zero() {
        let cents = |v: f64| decimal_of_double(v, 100.0, 2);
        assert_eq!(cents(0.1 + 0.2), Some(30));
        assert_eq!([cents(1.005), cents(-1.005), cents(2.675), cents(0.125)], [Some(101), Some(-101), Some(268), Some(13)]);
        assert_eq!(
            [cents(0.0), cents(-0.004), cents(19.99), cents(f64::NAN), cents(f64::INFINITY)],
            [Some(0), Some(0), Some(1999), None, None]
        );
        assert_eq!(decimal_of_double(12_345_678.9, 1e10, 10), Some(123_456_789_000_000_000));
        assert_eq!(decimal_of_double(1e30, 100.0, 2), Some(10i128.pow(32)));
    }

    #[test]
    fn text_is_read_as_exact_numbers() {
        assert_eq!(
            [scaled("1.005", 2), scaled("-.5", 0), scaled("+7", 2), scaled("1e3", 0)],
            [Some((101, false)), Some((-1, false)), Some((700, true)), Some((1000, true))]
        );
        assert_eq!([scaled("12345678901234567.89", 2), scaled("0.0049", 2)], [Some((1_234_567_890_123_456_789, true)), Some((0, false))]);
        assert_eq!([scaled("", 2), scaled(".", 2), scaled("1.2.3", 2), scaled("1e99", 2), scaled("- 1", 2), scaled("٣", 2)], [None; 6]);
        assert_eq!([scaled("1e-7", 2), scaled("0e999", 2)], [Some((0, false)), Some((0, true))]);
        assert_eq!(
            [int_of_text("12.0"), int_of_text("12.5"), int_of_text("1.2e1"), int_of_text("9223372036854775808")],
            [Some(12), None, Some(12), None]
        );
        assert_eq!(
            [rescaled(125, 2, 1), rescaled(-125, 2, 1), rescaled(124, 2, 1), rescaled(1, 0, 2)],
            [Some(13), Some(-13), Some(12), Some(100)]
        );
    }
}
