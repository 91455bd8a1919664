//! A range of time as it moves with the clock, and the instants at which it lets go of a row or takes one in.

use super::{LiveError, is_fixed};
use crate::clock;
use eql_compiler::bound::TimeRange;
use eql_grammar::ast::{Bound, Instant, LastKind, RangeKind};
use std::collections::BTreeMap;

const HOUR: i64 = 3_600_000_000;
/// Beyond this no edge is looked for: nothing happens within a human life.
const FAR: i64 = 200 * 366 * 24 * HOUR;
/// Steps that are remembered.
const STEPS_MAX: usize = 4_096;
/// Ranges that are remembered: instants of some days are asked for in turn.
const HELD_MAX: usize = 16;

/// `[start, end)` as a function of now. Both ends only ever move on.
#[derive(Debug)]
pub struct LiveRange {
    range: TimeRange,
    start: Edge,
    end: Edge,
}

/// How one end moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    Fixed(i64),
    /// So many microseconds behind now.
    Behind(i64),
    /// By the calendar.
    Moving,
}

/// What was found by search: of one range, by whoever asks. Threads that ask for themselves do not wait for each other.
#[derive(Clone, Debug, Default)]
pub struct RangeMemo {
    held: Vec<Held>,
    /// By the new start, excluded: the start before it, and the instant of the step.
    starts: BTreeMap<i64, (i64, i64)>,
}

/// The range is this one from one instant to before another.
#[derive(Clone, Copy, Debug)]
struct Held {
    from: i64,
    until: i64,
    range: (i64, i64),
}

impl LiveRange {
    /// None when its ends are not those of a single range that moves on: `COMPARE`, or another instant than now.
    ///
    /// # Errors
    /// An unknown zone or an unreadable time; binding has checked both.
    pub fn new(range: &TimeRange) -> Result<Option<Self>, LiveError> {
        if range.before.is_some() || range.clock.as_of.is_some() {
            return Ok(None);
        }
        let (start, end) = clock::resolve(range, 0)?;
        let (start, end) = match &range.range.kind {
            _ if is_fixed(range) => (Edge::Fixed(start), Edge::Fixed(end)),
            RangeKind::AllTime => (Edge::Fixed(i64::MIN), Edge::Behind(0)),
            RangeKind::Since(Instant::Text(..)) => (Edge::Fixed(start), Edge::Behind(0)),
            RangeKind::Last(n, LastKind::Rolling, unit) => match (n, clock::fixed(*unit)) {
                (None, Some(micros)) => (Edge::Behind(micros), Edge::Behind(0)),
                (Some(Bound::Int(n, _)), Some(micros)) => {
                    (Edge::Behind(micros.saturating_mul(i64::try_from(*n).unwrap_or(i64::MAX))), Edge::Behind(0))
                }
                _ => (Edge::Moving, Edge::Behind(0)),
            },
            RangeKind::Last(_, LastKind::Calendar, _) | RangeKind::Today | RangeKind::This(_) => (Edge::Moving, Edge::Behind(0)),
            RangeKind::Since(_) => (Edge::Moving, Edge::Behind(0)),
            RangeKind::Before(_) => (Edge::Fixed(i64::MIN), Edge::Moving),
            _ => (Edge::Moving, Edge::Moving),
        };
        Ok(Some(Self { range: range.clone(), start, end }))
    }

    /// The range as written.
    pub fn range(&self) -> &TimeRange {
        &self.range
    }

    /// Whether every row before now lies before its end.
    pub fn ends_now(&self) -> bool {
        self.end == Edge::Behind(0)
    }

    /// Whether it has no beginning.
    pub fn is_unbounded(&self) -> bool {
        self.start == Edge::Fixed(i64::MIN)
    }

    /// `[start, end)` at an instant.
    pub fn at(&self, now: i64, memo: &mut RangeMemo) -> (i64, i64) {
        let edge = |e: Edge| match e {
            Edge::Fixed(at) => Some(at),
            Edge::Behind(length) => Some(now.saturating_sub(length)),
            Edge::Moving => None,
        };
        if let (Some(start), Some(end)) = (edge(self.start), edge(self.end)) {
            return (start, end);
        }
        let (start, end) = self.moving(now, memo);
        (edge(self.start).unwrap_or(start), edge(self.end).unwrap_or(end))
    }

    /// The ends of the calendar. They stay for a day or a week: what was found is kept as long as it holds.
    fn moving(&self, now: i64, memo: &mut RangeMemo) -> (i64, i64) {
        if let Some(held) = memo.held.iter().find(|h| h.from <= now && now < h.until) {
            return held.range;
        }
        let range = self.resolve(now);
        // Both ends only move on: where they are the same at two instants, they are the same between these.
        if let Some(held) = memo.held.iter_mut().find(|h| h.range == range) {
            held.from = held.from.min(now);
            held.until = held.until.max(now.saturating_add(1));
            return range;
        }
        let until = first_after(now, |t| self.resolve(t) != range).unwrap_or(i64::MAX);
        if memo.held.len() >= HELD_MAX {
            memo.held.remove(0);
        }
        memo.held.push(Held { from: now, until, range });
        range
    }

    /// The ends that the calendar gives; 0 for those that move otherwise, so that they can be compared.
    fn resolve(&self, now: i64) -> (i64, i64) {
        // Binding has read it once.
        let (start, end) = clock::resolve(&self.range, now).unwrap_or((i64::MIN, now));
        let of = |edge: Edge, at: i64| if edge == Edge::Moving { at } else { 0 };
        (of(self.start, start), of(self.end, end))
    }

    /// The first instant after `now` at which a row of time `t` has fallen out at the beginning; None when that never happens.
    pub fn leaves(&self, t: i64, now: i64, memo: &mut RangeMemo) -> Option<i64> {
        match self.start {
            Edge::Fixed(_) => None,
            Edge::Behind(length) => Some(t.saturating_add(length).saturating_add(1)).filter(|at| *at > now && *at < i64::MAX),
            Edge::Moving => {
                let known = memo.starts.range(t.saturating_add(1)..).next().map(|(_, step)| *step);
                if let Some((before, at)) = known
                    && before <= t
                    && at > now
                {
                    return Some(at);
                }
                if self.resolve(now).0 > t {
                    return None;
                }
                let at = first_after(now, |n| self.resolve(n).0 > t)?;
                if memo.starts.len() >= STEPS_MAX {
                    memo.starts.clear();
                }
                memo.starts.insert(self.resolve(at).0, (self.resolve(at - 1).0, at));
                Some(at)
            }
        }
    }

    /// The first instant after `now` at which a row of time `t`, which lies at or behind the end, is before it.
    pub fn enters(&self, t: i64, now: i64) -> Option<i64> {
        match self.end {
            Edge::Fixed(_) => None,
            Edge::Behind(length) => Some(t.saturating_add(length).saturating_add(1)).filter(|at| *at > now && *at < i64::MAX),
            Edge::Moving => {
                if self.resolve(now).1 > t {
                    return None;
                }
                first_after(now, |n| self.resolve(n).1 > t)
            }
        }
    }
}

/// The first instant after `from` at which something is true that stays true from then on.
fn first_after(from: i64, is: impl Fn(i64) -> bool) -> Option<i64> {
    let (mut low, mut step) = (from, HOUR);
    let high = loop {
        let at = from.saturating_add(step);
        if is(at) {
            break at;
        }
        if step > FAR {
            return None;
        }
        low = at;
        step *= 2;
    };
    let mut high = high;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if is(middle) { high = middle } else { low = middle }
    }
    Some(high)
}
