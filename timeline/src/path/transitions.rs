//! Transitions between neighbours inside sessions, counted for many entities at once, whatever their step.

use std::ops::Range;

/// Counts of transitions between so many nodes.
#[derive(Clone, Debug)]
pub struct Transitions {
    /// Nodes, and the place for the end of a session.
    width: usize,
    /// By source and target. Neighbouring rows count in different halves: the same transition twice in a row does not wait for itself.
    counts: Vec<u64>,
}

impl Transitions {
    /// Between nodes `0..nodes`.
    pub fn new(nodes: usize) -> Transitions {
        let width = nodes + 1;
        Transitions { width, counts: vec![0; 2 * width * width] }
    }

    /// Counts the rows of one entity, all of them nodes: `node` gives the node of each code. A gap longer than `timeout` (µs) ends a session;
    /// one that begins outside `during` is passed over. Without `keep_repeats` equal neighbours are one node.
    pub fn add(&mut self, time: &[i64], code: &[u16], node: &[u32], timeout: i64, keep_repeats: bool, during: &Range<i64>) {
        let (Some(&first), Some(&first_code)) = (time.first(), code.first()) else { return };
        let (width, exit) = (self.width, self.width - 1);
        let (even, odd) = self.counts.split_at_mut(width * width);
        let place = |code: u16| node.get(code as usize).map_or(exit, |n| (*n as usize).min(exit));
        let mut inside = during.contains(&first);
        let (mut earlier, mut source) = (first, place(first_code));
        for (row, (&t, &code)) in time.iter().zip(code).enumerate().skip(1) {
            let cut = t.saturating_sub(earlier) > timeout;
            let here = place(code);
            // Without branches: where sessions end is hard to foresee.
            let target = if cut { exit } else { here };
            let counted = inside & (cut | keep_repeats | (here != source));
            let half = if row & 1 == 0 { &mut *even } else { &mut *odd };
            half[source * width + target] += u64::from(counted);
            inside = if cut { during.contains(&t) } else { inside };
            (earlier, source) = (t, here);
        }
        even[source * width + exit] += u64::from(inside);
    }

    /// What was counted: source, target or None for the end of a session, and how often.
    pub fn counts(&self) -> impl Iterator<Item = (u32, Option<u32>, u64)> + '_ {
        let (even, odd) = self.counts.split_at(self.width * self.width);
        let all = even.iter().zip(odd).map(|(a, b)| a + b).enumerate().filter(|(_, n)| *n > 0);
        all.map(|(place, n)| {
            let (source, target) = (place / self.width, place % self.width);
            (source as u32, (target + 1 < self.width).then_some(target as u32), n)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::{PathSpec, edges, path};
    use crate::session::{SessionSpec, sessions};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn as_the_paths_of_sessions_say(
            entities in prop::collection::vec(prop::collection::vec((0i64..40, 0u16..4), 0..20), 1..5),
            timeout in 0i64..6,
            keep_repeats: bool,
            (start, length) in (0i64..20, 1i64..40),
        ) {
            let node = [2u32, 0, 1, 1];
            let during = start..start + length;
            let mut found = Transitions::new(3);
            let mut expected: BTreeMap<(u32, Option<u32>), u64> = BTreeMap::new();
            for mut rows in entities {
                rows.sort_by_key(|r| r.0);
                let (time, code): (Vec<i64>, Vec<u16>) = rows.into_iter().unzip();
                found.add(&time, &code, &node, timeout, keep_repeats, &during);
                let nodes: Vec<u32> = code.iter().map(|c| node[*c as usize]).collect();
                let mut spans = Vec::new();
                sessions(&SessionSpec { timeout, max: None }, &time, None, None, None, &mut spans);
                for span in spans.into_iter().filter(|s| during.contains(&time[s.first as usize])) {
                    let path = path(&PathSpec { depth: usize::MAX, keep_repeats }, span, &nodes, None, None).expect("a session has nodes");
                    for (_, source, target) in edges(&path) {
                        *expected.entry((source, Some(target))).or_default() += 1;
                    }
                    *expected.entry((path.nodes[path.nodes.len() - 1], None)).or_default() += 1;
                }
            }
            let found: BTreeMap<_, _> = found.counts().map(|(s, t, n)| ((s, t), n)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
