//! STICKINESS: in how many sub-periods entities are active.

use super::Binder;
use super::clause::HeadKind;
use super::funnel::period_output;
use crate::bound::*;
use eql_catalog::DataType;
use eql_grammar::ast::{self, Step as AstStep};

impl Binder<'_> {
    pub(super) fn stickiness(&mut self, a: &ast::Analysis, step: &AstStep) -> Option<Query> {
        let activity = self.activity(a, step, HeadKind::Stickiness, "for example EVERY day OVER week")?;
        let counts: [ColumnId; 2] = std::array::from_fn(|_| self.column_id());
        let groups = activity.groups();
        let mut output = activity.leading(activity.over.as_ref().map(|(id, e)| period_output(*id, e, "period")));
        output.push(Output { id: counts[0], name: "active_periods".into(), data_type: DataType::Int });
        let leading = output.len();
        let mut stickiness = Stickiness {
            subject: activity.subject.id,
            role: self.role.clone(),
            among: activity.among,
            events: activity.events,
            during: activity.during,
            every: activity.every,
            over: activity.over,
            breakdown: activity.breakdown,
            top: None,
            output: counts,
            listed: None,
            clock: self.clock.clone(),
        };
        stickiness.top = activity.top.map(|n| {
            let whole = Stickiness { over: None, ..stickiness.clone() };
            self.added_up(Rel::Stickiness(Box::new(whole)), &groups, counts[1], n)
        });
        match activity.listed {
            Some(list) => stickiness.listed = Some(list.keys),
            None => output.push(Output { id: counts[1], name: "entities".into(), data_type: DataType::Int }),
        }
        self.finish(Query { rel: Rel::Stickiness(Box::new(stickiness)), output }, activity.clauses, leading)
    }
}
