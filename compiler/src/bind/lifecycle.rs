//! LIFECYCLE: who is new, stays, comes back, falls asleep.

use super::Binder;
use super::clause::{Clauses, HeadKind};
use super::funnel::period_output;
use crate::bound::*;
use crate::code;
use eql_catalog::DataType;
use eql_grammar::ast::{self, ClauseKind, Step as AstStep};

impl Binder<'_> {
    pub(super) fn lifecycle(&mut self, a: &ast::Analysis, step: &AstStep) -> Option<Query> {
        let head = HeadKind::Lifecycle;
        let clauses = self.clauses(head, &a.clauses);
        self.clock = self.head_clock(clauses);
        let during = self.required_during(clauses, head, a.head_span);
        let every = self.every_clause(clauses)?;
        let every = self.require(every, head, "EVERY", a.head_span, "for example EVERY week");
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
        let (every, during) = (every?, during?);
        let period = self.column_id();
        let counts: [ColumnId; 4] = std::array::from_fn(|_| self.column_id());
        let mut output = vec![period_output(period, &every, "period")];
        let groups: Vec<ColumnId> = breakdown.iter().map(|b| b.id).collect();
        for (b, name) in breakdown.iter().zip(names) {
            output.push(Output { id: b.id, name, data_type: b.value.expr.data_type.clone() });
        }
        for (id, name) in counts.iter().zip(["new", "returning", "resurrecting", "dormant"]) {
            output.push(Output { id: *id, name: name.into(), data_type: DataType::Int });
        }
        let mut lifecycle = Lifecycle {
            subject: subject.id,
            role: self.role.clone(),
            among,
            events: active.select,
            during: during.clone(),
            every: (period, every.clone()),
            breakdown,
            top: None,
            output: counts,
            clock: self.clock.clone(),
        };
        // The groups with the most that are new, over all periods.
        lifecycle.top = top.map(|n| self.added_up(Rel::Lifecycle(Box::new(lifecycle.clone())), &groups, counts[0], n));
        let input = Rel::Lifecycle(Box::new(lifecycle));
        let leading = groups.len() + 1;
        // A period in which nothing happened has zeros.
        let rel = Rel::Fill(Box::new(Fill { input, period, every, during, groups, zero: counts.to_vec() }));
        self.finish(Query { rel, output }, clauses, leading)
    }

    /// ATTRIBUTED chooses among the rows of a match: where there are no steps it has nothing to choose.
    pub(super) fn unattributed(&mut self, clauses: Clauses<'_>, head: HeadKind) {
        let attributed = |k: &ClauseKind| if let ClauseKind::Breakdown { attributed: Some(_), .. } = k { Some(()) } else { None };
        if let Some((_, span)) = clauses.get_at(attributed) {
            let what = format!("BREAKDOWN of {} takes no ATTRIBUTED", head.word());
            self.error_hint(code::CLAUSE, span, what, "leave ATTRIBUTED out: it belongs to FUNNEL");
        }
    }
}
