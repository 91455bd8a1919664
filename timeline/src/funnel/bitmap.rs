//! One bit a row for each required step: the next row of a step is a count of trailing zeros away.

use super::part::Plan;

/// The rows of each required step as bits, 64 rows a word.
pub(super) struct Bitmaps {
    words: Vec<u64>,
    /// Words of one step.
    stride: usize,
    rows: usize,
}

impl Bitmaps {
    pub(super) fn new(plan: &Plan, mask: &[u64]) -> Self {
        let stride = mask.len().div_ceil(64);
        let mut words = vec![0; stride * plan.required.len()];
        // Eight neighbouring bits hold the steps of most funnels: one pass narrows the masks, a multiplication gathers eight rows.
        let shift = plan.union.trailing_zeros().min(56);
        let narrow = plan.union >> shift < 256;
        for (place, chunk) in mask.chunks(64).enumerate() {
            let mut bytes = [0u8; 64];
            for (byte, mask) in bytes.iter_mut().zip(chunk) {
                *byte = (mask >> shift) as u8;
            }
            for (rank, &step) in plan.required.iter().enumerate() {
                let bit = plan.bits[step].trailing_zeros();
                let word = &mut words[rank * stride + place];
                *word = match bit {
                    // A bit that is out of range, of a step that nothing fills.
                    64 => 0,
                    _ if narrow => gather(&bytes, bit - shift),
                    _ => chunk.iter().rev().fold(0, |word, mask| word << 1 | mask >> bit & 1),
                };
            }
        }
        Bitmaps { words, stride, rows: mask.len() }
    }

    /// The words of a step.
    pub(super) fn of(&self, rank: usize) -> &[u64] {
        &self.words[rank * self.stride..(rank + 1) * self.stride]
    }

    /// First row of the step at or after `from`; the number of rows if there is none.
    pub(super) fn next(&self, rank: usize, from: usize) -> usize {
        let words = self.of(rank);
        let mut place = from / 64;
        let Some(&word) = words.get(place) else { return self.rows };
        let mut word = word & (u64::MAX << (from % 64));
        while word == 0 {
            place += 1;
            match words.get(place) {
                Some(&next) => word = next,
                None => return self.rows,
            }
        }
        place * 64 + word.trailing_zeros() as usize
    }
}

/// Bit `bit` of each of 64 bytes, the first byte lowest.
fn gather(bytes: &[u8; 64], bit: u32) -> u64 {
    bytes.chunks_exact(8).enumerate().fold(0, |word, (place, chunk)| {
        let eight = chunk.iter().rev().fold(0u64, |eight, &byte| eight << 8 | u64::from(byte));
        // Eight bytes of 0 or 1 times this constant bring their bits together in the top byte.
        let bits = (eight >> bit & 0x0101_0101_0101_0101).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word | bits << (place * 8)
    })
}
