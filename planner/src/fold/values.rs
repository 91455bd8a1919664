//! Values on rows of a batch.

use super::chunk::Chunk;
use crate::row::{Compiled, EventExpr, Rows, with_null};
use crate::world::World;
use arrow::array::{Array, ArrayRef, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::{concat, take};
use datafusion::common::Result;
use eql_catalog::EventTypeId;
use eql_compiler::bound::{ExprKind, Leaf, Link, RowExpr};
use eql_store::Timeline;
use std::sync::Arc;

/// A value on rows of a timeline, whatever their event.
pub(crate) struct Values {
    by_code: Vec<Option<EventExpr>>,
    /// The value is one of the subject, the same on all its rows: by ordinal.
    by_subject: Option<ArrayRef>,
    /// The value is the event's time, which the timeline has.
    is_time: bool,
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
                return Ok(Self { by_code: vec![], by_subject: Some(values), is_time: false, data_type });
            }
        }
        let mut by_code = Vec::with_capacity(timeline.events.len());
        for event in &timeline.events {
            by_code.push(if events.contains(event) { Some(EventExpr::new(world, *event, value)?) } else { None });
        }
        let is_time =
            matches!((value.columns.as_slice(), &value.expr.kind), ([c], ExprKind::Column(id)) if c.id == *id && c.leaf == Leaf::Time);
        Ok(Self { by_code, by_subject: None, is_time, data_type })
    }

    /// The value of each entity, where all rows of an entity have the same.
    pub(crate) fn by_subject(&self) -> Option<&ArrayRef> {
        self.by_subject.as_ref()
    }

    pub(crate) fn data_type(&self) -> &arrow::datatypes::DataType {
        &self.data_type
    }

    /// How the value is read, by the event's code; None for events whose rows are not asked.
    pub(crate) fn by_code(&self) -> &[Option<EventExpr>] {
        &self.by_code
    }

    /// One value for each of the rows.
    pub(crate) fn read(&self, chunk: &Chunk<'_>, rows: &[u32]) -> Result<ArrayRef> {
        if let Some(values) = &self.by_subject {
            let ordinals = chunk.entities_of(rows).map(|i| chunk.ordinals.start + i as u32);
            return Ok(take(values, &UInt32Array::from_iter_values(ordinals), None)?);
        }
        if self.is_time {
            let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|r| chunk.time[*r as usize]));
            return Ok(Arc::new(times.with_timezone("UTC")));
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
