//! BREAKDOWN BY … TOP n: the greatest groups keep their names, the rest is `(other)` (rules 11, 54).
//!
//! The groups are chosen by a query of their own over the whole range; rows then get their group *before* they are counted, so that what cannot be
//! added up (entities, percentiles) is right for `(other)` too.

use super::Binder;
use crate::bound::*;
use eql_catalog::{DataType, Value};
use eql_grammar::ast::BinaryOp;

impl Binder<'_> {
    /// Rows with their groups cut to the `count` greatest by `measure` over `aggregates`; the first `skip` groups are no breakdowns.
    pub(super) fn top_rows(
        &mut self,
        rel: Rel,
        groups: Vec<(String, Expr)>,
        skip: usize,
        count: u64,
        aggregates: &[(ColumnId, Aggregate)],
        measure: Option<&Expr>,
    ) -> (Rel, Vec<(String, Expr)>) {
        let (mut out, mut chosen, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for (i, (name, value)) in groups.into_iter().enumerate() {
            if i < skip {
                out.push((name, value));
                continue;
            }
            let value = self.cast_to(value, &DataType::String);
            let id = self.column_id();
            chosen.push((self.column_id(), value.clone()));
            keys.push((id, value));
            out.push((name, Expr::column(id, DataType::String)));
        }
        let sums: Vec<ColumnId> = aggregates.iter().filter(|(_, a)| a.function == Aggregation::Sum).map(|a| a.0).collect();
        let measure = super::trend::zero_sums(measure.cloned().unwrap_or_else(|| Expr::literal(Value::Int(0))), &sums);
        let ids: Vec<ColumnId> = chosen.iter().map(|k| k.0).collect();
        let counted = Rel::Aggregate(Box::new(rel.clone()), chosen, aggregates.to_vec());
        let ranking = ranking(counted, &ids, measure, count);
        (Rel::Top(Box::new(TopRows { input: rel, keys, ranking })), out)
    }
}

impl Binder<'_> {
    /// The groups of an analysis with the greatest sum of one of its columns.
    pub(super) fn added_up(&mut self, rel: Rel, groups: &[ColumnId], column: ColumnId, count: u64) -> Top {
        let keys: Vec<(ColumnId, Expr)> = groups.iter().map(|id| (self.column_id(), Expr::column(*id, DataType::String))).collect();
        let (id, argument) = (self.column_id(), Some(Expr::column(column, DataType::Int)));
        let sum = Aggregate { function: Aggregation::Sum, argument, filter: None, order: vec![], data_type: DataType::Int };
        let ids: Vec<ColumnId> = keys.iter().map(|k| k.0).collect();
        let summed = Rel::Aggregate(Box::new(rel), keys, vec![(id, sum)]);
        Top { ranking: Box::new(ranking(summed, &ids, Expr::column(id, DataType::Int), count)) }
    }
}

/// The `count` groups with the greatest measure, ties by value.
pub(super) fn ranking(rel: Rel, keys: &[ColumnId], measure: Expr, count: u64) -> Query {
    let ascending = |id: &ColumnId| SortKey { expr: Expr::column(*id, DataType::String), descending: false, nulls_first: false };
    let order = std::iter::once(SortKey { expr: measure, descending: true, nulls_first: false }).chain(keys.iter().map(ascending));
    let rel = Rel::Limit(Box::new(Rel::Sort(Box::new(rel), order.collect())), Some(count), 0);
    Query { rel, output: keys.iter().map(|id| Output { id: *id, name: String::new(), data_type: DataType::String }).collect() }
}

/// A whole number in a column.
pub(super) fn equals(id: ColumnId, n: i64) -> Expr {
    let column = Expr::column(id, DataType::Int);
    Expr::predicate(ExprKind::Compare(BinaryOp::Equal, Box::new(column), Box::new(Expr::literal(Value::Int(n)))))
}
