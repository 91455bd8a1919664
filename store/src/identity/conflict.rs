//! What was said of identities and not done, because it contradicts what is known: kept for a look, once each, until it is pushed out.

use crate::limit::IDENTITY_CONFLICTS_MAX;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// Why a bind or a merge was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// The value belongs to another known entity.
    Taken,
    /// The entity has another value of this identity, which is `UNIQUE`.
    Unique,
    /// The entity would have too many identifiers.
    TooManyIdentifiers,
    /// The entity would be made of too many.
    TooManyMerges,
}

impl ConflictKind {
    /// As the system table says it.
    pub fn word(self) -> &'static str {
        match self {
            ConflictKind::Taken => "taken",
            ConflictKind::Unique => "unique",
            ConflictKind::TooManyIdentifiers => "too_many_identifiers",
            ConflictKind::TooManyMerges => "too_many_merges",
        }
    }
}

/// A bind or a merge that was not made. Its bytes (postcard) are a promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Conflict {
    pub(super) kind: ConflictKind,
    /// What would have been bound, or which `UNIQUE` identity is in the way.
    pub(super) identity: Box<str>,
    pub(super) value: Box<str>,
    /// Whom the record was about.
    pub(super) ordinal: u32,
    /// Whom it would have been joined with.
    pub(super) other: Option<u32>,
    pub(super) first_at: i64,
    pub(super) last_at: i64,
    pub(super) times: u64,
}

type Name = (ConflictKind, Box<str>, Box<str>, u32, Option<u32>);

impl Conflict {
    fn name(&self) -> Name {
        (self.kind, self.identity.clone(), self.value.clone(), self.ordinal, self.other)
    }
}

/// The conflicts of one entity type.
#[derive(Debug, Default)]
pub(super) struct Conflicts {
    /// In the order of their first times in the log; the place is counted from the first one ever.
    all: std::collections::VecDeque<Conflict>,
    gone: u64,
    places: HashMap<Name, u64>,
    /// All that ever were.
    pub(super) total: u64,
}

impl Conflicts {
    /// Of a checkpoint.
    pub(super) fn of(all: Vec<Conflict>, total: u64) -> Conflicts {
        let places = all.iter().enumerate().map(|(i, c)| (c.name(), i as u64)).collect();
        Conflicts { all: all.into(), gone: 0, places, total }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Conflict> {
        self.all.iter()
    }

    pub(super) fn note(&mut self, conflict: Conflict) {
        self.total += 1;
        let name = conflict.name();
        if let Some(known) = self.places.get(&name).and_then(|place| self.all.get_mut((place - self.gone) as usize)) {
            known.last_at = known.last_at.max(conflict.last_at);
            known.times += 1;
            return;
        }
        self.places.insert(name, self.gone + self.all.len() as u64);
        self.all.push_back(conflict);
        if self.all.len() > IDENTITY_CONFLICTS_MAX
            && let Some(oldest) = self.all.pop_front()
        {
            self.places.remove(&oldest.name());
            self.gone += 1;
        }
    }

    /// What says something of erased entities goes.
    pub(super) fn forget(&mut self, ordinals: &HashSet<u32>) {
        let about = |c: &Conflict| ordinals.contains(&c.ordinal) || c.other.is_some_and(|o| ordinals.contains(&o));
        let kept: Vec<Conflict> = self.all.drain(..).filter(|c| !about(c)).collect();
        *self = Conflicts::of(kept, self.total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conflict(ordinal: u32, at: i64) -> Conflict {
        Conflict {
            kind: ConflictKind::Taken,
            identity: "i".into(),
            value: "v".into(),
            ordinal,
            other: Some(1),
            first_at: at,
            last_at: at,
            times: 1,
        }
    }

    #[test]
    fn the_same_again_is_counted_and_the_oldest_goes() {
        let mut conflicts = Conflicts::default();
        conflicts.note(conflict(0, 5));
        conflicts.note(conflict(0, 9));
        assert_eq!(conflicts.all().map(|c| (c.first_at, c.last_at, c.times)).collect::<Vec<_>>(), [(5, 9, 2)]);
        (0..=IDENTITY_CONFLICTS_MAX as u32).for_each(|i| conflicts.note(conflict(i, 10)));
        assert_eq!((conflicts.all().count(), conflicts.all().next().map(|c| c.ordinal)), (IDENTITY_CONFLICTS_MAX, Some(1)));
        conflicts.note(conflict(2, 11));
        assert_eq!(conflicts.all().find(|c| c.ordinal == 2).map(|c| c.times), Some(2));
        conflicts.forget(&[1].into());
        assert_eq!((conflicts.all().count(), conflicts.total), (0, IDENTITY_CONFLICTS_MAX as u64 + 4));
    }
}
