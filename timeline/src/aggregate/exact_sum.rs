//! An exact sum of doubles.

/// Bits of a limb's place.
const LIMB: usize = 32;

/// A finite double is a whole number of 2⁻¹⁰⁷⁴ with at most 2,098 bits; 64 more bits carry more values than can be added.
const LIMBS: usize = 2_098 / LIMB + 4;

/// After this many additions carries are moved on, long before a limb of 64 bits overflows.
const CARRY_EVERY: u32 = 1 << 29;

/// A fixed-point number wide enough for every double (a "superaccumulator"): 32-bit digits in 64-bit limbs, the lowest worth 2⁻¹⁰⁷⁴.
///
/// Adding is exact integer addition, so it is associative and commutative: any order, any split into partial sums and any merge give the
/// same limbs, and [`ExactSum::value`] rounds once, to the nearest double, ties to even. Query and stream cannot differ.
/// Infinities and NaN are kept aside.
#[derive(Clone, Debug)]
pub struct ExactSum {
    limbs: [i64; LIMBS],
    pending: u32,
    plus_infinity: bool,
    minus_infinity: bool,
    nan: bool,
}

impl Default for ExactSum {
    fn default() -> Self {
        ExactSum { limbs: [0; LIMBS], pending: 0, plus_infinity: false, minus_infinity: false, nan: false }
    }
}

impl ExactSum {
    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        if !value.is_finite() {
            self.nan |= value.is_nan();
            self.plus_infinity |= value == f64::INFINITY;
            self.minus_infinity |= value == f64::NEG_INFINITY;
            return;
        }
        let bits = value.to_bits();
        let exponent = ((bits >> 52) & 0x7ff) as usize;
        let fraction = bits & ((1 << 52) - 1);
        // A subnormal has the exponent of the least normal number and no hidden bit.
        let mantissa = if exponent == 0 { fraction } else { fraction | 1 << 52 };
        let shift = exponent.max(1) - 1;
        let wide = u128::from(mantissa) << (shift % LIMB);
        let sign = if value.is_sign_negative() { -1 } else { 1 };
        for (digit, limb) in self.limbs.iter_mut().skip(shift / LIMB).take(3).enumerate() {
            *limb += sign * ((wide >> (digit * LIMB)) as u32 as i64);
        }
        self.settle(1);
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &ExactSum) {
        let mut other = other.clone();
        other.carry();
        for (limb, more) in self.limbs.iter_mut().zip(other.limbs) {
            *limb += more;
        }
        self.nan |= other.nan;
        self.plus_infinity |= other.plus_infinity;
        self.minus_infinity |= other.minus_infinity;
        self.settle(1);
    }

    fn settle(&mut self, additions: u32) {
        self.pending += additions;
        if self.pending >= CARRY_EVERY {
            self.carry();
        }
    }

    /// Makes every limb but the last a digit of 0 to 2³² − 1; the last keeps the sign.
    fn carry(&mut self) {
        let mut carry = 0;
        if let Some((last, digits)) = self.limbs.split_last_mut() {
            for limb in digits {
                let sum = *limb + carry;
                carry = sum >> LIMB;
                *limb = sum & 0xffff_ffff;
            }
            *last += carry;
        }
        self.pending = 0;
    }

    /// The sum, rounded to the nearest double.
    pub fn value(&self) -> f64 {
        match (self.nan, self.plus_infinity, self.minus_infinity) {
            (true, ..) | (_, true, true) => return f64::NAN,
            (_, true, _) => return f64::INFINITY,
            (_, _, true) => return f64::NEG_INFINITY,
            _ => {}
        }
        let mut sum = self.clone();
        sum.carry();
        let negative = sum.limbs[LIMBS - 1] < 0;
        if negative {
            sum.limbs.iter_mut().for_each(|limb| *limb = -*limb);
            sum.carry();
        }
        let magnitude = sum.magnitude();
        if negative { -magnitude } else { magnitude }
    }

    /// The double nearest to digits that are not negative.
    fn magnitude(&self) -> f64 {
        let Some(top) = self.limbs.iter().rposition(|&limb| limb != 0) else { return 0.0 };
        let highest = top * LIMB + 63 - self.limbs[top].leading_zeros() as usize;
        if highest < 53 {
            // Up to 53 bits are the bits of the double, subnormal or of the least exponent.
            return f64::from_bits((self.limbs[0] | self.limbs[1] << LIMB) as u64);
        }
        let lowest = highest - 52;
        let mantissa = self.bits(lowest, 53);
        let half = self.bits(lowest - 1, 1) == 1;
        let sticky =
            (0..(lowest - 1) / LIMB).any(|limb| self.limbs[limb] != 0) || self.bits((lowest - 1) / LIMB * LIMB, (lowest - 1) % LIMB) != 0;
        let rounded = mantissa + u64::from(half && (sticky || mantissa & 1 == 1));
        // The hidden bit adds 1 to the exponent field, and a carry out of the mantissa one more.
        let bits = ((lowest as u64) << 52) + rounded;
        if bits >= f64::INFINITY.to_bits() { f64::INFINITY } else { f64::from_bits(bits) }
    }

    /// `count` (at most 53) bits from a place upwards.
    fn bits(&self, place: usize, count: usize) -> u64 {
        let first = place / LIMB;
        let digits = self.limbs.iter().skip(first).take(3).enumerate();
        let wide = digits.fold(0u128, |wide, (digit, &limb)| wide | (limb as u128) << (digit * LIMB));
        (wide >> (place % LIMB)) as u64 & ((1 << count) - 1)
    }
}
