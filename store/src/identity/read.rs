//! What readers ask of identities: whose an identifier is, all of them, what contradicts, and a snapshot as of an earlier time.

use super::apply::AllIdentities;
use super::conflict::ConflictKind;
use super::merges::Edges;
use super::roots::Roots;
use crate::limit::NO_SUBJECT;
use crate::{Snapshot, Store};
use eql_catalog::EntityTypeId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An identifier and whose it is, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownIdentifier {
    /// Of which type.
    pub entity: EntityTypeId,
    /// The identity.
    pub identity: String,
    /// Its value.
    pub value: String,
    /// The entity that it is part of now, after merges.
    pub ordinal: u32,
    /// When it became known as its owner's: microseconds. None where that is over: the end is kept.
    pub since: Option<i64>,
    /// Until when it was its owner's; None: it is.
    pub until: Option<i64>,
}

/// A bind or a merge that was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityConflict {
    /// Of which type.
    pub entity: EntityTypeId,
    /// Why.
    pub kind: ConflictKind,
    /// The identity, where one is in the way.
    pub identity: Option<String>,
    /// Its value.
    pub value: Option<String>,
    /// Whom the record was about.
    pub ordinal: u32,
    /// Whom it would have been joined with.
    pub other: Option<u32>,
    /// When it was said first: microseconds.
    pub first_at: i64,
    /// When it was said last.
    pub last_at: i64,
    /// How often.
    pub times: u64,
}

/// Figures of identities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdentityStats {
    /// Identifiers that are known.
    pub identifiers: u64,
    /// Entities that others stand for.
    pub merged: u64,
    /// Binds and merges that were not made, all that ever were.
    pub conflicts: u64,
}

impl Store {
    /// The ordinal that an identifier belongs to now; None when it is nobody's. What stands for it a snapshot taken afterwards says.
    pub fn identifier(&self, entity: EntityTypeId, identity: &str, value: &str) -> Option<u32> {
        let state = self.core.state.lock();
        let identities = state.identities.of.get(&entity)?;
        let number = identities.book.find(identity, value)?;
        identities.book.owner_at(number, i64::MAX)
    }

    /// The identifiers that an entity has now, by identity and value.
    pub fn identifiers_of(&self, entity: EntityTypeId, ordinal: u32) -> Vec<(String, String)> {
        let state = self.core.state.lock();
        let Some(identities) = state.identities.of.get(&entity) else { return Vec::new() };
        let members = identities.merges.roots.members(ordinal);
        let known = members.iter().flat_map(|m| identities.book.of_owner(*m));
        let mut found: Vec<(String, String)> =
            known.map(|(_, i)| (identities.book.name(i.identity).to_string(), i.value.to_string())).collect();
        found.sort_unstable();
        found
    }

    /// All identifiers and whose they are, and were before they were unbound: by type, identity and value, the latest last.
    pub fn identifiers(&self) -> Vec<KnownIdentifier> {
        let state = self.core.state.lock();
        let mut all = Vec::new();
        for (entity, identities) in &state.identities.of {
            for i in identities.book.all() {
                let one = |owner: u32, since: Option<i64>, until: Option<i64>| KnownIdentifier {
                    entity: *entity,
                    identity: identities.book.name(i.identity).to_string(),
                    value: i.value.to_string(),
                    ordinal: identities.merges.roots.of(owner),
                    since,
                    until,
                };
                all.extend(i.past.iter().map(|(until, owner)| one(*owner, None, Some(*until))));
                all.extend((i.owner != NO_SUBJECT).then(|| one(i.owner, Some(i.since), None)));
            }
        }
        drop(state);
        all.sort_by(|a, b| (a.entity, &a.identity, &a.value).cmp(&(b.entity, &b.identity, &b.value)));
        all
    }

    /// What was said of identities and not done, the oldest first; the latest of each entity type are kept.
    pub fn identity_conflicts(&self) -> Vec<IdentityConflict> {
        let state = self.core.state.lock();
        let mut all = Vec::new();
        for (entity, identities) in &state.identities.of {
            all.extend(identities.conflicts.all().map(|c| IdentityConflict {
                entity: *entity,
                kind: c.kind,
                identity: Some(c.identity.to_string()).filter(|i| !i.is_empty()),
                value: Some(c.value.to_string()).filter(|v| !v.is_empty()),
                ordinal: c.ordinal,
                other: c.other,
                first_at: c.first_at,
                last_at: c.last_at,
                times: c.times,
            }));
        }
        all
    }

    /// Figures of all entity types together.
    pub fn identity_stats(&self) -> IdentityStats {
        self.core.state.lock().identities.stats()
    }
}

impl AllIdentities {
    pub(crate) fn stats(&self) -> IdentityStats {
        let mut stats = IdentityStats::default();
        for identities in self.of.values() {
            stats.identifiers += identities.book.len() as u64;
            stats.merged += u64::from(identities.merges.roots.absorbed());
            stats.conflicts += identities.conflicts.total;
        }
        stats
    }

    /// For a snapshot: the merges of each type with their times, shared.
    pub(crate) fn merges(&self) -> Vec<(EntityTypeId, Edges)> {
        let of = self.of.iter().filter(|(_, i)| !i.merges.edges().is_empty());
        of.map(|(entity, i)| (*entity, i.merges.edges().clone())).collect()
    }
}

impl Snapshot {
    /// Whether entities of any type were ever merged.
    pub fn has_merges(&self) -> bool {
        !self.merges.is_empty()
    }

    /// The same position with entities merged as they were as of a time: microseconds.
    pub fn as_of(self: &Arc<Self>, at: i64) -> Arc<Snapshot> {
        let now = |entity: &EntityTypeId| self.entities.get(entity).map(|e| e.parts.roots.clone()).unwrap_or_default();
        let earlier = |(entity, edges): &(EntityTypeId, Edges)| Some((*entity, Arc::new(edges.as_of(at, &now(entity))?)));
        let earlier: BTreeMap<EntityTypeId, Arc<Roots>> = self.merges.iter().filter_map(earlier).collect();
        if earlier.is_empty() { self.clone() } else { Arc::new(self.with_roots(&earlier)) }
    }
}
