//! Instants at which something may change without an event.
//!
//! A wheel of slots of about a minute: what is due later waits unsorted in its slot, and only the slot whose minute has come is put in order. Days
//! ahead are many timers and few slots, so setting one costs a push.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// 2²⁶ µs: 67 seconds.
const SLOT_BITS: u32 = 26;

/// A timer: when, whose, of which lane.
pub(crate) type Timer = (i64, u32, u32);

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

    /// The earliest instant.
    pub(crate) fn next(&mut self) -> Option<i64> {
        while self.near.is_empty() {
            let (slot, timers) = self.far.pop_first()?;
            self.opened = Some(slot);
            self.near = timers.into_iter().map(Reverse).collect();
        }
        self.near.peek().map(|t| t.0.0)
    }

    /// Takes those of the earliest instant when it is this one.
    pub(crate) fn take(&mut self, at: i64, out: &mut Vec<(u32, u32)>) {
        while self.next() == Some(at) {
            if let Some(Reverse((_, ordinal, lane))) = self.near.pop() {
                self.len -= 1;
                out.push((ordinal, lane));
            }
        }
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
    fn they_come_in_order_whenever_they_were_set() {
        let mut timers = Timers::default();
        let far = 1_i64 << 40;
        for (at, ordinal) in [(far, 1), (5, 2), (far + 1, 3), (5, 4), (70_000_000, 5)] {
            timers.set((at, ordinal, 0));
        }
        let mut out = Vec::new();
        let mut order = Vec::new();
        while let Some(at) = timers.next() {
            timers.take(at, &mut out);
            if at == 70_000_000 {
                // An instant that lies behind the slot that is open comes next all the same.
                timers.set((60_000_000, 9, 0));
            }
            order.push((at, out.drain(..).map(|t| t.0).collect::<Vec<_>>()));
        }
        assert_eq!(order, [(5, vec![2, 4]), (70_000_000, vec![5]), (60_000_000, vec![9]), (far, vec![1]), (far + 1, vec![3])]);
        assert_eq!(timers.len(), 0);
    }
}
