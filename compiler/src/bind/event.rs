//! Which events count: concrete, virtual or any, with their conditions.

use super::Binder;
use super::scope::{Env, RowScope, participant};
use crate::bound::*;
use crate::code;
use eql_catalog::{EntityType, EventType, NounKind};
use eql_grammar::ast::{self, EventRef, Span};
use std::sync::Arc;

/// One alternative before its conditions are bound.
struct Alternative {
    events: Vec<Arc<EventType>>,
    /// Conditions with the virtual event they come from.
    filters: Vec<(Option<(String, Span)>, ast::Expr)>,
    during: Option<ast::Range>,
}

/// Events with their conditions, and what was found on the way.
pub(super) struct Selected {
    pub select: EventSelect,
    pub pairs: Vec<PairCondition>,
    /// The rows, for names of a step.
    pub row: RowScope,
}

impl Binder<'_> {
    /// Names of all events, for suggestions.
    pub(super) fn event_names(&self) -> Vec<String> {
        self.catalog.events().map(|e| e.name.clone()).chain(self.catalog.virtual_events().map(|e| e.name.clone())).collect()
    }

    pub(super) fn is_event(&self, name: &str) -> bool {
        self.catalog.event(name).is_some() || self.catalog.virtual_event(name).is_some()
    }

    /// The entity type of a name; reports an unknown one.
    pub(super) fn entity_type(&mut self, ident: &ast::Ident) -> Option<Arc<EntityType>> {
        let found = self.catalog.entity(&ident.name).cloned();
        self.used(NounKind::Entity, || ident.name.clone());
        if found.is_none() {
            let names: Vec<String> = self.catalog.entities().map(|e| e.name.clone()).collect();
            let refs: Vec<&str> = names.iter().map(String::as_str).collect();
            self.unknown_name(code::ENTITY, "entity", ident, &refs);
        }
        found
    }

    fn alternatives(&mut self, scope: &ast::EventScope, subject: Option<&EntityType>) -> Option<Vec<Alternative>> {
        let mut out = Vec::new();
        let mut known = true;
        for r in &scope.events {
            match self.event_ref(r, subject) {
                Some(mut found) => out.append(&mut found),
                None => known = false,
            }
        }
        for a in &mut out {
            if let Some(f) = &scope.filter {
                a.filters.push((None, (**f).clone()));
            }
            if let Some(r) = &scope.during {
                a.during = Some(r.clone());
            }
        }
        known.then_some(out)
    }

    fn event_ref(&mut self, r: &EventRef, subject: Option<&EntityType>) -> Option<Vec<Alternative>> {
        let ident = match r {
            EventRef::Any(_) => {
                let role = self.role.clone();
                let fits = |e: &&Arc<EventType>| !e.hidden && subject.is_none_or(|s| participant(e, s.id, role.as_deref()).is_some());
                let events: Vec<_> = self.catalog.events().filter(fits).cloned().collect();
                if events.is_empty() && self.lenient {
                    self.unknown = true;
                    return None;
                }
                return Some(vec![Alternative { events, filters: vec![], during: None }]);
            }
            EventRef::Named(i) => i,
        };
        self.used(NounKind::Event, || ident.name.clone());
        if let Some(e) = self.catalog.event(&ident.name).cloned() {
            return Some(vec![Alternative { events: vec![e], filters: vec![], during: None }]);
        }
        if let Some(v) = self.catalog.virtual_event(&ident.name).cloned() {
            return self.virtual_event(&v, ident, subject);
        }
        let names = self.event_names();
        let refs: Vec<&str> = names.iter().map(String::as_str).collect();
        self.unknown_name(code::EVENT, "event", ident, &refs);
        None
    }

    fn virtual_event(
        &mut self,
        v: &eql_catalog::VirtualEvent,
        ident: &ast::Ident,
        subject: Option<&EntityType>,
    ) -> Option<Vec<Alternative>> {
        let parsed = eql_grammar::parse(&v.definition);
        let Some(Ok(ast::Statement { kind: ast::StatementKind::Define(d), .. })) = parsed.statements.into_iter().next() else {
            self.error(code::EVENT, ident.span, format!("the definition of event `{}` cannot be read", v.name));
            return None;
        };
        let ast::Definition::VirtualEvent { alternatives, .. } = d.what else { return None };
        let name = v.name.clone();
        let found = self.follow(&name, ident.span, |b| {
            let mut out = Vec::new();
            for a in &alternatives {
                out.append(&mut b.alternatives(a, subject)?);
            }
            Some(out)
        })??;
        let at = (v.name.clone(), ident.span);
        Some(
            found
                .into_iter()
                .map(|a| Alternative { filters: a.filters.into_iter().map(|(_, f)| (Some(at.clone()), f)).collect(), ..a })
                .collect(),
        )
    }

    /// True for the name of a virtual event that has rows among those of `events`.
    pub(super) fn stands_for(&mut self, name: &ast::Ident, events: &[Arc<EventType>]) -> bool {
        let Some(v) = self.catalog.virtual_event(&name.name).cloned() else { return false };
        let made_of = self.virtual_event(&v, name, None).unwrap_or_default();
        made_of.iter().flat_map(|a| &a.events).any(|e| events.iter().any(|known| known.id == e.id))
    }

    /// The default subject of events: the first participant of the first of them.
    pub(super) fn default_subject(&mut self, scope: &ast::EventScope) -> Option<Arc<EntityType>> {
        let first = scope.events.first()?;
        let before = (self.diagnostics.len(), self.unknown);
        let found = self.event_ref(first, None)?;
        // The same events are bound again with their subject, which reports what is wrong; without one this is all there is to say.
        self.diagnostics.truncate(before.0);
        self.unknown = before.1;
        let event = found.into_iter().next()?.events.into_iter().next()?;
        self.catalog.entity_by_id(event.participants.first()?.entity).cloned()
    }

    /// The event types named, without their conditions; None (reported) when a name is unknown.
    pub(super) fn event_types(&mut self, scope: &ast::EventScope, subject: Option<&EntityType>) -> Option<Vec<Arc<EventType>>> {
        let mut out: Vec<Arc<EventType>> = Vec::new();
        for a in self.alternatives(scope, subject)? {
            for e in a.events {
                if !out.iter().any(|o| o.id == e.id) {
                    out.push(e);
                }
            }
        }
        Some(out)
    }

    /// Binds events and conditions for the timeline of `subject`. `steps` are the rows that earlier steps matched.
    pub(super) fn select_events(&mut self, scope: &ast::EventScope, subject: &EntityType, steps: &[(String, usize, RowScope)]) -> Selected {
        let Some(alternatives) = self.alternatives(scope, Some(subject)) else {
            return Selected { select: EventSelect { cases: vec![] }, pairs: vec![], row: RowScope::unknown() };
        };
        let (mut cases, mut pairs, mut all) = (Vec::new(), Vec::new(), Vec::<Arc<EventType>>::new());
        let several = alternatives.len() > 1;
        for a in alternatives {
            self.check_subject(&a.events, subject, scope.span);
            let mut env = Env::row(RowScope::events(a.events.clone()));
            env.steps = steps.to_vec();
            let found = pairs.len();
            let filter = self.conditions(&a, &mut env, &mut pairs, scope.span);
            if several && pairs.len() > found {
                self.error(code::VALUE, scope.span, "a condition on an earlier step needs a step of one event");
            }
            let during = a.during.as_ref().and_then(|r| self.range(r));
            let columns = env.rows.swap_remove(0).columns;
            let filter = filter.map(|expr| crate::rewrite::hoist(RowExpr { columns, expr }, &mut self.next));
            cases.push(EventCase { events: a.events.iter().map(|e| e.id).collect(), filter, during });
            for e in a.events {
                if !all.iter().any(|o| o.id == e.id) {
                    all.push(e);
                }
            }
        }
        Selected { select: EventSelect { cases }, pairs, row: RowScope::events(all) }
    }

    pub(super) fn check_subject(&mut self, events: &[Arc<EventType>], subject: &EntityType, span: Span) {
        let role = self.role.clone();
        for e in events {
            if participant(e, subject.id, role.as_deref()).is_none() {
                let names: Vec<&str> = e.participants.iter().map(|p| p.name.as_str()).collect();
                let hint = format!("its participants are {}: choose one with OF", names.join(", "));
                let who = role.as_deref().unwrap_or(&subject.name);
                self.error_hint(code::SUBJECT, span, format!("event `{}` has no participant `{who}`", e.name), hint);
            }
        }
    }

    /// Conditions of an alternative and of the head; those on earlier steps are split off.
    fn conditions(&mut self, a: &Alternative, env: &mut Env, pairs: &mut Vec<PairCondition>, span: Span) -> Option<Expr> {
        let mut own = Vec::new();
        let head = self.events_where.clone().map(|f| (None, f));
        for (from, filter) in a.filters.iter().cloned().chain(head) {
            for part in conjuncts(&filter) {
                let bound = match &from {
                    Some((name, at)) => self.follow(name, *at, |b| b.predicate(part, env)).unwrap_or_else(Expr::invalid),
                    None => self.predicate(part, env),
                };
                self.sort_condition(bound, env, &mut own, pairs, span);
            }
        }
        Expr::all(own)
    }

    fn sort_condition(&mut self, bound: Expr, env: &Env, own: &mut Vec<Expr>, pairs: &mut Vec<PairCondition>, span: Span) {
        let ids = bound.columns();
        let of = |scope: &RowScope| -> Vec<ScanColumn> { scope.columns.iter().filter(|c| ids.contains(&c.id)).cloned().collect() };
        let earlier: Vec<_> = env.steps.iter().map(|(_, n, s)| (*n, of(s))).filter(|(_, c)| !c.is_empty()).collect();
        match earlier.as_slice() {
            [] => own.push(bound),
            [(step, columns)] => {
                let later = env.rows.first().map(of).unwrap_or_default();
                pairs.push(PairCondition { earlier: *step, earlier_columns: columns.clone(), later_columns: later, expr: bound });
            }
            _ => {
                self.error_hint(
                    code::VALUE,
                    span,
                    "one condition looks at two earlier steps",
                    "split it with AND into conditions on one step each",
                );
            }
        }
    }

    /// Events as a predicate over rows of a scan that holds them among others: which events, and their conditions.
    pub(super) fn events_predicate(&mut self, scope: &ast::EventScope, row: &mut RowScope) -> Option<Expr> {
        let alternatives = self.alternatives(scope, None)?;
        let mut any = Vec::new();
        for a in alternatives {
            let mut inner = RowScope::events(a.events.clone());
            std::mem::swap(&mut inner.columns, &mut row.columns);
            let name = self.leaf(&mut inner, Leaf::EventName, eql_catalog::DataType::String);
            let names = a.events.iter().map(|e| Expr::literal(eql_catalog::Value::String(e.name.clone()))).collect();
            let mut parts = vec![Expr::predicate(ExprKind::In(Box::new(name), names))];
            let mut env = Env::row(inner);
            let mut pairs = vec![];
            let before = self.events_where.take();
            parts.extend(self.conditions(&a, &mut env, &mut pairs, scope.span));
            self.events_where = before;
            let mut inner = env.rows.swap_remove(0);
            if let Some(r) = a.during.as_ref().and_then(|r| self.range(r)) {
                let time = self.leaf(&mut inner, Leaf::Time, eql_catalog::DataType::Timestamp);
                parts.push(Expr::predicate(ExprKind::InRange(Box::new(time), Box::new(r))));
            }
            std::mem::swap(&mut inner.columns, &mut row.columns);
            any.extend(Expr::all(parts));
        }
        Some(if any.len() == 1 { any.swap_remove(0) } else { Expr::predicate(ExprKind::Or(any)) })
    }

    /// A step that is one plain event.
    pub(super) fn plain_step(&mut self, s: &ast::Step, clause: &str) {
        let extra = if s.negated {
            "NOT"
        } else if s.optional {
            "OPTIONAL"
        } else if s.within.is_some() {
            "WITHIN"
        } else {
            return;
        };
        let hint = format!("write {clause} and the event, with its conditions in brackets");
        self.error_hint(code::VALUE, s.span, format!("{clause} takes an event without {extra}"), hint);
    }

    /// A value on rows of these events.
    pub(super) fn row_expr(&mut self, e: &ast::Expr, row: &RowScope) -> RowExpr {
        let mut env = Env::row(RowScope { columns: vec![], ..row.clone() });
        let expr = self.expr(e, &mut env);
        crate::rewrite::hoist(RowExpr { columns: env.into_columns(), expr }, &mut self.next)
    }
}

/// The parts of a conjunction.
pub(super) fn conjuncts(e: &ast::Expr) -> Vec<&ast::Expr> {
    match &e.kind {
        ast::ExprKind::And(v) => v.iter().flat_map(conjuncts).collect(),
        _ => vec![e],
    }
}
