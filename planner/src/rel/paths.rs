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
use eql_compiler::bound::{Aggregate, Aggregation, ColumnId, PathShow, Paths};
use eql_store::arrow_type;
use std::sync::Arc;

/// An aggregate in its own type; a sum of nothing that happened is 0.
fn measured(id: ColumnId, a: &Aggregate) -> DfExpr {
    let value = cast(plan_column(id), arrow_type(&a.data_type));
    if a.function == Aggregation::Sum { coalesce(vec![value, cast(lit(0i64), arrow_type(&a.data_type))]) } else { value }
}

impl Planner {
    pub(super) fn paths(&self, p: &Paths) -> Result<LogicalPlan> {
        let found = self.fold("paths", Arc::new(PathsFold { paths: p.clone() }))?;
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
        }
    }
}
