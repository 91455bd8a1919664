//! Some parts become one (or a few, when they hold more rows than one part may).

use crate::StoreError;
use crate::cache::ReadCache;
use crate::hot::{HotChunk, Order, time_range};
use crate::identity::named_by;
use crate::limit::MERGE_CACHE_BYTES;
use crate::part::{self, HotEvent, Part, PartPlace, Plan, PlannedRow};
use crate::removal::{Erased, without};
use crate::rows::EventColumn;
use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::datatypes::{TimestampMicrosecondType, UInt32Type, UInt64Type};
use eql_catalog::{Catalog, EntityTypeId, EventType, EventTypeId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is merged, and what the rows mean now.
pub(super) struct Merge<'a> {
    pub(super) parts: Vec<Arc<Part>>,
    pub(super) catalog: &'a Catalog,
    pub(super) erased: &'a Erased,
    /// Erasures up to here are known.
    pub(super) position: u64,
}

/// Rows of the parts as if they were in memory, and where they sort.
pub(super) struct Loaded {
    subject: EntityTypeId,
    month: i64,
    hot: Vec<HotEvent>,
    types: Vec<Arc<EventType>>,
    plans: Vec<Plan>,
}

impl Loaded {
    /// How many parts will be written.
    pub(super) fn parts(&self) -> usize {
        self.plans.len()
    }
}

impl Merge<'_> {
    /// Reads the rows that are still there and sorts them. Columns go through a cache of their own, which each event type asks for the
    /// order of its part: what nobody asked for must not push out what somebody did.
    pub(super) fn load(&self) -> Result<Loaded, StoreError> {
        let cache = ReadCache::new(MERGE_CACHE_BYTES);
        let first = &self.parts[0].meta;
        let mut loaded = Loaded { subject: first.subject, month: first.month, hot: Vec::new(), types: Vec::new(), plans: Vec::new() };
        let mut by_event: BTreeMap<EventTypeId, Vec<Arc<HotChunk>>> = BTreeMap::new();
        for part in &self.parts {
            for event in &part.meta.events {
                let Some(definition) = self.catalog.event_by_id(event.event) else { continue };
                let chunk = self.chunk(part, definition, &cache)?;
                by_event.entry(event.event).or_default().extend(chunk.map(Arc::new));
            }
        }
        for (event, chunks) in by_event {
            let Some(definition) = self.catalog.event_by_id(event) else { continue };
            loaded.types.push(definition.clone());
            loaded.hot.push(HotEvent { event, subject: loaded.subject, chunks });
        }
        let rows = planned(&loaded.hot);
        loaded.plans = part::split(loaded.subject, loaded.month, rows, part::rows_max(&loaded.hot));
        loaded.plans.retain(|p| !p.rows.is_empty());
        Ok(loaded)
    }

    fn chunk(&self, part: &Part, event: &Arc<EventType>, cache: &ReadCache) -> Result<Option<HotChunk>, StoreError> {
        in_memory(part, event, self.erased, cache)
    }

    /// Writes the merged parts. `pace` is called between files.
    pub(super) fn write(
        &self,
        place: &Arc<dyn PartPlace>,
        loaded: Loaded,
        first_id: u64,
        pace: &dyn Fn(),
    ) -> Result<Vec<Part>, StoreError> {
        let after = self.parts.iter().map(|p| p.meta.positions.0).min().unwrap_or(0);
        let up_to = self.parts.iter().map(|p| p.meta.positions.1).max().unwrap_or(0);
        let Loaded { hot, types, plans, .. } = loaded;
        let mut written = Vec::new();
        for (i, plan) in plans.into_iter().enumerate() {
            pace();
            written.push(part::write(place, first_id + i as u64, plan, &hot, &types, (after, up_to), self.position)?);
        }
        place.finish(&written.iter().map(|p| part::directory(p.meta.subject, p.meta.id)).collect::<Vec<_>>())?;
        Ok(written)
    }
}

/// The rows of one event type that are still in a part, as if they were in memory. Nobody who was erased is named by them.
pub(crate) fn in_memory(part: &Part, event: &Arc<EventType>, erased: &Erased, cache: &ReadCache) -> Result<Option<HotChunk>, StoreError> {
    let column = |c: EventColumn| part.column(cache, event, &c);
    let time = column(EventColumn::Time)?.as_primitive::<TimestampMicrosecondType>().clone();
    let Some(time_range) = time_range(time.values()) else { return Ok(None) };
    let participant = |i: usize| {
        let ordinals = column(EventColumn::Participant(i))?.as_primitive::<UInt32Type>().clone();
        let gone = erased.since(event.participants[i].entity, part.meta.erased_to);
        Ok(if gone.is_empty() { ordinals } else { without(&ordinals, &gone) })
    };
    let participants = (0..event.participants.len()).map(participant).collect::<Result<Vec<UInt32Array>, StoreError>>()?;
    let received = part.event(event.id).is_some_and(|e| e.received);
    let present = |values: &ArrayRef| values.null_count() < values.len();
    let mut properties = Vec::new();
    for property in &event.properties {
        let values = column(EventColumn::Property(property.id))?;
        if present(&values) {
            properties.push((property.id, values));
        }
    }
    for id in (0..event.participants.len()).map(named_by) {
        let values = column(EventColumn::Property(id))?;
        if present(&values) {
            properties.push((id, values));
        }
    }
    let extra = column(EventColumn::Extra)?;
    Ok(Some(HotChunk {
        participants,
        received: if received { Some(column(EventColumn::Received)?.as_primitive::<TimestampMicrosecondType>().clone()) } else { None },
        id: column(EventColumn::EventId)?.as_string::<i32>().clone(),
        sequence: column(EventColumn::Sequence)?.as_primitive::<UInt64Type>().clone(),
        properties,
        extra: present(&extra).then(|| extra.as_string::<i32>().clone()),
        time,
        time_range,
        order: Order::default(),
    }))
}

fn planned(hot: &[HotEvent]) -> Vec<PlannedRow> {
    let mut rows = Vec::new();
    for (event, of_event) in hot.iter().enumerate() {
        for (c, chunk) in of_event.chunks.iter().enumerate() {
            rows.extend((0..chunk.rows()).map(|row| part::planned(chunk, event as u16, c as u32, row)));
        }
    }
    rows
}
