//! # eql-catalog: the nouns
//!
//! Entity and event types, their properties, relations, sessions, metrics, tags and segments.
//! A [`Catalog`] is immutable and versioned: a [`Change`] makes the next one. It knows no syntax tree and no storage:
//! definitions that are expressions are kept as canonical text, which the compiler reads.
//!
//! ```text
//! Change → Catalog::apply → the next Catalog
//! ```
//! Start with [`Catalog`].
#![forbid(unsafe_code)]

mod catalog;
mod change;
mod data_type;
mod noun;
mod value;

pub use catalog::{Catalog, Resolved};
pub use change::{CatalogError, Change, NounKind, Object};
pub use data_type::DataType;
pub use noun::{
    EntityType, EntityTypeId, EventType, EventTypeId, Identity, Metric, Noun, Owner, Participant, Property, PropertyId, Relation, Segment,
    SegmentMode, SessionRule, Tag, VirtualEvent, VirtualProperty, WeekStart,
};
pub use value::{Value, parse_date, parse_timestamp};
