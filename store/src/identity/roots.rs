//! Who stands for whom: the ordinals of merged entities lead to the one that they all are.

/// Ordinal → the ordinal that stands for it. Entities that were merged with nobody stand for themselves and cost nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Roots {
    /// Shorter than there are entities: those past the end stand for themselves.
    root: Vec<u32>,
    /// The next ordinal of the same entity, in a ring.
    next: Vec<u32>,
    /// How many others stand for.
    absorbed: u32,
    /// The position of the last change, and as of when: what caches tell contents apart by.
    pub(crate) stamp: (u64, i64),
}

impl Roots {
    /// True when nobody is merged: the way of almost all stores.
    pub(crate) fn is_empty(&self) -> bool {
        self.absorbed == 0
    }

    /// How many entities are not shown because others stand for them.
    pub(crate) fn absorbed(&self) -> u32 {
        self.absorbed
    }

    /// The ordinal that stands for one.
    pub(crate) fn of(&self, ordinal: u32) -> u32 {
        self.root.get(ordinal as usize).copied().unwrap_or(ordinal)
    }

    fn next(&self, ordinal: u32) -> u32 {
        self.next.get(ordinal as usize).copied().unwrap_or(ordinal)
    }

    /// All ordinals of the same entity: the one that stands for them first, the others rising.
    pub(crate) fn members(&self, ordinal: u32) -> Vec<u32> {
        let root = self.of(ordinal);
        let mut others = Vec::new();
        let mut at = self.next(root);
        while at != root {
            others.push(at);
            at = self.next(at);
        }
        others.sort_unstable();
        others.insert(0, root);
        others
    }

    /// Those that stand for others, rising.
    pub(crate) fn standing(&self) -> impl Iterator<Item = u32> + '_ {
        self.root
            .iter()
            .zip(&self.next)
            .enumerate()
            .filter(|(i, (root, next))| **root as usize == *i && **next != **root)
            .map(|(i, _)| i as u32)
    }

    /// The ordinals that others stand for, rising.
    pub(crate) fn hidden(&self) -> impl Iterator<Item = u32> + '_ {
        self.root.iter().enumerate().filter(|(i, root)| **root as usize != *i).map(|(i, _)| i as u32)
    }

    /// Of marks by ordinal: the one that stands for others has a mark when one of them has it, and they have none.
    pub(crate) fn any(&self, marks: &[bool]) -> Vec<bool> {
        let mut out = marks.to_vec();
        for ordinal in self.hidden().filter(|o| marks.get(*o as usize) == Some(&true)) {
            let root = self.of(ordinal) as usize;
            out.resize(out.len().max(root + 1), false);
            out[root] = true;
        }
        self.hidden().for_each(|o| out.get_mut(o as usize).into_iter().for_each(|mark| *mark = false));
        out
    }

    /// Two that stand for themselves become one.
    pub(crate) fn join(&mut self, survivor: u32, absorbed: u32) {
        self.reach(survivor.max(absorbed));
        for ordinal in self.members(absorbed) {
            self.root[ordinal as usize] = survivor;
        }
        self.next.swap(survivor as usize, absorbed as usize);
        self.absorbed += 1;
    }

    /// Takes an entity apart into two: each a list whose first one stands for the rest.
    pub(crate) fn part(&mut self, pieces: [&[u32]; 2]) {
        for piece in pieces {
            for (i, ordinal) in piece.iter().enumerate() {
                self.root[*ordinal as usize] = piece[0];
                self.next[*ordinal as usize] = piece[(i + 1) % piece.len()];
            }
        }
        self.absorbed -= 1;
    }

    fn reach(&mut self, ordinal: u32) {
        let len = ordinal as usize + 1;
        if self.root.len() < len {
            let grown = self.root.len() as u32..len as u32;
            self.root.extend(grown.clone());
            self.next.extend(grown);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_are_joined_and_parted() {
        let mut roots = Roots::default();
        assert!(roots.is_empty() && roots.of(7) == 7 && roots.members(7) == [7]);
        roots.join(3, 1);
        roots.join(5, 4);
        roots.join(5, 3);
        assert_eq!((roots.members(1), roots.members(5), roots.of(4), roots.absorbed()), (vec![5, 1, 3, 4], vec![5, 1, 3, 4], 5, 3));
        assert_eq!((roots.standing().collect::<Vec<_>>(), roots.hidden().collect::<Vec<_>>()), (vec![5], vec![1, 3, 4]));
        roots.part([&[3, 1], &[5, 4]]);
        assert_eq!((roots.members(1), roots.members(4), roots.of(0), roots.absorbed()), (vec![3, 1], vec![5, 4], 0, 2));
        roots.part([&[3], &[1]]);
        roots.part([&[5], &[4]]);
        assert!(roots.is_empty() && roots.members(3) == [3] && roots.standing().next().is_none());
    }
}
