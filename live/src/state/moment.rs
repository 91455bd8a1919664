//! An instant, and the ranges of time as they lie at it.

use eql_planner::live::{LiveRange, RangeMemo};

/// An instant. What was found out about ranges is kept by whoever asks, so that threads do not wait for each other.
#[derive(Debug)]
pub(crate) struct Moment<'a> {
    pub now: i64,
    pub ranges: &'a [LiveRange],
    pub memos: &'a mut [RangeMemo],
}

impl Moment<'_> {
    /// A range; nothing at or after now is seen. None is all time.
    pub(crate) fn bounds(&mut self, range: Option<usize>) -> (i64, i64) {
        let Some(range) = range else { return (i64::MIN, self.now) };
        let (start, end) = self.ranges[range].at(self.now, &mut self.memos[range]);
        (start, end.min(self.now))
    }

    /// Rows before this are not in a range any more; None: all are.
    pub(crate) fn start(&mut self, range: Option<usize>) -> Option<i64> {
        let range = range.filter(|r| !self.ranges[*r].is_unbounded())?;
        Some(self.ranges[range].at(self.now, &mut self.memos[range]).0)
    }

    /// When a row that is in a range leaves it.
    pub(crate) fn leaves(&mut self, range: usize, time: i64) -> Option<i64> {
        self.ranges[range].leaves(time, self.now, &mut self.memos[range])
    }

    /// When a row that is behind the end of a range comes into it.
    pub(crate) fn enters(&self, range: usize, time: i64) -> Option<i64> {
        self.ranges[range].enters(time, self.now)
    }

    /// Whether every row before now lies before the end of a range.
    pub(crate) fn ends_now(&self, range: Option<usize>) -> bool {
        range.is_none_or(|r| self.ranges[r].ends_now())
    }
}
