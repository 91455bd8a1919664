//! Instants at which something may change without an event.
//!
//! A wheel of slots of about a minute: what is due later waits unsorted in its slot, and only the slot whose minute has come is put in order. Days
//! ahead are many timers and few slots, so setting one costs a push. An entity is woken once for all of its lanes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// 2²⁶ µs: 67 seconds.
const SLOT_BITS: u32 = 26;

/// A timer: when, and for whom.
pub(crate) type Timer = (i64, u32);

/// Timers in the order of their instants.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// Up to the end of the slot that was opened last.
    near: BinaryHeap<Reverse<Timer>>,
    opened: Option<i64>,
    far: BTreeMap<i64, Vec<Timer>>,
    len: usize,
}

impl Timers {
    /// Sets one.
    pub(crate) fn set(&mut self, timer: Timer) {
        let slot = timer.0 >> SLOT_BITS;
        self.len += 1;
        if self.opened.is_some_and(|opened| slot <= opened) {
            self.near.push(Reverse(timer));
        } else {
            self.far.entry(slot).or_default().push(timer);
        }
    }

    /// Takes all up to an instant, in no order.
    pub(crate) fn take(&mut self, until: i64, out: &mut Vec<Timer>) {
        let first = out.len();
        loop {
            while self.near.peek().is_some_and(|t| t.0.0 <= until) {
                out.extend(self.near.pop().map(|t| t.0));
            }
            if !self.near.is_empty() || self.far.first_key_value().is_none_or(|(slot, _)| *slot > until >> SLOT_BITS) {
                break;
            }
            let Some((slot, timers)) = self.far.pop_first() else { break };
            if slot < until >> SLOT_BITS {
                out.extend(timers);
            } else {
                self.opened = Some(slot);
                self.near = timers.into_iter().map(Reverse).collect();
            }
        }
        self.len -= out.len() - first;
    }

    /// How many may be due up to an instant, at most.
    pub(crate) fn due(&self, until: i64) -> usize {
        self.near.len() + self.far.range(..=until >> SLOT_BITS).map(|(_, timers)| timers.len()).sum::<usize>()
    }

    /// How many are set.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_up_to_an_instant_come_whenever_they_were_set() {
        let mut timers = Timers::default();
        let far = 1_i64 << 40;
        for (at, whose) in [(far, 1), (5, 2), (far + 1, 3), (5, 4), (70_000_000, 5)] {
            timers.set((at, whose));
        }
        let taken = |timers: &mut Timers, until| {
            let mut out = Vec::new();
            timers.take(until, &mut out);
            out.sort_unstable();
            out
        };
        assert_eq!(taken(&mut timers, 4), []);
        assert_eq!(taken(&mut timers, 5), [(5, 2), (5, 4)]);
        assert_eq!(taken(&mut timers, 70_000_000), [(70_000_000, 5)]);
        // One that lies behind the slot that is open comes next all the same.
        timers.set((60_000_000, 9));
        timers.set((70_000_001, 8));
        assert_eq!(taken(&mut timers, 70_000_001), [(60_000_000, 9), (70_000_001, 8)]);
        assert_eq!(taken(&mut timers, far), [(far, 1)]);
        assert_eq!((taken(&mut timers, i64::MAX), timers.len()), (vec![(far + 1, 3)], 0));
    }
}
