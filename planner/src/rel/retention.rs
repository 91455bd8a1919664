//! RETENTION: partial counts of the partitions are added up; cells whose time is not over are NULL.

use crate::fold::RetentionFold;
use crate::lower::{column_name, nullif, plan_column, truth};
use crate::planner::Planner;
use arrow::datatypes::DataType as ArrowType;
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::expr_fn as agg;
use datafusion::logical_expr::{Case, Expr as DfExpr, LogicalPlan, cast, lit};
use datafusion::prelude::ident;
use eql_compiler::bound::Retention;
use std::sync::Arc;

impl Planner {
    pub(super) fn retention(&self, r: &Retention) -> Result<LogicalPlan> {
        let [size, n, returned, rate] = r.output.map(column_name);
        let mut keys: Vec<DfExpr> = Vec::new();
        let mut columns: Vec<DfExpr> = Vec::new();
        if let Some((id, _)) = &r.every {
            keys.push(ident("cohort").alias(column_name(*id)));
            columns.push(plan_column(*id));
        }
        for (i, b) in r.breakdown.iter().enumerate() {
            keys.push(ident(format!("b{i}")).alias(column_name(b.id)));
            columns.push(plan_column(b.id));
        }
        keys.push(ident("n").alias(n.clone()));
        let sums = vec![
            agg::sum(ident("size")).alias(size.clone()),
            agg::sum(ident("returned")).alias("back"),
            agg::bool_and(ident("mature")).alias("mature"),
        ];
        let when_mature = |e: DfExpr| {
            DfExpr::Case(Case::new(None, vec![(Box::new(truth(ident("mature"))), Box::new(e))], Some(Box::new(lit(ScalarValue::Null)))))
        };
        let share = cast(ident("back"), ArrowType::Float64) / nullif(cast(ident(size.clone()), ArrowType::Float64), lit(0.0));
        columns.push(ident(size));
        columns.push(ident(n));
        columns.push(cast(when_mature(ident("back")), ArrowType::Int64).alias(returned));
        columns.push(cast(when_mature(share), ArrowType::Float64).alias(rate));
        let fold = RetentionFold { retention: r.clone() };
        self.fold("retention", Arc::new(fold))?.aggregate(keys, sums)?.project(columns)?.build()
    }
}
