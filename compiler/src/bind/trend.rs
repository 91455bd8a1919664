//! TREND: aggregates over event rows by period.

use super::Binder;
use super::clause::HeadKind;
use super::scope::{Aggregates, Env, Lanes, RowScope, participant};
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EventType, Value};
use eql_grammar::ast::{self, Arg, ClauseKind, EventScope, Item};
use std::sync::Arc;

/// Groups that TOP keeps at most: they are held in memory.
const TOP_MAX: u64 = 10_000;

/// Reading a metric is worth so many expressions.
const METRIC_WORK: usize = 4;

impl Binder<'_> {
    pub(super) fn trend(&mut self, a: &ast::Analysis, items: &[Item]) -> Option<Query> {
        let clauses = self.clauses(HeadKind::Trend, &a.clauses);
        self.clock = self.head_clock(clauses);
        let during = self.required_during(clauses, HeadKind::Trend, a.head_span);
        let items = self.expand_metrics(items);
        let scopes: Vec<EventScope> = items.iter().flat_map(|i| self.measured_events(&i.expr)).collect();
        let Some(first) = scopes.first() else {
            self.no_measure(&items, a.head_span);
            return None;
        };
        let subject = self.subject(clauses, Some(first));
        let events = self.measured_types(&scopes)?;
        let mut env = Env::row(RowScope::events(events.clone())).with(Aggregates::Events(vec![]));
        env.subject = subject.as_ref().map(|s| s.id);
        env.lanes = Some(Lanes { column: self.column_id(), ranges: vec![] });
        let measures: Vec<(String, Expr)> = items.iter().map(|i| (self.item_name(i), self.expr(&i.expr, &mut env))).collect();
        let Aggregates::Events(mut aggregates) = std::mem::replace(&mut env.aggregates, Aggregates::None) else { return None };
        self.single_rows(&items, &measures, &aggregates);
        let mut filter = Vec::new();
        if let Some(p) = clauses.get(|k| if let ClauseKind::Where(p) = k { Some(p) } else { None }) {
            filter.push(self.predicate(p, &mut env));
        }
        let mut row = env.rows.swap_remove(0);
        if let (Some(s), Some(among)) = (&subject, clauses.get(|k| if let ClauseKind::Among(a) = k { Some(a) } else { None })) {
            let role = self.role.clone();
            let by = events.iter().filter_map(|e| participant(e, s.id, role.as_deref()).map(|i| (e.id, i))).collect();
            filter.push(self.among_events(among, s, by, &mut row));
        }
        let time = self.leaf(&mut row, Leaf::Time, DataType::Timestamp);
        env.rows.push(row);
        let during = during?;
        let lanes = env.lanes.take().filter(|l| !l.ranges.is_empty());
        if let Some(lanes) = &lanes {
            own_lane(&mut aggregates, lanes.column);
        } else {
            filter.push(Expr::predicate(ExprKind::InRange(Box::new(time.clone()), Box::new(during.clone()))));
        }
        let every = clauses.get(|k| if let ClauseKind::Every(d) = k { Some(d) } else { None });
        let every = match every {
            Some(d) => Some(self.every(d)?),
            None => None,
        };
        let mut groups = Vec::new();
        let period = every.as_ref().map(|_| self.column_id());
        if let (Some(e), Some(id)) = (&every, period) {
            let period = self.period_of(time.clone(), e);
            // With ranges of single measures a row belongs to several periods, and is told which.
            groups.push(("period".to_string(), if lanes.is_some() { Expr::column(id, period.data_type) } else { period }));
        }
        let (breakdown, top) = self.breakdown_items(clauses);
        for i in breakdown {
            groups.push((self.item_name(i), self.expr(&i.expr, &mut env)));
        }
        let mut columns = env.rows.swap_remove(0).columns;
        let rows = filter.iter_mut().chain(groups.iter_mut().map(|g| &mut g.1));
        let inner = aggregates.iter_mut().flat_map(|(_, a)| a.argument.iter_mut().chain(a.filter.iter_mut()));
        for e in rows.chain(inner) {
            crate::rewrite::hoist_into(e, &mut columns, &mut self.next);
        }
        let source = Source::Events(events.iter().map(|e| e.id).collect());
        let within = Some(during.clone()).filter(|_| lanes.is_none());
        let scan = Rel::Scan(Box::new(Scan { source, columns, during: within, clock: self.clock.clone() }));
        let rel = match Expr::all(filter) {
            Some(p) => Rel::Filter(Box::new(scan), p),
            None => scan,
        };
        let rel = match (lanes, &time.kind) {
            (Some(lanes), ExprKind::Column(time)) => Rel::Lanes(Box::new(crate::bound::Lanes {
                input: rel,
                time: *time,
                lane: lanes.column,
                period: period.zip(every.clone()),
                during: during.clone(),
                ranges: lanes.ranges,
            })),
            _ => rel,
        };
        let (rel, groups) = match top {
            Some(n) => {
                let measure = measures.first().map(|m| &m.1);
                let (rel, groups) = self.top_rows(rel, groups, usize::from(every.is_some()), n, &aggregates, measure);
                (whole_ranking(rel), groups)
            }
            None => (rel, groups),
        };
        let fill = every.filter(|_| !clauses.has(|k| matches!(k, ClauseKind::NoFill)));
        let query = self.trend_result(rel, groups, aggregates, measures, fill, during);
        let leading = query.output.len();
        self.finish(query, clauses, leading)
    }

    fn trend_result(
        &mut self,
        rel: Rel,
        groups: Vec<(String, Expr)>,
        aggregates: Vec<(ColumnId, Aggregate)>,
        measures: Vec<(String, Expr)>,
        fill: Option<Every>,
        during: TimeRange,
    ) -> Query {
        let mut keys = Vec::new();
        let mut columns = Vec::new();
        for (name, e) in groups {
            let id = self.column_id();
            columns.push((name, Expr::column(id, e.data_type.clone())));
            keys.push((id, e));
        }
        let zero = aggregates
            .iter()
            .filter(|(_, a)| matches!(a.function, Aggregation::Count | Aggregation::CountDistinct) || is_sum(a))
            .map(|a| a.0)
            .collect();
        let ids: Vec<ColumnId> = keys.iter().map(|k| k.0).collect();
        // An aggregate over no rows is NULL in SQL; a sum of nothing that happened is 0 here.
        let sums = sums_of(&aggregates);
        let mut rel = Rel::Aggregate(Box::new(rel), keys, aggregates);
        if let (Some(every), Some(period)) = (fill, ids.first().copied()) {
            rel = Rel::Fill(Box::new(Fill { input: rel, period, every, during, groups: ids[1..].to_vec(), zero }));
        }
        columns.extend(measures.into_iter().map(|(n, e)| (n, zero_sums(e, &sums))));
        self.project(rel, columns)
    }

    /// The start of the period that holds a time.
    pub(super) fn period_of(&self, time: Expr, every: &Every) -> Expr {
        let long = every.unit >= ast::Unit::Day;
        let data_type = if long { DataType::Date } else { DataType::Timestamp };
        let args = vec![Expr::literal(Value::String(unit_word(every.unit).into())), time, Expr::literal(Value::Int(every.count))];
        Expr { kind: ExprKind::Call("bucket", args, Some(every.clock.clone())), data_type }
    }

    /// Names of metrics become what they stand for.
    pub(super) fn expand_metrics(&mut self, items: &[Item]) -> Vec<Item> {
        items
            .iter()
            .map(|i| {
                let mut expr = i.expr.clone();
                self.expand_metric(&mut expr, 0);
                let alias = i.alias.clone().or_else(|| match &i.expr.kind {
                    ast::ExprKind::Path(p) if p.parts.len() == 1 => Some(p.parts[0].clone()),
                    _ => None,
                });
                Item { expr, alias }
            })
            .collect()
    }

    fn expand_metric(&mut self, e: &mut ast::Expr, depth: usize) {
        match &mut e.kind {
            ast::ExprKind::Path(p) if p.parts.len() == 1 && depth < super::DEPTH_MAX => {
                let span = p.span();
                if let Some(m) = self.catalog.metric(&p.parts[0].name).cloned()
                    && self.affords(METRIC_WORK, span)
                    && let Ok(mut inner) = eql_grammar::parse_expr(&m.expr)
                {
                    if depth == 0 {
                        self.used(eql_catalog::NounKind::Metric, || m.name.clone());
                    }
                    self.expand_metric(&mut inner, depth + 1);
                    e.kind = inner.kind;
                }
            }
            ast::ExprKind::Binary(_, a, b) => {
                self.expand_metric(a, depth);
                self.expand_metric(b, depth);
            }
            ast::ExprKind::Negate(a) | ast::ExprKind::Cast(a, _) => self.expand_metric(a, depth),
            ast::ExprKind::Call(c)
                if !crate::function::function(&c.name.text()).is_some_and(|f| f.kind == crate::function::FunctionKind::Aggregate) =>
            {
                for a in &mut c.args {
                    if let Arg::Expr(x) = a {
                        self.expand_metric(x, depth);
                    }
                }
            }
            _ => {}
        }
    }

    /// The events that aggregates inside an expression range over.
    pub(super) fn measured_events(&self, e: &ast::Expr) -> Vec<EventScope> {
        match &e.kind {
            ast::ExprKind::Call(c) => match c.args.first() {
                Some(Arg::Event(s)) => vec![s.clone()],
                Some(Arg::AnyEvent(s)) => vec![super::aggregate::any_event(*s)],
                _ => c.args.iter().flat_map(|a| if let Arg::Expr(x) = a { self.measured_argument(x) } else { vec![] }).collect(),
            },
            ast::ExprKind::Binary(_, a, b) => self.measured_events(a).into_iter().chain(self.measured_events(b)).collect(),
            ast::ExprKind::Negate(a) | ast::ExprKind::Cast(a, _) => self.measured_events(a),
            ast::ExprKind::Case { whens, otherwise, .. } => whens
                .iter()
                .flat_map(|(w, t)| [w, t])
                .chain(otherwise.iter().map(AsRef::as_ref))
                .flat_map(|x| self.measured_events(x))
                .collect(),
            _ => vec![],
        }
    }

    fn measured_argument(&self, e: &ast::Expr) -> Vec<EventScope> {
        match &e.kind {
            ast::ExprKind::Call(_) => self.measured_events(e),
            _ => self.event_of(e, None).map(|(s, _)| s).into_iter().collect(),
        }
    }

    fn measured_types(&mut self, scopes: &[EventScope]) -> Option<Vec<Arc<EventType>>> {
        let mut out: Vec<Arc<EventType>> = Vec::new();
        let mut known = true;
        let before = self.diagnostics.len();
        for s in scopes {
            match self.event_types(s, None) {
                Some(found) => {
                    for e in found {
                        if !out.iter().any(|o| o.id == e.id) {
                            out.push(e);
                        }
                    }
                }
                None => known = false,
            }
        }
        self.diagnostics[before..].sort_by_key(|d| d.span.start);
        known.then_some(out)
    }

    /// How many groups TOP keeps.
    fn top_count(&mut self, bound: &ast::Bound) -> Option<u64> {
        let count = self.count(bound)?;
        if count == 0 || count > TOP_MAX {
            let span = match bound {
                ast::Bound::Int(_, span) => *span,
                ast::Bound::Param(p) => p.span,
            };
            self.error(code::LIMIT, span, format!("TOP keeps 1 to {TOP_MAX} groups, not {count}"));
            return None;
        }
        Some(count)
    }

    /// The items and TOP of BREAKDOWN BY.
    pub(super) fn breakdown_items<'c>(&mut self, clauses: super::clause::Clauses<'c>) -> (&'c [Item], Option<u64>) {
        let found =
            clauses.get(|k| if let ClauseKind::Breakdown { items, top, .. } = k { Some((items.as_slice(), top.as_ref())) } else { None });
        match found {
            Some((items, top)) => (items, top.and_then(|t| self.top_count(t))),
            None => (&[], None),
        }
    }
}

pub(super) fn unit_word(u: ast::Unit) -> &'static str {
    match u {
        ast::Unit::Millisecond => "millisecond",
        ast::Unit::Second => "second",
        ast::Unit::Minute => "minute",
        ast::Unit::Hour => "hour",
        ast::Unit::Day => "day",
        ast::Unit::Week => "week",
        ast::Unit::Month => "month",
        ast::Unit::Quarter => "quarter",
        ast::Unit::Year => "year",
    }
}

/// The sums among aggregates.
pub(super) fn sums_of(aggregates: &[(ColumnId, Aggregate)]) -> Vec<ColumnId> {
    aggregates.iter().filter(|(_, a)| is_sum(a)).map(|a| a.0).collect()
}

fn is_sum(a: &Aggregate) -> bool {
    match &a.function {
        Aggregation::Sum => true,
        Aggregation::Distinct(inner) => **inner == Aggregation::Sum,
        _ => false,
    }
}

/// TOP's groups are chosen over the whole range: there a row belongs to no single period.
fn whole_ranking(rel: Rel) -> Rel {
    fn whole(rel: Rel) -> Rel {
        match rel {
            Rel::Lanes(l) => Rel::Lanes(Box::new(crate::bound::Lanes { period: None, ..*l })),
            Rel::Limit(input, n, offset) => Rel::Limit(Box::new(whole(*input)), n, offset),
            Rel::Sort(input, keys) => Rel::Sort(Box::new(whole(*input)), keys),
            Rel::Aggregate(input, keys, aggregates) => Rel::Aggregate(Box::new(whole(*input)), keys, aggregates),
            other => other,
        }
    }
    match rel {
        Rel::Top(t) => {
            let ranking = Query { rel: whole(t.ranking.rel), output: t.ranking.output };
            Rel::Top(Box::new(TopRows { ranking, ..*t }))
        }
        other => other,
    }
}

/// Measures without a range of their own count rows of the head's.
fn own_lane(aggregates: &mut [(ColumnId, Aggregate)], lane: ColumnId) {
    for (_, a) in aggregates {
        if !a.filter.as_ref().is_some_and(|f| f.columns().contains(&lane)) {
            a.filter = Expr::all(a.filter.take().into_iter().chain([lane_filter(lane, 0)]));
        }
    }
}

/// The condition that a row counts for a range: 0 is the head's.
pub(super) fn lane_filter(column: ColumnId, lane: usize) -> Expr {
    let lane = Expr::literal(Value::Int(i64::try_from(lane).unwrap_or(i64::MAX)));
    Expr::predicate(ExprKind::Compare(ast::BinaryOp::Equal, Box::new(Expr::column(column, DataType::Int)), Box::new(lane)))
}

/// Sums of no rows count as 0.
pub(super) fn zero_sums(mut e: Expr, sums: &[ColumnId]) -> Expr {
    if let ExprKind::Column(id) = e.kind
        && sums.contains(&id)
    {
        let t = e.data_type.clone();
        let zero = Expr { kind: ExprKind::Cast(Box::new(Expr::literal(Value::Int(0)))), data_type: t.clone() };
        return Expr { kind: ExprKind::Call("coalesce", vec![e, zero], None), data_type: t };
    }
    for c in e.children_mut() {
        *c = zero_sums(std::mem::replace(c, Expr::invalid()), sums);
    }
    e
}
