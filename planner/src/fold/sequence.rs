//! SEQUENCE: the matches of an entity, all of them or those that COUNTING and REENTRY choose.

use super::did::mode;
use super::marking::Marking;
use super::matches::{Ask, Finder, Found, Rule, window};
use datafusion::common::{DataFusionError, Result};
use eql_compiler::bound::{Excluded, SequenceRule};
use eql_grammar::ast::Reentry as AstReentry;
use eql_timeline::{
    Attempt, Counting, Exclusion, Funnel, FunnelSpec, FunnelStep, Match, Pairs, Reentry, Run, Sequence, SequenceSpec, SequenceStep,
};

/// The rule; the events beside the steps get bits of their own.
pub(super) fn sequence(ask: &Ask<'_>, rule: &SequenceRule, marking: &mut Marking) -> Result<Box<dyn Rule>> {
    let steps = ask.steps;
    let mut other = |e: &Excluded| marking.other(ask.place, &e.events, e.holding.as_deref());
    let until = rule.until.as_ref().map(&mut other).transpose()?;
    let exclusion = |e: &Excluded| Ok::<_, DataFusionError>(Exclusion { bit: other(e)?, between: e.between });
    let exclusions = rule.excluding.iter().map(exclusion).collect::<Result<Vec<_>>>()?;
    let ignoring = match &rule.visible {
        Some(visible) => 1 << marking.quiet(ask.place, visible, &rule.ignoring)?,
        None => 0,
    };
    let mut spec = SequenceSpec {
        steps: Vec::new(),
        window: window(&rule.window)?,
        ties_forbidden: rule.ties_forbidden,
        mode: mode(rule.mode),
        start: ask.start.clone(),
        now: ask.now,
        until,
        grace: 0,
        exclusions,
        ignoring,
    };
    for (i, s) in steps.iter().enumerate() {
        spec.steps.push(SequenceStep { bit: marking.bit(i), negated: s.negated, within: window(&s.within)? });
    }
    let optional: Vec<bool> = steps.iter().map(|s| s.optional).collect();
    let choice = rule.choice.map(|c| (c.attempts, c.reentry));
    let search = match choice.or(optional.contains(&true).then_some((true, AstReentry::Best))) {
        None => Search::Matches(spec),
        Some((attempts, reentry)) => Search::Attempts(attempts_of(spec, &optional, attempts, reentry)),
    };
    Ok(Box::new(Steps { search, slots: steps.len() }))
}

/// The same question to the fold that chooses among attempts and knows optional steps; its steps are all positive.
fn attempts_of(s: SequenceSpec, optional: &[bool], attempts: bool, reentry: AstReentry) -> FunnelSpec {
    let step = |(step, optional): (&SequenceStep, &bool)| FunnelStep { bit: step.bit, optional: *optional, within: step.within };
    FunnelSpec {
        steps: s.steps.iter().zip(optional).map(step).collect(),
        window: s.window,
        ties_forbidden: s.ties_forbidden,
        mode: s.mode,
        reentry: match reentry {
            AstReentry::Best => Reentry::Best,
            AstReentry::First => Reentry::First,
            AstReentry::Latest => Reentry::Latest,
        },
        counting: if attempts { Counting::Attempts } else { Counting::Entities },
        start: s.start,
        now: s.now,
        exclusions: s.exclusions,
        until: s.until,
        ignoring: s.ignoring,
    }
}

enum Search {
    Matches(SequenceSpec),
    Attempts(FunnelSpec),
}

struct Steps {
    search: Search,
    slots: usize,
}

impl Rule for Steps {
    fn slots(&self) -> usize {
        self.slots
    }

    fn finder(&self) -> Box<dyn Finder + '_> {
        match &self.search {
            Search::Matches(spec) => Box::new(FindMatches { fold: Sequence::new(spec), found: Vec::new() }),
            Search::Attempts(spec) => {
                let required = spec.steps.iter().enumerate().filter(|(i, s)| *i == 0 || !s.optional).count();
                Box::new(FindAttempts { fold: Funnel::new(spec), required, found: Vec::new() })
            }
        }
    }
}

struct FindMatches<'r> {
    fold: Sequence<'r>,
    found: Vec<Match>,
}

impl Finder for FindMatches<'_> {
    fn find(&mut self, run: Run<'_>, holding: Option<&[u32]>, pairs: Option<&dyn Pairs>, out: &mut Found) -> Result<()> {
        self.found.clear();
        self.fold.matches(run, holding, pairs, &mut self.found);
        self.found.iter().for_each(|m| out.add(m.rows.iter().copied(), 1.0));
        Ok(())
    }
}

struct FindAttempts {
    fold: Funnel,
    required: usize,
    found: Vec<Attempt>,
}

impl Finder for FindAttempts {
    fn find(&mut self, run: Run<'_>, holding: Option<&[u32]>, pairs: Option<&dyn Pairs>, out: &mut Found) -> Result<()> {
        self.found.clear();
        self.fold.attempts(run, None, holding, pairs, &mut self.found);
        let whole = self.found.iter().filter(|a| a.level as usize == self.required);
        whole.for_each(|a| out.add(a.rows.iter().copied(), 1.0));
        Ok(())
    }
}
