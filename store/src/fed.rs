//! Events of one commit as rows of their type: whoever reads conditions from parts and hot rows reads them from these as well.

use crate::feed::FeedEvents;
use crate::hot::{HotChunk, Order, time_range};
use crate::removal::Erased;
use crate::{EventRows, Snapshot};
use std::sync::Arc;

impl Snapshot {
    /// The events alone, as rows of the type as it is defined here; None of a type that is not, or without events. Participants are the
    /// ordinals that the rows were written with: who stands for them at the commit, [`Committed::merged`](crate::Committed) tells.
    pub fn rows_of(&self, events: &FeedEvents) -> Option<Arc<EventRows>> {
        let definition = self.events.get(&events.event)?.definition().clone();
        let chunk = HotChunk {
            participants: events.participants.clone(),
            time: events.time.clone(),
            id: events.id.clone(),
            received: events.received.clone(),
            sequence: events.sequence.clone(),
            properties: events.properties.clone(),
            extra: events.extra.clone(),
            time_range: time_range(events.time.values())?,
            order: Order::default(),
        };
        let chunks = [Arc::new(chunk)];
        Some(Arc::new(EventRows::new(definition, &[], &chunks, self.position, &Erased::default(), self.cache.clone())))
    }
}
