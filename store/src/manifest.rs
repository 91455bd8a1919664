//! The manifest: what the directory holds as of the last checkpoint. Its bytes are a promise.
//!
//! Two lines of JSON: the first has the format and the checksum of the second.

use crate::StoreError;
use crate::checkpoint::RejectedMeta;
use crate::disk::{FileMeta, checksum, replace_file};
use crate::limit::FORMAT;
use eql_catalog::{Catalog, EntityTypeId, EventTypeId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

pub(crate) const NAME: &str = "manifest.json";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Everything up to this log position is in the files named below.
    pub(crate) position: u64,
    pub(crate) next_sequence: u64,
    pub(crate) next_part: u64,
    /// Number of the checkpoint: makes the names of rewritten files new.
    pub(crate) generation: u64,
    pub(crate) catalog: Catalog,
    pub(crate) parts: Vec<PartMeta>,
    pub(crate) entities: Vec<EntityMeta>,
    pub(crate) segments: Vec<SegmentMeta>,
    /// Last position that changed an event type.
    pub(crate) event_positions: BTreeMap<u16, u64>,
    /// Rows of parts that are gone.
    pub(crate) removed: Option<FileMeta>,
    /// Entity type, ordinal and position of entities that were erased and that parts may still name.
    pub(crate) erased: Vec<(EntityTypeId, u32, u64)>,
    pub(crate) rejected: Option<RejectedMeta>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartMeta {
    pub(crate) id: u64,
    pub(crate) subject: EntityTypeId,
    /// Calendar month in UTC, counted from January 1970.
    pub(crate) month: i64,
    pub(crate) rows: u64,
    pub(crate) time_min: i64,
    pub(crate) time_max: i64,
    /// Positions of the log whose rows may be here: after, up to.
    pub(crate) positions: (u64, u64),
    /// Erasures up to this position are done in the files.
    pub(crate) erased_to: u64,
    pub(crate) events: Vec<PartEvent>,
    pub(crate) spine: FileMeta,
    pub(crate) ids: FileMeta,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartEvent {
    pub(crate) event: EventTypeId,
    pub(crate) rows: u32,
    pub(crate) time_min: i64,
    pub(crate) time_max: i64,
    /// False: received at its own time, and the column is not stored.
    pub(crate) received: bool,
    pub(crate) file: FileMeta,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntityMeta {
    pub(crate) entity: EntityTypeId,
    pub(crate) rows: u32,
    /// The last position that changed the type.
    pub(crate) position: u64,
    /// Some entity was imported with a time.
    pub(crate) dated: bool,
    /// How many are deleted.
    pub(crate) deleted: u32,
    /// Columns by name whose definition changed at a position.
    pub(crate) redefined: BTreeMap<String, u64>,
    pub(crate) columns: Vec<ColumnMeta>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ColumnMeta {
    /// `k<i>` key, `p<id>` property, `h<id>` its history, `s<id>` since when it holds, `o<id>` when it was set once, `extra`, `known`, `deleted`,
    /// `t:<tag>`.
    pub(crate) name: String,
    pub(crate) rows: u32,
    /// With the folder of the type.
    pub(crate) file: FileMeta,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentMeta {
    pub(crate) segment: String,
    pub(crate) position: u64,
    pub(crate) file: FileMeta,
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    xxh3: String,
}

impl Manifest {
    pub(crate) fn write(&self, dir: &Path) -> Result<(), StoreError> {
        let body = serde_json::to_string(self).map_err(|e| StoreError::damaged(&dir.join(NAME), 0, e.to_string()))?;
        let head = serde_json::json!({ "format": FORMAT, "xxh3": checksum(body.as_bytes()) });
        replace_file(dir, NAME, format!("{head}\n{body}\n").as_bytes())
    }

    /// The last position that changed an event type.
    pub(crate) fn event_position(&self, event: EventTypeId) -> u64 {
        self.event_positions.get(&event.0).copied().unwrap_or(0)
    }

    /// None when there is no manifest yet.
    pub(crate) fn read(dir: &Path) -> Result<Option<Manifest>, StoreError> {
        let path = dir.join(NAME);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(StoreError::io(&path, "read")(e)),
        };
        parse(&path, &text).map(Some)
    }
}

fn parse(path: &Path, text: &[u8]) -> Result<Manifest, StoreError> {
    let damaged = |offset: usize, what: String| StoreError::damaged(path, offset as u64, what);
    let end = text.iter().position(|b| *b == b'\n').ok_or_else(|| damaged(0, "its first line has no end".to_string()))?;
    let head: Head = serde_json::from_slice(&text[..end]).map_err(|e| damaged(0, e.to_string()))?;
    if head.format > FORMAT {
        return Err(StoreError::NewerFormat { path: path.to_path_buf(), found: head.format, known: FORMAT });
    }
    let body = text[end + 1..].trim_ascii_end();
    if checksum(body) != head.xxh3 {
        return Err(damaged(end + 1, "its checksum is not that of what was written".to_string()));
    }
    serde_json::from_slice(body).map_err(|e| damaged(end + 1, e.to_string()))
}
