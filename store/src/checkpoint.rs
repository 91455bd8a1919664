//! A checkpoint: everything up to one position goes to files, a manifest names them, and the log before it is no longer needed.
//!
//! ```text
//! capture (under the lock) → parts, entity files, members, packed rows (no lock) → manifest → install (under the lock) → trim the log
//! ```
//! Until the manifest is in place nothing refers to the new files; those of a failed attempt are removed at the next open.

use crate::StoreError;
use crate::apply::State;
use crate::disk::{create_dir, sync_dir, write_file};
use crate::entity::{self, EntitySource, RowPacker};
use crate::ipc;
use crate::kv::{Kv, RowWriter};
use crate::limit::CHECKPOINT_THREADS;
use crate::manifest::{EntityMeta, Manifest, PartMeta, SegmentMeta};
use crate::part::{self, HotEvent, Part, Plan};
use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use eql_catalog::{Catalog, EntityTypeId, EventType, EventTypeId, PropertyId};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) const PARTS: &str = "parts";
pub(crate) const ENTITIES: &str = "entities";
pub(crate) const SEGMENTS: &str = "segments";

/// What a checkpoint writes: shared with readers, changed by nobody.
pub(crate) struct Captured {
    pub(crate) position: u64,
    next_sequence: u64,
    catalog: Arc<Catalog>,
    hot: Vec<HotEvent>,
    types: Vec<Arc<EventType>>,
    entities: Vec<CapturedEntity>,
    members: Vec<CapturedMembers>,
    event_positions: BTreeMap<u16, u64>,
    unsaved_rows: usize,
}

struct CapturedEntity {
    id: EntityTypeId,
    source: Arc<EntitySource>,
    known: Vec<i64>,
    changed: Vec<u32>,
    saved: Option<EntityMeta>,
}

struct CapturedMembers {
    segment: String,
    position: u64,
    set: Arc<Vec<bool>>,
    saved: Option<SegmentMeta>,
}

/// What was written, besides the manifest.
struct Written {
    parts: Vec<PartMeta>,
    entities: Vec<EntityMeta>,
    segments: Vec<SegmentMeta>,
}

impl State {
    pub(crate) fn capture(&mut self) -> Captured {
        let mut captured = Captured {
            position: self.position,
            next_sequence: self.next_sequence,
            catalog: self.catalog.clone(),
            hot: Vec::new(),
            types: Vec::new(),
            entities: Vec::new(),
            members: Vec::new(),
            event_positions: self.events.iter().map(|(id, e)| (id.0, e.position)).collect(),
            unsaved_rows: self.unsaved_rows,
        };
        for (id, event) in self.events.iter_mut().filter(|(_, e)| !e.hot.is_empty()) {
            event.frozen = event.hot.len();
            let Some(subject) = event.definition.participants.first().map(|p| p.entity) else { continue };
            captured.hot.push(HotEvent { event: *id, subject, chunks: event.hot.clone() });
            captured.types.push(event.definition.clone());
        }
        for (id, entity) in &mut self.entities {
            let unchanged = entity.saved.as_ref().is_some_and(|s| s.position == entity.position());
            let known = if unchanged { Vec::new() } else { entity.known() };
            let (source, changed) = (entity.source(), entity.take_changed());
            captured.entities.push(CapturedEntity { id: *id, source, known, changed, saved: entity.saved.clone() });
        }
        let members = self.members.iter().map(|(name, m)| (name.clone(), m.clone()));
        captured.members =
            members.map(|(segment, m)| CapturedMembers { segment, position: m.position, set: m.set, saved: m.saved }).collect();
        captured
    }

    /// The captured rows are in parts now.
    fn install(&mut self, captured: &Captured, written: &Written, parts_dir: &Path) {
        for hot in &captured.hot {
            if let Some(event) = self.events.get_mut(&hot.event) {
                event.hot.drain(..hot.chunks.len());
                event.frozen = 0;
            }
        }
        self.events.values_mut().for_each(|e| e.rows = None);
        let new = written.parts.iter().map(|meta| Arc::new(Part::new(parts_dir, meta.clone())));
        self.parts = Arc::new(self.parts.iter().cloned().chain(new).collect());
        for meta in &written.entities {
            if let Some(entity) = self.entities.get_mut(&meta.entity) {
                entity.saved = Some(meta.clone());
            }
        }
        for meta in &written.segments {
            if let Some(members) = self.members.get_mut(&meta.segment) {
                members.saved = Some(meta.clone());
            }
        }
        self.unsaved_rows = self.unsaved_rows.saturating_sub(captured.unsaved_rows);
        self.layout += 1;
        self.snapshot = None;
    }

    /// Nothing was written: what was captured waits for the next checkpoint.
    fn give_back(&mut self, captured: &Captured) {
        for hot in &captured.hot {
            if let Some(event) = self.events.get_mut(&hot.event) {
                event.frozen = 0;
            }
        }
        for entity in &captured.entities {
            if let Some(state) = self.entities.get_mut(&entity.id) {
                state.give_back(&entity.changed);
            }
        }
    }
}

/// Writes the captured state and lets go of it in memory; the manifest it ends with is the new `manifest`.
pub(crate) fn run(dir: &Path, state: &Mutex<State>, kv: &mut Option<Box<dyn Kv>>, manifest: &mut Manifest) -> Result<(), StoreError> {
    let captured = state.lock().capture();
    let written = match write(dir, &captured, kv, manifest) {
        Ok(written) => written,
        Err(e) => {
            state.lock().give_back(&captured);
            return Err(e);
        }
    };
    state.lock().install(&captured, &written, &dir.join(PARTS));
    remove_unnamed(dir, manifest)
}

fn write(dir: &Path, captured: &Captured, kv: &mut Option<Box<dyn Kv>>, manifest: &mut Manifest) -> Result<Written, StoreError> {
    let generation = manifest.generation + 1;
    let (parts, (entities, segments), rows) = std::thread::scope(|scope| {
        let rows = scope.spawn(|| kv.as_deref().map_or(Ok(()), |kv| write_rows(kv, captured)));
        let files =
            scope.spawn(|| Ok::<_, StoreError>((write_entities(dir, generation, captured)?, write_members(dir, generation, captured)?)));
        let parts = write_parts(&dir.join(PARTS), manifest, captured);
        (parts, files.join(), rows.join())
    })
    .into_results()?;
    if let Err(e) = rows {
        // A projection: the next open sees that it is not complete and rebuilds it.
        tracing::warn!(error = %e, "packed rows of entities were not written; they will be rebuilt at the next start");
        *kv = None;
    }
    let mut next = manifest.clone();
    next.position = captured.position;
    next.next_sequence = captured.next_sequence;
    next.generation = generation;
    next.next_part += parts.len() as u64;
    next.catalog = (*captured.catalog).clone();
    next.parts.extend(parts.iter().cloned());
    next.entities.clone_from(&entities);
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

/// Several threads take plans one by one.
fn write_parts(dir: &Path, manifest: &Manifest, captured: &Captured) -> Result<Vec<PartMeta>, StoreError> {
    let plans: Vec<Mutex<Option<Plan>>> = part::cut(&captured.hot).into_iter().map(|p| Mutex::new(Some(p))).collect();
    if plans.is_empty() {
        return Ok(Vec::new());
    }
    create_dir(dir)?;
    let next = AtomicUsize::new(0);
    let positions = (manifest.position, captured.position);
    let work = || {
        let mut done = Vec::new();
        while let Some((i, plan)) = take(&plans, &next) {
            done.push(part::write(dir, manifest.next_part + i as u64, plan, &captured.hot, &captured.types, positions)?);
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
    for part in &parts {
        sync_dir(&dir.join(part.subject.0.to_string()))?;
    }
    sync_dir(dir)?;
    Ok(parts)
}

fn take(plans: &[Mutex<Option<Plan>>], next: &AtomicUsize) -> Option<(usize, Plan)> {
    let i = next.fetch_add(1, Ordering::Relaxed);
    Some((i, plans.get(i)?.lock().take()?))
}

/// Only types that changed are written anew.
fn write_entities(dir: &Path, generation: u64, captured: &Captured) -> Result<Vec<EntityMeta>, StoreError> {
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

fn write_members(dir: &Path, generation: u64, captured: &Captured) -> Result<Vec<SegmentMeta>, StoreError> {
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

fn write_rows(kv: &dyn Kv, captured: &Captured) -> Result<(), StoreError> {
    let mut writer = RowWriter::new(kv, captured.position);
    for e in captured.entities.iter().filter(|e| !e.changed.is_empty()) {
        pack_rows(&mut writer, &e.source, e.changed.iter().copied())?;
    }
    writer.finish()
}

/// Packs some entities of one type into rows.
pub(crate) fn pack_rows(writer: &mut RowWriter<'_>, source: &EntitySource, ordinals: impl Iterator<Item = u32>) -> Result<(), StoreError> {
    let definition = &source.parts.definition;
    let properties: Vec<PropertyId> =
        source.parts.properties.keys().copied().filter(|id| definition.properties.iter().any(|p| p.id == *id)).collect();
    let packer = RowPacker::new(&*source.columns()?, definition.key.len(), &properties)?;
    for ordinal in ordinals {
        writer.put(definition.id, ordinal, &packer.pack(ordinal))?;
    }
    Ok(())
}

/// Removes files that the manifest does not name: of earlier checkpoints, or of one that failed.
pub(crate) fn remove_unnamed(dir: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    let keep = |names: Vec<&String>, sub: &str| -> Result<(), StoreError> {
        for name in crate::disk::names(&dir.join(sub))? {
            if !names.contains(&&name) {
                let path = dir.join(sub).join(name);
                std::fs::remove_file(&path).map_err(StoreError::io(&path, "remove"))?;
            }
        }
        Ok(())
    };
    keep(manifest.entities.iter().map(|e| &e.file.name).collect(), ENTITIES)?;
    keep(manifest.segments.iter().map(|s| &s.file.name).collect(), SEGMENTS)
}

/// Removes directories of parts that the manifest does not name. Only at open: nobody can be reading or writing them.
pub(crate) fn remove_unnamed_parts(dir: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    let parts = dir.join(PARTS);
    for subject in crate::disk::names(&parts)? {
        for id in crate::disk::names(&parts.join(&subject))? {
            let named = manifest.parts.iter().any(|p| p.subject.0.to_string() == subject && p.id.to_string() == id);
            if !named {
                let path = parts.join(&subject).join(&id);
                std::fs::remove_dir_all(&path).map_err(StoreError::io(&path, "remove"))?;
            }
        }
    }
    Ok(())
}

/// The positions of event types, as the manifest keeps them.
pub(crate) fn event_position(manifest: &Manifest, event: EventTypeId) -> u64 {
    manifest.event_positions.get(&event.0).copied().unwrap_or(0)
}
