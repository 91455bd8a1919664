//! SEQUENCE: the matches of an entity, all of them or those that COUNTING and REENTRY choose.

use super::chunk::{Chunk, Select};
use super::entities::Marked;
use super::matches::{Ask, Finder, Found, Rule, window};
use datafusion::common::Result;
use eql_compiler::bound::{EventSelect, SequenceRule};
use eql_grammar::ast::{OrderMode, Reentry as AstReentry};
use eql_timeline::{
    Attempt, Counting, Exclusion, Funnel, FunnelSpec, FunnelStep, Match, Mode, Pairs, Reentry, Run, Sequence, SequenceSpec, SequenceStep,
};

/// The rule, and the selections that stand behind those of the steps.
pub(super) fn sequence(ask: &Ask<'_>, rule: &SequenceRule) -> Result<(Box<dyn Rule>, Vec<Select>)> {
    let mut others = Vec::new();
    let steps = &ask.matches.steps;
    let mut other = |events: &EventSelect| -> Result<u8> {
        others.push(Select::new(ask.world, ask.timeline, events, &ask.matches.clock)?);
        Ok(number(steps.len() + others.len() - 1))
    };
    let until = rule.until.as_ref().map(&mut other).transpose()?;
    let mut exclusions = Vec::new();
    if let Some((events, between)) = &rule.excluding {
        exclusions.push(Exclusion { bit: other(events)?, between: *between });
    }
    let mut ignoring = 0;
    for events in &rule.ignoring {
        ignoring |= 1 << other(events)?;
    }
    let visible = rule.visible.as_ref().map(|events| Select::new(ask.world, ask.timeline, events, &ask.matches.clock)).transpose()?;
    let hidden = number(steps.len() + others.len());
    if visible.is_some() {
        ignoring |= 1 << hidden;
    }
    let mut spec = SequenceSpec {
        steps: Vec::new(),
        window: window(&rule.window)?,
        ties_forbidden: rule.ties_forbidden,
        mode: match rule.mode {
            OrderMode::InOrder => Mode::InOrder,
            OrderMode::AnyOrder => Mode::AnyOrder,
            OrderMode::Strict => Mode::Strict,
        },
        start: ask.start.clone(),
        now: ask.now,
        until,
        grace: 0,
        exclusions,
        ignoring,
    };
    for (i, s) in steps.iter().enumerate() {
        spec.steps.push(SequenceStep { bit: number(i), negated: s.negated, within: window(&s.within)? });
    }
    let optional: Vec<bool> = steps.iter().map(|s| s.optional).collect();
    let choice = rule.choice.map(|c| (c.attempts, c.reentry));
    let search = match choice.or(optional.contains(&true).then_some((true, AstReentry::Best))) {
        None => Search::Matches(spec),
        Some((attempts, reentry)) => Search::Attempts(attempts_of(spec, &optional, attempts, reentry)),
    };
    Ok((Box::new(Steps { search, slots: steps.len(), visible, hidden }), others))
}

/// Bits are counted by the compiler.
fn number(bit: usize) -> u8 {
    u8::try_from(bit).unwrap_or(63).min(63)
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
    /// STRICT: the rows that break it; all others get the bit `hidden`.
    visible: Option<Select>,
    hidden: u8,
}

impl Rule for Steps {
    fn slots(&self) -> usize {
        self.slots
    }

    fn mark(&self, chunk: &Chunk<'_>, marked: &mut Marked) -> Result<()> {
        let Some(visible) = &self.visible else { return Ok(()) };
        marked.mask.iter_mut().for_each(|m| *m |= 1 << self.hidden);
        for row in visible.rows(chunk, None)? {
            marked.mask[row as usize] &= !(1 << self.hidden);
        }
        Ok(())
    }

    fn want(&self, wanted: &mut [bool]) {
        self.visible.iter().for_each(|v| v.want(wanted));
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
