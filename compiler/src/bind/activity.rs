//! What LIFECYCLE and STICKINESS share: whose rows make whom active, when, and in which groups.

use super::Binder;
use super::clause::{Clauses, HeadKind};
use super::time::unit_millis;
use crate::bound::*;
use crate::code;
use eql_catalog::EntityType;
use eql_grammar::ast::{self, ClauseKind, Phase, Show, Step as AstStep};
use std::sync::Arc;

/// The clauses of both heads.
pub(super) struct Activity<'c> {
    pub clauses: Clauses<'c>,
    pub subject: Arc<EntityType>,
    pub among: Option<EntityValue>,
    pub events: EventSelect,
    pub during: TimeRange,
    pub every: Every,
    /// OVER: the periods that those of EVERY are counted in.
    pub over: Option<(ColumnId, Every)>,
    pub breakdown: Vec<Breakdown>,
    /// Of the groups.
    pub names: Vec<String>,
    pub top: Option<u64>,
    /// SHOW ENTITIES.
    pub listed: Option<List>,
}

/// SHOW ENTITIES: the columns of the key, and the one phase that is wanted.
pub(super) struct List {
    pub keys: Vec<ColumnId>,
    pub only: Option<Phase>,
}

impl Activity<'_> {
    /// The columns of the groups.
    pub(super) fn groups(&self) -> Vec<ColumnId> {
        self.breakdown.iter().map(|b| b.id).collect()
    }

    /// The leading columns of the result: the key of a list, the period, the groups.
    pub(super) fn leading(&self, period: Option<Output>) -> Vec<Output> {
        let keys = self.listed.iter().flat_map(|l| l.keys.iter().zip(&self.subject.key));
        let keys = keys.map(|(id, k)| Output { id: *id, name: k.name.clone(), data_type: k.data_type.clone() });
        let groups = self.breakdown.iter().zip(&self.names);
        let groups = groups.map(|(b, name)| Output { id: b.id, name: name.clone(), data_type: b.value.expr.data_type.clone() });
        keys.chain(period).chain(groups).collect()
    }
}

impl Binder<'_> {
    pub(super) fn activity<'c>(&mut self, a: &'c ast::Analysis, step: &AstStep, head: HeadKind, example: &str) -> Option<Activity<'c>> {
        let clauses = self.clauses(head, &a.clauses);
        self.clock = self.head_clock(clauses);
        let during = self.required_during(clauses, head, a.head_span);
        let every = self.every_clause(clauses)?;
        let every = self.require(every, head, "EVERY", a.head_span, example);
        let over = every.as_ref().filter(|_| head == HeadKind::Stickiness).and_then(|e| self.over(clauses, e));
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
        let listed = self.active_list(clauses, head, &subject)?;
        let (during, every, events) = (during?, every?, active.select);
        Some(Activity { clauses, subject, among, events, during, every, over, breakdown, names, top, listed })
    }

    /// OVER: the period that sub-periods are counted in.
    fn over(&mut self, clauses: Clauses<'_>, every: &Every) -> Option<(ColumnId, Every)> {
        let (unit, span) = clauses.get_at(|k| if let ClauseKind::OverUnit(u) = k { Some(*u) } else { None })?;
        if unit_millis(every.unit).saturating_mul(every.count) > unit_millis(unit) {
            let hint = "for example EVERY day OVER week";
            self.error_hint(code::VALUE, span, "the periods of EVERY are longer than that of OVER", hint);
        }
        Some((self.column_id(), Every { count: 1, unit, clock: self.clock.clone() }))
    }

    /// SHOW: None when it cannot be read (reported), Some(None) when there is none.
    #[allow(clippy::option_option)]
    fn active_list(&mut self, clauses: Clauses<'_>, head: HeadKind, subject: &EntityType) -> Option<Option<List>> {
        let Some((show, span)) = clauses.show() else { return Some(None) };
        let only = match show {
            Show::Entities { converted: None, step: None } => None,
            Show::Phase(phase) if head == HeadKind::Lifecycle => Some(*phase),
            _ => {
                let hint = match head {
                    HeadKind::Lifecycle => "SHOW ENTITIES, or one phase alone: SHOW ENTITIES NEW, RETURNING, RESURRECTING or DORMANT",
                    _ => "SHOW ENTITIES lists each entity with its active_periods; choose from the list with |> WHERE",
                };
                self.error_hint(code::CLAUSE, span, format!("{} shows ENTITIES", head.word()), hint);
                return None;
            }
        };
        let keys = subject.key.iter().map(|_| self.column_id()).collect();
        Some(Some(List { keys, only }))
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
