//! Raw columns become batches that the store takes.

mod check;
mod coerce;
mod columns;
mod entities;
mod events;
mod extra;
mod fault;
mod identifiers;
mod identity;
mod instant;
mod list;
mod mixed;
mod number;
mod slice;
mod tally;
mod text;
mod times;
mod value;

pub(crate) use columns::{EventColumns, Named, SystemColumns, find};
pub(crate) use events::{Arrival, admit as admit_events};
pub(crate) use fault::{Fault, Why, shown};
pub(crate) use identity::{Ordinals, content, ids as event_ids};
pub(crate) use instant::{instant_of_millis, instant_of_text};
pub(crate) use number::{double_of_text, int_of_text};
pub(crate) use tally::Tally;
pub(crate) use text::quoted;
pub(crate) use times::Times;
pub use times::{TimeFormat, TimeFormatError};
pub(crate) use value::default_of;

use crate::source::{RawBatch, Source};
use crate::{ImportError, ImportRequest, Received, Target};
use arrow::array::{Array, StringArray};
use columns::EntityColumns;
use eql_catalog::{Catalog, EventType};
use eql_store::{EntityBatch, EventBatch, IdentityBatch, Store};
use events::AdmittedEvents;
pub(crate) use slice::Slice;
use std::sync::Arc;

/// What of a raw batch may be appended.
#[derive(Debug, Default)]
pub(crate) struct Admitted {
    /// For one call, in the order of the file.
    pub(crate) events: Vec<EventBatch>,
    /// One call each.
    pub(crate) entities: Vec<EntityBatch>,
    /// Rows in `entities`, before rows of one key fell together.
    pub(crate) entity_rows: u64,
    /// After the entities.
    pub(crate) identities: Option<IdentityBatch>,
}

/// Admits batch after batch of one import.
pub(crate) struct Admission<'a> {
    pub(crate) store: &'a Store,
    /// Only this import changes the part of it that matters here.
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) request: ImportRequest,
    pub(crate) tally: Tally,
    pub(crate) times: Times,
    ordinals: Ordinals,
    now: i64,
    /// Options and the columns that they name, as long as no column of that name turned up.
    unseen: Vec<(&'static str, String)>,
}

impl<'a> Admission<'a> {
    /// `now` is the instant of the import, in microseconds.
    pub(crate) fn new(store: &'a Store, request: ImportRequest, now: i64) -> Result<Admission<'a>, ImportError> {
        let catalog = store.catalog();
        check::target(&catalog, &request)?;
        let unseen = check::named_by_options(&request).map(|(option, column)| (option, column.clone())).collect();
        let times = Times::new(request.time_zone, &request.time_formats);
        Ok(Admission { store, catalog, request, tally: Tally::default(), times, ordinals: Ordinals::default(), now, unseen })
    }

    /// Looks at the columns of an input before its rows are read, where they are known.
    pub(crate) fn begin(&mut self, file: &str, source: &dyn Source) -> Result<(), ImportError> {
        match source.columns() {
            Some(mut columns) if !columns.is_empty() => {
                check::ignored(file, &columns, &self.request)?;
                columns.retain(|c| !self.request.ignore.contains(c));
                check::columns(file, &columns, &self.request, true, self.target_is_new())
            }
            _ => Ok(()),
        }
    }

    /// Admits a batch; `first` of its input.
    pub(crate) fn admit(&mut self, raw: &mut RawBatch, first: bool) -> Result<Admitted, ImportError> {
        self.tally.rows += (raw.rows + raw.malformed.len()) as u64;
        if raw.rows == 0 {
            self.tally.reject(raw, Vec::new());
            return Ok(Admitted::default());
        }
        raw.columns.retain(|c| !self.request.ignore.contains(&c.name));
        let names = raw.column_names();
        if first {
            check::columns(&raw.file, &names, &self.request, false, self.target_is_new())?;
        }
        let named = columns::named(&names, &self.request.map);
        self.unseen.retain(|(_, column)| !names.contains(column) && find(&named, column).is_none());
        self.settle_target(raw, &named)?;
        if first {
            check::map(&self.catalog, &self.request)?;
        }
        match self.request.target.clone() {
            Target::Entity(name) => self.entities(raw, &named, &name),
            Target::Event(name) => self.one_event(raw, &named, &name),
            Target::Events => self.mixed_events(raw, &named),
        }
    }

    /// The figures, once all rows are admitted.
    pub(crate) fn finish(mut self) -> Tally {
        let rows = self.tally.rows;
        for (option, column) in self.unseen.iter().filter(|_| rows > 0) {
            self.tally.note(&format!("no row has the column `{column}` that {option} names"));
        }
        self.tally
    }

    fn target_is_new(&self) -> bool {
        match &self.request.target {
            Target::Events => false,
            Target::Event(name) => self.catalog.event(name).is_none(),
            Target::Entity(name) => self.catalog.entity(name).is_none(),
        }
    }

    fn entities(&mut self, raw: &mut RawBatch, named: &[Named], name: &str) -> Result<Admitted, ImportError> {
        let mut entity = self.catalog.entity(name).cloned().ok_or_else(|| check::unknown(&self.catalog, name))?;
        let mut columns = EntityColumns::new(&entity, named, raw)?;
        if self.request.define && self.define_entity_columns(&entity, &columns.undeclared, raw)? {
            entity = self.catalog.entity(name).cloned().ok_or_else(|| check::unknown(&self.catalog, name))?;
            columns = EntityColumns::new(&entity, named, raw)?;
        }
        let mut slice = Slice::new(raw, None, self.times.clone());
        let admitted = entities::admit(&mut slice, &columns, (self.request.strict, self.request.keep_null), self.now)?;
        let faults = std::mem::take(&mut slice.faults);
        admitted.undeclared.iter().for_each(|(column, n)| self.tally.undeclared(column, None, *n));
        self.tally.reject(raw, faults);
        Ok(Admitted { events: Vec::new(), entities: admitted.batches, entity_rows: admitted.rows, identities: admitted.identities })
    }

    fn one_event(&mut self, raw: &mut RawBatch, named: &[Named], name: &str) -> Result<Admitted, ImportError> {
        let system = SystemColumns::new(&raw.column_names(), named, &self.request);
        let event = self.catalog.event(name).cloned().ok_or_else(|| check::unknown(&self.catalog, name))?;
        let mut slice = Slice::new(raw, None, self.times.clone());
        if let Some(column) = system.event {
            let names = mixed::names(&raw.columns[column])?;
            let other = names.iter().enumerate().filter(|(_, n)| n.is_some_and(|n| n != name));
            other.for_each(|(row, _)| slice.fault(row, Some(column), Why::OtherEvent(name.to_string())));
        }
        let (admitted, faults) = self.events_of(slice, event, named, &system)?;
        self.tally.reject(raw, faults);
        Ok(Admitted { events: non_empty([admitted.batch]), ..Admitted::default() })
    }

    fn mixed_events(&mut self, raw: &mut RawBatch, named: &[Named]) -> Result<Admitted, ImportError> {
        let system = SystemColumns::new(&raw.column_names(), named, &self.request);
        let names = match system.event {
            Some(column) => mixed::names(&raw.columns[column])?,
            None => StringArray::new_null(raw.rows),
        };
        let groups = mixed::groups(&names);
        let (mut batches, mut faults) = (Vec::new(), Vec::new());
        for (name, rows) in groups {
            match self.event_named(name, &rows, raw, named)? {
                Ok(event) => {
                    let all = rows.len() == raw.rows;
                    let slice = Slice::new(raw, (!all).then(|| rows.into()), self.times.clone());
                    let (admitted, more) = self.events_of(slice, event, named, &system)?;
                    batches.push((admitted.batch, admitted.rows));
                    faults.extend(more);
                }
                Err(why) => faults.extend(rows.into_iter().map(|row| Fault { row, column: system.event, why: why.clone() })),
            }
        }
        let events = non_empty(mixed::in_order(batches, raw.rows));
        self.tally.reject(raw, faults);
        Ok(Admitted { events, ..Admitted::default() })
    }

    /// The event of a name in a mixed file, or why its rows are not taken.
    fn event_named(
        &mut self,
        name: Option<&str>,
        rows: &[u32],
        raw: &RawBatch,
        named: &[Named],
    ) -> Result<Result<Arc<EventType>, Why>, ImportError> {
        let Some(name) = name.filter(|n| !n.is_empty()) else {
            return Ok(Err(Why::Missing("the name of the event".into())));
        };
        if let Some(event) = self.catalog.event(name) {
            return Ok(Ok(event.clone()));
        }
        if self.request.define && self.catalog.resolve(name).is_none() {
            return self.define_event(name, Some(rows), raw, named).map(Ok);
        }
        let known = self.catalog.events().map(|e| e.name.as_str());
        Ok(Err(Why::UnknownEvent(crate::error::nearest(name, known))))
    }

    fn events_of(
        &mut self,
        mut slice: Slice<'_>,
        event: Arc<EventType>,
        named: &[Named],
        system: &SystemColumns,
    ) -> Result<(AdmittedEvents, Vec<Fault>), ImportError> {
        let mut columns = EventColumns::new(&self.catalog, &event, named, system);
        if self.request.define && self.define_event_columns(&event, &columns.undeclared, &slice)? {
            let event = self.catalog.event(&event.name).cloned().ok_or_else(|| check::unknown(&self.catalog, &event.name))?;
            columns = EventColumns::new(&self.catalog, &event, named, system);
        }
        self.tally.participants(&columns);
        let arrival = match (&self.request.received, system.received) {
            (Received::Now, _) => Arrival::At(self.now),
            (_, Some(column)) => Arrival::Column(column),
            (_, None) => Arrival::EventTime,
        };
        if self.request.received == Received::EventTime && system.received.is_some() {
            self.tally.note("column `received_at` says when events arrived");
        }
        let admitted = events::admit(&mut slice, &columns, system, &arrival, self.request.strict, &mut self.ordinals)?;
        if let Some(column) = system
            .time
            .map(|c| &slice.raw.columns[c])
            .filter(|c| !self.times.formatted() && instant::counts_something_else(c, &admitted.batch.time))
        {
            self.tally.note(&format!(
                "the numbers of column `{}` are read as milliseconds since 1970; `--time-format seconds` reads seconds",
                column.name
            ));
        }
        let owner = (self.request.target == Target::Events).then_some(columns.event.name.as_str());
        admitted.undeclared.iter().for_each(|(column, n)| self.tally.undeclared(column, owner, *n));
        Ok((admitted, std::mem::take(&mut slice.faults)))
    }
}

fn non_empty(batches: impl IntoIterator<Item = EventBatch>) -> Vec<EventBatch> {
    batches.into_iter().filter(|b| !b.id.is_empty()).collect()
}
