//! The files of a checkpoint, besides the manifest.

use super::capture::Captured;
use super::{ENTITIES, SEGMENTS};
use crate::StoreError;
use crate::disk::{create_dir, sync_dir, write_file};
use crate::entity::{self, RowFinder, WrittenEntities};
use crate::ipc;
use crate::kv::{Read, RowStore, RowWriter};
use crate::limit::CHECKPOINT_THREADS;
use crate::manifest::{Manifest, PartMeta, SegmentMeta};
use crate::part::{self, PartPlace, Plan};
use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Several threads take plans one by one.
pub(super) fn write_parts(place: &dyn PartPlace, manifest: &mut Manifest, captured: &Captured) -> Result<Vec<PartMeta>, StoreError> {
    let plans: Vec<Mutex<Option<Plan>>> = part::cut(&captured.hot).into_iter().map(|p| Mutex::new(Some(p))).collect();
    if plans.is_empty() {
        return Ok(Vec::new());
    }
    // Numbers are used up even when this fails: a late write to a far place must not meet a later part of the same name.
    let first = manifest.next_part;
    manifest.next_part += plans.len() as u64;
    let next = AtomicUsize::new(0);
    let positions = (manifest.position, captured.position);
    let work = || {
        let mut done = Vec::new();
        while let Some((i, plan)) = take(&plans, &next) {
            done.push(part::write(place, first + i as u64, plan, &captured.hot, &captured.types, positions, captured.position)?);
        }
        Ok::<_, StoreError>(done)
    };
    let results: Vec<Result<Vec<PartMeta>, StoreError>> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..CHECKPOINT_THREADS.min(plans.len())).map(|_| scope.spawn(work)).collect();
        let mine = work();
        std::iter::once(mine).chain(others.into_iter().map(|t| t.join().unwrap_or_else(|p| std::panic::resume_unwind(p)))).collect()
    });
    let mut parts: Vec<PartMeta> = results.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    parts.sort_by_key(|p| p.id);
    place.finish(&parts.iter().map(|p| part::directory(p.subject, p.id)).collect::<Vec<_>>())?;
    Ok(parts)
}

fn take(plans: &[Mutex<Option<Plan>>], next: &AtomicUsize) -> Option<(usize, Plan)> {
    let i = next.fetch_add(1, Ordering::Relaxed);
    Some((i, plans.get(i)?.lock().take()?))
}

/// Only columns that changed are written anew.
pub(super) fn write_entities(dir: &Path, generation: u64, captured: &Captured) -> Result<Vec<WrittenEntities>, StoreError> {
    create_dir(&dir.join(ENTITIES))?;
    captured.entities.iter().map(|e| entity::write(generation, e)).collect()
}

pub(super) fn write_members(dir: &Path, generation: u64, captured: &Captured) -> Result<Vec<SegmentMeta>, StoreError> {
    let dir = dir.join(SEGMENTS);
    create_dir(&dir)?;
    let mut metas = Vec::new();
    for (i, m) in captured.members.iter().enumerate() {
        if let Some(saved) = m.saved.as_ref().filter(|s| s.position == m.position) {
            metas.push(saved.clone());
            continue;
        }
        let column: ArrayRef = Arc::new(BooleanArray::from(m.set.to_vec()));
        let bytes = ipc::encode_file(&RecordBatch::try_from_iter([("member", column)])?, true)?;
        let file = write_file(&dir, &format!("{generation}-{i}.arrow"), &bytes)?;
        metas.push(SegmentMeta { segment: m.segment.clone(), position: m.position, file });
    }
    sync_dir(&dir)?;
    Ok(metas)
}

/// Writes the rows of entities that changed. What did not change about them is in their rows already.
pub(super) fn write_rows(rows: &RowStore, captured: &Captured) -> Result<(), StoreError> {
    let Some(kv) = rows.kv() else { return Ok(()) };
    let base = rows.complete();
    let mut writer = RowWriter::new(&*kv, captured.position, base);
    for e in &captured.entities {
        let parts = &e.source.parts;
        let (usable, finder) = (base >= parts.saved, RowFinder::new(parts));
        writer.update(parts.definition.id, &e.changed.among(parts.len), |ordinal, old| {
            finder.pack(ordinal, || match old {
                _ if !usable => Read::Unknown,
                None => Read::Absent,
                Some(old) => Read::Row(old.to_vec()),
            })
        })?;
    }
    writer.finish()?;
    rows.set_complete(captured.position);
    Ok(())
}
