//! The bound query: every name resolved, every type known, every clause legal. It says *what* is asked of which columns;
//! the planner decides how. It holds no data and no clock: ranges stay symbolic until a statement runs.

use crate::system::SystemTable;
use eql_catalog::{Change, DataType, EntityTypeId, EventTypeId, NounKind, PropertyId, Value, WeekStart};
use eql_grammar::Diagnostic;
use eql_grammar::ast::{self, BinaryOp, MatchOp, Unit};
use std::sync::Arc;

/// Names one column of one relation inside a bound query, unique in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId(pub u32);

/// In which zone, with which week, and as of when times are meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Clock {
    /// IANA name.
    pub zone: Arc<str>,
    /// First day of the week.
    pub week_start: WeekStart,
    /// `AS OF`; None is the statement's now.
    pub as_of: Option<ast::Instant>,
}

/// A range of time with the clock it is meant by.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeRange {
    /// As written, parameters replaced.
    pub range: ast::Range,
    /// How to read it.
    pub clock: Clock,
    /// `COMPARE TO previous period`: the range just before is meant, by as many periods of this grain where it is cut into them.
    pub before: Option<Before>,
}

/// How a range moves to the one just before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Before {
    /// The grain of the periods that are compared.
    pub every: Option<Every>,
}

/// A typed expression over the columns of one relation.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it computes.
    pub kind: ExprKind,
    /// Of which type. A NULL literal and an expression with an error have type STRING.
    pub data_type: DataType,
}

/// The forms of a bound expression. Predicates (Compare, In, Like …) are two-valued: a missing operand makes them FALSE.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A constant.
    Literal(Value),
    /// A column of the input.
    Column(ColumnId),
    /// `now()` of the statement, or the AS OF instant.
    Now(Option<ast::Instant>),
    /// Arithmetic and `||`.
    Arithmetic(BinaryOp, Box<Expr>, Box<Expr>),
    /// `-a`.
    Negate(Box<Expr>),
    /// `t + 30 days`.
    Shift {
        /// From when.
        time: Box<Expr>,
        /// How many units; negative goes back.
        count: i64,
        /// The unit.
        unit: Unit,
        /// By the calendar of the zone, not by fixed lengths.
        calendar: bool,
        /// The zone.
        clock: Clock,
    },
    /// Comparison.
    Compare(BinaryOp, Box<Expr>, Box<Expr>),
    /// All true.
    And(Vec<Expr>),
    /// One true.
    Or(Vec<Expr>),
    /// Opposite.
    Not(Box<Expr>),
    /// `IS NULL`.
    IsNull(Box<Expr>),
    /// `IS SET`: not missing and not ''.
    IsSet(Box<Expr>),
    /// `IN (…)` over constants and expressions.
    In(Box<Expr>, Vec<Expr>),
    /// `IN (query)`.
    InQuery(Box<Expr>, Box<Query>),
    /// LIKE and its relatives.
    Match(MatchOp, Box<Expr>, Box<Expr>),
    /// `CASE WHEN … THEN … ELSE … END`.
    Case(Vec<(Expr, Expr)>, Option<Box<Expr>>),
    /// `CAST`.
    Cast(Box<Expr>),
    /// A scalar function by its canonical name, with the clock for functions of time.
    Call(&'static str, Vec<Expr>, Option<Clock>),
    /// `start ≤ t < end` of a range.
    InRange(Box<Expr>, Box<TimeRange>),
    /// A query of one row and one column.
    Scalar(Box<Query>),
    /// `EXISTS (query)`.
    Exists(Box<Query>),
    /// Names that mean nothing; a diagnostic has been reported, no plan is made.
    Invalid,
}

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
}

/// What has members or values that are stored, with versions.
#[derive(Clone, Debug, PartialEq)]
pub enum Kept {
    /// A segment, by name.
    Segment(String),
    /// A tag of an entity type, by name.
    Tag(String),
}

/// A stored membership or value of an entity.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptValue {
    /// What.
    pub kept: Kept,
    /// The version of an earlier instant, the clock's AS OF; without one, the present one.
    pub clock: Clock,
    /// What it is while no version was made: the definition, evaluated.
    pub otherwise: Option<EntityValue>,
}

/// A query whose rows begin with an entity's key: what it says of the entity.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The key columns, then for [`Told::value`] the value.
    pub query: Query,
    /// True: the value of the first row with the entity's key. False: whether there is such a row.
    pub value: bool,
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

/// An expression with the columns it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct RowExpr {
    /// Columns of the row.
    pub columns: Vec<ScanColumn>,
    /// The value.
    pub expr: Expr,
}

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

/// The functions that make one value of many rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Aggregation {
    /// Rows, or non-null values.
    Count,
    /// Different values.
    CountDistinct,
    /// Sum.
    Sum,
    /// Mean, DOUBLE.
    Average,
    /// Least.
    Min,
    /// Greatest.
    Max,
    /// Value of the earliest row.
    First,
    /// Value of the latest row.
    Last,
    /// Any value.
    Any,
    /// Linear interpolation at this fraction.
    Percentile(f64),
    /// Sample standard deviation.
    StdDev,
    /// Standard deviation of a population.
    StdDevPopulation,
    /// Sample variance.
    Variance,
    /// Variance of a population.
    VariancePopulation,
    /// Correlation with the value that stands in `order`.
    Correlation,
    /// Covariance of a sample with the value that stands in `order`.
    Covariance,
    /// Covariance of a population with the value that stands in `order`.
    CovariancePopulation,
    /// The most frequent value, the least of several.
    Mode,
    /// All true.
    BoolAnd,
    /// One true.
    BoolOr,
    /// All values as a list.
    List,
    /// All values joined by a text.
    Join(String),
    /// Different periods of this unit in which rows lie.
    Periods(Unit),
    /// Longest run of consecutive periods of this unit.
    Streak(Unit),
    /// The same over different values only.
    Distinct(Box<Aggregation>),
    /// So many values with the most rows, or with the greatest sum of what they are ordered by: one value, or a list.
    Top(u64),
}

/// An aggregate over the rows of a relation.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Which.
    pub function: Aggregation,
    /// Of what; None counts rows.
    pub argument: Option<Expr>,
    /// Only these rows.
    pub filter: Option<Expr>,
    /// For first and last; empty means by time where there is one.
    pub order: Vec<SortKey>,
    /// Of the result.
    pub data_type: DataType,
}

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

/// A length of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// How many.
    pub count: i64,
    /// Of what.
    pub unit: Unit,
    /// Calendar units of the zone instead of fixed lengths.
    pub calendar: bool,
    /// The zone.
    pub clock: Clock,
}

/// A step of a funnel or sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What the result calls it.
    pub name: String,
    /// Which rows.
    pub events: EventSelect,
    /// `OPTIONAL`.
    pub optional: bool,
    /// `NOT`.
    pub negated: bool,
    /// The step's own window.
    pub within: Option<Window>,
    /// Conditions that look at rows of earlier steps.
    pub pairs: Vec<PairCondition>,
}

/// A condition between the row of an earlier step and the row of this one.
#[derive(Clone, Debug, PartialEq)]
pub struct PairCondition {
    /// Number of the earlier step, from 0.
    pub earlier: usize,
    /// Columns of the earlier row.
    pub earlier_columns: Vec<ScanColumn>,
    /// Columns of this step's row.
    pub later_columns: Vec<ScanColumn>,
    /// Over both.
    pub expr: Expr,
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

/// A key of a sort.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// By what.
    pub expr: Expr,
    /// Greatest first.
    pub descending: bool,
    /// NULLs first; last by default both ways.
    pub nulls_first: bool,
}

/// A window function: an aggregate or a ranking over a partition.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowCall {
    /// Canonical name: an aggregate's (`sum`) or a ranking's (`row_number`, `lag` …).
    pub function: &'static str,
    /// Arguments.
    pub args: Vec<Expr>,
    /// `PARTITION BY`.
    pub partition_by: Vec<Expr>,
    /// `ORDER BY`.
    pub order_by: Vec<SortKey>,
    /// `ROWS BETWEEN … AND …`; None is SQL's default.
    pub frame: Option<ast::Frame>,
    /// Of the result.
    pub data_type: DataType,
}

/// A relation: rows with columns.
#[derive(Clone, Debug, PartialEq)]
pub enum Rel {
    /// One row without columns.
    OneRow,
    /// Rows that are known already.
    Values(Vec<(ColumnId, DataType)>, Vec<Vec<Value>>),
    /// Stored rows.
    Scan(Box<Scan>),
    /// All columns of a system table, in its order.
    System(SystemTable, Vec<ColumnId>),
    /// Rows that pass.
    Filter(Box<Rel>, Expr),
    /// Other columns.
    Project(Box<Rel>, Vec<(ColumnId, Expr)>),
    /// Groups.
    Aggregate(Box<Rel>, Vec<(ColumnId, Expr)>, Vec<(ColumnId, Aggregate)>),
    /// Window functions added to the rows.
    Window(Box<Rel>, Vec<(ColumnId, WindowCall)>),
    /// Order.
    Sort(Box<Rel>, Vec<SortKey>),
    /// Rows from an offset, at most so many.
    Limit(Box<Rel>, Option<u64>, u64),
    /// Different rows.
    Distinct(Box<Rel>),
    /// Pairs of rows.
    Join(Box<Rel>, Box<Rel>, ast::JoinKind, Option<Expr>),
    /// Set operation; columns as (result, left, right).
    Set(ast::SetOp, Box<Rel>, Box<Rel>, Vec<(ColumnId, ColumnId, ColumnId)>),
    /// Missing periods added.
    Fill(Box<Fill>),
    /// Rows once for every period and range in which they count.
    Lanes(Box<Lanes>),
    /// A question about a range, asked of each of its periods.
    Periods(Box<Periods>),
    /// The same question about two ranges, side by side.
    Compare(Box<Compare>),
    /// Equal bins or one bucket a value, counted.
    Buckets(Box<Buckets>),
    /// The greatest groups keep their names.
    Top(Box<TopRows>),
    /// FUNNEL.
    Funnel(Box<Funnel>),
    /// RETENTION.
    Retention(Box<Retention>),
    /// SESSIONS: one row a session.
    Sessions(Box<Sessions>),
    /// SEQUENCE, INTERVALS, ATTRIBUTION: one row a match.
    Matches(Box<Matches>),
    /// PATHS.
    Paths(Box<Paths>),
    /// LIFECYCLE, without the periods in which nothing happened.
    Lifecycle(Box<Lifecycle>),
    /// STICKINESS.
    Stickiness(Box<Stickiness>),
    /// JOURNEY: the events of one entity, in their order.
    Journey(Box<Journey>),
}

/// Adds a row for each period of the range and each group seen that lacks one.
#[derive(Clone, Debug, PartialEq)]
pub struct Fill {
    /// Rows to fill.
    pub input: Rel,
    /// The period column.
    pub period: ColumnId,
    /// Length of a period.
    pub every: Every,
    /// The range.
    pub during: TimeRange,
    /// Group columns.
    pub groups: Vec<ColumnId>,
    /// Counts and sums: 0 instead of NULL.
    pub zero: Vec<ColumnId>,
}

/// TREND with ranges of single measures: a row comes once for its own period, lane 0, and once for every period whose range holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Lanes {
    /// Event rows.
    pub input: Rel,
    /// Their time.
    pub time: ColumnId,
    /// Result column: 0 for the head's range, then the number of the range from 1.
    pub lane: ColumnId,
    /// Result column of the period; None is one period, the whole range.
    pub period: Option<(ColumnId, Every)>,
    /// The head's range.
    pub during: TimeRange,
    /// The others, each relative to the end of a period.
    pub ranges: Vec<TimeRange>,
}

/// The rows of a question about entities for every period of a range: what they did in that period.
#[derive(Clone, Debug, PartialEq)]
pub struct Periods {
    /// The rows of the whole range.
    pub input: Rel,
    /// Whose behaviour is asked.
    pub subject: EntityTypeId,
    /// The range: behaviours that have it get each period in its place.
    pub during: TimeRange,
    /// Length of a period.
    pub every: Every,
    /// Result column of the period, the first one.
    pub period: ColumnId,
    /// A period without rows has one of NULLs.
    pub all: bool,
}

/// `COMPARE TO`: rows of the main range, with values of the row in the same place of the other range.
#[derive(Clone, Debug, PartialEq)]
pub struct Compare {
    /// About the main range.
    pub main: Rel,
    /// About the other.
    pub other: Rel,
    /// Columns of periods: they agree when they have the same place in their range.
    pub period: Option<ComparedPeriod>,
    /// Columns that agree, missing values too: (main, other).
    pub keys: Vec<(ColumnId, ColumnId)>,
    /// Columns of the other range: (result, other).
    pub added: Vec<(ColumnId, ColumnId)>,
}

/// The periods of two ranges.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedPeriod {
    /// Column of the main rows.
    pub main: ColumnId,
    /// Column of the others.
    pub other: ColumnId,
    /// The grain of both.
    pub every: Every,
    /// The main range.
    pub during: TimeRange,
    /// The other range.
    pub compared: TimeRange,
}

/// The grain of periods.
#[derive(Clone, Debug, PartialEq)]
pub struct Every {
    /// How many units a period has.
    pub count: i64,
    /// The unit.
    pub unit: Unit,
    /// Zone and week.
    pub clock: Clock,
}

/// Counts rows by buckets of a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets {
    /// Rows: groups and the value.
    pub input: Rel,
    /// Group columns, kept.
    pub groups: Vec<ColumnId>,
    /// The value.
    pub value: ColumnId,
    /// How to cut.
    pub cut: Cut,
    /// Result columns: from, to, count.
    pub output: [ColumnId; 3],
    /// Different values of this column of the input, counted into that column of the result.
    pub distinct: Option<(ColumnId, ColumnId)>,
}

/// How a value is cut into buckets.
#[derive(Clone, Debug, PartialEq)]
pub enum Cut {
    /// `[a, b)` …, the last one open.
    Bounds(Vec<Value>),
    /// So many bins of one width from least to greatest.
    Bins(u64),
    /// One bucket a value while there are at most 50 values, else 20 bins.
    Automatic,
}

/// A breakdown of an analysis.
#[derive(Clone, Debug, PartialEq)]
pub struct Breakdown {
    /// The result's column.
    pub id: ColumnId,
    /// The value on the row it is taken from.
    pub value: RowExpr,
}

/// How a result is cut to its greatest groups, where the rows get their group inside a fold.
#[derive(Clone, Debug, PartialEq)]
pub struct Top {
    /// Answers with the groups that keep their names; what is in none of them is `(other)`. Run when the statement runs.
    pub ranking: Box<Query>,
}

/// The same over the rows of a relation: its columns, and the group columns beside them.
#[derive(Clone, Debug, PartialEq)]
pub struct TopRows {
    /// The rows.
    pub input: Rel,
    /// Group columns of the result, and their values over the rows: STRING.
    pub keys: Vec<(ColumnId, Expr)>,
    /// Answers with the groups that keep their names.
    pub ranking: Query,
}

/// From which of an attempt's rows a breakdown is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowAt {
    /// The row that fills a step, from 0; in any order step 0 stands for the earliest row.
    Step(usize),
    /// The last one matched.
    Last,
    /// Every one: an attempt counts in each of their groups.
    All,
}

/// What a funnel counts.
#[derive(Clone, Debug, PartialEq)]
pub enum FunnelCount {
    /// Entities, once a group.
    Entities,
    /// Attempts.
    Attempts,
    /// Sessions: attempts inside one, at most one each.
    Sessions(Box<SessionCut>),
}

impl FunnelCount {
    /// The name of the counted column.
    pub fn word(&self) -> &'static str {
        match self {
            FunnelCount::Entities => "entities",
            FunnelCount::Attempts => "attempts",
            FunnelCount::Sessions(_) => "sessions",
        }
    }
}

/// An event that must stay away: EXCLUDING, UNTIL.
#[derive(Clone, Debug, PartialEq)]
pub struct Excluded {
    /// Which events.
    pub events: EventSelect,
    /// Between which steps, from 0; None is from the first matched row to the last.
    pub between: Option<(usize, usize)>,
    /// The values of HOLDING on its rows; None where it has none: it then counts whatever the value.
    pub holding: Option<Vec<RowExpr>>,
}

/// FUNNEL, bound. Result columns in the contract's order stand in `output`.
#[derive(Clone, Debug, PartialEq)]
pub struct Funnel {
    /// Whose timeline.
    pub subject: EntityTypeId,
    /// By which role.
    pub role: Option<String>,
    /// Which subjects: a predicate over the entity.
    pub among: Option<EntityValue>,
    /// The steps.
    pub steps: Vec<Step>,
    /// From the first step; None only when counting sessions.
    pub window: Option<Window>,
    /// Bounds the first step.
    pub during: TimeRange,
    /// Steps must be strictly later.
    pub ties_forbidden: bool,
    /// How they follow each other.
    pub mode: ast::OrderMode,
    /// STRICT: every event that breaks it.
    pub visible: Option<EventSelect>,
    /// STRICT: events that do not break it.
    pub ignoring: Vec<EventSelect>,
    /// Events that void an attempt.
    pub excluding: Option<Excluded>,
    /// The event that ends an attempt.
    pub until: Option<Excluded>,
    /// Which attempt.
    pub reentry: ast::Reentry,
    /// What is counted.
    pub counting: FunnelCount,
    /// All steps share these values.
    pub holding: Vec<RowExpr>,
    /// Periods of the first step.
    pub every: Option<(ColumnId, Every)>,
    /// Values on a row of the attempt.
    pub breakdown: Vec<Breakdown>,
    /// Which row gives each breakdown.
    pub attributed: Vec<RowAt>,
    /// Cut to the greatest groups.
    pub top: Option<Top>,
    /// MEASURE.
    pub measures: LineMeasures,
    /// What is shown.
    pub show: FunnelShow,
    /// Zone and AS OF.
    pub clock: Clock,
}

/// Aggregates over the rows that attempts matched, line by line of the result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LineMeasures {
    /// Columns of the row that fills the line's step.
    pub line_columns: Vec<ScanColumn>,
    /// Columns of rows that are named by a step: the step from 0.
    pub step_columns: Vec<(usize, ScanColumn)>,
    /// Values of an attempt that aggregates range over.
    pub values: Vec<MatchedValue>,
    /// The aggregates of each line, over `values`.
    pub lines: Vec<Vec<(ColumnId, Aggregate)>>,
    /// The results with their type, and for each line the expression over its aggregates.
    pub output: Vec<(ColumnId, DataType, Vec<Expr>)>,
}

/// A value of one attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchedValue {
    /// Its column.
    pub id: ColumnId,
    /// The line's step, from 0.
    pub step: usize,
    /// Over line and step columns.
    pub expr: Expr,
}

/// What a funnel answers with.
#[derive(Clone, Debug, PartialEq)]
pub enum FunnelShow {
    /// One row a step: step, name, entities, open, rate, step_rate, rate_closed, median_seconds, avg_seconds.
    Steps([ColumnId; 9]),
    /// One row a bucket of the seconds from the first to the last step: seconds_from, seconds_to, the count.
    TimeToConvert(Cut, [ColumnId; 3]),
    /// One row an entity: key columns, reached, t1…tn; only these that converted (true) or dropped (false) at or after a step.
    Entities {
        /// Key columns.
        keys: Vec<ColumnId>,
        /// Highest step.
        reached: ColumnId,
        /// Times of the steps.
        times: Vec<ColumnId>,
        /// CONVERTED or DROPPED.
        converted: Option<bool>,
        /// (AFTER, step).
        step: Option<(bool, u64)>,
    },
}

/// The cells of a retention table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// 0…n of this unit.
    Periods(u64, Unit),
    /// Brackets `[a, b)` of this unit.
    Brackets(Vec<i64>, Unit),
}

/// RETENTION, bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Retention {
    /// Whose timeline.
    pub subject: EntityTypeId,
    /// By which role.
    pub role: Option<String>,
    /// Which subjects.
    pub among: Option<EntityValue>,
    /// The start.
    pub starting: EventSelect,
    /// The return.
    pub returning: EventSelect,
    /// Start and return are the same event with the same condition.
    pub same: bool,
    /// Bounds the start.
    pub during: TimeRange,
    /// Cohorts; None is one cohort.
    pub every: Option<(ColumnId, Every)>,
    /// The cells.
    pub cells: Cells,
    /// 24-hour windows instead of calendar periods.
    pub rolling: bool,
    /// Only a subject's first start ever.
    pub first_time: bool,
    /// n or later.
    pub unbounded: bool,
    /// Returns must be strictly later.
    pub ties_forbidden: bool,
    /// Start and return share these values.
    pub holding: Vec<RowExpr>,
    /// Values on the start row.
    pub breakdown: Vec<Breakdown>,
    /// Cut to the greatest groups.
    pub top: Option<Top>,
    /// Result columns: size, n, returned, rate.
    pub output: [ColumnId; 4],
    /// What is measured on the rows of a cell.
    pub measures: Option<Measures>,
    /// `SHOW ENTITIES`: a row for every entity, group and cell in which it came back.
    pub listed: Option<Listed>,
    /// Zone and AS OF.
    pub clock: Clock,
}

/// Measures over the return rows of a cell: MEASURE of RETENTION, and all of LTV.
#[derive(Clone, Debug, PartialEq)]
pub struct Measures {
    /// Columns of the start row.
    pub start_columns: Vec<ScanColumn>,
    /// Columns of the return row.
    pub columns: Vec<ScanColumn>,
    /// True where the return row is the start row itself, NULL where there is no return row.
    pub is_start: ColumnId,
    /// Over the rows of a cell.
    pub aggregates: Vec<(ColumnId, Aggregate)>,
    /// Result columns over the aggregates and `size`.
    pub output: Vec<(ColumnId, Expr)>,
    /// A cell has the rows of all cells before it, too.
    pub cumulative: bool,
}

/// Entities of a retention: key columns, `started_at`, and n.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Key columns.
    pub keys: Vec<ColumnId>,
    /// Time of the start row.
    pub started_at: ColumnId,
    /// CONVERTED or DROPPED: only those that came back, or only those that did not.
    pub converted: Option<bool>,
}

/// SESSIONS, bound: one row a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Sessions {
    /// Whose timeline.
    pub subject: EntityTypeId,
    /// Which subjects.
    pub among: Option<EntityValue>,
    /// How they are cut.
    pub cut: SessionCut,
    /// Bounds `started_at`.
    pub during: TimeRange,
    /// Columns of a session row.
    pub columns: Vec<(ColumnId, SessionColumn)>,
    /// Columns of event rows that aggregates read.
    pub event_columns: Vec<ScanColumn>,
    /// Zone and AS OF.
    pub clock: Clock,
}

/// How a timeline is cut into sessions.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionCut {
    /// Which events belong to sessions.
    pub over: EventSelect,
    /// Idle microseconds that end a session.
    pub timeout: i64,
    /// Longest session in microseconds.
    pub max: Option<i64>,
    /// Cut before.
    pub starting: Option<EventSelect>,
    /// Cut after.
    pub ending: Option<EventSelect>,
    /// Cut where the values change.
    pub split: Vec<RowExpr>,
}

/// A column of a session.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionColumn {
    /// A key column of the subject.
    Key(usize),
    /// Hash of subject and first event id, STRING.
    SessionId,
    /// Time of the first event.
    StartedAt,
    /// Time of the last event.
    EndedAt,
    /// Seconds between them.
    Duration,
    /// Event rows.
    Depth,
    /// A value on the first row.
    Entry(RowExpr),
    /// A value on the last row.
    Exit(RowExpr),
    /// A value of the subject.
    Subject(EntityValue),
    /// An aggregate over the session's event rows.
    Aggregate(Aggregate),
}

/// PATHS, bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Paths {
    /// Whose timeline.
    pub subject: EntityTypeId,
    /// By which role.
    pub role: Option<String>,
    /// Which subjects.
    pub among: Option<EntityValue>,
    /// Which rows are nodes, and of what name; the first that takes a row names it.
    pub nodes: Vec<PathNode>,
    /// Paths begin at the first of these.
    pub starting: Option<EventSelect>,
    /// Paths end at the last of these.
    pub ending: Option<EventSelect>,
    /// Where one path ends and another begins.
    pub cut: PathCut,
    /// Most nodes of a path.
    pub depth: usize,
    /// Equal neighbours stay two nodes.
    pub keep_repeats: bool,
    /// Bounds the start of a session, or the first event of a window.
    pub during: TimeRange,
    /// MEASURE.
    pub measures: Option<PathMeasures>,
    /// What is shown.
    pub show: PathShow,
    /// Zone and AS OF.
    pub clock: Clock,
}

/// Aggregates over the event rows of paths.
#[derive(Clone, Debug, PartialEq)]
pub struct PathMeasures {
    /// Columns of event rows that aggregates read.
    pub columns: Vec<ScanColumn>,
    /// The aggregates.
    pub aggregates: Vec<(ColumnId, Aggregate)>,
    /// The results, over the aggregates.
    pub output: Vec<(ColumnId, Expr)>,
}

/// Rows that are nodes of paths.
#[derive(Clone, Debug, PartialEq)]
pub struct PathNode {
    /// Which rows.
    pub events: EventSelect,
    /// Their name.
    pub name: NodeName,
}

/// What a node is called.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeName {
    /// The concrete event's name.
    Event,
    /// An alias.
    Text(String),
    /// A text of the row.
    Value(RowExpr),
}

/// What holds a path together.
#[derive(Clone, Debug, PartialEq)]
pub enum PathCut {
    /// A session.
    Session(SessionCut),
    /// A length of time from its first event.
    Within(Window),
}

/// What PATHS answers with.
#[derive(Clone, Debug, PartialEq)]
pub enum PathShow {
    /// One row a path: path, sessions, entities, share.
    Paths([ColumnId; 4]),
    /// One row a step and transition: step, source, target, sessions, entities, events.
    Edges([ColumnId; 6]),
}

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
    /// Zone and AS OF.
    pub clock: Clock,
}

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
    /// Zone and AS OF.
    pub clock: Clock,
}

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

/// A setting of SET.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Setting {
    Now(Option<ast::Instant>),
    TimeZone(String),
    WeekStart(WeekStart),
    Dialect(String),
    ResultCache(bool),
    Threads(usize),
    MemoryLimit(u64),
    TimeoutMs(u64),
}

/// A statement, bound.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// Rows are asked for.
    Query(Query),
    /// The catalog changes; with the words for the user.
    Change(Change, String),
    /// An identical definition again: nothing to do.
    Nothing(String),
    /// A version of a segment or a tag is made.
    Refresh(Box<Refresh>),
    /// Members of a stored segment are added: their keys; with KEEP in microseconds.
    AddMembers(String, EntityTypeId, Inserted, Option<u64>),
    /// Values of an imported tag are set: keys, then the value; with KEEP in microseconds.
    AddTagValues(String, EntityTypeId, Inserted, Option<u64>),
    /// Entities are upserted: columns of the entity type by property number.
    PutEntities(EntityTypeId, Vec<PropertyId>, Inserted),
    /// Events are added.
    AddEvents(EventTypeId, Vec<EventTarget>, Inserted),
    /// A setting of the session.
    Set(Setting),
    /// Changes are followed.
    Subscribe(Box<Subscribe>),
    /// EXPLAIN of a rung.
    Explain(ast::ExplainRung, Box<Statement>),
    /// Understood, checked, but carried out only by a later version.
    Later(&'static str),
}

/// A subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscribe {
    /// What is followed.
    pub follows: Follows,
    /// What is shown beside each change of a segment.
    pub payload: Option<Payload>,
    /// Where it begins.
    pub from: SubscribedFrom,
}

/// What a subscription follows.
#[derive(Clone, Debug, PartialEq)]
pub enum Follows {
    /// A streaming segment.
    Segment {
        /// Its name.
        name: String,
        /// Its entity type.
        entity: EntityTypeId,
        /// Who enters is reported.
        enter: bool,
        /// Who leaves is reported.
        exit: bool,
    },
    /// A stored tag.
    Tag {
        /// Its name.
        name: String,
        /// Its entity type.
        entity: EntityTypeId,
    },
    /// Events.
    Events(Vec<FollowedEvents>),
}

/// New rows of event types.
#[derive(Clone, Debug, PartialEq)]
pub struct FollowedEvents {
    /// The SELECT of all rows that fit.
    pub statement: ast::Statement,
    /// Its columns.
    pub output: Vec<Output>,
    /// The event types that may have such rows.
    pub types: Vec<EventTypeId>,
}

/// What is shown beside each change.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// The FIND of everybody, without a condition.
    pub statement: ast::Statement,
    /// Its columns: the key first.
    pub output: Vec<Output>,
}

/// Where a subscription begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubscribedFrom {
    /// With what happens from now on.
    Now,
    /// With everybody who is a member, or has a value.
    Snapshot,
    /// Behind what was delivered.
    Cursor(String),
}

/// What INSERT inserts.
#[derive(Clone, Debug, PartialEq)]
pub enum Inserted {
    /// Constants, row by row, of the types of the columns.
    Values(Vec<Vec<Value>>),
    /// The rows of a query, cast to these types.
    Query(Box<Query>),
}

/// Where a column of INSERT INTO EVENT goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventTarget {
    /// `time`.
    Time,
    /// `event_id`.
    EventId,
    /// `received_at`.
    ReceivedAt,
    /// A key column of a participant: its place, and which column.
    Key(usize, usize),
    /// A declared property.
    Property(PropertyId),
}

/// A refresh of a segment or a tag, or its first version.
#[derive(Clone, Debug, PartialEq)]
pub struct Refresh {
    /// The definition that comes into force with the version.
    pub change: Option<Change>,
    /// What is made.
    pub kept: Kept,
    /// Whose.
    pub entity: EntityTypeId,
    /// Key columns, then for a tag the value, or the values that clusters are made of.
    pub query: Query,
    /// So many clusters are made of the values: kmeans.
    pub clusters: Option<u64>,
    /// KEEP: microseconds after which a version goes.
    pub keep: Option<u64>,
    /// Only the definition is made while no entity is known: what is refreshed later needs no empty version.
    pub later: bool,
    /// For the user.
    pub words: String,
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

impl Leaf {
    /// True when the value is another one at another time of the event.
    pub fn at_event(&self) -> bool {
        match self {
            Leaf::PropertyAtEvent(_) => true,
            Leaf::Through(Link::Key(source), value) => source.iter().any(|c| c.leaf.at_event()) || value.at_event(),
            Leaf::Through(Link::Participant(_), value) => value.at_event(),
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

impl RowExpr {
    /// Both conditions. Each has its columns numbered from 1.
    pub fn and(mut self, mut other: RowExpr) -> RowExpr {
        let behind = self.columns.iter().map(|c| c.id.0).max().unwrap_or(0);
        let numbers: Vec<(ColumnId, ColumnId)> = other.columns.iter().map(|c| (c.id, ColumnId(c.id.0 + behind))).collect();
        other.expr.renumber(&numbers);
        self.columns.extend(other.columns.into_iter().zip(numbers).map(|(c, (_, id))| ScanColumn { id, ..c }));
        RowExpr::canonical(self.columns, Expr::predicate(ExprKind::And(vec![self.expr, other.expr])))
    }

    /// The same with its columns numbered from 1 in their order: two expressions that mean the same are then equal.
    pub fn canonical(columns: Vec<ScanColumn>, expr: Expr) -> RowExpr {
        let numbers: Vec<(ColumnId, ColumnId)> = columns.iter().zip(1..).map(|(c, n)| (c.id, ColumnId(n))).collect();
        let mut expr = expr;
        expr.renumber(&numbers);
        let columns = columns.into_iter().zip(&numbers).map(|(c, (_, id))| ScanColumn { id: *id, ..c }).collect();
        RowExpr { columns, expr }
    }
}

impl Expr {
    /// Gives columns other numbers.
    pub fn renumber(&mut self, numbers: &[(ColumnId, ColumnId)]) {
        if let ExprKind::Column(id) = &mut self.kind
            && let Some((_, to)) = numbers.iter().find(|(from, _)| from == id)
        {
            *id = *to;
        }
        for c in self.children_mut() {
            c.renumber(numbers);
        }
    }
    /// A constant.
    pub fn literal(value: Value) -> Expr {
        let data_type = value.data_type().unwrap_or(DataType::String);
        Expr { kind: ExprKind::Literal(value), data_type }
    }
    /// A column.
    pub fn column(id: ColumnId, data_type: DataType) -> Expr {
        Expr { kind: ExprKind::Column(id), data_type }
    }
    /// A predicate.
    pub fn predicate(kind: ExprKind) -> Expr {
        Expr { kind, data_type: DataType::Bool }
    }
    /// The mark of an error that has been reported.
    pub fn invalid() -> Expr {
        Expr { kind: ExprKind::Invalid, data_type: DataType::String }
    }
    /// True for the NULL literal.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, ExprKind::Literal(Value::Null))
    }
    /// All of `parts`, flattened; None when there are none.
    pub fn all(parts: impl IntoIterator<Item = Expr>) -> Option<Expr> {
        let mut parts: Vec<Expr> = parts.into_iter().collect();
        match parts.len() {
            0 => None,
            1 => parts.pop(),
            _ => Some(Expr::predicate(ExprKind::And(parts))),
        }
    }

    /// The direct parts, for walks.
    pub fn children(&self) -> Vec<&Expr> {
        use ExprKind::*;
        match &self.kind {
            Literal(_) | Column(_) | Now(_) | Scalar(_) | Exists(_) | Invalid => vec![],
            Negate(a) | Not(a) | IsNull(a) | IsSet(a) | Cast(a) | InRange(a, _) | InQuery(a, _) | Shift { time: a, .. } => vec![a],
            Arithmetic(_, a, b) | Compare(_, a, b) | Match(_, a, b) => vec![a, b],
            And(v) | Or(v) | Call(_, v, _) => v.iter().collect(),
            In(a, v) => std::iter::once(a.as_ref()).chain(v).collect(),
            Case(w, e) => w.iter().flat_map(|(a, b)| [a, b]).chain(e.iter().map(AsRef::as_ref)).collect(),
        }
    }

    /// The direct parts, to be changed.
    pub fn children_mut(&mut self) -> Vec<&mut Expr> {
        use ExprKind::*;
        match &mut self.kind {
            Literal(_) | Column(_) | Now(_) | Scalar(_) | Exists(_) | Invalid => vec![],
            Negate(a) | Not(a) | IsNull(a) | IsSet(a) | Cast(a) | InRange(a, _) | InQuery(a, _) | Shift { time: a, .. } => vec![a],
            Arithmetic(_, a, b) | Compare(_, a, b) | Match(_, a, b) => vec![a, b],
            And(v) | Or(v) | Call(_, v, _) => v.iter_mut().collect(),
            In(a, v) => std::iter::once(a.as_mut()).chain(v).collect(),
            Case(w, e) => w.iter_mut().flat_map(|(a, b)| [a, b]).chain(e.iter_mut().map(AsMut::as_mut)).collect(),
        }
    }

    /// Columns that the expression reads, each once, in order of appearance.
    pub fn columns(&self) -> Vec<ColumnId> {
        let mut out = Vec::new();
        self.visit(&mut |e| {
            if let ExprKind::Column(id) = e.kind
                && !out.contains(&id)
            {
                out.push(id);
            }
        });
        out
    }

    /// Calls `f` for the expression and all its parts, the whole before its parts.
    pub fn visit<'a>(&'a self, f: &mut dyn FnMut(&'a Expr)) {
        f(self);
        for c in self.children() {
            c.visit(f);
        }
    }
}
