//! ATTRIBUTION: goals and the touches that have credit for them.

use super::marking::Marking;
use super::matches::{Ask, Finder, Found, Rule, window};
use datafusion::common::{DataFusionError, Result};
use eql_compiler::bound::{AttributionRule, CreditModel};
use eql_timeline::{AttributionSpec, Credit, Model, Pairs, RowBits, Run, UNMATCHED};
use std::ops::Range;

/// Pairs of goal and touch of one entity: 16 bytes each, so a gigabyte at most.
const CREDITS_MAX: usize = 1 << 26;

struct Attribution {
    spec: AttributionSpec,
    /// The bit of goals.
    goal: u64,
    /// The bits of the items of TOUCHES.
    items: Vec<u64>,
}

pub(super) fn attribution(ask: &Ask<'_>, rule: &AttributionRule, marking: &Marking) -> Result<Box<dyn Rule>> {
    let model = match rule.model {
        CreditModel::First => Model::First,
        CreditModel::Last => Model::Last,
        CreditModel::Linear => Model::Linear,
        CreditModel::Position(first, between, last) => Model::Position(first, between, last),
        CreditModel::TimeDecay(half_life) => Model::TimeDecay(half_life),
        CreditModel::Participation => Model::Participation,
    };
    let spec = AttributionSpec { model, lookback: window(&rule.lookback)?, start: ask.start.clone() };
    let items = (1..ask.steps.len()).map(|step| 1 << marking.bit(step)).collect();
    Ok(Box::new(Attribution { spec, goal: 1 << marking.bit(0), items }))
}

impl Rule for Attribution {
    fn slots(&self) -> usize {
        2 + self.items.len()
    }

    fn finder(&self) -> Box<dyn Finder + '_> {
        Box::new(Find { rule: self, mask: Vec::new(), credits: Vec::new() })
    }

    fn sweeps(&self) -> bool {
        self.spec.sweeps()
    }

    fn sweep(&self, time: &[i64], rows: Range<usize>, steps: &RowBits<'_>, shift: usize, out: &mut Found) {
        let place = |row: usize| (row - shift) as u32;
        self.spec.sweep(time, rows, steps, &mut |goal, touch| {
            let row = touch.map_or(UNMATCHED, |(row, _)| place(row));
            let of_item = (1..=self.items.len()).map(|item| if touch.is_some_and(|(_, kind)| kind == item) { row } else { UNMATCHED });
            out.add([place(goal), row].into_iter().chain(of_item), 1.0);
        });
    }
}

struct Find<'r> {
    rule: &'r Attribution,
    mask: Vec<u64>,
    credits: Vec<Credit>,
}

impl Finder for Find<'_> {
    fn find(&mut self, run: Run<'_>, holding: Option<&[u32]>, _: Option<&dyn Pairs>, out: &mut Found) -> Result<()> {
        // The fold knows goals and touches; which item a touch is of matters only to its columns.
        let (goal, touch) = (self.rule.goal, self.rule.items.iter().fold(0, |all, i| all | i));
        self.mask.clear();
        self.mask.extend(run.mask.iter().map(|m| u64::from(m & goal != 0) | (u64::from(m & touch != 0) << 1)));
        self.bounded()?;
        self.credits.clear();
        eql_timeline::attribution(&self.rule.spec, Run { time: run.time, mask: &self.mask }, holding, &mut self.credits);
        for c in &self.credits {
            let bits = run.mask.get(c.touch as usize).copied().unwrap_or(0);
            let first = self.rule.items.iter().position(|i| bits & i != 0);
            let of_item = (0..self.rule.items.len()).map(|i| if Some(i) == first { c.touch } else { UNMATCHED });
            out.add([c.goal, c.touch].into_iter().chain(of_item), c.credit);
        }
        Ok(())
    }
}

impl Find<'_> {
    /// Where credit is shared, every goal may have every touch.
    fn bounded(&self) -> Result<()> {
        if matches!(self.rule.spec.model, Model::First | Model::Last) {
            return Ok(());
        }
        let count = |bit: u64| self.mask.iter().filter(|m| *m & bit != 0).count();
        let (goals, touches) = (count(1), count(2));
        if goals.saturating_mul(touches) <= CREDITS_MAX {
            return Ok(());
        }
        let what = format!(
            "one entity has {goals} goals and {touches} touches, too many to share credit: narrow GOAL or TOUCHES, or take MODEL first or last"
        );
        Err(DataFusionError::ResourcesExhausted(what))
    }
}
