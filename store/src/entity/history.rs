//! The values that one property had, with the times from which they hold.

use arrow::array::{ArrayRef, UInt32Array};

/// Time of what holds from the beginning.
pub(crate) const BEGINNING: i64 = i64::MIN;

/// All values of one `HISTORY` property, ordered by entity and time; of several of one entity at one time only the last written is kept.
#[derive(Clone, Debug)]
pub struct History {
    /// Rows of each entity, by ordinal: one more than there are entities.
    pub offsets: Vec<u32>,
    /// From when each value holds, in microseconds; `i64::MIN` is from the beginning.
    pub time: Vec<i64>,
    /// The values; NULL where the property was cleared.
    pub values: ArrayRef,
}

impl History {
    /// The row that holds for an entity at a time; None when nothing was known yet.
    pub fn value_at(&self, ordinal: u32, time: i64) -> Option<usize> {
        let (start, end) = self.rows(ordinal)?;
        let after = start + self.time[start..end].partition_point(|t| *t <= time);
        (after > start).then(|| after - 1)
    }

    /// The rows that hold at (ordinal, time) each, for `take`; NULL where nothing was known yet. Rows that come ordered are found in one pass.
    pub fn indices(&self, rows: impl Iterator<Item = (u32, i64)>) -> UInt32Array {
        let mut walk = Walk::default();
        rows.map(|(ordinal, time)| walk.find(self, ordinal, time)).collect()
    }

    fn rows(&self, ordinal: u32) -> Option<(usize, usize)> {
        let at = ordinal as usize;
        Some((*self.offsets.get(at)? as usize, *self.offsets.get(at + 1)? as usize))
    }
}

/// Goes on from where the question before was answered.
#[derive(Default)]
struct Walk {
    asked: Option<(u32, i64)>,
    /// First row after the answer, and the end of the entity's rows.
    next: usize,
    start: usize,
    end: usize,
}

impl Walk {
    fn find(&mut self, history: &History, ordinal: u32, time: i64) -> Option<u32> {
        match self.asked {
            Some((before, then)) if before == ordinal && then <= time => {
                while self.next < self.end && history.time[self.next] <= time {
                    self.next += 1;
                }
            }
            _ => {
                (self.start, self.end) = history.rows(ordinal).unwrap_or_default();
                self.next = self.start + history.time[self.start..self.end].partition_point(|t| *t <= time);
            }
        }
        self.asked = Some((ordinal, time));
        (self.next > self.start).then(|| self.next as u32 - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn history(entities: &[Vec<i64>]) -> History {
        let mut offsets = vec![0];
        entities.iter().for_each(|times| offsets.push(offsets[offsets.len() - 1] + times.len() as u32));
        let time: Vec<i64> = entities.concat();
        let values = Arc::new(Int64Array::from_iter_values(0..time.len() as i64));
        History { offsets, time, values }
    }

    #[test]
    fn a_value_holds_from_its_time_on() {
        let h = history(&[vec![BEGINNING, 10, 20], vec![], vec![5]]);
        let at = |ordinal, time| h.value_at(ordinal, time);
        assert_eq!([at(0, 9), at(0, 10), at(0, 19), at(0, 20), at(0, i64::MAX)], [Some(0), Some(1), Some(1), Some(2), Some(2)]);
        assert_eq!([at(0, BEGINNING), at(1, 7), at(2, 4), at(2, 5), at(3, 5)], [Some(0), None, None, Some(3), None]);
    }

    proptest! {
        #[test]
        fn a_pass_finds_what_single_questions_find(
            times in prop::collection::vec(prop::collection::btree_set(0i64..12, 0..5), 0..6),
            mut rows in prop::collection::vec((0u32..7, 0i64..12), 0..40),
            ordered in any::<bool>(),
        ) {
            let h = history(&times.into_iter().map(|t| t.into_iter().collect()).collect::<Vec<_>>());
            if ordered {
                rows.sort();
            }
            let expected: UInt32Array = rows.iter().map(|(o, t)| h.value_at(*o, *t).map(|i| i as u32)).collect();
            prop_assert_eq!(h.indices(rows.into_iter()), expected);
        }
    }
}
