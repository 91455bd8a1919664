//! The files that a manifest names: first their bytes, then what the bytes mean.

use super::report::Findings;
use crate::checkpoint::{ENTITIES, SEGMENTS, read_rejected, read_removed};
use crate::disk::read_checked;
use crate::manifest::Manifest;
use crate::open::read_members;
use crate::part::{Part, PartPlace};
use crate::{StoreError, entity};
use eql_catalog::EntityTypeId;
use std::path::Path;
use std::sync::Arc;

/// Checks everything a manifest names; without one there is nothing to compare with.
pub(super) fn check(dir: &Path, place: &Arc<dyn PartPlace>, manifest: Option<&Manifest>, findings: &mut Findings<'_>) {
    let Some(manifest) = manifest else { return };
    for (_, file) in manifest.files() {
        findings.read(file.bytes);
    }
    check_parts(place, manifest, findings);
    check_entities(dir, manifest, findings);
    if let Err(e) = read_removed(dir, manifest.removed.as_ref(), &mut []) {
        findings.problem(&e);
    }
    if let Err(e) = read_rejected(dir, manifest.rejected.as_ref()) {
        findings.problem(&e);
    }
    for meta in &manifest.segments {
        if let Err(e) = read_members(&dir.join(SEGMENTS), meta) {
            findings.problem(&e);
        }
    }
}

fn check_parts(place: &Arc<dyn PartPlace>, manifest: &Manifest, findings: &mut Findings<'_>) {
    let rows = |id: EntityTypeId| manifest.entities.iter().find(|e| e.entity == id).map_or(0, |e| e.rows);
    for meta in &manifest.parts {
        for problem in Part::new(place, meta.clone()).check(rows(meta.subject)) {
            findings.problem(&problem);
        }
    }
}

fn check_entities(dir: &Path, manifest: &Manifest, findings: &mut Findings<'_>) {
    let dir = dir.join(ENTITIES);
    for meta in &manifest.entities {
        let read = match manifest.catalog.entity_by_id(meta.entity) {
            Some(definition) => entity::read(&dir, meta, definition.clone()).map(drop),
            None => read_checked(&dir, &meta.file).and(Err(StoreError::damaged(
                &dir.join(&meta.file.name),
                0,
                "it is of an entity type that is not defined",
            ))),
        };
        if let Err(e) = read {
            findings.problem(&e);
        }
    }
}
