//! Rows of several kinds, over the rows of many entities, as bits.

use std::borrow::Cow;

/// For each kind of row a bit for every row of many entities: 64 rows a word. The next row of a kind is a count of zeros away, whatever
/// lies between.
#[derive(Clone, Debug)]
pub struct RowBits<'w> {
    kinds: Vec<Cow<'w, [u64]>>,
}

impl<'w> RowBits<'w> {
    /// Of words, equally many for each kind.
    pub fn new(kinds: Vec<Cow<'w, [u64]>>) -> RowBits<'w> {
        RowBits { kinds }
    }

    /// The words of a list of rows below `rows`.
    pub fn of_rows(list: impl IntoIterator<Item = u32>, rows: usize) -> Vec<u64> {
        let mut words = vec![0u64; rows.div_ceil(64)];
        for row in list {
            if let Some(word) = words.get_mut(row as usize / 64) {
                *word |= 1 << (row % 64);
            }
        }
        words
    }

    /// Whether no row is of two kinds.
    pub fn apart(&self) -> bool {
        let Some((first, others)) = self.kinds.split_first() else { return true };
        let mut all = first.to_vec();
        others.iter().all(|kind| {
            let shared = all.iter_mut().zip(kind.iter()).fold(0, |shared, (all, word)| {
                let both = *all & word;
                *all |= word;
                shared | both
            });
            shared == 0
        })
    }

    /// How many kinds.
    pub(crate) fn len(&self) -> usize {
        self.kinds.len()
    }

    /// The words of a kind.
    pub(crate) fn of(&self, kind: usize) -> &[u64] {
        &self.kinds[kind]
    }

    /// Whether any of these rows is of a kind.
    pub fn has(&self, kind: usize, rows: std::ops::Range<usize>) -> bool {
        self.next(kind, rows.start, rows.end).is_some()
    }

    /// First row of a kind in `from..until`.
    pub(crate) fn next(&self, kind: usize, from: usize, until: usize) -> Option<usize> {
        let words = &self.kinds[kind];
        let mut place = from / 64;
        let mut word = words.get(place)? & (u64::MAX << (from % 64));
        while word == 0 {
            place += 1;
            if place * 64 >= until {
                return None;
            }
            word = *words.get(place)?;
        }
        let row = place * 64 + word.trailing_zeros() as usize;
        (row < until).then_some(row)
    }

    /// Last row of a kind in `from..until`.
    pub(crate) fn last(&self, kind: usize, from: usize, until: usize) -> Option<usize> {
        let end = until.checked_sub(1)?;
        let words = &self.kinds[kind];
        let mut place = end / 64;
        let mut word = words.get(place)? & (u64::MAX >> (63 - end % 64));
        while word == 0 {
            if place * 64 <= from {
                return None;
            }
            place -= 1;
            word = *words.get(place)?;
        }
        let row = place * 64 + 63 - word.leading_zeros() as usize;
        (row >= from).then_some(row)
    }
}

/// The bits below a place; all from 64 on.
pub(crate) fn below(place: usize) -> u64 {
    if place < 64 { (1 << place) - 1 } else { u64::MAX }
}

/// The bits from a place on; none from 64 on.
pub(crate) fn from(place: usize) -> u64 {
    !below(place)
}
