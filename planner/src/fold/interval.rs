//! INTERVALS: starts and their ends.

use super::marking::Marking;
use super::matches::{Ask, Finder, Found, Rule, window};
use datafusion::common::Result;
use eql_compiler::bound::IntervalRule;
use eql_timeline::{IntervalSpec, Pair, Pairs, Run, intervals};

struct Intervals {
    spec: IntervalSpec,
    /// The bits of starts and of ends; one where both are the same.
    bits: [u64; 2],
}

pub(super) fn interval(ask: &Ask<'_>, rule: &IntervalRule, marking: &Marking) -> Result<Box<dyn Rule>> {
    let spec = IntervalSpec {
        window: window(&rule.window)?,
        ties_forbidden: rule.ties_forbidden,
        same_step: rule.same,
        first_time: rule.first_time,
        start: ask.start.clone(),
    };
    Ok(Box::new(Intervals { spec, bits: [0, 1].map(|step| 1 << marking.bit(step)) }))
}

impl Rule for Intervals {
    fn slots(&self) -> usize {
        2
    }

    fn finder(&self) -> Box<dyn Finder + '_> {
        Box::new(Find { rule: self, mask: Vec::new(), pairs: Vec::new() })
    }
}

struct Find<'r> {
    rule: &'r Intervals,
    mask: Vec<u64>,
    pairs: Vec<Pair>,
}

impl Finder for Find<'_> {
    fn find(&mut self, run: Run<'_>, holding: Option<&[u32]>, pairs: Option<&dyn Pairs>, out: &mut Found) -> Result<()> {
        let [start, end] = self.rule.bits;
        self.mask.clear();
        self.mask.extend(run.mask.iter().map(|m| u64::from(m & start != 0) | (u64::from(m & end != 0) << 1)));
        self.pairs.clear();
        let run = Run { time: run.time, mask: &self.mask };
        intervals(&self.rule.spec, run, holding, pairs, &mut self.pairs);
        self.pairs.iter().for_each(|p| out.add([p.start, p.end], 1.0));
        Ok(())
    }
}
