//! PATHS: partial counts of the partitions are added up. An entity lies in one partition, so numbers of entities add up too.

use crate::fold::PathsFold;
use crate::lower::{column_name, plan_column};
use crate::planner::Planner;
use arrow::datatypes::DataType as ArrowType;
use datafusion::common::{Column, Result};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn as agg;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::expr_rewriter::normalize_col;
use datafusion::logical_expr::{
    Expr as DfExpr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, WindowFrame, WindowFunctionDefinition, cast, lit,
};
use datafusion::prelude::ident;
use eql_compiler::bound::{Aggregate, Aggregation, ColumnId, Expr, ExprKind, PathShow, Paths, Rel};
use eql_store::arrow_type;
use std::sync::Arc;

/// An aggregate in its own type; a sum of nothing that happened is 0.
fn measured(id: ColumnId, a: &Aggregate) -> DfExpr {
    let value = cast(plan_column(id), arrow_type(&a.data_type));
    if a.function == Aggregation::Sum { coalesce(vec![value, cast(lit(0i64), arrow_type(&a.data_type))]) } else { value }
}

impl Planner {
    pub(super) fn paths(&self, p: &Paths) -> Result<LogicalPlan> {
        self.counted_paths(p, true)
    }

    fn counted_paths(&self, p: &Paths, by_step: bool) -> Result<LogicalPlan> {
        let key = if let PathShow::Entities { .. } = p.show { self.key_types(p.subject)? } else { vec![] };
        let found = self.fold("paths", Arc::new(PathsFold { paths: p.clone(), key, by_step }))?;
        match &p.show {
            PathShow::Paths(ids) => {
                let [path, sessions, entities, share] = ids.map(column_name);
                let mut counts =
                    vec![agg::sum(ident("sessions")).alias(sessions.clone()), agg::sum(ident("entities")).alias(entities.clone())];
                let aggregates = p.measures.iter().flat_map(|m| &m.aggregates);
                for (id, a) in aggregates.clone() {
                    counts.push(self.aggregate_expr(a)?.alias(column_name(*id)));
                }
                let mut typed: Vec<DfExpr> = ids[..3].iter().map(|id| plan_column(*id)).collect();
                typed.extend(aggregates.map(|(id, a)| measured(*id, a).alias(column_name(*id))));
                let counted = found.aggregate(vec![ident("path").alias(path)], counts)?.project(typed)?.build()?;
                let all = WindowFunction::new(WindowFunctionDefinition::AggregateUDF(sum_udaf()), vec![ident(sessions.clone())]);
                let all = normalize_col(DfExpr::from(all).window_frame(WindowFrame::new(None)).build()?, &counted)?;
                let total = DfExpr::Column(Column::new_unqualified(all.schema_name().to_string()));
                let share_of = cast(ident(sessions), ArrowType::Float64) / cast(total, ArrowType::Float64);
                let mut columns: Vec<DfExpr> = ids[..3].iter().map(|id| plan_column(*id)).collect();
                columns.push(share_of.alias(share));
                for (id, e) in p.measures.iter().flat_map(|m| &m.output) {
                    columns.push(self.lower().value(e)?.alias(column_name(*id)));
                }
                LogicalPlanBuilder::from(LogicalPlanBuilder::window_plan(counted, vec![all])?).project(columns)?.build()
            }
            PathShow::Edges(ids) => {
                let names = ids.map(column_name);
                let keys = ["step", "source", "target"].iter().zip(&names).map(|(n, id)| ident(*n).alias(id.clone())).collect::<Vec<_>>();
                let counts = vec![agg::sum(ident("sessions")).alias(names[3].clone()), agg::sum(ident("entities")).alias(names[4].clone())];
                let mut columns: Vec<DfExpr> = ids[..5].iter().map(|id| plan_column(*id)).collect();
                // A path makes each of its steps once.
                columns.push(plan_column(ids[3]).alias(names[5].clone()));
                found.aggregate(keys, counts)?.project(columns)?.build()
            }
            PathShow::Entities { keys, path, sessions } => {
                let key = |(i, id): (usize, &ColumnId)| ident(format!("k{i}")).alias(column_name(*id));
                let mut by: Vec<DfExpr> = keys.iter().enumerate().map(key).collect();
                by.push(ident("path").alias(column_name(*path)));
                found.aggregate(by, vec![agg::sum(ident("sessions")).alias(column_name(*sessions))])?.build()
            }
        }
    }

    /// The rows below an aggregate that only adds up how often transitions were made: then they need not be told apart by step.
    pub(super) fn transitions(
        &self,
        input: &Rel,
        groups: &[(ColumnId, Expr)],
        aggregates: &[(ColumnId, Aggregate)],
    ) -> Result<Option<LogicalPlan>> {
        let Some(ids) = edges_below(input) else { return Ok(None) };
        let names = |e: &Expr| e.columns().iter().all(|c| ids[1..3].contains(c));
        let sums = |a: &Aggregate| {
            let count = |e: &Expr| matches!(e.kind, ExprKind::Column(c) if c == ids[3] || c == ids[5]);
            a.function == Aggregation::Sum && a.argument.as_ref().is_some_and(count) && a.filter.as_ref().is_none_or(names)
        };
        if !groups.iter().all(|(_, e)| names(e)) || !aggregates.iter().all(|(_, a)| sums(a)) || aggregates.is_empty() {
            return Ok(None);
        }
        self.by_names(input, &names)
    }

    /// Transitions that pass filters by their names; None where a filter asks for more.
    fn by_names(&self, rel: &Rel, names: &dyn Fn(&Expr) -> bool) -> Result<Option<LogicalPlan>> {
        match rel {
            Rel::Paths(p) => self.counted_paths(p, false).map(Some),
            Rel::Sort(input, _) => self.by_names(input, names),
            Rel::Filter(input, condition) if names(condition) => {
                let Some(input) = self.by_names(input, names)? else { return Ok(None) };
                LogicalPlanBuilder::from(input).filter(self.lower().condition(condition)?)?.build().map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// The columns of SHOW EDGES, when nothing but filters and orders lies above it.
fn edges_below(rel: &Rel) -> Option<[ColumnId; 6]> {
    match rel {
        Rel::Paths(p) => match &p.show {
            PathShow::Edges(ids) if p.measures.is_none() => Some(*ids),
            _ => None,
        },
        Rel::Filter(input, _) | Rel::Sort(input, _) => edges_below(input),
        _ => None,
    }
}
