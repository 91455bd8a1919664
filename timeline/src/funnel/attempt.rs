//! Judged start rows, and the best of them for each group.

use super::part::{Part, Plan};
use super::{Attempt, Reentry};
use crate::calendar::end_of;
use crate::run::{Run, UNMATCHED};
use hashbrown::HashMap;
use std::cmp::Ordering;

/// The best continuation of one start row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Rows are those of the part until [`Found::place`] makes them the run's.
    pub(crate) start: u32,
    pub(crate) level: u32,
    /// Time of the last matched required row.
    pub(crate) completion: i64,
    pub(crate) rows: Vec<u32>,
}

impl Found {
    /// Empties it for a start row.
    pub(super) fn begin(&mut self, start: usize, t: i64, steps: usize) {
        (self.start, self.level, self.completion) = (start as u32, 0, t);
        self.rows.clear();
        self.rows.resize(steps, UNMATCHED);
    }

    /// Notes that `row` fills the required step `step`.
    pub(super) fn fill(&mut self, step: usize, row: usize, t: i64) {
        self.rows[step] = row as u32;
        self.level += 1;
        self.completion = self.completion.max(t);
    }

    /// How many optional steps have a row, once they are filled.
    pub(super) fn optional(&self, plan: &Plan) -> usize {
        if plan.required.len() == plan.spec.steps.len() {
            return 0;
        }
        (0..self.rows.len()).filter(|&step| plan.rank(step).is_none() && self.rows[step] != UNMATCHED).count()
    }

    /// Rows of the part become rows of the run.
    pub(crate) fn place(&mut self, part: &Part<'_>) {
        self.start = part.row(self.start as usize);
        for row in self.rows.iter_mut().filter(|row| **row != UNMATCHED) {
            *row = part.row(*row as usize);
        }
    }
}

/// A method of judging start rows. Rows come in increasing order.
pub(crate) trait Judge {
    /// Finds level, completion and required rows of the best continuation from `start`.
    fn judge(&mut self, start: usize, found: &mut Found);

    /// First start row at or after a row; past the end if there is none.
    fn next_start(&self, from: usize) -> usize;

    /// The most required steps that any start row in range reaches, where that is cheap to know.
    fn most(&mut self) -> Option<usize>;

    /// Adds what only chosen attempts need: the optional rows.
    fn finish(&mut self, found: &mut Found);
}

/// Orders two lists of rows: by the times of the required steps, then their row numbers, then the same for the optional steps.
/// Unmatched comes last.
pub(super) fn compare_rows(plan: &Plan, time: &[i64], a: &[u32], b: &[u32]) -> Ordering {
    let at = |row: u32| time.get(row as usize).copied().unwrap_or(i64::MAX);
    let by = |optional: bool| {
        let steps = move || (0..a.len().min(b.len())).filter(move |&k| (k != 0 && plan.spec.steps[k].optional) == optional);
        let times = steps().map(|k| at(a[k]).cmp(&at(b[k]))).find(|order| order.is_ne());
        times.or_else(|| steps().map(|k| a[k].cmp(&b[k])).find(|order| order.is_ne())).unwrap_or(Ordering::Equal)
    };
    by(false).then_with(|| by(true))
}

/// The chosen attempt of each group, over all partitions.
#[derive(Default)]
pub(super) struct Slots {
    place: HashMap<u32, usize>,
    chosen: Vec<(u32, Found)>,
}

impl Slots {
    /// What is chosen for a group so far.
    pub(super) fn get(&self, group: u32) -> Option<&Found> {
        self.find(group).and_then(|at| self.chosen.get(at)).map(|(_, found)| found)
    }

    fn find(&self, group: u32) -> Option<usize> {
        // Start rows of a group mostly stand together.
        match self.chosen.last() {
            Some((last, _)) if *last == group => Some(self.chosen.len() - 1),
            Some(_) => self.place.get(&group).copied(),
            None => None,
        }
    }

    /// Takes `found` (rows of the run) for its group if it is to be preferred.
    pub(super) fn offer(&mut self, plan: &Plan, run: Run<'_>, group: u32, found: Found) {
        match self.find(group) {
            None => {
                // One group, the usual case, needs no map.
                if let Some((last, _)) = self.chosen.last() {
                    self.place.insert(*last, self.chosen.len() - 1);
                }
                self.chosen.push((group, found));
            }
            Some(at) => {
                let old = &mut self.chosen[at].1;
                if preferred(plan, run, &found, old) {
                    *old = found;
                }
            }
        }
    }

    /// Appends the chosen attempts.
    pub(super) fn finish(self, plan: &Plan, run: Run<'_>, out: &mut Vec<Attempt>) {
        out.extend(self.chosen.into_iter().map(|(group, found)| attempt(plan, run, group, found)));
    }
}

fn preferred(plan: &Plan, run: Run<'_>, new: &Found, old: &Found) -> bool {
    let start = |found: &Found| run.time.get(found.start as usize).copied().unwrap_or(i64::MAX);
    let order = match plan.spec.reentry {
        Reentry::First => new.start.cmp(&old.start),
        Reentry::Latest => old.start.cmp(&new.start),
        Reentry::Best => old
            .level
            .cmp(&new.level)
            .then_with(|| start(new).cmp(&start(old)))
            .then_with(|| new.completion.cmp(&old.completion))
            .then_with(|| old.optional(plan).cmp(&new.optional(plan)))
            .then_with(|| new.start.cmp(&old.start)),
    };
    order.is_lt()
}

/// What leaves the fold for a judged start row (rows of the run).
pub(super) fn attempt(plan: &Plan, run: Run<'_>, group: u32, found: Found) -> Attempt {
    let t = run.time.get(found.start as usize).copied().unwrap_or(0);
    let complete = found.level as usize == plan.required.len();
    let open = !complete && end_of(plan.spec.window.as_ref(), t) >= plan.spec.now;
    Attempt { group, level: found.level, start: found.start, rows: found.rows, open }
}
