//! Sequences of one entity: the fold that queries use, over the rows that are remembered (rules 1, 14, 40).

use super::feature::Datum;
use super::rows::Rows;
use eql_compiler::bound::{Behaviour, Matched, Sequence};
use eql_grammar::ast::OrderMode;
use eql_planner::live::{Kind, LiveError, LiveRange, bucketer, window};
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
        Ok(Some((Self { spec, asked: s.asked, periods, begins, held: held > 0, absences }, kinds)))
    }

    /// What is asked of the matches that begin in `start`.
    pub(crate) fn value(&self, rows: Rows<'_>, start: Range<i64>, now: i64) -> Datum {
        // Rows from before the range begin no match, and what happened before a match does not touch it.
        let rows = rows.between(start.start, now);
        if !rows.payloads().any(|p| mask(p) & self.begins != 0) {
            return self.answer(vec![], false);
        }
        let time: Vec<i64> = rows.times().collect();
        let masks: Vec<u64> = rows.payloads().map(mask).collect();
        let holding: Option<Vec<u32>> = self.held.then(|| rows.payloads().map(code).collect());
        let spec = SequenceSpec { start, now, ..self.spec.clone() };
        let fold = eql_timeline::Sequence::new(&spec);
        let run = Run { time: &time, mask: &masks };
        if self.asked == Matched::Any {
            return Datum::Bool(fold.did(run, holding.as_deref(), None) == Truth::Yes);
        }
        let mut matches = Vec::new();
        fold.matches(run, holding.as_deref(), None, &mut matches);
        let begin = |m: &Match| m.rows.iter().min().and_then(|r| time.get(*r as usize).copied());
        self.answer(matches.iter().filter_map(begin).collect(), false)
    }

    fn answer(&self, times: Vec<i64>, any: bool) -> Datum {
        match self.asked {
            Matched::Any => Datum::Bool(any),
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

    /// The first instant after `now` at which a match may come or go: a row falls out of the range, or an absence is settled.
    pub(crate) fn next(&self, rows: Rows<'_>, range: Option<&LiveRange>, now: i64) -> Option<i64> {
        let begin = range.map_or(i64::MIN, |r| r.at(now).0);
        let mut next: Option<i64> = None;
        let mut soon = |at: Option<i64>| {
            if let Some(at) = at.filter(|at| *at > now) {
                next = Some(next.map_or(at, |n| n.min(at)));
            }
        };
        for i in rows.first_at(begin)..rows.len() {
            let t = rows.time(i);
            if mask(rows.payload(i)) & self.begins != 0
                && let Some(range) = range
            {
                soon(range.leaves(t, now));
                if !range.ends_now() {
                    soon(range.enters(t, now));
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
}

/// The bits of the kinds of a row.
fn mask(payload: i64) -> u64 {
    payload.cast_unsigned() & 0xffff_ffff
}

/// The number of the values of HOLDING.
fn code(payload: i64) -> u32 {
    u32::try_from(payload.cast_unsigned() >> 32).unwrap_or(u32::MAX)
}
