//! FIND: entities by what they are and did.

use super::Binder;
use super::clause::HeadKind;
use super::scope::{Aggregates, Env, RowScope};
use crate::bound::*;
use crate::code;
use eql_grammar::ast::{self, ClauseKind, Show};

impl Binder<'_> {
    pub(super) fn find(&mut self, f: &ast::Find) -> Option<Query> {
        let clauses = self.clauses(HeadKind::Find, &f.clauses);
        self.clock = self.head_clock(clauses);
        let entity = self.entity_type(&f.entity);
        self.during = clauses.get(|k| if let ClauseKind::During(r) = k { Some(r) } else { None }).and_then(|r| self.range(r));
        let scope = entity.as_ref().map_or_else(RowScope::unknown, RowScope::entity);
        let mut env = Env::row(scope).with(Aggregates::Behaviour);
        let mut filter = Vec::new();
        if let Some(p) = clauses.get(|k| if let ClauseKind::Where(p) = k { Some(p) } else { None }) {
            filter.push(self.predicate(p, &mut env));
        }
        if let (Some(a), Some(e)) = (clauses.get(|k| if let ClauseKind::Among(a) = k { Some(a) } else { None }), &entity) {
            let mut row = env.rows.swap_remove(0);
            filter.push(self.membership(a, e, &mut row));
            env.rows.push(row);
        }
        let items = match clauses.show() {
            Some((Show::Items(items), _)) => Some(items.as_slice()),
            Some((_, span)) => {
                self.error_hint(code::CLAUSE, span, "SHOW of FIND lists values", "for example SHOW user_id, count(purchase) AS purchases");
                None
            }
            None => None,
        };
        let mut columns: Vec<(String, Expr)> = Vec::new();
        for i in items.unwrap_or_default() {
            let e = self.expr(&i.expr, &mut env);
            columns.push((self.item_name(i), e));
        }
        let entity = entity?;
        let listed =
            if items.is_some() { self.key_first(columns, &entity, &mut env) } else { self.all_columns(&mut env.rows[0], f.entity.span) };
        env.aliases = listed.clone();
        let order = clauses.get(|k| if let ClauseKind::OrderBy(o) = k { Some(o.as_slice()) } else { None }).unwrap_or_default();
        let order = self.sort_keys(order, &mut env);
        let limit = self.limit(clauses)?;
        let scan = Scan { source: Source::Entities(entity.id), columns: env.into_columns(), during: None, clock: self.clock.clone() };
        let mut rel = Rel::Scan(Box::new(scan));
        if let Some(p) = Expr::all(filter) {
            rel = Rel::Filter(Box::new(rel), p);
        }
        // Without ORDER BY a result is in the order of its leading columns: the key.
        let by_key = || {
            listed.iter().take(entity.key.len()).map(|(_, e)| SortKey { expr: e.clone(), descending: false, nulls_first: false }).collect()
        };
        rel = Rel::Sort(Box::new(rel), if order.is_empty() { by_key() } else { order });
        if let Some((n, offset)) = limit {
            rel = Rel::Limit(Box::new(rel), Some(n), offset);
        }
        Some(self.project(rel, listed))
    }

    /// The key, once, before the values asked for.
    fn key_first(&mut self, mut columns: Vec<(String, Expr)>, entity: &eql_catalog::EntityType, env: &mut Env) -> Vec<(String, Expr)> {
        for (i, k) in entity.key.iter().enumerate() {
            let mut row = env.rows.swap_remove(0);
            let key = self.leaf(&mut row, Leaf::Key(i), k.data_type.clone());
            env.rows.insert(0, row);
            let named = columns.iter().position(|(n, e)| *e == key && *n == k.name);
            let column = match named {
                Some(at) => columns.remove(at),
                None => (k.name.clone(), key),
            };
            columns.insert(i, column);
        }
        columns
    }

    /// Named values as a result.
    pub(super) fn project(&mut self, rel: Rel, columns: Vec<(String, Expr)>) -> Query {
        let (mut project, mut output) = (Vec::new(), Vec::new());
        for (name, e) in columns {
            let id = self.column_id();
            output.push(Output { id, name, data_type: e.data_type.clone() });
            project.push((id, e));
        }
        Query { rel: Rel::Project(Box::new(rel), project), output }
    }
}
