//! What is handed in, and what is said about it.

use crate::EventIdentity;
use arrow::array::{ArrayRef, BooleanArray, StringArray, TimestampMicrosecondArray, UInt32Array};
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
    /// Identifiers that rows name participants by, beside their keys or in place of them.
    pub identities: Vec<EventIdentity>,
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
    /// JSON text of what is not declared: an object whose members take the place of those that are known; a null one takes it away.
    pub extra: Option<StringArray>,
    /// When it became true; None: known from the beginning.
    pub time: Option<TimestampMicrosecondArray>,
    /// NULL keeps the value of `properties` instead of clearing it; that of `extra` always does.
    pub keep_null: bool,
    /// What is done to single properties, row by row; a property is either here or in `properties`.
    pub operations: Vec<EntityColumn>,
    /// True: the entity of the row is deleted, and the row says nothing else. A later row or event with its key revives it.
    pub delete: Option<BooleanArray>,
}

impl EntityBatch {
    /// Entities that become known, and nothing about them.
    pub fn new(entity: EntityTypeId, keys: Vec<ArrayRef>) -> EntityBatch {
        EntityBatch {
            entity,
            keys,
            properties: Vec::new(),
            extra: None,
            time: None,
            keep_null: false,
            operations: Vec::new(),
            delete: None,
        }
    }
}

/// One operation on one property, for many entities.
#[derive(Clone, Debug)]
pub struct EntityColumn {
    /// Of which property; not of the key.
    pub property: PropertyId,
    /// What is done.
    pub operation: EntityOperation,
    /// Typed as the property; for [`EntityOperation::Unset`] only the length counts.
    pub values: ArrayRef,
    /// False: the row says nothing about this column; None: every row does.
    pub present: Option<BooleanArray>,
}

/// What can be done to a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntityOperation {
    /// Becomes the value; NULL clears.
    Set,
    /// Becomes the value when it has none; of several such values the one of the earliest time stays.
    SetOnce,
    /// A number grows by the value; a missing one counts as 0.
    Increment,
    /// The elements come after those that a list has.
    Append,
    /// The same, without those that the list has already.
    Union,
    /// Becomes NULL.
    Unset,
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
