//! What a checkpoint keeps of rows that are gone from parts, of rows that were rejected, of what was refreshed, of identities and of
//! documents.

use super::capture::Captured;
use crate::StoreError;
use crate::disk::{FileMeta, create_dir, read_checked, sync_dir, write_file};
use crate::documents::Documents;
use crate::identity::{AllIdentities, read_identities};
use crate::part::Part;
use crate::refreshes::Refreshes;
use crate::rejected::Rejected;
use eql_catalog::EventTypeId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Where both lie, one file of each.
pub(crate) const MARKS: &str = "marks";
const MAGIC: &[u8; 4] = b"EQLd";
const VERSION: u8 = 1;

/// Rows of one event type in one part.
#[derive(Serialize, Deserialize)]
struct Removed {
    part: u64,
    event: EventTypeId,
    rows: Vec<u32>,
}

/// Rows of parts that are gone; None when there are none.
pub(crate) fn write_removed(dir: &Path, generation: u64, parts: &[Arc<Part>]) -> Result<Option<FileMeta>, StoreError> {
    let of = |part: &Arc<Part>| {
        let id = part.meta.id;
        part.all_deleted().map(|(event, d)| Removed { part: id, event, rows: d.rows().collect() }).collect::<Vec<_>>()
    };
    let removed: Vec<Removed> = parts.iter().flat_map(of).collect();
    if removed.is_empty() {
        return Ok(None);
    }
    let mut bytes = [&MAGIC[..], &[VERSION]].concat();
    // Writing to a vector cannot fail.
    bytes.extend(postcard::to_stdvec(&removed).unwrap_or_default());
    write(dir, &format!("removed-{generation}.bin"), &bytes).map(Some)
}

/// Takes the rows that are gone out of the parts.
pub(crate) fn read_removed(dir: &Path, meta: Option<&FileMeta>, parts: &mut [Arc<Part>]) -> Result<(), StoreError> {
    let Some(meta) = meta else { return Ok(()) };
    let dir = dir.join(MARKS);
    let bytes = read_checked(&dir, meta)?;
    let damaged = |what: String| StoreError::damaged(&dir.join(&meta.name), 0, what);
    let body = bytes
        .strip_prefix(&MAGIC[..])
        .and_then(|b| b.strip_prefix(&[VERSION]))
        .ok_or_else(|| damaged("it is not a list of rows".into()))?;
    let removed: Vec<Removed> = postcard::from_bytes(body).map_err(|e| damaged(e.to_string()))?;
    let mut place: BTreeMap<u64, usize> = parts.iter().enumerate().map(|(i, p)| (p.meta.id, i)).collect();
    for Removed { part, event, rows } in removed {
        if let Some(part) = place.get_mut(&part).map(|i| &mut parts[*i])
            && let Some(without) = part.without(event, rows)
        {
            *part = Arc::new(without);
        }
    }
    Ok(())
}

/// The rejected rows; what was written before when they did not change.
pub(super) fn write_rejected(
    dir: &Path,
    generation: u64,
    captured: &Captured,
    before: Option<&RejectedMeta>,
) -> Result<Option<RejectedMeta>, StoreError> {
    let rejected = &captured.rejected;
    if rejected.position == 0 || before.is_some_and(|b| b.position == rejected.position) {
        return Ok(before.cloned());
    }
    let rows: Vec<_> = rejected.rows().collect();
    let bytes = serde_json::to_vec(&rows).map_err(|e| StoreError::damaged(&dir.join(MARKS), 0, e.to_string()))?;
    let file = write(dir, &format!("rejected-{generation}.json"), &bytes)?;
    Ok(Some(RejectedMeta { position: rejected.position, file }))
}

pub(crate) fn read_rejected(dir: &Path, meta: Option<&RejectedMeta>) -> Result<Rejected, StoreError> {
    let Some(meta) = meta else { return Ok(Rejected::default()) };
    let dir = dir.join(MARKS);
    let rows = serde_json::from_slice(&read_checked(&dir, &meta.file)?);
    let rows = rows.map_err(|e| StoreError::damaged(&dir.join(&meta.file.name), 0, e.to_string()))?;
    Ok(Rejected::of(rows, meta.position))
}

/// What was refreshed, the latest of it; what was written before when nothing was since.
pub(super) fn write_refreshes(
    dir: &Path,
    generation: u64,
    captured: &Captured,
    before: Option<&RefreshesMeta>,
) -> Result<Option<RefreshesMeta>, StoreError> {
    let refreshes = &captured.refreshes;
    if refreshes.position == 0 || before.is_some_and(|b| b.position == refreshes.position) {
        return Ok(before.cloned());
    }
    let rows: Vec<_> = refreshes.rows().collect();
    let bytes = serde_json::to_vec(&rows).map_err(|e| StoreError::damaged(&dir.join(MARKS), 0, e.to_string()))?;
    let file = write(dir, &format!("refreshes-{generation}.json"), &bytes)?;
    Ok(Some(RefreshesMeta { position: refreshes.position, file }))
}

pub(crate) fn read_refreshes(dir: &Path, meta: Option<&RefreshesMeta>) -> Result<Refreshes, StoreError> {
    let Some(meta) = meta else { return Ok(Refreshes::default()) };
    let dir = dir.join(MARKS);
    let rows = serde_json::from_slice(&read_checked(&dir, &meta.file)?);
    let rows = rows.map_err(|e| StoreError::damaged(&dir.join(&meta.file.name), 0, e.to_string()))?;
    Ok(Refreshes::of(rows, meta.position))
}

/// Identifiers, merges and conflicts; what was written before when they did not change.
pub(super) fn write_identities(
    dir: &Path,
    generation: u64,
    captured: &Captured,
    before: Option<&IdentitiesMeta>,
) -> Result<Option<IdentitiesMeta>, StoreError> {
    let (position, bytes) = &captured.identities;
    if *position == 0 || before.is_some_and(|b| b.position == *position) {
        return Ok(before.cloned());
    }
    let file = write(dir, &format!("identities-{generation}.bin"), bytes)?;
    Ok(Some(IdentitiesMeta { position: *position, file }))
}

pub(crate) fn read_all_identities(dir: &Path, meta: Option<&IdentitiesMeta>) -> Result<AllIdentities, StoreError> {
    let Some(meta) = meta else { return Ok(AllIdentities::default()) };
    let dir = dir.join(MARKS);
    read_identities(&dir.join(&meta.file.name), &read_checked(&dir, &meta.file)?, meta.position)
}

/// Documents; what was written before when they did not change.
pub(super) fn write_documents(
    dir: &Path,
    generation: u64,
    captured: &Captured,
    before: Option<&DocumentsMeta>,
) -> Result<Option<DocumentsMeta>, StoreError> {
    let documents = &captured.documents;
    if documents.position == 0 || before.is_some_and(|b| b.position == documents.position) {
        return Ok(before.cloned());
    }
    let all: Vec<_> = documents.all().collect();
    let bytes = serde_json::to_vec(&all).map_err(|e| StoreError::damaged(&dir.join(MARKS), 0, e.to_string()))?;
    let file = write(dir, &format!("documents-{generation}.json"), &bytes)?;
    Ok(Some(DocumentsMeta { position: documents.position, file }))
}

pub(crate) fn read_documents(dir: &Path, meta: Option<&DocumentsMeta>) -> Result<Documents, StoreError> {
    let Some(meta) = meta else { return Ok(Documents::default()) };
    let dir = dir.join(MARKS);
    let all = serde_json::from_slice(&read_checked(&dir, &meta.file)?);
    let all = all.map_err(|e| StoreError::damaged(&dir.join(&meta.file.name), 0, e.to_string()))?;
    Ok(Documents::of(all, meta.position))
}

/// Where the documents are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DocumentsMeta {
    /// The last position that changed them.
    pub(crate) position: u64,
    pub(crate) file: FileMeta,
}

/// Where the identities are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdentitiesMeta {
    /// The last position that changed them.
    pub(crate) position: u64,
    pub(crate) file: FileMeta,
}

/// Where it is kept what was refreshed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefreshesMeta {
    /// The last position that changed it.
    pub(crate) position: u64,
    pub(crate) file: FileMeta,
}

/// Where the rejected rows are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RejectedMeta {
    /// The last position that changed them.
    pub(crate) position: u64,
    pub(crate) file: FileMeta,
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<FileMeta, StoreError> {
    let dir = dir.join(MARKS);
    create_dir(&dir)?;
    let meta = write_file(&dir, name, bytes)?;
    sync_dir(&dir)?;
    Ok(meta)
}
