//! What cannot be told from a commit alone is read from the store: rows that were corrected or removed, definitions that changed.
//!
//! The store may be ahead of the commit that asks. Its snapshot is then kept until the commits up to its position were taken in, and only there is
//! the state made from it: at that position both are the same. Whoever is concerned changes there instead of a few commits before.

use crate::change::Cause;
use eql_catalog::EntityTypeId;
use eql_store::Snapshot;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is to be read, once the position of the snapshot is reached.
#[derive(Debug)]
pub(crate) struct Again {
    pub snapshot: Arc<Snapshot>,
    pub wanted: Wanted,
}

/// What is to be read.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Everything: the definitions are others, or the clock went back.
    pub all: Option<Cause>,
    /// Lanes of some entities; None is all.
    pub lanes: BTreeMap<EntityTypeId, BTreeMap<u32, Option<BTreeSet<u32>>>>,
    /// Entities of which everything is read: those who became one, or came apart.
    pub anew: BTreeMap<EntityTypeId, BTreeSet<u32>>,
    /// Definitions came, went, or are others.
    pub redefined: bool,
    /// Segments that are evaluated as queries.
    pub wholes: bool,
    /// Why.
    pub cause: Option<Cause>,
}

impl Wanted {
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_none() && self.lanes.is_empty() && self.anew.is_empty() && !self.wholes && !self.redefined
    }

    /// Adds lanes of some entities, or of all.
    pub(crate) fn lane(&mut self, entity: EntityTypeId, lane: u32, only: Option<&BTreeSet<u32>>) {
        let known = self.lanes.entry(entity).or_default().entry(lane).or_insert_with(|| Some(BTreeSet::new()));
        match (known.as_mut(), only) {
            (Some(some), Some(more)) => some.extend(more),
            (Some(_), None) => *known = None,
            (None, _) => {}
        }
    }

    /// Both.
    pub(crate) fn merge(&mut self, other: Wanted) {
        self.all = self.all.or(other.all);
        other.anew.into_iter().for_each(|(entity, ordinals)| self.anew.entry(entity).or_default().extend(ordinals));
        self.wholes |= other.wholes;
        self.redefined |= other.redefined;
        self.cause = self.cause.or(other.cause);
        for (entity, lanes) in other.lanes {
            for (lane, only) in lanes {
                self.lane(entity, lane, only.as_ref());
            }
        }
    }
}
