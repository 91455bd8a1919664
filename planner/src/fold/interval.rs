//! INTERVALS: starts and their ends.

use super::matches::{Ask, Finder, Found, Rule, window};
use datafusion::common::Result;
use eql_compiler::bound::IntervalRule;
use eql_timeline::{IntervalSpec, Pair, Pairs, Run, intervals};

struct Intervals(IntervalSpec);

pub(super) fn interval(ask: &Ask<'_>, rule: &IntervalRule) -> Result<Box<dyn Rule>> {
    Ok(Box::new(Intervals(IntervalSpec {
        window: window(&rule.window)?,
        ties_forbidden: rule.ties_forbidden,
        same_step: rule.same,
        first_time: rule.first_time,
        start: ask.start.clone(),
    })))
}

impl Rule for Intervals {
    fn slots(&self) -> usize {
        2
    }

    fn finder(&self) -> Box<dyn Finder + '_> {
        Box::new(Find { spec: &self.0, pairs: Vec::new() })
    }
}

struct Find<'r> {
    spec: &'r IntervalSpec,
    pairs: Vec<Pair>,
}

impl Finder for Find<'_> {
    fn find(&mut self, run: Run<'_>, holding: Option<&[u32]>, pairs: Option<&dyn Pairs>, out: &mut Found) -> Result<()> {
        self.pairs.clear();
        intervals(self.spec, run, holding, pairs, &mut self.pairs);
        self.pairs.iter().for_each(|p| out.add([p.start, p.end], 1.0));
        Ok(())
    }
}
