//! Who is who, in plain maps: devices and whose they are, and users that were merged into others.

use super::truth::{Row, User};
use std::collections::BTreeMap;

/// Users from here on are known by a device alone: its number is added.
pub(crate) const ANONYMOUS: i64 = 1000;

/// Keys as the store has them.
pub(crate) fn key(user: i64) -> String {
    if user >= ANONYMOUS { format!("$device:{}", device(user - ANONYMOUS)) } else { format!("u{user}") }
}

/// A device as events name it.
pub(crate) fn device(n: i64) -> String {
    format!("d{n}")
}

/// The other way round.
pub(crate) fn user(key: &str) -> i64 {
    let number = |text: &str| text.parse::<i64>().ok();
    let anonymous = key.strip_prefix("$device:d").and_then(number).map(|n| n + ANONYMOUS);
    anonymous.or_else(|| key.strip_prefix('u').and_then(number)).unwrap_or_else(|| panic!("{key}"))
}

#[derive(Debug, Default)]
pub(crate) struct People {
    /// Absorbed → the one that it was merged into.
    into: BTreeMap<i64, i64>,
    /// Device → user.
    owner: BTreeMap<i64, i64>,
    /// Those without a key, in the order in which they came.
    born: BTreeMap<i64, usize>,
    births: usize,
}

impl People {
    pub(crate) fn root(&self, user: i64) -> i64 {
        self.into.get(&user).map_or(user, |next| self.root(*next))
    }

    /// Everybody of `users` who is the same as one.
    pub(crate) fn group(&self, user: i64, users: &BTreeMap<i64, User>) -> Vec<i64> {
        let root = self.root(user);
        users.keys().copied().filter(|u| self.root(*u) == root).collect()
    }

    pub(crate) fn is_hidden(&self, user: i64) -> bool {
        self.into.contains_key(&user)
    }

    pub(crate) fn has_devices(&self, group: &[i64]) -> bool {
        group.iter().any(|u| *u >= ANONYMOUS) || self.owner.values().any(|o| group.contains(o))
    }

    /// Whose an event is.
    pub(crate) fn event(&mut self, keyed: Option<i64>, devices: &[i64]) -> i64 {
        let whose = keyed.or_else(|| devices.iter().find_map(|d| self.owner.get(d).copied())).unwrap_or_else(|| {
            let somebody = ANONYMOUS + devices[0];
            self.births += 1;
            self.born.insert(somebody, self.births);
            somebody
        });
        devices.iter().for_each(|d| self.bind(whose, *d));
        whose
    }

    pub(crate) fn bind(&mut self, user: i64, device: i64) {
        let owner = *self.owner.entry(device).or_insert(user);
        let (mine, other) = (self.root(user), self.root(owner));
        if mine == other {
            return;
        }
        match (mine < ANONYMOUS, other < ANONYMOUS) {
            (true, true) => {}
            (true, false) => drop(self.into.insert(other, mine)),
            (false, true) => drop(self.into.insert(mine, other)),
            (false, false) if self.born[&mine] < self.born[&other] => drop(self.into.insert(other, mine)),
            (false, false) => drop(self.into.insert(mine, other)),
        }
    }

    pub(crate) fn merge(&mut self, into: i64, other: i64) {
        let (into, other) = (self.root(into), self.root(other));
        if into != other {
            let swapped = other < ANONYMOUS && into >= ANONYMOUS;
            let (survivor, absorbed) = if swapped { (other, into) } else { (into, other) };
            self.into.insert(absorbed, survivor);
        }
    }

    pub(crate) fn unmerge(&mut self, user: i64, other: i64) {
        if user == other || self.root(user) != self.root(other) {
            return;
        }
        let mut at = user;
        while let Some(next) = self.into.get(&at).copied() {
            if next == other {
                self.into.remove(&at);
                return;
            }
            at = next;
        }
        self.into.remove(&other);
    }

    /// Nothing of a whole group is known any more.
    pub(crate) fn erase(&mut self, group: &[i64]) {
        self.into.retain(|absorbed, _| !group.contains(absorbed));
        self.owner.retain(|_, owner| !group.contains(owner));
        self.born.retain(|user, _| !group.contains(user));
    }
}

/// What merged users have together: rows in the order of time, of properties the latest.
pub(crate) fn together(group: &[i64], rows: &BTreeMap<i64, Vec<Row>>, users: &BTreeMap<i64, User>) -> (Vec<Row>, User) {
    let mut all: Vec<Row> = group.iter().filter_map(|u| rows.get(u)).flatten().cloned().collect();
    all.sort_by_key(|r| (r.time, r.sequence));
    let members: Vec<&User> = group.iter().filter_map(|u| users.get(u)).collect();
    let latest = |there: &dyn Fn(&User) -> bool| members.iter().copied().filter(|u| there(u)).max_by_key(|u| u.told);
    let user = User {
        city: latest(&|u| u.city.is_some()).and_then(|u| u.city),
        age: latest(&|u| u.age.is_some()).and_then(|u| u.age),
        known: members.iter().any(|u| u.known),
        told: 0,
    };
    (all, user)
}
