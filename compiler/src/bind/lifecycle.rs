//! LIFECYCLE: who is new, stays, comes back, falls asleep.

use super::Binder;
use super::clause::HeadKind;
use super::funnel::period_output;
use crate::bound::*;
use eql_catalog::DataType;
use eql_grammar::ast::{self, Phase, Step as AstStep};

impl Binder<'_> {
    pub(super) fn lifecycle(&mut self, a: &ast::Analysis, step: &AstStep) -> Option<Query> {
        let activity = self.activity(a, step, HeadKind::Lifecycle, "for example EVERY week")?;
        let period = self.column_id();
        let counts: [ColumnId; 4] = std::array::from_fn(|_| self.column_id());
        let groups = activity.groups();
        let mut output = activity.leading(Some(period_output(period, &activity.every, "period")));
        let leading = output.len();
        let (during, every) = (activity.during, activity.every);
        let mut lifecycle = Lifecycle {
            subject: activity.subject.id,
            role: self.role.clone(),
            among: activity.among,
            events: activity.events,
            during: during.clone(),
            every: (period, every.clone()),
            breakdown: activity.breakdown,
            top: None,
            output: counts,
            listed: None,
            clock: self.clock.clone(),
        };
        // The groups with the most that are new, over all periods.
        lifecycle.top = activity.top.map(|n| self.added_up(Rel::Lifecycle(Box::new(lifecycle.clone())), &groups, counts[0], n));
        if let Some(list) = activity.listed {
            let phase = self.column_id();
            output.push(Output { id: phase, name: "phase".into(), data_type: DataType::String });
            lifecycle.listed = Some(PhaseList { keys: list.keys, phase, only: list.only });
            return self.finish(Query { rel: Rel::Lifecycle(Box::new(lifecycle)), output }, activity.clauses, leading);
        }
        for (id, phase) in counts.iter().zip(Phase::ALL) {
            output.push(Output { id: *id, name: phase.word().into(), data_type: DataType::Int });
        }
        let input = Rel::Lifecycle(Box::new(lifecycle));
        // A period in which nothing happened has zeros.
        let rel = Rel::Fill(Box::new(Fill { input, period, every, during, groups, zero: counts.to_vec() }));
        self.finish(Query { rel, output }, activity.clauses, leading)
    }
}
