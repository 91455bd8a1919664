//! Values written to some entities: small writes wait beside a column and are joined with it when somebody reads all of it.

use crate::StoreError;
use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::{concat, interleave, take};
use std::cmp::Ordering;

/// Values by ordinal, each ordinal once, in order.
#[derive(Debug)]
pub(super) struct Patch {
    ordinals: Ordinals,
    pub(super) values: ArrayRef,
}

#[derive(Debug)]
enum Ordinals {
    /// Consecutive from here: the usual import.
    From(u32),
    Each(Vec<u32>),
}

impl Patch {
    /// Of several values for one ordinal the last stays.
    pub(super) fn new(ordinals: &[u32], values: &ArrayRef) -> Result<Patch, StoreError> {
        if ordinals.windows(2).all(|w| w[0] < w[1]) {
            return Ok(Patch { ordinals: Ordinals::of(ordinals.to_vec()), values: values.clone() });
        }
        let mut rows: Vec<u32> = (0..ordinals.len() as u32).collect();
        rows.sort_by_key(|row| ordinals[*row as usize]);
        let last = |(i, row): (usize, &u32)| rows.get(i + 1).is_none_or(|next| ordinals[*next as usize] != ordinals[*row as usize]);
        let kept: Vec<u32> = rows.iter().enumerate().filter(|(i, row)| last((*i, row))).map(|(_, row)| *row).collect();
        let sorted = kept.iter().map(|row| ordinals[*row as usize]).collect();
        Ok(Patch { ordinals: Ordinals::of(sorted), values: take(values, &UInt32Array::from(kept), None)? })
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The row of an ordinal.
    pub(super) fn find(&self, ordinal: u32) -> Option<usize> {
        match &self.ordinals {
            Ordinals::From(first) => ordinal.checked_sub(*first).map(|row| row as usize).filter(|row| *row < self.len()),
            Ordinals::Each(ordinals) => ordinals.binary_search(&ordinal).ok(),
        }
    }

    pub(super) fn ordinal(&self, row: usize) -> u32 {
        match &self.ordinals {
            Ordinals::From(first) => first + row as u32,
            Ordinals::Each(ordinals) => ordinals[row],
        }
    }

    /// One past the highest ordinal.
    pub(super) fn end(&self) -> usize {
        if self.len() == 0 { 0 } else { self.ordinal(self.len() - 1) as usize + 1 }
    }

    /// Rows from `row` on whose ordinals follow each other.
    pub(super) fn run(&self, row: usize) -> usize {
        match &self.ordinals {
            Ordinals::From(_) => self.len() - row,
            Ordinals::Each(ordinals) => 1 + ordinals[row..].windows(2).take_while(|w| w[0] + 1 == w[1]).count(),
        }
    }

    /// Both as one; what was written later wins.
    pub(super) fn followed_by(&self, next: &Patch) -> Result<Patch, StoreError> {
        if self.end() <= next.ordinal(0) as usize {
            let values = concat(&[&self.values, &next.values])?;
            let ordinals = match (&self.ordinals, &next.ordinals) {
                (Ordinals::From(a), Ordinals::From(b)) if *a as usize + self.len() == *b as usize => Ordinals::From(*a),
                _ => Ordinals::Each(self.each().chain(next.each()).collect()),
            };
            return Ok(Patch { ordinals, values });
        }
        let (mut ordinals, mut rows) = (Vec::with_capacity(self.len() + next.len()), Vec::with_capacity(self.len() + next.len()));
        let (mut a, mut b) = (0, 0);
        while a < self.len() || b < next.len() {
            let order = match (a < self.len(), b < next.len()) {
                (true, true) => self.ordinal(a).cmp(&next.ordinal(b)),
                (true, false) => Ordering::Less,
                _ => Ordering::Greater,
            };
            let (from, row) = if order == Ordering::Less { (0, a) } else { (1, b) };
            ordinals.push(if from == 0 { self.ordinal(row) } else { next.ordinal(row) });
            rows.push((from, row));
            a += usize::from(order != Ordering::Greater);
            b += usize::from(order != Ordering::Less);
        }
        Ok(Patch { ordinals: Ordinals::of(ordinals), values: interleave(&[self.values.as_ref(), next.values.as_ref()], &rows)? })
    }

    fn each(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.len()).map(|row| self.ordinal(row))
    }
}

impl Ordinals {
    fn of(sorted: Vec<u32>) -> Ordinals {
        match (sorted.first(), sorted.last()) {
            (Some(first), Some(last)) if (last - first) as usize + 1 == sorted.len() => Ordinals::From(*first),
            _ => Ordinals::Each(sorted),
        }
    }
}
