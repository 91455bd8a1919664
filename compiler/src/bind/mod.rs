//! Names become what they stand for. One construct, one file.

mod activity;
mod aggregate;
mod arithmetic;
mod at_event;
mod attribution;
mod behaviour;
mod call;
mod clause;
mod clocked;
mod compare;
mod define;
mod define_set;
mod did;
mod distribution;
mod event;
mod expr;
mod favourite;
mod find;
mod funnel;
mod insert;
mod intervals;
mod journey;
mod keep;
mod kmeans;
mod lifecycle;
mod ltv;
mod matches;
mod measure;
mod misfit;
mod nothing;
mod paths;
mod profile;
mod query;
mod refresh;
mod retention;
mod rfm;
mod sample;
mod scope;
mod segment;
mod select;
mod sequence;
mod sessions;
mod shorthand;
mod show;
mod statement;
mod step_where;
mod stickiness;
mod streaming;
mod subscribe;
mod system;
mod tag;
mod time;
mod top;
mod trend;
mod unknown;
mod uses;
mod window;

pub(crate) use clause::takes;

pub use refresh::{Schedule, schedule};
pub use show::nouns;
pub use streaming::membership;
pub use uses::{Noun, users, uses};

use crate::bound::{Bound, Clock, ColumnId, Expr, TimeRange};
use crate::code;
use eql_catalog::{Catalog, Value, WeekStart};
use eql_grammar::Diagnostic;
use eql_grammar::ast::{self, Span};
use scope::Env;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Values of `:name` (key `name`) and `$1` (key `1`).
pub type ParamValues = BTreeMap<String, Value>;

/// What a statement is bound against.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The nouns.
    pub catalog: &'a Catalog,
    /// Values of parameters.
    pub params: &'a ParamValues,
    /// IANA name of the session's zone.
    pub time_zone: &'a str,
    /// The session's week.
    pub week_start: WeekStart,
    /// Names that are defined nowhere are warnings, and parameters need no values: a text is checked without its data directory.
    pub lenient: bool,
    /// The text is only checked: parameters need no values.
    pub check: bool,
}

/// Binds one statement; spans of diagnostics point into `text`.
pub fn bind(text: &str, statement: &ast::Statement, context: &Context<'_>) -> Bound {
    let mut binder = Binder::new(text, context);
    binder.whole = statement.span;
    let bound = binder.statement(statement);
    if bound.is_none() && !binder.unknown && !binder.diagnostics.iter().any(Diagnostic::is_error) {
        binder.unsaid(statement);
    }
    binder.diagnostics.sort_by_key(|d| (d.span.start, d.span.end));
    binder.diagnostics.dedup();
    let failed = binder.diagnostics.iter().any(Diagnostic::is_error) || binder.unknown;
    Bound {
        statement: bound.filter(|_| !failed),
        diagnostics: binder.diagnostics,
        uses_now: binder.uses_now,
        uses_minute: binder.uses_minute,
        reads_system: binder.reads_system,
        approximate: binder.approximate,
        uses: binder.uses,
        zone: binder.zone,
    }
}

/// Definitions of definitions of … are followed no deeper than this.
const DEPTH_MAX: usize = 16;
/// Most expressions that a statement means, definitions followed: a text has 10,000 at most, so this is ten of the largest.
const WORK_MAX: usize = 100_000;

pub(crate) struct Binder<'a> {
    text: &'a str,
    catalog: &'a Catalog,
    params: &'a ParamValues,
    lenient: bool,
    check: bool,
    /// The zone, week and AS OF of what is being bound.
    clock: Clock,
    /// DURING of the head, for aggregates over behaviour that have none of their own.
    during: Option<TimeRange>,
    /// The range that the head is to answer for instead of its own: COMPARE TO binds it twice.
    compared: Option<compare::Other>,
    /// WHERE of the head, for the events of every step.
    events_where: Option<ast::Expr>,
    /// OF of the head: how events find their subject.
    role: Option<String>,
    diagnostics: Vec<Diagnostic>,
    next: u32,
    uses_now: bool,
    uses_minute: bool,
    reads_system: bool,
    approximate: bool,
    /// As of when properties of entities are meant: at_event(…) changes it for its path.
    timing: at_event::Timing,
    /// A lenient name was met: nothing can be planned, nothing is wrong.
    unknown: bool,
    /// The names of sources around the query inside an expression that is being bound: they are not seen from within.
    outer: Vec<String>,
    /// GRACE of the definition that is being bound: microseconds.
    grace: i64,
    /// The construct that only a later version carries out.
    later: Option<&'static str>,
    /// Definitions being followed, to find circles.
    following: Vec<String>,
    /// What segments were bound to, with the AS OF that they were meant by.
    memberships: Vec<(String, Option<ast::Instant>, Expr)>,
    /// Definitions that the text names itself.
    uses: Vec<uses::Noun>,
    /// The statement's place.
    whole: Span,
    /// The type that a name should have here, to choose among near ones.
    wanted: Option<eql_catalog::DataType>,
    /// Where a followed definition was used: its own spans point into another text.
    used_at: Option<Span>,
    ctes: Vec<(String, ast::Query)>,
    /// Queries inside queries.
    depth: usize,
    /// The outermost head's IN TIME ZONE.
    zone: Option<Arc<str>>,
    /// Expressions that were bound, those of definitions and those that stand for one twice included.
    work: usize,
}

impl<'a> Binder<'a> {
    fn new(text: &'a str, c: &Context<'a>) -> Self {
        Self {
            text,
            catalog: c.catalog,
            params: c.params,
            lenient: c.lenient,
            check: c.check,
            clock: Clock { zone: Arc::from(c.time_zone), week_start: c.week_start, as_of: None },
            during: None,
            compared: None,
            events_where: None,
            role: None,
            diagnostics: Vec::new(),
            next: 0,
            uses_now: false,
            uses_minute: false,
            reads_system: false,
            approximate: false,
            timing: at_event::Timing::default(),
            unknown: false,
            outer: Vec::new(),
            grace: 0,
            later: None,
            following: Vec::new(),
            memberships: Vec::new(),
            uses: Vec::new(),
            whole: Span::default(),
            wanted: None,
            used_at: None,
            ctes: Vec::new(),
            depth: 0,
            zone: None,
            work: 0,
        }
    }

    /// Whether so many expressions more can be afforded; what a small text means can double with each level and each definition. Reported once.
    fn affords(&mut self, expressions: usize, span: Span) -> bool {
        let before = self.work;
        self.work = before.saturating_add(expressions);
        if before <= WORK_MAX && self.work > WORK_MAX {
            let hint = "name each part once: a query inside, `|> EXTEND`, or fewer definitions that name others several times";
            self.error_hint(code::LIMIT, span, format!("the statement means more than {WORK_MAX} expressions"), hint);
        }
        self.work <= WORK_MAX
    }

    /// The same expression at a second place.
    fn again(&mut self, e: &crate::bound::Expr, span: Span) -> crate::bound::Expr {
        let mut parts = 0;
        e.visit(&mut |_| parts += 1);
        if self.affords(parts, span) { e.clone() } else { Expr::invalid() }
    }

    fn column_id(&mut self) -> ColumnId {
        self.next += 1;
        ColumnId(self.next)
    }

    /// Reports an error and gives the expression that stands for it.
    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> Expr {
        self.report(Diagnostic::error(code, self.text, self.place(span), message));
        Expr::invalid()
    }

    /// No refusal without words: what no rule put into words is our fault, and points at the head.
    fn unsaid(&mut self, statement: &ast::Statement) {
        let head = match &statement.kind {
            ast::StatementKind::Query(ast::Query { body: ast::QueryBody::Analysis(a), .. }) => a.head_span,
            _ => statement.span,
        };
        let words = self.text.get(head.start..head.end).unwrap_or_default();
        let length = words.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(words.len());
        self.error(code::FAULT, Span::new(head.start, head.start + length), "this is refused although nothing was found wrong with it");
    }

    fn error_hint(&mut self, code: &'static str, span: Span, message: impl Into<String>, hint: impl Into<String>) -> Expr {
        self.report(Diagnostic::error(code, self.text, self.place(span), message).with_hint(hint));
        Expr::invalid()
    }

    /// Where to point: what has no place of its own is the whole statement's.
    fn place(&self, span: Span) -> Span {
        self.used_at.unwrap_or(if span.end == 0 { self.whole } else { span })
    }

    /// Inside a stored definition the place is its use, so the definition is named, and nothing can be repaired there.
    fn report(&mut self, mut diagnostic: Diagnostic) {
        if let (Some(_), Some(name)) = (self.used_at, self.following.last()) {
            diagnostic.fix = None;
            diagnostic.message = format!("in the definition of `{name}`: {}", diagnostic.message);
        }
        diagnostic.hint.get_or_insert_with(|| code::advice(diagnostic.code).to_string());
        self.diagnostics.push(diagnostic);
    }

    /// Remembers that the statement holds something this version only checks.
    #[allow(dead_code, reason = "all that is understood is carried out today; a head that is not says so with it")]
    fn later(&mut self, what: &'static str) {
        self.later.get_or_insert(what);
    }

    /// The words between two places, blanks collapsed: the canonical text of an unnamed column.
    fn words(&self, span: Span) -> String {
        let slice = self.text.get(span.start..span.end.min(self.text.len())).unwrap_or_default();
        slice.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Binds a piece of a stored definition: its diagnostics point at the use. None (reported) when definitions run in a circle.
    fn follow<T>(&mut self, name: &str, at: Span, f: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.following.iter().any(|n| n == name) || self.following.len() >= DEPTH_MAX {
            let chain = self.following.join("` → `");
            self.error(code::CYCLE, at, format!("`{name}` is defined by itself: `{chain}` → `{name}`"));
            return None;
        }
        self.following.push(name.to_string());
        let before = self.used_at;
        self.used_at = Some(self.place(at));
        let out = f(self);
        self.used_at = before;
        self.following.pop();
        Some(out)
    }

    /// Runs `f` with another clock.
    fn with_clock<T>(&mut self, clock: Clock, f: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.clock, clock);
        let out = f(self);
        self.clock = before;
        out
    }

    /// A condition: BOOLEAN, or an error.
    fn predicate(&mut self, expr: &ast::Expr, env: &mut Env) -> Expr {
        let bound = self.expr(expr, env);
        let fits =
            bound.data_type == eql_catalog::DataType::Bool || matches!(bound.kind, crate::bound::ExprKind::Invalid) || bound.is_null();
        if fits {
            bound
        } else {
            use eql_catalog::DataType;
            let hint = match &bound.data_type {
                t if t.is_numeric() => "compare it, as in `amount > 0`",
                DataType::List(_) => "test a member, as in `interests HAS 'music'`",
                t if t.is_temporal() => "compare it, as in `time >= '2026-01-31'`",
                _ => "compare it, as in `city = 'Rome'`, or write `city IS SET`",
            };
            self.error_hint(code::NOT_PREDICATE, expr.span, format!("a condition is expected, this is {}", bound.data_type), hint)
        }
    }
}
