//! Which rows of a batch pass a selection.

use super::chunk::Chunk;
use crate::clock;
use crate::row::EventExpr;
use crate::world::World;
use arrow::array::AsArray;
use arrow::datatypes::TimestampMicrosecondType;
use datafusion::common::Result;
use eql_catalog::EventTypeId;
use eql_compiler::bound::{Clock, EventSelect, Expr, ExprKind, Leaf, RowExpr, ScanColumn};
use eql_store::{EventColumn, Known, Timeline};
use eql_timeline::RowBits;
use std::borrow::Cow;
use std::sync::Arc;

/// One event type of a selection.
struct Case {
    code: u16,
    filter: Option<EventExpr>,
    during: Option<(i64, i64)>,
    /// AS OF: rows must have been received before.
    received: Option<(Arc<eql_store::EventRows>, i64)>,
}

/// Which rows of a timeline count, ready to run.
pub(crate) struct Select {
    cases: Vec<Case>,
    /// Rows are seen before this instant.
    horizon: i64,
    /// All cases ask for nothing but their event, in one range: the codes, looked up row by row.
    together: Option<Vec<bool>>,
    /// What earlier statements found out about its conditions.
    known: Known,
}

impl Select {
    pub(crate) fn new(world: &World, timeline: &Timeline, events: &EventSelect, clock: &Clock) -> Result<Self> {
        let (horizon, received) = world.horizon(clock)?;
        let mut cases = Vec::new();
        for case in &events.cases {
            let during = case.during.as_ref().map(|r| clock::resolve(r, world.now)).transpose()?;
            for event in &case.events {
                let Some(code) = timeline.events.iter().position(|e| e == event) else { continue };
                let filter = case.filter.as_ref().map(|f| EventExpr::new(world, *event, f)).transpose()?;
                let rows = world.snapshot.events(*event).map_err(crate::row::store_error)?;
                let received = received.filter(|_| rows.received_differs()).map(|t| (rows, t));
                cases.push(Case { code: u16::try_from(code).unwrap_or(u16::MAX), filter, during, received });
            }
        }
        let plain = |c: &Case| c.filter.is_none() && c.received.is_none() && c.during == cases[0].during;
        let together = (cases.len() > 1 && cases.iter().all(plain)).then(|| {
            let mut codes = vec![false; timeline.events.len()];
            cases.iter().for_each(|c| codes[c.code as usize] = true);
            codes
        });
        let asked = cases.iter().any(|c| c.filter.is_some()) && cases.iter().all(|c| c.during.is_none() && c.received.is_none());
        let known = match kept_key(events).filter(|_| asked) {
            Some(key) => timeline.known(&key),
            None => Known::Nothing,
        };
        Ok(Self { cases, horizon, together, known })
    }

    /// Marks the event codes it needs.
    pub(crate) fn want(&self, wanted: &mut [bool]) {
        // Codes that are looked up row by row need no postings.
        for c in self.cases.iter().filter(|_| self.together.is_none()) {
            wanted[c.code as usize] = true;
        }
    }

    /// Whether a row passes by its event alone, and if so which codes do.
    pub(crate) fn plain(&self, chunk: &Chunk<'_>) -> Option<impl Iterator<Item = u16> + '_> {
        let plain = |c: &Case| c.filter.is_none() && c.received.is_none() && self.range(c, chunk, None).is_none();
        self.cases.iter().all(plain).then(|| self.cases.iter().map(|c| c.code))
    }

    /// The batch's rows that pass and lie in `[start, end)`, rising.
    pub(crate) fn rows(&self, chunk: &Chunk<'_>, during: Option<(i64, i64)>) -> Result<Vec<u32>> {
        match (self.cases.as_slice(), &self.together) {
            ([], _) => Ok(vec![]),
            ([one], _) => self.of_case(one, chunk, during),
            ([first, ..], Some(codes)) => Ok(of_codes(codes, chunk, self.range(first, chunk, during))),
            (cases, None) => {
                // Several lists become one that rises: a bit a row.
                let mut bits = vec![0u64; chunk.len().div_ceil(64)];
                for case in cases {
                    self.of_case(case, chunk, during)?.iter().for_each(|r| bits[*r as usize / 64] |= 1 << (r % 64));
                }
                Ok(places(&bits))
            }
        }
    }

    /// The same as bits, counted as [`Chunk::aligned`] says.
    pub(crate) fn bits<'c>(&self, chunk: &Chunk<'c>) -> Result<Cow<'c, [u64]>> {
        let whole = |case: &Case| {
            let plain = case.filter.is_none() && case.received.is_none() && self.range(case, chunk, None).is_none();
            if plain {
                chunk.timeline.bits(case.code).map(|words| &words[chunk.base / 64..(chunk.base + chunk.len()).div_ceil(64)])
            } else {
                None
            }
        };
        if let [one] = self.cases.as_slice()
            && let Some(words) = whole(one)
        {
            return Ok(Cow::Borrowed(words));
        }
        let lasting = chunk.settled && self.cases.iter().all(|case| self.range(case, chunk, None).is_none());
        let shift = chunk.base % 64;
        if let (Known::All(words), true) = (&self.known, lasting) {
            let mut words = words[chunk.base / 64..(chunk.base + chunk.len()).div_ceil(64)].to_vec();
            if let Some(first) = words.first_mut() {
                *first &= u64::MAX << shift;
            }
            return Ok(words.into());
        }
        let rows = self.rows(chunk, None)?;
        let words = RowBits::of_rows(rows.into_iter().map(|r| r + shift as u32), chunk.len() + shift);
        if let (Known::Gathering(gathering), true) = (&self.known, lasting)
            && gathering.tell(chunk.base, chunk.len(), &words)
        {
            chunk.timeline.keep(gathering);
        }
        Ok(words.into())
    }

    /// Which times count for a case; None is all there are.
    fn range(&self, case: &Case, chunk: &Chunk<'_>, during: Option<(i64, i64)>) -> Option<(i64, i64)> {
        let (mut start, mut end) = during.unwrap_or((i64::MIN, i64::MAX));
        if let Some((s, e)) = case.during {
            (start, end) = (start.max(s), end.min(e));
        }
        end = end.min(self.horizon);
        let all = chunk.timeline.times.is_some_and(|(first, last)| start <= first && last < end);
        (!all).then_some((start, end))
    }

    fn of_case(&self, case: &Case, chunk: &Chunk<'_>, during: Option<(i64, i64)>) -> Result<Vec<u32>> {
        let rows = chunk.by_code[case.code as usize].iter().map(|row| row - chunk.base as u32);
        let mut kept: Vec<u32> = match self.range(case, chunk, during) {
            None => rows.collect(),
            Some((start, end)) => {
                // Written without a branch: whether a row is inside is hard to foresee.
                let mut kept = vec![0u32; rows.len()];
                let mut n = 0;
                for row in rows {
                    kept[n] = row;
                    let t = chunk.time[row as usize];
                    n += usize::from(start <= t && t < end);
                }
                kept.truncate(n);
                kept
            }
        };
        if kept.is_empty() {
            return Ok(kept);
        }
        if let Some((events, before)) = &case.received {
            let received = events.gather(&EventColumn::Received, &chunk.event_rows(&kept)).map_err(crate::row::store_error)?;
            let received = received.as_primitive::<TimestampMicrosecondType>();
            kept = kept.into_iter().enumerate().filter(|(i, _)| received.value(*i) <= *before).map(|(_, p)| p).collect();
        }
        if let Some(f) = &case.filter {
            f.keep(&chunk.event_rows(&kept), &mut kept)?;
        }
        Ok(kept)
    }
}

/// What a selection's rows depend on besides the rows; None where that may change while these stay. Conditions that compute are left out: what
/// they warn of is told each time they are asked.
fn kept_key(events: &EventSelect) -> Option<String> {
    let stored = |c: &ScanColumn| matches!(c.leaf, Leaf::EventName | Leaf::Time | Leaf::EventProperty(_));
    let says_the_same = |e: &Expr| {
        let mut same = true;
        e.visit(&mut |e| {
            same &= matches!(
                e.kind,
                ExprKind::Literal(_)
                    | ExprKind::Column(_)
                    | ExprKind::And(_)
                    | ExprKind::Or(_)
                    | ExprKind::Not(_)
                    | ExprKind::IsNull(_)
                    | ExprKind::IsSet(_)
                    | ExprKind::Compare(..)
                    | ExprKind::In(..)
                    | ExprKind::Match(..)
            );
        });
        same
    };
    let kept = |f: &RowExpr| f.columns.iter().all(stored) && says_the_same(&f.expr);
    let all = events.cases.iter().all(|c| c.filter.as_ref().is_none_or(kept));
    all.then(|| format!("{events:?}"))
}

/// The rows of some codes in a range of times.
fn of_codes(codes: &[bool], chunk: &Chunk<'_>, range: Option<(i64, i64)>) -> Vec<u32> {
    let rows = 0..chunk.len() as u32;
    match range {
        None if codes.iter().all(|c| *c) => rows.collect(),
        None => rows.filter(|r| codes[chunk.code[*r as usize] as usize]).collect(),
        Some((start, end)) => {
            let inside = |r: &u32| {
                let t = chunk.time[*r as usize];
                start <= t && t < end && codes[chunk.code[*r as usize] as usize]
            };
            rows.filter(inside).collect()
        }
    }
}

/// The places of set bits, rising.
fn places(bits: &[u64]) -> Vec<u32> {
    let mut out = Vec::with_capacity(bits.iter().map(|w| w.count_ones() as usize).sum());
    for (i, word) in bits.iter().enumerate() {
        let mut word = *word;
        while word != 0 {
            out.push((i * 64) as u32 + word.trailing_zeros());
            word &= word - 1;
        }
    }
    out
}

/// The event types of a selection.
pub(crate) fn types(events: &EventSelect) -> Vec<EventTypeId> {
    let mut out = Vec::new();
    for e in events.cases.iter().flat_map(|c| &c.events) {
        if !out.contains(e) {
            out.push(*e);
        }
    }
    out
}
