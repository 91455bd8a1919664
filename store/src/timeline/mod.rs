//! One subject type's events in order.

mod build;
mod merged;

pub(crate) use build::{Involved, build};

use eql_catalog::{EntityTypeId, EventTypeId};
use std::ops::Range;

/// The events of every entity of one type, ordered by (ordinal, time, sequence). 14 bytes a row and 4 an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// Whose.
    pub subject: EntityTypeId,
    /// Code → event type.
    pub events: Vec<EventTypeId>,
    /// One more than there are entities: the rows of ordinal `o` are `offsets[o]..offsets[o + 1]`.
    pub offsets: Vec<u32>,
    /// Microseconds in UTC.
    pub time: Vec<i64>,
    /// Index into `events`.
    pub code: Vec<u16>,
    /// Row number in the [`EventRows`](crate::EventRows) of that event type.
    pub row: Vec<u32>,
}

impl Timeline {
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
            let timeline = Timeline { subject: EntityTypeId(0), events: vec![], offsets, time: vec![0; rows], code: vec![0; rows], row: vec![0; rows] };
            let ranges = timeline.partitions(n);
            prop_assert!(ranges.len() <= n.max(1));
            prop_assert_eq!(ranges.iter().cloned().flatten().collect::<Vec<_>>(), (0..counts.len() as u32).collect::<Vec<_>>());
            let largest = ranges.iter().map(|r| counts[r.start as usize..r.end as usize].iter().sum::<u32>()).max().unwrap_or(0);
            prop_assert!(largest as usize <= rows / n.max(1) + 5, "{} of {}", largest, rows);
        }
    }
}
