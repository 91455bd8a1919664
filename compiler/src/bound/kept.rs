//! Segments and tags: what is stored of them, and how a version is made.

use super::{Clock, EntityValue, Query};
use eql_catalog::{Change, EntityTypeId};

/// What has members or values that are stored, with versions.
#[derive(Clone, Debug, PartialEq)]
pub enum Kept {
    /// A segment, by name.
    Segment(String),
    /// A tag of an entity type, by name.
    Tag(String),
}

/// A stored membership or value of an entity.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptValue {
    /// What.
    pub kept: Kept,
    /// The version of an earlier instant, the clock's AS OF; without one, the present one.
    pub clock: Clock,
    /// What it is while no version was made: the definition, evaluated.
    pub otherwise: Option<EntityValue>,
}

/// A query whose rows begin with an entity's key: what it says of the entity.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The key columns, then for [`Told::value`] the value.
    pub query: Query,
    /// True: the value of the first row with the entity's key. False: whether there is such a row.
    pub value: bool,
}

/// A refresh of a segment or a tag, or its first version.
#[derive(Clone, Debug, PartialEq)]
pub struct Refresh {
    /// The definition that comes into force with the version.
    pub change: Option<Change>,
    /// What is made.
    pub kept: Kept,
    /// Whose.
    pub entity: EntityTypeId,
    /// Key columns, then for a tag the value, or the values that clusters are made of.
    pub query: Query,
    /// So many clusters are made of the values: kmeans.
    pub clusters: Option<u64>,
    /// KEEP: microseconds after which a version goes.
    pub keep: Option<u64>,
    /// Only the definition is made while no entity is known: what is refreshed later needs no empty version.
    pub later: bool,
    /// For the user.
    pub words: String,
}
