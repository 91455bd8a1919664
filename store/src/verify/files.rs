//! The files that a manifest names: first their bytes, then what the bytes mean.

use super::report::Findings;
use crate::StoreError;
use crate::cache::ReadCache;
use crate::checkpoint::{ENTITIES, SEGMENTS, read_all_identities, read_documents, read_refreshes, read_rejected, read_removed};
use crate::entity::{self, EntityFiles};
use crate::manifest::Manifest;
use crate::open::read_members;
use crate::part::{Part, PartPlace};
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
    check_marks(dir, place, manifest, findings);
    check_entities(dir, manifest, findings);
    for meta in &manifest.segments {
        if let Err(e) = read_members(&dir.join(SEGMENTS), meta) {
            findings.problem(&e);
        }
    }
}

/// Rows that are gone, rows that were rejected, what was refreshed, identities, and documents.
fn check_marks(dir: &Path, place: &Arc<dyn PartPlace>, manifest: &Manifest, findings: &mut Findings<'_>) {
    let mut parts: Vec<_> = manifest.parts.iter().map(|meta| Arc::new(Part::new(place, meta.clone()))).collect();
    let removed = read_removed(dir, manifest.removed.as_ref(), &mut parts);
    let rejected = read_rejected(dir, manifest.rejected.as_ref()).map(drop);
    let refreshes = read_refreshes(dir, manifest.refreshes.as_ref()).map(drop);
    let identities = read_all_identities(dir, manifest.identities.as_ref()).map(drop);
    let documents = read_documents(dir, manifest.documents.as_ref()).map(drop);
    for problem in [removed, rejected, refreshes, identities, documents].into_iter().filter_map(Result::err) {
        findings.problem(&problem);
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
    let files = EntityFiles::new(dir.clone(), Arc::new(ReadCache::new(0)));
    for meta in &manifest.entities {
        let problems = match manifest.catalog.entity_by_id(meta.entity) {
            Some(definition) => {
                let tag = |tag: &str| manifest.catalog.tag(&definition.name, tag).map(|t| t.data_type.clone());
                entity::check(&files, meta, definition.clone(), tag)
            }
            None => vec![StoreError::damaged(&dir.join(meta.folder()), 0, "it is of an entity type that is not defined")],
        };
        problems.iter().for_each(|e| findings.problem(e));
    }
}
