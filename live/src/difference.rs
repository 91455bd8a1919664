//! What a change is: members now beside those that were published.

use crate::log::{Changed, Members};
use crate::{Cause, Change, Commit, Direction, ValueChange, ValueCommit};
use eql_catalog::Value;
use std::collections::HashMap;

/// Members, or the values of a tag, as they were published last: compared with what they are now.
#[derive(Debug, Default)]
pub struct Difference {
    published: HashMap<Vec<u8>, Value>,
}

/// One entity of a difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Differs {
    /// Its key.
    pub entity: Vec<Value>,
    /// Its value before; None when it was no member.
    pub old: Option<Value>,
    /// Its value now; None when it is no member.
    pub new: Option<Value>,
}

impl Difference {
    /// Begins with what was published.
    pub fn of(members: Members) -> Difference {
        Difference { published: members.rows.into_iter().map(|(key, value)| (bytes(&key), value)).collect() }
    }

    /// Who differs, in the order given and then those who left; afterwards what is given counts as published.
    pub fn to(&mut self, now: Vec<(Vec<Value>, Value)>) -> Vec<Differs> {
        let mut next = HashMap::with_capacity(now.len());
        let mut differs = Vec::new();
        for (entity, value) in now {
            let key = bytes(&entity);
            let old = self.published.remove(&key);
            if old.as_ref() != Some(&value) {
                differs.push(Differs { entity, old, new: Some(value.clone()) });
            }
            next.insert(key, value);
        }
        let gone = self.published.drain().map(|(key, old)| (key, Some(old)));
        let mut gone: Vec<(Vec<u8>, Option<Value>)> = gone.collect();
        gone.sort_by(|a, b| a.0.cmp(&b.0));
        differs.extend(gone.into_iter().map(|(key, old)| Differs {
            entity: postcard::from_bytes(&key).unwrap_or_default(),
            old,
            new: None,
        }));
        self.published = next;
        differs
    }
}

fn bytes(key: &[Value]) -> Vec<u8> {
    // Values into memory cannot fail.
    postcard::to_allocvec(key).unwrap_or_default()
}

impl Differs {
    /// The changes of a segment.
    pub fn members(all: Vec<Differs>, place: (u64, i64), version: u32, cause: impl Fn(&[Value]) -> Cause) -> Changed {
        let change = |d: Differs| Change {
            direction: if d.new.is_some() { Direction::Enter } else { Direction::Exit },
            at: place.1,
            cause: cause(&d.entity),
            entity: d.entity,
        };
        Changed::Members(Commit { position: place.0, clock: place.1, version, changes: all.into_iter().map(change).collect() })
    }

    /// The changes of a tag.
    pub fn values(all: Vec<Differs>, place: (u64, i64), version: u32, cause: impl Fn(&[Value]) -> Cause) -> Changed {
        let change = |d: Differs| ValueChange {
            old: d.old.unwrap_or(Value::Null),
            new: d.new.unwrap_or(Value::Null),
            at: place.1,
            cause: cause(&d.entity),
            entity: d.entity,
        };
        Changed::Values(ValueCommit { position: place.0, clock: place.1, version, changes: all.into_iter().map(change).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(keys: &[i64]) -> Vec<(Vec<Value>, Value)> {
        keys.iter().map(|k| (vec![Value::Int(*k)], Value::Null)).collect()
    }

    #[test]
    fn a_difference_is_what_came_and_what_went() {
        let mut difference = Difference::of(Members { rows: rows(&[1, 2, 3]), ..Members::default() });
        let got = difference.to(rows(&[3, 4]));
        let shown: Vec<(Value, bool)> = got.iter().map(|d| (d.entity[0].clone(), d.new.is_some())).collect();
        assert_eq!(shown, [(Value::Int(4), true), (Value::Int(1), false), (Value::Int(2), false)]);
        assert!(difference.to(rows(&[4, 3])).is_empty());
        let Changed::Members(commit) = Differs::members(got, (7, 9), 2, |_| Cause::Time) else { panic!() };
        assert_eq!((commit.position, commit.clock, commit.version, commit.changes.len()), (7, 9, 2, 3));
    }
}
