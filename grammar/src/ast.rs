//! The syntax tree: what a text says, before anybody asks what its names mean.
//!
//! Every node that a diagnostic may point at carries a [`Span`]. Equality of trees ignores spans
//! (two spellings of one statement are the same tree), which is what the printing law
//! `parse(print(parse(x))) = parse(x)` compares.

use serde::Serialize;

/// A half-open range of byte offsets into the submitted text. Equal to every other span on purpose: see the module's first lines.
#[derive(Clone, Copy, Debug, Default, Serialize, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Span {
    /// The span from `start` (included) to `end` (excluded).
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
    /// The smallest span that covers both.
    pub fn to(self, other: Span) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

impl PartialEq for Span {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl std::hash::Hash for Span {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

/// A name as written; quotes are removed, a leading `$` of a preset name is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Ident {
    /// The name itself.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// Names joined by dots: `purchase.product.category`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Path {
    /// At least one name.
    pub parts: Vec<Ident>,
}

impl Path {
    /// From the first name to the last.
    pub fn span(&self) -> Span {
        match (self.parts.first(), self.parts.last()) {
            (Some(a), Some(b)) => a.span.to(b.span),
            _ => Span::default(),
        }
    }
    /// The names joined by dots.
    pub fn text(&self) -> String {
        self.parts.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(".")
    }
}

/// `$1` or `:name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum ParamName {
    /// `$1` is 1.
    Position(u32),
    /// `:name` is `name`.
    Name(String),
}

/// A parameter in the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Param {
    /// Which one.
    pub name: ParamName,
    /// Where it stands.
    pub span: Span,
}

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[allow(missing_docs)]
pub enum Unit {
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// A count that is written or a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Bound {
    /// Written in the text.
    Int(u64, Span),
    /// Given with the request.
    Param(Param),
}

/// A length of time: `30 minutes`, `30 calendar days`, or a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Duration {
    /// Written in the text.
    Length {
        /// How many units.
        count: u64,
        /// `CALENDAR` was written: days of the zone instead of 24 hours.
        calendar: bool,
        /// The unit.
        unit: Unit,
        /// Where it stands.
        span: Span,
    },
    /// Given with the request.
    Param(Param),
}

/// A point in time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Instant {
    /// `30 days AGO`.
    Ago(Bound, Unit, Span),
    /// `NOW`.
    Now(Span),
    /// `TODAY`.
    Today(Span),
    /// `YESTERDAY`.
    Yesterday(Span),
    /// `'2026-11-01'`, `DATE '…'` or `TIMESTAMP '…'`; the kind is None for a bare text.
    Text(Option<TypedKind>, String, Span),
    /// Given with the request.
    Param(Param),
}

/// The keyword before a typed literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum TypedKind {
    Date,
    Timestamp,
}

/// How `last n units` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum LastKind {
    /// Calendar units ending with the current one.
    Calendar,
    /// `COMPLETE`: calendar units before the current one.
    Complete,
    /// `ROLLING`: exactly n units before now.
    Rolling,
}

/// A time range of DURING or COMPARE TO.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Range {
    /// What is said.
    pub kind: RangeKind,
    /// Where it stands.
    pub span: Span,
}

/// The forms of a range.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum RangeKind {
    /// `a TO b`.
    FromTo(Instant, Instant),
    /// `ALL TIME`.
    AllTime,
    /// `LAST [n] [COMPLETE|ROLLING] unit`; no count means 1.
    Last(Option<Bound>, LastKind, Unit),
    /// `THIS unit`.
    This(Unit),
    /// `PREVIOUS unit`.
    Previous(Unit),
    /// `SINCE instant`.
    Since(Instant),
    /// `BEFORE instant`.
    Before(Instant),
    /// `TODAY`.
    Today,
    /// `YESTERDAY`.
    Yesterday,
    /// Given with the request.
    Param(Param),
}

/// A type as written: `DECIMAL(12, 2)`, `LIST<STRING>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct TypeName {
    /// Upper-cased word, `LIST` for lists.
    pub name: String,
    /// Numbers in parentheses.
    pub args: Vec<u64>,
    /// The element of a list.
    pub element: Option<Box<TypeName>>,
    /// Where it stands.
    pub span: Span,
}

/// A literal value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Literal {
    /// A number as written, so that `10` and `10.00` stay what they are; `1e6` allowed.
    Number(String),
    /// Text with `''` already undone.
    Text(String),
    /// `DATE '…'`, `TIMESTAMP '…'`.
    Typed(TypedKind, String),
    /// `TRUE` or `FALSE`.
    Bool(bool),
    /// `NULL`.
    Null,
}

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Expr {
    /// What it says.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// Binary operators, comparison included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum BinaryOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Concat,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What follows `IS [NOT]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum IsWhat {
    Null,
    Set,
    True,
    False,
}

/// Word operators between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum MatchOp {
    Like,
    ILike,
    Matches,
    Contains,
    Has,
    HasAny,
    HasAll,
    StartsWith,
    EndsWith,
}

/// The right side of `IN`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum InList {
    /// `IN (1, 2)`.
    Values(Vec<Expr>),
    /// `IN (SELECT …)`.
    Query(Box<Query>),
    /// `IN :names`.
    Param(Param),
}

/// The forms of an expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum ExprKind {
    /// A value.
    Literal(Literal),
    /// A parameter.
    Param(Param),
    /// A name or a path.
    Path(Path),
    /// A length of time as a value: `t + 30 days`.
    Duration(Duration),
    /// `f(…)`.
    Call(Box<Call>),
    /// `a + b`, `a = b`, …
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `-a`.
    Negate(Box<Expr>),
    /// `a AND b AND c`, flattened, two or more.
    And(Vec<Expr>),
    /// `a OR b OR c`, flattened, two or more.
    Or(Vec<Expr>),
    /// `NOT a`.
    Not(Box<Expr>),
    /// `a IS [NOT] NULL|SET|TRUE|FALSE`.
    Is {
        /// The value tested.
        expr: Box<Expr>,
        /// `NOT` was written.
        negated: bool,
        /// The test.
        what: IsWhat,
    },
    /// `a [NOT] IN SEGMENT s`.
    InSegment {
        /// The key tested.
        expr: Box<Expr>,
        /// `NOT` was written.
        negated: bool,
        /// The set.
        segment: Box<SegmentExpr>,
    },
    /// `a [NOT] IN (…)`.
    In {
        /// The value tested.
        expr: Box<Expr>,
        /// `NOT` was written.
        negated: bool,
        /// The alternatives.
        list: InList,
    },
    /// `a [NOT] BETWEEN b AND c`.
    Between {
        /// The value tested.
        expr: Box<Expr>,
        /// `NOT` was written.
        negated: bool,
        /// Included lower bound.
        low: Box<Expr>,
        /// Included upper bound.
        high: Box<Expr>,
    },
    /// `a [NOT] LIKE b` and its relatives.
    Match {
        /// The value tested.
        expr: Box<Expr>,
        /// `NOT` was written.
        negated: bool,
        /// Which test.
        op: MatchOp,
        /// What it is held against.
        pattern: Box<Expr>,
    },
    /// `CASE [operand] WHEN … THEN … [ELSE …] END`.
    Case {
        /// The operand of a simple CASE.
        operand: Option<Box<Expr>>,
        /// `WHEN a THEN b`.
        whens: Vec<(Expr, Expr)>,
        /// `ELSE`.
        otherwise: Option<Box<Expr>>,
    },
    /// `CAST(a AS t)` or `a::t`.
    Cast(Box<Expr>, TypeName),
    /// `(SELECT …)` as a value.
    Subquery(Box<Query>),
    /// `EXISTS (SELECT …)`.
    Exists(Box<Query>),
    /// `(a, b)` with two or more members.
    Tuple(Vec<Expr>),
    /// `DID …`, `NEVER DID …`, `FIRST DID …`.
    Behaviour(Box<Behaviour>),
}

/// A call: function, aggregate, or aggregate over behaviour.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Call {
    /// The function's name as written.
    pub name: Path,
    /// `DISTINCT` before the first argument.
    pub distinct: bool,
    /// The arguments.
    pub args: Vec<Arg>,
    /// `WHERE …`, `DURING …`, `BY …`, `ORDER BY …`, `AS OF …` inside the parentheses.
    /// `FILTER (WHERE p)` after the call is parsed into `Scope::Where`.
    pub scopes: Vec<Scope>,
    /// `OVER (…)`.
    pub over: Option<Over>,
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Arg {
    /// `*`.
    Star(Span),
    /// `ANY EVENT`.
    AnyEvent(Span),
    /// `[purchase WHERE …]`.
    Event(EventScope),
    /// `k => 5`.
    Named(Ident, Box<Arg>),
    /// A value; a bare event name is a one-word path here.
    Expr(Expr),
}

/// What narrows an aggregate inside its parentheses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Scope {
    /// `WHERE p`.
    Where(Expr),
    /// `DURING r`.
    During(Range),
    /// `BY e` (`top(x, 1 BY …)`, `streak(event BY day)`).
    By(Expr),
    /// `ORDER BY …`.
    OrderBy(Vec<OrderItem>),
    /// `AS OF t`.
    AsOf(Instant),
}

/// `OVER (PARTITION BY … ORDER BY …)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Over {
    /// `PARTITION BY`.
    pub partition_by: Vec<Expr>,
    /// `ORDER BY`.
    pub order_by: Vec<OrderItem>,
    /// `ROWS BETWEEN … AND …`; None is SQL's default.
    pub frame: Option<Frame>,
}

/// Which rows around the current one a window function sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Frame {
    /// `RANGE` was written: rows equal in ORDER BY come together. Else `ROWS`.
    pub range: bool,
    /// The first row.
    pub start: FrameBound,
    /// The last row.
    pub end: FrameBound,
    /// Where it stands.
    pub span: Span,
}

/// A bound of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum FrameBound {
    /// The first row of the partition.
    First,
    /// So many rows from the current one, which is 0; negative ones come before it.
    Rows(i64),
    /// The last row of the partition.
    Last,
}

/// One key of ORDER BY.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct OrderItem {
    /// The key.
    pub expr: Expr,
    /// `DESC` was written.
    pub descending: bool,
    /// `NULLS FIRST` is Some(true), `NULLS LAST` Some(false).
    pub nulls_first: Option<bool>,
}

/// An expression with an optional name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Item {
    /// The value.
    pub expr: Expr,
    /// `AS name`.
    pub alias: Option<Ident>,
}

/// One item of a SELECT list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum SelectItem {
    /// `*`.
    Star(Span),
    /// `path.*`.
    PathStar(Path),
    /// A value.
    Item(Item),
}

/// `DID` and its relatives.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Behaviour {
    /// DID, NEVER DID or FIRST DID.
    pub kind: DidKind,
    /// One step, or a sequence.
    pub steps: Vec<Step>,
    /// Qualifiers, in the order written.
    pub quals: Vec<Qual>,
}

/// Which DID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum DidKind {
    Did,
    Never,
    First,
}

/// A qualifier of DID.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Qual {
    /// What it says.
    pub kind: QualKind,
    /// Where it stands.
    pub span: Span,
}

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum CountOp {
    AtLeast,
    AtMost,
    Exactly,
    MoreThan,
    FewerThan,
}

/// The forms of a qualifier.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum QualKind {
    /// `AT LEAST 3 TIMES`, `ONCE` (exactly 1) and `TWICE` (exactly 2).
    Times(CountOp, u64),
    /// `BETWEEN 2 AND 5 TIMES`.
    TimesBetween(u64, u64),
    /// `ON AT LEAST 5 DAYS` (or WEEKS, MONTHS).
    OnPeriods(CountOp, u64, Unit),
    /// `DURING r`.
    During(Range),
    /// `WITHIN d`.
    Within(Duration),
    /// `IN ANY ORDER`, `IN STRICT ORDER`, `IN ORDER`.
    Mode(OrderMode),
    /// `HOLDING e, …`.
    Holding(Vec<Expr>),
    /// `BY SESSION s`.
    BySession(Ident),
    /// `TIES FORBIDDEN` is true.
    Ties(bool),
}

/// How steps follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum OrderMode {
    InOrder,
    AnyOrder,
    Strict,
}

/// One step of a funnel, sequence or DID.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Step {
    /// `OPTIONAL` was written.
    pub optional: bool,
    /// `NOT` was written: an absence.
    pub negated: bool,
    /// `WITHIN d` before the event: the step's own window.
    pub within: Option<Duration>,
    /// The event or events.
    pub scope: EventScope,
    /// `AS r` or `AS 'Explored'`.
    pub alias: Option<Ident>,
    /// Where it stands.
    pub span: Span,
}

/// `[a OR b WHERE p DURING r]`, or a bare event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct EventScope {
    /// Alternatives.
    pub events: Vec<EventRef>,
    /// `WHERE`.
    pub filter: Option<Box<Expr>>,
    /// `DURING`.
    pub during: Option<Range>,
    /// Square brackets were written: the printer keeps them where they are needed, equality ignores it not.
    pub span: Span,
}

/// An event by name, or ANY EVENT.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum EventRef {
    /// `ANY EVENT`.
    Any(Span),
    /// By name.
    Named(Ident),
}

/// Set algebra on segments. INTERSECT binds tighter than UNION and EXCEPT.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum SegmentExpr {
    /// A segment by name.
    Named(Ident, Option<Instant>),
    /// `(FIND …)`.
    Find(Box<Find>, Option<Instant>),
    /// `a UNION b`, `a INTERSECT b`, `a EXCEPT b`; left-associative.
    Set(SetOp, Box<SegmentExpr>, Box<SegmentExpr>),
    /// `( … ) AS OF t`.
    AsOf(Box<SegmentExpr>, Instant),
}

/// UNION, UNION ALL, INTERSECT, EXCEPT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum SetOp {
    Union,
    UnionAll,
    Intersect,
    Except,
}

/// A query: CTEs, a body of one or more terms, pipe stages.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Query {
    /// `WITH name AS (query), …`.
    pub with: Vec<(Ident, Query)>,
    /// The body.
    pub body: QueryBody,
    /// `|>` stages.
    pub pipes: Vec<Pipe>,
    /// Where it stands.
    pub span: Span,
}

/// The body of a query; INTERSECT binds tighter than UNION and EXCEPT.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum QueryBody {
    /// SELECT or the FROM short form.
    Select(Box<Select>),
    /// FIND.
    Find(Box<Find>),
    /// One of the analyses.
    Analysis(Box<Analysis>),
    /// `(query)`.
    Nested(Box<Query>),
    /// Two bodies combined.
    Set(SetOp, Box<QueryBody>, Box<QueryBody>),
}

/// `SELECT … FROM …`; `FROM x` is `SELECT * FROM x`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Select {
    /// `DISTINCT` was written.
    pub distinct: bool,
    /// The list.
    pub items: Vec<SelectItem>,
    /// `FROM`; SELECT may have none.
    pub from: Option<Source>,
    /// Joins in order.
    pub joins: Vec<Join>,
    /// Clauses in the order written.
    pub clauses: Vec<Clause>,
    /// Where it stands.
    pub span: Span,
}

/// What a SELECT reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Source {
    /// The table.
    pub kind: SourceKind,
    /// `AS name`.
    pub alias: Option<Ident>,
    /// Where it stands.
    pub span: Span,
}

/// The forms of a source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum SourceKind {
    /// An entity, an event or a CTE.
    Named(Path),
    /// `ANY EVENT`.
    AnyEvent,
    /// `SEGMENT s`.
    Segment(SegmentExpr),
    /// `(query)`.
    Query(Box<Query>),
}

/// A join.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Join {
    /// Which.
    pub kind: JoinKind,
    /// The other table.
    pub source: Source,
    /// `ON`; none for CROSS.
    pub on: Option<Expr>,
}

/// The kinds of join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    Cross,
}

/// `FIND entity …`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Find {
    /// The entity type.
    pub entity: Ident,
    /// Clauses in the order written.
    pub clauses: Vec<Clause>,
    /// Where it stands.
    pub span: Span,
}

/// An analysis: head, arguments, clauses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Analysis {
    /// Head and arguments.
    pub head: Head,
    /// The head's keyword.
    pub head_span: Span,
    /// Clauses in the order written.
    pub clauses: Vec<Clause>,
    /// Where it stands.
    pub span: Span,
}

/// The heads with their arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum Head {
    Trend(Vec<Item>),
    Distribution(Vec<Item>),
    Funnel(Vec<Step>),
    Sequence(Vec<Step>),
    Lifecycle(Step),
    Stickiness(Step),
    Rfm(Step),
    Sessions(Ident),
    Retention,
    Paths,
    Intervals,
    Attribution,
    Ltv,
    Profile,
    Journey,
}

impl Head {
    /// The head's keyword.
    pub fn keyword(&self) -> &'static str {
        match self {
            Head::Trend(_) => "TREND",
            Head::Distribution(_) => "DISTRIBUTION",
            Head::Funnel(_) => "FUNNEL",
            Head::Sequence(_) => "SEQUENCE",
            Head::Lifecycle(_) => "LIFECYCLE",
            Head::Stickiness(_) => "STICKINESS",
            Head::Rfm(_) => "RFM",
            Head::Sessions(_) => "SESSIONS",
            Head::Retention => "RETENTION",
            Head::Paths => "PATHS",
            Head::Intervals => "INTERVALS",
            Head::Attribution => "ATTRIBUTION",
            Head::Ltv => "LTV",
            Head::Profile => "PROFILE",
            Head::Journey => "JOURNEY",
        }
    }
}

/// A clause with the place of its keyword.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Clause {
    /// What it says.
    pub kind: ClauseKind,
    /// The whole clause.
    pub span: Span,
}

/// What SHOW of an analysis asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Show {
    /// `SHOW EDGES`.
    Edges,
    /// `SHOW TIME TO CONVERT`.
    TimeToConvert,
    /// `SHOW ENTITIES [CONVERTED|DROPPED] [(AT|AFTER) STEP n]`.
    Entities {
        /// `CONVERTED` is Some(true), `DROPPED` Some(false).
        converted: Option<bool>,
        /// The step, with true for AFTER, false for AT.
        step: Option<(bool, u64)>,
    },
    /// `SHOW ENTITIES NEW|RETURNING|RESURRECTING|DORMANT`.
    Phase(Phase),
    /// Named values.
    Items(Vec<Item>),
}

/// What an entity is in a period of a LIFECYCLE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum Phase {
    New,
    Returning,
    Resurrecting,
    Dormant,
}

impl Phase {
    /// In the order of the result's columns.
    pub const ALL: [Phase; 4] = [Phase::New, Phase::Returning, Phase::Resurrecting, Phase::Dormant];

    /// The name of its column.
    pub fn word(self) -> &'static str {
        match self {
            Phase::New => "new",
            Phase::Returning => "returning",
            Phase::Resurrecting => "resurrecting",
            Phase::Dormant => "dormant",
        }
    }
}

/// What BREAKDOWN follows when steps differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum Attributed {
    First,
    Last,
    All,
    Step(u64),
}

/// What COUNTING counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum Counting {
    Entities,
    Attempts,
    Sessions(Ident),
}

/// Which attempt REENTRY takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum Reentry {
    First,
    Latest,
    Best,
}

/// The forms of a clause.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum ClauseKind {
    /// `OF entity ['key']`.
    Of(Ident, Option<Expr>),
    Where(Expr),
    Among(SegmentExpr),
    During(Range),
    Within(Duration),
    /// `EVERY day`, `EVERY 2 weeks`; the count is 1 when only a unit is written.
    Every(Duration),
    For(Duration),
    Breakdown {
        items: Vec<Item>,
        top: Option<Bound>,
        attributed: Option<Attributed>,
    },
    GroupBy(Vec<Item>),
    Having(Expr),
    OrderBy(Vec<OrderItem>),
    Limit(Bound, Option<Bound>),
    Measure(Vec<Item>),
    Show(Show),
    /// None is PREVIOUS PERIOD.
    Compare(Option<Range>),
    Holding(Vec<Expr>),
    Excluding {
        step: Step,
        between: Option<(u64, u64)>,
    },
    Mode {
        mode: OrderMode,
        ignoring: Vec<Step>,
    },
    /// true is FORBIDDEN.
    Ties(bool),
    KeepRepeats,
    Counting(Counting),
    Reentry(Reentry),
    Starting(Step),
    Returning(Step),
    Ending(Step),
    Goal(Step),
    Touches(Vec<Step>),
    Model(Expr),
    Lookback(Duration),
    /// `BUCKETS (a, b) unit`.
    Buckets(Vec<Expr>, Option<Unit>),
    /// `BUCKETS 5`.
    BucketCount(u64),
    OverUnit(Unit),
    Over(Vec<Step>),
    NodeBy(Expr),
    Depth(u64),
    BySession(Ident),
    Until(Step),
    FirstTime,
    Recurring,
    Calendar,
    Rolling,
    Cumulative,
    Unbounded,
    NoFill,
    TimeZone(Expr),
    WeekStarts(Weekday),
    /// Percent as written.
    Sample(String),
    AsOf(Instant),
    Timeout(Duration),
    SplitBy(Vec<Expr>),
    Max(Duration),
}

/// The days a week may start on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum Weekday {
    Monday,
    Sunday,
    Saturday,
}

/// One `|>` stage.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Pipe {
    /// What it does.
    pub kind: PipeKind,
    /// Where it stands.
    pub span: Span,
}

/// The forms of a pipe stage.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum PipeKind {
    Where(Expr),
    Select(Vec<SelectItem>),
    Extend(Vec<Item>),
    Aggregate(Vec<Item>, Vec<Item>),
    OrderBy(Vec<OrderItem>),
    Limit(Bound, Option<Bound>),
}

/// The kinds of things that have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum Kind {
    Entity,
    Event,
    Property,
    Relation,
    Metric,
    Session,
    Tag,
    Segment,
}

/// A column of DEFINE ENTITY or DEFINE EVENT.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Column {
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub type_name: TypeName,
    /// HISTORY, UNIQUE, …
    pub options: Vec<ColumnOption>,
}

/// What may follow a column's type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum ColumnOption {
    History,
    Unique,
    Many,
    Sensitive,
    NotNull,
    Default(Literal),
    Comment(String),
}

/// What may follow a definition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum DefOption {
    RefreshEvery(Duration, Option<String>),
    Keep(Duration),
    Grace(Duration),
    Hidden,
    ClusterBy(Vec<Ident>),
    Comment(String),
}

/// What a tag or a segment is made from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum SetDefinition {
    Imported,
    Analysis(Box<Analysis>),
    Select(Box<Select>),
    Segment(SegmentExpr),
    Expr(Expr),
}

/// How a segment is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum SegmentMode {
    Static,
    Dynamic,
    Streaming,
}

/// `DEFINE [OR REPLACE] …`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Define {
    /// `OR REPLACE` was written.
    pub replace: bool,
    /// What is defined.
    pub what: Definition,
    /// REFRESH EVERY, KEEP, COMMENT, …
    pub options: Vec<DefOption>,
}

/// The forms of a definition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum Definition {
    Entity { name: Ident, key: Vec<Column>, columns: Vec<Column>, identities: Vec<Column> },
    Event { name: Ident, participants: Vec<(Ident, Option<Ident>)>, columns: Vec<Column> },
    VirtualEvent { name: Ident, alternatives: Vec<EventScope> },
    Property { path: Path, expr: Expr },
    Relation { path: Path, many: bool, target: Ident, on: Expr },
    Metric { name: Ident, expr: Expr },
    Session { name: Ident, clauses: Vec<Clause> },
    Tag { name: Ident, entity: Ident, type_name: Option<TypeName>, definition: SetDefinition },
    Segment { name: Ident, mode: Option<SegmentMode>, entity: Ident, definition: SetDefinition },
}

/// What SHOW lists.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum ShowWhat {
    Entities,
    Events,
    Relations,
    Properties(Ident),
    Segments,
    Sessions,
    Tags,
    Metrics,
    Subscriptions,
    Functions,
}

/// Where a subscription starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum SubscribeFrom {
    Now,
    Snapshot,
    Cursor(Expr),
}

/// What a subscription follows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
#[expect(clippy::large_enum_variant, reason = "a text holds few statements, and a plain tree is easier to match")]
pub enum SubscribeTo {
    Segment(Ident),
    Tag(Ident),
    Event(Step),
}

/// What a subscription reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum SubscribeOn {
    Enter,
    Exit,
    Change,
}

/// Which rung EXPLAIN shows; a bare EXPLAIN is `Logical`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum ExplainRung {
    Syntax,
    Bound,
    Logical,
    Physical,
    Analyze,
}

/// What INSERT writes into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum InsertTarget {
    Segment,
    Tag,
    Entity,
    Event,
}

/// Where the rows of INSERT come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum InsertSource {
    Values(Vec<Vec<Expr>>),
    Query(Box<Query>),
}

/// The value of SET.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
pub enum SetValue {
    Literal(Literal),
    Word(Ident),
}

/// A statement with its place in the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Statement {
    /// What it says.
    pub kind: StatementKind,
    /// Where it stands, without the `;`.
    pub span: Span,
}

/// The forms of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs)]
#[expect(clippy::large_enum_variant, reason = "a text holds few statements, and a plain tree is easier to match")]
pub enum StatementKind {
    Query(Query),
    Define(Box<Define>),
    Insert { target: InsertTarget, name: Ident, columns: Vec<Ident>, source: InsertSource },
    Drop { kind: Kind, if_exists: bool, path: Path },
    Refresh { kind: Kind, name: Ident },
    Show { what: ShowWhat, like: Option<String> },
    Describe { kind: Option<Kind>, path: Path },
    Subscribe { to: SubscribeTo, on: Vec<SubscribeOn>, with: Vec<Item>, from: Option<SubscribeFrom> },
    Set { name: Ident, value: SetValue },
    Explain { rung: ExplainRung, statement: Box<Statement> },
}
