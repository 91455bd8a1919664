//! A batch of whole entities from a timeline, and which of its rows pass a selection.

use crate::clock;
use crate::row::{Compiled, EventExpr, Rows, with_null};
use crate::world::World;
use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::{concat, take};
use arrow::datatypes::TimestampMicrosecondType;
use datafusion::common::Result;
use eql_catalog::EventTypeId;
use eql_compiler::bound::{Clock, EventSelect, Leaf, Link, RowExpr};
use eql_store::{EventColumn, Timeline, Timelines};
use eql_timeline::RowBits;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Rows a batch aims at; at most one entity more.
const ROWS: usize = 1 << 16;
/// Entities a batch holds at most.
const ENTITIES: u32 = 1 << 16;

/// Whole entities of a timeline.
pub(crate) struct Chunk<'a> {
    /// Whose rows.
    pub ordinals: Range<u32>,
    /// Rows of the timeline before the first of this batch.
    base: usize,
    /// Rows of all entities before it.
    before: usize,
    offsets: &'a [u32],
    /// Microseconds.
    pub time: &'a [i64],
    code: &'a [u16],
    row: &'a [u32],
    /// For each wanted code, the timeline's rows of that event in the batch.
    by_code: Vec<&'a [u32]>,
    tied: &'a [bool],
    timeline: &'a Timeline,
}

/// A batch whose rows are counted from a multiple of 64.
#[derive(Clone, Copy)]
pub(crate) struct Aligned<'a> {
    /// Rows before the first of the batch.
    pub shift: usize,
    /// Microseconds.
    pub time: &'a [i64],
}

impl Aligned<'_> {
    /// Rows of the batch, as they are counted here.
    pub(crate) fn rows(&self, rows: Range<usize>) -> Range<usize> {
        rows.start + self.shift..rows.end + self.shift
    }
}

impl<'a> Chunk<'a> {
    /// A batch of these entities, the first of which is number `ordinals.start - lead` of the timeline. `before`: rows of the entities before.
    fn new(timeline: &'a Timeline, lead: u32, ordinals: Range<u32>, before: usize, wanted: &[bool]) -> Self {
        let (from, to) = ((ordinals.start - lead) as usize, (ordinals.end - lead) as usize);
        let offsets = &timeline.offsets[from..=to];
        let (base, stop) = (offsets[0] as usize, offsets[to - from] as usize);
        let inside = |rows: &'a Vec<u32>| {
            let first = rows.partition_point(|r| (*r as usize) < base);
            let rows = &rows[first..];
            &rows[..rows.partition_point(|r| (*r as usize) < stop)]
        };
        let none: &'a [u32] = &[];
        let by_code = timeline.postings.iter().zip(wanted).map(|(rows, wanted)| if *wanted { inside(rows) } else { none }).collect();
        Self {
            ordinals,
            base,
            before,
            offsets,
            time: &timeline.time[base..stop],
            code: &timeline.code[base..stop],
            row: &timeline.row[base..stop],
            by_code,
            tied: &timeline.tied[from..to],
            timeline,
        }
    }

    /// Calls `each` with the batches of a range of entities, in order, until it says stop.
    pub(crate) fn each<E>(
        timelines: &Timelines,
        range: Range<u32>,
        wanted: &[bool],
        mut each: impl FnMut(&Chunk<'_>) -> std::result::Result<bool, E>,
    ) -> std::result::Result<(), E> {
        let mut at = range.start;
        while at < range.end {
            let to = timelines.reach(at, range.end, ROWS, ENTITIES);
            let before = timelines.rows_before(at);
            let more = match timelines.merged(at..to) {
                None => each(&Chunk::new(&timelines.settled, 0, at..to, before, wanted))?,
                Some(merged) => each(&Chunk::new(&merged, at, at..to, before, wanted))?,
            };
            if !more {
                return Ok(());
            }
            at = to;
        }
        Ok(())
    }

    /// The batch as the kernels for many entities take it: rows are counted from the last multiple of 64 before its first one, so that
    /// words of the whole timeline serve. Rows before the first are of other entities.
    pub(crate) fn aligned(&self) -> Aligned<'a> {
        let shift = self.base % 64;
        let time = &self.timeline.time[self.base - shift..self.base + self.len()];
        // One look at each cache line in turn: the kernels come back to them in jumps, each of which would wait for memory.
        std::hint::black_box(time.iter().step_by(8).fold(0, |all, t| all ^ t));
        Aligned { shift, time }
    }

    /// How many entities.
    pub(crate) fn entities(&self) -> usize {
        self.ordinals.len()
    }

    /// The rows of the i-th entity.
    pub(crate) fn rows_of(&self, i: usize) -> Range<usize> {
        self.offsets[i] as usize - self.base..self.offsets[i + 1] as usize - self.base
    }

    /// Whether two rows of the i-th entity have one time.
    pub(crate) fn tied(&self, i: usize) -> bool {
        self.tied[i]
    }

    /// For each of some rows the place of its entity in the batch; quickest where the rows rise.
    pub(crate) fn entities_of<'r>(&'r self, rows: &'r [u32]) -> impl Iterator<Item = usize> + 'r {
        let ends = &self.offsets[1..];
        let mut entity = 0;
        rows.iter().map(move |row| {
            let place = self.base + *row as usize;
            if (self.offsets[entity] as usize) > place {
                entity = 0;
            }
            // The next entity mostly follows at once; behind those without such rows the search finds its way.
            if ends[entity] as usize <= place {
                entity += 1;
                if ends[entity] as usize <= place {
                    entity += ends[entity..].partition_point(|end| (*end as usize) <= place);
                }
            }
            entity
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.code.len()
    }

    pub(crate) fn code(&self, row: usize) -> u16 {
        self.code[row]
    }

    /// The batch's rows of one event, rising; only of wanted ones.
    pub(crate) fn places_of(&self, code: usize) -> Vec<u32> {
        self.by_code.get(code).map_or(vec![], |rows| rows.iter().map(|row| row - self.base as u32).collect())
    }

    /// A number that a row of the batch has alone in its timeline.
    pub(crate) fn row_number(&self, row: u32) -> i64 {
        i64::try_from(self.before).unwrap_or(i64::MAX).saturating_add(i64::from(row))
    }

    /// Row numbers in the event's own rows.
    pub(crate) fn event_rows(&self, positions: &[u32]) -> Vec<u32> {
        positions.iter().map(|p| self.row[*p as usize]).collect()
    }
}

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
        Ok(Self { cases, horizon, together })
    }

    /// Marks the event codes it needs.
    pub(crate) fn want(&self, wanted: &mut [bool]) {
        // Codes that are looked up row by row need no postings.
        for c in self.cases.iter().filter(|_| self.together.is_none()) {
            wanted[c.code as usize] = true;
        }
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
        let shift = (chunk.base % 64) as u32;
        let rows = self.rows(chunk, None)?;
        Ok(RowBits::of_rows(rows.into_iter().map(|r| r + shift), chunk.len() + shift as usize).into())
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

/// A value on rows of a timeline, whatever their event.
pub(crate) struct Values {
    by_code: Vec<Option<EventExpr>>,
    /// The value is one of the subject, the same on all its rows: by ordinal.
    by_subject: Option<ArrayRef>,
    data_type: arrow::datatypes::DataType,
}

impl Values {
    /// For rows of these event types.
    pub(crate) fn new(world: &World, timeline: &Timeline, events: &[EventTypeId], value: &RowExpr) -> Result<Self> {
        let data_type = eql_store::arrow_type(&value.expr.data_type);
        if let Some(columns) = of_subject(world, timeline, events, value)? {
            let rows = columns.first().map_or(0, |c| c.len());
            // What cannot be computed for an entity that is not asked about is no error: then rows are asked one by one.
            if let Ok(values) = Compiled::new(world, &value.columns, &value.expr)?.evaluate(columns, rows) {
                return Ok(Self { by_code: vec![], by_subject: Some(values), data_type });
            }
        }
        let mut by_code = Vec::with_capacity(timeline.events.len());
        for event in &timeline.events {
            by_code.push(if events.contains(event) { Some(EventExpr::new(world, *event, value)?) } else { None });
        }
        Ok(Self { by_code, by_subject: None, data_type })
    }

    /// The value of each entity, where all rows of an entity have the same.
    pub(crate) fn by_subject(&self) -> Option<&ArrayRef> {
        self.by_subject.as_ref()
    }

    /// One value for each of the rows.
    pub(crate) fn read(&self, chunk: &Chunk<'_>, rows: &[u32]) -> Result<ArrayRef> {
        if let Some(values) = &self.by_subject {
            let ordinals = chunk.entities_of(rows).map(|i| chunk.ordinals.start + i as u32);
            return Ok(take(values, &UInt32Array::from_iter_values(ordinals), None)?);
        }
        let mut possible = (0..self.by_code.len()).filter(|c| self.by_code[*c].is_some());
        if let (Some(code), None) = (possible.next(), possible.next())
            && rows.iter().all(|r| chunk.code(*r as usize) as usize == code)
        {
            return self.of_code(chunk, code, rows);
        }
        let mut per_code: Vec<Vec<u32>> = vec![Vec::new(); self.by_code.len()];
        for r in rows {
            per_code[chunk.code(*r as usize) as usize].push(*r);
        }
        let mut used: Vec<usize> = (0..per_code.len()).filter(|c| !per_code[*c].is_empty()).collect();
        if used.len() <= 1 {
            let Some(code) = used.pop() else { return Ok(arrow::array::new_empty_array(&self.data_type)) };
            return self.of_code(chunk, code, &per_code[code]);
        }
        // Values event by event, then brought into the order of the rows.
        let (mut arrays, mut starts, mut at) = (Vec::new(), vec![0u32; per_code.len()], 0);
        for code in used {
            starts[code] = at;
            at += u32::try_from(per_code[code].len()).unwrap_or(u32::MAX);
            arrays.push(self.of_code(chunk, code, &per_code[code])?);
        }
        let refs: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
        let order = UInt32Array::from_iter_values(rows.iter().map(|r| {
            let next = &mut starts[chunk.code(*r as usize) as usize];
            *next += 1;
            *next - 1
        }));
        Ok(take(&concat(&refs)?, &order, None)?)
    }

    fn of_code(&self, chunk: &Chunk<'_>, code: usize, rows: &[u32]) -> Result<ArrayRef> {
        match &self.by_code[code] {
            Some(e) => e.evaluate(Rows::List(&chunk.event_rows(rows))),
            None => Ok(arrow::array::new_null_array(&self.data_type, rows.len())),
        }
    }
}

/// The columns of a value by ordinal, when it reads nothing but the subject of these events.
fn of_subject(world: &World, timeline: &Timeline, events: &[EventTypeId], value: &RowExpr) -> Result<Option<Vec<ArrayRef>>> {
    let own = |by: &[(EventTypeId, usize)], entity| {
        let is = |e: &EventTypeId| {
            let code = timeline.events.iter().position(|t| t == e);
            let participant = by.iter().find(|(b, _)| b == e).map(|(_, p)| *p);
            participant.is_some() && participant == code.map(|c| timeline.participants[c])
        };
        entity == timeline.subject && events.iter().all(is)
    };
    let mut columns = Vec::with_capacity(value.columns.len());
    for c in &value.columns {
        columns.push(match &c.leaf {
            Leaf::Through(Link::Participant(by), v) if !v.at_event() && own(by, v.entity) => world.entity_value(v)?,
            Leaf::ParticipantKey(by, entity, key) if own(by, *entity) => {
                with_null(world.snapshot.entities(*entity).map_err(crate::row::store_error)?.key(*key))?
            }
            _ => return Ok(None),
        });
    }
    Ok((!columns.is_empty()).then_some(columns))
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
