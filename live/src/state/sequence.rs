//! Sequences of one entity: the fold that queries use, over the rows that are remembered (rules 1, 14, 40).

use super::feature::Datum;
use super::moment::Moment;
use super::rows::Rows;
use eql_compiler::bound::{Behaviour, Matched, Sequence};
use eql_grammar::ast::OrderMode;
use eql_planner::live::{Kind, LiveError, bucketer, window};
use eql_timeline::{Bucketer, Match, Mode, Run, SequenceSpec, SequenceStep, Truth, Window};
use parking_lot::Mutex;
use std::ops::Range;

/// Steps, ready to be asked of rows whose mask has a bit for each kind.
#[derive(Debug)]
pub(crate) struct SequenceFeature {
    spec: SequenceSpec,
    asked: Matched,
    periods: Option<Mutex<Bucketer>>,
    /// Bits of rows that can begin a match.
    begins: u64,
    /// Bits without which there is none.
    needs: u64,
    /// Without a row a match never comes, it only falls out of the range: whether there is one is all that is asked, and nothing is absent.
    only_ends: bool,
    held: bool,
    /// The lengths after which an absence is settled.
    absences: Vec<Window>,
}

impl SequenceFeature {
    /// The feature and the kinds of its rows; None when rows are not enough to judge it.
    pub(crate) fn new(b: &Behaviour, s: &Sequence) -> Result<Option<(Self, Vec<Kind>)>, LiveError> {
        if s.session.is_some() || s.steps.iter().any(|step| !step.pairs.is_empty() || step.optional) || s.steps.is_empty() {
            return Ok(None);
        }
        let held = s.holding.len() / s.steps.len();
        let mut kinds: Vec<Kind> = Vec::new();
        let mut steps = Vec::with_capacity(s.steps.len());
        for (i, step) in s.steps.iter().enumerate() {
            let known = kinds.iter().position(|k| k.events == step.events);
            let kind = known.unwrap_or(kinds.len());
            if known.is_none() {
                kinds.push(Kind { events: step.events.clone(), holding: s.holding[i * held..(i + 1) * held].to_vec() });
            }
            let within = step.within.as_ref().map(window).transpose()?;
            steps.push(SequenceStep { bit: u8::try_from(kind).unwrap_or(u8::MAX), negated: step.negated, within });
        }
        let whole = s.window.as_ref().map(window).transpose()?;
        let absences = steps.iter().filter(|step| step.negated).filter_map(|step| step.within.or(whole)).collect();
        let any_order = s.mode == OrderMode::AnyOrder;
        let bits = steps.iter().fold(0, |all, step| all | 1u64 << step.bit);
        let mode = match s.mode {
            OrderMode::InOrder => Mode::InOrder,
            OrderMode::AnyOrder => Mode::AnyOrder,
            OrderMode::Strict => Mode::Strict,
        };
        let spec = SequenceSpec {
            steps,
            window: whole,
            ties_forbidden: s.ties_forbidden,
            mode,
            start: i64::MIN..i64::MAX,
            now: 0,
            until: None,
            grace: s.grace,
            exclusions: vec![],
            ignoring: if s.visible.is_some() { 1 << kinds.len() } else { 0 },
        };
        let periods = match s.asked {
            Matched::Periods(unit) => Some(Mutex::new(bucketer(&b.clock, unit)?)),
            _ => None,
        };
        let begins = if any_order { bits } else { 1 << spec.steps[0].bit };
        let needs = spec.steps.iter().filter(|step| !step.negated).fold(0, |all, step| all | 1u64 << step.bit);
        let only_ends = s.asked == Matched::Any && mode == Mode::InOrder && spec.steps.iter().all(|step| !step.negated);
        Ok(Some((Self { spec, asked: s.asked, periods, begins, needs, only_ends, held: held > 0, absences }, kinds)))
    }

    /// What is asked of the matches that begin in `start`.
    pub(crate) fn value(&self, rows: Rows<'_>, start: Range<i64>, now: i64) -> Datum {
        // Rows from before the range begin no match, and what happened before a match does not touch it.
        let rows = rows.between(start.start, now);
        let there = rows.payloads().fold(0, |all, p| all | mask(p));
        if there & self.begins == 0 || there & self.needs != self.needs {
            return self.answer(vec![]);
        }
        let (time, masks, holding) = self.columns(rows);
        let spec = SequenceSpec { start, now, ..self.spec.clone() };
        let fold = eql_timeline::Sequence::new(&spec);
        let run = Run { time: &time, mask: &masks };
        if self.asked == Matched::Any {
            return Datum::Bool(fold.did(run, holding.as_deref(), None) == Truth::Yes);
        }
        let mut matches = Vec::new();
        fold.matches(run, holding.as_deref(), None, &mut matches);
        self.answer(matches.iter().filter_map(|m| begin(m, &time)).collect())
    }

    /// Times, kinds and the values of HOLDING, as the fold takes them.
    fn columns(&self, rows: Rows<'_>) -> (Vec<i64>, Vec<u64>, Option<Vec<u32>>) {
        let holding = self.held.then(|| rows.payloads().map(code).collect());
        (rows.times().collect(), rows.payloads().map(mask).collect(), holding)
    }

    fn answer(&self, times: Vec<i64>) -> Datum {
        match self.asked {
            Matched::Any => Datum::Bool(!times.is_empty()),
            Matched::Count => Datum::Int(times.len() as i64),
            Matched::First => times.into_iter().min().map_or(Datum::Null, Datum::Bits),
            Matched::Periods(_) => {
                let Some(bucketer) = &self.periods else { return Datum::Null };
                let mut bucketer = bucketer.lock();
                let mut index: Vec<i64> = times.into_iter().map(|t| bucketer.index(t)).collect();
                index.sort_unstable();
                index.dedup();
                Datum::Int(index.len() as i64)
            }
        }
    }

    /// The first instant after now at which a match may come or go: a row falls out of the range, or an absence is settled.
    pub(crate) fn next(&self, rows: Rows<'_>, value: &Datum, range: Option<usize>, at: &mut Moment<'_>) -> Option<i64> {
        let begin = at.bounds(range).0;
        if self.only_ends && at.ends_now(range) {
            return self.ends(rows, value, begin, range?, at);
        }
        let ends_now = at.ends_now(range);
        let mut next: Option<i64> = None;
        let now = at.now;
        let mut soon = |at: Option<i64>| {
            if let Some(at) = at.filter(|at| *at > now) {
                next = Some(next.map_or(at, |n| n.min(at)));
            }
        };
        // Rows leave one after another: the first is the next.
        let mut first = true;
        for i in rows.first_at(begin)..rows.len() {
            let t = rows.time(i);
            if mask(rows.payload(i)) & self.begins != 0
                && let Some(range) = range
            {
                if std::mem::take(&mut first) {
                    soon(at.leaves(range, t));
                }
                if !ends_now {
                    soon(at.enters(range, t));
                }
            }
            for away in &self.absences {
                let end = away.end(t);
                if end < i64::MAX {
                    soon(Some(end.saturating_add(self.spec.grace).saturating_add(1)));
                }
            }
        }
        next
    }

    /// Where matches only ever end by themselves, when the one does that begins last.
    fn ends(&self, rows: Rows<'_>, value: &Datum, start: i64, range: usize, at: &mut Moment<'_>) -> Option<i64> {
        if value.truth() != Some(true) {
            return None;
        }
        let rows = rows.between(start, at.now);
        let (time, masks, holding) = self.columns(rows);
        let spec = SequenceSpec { start: start..at.now, now: at.now, ..self.spec.clone() };
        let mut matches = Vec::new();
        eql_timeline::Sequence::new(&spec).matches(Run { time: &time, mask: &masks }, holding.as_deref(), None, &mut matches);
        // As long as this one is inside there is a match; that the fold finds none means that only the first row can be relied on.
        let last = matches.iter().filter_map(|m| begin(m, &time)).max().or(time.first().copied())?;
        at.leaves(range, last)
    }
}

fn begin(m: &Match, time: &[i64]) -> Option<i64> {
    m.rows.iter().min().and_then(|r| time.get(*r as usize).copied())
}

/// The bits of the kinds of a row.
fn mask(payload: i64) -> u64 {
    payload.cast_unsigned() & 0xffff_ffff
}

/// The number of the values of HOLDING.
fn code(payload: i64) -> u32 {
    u32::try_from(payload.cast_unsigned() >> 32).unwrap_or(u32::MAX)
}
