//! RETENTION: who comes back, by cohort.

use super::Binder;
use super::clause::{Clauses, HeadKind};
use super::measure::CellRows;
use super::scope::{Aggregates, Env, RowScope};
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EntityType, Value};
use eql_grammar::ast::{self, ClauseKind, Show, Span, Unit};

impl Binder<'_> {
    pub(super) fn retention(&mut self, a: &ast::Analysis) -> Option<Query> {
        let head = HeadKind::Retention;
        // What is open or not over yet depends on the instant.
        self.uses_now = true;
        let clauses = self.clauses(head, &a.clauses);
        self.clock = self.head_clock(clauses);
        let during = self.required_during(clauses, head, a.head_span);
        let starting = clauses.get(|k| if let ClauseKind::Starting(s) = k { Some(s) } else { None });
        let returning = clauses.get(|k| if let ClauseKind::Returning(s) = k { Some(s) } else { None });
        let starting = self.require(starting, head, "STARTING", a.head_span, "for example STARTING register");
        let returning = self.require(returning, head, "RETURNING", a.head_span, "for example RETURNING purchase");
        let (starting, returning) = (starting?, returning?);
        self.plain_step(starting, "STARTING");
        self.plain_step(returning, "RETURNING");
        let subject = self.subject(clauses, Some(&starting.scope));
        self.events_where = clauses.get(|k| if let ClauseKind::Where(p) = k { Some(p.clone()) } else { None });
        self.cohort_conflicts(clauses);
        let every = self.every_clause(clauses)?;
        let cells = self.cells(clauses, every.as_ref(), head, a.head_span);
        let Some(subject) = subject else {
            self.event_types(&returning.scope, None);
            return None;
        };
        let among = clauses.get(|k| if let ClauseKind::Among(s) = k { Some(s) } else { None }).map(|s| self.among(s, &subject));
        let start = self.select_events(&starting.scope, &subject, &[]);
        let back = self.select_events(&returning.scope, &subject, &[]);
        let rows = [start.row.clone(), back.row.clone()];
        let holding = clauses.get(|k| if let ClauseKind::Holding(e) = k { Some(e.as_slice()) } else { None }).unwrap_or_default();
        let holding = self.holding(holding, &rows);
        let (breakdown, names, top) = self.breakdown(clauses, Some(&rows[0]));
        let (measures, measured) = self.retention_measures(clauses, (starting, &start.row), (returning, &back.row), &subject)?;
        let listed = self.listed(clauses, &subject)?;
        let mut retention = Retention {
            subject: subject.id,
            role: self.role.clone(),
            among,
            starting: start.select,
            returning: back.select,
            same: starting.scope == returning.scope,
            during: during?,
            every: every.clone().map(|e| (self.column_id(), e)),
            cells: cells?,
            rolling: clauses.has(|k| matches!(k, ClauseKind::Rolling)),
            first_time: clauses.has(|k| matches!(k, ClauseKind::FirstTime)),
            unbounded: clauses.has(|k| matches!(k, ClauseKind::Unbounded)),
            ties_forbidden: clauses.has(|k| matches!(k, ClauseKind::Ties(true))),
            holding,
            breakdown,
            top: None,
            output: std::array::from_fn(|_| self.column_id()),
            measures,
            listed,
            clock: self.clock.clone(),
        };
        retention.top = top.map(|n| self.retention_top(&retention, n));
        let (output, leading) = match &retention.listed {
            Some(listed) => entities_output(&retention, listed, &names, &subject),
            None => retention_output(&retention, &names, measured),
        };
        self.finish(Query { rel: Rel::Retention(Box::new(retention)), output }, clauses, leading)
    }

    /// The groups that keep their names: the greatest by size over the whole range.
    fn retention_top(&mut self, retention: &Retention, count: u64) -> Top {
        let plain = Retention { every: None, measures: None, listed: None, ..retention.clone() };
        let first = match &retention.cells {
            Cells::Brackets(bounds, _) => bounds.first().copied().unwrap_or(0),
            Cells::Periods(..) => 0,
        };
        let [size, n, ..] = retention.output;
        let rel = Rel::Filter(Box::new(Rel::Retention(Box::new(plain))), super::top::equals(n, first));
        let keys: Vec<ColumnId> = retention.breakdown.iter().map(|b| b.id).collect();
        Top { ranking: Box::new(super::top::ranking(rel, &keys, Expr::column(size, DataType::Int), count)) }
    }

    /// MEASURE: over the return rows of each cell, which the start row may join by its alias.
    #[allow(clippy::type_complexity)]
    fn retention_measures(
        &mut self,
        clauses: Clauses<'_>,
        (starting, start): (&ast::Step, &RowScope),
        (returning, back): (&ast::Step, &RowScope),
        subject: &EntityType,
    ) -> Option<(Option<Measures>, Vec<String>)> {
        let Some(items) = clauses.get(|k| if let ClauseKind::Measure(m) = k { Some(m.as_slice()) } else { None }) else {
            return Some((None, vec![]));
        };
        if let Some((_, span)) = clauses.show() {
            let hint = "SHOW ENTITIES lists who came back, MEASURE adds up what they did";
            self.error_hint(code::CLAUSE_CONFLICT, span, "MEASURE and SHOW exclude each other", hint);
            return None;
        }
        let row = RowScope { name: returning.alias.as_ref().map(|a| a.name.clone()), columns: vec![], ..back.clone() };
        let start = Self::row_name(starting, returning).map(|name| (name, RowScope { columns: vec![], ..start.clone() }));
        let mut env = Env::row(RowScope::unknown()).with(Aggregates::Matched(vec![]));
        env.subject = Some(subject.id);
        let is_start = self.column_id();
        let (measures, names) = self.cell_measures(items, CellRows { row, start }, env, is_start)?;
        Some((Some(measures), names))
    }

    /// SHOW ENTITIES: None when it cannot be read, Some(None) when there is none.
    #[allow(clippy::option_option)]
    fn listed(&mut self, clauses: Clauses<'_>, subject: &EntityType) -> Option<Option<Listed>> {
        let Some((show, span)) = clauses.show() else { return Some(None) };
        match show {
            Show::Entities { converted, step: None } => {
                let keys = subject.key.iter().map(|_| self.column_id()).collect();
                Some(Some(Listed { keys, started_at: self.column_id(), converted: *converted }))
            }
            Show::Entities { .. } => {
                let hint = "choose a period from the list: SHOW ENTITIES |> WHERE n = 7";
                self.error_hint(code::CLAUSE, span, "RETENTION has periods, no steps", hint);
                None
            }
            _ => {
                let hint = "SHOW ENTITIES, SHOW ENTITIES CONVERTED (came back) or DROPPED (did not)";
                self.error_hint(code::CLAUSE, span, "RETENTION shows ENTITIES", hint);
                None
            }
        }
    }

    pub(super) fn cohort_conflicts(&mut self, clauses: Clauses<'_>) {
        type Is = fn(&ClauseKind) -> bool;
        let pairs: [(&str, &str, Is, Is); 3] = [
            ("CALENDAR", "ROLLING", |k| matches!(k, ClauseKind::Calendar), |k| matches!(k, ClauseKind::Rolling)),
            ("FIRST TIME", "RECURRING", |k| matches!(k, ClauseKind::FirstTime), |k| matches!(k, ClauseKind::Recurring)),
            ("FOR", "BUCKETS", |k| matches!(k, ClauseKind::For(_)), |k| matches!(k, ClauseKind::Buckets(..) | ClauseKind::BucketCount(_))),
        ];
        for (a, b, is_a, is_b) in pairs {
            if clauses.has(is_a)
                && let Some((_, span)) = clauses.get_at(|k| is_b(k).then_some(()))
            {
                self.error_hint(code::CLAUSE_CONFLICT, span, format!("{a} and {b} exclude each other"), "keep one of them");
            }
        }
    }

    /// FOR n unit, or BUCKETS (a, b, …) unit.
    pub(super) fn cells(&mut self, clauses: Clauses<'_>, every: Option<&Every>, head: HeadKind, at: Span) -> Option<Cells> {
        if let Some(d) = clauses.get(|k| if let ClauseKind::For(d) = k { Some(d) } else { None }) {
            let w = self.window(d)?;
            if w.count > 3660 {
                self.error(code::LIMIT, at, format!("{} has at most 3,660 periods, not {}", head.word(), w.count));
                return None;
            }
            return Some(Cells::Periods(w.count.unsigned_abs(), w.unit));
        }
        let found = clauses.get_at(|k| if let ClauseKind::Buckets(b, u) = k { Some((b, *u)) } else { None });
        let Some(((bounds, unit), span)) = found else {
            self.require(None::<()>, head, "FOR or BUCKETS", at, "for example FOR 14 days");
            return None;
        };
        let unit = unit.or(every.map(|e| e.unit)).unwrap_or(Unit::Day);
        let bounds = self.whole_bounds(bounds, span)?;
        if bounds.len() < 2 {
            self.error_hint(code::VALUE, span, "BUCKETS needs at least two bounds here", "for example BUCKETS (1, 8, 15) days");
            return None;
        }
        Some(Cells::Brackets(bounds, unit))
    }

    /// Rising whole numbers.
    pub(super) fn whole_bounds(&mut self, bounds: &[ast::Expr], span: Span) -> Option<Vec<i64>> {
        let mut out = Vec::new();
        for b in bounds {
            match self.expr(b, &mut super::scope::Env::empty()).kind {
                ExprKind::Literal(Value::Int(i)) if out.last().is_none_or(|l| *l < i) => out.push(i),
                ExprKind::Invalid => return None,
                _ => {
                    self.error(code::VALUE, span, "bounds are whole numbers that rise");
                    return None;
                }
            }
        }
        Some(out)
    }
}

/// `[cohort]` and breakdown.
pub(super) fn leading_output(r: &Retention, names: &[String]) -> Vec<Output> {
    let mut out = Vec::new();
    if let Some((id, e)) = &r.every {
        out.push(super::funnel::period_output(*id, e, "cohort"));
    }
    for (b, name) in r.breakdown.iter().zip(names) {
        out.push(Output { id: b.id, name: name.clone(), data_type: b.value.expr.data_type.clone() });
    }
    out
}

pub(super) fn measure_output(r: &Retention, names: Vec<String>) -> Vec<Output> {
    let measures = r.measures.iter().flat_map(|m| &m.output);
    measures.zip(names).map(|((id, e), name)| Output { id: *id, name, data_type: e.data_type.clone() }).collect()
}

/// The result columns in the contract's order, and by how many of them rows are ordered.
fn retention_output(r: &Retention, names: &[String], measured: Vec<String>) -> (Vec<Output>, usize) {
    let mut out = leading_output(r, names);
    let leading = out.len() + 2;
    let columns = [("size", DataType::Int), ("n", DataType::Int), ("returned", DataType::Int), ("rate", DataType::Double)];
    out.extend(r.output.iter().zip(columns).map(|(id, (n, t))| Output { id: *id, name: n.into(), data_type: t }));
    out.extend(measure_output(r, measured));
    (out, leading)
}

/// The key, `[cohort]`, breakdown, `started_at`, `n`.
fn entities_output(r: &Retention, listed: &Listed, names: &[String], subject: &EntityType) -> (Vec<Output>, usize) {
    let keys = listed.keys.iter().zip(&subject.key);
    let mut out: Vec<Output> = keys.map(|(id, k)| Output { id: *id, name: k.name.clone(), data_type: k.data_type.clone() }).collect();
    out.extend(leading_output(r, names));
    out.push(Output { id: listed.started_at, name: "started_at".into(), data_type: DataType::Timestamp });
    out.push(Output { id: r.output[1], name: "n".into(), data_type: DataType::Int });
    let all = out.len();
    (out, all)
}
