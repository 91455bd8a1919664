//! A batch's rows cut into sessions: the same visits for SESSIONS, for paths, and for steps that must lie inside one.

use super::chunk::Chunk;
use super::coder::Coder;
use super::entities::Marked;
use super::select::{Select, types};
use super::values::Values;
use crate::clock;
use crate::world::World;
use arrow::array::ArrayRef;
use arrow::datatypes::DataType as ArrowType;
use datafusion::common::Result;
use eql_compiler::bound::{Clock, SessionCut};
use eql_store::{Timeline, arrow_type};
use eql_timeline::{SessionSpan, SessionSpec};
use std::borrow::Cow;
use std::ops::Range;

/// A session rule, ready to run.
pub(super) struct Cutter {
    spec: SessionSpec,
    over: Select,
    starting: Option<Select>,
    ending: Option<Select>,
    split: Vec<Values>,
    split_types: Vec<ArrowType>,
    /// The instant from which nothing is seen.
    now: i64,
}

/// A session: its owner's ordinal, and its rows among the rule's.
pub(super) struct Visit {
    pub ordinal: u32,
    pub first: usize,
    pub end: usize,
    /// A row after now may still belong to it.
    pub open: bool,
}

/// The sessions of a batch, entity by entity.
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
            now: clock::now_of(clock, world.now)?,
        })
    }

    pub(super) fn want(&self, wanted: &mut [bool]) {
        for s in std::iter::once(&self.over).chain(&self.starting).chain(&self.ending) {
            s.want(wanted);
        }
    }

    /// The gap that cuts, where nothing else does.
    pub(super) fn gap(&self) -> Option<i64> {
        let alone = self.starting.is_none() && self.ending.is_none() && self.split.is_empty() && self.spec.max.is_none();
        alone.then_some(self.spec.timeout)
    }

    /// Whether a row belongs to a session by its event alone, and if so which codes do.
    pub(super) fn plain(&self, chunk: &Chunk<'_>) -> Option<impl Iterator<Item = u16> + '_> {
        self.over.plain(chunk)
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
            for (n, span) in spans.iter().enumerate() {
                let (first, last) = (own.start + span.first as usize, own.start + span.last as usize);
                if during.0 <= times[first] && times[first] < during.1 {
                    let ended = ends.is_some_and(|ends| ends[span.last as usize]);
                    let open = n + 1 == spans.len() && !ended && self.goes_on(times[first], times[last]);
                    visits.push(Visit { ordinal: chunk.ordinals.start + i as u32, first, end: last + 1, open });
                }
            }
        }
        Ok(Visits { rows, times, visits })
    }

    /// Whether a session between these times has room for a row after now.
    fn goes_on(&self, first: i64, last: i64) -> bool {
        let idle = last.saturating_add(self.spec.timeout) < self.now;
        let full = self.spec.max.is_some_and(|max| first.saturating_add(max) < self.now);
        !idle && !full
    }
}

impl Visits<'_> {
    /// The sessions of one entity.
    pub(super) fn of(&self, ordinal: u32) -> impl Iterator<Item = &Visit> {
        let first = self.visits.partition_point(|v| v.ordinal < ordinal);
        self.visits[first..].iter().take_while(move |v| v.ordinal == ordinal)
    }

    /// The rows of the batch from a session's first to its last, and their masks: a row between them that belongs to no session fills no step.
    pub(super) fn marks(&self, visit: &Visit, marked: &Marked, steps: u64) -> (Range<usize>, Vec<u64>) {
        let members = &self.rows[visit.first..visit.end];
        let (Some(first), Some(last)) = (members.first(), members.last()) else { return (0..0, vec![]) };
        let range = *first as usize..*last as usize + 1;
        let mut mask = marked.mask[range.clone()].to_vec();
        let mut next = members.iter().peekable();
        for (row, mask) in range.clone().zip(&mut mask) {
            if next.next_if(|m| **m as usize == row).is_none() {
                *mask &= !steps;
            }
        }
        (range, mask)
    }
}

/// Which of the rows a selection takes.
pub(super) fn flags(select: &Select, chunk: &Chunk<'_>, rows: &[u32]) -> Result<Vec<bool>> {
    let marked = select.rows(chunk, None)?;
    Ok(rows.iter().map(|r| marked.binary_search(r).is_ok()).collect())
}
