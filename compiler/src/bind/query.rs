//! Queries: bodies, set operations, pipe stages.

use super::Binder;
use super::clause::{Clauses, HeadKind};
use super::scope::{Aggregates, Env, RowKind, RowScope};
use crate::bound::*;
use crate::code;
use crate::function::common_type;
use eql_grammar::ast::{self, ClauseKind, Head, PipeKind, QueryBody, SelectItem, Span};

impl Binder<'_> {
    /// Binds a query; None when something in it is wrong (reported).
    pub(super) fn query(&mut self, q: &ast::Query) -> Option<Query> {
        let known = self.ctes.len();
        self.ctes.extend(q.with.iter().map(|(n, c)| (n.name.clone(), c.clone())));
        self.depth += 1;
        let whole = of_the_whole(&q.body);
        let (body, last) = whole.as_ref().map_or((&q.body, &[][..]), |(body, last)| (body, last));
        let out = self.isolated(|b| b.body(body)).and_then(|body| last.iter().chain(&q.pipes).try_fold(body, |rows, p| self.pipe(rows, p)));
        self.ctes.truncate(known);
        self.depth -= 1;
        out
    }

    /// A query inside an expression.
    pub(super) fn inner_query(&mut self, q: &ast::Query, around: &Env) -> Option<Query> {
        let before = self.outer.len();
        self.outer.extend(around.rows.iter().filter_map(|r| r.name.clone()));
        let out = self.query(q);
        self.outer.truncate(before);
        out
    }

    /// Runs `f` without the settings of the surrounding head.
    pub(super) fn isolated<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> T {
        let state = (self.during.take(), self.events_where.take(), self.role.take(), self.clock.clone());
        let compared = self.compared.take();
        let out = f(self);
        (self.during, self.events_where, self.role, self.clock) = state;
        self.compared = compared;
        out
    }

    fn body(&mut self, body: &QueryBody) -> Option<Query> {
        match body {
            QueryBody::Select(s) => match self.sampled(&s.clauses) {
                Some(clauses) => self.select(&ast::Select { clauses, ..s.as_ref().clone() }),
                None => self.select(s),
            },
            QueryBody::Find(f) => match self.sampled(&f.clauses) {
                Some(clauses) => self.find(&ast::Find { clauses, ..f.as_ref().clone() }),
                None => self.find(f),
            },
            QueryBody::Analysis(a) => match self.sampled(&a.clauses) {
                Some(clauses) => self.analysis(&ast::Analysis { clauses, ..a.as_ref().clone() }),
                None => self.analysis(a),
            },
            QueryBody::Nested(q) => self.query(q),
            QueryBody::Set(op, a, b) => {
                let left = self.isolated(|s| s.body(a));
                let right = self.isolated(|s| s.body(b));
                self.set(*op, left?, right?)
            }
        }
    }

    fn analysis(&mut self, a: &ast::Analysis) -> Option<Query> {
        match self.comparison(a) {
            Some(compared) => compared,
            None => self.head(a),
        }
    }

    /// An analysis of one range.
    pub(super) fn head(&mut self, a: &ast::Analysis) -> Option<Query> {
        match &a.head {
            Head::Trend(items) => self.trend(a, items),
            Head::Funnel(steps) => self.funnel(a, steps),
            Head::Retention => self.retention(a),
            Head::Ltv => self.ltv(a),
            Head::Sessions(rule) => self.sessions(a, rule),
            Head::Distribution(items) => self.distribution(a, items),
            Head::Profile => self.profile(a),
            Head::Sequence(steps) => self.sequence(a, steps),
            Head::Intervals => self.intervals(a),
            Head::Attribution => self.attribution(a),
            Head::Paths => self.paths(a),
            Head::Lifecycle(step) => self.lifecycle(a, step),
            Head::Stickiness(step) => self.stickiness(a, step),
            Head::Rfm(step) => self.rfm(a, step),
            Head::Journey => self.journey(a),
        }
    }

    fn set(&mut self, op: ast::SetOp, left: Query, right: Query) -> Option<Query> {
        if left.output.len() != right.output.len() {
            let what = format!("both sides need the same number of columns, these have {} and {}", left.output.len(), right.output.len());
            self.error(code::COLUMNS, Span::default(), what);
            return None;
        }
        let (mut columns, mut output) = (Vec::new(), Vec::new());
        let (mut casts_left, mut casts_right) = (Vec::new(), Vec::new());
        for (l, r) in left.output.iter().zip(&right.output) {
            let Some(t) = common_type(&l.data_type, &r.data_type) else {
                let what = format!("column `{}` is {} on one side and {} on the other", l.name, l.data_type, r.data_type);
                self.error(code::COLUMNS, Span::default(), what);
                return None;
            };
            let (id, li, ri) = (self.column_id(), self.column_id(), self.column_id());
            casts_left.push((li, self.cast_to(Expr::column(l.id, l.data_type.clone()), &t)));
            casts_right.push((ri, self.cast_to(Expr::column(r.id, r.data_type.clone()), &t)));
            columns.push((id, li, ri));
            output.push(Output { id, name: l.name.clone(), data_type: t });
        }
        let (l, r) = (Rel::Project(Box::new(left.rel), casts_left), Rel::Project(Box::new(right.rel), casts_right));
        Some(Query { rel: Rel::Set(op, Box::new(l), Box::new(r), columns), output })
    }

    fn pipe(&mut self, rows: Query, p: &ast::Pipe) -> Option<Query> {
        let table = RowScope::new(RowKind::Table(rows.output.clone()), None);
        let mut env = Env::row(table);
        match &p.kind {
            PipeKind::Where(e) => {
                let e = self.predicate(e, &mut env);
                Some(Query { rel: Rel::Filter(Box::new(rows.rel), e), ..rows })
            }
            PipeKind::Select(items) => self.pipe_select(rows, items, env),
            PipeKind::Extend(items) | PipeKind::Aggregate(items, _) if self.named_by_equals(items, &rows) => None,
            PipeKind::Extend(items) => {
                let star = SelectItem::Star(p.span);
                let all: Vec<SelectItem> = std::iter::once(star).chain(items.iter().cloned().map(SelectItem::Item)).collect();
                self.pipe_select(rows, &all, env)
            }
            PipeKind::Aggregate(items, groups) => {
                let listed: Vec<SelectItem> = groups.iter().chain(items).cloned().map(SelectItem::Item).collect();
                let env = env.with(Aggregates::Rows(vec![]));
                let parts =
                    super::select::Parts { items: &listed, groups: Some(groups), having: None, order: &[], limit: None, distinct: false };
                self.rows(rows.rel, None, env, parts)
            }
            PipeKind::OrderBy(items) => {
                env.aliases = rows.output.iter().map(|o| (o.name.clone(), Expr::column(o.id, o.data_type.clone()))).collect();
                let keys = self.sort_keys(items, &mut env);
                Some(Query { rel: Rel::Sort(Box::new(rows.rel), keys), ..rows })
            }
            PipeKind::Limit(n, offset) => {
                let n = self.count(n)?;
                let offset = match offset {
                    Some(o) => self.count(o)?,
                    None => 0,
                };
                Some(Query { rel: Rel::Limit(Box::new(rows.rel), Some(n), offset), ..rows })
            }
        }
    }

    /// Reports `margin = amount - cost` where a new column was meant.
    fn named_by_equals(&mut self, items: &[ast::Item], rows: &Query) -> bool {
        let named = |i: &&ast::Item| match &i.expr.kind {
            ast::ExprKind::Binary(ast::BinaryOp::Equal, a, _) => {
                i.alias.is_none()
                    && matches!(&a.kind, ast::ExprKind::Path(p) if p.parts.len() == 1 && !rows.output.iter().any(|o| o.name == p.parts[0].name))
            }
            _ => false,
        };
        let found: Vec<&ast::Item> = items.iter().filter(named).collect();
        for item in &found {
            if let ast::ExprKind::Binary(_, name, value) = &item.expr.kind {
                let text = format!("{} AS {}", self.words(value.span), self.words(name.span));
                let d = eql_grammar::Diagnostic::error(code::PROPERTY, self.text, item.expr.span, "a new column gets its name by AS");
                self.report(d.with_hint(format!("write `{text}`")).with_fix(self.text, item.expr.span, text));
            }
        }
        !found.is_empty()
    }

    fn pipe_select(&mut self, rows: Query, items: &[SelectItem], env: Env) -> Option<Query> {
        let env = env.with(Aggregates::Rows(vec![]));
        let parts = super::select::Parts { items, groups: None, having: None, order: &[], limit: None, distinct: false };
        self.rows(rows.rel, None, env, parts)
    }

    pub(super) fn sort_keys(&mut self, items: &[ast::OrderItem], env: &mut Env) -> Vec<SortKey> {
        let mut out = Vec::new();
        for i in items {
            let expr = match position(&i.expr) {
                Some(n) => match env.aliases.get(n - 1) {
                    Some((_, e)) => e.clone(),
                    None => self.error(code::VALUE, i.expr.span, format!("the result has no column {n}")),
                },
                None => self.order_expr(&i.expr, env),
            };
            out.push(SortKey { expr, descending: i.descending, nulls_first: i.nulls_first.unwrap_or(false) });
        }
        out
    }

    /// ORDER BY means the result's names first.
    fn order_expr(&mut self, e: &ast::Expr, env: &mut Env) -> Expr {
        if let ast::ExprKind::Path(p) = &e.kind
            && let [one] = p.parts.as_slice()
            && let Some((_, found)) = env.aliases.iter().find(|(n, _)| *n == one.name)
        {
            return found.clone();
        }
        self.expr(e, env)
    }

    /// Orders a result and cuts it: ORDER BY of the head over result columns, then by the leading columns; then LIMIT.
    pub(super) fn finish(&mut self, query: Query, clauses: Clauses<'_>, leading: usize) -> Option<Query> {
        let order = clauses.get(|k| if let ClauseKind::OrderBy(o) = k { Some(o) } else { None });
        let by = |o: &Output| SortKey { expr: Expr::column(o.id, o.data_type.clone()), descending: false, nulls_first: false };
        let mut keys = match order {
            Some(o) => {
                let mut env = Env::row(RowScope::new(RowKind::Table(query.output.clone()), None));
                env.aliases = query.output.iter().map(|o| (o.name.clone(), Expr::column(o.id, o.data_type.clone()))).collect();
                self.sort_keys(o, &mut env)
            }
            None => vec![],
        };
        // Behind an ORDER BY they tell equal rows apart, so that LIMIT takes the same ones each time.
        keys.extend(query.output.iter().take(leading).map(by));
        let rel = if keys.is_empty() { query.rel } else { Rel::Sort(Box::new(query.rel), keys) };
        let rel = match self.limit(clauses)? {
            Some((n, offset)) => Rel::Limit(Box::new(rel), Some(n), offset),
            None => rel,
        };
        Some(Query { rel, output: query.output })
    }

    /// LIMIT: None when it cannot be read, Some(None) when there is none.
    #[allow(clippy::option_option)]
    pub(super) fn limit(&mut self, clauses: Clauses<'_>) -> Option<Option<(u64, u64)>> {
        let Some((n, offset)) = clauses.get(|k| if let ClauseKind::Limit(n, o) = k { Some((n, o)) } else { None }) else {
            return Some(None);
        };
        let n = self.count(n)?;
        let offset = match offset {
            Some(o) => self.count(o)?,
            None => 0,
        };
        Some(Some((n, offset)))
    }

    /// The clock of a head: its zone, week start and AS OF over the session's.
    pub(super) fn head_clock(&mut self, clauses: Clauses<'_>) -> Clock {
        let mut clock = self.clock.clone();
        if let Some(e) = clauses.get(|k| if let ClauseKind::TimeZone(e) = k { Some(e) } else { None }) {
            match self.expr(e, &mut Env::empty()).kind {
                ExprKind::Literal(eql_catalog::Value::String(z)) if z.parse::<chrono_tz::Tz>().is_ok() => {
                    clock.zone = z.into();
                    if self.depth == 1 {
                        self.zone = Some(clock.zone.clone());
                    }
                }
                ExprKind::Literal(eql_catalog::Value::String(z)) => {
                    self.error_hint(code::VALUE, e.span, format!("`{z}` is no time zone"), "use an IANA name such as 'Europe/Paris'");
                }
                _ => {}
            }
        }
        if let Some(w) = clauses.get(|k| if let ClauseKind::WeekStarts(w) = k { Some(*w) } else { None }) {
            clock.week_start = match w {
                ast::Weekday::Monday => eql_catalog::WeekStart::Monday,
                ast::Weekday::Sunday => eql_catalog::WeekStart::Sunday,
                ast::Weekday::Saturday => eql_catalog::WeekStart::Saturday,
            };
        }
        if let Some(t) = clauses.get(|k| if let ClauseKind::AsOf(t) = k { Some(t) } else { None }) {
            self.clock = clock.clone();
            clock.as_of = self.instant(t);
        }
        clock
    }

    /// DURING of a head that needs one.
    pub(super) fn required_during(&mut self, clauses: Clauses<'_>, head: HeadKind, at: Span) -> Option<TimeRange> {
        let r = clauses.get(|k| if let ClauseKind::During(r) = k { Some(r) } else { None });
        let r = self.require(r, head, "DURING", at, "for example DURING last 30 days")?;
        match self.compared.take() {
            Some(other) => self.other_range(r, &other),
            None => self.range(r),
        }
    }

    /// OF, or the default: the first participant of the first event. Remembers the role.
    pub(super) fn subject(
        &mut self,
        clauses: Clauses<'_>,
        first: Option<&ast::EventScope>,
    ) -> Option<std::sync::Arc<eql_catalog::EntityType>> {
        if let Some(k) = clauses.get(|k| if let ClauseKind::Of(_, key) = k { key.as_ref() } else { None }) {
            self.error_hint(code::CLAUSE, k.span, "only JOURNEY takes one entity's key after OF", "use AMONG (FIND … WHERE key = …)");
        }
        self.subject_or_one(clauses, first)
    }

    /// The same where OF may name one entity by its key.
    pub(super) fn subject_or_one(
        &mut self,
        clauses: Clauses<'_>,
        first: Option<&ast::EventScope>,
    ) -> Option<std::sync::Arc<eql_catalog::EntityType>> {
        match clauses.get(|k| if let ClauseKind::Of(i, _) = k { Some(i) } else { None }) {
            Some(ident) => {
                if self.catalog.entity(&ident.name).is_some() {
                    return self.entity_type(ident);
                }
                let role = self.catalog.events().find_map(|e| e.participants.iter().find(|p| p.name == ident.name).map(|p| p.entity));
                match role.and_then(|id| self.entity_of(id)) {
                    Some(entity) => {
                        self.role = Some(ident.name.clone());
                        Some(entity)
                    }
                    None => self.entity_type(ident),
                }
            }
            None => self.default_subject(first?),
        }
    }
}

/// `ORDER BY 2`.
fn position(e: &ast::Expr) -> Option<usize> {
    match &e.kind {
        ast::ExprKind::Literal(ast::Literal::Number(n)) => n.parse().ok().filter(|n| *n > 0),
        _ => None,
    }
}

/// ORDER BY and LIMIT behind the last SELECT of a UNION are those of the whole, as in SQL; in brackets they stay with their SELECT.
fn of_the_whole(body: &QueryBody) -> Option<(QueryBody, Vec<ast::Pipe>)> {
    let QueryBody::Set(op, left, right) = body else { return None };
    let (right, last) = match right.as_ref() {
        QueryBody::Select(s) => {
            let ordering = |c: &&ast::Clause| matches!(c.kind, ClauseKind::OrderBy(_) | ClauseKind::Limit(..));
            let mut last: Vec<ast::Pipe> = s.clauses.iter().filter(ordering).filter_map(stage).collect();
            last.sort_by_key(|p| matches!(p.kind, PipeKind::Limit(..)));
            let clauses = s.clauses.iter().filter(|c| !ordering(c)).cloned().collect();
            (QueryBody::Select(Box::new(ast::Select { clauses, ..s.as_ref().clone() })), last)
        }
        deeper => of_the_whole(deeper)?,
    };
    (!last.is_empty()).then(|| (QueryBody::Set(*op, left.clone(), Box::new(right)), last))
}

fn stage(clause: &ast::Clause) -> Option<ast::Pipe> {
    let kind = match &clause.kind {
        ClauseKind::OrderBy(items) => PipeKind::OrderBy(items.clone()),
        ClauseKind::Limit(n, offset) => PipeKind::Limit(n.clone(), offset.clone()),
        _ => return None,
    };
    Some(ast::Pipe { kind, span: clause.span })
}
