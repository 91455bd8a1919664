//! LIFECYCLE, bound.

use super::{Breakdown, Clock, ColumnId, EntityValue, EventSelect, Every, TimeRange, Top};
use eql_catalog::EntityTypeId;
use eql_grammar::ast::Phase;

/// LIFECYCLE, bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Lifecycle {
    /// Whose timeline.
    pub subject: EntityTypeId,
    /// By which role.
    pub role: Option<String>,
    /// Which subjects.
    pub among: Option<EntityValue>,
    /// What makes an entity active.
    pub events: EventSelect,
    /// Which periods are shown; events before it are the history.
    pub during: TimeRange,
    /// The periods.
    pub every: (ColumnId, Every),
    /// Groups, each with a history of its own.
    pub breakdown: Vec<Breakdown>,
    /// Cut to the greatest groups.
    pub top: Option<Top>,
    /// Result columns: new, returning, resurrecting, dormant.
    pub output: [ColumnId; 4],
    /// SHOW ENTITIES: a row for every entity, period and group in which it is something, in place of the counts.
    pub listed: Option<PhaseList>,
    /// Zone and AS OF.
    pub clock: Clock,
}

/// Entities of a lifecycle.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseList {
    /// Key columns.
    pub keys: Vec<ColumnId>,
    /// What the entity is: the name of a phase.
    pub phase: ColumnId,
    /// Only those that are this.
    pub only: Option<Phase>,
}
