//! What the change log holds: the changes of one segment or tag in one commit.

use crate::{Cause, Commit};
use eql_catalog::Value;
use serde::{Deserialize, Serialize};

/// A tag's value of one entity became another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueChange {
    /// Key of the entity, one value a key column.
    pub entity: Vec<Value>,
    /// The value before; NULL where there was none.
    pub old: Value,
    /// The value now; NULL where there is none.
    pub new: Value,
    /// The instant of the change in microseconds.
    pub at: i64,
    /// Why.
    pub cause: Cause,
}

/// The net changes of a tag in one commit: an entity stands in it at most once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueCommit {
    /// Position in the log up to which rows are seen.
    pub position: u64,
    /// The clock in microseconds.
    pub clock: i64,
    /// Version of the tag's definition.
    pub version: u32,
    /// What changed.
    pub changes: Vec<ValueChange>,
}

/// What changed: members of a segment, or values of a tag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Changed {
    /// Of a segment.
    Members(Commit),
    /// Of a tag.
    Values(ValueCommit),
}

impl Changed {
    /// Position and clock of the commit.
    pub fn place(&self) -> (u64, i64) {
        match self {
            Changed::Members(c) => (c.position, c.clock),
            Changed::Values(c) => (c.position, c.clock),
        }
    }

    /// Version of the definition.
    pub fn version(&self) -> u32 {
        match self {
            Changed::Members(c) => c.version,
            Changed::Values(c) => c.version,
        }
    }

    /// How many entities changed.
    pub fn len(&self) -> usize {
        match self {
            Changed::Members(c) => c.changes.len(),
            Changed::Values(c) => c.changes.len(),
        }
    }

    /// Whether none did.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A record of the change log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Counts all records of the log, from 1.
    pub number: u64,
    /// The segment or tag.
    pub source: u32,
    /// What changed.
    pub changed: Changed,
}
