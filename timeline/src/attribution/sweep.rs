//! Attribution by one touch over the rows of many entities: from each goal a look back, or ahead from where the look-back begins.

use super::{AttributionSpec, Model};
use crate::rows::RowBits;
use std::ops::Range;

/// Place of goals among the kinds of [`RowBits`]; the others are touches.
const GOAL: usize = 0;

impl AttributionSpec {
    /// Whether [`AttributionSpec::sweep`] knows this model.
    pub fn sweeps(&self) -> bool {
        matches!(self.model, Model::First | Model::Last)
    }

    /// Calls `each` with goal, touch and the kind of the touch for every goal of the entity that has these rows, in order, as
    /// [`attribution`](super::attribution()) does without HOLDING. No touch is `(direct)`. Goals are the first kind of `kinds`, all others are
    /// touches; of several kinds that take a row the first names it.
    pub fn sweep(&self, time: &[i64], rows: Range<usize>, kinds: &RowBits<'_>, each: &mut dyn FnMut(usize, Option<(usize, usize)>)) {
        let mut from = rows.start;
        while let Some(goal) = kinds.next(GOAL, from, rows.end) {
            from = goal + 1;
            if time[goal] < self.start.start {
                continue;
            }
            if time[goal] >= self.start.end {
                return;
            }
            let earliest = self.lookback.as_ref().map_or(i64::MIN, |window| window.start(time[goal]));
            let touches = GOAL + 1..kinds.len();
            let touch = match self.model {
                Model::First => {
                    let first = rows.start + time[rows.start..goal].partition_point(|t| *t < earliest);
                    touches.filter_map(|kind| Some((kinds.next(kind, first, goal)?, kind))).min()
                }
                _ => {
                    let last = touches.filter_map(|kind| Some((kinds.last(kind, rows.start, goal)?, kind)));
                    let last = last.max_by_key(|(row, kind)| (*row, std::cmp::Reverse(*kind)));
                    last.filter(|(row, _)| time[*row] >= earliest)
                }
            };
            each(goal, touch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::attribution;
    use crate::calendar::Window;
    use crate::run::{Run, UNMATCHED};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn as_the_fold_finds_them(
            entities in prop::collection::vec(prop::collection::vec((0i64..3, 0u64..8), 0..90), 1..5),
            first: bool,
            lookback in prop::option::of(0i64..20),
            (start, length) in (0i64..40, 0i64..90),
        ) {
            let model = if first { Model::First } else { Model::Last };
            let spec = AttributionSpec { model, lookback: lookback.map(Window::Micros), start: start..start + length };
            let (mut time, mut mask, mut ends) = (Vec::new(), Vec::new(), vec![0]);
            for rows in &entities {
                let mut t = 0;
                for (gap, kinds) in rows {
                    t += gap;
                    time.push(t);
                    mask.push(*kinds);
                }
                ends.push(time.len());
            }
            let of = |kind: usize| (0..time.len() as u32).filter(|row| mask[*row as usize] >> kind & 1 == 1).collect::<Vec<_>>();
            let kinds = RowBits::new((0..3).map(|kind| RowBits::of_rows(of(kind), time.len()).into()).collect());
            for own in ends.windows(2) {
                let (own, time_of) = (own[0]..own[1], &time[own[0]..own[1]]);
                let two: Vec<u64> = mask[own.clone()].iter().map(|m| m & 1 | u64::from(m & 6 != 0) << 1).collect();
                let mut expected = Vec::new();
                attribution(&spec, Run { time: time_of, mask: &two }, None, &mut expected);
                let mut found = Vec::new();
                spec.sweep(&time, own.clone(), &kinds, &mut |goal, touch| {
                    if let Some((row, kind)) = touch {
                        let named = if mask[row] & 2 != 0 { 1 } else { 2 };
                        assert_eq!(kind, named);
                    }
                    found.push(((goal - own.start) as u32, touch.map_or(UNMATCHED, |(row, _)| (row - own.start) as u32)));
                });
                let expected: Vec<(u32, u32)> = expected.iter().map(|c| (c.goal, c.touch)).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
