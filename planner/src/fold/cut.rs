//! A batch's rows cut into sessions: the same visits for SESSIONS and for whatever stays within one.

use super::chunk::{Chunk, Select, Values, types};
use super::coder::Coder;
use crate::world::World;
use arrow::array::ArrayRef;
use arrow::datatypes::DataType as ArrowType;
use datafusion::common::Result;
use eql_compiler::bound::{Clock, SessionCut};
use eql_store::{Timeline, arrow_type};
use eql_timeline::{SessionSpan, SessionSpec};
use std::borrow::Cow;

/// A session rule, ready to run.
pub(super) struct Cutter {
    spec: SessionSpec,
    over: Select,
    starting: Option<Select>,
    ending: Option<Select>,
    split: Vec<Values>,
    split_types: Vec<ArrowType>,
}

/// A session: its owner's ordinal, and its rows among the rule's.
pub(super) struct Visit {
    pub ordinal: u32,
    pub first: usize,
    pub end: usize,
}

/// The sessions of a batch.
pub(super) struct Visits<'c> {
    /// Rows of the rule's events, rising.
    pub rows: Vec<u32>,
    /// Their times.
    pub times: Cow<'c, [i64]>,
    pub visits: Vec<Visit>,
}

impl Cutter {
    pub(super) fn new(world: &World, timeline: &Timeline, cut: &SessionCut, clock: &Clock) -> Result<Self> {
        let over = types(&cut.over);
        Ok(Self {
            spec: SessionSpec { timeout: cut.timeout, max: cut.max },
            over: Select::new(world, timeline, &cut.over, clock)?,
            starting: cut.starting.as_ref().map(|e| Select::new(world, timeline, e, clock)).transpose()?,
            ending: cut.ending.as_ref().map(|e| Select::new(world, timeline, e, clock)).transpose()?,
            split: cut.split.iter().map(|v| Values::new(world, timeline, &over, v)).collect::<Result<_>>()?,
            split_types: cut.split.iter().map(|v| arrow_type(&v.expr.data_type)).collect(),
        })
    }

    pub(super) fn want(&self, wanted: &mut [bool]) {
        for s in std::iter::once(&self.over).chain(&self.starting).chain(&self.ending) {
            s.want(wanted);
        }
    }

    /// Sessions that began in `[start, end)`.
    pub(super) fn visits<'c>(&self, chunk: &Chunk<'c>, among: Option<&[bool]>, during: (i64, i64)) -> Result<Visits<'c>> {
        let rows = self.over.rows(chunk, None)?;
        let starts = self.starting.as_ref().map(|s| flags(s, chunk, &rows)).transpose()?;
        let ends = self.ending.as_ref().map(|s| flags(s, chunk, &rows)).transpose()?;
        let split = if self.split.is_empty() {
            None
        } else {
            let columns: Vec<ArrayRef> = self.split.iter().map(|v| v.read(chunk, &rows)).collect::<Result<_>>()?;
            Some(Coder::new(&self.split_types)?.codes(&columns)?)
        };
        let all = rows.len() == chunk.len();
        let times: Cow<'c, [i64]> = if all { chunk.time.into() } else { rows.iter().map(|r| chunk.time[*r as usize]).collect() };
        let mut visits = Vec::new();
        let (mut at, mut spans) = (0, Vec::<SessionSpan>::new());
        for i in 0..chunk.entities() {
            let last = chunk.rows_of(i).end;
            let end = if all { last } else { at + rows[at..].partition_point(|r| (*r as usize) < last) };
            let own = at..end;
            at = end;
            if own.is_empty() || among.is_some_and(|a| !a[i]) {
                continue;
            }
            spans.clear();
            let (starts, ends) = (starts.as_ref().map(|f| &f[own.clone()]), ends.as_ref().map(|f| &f[own.clone()]));
            let split = split.as_ref().map(|c| &c[own.clone()]);
            eql_timeline::sessions(&self.spec, &times[own.clone()], starts, ends, split, &mut spans);
            for span in &spans {
                let (first, last) = (own.start + span.first as usize, own.start + span.last as usize);
                if during.0 <= times[first] && times[first] < during.1 {
                    visits.push(Visit { ordinal: chunk.ordinals.start + i as u32, first, end: last + 1 });
                }
            }
        }
        Ok(Visits { rows, times, visits })
    }
}

impl Cutter {
    /// For each visit, all of which are there, whether a row after `now` may still belong to it.
    pub(super) fn open(&self, chunk: &Chunk<'_>, found: &Visits<'_>, now: i64) -> Result<Vec<bool>> {
        let ends = self.ending.as_ref().map(|s| flags(s, chunk, &found.rows)).transpose()?;
        let open = |(i, v): (usize, &Visit)| {
            let last = found.visits.get(i + 1).is_none_or(|next| next.ordinal != v.ordinal);
            let ended = ends.as_ref().is_some_and(|f| f[v.end - 1]);
            let idle = found.times[v.end - 1].saturating_add(self.spec.timeout) < now;
            let full = self.spec.max.is_some_and(|max| found.times[v.first].saturating_add(max) < now);
            last && !ended && !idle && !full
        };
        Ok(found.visits.iter().enumerate().map(open).collect())
    }
}

/// Which of the rows a selection takes.
pub(super) fn flags(select: &Select, chunk: &Chunk<'_>, rows: &[u32]) -> Result<Vec<bool>> {
    let marked = select.rows(chunk, None)?;
    Ok(rows.iter().map(|r| marked.binary_search(r).is_ok()).collect())
}
