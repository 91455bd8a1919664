//! What subscribers hear.

use eql_catalog::Value;
use serde::{Deserialize, Serialize};

/// Whether an entity came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// It is a member from now on.
    Enter,
    /// It is none any more.
    Exit,
}

/// Why a membership changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// An event that arrived in its time.
    Event,
    /// Nothing happened: a window moved on.
    Time,
    /// An event from before what had been seen of its entity (rule 15).
    Late,
    /// The row of an entity changed.
    Property,
    /// Two entities turned out to be one (rule 16).
    Merge,
    /// The segment was defined anew.
    Definition,
    /// Rows were erased.
    Erase,
}

/// One change of one membership.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Key of the entity, one value a key column.
    pub entity: Vec<Value>,
    /// Whether it came or went.
    pub direction: Direction,
    /// The instant of the change in microseconds: the clock of its commit, or the end of the window that moved on.
    pub at: i64,
    /// Why.
    pub cause: Cause,
}

/// The net changes of one segment in one commit: an entity stands in it at most once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// Position in the log up to which rows are seen.
    pub position: u64,
    /// The clock in microseconds: all that is due up to it has happened.
    pub clock: i64,
    /// Version of the segment's definition.
    pub version: u32,
    /// What changed, by entity in the order of ordinals.
    pub changes: Vec<Change>,
}
