//! STICKINESS, bound.

use super::{Breakdown, Clock, ColumnId, EntityValue, EventSelect, Every, TimeRange, Top};
use eql_catalog::EntityTypeId;

/// STICKINESS, bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Stickiness {
    /// Whose timeline.
    pub subject: EntityTypeId,
    /// By which role.
    pub role: Option<String>,
    /// Which subjects.
    pub among: Option<EntityValue>,
    /// What makes an entity active.
    pub events: EventSelect,
    /// Which events count.
    pub during: TimeRange,
    /// The sub-periods that are counted.
    pub every: Every,
    /// The periods in which they are counted; None is the whole range.
    pub over: Option<(ColumnId, Every)>,
    /// Groups, each counted by itself.
    pub breakdown: Vec<Breakdown>,
    /// Cut to the greatest groups.
    pub top: Option<Top>,
    /// Result columns: active_periods, entities.
    pub output: [ColumnId; 2],
    /// SHOW ENTITIES: key columns of a row for every entity, in place of the count.
    pub listed: Option<Vec<ColumnId>>,
    /// Zone and AS OF.
    pub clock: Clock,
}
