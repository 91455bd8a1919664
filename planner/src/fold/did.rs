//! DID over steps: whether they match, how often, when first.

use super::chunk::Chunk;
use super::coder::Coder;
use super::cut::{Cutter, Visits};
use super::entities::Marked;
use super::marking::{Marking, Place};
use super::pair::PairConditions;
use crate::clock;
use crate::world::World;
use arrow::array::{ArrayRef, BooleanArray, BooleanBufferBuilder, Int64Array, TimestampMicrosecondArray};
use datafusion::common::Result;
use eql_compiler::bound::{Behaviour, Matched, Sequence};
use eql_store::Timeline;
use eql_timeline::{Bucketer, Pairs, Run, SequenceSpec, SequenceStep, Truth};
use std::ops::Range;
use std::sync::Arc;

/// Steps with their selections.
pub(super) struct Steps {
    spec: SequenceSpec,
    marking: Marking,
    pairs: PairConditions,
    sessions: Option<Cutter>,
    asked: Matched,
    periods: Option<Bucketer>,
    /// Rows of the first step, in any order of any: without one nothing can have happened.
    begins: u64,
}

/// What is known of one entity.
#[derive(Default)]
struct Found {
    any: bool,
    /// When matches begin.
    times: Vec<i64>,
}

pub(super) fn mode(mode: eql_grammar::ast::OrderMode) -> eql_timeline::Mode {
    match mode {
        eql_grammar::ast::OrderMode::InOrder => eql_timeline::Mode::InOrder,
        eql_grammar::ast::OrderMode::AnyOrder => eql_timeline::Mode::AnyOrder,
        eql_grammar::ast::OrderMode::Strict => eql_timeline::Mode::Strict,
    }
}

impl Steps {
    pub(super) fn new(world: &World, timeline: &Timeline, s: &Sequence, b: &Behaviour) -> Result<Self> {
        let place = Place { world, timeline, clock: &b.clock };
        let (start, end) = s.during.as_ref().map_or(Ok((i64::MIN, i64::MAX)), |r| clock::resolve(r, world.now))?;
        let window = |w: &Option<eql_compiler::bound::Window>| w.as_ref().map(clock::window).transpose();
        let mut marking = Marking::new(place, &s.steps, &s.holding)?;
        let mut steps = Vec::new();
        for (i, step) in s.steps.iter().enumerate() {
            steps.push(SequenceStep { bit: marking.bit(i), negated: step.negated, within: window(&step.within)? });
        }
        let ignoring = match &s.visible {
            Some(visible) => 1 << marking.quiet(place, visible, &[])?,
            None => 0,
        };
        let now = clock::now_of(&b.clock, world.now)?;
        let any_order = s.mode == eql_grammar::ast::OrderMode::AnyOrder;
        let spec = SequenceSpec {
            steps,
            window: window(&s.window)?,
            ties_forbidden: s.ties_forbidden,
            mode: mode(s.mode),
            start: start..end,
            now,
            until: None,
            grace: s.grace,
            exclusions: vec![],
            ignoring,
        };
        let periods = match s.asked {
            Matched::Periods(unit) => Some(Bucketer::new(clock::calendar(&b.clock)?, clock::unit(unit), 1)),
            _ => None,
        };
        Ok(Self {
            begins: if any_order { marking.step_bits() } else { 1 << marking.bit(0) },
            sessions: s.session.as_ref().map(|c| Cutter::new(world, timeline, c, &b.clock)).transpose()?,
            pairs: PairConditions::new(world, timeline, &s.steps)?,
            asked: s.asked,
            periods,
            spec,
            marking,
        })
    }

    pub(super) fn want(&self, wanted: &mut [bool]) {
        self.marking.want(wanted);
        if let Some(c) = &self.sessions {
            c.want(wanted);
        }
    }

    pub(super) fn coder(&self) -> Result<Option<Coder>> {
        self.marking.coder()
    }

    pub(super) fn answer(&self, chunk: &Chunk<'_>, among: Option<&[bool]>, coder: Option<&mut Coder>) -> Result<ArrayRef> {
        let fold = eql_timeline::sequence::Sequence::new(&self.spec);
        if let Some(did) = self.sweep(chunk, among, &fold)? {
            return Ok(did);
        }
        let marked = self.marking.mark(chunk, coder)?;
        let visits = self.sessions.as_ref().map(|c| c.visits(chunk, among, (i64::MIN, i64::MAX))).transpose()?;
        let mut found = Vec::with_capacity(chunk.entities());
        for i in 0..chunk.entities() {
            let rows = chunk.rows_of(i);
            let mut own = Found::default();
            if among.is_none_or(|a| a[i]) && marked.mask[rows.clone()].iter().any(|m| m & self.begins != 0) {
                self.entity(&fold, chunk, &marked, visits.as_ref(), i, &mut own)?;
            }
            found.push(own);
        }
        Ok(self.answers(&found))
    }

    /// Whether each entity did the steps, by the kernel for many entities; None where the rules or the rows ask for more.
    fn sweep(&self, chunk: &Chunk<'_>, among: Option<&[bool]>, fold: &eql_timeline::sequence::Sequence<'_>) -> Result<Option<ArrayRef>> {
        let plain = self.asked == Matched::Any && self.sessions.is_none() && self.pairs.is_empty() && !self.marking.holds();
        let Some(sweep) = fold.sweep().filter(|_| plain) else { return Ok(None) };
        let kinds = self.marking.step_bits_of(chunk)?;
        let aligned = chunk.aligned();
        let begins = |i: &usize| kinds.has(0, aligned.rows(chunk.rows_of(*i)));
        let asked = |i: usize| among.is_none_or(|a| a[i]);
        if !kinds.apart() || (0..chunk.entities()).any(|i| asked(i) && chunk.tied(i) && begins(&i)) {
            return Ok(None);
        }
        let mut did = BooleanBufferBuilder::new(chunk.entities());
        for i in 0..chunk.entities() {
            let rows = aligned.rows(chunk.rows_of(i));
            did.append(asked(i) && !rows.is_empty() && sweep.did(aligned.time, rows, &kinds));
        }
        Ok(Some(Arc::new(BooleanArray::new(did.finish(), None))))
    }

    fn entity(
        &self,
        fold: &eql_timeline::sequence::Sequence<'_>,
        chunk: &Chunk<'_>,
        marked: &Marked,
        visits: Option<&Visits<'_>>,
        i: usize,
        found: &mut Found,
    ) -> Result<()> {
        let Some(visits) = visits else {
            let rows = chunk.rows_of(i);
            return self.part(fold, chunk, marked, rows.clone(), &marked.mask[rows], found);
        };
        for visit in visits.of(chunk.ordinals.start + i as u32) {
            let (rows, mask) = visits.marks(visit, marked, self.marking.step_bits());
            self.part(fold, chunk, marked, rows, &mask, found)?;
        }
        Ok(())
    }

    /// The matches in a range of rows.
    fn part(
        &self,
        fold: &eql_timeline::sequence::Sequence<'_>,
        chunk: &Chunk<'_>,
        marked: &Marked,
        rows: Range<usize>,
        mask: &[u64],
        found: &mut Found,
    ) -> Result<()> {
        let pairs = marked.pairs(chunk, &self.pairs, rows.clone())?;
        let pairs = pairs.as_ref().map(|p| p as &dyn Pairs);
        let run = Run { time: &chunk.time[rows.clone()], mask };
        let holding = marked.holding.as_ref().map(|h| &h[rows]);
        if self.asked == Matched::Any {
            found.any |= fold.did(run, holding, pairs) == Truth::Yes;
            return Ok(());
        }
        let mut matches = Vec::new();
        fold.matches(run, holding, pairs, &mut matches);
        let begin = |m: &eql_timeline::Match| m.rows.iter().min().and_then(|r| run.time.get(*r as usize).copied());
        found.times.extend(matches.iter().filter_map(begin));
        Ok(())
    }

    fn answers(&self, found: &[Found]) -> ArrayRef {
        match self.asked {
            Matched::Any => Arc::new(found.iter().map(|f| Some(f.any)).collect::<BooleanArray>()),
            Matched::Count => Arc::new(Int64Array::from_iter_values(found.iter().map(|f| f.times.len() as i64))),
            Matched::First => {
                Arc::new(TimestampMicrosecondArray::from_iter(found.iter().map(|f| f.times.iter().min().copied())).with_timezone("UTC"))
            }
            Matched::Periods(_) => {
                let mut bucketer = self.periods.clone();
                let mut periods = |f: &Found| {
                    let mut index: Vec<i64> = f.times.iter().filter_map(|t| bucketer.as_mut().map(|b| b.index(*t))).collect();
                    index.sort_unstable();
                    index.dedup();
                    index.len() as i64
                };
                Arc::new(Int64Array::from_iter_values(found.iter().map(&mut periods)))
            }
        }
    }
}
