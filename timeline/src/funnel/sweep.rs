//! The common funnel for many entities at once: in order, one window, the best attempt, no row that could fill two steps.
//!
//! Rows of each step are bits over all the entities' rows. How far an entity gets is found in one pass over the rows of its later steps
//! (see `furthest`); the attempt that counts follows from the row at which it first got so far.

use super::part::Plan;
use super::{Counting, Funnel, Mode, Reentry};
use crate::calendar::{Window, end_of};
use crate::rows::{RowBits, below, from};
use std::ops::Range;

/// A funnel that can be swept.
#[derive(Clone, Copy, Debug)]
pub struct Sweep<'f> {
    window: Option<&'f Window>,
    steps: usize,
    low: i64,
    high: i64,
    now: i64,
}

/// The attempt that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Steps done, at least 1.
    pub level: usize,
    /// Not complete, and its window has not ended at `now` (rule 50).
    pub open: bool,
}

impl Funnel {
    /// The funnel for [`Sweep::attempt`], when its rules are the common ones.
    pub fn sweep(&self) -> Option<Sweep<'_>> {
        let Plan { spec, required, between, void_bits, .. } = &self.plan;
        let common = spec.mode == Mode::InOrder && spec.counting == Counting::Entities && spec.reentry == Reentry::Best;
        let plain = required.len() == spec.steps.len() && between.is_empty() && *void_bits == 0 && spec.exclusions.is_empty();
        let loose = spec.steps.iter().all(|s| s.within.is_none());
        (common && plain && loose && !spec.steps.is_empty()).then_some(Sweep {
            window: spec.window.as_ref(),
            steps: spec.steps.len(),
            low: spec.start.start,
            high: spec.start.end,
            now: spec.now,
        })
    }
}

impl Sweep<'_> {
    /// The attempt of the entity that has these rows, no two of which may have one time. The rows of the steps that it did are put into
    /// `matched`, counted as those of `time` and `steps` are.
    pub fn attempt(&self, time: &[i64], rows: Range<usize>, steps: &RowBits<'_>, matched: &mut [u32]) -> Option<Swept> {
        let (level, first, reached) = self.furthest(time, &rows, steps)?;
        // The earliest start from which that row is still in its window: whoever starts later, or gets there later, is not better.
        let start = match level {
            1 => first,
            _ => {
                let t = time[reached];
                let early = time[first..reached].partition_point(|&start| end_of(self.window, start) < t);
                steps.next(0, first + early, rows.end)?
            }
        };
        let mut row = start;
        for (step, matched) in matched.iter_mut().enumerate().take(level) {
            if step > 0 {
                row = steps.next(step, row + 1, rows.end)?;
            }
            *matched = row as u32;
        }
        let open = level < self.steps && end_of(self.window, time[start]) >= self.now;
        Some(Swept { level, open })
    }

    /// The most steps that any attempt does, the first start row in range, and the row at which so many steps are first done.
    fn furthest(&self, time: &[i64], rows: &Range<usize>, steps: &RowBits<'_>) -> Option<(usize, usize, usize)> {
        let first = steps.next(0, rows.start, rows.end)?;
        let (first, before) = if time[first] >= self.low && time[rows.end - 1] < self.high {
            (first, rows.end)
        } else {
            let own = &time[rows.clone()];
            let before = rows.start + own.partition_point(|&t| t < self.high);
            (steps.next(0, rows.start + own.partition_point(|&t| t < self.low), before)?, before)
        };
        // When the window of the latest chain to each step ends.
        let mut ends = [i64::MIN; 64];
        let (mut most, mut reached, mut last_start) = (1, first, None);
        for place in first / 64..rows.end.div_ceil(64) {
            let base = place * 64;
            let starts = steps.of(0)[place] & from(first.saturating_sub(base)) & below(before.saturating_sub(base));
            let inside = from((first + 1).saturating_sub(base)) & below(rows.end - base);
            let mut later = (1..self.steps).fold(0, |later, step| later | steps.of(step)[place]) & inside;
            while later != 0 {
                let bit = later.trailing_zeros() as usize;
                let one = later & later.wrapping_neg();
                later ^= one;
                let t = time[base + bit];
                let Some(rank) = (1..self.steps).find(|rank| steps.of(*rank)[place] & one != 0) else { continue };
                let end = if rank == 1 {
                    let earlier = starts & (one - 1);
                    let start = if earlier == 0 { last_start } else { Some(base + 63 - earlier.leading_zeros() as usize) };
                    start.map_or(i64::MIN, |start| end_of(self.window, time[start]))
                } else {
                    ends[rank - 1]
                };
                if end >= t {
                    ends[rank] = end;
                    if rank + 1 > most {
                        (most, reached) = (rank + 1, base + bit);
                        if most == self.steps {
                            return Some((most, first, reached));
                        }
                    }
                }
            }
            if starts != 0 {
                last_start = Some(base + 63 - starts.leading_zeros() as usize);
            }
        }
        Some((most, first, reached))
    }
}
