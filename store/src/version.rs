//! Versions: what a segment or a tag was at the times it was made, refreshed or added to.
//!
//! A version is a column of its entity type, named by its time. It is written and read, backed up and checked like all columns; who is
//! deleted or erased goes from all of them.

use crate::apply::State;
use crate::feed::What;
use crate::log::{AdmittedMembers, AdmittedTagValues, AdmittedVersion, Record};
use crate::{Appended, Refreshed, Snapshot, Store, StoreError, admit};
use arrow::array::{Array, ArrayRef};
use eql_catalog::{Catalog, Change, EntityTypeId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Whose versions; the entity type stands beside it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// A segment, by name.
    Segment(String),
    /// A tag, by its name within its entity type.
    Tag(String),
}

/// A version to be kept.
#[derive(Clone, Debug)]
pub struct VersionBatch {
    /// The definition that comes into force with it, in the same log record.
    pub change: Option<Change>,
    /// What.
    pub kept: Kept,
    /// Whose.
    pub entity: EntityTypeId,
    /// From when on: microseconds in UTC. One of that time is replaced.
    pub at: i64,
    /// True: everybody who is not named is not in it, or has no value. False: they stay as they are.
    pub whole: bool,
    /// The members, or the entities with values. They become known.
    pub keys: Vec<ArrayRef>,
    /// The values of a tag; NULL clears.
    pub values: Option<ArrayRef>,
    /// Versions of before this time go; the newest stays.
    pub keep_from: Option<i64>,
    /// What is remembered of the refresh; its version number is filled in.
    pub refresh: Option<Refreshed>,
}

impl Store {
    /// Makes a version the present one, and keeps it under its time. With a definition, both come into force at once or not at all.
    ///
    /// # Errors
    /// The catalog refuses the definition, columns do not fit, or the log cannot be written.
    pub fn keep_version(&self, version: VersionBatch) -> Result<Appended, StoreError> {
        self.check_room()?;
        let mut admission = self.core.admit()?;
        let next = version.change.as_ref().map(|change| admission.catalog.apply(change)).transpose()?;
        let version = admitted(next.as_ref().unwrap_or(&admission.catalog), version)?;
        let rows = version.keys.first().map_or(0, |k| k.len());
        let record = Record::Version(version);
        let payload = record.encode()?;
        let ticket = self.core.enqueue(&mut admission, payload, record)?;
        if let Some(next) = next {
            admission.catalog = Arc::new(next);
        }
        drop(admission);
        self.core.settle(ticket)?;
        self.limit_hot_rows();
        Ok(Appended { accepted: rows as u64, position: ticket.position, ..Appended::default() })
    }

    /// Remembers a refresh that made no version.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn note_refresh(&self, refreshed: Refreshed) -> Result<Appended, StoreError> {
        self.write(0, |_| Ok(Record::Refreshed(refreshed)))
    }
}

fn admitted(catalog: &Catalog, version: VersionBatch) -> Result<AdmittedVersion, StoreError> {
    let VersionBatch { change, kept, entity, at, whole, keys, values, keep_from, refresh } = version;
    let name = &catalog.entity_by_id(entity).ok_or(StoreError::UnknownEntity(entity.0))?.name;
    let (keys, rows) = admit::keys(catalog, entity, keys)?;
    let values = match &kept {
        Kept::Segment(segment) => {
            catalog.segment(segment).filter(|s| s.entity == *name).ok_or_else(|| StoreError::UnknownSegment(segment.clone()))?;
            None
        }
        Kept::Tag(tag) => {
            let unknown = || StoreError::UnknownTag(name.clone(), tag.clone());
            let definition = catalog.tag(name, tag).ok_or_else(unknown)?;
            let empty = || arrow::array::new_empty_array(&crate::arrow_type(&definition.data_type));
            let values = values.unwrap_or_else(empty);
            admit::values(format!("tag `{name}.{tag}`"), rows, "its column", &definition.data_type, &values)?;
            Some(values)
        }
    };
    Ok(AdmittedVersion { definition: change, kept, entity, at, whole, keys, values, keep_from, refresh })
}

impl State {
    pub(crate) fn keep_version(&mut self, position: u64, version: AdmittedVersion, followed: bool) -> Result<What, StoreError> {
        if let Some(change) = &version.definition {
            self.define(position, change)?;
        }
        let AdmittedVersion { definition, kept, entity, at, whole, keys, values, keep_from, refresh } = version;
        let (named, said) = (keys.clone(), values.clone());
        match (&kept, values) {
            (Kept::Segment(name), _) => {
                let nobody = keys.iter().map(|k| k.slice(0, 0)).collect();
                let change = AdmittedMembers { segment: name.clone(), entity, add: keys, remove: nobody, replace: whole };
                self.change_members(position, change)?;
                let set = self.members.get(name).map(|m| m.set.clone()).unwrap_or_default();
                self.entity(entity)?.keep_set(&kept, at, &set, position);
            }
            (Kept::Tag(tag), Some(values)) => {
                self.unsaved_rows += values.len() + 1;
                let values = AdmittedTagValues { entity, tag: tag.clone(), keys, values };
                self.entity(entity)?.keep_values(&kept, at, &values, whole, position)?;
            }
            (Kept::Tag(_), None) => {}
        }
        self.entity(entity)?.drop_versions(&kept, keep_from, position);
        if let Some(refresh) = refresh {
            self.refreshes.push(Refreshed { version: position, ..refresh }, position);
        }
        let ordinals = self.followed(followed, entity, &named)?;
        Ok(What::Version { entity, kept, at, whole, ordinals, values: said, definition })
    }
}

impl Snapshot {
    /// The times of the versions that are kept, the oldest first: microseconds in UTC.
    ///
    /// # Errors
    /// An unknown entity type.
    pub fn versions(&self, entity: EntityTypeId, kept: &Kept) -> Result<Vec<i64>, StoreError> {
        Ok(self.source(entity)?.parts.versions(kept))
    }

    /// A version by its time: by ordinal, whether it is a member, or its value; past the end NULL. None when there is none of that time.
    ///
    /// # Errors
    /// An unknown entity type, or a damaged file.
    pub fn version(&self, entity: EntityTypeId, kept: &Kept, at: i64) -> Result<Option<ArrayRef>, StoreError> {
        let parts = &self.source(entity)?.parts;
        parts.version(kept, at)?.map(|values| parts.first_of(&values)).transpose()
    }

    /// The log position that last changed the members of a stored segment.
    pub fn members_position(&self, segment: &str) -> Option<u64> {
        self.member_positions.get(segment).copied()
    }

    /// The latest refreshes of segments and tags, oldest first.
    pub fn refreshes(&self) -> impl DoubleEndedIterator<Item = &Refreshed> {
        self.refreshes.rows().map(|row| &**row)
    }
}
