//! STICKINESS: in how many sub-periods entities are active.

use super::Binder;
use super::clause::{Clauses, HeadKind};
use super::funnel::period_output;
use super::time::unit_millis;
use crate::bound::*;
use crate::code;
use eql_catalog::DataType;
use eql_grammar::ast::{self, ClauseKind, Step as AstStep};

impl Binder<'_> {
    pub(super) fn stickiness(&mut self, a: &ast::Analysis, step: &AstStep) -> Option<Query> {
        let head = HeadKind::Stickiness;
        let clauses = self.clauses(head, &a.clauses);
        self.clock = self.head_clock(clauses);
        let during = self.required_during(clauses, head, a.head_span);
        let every = self.every_clause(clauses)?;
        let every = self.require(every, head, "EVERY", a.head_span, "for example EVERY day OVER week");
        let over = every.as_ref().and_then(|e| self.stickiness_over(clauses, e));
        self.plain_step(step, head.word());
        let subject = self.subject(clauses, Some(&step.scope));
        self.events_where = clauses.get(|k| if let ClauseKind::Where(p) = k { Some(p.clone()) } else { None });
        let Some(subject) = subject else {
            self.event_types(&step.scope, None);
            return None;
        };
        let among = clauses.get(|k| if let ClauseKind::Among(s) = k { Some(s) } else { None }).map(|s| self.among(s, &subject));
        let active = self.select_events(&step.scope, &subject, &[]);
        let (breakdown, names, top) = self.breakdown(clauses, Some(&active.row));
        self.unattributed(clauses, head);
        let counts: [ColumnId; 2] = std::array::from_fn(|_| self.column_id());
        let mut output: Vec<Output> = over.iter().map(|(id, e)| period_output(*id, e, "period")).collect();
        for (b, name) in breakdown.iter().zip(names) {
            output.push(Output { id: b.id, name, data_type: b.value.expr.data_type.clone() });
        }
        for (id, name) in counts.iter().zip(["active_periods", "entities"]) {
            output.push(Output { id: *id, name: name.into(), data_type: DataType::Int });
        }
        let groups: Vec<ColumnId> = breakdown.iter().map(|b| b.id).collect();
        let mut stickiness = Stickiness {
            subject: subject.id,
            role: self.role.clone(),
            among,
            events: active.select,
            during: during?,
            every: every?,
            over,
            breakdown,
            top: None,
            output: counts,
            clock: self.clock.clone(),
        };
        stickiness.top = top.map(|n| {
            let whole = Stickiness { over: None, ..stickiness.clone() };
            self.added_up(Rel::Stickiness(Box::new(whole)), &groups, counts[1], n)
        });
        let leading = output.len() - 1;
        self.finish(Query { rel: Rel::Stickiness(Box::new(stickiness)), output }, clauses, leading)
    }

    /// OVER: the period that sub-periods are counted in.
    fn stickiness_over(&mut self, clauses: Clauses<'_>, every: &Every) -> Option<(ColumnId, Every)> {
        let (unit, span) = clauses.get_at(|k| if let ClauseKind::OverUnit(u) = k { Some(*u) } else { None })?;
        if unit_millis(every.unit).saturating_mul(every.count) > unit_millis(unit) {
            let hint = "for example EVERY day OVER week";
            self.error_hint(code::VALUE, span, "the periods of EVERY are longer than that of OVER", hint);
        }
        Some((self.column_id(), Every { count: 1, unit, clock: self.clock.clone() }))
    }
}
