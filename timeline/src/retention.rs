//! Retention: who came back, and when (rule 20).

mod cells;
mod returns;
mod sweep;

pub use cells::{cell_count, cell_of, elapsed, mature};

use crate::calendar::{Bucketer, Calendar, Unit};
use crate::run::{NULL, Run, first_after, first_at};
use hashbrown::HashMap;
use returns::Returns;
use std::ops::Range;

/// The cells of the return axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cells {
    /// `FOR n unit`: cells 0 to `count`, both included.
    Periods {
        /// The last cell.
        count: u32,
        /// The return grain.
        unit: Unit,
    },
    /// `BUCKETS (a, b, …) unit`: `[a, b)`, and so on.
    Brackets {
        /// Increasing bounds, in units.
        bounds: Vec<i64>,
        /// The return grain.
        unit: Unit,
    },
}

/// A retention question, ready to judge runs.
#[derive(Clone, Debug)]
pub struct RetentionSpec {
    /// The cells of the return axis.
    pub cells: Cells,
    /// Elapsed periods (24 h) instead of differences of calendar periods.
    pub rolling: bool,
    /// The first start row in all history alone counts, if it lies in `start`.
    pub first_time: bool,
    /// Periods: n or later. Brackets: one more, open, after the last bound.
    pub unbounded: bool,
    /// Whether a return must be strictly later than the start.
    pub ties_forbidden: bool,
    /// Start and return are the same event with the same condition: the start row itself fills period 0.
    pub same_step: bool,
    /// Bounds the time (µs) of start rows, end excluded.
    pub start: Range<i64>,
    /// Zone and week start of calendar periods.
    pub calendar: Calendar,
    /// The statement's instant (µs).
    pub now: i64,
}

/// One entity in one cohort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cohort {
    /// The cohort and breakdown of its start row.
    pub group: u32,
    /// The first start row in the group, relative to the run.
    pub start_row: u32,
    /// A bit for each cell, 64 a word.
    pub returned: Vec<u64>,
}

/// A return row, and the cells that it fills for a start: what measures range over (rule 49).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Return {
    /// The cohort and breakdown of the start row.
    pub group: u32,
    /// The start row, relative to the run.
    pub start_row: u32,
    /// The return row, relative to the run; the start row itself where it makes period 0 full.
    pub row: u32,
    /// The cells.
    pub cells: Range<u32>,
}

/// Appends one entry for each group in which the entity has a start row, ordered by start row. Bit 0 of the run marks starts, bit 1
/// returns. `group` is read for start rows. With `holding`, start and return share a code; the entity still counts once in a group,
/// with all that it did for any code.
///
/// For many runs, [`Retention`] keeps its calendar table from one to the next.
pub fn retention(spec: &RetentionSpec, run: Run<'_>, group: Option<&[u32]>, holding: Option<&[u32]>, out: &mut Vec<Cohort>) {
    Retention::new(spec).cohorts(run, group, holding, out);
}

/// The fold with its scratch memory.
#[derive(Clone, Debug)]
pub struct Retention<'a> {
    spec: &'a RetentionSpec,
    bucketer: Bucketer,
    unit: Unit,
    /// The cells of the start at hand.
    bits: Vec<u64>,
    /// Groups (with HOLDING code) seen in the run, ascending.
    seen: Vec<(u32, u32)>,
    returns: Returns,
}

impl<'a> Retention<'a> {
    /// Makes ready for runs.
    pub fn new(spec: &'a RetentionSpec) -> Self {
        let unit = cells::unit_of(&spec.cells);
        let bits = vec![0; cell_count(&spec.cells, spec.unbounded).div_ceil(64)];
        Retention { spec, bucketer: Bucketer::new(spec.calendar, unit, 1), unit, bits, seen: Vec::new(), returns: Returns::default() }
    }

    /// As [`retention()`].
    pub fn cohorts(&mut self, run: Run<'_>, group: Option<&[u32]>, holding: Option<&[u32]>, out: &mut Vec<Cohort>) {
        let mut places: HashMap<u32, usize> = HashMap::new();
        self.each(run, group, holding, &mut |group, start_row, bits| {
            let Some(&at) = places.get(&group) else {
                if holding.is_some() {
                    places.insert(group, out.len());
                }
                return out.push(Cohort { group, start_row, returned: bits.to_vec() });
            };
            // One entity, several values: it counts once, with all that it did.
            out[at].returned.iter_mut().zip(bits).for_each(|(word, more)| *word |= more);
        });
    }

    /// Calls `each` with group, start row and cells of every cohort, in order, without allocating. With HOLDING an entity may come several
    /// times in a group, once for each code; its cells are then to be united.
    pub fn each(&mut self, run: Run<'_>, group: Option<&[u32]>, holding: Option<&[u32]>, each: &mut dyn FnMut(u32, u32, &[u64])) {
        let plain = holding.is_none() && !self.spec.rolling;
        if plain {
            self.returns.gather(run, &mut self.bucketer);
        }
        self.starts(run, group, holding, |fold, group, start_row| {
            let mut bits = std::mem::take(&mut fold.bits);
            bits.fill(0);
            let mut set = |cells: Range<usize>| cells.for_each(|cell| bits[cell / 64] |= 1 << (cell % 64));
            if plain {
                fold.periods(run, start_row, set);
            } else {
                fold.visit(run, holding, start_row, |_, cells| set(cells));
            }
            each(group, start_row as u32, &bits);
            fold.bits = bits;
        });
    }

    /// Appends every return row with the cells it fills: the rows that a measure of a cell ranges over (rules 26, 49). With HOLDING a
    /// return row belongs to the start row of its own code.
    pub fn returns(&mut self, run: Run<'_>, group: Option<&[u32]>, holding: Option<&[u32]>, out: &mut Vec<Return>) {
        self.starts(run, group, holding, |fold, group, start_row| {
            fold.visit(run, holding, start_row, |row, cells| {
                let cells = cells.start as u32..cells.end as u32;
                out.push(Return { group, start_row: start_row as u32, row: row as u32, cells });
            });
        });
    }

    /// Calls `each` with the first start row of every group (and HOLDING code), in order; FIRST TIME: of the entity's history, if it lies in
    /// range.
    fn starts(&mut self, run: Run<'_>, group: Option<&[u32]>, holding: Option<&[u32]>, mut each: impl FnMut(&mut Self, u32, usize)) {
        let code = |codes: Option<&[u32]>, row: usize| codes.and_then(|codes| codes.get(row).copied()).unwrap_or(0);
        let starts = |row: &usize| run.mask[*row] & 1 != 0 && (holding.is_none() || code(holding, *row) != NULL);
        if self.spec.first_time {
            let first = (0..run.len()).find(starts).filter(|&row| self.spec.start.contains(&run.time[row]));
            if let Some(row) = first {
                each(self, code(group, row), row);
            }
            return;
        }
        let range = first_at(run.time, 0, self.spec.start.start)..first_at(run.time, 0, self.spec.start.end).min(run.len());
        self.seen.clear();
        for row in range.filter(starts) {
            let key = (code(group, row), code(holding, row));
            // Cohorts mostly ascend in time, so the list mostly grows at its end.
            let place = if self.seen.last().is_none_or(|last| *last < key) { Err(self.seen.len()) } else { self.seen.binary_search(&key) };
            if let Err(place) = place {
                self.seen.insert(place, key);
                each(self, key.0, row);
            }
        }
    }

    /// The cells of a start by calendar periods: a period counts once, however many rows it holds.
    fn periods(&mut self, run: Run<'_>, start_row: usize, mut set: impl FnMut(Range<usize>)) {
        let t0 = run.time[start_row];
        let period = self.bucketer.index(t0);
        let cells = |passed: i64| cells::cells_of(&self.spec.cells, self.spec.unbounded, passed);
        let last = if self.spec.unbounded { i64::MAX } else { cells::last_of(&self.spec.cells) };
        if self.spec.same_step {
            set(cells(0));
        }
        for (later, last_row) in self.returns.from(period).take_while(|(later, _)| later - period <= last) {
            if later > period || self.returns_within(run, start_row, last_row) {
                set(cells(later - period));
            }
        }
    }

    /// Whether a return row other than the start, and no earlier, comes in the start's own period, the last of which is `last_row`.
    fn returns_within(&self, run: Run<'_>, start_row: usize, last_row: usize) -> bool {
        let t0 = run.time[start_row];
        if run.time[last_row] != t0 {
            return run.time[last_row] > t0;
        }
        let ties = (0..=last_row).rev().take_while(|&row| run.time[row] == t0);
        !self.spec.ties_forbidden && ties.into_iter().any(|row| row != start_row && run.mask[row] & 2 != 0)
    }

    /// Calls `each` with every return row of a start, and the cells it fills.
    fn visit(&mut self, run: Run<'_>, holding: Option<&[u32]>, start_row: usize, mut each: impl FnMut(usize, Range<usize>)) {
        let t0 = run.time[start_row];
        if self.spec.same_step {
            self.cells_at(t0, t0, |cells| each(start_row, cells));
        }
        let from = if self.spec.ties_forbidden { first_after(run.time, 0, t0) } else { first_at(run.time, 0, t0) };
        for row in from..run.len() {
            let held = holding.is_none_or(|codes| codes.get(row) == codes.get(start_row));
            if row == start_row || run.mask[row] & 2 == 0 || !held {
                continue;
            }
            if !self.cells_at(t0, run.time[row], |cells| each(row, cells)) {
                break;
            }
        }
    }

    /// Calls `each` with the cells that a return at `t` fills, if any; false when no later return can fill one.
    fn cells_at(&mut self, t0: i64, t: i64, each: impl FnOnce(Range<usize>)) -> bool {
        let passed = match self.spec.rolling {
            true => elapsed(&self.spec.calendar, self.unit, t0, t),
            false => self.bucketer.index(t) - self.bucketer.index(t0),
        };
        let cells = cells::cells_of(&self.spec.cells, self.spec.unbounded, passed);
        if !cells.is_empty() {
            each(cells);
        }
        self.spec.unbounded || passed <= cells::last_of(&self.spec.cells)
    }
}
