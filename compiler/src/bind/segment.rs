//! Segments and tags as values of an entity's row: definitions are followed where they are used.

use super::Binder;
use super::scope::{Aggregates, Env, RowKind, RowScope};
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EntityType, EntityTypeId, SegmentMode, Value};
use eql_grammar::ast::{self, SegmentExpr, SetDefinition, SetOp, Span};
use std::sync::Arc;

impl Binder<'_> {
    /// `key IN SEGMENT s`.
    pub(super) fn in_segment(&mut self, key: &ast::Expr, segment: &SegmentExpr, span: Span, env: &mut Env) -> Expr {
        let bound = self.expr(key, env);
        if matches!(bound.kind, ExprKind::Invalid) {
            return super::expr::invalid_predicate();
        }
        let leaf = match bound.kind {
            ExprKind::Column(id) => {
                env.rows.iter().enumerate().find_map(|(i, r)| r.columns.iter().find(|c| c.id == id).map(|c| (i, c.leaf.clone())))
            }
            _ => None,
        };
        let entity = match (&leaf, env.rows.get(leaf.as_ref().map_or(0, |l| l.0)).map(|r| &r.kind)) {
            (Some((_, Leaf::Key(0))), Some(RowKind::Entity(e))) => Some((e.clone(), None)),
            (Some((_, Leaf::ParticipantKey(by, id, 0))), _) => {
                self.catalog.entity_by_id(*id).map(|e| (e.clone(), Some(Link::Participant(by.clone()))))
            }
            _ => None,
        };
        let (Some((entity, link)), Some((row, _))) = (entity, leaf) else {
            let hint = "write the key of the entity, for example user_id IN SEGMENT vip";
            return self.error_hint(code::SEGMENT, span, "IN SEGMENT needs the key of an entity on its left", hint);
        };
        let mut scope = std::mem::replace(&mut env.rows[row], RowScope::unknown());
        let out = match link {
            None => self.membership(segment, &entity, &mut scope),
            Some(link) => self.linked_membership(segment, &entity, link, &mut scope),
        };
        env.rows[row] = scope;
        out
    }

    /// Membership of the entity an event row leads to.
    pub(super) fn linked_membership(&mut self, segment: &SegmentExpr, entity: &Arc<EntityType>, link: Link, scope: &mut RowScope) -> Expr {
        let mut inner = RowScope::entity(entity);
        let expr = self.membership(segment, entity, &mut inner);
        if matches!(expr.kind, ExprKind::Invalid) {
            return expr;
        }
        let value = EntityValue { entity: entity.id, value: RowExpr::canonical(inner.columns, expr) };
        self.leaf(scope, Leaf::Through(link, Box::new(value)), DataType::Bool)
    }

    /// AMONG: a predicate over the subject.
    pub(super) fn among(&mut self, segment: &SegmentExpr, entity: &Arc<EntityType>) -> EntityValue {
        let mut scope = RowScope::entity(entity);
        let (during, events_where) = (self.during.take(), self.events_where.take());
        let expr = self.membership(segment, entity, &mut scope);
        self.during = during;
        self.events_where = events_where;
        EntityValue { entity: entity.id, value: RowExpr::canonical(scope.columns, expr) }
    }

    /// Membership in a set as a predicate over the entity's own row.
    pub(super) fn membership(&mut self, segment: &SegmentExpr, entity: &Arc<EntityType>, scope: &mut RowScope) -> Expr {
        match segment {
            SegmentExpr::Named(name, as_of) => self.as_of(as_of.as_ref(), |b| b.named_segment(name, entity, scope)),
            SegmentExpr::Find(find, as_of) => self.as_of(as_of.as_ref(), |b| b.find_membership(find, entity, scope)),
            SegmentExpr::AsOf(inner, at) => self.as_of(Some(at), |b| b.membership(inner, entity, scope)),
            SegmentExpr::Set(op, a, b) => {
                let x = self.membership(a, entity, scope);
                let y = self.membership(b, entity, scope);
                Expr::predicate(match op {
                    SetOp::Union | SetOp::UnionAll => ExprKind::Or(vec![x, y]),
                    SetOp::Intersect => ExprKind::And(vec![x, y]),
                    SetOp::Except => ExprKind::And(vec![x, Expr::predicate(ExprKind::Not(Box::new(y)))]),
                })
            }
        }
    }

    fn as_of(&mut self, at: Option<&ast::Instant>, f: impl FnOnce(&mut Self) -> Expr) -> Expr {
        match at {
            None => f(self),
            Some(at) => match self.instant(at) {
                Some(at) => {
                    let clock = Clock { as_of: Some(at), ..self.clock.clone() };
                    self.with_clock(clock, f)
                }
                None => super::expr::invalid_predicate(),
            },
        }
    }

    fn find_membership(&mut self, find: &ast::Find, entity: &Arc<EntityType>, scope: &mut RowScope) -> Expr {
        // SAMPLE makes a FIND without a name: over the subject, whatever it is.
        let found = if find.entity.name.is_empty() { Some(entity.clone()) } else { self.entity_type(&find.entity) };
        let Some(found) = found else { return super::expr::invalid_predicate() };
        if found.id != entity.id {
            let what = format!("a set of `{}` stands where `{}` is meant", found.name, entity.name);
            return self.error(code::SEGMENT, find.entity.span, what);
        }
        let clauses = self.clauses(super::clause::HeadKind::Find, &find.clauses);
        let mut env = Env::row(std::mem::replace(scope, RowScope::unknown())).with(Aggregates::Behaviour);
        let (outer_during, outer_where) = (self.during.take(), self.events_where.take());
        self.during = clauses.get(|k| if let ast::ClauseKind::During(r) = k { Some(r) } else { None }).and_then(|r| self.range(r));
        let mut parts = Vec::new();
        if let Some(p) = clauses.get(|k| if let ast::ClauseKind::Where(p) = k { Some(p) } else { None }) {
            parts.push(self.predicate(p, &mut env));
        }
        *scope = env.rows.swap_remove(0);
        if let Some(a) = clauses.get(|k| if let ast::ClauseKind::Among(a) = k { Some(a) } else { None }) {
            parts.push(self.membership(a, entity, scope));
        }
        if let Some((percent, at)) = clauses.get_at(|k| if let ast::ClauseKind::Sample(p) = k { Some(p) } else { None }) {
            self.approximate = true;
            parts.push(self.in_sample(percent, at, entity, scope));
        }
        self.during = outer_during;
        self.events_where = outer_where;
        Expr::all(parts).unwrap_or_else(|| Expr::literal(Value::Bool(true)))
    }

    fn named_segment(&mut self, name: &ast::Ident, entity: &Arc<EntityType>, scope: &mut RowScope) -> Expr {
        let Some(segment) = self.catalog.segment(&name.name).cloned() else {
            let names: Vec<String> = self.catalog.segments().map(|s| s.name.clone()).collect();
            let refs: Vec<&str> = names.iter().map(String::as_str).collect();
            self.unknown_name(code::SEGMENT, "segment", name, &refs);
            return super::expr::invalid_predicate();
        };
        if segment.entity != entity.name {
            let what = format!("segment `{}` is a set of `{}`, not of `{}`", segment.name, segment.entity, entity.name);
            return self.error(code::SEGMENT, name.span, what);
        }
        self.used(eql_catalog::NounKind::Segment, || segment.name.clone());
        if segment.mode == SegmentMode::Static || segment.imported {
            return self.kept(scope, Kept::Segment(segment.name.clone()), DataType::Bool, None, entity);
        }
        if segment.mode == SegmentMode::Streaming {
            // Until a stream maintains it, its definition is evaluated at the statement: the same members.
            self.uses_now = true;
        }
        let at = name.span;
        if let Some(known) = self.known_membership(&segment.name, scope) {
            return known;
        }
        let Some(stored) = self.stored(&segment.definition, at) else { return super::expr::invalid_predicate() };
        if stored.refreshed {
            return self.refreshed_segment(&segment, &stored, at, entity, scope);
        }
        let clock = self.clock_of(&segment.time_zone, segment.week_start);
        let key = format!("segment {}", segment.name);
        let member = |b: &mut Self| b.with_grace(stored.grace, |b| b.apart(|b| b.set_membership(&stored.definition, at, entity, scope)));
        let found = self.follow(&key, at, |b| b.with_clock(clock, member)).unwrap_or_else(super::expr::invalid_predicate);
        let as_of = self.clock.as_of.clone();
        self.memberships.push((segment.name.clone(), as_of, found.clone()));
        found
    }

    /// What a segment was bound to over the same columns before: where segments are made of each other the same ones are met again and again.
    fn known_membership(&self, segment: &str, scope: &RowScope) -> Option<Expr> {
        let known = self.memberships.iter().filter(|(name, as_of, _)| name == segment && *as_of == self.clock.as_of);
        let is_here = |e: &Expr| e.columns().iter().all(|used| scope.columns.iter().any(|c| c.id == *used));
        known.map(|(.., expr)| expr).find(|e| is_here(e)).cloned()
    }

    /// Runs `f` without what the statement around says of its own events: a stored definition means the same everywhere.
    pub(super) fn apart<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> T {
        let (during, events_where, role) = (self.during.take(), self.events_where.take(), self.role.take());
        let out = f(self);
        (self.during, self.events_where, self.role) = (during, events_where, role);
        out
    }

    /// Membership by a definition: an expression, set algebra, or an analysis.
    pub(super) fn set_membership(&mut self, d: &SetDefinition, at: Span, entity: &Arc<EntityType>, scope: &mut RowScope) -> Expr {
        match d {
            SetDefinition::Segment(s) => self.membership(s, entity, scope),
            SetDefinition::Expr(e) => {
                let mut env = Env::row(std::mem::replace(scope, RowScope::unknown())).with(Aggregates::Behaviour);
                let out = self.predicate(e, &mut env);
                *scope = env.rows.swap_remove(0);
                out
            }
            SetDefinition::Imported => Expr::invalid(),
            SetDefinition::Select(s) => {
                let query = ast::Query { with: vec![], body: ast::QueryBody::Select(s.clone()), pipes: vec![], span: at };
                self.key_in_query(&query, at, entity, scope)
            }
            SetDefinition::Analysis(a) => {
                let query = ast::Query { with: vec![], body: ast::QueryBody::Analysis(a.clone()), pipes: vec![], span: at };
                self.key_in_query(&query, at, entity, scope)
            }
        }
    }

    /// Membership as "there is a row with the key".
    fn key_in_query(&mut self, query: &ast::Query, at: Span, entity: &Arc<EntityType>, scope: &mut RowScope) -> Expr {
        let Some(bound) = self.query(query) else { return super::expr::invalid_predicate() };
        let Some(columns) = self.told_keys(&bound, entity, at) else { return super::expr::invalid_predicate() };
        let told = Told { query: self.project(bound.rel, columns), value: false };
        self.leaf(scope, Leaf::Told(Box::new(told)), DataType::Bool)
    }

    /// AMONG as a predicate over event rows.
    pub(super) fn among_events(
        &mut self,
        segment: &SegmentExpr,
        entity: &Arc<EntityType>,
        by: Vec<(eql_catalog::EventTypeId, usize)>,
        scope: &mut RowScope,
    ) -> Expr {
        let (during, events_where) = (self.during.take(), self.events_where.take());
        let out = self.linked_membership(segment, entity, Link::Participant(by), scope);
        (self.during, self.events_where) = (during, events_where);
        out
    }

    pub(super) fn entity_of(&self, id: EntityTypeId) -> Option<Arc<EntityType>> {
        self.catalog.entity_by_id(id).cloned()
    }
}

/// What a stored DEFINE TAG or DEFINE SEGMENT says.
pub(super) struct Stored {
    /// Its right side.
    pub definition: SetDefinition,
    /// REFRESH EVERY: versions are kept.
    pub refreshed: bool,
    /// KEEP: microseconds.
    pub keep: Option<u64>,
    /// GRACE: microseconds.
    pub grace: i64,
}

impl Binder<'_> {
    /// Reads the stored text of a tag or a segment; reports one that cannot be read.
    pub(super) fn stored(&mut self, text: &str, at: Span) -> Option<Stored> {
        let parsed = eql_grammar::parse(text).statements.into_iter().next().and_then(Result::ok).map(|s| s.kind);
        if let Some(ast::StatementKind::Define(d)) = parsed {
            let refreshed = d.options.iter().any(|o| matches!(o, ast::DefOption::RefreshEvery(..)));
            if let ast::Definition::Tag { definition, .. } | ast::Definition::Segment { definition, .. } = d.what {
                let (keep, grace) = (self.keep_versions(&d.options), self.grace_option(&d.options));
                return Some(Stored { definition, refreshed, keep, grace });
            }
        }
        self.error(code::SEGMENT, at, "the stored definition cannot be read");
        None
    }
}
