//! The identifiers of one entity type, and whose each one is and was.
//!
//! A value belongs to one entity at a time. An unbind ends that from a time on; what happened before still belongs to whom it belonged to then.

use crate::limit::NO_SUBJECT;
use hashbrown::{DefaultHashBuilder, HashTable};
use serde::{Deserialize, Serialize};
use std::hash::BuildHasher;

/// One identifier: about 100 bytes and its text. Its bytes (postcard) are a promise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identifier {
    /// Index into the names of the book.
    pub(super) identity: u16,
    /// Empty: forgotten.
    pub(super) value: Box<str>,
    /// [`NO_SUBJECT`] when it is nobody's.
    pub(super) owner: u32,
    /// When that became known.
    pub(super) since: i64,
    /// Until when it was whose, the oldest first.
    pub(super) past: Vec<(i64, u32)>,
    /// The next identifier of the same owner.
    #[serde(skip)]
    sibling: Option<u32>,
}

/// All identifiers of one entity type.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// Names of identities, in the order in which they were first seen.
    names: Vec<Box<str>>,
    all: Vec<Identifier>,
    /// Places in `all`, by identity and value. Seeded at random, so that nobody can choose values that collide.
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// The first identifier of each owner, by ordinal.
    first: Vec<Option<u32>>,
    /// Numbers of what is forgotten, to be given again.
    free: Vec<u32>,
}

impl Book {
    /// Of a checkpoint.
    pub(super) fn of(names: Vec<Box<str>>, all: Vec<Identifier>) -> Book {
        let mut book = Book { names, ..Book::default() };
        book.all.reserve(all.len());
        for identifier in all {
            let (owner, at) = (identifier.owner, book.all.len() as u32);
            book.all.push(Identifier { owner: NO_SUBJECT, ..identifier });
            book.enter(at);
            if owner != NO_SUBJECT {
                let since = book.all[at as usize].since;
                book.bind(at, owner, since);
            }
        }
        book
    }

    pub(super) fn names(&self) -> &[Box<str>] {
        &self.names
    }

    pub(super) fn name(&self, identity: u16) -> &str {
        self.names.get(usize::from(identity)).map_or("", |n| n)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len() - self.free.len()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Identifier> {
        self.all.iter().filter(|i| !i.value.is_empty())
    }

    pub(super) fn get(&self, number: u32) -> &Identifier {
        &self.all[number as usize]
    }

    fn identity(&self, name: &str) -> Option<u16> {
        self.names.iter().position(|n| **n == *name).map(|i| i as u16)
    }

    pub(super) fn find(&self, name: &str, value: &str) -> Option<u32> {
        let identity = self.identity(name)?;
        let hash = self.hasher.hash_one((identity, value));
        self.table.find(hash, |i| is(&self.all[*i as usize], identity, value)).copied()
    }

    /// The number of an identifier; one that was never seen is nobody's.
    pub(super) fn number(&mut self, name: &str, value: &str) -> u32 {
        if let Some(known) = self.find(name, value) {
            return known;
        }
        let identity = self.identity(name).unwrap_or_else(|| {
            self.names.push(name.into());
            self.names.len() as u16 - 1
        });
        let number = self.free.pop().unwrap_or_else(|| {
            self.all.push(Identifier::default());
            self.all.len() as u32 - 1
        });
        self.all[number as usize] = Identifier { identity, value: value.into(), owner: NO_SUBJECT, ..Identifier::default() };
        self.enter(number);
        number
    }

    fn enter(&mut self, number: u32) {
        let Book { all, table, hasher, .. } = self;
        let hash = |i: &Identifier| hasher.hash_one((i.identity, &*i.value));
        table.insert_unique(hash(&all[number as usize]), number, |n| hash(&all[*n as usize]));
    }

    /// Whose it was at a time.
    pub(super) fn owner_at(&self, number: u32, time: i64) -> Option<u32> {
        let i = &self.all[number as usize];
        let past = i.past.iter().find(|(until, _)| time < *until).map(|(_, owner)| *owner);
        past.or(Some(i.owner).filter(|o| *o != NO_SUBJECT))
    }

    /// It is nobody's, and becomes somebody's.
    pub(super) fn bind(&mut self, number: u32, owner: u32, at: i64) {
        if self.first.len() <= owner as usize {
            self.first.resize(owner as usize + 1, None);
        }
        let i = &mut self.all[number as usize];
        (i.owner, i.since) = (owner, at);
        i.sibling = self.first[owner as usize].replace(number);
    }

    /// It is nobody's from a time on: from which.
    pub(super) fn unbind(&mut self, number: u32, at: i64) -> Option<i64> {
        let i = &self.all[number as usize];
        let (owner, last) = (i.owner, i.past.last().map_or(i64::MIN, |(until, _)| *until));
        if owner == NO_SUBJECT {
            return None;
        }
        self.leave(number);
        self.all[number as usize].past.push((at.max(last), owner));
        Some(at.max(last))
    }

    /// Out of the list of its owner.
    fn leave(&mut self, number: u32) {
        let (owner, sibling) = {
            let i = &mut self.all[number as usize];
            (std::mem::replace(&mut i.owner, NO_SUBJECT), i.sibling.take())
        };
        let mut at = self.first[owner as usize];
        if at == Some(number) {
            self.first[owner as usize] = sibling;
            return;
        }
        while let Some(before) = at {
            at = self.all[before as usize].sibling;
            if at == Some(number) {
                self.all[before as usize].sibling = sibling;
            }
        }
    }

    /// The identifiers that are an owner's now.
    pub(super) fn of_owner(&self, owner: u32) -> impl Iterator<Item = (u32, &Identifier)> {
        let mut at = self.first.get(owner as usize).copied().flatten();
        std::iter::from_fn(move || {
            let number = at?;
            let identifier = &self.all[number as usize];
            at = identifier.sibling;
            Some((number, identifier))
        })
    }

    /// Nothing says any more that these were whose they were. What is nobody's then is forgotten with its value.
    pub(super) fn forget(&mut self, owners: &std::collections::HashSet<u32>) {
        for number in 0..self.all.len() as u32 {
            let i = &mut self.all[number as usize];
            i.past.retain(|(_, owner)| !owners.contains(owner));
            if owners.contains(&i.owner) {
                self.leave(number);
            }
            self.drop_unowned(number);
        }
    }

    /// Forgets an identifier that is nobody's and never was.
    pub(super) fn drop_unowned(&mut self, number: u32) {
        let i = &self.all[number as usize];
        if i.value.is_empty() || i.owner != NO_SUBJECT || !i.past.is_empty() {
            return;
        }
        let hash = self.hasher.hash_one((i.identity, &*i.value));
        if let Ok(entry) = self.table.find_entry(hash, |n| *n == number) {
            entry.remove();
        }
        self.all[number as usize] = Identifier { owner: NO_SUBJECT, ..Identifier::default() };
        self.free.push(number);
    }
}

fn is(identifier: &Identifier, identity: u16, value: &str) -> bool {
    identifier.identity == identity && *identifier.value == *value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_owner(book: &Book, owner: u32) -> Vec<&str> {
        let mut values: Vec<&str> = book.of_owner(owner).map(|(_, i)| &*i.value).collect();
        values.sort_unstable();
        values
    }

    #[test]
    fn an_identifier_is_whose_it_was_at_the_time() {
        let mut book = Book::default();
        let [a, b] = ["a", "b"].map(|v| book.number("phone", v));
        assert_eq!((book.number("phone", "a"), book.find("phone", "c"), book.find("mail", "a")), (a, None, None));
        book.bind(a, 7, 10);
        book.bind(b, 7, 11);
        assert_eq!((of_owner(&book, 7), book.owner_at(a, i64::MIN)), (vec!["a", "b"], Some(7)), "what was before is its owner's, too");
        book.unbind(a, 20);
        assert_eq!((book.owner_at(a, 19), book.owner_at(a, 20), of_owner(&book, 7)), (Some(7), None, vec!["b"]));
        book.bind(a, 3, 25);
        book.unbind(a, 15);
        book.unbind(a, 16);
        book.bind(a, 4, 30);
        assert_eq!((book.owner_at(a, 19), book.owner_at(a, 20), of_owner(&book, 3)), (Some(7), Some(4), vec![]), "not before it was free");
        let again = Book::of(book.names().to_vec(), book.all().cloned().collect());
        assert_eq!((again.owner_at(a, 5), again.owner_at(a, 21), of_owner(&again, 4)), (Some(7), Some(4), vec!["a"]));
    }

    #[test]
    fn what_is_forgotten_leaves_no_value() {
        let mut book = Book::default();
        let [a, b, c] = ["a", "b", "c"].map(|v| book.number("phone", v));
        [(a, 1), (b, 1), (c, 2)].into_iter().for_each(|(i, owner)| book.bind(i, owner, 0));
        book.unbind(b, 5);
        book.bind(b, 2, 6);
        book.forget(&[1].into());
        assert_eq!((book.find("phone", "a"), book.len(), of_owner(&book, 2)), (None, 2, vec!["b", "c"]));
        assert_eq!(book.owner_at(b, 4), Some(2));
        assert_eq!(book.number("phone", "a"), a, "its number is given again");
    }
}
