//! The answer of completion. Its JSON form is the same over HTTP and on the command line.

use serde::Serialize;

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Kind {
    Keyword,
    Clause,
    Function,
    Entity,
    Event,
    Property,
    Relation,
    Segment,
    Tag,
    Metric,
    Session,
    Alias,
    Table,
    Setting,
    Value,
    Unit,
    Type,
}

/// What is replaced, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replace {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

/// Something that could stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What is shown.
    pub label: String,
    /// What it is.
    pub kind: Kind,
    /// A few words: a type, an example.
    pub detail: String,
    /// What is written, quoted where it must be.
    pub insert: String,
    /// A sentence, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
    /// The word that it replaces.
    pub replace: Replace,
}

/// All that could stand at a place, the likeliest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Completion {
    /// At most 200.
    pub items: Vec<Item>,
    /// There are more: typing on narrows them down.
    pub incomplete: bool,
}
