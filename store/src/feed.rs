//! What was committed, in the order of the log, for whoever follows it: each record after it was applied, with its entities by ordinal.
//!
//! ```text
//! applied → recent commits in memory (bounded by bytes) → Feed::next
//! log files, held while a feed has not read them        ↗ when a feed fell behind, or begins in the past
//! ```
//! The committer never waits for a feed: it hands over a few shared arrays and wakes those who wait.

use crate::apply::State;
use crate::limit::FEED_BYTES_MAX;
use crate::log::{AdmittedEvents, Logged, Record, Removal, Tail};
use crate::open::LOG;
use crate::pipeline::Core;
use crate::{EventColumn, Joined, Kept, Snapshot, Store, StoreError};
use arrow::array::{Array, ArrayRef, AsArray, StringArray, TimestampMicrosecondArray, UInt32Array, UInt64Array};
use arrow::datatypes::UInt32Type;
use eql_catalog::{Change, EntityTypeId, EventTypeId, PropertyId};
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A record of the log after it was applied.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Where it stands in the log.
    pub position: u64,
    /// The clock T in microseconds, written in the log: the server's, and never less than that of the record before. Where the catalog's
    /// clock stands still (`Change::SetClock`), it is that instant, so that live and asked-for answers agree.
    pub clock: i64,
    /// What it says.
    pub what: Arc<What>,
    /// Who became one by it, and who came apart.
    pub merged: Merged,
}

/// What a record did to who stands for whom. Rows, of this record too, keep the ordinals that they were written with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// This, in that order: nothing with most records.
    Known(Arc<[Joined]>),
    /// Read from the log's files, which tell what was said and not what came of it: whoever keeps something by entity makes it anew.
    Unknown,
}

/// What can be committed.
#[derive(Clone, Debug)]
pub enum What {
    /// Events that are new.
    Events(Vec<FeedEvents>),
    /// Events in place of those that have their ids.
    Corrections {
        /// The events now.
        events: Vec<FeedEvents>,
        /// Whom the events that went were about; None when that is not known any more (read from the log's files).
        before: Option<Vec<Touched>>,
    },
    /// Properties of entities were written.
    Entities {
        /// Their type.
        entity: EntityTypeId,
        /// Who, a row of the record each.
        ordinals: UInt32Array,
        /// Of those: who was deleted in it.
        deleted: Vec<u32>,
    },
    /// Something went.
    Removed(Removed),
    /// Members of a stored segment changed.
    Members {
        /// Which segment.
        segment: String,
        /// The type of its entities.
        entity: EntityTypeId,
        /// Who came.
        add: UInt32Array,
        /// Who left.
        remove: UInt32Array,
        /// Everybody else left.
        replace: bool,
    },
    /// Values of an imported tag were written.
    TagValues {
        /// The type of its entities.
        entity: EntityTypeId,
        /// Its name.
        tag: String,
        /// Whose.
        ordinals: UInt32Array,
        /// The values; NULL clears.
        values: ArrayRef,
    },
    /// A version of a segment or a tag was made.
    Version {
        /// The type of its entities.
        entity: EntityTypeId,
        /// Whose version.
        kept: Kept,
        /// Its time: microseconds.
        at: i64,
        /// Everybody who is not named is not in it, or has no value.
        whole: bool,
        /// Members, or entities with values.
        ordinals: UInt32Array,
        /// Of a tag.
        values: Option<ArrayRef>,
        /// The definition came with it.
        definition: Option<Change>,
    },
    /// Identifiers were bound or unbound, entities merged or taken apart: whoever was not known is.
    Identities {
        /// Their type.
        entity: EntityTypeId,
        /// Whom the record names.
        ordinals: UInt32Array,
    },
    /// The catalog changed.
    Definition(Change),
    /// Nothing that entities or events show.
    Other,
}

/// Events that came in one record, of one type.
#[derive(Clone, Debug)]
pub struct FeedEvents {
    /// Of which type.
    pub event: EventTypeId,
    /// The entities of each participant by ordinal; NULL where there is none.
    pub participants: Vec<UInt32Array>,
    /// When: microseconds in UTC.
    pub time: TimestampMicrosecondArray,
    /// The ingest sequence, unique over all events: the order of equal times.
    pub sequence: UInt64Array,
    /// Their ids.
    pub id: StringArray,
    /// When they arrived; None: at their own time.
    pub received: Option<TimestampMicrosecondArray>,
    /// The columns that came; the others are NULL.
    pub properties: Vec<(PropertyId, ArrayRef)>,
    /// JSON text of what is not declared.
    pub extra: Option<StringArray>,
}

/// What can go.
#[derive(Clone, Debug)]
pub enum Removed {
    /// Single events.
    Events {
        /// Of which type.
        event: EventTypeId,
        /// Which.
        ids: StringArray,
        /// Whom they were about; None when that is not known any more (read from the log's files).
        touched: Option<Touched>,
    },
    /// Entities with everything about them.
    Erased {
        /// Their type.
        entity: EntityTypeId,
        /// Who; empty when that is not known any more (read from the log's files).
        ordinals: Vec<u32>,
    },
    /// Events before a time.
    Expired {
        /// Of which type.
        event: EventTypeId,
        /// Before when: microseconds.
        before: i64,
    },
}

/// Entities of events that went.
#[derive(Clone, Debug)]
pub struct Touched {
    /// The type of the events.
    pub event: EventTypeId,
    /// The entities of each participant, a row of an event that went each.
    pub participants: Vec<UInt32Array>,
}

/// A reader of what is committed. While it is there, the log keeps what it has not read (up to a bound).
pub struct Feed {
    core: Arc<Core>,
    id: u64,
    position: u64,
    tail: Option<Tail>,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("position", &self.position).finish_non_exhaustive()
    }
}

/// The feeds of a store, and what they have not read yet.
#[derive(Default)]
pub(crate) struct Feeds {
    inner: Mutex<Inner>,
    arrived: Condvar,
}

#[derive(Default)]
struct Inner {
    /// With their bytes; empty while nobody follows.
    recent: VecDeque<(usize, Committed)>,
    bytes: usize,
    /// The last record that was applied.
    last: u64,
    /// Positions that were read, by feed.
    read: BTreeMap<u64, u64>,
    next_id: u64,
}

impl Feeds {
    pub(crate) fn new(position: u64) -> Feeds {
        Feeds { inner: Mutex::new(Inner { last: position, ..Inner::default() }), arrived: Condvar::new() }
    }

    pub(crate) fn anybody(&self) -> bool {
        !self.inner.lock().read.is_empty()
    }

    /// Hands a record over. Called in the order of the log. `followed`: somebody did when it was applied, so that it says everything.
    pub(crate) fn publish(&self, committed: Committed, followed: bool) {
        let mut inner = self.inner.lock();
        inner.last = committed.position;
        if !followed {
            inner.recent.clear();
            inner.bytes = 0;
            drop(inner);
            self.arrived.notify_all();
            return;
        }
        let bytes = committed.what.bytes();
        inner.bytes += bytes;
        inner.recent.push_back((bytes, committed));
        while inner.bytes > FEED_BYTES_MAX
            && let Some((bytes, _)) = inner.recent.pop_front()
        {
            inner.bytes -= bytes;
        }
        drop(inner);
        self.arrived.notify_all();
    }

    /// The lowest position that some feed has read up to.
    pub(crate) fn held(&self) -> Option<u64> {
        self.inner.lock().read.values().min().copied()
    }

    fn open(&self, from: u64) -> u64 {
        let mut inner = self.inner.lock();
        inner.next_id += 1;
        let id = inner.next_id;
        inner.read.insert(id, from);
        id
    }

    fn close(&self, id: u64) {
        let mut inner = self.inner.lock();
        inner.read.remove(&id);
        if inner.read.is_empty() {
            inner.recent = VecDeque::new();
            inner.bytes = 0;
        }
    }

    /// Called when the store closes: nobody waits for what does not come.
    pub(crate) fn wake(&self) {
        self.arrived.notify_all();
    }
}

/// Where the next record is.
enum Place {
    Here(Committed),
    InTheLog,
    NotYet,
}

impl Inner {
    fn after(&self, position: u64) -> Place {
        if self.last <= position {
            return Place::NotYet;
        }
        let first = self.recent.front().map_or(u64::MAX, |(_, c)| c.position);
        match position.checked_sub(first.wrapping_sub(1)).and_then(|i| self.recent.get(usize::try_from(i).ok()?)) {
            Some((_, committed)) if first != u64::MAX => Place::Here(committed.clone()),
            _ => Place::InTheLog,
        }
    }
}

impl Store {
    /// Follows what is committed after a position.
    ///
    /// # Errors
    /// The log does not reach back so far ([`StoreError::Trimmed`]), or the position lies ahead of it.
    pub fn feed(&self, from: u64) -> Result<Feed, StoreError> {
        // Held before it is looked at. A trim that began earlier may still take it away: then the next record is an error, and no gap.
        let id = self.core.feeds.open(from);
        let position = self.position();
        let mut feed = Feed { core: self.core.clone(), id, position: from, tail: None };
        if from > position {
            return Err(StoreError::unsuitable(&self.core.dir, format!("has no position {from} yet, the last one is {position}")));
        }
        feed.look_back()?;
        Ok(feed)
    }

    /// The clock: the greatest one that any record has, or that was asked for.
    pub fn clock(&self) -> i64 {
        self.core.admission.lock().clock
    }

    /// Moves the clock on while nothing is committed: every later record has at least this one. The last position that was given away
    /// before, and the clock now: with everything up to that position, nothing is missing up to that clock.
    ///
    /// # Errors
    /// None today.
    pub fn tick(&self, now: i64) -> Result<(u64, i64), StoreError> {
        let mut admission = self.core.admission.lock();
        admission.clock = admission.catalog.clock.unwrap_or(admission.clock.max(now));
        // What was lost (a full disk) never comes.
        let position = self.core.log.lost_after().unwrap_or(admission.position);
        Ok((position, admission.clock))
    }
}

impl Feed {
    /// The position up to which it was read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next record; None when none came within `wait`.
    ///
    /// # Errors
    /// [`StoreError::Trimmed`] when the log was removed before it was read, or a damaged file.
    pub fn next(&mut self, wait: Duration) -> Result<Option<Committed>, StoreError> {
        let until = Instant::now() + wait;
        let core = self.core.clone();
        loop {
            let mut inner = core.feeds.inner.lock();
            match inner.after(self.position) {
                Place::Here(committed) => {
                    self.tail = None;
                    self.read_to(&mut inner, committed.position);
                    return Ok(Some(committed));
                }
                Place::InTheLog => {
                    drop(inner);
                    return self.read_log().map(Some);
                }
                Place::NotYet if core.feeds.arrived.wait_until(&mut inner, until).timed_out() => return Ok(None),
                Place::NotYet => {}
            }
        }
    }

    fn read_to(&mut self, inner: &mut Inner, position: u64) {
        self.position = position;
        if let Some(read) = inner.read.get_mut(&self.id) {
            *read = position;
        }
    }

    /// Whether what comes next is still in the log, where it is not in memory.
    fn look_back(&mut self) -> Result<(), StoreError> {
        let place = self.core.feeds.inner.lock().after(self.position);
        if matches!(place, Place::InTheLog) {
            let mut tail = Tail::after(&self.core.dir.join(LOG), self.position);
            tail.next()?;
        }
        Ok(())
    }

    fn read_log(&mut self) -> Result<Committed, StoreError> {
        let dir = self.core.dir.join(LOG);
        let logged = self.tail.get_or_insert_with(|| Tail::after(&dir, self.position)).next()?;
        let snapshot = self.core.state.lock().snapshot();
        let Logged { position, stamp, record } = logged;
        let merged = Merged::of_log(&record);
        let what = Arc::new(What::of_log(record, &snapshot, stamp.sequence)?);
        let core = self.core.clone();
        self.read_to(&mut core.feeds.inner.lock(), position);
        Ok(Committed { position, clock: stamp.clock, what, merged })
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.core.feeds.close(self.id);
    }
}

impl Merged {
    fn of_log(record: &Record) -> Merged {
        match record {
            Record::Events(batches) | Record::Corrections(batches) if batches.iter().any(|b| !b.identities.is_empty()) => Merged::Unknown,
            Record::Identities(_) => Merged::Unknown,
            _ => Merged::Known(Arc::default()),
        }
    }

    /// Nobody became another one.
    pub fn is_empty(&self) -> bool {
        matches!(self, Merged::Known(joined) if joined.is_empty())
    }
}

impl What {
    /// What a record said when it was committed, as far as it can be said now.
    fn of_log(record: Record, snapshot: &Snapshot, sequence: u64) -> Result<What, StoreError> {
        let ordinals = |entity: EntityTypeId, keys: &[ArrayRef]| match snapshot.entities.get(&entity) {
            Some(source) => source.parts.lookup(keys),
            None => Ok(UInt32Array::new_null(keys.first().map_or(0, |k| k.len()))),
        };
        Ok(match record {
            Record::Definition(change) => What::Definition(change),
            Record::Events(batches) => What::Events(events_of_log(batches, snapshot, sequence)?),
            Record::Corrections(batches) => What::Corrections { events: events_of_log(batches, snapshot, sequence)?, before: None },
            Record::Entities(batch) => {
                let ordinals = ordinals(batch.entity, &batch.keys)?;
                let goes = |i: usize| batch.delete.as_ref().is_some_and(|d| d.value(i));
                let deleted = ordinals.iter().enumerate().filter(|(i, _)| goes(*i)).filter_map(|(_, o)| o).collect();
                What::Entities { entity: batch.entity, ordinals, deleted }
            }
            Record::Members(m) => What::Members {
                add: ordinals(m.entity, &m.add)?,
                remove: ordinals(m.entity, &m.remove)?,
                segment: m.segment,
                entity: m.entity,
                replace: m.replace,
            },
            Record::TagValues(t) => {
                What::TagValues { ordinals: ordinals(t.entity, &t.keys)?, entity: t.entity, tag: t.tag, values: t.values }
            }
            Record::Version(v) => What::Version {
                ordinals: ordinals(v.entity, &v.keys)?,
                entity: v.entity,
                kept: v.kept,
                at: v.at,
                whole: v.whole,
                values: v.values,
                definition: v.definition,
            },
            Record::Removal(Removal::Events { event, ids }) => What::Removed(Removed::Events { event, ids, touched: None }),
            Record::Removal(Removal::Erasure { entity, .. }) => What::Removed(Removed::Erased { entity, ordinals: Vec::new() }),
            Record::Removal(Removal::Expiry { event, before }) => What::Removed(Removed::Expired { event, before }),
            Record::Identities(i) => {
                let (own, others) = (ordinals(i.entity, &i.keys)?, ordinals(i.entity, &i.others)?);
                What::Identities { entity: i.entity, ordinals: own.iter().chain(others.iter()).filter(Option::is_some).collect() }
            }
            Record::Rejections(_) | Record::Refreshed(_) | Record::Document(_) => What::Other,
        })
    }

    fn bytes(&self) -> usize {
        let array = |a: &dyn Array| a.to_data().get_slice_memory_size().unwrap_or_default();
        64 + match self {
            What::Events(events) | What::Corrections { events, .. } => events.iter().map(FeedEvents::bytes).sum(),
            What::Entities { ordinals, .. } | What::Identities { ordinals, .. } => array(ordinals),
            What::Members { add, remove, .. } => array(add) + array(remove),
            What::TagValues { ordinals, values, .. } => array(ordinals) + array(values),
            What::Version { ordinals, values, .. } => array(ordinals) + values.as_ref().map_or(0, array_of),
            What::Removed(Removed::Events { ids, .. }) => array(ids),
            What::Removed(Removed::Erased { ordinals, .. }) => ordinals.len() * 4,
            What::Removed(Removed::Expired { .. }) | What::Definition(_) | What::Other => 0,
        }
    }
}

fn array_of(array: &ArrayRef) -> usize {
    array.to_data().get_slice_memory_size().unwrap_or_default()
}

fn events_of_log(batches: Vec<AdmittedEvents>, snapshot: &Snapshot, first: u64) -> Result<Vec<FeedEvents>, StoreError> {
    let mut events = Vec::with_capacity(batches.len());
    for batch in batches {
        // Of a type that was dropped since: nobody asks for it.
        let Some(definition) = snapshot.catalog.event_by_id(batch.event) else { continue };
        let mut participants = Vec::with_capacity(batch.keys.len());
        for (participant, keys) in definition.participants.iter().zip(&batch.keys) {
            participants.push(match snapshot.entities.get(&participant.entity) {
                Some(source) => source.parts.lookup(keys)?,
                None => UInt32Array::new_null(batch.time.len()),
            });
        }
        if batch.identities.iter().any(|c| participants.get(c.participant).is_some_and(|p| p.null_count() > 0)) {
            named_by_identifiers(&batch, snapshot, &mut participants)?;
        }
        let sequence = crate::apply::sequences(first, &batch.place, batch.time.len());
        events.push(FeedEvents::of(&batch, participants, sequence));
    }
    Ok(events)
}

/// Whose the events of a log record are that name somebody by identifiers alone: the rows that are stored say it.
fn named_by_identifiers(batch: &AdmittedEvents, snapshot: &Snapshot, participants: &mut [UInt32Array]) -> Result<(), StoreError> {
    let rows = snapshot.events(batch.event)?;
    let numbers = rows.numbers_of(&batch.id)?;
    let ids = rows.gather(&EventColumn::EventId, &numbers)?;
    let ids = ids.as_string::<i32>();
    let stored: HashMap<&str, usize> = ids.iter().enumerate().filter_map(|(i, id)| Some((id?, i))).collect();
    for (place, participant) in participants.iter_mut().enumerate() {
        let known = rows.gather(&EventColumn::Participant(place), &numbers)?;
        let known = known.as_primitive::<UInt32Type>();
        let whose = |row: usize| stored.get(batch.id.value(row)).filter(|i| known.is_valid(**i)).map(|i| known.value(*i));
        *participant = participant.iter().enumerate().map(|(row, own)| own.or_else(|| whose(row))).collect();
    }
    Ok(())
}

impl FeedEvents {
    /// The columns are shared, not copied.
    pub(crate) fn of(batch: &AdmittedEvents, participants: Vec<UInt32Array>, sequence: UInt64Array) -> FeedEvents {
        FeedEvents {
            event: batch.event,
            participants,
            time: batch.time.clone(),
            sequence,
            id: batch.id.clone(),
            received: batch.received.clone(),
            properties: batch.properties.clone(),
            extra: batch.extra.clone(),
        }
    }

    /// How many there are.
    pub fn rows(&self) -> usize {
        self.time.len()
    }

    fn bytes(&self) -> usize {
        let array = |a: &dyn Array| a.to_data().get_slice_memory_size().unwrap_or_default();
        let optional = self.extra.as_ref().map_or(0, |e| array(e)) + self.received.as_ref().map_or(0, |r| array(r));
        let fixed = self.rows() * (4 * self.participants.len() + 16) + array(&self.id);
        fixed + optional + self.properties.iter().map(|(_, v)| array_of(v)).sum::<usize>()
    }
}

impl State {
    /// Whom the events of some ids are about, before they go.
    pub(crate) fn touched(&mut self, event: EventTypeId, ids: &StringArray) -> Result<Touched, StoreError> {
        let rows = self.snapshot().events(event)?;
        let numbers = rows.numbers_of(ids)?;
        let places = 0..rows.definition().participants.len();
        let participants = places.map(|place| {
            let ordinals = rows.gather(&crate::EventColumn::Participant(place), &numbers)?;
            Ok(UInt32Array::from(ordinals.to_data()))
        });
        Ok(Touched { event, participants: participants.collect::<Result<_, StoreError>>()? })
    }
}
