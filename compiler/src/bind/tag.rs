//! The value of a tag: stored, computed, or told by an analysis.

use super::Binder;
use super::scope::{Aggregates, Env, RowScope};
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EntityType, Tag};
use eql_grammar::ast::{self, ClauseKind, Head, SetDefinition, Show, Span};
use std::sync::Arc;

impl Binder<'_> {
    /// The value of a tag on its entity's row.
    pub(super) fn tag_value(&mut self, scope: &mut RowScope, entity: &Arc<EntityType>, tag: &Tag, at: Span) -> Expr {
        self.used(eql_catalog::NounKind::Tag, || format!("{}.{}", tag.entity, tag.name));
        let kept = Kept::Tag(tag.name.clone());
        if tag.imported {
            return self.kept(scope, kept, tag.data_type.clone(), None, entity);
        }
        let Some(stored) = self.stored(&tag.definition, at) else { return Expr::invalid() };
        let earlier = self.clock.as_of.is_some();
        if !stored.refreshed {
            return self.computed_tag(scope, entity, tag, &stored.definition, at);
        }
        // Clusters are made of all entities at once: only a refresh does that.
        let otherwise = (!earlier && !super::kmeans::is_kmeans(&stored.definition)).then(|| {
            let mut inner = RowScope::entity(entity);
            let expr = self.computed_tag(&mut inner, entity, tag, &stored.definition, at);
            (inner, expr)
        });
        self.kept(scope, kept, tag.data_type.clone(), otherwise, entity)
    }

    fn computed_tag(&mut self, scope: &mut RowScope, entity: &Arc<EntityType>, tag: &Tag, definition: &SetDefinition, at: Span) -> Expr {
        let clock = self.clock_of(&tag.time_zone, tag.week_start);
        let key = format!("tag {}.{}", entity.name, tag.name);
        let out = match definition {
            SetDefinition::Expr(e) => {
                let mut env = Env::row(std::mem::replace(scope, RowScope::unknown())).with(Aggregates::Behaviour);
                let out = self.follow(&key, at, |b| b.with_clock(clock, |b| b.apart(|b| b.expr(e, &mut env))));
                *scope = env.rows.swap_remove(0);
                out.unwrap_or_else(Expr::invalid)
            }
            _ => match self.follow(&key, at, |b| b.with_clock(clock, |b| b.apart(|b| b.told(definition, at, entity)))).flatten() {
                Some(told) => {
                    let data_type = told.query.output.last().map_or(DataType::String, |o| o.data_type.clone());
                    self.leaf(scope, Leaf::Told(Box::new(told)), data_type)
                }
                None if self.later.is_some() => {
                    Expr { kind: ExprKind::Literal(eql_catalog::Value::Null), data_type: tag.data_type.clone() }
                }
                None => return Expr::invalid(),
            },
        };
        self.cast_to(out, &tag.data_type)
    }

    /// The query of a tag made by an analysis: the key, then the value. RFM gives `r-f-m`; of other results it is the first column after the
    /// key.
    pub(super) fn told(&mut self, definition: &SetDefinition, at: Span, entity: &Arc<EntityType>) -> Option<Told> {
        let body = match definition {
            SetDefinition::Analysis(a) => ast::QueryBody::Analysis(Box::new(of_entities(a))),
            SetDefinition::Select(s) => ast::QueryBody::Select(s.clone()),
            _ => {
                self.error(code::VALUE, at, "a tag is made of a value, not of a segment");
                return None;
            }
        };
        let rfm = matches!(definition, SetDefinition::Analysis(a) if matches!(a.head, Head::Rfm(_)));
        let query = self.query(&ast::Query { with: vec![], body, pipes: vec![], span: at })?;
        let mut columns = self.told_keys(&query, entity, at)?;
        let is_key = |o: &&Output| columns.iter().any(|(_, e)| e.kind == ExprKind::Column(o.id));
        let score = |name: &str| query.output.iter().rev().find(|o| o.name == name).cloned();
        let value = match (rfm, score("r"), score("f"), score("m")) {
            (true, Some(r), Some(f), Some(m)) => self.score([r, f, m]),
            _ => match query.output.iter().find(|o| !is_key(o)) {
                Some(o) => Expr::column(o.id, o.data_type.clone()),
                None => {
                    let hint = "the value of the tag is the first column after the key; for membership alone define a segment";
                    self.error_hint(code::COLUMNS, at, "the query gives nothing beside the key", hint);
                    return None;
                }
            },
        };
        columns.push(("value".into(), value));
        Some(Told { query: self.project(query.rel, columns), value: true })
    }

    /// `'5-4-5'`.
    fn score(&self, parts: [Output; 3]) -> Expr {
        let dash = || Expr::literal(eql_catalog::Value::String("-".into()));
        let [r, f, m] = parts.map(|o| self.cast_to(Expr::column(o.id, o.data_type), &DataType::String));
        let join = |a: Expr, b: Expr| Expr {
            kind: ExprKind::Arithmetic(ast::BinaryOp::Concat, Box::new(a), Box::new(b)),
            data_type: DataType::String,
        };
        [dash(), f, dash(), m].into_iter().fold(r, join)
    }

    /// The key columns of an entity type in a result; reports a result without them.
    pub(super) fn told_keys(&mut self, query: &Query, entity: &EntityType, at: Span) -> Option<Vec<(String, Expr)>> {
        let found = entity.key.iter().map(|k| query.output.iter().find(|o| o.name == k.name && o.data_type == k.data_type));
        let columns: Option<Vec<(String, Expr)>> =
            found.map(|o| o.map(|o| (o.name.clone(), Expr::column(o.id, o.data_type.clone())))).collect();
        if columns.is_none() {
            let wanted: Vec<&str> = entity.key.iter().map(|k| k.name.as_str()).collect();
            let hint = format!("its result needs the column `{}`: an analysis gives it with SHOW ENTITIES", wanted.join("`, `"));
            self.error_hint(code::SEGMENT, at, "the query gives no set of entities", hint);
        }
        columns
    }
}

/// RFM is asked for its entities, whether it says so or not: its cells are no value of anybody.
fn of_entities(a: &ast::Analysis) -> ast::Analysis {
    let shown = a.clauses.iter().any(|c| matches!(c.kind, ClauseKind::Show(_)));
    let mut a = a.clone();
    if matches!(a.head, Head::Rfm(_)) && !shown {
        let span = a.span;
        a.clauses.push(ast::Clause { kind: ClauseKind::Show(Show::Entities { converted: None, step: None }), span });
    }
    a
}
