//! Retention: who came back, and when (rule 20).

mod cells;

pub use cells::{cell_count, cell_of, elapsed, mature};

use crate::calendar::{Bucketer, Calendar, Unit};
use crate::run::{NULL, Run, first_after, first_at};
use hashbrown::HashMap;
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
    cells: usize,
}

impl<'a> Retention<'a> {
    /// Makes ready for runs.
    pub fn new(spec: &'a RetentionSpec) -> Self {
        let unit = cells::unit_of(&spec.cells);
        Retention { spec, bucketer: Bucketer::new(spec.calendar, unit, 1), unit, cells: cell_count(&spec.cells, spec.unbounded) }
    }

    /// As [`retention()`].
    pub fn cohorts(&mut self, run: Run<'_>, group: Option<&[u32]>, holding: Option<&[u32]>, out: &mut Vec<Cohort>) {
        let words = self.cells.div_ceil(64);
        let first = out.len();
        let mut places: HashMap<u32, usize> = HashMap::new();
        for (group, start_row) in self.starts(run, group, holding) {
            let at = match places.get(&group) {
                Some(&at) => at,
                None => {
                    places.insert(group, out.len());
                    out.push(Cohort { group, start_row: start_row as u32, returned: vec![0; words] });
                    out.len() - 1
                }
            };
            let returned = &mut out[at].returned;
            self.visit(run, holding, start_row, |_, cells| cells.for_each(|cell| returned[cell / 64] |= 1 << (cell % 64)));
        }
        if let Some(new) = out.get_mut(first..) {
            new.sort_by_key(|cohort| cohort.start_row);
        }
    }

    /// Appends every return row with the cells it fills: the rows that a measure of a cell ranges over (rules 26, 49). With HOLDING a
    /// return row belongs to the start row of its own code.
    pub fn returns(&mut self, run: Run<'_>, group: Option<&[u32]>, holding: Option<&[u32]>, out: &mut Vec<Return>) {
        for (group, start_row) in self.starts(run, group, holding) {
            self.visit(run, holding, start_row, |row, cells| {
                let cells = cells.start as u32..cells.end as u32;
                out.push(Return { group, start_row: start_row as u32, row: row as u32, cells });
            });
        }
    }

    /// The first start row of every group (and HOLDING code), in order; FIRST TIME: of the entity's history, if it lies in range.
    fn starts(&self, run: Run<'_>, group: Option<&[u32]>, holding: Option<&[u32]>) -> Vec<(u32, usize)> {
        let code = |codes: Option<&[u32]>, row: usize| codes.and_then(|codes| codes.get(row).copied()).unwrap_or(0);
        let starts = |row: &usize| run.mask[*row] & 1 != 0 && (holding.is_none() || code(holding, *row) != NULL);
        if self.spec.first_time {
            let first = (0..run.len()).find(starts).filter(|&row| self.spec.start.contains(&run.time[row]));
            return first.map(|row| (code(group, row), row)).into_iter().collect();
        }
        let range = first_at(run.time, 0, self.spec.start.start)..first_at(run.time, 0, self.spec.start.end).min(run.len());
        let mut seen = hashbrown::HashSet::new();
        let mut last = None;
        let mut fresh = |key: (u32, u32)| {
            // Rows of a cohort stand together, so most are settled without the set.
            let new = last != Some(key) && seen.insert(key);
            last = Some(key);
            new
        };
        range.filter(starts).filter(|&row| fresh((code(group, row), code(holding, row)))).map(|row| (code(group, row), row)).collect()
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
