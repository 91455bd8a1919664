//! Bodies of events become columns.

use super::answer::Refusal;
use super::body::records;
use super::clamp::clamp;
use super::corrections::{Deed, Delete};
use super::group::{Call, EventGroup};
use super::identities;
use super::record::{EventRecord, flag, id_text, shown};
use super::table::{Place, Table};
use crate::admit::{instant_of_millis, instant_of_text};
use crate::error::nearest;
use crate::source::Json;
use crate::{ImportError, IngestLimits};
use eql_catalog::{Catalog, EventType};
use hashbrown::HashMap;
use std::sync::Arc;

/// Reads calls together. What is wrong with one of them, or with one row, is told to it alone.
pub(crate) fn read(catalog: &Catalog, calls: &[&Call], limits: &IngestLimits) -> Result<EventGroup, ImportError> {
    let mut reader = Reader { catalog, tables: Vec::new(), by_name: HashMap::new(), last: 0, group: EventGroup::default() };
    let mut record = EventRecord::new();
    for (number, call) in calls.iter().enumerate() {
        let first = reader.group.tallies.add(records(&call.body, call.lines, limits.body_rows));
        let records = reader.group.tallies.calls[number].records.clone();
        let mut turn = Turn { call: number as u32, stamp: call.stamp, phase: 0 };
        for (row, range) in (first..).zip(records) {
            if let Err(refusal) = reader.record(&mut record, &call.body[range], row, &mut turn) {
                reader.group.tallies.refused.push((row, refusal));
            }
        }
    }
    reader.finish(i64::try_from(limits.ahead_ms).unwrap_or(i64::MAX).saturating_mul(1000))
}

/// How far a call is.
struct Turn {
    call: u32,
    stamp: i64,
    phase: u32,
}

struct Reader<'c> {
    catalog: &'c Catalog,
    /// With their phases.
    tables: Vec<(Table<'c>, u32)>,
    by_name: HashMap<(&'c str, u32), usize>,
    last: usize,
    group: EventGroup,
}

impl<'c> Reader<'c> {
    fn record<'a>(&mut self, record: &mut EventRecord<'a>, text: &'a [u8], row: u32, turn: &mut Turn) -> Result<(), Refusal> {
        let text = std::str::from_utf8(text).map_err(|_| Refusal::malformed("the record is not UTF-8"))?;
        record.read(text)?;
        let id = id_text(&record.id)?;
        let deed = deed(record, id.is_some())?;
        let phase = deed.phase(turn.phase)?;
        if deed == Deed::Delete {
            let event = event_of(self.catalog, &record.event)?.id;
            self.group.deletes.push(Delete { phase, event, id: id.unwrap_or_default().into_owned(), row });
            turn.phase = phase;
            return Ok(());
        }
        let table = self.table(&record.event, phase)?;
        let event = self.tables[table].0.event;
        let identities = identities::of_event(self.catalog, event, &record.identities)?;
        let time = time_of(&record.time)?.unwrap_or(turn.stamp);
        let place = Place { row, call: turn.call, time, received: turn.stamp, id: id.as_deref(), identities };
        self.tables[table].0.push(record, place);
        turn.phase = phase;
        Ok(())
    }

    fn table(&mut self, name: &Json<'_>, phase: u32) -> Result<usize, Refusal> {
        if let (Json::Text(text), Some((table, same))) = (name, self.tables.get(self.last))
            && *same == phase
            && table.event.name == *text
        {
            return Ok(self.last);
        }
        let event = event_of(self.catalog, name)?;
        let (tables, place) = (&mut self.tables, self.by_name.entry((event.name.as_str(), phase)));
        self.last = *place.or_insert_with(|| {
            tables.push((Table::new(event), phase));
            tables.len() - 1
        });
        Ok(self.last)
    }

    fn finish(self, ahead: i64) -> Result<EventGroup, ImportError> {
        let mut group = self.group;
        for (table, phase) in self.tables {
            let (mut piece, refused) = table.finish(self.catalog, phase)?;
            group.tallies.refused.extend(refused);
            group.clamped.extend(clamp(&mut piece, ahead));
            if !piece.rows.is_empty() {
                group.pieces.push(piece);
            }
        }
        Ok(group)
    }
}

/// What a record wants done. What replaces or takes back must say what it means.
fn deed(record: &EventRecord<'_>, id: bool) -> Result<Deed, Refusal> {
    let missing = |what: &str| Err(Refusal::new("missing", format!("the `{what}` of the event to delete or correct is missing")));
    match (flag("delete", &record.delete)?, flag("correct", &record.correct)?) {
        (false, false) => Ok(Deed::Add),
        (true, true) => Err(Refusal::new("invalid", "a record either deletes or corrects")),
        _ if !id => missing("id"),
        (false, true) if record.time == Json::Null => missing("time"),
        (true, false) => Ok(Deed::Delete),
        (false, true) => Ok(Deed::Correct),
    }
}

/// The event type that a record names.
fn event_of<'c>(catalog: &'c Catalog, name: &Json<'_>) -> Result<&'c Arc<EventType>, Refusal> {
    let name = match name {
        Json::Text(name) if !name.is_empty() => name.as_ref(),
        Json::Null | Json::Text(_) => return Err(Refusal::new("missing", "`event`, the name of the event, is missing")),
        other => return Err(Refusal::wrong_type("`event`", &shown(other), "the name of an event")),
    };
    if let Some(event) = catalog.event(name) {
        return Ok(event);
    }
    if catalog.virtual_event(name).is_some() {
        let message = format!("`{name}` is a virtual event, which has no rows of its own; send the events that it is made of");
        return Err(Refusal::new("virtual_event", message));
    }
    let hint = nearest(name, catalog.events().map(|e| e.name.as_str()));
    let hint = hint.map_or_else(|| "; define it first with DEFINE EVENT".to_string(), |n| format!("; the nearest is `{n}`"));
    Err(Refusal::new("unknown_event", format!("no event `{}` is defined{hint}", super::record::shortened(name))))
}

/// Microseconds since 1970, None where nothing is said.
pub(crate) fn time_of(value: &Json<'_>) -> Result<Option<i64>, Refusal> {
    let time = match value {
        Json::Null => return Ok(None),
        Json::Text(text) => instant_of_text(text),
        Json::Int(millis) => millis.checked_mul(1000),
        Json::Double(millis) => instant_of_millis(*millis),
        Json::Bool(_) | Json::Raw(_) => None,
    };
    let wanted = "a time: RFC 3339, `YYYY-MM-DD hh:mm:ss`, or milliseconds since 1970";
    time.map(Some).ok_or_else(|| Refusal::wrong_type("`time`", &shown(value), wanted))
}
