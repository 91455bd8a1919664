//! Records of the log and their bytes, which are a promise.
//!
//! ```text
//! head length 4 | head (JSON) | for each table: length 8 | Arrow IPC stream
//! ```
//! Columns are named `k<participant>_<i>` (raw keys, never ordinals), `time`, `id`, `received`, `place`, `p<property>`, `extra`;
//! of operations on entities `o<i>` (values), `present<i>`, `delete`.

use super::identity::{AdmittedIdentities, decode_identities, encode_identities};
use super::table::{
    Reader, body, decode_entities, decode_events, encode_events, entity_table, head, key_columns, key_table, keys_of, table, texts_of,
};
use crate::documents::DocumentChange;
use crate::limit::RECORD_BYTES_MAX;
use crate::{EntityColumn, EntityOperation, EventIdentity, Kept, Refreshed, RejectedRow, StoreError};
use arrow::array::{Array, ArrayRef, BooleanArray, StringArray, TimestampMicrosecondArray, UInt32Array};
use eql_catalog::{Change, EntityTypeId, EventTypeId, PropertyId};
use serde::{Deserialize, Serialize};

/// What can happen. The applier has one arm for each.
#[derive(Debug)]
pub(crate) enum Record {
    Definition(Change),
    Events(Vec<AdmittedEvents>),
    Entities(AdmittedEntities),
    Members(AdmittedMembers),
    TagValues(AdmittedTagValues),
    /// Events in place of those that have their ids.
    Corrections(Vec<AdmittedEvents>),
    Removal(Removal),
    Rejections(Vec<RejectedRow>),
    /// What a segment or a tag is from a time on.
    Version(AdmittedVersion),
    /// A refresh that failed.
    Refreshed(Refreshed),
    /// Binds, unbinds, merges and what takes them back.
    Identities(AdmittedIdentities),
    /// A definition that somebody else reads.
    Document(DocumentChange),
}

/// Events that go.
#[derive(Clone, Debug)]
pub(crate) enum Removal {
    /// Single events, by id.
    Events { event: EventTypeId, ids: StringArray },
    /// Everything about some entities: themselves, the events they are the subject of, and their part in others.
    Erasure { entity: EntityTypeId, keys: Vec<ArrayRef> },
    /// Events before a time (µs), which are kept no longer.
    Expiry { event: EventTypeId, before: i64 },
}

/// Events that fit their definition and whose ids are new.
#[derive(Clone, Debug)]
pub(crate) struct AdmittedEvents {
    pub(crate) event: EventTypeId,
    pub(crate) keys: Vec<Vec<ArrayRef>>,
    pub(crate) time: TimestampMicrosecondArray,
    pub(crate) id: StringArray,
    pub(crate) received: Option<TimestampMicrosecondArray>,
    pub(crate) properties: Vec<(PropertyId, ArrayRef)>,
    pub(crate) extra: Option<StringArray>,
    pub(crate) place: Place,
    pub(crate) identities: Vec<EventIdentity>,
}

/// Places of the rows of a batch within their record: dense over all its batches.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    From(u32),
    Each(UInt32Array),
}

/// Entities that fit their definition.
#[derive(Clone, Debug)]
pub(crate) struct AdmittedEntities {
    pub(crate) entity: EntityTypeId,
    pub(crate) keys: Vec<ArrayRef>,
    pub(crate) properties: Vec<(PropertyId, ArrayRef)>,
    pub(crate) extra: Option<ArrayRef>,
    pub(crate) time: Option<TimestampMicrosecondArray>,
    pub(crate) keep_null: bool,
    pub(crate) operations: Vec<EntityColumn>,
    /// No NULLs.
    pub(crate) delete: Option<BooleanArray>,
}

/// Keys whose membership changes.
#[derive(Clone, Debug)]
pub(crate) struct AdmittedMembers {
    pub(crate) segment: String,
    pub(crate) entity: EntityTypeId,
    pub(crate) add: Vec<ArrayRef>,
    pub(crate) remove: Vec<ArrayRef>,
    /// Everybody else leaves.
    pub(crate) replace: bool,
}

/// Imported values of a tag.
#[derive(Clone, Debug)]
pub(crate) struct AdmittedTagValues {
    pub(crate) entity: EntityTypeId,
    pub(crate) tag: String,
    pub(crate) keys: Vec<ArrayRef>,
    pub(crate) values: ArrayRef,
}

/// What a segment or a tag is from a time on, with the definition that made it so: a static segment is never seen without its members.
#[derive(Clone, Debug)]
pub(crate) struct AdmittedVersion {
    pub(crate) definition: Option<Change>,
    pub(crate) kept: Kept,
    pub(crate) entity: EntityTypeId,
    /// µs.
    pub(crate) at: i64,
    /// Everybody else is not in it, or has no value.
    pub(crate) whole: bool,
    pub(crate) keys: Vec<ArrayRef>,
    /// Of a tag.
    pub(crate) values: Option<ArrayRef>,
    /// Versions of before this time (µs) go; the newest stays.
    pub(crate) keep_from: Option<i64>,
    /// What is remembered of the refresh that made it.
    pub(crate) refresh: Option<Refreshed>,
}

/// A record in bytes, with its checksum.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(super) kind: u8,
    pub(super) bytes: Vec<u8>,
    pub(super) crc: u32,
}

const DEFINITION: u8 = 1;
const EVENTS: u8 = 2;
const ENTITIES: u8 = 3;
const MEMBERS: u8 = 4;
const TAG_VALUES: u8 = 5;
const CORRECTIONS: u8 = 16;
const REMOVED_EVENTS: u8 = 17;
const ERASURE: u8 = 18;
const EXPIRY: u8 = 19;
const REJECTIONS: u8 = 20;
/// Entities with operations or deletions: a reader that does not know them must not pass over them.
const ENTITY_OPERATIONS: u8 = 24;
const VERSION: u8 = 32;
const REFRESHED: u8 = 33;
const IDENTITIES: u8 = 40;
/// Events with identifiers: a reader that does not know them must not pass over them.
const EVENTS_IDENTIFIED: u8 = 41;
const CORRECTIONS_IDENTIFIED: u8 = 42;
const DOCUMENT: u8 = 48;

#[derive(Serialize, Deserialize)]
pub(super) struct EventsHead {
    /// Event type, first place (None: the column `place`) of each table.
    pub(super) tables: Vec<(u16, Option<u32>)>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct EntitiesHead {
    pub(super) entity: u16,
    pub(super) keep_null: bool,
    /// Property and operation of the columns `o<i>`, `present<i>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) operations: Vec<(u16, Operation)>,
}

/// Operations by name: the names of ours may change, these may not.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Operation {
    Set,
    SetOnce,
    Increment,
    Append,
    Union,
    Unset,
}

#[derive(Serialize, Deserialize)]
struct MembersHead {
    segment: String,
    entity: u16,
    replace: bool,
}

#[derive(Serialize, Deserialize)]
struct TagHead {
    entity: u16,
    tag: String,
}

#[derive(Serialize, Deserialize)]
struct VersionHead {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    definition: Option<Change>,
    /// `segment` or `tag`, by name.
    kept: Kept,
    entity: u16,
    at: i64,
    whole: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep_from: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh: Option<Refreshed>,
}

impl AdmittedEntities {
    /// Some of the rows.
    pub(crate) fn slice(&self, start: usize, rows: usize) -> AdmittedEntities {
        let some = |a: &ArrayRef| a.slice(start, rows);
        let operation = |c: &EntityColumn| EntityColumn {
            values: some(&c.values),
            present: c.present.as_ref().map(|p| p.slice(start, rows)),
            ..c.clone()
        };
        AdmittedEntities {
            entity: self.entity,
            keys: self.keys.iter().map(some).collect(),
            properties: self.properties.iter().map(|(id, v)| (*id, some(v))).collect(),
            extra: self.extra.as_ref().map(some),
            time: self.time.as_ref().map(|t| t.slice(start, rows)),
            keep_null: self.keep_null,
            operations: self.operations.iter().map(operation).collect(),
            delete: self.delete.as_ref().map(|d| d.slice(start, rows)),
        }
    }
}

impl From<EntityOperation> for Operation {
    fn from(operation: EntityOperation) -> Operation {
        match operation {
            EntityOperation::Set => Operation::Set,
            EntityOperation::SetOnce => Operation::SetOnce,
            EntityOperation::Increment => Operation::Increment,
            EntityOperation::Append => Operation::Append,
            EntityOperation::Union => Operation::Union,
            EntityOperation::Unset => Operation::Unset,
        }
    }
}

impl From<Operation> for EntityOperation {
    fn from(operation: Operation) -> EntityOperation {
        match operation {
            Operation::Set => EntityOperation::Set,
            Operation::SetOnce => EntityOperation::SetOnce,
            Operation::Increment => EntityOperation::Increment,
            Operation::Append => EntityOperation::Append,
            Operation::Union => EntityOperation::Union,
            Operation::Unset => EntityOperation::Unset,
        }
    }
}

impl Record {
    /// Events that get a sequence.
    pub(crate) fn event_rows(&self) -> u64 {
        match self {
            Record::Events(batches) | Record::Corrections(batches) => batches.iter().map(|b| b.time.len() as u64).sum(),
            _ => 0,
        }
    }

    pub(crate) fn encode(&self) -> Result<Payload, StoreError> {
        let (kind, bytes) = match self {
            Record::Definition(change) => (DEFINITION, head(change)?),
            Record::Events(batches) => (if says_identifiers(batches) { EVENTS_IDENTIFIED } else { EVENTS }, encode_events(batches)?),
            Record::Entities(e) => {
                let operations = e.operations.iter().map(|c| (c.property.0, c.operation.into())).collect();
                let head = EntitiesHead { entity: e.entity.0, keep_null: e.keep_null, operations };
                let kind = if e.operations.is_empty() && e.delete.is_none() { ENTITIES } else { ENTITY_OPERATIONS };
                (kind, body(&head, &[entity_table(e)?])?)
            }
            Record::Members(m) => {
                let head = MembersHead { segment: m.segment.clone(), entity: m.entity.0, replace: m.replace };
                (MEMBERS, body(&head, &[key_table(&m.add)?, key_table(&m.remove)?])?)
            }
            Record::Corrections(batches) => {
                (if says_identifiers(batches) { CORRECTIONS_IDENTIFIED } else { CORRECTIONS }, encode_events(batches)?)
            }
            Record::Removal(Removal::Events { event, ids }) => {
                let ids: ArrayRef = std::sync::Arc::new(ids.clone());
                (REMOVED_EVENTS, body(&event.0, &[table(vec![("id".to_string(), ids)])?])?)
            }
            Record::Removal(Removal::Erasure { entity, keys }) => (ERASURE, body(&entity.0, &[key_table(keys)?])?),
            Record::Removal(Removal::Expiry { event, before }) => (EXPIRY, head(&(event.0, before))?),
            Record::Rejections(rows) => (REJECTIONS, head(rows)?),
            Record::TagValues(t) => {
                let head = TagHead { entity: t.entity.0, tag: t.tag.clone() };
                let mut columns = key_columns("k0_", &t.keys);
                columns.push(("value".to_string(), t.values.clone()));
                (TAG_VALUES, body(&head, &[table(columns)?])?)
            }
            Record::Version(v) => {
                let head = VersionHead {
                    definition: v.definition.clone(),
                    kept: v.kept.clone(),
                    entity: v.entity.0,
                    at: v.at,
                    whole: v.whole,
                    keep_from: v.keep_from,
                    refresh: v.refresh.clone(),
                };
                let mut columns = key_columns("k0_", &v.keys);
                columns.extend(v.values.iter().map(|values| ("value".to_string(), values.clone())));
                (VERSION, body(&head, &[table(columns)?])?)
            }
            Record::Refreshed(row) => (REFRESHED, head(row)?),
            Record::Identities(change) => (IDENTITIES, encode_identities(change)?),
            Record::Document(change) => (DOCUMENT, head(change)?),
        };
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(StoreError::Full {
                what: "one call has too many bytes, send smaller batches".to_string(),
                limit: RECORD_BYTES_MAX as u64,
            });
        }
        let crc = crc32c::crc32c(&bytes);
        Ok(Payload { kind, bytes, crc })
    }

    /// The words of the error are for the file that it came from.
    pub(crate) fn decode(kind: u8, payload: &[u8]) -> Result<Record, String> {
        let mut reader = Reader { rest: payload };
        match kind {
            DEFINITION => Ok(Record::Definition(reader.head()?)),
            EVENTS | EVENTS_IDENTIFIED => decode_events(&mut reader).map(Record::Events),
            ENTITIES | ENTITY_OPERATIONS => decode_entities(&mut reader).map(Record::Entities),
            MEMBERS => {
                let head: MembersHead = reader.head()?;
                let (add, remove) = (reader.table()?, reader.table()?);
                let (add, remove) = (keys_of(&add, 0), keys_of(&remove, 0));
                Ok(Record::Members(AdmittedMembers {
                    segment: head.segment,
                    entity: EntityTypeId(head.entity),
                    add,
                    remove,
                    replace: head.replace,
                }))
            }
            TAG_VALUES => {
                let head: TagHead = reader.head()?;
                let table = reader.table()?;
                let values = table.column_by_name("value").cloned().ok_or("a record has no values")?;
                Ok(Record::TagValues(AdmittedTagValues {
                    entity: EntityTypeId(head.entity),
                    tag: head.tag,
                    keys: keys_of(&table, 0),
                    values,
                }))
            }
            CORRECTIONS | CORRECTIONS_IDENTIFIED => decode_events(&mut reader).map(Record::Corrections),
            REMOVED_EVENTS => {
                let event = EventTypeId(reader.head()?);
                let ids = texts_of(&reader.table()?, "id").ok_or("a record has no ids")?;
                Ok(Record::Removal(Removal::Events { event, ids }))
            }
            ERASURE => {
                let entity = EntityTypeId(reader.head()?);
                Ok(Record::Removal(Removal::Erasure { entity, keys: keys_of(&reader.table()?, 0) }))
            }
            EXPIRY => {
                let (event, before) = reader.head()?;
                Ok(Record::Removal(Removal::Expiry { event: EventTypeId(event), before }))
            }
            REJECTIONS => reader.head().map(Record::Rejections),
            REFRESHED => reader.head().map(Record::Refreshed),
            IDENTITIES => decode_identities(&mut reader).map(Record::Identities),
            DOCUMENT => reader.head().map(Record::Document),
            VERSION => {
                let head: VersionHead = reader.head()?;
                let table = reader.table()?;
                let values = table.column_by_name("value").cloned();
                if values.is_none() && matches!(head.kept, Kept::Tag(_)) {
                    return Err("a record has no values".to_string());
                }
                Ok(Record::Version(AdmittedVersion {
                    definition: head.definition,
                    kept: head.kept,
                    entity: EntityTypeId(head.entity),
                    at: head.at,
                    whole: head.whole,
                    keys: keys_of(&table, 0),
                    values,
                    keep_from: head.keep_from,
                    refresh: head.refresh,
                }))
            }
            other => Err(format!("records of kind {other} are unknown")),
        }
    }
}

fn says_identifiers(batches: &[AdmittedEvents]) -> bool {
    batches.iter().any(|b| !b.identities.is_empty())
}
