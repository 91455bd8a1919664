//! A checkpoint: everything up to one position goes to files, a manifest names them, and the log before it is no longer needed.
//!
//! ```text
//! capture (under the lock) → parts, entity files, members, packed rows (no lock) → manifest → install (under the lock) → trim the log
//! ```
//! Until the manifest is in place nothing refers to the new files; those of a failed attempt are removed by the next one or at open.

mod capture;
mod files;
mod marks;
mod unnamed;

pub(crate) use capture::Captured;
pub(crate) use marks::{
    DocumentsMeta, IdentitiesMeta, MARKS, RefreshesMeta, RejectedMeta, read_all_identities, read_documents, read_refreshes, read_rejected,
    read_removed, write_removed,
};
pub(crate) use unnamed::{remove_unnamed, remove_unnamed_parts};

use crate::StoreError;
use crate::apply::State;
use crate::entity::{EntityFiles, WrittenEntities};
use crate::kv::RowStore;
use crate::manifest::{Manifest, SegmentMeta};
use crate::part::{Part, PartPlace};
use files::{write_entities, write_members, write_parts, write_rows};
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;

pub(crate) const ENTITIES: &str = "entities";
pub(crate) const SEGMENTS: &str = "segments";

/// What was written, besides the manifest.
struct Written {
    parts: Vec<Part>,
    entities: Vec<WrittenEntities>,
    segments: Vec<SegmentMeta>,
}

/// Writes the captured state and lets go of it in memory; the manifest it ends with is the new `manifest`.
pub(crate) fn run(
    dir: &Path,
    place: &Arc<dyn PartPlace>,
    state: &Mutex<State>,
    entities: &EntityFiles,
    manifest: &mut Manifest,
    captured: &Captured,
) -> Result<(), StoreError> {
    let written = match write(dir, place, captured, &entities.rows, manifest) {
        Ok(written) => written,
        Err(e) => {
            state.lock().give_back(captured);
            return Err(e);
        }
    };
    state.lock().install(captured, &written);
    entities.remove_unnamed(manifest)?;
    remove_unnamed(dir, manifest)
}

fn write(
    dir: &Path,
    place: &Arc<dyn PartPlace>,
    captured: &Captured,
    rows: &RowStore,
    manifest: &mut Manifest,
) -> Result<Written, StoreError> {
    let generation = manifest.generation + 1;
    let (parts, (entities, segments), packed) = std::thread::scope(|scope| {
        let packed = scope.spawn(|| write_rows(rows, captured));
        let files =
            scope.spawn(|| Ok::<_, StoreError>((write_entities(dir, generation, captured)?, write_members(dir, generation, captured)?)));
        let parts = write_parts(place, manifest, captured);
        (parts, files.join(), packed.join())
    })
    .into_results()?;
    if let Err(e) = packed {
        // A projection: the next open sees that it is not complete and rebuilds it.
        tracing::warn!(error = %e, "packed rows of entities were not written; they will be rebuilt at the next start");
        rows.end();
    }
    let removed = write_removed(dir, generation, &captured.parts)?;
    let rejected = marks::write_rejected(dir, generation, captured, manifest.rejected.as_ref())?;
    let refreshes = marks::write_refreshes(dir, generation, captured, manifest.refreshes.as_ref())?;
    let identities = marks::write_identities(dir, generation, captured, manifest.identities.as_ref())?;
    let documents = marks::write_documents(dir, generation, captured, manifest.documents.as_ref())?;
    let mut next = manifest.clone();
    next.removed = removed;
    next.rejected = rejected;
    next.refreshes = refreshes;
    next.identities = identities;
    next.documents = documents;
    next.erased = captured.erased.all.iter().copied().collect();
    next.position = captured.position;
    next.clock = captured.clock;
    next.next_sequence = captured.next_sequence;
    next.generation = generation;
    next.catalog = (*captured.catalog).clone();
    next.parts.extend(parts.iter().map(|p| (*p.meta).clone()));
    next.entities = entities.iter().map(|e| e.meta.clone()).collect();
    next.segments.clone_from(&segments);
    next.event_positions.clone_from(&captured.event_positions);
    next.write(dir)?;
    *manifest = next;
    Ok(Written { parts, entities, segments })
}

type Joined<T> = std::thread::Result<Result<T, StoreError>>;

/// Results of threads, where a panic is a bug of ours that goes on upwards.
trait IntoResults<A, B> {
    fn into_results(self) -> Result<(A, B, Result<(), StoreError>), StoreError>;
}

impl<A, B> IntoResults<A, B> for (Result<A, StoreError>, Joined<B>, Joined<()>) {
    fn into_results(self) -> Result<(A, B, Result<(), StoreError>), StoreError> {
        let files = self.1.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let rows = self.2.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((self.0?, files?, rows))
    }
}
