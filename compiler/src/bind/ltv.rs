//! LTV: what a cohort is worth, period by period since its start (rules 26, 54).

use super::Binder;
use super::clause::{Clauses, HeadKind};
use super::measure::CellRows;
use super::scope::{Aggregates, Env, RowScope};
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EntityType};
use eql_grammar::ast::{self, BinaryOp, ClauseKind, EventScope, Item, Show};

impl Binder<'_> {
    pub(super) fn ltv(&mut self, a: &ast::Analysis) -> Option<Query> {
        let head = HeadKind::Ltv;
        // Which cells are over depends on the instant.
        self.uses_now = true;
        let clauses = self.clauses(head, &a.clauses);
        self.clock = self.head_clock(clauses);
        let during = self.required_during(clauses, head, a.head_span);
        let starting = clauses.get(|k| if let ClauseKind::Starting(s) = k { Some(s) } else { None });
        let starting = self.require(starting, head, "STARTING", a.head_span, "for example STARTING register");
        let items = clauses.get(|k| if let ClauseKind::Measure(m) = k { Some(m.as_slice()) } else { None });
        let items = self.require(items, head, "MEASURE", a.head_span, "for example MEASURE sum(purchase.amount) AS revenue");
        self.cohort_conflicts(clauses);
        let cumulative = self.cumulative(clauses);
        let every = self.every_clause(clauses)?;
        let cells = self.cells(clauses, every.as_ref(), head, a.head_span);
        let (starting, items) = (starting?, items?);
        self.plain_step(starting, "STARTING");
        let worth = self.worth_scope(items)?;
        let subject = self.subject(clauses, Some(&starting.scope));
        self.events_where = clauses.get(|k| if let ClauseKind::Where(p) = k { Some(p.clone()) } else { None });
        let Some(subject) = subject else {
            self.event_types(&worth, None);
            return None;
        };
        let among = clauses.get(|k| if let ClauseKind::Among(s) = k { Some(s) } else { None }).map(|s| self.among(s, &subject));
        let start = self.select_events(&starting.scope, &subject, &[]);
        let rows = self.select_events(&worth, &subject, &[]);
        let (breakdown, names, top) = self.breakdown(clauses, Some(&start.row));
        let listed = self.ltv_listed(clauses, top)?;
        let who = if listed { self.own_key(&subject, &start.row) } else { vec![] };
        let keys = who.len();
        let names: Vec<String> = subject.key.iter().take(keys).map(|k| k.name.clone()).chain(names).collect();
        let breakdown: Vec<Breakdown> = who.into_iter().chain(breakdown).collect();
        let is_start = self.column_id();
        let mut env = Env::row(RowScope::unknown()).with(Aggregates::Events(vec![]));
        env.start = Some((starting.scope.clone(), is_start));
        env.subject = Some(subject.id);
        let alias = starting.alias.as_ref().map(|a| (a.name.clone(), start.row.clone()));
        let (mut measures, measured) = self.cell_measures(items, CellRows { row: rows.row, start: alias }, env, is_start)?;
        measures.cumulative = cumulative;
        let output: [ColumnId; 4] = std::array::from_fn(|_| self.column_id());
        // Of one entity the total is its own.
        let measured = if listed { measured } else { self.per_entity(&mut measures, measured, output[0]) };
        let mut ltv = Retention {
            subject: subject.id,
            role: self.role.clone(),
            among,
            starting: start.select,
            returning: rows.select,
            // The start row is a candidate for every measure; each says in its own filter whether it takes it in.
            same: true,
            during: during?,
            every: every.map(|e| (self.column_id(), e)),
            cells: cells?,
            rolling: clauses.has(|k| matches!(k, ClauseKind::Rolling)),
            first_time: clauses.has(|k| matches!(k, ClauseKind::FirstTime)),
            unbounded: clauses.has(|k| matches!(k, ClauseKind::Unbounded)),
            ties_forbidden: false,
            holding: vec![],
            breakdown,
            top: None,
            output,
            measures: Some(measures),
            listed: None,
            clock: self.clock.clone(),
        };
        ltv.top = top.map(|n| self.ltv_top(&ltv, n));
        let mut output = ltv_output(&ltv, &names, measured);
        let mut leading = ltv.breakdown.len() + usize::from(ltv.every.is_some()) + 2;
        if listed {
            // The key comes before the cohort, and a cohort of one has no size.
            let cohort = usize::from(ltv.every.is_some());
            output[..cohort + keys].rotate_left(cohort);
            output.retain(|o| o.id != ltv.output[0]);
            leading -= 1;
        }
        self.finish(Query { rel: Rel::Retention(Box::new(ltv)), output }, clauses, leading)
    }

    /// SHOW ENTITIES: what each entity is worth; None when something else is asked for (reported).
    fn ltv_listed(&mut self, clauses: Clauses<'_>, top: Option<u64>) -> Option<bool> {
        let Some((show, span)) = clauses.show() else { return Some(false) };
        if !matches!(show, Show::Entities { converted: None, step: None }) {
            let hint = "SHOW ENTITIES lists what each entity is worth; choose from the list with |> WHERE";
            self.error_hint(code::CLAUSE, span, "LTV shows ENTITIES", hint);
            return None;
        }
        if top.is_some() {
            let hint = "leave out TOP: the list has every group";
            self.error_hint(code::CLAUSE_CONFLICT, span, "TOP and SHOW ENTITIES exclude each other here", hint);
            return None;
        }
        Some(true)
    }

    /// The subject's key on a row of its own: groups of one entity each.
    fn own_key(&mut self, subject: &EntityType, row: &RowScope) -> Vec<Breakdown> {
        let named = self.role.clone().unwrap_or_else(|| subject.name.clone());
        let part = |name: &str| ast::Ident { name: name.to_string(), span: ast::Span::default() };
        let mut one = |key: &str| {
            let path = ast::ExprKind::Path(ast::Path { parts: vec![part(&named), part(key)] });
            let value = self.row_expr(&ast::Expr { kind: path, span: ast::Span::default() }, row);
            Breakdown { id: self.column_id(), value }
        };
        subject.key.iter().map(|k| one(&k.name)).collect()
    }

    /// The groups that keep their names: those with the greatest sum of the first measure, all periods over the whole range together.
    fn ltv_top(&mut self, ltv: &Retention, count: u64) -> Top {
        let mut plain = Retention { every: None, unbounded: false, ..ltv.clone() };
        let mut by = Expr::column(ltv.output[0], DataType::Int);
        if let Some(measures) = &mut plain.measures {
            measures.cumulative = false;
            if let Some((id, e)) = measures.output.first().filter(|m| m.1.data_type.is_numeric()) {
                by = Expr::column(*id, e.data_type.clone());
            }
        }
        let keys: Vec<(ColumnId, Expr)> = ltv.breakdown.iter().map(|b| (self.column_id(), Expr::column(b.id, DataType::String))).collect();
        let (id, argument) = (self.column_id(), Some(self.cast_to(by, &DataType::Double)));
        let sum = Aggregate { function: Aggregation::Sum, argument, filter: None, order: vec![], data_type: DataType::Double };
        let ids: Vec<ColumnId> = keys.iter().map(|k| k.0).collect();
        let summed = Rel::Aggregate(Box::new(Rel::Retention(Box::new(plain))), keys, vec![(id, sum)]);
        Top { ranking: Box::new(super::top::ranking(summed, &ids, Expr::column(id, DataType::Double), count)) }
    }

    /// CUMULATIVE, which adds up what "n or later" has added up already.
    fn cumulative(&mut self, clauses: Clauses<'_>) -> bool {
        let found = clauses.get_at(|k| matches!(k, ClauseKind::Cumulative).then_some(()));
        let later = clauses.has(|k| matches!(k, ClauseKind::Unbounded)) && clauses.has(|k| matches!(k, ClauseKind::For(_)));
        if let (Some((_, span)), true) = (found, later) {
            let hint = "CUMULATIVE is the value up to period n, UNBOUNDED that of period n and all later ones: keep one of them";
            self.error_hint(code::CLAUSE_CONFLICT, span, "CUMULATIVE and UNBOUNDED exclude each other", hint);
        }
        found.is_some()
    }

    /// The events of all measures together.
    fn worth_scope(&mut self, items: &[Item]) -> Option<EventScope> {
        let items = self.expand_metrics(items);
        let mut out: Option<EventScope> = None;
        for scope in items.iter().flat_map(|i| self.measured_events(&i.expr)) {
            let Some(all) = &mut out else {
                out = Some(EventScope { filter: None, during: None, ..scope });
                continue;
            };
            let more = scope.events.into_iter().filter(|e| !all.events.contains(e)).collect::<Vec<_>>();
            all.events.extend(more);
        }
        if out.is_none() {
            let span = items.first().map(|i| i.expr.span).unwrap_or_default();
            let hint = "name the event: MEASURE sum(purchase.amount), or MEASURE count(purchase)";
            self.error_hint(code::ARGUMENTS, span, "LTV needs a measure over events", hint);
        }
        out
    }

    /// Beside every measure its value for each entity of the cohort, payers or not.
    fn per_entity(&mut self, measures: &mut Measures, names: Vec<String>, size: ColumnId) -> Vec<String> {
        let size = Expr::column(size, DataType::Int);
        let mut all = Vec::new();
        for ((id, total), name) in std::mem::take(&mut measures.output).into_iter().zip(names) {
            let each = ExprKind::Arithmetic(BinaryOp::Divide, Box::new(total.clone()), Box::new(size.clone()));
            let numeric = total.data_type.is_numeric();
            measures.output.push((id, total));
            all.push(name.clone());
            if numeric {
                measures.output.push((self.column_id(), Expr { kind: each, data_type: DataType::Double }));
                all.push(format!("{name}_per_entity"));
            }
        }
        all
    }
}

/// `[cohort]`, breakdown…, `size`, `n`, and each measure with its `…_per_entity`.
fn ltv_output(ltv: &Retention, names: &[String], measured: Vec<String>) -> Vec<Output> {
    let mut out = super::retention::leading_output(ltv, names);
    let int = |id: ColumnId, name: &str| Output { id, name: name.into(), data_type: DataType::Int };
    out.extend([int(ltv.output[0], "size"), int(ltv.output[1], "n")]);
    out.extend(super::retention::measure_output(ltv, measured));
    out
}
