//! Numbers of periods for many times at once.

use super::{Calendar, Unit};

/// How many period starts are remembered; beyond that (seconds over years) each miss asks the calendar.
const TABLE_MAX: usize = 1 << 16;

/// Floors many times to periods of `count` units. The current period answers with one comparison; any other period seen before, or
/// near one, with a guess in a table of period starts: the rows of an entity come in time order, but entities start over.
#[derive(Clone, Debug)]
pub struct Bucketer {
    calendar: Calendar,
    unit: Unit,
    count: i64,
    length: i64,
    current: i64,
    start: i64,
    end: i64,
    /// Number of the period that `starts[0]` begins.
    first: i64,
    /// Starts of consecutive periods, the end of the last one included.
    starts: Vec<i64>,
}

impl Bucketer {
    /// Periods of `count` units, aligned so that period 0 begins where the calendar's period 0 does. A count below 1 is 1.
    pub fn new(calendar: Calendar, unit: Unit, count: i64) -> Self {
        let count = count.max(1);
        let length = unit.nominal().saturating_mul(count);
        Bucketer { calendar, unit, count, length, current: 0, start: 0, end: 0, first: 0, starts: Vec::new() }
    }

    /// Number of the period that holds `t` (µs).
    #[inline]
    pub fn index(&mut self, t: i64) -> i64 {
        if t < self.start || t >= self.end {
            self.seek(t);
        }
        self.current
    }

    /// First instant (µs) of the period that holds `t` (µs).
    #[inline]
    pub fn floor(&mut self, t: i64) -> i64 {
        self.index(t);
        self.start
    }

    /// First instant (µs) after the period that holds `t` (µs).
    #[inline]
    pub fn end(&mut self, t: i64) -> i64 {
        self.index(t);
        self.end
    }

    /// First instant (µs) of the period with this number.
    pub fn start_of(&self, index: i64) -> i64 {
        self.calendar.cut_start(index, self.unit, self.count)
    }

    fn seek(&mut self, t: i64) {
        let place = self.look_up(t).or_else(|| self.extend(t));
        let Some(place) = place else {
            self.current = self.calendar.cut_index(t, self.unit, self.count);
            (self.start, self.end) = (self.start_of(self.current), self.start_of(self.current.saturating_add(1)));
            return;
        };
        self.current = self.first + place as i64;
        (self.start, self.end) = (self.starts[place], self.starts[place + 1]);
    }

    /// Place in the table of the period that holds `t`.
    fn look_up(&self, t: i64) -> Option<usize> {
        let (&low, &high) = (self.starts.first()?, self.starts.last()?);
        if t < low || t >= high {
            return None;
        }
        // Periods are nearly equal, so a proportional guess is off by a place or two at most.
        let last = self.starts.len() - 2;
        let share = t.saturating_sub(low) as f64 / high.saturating_sub(low).max(1) as f64;
        let mut place = ((share * (last as f64 + 1.0)) as usize).min(last);
        while t < self.starts[place] {
            place -= 1;
        }
        while t >= self.starts[place + 1] {
            place += 1;
        }
        Some(place)
    }

    /// Grows the table until it holds `t`, if that stays small.
    fn extend(&mut self, t: i64) -> Option<usize> {
        if self.starts.is_empty() {
            self.first = self.calendar.cut_index(t, self.unit, self.count);
            self.starts = vec![self.start_of(self.first), self.start_of(self.first + 1)];
        }
        let (low, high) = (*self.starts.first()?, *self.starts.last()?);
        let missing = if t < low { low.saturating_sub(t) } else { t.saturating_sub(high) } / self.length.max(1) + 2;
        if self.starts.len().saturating_add(usize::try_from(missing).ok()?) > TABLE_MAX {
            return None;
        }
        if t < low {
            let index = self.calendar.cut_index(t, self.unit, self.count);
            let before: Vec<i64> = (index..self.first).map(|index| self.start_of(index)).collect();
            self.starts.splice(0..0, before);
            self.first = index;
        }
        while t >= *self.starts.last()? {
            let next = self.start_of(self.first + self.starts.len() as i64);
            // Past the end of the calendar periods no longer advance.
            if next <= *self.starts.last()? {
                return None;
            }
            self.starts.push(next);
        }
        self.look_up(t)
    }
}
