//! What is read of stored rows, and how a value comes about from a row.

use super::{Aggregation, Behaviour, Clock, ColumnId, KeptValue, RowExpr, TimeRange, Told};
use eql_catalog::{DataType, EntityTypeId, EventTypeId, PropertyId};

/// A column that a scan offers.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanColumn {
    /// Its name in expressions.
    pub id: ColumnId,
    /// How it is computed from a row.
    pub leaf: Leaf,
    /// Its type.
    pub data_type: DataType,
}

/// How a row's value comes about.
#[derive(Clone, Debug, PartialEq)]
pub enum Leaf {
    /// Concrete event name of an event row.
    EventName,
    /// Time of an event row.
    Time,
    /// Id of an event row.
    EventId,
    /// When an event row was received.
    ReceivedAt,
    /// A property of an event row; events that are not listed give NULL.
    EventProperty(Vec<(EventTypeId, PropertyId)>),
    /// A key column of a participant: (event, participant) pairs, the entity type, and which key column.
    ParticipantKey(Vec<(EventTypeId, usize)>, EntityTypeId, usize),
    /// The participant's ordinal, for distinct counts of subjects: (event, participant) pairs.
    ParticipantOrdinal(Vec<(EventTypeId, usize)>, EntityTypeId),
    /// A key column of an entity row.
    Key(usize),
    /// A property of an entity row.
    Property(PropertyId),
    /// The value that a property with HISTORY had at the AS OF instant of the clock.
    PropertyAsOf(PropertyId, Box<Clock>),
    /// The value that a property with HISTORY had at the time of the event from which the path came: only inside [`Leaf::Through`].
    PropertyAtEvent(PropertyId),
    /// A member of `extra`, as text.
    Extra(String),
    /// All properties of an event row that have a value, as JSON; `extra` is a member of its own.
    Properties,
    /// Membership in a stored segment, or the value of a stored tag.
    Kept(Box<KeptValue>),
    /// What a query says of the entity.
    Told(Box<Told>),
    /// What an entity did.
    Behaviour(Box<Behaviour>),
    /// A value of an entity that the row leads to; NULL members when there is none.
    Through(Link, Box<EntityValue>),
    /// Values of all entities that the row leads to, as a list.
    ThroughMany(ManyLink, Box<EntityValue>),
    /// An aggregate over all entities that the row leads to: no fan-out.
    AggregateMany(ManyLink, Aggregation, Box<EntityValue>),
    /// A value computed from other columns of the row: what a relation over a virtual property goes by.
    Computed(Box<RowExpr>),
}

/// A to-one step from a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Link {
    /// A participant of the event.
    Participant(Vec<(EventTypeId, usize)>),
    /// An equality relation: these columns of the row, in the order of the target's key columns.
    Key(Vec<ScanColumn>),
}

/// A to-many step from a row: rows of `entity` whose `target` columns equal the row's `source` columns.
#[derive(Clone, Debug, PartialEq)]
pub struct ManyLink {
    /// Columns of the row.
    pub source: Vec<ScanColumn>,
    /// The entity type led to.
    pub entity: EntityTypeId,
    /// Its columns, pairwise equal to `source`.
    pub target: Vec<ScanColumn>,
}

/// An expression over the rows of one entity type.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityValue {
    /// Which entity type.
    pub entity: EntityTypeId,
    /// The value.
    pub value: RowExpr,
}

/// What a scan reads.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Event rows of these types.
    Events(Vec<EventTypeId>),
    /// All known entities of a type.
    Entities(EntityTypeId),
}

/// A scan with the columns that are needed of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// What is read.
    pub source: Source,
    /// What is needed.
    pub columns: Vec<ScanColumn>,
    /// Bounds of event time, for pruning; the filter stands in the plan too.
    pub during: Option<TimeRange>,
    /// `AS OF` and zone.
    pub clock: Clock,
}

impl Leaf {
    /// True when the value is another one at another time of the event.
    pub fn at_event(&self) -> bool {
        match self {
            Leaf::PropertyAtEvent(_) => true,
            Leaf::Through(Link::Key(source), value) => source.iter().any(|c| c.leaf.at_event()) || value.at_event(),
            Leaf::Through(Link::Participant(_), value) => value.at_event(),
            Leaf::Computed(row) => row.columns.iter().any(|c| c.leaf.at_event()),
            _ => false,
        }
    }
}

impl EntityValue {
    /// True when the value is another one at another time of the event.
    pub fn at_event(&self) -> bool {
        self.value.columns.iter().any(|c| c.leaf.at_event())
    }
}
