//! Retention by calendar periods over the rows of many entities, where no two rows of one have one time.

use super::{Retention, RetentionSpec, cells};
use crate::calendar::Bucketer;
use crate::rows::RowBits;
use std::ops::Range;

/// Place of start rows, and of return rows, among the kinds of [`RowBits`].
const START: usize = 0;
const RETURN: usize = 1;

impl RetentionSpec {
    /// Whether [`Retention::sweep`] knows these rules.
    pub fn sweeps(&self) -> bool {
        !self.rolling
    }
}

impl Retention<'_> {
    /// Calls `each` with start row and cells of every cohort of the entity that has these rows, in order, as [`Retention::each`] does without
    /// HOLDING. Start rows are the first kind of `kinds`, return rows the second. Cohorts are the periods of `cohorts`; without it there is
    /// one.
    pub fn sweep(
        &mut self,
        time: &[i64],
        rows: Range<usize>,
        kinds: &RowBits<'_>,
        mut cohorts: Option<&mut Bucketer>,
        each: &mut dyn FnMut(usize, &[u64]),
    ) {
        let range = &self.spec.start;
        let Some(mut start) = kinds.next(START, rows.start, rows.end) else { return };
        if self.spec.first_time {
            if range.contains(&time[start]) {
                self.start(time, rows.end, kinds, start, each);
            }
            return;
        }
        let before = match time[rows.end - 1] < range.end {
            true => rows.end,
            false => rows.start + time[rows.clone()].partition_point(|&t| t < range.end),
        };
        if time[start] < range.start {
            let from = rows.start + time[rows.start..before].partition_point(|&t| t < range.start);
            match kinds.next(START, from, before) {
                Some(row) => start = row,
                None => return,
            }
        } else if start >= before {
            return;
        }
        loop {
            self.start(time, rows.end, kinds, start, each);
            let Some(cohorts) = &mut cohorts else { return };
            let end = cohorts.end(time[start]);
            // The next start row mostly lies near.
            let mut next = start;
            loop {
                match kinds.next(START, next + 1, before) {
                    Some(row) if time[row] < end => next = row,
                    Some(row) => break start = row,
                    None => return,
                }
            }
        }
    }

    fn start(&mut self, time: &[i64], until: usize, kinds: &RowBits<'_>, start: usize, each: &mut dyn FnMut(usize, &[u64])) {
        let mut bits = std::mem::take(&mut self.bits);
        bits.fill(0);
        let spec = self.spec;
        let mut set =
            |passed: i64| cells::cells_of(&spec.cells, spec.unbounded, passed).for_each(|cell| bits[cell / 64] |= 1 << (cell % 64));
        let period = self.bucketer.index(time[start]);
        let last = if spec.unbounded { i64::MAX } else { cells::last_of(&spec.cells) };
        if spec.same_step {
            set(0);
        }
        let mut row = start;
        while let Some(next) = kinds.next(RETURN, row + 1, until) {
            let passed = self.bucketer.index(time[next]) - period;
            if passed > last {
                break;
            }
            set(passed);
            row = next;
        }
        each(start, &bits);
        self.bits = bits;
    }
}
