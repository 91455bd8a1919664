//! SUBSCRIBE, bound.

use super::Output;
use eql_catalog::{EntityTypeId, EventTypeId};
use eql_grammar::ast;

/// A subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscribe {
    /// What is followed.
    pub follows: Follows,
    /// What is shown beside each change of a segment.
    pub payload: Option<Payload>,
    /// Where it begins.
    pub from: SubscribedFrom,
}

/// What a subscription follows.
#[derive(Clone, Debug, PartialEq)]
pub enum Follows {
    /// A streaming segment.
    Segment {
        /// Its name.
        name: String,
        /// Its entity type.
        entity: EntityTypeId,
        /// Who enters is reported.
        enter: bool,
        /// Who leaves is reported.
        exit: bool,
    },
    /// A stored tag.
    Tag {
        /// Its name.
        name: String,
        /// Its entity type.
        entity: EntityTypeId,
    },
    /// Events.
    Events(Vec<FollowedEvents>),
}

/// New rows of event types.
#[derive(Clone, Debug, PartialEq)]
pub struct FollowedEvents {
    /// The SELECT of all rows that fit.
    pub statement: ast::Statement,
    /// Its columns.
    pub output: Vec<Output>,
    /// The event types that may have such rows.
    pub types: Vec<EventTypeId>,
}

/// What is shown beside each change.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// The FIND of everybody, without a condition.
    pub statement: ast::Statement,
    /// Its columns: the key first.
    pub output: Vec<Output>,
}

/// Where a subscription begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubscribedFrom {
    /// With what happens from now on.
    Now,
    /// With everybody who is a member, or has a value.
    Snapshot,
    /// Behind what was delivered.
    Cursor(String),
}
