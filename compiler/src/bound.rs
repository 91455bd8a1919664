//! The bound query: every name resolved, every type known, every clause legal. It says *what* is asked of which columns;
//! the planner decides how. It holds no data and no clock: ranges stay symbolic until a statement runs.

mod aggregate;
mod behaviour;
mod breakdown;
mod compare;
mod distribution;
mod event;
mod expr;
mod funnel;
mod journey;
mod kept;
mod lifecycle;
mod matches;
mod paths;
mod rel;
mod retention;
mod scan;
mod sessions;
mod statement;
mod step;
mod stickiness;
mod subscribe;
mod time;
mod trend;

use eql_catalog::{DataType, NounKind};
use eql_grammar::Diagnostic;
use std::sync::Arc;

pub use aggregate::{Aggregate, Aggregation};
pub use behaviour::{Behaviour, BehaviourKind, Matched, Sequence};
pub use breakdown::{Breakdown, Top, TopRows};
pub use compare::{Compare, ComparedColumn, ComparedPeriod};
pub use distribution::{Buckets, Cut};
pub use event::{EventCase, EventSelect};
pub use expr::{Expr, ExprKind, RowExpr, SortKey, WindowCall};
pub use funnel::{Funnel, FunnelCount, FunnelShow, LineMeasures, MatchedValue, RowAt};
pub use journey::Journey;
pub use kept::{Kept, KeptValue, Refresh, Told};
pub use lifecycle::{Lifecycle, PhaseList};
pub use matches::{AttributionRule, Choice, CreditModel, IntervalRule, MatchColumn, MatchRule, Matches, SequenceRule};
pub use paths::{NodeName, PathCut, PathMeasures, PathNode, PathShow, Paths};
pub use rel::{Periods, Rel};
pub use retention::{Cells, Listed, Measures, Retention};
pub use scan::{EntityValue, Leaf, Link, ManyLink, Scan, ScanColumn, Source};
pub use sessions::{SessionColumn, SessionCut, Sessions};
pub use statement::{EventTarget, Inserted, Setting, Statement};
pub use step::{Excluded, PairCondition, Step};
pub use stickiness::Stickiness;
pub use subscribe::{FollowedEvents, Follows, Payload, Subscribe, SubscribedFrom};
pub use time::{Before, Clock, Every, TimeRange, Window};
pub use trend::{Fill, Lanes};

/// Names one column of one relation inside a bound query, unique in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId(pub u32);

/// A column of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// In the relation.
    pub id: ColumnId,
    /// For the user.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
}

/// A query, bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The rows.
    pub rel: Rel,
    /// The columns, in order.
    pub output: Vec<Output>,
}

/// What binding answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// The statement; None when there are errors.
    pub statement: Option<Statement>,
    /// Errors and warnings, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// The answer depends on the instant it is asked at.
    pub uses_now: bool,
    /// It depends on the minute it is asked in, as long as all events lie before: its ranges begin and end with units of the calendar.
    pub uses_minute: bool,
    /// It reads what the engine knows of itself: the answer is another one each time.
    pub reads_system: bool,
    /// It samples, or uses an `approx_` function (rule 30).
    pub approximate: bool,
    /// Definitions that the text names directly: (kind, name), with its owner before the name of a tag, a property or a relation.
    pub uses: Vec<(NounKind, String)>,
    /// `IN TIME ZONE` of the statement's own head: times of the result are shown in it.
    pub zone: Option<Arc<str>>,
}
