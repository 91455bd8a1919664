//! What is handed in, and what is said about it.

use arrow::array::{ArrayRef, StringArray, TimestampMicrosecondArray, UInt32Array};
use eql_catalog::{EntityTypeId, EventTypeId, PropertyId};

/// Events of one type.
#[derive(Clone, Debug)]
pub struct EventBatch {
    /// Of which type.
    pub event: EventTypeId,
    /// `[participant][key column]`, typed as [`arrow_type`](crate::arrow_type) of the entity's key columns. A row whose key columns of a
    /// participant are NULL has no such participant.
    pub keys: Vec<Vec<ArrayRef>>,
    /// When it happened; no NULLs. The time zone of the array is ignored: values are microseconds in UTC.
    pub time: TimestampMicrosecondArray,
    /// Unique for the event type; no NULLs. The first of two equal ones wins.
    pub id: StringArray,
    /// When it arrived; None: equal to `time`.
    pub received: Option<TimestampMicrosecondArray>,
    /// Types are exactly [`arrow_type`](crate::arrow_type) of the declared ones; missing properties are NULL.
    pub properties: Vec<(PropertyId, ArrayRef)>,
    /// JSON text of what is not declared.
    pub extra: Option<StringArray>,
    /// Place of each row in the submitted group, across the batches of one call; None: batch after batch, row after row.
    pub order: Option<UInt32Array>,
}

/// Entities of one type: what is known about them now.
#[derive(Clone, Debug)]
pub struct EntityBatch {
    /// Of which type.
    pub entity: EntityTypeId,
    /// The key columns; no NULLs.
    pub keys: Vec<ArrayRef>,
    /// Columns that are present; absent ones keep their values.
    pub properties: Vec<(PropertyId, ArrayRef)>,
    /// JSON text of what is not declared.
    pub extra: Option<StringArray>,
    /// When it became true; None: known from the beginning.
    pub time: Option<TimestampMicrosecondArray>,
    /// NULL keeps the value instead of clearing it.
    pub keep_null: bool,
}

/// What became of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Rows that were new.
    pub accepted: u64,
    /// Rows whose id was known already.
    pub duplicates: u64,
    /// The log position that holds them, or the last one when there was nothing to log.
    pub position: u64,
    /// All duplicates: number of the batch, row in it.
    pub duplicate_rows: Vec<(usize, u32)>,
}
