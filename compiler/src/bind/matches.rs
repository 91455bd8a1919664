//! Matches: one row for what belongs together, with columns of the rows that were matched. SEQUENCE, INTERVALS and ATTRIBUTION are tables of them.

use super::Binder;
use super::clause::{Clauses, HeadKind};
use super::scope::{Aggregates, Env, RowScope};
use super::step_where::{StepName, place_where, walk};
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EntityType};
use eql_grammar::ast::{self, ClauseKind, Item, Show, Span};
use std::sync::Arc;

/// What a match offers by name, and what was asked of it so far.
pub(super) struct Matched {
    pub env: Env,
    subject: Arc<EntityType>,
    columns: Vec<(ColumnId, MatchColumn)>,
    /// Events that several steps have in common, so that they name none.
    shared: Vec<String>,
    /// BREAKDOWN BY … TOP: how many groups keep their names, of how many breakdowns.
    top: Option<(u64, usize)>,
}

/// Aggregates, and columns over them.
pub(super) type Measured = (Vec<(ColumnId, Aggregate)>, Vec<(String, Expr)>);

/// What becomes of the matches.
pub(super) enum Shape {
    /// One row a match.
    Rows(Vec<(String, Expr)>),
    /// Every different row once.
    Different(Vec<(String, Expr)>),
    /// Aggregates over groups.
    Groups(Groups),
}

/// Matches in groups.
pub(super) struct Groups {
    pub groups: Vec<(String, Expr)>,
    pub aggregates: Vec<(ColumnId, Aggregate)>,
    /// Over the aggregates.
    pub columns: Vec<(String, Expr)>,
    /// TOP: how many groups keep their names, how many of the last groups are breakdowns, and the column that ranks them.
    pub top: Option<(u64, usize, usize)>,
}

impl Shape {
    /// How many columns it has.
    pub(super) fn width(&self) -> usize {
        match self {
            Shape::Rows(columns) | Shape::Different(columns) => columns.len(),
            Shape::Groups(g) => g.groups.len() + g.columns.len(),
        }
    }
}

impl Matched {
    /// `named` are the rows with a name: name, slot, what the row offers. Other names mean the row in the first slot.
    pub(super) fn new(subject: &Arc<EntityType>, first: &RowScope, named: Vec<(String, usize, RowScope)>, shared: Vec<String>) -> Self {
        let mut env = Env::row(RowScope { columns: vec![], ..first.clone() });
        env.subject = Some(subject.id);
        env.steps = named;
        Self { env, subject: subject.clone(), columns: Vec::new(), shared, top: None }
    }

    /// TOP of its breakdowns, by the column `by` of the result.
    pub(super) fn top_by(&self, by: usize) -> Option<(u64, usize, usize)> {
        self.top.map(|(n, breakdowns)| (n, breakdowns, by))
    }

    /// All columns that were asked for.
    pub(super) fn into_columns(self) -> Vec<(ColumnId, MatchColumn)> {
        let first = self.env.rows.into_iter().map(|row| (0, row));
        let named = self.env.steps.into_iter().map(|(_, slot, row)| (slot, row));
        let of_rows = first.chain(named).flat_map(|(slot, row)| row.columns.into_iter().map(move |c| (slot, c)));
        let value = |c: ScanColumn| RowExpr::canonical(vec![c.clone()], Expr::column(c.id, c.data_type));
        self.columns.into_iter().chain(of_rows.map(|(slot, c)| (c.id, MatchColumn::Row(slot, value(c))))).collect()
    }
}

/// The names of steps: their alias, or their event where no other step has it. Second: events of several steps.
pub(super) fn step_names(steps: &[ast::Step]) -> (Vec<StepName>, Vec<String>) {
    let (mut names, mut shared): (Vec<StepName>, Vec<String>) = (Vec::new(), Vec::new());
    for (i, s) in steps.iter().enumerate() {
        let Some(event) = single_event(&s.scope).filter(|_| s.alias.is_none()) else {
            names.extend(s.alias.as_ref().map(|a| (a.name.clone(), vec![i])));
            continue;
        };
        let twice = |o: &&ast::Step| o.alias.is_none() && single_event(&o.scope).as_deref() == Some(event.as_str());
        if steps.iter().filter(twice).count() == 1 {
            names.push((event, vec![i]));
        } else if !shared.contains(&event) {
            shared.push(event);
        }
    }
    shared.retain(|event| names.iter().all(|(n, _)| n != event));
    (names, shared)
}

impl Binder<'_> {
    /// Two steps of one name are told apart by nothing.
    pub(super) fn different_aliases(&mut self, steps: &[ast::Step]) {
        for (i, s) in steps.iter().enumerate() {
            if let Some(a) = &s.alias
                && steps[..i].iter().any(|o| o.alias.as_ref().is_some_and(|o| o.name == a.name))
            {
                self.error_hint(code::DUPLICATE, a.span, format!("two steps are called `{}`", a.name), "give each a name of its own");
            }
        }
    }

    /// WHERE of the head: parts of it go to the steps they name, the rest to all.
    pub(super) fn match_where(&mut self, clauses: Clauses<'_>, names: &[StepName], steps: &mut [ast::Step]) {
        let found = clauses.get(|k| if let ClauseKind::Where(p) = k { Some(p) } else { None });
        self.events_where = found.and_then(|p| place_where(p, names, steps));
    }

    /// A column of the match, made at its first use.
    pub(super) fn match_column(&mut self, m: &mut Matched, column: MatchColumn, data_type: DataType) -> Expr {
        if let Some((id, _)) = m.columns.iter().find(|(_, c)| *c == column) {
            return Expr::column(*id, data_type);
        }
        let id = self.column_id();
        m.columns.push((id, column));
        Expr::column(id, data_type)
    }

    /// The key of the subject.
    pub(super) fn match_keys(&mut self, m: &mut Matched) -> Vec<(String, Expr)> {
        let keys: Vec<_> = m.subject.key.iter().map(|k| (k.name.clone(), k.data_type.clone())).collect();
        let column = |(i, (name, t)): (usize, (String, DataType))| (name, self.match_column(m, MatchColumn::Key(i), t));
        keys.into_iter().enumerate().map(column).collect()
    }

    /// A value over a match.
    pub(super) fn match_expr(&mut self, e: &ast::Expr, m: &mut Matched) -> Expr {
        let mut shared: Vec<ast::Path> = Vec::new();
        let mut e = e.clone();
        let names: Vec<String> = m.env.steps.iter().map(|(n, ..)| n.clone()).collect();
        walk(&mut e, &mut |x| match &mut x.kind {
            ast::ExprKind::Path(p) if p.parts.len() > 1 && m.shared.contains(&p.parts[0].name) => shared.push(p.clone()),
            ast::ExprKind::Call(c) => count_of_rows(c, &names),
            _ => {}
        });
        for p in &shared {
            let what = format!("`{}` is the event of more than one step", p.parts[0].name);
            self.error_hint(code::AMBIGUOUS, p.span(), what, "name the steps with AS, and write the name before the property");
        }
        if shared.is_empty() { self.expr(&e, &mut m.env) } else { Expr::invalid() }
    }

    /// The period of a time and the values of BREAKDOWN BY.
    pub(super) fn match_groups(
        &mut self,
        head: HeadKind,
        clauses: Clauses<'_>,
        at: MatchColumn,
        m: &mut Matched,
    ) -> Option<Vec<(String, Expr)>> {
        let mut groups = self.match_periods(clauses, at, m)?;
        groups.extend(self.match_breakdown(head, clauses, m));
        Some(groups)
    }

    /// EVERY: the period of a time.
    pub(super) fn match_periods(&mut self, clauses: Clauses<'_>, at: MatchColumn, m: &mut Matched) -> Option<Vec<(String, Expr)>> {
        let Some(e) = self.every_clause(clauses)? else { return Some(vec![]) };
        let time = self.match_column(m, at, DataType::Timestamp);
        Some(vec![("period".to_string(), self.period_of(time, &e))])
    }

    /// The values of BREAKDOWN BY.
    pub(super) fn match_breakdown(&mut self, head: HeadKind, clauses: Clauses<'_>, m: &mut Matched) -> Vec<(String, Expr)> {
        let (items, top) = self.breakdown_items(clauses);
        m.top = top.map(|n| (n, items.len()));
        let attributed = |k: &ClauseKind| if let ClauseKind::Breakdown { attributed: Some(_), .. } = k { Some(()) } else { None };
        if let Some((_, span)) = clauses.get_at(attributed) {
            let what = format!("BREAKDOWN of {} takes no ATTRIBUTED", head.word());
            self.error_hint(code::CLAUSE, span, what, "name the row: give its step an alias with AS, and break down by alias.property");
        }
        items.iter().map(|i| (self.item_name(i), self.match_expr(&i.expr, m))).collect()
    }

    /// MEASURE: aggregates over matches, and what is made of them.
    pub(super) fn match_measures(&mut self, items: &[Item], m: &mut Matched) -> Measured {
        let items = self.expand_metrics(items);
        m.env.aggregates = Aggregates::Rows(vec![]);
        let columns: Vec<(String, Expr)> = items.iter().map(|i| (self.item_name(i), self.match_expr(&i.expr, m))).collect();
        let found = std::mem::replace(&mut m.env.aggregates, Aggregates::None);
        let mut aggregates = if let Aggregates::Rows(list) = found { list } else { vec![] };
        self.single_rows(&items, &columns, &aggregates);
        for (_, a) in &mut aggregates {
            self.in_time_order(a, m);
        }
        (aggregates, columns)
    }

    /// `first` and `last` go by time where nothing else is said.
    fn in_time_order(&mut self, a: &mut Aggregate, m: &mut Matched) {
        if matches!(a.function, Aggregation::First | Aggregation::Last) && a.order.is_empty() {
            let by = [(MatchColumn::Time(0), DataType::Timestamp), (MatchColumn::RowNumber(0), DataType::Int)];
            a.order = by.map(|(c, t)| SortKey { expr: self.match_column(m, c, t), descending: false, nulls_first: false }).to_vec();
        }
    }

    /// SHOW: one row a match with its items, or the entities that have one. Some(None) when there is no SHOW.
    #[allow(clippy::option_option)]
    pub(super) fn match_show(&mut self, head: HeadKind, clauses: Clauses<'_>, m: &mut Matched) -> Option<Option<Shape>> {
        let Some((show, span)) = clauses.show() else { return Some(None) };
        self.show_stands_alone(head, clauses, span);
        match show {
            Show::Items(items) => Some(Some(Shape::Rows(items.iter().map(|i| (self.item_name(i), self.match_expr(&i.expr, m))).collect()))),
            Show::Entities { converted: None, step: None } => Some(Some(Shape::Different(self.match_keys(m)))),
            _ => {
                let what = format!("SHOW of {} lists values, or ENTITIES", head.word());
                self.error_hint(code::CLAUSE, span, what, "STEP, CONVERTED, DROPPED and TIME TO CONVERT belong to FUNNEL, EDGES to PATHS");
                None
            }
        }
    }

    fn show_stands_alone(&mut self, head: HeadKind, clauses: Clauses<'_>, span: Span) {
        let grouping = |k: &ClauseKind| match k {
            ClauseKind::Measure(_) => Some("MEASURE"),
            ClauseKind::Every(_) => Some("EVERY"),
            ClauseKind::Breakdown { .. } => Some("BREAKDOWN BY"),
            ClauseKind::Buckets(..) | ClauseKind::BucketCount(_) => Some("BUCKETS"),
            _ => None,
        };
        if let Some(other) = clauses.get(grouping) {
            let what = format!("{other} and SHOW exclude each other in {}", head.word());
            self.error_hint(code::CLAUSE_CONFLICT, span, what, "SHOW gives single rows: group them with |> AGGREGATE … GROUP BY …");
        }
    }

    /// The result of matches.
    pub(super) fn shaped(&mut self, shape: Shape, matches: Rel) -> Query {
        match shape {
            Shape::Rows(columns) => self.project(matches, columns),
            Shape::Different(columns) => {
                let query = self.project(matches, columns);
                Query { rel: Rel::Distinct(Box::new(query.rel)), ..query }
            }
            Shape::Groups(mut g) => {
                // A sum of nothing is 0, as in TREND.
                let sums: Vec<ColumnId> = g.aggregates.iter().filter(|(_, a)| a.function == Aggregation::Sum).map(|a| a.0).collect();
                for (_, e) in &mut g.columns {
                    *e = super::trend::zero_sums(std::mem::replace(e, Expr::invalid()), &sums);
                }
                let (matches, groups) = match g.top {
                    Some((n, breakdowns, by)) => {
                        let skip = g.groups.len().saturating_sub(breakdowns);
                        self.top_rows(matches, g.groups, skip, n, &g.aggregates, g.columns.get(by).map(|c| &c.1))
                    }
                    None => (matches, g.groups),
                };
                g.groups = groups;
                let keys: Vec<(ColumnId, Expr)> = g.groups.iter().map(|(_, e)| (self.column_id(), e.clone())).collect();
                let named = g.groups.iter().zip(&keys).map(|((n, e), (id, _))| (n.clone(), Expr::column(*id, e.data_type.clone())));
                let columns = named.chain(g.columns).collect();
                self.project(Rel::Aggregate(Box::new(matches), keys, g.aggregates), columns)
            }
        }
    }

    /// An aggregate over matches with its column.
    pub(super) fn over_matches(
        &mut self,
        function: Aggregation,
        argument: Option<Expr>,
        data_type: DataType,
    ) -> ((ColumnId, Aggregate), Expr) {
        let id = self.column_id();
        let aggregate = Aggregate { function, argument, filter: None, order: vec![], data_type: data_type.clone() };
        ((id, aggregate), Expr::column(id, data_type))
    }
}

/// The event's name where a step has one event.
fn single_event(s: &ast::EventScope) -> Option<String> {
    match s.events.as_slice() {
        [ast::EventRef::Named(i)] => Some(i.name.clone()),
        _ => None,
    }
}

/// `count(purchase)`: how many matches have a row of that name.
fn count_of_rows(c: &mut ast::Call, names: &[String]) {
    if c.name.text().eq_ignore_ascii_case("count")
        && let [ast::Arg::Expr(ast::Expr { kind: ast::ExprKind::Path(p), span })] = c.args.as_mut_slice()
        && let [one] = p.parts.as_slice()
        && names.contains(&one.name)
    {
        p.parts.push(ast::Ident { name: "event".into(), span: *span });
    }
}
