//! A batch of whole entities from a timeline, and which of its rows pass a selection.

use crate::clock;
use crate::row::{EventExpr, Rows};
use crate::world::World;
use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::{concat, take};
use arrow::datatypes::TimestampMicrosecondType;
use datafusion::common::Result;
use eql_catalog::EventTypeId;
use eql_compiler::bound::{Clock, EventSelect, RowExpr};
use eql_store::{EventColumn, Timeline};
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
    /// Rows before the first of this batch.
    base: usize,
    offsets: &'a [u32],
    /// Microseconds.
    pub time: &'a [i64],
    code: &'a [u16],
    row: &'a [u32],
    /// For each code, the batch's rows of that event.
    by_code: Vec<Vec<u32>>,
}

impl<'a> Chunk<'a> {
    /// The next batch of a range of entities; None when it is done.
    pub(crate) fn next(timeline: &'a Timeline, from: u32, end: u32, wanted: &[bool]) -> Option<Self> {
        if from >= end {
            return None;
        }
        let offsets = &timeline.offsets;
        let base = offsets[from as usize] as usize;
        let limit = from.saturating_add(ENTITIES).min(end);
        // The first entity that begins ROWS rows or more after the first row.
        let reach = offsets[from as usize + 1..=limit as usize].partition_point(|o| (*o as usize) < base + ROWS);
        let to = (from + 1 + u32::try_from(reach).unwrap_or(u32::MAX)).min(limit);
        let stop = offsets[to as usize] as usize;
        let code = &timeline.code[base..stop];
        let mut by_code = vec![Vec::new(); timeline.events.len()];
        for (i, c) in code.iter().enumerate() {
            if wanted[*c as usize] {
                by_code[*c as usize].push(i as u32);
            }
        }
        Some(Self {
            ordinals: from..to,
            base,
            offsets: &offsets[from as usize..=to as usize],
            time: &timeline.time[base..stop],
            code,
            row: &timeline.row[base..stop],
            by_code,
        })
    }

    /// How many entities.
    pub(crate) fn entities(&self) -> usize {
        self.ordinals.len()
    }

    /// The rows of the i-th entity.
    pub(crate) fn rows_of(&self, i: usize) -> Range<usize> {
        self.offsets[i] as usize - self.base..self.offsets[i + 1] as usize - self.base
    }

    pub(crate) fn len(&self) -> usize {
        self.code.len()
    }

    pub(crate) fn code(&self, row: usize) -> u16 {
        self.code[row]
    }

    /// The batch's rows of one event, rising; only of wanted ones.
    pub(crate) fn places_of(&self, code: usize) -> &[u32] {
        self.by_code.get(code).map_or(&[], Vec::as_slice)
    }

    /// A number that a row of the batch has alone in its timeline.
    pub(crate) fn row_number(&self, row: u32) -> i64 {
        i64::try_from(self.base).unwrap_or(i64::MAX).saturating_add(i64::from(row))
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
        Ok(Self { cases, horizon })
    }

    /// Marks the event codes it needs.
    pub(crate) fn want(&self, wanted: &mut [bool]) {
        for c in &self.cases {
            wanted[c.code as usize] = true;
        }
    }

    /// The batch's rows that pass and lie in `[start, end)`, rising.
    pub(crate) fn rows(&self, chunk: &Chunk<'_>, during: Option<(i64, i64)>) -> Result<Vec<u32>> {
        let mut out: Vec<u32> = Vec::new();
        for case in &self.cases {
            let (mut start, mut end) = during.unwrap_or((i64::MIN, i64::MAX));
            if let Some((s, e)) = case.during {
                (start, end) = (start.max(s), end.min(e));
            }
            end = end.min(self.horizon);
            let inside = |p: &&u32| {
                let t = chunk.time[**p as usize];
                start <= t && t < end
            };
            let mut kept: Vec<u32> = chunk.by_code[case.code as usize].iter().filter(inside).copied().collect();
            if kept.is_empty() {
                continue;
            }
            if let Some((events, before)) = &case.received {
                let received = events.gather(&EventColumn::Received, &chunk.event_rows(&kept)).map_err(crate::row::store_error)?;
                let received = received.as_primitive::<TimestampMicrosecondType>();
                kept = kept.into_iter().enumerate().filter(|(i, _)| received.value(*i) <= *before).map(|(_, p)| p).collect();
            }
            if let Some(f) = &case.filter {
                let passes = f.passes(Rows::List(&chunk.event_rows(&kept)))?;
                kept = kept.into_iter().enumerate().filter(|(i, _)| passes.is_valid(*i) && passes.value(*i)).map(|(_, p)| p).collect();
            }
            out.extend(kept);
        }
        if self.cases.len() > 1 {
            out.sort_unstable();
            out.dedup();
        }
        Ok(out)
    }
}

/// A value on rows of a timeline, whatever their event.
pub(crate) struct Values {
    by_code: Vec<Option<EventExpr>>,
    data_type: arrow::datatypes::DataType,
}

impl Values {
    /// For rows of these event types.
    pub(crate) fn new(world: &World, timeline: &Timeline, events: &[EventTypeId], value: &RowExpr) -> Result<Self> {
        let mut by_code = Vec::with_capacity(timeline.events.len());
        for event in &timeline.events {
            by_code.push(if events.contains(event) { Some(EventExpr::new(world, *event, value)?) } else { None });
        }
        Ok(Self { by_code, data_type: eql_store::arrow_type(&value.expr.data_type) })
    }

    /// One value for each of the rows.
    pub(crate) fn read(&self, chunk: &Chunk<'_>, rows: &[u32]) -> Result<ArrayRef> {
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

/// Numbers for the different values of several columns, NULL being a value of its own. Numbers stay the same over all batches of a partition.
pub(crate) struct Coder {
    converter: arrow::row::RowConverter,
    numbers: hashbrown::HashMap<arrow::row::OwnedRow, u32>,
    order: Vec<arrow::row::OwnedRow>,
}

impl Coder {
    pub(crate) fn new(types: &[arrow::datatypes::DataType]) -> Result<Self> {
        let fields = types.iter().map(|t| arrow::row::SortField::new(t.clone())).collect();
        Ok(Self { converter: arrow::row::RowConverter::new(fields)?, numbers: hashbrown::HashMap::new(), order: Vec::new() })
    }

    pub(crate) fn codes(&mut self, columns: &[ArrayRef]) -> Result<Vec<u32>> {
        let rows = self.converter.convert_columns(columns)?;
        let mut out = Vec::with_capacity(rows.num_rows());
        let mut last: Option<(arrow::row::OwnedRow, u32)> = None;
        for r in rows.iter() {
            // Neighbouring rows often have equal values.
            if let Some((row, code)) = &last
                && row.row() == r
            {
                out.push(*code);
                continue;
            }
            let owned = r.owned();
            let next = u32::try_from(self.order.len()).unwrap_or(u32::MAX);
            let code = match self.numbers.get(&owned) {
                Some(c) => *c,
                None => {
                    self.numbers.insert(owned.clone(), next);
                    self.order.push(owned.clone());
                    next
                }
            };
            last = Some((owned, code));
            out.push(code);
        }
        Ok(out)
    }

    /// How many different values were seen.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// The columns of these numbers.
    pub(crate) fn columns(&self, codes: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(self.converter.convert_rows(codes.iter().filter_map(|c| self.order.get(*c as usize)).map(|o| o.row()))?)
    }
}

/// HOLDING codes: equal where all values are equal and none is missing.
pub(crate) fn holding_codes(coder: &mut Coder, columns: &[ArrayRef]) -> Result<Vec<u32>> {
    let mut codes = coder.codes(columns)?;
    for c in columns {
        if c.null_count() > 0 {
            for (i, code) in codes.iter_mut().enumerate() {
                if c.is_null(i) {
                    *code = eql_timeline::NULL;
                }
            }
        }
    }
    Ok(codes)
}
