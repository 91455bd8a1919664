//! What operators may look at, row by row: the parts on disk, the entities in memory.

use crate::{Store, StoreError};
use eql_catalog::{EntityTypeId, EventTypeId};

/// A part on disk: event rows of one subject type and one month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartStats {
    /// Number of the part, for life.
    pub id: u64,
    /// By whose entities its rows are clustered.
    pub subject: EntityTypeId,
    /// Calendar month in UTC, counted from January 1970.
    pub month: i64,
    /// Event rows.
    pub rows: u64,
    /// Bytes on disk, all files together.
    pub bytes: u64,
    /// Microseconds of the earliest event.
    pub time_min: i64,
    /// Microseconds of the latest event.
    pub time_max: i64,
    /// Event types with rows in it.
    pub events: Vec<EventTypeId>,
    /// How often its rows were merged with those of others: a checkpoint writes parts of level 0.
    pub level: u32,
}

/// The entities of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityStats {
    /// Which.
    pub entity: EntityTypeId,
    /// Known entities, deleted ones included.
    pub rows: u64,
    /// Deleted ones.
    pub deleted: u64,
    /// Columns with values: key, properties, tags.
    pub columns: usize,
    /// Bytes of these columns in memory.
    pub bytes: u64,
}

impl Store {
    /// The parts, in the order written.
    pub fn part_stats(&self) -> Vec<PartStats> {
        let parts = self.core.state.lock().parts.clone();
        let one = |part: &std::sync::Arc<crate::part::Part>| PartStats {
            id: part.meta.id,
            subject: part.meta.subject,
            month: part.meta.month,
            rows: part.meta.rows,
            bytes: part.bytes(),
            time_min: part.meta.time_min,
            time_max: part.meta.time_max,
            events: part.meta.events.iter().map(|e| e.event).collect(),
            level: 0,
        };
        parts.iter().map(one).collect()
    }

    /// The entity types, by number.
    ///
    /// # Errors
    /// Columns that cannot be read.
    pub fn entity_stats(&self) -> Result<Vec<EntityStats>, StoreError> {
        let snapshot = self.snapshot()?;
        let one = |(id, source): (&EntityTypeId, &std::sync::Arc<crate::entity::EntitySource>)| {
            let (columns, bytes) = source.parts.weight();
            // Those that others stand for are not counted twice.
            let rows = u64::from(source.parts.len - source.parts.roots.absorbed());
            Ok(EntityStats { entity: *id, rows, deleted: u64::from(source.parts.deleted), columns, bytes })
        };
        snapshot.entities.iter().map(one).collect()
    }
}
