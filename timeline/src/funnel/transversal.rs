//! Giving steps different rows when rows compete: bipartite matching with a start row that must be used.

use super::part::Plan;
use crate::run::UNMATCHED;
use hashbrown::HashMap;

/// A row that may fill a step. Choices of one unit exclude one another: the row itself, or without ties its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) row: u32,
    pub(super) time: i64,
    pub(super) unit: i64,
}

/// The choices of each step, by row.
pub(super) struct Lists {
    pub(super) start: u32,
    pub(super) lists: Vec<Vec<Choice>>,
}

impl Lists {
    /// The rows of the best assignment: most required steps, then earliest completion, then the earliest times and rows step by step;
    /// optional steps last.
    pub(super) fn best(mut self, plan: &Plan) -> Vec<u32> {
        let optional: Vec<usize> = (0..plan.spec.steps.len()).filter(|&k| plan.rank(k).is_none()).collect();
        let level = self.level(plan, &[]);
        self.complete_early(plan, level);
        let mut decided = Vec::new();
        for steps in [&plan.required, &optional] {
            self.narrow(plan, steps, level, &mut decided, |choice| choice.time);
            self.narrow(plan, steps, level, &mut decided, |choice| i64::from(choice.row));
        }
        let row = |list: &Vec<Choice>| list.first().map_or(UNMATCHED, |choice| choice.row);
        self.lists.iter().map(row).collect()
    }

    /// Cuts the required lists after the earliest time by which `level` steps can be done.
    fn complete_early(&mut self, plan: &Plan, level: usize) {
        let mut times: Vec<i64> = plan.required.iter().flat_map(|&k| self.lists[k].iter().map(|choice| choice.time)).collect();
        times.sort_unstable();
        times.dedup();
        let all = self.lists.clone();
        for limit in times {
            for &step in &plan.required {
                self.lists[step] = all[step].iter().copied().filter(|choice| choice.time <= limit).collect();
            }
            if self.level(plan, &[]) == level {
                return;
            }
        }
    }

    /// For each of `steps` keeps the choices with the least `key` that still let all decided steps and `level` required ones be done;
    /// a step that cannot take part is left with none.
    fn narrow(&mut self, plan: &Plan, steps: &[usize], level: usize, decided: &mut Vec<usize>, key: impl Fn(&Choice) -> i64) {
        for &step in steps {
            let all = std::mem::take(&mut self.lists[step]);
            let mut keys: Vec<i64> = all.iter().map(&key).collect();
            keys.sort_unstable();
            keys.dedup();
            if !decided.contains(&step) {
                decided.push(step);
            }
            let fits = keys.into_iter().any(|least| {
                self.lists[step] = all.iter().copied().filter(|choice| key(choice) == least).collect();
                self.level(plan, decided) == level
            });
            if !fits {
                self.lists[step].clear();
                decided.retain(|&other| other != step);
            }
        }
    }

    /// The most required steps that can be done with the start row used and all of `decided` done; 0 if that is impossible.
    fn level(&self, plan: &Plan, decided: &[usize]) -> usize {
        let first = plan.required.iter().filter_map(|&step| {
            let choice = self.lists[step].iter().find(|choice| choice.row == self.start)?;
            let mut taken = HashMap::from([(choice.unit, step)]);
            for &must in decided.iter().filter(|&&must| must != step) {
                if !self.augment(must, &mut taken, &mut 0) {
                    return None;
                }
            }
            // A step once matched stays matched, so what can still be added is added in any order.
            for &other in plan.required.iter().filter(|&&other| other != step && !decided.contains(&other)) {
                self.augment(other, &mut taken, &mut 0);
            }
            Some(taken.values().filter(|step| plan.required.contains(step)).count())
        });
        first.max().unwrap_or(0)
    }

    /// Finds `step` a unit, moving other steps. A unit once taken stays taken, the start's too.
    fn augment(&self, step: usize, taken: &mut HashMap<i64, usize>, visited: &mut u64) -> bool {
        *visited |= 1 << step;
        self.lists[step].iter().any(|choice| {
            let free = match taken.get(&choice.unit).copied() {
                None => true,
                Some(holder) => *visited & (1 << holder) == 0 && self.augment(holder, taken, visited),
            };
            if free {
                taken.insert(choice.unit, step);
            }
            free
        })
    }
}
