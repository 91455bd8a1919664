//! Intervals: how long from this to that (rules 25, 41).

use crate::calendar::{Window, end_of};
use crate::funnel::partitions;
use crate::run::{Pairs, Run, first_after, first_at};
use std::ops::Range;

/// An interval question, ready to judge runs.
#[derive(Clone, Debug)]
pub struct IntervalSpec {
    /// How long after the start the end may come, inclusive.
    pub window: Option<Window>,
    /// Whether the end must be strictly later.
    pub ties_forbidden: bool,
    /// Start and end are the same event with the same condition: successive rows pair.
    pub same_step: bool,
    /// Only the entity's first pair in all history, if its start lies in `start`.
    pub first_time: bool,
    /// Bounds the time (µs) of start rows, end excluded.
    pub start: Range<i64>,
}

/// A start and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The start row, relative to the run.
    pub start: u32,
    /// The end row, relative to the run.
    pub end: u32,
}

/// Appends the pairs of one entity, ordered by start row. Bit 0 of the run marks starts, bit 1 ends. With `holding`, both rows share
/// the code. `pairs` relates the rows of the start (step 0) to those of the end (step 1).
pub fn intervals(spec: &IntervalSpec, run: Run<'_>, holding: Option<&[u32]>, pairs: Option<&dyn Pairs>, out: &mut Vec<Pair>) {
    let begun = out.len();
    let related = pairs.filter(|pairs| pairs.relates(0, 1));
    let fits = |start: u32, end: u32| related.is_none_or(|pairs| pairs.allowed(0, start, 1, end));
    match holding {
        None => pair_rows(spec, run, &fits, out),
        Some(codes) => {
            for part in partitions(codes, run.len()) {
                let (time, mask) = (part.take(run.time), part.take(run.mask));
                let mut pairs = Vec::new();
                let place = |row: u32| part.rows[row as usize];
                pair_rows(spec, Run { time: &time, mask: &mask }, &|start, end| fits(place(start), place(end)), &mut pairs);
                out.extend(pairs.into_iter().map(|pair| Pair { start: place(pair.start), end: place(pair.end) }));
            }
        }
    }
    out[begun..].sort_unstable_by_key(|pair| pair.start);
    if spec.first_time {
        // The first pair of all history; the range then tests it (rule 41).
        out.truncate(begun + 1);
        let inside = out.get(begun).is_some_and(|pair| spec.start.contains(&run.time[pair.start as usize]));
        out.truncate(begun + usize::from(inside));
    }
}

/// Starts in order, each takes the first unused end that fits it.
fn pair_rows(spec: &IntervalSpec, run: Run<'_>, fits: &dyn Fn(u32, u32) -> bool, out: &mut Vec<Pair>) {
    let time = run.time.get(..run.len()).unwrap_or_default();
    let range = match spec.first_time {
        true => 0..time.len(),
        false => first_at(time, 0, spec.start.start)..first_at(time, 0, spec.start.end),
    };
    let mut used = vec![false; time.len()];
    // Every end before this row is used or too early for all later starts.
    let mut free = 0;
    for start in range.filter(|&row| run.mask[row] & 1 != 0) {
        let t = time[start];
        let from = match (spec.ties_forbidden, spec.same_step) {
            (true, _) => first_after(time, free, t),
            // Of rows of the same step only those later in the sort order follow (rule 41).
            (false, true) => free.max(start + 1),
            (false, false) => first_at(time, free, t),
        };
        let unused = |row: &usize| !used[*row] && run.mask[*row] & 2 != 0;
        let last = end_of(spec.window.as_ref(), t);
        let mut unused_ends = (from..time.len()).filter(|row| *row != start && unused(row)).peekable();
        let first = unused_ends.peek().copied();
        let end = unused_ends.take_while(|&row| time[row] <= last).find(|&row| fits(start as u32, row as u32));
        // A start that could itself end another of equal time stays in reach.
        let own = Some(start).filter(|row| (from..time.len()).contains(row) && unused(row));
        free = own.unwrap_or(usize::MAX).min(first.unwrap_or(time.len()));
        if let Some(end) = end {
            used[end] = true;
            out.push(Pair { start: start as u32, end: end as u32 });
            if spec.first_time {
                return;
            }
        }
    }
}
