//! SEQUENCE: the matches of an entity, all of them or those that COUNTING and REENTRY choose.

use super::chunk::{Chunk, Select};
use super::matches::{Ask, Finder, Found, Kind, Rule, window};
use datafusion::common::{DataFusionError, Result};
use eql_compiler::bound::{OtherEvent, SequenceRule};
use eql_grammar::ast::{OrderMode, Reentry as AstReentry};
use eql_timeline::{
    Attempt, Counting, Exclusion, Funnel, FunnelSpec, FunnelStep, Match, Mode, Pairs, Reentry, Run, Sequence, SequenceSpec, SequenceStep,
};

/// The rule, and the kinds of rows that it tells apart beside the steps.
pub(super) fn sequence(ask: &Ask<'_>, rule: &SequenceRule) -> Result<(Box<dyn Rule>, Vec<Kind>)> {
    let steps = &ask.matches.steps;
    let mut others = Vec::new();
    let mut other = |e: &OtherEvent| -> Result<u8> {
        others.push(Kind::new(ask, &e.events, e.holding.as_deref())?);
        Ok(number(steps.len() + others.len() - 1))
    };
    let until = rule.until.as_ref().map(&mut other).transpose()?;
    let exclusion = |e: &OtherEvent| Ok::<_, DataFusionError>(Exclusion { bit: other(e)?, between: e.between });
    let exclusions = rule.excluding.iter().map(exclusion).collect::<Result<Vec<_>>>()?;
    let quiet = match &rule.visible {
        Some(visible) => Some(Quiet {
            bit: number(steps.len() + others.len()),
            visible: ask.select(visible)?,
            ignored: rule.ignoring.iter().map(|e| ask.select(e)).collect::<Result<_>>()?,
        }),
        None => None,
    };
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
        ignoring: quiet.as_ref().map_or(0, |q| 1 << q.bit),
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
    Ok((Box::new(Steps { search, slots: steps.len(), quiet }), others))
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

/// STRICT is broken by any visible row that is not ignored; all others have a bit that says so.
struct Quiet {
    bit: u8,
    visible: Select,
    ignored: Vec<Select>,
}

struct Steps {
    search: Search,
    slots: usize,
    quiet: Option<Quiet>,
}

impl Rule for Steps {
    fn slots(&self) -> usize {
        self.slots
    }

    fn mark(&self, chunk: &Chunk<'_>, mask: &mut [u64]) -> Result<()> {
        let Some(q) = &self.quiet else { return Ok(()) };
        mask.iter_mut().for_each(|m| *m |= 1 << q.bit);
        q.visible.rows(chunk, None)?.iter().for_each(|r| mask[*r as usize] &= !(1 << q.bit));
        for s in &q.ignored {
            s.rows(chunk, None)?.iter().for_each(|r| mask[*r as usize] |= 1 << q.bit);
        }
        Ok(())
    }

    fn want(&self, wanted: &mut [bool]) {
        if let Some(q) = &self.quiet {
            std::iter::once(&q.visible).chain(&q.ignored).for_each(|s| s.want(wanted));
        }
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
