//! The identities of one entity type: what records do to them. Same log, same identities.

use super::book::Book;
use super::conflict::{Conflict, ConflictKind, Conflicts};
use super::merges::Merges;
use crate::StoreError;
use crate::entity::EntityState;
use crate::limit::{IDENTIFIERS_MAX, MERGES_MAX};
use eql_catalog::EntityTypeId;
use std::collections::HashSet;

/// Identifiers, merges and conflicts of one entity type.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    pub(super) book: Book,
    pub(super) merges: Merges,
    pub(super) conflicts: Conflicts,
    /// Entities that are known by identifiers alone.
    pub(super) anonymous: HashSet<u32>,
}

/// Entities that became one, or came apart: what a reader of commits must know beside the rows, whose ordinals stay as they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Their type.
    pub entity: EntityTypeId,
    /// It stands for the others from now on; of entities that come apart, for those that stay with it.
    pub survivor: u32,
    /// Those that it stands for now; of entities that come apart the ones that leave, of which the first stands for the rest.
    pub others: Vec<u32>,
    /// They come apart.
    pub apart: bool,
}

/// An identifier as a record says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said<'a> {
    pub(super) identity: &'a str,
    pub(super) value: &'a str,
}

/// When something is said: for whose an identifier is, and for when it became known.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    /// When it happened.
    pub(super) time: i64,
    /// When it arrived: readers of an earlier time do not know it.
    pub(super) at: i64,
}

/// One record at work.
pub(super) struct Act<'a> {
    pub(super) identities: &'a mut Identities,
    pub(super) entity: &'a mut EntityState,
    pub(super) position: u64,
    pub(super) joined: &'a mut Vec<Joined>,
}

impl Act<'_> {
    /// Whose an event is: of whom its key names, else of whom its identifiers name, the weightiest first, else of somebody new. All that it
    /// names is of one entity from now on, unless that contradicts what is known. Beside it stands which of the identifiers said so, when
    /// the key did not.
    pub(super) fn event<'s>(
        &mut self,
        key: Option<u32>,
        said: &[Said<'s>],
        when: When,
    ) -> Result<(Option<u32>, Option<Said<'s>>), StoreError> {
        let Some(weightiest) = said.first() else { return Ok((key, None)) };
        let numbers: Vec<u32> = said.iter().map(|s| self.identities.book.number(s.identity, s.value)).collect();
        let owner = |n: &u32| self.identities.book.owner_at(*n, when.time);
        let (whose, by) = match key {
            Some(ordinal) => (ordinal, None),
            None => match numbers.iter().zip(said).find_map(|(n, by)| Some((owner(n)?, *by))) {
                Some((ordinal, by)) => {
                    self.entity.revive_one(ordinal, self.position)?;
                    (ordinal, Some(by))
                }
                None => (self.somebody(weightiest)?, Some(*weightiest)),
            },
        };
        numbers.into_iter().for_each(|number| self.bind(whose, number, when));
        Ok((Some(whose), by))
    }

    /// A known entity without a key of its own.
    fn somebody(&mut self, said: &Said<'_>) -> Result<u32, StoreError> {
        let ordinal = self.entity.add_anonymous(&format!("{}:{}", said.identity, said.value), self.position)?;
        self.identities.anonymous.insert(ordinal);
        Ok(ordinal)
    }

    /// An identifier becomes an entity's, or shows that two of them are one.
    pub(super) fn bind(&mut self, ordinal: u32, number: u32, when: When) {
        match self.identities.book.owner_at(number, when.time) {
            Some(owner) => self.meet(ordinal, owner, number, when.at),
            None => {
                if let Some(kind) = self.hindrance(ordinal, number) {
                    self.conflict(kind, number, ordinal, None, when.at);
                    return self.identities.book.drop_unowned(number);
                }
                self.identities.book.bind(number, ordinal, when.at);
            }
        }
    }

    /// Why an entity cannot have one more identifier.
    fn hindrance(&self, ordinal: u32, number: u32) -> Option<ConflictKind> {
        let identity = self.identities.book.get(number).identity;
        let unique = self.is_unique(identity);
        let mut count = 0;
        for member in self.identities.merges.roots.members(ordinal) {
            for (_, known) in self.identities.book.of_owner(member) {
                count += 1;
                if unique && known.identity == identity {
                    return Some(ConflictKind::Unique);
                }
            }
        }
        (count >= IDENTIFIERS_MAX).then_some(ConflictKind::TooManyIdentifiers)
    }

    fn is_unique(&self, identity: u16) -> bool {
        let name = self.identities.book.name(identity);
        self.entity.definition().identities.iter().any(|i| i.unique && i.name == name)
    }

    /// An identifier is of somebody else: of two known ones nobody says so, and an anonymous one is the other.
    fn meet(&mut self, ordinal: u32, owner: u32, number: u32, at: i64) {
        let (mine, other) = (self.root(ordinal), self.root(owner));
        if mine == other {
            return;
        }
        match (self.is_known(mine), self.is_known(other)) {
            (true, true) => self.conflict(ConflictKind::Taken, number, ordinal, Some(owner), at),
            (true, false) => self.join(mine, other, at),
            (false, true) => self.join(other, mine, at),
            (false, false) => self.join(mine.min(other), mine.max(other), at),
        }
    }

    /// Two entities are one, somebody says. The first one stands for both, unless it alone is anonymous.
    pub(super) fn merge(&mut self, into: u32, other: u32, at: i64) {
        let (into, other) = (self.root(into), self.root(other));
        if into == other {
            return;
        }
        match self.is_known(other) && !self.is_known(into) {
            true => self.join(other, into, at),
            false => self.join(into, other, at),
        }
    }

    fn join(&mut self, survivor: u32, absorbed: u32, at: i64) {
        let Identities { book, merges, .. } = &*self.identities;
        let (ours, theirs) = (merges.roots.members(survivor), merges.roots.members(absorbed));
        let limit = |kind| Conflict {
            kind,
            identity: "".into(),
            value: "".into(),
            ordinal: survivor,
            other: Some(absorbed),
            first_at: at,
            last_at: at,
            times: 1,
        };
        if ours.len() + theirs.len() > MERGES_MAX + 1 {
            return self.identities.conflicts.note(limit(ConflictKind::TooManyMerges));
        }
        let all = |members: &[u32]| members.iter().flat_map(|m| book.of_owner(*m)).map(|(n, _)| n).collect::<Vec<u32>>();
        let (mine, other) = (all(&ours), all(&theirs));
        if mine.len() + other.len() > IDENTIFIERS_MAX {
            return self.identities.conflicts.note(limit(ConflictKind::TooManyIdentifiers));
        }
        let same = |a: u32, b: u32| book.get(a).identity == book.get(b).identity;
        let in_the_way = other.iter().filter(|b| self.is_unique(book.get(**b).identity) && mine.iter().any(|a| same(*a, **b)));
        // The least of them, so that it does not depend on the order in which they are listed.
        let in_the_way = in_the_way.min_by_key(|n| (book.name(book.get(**n).identity), &*book.get(**n).value)).copied();
        if let Some(number) = in_the_way {
            return self.conflict(ConflictKind::Unique, number, survivor, Some(absorbed), at);
        }
        self.identities.merges.merge(survivor, absorbed, at, self.position);
        self.joined.push(Joined { entity: self.entity.definition().id, survivor, others: theirs, apart: false });
    }

    /// It is the entity's no more, from a time on. What is not its own stays as it is.
    /// From when on.
    pub(super) fn unbind(&mut self, ordinal: u32, said: Said<'_>, at: i64) -> Option<i64> {
        let number = self.identities.book.find(said.identity, said.value)?;
        let owner = self.identities.book.owner_at(number, i64::MAX)?;
        if self.root(owner) == self.root(ordinal) { self.identities.book.unbind(number, at) } else { None }
    }

    /// Somebody new is known by an identifier that is nobody's.
    pub(super) fn anonymous(&mut self, said: Said<'_>, at: i64) -> Result<u32, StoreError> {
        let ordinal = self.somebody(&said)?;
        let number = self.identities.book.number(said.identity, said.value);
        self.bind(ordinal, number, When { time: i64::MAX, at });
        Ok(ordinal)
    }

    /// Takes back what made two of them one: the other one leaves, with all that had been merged into it.
    pub(super) fn unmerge(&mut self, ordinal: u32, other: u32, at: i64) {
        if self.root(ordinal) != self.root(other) || ordinal == other {
            return;
        }
        let leaves = self.identities.merges.below(ordinal, other).unwrap_or(other);
        if let Some(parted) = self.identities.merges.unmerge(leaves, at, self.position) {
            let survivor = parted.rest[0];
            self.joined.push(Joined { entity: self.entity.definition().id, survivor, others: parted.piece, apart: true });
        }
    }

    /// Whose an identifier is now.
    pub(super) fn owner(&self, said: Said<'_>) -> Option<u32> {
        let number = self.identities.book.find(said.identity, said.value)?;
        self.identities.book.owner_at(number, i64::MAX)
    }

    fn root(&self, ordinal: u32) -> u32 {
        self.identities.merges.roots.of(ordinal)
    }

    fn is_known(&self, ordinal: u32) -> bool {
        !self.identities.anonymous.contains(&ordinal)
    }

    fn conflict(&mut self, kind: ConflictKind, number: u32, ordinal: u32, other: Option<u32>, at: i64) {
        let identifier = self.identities.book.get(number);
        let (identity, value) = (self.identities.book.name(identifier.identity).into(), identifier.value.clone());
        self.identities.conflicts.note(Conflict { kind, identity, value, ordinal, other, first_at: at, last_at: at, times: 1 });
    }
}

impl Identities {
    /// Nothing is known of these any more; who was merged with whom stays, as their ordinals do.
    pub(crate) fn forget(&mut self, ordinals: &HashSet<u32>) {
        self.book.forget(ordinals);
        self.conflicts.forget(ordinals);
    }
}
