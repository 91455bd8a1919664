//! Which rows a funnel looks at besides its steps: what breaks it, what voids it, the sessions it stays in.

use super::super::Binder;
use super::super::clause::Clauses;
use super::super::scope::RowScope;
use crate::bound::*;
use crate::code;
use eql_catalog::EntityType;
use eql_grammar::ast::{self, ClauseKind, Counting, EventRef, EventScope, OrderMode, Span, Step as AstStep};
use std::sync::Arc;

impl Binder<'_> {
    /// IN … ORDER: the mode, the events that break STRICT, and those that do not.
    pub(in crate::bind) fn order_mode(
        &mut self,
        clauses: Clauses<'_>,
        subject: &Arc<EntityType>,
    ) -> (OrderMode, Option<EventSelect>, Vec<EventSelect>) {
        let found = clauses.get_at(|k| if let ClauseKind::Mode { mode, ignoring } = k { Some((*mode, ignoring)) } else { None });
        let Some(((mode, ignoring), span)) = found else { return (OrderMode::InOrder, None, vec![]) };
        if mode != OrderMode::Strict && !ignoring.is_empty() {
            self.error_hint(code::CLAUSE_CONFLICT, span, "IGNORING belongs to IN STRICT ORDER", "other modes are broken by nothing");
        }
        // WHERE narrows the steps; what breaks them is any visible event.
        let before = self.events_where.take();
        let ignored = ignoring.iter().map(|s| self.select_events(&s.scope, subject, &[]).select).collect();
        self.events_where = before;
        (mode, (mode == OrderMode::Strict).then(|| self.visible(subject)), ignored)
    }

    /// Every event of the subject that is not hidden.
    pub(in crate::bind) fn visible(&mut self, subject: &Arc<EntityType>) -> EventSelect {
        let before = self.events_where.take();
        let span = Span::default();
        let any = EventScope { events: vec![EventRef::Any(span)], filter: None, during: None, span };
        let found = self.select_events(&any, subject, &[]).select;
        self.events_where = before;
        found
    }

    pub(in crate::bind) fn excluding(
        &mut self,
        clauses: Clauses<'_>,
        subject: &Arc<EntityType>,
        held: &[ast::Expr],
        steps: usize,
        mode: OrderMode,
    ) -> Option<Excluded> {
        let ((step, between), span) =
            clauses.get_at(|k| if let ClauseKind::Excluding { step, between } = k { Some((step, *between)) } else { None })?;
        let between = between.map(|(i, j)| {
            if mode == OrderMode::AnyOrder {
                let hint = "an exclusion then counts between the first and the last matched row";
                self.error_hint(code::CLAUSE_CONFLICT, span, "BETWEEN STEP has no meaning IN ANY ORDER", hint);
            } else if i == 0 || j <= i || j > steps as u64 {
                let hint = format!("two steps from 1 to {steps}, the earlier first: BETWEEN STEP 1 AND 2");
                self.error_hint(code::VALUE, span, format!("there are no steps {i} and {j} to lie between"), hint);
            }
            (usize::try_from(i).unwrap_or(1).saturating_sub(1), usize::try_from(j).unwrap_or(1).saturating_sub(1))
        });
        Some(self.excluded(step, between, subject, held))
    }

    pub(in crate::bind) fn until(&mut self, clauses: Clauses<'_>, subject: &Arc<EntityType>, held: &[ast::Expr]) -> Option<Excluded> {
        let step = clauses.get(|k| if let ClauseKind::Until(s) = k { Some(s) } else { None })?;
        Some(self.excluded(step, None, subject, held))
    }

    fn excluded(&mut self, step: &AstStep, between: Option<(usize, usize)>, subject: &Arc<EntityType>, held: &[ast::Expr]) -> Excluded {
        self.plain_step(step, "the clause");
        let selected = self.select_events(&step.scope, subject, &[]);
        let holding = self.held_by(held, &selected.row);
        Excluded { events: selected.select, between, holding }
    }

    /// The values of HOLDING on rows that are no step; None where these rows have no such property.
    fn held_by(&mut self, held: &[ast::Expr], row: &RowScope) -> Option<Vec<RowExpr>> {
        let before = (self.diagnostics.len(), self.unknown);
        let values = held.iter().map(|e| self.row_expr(e, row)).collect();
        if self.diagnostics.len() == before.0 {
            return Some(values);
        }
        self.diagnostics.truncate(before.0);
        self.unknown = before.1;
        None
    }

    pub(super) fn counting(&mut self, clauses: Clauses<'_>, subject: &Arc<EntityType>) -> Option<FunnelCount> {
        match clauses.get(|k| if let ClauseKind::Counting(c) = k { Some(c) } else { None }) {
            None | Some(Counting::Entities) => Some(FunnelCount::Entities),
            Some(Counting::Attempts) => Some(FunnelCount::Attempts),
            Some(Counting::Sessions(rule)) => self.session_cut(rule, subject).map(|c| FunnelCount::Sessions(Box::new(c))),
        }
    }

    /// A session rule over the timeline of the subject.
    pub(in crate::bind) fn session_cut(&mut self, ident: &ast::Ident, subject: &EntityType) -> Option<SessionCut> {
        let role = self.role.clone();
        let rule = self.bind_rule(ident);
        self.role = role;
        let rule = rule?;
        if rule.entity.id != subject.id {
            let what = format!("session rule `{}` cuts the timeline of `{}`, not of `{}`", ident.name, rule.entity.name, subject.name);
            self.error_hint(code::SUBJECT, ident.span, what, format!("DEFINE SESSION … OF {} …", subject.name));
            return None;
        }
        Some(crate::bind::sessions::session_cut(rule))
    }
}
