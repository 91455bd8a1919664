//! How far any attempt of a run gets, in one pass without looking back.

use super::bitmap::Bitmaps;
use super::part::{Part, Plan};
use crate::calendar::end_of;

/// The most required steps that any start row in range reaches, for funnels in order without voiding events.
///
/// For each step the pass keeps its last row that a chain leads to, and when the window of that chain ends. Of all chains the latest start
/// leads to the latest row (see `reach`), and a later start has a later end, so nothing else need be kept.
pub(super) fn furthest(plan: &Plan, part: &Part<'_>, strictly: bool) -> usize {
    let steps = plan.required.len();
    let mut chains = [(i64::MIN, i64::MIN); 64];
    let chains = &mut chains[..steps];
    let mut most = 0;
    let mut row = 0;
    while row < part.time.len() && most < steps {
        let t = part.time[row];
        let mut bits = 0;
        while row < part.time.len() && part.time[row] == t {
            bits |= part.mask[row];
            row += 1;
        }
        if bits & plan.union == 0 {
            continue;
        }
        // First step first lets a group of equal times chain within itself, last step first does not.
        for turn in 0..steps {
            let rank = if strictly { steps - 1 - turn } else { turn };
            let step = plan.required[rank];
            if bits & plan.bits[step] == 0 {
                continue;
            }
            let end = match rank.checked_sub(1).map(|before| chains[before]) {
                None if plan.spec.start.contains(&t) => end_of(plan.spec.window.as_ref(), t),
                Some((last, end)) if end >= t && plan.within(step).is_none_or(|within| t <= within.end(last)) => end,
                _ => continue,
            };
            chains[rank] = (t, end);
            most = most.max(rank + 1);
        }
    }
    most
}

/// As [`furthest`] for a run without step windows in which no two rows have one time. Rows of the first step, often the most, are never
/// visited: a row of the second looks up the last set bit before it.
pub(super) fn furthest_untied(plan: &Plan, part: &Part<'_>, bitmaps: &Bitmaps) -> usize {
    let steps = plan.required.len();
    let (low, high) = (plan.spec.start.start, plan.spec.start.end);
    let before = part.time.partition_point(|&t| t < high);
    let first = bitmaps.next(0, part.time.partition_point(|&t| t < low));
    if first >= before {
        return 0;
    }
    // When the window of the latest chain to each step ends.
    let mut ends = [i64::MIN; 64];
    let (mut most, mut last_start) = (1, usize::MAX);
    for place in first / 64..part.len().div_ceil(64) {
        let starts = bitmaps.of(0)[place];
        let starts = starts & !below(first.saturating_sub(place * 64)) & below(before.saturating_sub(place * 64));
        let mut later = (1..steps).fold(0, |later, rank| later | bitmaps.of(rank)[place]);
        while later != 0 {
            let bit = later.trailing_zeros();
            later &= later - 1;
            let t = part.time[place * 64 + bit as usize];
            let earlier = starts & below(bit as usize);
            let start = if earlier == 0 { last_start } else { place * 64 + 63 - earlier.leading_zeros() as usize };
            // Last step first: a row that could fill two neighbouring steps does not follow itself.
            for rank in (1..steps).rev().filter(|&rank| bitmaps.of(rank)[place] >> bit & 1 == 1) {
                let end = match rank {
                    1 => part.time.get(start).map_or(i64::MIN, |&t| end_of(plan.spec.window.as_ref(), t)),
                    _ => ends[rank - 1],
                };
                if end >= t {
                    ends[rank] = end;
                    most = most.max(rank + 1);
                }
            }
        }
        if most == steps {
            break;
        }
        if starts != 0 {
            last_start = place * 64 + 63 - starts.leading_zeros() as usize;
        }
    }
    most
}

/// The bits below a place; all from 64 on.
fn below(place: usize) -> u64 {
    if place < 64 { (1 << place) - 1 } else { u64::MAX }
}
