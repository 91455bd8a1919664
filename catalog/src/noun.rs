//! What has a name.

use crate::DataType;
use serde::{Deserialize, Serialize};

/// Number of an entity type, for life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntityTypeId(pub u16);

/// Number of an event type, for life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventTypeId(pub u16);

/// Number of a property within its entity or event type, for life: never reused, so that files stay readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PropertyId(pub u16);

/// A declared property of an entity or event type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// For life.
    pub id: PropertyId,
    /// As declared.
    pub name: String,
    /// As declared.
    pub data_type: DataType,
    /// `HISTORY`: values are kept with their times.
    pub history: bool,
    /// `SENSITIVE`.
    pub sensitive: bool,
    /// `NOT NULL`.
    pub required: bool,
    /// `DEFAULT`: canonical text of the literal.
    pub default: Option<String>,
    /// `COMMENT`.
    pub comment: Option<String>,
}

/// An identifier kind of `IDENTITIES (…)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Name of the identity key.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// `UNIQUE`: at most one a profile.
    pub unique: bool,
}

/// A kind of thing that has a key and properties.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityType {
    /// For life.
    pub id: EntityTypeId,
    /// As declared.
    pub name: String,
    /// One column or more; their ids are unique together with those of `properties`.
    pub key: Vec<Property>,
    /// In the order declared.
    pub properties: Vec<Property>,
    /// `IDENTITIES`.
    pub identities: Vec<Identity>,
    /// `COMMENT`.
    pub comment: Option<String>,
    /// Canonical text of the DEFINE.
    pub definition: String,
}

/// An entity that takes part in an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Which entity type.
    pub entity: EntityTypeId,
    /// The role, or the entity's name when no role was given: the first word of paths.
    pub name: String,
    /// Names of the key columns of the event, one for each key column of the entity type (`product_id`, or `origin_station_id` with a role).
    pub key_names: Vec<String>,
}

/// A kind of thing that happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventType {
    /// For life.
    pub id: EventTypeId,
    /// As declared.
    pub name: String,
    /// At least one; the first is the subject and gives the clustering.
    pub participants: Vec<Participant>,
    /// In the order declared; without the participants' keys.
    pub properties: Vec<Property>,
    /// `HIDDEN`: not in ANY EVENT, not seen by STRICT.
    pub hidden: bool,
    /// `CLUSTER BY`: names of participants that want a clustering of their own.
    pub cluster_by: Vec<String>,
    /// `KEEP`: microseconds after which an event may go; None keeps it for good. Catalogs of before it have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<u64>,
    /// `COMMENT`.
    pub comment: Option<String>,
    /// Canonical text of the DEFINE.
    pub definition: String,
}

/// `DEFINE EVENT x AS [a WHERE …] OR b`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualEvent {
    /// As declared.
    pub name: String,
    /// `COMMENT`.
    pub comment: Option<String>,
    /// `HIDDEN`.
    pub hidden: bool,
    /// Canonical text of the DEFINE.
    pub definition: String,
}

/// What a relation or a virtual property belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Owner {
    /// An entity type.
    Entity(String),
    /// An event type.
    Event(String),
}

impl Owner {
    /// The owner's name.
    pub fn name(&self) -> &str {
        match self {
            Owner::Entity(n) | Owner::Event(n) => n,
        }
    }
}

/// `DEFINE PROPERTY purchase.margin AS …`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualProperty {
    /// Whose.
    pub owner: Owner,
    /// As declared.
    pub name: String,
    /// Its type, inferred at DEFINE.
    pub data_type: DataType,
    /// Canonical text of the expression.
    pub expr: String,
    /// `COMMENT`.
    pub comment: Option<String>,
    /// Canonical text of the DEFINE.
    pub definition: String,
}

/// `DEFINE RELATION product.brand TO ONE brand ON …`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// From where.
    pub owner: Owner,
    /// As declared.
    pub name: String,
    /// `TO MANY`.
    pub many: bool,
    /// To where.
    pub target: Owner,
    /// Equalities: (column of the owner, column of the target).
    pub on: Vec<(String, String)>,
    /// `COMMENT`.
    pub comment: Option<String>,
    /// Canonical text of the DEFINE.
    pub definition: String,
}

/// `DEFINE METRIC arppu AS …`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric {
    /// As declared.
    pub name: String,
    /// Canonical text of the expression.
    pub expr: String,
    /// `COMMENT`.
    pub comment: Option<String>,
    /// Canonical text of the DEFINE.
    pub definition: String,
}

/// The first day of a week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum WeekStart {
    #[default]
    Monday,
    Sunday,
    Saturday,
}

/// `DEFINE SESSION visit …`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRule {
    /// As declared.
    pub name: String,
    /// The subject.
    pub entity: String,
    /// IANA name of the zone in force at DEFINE.
    pub time_zone: String,
    /// Week start in force at DEFINE.
    pub week_start: WeekStart,
    /// `COMMENT`.
    pub comment: Option<String>,
    /// Canonical text of the DEFINE; the compiler reads the clauses from it.
    pub definition: String,
}

/// `DEFINE TAG value_level OF user AS …`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// As declared.
    pub name: String,
    /// Whose.
    pub entity: String,
    /// Declared or inferred.
    pub data_type: DataType,
    /// `IMPORTED`.
    pub imported: bool,
    /// IANA name of the zone in force at DEFINE.
    pub time_zone: String,
    /// Week start in force at DEFINE.
    pub week_start: WeekStart,
    /// `COMMENT`.
    pub comment: Option<String>,
    /// Canonical text of the DEFINE.
    pub definition: String,
}

/// How a segment is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SegmentMode {
    /// Evaluated at each statement.
    Dynamic,
    /// Members as they were at creation, or imported.
    Static,
    /// Maintained as events arrive.
    Streaming,
}

/// `DEFINE SEGMENT vip OF user AS …`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// As declared.
    pub name: String,
    /// Whose.
    pub entity: String,
    /// How it is kept.
    pub mode: SegmentMode,
    /// `IMPORTED`.
    pub imported: bool,
    /// IANA name of the zone in force at DEFINE.
    pub time_zone: String,
    /// Week start in force at DEFINE.
    pub week_start: WeekStart,
    /// `COMMENT`.
    pub comment: Option<String>,
    /// Canonical text of the DEFINE.
    pub definition: String,
}

/// What SHOW and DESCRIBE say of anything that has a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Noun {
    /// Full name; a path for properties and relations.
    pub name: String,
    /// `entity`, `event`, `property`, …
    pub kind: &'static str,
    /// The type, where it has one.
    pub data_type: Option<String>,
    /// `COMMENT`.
    pub comment: Option<String>,
    /// Canonical text of the DEFINE.
    pub definition: Option<String>,
}
