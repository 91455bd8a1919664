//! The events of one type of a group: columns that grow record by record, and are then admitted like those of a file.

use super::answer::Refusal;
use super::faulty::refusal;
use super::group::Piece;
use super::identities::{self, Identified, Said};
use super::record::{EventRecord, Member};
use crate::ImportError;
use crate::admit::{Arrival, EventColumns, Named, Ordinals, Slice, SystemColumns, Times, admit_events, quoted};
use crate::source::{Json, JsonColumn, Kind, RawBatch, RawColumn, write_value};
use arrow::array::{ArrayRef, StringBuilder, TimestampMicrosecondArray};
use eql_catalog::{Catalog, EventType, Property};
use hashbrown::{HashMap, HashSet};
use std::sync::Arc;

/// Undeclared members up to here are compared one by one.
const FEW: usize = 16;

/// What a record has beside its members.
pub(crate) struct Place<'r> {
    /// Of the group.
    pub(crate) row: u32,
    pub(crate) call: u32,
    pub(crate) time: i64,
    pub(crate) received: i64,
    pub(crate) id: Option<&'r str>,
    pub(crate) identities: Identified<'r>,
}

pub(crate) struct Table<'c> {
    pub(crate) event: &'c Arc<EventType>,
    slots: Vec<Slot<'c>>,
    by_name: HashMap<&'c str, usize>,
    /// Slots by place, of the members beside the properties and of the properties: neighbours have the same members in the same order.
    guesses: [Vec<usize>; 2],
    time: Vec<i64>,
    received: Vec<i64>,
    id: StringBuilder,
    extra: StringBuilder,
    has_extra: bool,
    rows: Vec<u32>,
    calls: Vec<u32>,
    /// By row, of those that say something.
    identified: Vec<(usize, Vec<Said>)>,
    text: String,
}

struct Slot<'c> {
    name: &'c str,
    key: bool,
    column: JsonColumn,
}

impl<'c> Table<'c> {
    pub(crate) fn new(event: &'c Arc<EventType>) -> Table<'c> {
        let slot = |name: &'c str, key| Slot { name, key, column: JsonColumn::default() };
        let keys = event.participants.iter().flat_map(|p| &p.key_names).map(|n| slot(n, true));
        let mut slots: Vec<Slot<'c>> = keys.collect();
        slots.extend(event.properties.iter().map(|p| slot(&p.name, false)));
        let mut by_name = HashMap::with_capacity(slots.len());
        for (i, slot) in slots.iter().enumerate().rev() {
            by_name.insert(slot.name, i);
        }
        Table {
            event,
            slots,
            by_name,
            guesses: [Vec::new(), Vec::new()],
            time: Vec::new(),
            received: Vec::new(),
            id: StringBuilder::new(),
            extra: StringBuilder::new(),
            has_extra: false,
            rows: Vec::new(),
            calls: Vec::new(),
            identified: Vec::new(),
            text: String::new(),
        }
    }

    /// Adds a record. A key counts beside the properties first, everything else among them; of two members of one name the last counts.
    pub(crate) fn push(&mut self, record: &EventRecord<'_>, place: Place<'_>) {
        let mut undeclared: Vec<&Member<'_>> = Vec::new();
        self.take(0, &record.top, true, None);
        self.take(1, &record.properties, false, Some(&mut undeclared));
        self.take(0, &record.top, false, Some(&mut undeclared));
        self.push_extra(undeclared, place.identities.text);
        if !place.identities.said.is_empty() {
            self.identified.push((self.rows.len(), place.identities.said));
        }
        self.time.push(place.time);
        self.received.push(place.received);
        self.id.append_option(place.id);
        self.rows.push(place.row);
        self.calls.push(place.call);
    }

    /// Backwards: the first value that a column gets for a row stays.
    fn take<'r>(&mut self, list: usize, members: &'r [Member<'r>], keys: bool, mut undeclared: Option<&mut Vec<&'r Member<'r>>>) {
        let row = self.rows.len();
        for (i, member) in members.iter().enumerate().rev() {
            match self.slot(list, i, &member.0) {
                Some(slot) if self.slots[slot].key || !keys => {
                    let column = &mut self.slots[slot].column;
                    column.pad(row);
                    if column.len() == row {
                        column.push(&member.1);
                    }
                }
                None => {
                    if let Some(found) = &mut undeclared {
                        found.push(member);
                    }
                }
                Some(_) => {}
            }
        }
    }

    fn slot(&mut self, list: usize, place: usize, name: &str) -> Option<usize> {
        if let Some(guess) = self.guesses[list].get(place)
            && self.slots.get(*guess).is_some_and(|s| s.name == name)
        {
            return Some(*guess);
        }
        let found = self.by_name.get(name).copied();
        let guesses = &mut self.guesses[list];
        if guesses.len() <= place {
            guesses.resize(place + 1, usize::MAX);
        }
        guesses[place] = found.unwrap_or(usize::MAX);
        found
    }

    /// What nobody declared, and what its columns are not ready for, as one JSON object.
    fn push_extra(&mut self, mut undeclared: Vec<&Member<'_>>, identities: Option<&str>) {
        once(&mut undeclared);
        self.text.clear();
        for (name, value) in undeclared.into_iter().rev().filter(|(_, v)| *v != Json::Null) {
            match exported(name, value) {
                Some(members) => comma(&mut self.text, members),
                None => member(&mut self.text, name, |text| write_value(value, text)),
            }
        }
        if let Some(identities) = identities {
            member(&mut self.text, "identities", |text| write_value(&Json::Raw(identities), text));
        }
        if self.text.is_empty() {
            return self.extra.append_null();
        }
        self.has_extra = true;
        self.text.push('}');
        self.extra.append_value(&self.text);
    }

    /// The admitted events, and what is wrong with the others.
    pub(crate) fn finish(mut self, catalog: &Catalog, phase: u32) -> Result<(Piece, Vec<(u32, Refusal)>), ImportError> {
        let rows = self.rows.len();
        let mut columns = Vec::with_capacity(self.slots.len() + 4);
        let mut places = HashMap::with_capacity(self.slots.len());
        for slot in self.slots.into_iter().filter(|s| s.column.len() > 0) {
            places.insert(slot.name, columns.len());
            columns.push(slot.column.finish(slot.name, rows));
        }
        let place = |name: &String| places.get(name.as_str()).copied();
        let mut event_columns = columns_of(catalog, self.event, place);
        let mut add = |name: &str, kind: Kind, values: ArrayRef| {
            columns.push(RawColumn { name: name.to_string(), kind, values, present: None });
            columns.len() - 1
        };
        let instants = |v: Vec<i64>| Arc::new(TimestampMicrosecondArray::from(v).with_timezone("UTC"));
        let system = SystemColumns::placed(
            add("time", Kind::Typed, instants(self.time)),
            add("received_at", Kind::Typed, instants(self.received)),
            add("id", Kind::Typed, Arc::new(self.id.finish())),
        );
        if self.has_extra {
            let column = add("extra", Kind::Json, Arc::new(self.extra.finish()));
            event_columns.undeclared.push(Named { name: "extra".into(), column });
        }
        let arrival = system.received.map_or(Arrival::EventTime, Arrival::Column);
        let raw = RawBatch { rows, columns, ..RawBatch::default() };
        let mut slice = Slice::new(&raw, None, Times::utc());
        let mut ordinals = Ordinals::by_call(self.calls);
        let mut admitted = admit_events(&mut slice, &event_columns, &system, &arrival, false, &mut ordinals)?;
        admitted.batch.identities = identities::columns(catalog, self.event, &self.identified, admitted.rows.values());
        let faults = std::mem::take(&mut slice.faults);
        let owner = format!("event `{}`", self.event.name);
        let is_key = |name: &str| self.event.participants.iter().any(|p| p.key_names.iter().any(|k| k == name));
        let refused = faults.iter().map(|f| (self.rows[f.row as usize], refusal(f, &raw, &owner, is_key))).collect();
        let rows = admitted.rows.values().iter().map(|row| self.rows[*row as usize]).collect();
        Ok((Piece { batch: admitted.batch, rows, phase }, refused))
    }
}

fn columns_of(catalog: &Catalog, event: &Arc<EventType>, place: impl Fn(&String) -> Option<usize>) -> EventColumns {
    let key = |p: &eql_catalog::Participant| {
        let declared = catalog.entity_by_id(p.entity).map(|e| e.key.clone()).unwrap_or_default();
        declared.into_iter().zip(&p.key_names).map(|(k, name)| (k, place(name))).collect::<Vec<(Property, Option<usize>)>>()
    };
    EventColumns {
        event: event.clone(),
        keys: event.participants.iter().map(key).collect(),
        properties: event.properties.iter().map(|p| (p.clone(), place(&p.name))).collect(),
        undeclared: Vec::new(),
        identities: Vec::new(),
        objects: None,
    }
}

/// The members of an object that itself is called `extra`, as an export writes it.
fn exported<'j>(name: &str, value: &'j Json<'_>) -> Option<&'j str> {
    match value {
        Json::Raw(text) if name == "extra" => text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).map(str::trim),
        _ => None,
    }
}

fn comma(text: &mut String, members: &str) {
    if !members.is_empty() {
        text.push(if text.is_empty() { '{' } else { ',' });
        text.push_str(members);
    }
}

fn member(text: &mut String, name: &str, value: impl FnOnce(&mut String) -> std::fmt::Result) {
    text.push(if text.is_empty() { '{' } else { ',' });
    let named = quoted(name, text);
    text.push(':');
    let done = named.and_then(|()| value(text));
    debug_assert!(done.is_ok(), "a String takes any text");
}

/// The first of each name.
fn once(members: &mut Vec<&Member<'_>>) {
    if members.len() > FEW {
        let mut seen = HashSet::new();
        return members.retain(|m| seen.insert(m.0.as_ref()));
    }
    let mut at = 0;
    while at < members.len() {
        if members[..at].iter().any(|m| m.0 == members[at].0) {
            members.remove(at);
        } else {
            at += 1;
        }
    }
}
