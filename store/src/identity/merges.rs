//! Which entities were merged into which, since when and until when; and what that makes of them now, or as of a time.
//!
//! A merge is an edge from an entity that stood for itself to another one that did. So all edges together are always a forest, whose
//! roots stand for their trees, and taking an edge away parts one tree into two: what each of them had is what its entities still have.

use super::roots::Roots;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// Time of what was never taken back.
pub(super) const NEVER: i64 = i64::MAX;

/// One merge. Its bytes (postcard) are a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Edge {
    pub(super) absorbed: u32,
    pub(super) survivor: u32,
    /// Microseconds.
    pub(super) since: i64,
    /// [`NEVER`] while it holds.
    pub(super) until: i64,
}

/// Edges in the order of the log, in pieces of which a snapshot shares all but the last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edges {
    pieces: Vec<Arc<Vec<Edge>>>,
    len: usize,
}

const PIECE: usize = 4096;

impl Edges {
    fn of(all: Vec<Edge>) -> Edges {
        Edges { len: all.len(), pieces: all.chunks(PIECE).map(|piece| Arc::new(piece.to_vec())).collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Edge> {
        self.pieces.iter().flat_map(|p| p.iter())
    }

    fn get(&self, i: usize) -> &Edge {
        &self.pieces[i / PIECE][i % PIECE]
    }

    fn get_mut(&mut self, i: usize) -> &mut Edge {
        &mut Arc::make_mut(&mut self.pieces[i / PIECE])[i % PIECE]
    }

    fn push(&mut self, edge: Edge) {
        match self.pieces.last_mut().filter(|p| p.len() < PIECE) {
            Some(last) => Arc::make_mut(last).push(edge),
            None => self.pieces.push(Arc::new(vec![edge])),
        }
        self.len += 1;
    }

    /// Who stood for whom at a time; None when that is as in `now`.
    pub(super) fn as_of(&self, at: i64, now: &Roots) -> Option<Roots> {
        if self.iter().all(|e| (e.since <= at && at < e.until) == (e.until == NEVER)) {
            return None;
        }
        let mut roots = forest(self.iter().filter(|e| e.since <= at && at < e.until));
        roots.stamp = (now.stamp.0, at);
        Some(roots)
    }
}

/// The merges of one entity type.
#[derive(Debug)]
pub(super) struct Merges {
    edges: Edges,
    /// The edge that holds, by the absorbed ordinal.
    parent: HashMap<u32, usize>,
    /// No later merge counts from before this time, the last at which one was taken back: so the merges as of any time are a forest, too.
    floor: i64,
    pub(super) roots: Arc<Roots>,
}

/// What taking a merge back did: the two entities that there are now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parted {
    pub(super) rest: Vec<u32>,
    pub(super) piece: Vec<u32>,
}

impl Default for Merges {
    fn default() -> Merges {
        Merges { edges: Edges::default(), parent: HashMap::new(), floor: i64::MIN, roots: Arc::default() }
    }
}

impl Merges {
    /// Of a checkpoint.
    pub(super) fn of(edges: Vec<Edge>, floor: i64, position: u64) -> Merges {
        let parent = edges.iter().enumerate().filter(|(_, e)| e.until == NEVER).map(|(i, e)| (e.absorbed, i)).collect();
        let mut roots = forest(edges.iter().filter(|e| e.until == NEVER));
        roots.stamp = (position, NEVER);
        Merges { edges: Edges::of(edges), parent, floor, roots: Arc::new(roots) }
    }

    pub(super) fn edges(&self) -> &Edges {
        &self.edges
    }

    pub(super) fn floor(&self) -> i64 {
        self.floor
    }

    /// Two that stand for themselves become one, from a time on.
    pub(super) fn merge(&mut self, survivor: u32, absorbed: u32, at: i64, position: u64) {
        self.parent.insert(absorbed, self.edges.len);
        self.edges.push(Edge { absorbed, survivor, since: at.max(self.floor), until: NEVER });
        let roots = Arc::make_mut(&mut self.roots);
        roots.join(survivor, absorbed);
        roots.stamp = (position, NEVER);
    }

    /// Takes back the merge that `ordinal` was absorbed by: it goes, with all that had been merged into it. None when it stands for itself.
    pub(super) fn unmerge(&mut self, ordinal: u32, at: i64, position: u64) -> Option<Parted> {
        let edge = self.parent.remove(&ordinal)?;
        self.floor = self.floor.max(at);
        self.edges.get_mut(edge).until = self.floor;
        let root = self.roots.of(ordinal);
        let (mut piece, mut rest): (Vec<u32>, Vec<u32>) = self.roots.members(ordinal).into_iter().partition(|o| self.leads_to(*o, ordinal));
        first(&mut piece, ordinal);
        first(&mut rest, root);
        let roots = Arc::make_mut(&mut self.roots);
        roots.part([&rest, &piece]);
        roots.stamp = (position, NEVER);
        Some(Parted { rest, piece })
    }

    /// The one next to `ancestor` on the way from an ordinal to it; None when the way does not lead there.
    pub(super) fn below(&self, ordinal: u32, ancestor: u32) -> Option<u32> {
        let mut at = ordinal;
        while let Some(edge) = self.parent.get(&at) {
            let next = self.edges.get(*edge).survivor;
            if next == ancestor {
                return Some(at);
            }
            at = next;
        }
        None
    }

    fn leads_to(&self, from: u32, to: u32) -> bool {
        let mut at = from;
        while at != to {
            match self.parent.get(&at) {
                Some(edge) => at = self.edges.get(*edge).survivor,
                None => return false,
            }
        }
        true
    }
}

/// The ordinal that stands for the others comes first.
fn first(ordinals: &mut [u32], root: u32) {
    ordinals.sort_unstable_by_key(|o| (*o != root, *o));
}

/// Joins along edges that are a forest, in whatever order they come.
fn forest<'e>(edges: impl Iterator<Item = &'e Edge>) -> Roots {
    let mut roots = Roots::default();
    for edge in edges {
        let survivor = roots.of(edge.survivor);
        roots.join(survivor, edge.absorbed);
    }
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_taken_back_takes_what_was_merged_before_along() {
        let mut merges = Merges::default();
        merges.merge(2, 1, 10, 1);
        merges.merge(5, 2, 20, 2);
        merges.merge(5, 3, 5, 3);
        assert_eq!(merges.roots.members(1), [5, 1, 2, 3]);
        assert_eq!((merges.below(1, 5), merges.below(1, 2), merges.below(3, 2)), (Some(2), Some(1), None));
        assert_eq!(merges.unmerge(5, 30, 4), None, "nobody absorbed it");
        assert_eq!(merges.unmerge(2, 30, 4), Some(Parted { rest: vec![5, 3], piece: vec![2, 1] }));
        assert_eq!((merges.roots.of(1), merges.roots.of(3)), (2, 5));
        let at = |t| merges.edges().as_of(t, &merges.roots).map(|r| (r.members(1), r.members(5)));
        assert_eq!(at(4), Some((vec![1], vec![5])));
        assert_eq!(at(7), Some((vec![1], vec![5, 3])));
        assert_eq!(at(19), None, "as it is now: the merge of 20 was taken back");
        assert_eq!(at(29), Some((vec![5, 1, 2, 3], vec![5, 1, 2, 3])));
        assert_eq!(at(30), None, "as it is now");
    }

    #[test]
    fn as_of_any_time_there_is_no_ring() {
        let mut merges = Merges::default();
        merges.merge(1, 0, 10, 1);
        merges.unmerge(0, 20, 2);
        merges.merge(0, 1, 15, 3);
        assert_eq!(merges.edges().get(1).since, 20, "not before what was taken back");
        let as_of = |at| merges.edges().as_of(at, &merges.roots);
        assert_eq!(as_of(16).map(|r| r.of(0)), Some(1));
        assert_eq!((as_of(20), merges.roots.of(1)), (None, 0));
        let again = Merges::of(merges.edges().iter().copied().collect(), merges.floor(), 3);
        assert_eq!(again.roots, merges.roots);
    }
}
