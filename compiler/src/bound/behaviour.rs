//! What one entity did, as a value.

use super::{Aggregation, Clock, EventSelect, RowExpr, SessionCut, Step, TimeRange, Window};
use eql_catalog::DataType;
use eql_grammar::ast::{self, Unit};

/// What one entity did, as a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Behaviour {
    /// What is asked.
    pub kind: BehaviourKind,
    /// The zone, week and instant it is asked for.
    pub clock: Clock,
    /// The participant role by which events lie on the subject's timeline; None is the first participant of the type.
    pub role: Option<String>,
}

/// The forms of behaviour.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)]
pub enum BehaviourKind {
    /// An aggregate over the entity's rows.
    Aggregate {
        /// Which.
        function: Aggregation,
        /// Of which rows.
        events: EventSelect,
        /// Of what; None counts rows.
        value: Option<RowExpr>,
        /// `ORDER BY` of first and last with true for descending; None is timeline order.
        order: Option<(RowExpr, bool)>,
        /// When; None is all time.
        during: Option<TimeRange>,
    },
    /// What matches of steps say: whether there is one, how many, when.
    Sequence(Box<Sequence>),
}

/// Steps in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequence {
    /// The steps.
    pub steps: Vec<Step>,
    /// From the first step; None is unbounded.
    pub window: Option<Window>,
    /// Bounds the first step.
    pub during: Option<TimeRange>,
    /// Steps must be strictly later.
    pub ties_forbidden: bool,
    /// How they follow each other.
    pub mode: ast::OrderMode,
    /// STRICT: every event that breaks it.
    pub visible: Option<EventSelect>,
    /// All steps share these values, one expression list a step in the order of the steps.
    pub holding: Vec<RowExpr>,
    /// A match lies inside one session.
    pub session: Option<SessionCut>,
    /// GRACE of the definition around: microseconds that an absence stays unknown after its window.
    pub grace: i64,
    /// What is asked of the matches.
    pub asked: Matched,
}

/// What DID asks of the matches of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matched {
    /// Whether there is one: BOOLEAN.
    Any,
    /// How many: BIGINT.
    Count,
    /// In how many periods of this unit one begins: BIGINT.
    Periods(Unit),
    /// When the first one begins: TIMESTAMP.
    First,
}

impl Matched {
    /// The type of the answer.
    pub fn data_type(self) -> DataType {
        match self {
            Matched::Any => DataType::Bool,
            Matched::Count | Matched::Periods(_) => DataType::Int,
            Matched::First => DataType::Timestamp,
        }
    }
}
