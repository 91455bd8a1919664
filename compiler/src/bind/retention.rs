//! RETENTION: who comes back, by cohort.

use super::Binder;
use super::clause::{Clauses, HeadKind};
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, Value};
use eql_grammar::ast::{self, ClauseKind, Span, Unit};

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
        let subject = self.subject(clauses, Some(&starting.scope));
        self.events_where = clauses.get(|k| if let ClauseKind::Where(p) = k { Some(p.clone()) } else { None });
        if clauses.has(|k| matches!(k, ClauseKind::Measure(_))) {
            self.later("RETENTION … MEASURE");
        }
        if let Some((_, span)) = clauses.show() {
            self.later("RETENTION … SHOW");
            let _ = span;
        }
        self.conflicts(clauses);
        let every = self.every_clause(clauses)?;
        let cells = self.cells(clauses, every.as_ref(), a.head_span);
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
            clock: self.clock.clone(),
        };
        retention.top = top.map(|n| self.retention_top(&retention, n));
        let output = retention_output(&retention, &names);
        let leading = output.len() - 2;
        self.finish(Query { rel: Rel::Retention(Box::new(retention)), output }, clauses, leading)
    }

    /// The groups that keep their names: the greatest by size over the whole range.
    fn retention_top(&mut self, retention: &Retention, count: u64) -> Top {
        let plain = Retention { every: None, ..retention.clone() };
        let first = match &retention.cells {
            Cells::Brackets(bounds, _) => bounds.first().copied().unwrap_or(0),
            Cells::Periods(..) => 0,
        };
        let [size, n, ..] = retention.output;
        let rel = Rel::Filter(Box::new(Rel::Retention(Box::new(plain))), super::top::equals(n, first));
        let keys: Vec<ColumnId> = retention.breakdown.iter().map(|b| b.id).collect();
        Top { ranking: Box::new(super::top::ranking(rel, &keys, Expr::column(size, DataType::Int), count)) }
    }

    fn conflicts(&mut self, clauses: Clauses<'_>) {
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
    fn cells(&mut self, clauses: Clauses<'_>, every: Option<&Every>, at: Span) -> Option<Cells> {
        if let Some(d) = clauses.get(|k| if let ClauseKind::For(d) = k { Some(d) } else { None }) {
            let w = self.window(d)?;
            if w.count > 3660 {
                self.error(code::LIMIT, at, format!("RETENTION has at most 3,660 periods, not {}", w.count));
                return None;
            }
            return Some(Cells::Periods(w.count.unsigned_abs(), w.unit));
        }
        let found = clauses.get_at(|k| if let ClauseKind::Buckets(b, u) = k { Some((b, *u)) } else { None });
        let Some(((bounds, unit), span)) = found else {
            self.require(None::<()>, HeadKind::Retention, "FOR or BUCKETS", at, "for example FOR 14 days");
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

fn retention_output(r: &Retention, names: &[String]) -> Vec<Output> {
    let mut out = Vec::new();
    if let Some((id, e)) = &r.every {
        out.push(super::funnel::period_output(*id, e, "cohort"));
    }
    for (b, name) in r.breakdown.iter().zip(names) {
        out.push(Output { id: b.id, name: name.clone(), data_type: b.value.expr.data_type.clone() });
    }
    let columns = [("size", DataType::Int), ("n", DataType::Int), ("returned", DataType::Int), ("rate", DataType::Double)];
    out.extend(r.output.iter().zip(columns).map(|(id, (n, t))| Output { id: *id, name: n.into(), data_type: t }));
    out
}
