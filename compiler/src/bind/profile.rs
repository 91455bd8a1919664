//! PROFILE: what entities are like.

use super::Binder;
use super::clause::HeadKind;
use super::scope::{Aggregates, Env, RowScope};
use crate::bound::*;
use crate::code;
use eql_grammar::ast::{self, ClauseKind};

impl Binder<'_> {
    pub(super) fn profile(&mut self, a: &ast::Analysis) -> Option<Query> {
        let head = HeadKind::Profile;
        let clauses = self.clauses(head, &a.clauses);
        self.clock = self.head_clock(clauses);
        self.during = clauses.get(|k| if let ClauseKind::During(r) = k { Some(r) } else { None }).and_then(|r| self.range(r));
        let of = clauses.get(|k| if let ClauseKind::Of(i, _) = k { Some(i) } else { None });
        let of = self.require(of, head, "OF", a.head_span, "for example PROFILE OF user MEASURE count(*)")?;
        let entity = self.entity_type(of);
        let scope = entity.as_ref().map_or_else(RowScope::unknown, RowScope::entity);
        let mut env = Env::row(scope).with(Aggregates::Behaviour);
        let mut filter = Vec::new();
        if let Some(p) = clauses.get(|k| if let ClauseKind::Where(p) = k { Some(p) } else { None }) {
            filter.push(self.predicate(p, &mut env));
        }
        if let (Some(s), Some(e)) = (clauses.get(|k| if let ClauseKind::Among(s) = k { Some(s) } else { None }), &entity) {
            let mut row = env.rows.swap_remove(0);
            let during = self.during.take();
            filter.push(self.membership(s, e, &mut row));
            self.during = during;
            env.rows.push(row);
        }
        let (breakdown, top) = self.breakdown_items(clauses);
        if clauses.has(|k| matches!(k, ClauseKind::Buckets(..) | ClauseKind::BucketCount(_))) {
            self.later("PROFILE … BUCKETS");
        }
        let mut groups = Vec::new();
        for i in breakdown {
            groups.push((self.item_name(i), self.expr(&i.expr, &mut env)));
        }
        env.aggregates = Aggregates::Rows(vec![]);
        let measure = clauses.get(|k| if let ClauseKind::Measure(m) = k { Some(m.as_slice()) } else { None });
        let measure = self.require(measure, head, "MEASURE", a.head_span, "for example MEASURE count(*) AS users").unwrap_or_default();
        let measures: Vec<(String, Expr)> = measure.iter().map(|i| (self.item_name(i), self.expr(&i.expr, &mut env))).collect();
        let Aggregates::Rows(aggregates) = std::mem::replace(&mut env.aggregates, Aggregates::None) else { return None };
        let entity = entity?;
        if measures.iter().any(|(_, m)| m.columns().iter().any(|c| !aggregates.iter().any(|a| a.0 == *c))) {
            self.error_hint(code::UNGROUPED, a.head_span, "a MEASURE is an aggregate over the entities", "for example MEASURE avg(age)");
            return None;
        }
        let scan = Rel::Scan(Box::new(Scan {
            source: Source::Entities(entity.id),
            columns: env.into_columns(),
            during: None,
            clock: self.clock.clone(),
        }));
        let rows = match Expr::all(filter) {
            Some(p) => Rel::Filter(Box::new(scan), p),
            None => scan,
        };
        let (rows, groups) = match top {
            Some(n) => self.top_rows(rows, groups, 0, n, &aggregates, measures.first().map(|m| &m.1)),
            None => (rows, groups),
        };
        let keys: Vec<(ColumnId, Expr)> = groups.iter().map(|g| (self.column_id(), g.1.clone())).collect();
        let mut columns: Vec<(String, Expr)> =
            groups.iter().zip(&keys).map(|((n, e), (id, _))| (n.clone(), Expr::column(*id, e.data_type.clone()))).collect();
        columns.extend(measures);
        let leading = keys.len();
        let query = self.project(Rel::Aggregate(Box::new(rows), keys, aggregates), columns);
        self.finish(query, clauses, leading)
    }
}
