//! SEQUENCE, INTERVALS and ATTRIBUTION, bound: rows that belong together.

use super::{Clock, ColumnId, EntityValue, EventSelect, Excluded, RowExpr, Step, TimeRange, Window};
use eql_catalog::EntityTypeId;
use eql_grammar::ast;

/// SEQUENCE, INTERVALS or ATTRIBUTION, bound: one row a match, with columns of the matched rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Matches {
    /// Whose timeline.
    pub subject: EntityTypeId,
    /// By which role.
    pub role: Option<String>,
    /// Which subjects.
    pub among: Option<EntityValue>,
    /// The steps of the sequence; the start and the end; the goal and then the touches.
    pub steps: Vec<Step>,
    /// How they come together.
    pub rule: MatchRule,
    /// All rows of a match share these values, one expression list a step in the order of the steps.
    pub holding: Vec<RowExpr>,
    /// Bounds the first step, the start or the goal.
    pub during: TimeRange,
    /// Columns of a match.
    pub columns: Vec<(ColumnId, MatchColumn)>,
    /// Zone and AS OF.
    pub clock: Clock,
}

/// What makes rows a match.
#[derive(Clone, Debug, PartialEq)]
pub enum MatchRule {
    /// Steps one after another. Slots: the steps.
    Sequence(Box<SequenceRule>),
    /// A start and its end. Slots: start, end.
    Interval(IntervalRule),
    /// A goal and a touch that has credit for it. Slots: goal, touch, and for each item of TOUCHES the touch if it is one of that item.
    Attribution(AttributionRule),
}

/// How the steps of a SEQUENCE follow one another.
#[derive(Clone, Debug, PartialEq)]
pub struct SequenceRule {
    /// From the first matched row; None is unbounded.
    pub window: Option<Window>,
    /// Steps must be strictly later.
    pub ties_forbidden: bool,
    /// In order, in any order, or with nothing between.
    pub mode: ast::OrderMode,
    /// Voids a match when it comes between two steps.
    pub excluding: Option<Excluded>,
    /// Ends an attempt.
    pub until: Option<Excluded>,
    /// Events that do not break STRICT.
    pub ignoring: Vec<EventSelect>,
    /// STRICT: the events that break it.
    pub visible: Option<EventSelect>,
    /// COUNTING and REENTRY; None lists every match.
    pub choice: Option<Choice>,
}

/// Which of an entity's matches are listed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Every attempt; otherwise one match an entity.
    pub attempts: bool,
    /// Which one.
    pub reentry: ast::Reentry,
}

/// How a start finds its end.
#[derive(Clone, Debug, PartialEq)]
pub struct IntervalRule {
    /// From start to end, inclusive.
    pub window: Option<Window>,
    /// The end must be strictly later.
    pub ties_forbidden: bool,
    /// Start and end are the same event with the same condition.
    pub same: bool,
    /// Only an entity's first pair in all history.
    pub first_time: bool,
}

/// How a goal's credit is shared.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributionRule {
    /// Among its touches.
    pub model: CreditModel,
    /// How long before the goal a touch counts; None is for ever.
    pub lookback: Option<Window>,
}

/// The models of ATTRIBUTION.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CreditModel {
    /// All to the first touch.
    First,
    /// All to the last touch.
    Last,
    /// Equal shares.
    Linear,
    /// So much to the first, to those between together, to the last.
    Position(f64, f64, f64),
    /// Half as much for every half-life, in microseconds.
    TimeDecay(i64),
    /// 1 to each.
    Participation,
}

impl CreditModel {
    /// Each goal's credit goes to one touch whole.
    pub fn whole(self) -> bool {
        matches!(self, CreditModel::First | CreditModel::Last)
    }
}

/// A column of a match. A slot without a row gives NULL.
#[derive(Clone, Debug, PartialEq)]
pub enum MatchColumn {
    /// A key column of the subject.
    Key(usize),
    /// The subject's ordinal, for distinct subjects.
    Subject,
    /// Time of the row in a slot.
    Time(usize),
    /// Time of the earliest matched row.
    Start,
    /// Seconds from the row of one slot to that of another.
    Seconds(usize, usize),
    /// A number that the row in a slot has alone, for distinct rows.
    RowNumber(usize),
    /// A value on the row in a slot.
    Row(usize, RowExpr),
    /// The share of the goal's credit.
    Credit,
}
