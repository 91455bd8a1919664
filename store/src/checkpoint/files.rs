//! The files of a checkpoint, besides the manifest.

use super::capture::Captured;
use super::{ENTITIES, SEGMENTS};
use crate::StoreError;
use crate::disk::{create_dir, sync_dir, write_file};
use crate::entity::{self, EntitySource, RowPacker};
use crate::ipc;
use crate::kv::{Kv, RowWriter};
use crate::limit::CHECKPOINT_THREADS;
use crate::manifest::{EntityMeta, Manifest, PartMeta, SegmentMeta};
use crate::part::{self, PartPlace, Plan};
use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use eql_catalog::PropertyId;
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

/// Only types that changed are written anew.
pub(super) fn write_entities(dir: &Path, generation: u64, captured: &Captured) -> Result<Vec<EntityMeta>, StoreError> {
    let dir = dir.join(ENTITIES);
    create_dir(&dir)?;
    let mut metas = Vec::new();
    for e in &captured.entities {
        match &e.saved {
            Some(saved) if saved.position == e.source.parts.position => metas.push(saved.clone()),
            _ => metas.push(entity::write(&dir, generation, &e.source, e.known.clone())?),
        }
    }
    sync_dir(&dir)?;
    Ok(metas)
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

pub(super) fn write_rows(kv: &dyn Kv, captured: &Captured) -> Result<(), StoreError> {
    let mut writer = RowWriter::new(kv, captured.position);
    for e in captured.entities.iter().filter(|e| !e.changed.is_empty()) {
        pack_rows(&mut writer, &e.source, |_| e.changed.clone())?;
    }
    writer.finish()
}

/// Packs some entities of one type into rows.
pub(crate) fn pack_rows(
    writer: &mut RowWriter<'_>,
    source: &EntitySource,
    ordinals: impl FnOnce(&RowPacker) -> Vec<u32>,
) -> Result<(), StoreError> {
    let definition = &source.parts.definition;
    let properties: Vec<PropertyId> =
        source.parts.properties.keys().copied().filter(|id| definition.properties.iter().any(|p| p.id == *id)).collect();
    let packer = RowPacker::new(&*source.columns()?, definition.key.len(), &properties)?;
    for ordinal in ordinals(&packer) {
        writer.put(definition.id, ordinal, &packer.pack(ordinal))?;
    }
    Ok(())
}
