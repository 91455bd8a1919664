//! What is worked out before the first start row is judged: the plan of a funnel and the rows of one HOLDING value.

use super::{FunnelSpec, Mode};
use crate::calendar::{Window, end_of};
use crate::run::{EVERYWHERE, NULL, Run, first_after};
use hashbrown::HashMap;

/// An exclusion between two given steps.
pub(crate) struct Between {
    pub(crate) bits: u64,
    pub(super) low: usize,
    pub(super) high: usize,
}

/// What must stay away after the row of a step (rule 14): rows other than the matched ones, at its time or later.
pub(crate) struct Absence {
    pub(crate) bits: u64,
    /// Without one, to the end of the attempt's window.
    pub(crate) within: Option<Window>,
}

impl Absence {
    /// The last instant (µs) at which the event must stay away, after a row at `t` of an attempt that began at `t0`.
    pub(crate) fn end(&self, window: Option<&Window>, t0: i64, t: i64) -> i64 {
        self.within.as_ref().map_or_else(|| end_of(window, t0), |within| within.end(t))
    }
}

/// A funnel's steps as bits.
pub(crate) struct Plan {
    /// With 64 steps at most.
    pub(crate) spec: FunnelSpec,
    /// The steps that count towards the level.
    pub(crate) required: Vec<usize>,
    /// The mask bit of each step.
    pub(crate) bits: Vec<u64>,
    /// All step bits.
    pub(crate) union: u64,
    /// Bits of rows that start an attempt.
    pub(crate) start_bits: u64,
    /// Bits of rows that end every attempt open at their time: UNTIL, and exclusions between any steps.
    pub(super) void_bits: u64,
    pub(super) between: Vec<Between>,
    /// For each step what must stay away after it; empty for funnels.
    pub(crate) absent: Vec<Vec<Absence>>,
}

pub(crate) fn bit(number: u8) -> u64 {
    1u64.checked_shl(u32::from(number)).unwrap_or(0)
}

impl Plan {
    pub(crate) fn new(mut spec: FunnelSpec) -> Self {
        spec.steps.truncate(64);
        let steps = &spec.steps;
        let bits: Vec<u64> = steps.iter().map(|step| bit(step.bit)).collect();
        let required: Vec<usize> = (0..steps.len()).filter(|&k| k == 0 || !steps[k].optional).collect();
        let any_order = spec.mode == Mode::AnyOrder;
        let start_bits = if any_order { required.iter().fold(0, |all, &k| all | bits[k]) } else { bits.first().copied().unwrap_or(0) };
        let mut void_bits = spec.until.map_or(0, bit);
        let mut between = Vec::new();
        for exclusion in &spec.exclusions {
            match exclusion.between {
                // In any order "between step 1 and 2" has no meaning, so it counts between first and last (rule 52).
                Some((a, b)) if !any_order => between.push(Between { bits: bit(exclusion.bit), low: a.min(b), high: a.max(b) }),
                _ => void_bits |= bit(exclusion.bit),
            }
        }
        let union = bits.iter().fold(0, |all, b| all | b);
        Plan { spec, union, required, bits, start_bits, void_bits, between, absent: Vec::new() }
    }

    /// Place of a step among the required ones.
    pub(super) fn rank(&self, step: usize) -> Option<usize> {
        self.required.iter().position(|&k| k == step)
    }

    /// Whether some step has to wait for the end of an absence.
    pub(super) fn waits(&self) -> bool {
        self.absent.split_last().is_some_and(|(_, before)| before.iter().flatten().any(|absence| absence.within.is_some()))
    }

    /// The earliest instant for a step by the absences that end before it may come, when the step before was at `t`.
    pub(super) fn not_before(&self, step: usize, t: i64) -> i64 {
        let before = step.checked_sub(1).and_then(|before| self.absent.get(before));
        let ends = before.into_iter().flatten().filter_map(|absence| absence.within.as_ref()).map(|within| within.end(t).saturating_add(1));
        ends.max().unwrap_or(i64::MIN)
    }

    pub(super) fn within(&self, step: usize) -> Option<&Window> {
        self.spec.steps[step].within.as_ref()
    }
}

/// The rows that may fill steps together: all of a run, or those of one HOLDING value.
pub(crate) struct Part<'a> {
    pub(crate) time: &'a [i64],
    pub(crate) mask: &'a [u64],
    /// Rows of the run, when the part is not all of it.
    pub(crate) rows: Option<&'a [u32]>,
    /// The whole run: every visible event breaks STRICT, of whatever HOLDING value.
    pub(crate) run: Run<'a>,
    /// Absences that end before this instant are known to hold; `i64::MAX`: all are taken to.
    pub(crate) settled: i64,
    /// Whether an absence depends on more than its own row, so that only the search can judge it.
    pub(crate) entangled: bool,
}

/// Which method judges a part.
pub(super) enum Shape {
    /// No start row.
    Nothing,
    /// One pass with a pointer for each step.
    Linear { strictly: bool },
    /// As Linear, with step windows or exclusions between neighbours: passes from the end.
    Reach { strictly: bool },
    /// STRICT without ties: row by row.
    Walk,
    /// Exact search.
    Search,
    /// Any order; `single`: no row competes for two steps.
    AnyOrder { single: bool },
}

impl<'a> Part<'a> {
    pub(crate) fn whole(run: Run<'a>) -> Self {
        let n = run.len();
        Part {
            time: run.time.get(..n).unwrap_or_default(),
            mask: run.mask.get(..n).unwrap_or_default(),
            rows: None,
            run,
            settled: i64::MAX,
            entangled: false,
        }
    }

    /// Whether an absence that ends at `end` is known to hold when nothing came.
    pub(crate) fn holds(&self, end: i64) -> bool {
        end < self.settled || self.settled == i64::MAX
    }

    pub(super) fn len(&self) -> usize {
        self.time.len()
    }

    /// The run's number of a row of the part.
    pub(super) fn row(&self, row: usize) -> u32 {
        self.rows.and_then(|rows| rows.get(row).copied()).unwrap_or(row as u32)
    }

    pub(super) fn shape(&self, plan: &Plan, paired: bool) -> Shape {
        let spec = &plan.spec;
        // Bits that occur, and bits that occur beside a lower one.
        let (all, shared) = self.mask.iter().fold((0, 0), |(all, shared), mask| {
            let bits = mask & plan.union;
            (all | bits, shared | (bits & bits.wrapping_sub(1)))
        });
        if all & plan.start_bits == 0 {
            return Shape::Nothing;
        }
        let repeated = plan.union.count_ones() as usize != plan.spec.steps.len();
        let single = !repeated && shared == 0;
        if spec.mode == Mode::AnyOrder {
            let alone = single && !(spec.ties_forbidden && self.tied());
            return Shape::AnyOrder { single: alone && !paired };
        }
        // Two steps compete for a row only inside a group of equal times; without such groups "later" and "another row" are one.
        let strictly = spec.ties_forbidden || (!single && !self.tied());
        if spec.mode == Mode::Strict && self.walks(plan, single && !paired) {
            return Shape::Walk;
        }
        if spec.mode == Mode::Strict || paired || !(single || strictly) || !plan.between.iter().all(|b| neighbours(plan, b)) {
            return Shape::Search;
        }
        if self.entangled {
            return Shape::Search;
        }
        let plain = plan.between.is_empty() && plan.required.iter().all(|&k| k == 0 || plan.within(k).is_none());
        match (plain, plan.waits()) {
            (true, _) => Shape::Linear { strictly },
            (false, false) => Shape::Reach { strictly },
            (false, true) => Shape::Search,
        }
    }

    /// Whether STRICT leaves no choice: every row fills one step, breaks, or is ignored.
    fn walks(&self, plan: &Plan, single: bool) -> bool {
        let ignored = |mask: &u64| mask & plan.spec.ignoring == 0 || mask & plan.union == 0;
        let simple = single && self.rows.is_none() && plan.between.is_empty() && plan.absent.is_empty();
        simple && !self.tied() && self.mask.iter().all(ignored)
    }

    /// Whether any two rows have one time.
    pub(super) fn tied(&self) -> bool {
        // All pairs, so that it vectorises.
        self.time.iter().zip(self.time.iter().skip(1)).fold(false, |tied, (a, b)| tied | (a == b))
    }

    /// First row that starts an attempt at or after a row.
    pub(super) fn next_start(&self, plan: &Plan, from: usize) -> usize {
        let rest = self.mask.get(from..).unwrap_or_default();
        from + rest.iter().position(|mask| mask & plan.start_bits != 0).unwrap_or(rest.len())
    }

    /// Times of the rows with any of `bits`.
    pub(super) fn times_of(&self, bits: u64) -> Vec<i64> {
        if bits == 0 {
            return Vec::new();
        }
        (0..self.len()).filter(|&row| self.mask[row] & bits != 0).map(|row| self.time[row]).collect()
    }
}

/// Whether the two steps of an exclusion are required and follow one another.
fn neighbours(plan: &Plan, between: &Between) -> bool {
    match (plan.rank(between.low), plan.rank(between.high)) {
        (Some(low), Some(high)) => low + 1 == high,
        _ => false,
    }
}

/// The last instant at which a match may lie, given the sorted times of voiding rows: an attempt that began at `t` is void only when
/// a voiding row lies strictly between, so a match at the same time as the first one still counts.
pub(super) fn void_end(voids: &[i64], t: i64) -> i64 {
    voids.get(first_after(voids, 0, t)).copied().unwrap_or(i64::MAX)
}

/// The rows of one HOLDING value.
pub(crate) struct Partition {
    pub(crate) rows: Vec<u32>,
}

impl Partition {
    /// The partition's part of a column.
    pub(crate) fn take<T: Copy + Default>(&self, column: &[T]) -> Vec<T> {
        self.rows.iter().map(|&row| column.get(row as usize).copied().unwrap_or_default()).collect()
    }
}

/// Rows by HOLDING value in order of first appearance; NULL is in none, EVERYWHERE in all.
pub(crate) fn partitions(codes: &[u32], rows: usize) -> Vec<Partition> {
    let mut place: HashMap<u32, usize> = HashMap::new();
    let mut out: Vec<Partition> = Vec::new();
    for (row, &code) in codes.iter().take(rows).enumerate().filter(|(_, code)| !matches!(**code, NULL | EVERYWHERE)) {
        let at = *place.entry(code).or_insert(out.len());
        if at == out.len() {
            out.push(Partition { rows: Vec::new() });
        }
        out[at].rows.push(row as u32);
    }
    let everywhere: Vec<u32> = (0..codes.len().min(rows) as u32).filter(|row| codes[*row as usize] == EVERYWHERE).collect();
    if !everywhere.is_empty() {
        for partition in &mut out {
            partition.rows.extend_from_slice(&everywhere);
            partition.rows.sort_unstable();
        }
    }
    out
}
