//! Who stands for whom, as of the commits that were taken in: rows keep the ordinals that they were written with.
//!
//! A snapshot of the store may be ahead of the commit, and with it the merges that it knows; so the state keeps its own.

use arrow::array::UInt32Array;
use eql_catalog::{Catalog, EntityTypeId};
use eql_planner::live::LiveError;
use eql_store::{FeedEvents, Joined, Snapshot};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Of each entity type: ordinal → the one that stands for it. Who stands for itself is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    of: BTreeMap<EntityTypeId, HashMap<u32, u32>>,
}

/// As a checkpoint has it. Its bytes (postcard) are those of the checkpoint.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedStanding(Vec<(u16, Vec<(u32, u32)>)>);

impl Standing {
    /// Of a snapshot.
    pub(crate) fn of(snapshot: &Snapshot) -> Result<Self, LiveError> {
        let mut of = BTreeMap::new();
        for entity in snapshot.catalog().entities() {
            let pairs = snapshot.stands_for(entity.id)?;
            if !pairs.is_empty() {
                of.insert(entity.id, pairs.into_iter().collect());
            }
        }
        Ok(Self { of })
    }

    /// The ordinal that stands for one.
    pub(crate) fn root(&self, entity: EntityTypeId, ordinal: u32) -> u32 {
        self.of.get(&entity).and_then(|of| of.get(&ordinal)).copied().unwrap_or(ordinal)
    }

    /// Those that stand for some.
    pub(crate) fn roots<'o>(&'o self, entity: EntityTypeId, ordinals: &'o UInt32Array) -> impl Iterator<Item = u32> + 'o {
        ordinals.iter().flatten().map(move |o| self.root(entity, o))
    }

    /// Some become one, or come apart.
    pub(crate) fn join(&mut self, joined: &Joined) {
        let of = self.of.entry(joined.entity).or_default();
        let Some(first) = joined.others.first().copied() else { return };
        let root = if joined.apart { first } else { joined.survivor };
        for other in &joined.others {
            if *other == root {
                of.remove(other)
            } else {
                of.insert(*other, root)
            };
        }
    }

    /// Events with the entities that stand for those that their rows were written with.
    pub(crate) fn events<'e>(&self, catalog: &Catalog, events: &'e [FeedEvents]) -> Cow<'e, [FeedEvents]> {
        if self.of.values().all(HashMap::is_empty) {
            return Cow::Borrowed(events);
        }
        let resolved = |batch: &FeedEvents| {
            let mut batch = batch.clone();
            if let Some(definition) = catalog.event_by_id(batch.event) {
                for (participant, ordinals) in definition.participants.iter().zip(&mut batch.participants) {
                    if self.of.get(&participant.entity).is_some_and(|of| !of.is_empty()) {
                        *ordinals = ordinals.iter().map(|o| o.map(|o| self.root(participant.entity, o))).collect();
                    }
                }
            }
            batch
        };
        Cow::Owned(events.iter().map(resolved).collect())
    }

    /// Whom others stood for before or stand for now, and these others: of a type, where the two are not the same.
    pub(crate) fn differing(&self, before: &Standing, entity: EntityTypeId) -> BTreeSet<u32> {
        let nobody = HashMap::new();
        let (old, new) = (before.of.get(&entity).unwrap_or(&nobody), self.of.get(&entity).unwrap_or(&nobody));
        let all = old.keys().chain(new.keys()).copied();
        let other = all.filter(|o| old.get(o) != new.get(o));
        other.flat_map(|o| [Some(o), old.get(&o).copied(), new.get(&o).copied()]).flatten().collect()
    }

    pub(crate) fn saved(&self) -> SavedStanding {
        let sorted = |of: &HashMap<u32, u32>| {
            let mut pairs: Vec<(u32, u32)> = of.iter().map(|(o, root)| (*o, *root)).collect();
            pairs.sort_unstable();
            pairs
        };
        SavedStanding(self.of.iter().map(|(entity, of)| (entity.0, sorted(of))).collect())
    }

    pub(crate) fn restored(saved: SavedStanding) -> Self {
        Self { of: saved.0.into_iter().map(|(entity, pairs)| (EntityTypeId(entity), pairs.into_iter().collect())).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_apart_stands_for_itself_again() {
        let entity = EntityTypeId(0);
        let joined = |survivor, others: &[u32], apart| Joined { entity, survivor, others: others.to_vec(), apart };
        let mut standing = Standing::default();
        standing.join(&joined(4, &[2], false));
        let before = standing.clone();
        standing.join(&joined(1, &[4, 2], false));
        assert_eq!([1, 2, 4, 7].map(|o| standing.root(entity, o)), [1, 1, 1, 7]);
        assert_eq!(standing.differing(&before, entity).into_iter().collect::<Vec<_>>(), [1, 2, 4]);
        standing.join(&joined(1, &[4, 2], true));
        assert_eq!(standing, Standing::restored(before.saved()), "the two of before are one still");
        standing.join(&joined(4, &[2], true));
        assert_eq!([2, 4].map(|o| standing.root(entity, o)), [2, 4]);
    }
}
