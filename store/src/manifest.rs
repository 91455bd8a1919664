//! The manifest: what the directory holds as of the last checkpoint. Its bytes are a promise.
//!
//! A sealed file: `sealed.rs` says how.

use crate::StoreError;
use crate::checkpoint::{DocumentsMeta, IdentitiesMeta, RefreshesMeta, RejectedMeta};
use crate::disk::{FileMeta, replace_file};
use crate::sealed;
use eql_catalog::{Catalog, EntityTypeId, EventTypeId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

pub(crate) const NAME: &str = "manifest.json";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Everything up to this log position is in the files named below.
    pub(crate) position: u64,
    /// The clock of the record at that position; 0 while there was none with a clock.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) clock: i64,
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
    /// Manifests of before it have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refreshes: Option<RefreshesMeta>,
    /// Manifests of before it have none, and those of stores without identities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) identities: Option<IdentitiesMeta>,
    /// Manifests of before it have none, and those of stores without documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) documents: Option<DocumentsMeta>,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(clock: &i64) -> bool {
    *clock == 0
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
    /// `k<i>` key, `p<id>` property, `h<id>` its history, `s<id>` since when it holds, `o<id>` when it was set once, `w<id>` when it was told,
    /// `c<id>` whether it is a counter, `extra`, `known`, `deleted`,
    /// `t:<tag>`.
    pub(crate) name: String,
    pub(crate) rows: u32,
    pub(crate) file: FileMeta,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentMeta {
    pub(crate) segment: String,
    pub(crate) position: u64,
    pub(crate) file: FileMeta,
}

impl EntityMeta {
    /// Where the files of its columns are, below those of all types.
    pub(crate) fn folder(&self) -> String {
        self.entity.0.to_string()
    }
}

impl Manifest {
    pub(crate) fn write(&self, dir: &Path) -> Result<(), StoreError> {
        replace_file(dir, NAME, &sealed::seal(&dir.join(NAME), self)?)
    }

    /// The last position that changed an event type.
    pub(crate) fn event_position(&self, event: EventTypeId) -> u64 {
        self.event_positions.get(&event.0).copied().unwrap_or(0)
    }

    /// None when there is no manifest yet.
    pub(crate) fn read(dir: &Path) -> Result<Option<Manifest>, StoreError> {
        sealed::read(&dir.join(NAME))
    }
}
