//! One subject type's events in order.

mod build;
mod conditions;
mod merged;
mod overlay;

pub(crate) use build::{Involved, Layer, build};
pub use conditions::{Gathering, Known};
pub use overlay::Timelines;

use conditions::{Conditions, KEPT_MAX};

use eql_catalog::{EntityTypeId, EventTypeId};
use std::ops::Range;
use std::sync::OnceLock;

/// A code with at least one row in so many is kept as bits too.
const DENSE: usize = 64;

/// The events of every entity of one type, ordered by (ordinal, time, sequence). 18 bytes a row and 5 an
/// entity, and a bit a row for each frequent code and for each condition that is asked again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// Whose.
    pub subject: EntityTypeId,
    /// Code → event type.
    pub events: Vec<EventTypeId>,
    /// Code → which participant of the event the subject is.
    pub participants: Vec<usize>,
    /// One more than there are entities: the rows of ordinal `o` are `offsets[o]..offsets[o + 1]`.
    pub offsets: Vec<u32>,
    /// Microseconds in UTC.
    pub time: Vec<i64>,
    /// Index into `events`.
    pub code: Vec<u16>,
    /// Row number in the [`EventRows`](crate::EventRows) of that event type.
    pub row: Vec<u32>,
    /// For each code, where its rows are, rising: a question about rare events does not pass over the others.
    pub postings: Vec<Vec<u32>>,
    /// For each code with many rows, made when it is first asked for: a bit for every row.
    bits: Vec<OnceLock<Vec<u64>>>,
    /// For each entity, whether two of its rows have one time.
    pub tied: Vec<bool>,
    /// The first and the last time of all rows.
    pub times: Option<(i64, i64)>,
    kept: Kept,
}

/// What statements found out, which a copy does not know and which makes no difference.
#[derive(Default)]
struct Kept(Conditions);

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept")
    }
}

impl Clone for Kept {
    fn clone(&self) -> Kept {
        Kept::default()
    }
}

impl PartialEq for Kept {
    fn eq(&self, _: &Kept) -> bool {
        true
    }
}

impl Eq for Kept {}

impl Timeline {
    /// A bit for every row that is of a code, 64 rows a word; None where the code has too few rows for that to be worth it.
    pub fn bits(&self, code: u16) -> Option<&[u64]> {
        let (postings, bits) = (self.postings.get(code as usize)?, self.bits.get(code as usize)?);
        if postings.len() < self.row.len() / DENSE {
            return None;
        }
        Some(bits.get_or_init(|| {
            let mut words = vec![0u64; self.row.len().div_ceil(64)];
            postings.iter().for_each(|row| words[*row as usize / 64] |= 1 << (row % 64));
            words
        }))
    }

    /// What is known of a condition; `key` says all that it depends on besides the rows.
    pub fn known(&self, key: &str) -> Known {
        self.kept.0.known(key, self.row.len())
    }

    /// Keeps a condition that is known of all rows.
    pub fn keep(&self, gathered: &Gathering) {
        self.kept.0.keep(gathered);
    }

    /// Bytes it may take, all that is made later included.
    pub(crate) fn bytes(&self) -> usize {
        let dense = self.postings.len().min(DENSE) + KEPT_MAX;
        self.offsets.len() * 5 + self.row.len() * 18 + self.row.len() * dense / 8
    }

    /// How many entities there are.
    pub fn ordinal_count(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Up to `n` ordinal ranges with about equally many rows; together they cover all ordinals.
    pub fn partitions(&self, n: usize) -> Vec<Range<u32>> {
        let (count, rows) = (self.ordinal_count() as u32, self.row.len() as u64);
        let mut ranges = Vec::new();
        let mut start = 0;
        for i in 1..n.max(1) as u64 {
            // Without rows the entities themselves are divided.
            let end = match rows {
                0 => (u64::from(count) * i / n as u64) as u32,
                _ => self.offsets.partition_point(|o| u64::from(*o) < rows * i / n as u64) as u32,
            };
            let end = end.min(count);
            if end > start {
                ranges.push(start..end);
                start = end;
            }
        }
        if start < count {
            ranges.push(start..count);
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn partitions_cover_all_ordinals_in_order(counts in prop::collection::vec(0u32..5, 0..40), n in 0usize..9) {
            let mut offsets = vec![0];
            for count in &counts {
                offsets.push(offsets[offsets.len() - 1] + count);
            }
            let rows = offsets[counts.len()] as usize;
            let (time, code, row) = (vec![0; rows], vec![0; rows], vec![0; rows]);
            let timeline =
                Timeline { subject: EntityTypeId(0), events: vec![], participants: vec![], offsets, time, code, row, postings: vec![], bits: vec![], tied: vec![], times: None, kept: Kept::default() };
            let ranges = timeline.partitions(n);
            prop_assert!(ranges.len() <= n.max(1));
            prop_assert_eq!(ranges.iter().cloned().flatten().collect::<Vec<_>>(), (0..counts.len() as u32).collect::<Vec<_>>());
            let largest = ranges.iter().map(|r| counts[r.start as usize..r.end as usize].iter().sum::<u32>()).max().unwrap_or(0);
            prop_assert!(largest as usize <= rows / n.max(1) + 5, "{} of {}", largest, rows);
        }
    }
}
