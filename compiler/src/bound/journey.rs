//! JOURNEY, bound.

use super::{Clock, ColumnId, EntityValue, EventSelect, ScanColumn, TimeRange};
use eql_catalog::{EntityTypeId, Value};

/// JOURNEY, bound: event rows of one entity.
#[derive(Clone, Debug, PartialEq)]
pub struct Journey {
    /// Of which type.
    pub subject: EntityTypeId,
    /// By which role.
    pub role: Option<String>,
    /// Its key; nobody has an unknown one, so nothing happened.
    pub key: Vec<Value>,
    /// The entity must be one of these.
    pub among: Option<EntityValue>,
    /// Which events.
    pub events: EventSelect,
    /// When; None is all time.
    pub during: Option<TimeRange>,
    /// What is needed of the rows.
    pub columns: Vec<ScanColumn>,
    /// The row's place in the order of the timeline.
    pub place: ColumnId,
    /// Zone and AS OF.
    pub clock: Clock,
}
