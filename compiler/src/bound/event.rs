//! Which events count.

use super::{RowExpr, TimeRange};
use eql_catalog::EventTypeId;

/// Which events count: any of the cases.
#[derive(Clone, Debug, PartialEq)]
pub struct EventSelect {
    /// Alternatives.
    pub cases: Vec<EventCase>,
}

/// Events of these types whose rows pass the filter.
#[derive(Clone, Debug, PartialEq)]
pub struct EventCase {
    /// The types.
    pub events: Vec<EventTypeId>,
    /// The condition.
    pub filter: Option<RowExpr>,
    /// Its own DURING.
    pub during: Option<TimeRange>,
}
