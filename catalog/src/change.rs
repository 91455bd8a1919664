//! What can happen to a catalog. Changes are records of the log: their serialised form is a promise.

use crate::noun::*;
use serde::{Deserialize, Serialize};

/// A definition in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Object {
    Entity(EntityType),
    Event(EventType),
    VirtualEvent(VirtualEvent),
    Property(VirtualProperty),
    Relation(Relation),
    Metric(Metric),
    Session(SessionRule),
    Tag(Tag),
    Segment(Segment),
}

/// The kinds of things that have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum NounKind {
    Entity,
    Event,
    Property,
    Relation,
    Metric,
    Session,
    Tag,
    Segment,
}

impl NounKind {
    /// The word users write, in lower case.
    pub fn word(self) -> &'static str {
        match self {
            NounKind::Entity => "entity",
            NounKind::Event => "event",
            NounKind::Property => "property",
            NounKind::Relation => "relation",
            NounKind::Metric => "metric",
            NounKind::Session => "session",
            NounKind::Tag => "tag",
            NounKind::Segment => "segment",
        }
    }
}

/// One change of a catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Define, or replace what has this name.
    Put(Box<Object>),
    /// Forget. The name is a path (`owner.name`) for properties and relations.
    Drop(NounKind, String),
    /// The clock of statements that set none: microseconds, or None for the server's own.
    SetClock(Option<i64>),
}

/// Why a change does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// Drop of an unknown name.
    #[error("no {0} `{1}` is defined")]
    Unknown(&'static str, String),
    /// Drop of something that others need.
    #[error("{0} `{1}` is used by {2}")]
    InUse(&'static str, String, String),
    /// Ids are used up.
    #[error("there is no room for another {0}: at most {1}")]
    Full(&'static str, usize),
}
