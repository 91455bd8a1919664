//! A bit a row, for a range of rows: which rows are of an event. A few kilobytes for the rows of many users, so that they stay in the nearest cache.

use std::ops::Range;

/// The rows from `base` on, 64 in a word.
#[derive(Default)]
pub(crate) struct Bits {
    base: usize,
    words: Vec<u64>,
}

/// Eight bytes of 0 or 1 become eight bits of the highest byte.
const GATHER: u64 = 0x0102_0408_1020_4080;

impl Bits {
    /// Sets the bits of the rows whose value passes.
    pub(crate) fn mark<T: Copy>(&mut self, column: &[T], rows: Range<usize>, passes: impl Fn(T) -> bool) {
        self.base = rows.start;
        self.words.clear();
        let (whole, rest) = column[rows].as_chunks::<64>();
        self.words.extend(whole.iter().map(|values| word(values, &passes)));
        if !rest.is_empty() {
            self.words.push(rest.iter().enumerate().fold(0, |w, (i, v)| w | u64::from(passes(*v)) << i));
        }
    }

    /// Calls `found` for each marked row of a range in order, until it says that it has seen enough.
    #[inline(always)]
    pub(crate) fn each(&self, rows: Range<usize>, mut found: impl FnMut(usize) -> bool) {
        let Some(Ends { first, last, below, above }) = self.ends(&rows) else { return };
        for (index, mut word) in (first..).zip(self.words[first..=last].iter().copied()) {
            word &= if index == first { above } else { u64::MAX };
            word &= if index == last { below } else { u64::MAX };
            while word != 0 {
                if !found(self.base + index * 64 + word.trailing_zeros() as usize) {
                    return;
                }
                word &= word - 1;
            }
        }
    }

    /// The first marked row of a range.
    #[inline(always)]
    pub(crate) fn first(&self, rows: Range<usize>) -> Option<usize> {
        let mut found = None;
        self.each(rows, |row| {
            found = Some(row);
            false
        });
        found
    }

    /// The last marked row of a range.
    #[inline(always)]
    pub(crate) fn last(&self, rows: Range<usize>) -> Option<usize> {
        let Ends { first, last, below, above } = self.ends(&rows)?;
        let mut word = self.words[last] & below;
        for index in (first..=last).rev() {
            word &= if index == first { above } else { u64::MAX };
            if word != 0 {
                return Some(self.base + index * 64 + 63 - word.leading_zeros() as usize);
            }
            word = self.words[index.saturating_sub(1)];
        }
        None
    }

    #[inline(always)]
    fn ends(&self, rows: &Range<usize>) -> Option<Ends> {
        let (start, end) = (rows.start - self.base, (rows.end - self.base).checked_sub(1)?);
        (start <= end).then_some(Ends {
            first: start / 64,
            last: end / 64,
            above: u64::MAX << (start % 64),
            below: u64::MAX >> (63 - end % 64),
        })
    }
}

/// The first and last word of a range, and which of their bits belong to it.
struct Ends {
    first: usize,
    last: usize,
    above: u64,
    below: u64,
}

/// Compares first and gathers then: both loops become wide instructions without naming any.
#[inline(always)]
fn word<T: Copy>(values: &[T; 64], passes: impl Fn(T) -> bool) -> u64 {
    let mut flags = [0u8; 64];
    for (flag, value) in flags.iter_mut().zip(values) {
        *flag = u8::from(passes(*value));
    }
    let (eights, _) = flags.as_chunks::<8>();
    eights.iter().rev().fold(0, |w, eight| w << 8 | u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56)
}
